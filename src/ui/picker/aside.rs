//! What is booked, beside the month: the service, what it costs, where and with whom, how long, and the time chosen.

use super::{Stage, State, View};
use crate::{
    domain::event_type::length_in_words,
    ui::{
        format,
        html::{El, el},
        parts::{fact, hidden, hosts, icon, linked},
    },
};

pub fn view(view: &View) -> El {
    let state = view.state;
    let (service, moving) = (&state.sent.service, state.sent.moving.as_ref());
    let before = moving.map(|moving| {
        let time = el("s").child(long(state, moving.start, moving.length));
        el("p").class("before").child(hidden("Until now: ")).child(time)
    });
    let choice = moving.is_none() && service.lengths.len() > 1 && view.stage != Stage::Form;
    let home = el("a").class("back").href(format!("/book/{}", service.workspace.slug));
    let description = &service.description;
    el("div")
        .class("about")
        .child(el("p").child(home.child(service.workspace.name.clone())))
        .child(moving.is_some().then(|| el("p").class("hint").child("Move your appointment")))
        .child(el("h1").class("title").attr("tabindex", "-1").child(service.name.clone()))
        .child(hosts(&service.hosts, format::people(&service.hosts, service.assignment)))
        .child((!description.is_empty()).then(|| el("p").class("prose").child(description.clone())))
        .child(facts(view, !choice))
        .child(choice.then(|| lengths(view)))
        .child(before)
        .child((view.stage == Stage::Form).then(|| when(view)))
}

fn facts(view: &View, length: bool) -> El {
    let service = &view.state.sent.service;
    let place = &service.place;
    let detail = (!place.detail.is_empty()).then(|| el("li").class("fact-more").child(linked(&place.detail)));
    let seats = service.seats;
    el("ul")
        .class("facts")
        .child(length.then(|| fact("clock", "Length", length_in_words(view.length))))
        .child(service.price.as_ref().map(|price| fact("price", "Price", price.in_words())))
        .child(fact("place", "Place", place.label.clone()))
        .child(detail)
        .child((seats > 1).then(|| fact("people", "Places", format!("Up to {seats} people"))))
}

fn lengths(view: &View) -> El {
    let link = |length: &u32| {
        el("a")
            .class("choice")
            .href(view.state.query.to_length(*length).href())
            .attr("aria-current", (*length == view.length).then_some("true"))
            .child(format::length_short(*length))
    };
    el("nav")
        .class("choices")
        .attr("aria-label", "Length")
        .children(view.state.sent.service.lengths.iter().map(link))
}

/// The time that was chosen, and the way back to the others.
fn when(view: &View) -> Option<El> {
    let state = view.state;
    let start = state.query.start?;
    let (day, span) = parts(state, start, view.length);
    let back = state.query.to_day(state.date(start)).href();
    let time = el("strong").child(format!("{day}, ")).child(el("span").class("together").child(span));
    let words = el("div")
        .child(el("p").child(time))
        .child(el("p").class("hint").child(format::zone(&state.zone, format::at(start))))
        .child(el("a").class("link").href(back).child("Choose another time"));
    Some(el("div").class("chosen").child(icon("calendar")).child(words))
}

fn parts(state: &State, start: i64, length: u32) -> (String, String) {
    let (from, until) = (format::at(start), format::at(start.saturating_add(i64::from(length))));
    (format::day(state.date(start)), format::span(&state.zone, from, until, state.hour12))
}

/// "Tuesday, 3 March 2026, 14:30 – 15:00".
pub fn long(state: &State, start: i64, length: u32) -> String {
    let (day, span) = parts(state, start, length);
    format!("{day}, {span}")
}
