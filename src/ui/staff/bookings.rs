//! `/booking`: what is coming up, and the links to share.

use super::{
    clipboard::Copying,
    form::{Form, loaded},
};
use crate::{
    api::staff::{BookingsPage, EventTypeRow, Me, UpcomingBooking, load_bookings},
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
        let asked = |name| query.with_untracked(|query| query.get(name)).is_some();
        bookings(page, asked("after"), asked("cancelled"))
    })
}

fn bookings(page: BookingsPage, later: bool, cancelled: bool) -> AnyView {
    let BookingsPage { me, zone, upcoming, next, event_types, public_url, now, echo } = page;
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
            {days(upcoming, &zone, today, &form)}
            <p class="mt-6 flex flex-wrap gap-4">{back} {next}</p>
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
    let done =
        cancelled.then(|| view! { <p role="status" class="notice">"Cancelled. The time is free again."</p> });
    view! {
        <Title text=form.title("Bookings")/>
        {masthead(&me)}
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {done}</div>
        {copying.status()}
        <div class="mt-8 grid gap-10 lg:grid-cols-[3fr_2fr]">{upcoming.into_any()} {links.into_any()}</div>
    }
    .into_any()
}

fn masthead(me: &Me) -> AnyView {
    let Me { name, role, workspace, .. } = me.clone();
    view! {
        <div class="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
            <div class="min-w-0">
                <p class="hint">{workspace}</p>
                <h1 class="title" tabindex="-1">"Bookings"</h1>
            </div>
            <form method="post" action="/sign-out" class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <p class="hint">"Signed in as " <strong>{name}</strong> " (" {role} ")"</p>
                <button type="submit" class="button button-small">"Sign out"</button>
            </form>
        </div>
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

fn days(upcoming: Vec<UpcomingBooking>, zone: &ZoneRules, today: Option<NaiveDate>, form: &Form) -> AnyView {
    let days = upcoming.chunk_by(|a, b| zone.date(a.start) == zone.date(b.start)).map(|day| {
        let date = day.first().map(|first| zone.date(first.start)).unwrap_or_default();
        let near = today.and_then(|today| match date.signed_duration_since(today).num_days() {
            0 => Some("Today, "),
            1 => Some("Tomorrow, "),
            _ => None,
        });
        let bookings = day.iter().map(|entry| booking(entry, zone, form)).collect_view();
        view! {
            <h3 class="mt-6 mb-2 font-semibold">{near} {format::day(date)}</h3>
            <ul class="grid gap-3">{bookings}</ul>
        }
    });
    days.collect_view().into_any()
}

fn booking(entry: &UpcomingBooking, zone: &ZoneRules, form: &Form) -> AnyView {
    let UpcomingBooking { id, service, start, end, hosts, invitees, seats } = entry.clone();
    let when = format::times(zone, start, end);
    let shared = (seats > 1).then(|| format!("{} of {seats} places taken", invitees.len()));
    let who = match invitees.as_slice() {
        [(name, _)] => name.clone(),
        several => format!("{} people", several.len()),
    };
    let people = invitees.into_iter().map(|(name, email)| {
        let href = format!("mailto:{email}");
        view! { <li>{name} " " <a class="link wrap-anywhere" href=href>{email}</a></li> }
    });
    let people = people.collect_view();
    let label = format!(" {service} with {who} at {when}");
    view! {
        <li class="card grid gap-x-4 gap-y-1 sm:grid-cols-[8rem_1fr]">
            <time class="font-semibold tabular-nums" datetime=start.to_rfc3339()>{when}</time>
            <div class="min-w-0">
                <p class="font-semibold">{service}</p>
                <ul>{people}</ul>
                <p class="hint">"With " {hosts.join(", ")}{shared.map(|shared| format!(" · {shared}"))}</p>
                {cancel(id, label, seats > 1, form)}
            </div>
        </li>
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
        "This calls it off for everyone who booked it. They find the reason on their appointment's page."
    } else {
        "The time becomes free again. The reason is shown on the appointment's page."
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
