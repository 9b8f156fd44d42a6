//! Pages that are forms and text: rendered on the server, with no script, so that the browser's bundle does not know of
//! them. Each is a function from a type of [`crate::api`] to a [`Document`].

pub mod approval;
pub mod calendars;
pub mod events;
pub mod feeds;
pub mod mail;
pub mod messages;
pub mod portal;
pub mod queue;
pub mod verify;
pub mod webhooks;

use super::{
    format,
    html::{Html, el},
};
use crate::{api::staff::Me, domain::zone::ZoneRules};
use chrono::{DateTime, Datelike, Utc};
use leptos::{config::LeptosOptions, prelude::*, tachys::view::RenderHtml};

/// A page.
pub struct Document {
    /// Its title.
    pub title: String,
    /// What is in it.
    pub body: AnyView,
    /// Who is signed in, and which of the pages of the menu this is (its address): shows the menu.
    pub staff: Option<(Me, &'static str)>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Document").field("title", &self.title).finish_non_exhaustive()
    }
}

/// The address of the built styles, with the hash in their name if they have one.
pub(crate) fn styles(options: &LeptosOptions) -> String {
    let hash = options.hash_files.then(|| std::fs::read_to_string(options.hash_file.as_ref()).ok()).flatten();
    let hash = hash.and_then(|text| {
        text.lines().find_map(|line| line.strip_prefix("css: ").map(|hash| format!(".{}", hash.trim())))
    });
    format!("/pkg/{}{}.css", options.output_name, hash.unwrap_or_default())
}

/// The whole page as HTML.
pub fn document(options: &LeptosOptions, page: Document) -> String {
    let styles = styles(options);
    let Document { title, body, staff } = page;
    let menu = staff.map(|(me, here)| super::staff::menu(&me, here));
    let view = view! {
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="stylesheet" href=styles/>
                <title>{title}</title>
            </head>
            <body>
                <a class="skip" href="#main">"Skip to the content"</a>
                <main id="main" tabindex="-1">{menu} {body}</main>
                <footer>"Scheduling by Meridian"</footer>
            </body>
        </html>
    };
    format!("<!DOCTYPE html>{}", view.to_html())
}

/// What was done just now, said once.
fn done(words: Option<&'static str>) -> Option<AnyView> {
    words.map(|words| view! { <p role="status" class="notice notice-good">{words}</p> }.into_any())
}

/// "Tue 6 January 2026, 14:30" in a zone.
fn when(zone: &ZoneRules, at: DateTime<Utc>) -> AnyView {
    let local = zone.local(at);
    let words =
        format!("{} {}, {}", format::day_short(local.date()), local.year(), format::clock(local, false));
    view! { <time datetime=at.to_rfc3339()>{words}</time> }.into_any()
}

/// Which zone the page's times are in.
fn zone_hint(zone: &ZoneRules) -> AnyView {
    view! { <p class="hint">{format!("Times in {}", format::zone_name(zone.name()))}</p> }.into_any()
}

/// A list of choices; the chosen one is as entered, the first if that is none of them.
fn select(
    name: &'static str,
    label: String,
    choices: &[(&'static str, &'static str)],
    chosen: &str,
    invalid: Option<&'static str>,
    described: Option<String>,
) -> AnyView {
    let options = choices.iter().map(|(value, words)| {
        el("option").attr("value", *value).flag("selected", *value == chosen).child(*words)
    });
    let control = el("select")
        .class("input")
        .attr("id", name)
        .attr("name", name)
        .attr("aria-label", label)
        .attr("aria-invalid", invalid)
        .attr("aria-describedby", described)
        .children(options);
    Html::from(control).into_any()
}

/// Text as it is, with its links to follow.
fn linked(text: &str) -> AnyView {
    let parts = text.split_inclusive(char::is_whitespace).map(|part| {
        let word = part.trim_end();
        if !(word.starts_with("https://") || word.starts_with("http://")) {
            return Html::from(part.to_owned());
        }
        let link = el("a").class("link").attr("rel", "external noreferrer").href(word.to_owned());
        let space = part.get(word.len()..).unwrap_or_default().to_owned();
        el("span").child(link.child(word.to_owned())).child(space).into()
    });
    Html::from(el("div").class("source kept").children(parts)).into_any()
}

/// A mail's HTML in a frame of its own, in which nothing runs. Its links open beside this page.
fn mail_frame(html: &str) -> AnyView {
    let html = html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let frame = el("iframe")
        .class("mail-frame")
        .attr("title", "The mail as HTML")
        .attr("sandbox", "allow-popups allow-popups-to-escape-sandbox")
        .attr("srcdoc", html);
    Html::from(frame).into_any()
}

/// Amounts of time before a start, and the words for their units.
const UNITS: [(&str, &str); 3] = [("minutes", "minutes"), ("hours", "hours"), ("days", "days")];

/// The names of the form's fields of up to ten reminders: amount, unit, whom.
const REMINDERS: [(&str, &str, &str); 10] = [
    ("amount-1", "unit-1", "to-1"),
    ("amount-2", "unit-2", "to-2"),
    ("amount-3", "unit-3", "to-3"),
    ("amount-4", "unit-4", "to-4"),
    ("amount-5", "unit-5", "to-5"),
    ("amount-6", "unit-6", "to-6"),
    ("amount-7", "unit-7", "to-7"),
    ("amount-8", "unit-8", "to-8"),
    ("amount-9", "unit-9", "to-9"),
    ("amount-10", "unit-10", "to-10"),
];

/// A list and what follows it.
fn pager(here: &str, query: &str, later: bool, next: Option<String>) -> AnyView {
    let start = if query.is_empty() { here.to_owned() } else { format!("{here}?{query}") };
    let and = if query.is_empty() { "?" } else { "&" };
    let back = later.then(|| view! { <a class="link" href=start.clone()>"Back to the newest"</a> });
    let next = next.map(|next| {
        let href = format!("{start}{and}before={next}");
        view! { <a class="link" href=href>"Older"</a> }
    });
    view! { <p class="mt-4 flex flex-wrap gap-4 empty:hidden">{back} {next}</p> }.into_any()
}
