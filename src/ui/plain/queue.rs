//! `/booking/queue`.

use super::{Document, done, pager, when, zone_hint};
use crate::{
    api::mail::{DeadJob, LaneLine, QueuePage},
    domain::zone::ZoneRules,
};
use leptos::prelude::*;

/// What waits to be done, and what could not be.
pub fn queue(page: QueuePage) -> Document {
    let QueuePage { me, zone, lanes, dead, later, next, done: said } = page;
    let counts = if lanes.is_empty() {
        view! { <p class="notice mt-3">"There is nothing to do at the moment."</p> }.into_any()
    } else {
        table(lanes)
    };
    let stuck = if dead.is_empty() {
        let words = if later {
            "There is nothing older."
        } else {
            "Nothing is stuck. What can’t be done, even after many tries, shows up here."
        };
        view! { <p class="notice mt-3">{words}</p> }.into_any()
    } else {
        let jobs = dead.into_iter().map(|job| stuck_job(job, &zone)).collect_view();
        view! { {zone_hint(&zone)} <ul class="mt-3 grid gap-3">{jobs}</ul> }.into_any()
    };
    let body = view! {
        <h1 class="title" tabindex="-1">"Queue"</h1>
        <p class="mt-2">"Mails, reminders and webhooks wait here for their turn. What fails is tried again for about a day."</p>
        <div class="mt-4 grid gap-4 empty:hidden">{done(said)}</div>
        <section aria-labelledby="lanes" class="mt-6">
            <h2 id="lanes" class="heading">"At the moment"</h2>
            {counts}
        </section>
        <section aria-labelledby="stuck" class="mt-8">
            <h2 id="stuck" class="heading">"Stuck"</h2>
            {stuck} {pager("/booking/queue", "", later, next)}
        </section>
    };
    Document { title: "Queue".to_owned(), body: body.into_any(), staff: Some((me, "/booking/queue")) }
}

fn table(lanes: Vec<LaneLine>) -> AnyView {
    let rows = lanes.into_iter().map(|lane| {
        let name = match lane.lane.as_str() {
            "event" => "Bookings",
            "mail" => "Mail",
            _ => "Webhooks",
        };
        let numbers = [lane.waiting, lane.planned, lane.running, lane.dead];
        let cells = numbers.into_iter().map(|number| view! { <td>{number.to_string()}</td> }).collect_view();
        view! { <tr><th scope="row">{name}</th>{cells}</tr> }
    });
    view! {
        <div class="card mt-3">
            <table class="counts">
                <thead>
                    <tr>
                        <td></td>
                        <th scope="col">"Now"</th>
                        <th scope="col">"Later"</th>
                        <th scope="col">"Active"</th>
                        <th scope="col">"Stuck"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn kind(kind: &str) -> String {
    let words = match kind {
        "announce" => "Tell everyone of a change",
        "remind" => "Remind someone",
        "expire" => "Free a time that nobody decided on",
        "mail" => "Send a mail",
        "webhook" => "Tell another program",
        other => return other.to_owned(),
    };
    words.to_owned()
}

/// What a job is about: a mail can be looked at.
fn about(subject: &str) -> AnyView {
    match subject.split_once(':') {
        Some(("message", id)) => {
            view! { <a class="link" href=format!("/booking/mailbox/{id}")>"The mail"</a> }.into_any()
        }
        Some(("booking", id)) => format!("Booking {id}").into_any(),
        Some(("delivery", id)) => format!("Delivery {id}").into_any(),
        _ => subject.to_owned().into_any(),
    }
}

fn stuck_job(job: DeadJob, zone: &ZoneRules) -> AnyView {
    let kind = kind(&job.kind);
    let tries =
        if job.attempts == 1 { "Tried once".to_owned() } else { format!("Tried {} times", job.attempts) };
    let error = if job.error.is_empty() { "It ended without saying why.".to_owned() } else { job.error };
    let button = |action: &'static str, class: &'static str, words: &'static str| {
        view! {
            <form method="post" action=format!("/booking/queue/{}/{action}", job.id)>
                <button type="submit" class=class>{words}<span class="sr-only">": " {kind.clone()}</span></button>
            </form>
        }
    };
    view! {
        <li class="card">
            <h3 class="font-semibold">{kind.clone()}</h3>
            <p class="hint wrap-anywhere">{about(&job.subject)}</p>
            <p class="field-error wrap-anywhere">{error}</p>
            <p class="hint">{tries} " since " {when(zone, job.created)} ", given up " {when(zone, job.since)}</p>
            <div class="buttons">
                {button("retry", "button button-small", "Try again")}
                {button("drop", "button button-small", "Drop")}
            </div>
        </li>
    }
    .into_any()
}
