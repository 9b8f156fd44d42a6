//! `/book/{workspace}`: who this is, and what can be booked.

use super::{
    format,
    html::{El, Html, el},
    parts,
};
use crate::{
    api::public::{ServiceCard, WorkspacePage},
    domain::event_type::length_in_words,
};
use leptos::prelude::*;

/// The page and its title.
pub fn view(page: WorkspacePage) -> (String, AnyView) {
    let WorkspacePage { workspace, intro, services, .. } = page;
    let base = format!("/book/{}", workspace.slug);
    let (team, own): (Vec<_>, Vec<_>) = services.into_iter().partition(|service| service.team);
    let none = team.is_empty() && own.is_empty();
    // With one kind only, a heading above it would tell nothing.
    let both = !team.is_empty() && !own.is_empty();
    let title = format!("Book an appointment – {}", workspace.name);
    let nothing =
        "Nothing can be booked here at the moment. Please look again later, or contact us another way.";
    let html = el("div")
        .class("front")
        .child(el("p").class("hint").child("Book an appointment with"))
        .child(el("h1").class("title").attr("tabindex", "-1").child(workspace.name))
        .child((!intro.is_empty()).then(|| el("p").class("prose").child(intro)))
        .child(none.then(|| el("p").class("notice").child(nothing)))
        .child(section(&base, team, if both { "With our team" } else { "Services" }))
        .child(section(&base, own, if both { "With one of us" } else { "Services" }));
    (title, Html::from(html).into_any())
}

fn section(base: &str, services: Vec<ServiceCard>, heading: &'static str) -> Option<El> {
    let cards = services.into_iter().map(|service| card(base, service));
    (cards.len() > 0).then(|| {
        el("section")
            .attr("aria-label", heading)
            .child(el("h2").class("heading").child(heading))
            .child(el("ul").class("services").children(cards))
    })
}

fn card(base: &str, service: ServiceCard) -> El {
    let ServiceCard { slug, name, description, lengths, price, hosts, assignment, seats, .. } = service;
    let lengths: Vec<String> = lengths.into_iter().map(length_in_words).collect();
    let facts = el("ul")
        .class("facts")
        .child(parts::fact("clock", "Length", lengths.join(", ")))
        .child(price.map(|price| parts::fact("price", "Price", price.in_words())))
        .child((seats > 1).then(|| parts::fact("people", "Places", format!("Up to {seats} people"))));
    el("li")
        .class("card service")
        .child(el("h3").child(el("a").href(format!("{base}/{slug}")).child(name)))
        .child((!description.is_empty()).then(|| el("p").class("hint").child(description)))
        .child(facts)
        .child(parts::hosts(&hosts, format!("With {}", format::people(&hosts, assignment))))
}
