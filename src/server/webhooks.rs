//! Webhooks out: what is told to other programs, how it is signed, and where it may go.
//!
//! [`emit`] writes down, in the transaction of what happened, what each webhook of a workspace is to be told;
//! [`deliver`] tells it. For those who receive: `docs/webhooks.md`.

pub mod body;
mod delivery;
mod openapi;
mod send;
pub mod signature;

pub use delivery::deliver;
pub(crate) use delivery::sealed_for;
pub use openapi::openapi_webhooks;

use crate::{
    domain::ids::{DeliveryId, WorkspaceId},
    server::{
        ids,
        jobs::{self, Job},
        store::{Conn, StoreError, document, webhooks},
    },
};
use body::{BookingData, Envelope};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What other programs can be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Event {
    /// A booking was made and takes place.
    #[serde(rename = "booking.created")]
    BookingCreated,
    /// A booking was made and waits for approval.
    #[serde(rename = "booking.pending")]
    BookingPending,
    /// A pending booking was approved.
    #[serde(rename = "booking.approved")]
    BookingApproved,
    /// A pending booking was refused, or nobody decided in time.
    #[serde(rename = "booking.declined")]
    BookingDeclined,
    /// A booking has another time.
    #[serde(rename = "booking.rescheduled")]
    BookingRescheduled,
    /// A booking was called off.
    #[serde(rename = "booking.cancelled")]
    BookingCancelled,
    /// A reminder went out.
    #[serde(rename = "reminder.sent")]
    ReminderSent,
    /// A host accepted or declined.
    #[serde(rename = "booking.rsvp")]
    BookingRsvp,
    /// The invitee did not come.
    #[serde(rename = "booking.no_show")]
    BookingNoShow,
}

impl Event {
    /// All of them, in the order in which a person reads them.
    pub const ALL: [Self; 9] = [
        Self::BookingCreated,
        Self::BookingPending,
        Self::BookingApproved,
        Self::BookingDeclined,
        Self::BookingRescheduled,
        Self::BookingCancelled,
        Self::ReminderSent,
        Self::BookingRsvp,
        Self::BookingNoShow,
    ];

    /// Its word in bodies, forms and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BookingCreated => "booking.created",
            Self::BookingPending => "booking.pending",
            Self::BookingApproved => "booking.approved",
            Self::BookingDeclined => "booking.declined",
            Self::BookingRescheduled => "booking.rescheduled",
            Self::BookingCancelled => "booking.cancelled",
            Self::ReminderSent => "reminder.sent",
            Self::BookingRsvp => "booking.rsvp",
            Self::BookingNoShow => "booking.no_show",
        }
    }

    /// The event with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }

    /// What happened, in a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::BookingCreated => "A booking was made and takes place.",
            Self::BookingPending => "A booking was made and waits for approval.",
            Self::BookingApproved => "A pending booking was approved.",
            Self::BookingDeclined => "A pending booking was refused, or nobody decided in time.",
            Self::BookingRescheduled => "A booking has another time.",
            Self::BookingCancelled => "A booking was called off.",
            Self::ReminderSent => "A reminder of a booking went out.",
            Self::BookingRsvp => "A host accepted or declined.",
            Self::BookingNoShow => "The invitee did not come.",
        }
    }

    /// The events of a stored list: words with spaces between.
    pub fn list(words: &str) -> Vec<Self> {
        words.split(' ').filter_map(Self::parse).collect()
    }

    /// The list that is stored.
    pub fn words(events: &[Self]) -> String {
        events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Writes down what every webhook of the workspace that asked for this event is to be told, and enqueues it, in the
/// caller's transaction. One query when nobody asked. The body is fixed here: every attempt sends the same bytes.
///
/// # Errors
/// As the database; the caller's transaction can't be committed then.
pub async fn emit(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    event: Event,
    data: &BookingData,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let active = webhooks::active(conn, workspace).await?;
    let asking: Vec<_> =
        active.into_iter().filter(|(_, events)| Event::list(events).contains(&event)).collect();
    if asking.is_empty() {
        return Ok(());
    }
    // Not every program reads more digits than three.
    let timestamp = now.trunc_subsecs(3);
    let body = document(&Envelope { event, timestamp, version: body::VERSION, data: data.clone() })?;
    let subject = format!("invitee:{}", data.invitee.id);
    for (webhook, _) in asking {
        let delivery: DeliveryId = ids::new(now)?;
        let new = webhooks::NewDelivery {
            id: &delivery,
            workspace,
            webhook: &webhook,
            event: event.as_str(),
            subject: &subject,
            body: &body,
        };
        webhooks::insert_delivery(conn, &new, now).await?;
        jobs::enqueue(conn, workspace, &Job::Webhook { delivery }, now, None, now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_bodies_forms_and_the_database() {
        for event in Event::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
            assert_eq!(Event::parse(event.as_str()), Some(event));
        }
        assert_eq!(Event::list(&Event::words(&Event::ALL)), Event::ALL);
        assert_eq!(Event::list("booking.created nonsense"), [Event::BookingCreated]);
        assert_eq!(Event::list(""), []);
        assert_eq!(Event::parse("booking.lost"), None);
    }
}
