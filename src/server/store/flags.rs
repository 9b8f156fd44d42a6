//! What a person should look at: a booking and a calendar outside tell different things.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{BookingId, MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FlagRow {
    /// Its id.
    pub id: String,
    /// Whose calendar it is about.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Their name.
    pub member: String,
    /// Its word.
    pub kind: String,
    /// What it is, in a sentence; times as `{epoch microseconds}`.
    pub detail: String,
}

/// A flag to raise.
#[derive(Debug)]
pub struct NewFlag<'a> {
    /// The row's id.
    pub id: &'a str,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The booking.
    pub booking: &'a BookingId,
    /// Whose calendar it is about.
    pub member: &'a MemberId,
    /// Its word.
    pub kind: &'a str,
    /// What it is, in a sentence.
    pub detail: &'a str,
}

/// Raises a flag; one of the same kind is replaced.
pub async fn raise(conn: &mut Conn, new: &NewFlag<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO booking_flags (id, workspace_id, booking_id, member_id, kind, detail, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (booking_id, member_id, kind) DO UPDATE SET detail = excluded.detail, at = excluded.at",
        new.id,
        new.workspace.as_str(),
        new.booking.as_str(),
        new.member.as_str(),
        new.kind,
        new.detail,
        micros(now)
    )?;
    Ok(())
}

/// Takes the flags about one member's calendar off a booking; of one kind, or of all when `kind` is empty.
pub async fn lower(
    conn: &mut Conn,
    booking: &BookingId,
    member: &MemberId,
    kind: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM booking_flags WHERE booking_id = $1 AND member_id = $2 AND ($3 = '' OR kind = $3)",
        booking.as_str(),
        member.as_str(),
        kind
    )?;
    Ok(())
}

/// The flags of a booking.
pub async fn of_booking(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Vec<FlagRow>, StoreError> {
    rows!(
        conn,
        FlagRow,
        "SELECT f.id, f.member_id, m.name AS member, f.kind, f.detail FROM booking_flags f
         JOIN members m ON m.id = f.member_id
         WHERE f.workspace_id = $1 AND f.booking_id = $2 ORDER BY f.at, f.id",
        workspace.as_str(),
        booking.as_str()
    )
}

/// A flag of a workspace: its booking, whose calendar it is about, and its word.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<(BookingId, MemberId, String)>, StoreError> {
    let found = row!(
        conn,
        (String, String, String),
        "SELECT booking_id, member_id, kind FROM booking_flags WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        id
    )?;
    let typed =
        |(booking, member, kind)| Ok((BookingId::try_from(booking)?, MemberId::try_from(member)?, kind));
    found.map(typed).transpose()
}

/// Forgets the flags at the bookings of an address: they may name whoever has it.
pub async fn forget(conn: &mut Conn, workspace: &WorkspaceId, email_key: &str) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM booking_flags WHERE workspace_id = $1
           AND booking_id IN (SELECT booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2)",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}
