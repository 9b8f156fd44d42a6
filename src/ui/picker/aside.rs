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
    let Service { workspace, name, description, lengths, price, hosts, assignment, seats, place, policy, .. } = service;
    let home = format!("/book/{}", workspace.slug);
    let people = format::people(&hosts, assignment);
    let initials = hosts.iter().take(4).map(|host| view! { <span>{format::initials(host)}</span> }.into_any());
    let initials = initials.collect::<Vec<_>>();
    let choice = moving.is_none() && lengths.len() > 1;
    let title = if moving.is_some() { "Move your appointment" } else { "" };
    view! {
        <div class="about">
            <p><a class="back" href=home>{workspace.name}</a></p>
            {(!title.is_empty()).then(|| view! { <p class="hint">{title}</p> })}
            <h1 class="title">{name}</h1>
            <div class="hosts"><span class="faces" aria-hidden="true">{initials}</span> <span>{people}</span></div>
            {(!description.is_empty()).then(|| view! { <p class="prose">{description}</p> })}
            <ul class="facts">
                {(!choice).then(|| fact("clock", "Length", move || length_in_words(picking.length())))}
                {price.map(|price| fact("price", "Price", move || price.in_words()))}
                {fact("place", "Place", move || place.label.clone())}
                {(!place.detail.is_empty()).then(|| view! { <li class="fact-more">{linked(&place.detail)}</li> })}
                {(seats > 1).then(|| fact("people", "Places", move || format!("Up to {seats} people")))}
            </ul>
            {choice.then(|| lengths_view(picking, lengths))}
            {moving.map(|moving| before(picking, &moving))}
            {move || (picking.stage.get() == Stage::Form).then(|| when(picking))}
            <ul class="policy">{policy.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
        </div>
    }
    .into_any()
}

fn fact(name: &'static str, label: &'static str, text: impl Fn() -> String + Send + Sync + 'static) -> AnyView {
    view! { <li>{icon(name)}<span class="sr-only">{label} ": "</span><span>{move || text()}</span></li> }.into_any()
}

fn lengths_view(picking: Picking, lengths: Vec<u32>) -> AnyView {
    let choices = move || {
        let now = picking.length();
        let query = picking.query.get();
        let link = |length: &u32| {
            let current = (*length == now).then_some("true");
            let href = query.to_length(*length).href();
            view! { <a class="choice" href=href aria-current=current>{length_in_words(*length)}</a> }
        };
        lengths.iter().map(link).collect_view()
    };
    view! { <nav class="choices" aria-label="Length">{choices}</nav> }.into_any()
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
    let day = picking.zone.with(|zone| zone.date(format::at(start)));
    let href = picking.query.with(|query| query.to_day(day).href());
    let zone = picking.zone.with(|zone| format::zone(zone, format::at(start)));
    view! {
        <div class="chosen">
            {icon("calendar")}
            <p>
                <strong>{long(picking, start, picking.length())}</strong> <br/> <span class="hint">{zone}</span> <br/>
                <a class="link" href=href>"Choose another time"</a>
            </p>
        </div>
    }
    .into_any()
}

/// "Tuesday, 3 March 2026, 14:30 – 15:00".
pub fn long(picking: Picking, start: i64, length: u32) -> String {
    let (from, until) = (format::at(start), format::at(start.saturating_add(i64::from(length))));
    let hour12 = picking.hour12.get();
    picking.zone.with(|zone| format!("{}, {}", format::day(zone.date(from)), format::span(zone, from, until, hour12)))
}
