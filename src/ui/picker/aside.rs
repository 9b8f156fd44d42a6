//! What is booked, beside the month: the service, what it costs, where and with whom, how long, and the time chosen.

use super::{Picking, Stage};
use crate::{
    api::public::{Moving, Service},
    domain::event_type::length_in_words,
    ui::{format, icon, linked},
};
use leptos::prelude::*;

pub fn view(picking: Picking) -> AnyView {
    let (service, moving) = picking.sent.with_value(|sent| (sent.service.clone(), sent.moving.clone()));
    let Service { workspace, name, description, lengths, price, hosts, assignment, seats, place, .. } =
        service;
    let home = format!("/book/{}", workspace.slug);
    let people = format::people(&hosts, assignment);
    let initials =
        hosts.iter().take(4).map(|host| view! { <span>{format::initials(host)}</span> }.into_any());
    let initials = initials.collect::<Vec<_>>();
    let choice = moving.is_none() && lengths.len() > 1;
    let title = if moving.is_some() { "Move your appointment" } else { "" };
    view! {
        <div class="about">
            <p><a class="back" href=home>{workspace.name}</a></p>
            {(!title.is_empty()).then(|| view! { <p class="hint">{title}</p> })}
            <h1 class="title" tabindex="-1">{name}</h1>
            <div class="hosts"><span class="faces" aria-hidden="true">{initials}</span> <span>{people}</span></div>
            {(!description.is_empty()).then(|| view! { <p class="prose">{description}</p> })}
            <ul class="facts">
                {move || (!choice || picking.stage.get() == Stage::Form).then(|| {
                    fact("clock", "Length", length_in_words(picking.length()))
                })}
                {price.map(|price| fact("price", "Price", price.in_words()))}
                {fact("place", "Place", place.label)}
                {(!place.detail.is_empty()).then(|| view! { <li class="fact-more">{linked(&place.detail)}</li> })}
                {(seats > 1).then(|| fact("people", "Places", format!("Up to {seats} people")))}
            </ul>
            {move || (choice && picking.stage.get() != Stage::Form).then(|| lengths_view(picking, &lengths))}
            {moving.map(|moving| before(picking, &moving))}
            {move || (picking.stage.get() == Stage::Form).then(|| when(picking))}
        </div>
    }
    .into_any()
}

fn fact(name: &'static str, label: &'static str, text: String) -> AnyView {
    view! { <li>{icon(name)}<span class="sr-only">{label} ": "</span><span>{text}</span></li> }.into_any()
}

fn lengths_view(picking: Picking, lengths: &[u32]) -> AnyView {
    let now = picking.length();
    let query = picking.query.get();
    let link = |length: &u32| {
        let current = (*length == now).then_some("true");
        let href = query.to_length(*length).href();
        view! { <a class="choice" href=href aria-current=current>{format::length_short(*length)}</a> }
    };
    view! { <nav class="choices" aria-label="Length">{lengths.iter().map(link).collect_view()}</nav> }
        .into_any()
}

/// Where the appointment stands that is being moved.
fn before(picking: Picking, moving: &Moving) -> AnyView {
    let (start, length) = (moving.start, moving.length);
    view! {
        <p class="before"><span class="sr-only">"Until now: "</span><s>{move || long(picking, start, length)}</s></p>
    }
    .into_any()
}

/// The time that was chosen, and the way back to the others.
fn when(picking: Picking) -> AnyView {
    let Some(start) = picking.query.with(|query| query.start) else { return ().into_any() };
    let (day, span) = parts(picking, start, picking.length());
    let back = picking.query.with(|query| query.to_day(picking.date(start)).href());
    let zone = picking.zone.with(|zone| format::zone(zone, format::at(start)));
    view! {
        <div class="chosen">
            {icon("calendar")}
            <p>
                <strong>{day}", " <span class="together">{span}</span></strong> <br/>
                <span class="hint">{zone}</span> <br/>
                <a class="link" href=back>"Choose another time"</a>
            </p>
        </div>
    }
    .into_any()
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
