//! The month: a grid of days, each a link that says how many times it has.

use super::{Picking, Shown};
use crate::{
    domain::month::Month,
    ui::{browser, format},
};
use chrono::{Datelike, Days, NaiveDate};
use leptos::{prelude::*, wasm_bindgen::JsCast, web_sys};

pub fn view(picking: Picking) -> AnyView {
    let heading = move || format::month(picking.shown.with(|shown| shown.month));
    let weeks = move || picking.shown.with(|shown| weeks(picking, shown));
    let busy = move || picking.shown.with(|shown| !shown.loaded).then_some("true");
    view! {
        <section class="month" aria-labelledby="month">
            <div class="month-head">
                <h2 id="month" class="heading">{heading}</h2>
                {move || turn(picking, false)}
                {move || turn(picking, true)}
            </div>
            <table role="grid" aria-labelledby="month" aria-busy=busy on:keydown=move |event| key(picking, &event)>
                <thead>{head()}</thead>
                <tbody>{weeks}</tbody>
            </table>
            {move || note(picking)}
        </section>
    }
    .into_any()
}

fn head() -> AnyView {
    let monday = NaiveDate::from_isoywd_opt(2026, 1, chrono::Weekday::Mon).unwrap_or_default();
    let names = monday.iter_days().take(7).map(|day| {
        let name = format::weekday(day);
        view! { <th scope="col" abbr=name>{name.get(..3)}</th> }
    });
    view! { <tr>{names.collect_view()}</tr> }.into_any()
}

/// To the month before or after; a dead end when there is nothing to see.
fn turn(picking: Picking, forward: bool) -> AnyView {
    let (month, end) = picking.shown.with(|shown| {
        let end = if forward {
            shown.loaded && shown.empty() && shown.next.is_none()
        } else {
            shown.month <= picking.this_month()
        };
        (if forward { shown.month.next() } else { shown.month.previous() }, end)
    });
    let label = format!("{} month, {}", if forward { "Next" } else { "Previous" }, format::month(month));
    let href = (!end).then(|| picking.query.with(|query| query.to_month(month).href()));
    let arrow = if forward { "m9 5 7 7-7 7" } else { "m15 5-7 7 7 7" };
    view! {
        <a class="turn" href=href role=end.then_some("link") aria-disabled=end.then_some("true") aria-label=label>
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=arrow/></svg>
        </a>
    }
    .into_any()
}

fn weeks(picking: Picking, shown: &Shown) -> Vec<AnyView> {
    let today = picking.today();
    let reached = picking.reached.get().or(shown.day).unwrap_or(shown.month.first());
    let live = picking.live.get();
    let monday =
        shown.month.first() - Days::new(u64::from(shown.month.first().weekday().num_days_from_monday()));
    let query = picking.query.get();
    let cell = |day: NaiveDate| {
        if Month::of(day) != shown.month {
            return None;
        }
        let count = shown.count(day);
        let free = count > 0;
        let spoken = format::day_spoken(day);
        let label = if !shown.loaded {
            format!("{spoken}, loading")
        } else if free {
            format!("{spoken}, {} available", format::many(usize::try_from(count).unwrap_or(0), "time"))
        } else {
            format!("{spoken}, no times available")
        };
        // Without JavaScript every day with times takes the Tab key; with it, one day does, and arrows do the rest.
        let tab = live.then_some(if day == reached { "0" } else { "-1" });
        Some(view! {
            <a
                class="day" data-date=day.to_string() href=free.then(|| query.to_day(day).href())
                role=(!free).then_some("link") aria-disabled=(!free).then_some("true") tabindex=tab
                aria-label=label aria-current=(day == today).then_some("date")
            >
                {day.day()}
            </a>
        })
    };
    let row = |first: NaiveDate| {
        let cells = first.iter_days().take(7).map(|day| {
            let selected = (Some(day) == shown.day && Month::of(day) == shown.month).then_some("true");
            view! { <td aria-selected=selected>{cell(day)}</td> }
        });
        view! { <tr>{cells.collect_view()}</tr> }.into_any()
    };
    let mondays = monday.iter_weeks().take_while(|monday| *monday <= shown.month.last());
    mondays.map(row).collect()
}

/// Below the grid: what to do when it is empty.
fn note(picking: Picking) -> AnyView {
    let (loaded, empty, next, month) =
        picking.shown.with(|shown| (shown.loaded, shown.empty(), shown.next, shown.month));
    if !loaded {
        let href = picking.query.with(|query| query.to_month(month).href());
        return if picking.trouble.get() {
            view! {
                <p class="notice" role="alert">
                    "This month could not be loaded. Please check your connection. " <a class="link" href=href>"Try again"</a>
                </p>
            }
            .into_any()
        } else {
            view! { <p class="hint late">"Loading…"</p> }.into_any()
        };
    }
    if !empty {
        return ().into_any();
    }
    let name = format::month_name(month.first());
    let Some(next) = next else {
        return view! { <p class="notice">"No times in " {name} " or later. Please look at earlier months, or contact us."</p> }.into_any();
    };
    let day = picking.date(next);
    let href = picking.query.with(|query| query.to_day(day).href());
    view! {
        <p class="notice">
            "No times in " {name} ". " <a class="link" href=href>"Next available: " {format::day_short(day)}</a>
        </p>
    }
    .into_any()
}

/// The grid's keys, as WAI-ARIA's date grids have them.
fn key(picking: Picking, event: &web_sys::KeyboardEvent) {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let cell = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok());
    let Some((cell, day)) = cell.and_then(|cell| {
        let day = cell.get_attribute("data-date")?.parse::<NaiveDate>().ok()?;
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
    let Some(to) = to.map(|to| to.max(picking.this_month().first())) else { return };
    let month = Month::of(to);
    if month != picking.shown.with_untracked(|shown| shown.month) {
        let query = picking.query.with_untracked(|query| query.to_month(month));
        browser::set_address(&query.href(), true);
        picking.enter(query);
        picking.said.set(picking.shown.get_untracked().sentence());
    }
    picking.reached.set(Some(to));
    browser::focus(format!("[data-date='{to}']"));
}
