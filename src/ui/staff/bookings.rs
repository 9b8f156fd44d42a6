//! `/booking`: what is coming up, and the links to share.

use super::{
    clipboard::Copying,
    form::{Form, loaded},
    menu,
};
use crate::{
    api::staff::{BookingsPage, EventTypeRow, HostLine, InviteeLine, UpcomingBooking, load_bookings},
    domain::{
        event_type::{Visibility, length_in_words},
        zone::ZoneRules,
    },
    ui::{format, query::encode},
};
use chrono::{DateTime, NaiveDate};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

pub(super) fn page() -> impl IntoView {
    let query = use_query_map();
    let after = move || query.with(|query| query.get("after")).unwrap_or_default();
    let page = Resource::new_blocking(after, load_bookings);
    loaded(page, "/booking", move |page| {
        let asked = |name: &str| query.with_untracked(|query| query.get(name)).is_some();
        let done = DONE.into_iter().find(|(mark, _)| asked(mark)).map(|(_, words)| words);
        bookings(page, asked("after"), done)
    })
}

/// What was done just now, as the address says it.
const DONE: [(&str, &str); 8] = [
    ("cancelled", "Cancelled. The time is free again, and everyone is told."),
    ("approved", "Approved. Everyone is told."),
    ("declined", "Declined. The time is free again, and everyone is told."),
    ("answered", "Your answer is kept."),
    ("noted", "Noted."),
    ("followed", "Moved. Everyone is told."),
    ("put-back", "It is being put back in the calendar."),
    ("left", "Left as it is: the booking stands, and the calendar stays as it was changed."),
];

fn bookings(page: BookingsPage, later: bool, done: Option<&'static str>) -> AnyView {
    let BookingsPage { me, zone, upcoming, recent, mail_trouble, next, event_types, public_url, now, echo } =
        page;
    let form = Form::new(echo);
    let copying = Copying::new();
    let today = DateTime::from_timestamp(now, 0).map(|now| zone.date(now));
    let share = format!("{public_url}/book/{}", me.workspace_slug);
    let zone_name = DateTime::from_timestamp(now, 0).map(|now| format::zone(&zone, now));
    let none = upcoming.is_empty().then(|| empty(later, event_types.iter().any(|row| row.active)));
    let back =
        later.then(|| view! { <a class="link" rel="external" href="/booking">"Back to the next ones"</a> });
    let next = next.map(|next| {
        let href = format!("/booking?after={}", encode(&next));
        view! { <a class="link" rel="external" href=href>"Later bookings"</a> }
    });
    let upcoming = view! {
        <section aria-labelledby="upcoming" class="min-w-0">
            <h2 id="upcoming" class="heading">{if later { "Later bookings" } else { "Upcoming" }}</h2>
            <p class="hint">"Times in " {zone_name}</p>
            {none}
            {days(upcoming, &zone, today, &form, now)}
            <p class="mt-6 flex flex-wrap gap-4">{back} {next}</p>
            {over(recent, &zone, today, &form, now)}
        </section>
    };
    let links = view! {
        <section aria-labelledby="event-types" class="min-w-0">
            <h2 id="event-types" class="heading">"Event types"</h2>
            <p class="hint">"Share a link, and people can book."</p>
            <ul class="card mt-4 divide-y divide-line py-1">
                {link("All of them, on one page".to_owned(), None, share, copying)}
                {event_types.into_iter().map(|row| event_type(row, &public_url, copying)).collect_view()}
            </ul>
        </section>
    };
    let done = done.map(|words| view! { <p role="status" class="notice">{words}</p> });
    let trouble = mail_trouble.map(|(error, waiting)| {
        view! {
            <div class="alert-error">
                <p class="font-semibold">"Mail can't be sent at the moment"</p>
                <p class="wrap-anywhere">{error} " " {waiting} " waiting. "
                    <a class="link" rel="external" href="/booking/mail">"Look at the mail settings"</a>
                </p>
            </div>
        }
    });
    view! {
        <Title text=form.title("Bookings")/>
        {menu(&me, "/booking")}
        <h1 class="title" tabindex="-1">"Bookings"</h1>
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {done} {trouble}</div>
        {copying.status()}
        <div class="mt-8 grid gap-10 lg:grid-cols-[3fr_2fr]">{upcoming.into_any()} {links.into_any()}</div>
    }
    .into_any()
}

/// Nothing to show: what to do next.
fn empty(later: bool, open: bool) -> impl IntoView {
    let sentence = match (later, open) {
        (true, _) => "There are no later bookings.",
        (false, true) => "Nothing is booked yet. Share one of your links, and bookings appear here.",
        (false, false) => "Nothing is booked, and none of your event types takes bookings at the moment.",
    };
    view! { <p class="notice mt-4">{sentence}</p> }
}

/// Those that are over: who did not come is noted here.
fn over(
    recent: Vec<UpcomingBooking>,
    zone: &ZoneRules,
    today: Option<NaiveDate>,
    form: &Form,
    now: i64,
) -> Option<AnyView> {
    if recent.is_empty() {
        return None;
    }
    let section = view! {
        <details class="mt-8">
            <summary class="button button-small">"The last seven days"</summary>
            {days(recent, zone, today, form, now)}
        </details>
    };
    Some(section.into_any())
}

fn days(
    upcoming: Vec<UpcomingBooking>,
    zone: &ZoneRules,
    today: Option<NaiveDate>,
    form: &Form,
    now: i64,
) -> AnyView {
    let days = upcoming.chunk_by(|a, b| zone.date(a.start) == zone.date(b.start)).map(|day| {
        let date = day.first().map(|first| zone.date(first.start)).unwrap_or_default();
        let near = today.and_then(|today| match date.signed_duration_since(today).num_days() {
            0 => Some("Today, "),
            1 => Some("Tomorrow, "),
            _ => None,
        });
        let bookings = day.iter().map(|entry| booking(entry, zone, form, now)).collect_view();
        view! {
            <h3 class="mt-6 mb-2 font-semibold">{near} {format::day(date)}</h3>
            <ul class="grid gap-3">{bookings}</ul>
        }
    });
    days.collect_view().into_any()
}

fn booking(entry: &UpcomingBooking, zone: &ZoneRules, form: &Form, now: i64) -> AnyView {
    let UpcomingBooking { id, service, start, end, hosts, invitees, seats, .. } = entry.clone();
    let when = format::times(zone, start, end);
    let shared = (seats > 1).then(|| format!("{} of {seats} places taken", invitees.len()));
    let who = match invitees.as_slice() {
        [one] => one.name.clone(),
        several => format!("{} people", several.len()),
    };
    let begun = start.timestamp() <= now && !entry.pending;
    let people = invitees.into_iter().map(|person| {
        let href = format!("mailto:{}", person.email);
        let missing = begun.then(|| no_show(&person));
        view! { <li>{person.name} " " <a class="link wrap-anywhere" href=href>{person.email}</a> {missing}</li> }
    });
    let people = people.collect_view();
    let several = hosts.len() > 1;
    let hosts: Vec<String> = hosts.into_iter().map(|host| host_in_words(host, several)).collect();
    let label = format!(" {service} with {who} at {when}");
    let over = end.timestamp() <= now;
    let cancel = (!over).then(|| cancel(id, label.clone(), seats > 1, form));
    view! {
        <li class="card grid gap-x-4 gap-y-1 sm:grid-cols-[8rem_1fr]">
            <time class="font-semibold tabular-nums" datetime=start.to_rfc3339()>{when}</time>
            <div class="min-w-0">
                <p class="font-semibold">
                    {service} {entry.pending.then(|| view! { " " <span class="badge">"Waiting for approval"</span> })}
                </p>
                <ul>{people}</ul>
                <p class="hint">"With " {hosts.join(", ")}{shared.map(|shared| format!(" · {shared}"))}</p>
                {undelivered(entry)}
                {flags(entry, &label)}
                {entry.pending.then(|| decide(entry, zone, &label))}
                {(!over).then(|| rsvp(entry, &label))}
                {cancel}
            </div>
        </li>
    }
    .into_any()
}

/// A host, with their answer where everyone of several is asked for one.
fn host_in_words(host: HostLine, several: bool) -> String {
    let HostLine { name, rsvp } = host;
    match rsvp.as_str() {
        "declined" => format!("{name} (declined)"),
        "pending" if several => format!("{name} (no answer yet)"),
        _ => name,
    }
}

/// Mails that did not arrive, where whoever can mend it looks first.
fn undelivered(entry: &UpcomingBooking) -> Option<AnyView> {
    let lines = entry.undelivered.iter().map(|(to, why)| {
        let line = format!("The mail to {to} was not delivered: {why}");
        view! { <p class="field-error wrap-anywhere">{line}</p> }
    });
    (!entry.undelivered.is_empty()).then(|| lines.collect_view().into_any())
}

/// Where a calendar outside tells something else, and what can be done about it.
fn flags(entry: &UpcomingBooking, label: &str) -> Option<AnyView> {
    let lines = entry.flags.iter().cloned().map(|flag| {
        let label = label.to_owned();
        let follow = flag.can_follow.then(|| {
            view! {
                <button type="submit" class="button button-small" name="how" value="follow">
                    "Move the booking there" <span class="sr-only">{label.clone()}</span>
                </button>
            }
        });
        let put_back = flag.can_put_back.then(|| {
            view! {
                <button type="submit" class="button button-small" name="how" value="put-back">
                    "Put it back in the calendar" <span class="sr-only">{label.clone()}</span>
                </button>
            }
        });
        view! {
            <form method="post" action="/booking/flag" class="notice mt-3 grid justify-items-start gap-2">
                <input type="hidden" name="flag" value=flag.id/>
                <p class="wrap-anywhere"><strong>{flag.member} ": "</strong> {flag.detail}</p>
                <p class="flex flex-wrap gap-2">
                    {follow} {put_back}
                    <button type="submit" class="button button-small" name="how" value="dismiss">
                        "Leave it as it is" <span class="sr-only">{label}</span>
                    </button>
                </p>
            </form>
        }
    });
    (!entry.flags.is_empty()).then(|| lines.collect_view().into_any())
}

/// Approving or declining a booking that waits.
fn decide(entry: &UpcomingBooking, zone: &ZoneRules, label: &str) -> AnyView {
    let (id, label, seen) = (entry.id.clone(), label.to_owned(), entry.sequence);
    let until = entry.expires.map(|expires| {
        let at = format::clock(zone.local(expires), false);
        format!("Held until {}, {at}", format::day(zone.date(expires)))
    });
    let reason = format!("answer-{id}");
    view! {
        <form method="post" action="/booking/decide" class="mt-3 grid justify-items-start gap-3">
            <input type="hidden" name="booking" value=id/>
            <input type="hidden" name="seen" value=seen/>
            <p class="hint">{until}</p>
            <div class="field w-full">
                <label class="label" for=reason.clone()>"A word to them" <span class="optional">" (optional)"</span></label>
                <input class="input" id=reason name="reason" type="text" maxlength="1000" autocomplete="off"/>
            </div>
            <p class="flex flex-wrap gap-2">
                <button type="submit" class="button button-small" name="decision" value="approve">
                    "Approve" <span class="sr-only">{label.clone()}</span>
                </button>
                <button type="submit" class="button button-small" name="decision" value="decline">
                    "Decline" <span class="sr-only">{label}</span>
                </button>
            </p>
        </form>
    }
    .into_any()
}

/// The answer of the member who looks, when everyone of several hosts is asked.
fn rsvp(entry: &UpcomingBooking, label: &str) -> Option<AnyView> {
    let mine = entry.my_rsvp.clone()?;
    let (id, label) = (entry.id.clone(), label.to_owned());
    let choice = |answer: &'static str, words: &'static str| {
        let pressed = if mine == answer { "true" } else { "false" };
        view! {
            <button type="submit" class="button button-small" name="answer" value=answer aria-pressed=pressed>
                {words} <span class="sr-only">{label.clone()}</span>
            </button>
        }
    };
    let form = view! {
        <form method="post" action="/booking/rsvp" class="mt-3 flex flex-wrap items-center gap-2">
            <input type="hidden" name="booking" value=id/>
            <span class="hint">"Will you be there?"</span>
            {choice("confirmed", "Yes")} {choice("declined", "No")}
        </form>
    };
    Some(form.into_any())
}

/// Whether someone came, once it has begun.
fn no_show(person: &InviteeLine) -> AnyView {
    let (value, words) = if person.no_show { ("no", "Came after all") } else { ("yes", "Did not come") };
    let (id, name) = (person.id.clone(), person.name.clone());
    view! {
        <form method="post" action="/booking/no-show" class="inline-flex flex-wrap items-center gap-2">
            {person.no_show.then(|| view! { <span class="badge">"No-show"</span> })}
            <input type="hidden" name="invitee" value=id/>
            <button type="submit" class="button button-small" name="missing" value=value>
                {words} <span class="sr-only">": " {name}</span>
            </button>
        </form>
    }
    .into_any()
}

/// Cancelling: a click opens the form, the form asks for a reason, and nothing happens before it is sent.
fn cancel(id: String, label: String, shared: bool, form: &Form) -> AnyView {
    let mine = form.refused() && form.value("booking", "") == id;
    let form = if mine { form.clone() } else { Form::default() };
    let field = if mine { "reason".to_owned() } else { format!("reason-{id}") };
    let hint = format!("{field}-hint");
    let described = form.described("reason", true).filter(|_| mine).unwrap_or_else(|| hint.clone());
    let consequence = if shared {
        "This calls it off for everyone who booked it. They are told by mail, with the reason."
    } else {
        "The time becomes free again. Everyone concerned is told by mail, with the reason."
    };
    view! {
        <details class="mt-3" open=mine>
            <summary class="button button-small">"Cancel"<span class="sr-only">{label}</span></summary>
            <form method="post" action="/booking/cancel" class="mt-4 grid justify-items-start gap-4">
                <input type="hidden" name="booking" value=id/>
                <div class="field w-full">
                    <label class="label" for=field.clone()>"Reason"<span class="optional">" (optional)"</span></label>
                    <p class="hint" id=hint>{consequence}</p>
                    <input
                        class="input" id=field name="reason" type="text" maxlength="1000" autocomplete="off"
                        value=form.value("reason", "") aria-describedby=described aria-invalid=form.invalid("reason")
                    />
                    {form.error("reason")}
                </div>
                <button type="submit" class="button-danger">"Cancel this booking"</button>
            </form>
        </details>
    }
    .into_any()
}

fn event_type(row: EventTypeRow, public_url: &str, copying: Copying) -> AnyView {
    let EventTypeRow { name, path, lengths, visibility, active } = row;
    let lengths: Vec<String> = lengths.into_iter().map(length_in_words).collect();
    let found = match visibility {
        Visibility::Listed => "Listed",
        Visibility::Hidden => "Hidden",
        Visibility::Private => "Private",
    };
    let about = view! {
        <p class="hint flex flex-wrap items-center gap-x-2 gap-y-1">
            {lengths.join(", ")} <span class="badge">{found}</span>
            {(!active).then(|| view! { <span class="badge">"Closed"</span> })}
        </p>
    };
    link(name, Some(about.into_any()), format!("{public_url}{path}"), copying)
}

/// A public link: to read, to copy, to open.
fn link(name: String, about: Option<AnyView>, link: String, copying: Copying) -> AnyView {
    // Long links break where their parts end.
    let parts =
        link.split_inclusive(['/', '?']).map(|part| view! { {part.to_owned()} <wbr/> }).collect_view();
    view! {
        <li class="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 py-3">
            <div class="min-w-0 flex-1">
                <h3 class="font-semibold">{name.clone()}</h3>
                {about}
            </div>
            <p class="flex gap-2">
                {copying.button(link.clone(), name.clone())}
                <a class="button button-small" rel="external" href=link>"Open"<span class="sr-only">" "{name}</span></a>
            </p>
            <p class="hint w-full font-mono wrap-anywhere">{parts}</p>
        </li>
    }
    .into_any()
}
