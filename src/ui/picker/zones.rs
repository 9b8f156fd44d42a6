//! The zone that times are shown in: always named, and chosen from a list that can be searched.

use super::{Picking, Query};
use crate::ui::{
    format,
    html::{El, el},
    parts::{hidden, icon},
};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

fn now(picking: Picking) -> DateTime<Utc> {
    picking.sent.with_value(|sent| DateTime::from_timestamp(sent.now, 0)).unwrap_or_default()
}

/// Below the month and the times: the zone, and which clock.
pub fn bar(picking: Picking) -> El {
    let first = picking.shown.with(|shown| shown.times.first().map(|time| format::at(time.start)));
    let name = picking.zone.with(|zone| format::zone(zone, first.unwrap_or_else(|| now(picking))));
    let query = picking.query.get();
    let clocks = [(false, "24 h"), (true, "12 h")].map(|(hour12, words)| {
        let current = (hour12 == picking.hour12.get()).then_some("true");
        el("a").class("choice").href(query.to_clock(hour12).href()).attr("aria-current", current).child(words)
    });
    let link = el("a").class("link").attr("id", "zone").href(query.to_zones().href());
    let zone = el("p")
        .child(icon("globe"))
        .child(hidden("Times are shown in the zone "))
        .child(link.child(name).child(hidden(": change it")));
    let clock = el("nav").class("choices").attr("aria-label", "Clock").children(clocks);
    el("div").class("zone-bar").child(zone).child(clock)
}

/// The list.
pub fn view(picking: Picking) -> El {
    let query = picking.query.get();
    let back = Query { pick: false, find: String::new(), ..query.clone() }.href();
    // A form by GET replaces the address, so what the address says goes along.
    let kept = query.entries().map(|(name, value)| {
        el("input").attr("type", "hidden").attr("name", name.to_owned()).attr("value", value.into_owned())
    });
    let label = el("label").class("label").attr("for", "find").child("City or region");
    let input = el("input")
        .class("input")
        .attr("id", "find")
        .attr("name", "find")
        .attr("type", "search")
        .attr("autocomplete", "off")
        .attr("spellcheck", "false")
        .attr("value", query.find.clone());
    let button = el("button")
        .class("button")
        .attr("type", "submit")
        .flag("hidden", picking.live.get())
        .child("Search");
    let form = el("form")
        .attr("method", "get")
        .attr("role", "search")
        .children(kept)
        .child(label)
        .child(el("div").class("find").child(input).child(button));
    el("section")
        .class("zones")
        .attr("aria-labelledby", "zones-title")
        .child(el("h2").class("heading").attr("id", "zones-title").child("Time zone"))
        .child(form)
        .child(list(picking, &query))
        .child(el("p").child(el("a").class("link").href(back).child("Keep the zone")))
}

fn list(picking: Picking, query: &Query) -> El {
    let say = |words: &'static str| el("p").class("hint").attr("role", "status").child(words);
    if picking.zones.with(|zones| zones.len() < 2) {
        return say(if picking.trouble.get() {
            "The list could not be loaded. Please check your connection and try again."
        } else {
            "Loading…"
        });
    }
    let wanted = picking.find.with(|find| find.trim().to_lowercase().replace('_', " "));
    let now = now(picking);
    let here = picking.zone.with(|zone| zone.name().to_owned());
    let items: Vec<El> = picking.zones.with(|zones| {
        let found = zones.iter().filter_map(|zone| {
            let name = format::zone_name(zone.name());
            let offset = format::offset(zone.offset_at(now));
            let text = format!("{name} {offset}").to_lowercase();
            wanted.split(' ').all(|word| text.contains(word)).then(|| {
                let clock = format::clock(zone.local(now), picking.hour12.get());
                let link = el("a")
                    .class("zone")
                    .href(query.to_zone(zone.name()).href())
                    .attr("aria-current", (zone.name() == here).then_some("true"))
                    .child(el("span").child(name))
                    .child(el("small").child(format!("{clock}, {offset}")));
                el("li").child(link)
            })
        });
        found.collect()
    });
    if items.is_empty() {
        return say("No zone has this name. Try the nearest big city.");
    }
    el("ul").class("zone-list").children(items)
}
