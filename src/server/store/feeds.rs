//! Feeds of members, and the bookings that are in them.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::{
    appointment::BookingStatus,
    event_type::EventTypeRules,
    ids::{EventTypeId, MemberId, RowId, WorkspaceId},
    questions::Answer,
};
use chrono::{DateTime, Utc};

/// A feed to make.
#[derive(Debug)]
pub struct NewFeed<'a> {
    /// Its id.
    pub id: &'a RowId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// Whose it is.
    pub member: &'a MemberId,
    /// `own`, `event_type` or `all`.
    pub scope: &'a str,
    /// Of which event type, where the scope is one.
    pub event_type: Option<&'a EventTypeId>,
    /// With what invitees said of themselves?
    pub contacts: bool,
    /// SHA-256 of its token.
    pub token_hash: &'a [u8],
}

/// Makes a feed.
pub async fn insert(conn: &mut Conn, new: &NewFeed<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO feeds (id, workspace_id, member_id, scope, event_type_id, contacts, token_hash, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.member.as_str(),
        new.scope,
        new.event_type.map(EventTypeId::as_str),
        new.contacts,
        new.token_hash,
        micros(now)
    )?;
    Ok(())
}

/// A feed in a list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedRow {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub member_id: String,
    /// Their name.
    pub member: String,
    /// `own`, `event_type` or `all`.
    pub scope: String,
    /// The name of the event type, where the scope is one.
    pub service: Option<String>,
    /// With what invitees said of themselves?
    pub contacts: bool,
    /// When it was made; epoch microseconds.
    pub created_at: i64,
}

/// Feeds of a workspace, oldest first; of one member only, or of all when `only` is empty.
pub async fn list(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    only: &str,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT f.id, f.member_id, m.name AS member, f.scope, e.name AS service, f.contacts, f.created_at
         FROM feeds f JOIN members m ON m.id = f.member_id LEFT JOIN event_types e ON e.id = f.event_type_id
         WHERE f.workspace_id = $1 AND ($2 = '' OR f.member_id = $2)
         ORDER BY f.created_at, f.id",
        workspace.as_str(),
        only
    )
}

/// Revokes a feed: one of this member only, or of anyone when `only` is empty. `false`: there is none.
pub async fn delete(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &RowId,
    only: &str,
) -> Result<bool, StoreError> {
    let gone = row!(
        conn,
        (String,),
        "DELETE FROM feeds WHERE workspace_id = $1 AND id = $2 AND ($3 = '' OR member_id = $3) RETURNING id",
        workspace.as_str(),
        id.as_str(),
        only
    )?;
    Ok(gone.is_some())
}

/// What a token opens.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OpenRow {
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// Its name.
    pub workspace: String,
    /// Whose it is.
    pub member_id: String,
    /// Their name.
    pub member: String,
    /// Their role now.
    pub role: String,
    /// `own`, `event_type` or `all`.
    pub scope: String,
    /// The event type, where the scope is one.
    pub event_type_id: Option<String>,
    /// Its name.
    pub service: Option<String>,
    /// With what invitees said of themselves?
    pub contacts: bool,
}

/// The feed behind a token.
pub async fn by_token(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<OpenRow>, StoreError> {
    row!(
        conn,
        OpenRow,
        "SELECT f.workspace_id, w.name AS workspace, f.member_id, m.name AS member, m.role, f.scope, f.event_type_id,
                e.name AS service, f.contacts
         FROM feeds f JOIN workspaces w ON w.id = f.workspace_id JOIN members m ON m.id = f.member_id
              LEFT JOIN event_types e ON e.id = f.event_type_id
         WHERE f.token_hash = $1",
        token_hash
    )
}

/// Which bookings of a workspace are meant; empty texts let all through.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// Those that this member attends and did not decline.
    pub member: &'a str,
    /// Those of this event type.
    pub event_type: &'a str,
    /// This one.
    pub booking: &'a str,
    /// Those that end after this.
    pub from: DateTime<Utc>,
}

/// A booking in a feed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct EntryRow {
    /// Its id.
    pub id: String,
    /// The service's name.
    pub service: String,
    rules: String,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Places.
    pub seats: i64,
    #[sqlx(try_from = "String")]
    /// Where it stands.
    pub status: BookingStatus,
    /// How often it was changed (RFC 5545 SEQUENCE).
    pub sequence: i64,
    /// When it was changed last; epoch microseconds.
    pub updated_at: i64,
    /// The link of the online meeting that a provider made for it, or empty.
    pub meeting: String,
}

impl EntryRow {
    /// What the owner decided about the service.
    pub fn rules(&self) -> Result<EventTypeRules, StoreError> {
        Ok(serde_json::from_str(&self.rules)?)
    }
}

/// Bookings that hold time, those that begin last first.
pub async fn entries(conn: &mut Conn, which: &Which<'_>, most: i64) -> Result<Vec<EntryRow>, StoreError> {
    rows!(
        conn,
        EntryRow,
        "SELECT b.id, e.name AS service, e.rules, b.start_at, b.end_at, b.seats, b.status, b.sequence, b.updated_at,
                b.meeting
         FROM bookings b JOIN event_types e ON e.id = b.event_type_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending')
           AND ($3 = '' OR EXISTS (SELECT 1 FROM attendees a
                                   WHERE a.booking_id = b.id AND a.member_id = $3 AND a.rsvp <> 'declined'))
           AND ($4 = '' OR b.event_type_id = $4) AND ($5 = '' OR b.id = $5)
         ORDER BY b.start_at DESC, b.id DESC LIMIT $6",
        which.workspace.as_str(),
        micros(which.from),
        which.member,
        which.event_type,
        which.booking,
        most
    )
}

/// An invitee of a booking in a feed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InviteeRow {
    /// Their booking.
    pub booking_id: String,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// Anything else.
    pub notes: String,
    answers: String,
}

impl InviteeRow {
    /// What was answered.
    pub fn answers(&self) -> Result<Vec<Answer>, StoreError> {
        Ok(serde_json::from_str(&self.answers)?)
    }
}

/// Those who come to such bookings, in the order in which they booked.
pub async fn invitees(conn: &mut Conn, which: &Which<'_>) -> Result<Vec<InviteeRow>, StoreError> {
    rows!(
        conn,
        InviteeRow,
        "SELECT i.booking_id, i.name, i.email, i.phone, i.notes, i.answers
         FROM invitees i JOIN bookings b ON b.id = i.booking_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending') AND i.active
           AND ($3 = '' OR EXISTS (SELECT 1 FROM attendees a
                                   WHERE a.booking_id = b.id AND a.member_id = $3 AND a.rsvp <> 'declined'))
           AND ($4 = '' OR b.event_type_id = $4) AND ($5 = '' OR b.id = $5)
         ORDER BY i.created_at, i.id",
        which.workspace.as_str(),
        micros(which.from),
        which.member,
        which.event_type,
        which.booking
    )
}

/// The hosts of such bookings: booking and name.
pub async fn hosts(conn: &mut Conn, which: &Which<'_>) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT h.booking_id, m.name
         FROM attendees h JOIN members m ON m.id = h.member_id JOIN bookings b ON b.id = h.booking_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending')
           AND ($3 = '' OR EXISTS (SELECT 1 FROM attendees a
                                   WHERE a.booking_id = b.id AND a.member_id = $3 AND a.rsvp <> 'declined'))
           AND ($4 = '' OR b.event_type_id = $4) AND ($5 = '' OR b.id = $5)
         ORDER BY m.name, m.id",
        which.workspace.as_str(),
        micros(which.from),
        which.member,
        which.event_type,
        which.booking
    )
}
