//! The zone that times are shown in: always named, and chosen from a list that can be searched.

use super::{Query, State, View};
use crate::ui::{
    format,
    html::{El, el},
    parts::{hidden, icon},
};

/// Below the month and the times: the zone, and which clock.
pub fn bar(view: &View) -> El {
    let (state, query) = (view.state, &view.state.query);
    let first = view.shown.times.first().map(|time| format::at(time.start));
    let name = format::zone(&state.zone, first.unwrap_or_else(|| state.now()));
    let clocks = [(false, "24 h"), (true, "12 h")].map(|(hour12, words)| {
        let current = (hour12 == state.hour12).then_some("true");
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
pub fn view(view: &View) -> El {
    let (state, query) = (view.state, &view.state.query);
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
    let button =
        el("button").class("button").attr("type", "submit").flag("hidden", state.live).child("Search");
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
        .child(list(state))
        .child(el("p").child(el("a").class("link").href(back).child("Keep the zone")))
}

fn list(state: &State) -> El {
    let say = |words: &'static str| el("p").class("hint").attr("role", "status").child(words);
    if state.zones.len() < 2 {
        return say(if state.trouble {
            "The list could not be loaded. Please check your connection and try again."
        } else {
            "Loading…"
        });
    }
    let wanted = state.find.trim().to_ascii_lowercase().replace('_', " ");
    let now = state.now();
    let found = state.zones.iter().filter_map(|zone| {
        let name = format::zone_name(zone.name());
        let offset = format::offset(zone.offset_at(now));
        let text = format!("{name} {offset}").to_ascii_lowercase();
        wanted.split(' ').all(|word| text.contains(word)).then(|| {
            let clock = format::clock(zone.local(now), state.hour12);
            let link = el("a")
                .class("zone")
                .href(state.query.to_zone(zone.name()).href())
                .attr("aria-current", (zone.name() == state.zone.name()).then_some("true"))
                .child(el("span").child(name))
                .child(el("small").child(format!("{clock}, {offset}")));
            el("li").child(link)
        })
    });
    let items: Vec<El> = found.collect();
    if items.is_empty() {
        return say("No zone has this name. Try the nearest big city.");
    }
    el("ul").class("zone-list").children(items)
}
