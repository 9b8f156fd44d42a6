//! What the customer portal shows, and what it hands out.

use super::public::{Echo, Place, WorkspaceRef};
use crate::domain::{appointment::BookingStatus, event_type::Price, questions::Answer, zone::ZoneRules};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The page that asks for an address.
#[derive(Debug, Clone)]
pub struct PortalDoor {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// What has just happened.
    pub mark: DoorMark,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// What has just happened before the page that asks for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorMark {
    /// Nothing.
    None,
    /// A link was asked for.
    Sent,
    /// A link did not work.
    Stale,
    /// The person signed out.
    SignedOut,
}

/// An appointment in the portal.
#[derive(Debug, Clone)]
pub struct PortalItem {
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// The zone that it was booked in.
    pub zone: ZoneRules,
    /// With whom.
    pub hosts: Vec<String>,
    /// Where.
    pub place: Place,
    /// Where it stands for this person.
    pub status: BookingStatus,
    /// Its own page; the pages for moving and cancelling and its file lie below it.
    pub page: String,
    /// May the person move it now?
    pub can_move: bool,
    /// May the person cancel it now?
    pub can_cancel: bool,
    /// Where the same service can be booked again, if it takes bookings.
    pub again: Option<String>,
}

/// The page of a person who is signed in.
#[derive(Debug, Clone)]
pub struct PortalPage {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// The address that the session is for.
    pub email: String,
    /// What is coming, soonest first.
    pub coming: Vec<PortalItem>,
    /// Continue what is coming here (an opaque cursor), if there is more.
    pub later: Option<String>,
    /// Is this a page further on in what is coming?
    pub is_later: bool,
    /// What is past, cancelled or declined, newest first.
    pub past: Vec<PortalItem>,
    /// Continue what is past here (an opaque cursor), if there is more.
    pub earlier: Option<String>,
    /// Is this a page further on in what is past?
    pub is_earlier: bool,
    /// The secret address of the feed, if there is one.
    pub feed: Option<String>,
    /// Show times as 1:30 pm?
    pub hour12: bool,
}

/// The page that says what deleting does.
#[derive(Debug, Clone)]
pub struct DeletePage {
    /// The workspace.
    pub workspace: WorkspaceRef,
    /// The address that the session is for.
    pub email: String,
    /// Appointments that would be cancelled.
    pub coming: usize,
    /// Appointments that would stay, without a name.
    pub kept: usize,
    /// What was refused.
    pub echo: Option<Echo>,
}

/// What deleting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Appointments that were cancelled.
    pub cancelled: usize,
    /// Appointments that stay as times without a name.
    pub kept: usize,
}

/// Everything that a workspace holds about an address: what "Download my data" hands out. Described in `docs/portal.md`;
/// fields are only ever added while `version` stays the same.
#[derive(Debug, Clone, Serialize)]
pub struct PortalData {
    /// 1.
    pub version: u32,
    /// When it was put together.
    pub made_at: DateTime<Utc>,
    /// The workspace's name.
    pub workspace: String,
    /// The address, in the form that addresses are compared in.
    pub email: String,
    /// Appointments, oldest first.
    pub appointments: Vec<DataAppointment>,
    /// Other people's appointments that name the address as a guest.
    pub guest_of: Vec<DataGuestOf>,
    /// Bookings that wait for the address to be verified.
    pub orders: Vec<DataOrder>,
    /// Mails to the address, oldest first. What they say is in the mails themselves.
    pub messages: Vec<DataMessage>,
    /// What was done to the appointments, and by whom, oldest first.
    pub log: Vec<DataLogEntry>,
    /// Browsers that are signed in here.
    pub sessions: Vec<DataSession>,
    /// Links to sign in with that were mailed.
    pub links: Vec<DataLink>,
    /// When the feed was made, if there is one.
    pub feed_created_at: Option<DateTime<Utc>>,
}

/// An appointment, with all that is kept of it.
#[derive(Debug, Clone, Serialize)]
pub struct DataAppointment {
    /// The id of the person's place in it; the UID of its calendar entry.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// When it stood before it was moved last.
    pub moved_from: Option<DateTime<Utc>>,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// Where.
    pub place: String,
    /// The address, the link or the number.
    pub place_detail: String,
    /// What it costs.
    pub price: Option<Price>,
    /// Name.
    pub name: String,
    /// Address, as entered.
    pub email: String,
    /// Telephone number, or empty.
    pub phone: String,
    /// Zone.
    pub timezone: String,
    /// Notes, or empty.
    pub notes: String,
    /// Answers.
    pub answers: Vec<Answer>,
    /// Guests' addresses.
    pub guests: Vec<String>,
    /// Why it was cancelled or declined, or empty.
    pub cancel_reason: String,
    /// Are reminders sent?
    pub reminders: bool,
    /// Was it noted that the person did not come?
    pub no_show: bool,
    /// How often it was changed.
    pub sequence: i64,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// Someone else's appointment.
#[derive(Debug, Clone, Serialize)]
pub struct DataGuestOf {
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
}

/// A booking that waits for the address to be verified.
#[derive(Debug, Clone, Serialize)]
pub struct DataOrder {
    /// The service's name.
    pub service: String,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Until when it can be verified.
    pub expires_at: DateTime<Utc>,
}

/// A mail to the address.
#[derive(Debug, Clone, Serialize)]
pub struct DataMessage {
    /// A word for what it says.
    pub kind: String,
    /// Its subject.
    pub subject: String,
    /// `waiting`, `sent`, `kept`, `refused` or `failed`.
    pub status: String,
    /// When it was caused.
    pub created_at: DateTime<Utc>,
    /// When it was sent, kept or given up.
    pub settled_at: Option<DateTime<Utc>>,
}

/// Something that was done.
#[derive(Debug, Clone, Serialize)]
pub struct DataLogEntry {
    /// When.
    pub at: DateTime<Utc>,
    /// Who did it: `you`, `a member` or `the system`.
    pub by: &'static str,
    /// What was done, such as `booking.moved`.
    pub action: String,
}

/// A browser that is signed in.
#[derive(Debug, Clone, Serialize)]
pub struct DataSession {
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the hour.
    pub seen_at: DateTime<Utc>,
}

/// A link that was mailed.
#[derive(Debug, Clone, Serialize)]
pub struct DataLink {
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
}
