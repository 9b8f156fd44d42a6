//! The month: a grid of days, each a link that says how many times it has.

use super::{Picking, Shown, State, View};
use crate::{
    domain::month::Month,
    ui::{
        browser, format,
        html::{El, el},
        parts::icon,
        query::Query,
    },
};
use chrono::{Datelike, Days, NaiveDate};
use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys};

pub fn view(view: &View) -> El {
    let (state, shown) = (view.state, &view.shown);
    let heading = el("h2").class("heading").attr("id", "month").child(format::month(shown.month));
    let head = el("div").class("month-head").child(heading).child(turn(view, false)).child(turn(view, true));
    let table = el("table")
        .attr("role", "grid")
        .attr("aria-labelledby", "month")
        .attr("aria-busy", (!shown.loaded).then_some("true"))
        .child(el("thead").child(weekdays()))
        .child(el("tbody").children(weeks(state, shown)));
    let section = el("section").class("month").attr("aria-labelledby", "month");
    section.child(head).child(table).child(note(state, shown))
}

fn weekdays() -> El {
    let monday = NaiveDate::from_isoywd_opt(2026, 1, chrono::Weekday::Mon).unwrap_or_default();
    let names = monday.iter_days().take(7).map(format::weekday);
    el("tr").children(names.map(|name| el("th").attr("scope", "col").attr("abbr", name).child(name.get(..3))))
}

/// To the month before or after; a dead end when there is nothing to see.
fn turn(view: &View, forward: bool) -> El {
    let (state, shown) = (view.state, &view.shown);
    let (word, month, end) = if forward {
        ("Next", shown.month.next(), shown.loaded && shown.empty() && shown.next.is_none())
    } else {
        ("Previous", shown.month.previous(), shown.month <= state.this_month())
    };
    let href = (!end).then(|| state.query.to_month(month).href());
    el("a")
        .class("turn")
        .href(href)
        .attr("role", end.then_some("link"))
        .attr("aria-disabled", end.then_some("true"))
        .attr("aria-label", format!("{word} month, {}", format::month(month)))
        .child(icon(if forward { "right" } else { "left" }))
}

fn weeks(state: &State, shown: &Shown) -> impl Iterator<Item = El> {
    let first = shown.month.first();
    let monday = first - Days::new(u64::from(first.weekday().num_days_from_monday()));
    let today = state.today();
    let reached = state.reached.or(shown.day).unwrap_or(first);
    // Without JavaScript every day with times takes the Tab key; with it, one day does, and arrows do the rest.
    let tab = state.live.then_some(reached);
    let mondays = monday.iter_weeks().take_while(|monday| *monday <= shown.month.last());
    mondays.map(move |monday| {
        let days = monday.iter_days().take(7).map(|day| {
            let inside = Month::of(day) == shown.month;
            let selected = (inside && Some(day) == shown.day).then_some("true");
            let label = inside.then(|| self::day(shown, day, &state.query, today, tab));
            el("td").attr("aria-selected", selected).child(label)
        });
        el("tr").children(days)
    })
}

fn day(shown: &Shown, day: NaiveDate, query: &Query, today: NaiveDate, tab: Option<NaiveDate>) -> El {
    let count = shown.count(day);
    let free = count > 0;
    let times = if !shown.loaded {
        "loading".to_owned()
    } else if free {
        format!("{} available", format::many(usize::try_from(count).unwrap_or(0), "time"))
    } else {
        "no times available".to_owned()
    };
    el("a")
        .class("day")
        .attr("data-date", day.to_string())
        .href(free.then(|| query.to_day(day).href()))
        .attr("role", (!free).then_some("link"))
        .attr("aria-disabled", (!free).then_some("true"))
        .attr("tabindex", tab.map(|tab| if tab == day { "0" } else { "-1" }))
        .attr("aria-label", format!("{}, {times}", format::day_spoken(day)))
        .attr("aria-current", (day == today).then_some("date"))
        .child(day.day().to_string())
}

/// Below the grid: what to do when it is empty.
fn note(state: &State, shown: &Shown) -> Option<El> {
    let link = |query: Query, words: String| el("a").class("link").href(query.href()).child(words);
    let query = &state.query;
    if !shown.loaded && state.trouble {
        let sentence = "This month could not be loaded. Please check your connection. ";
        let again = link(query.to_month(shown.month), "Try again".to_owned());
        return Some(el("p").class("notice").attr("role", "alert").child(sentence).child(again));
    }
    if !shown.loaded {
        return Some(el("p").class("hint late").child("Loading…"));
    }
    if !shown.empty() {
        return None;
    }
    let name = format::month_name(shown.month.first());
    let Some(next) = shown.next else {
        let sentence = format!("No times in {name} or later. Please look at earlier months, or contact us.");
        return Some(el("p").class("notice").child(sentence));
    };
    let day = state.date(next);
    let next = link(query.to_day(day), format!("Next available: {}", format::day_short(day)));
    Some(el("p").class("notice").child(format!("No times in {name}. ")).child(next))
}

/// The grid's keys, as WAI-ARIA's date grids have them.
pub fn key(picking: Picking, event: &web_sys::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let cell = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    let Some((cell, day)) = cell.and_then(|cell| {
        let day = format::parse_day(&cell.get_attribute("data-date")?)?;
        Some((cell, day))
    }) else {
        return;
    };
    let weekday = u64::from(day.weekday().num_days_from_monday());
    let months = |by: u32| chrono::Months::new(if event.shift_key() { by * 12 } else { by });
    let to = match event.key().as_str() {
        "ArrowLeft" => day.checked_sub_days(Days::new(1)),
        "ArrowRight" => day.checked_add_days(Days::new(1)),
        "ArrowUp" => day.checked_sub_days(Days::new(7)),
        "ArrowDown" => day.checked_add_days(Days::new(7)),
        "Home" => day.checked_sub_days(Days::new(weekday)),
        "End" => day.checked_add_days(Days::new(6 - weekday)),
        "PageUp" => day.checked_sub_months(months(1)),
        "PageDown" => day.checked_add_months(months(1)),
        " " => {
            event.prevent_default();
            cell.click();
            return;
        }
        _ => return,
    };
    event.prevent_default();
    let state = picking.0.read_untracked();
    let Some(to) = to.map(|to| to.max(state.this_month().first())) else { return };
    let (month, before) = (Month::of(to), state.shown().month);
    let query = state.query.to_month(month);
    drop(state);
    if month != before {
        browser::set_address(&query.href(), true);
        picking.enter(query);
    }
    let mut state = picking.0.write();
    if month != before {
        state.said = state.shown().sentence();
    }
    state.reached = Some(to);
    browser::focus(format!("[data-date='{to}']"));
}
