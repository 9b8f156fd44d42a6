//! The times of a day. Choosing one turns it into *Confirm*; without JavaScript it leads straight to the form.

use super::{State, View, shown::Time};
use crate::ui::{
    format,
    html::{El, Html, el},
};
use chrono::Datelike;

pub fn view(view: &View) -> El {
    let heading = view.shown.day.map_or_else(|| "Times".to_owned(), format::day_short);
    el("section")
        .class("times")
        .attr("id", "times")
        .attr("aria-labelledby", "times-title")
        .child(el("h2").class("heading").attr("id", "times-title").attr("tabindex", "-1").child(heading))
        .child(list(view.state, &view.shown))
}

fn list(state: &State, shown: &super::Shown) -> Html {
    let Some(day) = shown.day else {
        return el("p").class("hint").child("Choose a day to see its times.").into();
    };
    if shown.times.is_empty() {
        let later = shown.day_after(day).map(|later| {
            let href = state.query.to_day(later).href();
            el("a").class("link").href(href).child(format!("Next available: {}", format::day_short(later)))
        });
        return el("p").class("hint").child("No times on this day. ").child(later).into();
    }
    let clocks: Vec<String> = shown.times.iter().map(|time| state.clock(time.start)).collect();
    let spoken = format::day_spoken(day);
    let items = shown.times.iter().zip(&clocks).map(|(time, clock)| {
        // On the day the clock is put back, it shows some times twice.
        let twice = clocks.iter().filter(|other| *other == clock).count() > 1;
        item(state, time, clock, &spoken, twice)
    });
    // Every other day is marked: a change of the mark starts the style sheet's movement again.
    el("ul").class("slots").flag("data-turn", day.num_days_from_ce() % 2 == 0).children(items).into()
}

fn item(state: &State, time: &Time, clock: &str, day: &str, twice: bool) -> El {
    let mut text = clock.to_owned();
    if twice {
        let offset = state.zone.offset_at(format::at(time.start));
        text.push(' ');
        text.push_str(&format::offset(offset));
    }
    let href = state.query.to_start(time.start).href();
    let seats = time.seats.map(|seats| format!("{seats} left"));
    let mut label = format!("{text}, {day}");
    if let Some(seats) = &seats {
        label.push_str(", ");
        label.push_str(seats);
    }
    let picked = state.picked == Some(time.start);
    let confirm = picked.then(|| {
        let label = format!("Confirm {label}");
        el("a")
            .class("button-primary")
            .attr("id", "confirm")
            .href(href.clone())
            .attr("aria-label", label)
            .child("Confirm")
    });
    let choose = el("a")
        .class("time")
        .href(href)
        .attr("aria-label", label)
        .attr("aria-current", picked.then_some("true"))
        .child(text)
        .child(seats.map(|seats| el("small").child(seats)));
    el("li").child(choose).child(confirm)
}
