//! The zone that times are shown in: always named, and chosen from a list that can be searched.

use super::Picking;
use crate::ui::{format, icon};
use chrono::DateTime;
use leptos::{prelude::*, web_sys};

/// Below the month and the times: the zone, and which clock.
pub fn bar(picking: Picking) -> AnyView {
    let name = move || {
        let at = picking.shown.with(|shown| shown.times.first().map(|time| time.start));
        let now =
            || picking.sent.with_value(|sent| DateTime::from_timestamp(sent.now, 0)).unwrap_or_default();
        picking.zone.with(|zone| format::zone(zone, at.map_or_else(now, format::at)))
    };
    let clocks = move || {
        let query = picking.query.get();
        let now = picking.hour12.get();
        [false, true].map(|hour12| {
            let current = (hour12 == now).then_some("true");
            let label = if hour12 { "12 h" } else { "24 h" };
            view! { <a class="choice" href=query.to_clock(hour12).href() aria-current=current>{label}</a> }
                .into_any()
        })
    };
    view! {
        <div class="zone-bar">
            <p>
                {icon("globe")} <span class="sr-only">"Times are shown in the zone "</span>
                <a id="zone" class="link" href=move || picking.query.with(|query| query.to_zones().href())>
                    {name}<span class="sr-only">": change it"</span>
                </a>
            </p>
            <nav class="choices" aria-label="Clock">{clocks}</nav>
        </div>
    }
    .into_any()
}

/// The list.
pub fn view(picking: Picking) -> AnyView {
    let find = RwSignal::new(picking.query.with_untracked(|query| query.find.clone()));
    let back = move || {
        picking.query.with(|query| super::Query { pick: false, find: String::new(), ..query.clone() }.href())
    };
    // A form by GET replaces the address, so what the address says goes along.
    let query = picking.query.get_untracked();
    let kept = query.entries().map(|(name, value)| {
        view! { <input type="hidden" name=name.to_owned() value=value.into_owned()/> }
    });
    let kept = kept.collect_view();
    view! {
        <section class="zones" aria-labelledby="zones-title">
            <h2 id="zones-title" class="heading">"Time zone"</h2>
            <form method="get" role="search" on:submit=|event: web_sys::SubmitEvent| event.prevent_default()>
                {kept}
                <label class="label" for="find">"City or region"</label>
                <div class="find">
                    <input
                        class="input" id="find" name="find" type="search" autocomplete="off" spellcheck="false"
                        value=find.get_untracked() on:input=move |event| find.set(event_target_value(&event))
                    />
                    <button type="submit" class="button" hidden=move || picking.live.get()>"Search"</button>
                </div>
            </form>
            {move || list(picking, &find.get())}
            <p><a class="link" href=back>"Keep the zone"</a></p>
        </section>
    }
    .into_any()
}

fn list(picking: Picking, find: &str) -> AnyView {
    if picking.zones.with(|zones| zones.len() < 2) {
        let text = if picking.trouble.get() {
            "The list could not be loaded. Please check your connection and try again."
        } else {
            "Loading…"
        };
        return view! { <p class="hint" role="status">{text}</p> }.into_any();
    }
    let wanted = find.trim().to_lowercase().replace('_', " ");
    let query = picking.query.get();
    let now = picking.sent.with_value(|sent| DateTime::from_timestamp(sent.now, 0)).unwrap_or_default();
    let here = picking.zone.with(|zone| zone.name().to_owned());
    let items = picking.zones.with(|zones| {
        let found = zones.iter().filter_map(|zone| {
            let name = format::zone_name(zone.name());
            let offset = format::offset(zone.offset_at(now));
            let fits = wanted
                .split(' ')
                .all(|word| name.to_lowercase().contains(word) || offset.to_lowercase().contains(word));
            fits.then(|| {
                let current = (zone.name() == here).then_some("true");
                let clock = format::clock(zone.local(now), picking.hour12.get());
                view! {
                    <li>
                        <a class="zone" href=query.to_zone(zone.name()).href() aria-current=current>
                            <span>{name}</span> <small>{clock} ", " {offset}</small>
                        </a>
                    </li>
                }
                .into_any()
            })
        });
        found.collect::<Vec<_>>()
    });
    if items.is_empty() {
        return view! { <p class="notice" role="status">"No zone has this name. Try the nearest big city."</p> }.into_any();
    }
    view! { <ul class="zone-list" tabindex="-1">{items}</ul> }.into_any()
}
