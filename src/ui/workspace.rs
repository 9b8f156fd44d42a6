//! `/book/{workspace}`: who this is, and what can be booked.

use super::{browser, failure, format, icon};
use crate::{
    api::public::{ServiceCard, WorkspacePage, load_workspace},
    domain::event_type::length_in_words,
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

#[component]
pub fn Workspace() -> impl IntoView {
    let params = use_params_map();
    let slug = move || params.with(|params| params.get("workspace")).unwrap_or_default();
    let loaded = Resource::new(slug, load_workspace);
    let content = move || {
        Suspend::new(async move {
            match loaded.await {
                Ok(page) => {
                    browser::arrive();
                    view(page)
                }
                Err(error) => failure(&error, None),
            }
        })
    };
    view! { <Suspense fallback=super::loading>{content}</Suspense> }
}

fn view(page: WorkspacePage) -> AnyView {
    let WorkspacePage { workspace, intro, services, .. } = page;
    let base = format!("/book/{}", workspace.slug);
    let (team, own): (Vec<_>, Vec<_>) = services.into_iter().partition(|service| service.team);
    let none = team.is_empty() && own.is_empty();
    // With one kind only, a heading above it would tell nothing.
    let both = !team.is_empty() && !own.is_empty();
    view! {
        <Title text=format!("Book an appointment – {}", workspace.name)/>
        <div class="front">
            <p class="hint">"Book an appointment with"</p>
            <h1 class="title" tabindex="-1">{workspace.name}</h1>
            {(!intro.is_empty()).then(|| view! { <p class="prose">{intro}</p> })}
            {none.then(|| view! {
                <p class="notice">
                    "Nothing can be booked here at the moment. Please look again later, or contact us another way."
                </p>
            })}
            {section(&base, team, if both { "With our team" } else { "Services" })}
            {section(&base, own, if both { "With one of us" } else { "Services" })}
        </div>
    }
    .into_any()
}

fn section(base: &str, services: Vec<ServiceCard>, heading: &'static str) -> AnyView {
    if services.is_empty() {
        return ().into_any();
    }
    let cards = services.into_iter().map(|service| card(base, service)).collect::<Vec<_>>();
    view! {
        <section aria-label=heading>
            <h2 class="heading">{heading}</h2>
            <ul class="services">{cards}</ul>
        </section>
    }
    .into_any()
}

fn card(base: &str, service: ServiceCard) -> AnyView {
    let ServiceCard { slug, name, description, lengths, price, hosts, assignment, seats, .. } = service;
    let href = format!("{base}/{slug}");
    let lengths: Vec<String> = lengths.into_iter().map(length_in_words).collect();
    let people = format::people(&hosts, assignment);
    let faces = hosts.iter().take(4).map(|host| view! { <span>{format::initials(host)}</span> }.into_any());
    let faces = faces.collect::<Vec<_>>();
    view! {
        <li class="card service">
            <h3><a href=href>{name}</a></h3>
            {(!description.is_empty()).then(|| view! { <p class="hint">{description}</p> })}
            <ul class="facts">
                <li>{icon("clock")}<span>{lengths.join(", ")}</span></li>
                {price.map(|price| view! { <li>{icon("price")}<span>{price.in_words()}</span></li> })}
                {(seats > 1).then(|| view! { <li>{icon("people")}<span>"Up to " {seats} " people"</span></li> })}
            </ul>
            <p class="hosts"><span class="faces" aria-hidden="true">{faces}</span> <span>"With " {people}</span></p>
        </li>
    }
    .into_any()
}
