//! The pages behind links in mails: deciding on a pending booking, and ending reminders.

use super::Document;
use crate::{
    api::AppError,
    domain::{appointment::BookingStatus, zone::ZoneRules},
    ui::format,
};
use chrono::{DateTime, Utc};
use leptos::prelude::*;

/// A booking to decide on.
#[derive(Debug)]
pub struct Decision {
    /// The workspace's name.
    pub workspace: String,
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// Who asked: name, address and what they wrote.
    pub invitees: Vec<(String, String, String)>,
    /// Where it stands.
    pub status: BookingStatus,
    /// Until when it can be decided on.
    pub expires: Option<DateTime<Utc>>,
    /// Which state of the booking this is.
    pub sequence: i64,
}

/// The sentence of a refusal that belongs to no field.
pub(super) fn refusal(refused: Option<&AppError>) -> Option<AnyView> {
    let error = refused?;
    let lines: Vec<String> = match error.fields() {
        [] => vec![error.sentence()],
        fields => fields.iter().map(|field| field.message.clone()).collect(),
    };
    let lines = lines.into_iter().map(|line| view! { <p>{line}</p> }).collect_view();
    Some(view! { <div class="alert-error" role="alert">{lines}</div> }.into_any())
}

/// The page of a pending booking for whoever decides.
pub fn decision(page: Decision, refused: Option<&AppError>) -> Document {
    let Decision { workspace, service, start, end, zone, invitees, status, expires, sequence } = page;
    let title = match status {
        BookingStatus::Pending => "Approve this booking?",
        BookingStatus::Confirmed => "This booking is approved",
        BookingStatus::Declined => "This booking was declined",
        BookingStatus::Cancelled => "This booking was cancelled",
    };
    let when = format!("{}, {}", format::day(zone.date(start)), format::times(&zone, start, end));
    let until = expires.map(|expires| {
        let at = format::clock(zone.local(expires), false);
        format!("Until {}, {at}. Then it is declined by itself.", format::day(zone.date(expires)))
    });
    let people = invitees
        .into_iter()
        .map(|(name, email, notes)| {
            let href = format!("mailto:{email}");
            let notes = (!notes.is_empty()).then(|| view! { <p class="kept">{notes}</p> });
            view! { <div>{name} " " <a class="link wrap-anywhere" href=href>{email}</a> {notes}</div> }
        })
        .collect_view();
    let pending = status == BookingStatus::Pending;
    let form = pending.then(|| {
        view! {
            <form method="post" class="grid gap-4">
                <input type="hidden" name="seen" value=sequence/>
                <div class="field">
                    <label class="label" for="reason">"A word to them" <span class="optional">" (optional)"</span></label>
                    <p class="hint" id="reason-hint">"Sent along with your answer."</p>
                    <textarea class="input" id="reason" name="reason" rows="3" maxlength="1000" aria-describedby="reason-hint"></textarea>
                </div>
                <div class="flex flex-wrap gap-3">
                    <button class="button-primary" type="submit" name="decision" value="approve">"Approve"</button>
                    <button class="button-danger" type="submit" name="decision" value="decline">"Decline"</button>
                </div>
                <p class="hint">{until}</p>
            </form>
        }
    });
    let body = view! {
        <div class="receipt">
            <div class="receipt-head">
                <h1 class="title" tabindex="-1">{title}</h1>
                <p>{workspace}</p>
            </div>
            {refusal(refused)}
            <dl class="rows">
                <div><dt>"What"</dt><dd>{service}</dd></div>
                <div>
                    <dt>"When"</dt>
                    <dd><p><strong>{when}</strong></p><p class="hint">{format::zone(&zone, start)}</p></dd>
                </div>
                <div><dt>"Who asked"</dt><dd>{people}</dd></div>
            </dl>
            {form}
            <p><a class="link" href="/booking">"All bookings"</a></p>
        </div>
    };
    Document { title: title.to_owned(), body: body.into_any(), staff: None }
}

/// The page that ends an appointment's reminders.
pub fn unsubscribe(service: &str, reminders: bool) -> Document {
    let title = if reminders { "No more reminders?" } else { "You get no more reminders" };
    let service = service.to_owned();
    let body = view! {
        <div class="receipt">
            <div class="receipt-head">
                <h1 class="title" tabindex="-1">{title}</h1>
                <p>"This is about your appointment “" {service} "”. It takes place all the same."</p>
            </div>
            {reminders.then(|| view! {
                <form method="post"><button class="button-primary" type="submit">"Stop the reminders"</button></form>
            })}
        </div>
    };
    Document { title: title.to_owned(), body: body.into_any(), staff: None }
}
