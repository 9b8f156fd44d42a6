//! Pages: webhooks.

use super::Document;
use crate::{
    api::webhooks::{
        DeliveryStatus, EventChoice, ListedWebhook, SecretPage, ShownAttempt, ShownDelivery, Switch,
        WebhookPage, WebhooksPage,
    },
    domain::zone::ZoneRules,
    ui::{format, query::encode, staff::form::Form},
};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

const HERE: &str = "/booking/webhooks";

/// "Tue 3 March, 14:30:05".
fn moment(zone: &ZoneRules, at: DateTime<Utc>) -> impl IntoView + use<> {
    let local = zone.local(at);
    let text = format!("{}, {}", format::day_short(local.date()), local.format("%H:%M:%S"));
    view! { <time datetime=at.to_rfc3339()>{text}</time> }
}

/// What was done just now, from the word in the page's address.
fn done(word: &str) -> Option<impl IntoView + use<>> {
    let sentence = match word {
        "changed" => "Saved. What is still waiting goes to this address too.",
        "on" => "Switched on.",
        "off" => "Switched off. What is still waiting is not sent.",
        "again" => "It is sent again, with the same webhook-id.",
        "deleted" => "Deleted.",
        _ => return None,
    };
    Some(view! { <p role="status" class="notice">{sentence}</p> })
}

fn switch_word(switch: &Switch) -> &'static str {
    match switch {
        Switch::On => "On",
        Switch::Off => "Off",
        Switch::Failed(_) => "Switched off by itself",
    }
}

fn status_word(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Waiting => "Waiting",
        DeliveryStatus::Delivered => "Delivered",
        DeliveryStatus::Failed => "Failed",
    }
}

/// Address and events.
fn fields(form: &Form, events: Vec<EventChoice>, url: &str, chosen: Option<&[&'static str]>) -> AnyView {
    let value = form.value("url", url);
    let line = view! {
        <input
            class="input" id="url" name="url" type="url" required maxlength="2000" value=value autocomplete="off"
            autocapitalize="none" spellcheck="false" aria-describedby=form.described("url", true)
            aria-invalid=form.invalid("url")
        />
    };
    let hint = "Where events are sent by POST, such as https://hooks.example.com/meridian.";
    let line = form.field("url", "Address", Some(hint.into_any()), line.into_any());
    let boxes = events.into_iter().map(|EventChoice { word, sentence }| {
        let first = chosen.is_none_or(|chosen| chosen.contains(&word));
        let ticked = form.ticked("events", word, first);
        view! {
            <label class="tick">
                <input type="checkbox" name="events" value=word checked=ticked/>
                <span class="min-w-0">
                    <code class="wrap-anywhere">{word}</code> " "
                    <span class="hint block">{sentence}</span>
                </span>
            </label>
        }
    });
    let boxes = boxes.collect_view();
    view! {
        {line}
        <fieldset
            class="field" id="events" tabindex="-1" aria-describedby=form.described("events", false)
        >
            <legend class="label">"Events"</legend>
            <div class="grid gap-x-6 sm:grid-cols-2">{boxes}</div>
            {form.error("events")}
        </fieldset>
    }
    .into_any()
}

/// The list of webhooks, and a form for another one. `word`: what was done just now.
pub fn list(page: WebhooksPage, word: &str) -> Document {
    let WebhooksPage { me, zone, webhooks, events, full, echo } = page;
    let form = Form::new(echo);
    let none = webhooks.is_empty().then(|| {
        view! {
            <p class="notice mt-4">
                "There are no webhooks yet. Add one below, and your own programs hear of every booking."
            </p>
        }
    });
    let rows = webhooks.into_iter().map(|row| listed(row, &zone)).collect_view();
    let add = if full && !form.refused() {
        view! { <p class="notice">"There are as many webhooks as there can be. Delete one to add another."</p> }
            .into_any()
    } else {
        view! {
            <form method="post" action=HERE class="card grid gap-5">
                {fields(&form, events, "", None)}
                <p><button type="submit" class="button-primary">"Add webhook"</button></p>
            </form>
        }
        .into_any()
    };
    let title = form.title("Webhooks");
    let body = view! {
        <h1 class="title" tabindex="-1">"Webhooks"</h1>
        <p class="hint mt-1">"Other programs are told at once what happens to bookings."</p>
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {done(word)}</div>
        {none}
        <ul class="mt-6 grid gap-3 empty:hidden">{rows}</ul>
        <section aria-labelledby="add" class="mt-10">
            <h2 id="add" class="heading mb-3">"Add a webhook"</h2>
            {add}
        </section>
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}

fn listed(row: ListedWebhook, zone: &ZoneRules) -> AnyView {
    let ListedWebhook { id, url, events, switch, last } = row;
    let href = format!("{HERE}/{id}");
    let last = match last {
        None => view! { "Nothing sent yet" }.into_any(),
        Some((status, at)) => {
            view! { "Last: " {status_word(status).to_lowercase()} ", " {moment(zone, at)} }.into_any()
        }
    };
    view! {
        <li class="card grid gap-1">
            <p class="wrap-anywhere"><a class="link" href=href>{url}</a></p>
            <p class="hint">
                <span class="badge">{switch_word(&switch)}</span> " " {format::many(events, "event")} " · " {last}
            </p>
            {reason(&switch)}
        </li>
    }
    .into_any()
}

/// Why it switched itself off.
fn reason(switch: &Switch) -> Option<impl IntoView + use<>> {
    let Switch::Failed(reason) = switch else { return None };
    Some(view! { <p class="alert-error mt-2 wrap-anywhere">{reason.clone()}</p> })
}

/// A secret, shown once.
pub fn secret(page: SecretPage) -> Document {
    let SecretPage { me, id, url, secret, old_for_hours } = page;
    let title = if old_for_hours.is_some() { "New secret" } else { "Webhook added" };
    let old = old_for_hours.map(|hours| {
        let sentence = format!(
            "The old secret stays valid for {hours} hours: until then every request carries a signature with each of them."
        );
        view! { <p>{sentence}</p> }
    });
    let href = format!("{HERE}/{id}");
    let body = view! {
        <h1 class="title" tabindex="-1">{title}</h1>
        <div class="card mt-6 grid gap-4">
            <p class="wrap-anywhere">"Requests to " <strong>{url}</strong> " are signed with this secret:"</p>
            <p class="notice wrap-anywhere select-all"><code id="secret">{secret}</code></p>
            <p>
                <strong>"Copy it now: it is not shown again."</strong>
                " Give it to the receiver, which checks with it that requests come from here."
            </p>
            {old}
            <p><a class="button" href=href>"I have copied it"</a></p>
        </div>
    };
    Document { title: title.to_owned(), body: body.into_any(), staff: Some((me, HERE)) }
}

/// One webhook. `word`: what was done just now.
pub fn one(page: WebhookPage, word: &str) -> Document {
    let WebhookPage {
        me,
        zone,
        id,
        url,
        chosen,
        events,
        switch,
        old_secret_until,
        seen,
        deliveries,
        older,
        later,
        echo,
    } = page;
    let form = Form::new(echo);
    let here = format!("{HERE}/{id}");
    let title = form.title("Webhook");
    let on = switch == Switch::On;
    let sent = deliveries_list(deliveries, &zone, &here, on, later);
    let way = |to: String, words: &'static str| view! { <a class="link" href=to>{words}</a> };
    let newest = later.then(|| way(here.clone(), "Newest deliveries"));
    let older = older.map(|older| way(format!("{here}?before={}", encode(&older)), "Older deliveries"));
    // A refusal of another form than this one leaves the stored values in it.
    let mine = form.refused() && !form.value("url", "").is_empty();
    let values = if mine { form.clone() } else { Form::default() };
    let body = view! {
        <p><a class="back" href=HERE>"All webhooks"</a></p>
        <h1 class="title mt-2" tabindex="-1">"Webhook"</h1>
        <p class="mt-1 wrap-anywhere">{url.clone()} " " <span class="badge">{switch_word(&switch)}</span></p>
        {reason(&switch)}
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {done(word)}</div>
        <section aria-labelledby="deliveries" class="mt-8">
            <h2 id="deliveries" class="heading" tabindex="-1">"Deliveries"</h2>
            {form.error("deliveries")}
            <p class="hint">
                "Newest first, for 90 days. A request that fails is made again for about a day. Times in "
                {format::zone_name(zone.name())} "."
            </p>
            {sent}
            <p class="mt-4 flex flex-wrap gap-4 empty:hidden">{newest} {older}</p>
        </section>
        <section aria-labelledby="settings" class="mt-10">
            <h2 id="settings" class="heading mb-3">"Address and events"</h2>
            <form method="post" action=here.clone() class="card grid gap-5">
                {fields(&values, events, &url, Some(&chosen))}
                <p><button type="submit" class="button-primary">"Save"</button></p>
            </form>
        </section>
        {keep(&form, &here, &zone, old_secret_until, seen, on)}
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}

/// Secret, switch, and the way out.
fn keep(
    form: &Form,
    here: &str,
    zone: &ZoneRules,
    old_until: Option<DateTime<Utc>>,
    seen: i64,
    on: bool,
) -> AnyView {
    let old = old_until.map(|until| {
        view! {
            <p class="notice">
                "The secret before this one is valid until " {moment(zone, until)}
                ". Replacing the secret once more ends it at once."
            </p>
        }
    });
    let (to, act, hint) = if on {
        (
            "off",
            "Switch off",
            "Nothing is sent while it is off, and what happens meanwhile is not sent later.",
        )
    } else {
        ("on", "Switch on", "What happens from now on is sent. What has failed can be sent again by hand.")
    };
    let post = |what: &str| format!("{here}/{what}");
    view! {
        <section aria-labelledby="secret" class="mt-10">
            <h2 id="secret" class="heading mb-3" tabindex="-1">"Secret"</h2>
            <form method="post" action=post("secret") class="card grid gap-3">
                {form.error("secret")}
                <p>"The new secret is shown once. The old one stays valid for 24 hours, so that receivers can follow."</p>
                {old}
                <input type="hidden" name="seen" value=seen.to_string()/>
                <p><button type="submit" class="button">"Replace the secret"</button></p>
            </form>
        </section>
        <section aria-labelledby="switch" class="mt-10">
            <h2 id="switch" class="heading mb-3" tabindex="-1">{act}</h2>
            <form method="post" action=post("switch") class="card grid gap-3">
                {form.error("switch")}
                <p>{hint}</p>
                <input type="hidden" name="to" value=to/>
                <p><button type="submit" class="button">{act}</button></p>
            </form>
        </section>
        <section aria-labelledby="delete" class="mt-10">
            <h2 id="delete" class="heading mb-3">"Delete"</h2>
            <details class="card">
                <summary class="button">"Delete this webhook …"</summary>
                <form method="post" action=post("delete") class="mt-4 grid gap-3">
                    <p>"The webhook goes for good, and with it all that is known of its deliveries."</p>
                    <p><button type="submit" class="button-danger">"Delete for good"</button></p>
                </form>
            </details>
        </section>
    }
    .into_any()
}

fn deliveries_list(
    deliveries: Vec<ShownDelivery>,
    zone: &ZoneRules,
    here: &str,
    on: bool,
    later: bool,
) -> AnyView {
    if deliveries.is_empty() {
        let sentence = if later {
            "There are no older deliveries."
        } else {
            "Nothing was sent yet. Make a booking, and it appears here."
        };
        return view! { <p class="notice mt-4">{sentence}</p> }.into_any();
    }
    let rows = deliveries.into_iter().map(|row| delivery(row, zone, here, on)).collect_view();
    view! { <ul class="mt-4 grid gap-3">{rows}</ul> }.into_any()
}

fn delivery(row: ShownDelivery, zone: &ZoneRules, here: &str, on: bool) -> AnyView {
    let ShownDelivery { id, event, status, created_at, body, attempts } = row;
    let action = format!("{here}/again");
    let (tries, many) = (attempts.len(), attempts.iter().map(|entry| attempt(entry, zone)).collect_view());
    let none = (tries == 0).then(|| view! { <p class="hint">"Not tried yet."</p> });
    let last = attempts.last().filter(|last| !last.error.is_empty()).map(|last| last.error.clone());
    let words = if status == DeliveryStatus::Waiting { "Send now" } else { "Send again" };
    let label = format!(" {event} of {}", created_at.to_rfc3339());
    let again = on.then(|| {
        view! {
            <form method="post" action=action class="mt-3">
                <input type="hidden" name="delivery" value=id.clone()/>
                <button type="submit" class="button button-small">
                    {words} <span class="sr-only">{label}</span>
                </button>
            </form>
        }
    });
    view! {
        <li class="card">
            <p class="flex flex-wrap items-baseline gap-x-3 gap-y-1">
                <span class="badge">{status_word(status)}</span>
                <strong class="wrap-anywhere">{event}</strong>
                <span class="hint">{moment(zone, created_at)}</span>
            </p>
            {last.map(|error| view! { <p class="hint mt-1 wrap-anywhere">{error}</p> })}
            <details class="mt-2">
                <summary class="link cursor-pointer">{format::many(tries, "attempt")} " and the body"</summary>
                <div class="mt-3 grid gap-4">
                    <p class="hint wrap-anywhere">"webhook-id: " <code>{id.clone()}</code></p>
                    {none}
                    <ol class="grid gap-3 empty:hidden">{many}</ol>
                    <div>
                        <p class="label">"Body"</p>
                        <pre class="notice text-sm whitespace-pre-wrap wrap-anywhere"><code>{body}</code></pre>
                    </div>
                </div>
            </details>
            {again}
        </li>
    }
    .into_any()
}

fn attempt(entry: &ShownAttempt, zone: &ZoneRules) -> AnyView {
    let ShownAttempt { at, millis, status, response, error } = entry.clone();
    let status = status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
    let error = (!error.is_empty()).then(|| view! { <p class="wrap-anywhere">{error}</p> });
    let response = (!response.is_empty()).then(|| {
        view! { <pre class="notice text-sm whitespace-pre-wrap wrap-anywhere"><code>{response}</code></pre> }
    });
    view! {
        <li class="grid gap-1">
            <p class="font-semibold">{moment(zone, at)} ": " {status} ", " {format!("{millis} ms")}</p>
            {error}
            {response}
        </li>
    }
    .into_any()
}
