//! Everything that a workspace holds about one address, to be read.

use crate::{
    domain::{
        appointment::BookingStatus,
        event_type::EventTypeRules,
        ids::{EventTypeId, InviteeId, WorkspaceId},
        questions::Answer,
    },
    server::store::{Conn, StoreError, micros, row, rows},
};
use chrono::{DateTime, Utc};

/// An invitee with all that is kept of them, and their booking.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WholeRow {
    /// The invitee.
    #[sqlx(try_from = "String")]
    pub id: InviteeId,
    /// The booking.
    pub booking_id: String,
    /// What was booked.
    #[sqlx(try_from = "String")]
    pub event_type_id: EventTypeId,
    #[sqlx(try_from = "String")]
    status: BookingStatus,
    active: bool,
    /// The service's name.
    pub service: String,
    rules: String,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Where it stood before; epoch microseconds.
    pub moved_from: Option<i64>,
    /// Name.
    pub name: String,
    /// Address as entered.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// The link of the online meeting that a provider made for it, or empty.
    pub meeting: String,
    /// Zone.
    pub zone: String,
    /// Notes.
    pub notes: String,
    answers: String,
    guests: String,
    /// Why it was cancelled.
    pub cancel_reason: String,
    /// Do they want reminders?
    pub reminders: bool,
    /// Did they fail to come?
    pub no_show: bool,
    /// How often it was changed.
    pub sequence: i64,
    /// When it was made; epoch microseconds.
    pub created_at: i64,
    /// When it was changed last; epoch microseconds.
    pub updated_at: i64,
}

impl WholeRow {
    /// Where the appointment stands for this invitee.
    pub fn status(&self) -> BookingStatus {
        if self.active || !self.status.holds_time() { self.status } else { BookingStatus::Cancelled }
    }

    /// What the owner decided about the service.
    pub fn rules(&self) -> Result<EventTypeRules, StoreError> {
        Ok(serde_json::from_str(&self.rules)?)
    }

    /// What was answered.
    pub fn answers(&self) -> Result<Vec<Answer>, StoreError> {
        Ok(serde_json::from_str(&self.answers)?)
    }

    /// Further addresses.
    pub fn guests(&self) -> Result<Vec<String>, StoreError> {
        Ok(serde_json::from_str(&self.guests)?)
    }
}

/// Every appointment of an address, oldest first.
pub async fn appointments(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<WholeRow>, StoreError> {
    rows!(
        conn,
        WholeRow,
        "SELECT i.id, i.booking_id, b.event_type_id, b.status, i.active, e.name AS service, e.rules, b.start_at,
                b.end_at, i.moved_from, i.name, i.email, i.phone, b.meeting, i.zone, i.notes, i.answers, i.guests,
                i.cancel_reason, i.reminders, i.no_show, i.sequence, i.created_at, i.updated_at
         FROM invitees i JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.workspace_id = $1 AND i.email_key = $2 ORDER BY b.start_at, i.id",
        workspace.as_str(),
        email_key
    )
}

/// How many appointments an address has, and how many of them hold time and start after `now`.
pub async fn counts(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<(i64, i64), StoreError> {
    let counts = row!(
        conn,
        (i64, i64),
        "SELECT COUNT(*),
                COUNT(CASE WHEN i.active AND b.status IN ('confirmed', 'pending') AND b.start_at > $3 THEN 1 END)
         FROM invitees i JOIN bookings b ON b.id = i.booking_id WHERE i.workspace_id = $1 AND i.email_key = $2",
        workspace.as_str(),
        email_key,
        micros(now)
    )?;
    Ok(counts.unwrap_or_default())
}

/// An appointment that names guests.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct GuestsRow {
    /// The invitee who brings them.
    #[sqlx(try_from = "String")]
    pub id: InviteeId,
    guests: String,
    /// The service's name.
    pub service: String,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
}

impl GuestsRow {
    /// The guests' addresses.
    pub fn guests(&self) -> Result<Vec<String>, StoreError> {
        Ok(serde_json::from_str(&self.guests)?)
    }
}

/// Appointments of a workspace that name guests, by id, after one of them; so that all can be looked through.
pub async fn with_guests(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    after: &str,
    most: i64,
) -> Result<Vec<GuestsRow>, StoreError> {
    rows!(
        conn,
        GuestsRow,
        "SELECT i.id, i.guests, e.name AS service, b.start_at, b.end_at
         FROM invitees i JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.workspace_id = $1 AND i.id > $2 AND i.guests <> '[]' ORDER BY i.id LIMIT $3",
        workspace.as_str(),
        after,
        most
    )
}

/// A mail to an address.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MailRow {
    /// A word for what it says.
    pub kind: String,
    /// Its subject.
    pub subject: String,
    /// What became of it.
    pub status: String,
    /// When it was caused; epoch microseconds.
    pub created_at: i64,
    /// When it was sent, kept or given up; epoch microseconds.
    pub settled_at: Option<i64>,
}

/// The mails to an address, oldest first.
pub async fn messages(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<MailRow>, StoreError> {
    rows!(
        conn,
        MailRow,
        "SELECT kind, subject, status, created_at, settled_at FROM messages
         WHERE workspace_id = $1 AND recipient_key = $2 ORDER BY created_at, id",
        workspace.as_str(),
        email_key
    )
}

/// What the audit log holds about the appointments of an address: when (epoch microseconds), who, and what; oldest
/// first. Nothing is older than the first appointment, and what others did who had a seat in the same session is theirs.
pub async fn log(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<(i64, String, String)>, StoreError> {
    rows!(
        conn,
        (i64, String, String),
        "SELECT at, actor, action FROM audit_log
         WHERE workspace_id = $1
           AND at >= (SELECT MIN(created_at) FROM invitees WHERE workspace_id = $1 AND email_key = $2)
           AND ((actor NOT LIKE 'invitee:%' AND subject IN (
                    SELECT 'booking:' || booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2))
                OR subject IN (SELECT 'invitee:' || id FROM invitees WHERE workspace_id = $1 AND email_key = $2)
                OR actor IN (SELECT 'invitee:' || id FROM invitees WHERE workspace_id = $1 AND email_key = $2))
         ORDER BY at, id",
        workspace.as_str(),
        email_key
    )
}

/// The sessions of an address: when each began and was last used; epoch microseconds.
pub async fn sessions(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<(i64, i64)>, StoreError> {
    rows!(
        conn,
        (i64, i64),
        "SELECT created_at, seen_at FROM portal_sessions WHERE workspace_id = $1 AND email_key = $2
         ORDER BY created_at, id",
        workspace.as_str(),
        email_key
    )
}

/// The links of an address: when each ends and was used; epoch microseconds.
pub async fn links(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<(i64, Option<i64>)>, StoreError> {
    rows!(
        conn,
        (i64, Option<i64>),
        "SELECT expires_at, used_at FROM portal_links WHERE workspace_id = $1 AND email_key = $2
         ORDER BY expires_at, id",
        workspace.as_str(),
        email_key
    )
}

/// The orders of an address that wait: the service's name, when each was made and ends; epoch microseconds.
pub async fn orders(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<(String, i64, i64)>, StoreError> {
    rows!(
        conn,
        (String, i64, i64),
        "SELECT e.name, o.created_at, o.expires_at FROM orders o JOIN event_types e ON e.id = o.event_type_id
         WHERE o.workspace_id = $1 AND o.email_key = $2 ORDER BY o.created_at, o.id",
        workspace.as_str(),
        email_key
    )
}
