//! Time that is taken: claims of our own bookings, and busy intervals from outside.

use super::{Conn, StoreError, micros, rows, run};
use crate::domain::{
    ids::{BookingId, EventTypeId, MemberId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};

/// Time that is taken from one host.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TakenRow {
    /// The host.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// From, epoch microseconds.
    pub busy_from: i64,
    /// Until, epoch microseconds, exclusive.
    pub busy_until: i64,
}

/// What is taken from the hosts of an event type in a range, except by one booking (the one that is being
/// moved; empty for none).
pub async fn taken(
    conn: &mut Conn,
    event_type: &EventTypeId,
    range: Interval,
    except: &str,
) -> Result<Vec<TakenRow>, StoreError> {
    rows!(
        conn,
        TakenRow,
        "SELECT c.member_id, c.busy_from, c.busy_until FROM hosts h JOIN claims c ON c.member_id = h.member_id
         WHERE h.event_type_id = $1 AND c.busy_until > $2 AND c.busy_from < $3 AND c.booking_id <> $4
         UNION ALL
         SELECT b.member_id, b.busy_from, b.busy_until FROM hosts h JOIN busy_intervals b ON b.member_id = h.member_id
         WHERE h.event_type_id = $1 AND b.busy_until > $2 AND b.busy_from < $3",
        event_type.as_str(),
        micros(range.start()),
        micros(range.end()),
        except
    )
}

/// Takes time from a host for a booking. [`StoreError::Overlap`] when any of it is taken already.
pub async fn insert_claim(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    time: Interval,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO claims (booking_id, member_id, workspace_id, busy_from, busy_until) VALUES ($1, $2, $3, $4, $5)",
        booking.as_str(),
        member.as_str(),
        workspace.as_str(),
        micros(time.start()),
        micros(time.end())
    )?;
    Ok(())
}

/// Gives the time of a booking back.
pub async fn delete_claims(conn: &mut Conn, booking: &BookingId) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM claims WHERE booking_id = $1", booking.as_str())?;
    Ok(())
}

/// Notes time that an external calendar takes from a host.
pub async fn insert_busy(
    conn: &mut Conn,
    id: &str,
    workspace: &WorkspaceId,
    member: &MemberId,
    source: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO busy_intervals (id, workspace_id, member_id, source, source_ref, busy_from, busy_until)
         VALUES ($1, $2, $3, $4, $1, $5, $6)",
        id,
        workspace.as_str(),
        member.as_str(),
        source,
        micros(from),
        micros(until)
    )?;
    Ok(())
}
