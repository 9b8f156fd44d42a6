//! Pages: feeds of bookings for other programs.

use super::Document;
use crate::{
    api::feeds::{FeedsPage, ListedFeed, MadeFeed},
    domain::zone::ZoneRules,
    ui::{format, staff::form::Form},
};
use leptos::prelude::*;

const HERE: &str = "/booking/feeds";

/// The list of feeds, and a form for another one. `revoked`: one was revoked just now.
pub fn list(page: FeedsPage, revoked: bool) -> Document {
    let FeedsPage { me, zone, feeds, choices, full, echo } = page;
    let form = Form::new(echo);
    let none = feeds.is_empty().then(|| {
        view! {
            <p class="notice mt-4">
                "There are no feeds yet. Add one below, and your calendar program shows bookings beside everything else."
            </p>
        }
    });
    let rows = feeds.into_iter().map(|feed| listed(feed, &zone)).collect_view();
    let done = revoked.then(
        || view! { <p role="status" class="notice">"Revoked. Its address opens nothing any more."</p> },
    );
    let chosen = form.value("what", "own");
    let options = choices
        .into_iter()
        .map(|choice| {
            let selected = choice.word == chosen;
            view! { <option value=choice.word selected=selected>{choice.what}</option> }
        })
        .collect_view();
    let select = view! {
        <select
            class="input" id="what" name="what" required aria-describedby=form.described("what", false)
            aria-invalid=form.invalid("what")
        >
            {options}
        </select>
    };
    let what = form.field("what", "What is in it", None, select.into_any());
    let contacts = form.ticked("contacts", "on", false);
    let add = if full && !form.refused() {
        view! { <p class="notice">"You have as many feeds as there can be. Revoke one to add another."</p> }
            .into_any()
    } else {
        view! {
            <form method="post" action=HERE class="card grid gap-5">
                {what}
                <label class="tick">
                    <input type="checkbox" name="contacts" value="on" checked=contacts aria-describedby="contacts-hint"/>
                    <span class="min-w-0">
                        "With names, addresses and answers of invitees"
                        <span class="hint block" id="contacts-hint">
                            "Whoever runs the program that subscribes gets to know them."
                        </span>
                    </span>
                </label>
                <p><button type="submit" class="button-primary">"Add feed"</button></p>
            </form>
        }
        .into_any()
    };
    let title = form.title("Feeds");
    let body = view! {
        <h1 class="title" tabindex="-1">"Feeds"</h1>
        <p class="hint mt-1">
            "Bookings in other programs: a calendar at a secret address, which they ask for every now and then."
        </p>
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {done}</div>
        {none}
        <ul class="mt-6 grid gap-3 empty:hidden">{rows}</ul>
        <section aria-labelledby="add" class="mt-10">
            <h2 id="add" class="heading mb-3">"Add a feed"</h2>
            {add}
        </section>
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}

fn listed(feed: ListedFeed, zone: &ZoneRules) -> AnyView {
    let ListedFeed { id, what, owner, contacts, created_at } = feed;
    let action = format!("{HERE}/{id}/revoke");
    let made = format::day_short(zone.local(created_at).date());
    let owner = owner.map(|name| format!("made by {name}, "));
    let with = if contacts { "with contacts" } else { "without contacts" };
    let label = format!(" {what}, made on {made}");
    view! {
        <li class="card flex flex-wrap items-center justify-between gap-3">
            <div class="min-w-0">
                <p class="font-semibold wrap-anywhere">{what}</p>
                <p class="hint">
                    {owner} "made on " <time datetime=created_at.to_rfc3339()>{made}</time> ", " {with}
                </p>
            </div>
            <form method="post" action=action>
                <button type="submit" class="button button-small">
                    "Revoke" <span class="sr-only">{label}</span>
                </button>
            </form>
        </li>
    }
    .into_any()
}

/// The address of a feed, shown once.
pub fn made(page: MadeFeed) -> Document {
    let MadeFeed { me, what, url, contacts } = page;
    let webcal = url.split_once("://").map(|(_, rest)| format!("webcal://{rest}"));
    let subscribe = webcal.map(|href| {
        view! { <a class="button-primary" href=href rel="noreferrer">"Open in a calendar program"</a> }
    });
    let with = contacts.then(|| {
        view! { <p>"Names, addresses and answers of invitees are in it."</p> }
    });
    let body = view! {
        <h1 class="title" tabindex="-1">"Feed added"</h1>
        <div class="card mt-6 grid gap-4">
            <p class="wrap-anywhere">"The address of " <strong>{what}</strong> ":"</p>
            <p class="notice wrap-anywhere select-all"><code id="address">{url}</code></p>
            <p>
                <strong>"Copy it now: it is not shown again."</strong>
                " Whoever has it reads the bookings, without signing in. Revoke the feed to end that."
            </p>
            {with}
            <p class="flex flex-wrap gap-3">
                {subscribe} <a class="button" href=HERE>"I have copied it"</a>
            </p>
        </div>
    };
    Document { title: "Feed added".to_owned(), body: body.into_any(), staff: Some((me, HERE)) }
}
