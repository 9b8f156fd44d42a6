//! What the owner sees and does. Forms are posted to `server::http::forms`; here is what pages read.

use super::{AppError, public::Echo};
use crate::domain::{event_type::Visibility, zone::ZoneRules};
use chrono::{DateTime, Utc};
use leptos::{prelude::*, server_fn::codec::GetUrl};
use serde::{Deserialize, Serialize};

/// What the set-up page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUpPage {
    /// Has someone set this server up already? Then the page only points to sign-in.
    pub done: bool,
    /// Zone names to choose from.
    pub zones: Vec<String>,
    /// The server's own zone, chosen at first.
    pub server_zone: String,
    /// Must the code from the server's log be entered? (When the server listens beyond this machine.)
    pub needs_code: bool,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// What the sign-in page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInPage {
    /// No workspace exists yet: the page points to the set-up.
    pub empty_server: bool,
    /// The demo's address and password, shown when the server runs with the demo on this machine only.
    pub demo: Option<(String, String)>,
    /// What was entered and refused (never the password).
    pub echo: Option<Echo>,
}

/// A signed-in member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// Name.
    pub name: String,
    /// Role, as a word: `staff`, `manager` or `admin`.
    pub role: String,
    /// The workspace's name.
    pub workspace: String,
    /// The workspace's part of the address.
    pub workspace_slug: String,
}

/// A booking in the owner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpcomingBooking {
    /// Its id.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Does it wait for approval?
    pub pending: bool,
    /// Waiting: until when its time is held.
    pub expires: Option<DateTime<Utc>>,
    /// Which state of it this is; a decision names it.
    pub sequence: i64,
    /// The hosts.
    pub hosts: Vec<HostLine>,
    /// Whoever has a place in it.
    pub invitees: Vec<InviteeLine>,
    /// Places, when shared; else 1.
    pub seats: u32,
    /// What the member who looks has answered, when everyone of several hosts is to answer.
    pub my_rsvp: Option<String>,
    /// Mails about it that did not arrive: to whom, and what the mail server said.
    pub undelivered: Vec<(String, String)>,
    /// Where it and a calendar outside tell different things.
    pub flags: Vec<FlagLine>,
}

/// A booking and a calendar outside tell different things: somebody should look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagLine {
    /// Its id.
    pub id: String,
    /// Whose calendar it is about.
    pub member: String,
    /// What it is, in a sentence or two.
    pub detail: String,
    /// Can the calendar be made to show what the booking says?
    pub can_put_back: bool,
    /// Can the booking be moved to where the calendar shows it?
    pub can_follow: bool,
}

/// A host of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostLine {
    /// Name.
    pub name: String,
    /// `pending`, `confirmed` or `declined`.
    pub rsvp: String,
}

/// Someone who has a place in a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteeLine {
    /// Their id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Did they fail to come?
    pub no_show: bool,
}

/// An event type in the owner's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTypeRow {
    /// Its name.
    pub name: String,
    /// The whole path to its booking page, with the key of a private one.
    pub path: String,
    /// Lengths in minutes.
    pub lengths: Vec<u32>,
    /// Who finds it.
    pub visibility: Visibility,
    /// Does it take bookings?
    pub active: bool,
}

/// The owner's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingsPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in: the workspace's.
    pub zone: ZoneRules,
    /// Bookings that have not ended, soonest first, at most 50 from `after` on.
    pub upcoming: Vec<UpcomingBooking>,
    /// Bookings that ended within the last week, newest first, at most 20; on the first page only.
    pub recent: Vec<UpcomingBooking>,
    /// For admins: why mail can't be sent at the moment, and how many mails wait.
    pub mail_trouble: Option<(String, i64)>,
    /// Continue the list here (an opaque cursor), if there is more.
    pub next: Option<String>,
    /// The event types, in the owner's order.
    pub event_types: Vec<EventTypeRow>,
    /// Start of every public link, without a slash at its end.
    pub public_url: String,
    /// Epoch seconds of the server's clock.
    pub now: i64,
    /// What was refused just now.
    pub echo: Option<Echo>,
}

/// The set-up page.
#[server(prefix = "/api/ui", endpoint = "set-up-page", input = GetUrl)]
pub async fn load_set_up() -> Result<SetUpPage, AppError> {
    crate::server::doors::load_set_up().await
}

/// The sign-in page.
#[server(prefix = "/api/ui", endpoint = "sign-in-page", input = GetUrl)]
pub async fn load_sign_in() -> Result<SignInPage, AppError> {
    crate::server::doors::load_sign_in().await
}

/// The owner's page.
#[server(prefix = "/api/ui", endpoint = "bookings", input = GetUrl)]
pub async fn load_bookings(after: String) -> Result<BookingsPage, AppError> {
    crate::server::doors::load_bookings(&after).await
}
