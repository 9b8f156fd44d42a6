//! Attendees: the hosts who take part in a booking, and what they answered.

use super::{Conn, StoreError, row, rows, run};
use crate::domain::ids::{BookingId, MemberId, WorkspaceId};

/// Adds a host as an attendee.
pub async fn insert(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    rsvp: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO attendees (booking_id, member_id, workspace_id, rsvp) VALUES ($1, $2, $3, $4)",
        booking.as_str(),
        member.as_str(),
        workspace.as_str(),
        rsvp
    )?;
    Ok(())
}

/// Takes every attendee off a booking, before others take their places.
pub async fn delete_all(conn: &mut Conn, booking: &BookingId) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM attendees WHERE booking_id = $1", booking.as_str())?;
    Ok(())
}

/// The attendees of a booking: member and name.
pub async fn names(conn: &mut Conn, booking: &BookingId) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT a.member_id, m.name FROM attendees a JOIN members m ON m.id = a.member_id
         WHERE a.booking_id = $1 ORDER BY m.name, m.id",
        booking.as_str()
    )
}

/// A host of a booking.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AttendeeRow {
    /// The member.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Name.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
    /// `pending`, `confirmed` or `declined`.
    pub rsvp: String,
    /// The member's own reminders: minutes before the start as JSON; null: as the event type says.
    pub reminders: Option<String>,
}

/// The hosts of a booking with their addresses, by name.
pub async fn of_booking(conn: &mut Conn, booking: &BookingId) -> Result<Vec<AttendeeRow>, StoreError> {
    rows!(
        conn,
        AttendeeRow,
        "SELECT a.member_id, m.name, u.email, a.rsvp, m.reminders
         FROM attendees a JOIN members m ON m.id = a.member_id JOIN users u ON u.id = m.user_id
         WHERE a.booking_id = $1 ORDER BY m.name, m.id",
        booking.as_str()
    )
}

/// A member of a workspace, as a host of a booking who may not be one any more.
pub async fn member(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Option<AttendeeRow>, StoreError> {
    row!(
        conn,
        AttendeeRow,
        "SELECT m.id AS member_id, m.name, u.email, 'declined' AS rsvp, m.reminders
         FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.id = $2",
        workspace.as_str(),
        member.as_str()
    )
}

/// Notes what a host answered. `false` when they are no attendee.
pub async fn set_rsvp(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    rsvp: &str,
) -> Result<bool, StoreError> {
    let answered = run!(
        conn,
        "UPDATE attendees SET rsvp = $4 WHERE workspace_id = $1 AND booking_id = $2 AND member_id = $3",
        workspace.as_str(),
        booking.as_str(),
        member.as_str(),
        rsvp
    )?;
    Ok(answered > 0)
}

/// The workspace of a booking that this member takes part in.
pub async fn workspace_of(
    conn: &mut Conn,
    booking: &BookingId,
    member: &MemberId,
) -> Result<Option<WorkspaceId>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT workspace_id FROM attendees WHERE booking_id = $1 AND member_id = $2",
        booking.as_str(),
        member.as_str()
    )?;
    found.map(|(id,)| Ok(WorkspaceId::try_from(id)?)).transpose()
}
