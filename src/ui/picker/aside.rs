//! What is booked, beside the month: the service, what it costs, where and with whom, how long, and the time chosen.

use super::{Picking, Stage};
use crate::{
    api::public::Service,
    domain::event_type::length_in_words,
    ui::{
        format,
        html::{El, el},
        parts::{fact, hidden, hosts, icon, linked},
    },
};
use leptos::prelude::*;

pub fn view(picking: Picking, stage: Stage) -> El {
    picking.sent.with_value(|sent| {
        let service = &sent.service;
        let moving = sent.moving.as_ref();
        let before = moving.map(|moving| {
            let time = el("s").child(long(picking, moving.start, moving.length));
            el("p").class("before").child(hidden("Until now: ")).child(time)
        });
        let choice = (moving.is_none() && service.lengths.len() > 1 && stage != Stage::Form)
            .then(|| lengths(picking, &service.lengths));
        let home = el("a").class("back").href(format!("/book/{}", service.workspace.slug));
        let description = &service.description;
        el("div")
            .class("about")
            .child(el("p").child(home.child(service.workspace.name.clone())))
            .child(moving.is_some().then(|| el("p").class("hint").child("Move your appointment")))
            .child(el("h1").class("title").attr("tabindex", "-1").child(service.name.clone()))
            .child(hosts(&service.hosts, format::people(&service.hosts, service.assignment)))
            .child((!description.is_empty()).then(|| el("p").class("prose").child(description.clone())))
            .child(facts(picking, service, choice.is_none()))
            .child(choice)
            .child(before)
            .child((stage == Stage::Form).then(|| when(picking)))
    })
}

fn facts(picking: Picking, service: &Service, length: bool) -> El {
    let place = &service.place;
    let detail = (!place.detail.is_empty()).then(|| el("li").class("fact-more").child(linked(&place.detail)));
    let seats = service.seats;
    el("ul")
        .class("facts")
        .child(length.then(|| fact("clock", "Length", length_in_words(picking.length()))))
        .child(service.price.as_ref().map(|price| fact("price", "Price", price.in_words())))
        .child(fact("place", "Place", place.label.clone()))
        .child(detail)
        .child((seats > 1).then(|| fact("people", "Places", format!("Up to {seats} people"))))
}

fn lengths(picking: Picking, lengths: &[u32]) -> El {
    let now = picking.length();
    let query = picking.query.get();
    let link = |length: &u32| {
        el("a")
            .class("choice")
            .href(query.to_length(*length).href())
            .attr("aria-current", (*length == now).then_some("true"))
            .child(format::length_short(*length))
    };
    el("nav").class("choices").attr("aria-label", "Length").children(lengths.iter().map(link))
}

/// The time that was chosen, and the way back to the others.
fn when(picking: Picking) -> Option<El> {
    let start = picking.query.with(|query| query.start)?;
    let (day, span) = parts(picking, start, picking.length());
    let back = picking.query.with(|query| query.to_day(picking.date(start)).href());
    let zone = picking.zone.with(|zone| format::zone(zone, format::at(start)));
    let time = el("strong").child(format!("{day}, ")).child(el("span").class("together").child(span));
    let words = el("div")
        .child(el("p").child(time))
        .child(el("p").class("hint").child(zone))
        .child(el("a").class("link").href(back).child("Choose another time"));
    Some(el("div").class("chosen").child(icon("calendar")).child(words))
}

fn parts(picking: Picking, start: i64, length: u32) -> (String, String) {
    let (from, until) = (format::at(start), format::at(start.saturating_add(i64::from(length))));
    let hour12 = picking.hour12.get();
    (format::day(picking.date(start)), picking.zone.with(|zone| format::span(zone, from, until, hour12)))
}

/// "Tuesday, 3 March 2026, 14:30 – 15:00".
pub fn long(picking: Picking, start: i64, length: u32) -> String {
    let (day, span) = parts(picking, start, length);
    format!("{day}, {span}")
}
