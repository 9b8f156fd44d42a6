//! What is told: the bodies of webhooks, version 1.
//!
//! Within a version, fields are only ever added. There are no tokens in them: whoever receives a body can't change the
//! booking with it.

use super::Event;
use crate::domain::{appointment::BookingStatus, event_type::Price, questions::Answer};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The version of the bodies.
pub const VERSION: u32 = 1;

/// A body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookEnvelope)]
pub struct Envelope {
    /// What happened.
    #[serde(rename = "type")]
    pub event: Event,
    /// When it happened, in UTC. (The header `webhook-timestamp` tells when it was sent.)
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00Z")]
    pub timestamp: DateTime<Utc>,
    /// The version of the body: 1. Fields may be added without a new version.
    #[schema(example = 1)]
    pub version: u32,
    /// The booking as it is after what happened, for one invitee.
    pub data: BookingData,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookEventType)]
pub struct EventTypeRef {
    /// Its part of the address.
    #[schema(example = "first-visit")]
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// A host who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookHost)]
pub struct HostData {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// `pending`, `confirmed` or `declined`.
    #[schema(example = "confirmed")]
    pub rsvp: String,
}

/// The person who booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookInvitee)]
pub struct InviteeData {
    /// The id of their appointment.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Telephone number, or empty.
    pub phone: String,
    /// Their IANA zone.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// E-mail addresses of those they bring along.
    pub guests: Vec<String>,
    /// What they wrote, or empty.
    pub notes: String,
    /// What they answered.
    pub answers: Vec<Answer>,
}

/// Where it takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookPlace)]
pub struct PlaceData {
    /// In a word or two.
    #[schema(example = "Video call")]
    pub label: String,
    /// The address, the link or the number; or empty.
    pub detail: String,
}

/// A booking, for one invitee. Where seats are shared each invitee's appointment is told of by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WebhookBooking)]
pub struct BookingData {
    /// The booking's id.
    #[schema(format = "uuid")]
    pub id: String,
    /// Where it stands.
    pub status: BookingStatus,
    /// The workspace's part of the address.
    #[schema(example = "demo")]
    pub workspace: String,
    /// What was booked.
    pub event_type: EventTypeRef,
    /// When it starts, in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00Z")]
    pub start: DateTime<Utc>,
    /// When it ends, in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:30:00Z")]
    pub end: DateTime<Utc>,
    /// `booking.rescheduled`: when it would have started, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    pub previous_start: Option<DateTime<Utc>>,
    /// The IANA zone that the invitee reads times in.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// Who takes part for the workspace.
    pub hosts: Vec<HostData>,
    /// Who booked.
    pub invitee: InviteeData,
    /// Where it takes place.
    pub place: PlaceData,
    /// What it costs, if it costs anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub price: Option<Price>,
    /// Why it was cancelled or declined, if someone said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// Who did it: `invitee`, `member` or `system`. A pending booking that nobody decided on is declined by the system.
    #[schema(pattern = "^(invitee|member|system)$", example = "invitee")]
    pub by: String,
    /// `reminder.sent`: minutes before the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reminder_minutes: Option<u32>,
    /// `true` when the invitee did not come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub no_show: Option<bool>,
}
