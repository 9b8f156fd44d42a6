//! The times of a day. Choosing one turns it into *Confirm*; without JavaScript it leads straight to the form.

use super::{Picking, shown::Time};
use crate::ui::format;
use chrono::Datelike;
use leptos::prelude::*;

pub fn view(picking: Picking) -> AnyView {
    let heading =
        move || picking.shown.with(|shown| shown.day).map_or_else(|| "Times".to_owned(), format::day_short);
    view! {
        <section id="times" class="times" aria-labelledby="times-title">
            <h2 id="times-title" class="heading" tabindex="-1">{heading}</h2>
            {move || list(picking)}
        </section>
    }
    .into_any()
}

fn list(picking: Picking) -> AnyView {
    let shown = picking.shown.get();
    let Some(day) = shown.day else {
        return view! { <p class="hint">"Choose a day to see its times."</p> }.into_any();
    };
    if shown.times.is_empty() {
        let later = shown.day_after(day).map(|later| {
            let href = picking.query.with(|query| query.to_day(later).href());
            view! { <p><a class="link" href=href>"Next available: " {format::day_short(later)}</a></p> }
        });
        return view! { <p class="hint">"No times on this day."</p> {later} }.into_any();
    }
    let clocks: Vec<String> = shown.times.iter().map(|time| picking.clock(time.start)).collect();
    let spoken = format::day_spoken(day);
    let items = shown.times.iter().zip(&clocks).enumerate().map(|(at, (time, clock))| {
        let twin = |other: Option<usize>| other.and_then(|other| clocks.get(other)) == Some(clock);
        // On the day the clock is put back, it shows some times twice.
        let twice = twin(at.checked_sub(1))
            || twin(at.checked_add(1))
            || clocks.iter().filter(|other| *other == clock).count() > 1;
        item(picking, time, clock, &spoken, twice)
    });
    // Every other day is marked: a change of the mark starts the style sheet's movement again.
    let turn = (day.num_days_from_ce() % 2 == 0).then_some("");
    view! { <ul class="slots" data-turn=turn>{items.collect::<Vec<_>>()}</ul> }.into_any()
}

fn item(picking: Picking, time: &Time, clock: &str, day: &str, twice: bool) -> AnyView {
    let mut text = clock.to_owned();
    if twice {
        let offset = picking.zone.with(|zone| zone.offset_at(format::at(time.start)));
        text.push_str(&format!(" {}", format::offset(offset)));
    }
    let href = picking.query.with(|query| query.to_start(time.start).href());
    let seats = time.seats.map(|seats| format!("{seats} left"));
    let mut label = format!("{text}, {day}");
    if let Some(seats) = &seats {
        label.push_str(", ");
        label.push_str(seats);
    }
    let picked = picking.picked.get() == Some(time.start);
    let confirm = picked.then(|| {
        let label = format!("Confirm {label}");
        view! { <a id="confirm" class="button-primary" href=href.clone() aria-label=label>"Confirm"</a> }
    });
    view! {
        <li>
            <a class="time" href=href.clone() aria-label=label aria-current=picked.then_some("true")>
                {text}
                {seats.map(|seats| view! { <small>{seats}</small> })}
            </a>
            {confirm}
        </li>
    }
    .into_any()
}
