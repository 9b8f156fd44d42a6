//! The customer portal: links that were mailed, sessions, feeds, and the appointments of one address.
//!
//! Everything here is asked for with the workspace and the address (in the form that addresses are compared in), or with a
//! token that stands for both.

pub mod everything;
pub mod traces;

use super::{Conn, On, StoreError, micros, row, rows, run};
use crate::domain::{
    appointment::BookingStatus,
    event_type::{EventTypeRules, Visibility},
    ids::{InviteeId, RowId, WorkspaceId},
};
use chrono::{DateTime, Utc};

/// Lets one transaction at a time count and make links for an address. SQLite's write lock does that already.
pub async fn lock_links(conn: &mut Conn, workspace: &WorkspaceId, email_key: &str) -> Result<(), StoreError> {
    if let On::Postgres(on) = conn.on() {
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(format!("portal:{workspace}:{email_key}"))
            .execute(on)
            .await?;
    }
    Ok(())
}

/// How many links of an address end after an instant.
pub async fn links_ending_after(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    after: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let count = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM portal_links WHERE expires_at > $3 AND workspace_id = $1 AND email_key = $2",
        workspace.as_str(),
        email_key,
        micros(after)
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Keeps a link that is mailed.
pub async fn insert_link(
    conn: &mut Conn,
    id: &RowId,
    workspace: &WorkspaceId,
    email_key: &str,
    token_hash: &[u8],
    expires: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO portal_links (id, workspace_id, email_key, token_hash, expires_at) VALUES ($1, $2, $3, $4, $5)",
        id.as_str(),
        workspace.as_str(),
        email_key,
        token_hash,
        micros(expires)
    )?;
    Ok(())
}

/// Does this link still sign in?
pub async fn is_link_open(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT id FROM portal_links
         WHERE workspace_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3",
        workspace.as_str(),
        token_hash,
        micros(now)
    )?;
    Ok(found.is_some())
}

/// Uses a link up; returns the address that it was made for. `None` when it was used before, has expired, or never was.
pub async fn use_link(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    let used = row!(
        conn,
        (String,),
        "UPDATE portal_links SET used_at = $3
         WHERE workspace_id = $1 AND token_hash = $2 AND used_at IS NULL AND expires_at > $3
         RETURNING email_key",
        workspace.as_str(),
        token_hash,
        micros(now)
    )?;
    Ok(used.map(|(email_key,)| email_key))
}

/// Has this address ever booked here?
pub async fn is_known(conn: &mut Conn, workspace: &WorkspaceId, email_key: &str) -> Result<bool, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2 LIMIT 1",
        workspace.as_str(),
        email_key
    )?;
    Ok(found.is_some())
}

/// A browser that followed a link.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SessionRow {
    /// The session.
    #[sqlx(try_from = "String")]
    pub id: RowId,
    /// The address that it is for.
    pub email_key: String,
    /// When it began; epoch microseconds.
    pub created_at: i64,
    /// When it was last used; epoch microseconds.
    pub seen_at: i64,
}

/// Begins a session.
pub async fn insert_session(
    conn: &mut Conn,
    id: &RowId,
    workspace: &WorkspaceId,
    email_key: &str,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO portal_sessions (id, workspace_id, email_key, token_hash, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $5)",
        id.as_str(),
        workspace.as_str(),
        email_key,
        token_hash,
        micros(now)
    )?;
    Ok(())
}

/// The session behind a token in this workspace, expired or not.
pub async fn session(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    token_hash: &[u8],
) -> Result<Option<SessionRow>, StoreError> {
    row!(
        conn,
        SessionRow,
        "SELECT id, email_key, created_at, seen_at FROM portal_sessions WHERE workspace_id = $1 AND token_hash = $2",
        workspace.as_str(),
        token_hash
    )
}

/// Notes that a session is in use.
pub async fn touch_session(conn: &mut Conn, id: &RowId, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE portal_sessions SET seen_at = $2 WHERE id = $1", id.as_str(), micros(now))?;
    Ok(())
}

/// Ends a session, in whichever workspace.
pub async fn delete_session(conn: &mut Conn, token_hash: &[u8]) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM portal_sessions WHERE token_hash = $1", token_hash)?;
    Ok(())
}

/// Ends every session of an address.
pub async fn delete_sessions(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM portal_sessions WHERE workspace_id = $1 AND email_key = $2",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}

/// Makes the feed of an address, in the place of the one that it may have.
pub async fn put_feed(
    conn: &mut Conn,
    id: &RowId,
    workspace: &WorkspaceId,
    email_key: &str,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO portal_feeds (id, workspace_id, email_key, token_hash, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (workspace_id, email_key)
         DO UPDATE SET id = excluded.id, token_hash = excluded.token_hash, created_at = excluded.created_at",
        id.as_str(),
        workspace.as_str(),
        email_key,
        token_hash,
        micros(now)
    )?;
    Ok(())
}

/// A feed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeptFeed {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: RowId,
    /// SHA-256 of its token.
    pub token_hash: Vec<u8>,
    /// When it was made; epoch microseconds.
    pub created_at: i64,
}

/// The feed of an address.
pub async fn feed(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Option<KeptFeed>, StoreError> {
    row!(
        conn,
        KeptFeed,
        "SELECT id, token_hash, created_at FROM portal_feeds WHERE workspace_id = $1 AND email_key = $2",
        workspace.as_str(),
        email_key
    )
}

/// Revokes the feed of an address.
pub async fn delete_feed(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM portal_feeds WHERE workspace_id = $1 AND email_key = $2",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}

/// Whose feed a token opens.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FeedRow {
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// The workspace's name.
    pub workspace_name: String,
    /// The address.
    pub email_key: String,
}

/// The feed behind a token.
pub async fn feed_by_token(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<FeedRow>, StoreError> {
    row!(
        conn,
        FeedRow,
        "SELECT f.workspace_id, w.name AS workspace_name, f.email_key
         FROM portal_feeds f JOIN workspaces w ON w.id = f.workspace_id WHERE f.token_hash = $1",
        token_hash
    )
}

/// Forgets links that have ended, and sessions that ended by their age.
pub async fn forget(
    conn: &mut Conn,
    now: DateTime<Utc>,
    begun_before: DateTime<Utc>,
    seen_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM portal_links WHERE expires_at < $1", micros(now))?;
    run!(
        conn,
        "DELETE FROM portal_sessions WHERE created_at < $1 OR seen_at < $2",
        micros(begun_before),
        micros(seen_before)
    )?;
    Ok(())
}

/// An appointment of an address.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ItemRow {
    /// The invitee.
    #[sqlx(try_from = "String")]
    pub invitee_id: InviteeId,
    /// The booking.
    pub booking_id: String,
    #[sqlx(try_from = "String")]
    status: BookingStatus,
    active: bool,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// How often it was changed for this invitee (RFC 5545 SEQUENCE).
    pub sequence: i64,
    /// When it or its booking was changed last; epoch microseconds.
    pub changed_at: i64,
    /// The zone that it was booked in.
    pub zone: String,
    /// Telephone number.
    pub phone: String,
    /// The link of the online meeting that a provider made for it, or empty.
    pub meeting: String,
    /// The service's part of the address.
    pub service_slug: String,
    /// The service's name.
    pub service: String,
    visibility: String,
    /// Does the service take bookings?
    pub open: bool,
    rules: String,
}

impl ItemRow {
    /// Where the appointment stands for this invitee.
    pub fn status(&self) -> BookingStatus {
        if self.active || !self.status.holds_time() { self.status } else { BookingStatus::Cancelled }
    }

    /// What the owner decided about the service.
    pub fn rules(&self) -> Result<EventTypeRules, StoreError> {
        Ok(serde_json::from_str(&self.rules)?)
    }

    /// Who finds the service. A word that is unknown to this version hides it.
    pub fn visibility(&self) -> Visibility {
        match self.visibility.as_str() {
            "listed" => Visibility::Listed,
            "hidden" => Visibility::Hidden,
            _ => Visibility::Private,
        }
    }
}

/// What an address has before it: appointments that hold time and have not ended, soonest first, from a place in that
/// order on (start and invitee of the last one seen).
pub async fn coming(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    now: DateTime<Utc>,
    after: (i64, &str),
    most: i64,
) -> Result<Vec<ItemRow>, StoreError> {
    rows!(
        conn,
        ItemRow,
        "SELECT i.id AS invitee_id, i.booking_id, b.status, i.active, b.start_at, b.end_at, i.sequence,
                CASE WHEN b.updated_at > i.updated_at THEN b.updated_at ELSE i.updated_at END AS changed_at,
                i.zone, i.phone, b.meeting, e.slug AS service_slug, e.name AS service, e.visibility, e.active AS open, e.rules
         FROM invitees i JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.workspace_id = $1 AND i.email_key = $2
           AND i.active AND b.status IN ('confirmed', 'pending') AND b.end_at > $3
           AND (b.start_at > $4 OR (b.start_at = $4 AND i.id > $5))
         ORDER BY b.start_at, i.id LIMIT $6",
        workspace.as_str(),
        email_key,
        micros(now),
        after.0,
        after.1,
        most
    )
}

/// What an address has behind it: appointments that have ended, and those that were cancelled or declined; newest first,
/// from a place in that order on.
pub async fn past(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    now: DateTime<Utc>,
    before: (i64, &str),
    most: i64,
) -> Result<Vec<ItemRow>, StoreError> {
    rows!(
        conn,
        ItemRow,
        "SELECT i.id AS invitee_id, i.booking_id, b.status, i.active, b.start_at, b.end_at, i.sequence,
                CASE WHEN b.updated_at > i.updated_at THEN b.updated_at ELSE i.updated_at END AS changed_at,
                i.zone, i.phone, b.meeting, e.slug AS service_slug, e.name AS service, e.visibility, e.active AS open, e.rules
         FROM invitees i JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.workspace_id = $1 AND i.email_key = $2
           AND (NOT i.active OR b.status IN ('cancelled', 'declined') OR b.end_at <= $3)
           AND (b.start_at < $4 OR (b.start_at = $4 AND i.id < $5))
         ORDER BY b.start_at DESC, i.id DESC LIMIT $6",
        workspace.as_str(),
        email_key,
        micros(now),
        before.0,
        before.1,
        most
    )
}

/// Everything that an address has from an instant on, however it stands, newest first.
pub async fn since(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    from: DateTime<Utc>,
    most: i64,
) -> Result<Vec<ItemRow>, StoreError> {
    rows!(
        conn,
        ItemRow,
        "SELECT i.id AS invitee_id, i.booking_id, b.status, i.active, b.start_at, b.end_at, i.sequence,
                CASE WHEN b.updated_at > i.updated_at THEN b.updated_at ELSE i.updated_at END AS changed_at,
                i.zone, i.phone, b.meeting, e.slug AS service_slug, e.name AS service, e.visibility, e.active AS open, e.rules
         FROM invitees i JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.workspace_id = $1 AND i.email_key = $2 AND b.end_at > $3
         ORDER BY b.start_at DESC, i.id DESC LIMIT $4",
        workspace.as_str(),
        email_key,
        micros(from),
        most
    )
}

/// The hosts of all bookings of an address: booking and name.
pub async fn hosts(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT a.booking_id, m.name FROM attendees a JOIN members m ON m.id = a.member_id
         WHERE a.booking_id IN (SELECT booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2)
         ORDER BY m.name, m.id",
        workspace.as_str(),
        email_key
    )
}
