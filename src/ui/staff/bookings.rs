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
    ui::format,
};
use chrono::{DateTime, NaiveDate};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

pub(super) fn page() -> impl IntoView {
    let query = use_query_map();
    let after = move || query.with(|query| query.get("after")).unwrap_or_default();
    let page = Resource::new_blocking(after, load_bookings);
    loaded(page, "Bookings", "/booking", move |page| {
        let later = query.with_untracked(|query| query.get("after")).is_some();
        bookings(page, later).into_any()
    })
}

fn bookings(page: BookingsPage, later: bool) -> impl IntoView {
    let BookingsPage { me, zone, upcoming, next, event_types, public_url, now, echo } = page;
    let form = Form::new(echo);
    let copying = Copying::new();
    let today = DateTime::from_timestamp(now, 0).map(|now| zone.date(now));
    let share = format!("{public_url}/book/{}", me.workspace_slug);
    let heading = if later { "Later bookings" } else { "Upcoming" };
    let none = upcoming.is_empty();
    let zone_name = zone.name().to_owned();
    view! {
        <Title text=form.title("Bookings")/>
        {masthead(&me)}
        {form.summary()}
        {copying.status()}
        <div class="grid gap-10 lg:grid-cols-[3fr_2fr]">
            <section aria-labelledby="upcoming" class="min-w-0">
                <h2 id="upcoming" class="heading">{heading}</h2>
                <p class="hint">"Times in " {zone_name} "."</p>
                {none.then(|| empty(later, event_types.iter().any(|row| row.active)))}
                {days(upcoming, &zone, today, &form)}
                <nav class="mt-6 flex flex-wrap gap-4" aria-label="More bookings">
                    {later.then(|| view! { <a class="link" rel="external" href="/booking">"Back to the next ones"</a> })}
                    {next.map(|next| {
                        let href = format!("/booking?after={}", escape(&next));
                        view! { <a class="link" rel="external" href=href>"Later bookings"</a> }
                    })}
                </nav>
            </section>
            <section aria-labelledby="event-types" class="min-w-0">
                <h2 id="event-types" class="heading">"Links to share"</h2>
                <ul class="mt-4 grid gap-4">
                    <li class="card">
                        <h3 class="font-semibold">"Your booking page"</h3>
                        <p class="hint">"Every listed event type on one page."</p>
                        {link(share, "your booking page".to_owned(), copying)}
                    </li>
                    {event_types.into_iter().map(|row| event_type(row, &public_url, copying)).collect_view()}
                </ul>
            </section>
        </div>
    }
}

fn masthead(me: &Me) -> impl IntoView + use<> {
    let Me { name, role, workspace, .. } = me.clone();
    view! {
        <div class="mb-8 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
            <div class="min-w-0">
                <p class="hint">{workspace}</p>
                <h1 class="title">"Bookings"</h1>
            </div>
            <form method="post" action="/sign-out" class="flex flex-wrap items-center gap-x-4 gap-y-2">
                <p class="hint">"Signed in as " <strong>{name}</strong> " (" {role} ")"</p>
                <button type="submit" class="button button-small">"Sign out"</button>
            </form>
        </div>
    }
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

fn days(upcoming: Vec<UpcomingBooking>, zone: &ZoneRules, today: Option<NaiveDate>, form: &Form) -> impl IntoView + use<> {
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
    days.collect_view()
}

fn booking(entry: &UpcomingBooking, zone: &ZoneRules, form: &Form) -> impl IntoView + use<> {
    let UpcomingBooking { id, service, start, end, hosts, invitees, seats } = entry.clone();
    let when = format::times(zone, start, end);
    let shared = (seats > 1).then(|| format!("{} of {seats} places taken", invitees.len()));
    let who = match invitees.as_slice() {
        [(name, _)] => name.clone(),
        several => format!("{} people", several.len()),
    };
    let people = invitees.into_iter().map(|(name, email)| {
        let href = format!("mailto:{email}");
        view! { <li>{name} " " <a class="link break-all" href=href>{email}</a></li> }
    });
    let people = people.collect_view();
    let label = format!(" {service} with {who} at {when}");
    view! {
        <li class="card">
            <p class="flex flex-wrap gap-x-3">
                <time class="font-semibold tabular-nums" datetime=start.to_rfc3339()>{when}</time>
                <span>{service}</span>
            </p>
            <ul class="mt-1">{people}</ul>
            <p class="hint">"With " {hosts.join(", ")}{shared.map(|shared| format!(" · {shared}"))}</p>
            {cancel(id, label, seats > 1, form)}
        </li>
    }
}

/// Cancelling: a click opens the form, the form asks for a reason, and nothing happens before it is sent.
fn cancel(id: String, label: String, shared: bool, form: &Form) -> impl IntoView + use<> {
    let mine = form.refused() && form.value("booking", "") == id;
    let form = if mine { form.clone() } else { Form::default() };
    let field = format!("reason-{id}");
    let hint = format!("reason-{id}-hint");
    let consequence = if shared {
        "This cancels it for everyone who booked it. They read the reason."
    } else {
        "The time becomes free again. Whoever booked it reads the reason."
    };
    view! {
        <details class="mt-2" open=mine>
            <summary class="link inline-block py-1">"Cancel"<span class="sr-only">{label}</span></summary>
            <form method="post" action="/booking/cancel" class="mt-2 grid gap-3">
                <input type="hidden" name="booking" value=id/>
                <div>
                    <label class="label" for=field.clone()>"Reason (optional)"</label>
                    <p class="hint" id=hint.clone()>{consequence}</p>
                    {form.error("reason")}
                    <input
                        class="input" id=field name="reason" type="text" maxlength="500" autocomplete="off"
                        value=form.value("reason", "") aria-describedby=hint aria-invalid=form.invalid("reason")
                    />
                </div>
                <button type="submit" class="button-danger justify-self-start">"Cancel this booking"</button>
            </form>
        </details>
    }
}

fn event_type(row: EventTypeRow, public_url: &str, copying: Copying) -> impl IntoView + use<> {
    let EventTypeRow { name, path, lengths, visibility, active } = row;
    let lengths: Vec<String> = lengths.into_iter().map(length_in_words).collect();
    let found = match visibility {
        Visibility::Listed => "Listed",
        Visibility::Hidden => "Hidden",
        Visibility::Private => "Private",
    };
    view! {
        <li class="card">
            <p class="flex flex-wrap items-center gap-x-2 gap-y-1">
                <strong>{name.clone()}</strong>
                <span class="badge">{found}</span>
                {(!active).then(|| view! { <span class="badge">"Closed"</span> })}
            </p>
            <p class="hint">{lengths.join(", ")}</p>
            {link(format!("{public_url}{path}"), name, copying)}
        </li>
    }
}

/// A public link: to read, to copy, to open.
fn link(link: String, what: String, copying: Copying) -> impl IntoView {
    view! {
        <p class="mt-1 font-mono text-sm break-all">{link.clone()}</p>
        <p class="mt-2 flex gap-3">
            {copying.button(link.clone(), what.clone())}
            <a class="button button-small" rel="external" href=link>"Open"<span class="sr-only">" "{what}</span></a>
        </p>
    }
}

/// A cursor in an address. It is opaque, so nothing is known of its characters.
fn escape(cursor: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    cursor.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
