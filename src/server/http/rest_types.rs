//! The shapes of the public REST API: only what a program needs, in the field's own words.

use crate::{
    api::public::{Appointment, BookInput, Place, WorkspaceRef},
    domain::{appointment::BookingStatus, event_type::Price, questions::Answer},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// What is asked of the slots of a service.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SlotsQuery {
    /// First day in `tz`, such as `2026-12-01`.
    pub from: Option<String>,
    /// Last day in `tz`, included; at most 62 days in all.
    pub to: Option<String>,
    /// IANA zone that days are grouped in; the workspace's when left out.
    pub tz: Option<String>,
    /// Length in minutes; the service's default when left out.
    pub duration: Option<String>,
    /// The key of a private service.
    pub key: Option<String>,
}

/// The key of a private service, where one is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyQuery {
    /// The key of a private service.
    pub key: Option<String>,
}

/// A start that can be booked now.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotBody {
    /// The instant, in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00Z")]
    pub start: DateTime<Utc>,
    /// Seats left; 1 when the service is not shared.
    pub seats_left: u32,
}

/// Free starts, grouped by day.
#[derive(Debug, Serialize, ToSchema)]
pub struct SlotsBody {
    /// The zone that the days are meant in.
    pub timezone: String,
    /// The length in minutes.
    pub duration: u32,
    /// Days with free starts (`YYYY-MM-DD` in `timezone`), ascending.
    pub days: BTreeMap<String, Vec<SlotBody>>,
}

/// An answer to one question: one text, or several for several choices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AnswerBody {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
    /// A checkbox.
    Tick(bool),
}

/// A booking to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookBody {
    /// The start: one of the slots.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00Z")]
    pub start: DateTime<Utc>,
    /// Length in minutes; the service's default when left out.
    pub duration: Option<u32>,
    /// The invitee's IANA zone.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// The invitee's name.
    pub name: String,
    /// The invitee's e-mail address.
    #[schema(format = Email)]
    pub email: String,
    /// The invitee's telephone number, where the place needs one.
    #[serde(default)]
    pub phone: String,
    /// Anything else.
    #[serde(default)]
    pub notes: String,
    /// Further e-mail addresses.
    #[serde(default)]
    pub guests: Vec<String>,
    /// Answers by question key.
    #[serde(default)]
    pub answers: BTreeMap<String, AnswerBody>,
}

impl BookBody {
    /// As a page would have sent it.
    pub fn into_input(self, default_length: u32, key: String) -> Result<BookInput, crate::api::AppError> {
        if self.start.timestamp_subsec_nanos() != 0 || self.start.timestamp() % 60 != 0 {
            return Err(crate::api::AppError::field(
                "start",
                "A start is a whole minute; take one of the slots.",
            ));
        }
        let answers = self.answers.into_iter().map(|(key, answer)| {
            let values = match answer {
                AnswerBody::One(value) => vec![value],
                AnswerBody::Many(values) => values,
                AnswerBody::Tick(ticked) => vec![if ticked { "yes" } else { "no" }.to_owned()],
            };
            (key, values)
        });
        Ok(BookInput {
            start: self.start.timestamp().div_euclid(60),
            length: self.duration.unwrap_or(default_length),
            zone: self.timezone,
            name: self.name,
            email: self.email,
            phone: self.phone,
            notes: self.notes,
            guests: self.guests.join("\n"),
            answers: answers.collect(),
            form_key: key,
        })
    }
}

/// Why an appointment is cancelled.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// For the host to read.
    #[serde(default)]
    pub reason: String,
}

/// Where an appointment moves to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleBody {
    /// The new start: one of the slots.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T09:00:00Z")]
    pub start: DateTime<Utc>,
}

/// An appointment.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppointmentBody {
    /// The secret that all further requests name. Whoever has it can move and cancel.
    pub token: String,
    /// The page of the appointment.
    #[schema(example = "https://book.example.com/appointment/…")]
    pub url: String,
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// The service's slug.
    pub service: String,
    /// The service's name.
    pub service_name: String,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it starts, in UTC.
    #[schema(value_type = String, format = DateTime)]
    pub start: DateTime<Utc>,
    /// When it ends, in UTC.
    #[schema(value_type = String, format = DateTime)]
    pub end: DateTime<Utc>,
    /// The invitee's zone.
    pub timezone: String,
    /// When it stood before it was moved last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub moved_from: Option<DateTime<Utc>>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// Where it takes place.
    pub place: Place,
    /// What it costs.
    pub price: Option<Price>,
    /// The invitee's name.
    pub name: String,
    /// The invitee's e-mail address.
    pub email: String,
    /// Further e-mail addresses.
    pub guests: Vec<String>,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// Anything else.
    pub notes: String,
    /// Can the invitee cancel it now?
    pub can_cancel: bool,
    /// Can the invitee move it now?
    pub can_reschedule: bool,
    /// Why it was cancelled; empty if it was not.
    pub cancel_reason: String,
}

impl AppointmentBody {
    /// From what the page shows.
    pub fn new(view: Appointment, public_url: &str) -> Self {
        Self {
            url: format!("{public_url}/appointment/{}", view.token),
            token: view.token,
            workspace: view.workspace,
            service: view.service_slug,
            service_name: view.service_name,
            status: view.status,
            start: view.start,
            end: view.end,
            timezone: view.zone.name().to_owned(),
            moved_from: view.moved_from,
            hosts: view.hosts,
            place: view.place,
            price: view.price,
            name: view.name,
            email: view.email,
            guests: view.guests,
            answers: view.answers,
            notes: view.notes,
            can_cancel: view.cant_cancel.is_none(),
            can_reschedule: view.cant_move.is_none(),
            cancel_reason: view.cancel_reason,
        }
    }
}

/// An order that waits for its address to be verified.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VerifyBody {
    /// The page at which the invitee enters the code that was mailed to them, within 30 minutes.
    pub verify: String,
}
