//! Bookings: when they are, where they stand, and lists of them.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::{
    appointment::BookingStatus,
    ids::{BookingId, EventTypeId, MemberId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};

/// A booking of an event type with one of its hosts: what limits and seats are counted from.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BookedRow {
    /// The booking.
    #[sqlx(try_from = "String")]
    pub booking_id: BookingId,
    /// The host.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Places in it.
    pub seats: i64,
    /// Invitees who have not cancelled.
    pub taken: i64,
}

/// The bookings of an event type that hold time and start in a range, once for each host; without one booking
/// (the one that is being moved; empty for none).
pub async fn of_event_type(
    conn: &mut Conn,
    event_type: &EventTypeId,
    range: Interval,
    except: &str,
) -> Result<Vec<BookedRow>, StoreError> {
    rows!(
        conn,
        BookedRow,
        "SELECT b.id AS booking_id, a.member_id, b.start_at, b.end_at, b.seats,
                (SELECT COUNT(*) FROM invitees i WHERE i.booking_id = b.id AND i.active) AS taken
         FROM bookings b JOIN attendees a ON a.booking_id = b.id
         WHERE b.event_type_id = $1 AND b.start_at >= $2 AND b.start_at < $3
           AND b.status IN ('confirmed', 'pending') AND b.id <> $4
         ORDER BY b.start_at, b.id, a.member_id",
        event_type.as_str(),
        micros(range.start()),
        micros(range.end()),
        except
    )
}

/// A booking to make.
#[derive(Debug)]
pub struct NewBooking<'a> {
    /// Its id.
    pub id: &'a BookingId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// What was booked.
    pub event_type: &'a EventTypeId,
    /// Where it stands.
    pub status: BookingStatus,
    /// When.
    pub time: Interval,
    /// Places in it.
    pub seats: u32,
}

/// Makes a booking.
pub async fn insert(conn: &mut Conn, new: &NewBooking<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO bookings
            (id, workspace_id, event_type_id, status, start_at, end_at, sequence, seats, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $8)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.event_type.as_str(),
        new.status.as_str(),
        micros(new.time.start()),
        micros(new.time.end()),
        i64::from(new.seats),
        micros(now)
    )?;
    Ok(())
}

/// Moves a booking to another time.
pub async fn set_time(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    time: Interval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET start_at = $3, end_at = $4, sequence = sequence + 1, updated_at = $5
         WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        micros(time.start()),
        micros(time.end()),
        micros(now)
    )?;
    Ok(())
}

/// Sets where a booking stands.
pub async fn set_status(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    status: BookingStatus,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET status = $3, sequence = sequence + 1, updated_at = $4 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        status.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// What a booking is beside its invitees.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BookingRow {
    /// What was booked.
    #[sqlx(try_from = "String")]
    pub event_type_id: EventTypeId,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: BookingStatus,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// How often it was changed (RFC 5545 SEQUENCE of the hosts' entries).
    pub sequence: i64,
    /// Places.
    pub seats: i64,
    /// Pending: when its hold ends; epoch microseconds.
    pub expires_at: Option<i64>,
    /// ORGANIZER of its calendar entries; empty until its first mail.
    pub organizer: String,
    /// The link of the online meeting that a provider made for it, or empty.
    pub meeting: String,
}

/// A booking of a workspace.
pub async fn get(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Option<BookingRow>, StoreError> {
    row!(
        conn,
        BookingRow,
        "SELECT event_type_id, status, start_at, end_at, sequence, seats, expires_at, organizer, meeting
         FROM bookings WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str()
    )
}

/// Names the organizer of a booking's calendar entries, once.
pub async fn set_organizer(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    organizer: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET organizer = $3 WHERE workspace_id = $1 AND id = $2 AND organizer = ''",
        workspace.as_str(),
        booking.as_str(),
        organizer
    )?;
    Ok(())
}

/// Sets until when a pending booking holds its time; `None` for one that is not pending any more.
pub async fn set_expiry(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    expires: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET expires_at = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        expires.map(micros)
    )?;
    Ok(())
}

/// Notes that something about a booking changed that its hosts' calendars should know of.
pub async fn bump(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET sequence = sequence + 1, updated_at = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// A booking by its id, in its workspace: event type, status, start and end.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Option<(String, String, i64, i64)>, StoreError> {
    row!(
        conn,
        (String, String, i64, i64),
        "SELECT event_type_id, status, start_at, end_at FROM bookings WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str()
    )
}

/// A booking in the owner's list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedRow {
    /// Its id.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Places.
    pub seats: i64,
    /// Where it stands.
    pub status: String,
    /// Pending: until when its time is held; epoch microseconds.
    pub expires_at: Option<i64>,
    /// How often it was changed.
    pub sequence: i64,
}

/// Bookings of a workspace that took place and ended in a range, newest first; of one member only, or of all when
/// `only` is empty.
pub async fn ended(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    only: &str,
    most: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT b.id, e.name AS service, b.start_at, b.end_at, b.seats, b.status, b.expires_at, b.sequence
         FROM bookings b JOIN event_types e ON e.id = b.event_type_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.end_at <= $3 AND b.status = 'confirmed'
           AND ($4 = '' OR EXISTS (SELECT 1 FROM attendees a WHERE a.booking_id = b.id AND a.member_id = $4))
         ORDER BY b.end_at DESC, b.id DESC LIMIT $5",
        workspace.as_str(),
        micros(since),
        micros(until),
        only,
        most
    )
}

/// Bookings of a workspace that hold time and have not ended by `ends_after`, by start, from a place in that
/// order on (start and id of the last one seen); of one member only, or of all when `only` is empty.
pub async fn upcoming(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    ends_after: DateTime<Utc>,
    after: (i64, &str),
    only: &str,
    most: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT b.id, e.name AS service, b.start_at, b.end_at, b.seats, b.status, b.expires_at, b.sequence
         FROM bookings b JOIN event_types e ON e.id = b.event_type_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending')
           AND (b.start_at > $3 OR (b.start_at = $3 AND b.id > $4))
           AND ($5 = '' OR EXISTS (SELECT 1 FROM attendees a WHERE a.booking_id = b.id AND a.member_id = $5))
         ORDER BY b.start_at, b.id LIMIT $6",
        workspace.as_str(),
        micros(ends_after),
        after.0,
        after.1,
        only,
        most
    )
}
