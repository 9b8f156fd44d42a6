//! The page at which an invitee enters the code that was mailed to them.

use super::{Document, approval::refusal};
use crate::{api::AppError, domain::zone::ZoneRules, ui::format};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// An order that waits for its code.
#[derive(Debug)]
pub struct Order {
    /// The workspace's name.
    pub workspace: String,
    /// The service's name.
    pub service: String,
    /// Where the service is booked.
    pub book: String,
    /// When it would start.
    pub start: DateTime<Utc>,
    /// When it would end.
    pub end: DateTime<Utc>,
    /// The invitee's zone.
    pub zone: ZoneRules,
    /// Where the code was sent.
    pub email: String,
    /// Is the code no good any more?
    pub expired: bool,
}

/// The page; `code` is what stands in the field at first (the link in the mail carries it).
pub fn order(page: Order, code: &str, refused: Option<&AppError>) -> Document {
    let Order { workspace, service, book, start, end, zone, email, expired } = page;
    let title = if expired { "This code is no longer good" } else { "Please check your mail" };
    let when = format!("{}, {}", format::day(zone.date(start)), format::times(&zone, start, end));
    let taken = match refused {
        Some(AppError::SlotTaken { nearest } | AppError::PastTime { nearest }) => nearest.clone(),
        _ => Vec::new(),
    };
    let field = refused.and_then(|error| error.fields().iter().find(|field| field.field == "code"));
    let field = field.map(|field| field.message.clone());
    let summary = if field.is_some() { None } else { refusal(refused) };
    let is_taken = matches!(refused, Some(AppError::SlotTaken { .. } | AppError::PastTime { .. }));
    let form = (!expired).then(|| {
        let invalid = field.as_ref().map(|_| "true");
        let described = if field.is_some() { "code-hint code-error" } else { "code-hint" };
        let error = field.map(|field| view! { <p class="field-error" id="code-error">{field}</p> });
        let others = taken.into_iter().map(|minutes| {
            let other = format::at(minutes);
            let words = format!(
                "Take {}, {}",
                format::day_spoken(zone.date(other)),
                format::clock(zone.local(other), false)
            );
            view! { <button class="button-primary" type="submit" name="start" value=minutes>{words}</button> }
        });
        let button = if is_taken {
            view! { <div class="flex flex-wrap gap-3">{others.collect_view()}</div> }.into_any()
        } else {
            view! { <p><button class="button-primary" type="submit">"Confirm and book"</button></p> }.into_any()
        };
        view! {
            <form method="post" class="grid gap-4">
                <div class="field">
                    <label class="label" for="code">"Code"</label>
                    <p class="hint" id="code-hint">
                        "Six digits, good for 30 minutes. This page can wait: come back to it from your mail."
                    </p>
                    <input
                        class="input" id="code" name="code" type="text" inputmode="numeric" maxlength="12" required
                        autocomplete="one-time-code" value=code.to_owned() aria-describedby=described aria-invalid=invalid
                    />
                    {error}
                </div>
                {button}
            </form>
        }
    });
    let lead = if expired {
        "Nothing was booked. Please choose a time again, and you get a new code.".to_owned()
    } else {
        format!("We have sent a code to {email}. The time is yours once you enter it here.")
    };
    let body = view! {
        <div class="receipt">
            <div class="receipt-head">
                <h1 class="title" tabindex="-1">{title}</h1>
                <p class="wrap-anywhere">{lead}</p>
            </div>
            {summary}
            <dl class="rows">
                <div><dt>"What"</dt><dd>{service} ", " {workspace}</dd></div>
                <div>
                    <dt>"When"</dt>
                    <dd><p><strong>{when}</strong></p><p class="hint">{format::zone(&zone, start)}</p></dd>
                </div>
            </dl>
            {form}
            <p><a class="link" href=book>"Choose another time"</a></p>
        </div>
    };
    Document { title: title.to_owned(), body: body.into_any(), staff: None }
}
