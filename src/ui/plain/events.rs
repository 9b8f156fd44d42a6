//! Pages: a member's own events.

use super::{Document, done, zone_hint};
use crate::{
    api::calendar_events::{
        CalendarChoice, DeletedEvent, EventForm, EventPage, EventsPage, ListedEvent, When,
    },
    domain::{
        calendar_event::{MOST_NOTES, MOST_PLACE, MOST_TITLE},
        zone::ZoneRules,
    },
    ui::{
        format,
        html::{Html, el},
        staff::form::Form,
    },
};
use chrono::{Datelike, NaiveDate};
use leptos::prelude::*;

const HERE: &str = "/booking/events";

fn said(word: &str) -> Option<&'static str> {
    Some(match word {
        "added" => "Added.",
        "saved" => "Saved.",
        "deleted" => "Deleted. You can bring it back below.",
        "restored" => "It is back.",
        _ => return None,
    })
}

fn first_day(when: When, zone: &ZoneRules) -> NaiveDate {
    match when {
        When::Timed(start, _) => zone.date(start),
        When::Days(first, _) => first,
    }
}

fn day_of_a_year(date: NaiveDate) -> String {
    format!("{} {}", format::day_short(date), date.year())
}

/// When it is on its first day.
fn hours(when: When, zone: &ZoneRules) -> String {
    match when {
        When::Timed(start, end) => format::times(zone, start, end),
        When::Days(first, last) if first == last => "All day".to_owned(),
        When::Days(_, last) => format!("All day, until {}", format::day_spoken(last)),
    }
}

/// When it is, in whole.
fn in_words(when: When, zone: &ZoneRules) -> String {
    let hours = hours(when, zone);
    let hours = hours.strip_prefix("All").map_or_else(|| hours.clone(), |rest| format!("all{rest}"));
    format!("{}, {hours}", day_of_a_year(first_day(when, zone)))
}

/// The list. `word`: what was done just now.
pub fn list(page: EventsPage, word: &str) -> Document {
    let EventsPage { me, zone, events, next, later, deleted } = page;
    let none = (events.is_empty() && !later).then(|| {
        view! {
            <p class="notice mt-6">
                "Nothing is entered yet. Add what keeps you busy, and nobody can book you at that time. With a connected "
                <a class="link" href="/booking/calendars">"calendar"</a> ", it appears there, too."
            </p>
        }
    });
    let days = events
        .chunk_by(|a, b| first_day(a.when, &zone) == first_day(b.when, &zone))
        .map(|day| {
            let heading = day.first().map(|event| format::day(first_day(event.when, &zone)));
            let rows = day.iter().map(|event| row(event, &zone)).collect_view();
            view! {
                <section class="mt-6">
                    <h2 class="heading">{heading}</h2>
                    <ul class="mt-3 grid gap-3">{rows}</ul>
                </section>
            }
        })
        .collect_view();
    let back = later.then(|| view! { <a class="link" href=HERE>"Back to the next ones"</a> });
    let next = next.map(|next| {
        view! { <a class="link" href=format!("{HERE}?after={next}")>"Later events"</a> }
    });
    let gone = (!deleted.is_empty()).then(|| {
        let rows = deleted.iter().map(|event| bring_back(event, &zone)).collect_view();
        view! {
            <section aria-labelledby="deleted" class="mt-10">
                <h2 id="deleted" class="heading">"Deleted"</h2>
                <p class="hint">"Events to come that were deleted in the last 30 days."</p>
                <ul class="mt-3 grid gap-3">{rows}</ul>
            </section>
        }
    });
    let body = view! {
        <div class="flex flex-wrap items-start justify-between gap-3">
            <div class="min-w-0">
                <h1 class="title" tabindex="-1">"Events"</h1>
                <p class="hint mt-1">"Your own, beside appointments."</p>
                {zone_hint(&zone)}
            </div>
            <a class="button-primary" href="/booking/events/new">"Add event"</a>
        </div>
        <div class="mt-6 grid gap-4 empty:hidden">{done(said(word))}</div>
        {none}
        {days}
        <p class="mt-6 flex flex-wrap gap-4 empty:hidden">{back} {next}</p>
        {gone}
    };
    Document { title: "Events".to_owned(), body: body.into_any(), staff: Some((me, HERE)) }
}

fn row(event: &ListedEvent, zone: &ZoneRules) -> AnyView {
    let ListedEvent { id, title, place, when, busy, calendar, waiting, overlaps, trouble } = event;
    let name = view! {
        <p class="font-semibold wrap-anywhere"><a class="link" href=format!("{HERE}/{id}")>{title.clone()}</a></p>
    };
    let place = (!place.is_empty()).then(|| view! { <p class="hint wrap-anywhere">{place.clone()}</p> });
    let mut facts = Vec::new();
    if !busy {
        facts.push("You can be booked meanwhile.".to_owned());
    }
    match (calendar.is_empty(), waiting) {
        (true, _) => {}
        (false, false) => facts.push(format!("In the calendar “{calendar}”.")),
        (false, true) => facts.push(format!("On its way into the calendar “{calendar}”.")),
    }
    let facts = (!facts.is_empty()).then(|| view! { <p class="hint wrap-anywhere">{facts.join(" ")}</p> });
    let overlaps = overlaps.then(|| {
        view! { <p class="notice mt-2">"You have an " <a class="link" href="/booking">"appointment"</a> " at the same time."</p> }
    });
    let trouble =
        (!trouble.is_empty()).then(|| view! { <p class="notice mt-2 wrap-anywhere">{trouble.clone()}</p> });
    let label = format!(" {title}, {}", in_words(*when, zone));
    view! {
        <li class="card flex flex-wrap items-start justify-between gap-3">
            <div class="min-w-0 grow basis-60">
                <p>{hours(*when, zone)}</p>
                {name} {place} {facts} {overlaps} {trouble}
            </div>
            <form method="post" action=format!("{HERE}/{id}/delete")>
                <button type="submit" class="button button-small">
                    "Delete" <span class="sr-only">{label}</span>
                </button>
            </form>
        </li>
    }
    .into_any()
}

fn bring_back(event: &DeletedEvent, zone: &ZoneRules) -> AnyView {
    let DeletedEvent { id, title, when } = event;
    view! {
        <li class="card flex flex-wrap items-center justify-between gap-3">
            <div class="min-w-0">
                <p class="font-semibold wrap-anywhere">{title.clone()}</p>
                <p class="hint">{in_words(*when, zone)}</p>
            </div>
            <form method="post" action=format!("{HERE}/{id}/restore")>
                <button type="submit" class="button button-small">
                    "Bring back" <span class="sr-only">{format!(" {title}")}</span>
                </button>
            </form>
        </li>
    }
    .into_any()
}

/// A day or a time. Times are hidden while "All day" is ticked.
fn moment(form: &Form, name: &'static str, label: &'static str, kind: &'static str, value: &str) -> AnyView {
    let control = view! {
        <input
            class="input" id=name name=name type=kind value=form.value(name, value) required=kind == "date"
            autocomplete="off" aria-describedby=form.described(name, false) aria-invalid=form.invalid(name)
        />
    };
    form.field(name, label, None, control.into_any())
}

/// A field of one line.
fn line(form: &Form, name: &'static str, label: &'static str, value: &str, most: usize) -> AnyView {
    let control = view! {
        <input
            class="input" id=name name=name type="text" value=form.value(name, value) required=name == "title"
            maxlength=most.to_string() autocomplete="off" aria-describedby=form.described(name, false)
            aria-invalid=form.invalid(name)
        />
    };
    form.field(name, label, None, control.into_any())
}

fn calendar(form: &Form, choices: Vec<CalendarChoice>, chosen: &str) -> AnyView {
    let chosen = form.value("calendar", chosen);
    let has_choices = !choices.is_empty();
    let only_here = CalendarChoice { id: String::new(), words: "Only here".to_owned() };
    let options = std::iter::once(only_here).chain(choices).map(|choice| {
        let selected = choice.id == chosen;
        el("option").attr("value", choice.id).flag("selected", selected).child(choice.words)
    });
    let control = el("select")
        .class("input")
        .attr("id", "calendar")
        .attr("name", "calendar")
        .attr("aria-describedby", form.described("calendar", true))
        .attr("aria-invalid", form.invalid("calendar"))
        .children(options);
    let hint = if has_choices {
        "Kept in step there: change it on either side.".into_any()
    } else {
        view! {
            <a class="link" href="/booking/calendars">"Connect a calendar"</a> " to have your events there, too."
        }
        .into_any()
    };
    form.field("calendar", "Calendar", Some(hint), Html::from(control).into_any())
}

/// The form of an event.
pub fn form(page: EventPage) -> Document {
    let EventPage { me, zone, id, is_new, form: entered, calendars, trouble, echo } = page;
    let form = Form::new(echo);
    let EventForm {
        title,
        place,
        notes,
        whole,
        from_date,
        from_time,
        until_date,
        until_time,
        busy,
        calendar: kept,
        version,
    } = entered;
    let (heading, action, submit) = if is_new {
        ("Add an event", HERE.to_owned(), "Add event")
    } else {
        ("Event", format!("{HERE}/{id}"), "Save")
    };
    let area = el("textarea")
        .class("input")
        .attr("id", "notes")
        .attr("name", "notes")
        .attr("rows", "4")
        .attr("maxlength", MOST_NOTES.to_string())
        .attr("aria-describedby", form.described("notes", false))
        .attr("aria-invalid", form.invalid("notes"))
        .child(form.value("notes", &notes));
    let conflict = form.error("version").map(|error| view! { <div id="version" tabindex="-1">{error}</div> });
    let trouble = (!trouble.is_empty()).then(|| view! { <p class="notice mt-6 wrap-anywhere">{trouble}</p> });
    let delete = (!is_new).then(|| {
        view! {
            <form method="post" action=format!("{HERE}/{id}/delete") class="mt-4">
                <button type="submit" class="button">"Delete"</button>
            </form>
        }
    });
    let body = view! {
        <p><a class="link" href=HERE>"All events"</a></p>
        <h1 class="title mt-2" tabindex="-1">{heading}</h1>
        {zone_hint(&zone)}
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()}</div>
        {trouble}
        <form method="post" action=action class="card group mt-6 grid max-w-2xl gap-5">
            <input type="hidden" name="id" value=id/>
            <input type="hidden" name="version" value=version/>
            {conflict}
            {line(&form, "title", "Title", &title, MOST_TITLE)}
            <label class="tick tick-tight" for="whole">
                <input id="whole" type="checkbox" name="whole" value="on" checked=form.ticked("whole", "on", whole)/>
                <span>"All day"</span>
            </label>
            <div class="grid gap-5 sm:grid-cols-2">
                {moment(&form, "from_date", "From", "date", &from_date)}
                <div class="group-has-[#whole:checked]:hidden">
                    {moment(&form, "from_time", "Start", "time", &from_time)}
                </div>
            </div>
            <div class="grid gap-5 sm:grid-cols-2">
                {moment(&form, "until_date", "Until", "date", &until_date)}
                <div class="group-has-[#whole:checked]:hidden">
                    {moment(&form, "until_time", "End", "time", &until_time)}
                </div>
            </div>
            <label class="tick" for="busy">
                <input
                    id="busy" type="checkbox" name="busy" value="on" checked=form.ticked("busy", "on", busy)
                    aria-describedby="busy-hint"
                />
                <span class="min-w-0">
                    "It takes my time"
                    <span class="hint block" id="busy-hint">"Nobody can book you meanwhile."</span>
                </span>
            </label>
            {line(&form, "place", "Place (optional)", &place, MOST_PLACE)}
            {form.field("notes", "Notes (optional)", None, Html::from(area).into_any())}
            {calendar(&form, calendars, &kept)}
            <p class="flex flex-wrap gap-3">
                <button type="submit" class="button-primary">{submit}</button>
                <a class="button" href=HERE>"Cancel"</a>
            </p>
        </form>
        {delete}
    };
    Document { title: form.title(heading), body: body.into_any(), staff: Some((me, HERE)) }
}
