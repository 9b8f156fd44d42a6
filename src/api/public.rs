//! What customers see and do.

use super::AppError;
use crate::domain::{
    appointment::{BookingStatus, CantChange},
    assignment::Assignment,
    event_type::Price,
    month::Month,
    questions::{Answer, Question},
    zone::ZoneRules,
};
use chrono::{DateTime, Utc};
use leptos::{
    prelude::*,
    server_fn::codec::{GetUrl, Json},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A workspace, as much of it as every page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct WorkspaceRef {
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// The page of a workspace: who this is, and what can be booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct WorkspacePage {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// A paragraph about it; may be empty.
    pub intro: String,
    /// The zone that it works in (IANA name).
    pub zone: String,
    /// Listed services, in the owner's order: first those of a team, then those of one person.
    pub services: Vec<ServiceCard>,
}

/// A service on offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct ServiceCard {
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// A paragraph; may be empty.
    pub description: String,
    /// Lengths to choose from, in minutes.
    pub lengths: Vec<u32>,
    /// What it costs.
    pub price: Option<Price>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// Who of them gets the booking.
    pub assignment: Assignment,
    /// More than one host: a team's service.
    pub team: bool,
    /// Places in one appointment; 1 when it is not shared.
    pub seats: u32,
}

/// Where an appointment takes place, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Place {
    /// "In person", "Phone call" or "Video call".
    pub label: String,
    /// The address or link, or empty. A link is shown only once booked.
    pub detail: String,
    /// Must the invitee give a telephone number?
    pub needs_phone: bool,
}

/// A service, as its booking page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Service {
    /// The workspace that offers it.
    pub workspace: WorkspaceRef,
    /// Its part of the address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// A paragraph; may be empty.
    pub description: String,
    /// Lengths to choose from, in minutes.
    pub lengths: Vec<u32>,
    /// The length chosen at first.
    pub default_length: u32,
    /// What it costs.
    pub price: Option<Price>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// Who of them gets the booking.
    pub assignment: Assignment,
    /// Places in one appointment; 1 when it is not shared.
    pub seats: u32,
    /// Where it takes place.
    pub place: Place,
    /// What is asked.
    pub questions: Vec<Question>,
    /// How many guests may be brought.
    pub guests: u32,
    /// Until when it can be moved and cancelled, in sentences.
    pub policy: Vec<String>,
}

/// Free times of one length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeTimes {
    /// The length in minutes.
    pub length: u32,
    /// Starts in epoch minutes, ascending.
    pub starts: Vec<i64>,
    /// Seats left at each start; empty when the service is not shared.
    pub seats: Vec<u32>,
}

/// The free times of a month: a day more on either side, so that any zone can be shown without asking again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthOffer {
    /// The month.
    pub month: Month,
    /// One entry for each length of the service, in its order.
    pub lengths: Vec<FreeTimes>,
    /// For each length, the first free start after this month when the month has none; epoch minutes.
    pub next: Vec<Option<i64>>,
}

/// An appointment that is being moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    /// Its secret token.
    pub token: String,
    /// Where it stands now; epoch minutes.
    pub start: i64,
    /// Its length in minutes: it stays as it is.
    pub length: u32,
}

/// What was entered into a form that was refused, so that it can be shown again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Field names and values, as sent.
    pub values: Vec<(String, String)>,
    /// Why it was refused.
    pub error: Option<AppError>,
}

impl Echo {
    /// The first value that was sent for a field.
    pub fn value(&self, field: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// Was this value sent for this field (boxes, several choices)?
    pub fn has(&self, field: &str, value: &str) -> bool {
        self.values.iter().any(|(name, sent)| name == field && sent == value)
    }

    /// The sentence that belongs beside a field.
    pub fn message(&self, field: &str) -> Option<&str> {
        let fields = self.error.as_ref()?.fields();
        fields.iter().find(|entry| entry.field == field).map(|entry| entry.message.as_str())
    }
}

/// Whose times are picked: a service's, or those that an appointment could move to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PickerOf {
    /// A service of a workspace; private ones need their key.
    Service {
        /// The workspace's slug.
        workspace: String,
        /// The service's slug.
        service: String,
        /// The key of a private one; empty for others.
        key: String,
    },
    /// The service of an appointment, whose own time counts as free.
    Appointment {
        /// Its secret token.
        token: String,
    },
}

/// All that the first view of the picker needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picker {
    /// The service.
    pub service: Service,
    /// The free times of the month shown: the one asked for, else the first that has any.
    pub offer: MonthOffer,
    /// The zone to show times in: asked for, else the cookie's, else the workspace's.
    pub zone: ZoneRules,
    /// Did the person (or their browser, earlier) choose the zone? Else the browser may correct it once.
    pub zone_chosen: bool,
    /// Epoch seconds of the server's clock.
    pub now: i64,
    /// Show times as 1:30 pm? (From the cookie; `false` shows 13:30.)
    pub hour12: bool,
    /// The appointment that is being moved, if it is one.
    pub moving: Option<Moving>,
    /// The form that was refused just now (JavaScript off).
    pub echo: Option<Echo>,
    /// A fresh key, so that sending the form twice books once.
    pub form_key: String,
}

/// A booking as a person entered it: unchecked texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookInput {
    /// The start, epoch minutes.
    pub start: i64,
    /// The length in minutes.
    pub length: u32,
    /// The invitee's zone (IANA name).
    pub zone: String,
    /// The invitee's name.
    pub name: String,
    /// The invitee's e-mail address.
    pub email: String,
    /// The invitee's telephone number; may be empty unless the place needs it.
    #[serde(default)]
    pub phone: String,
    /// Anything else; may be empty.
    #[serde(default)]
    pub notes: String,
    /// E-mail addresses, separated by commas, semicolons or line breaks; may be empty.
    #[serde(default)]
    pub guests: String,
    /// Answers by question key.
    #[serde(default)]
    pub answers: BTreeMap<String, Vec<String>>,
    /// The form's own key.
    #[serde(default)]
    pub form_key: String,
}

/// A booking that was made, or an appointment that was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// The secret token: the page is at `/appointment/{token}`, or at `/verify/{token}`.
    pub token: String,
    /// Nothing is booked before the code is entered that was mailed to the invitee.
    pub verify: bool,
}

/// Links that put an appointment into a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarLinks {
    /// Google Calendar's form.
    pub google: String,
    /// Outlook.com's form.
    pub outlook: String,
    /// Microsoft 365's form.
    pub office: String,
    /// The `.ics` file.
    pub ics: String,
}

/// An appointment, as its invitee sees it. Its times are numbers: reading texts would bring a parser into the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// Its secret token.
    pub token: String,
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// The service's part of the address, for booking again.
    pub service_slug: String,
    /// The service's name.
    pub service_name: String,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it starts.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub start: DateTime<Utc>,
    /// When it ends.
    #[serde(with = "chrono::serde::ts_seconds")]
    pub end: DateTime<Utc>,
    /// The zone that it was booked in.
    pub zone: ZoneRules,
    /// When it stood before it was moved last.
    #[serde(with = "chrono::serde::ts_seconds_option")]
    pub moved_from: Option<DateTime<Utc>>,
    /// With whom.
    pub hosts: Vec<String>,
    /// Where.
    pub place: Place,
    /// What it costs.
    pub price: Option<Price>,
    /// Who booked.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Further addresses.
    pub guests: Vec<String>,
    /// How many of them there can be.
    pub most_guests: u32,
    /// Waiting for approval: until when the time is held.
    #[serde(with = "chrono::serde::ts_seconds_option")]
    pub expires: Option<DateTime<Utc>>,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// Anything else.
    pub notes: String,
    /// Why it can't be moved, if so.
    pub cant_move: Option<CantChange>,
    /// Why it can't be cancelled, if so.
    pub cant_cancel: Option<CantChange>,
    /// Until when it can be changed, in sentences.
    pub policy: Vec<String>,
    /// Why it was cancelled.
    pub cancel_reason: String,
    /// Put it into a calendar.
    pub links: CalendarLinks,
    /// Show times as 1:30 pm?
    pub hour12: bool,
    /// Epoch seconds of the server's clock.
    pub now: i64,
    /// The form that was refused just now (JavaScript off).
    pub echo: Option<Echo>,
}

/// A zone to choose: its name and what is needed to show times in it for the months around.
pub type Zones = Vec<ZoneRules>;

/// The page of a workspace.
#[server(prefix = "/api/ui", endpoint = "workspace", input = GetUrl)]
pub async fn load_workspace(workspace: String) -> Result<WorkspacePage, AppError> {
    crate::server::doors::load_workspace(&workspace).await
}

/// The first view of a picker. Texts from the address that make no sense count as not given.
#[server(prefix = "/api/ui", endpoint = "picker", input = GetUrl)]
pub async fn load_picker(of: PickerOf, month: String, zone: String) -> Result<Picker, AppError> {
    crate::server::doors::load_picker(of, &month, &zone).await
}

/// Another month of a picker.
#[server(prefix = "/api/ui", endpoint = "month", input = GetUrl)]
pub async fn load_month(of: PickerOf, month: Month) -> Result<MonthOffer, AppError> {
    crate::server::doors::load_month(of, month).await
}

/// Every zone that can be chosen, with rules from a month before `month` to fourteen months after it.
#[server(prefix = "/api/ui", endpoint = "zones", input = GetUrl)]
pub async fn load_zones(month: Month) -> Result<Zones, AppError> {
    crate::server::doors::load_zones(month).await
}

/// Books.
#[server(prefix = "/api/ui", endpoint = "book", input = Json)]
pub async fn book(of: PickerOf, input: BookInput) -> Result<Booked, AppError> {
    crate::server::doors::book(of, input).await
}

/// An appointment.
#[server(prefix = "/api/ui", endpoint = "appointment", input = GetUrl)]
pub async fn load_appointment(token: String) -> Result<Appointment, AppError> {
    crate::server::doors::load_appointment(&token).await
}

/// Moves an appointment to another start (epoch minutes).
#[server(prefix = "/api/ui", endpoint = "move", input = Json)]
pub async fn move_appointment(token: String, start: i64) -> Result<Booked, AppError> {
    crate::server::doors::move_appointment(&token, start).await
}

/// Cancels an appointment.
#[server(prefix = "/api/ui", endpoint = "cancel", input = Json)]
pub async fn cancel_appointment(token: String, reason: String) -> Result<(), AppError> {
    crate::server::doors::cancel_appointment(&token, &reason).await
}
