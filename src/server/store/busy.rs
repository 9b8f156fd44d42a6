//! Time that is taken: claims of our own bookings, and busy intervals from outside.

use super::{Conn, StoreError, instant, micros, rows, run};
use crate::domain::{
    ids::{BookingId, EventTypeId, MemberId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};

/// Time that is taken from one host, all of it in one row: a row for each interval costs more to hand over than to
/// find.
#[derive(Debug, Clone, sqlx::FromRow)]
struct TakenRow {
    #[sqlx(try_from = "String")]
    member_id: MemberId,
    /// `from until,from until,…` in epoch microseconds.
    times: String,
}

/// What is taken from the hosts of an event type in a range, except by one booking (the one that is being
/// moved; empty for none). Hosts may come twice; intervals in any order.
pub async fn taken(
    conn: &mut Conn,
    event_type: &EventTypeId,
    range: Interval,
    except: &str,
) -> Result<Vec<(MemberId, Vec<Interval>)>, StoreError> {
    let found = rows!(
        conn,
        TakenRow,
        "SELECT h.member_id,
                string_agg(CAST(c.busy_from AS TEXT) || ' ' || CAST(c.busy_until AS TEXT), ',') AS times
         FROM hosts h JOIN claims c ON c.member_id = h.member_id
         WHERE h.event_type_id = $1 AND c.busy_until > $2 AND c.busy_from < $3 AND c.booking_id <> $4
         GROUP BY h.member_id
         UNION ALL
         SELECT h.member_id,
                string_agg(CAST(b.busy_from AS TEXT) || ' ' || CAST(b.busy_until AS TEXT), ',') AS times
         FROM hosts h JOIN busy_intervals b ON b.member_id = h.member_id
         WHERE h.event_type_id = $1 AND b.busy_until > $2 AND b.busy_from < $3
         GROUP BY h.member_id",
        event_type.as_str(),
        micros(range.start()),
        micros(range.end()),
        except
    )?;
    found.into_iter().map(|row| Ok((row.member_id, intervals(&row.times)?))).collect()
}

fn intervals(times: &str) -> Result<Vec<Interval>, StoreError> {
    let interval = |pair: &str| {
        let (from, until) = pair.split_once(' ')?;
        Interval::new(instant(from.parse().ok()?), instant(until.parse().ok()?))
    };
    times.split(',').map(|pair| interval(pair).ok_or(StoreError::Value("an interval that is none"))).collect()
}

/// What bookings take from a member in a range.
pub async fn claims_of(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    range: Interval,
) -> Result<Vec<Interval>, StoreError> {
    let found = rows!(
        conn,
        (i64, i64),
        "SELECT busy_from, busy_until FROM claims
         WHERE workspace_id = $1 AND member_id = $2 AND busy_until > $3 AND busy_from < $4 ORDER BY busy_from",
        workspace.as_str(),
        member.as_str(),
        micros(range.start()),
        micros(range.end())
    )?;
    Ok(found.into_iter().filter_map(|(from, until)| Interval::new(instant(from), instant(until))).collect())
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
