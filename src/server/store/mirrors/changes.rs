//! What is to be written of bookings and events, and what became of it.

use super::ReceiverRow;
use crate::{
    domain::{
        ids::{BookingId, CalendarEventId, CalendarId, MemberId, MirrorId, WorkspaceId},
        interval::Interval,
    },
    server::store::{Conn, StoreError, micros, rows, run},
};
use chrono::{DateTime, Utc};

/// Has a booking written to a calendar, as a new entry or as a change of the one that is there.
pub async fn want(
    conn: &mut Conn,
    id: &MirrorId,
    workspace: &WorkspaceId,
    calendar: &ReceiverRow,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO mirrors (id, workspace_id, member_id, calendar_id, booking_id, state, tried, wanted, written, meeting,
                              failures, trouble, next_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 'live', FALSE, 1, 0, '', 0, '', $6, $6)
         ON CONFLICT (calendar_id, booking_id)
         DO UPDATE SET wanted = mirrors.wanted + 1, next_at = excluded.next_at, updated_at = excluded.updated_at",
        id.as_str(),
        workspace.as_str(),
        calendar.member_id.as_str(),
        calendar.id.as_str(),
        booking.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Has an event written to a calendar of its member, as a new entry or as a change of the one that is there.
pub async fn want_event(
    conn: &mut Conn,
    id: &MirrorId,
    workspace: &WorkspaceId,
    member: &MemberId,
    calendar: &CalendarId,
    event: &CalendarEventId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO mirrors (id, workspace_id, member_id, calendar_id, event_id, state, tried, wanted, written, meeting,
                              failures, trouble, next_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, 'live', FALSE, 1, 0, '', 0, '', $6, $6)
         ON CONFLICT (calendar_id, event_id)
         DO UPDATE SET wanted = mirrors.wanted + 1, next_at = excluded.next_at, updated_at = excluded.updated_at",
        id.as_str(),
        workspace.as_str(),
        member.as_str(),
        calendar.as_str(),
        event.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Has every entry of a booking written anew: changed, or taken away where it is no longer wanted. Returns the accounts
/// that this is work for.
pub async fn want_all(
    conn: &mut Conn,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET wanted = wanted + 1, next_at = $2, updated_at = $2 WHERE booking_id = $1",
        booking.as_str(),
        micros(now)
    )?;
    let found = rows!(
        conn,
        (String,),
        "SELECT DISTINCT k.connection_id FROM mirrors m JOIN calendars k ON k.id = m.calendar_id WHERE m.booking_id = $1",
        booking.as_str()
    )?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Has an entry written again.
pub async fn want_again(conn: &mut Conn, id: &MirrorId, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET wanted = wanted + 1, next_at = $2, updated_at = $2 WHERE id = $1",
        id.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Notes that an entry is about to be made: from now on it may be there.
pub async fn set_tried(conn: &mut Conn, id: &MirrorId) -> Result<(), StoreError> {
    run!(conn, "UPDATE mirrors SET tried = TRUE WHERE id = $1", id.as_str())?;
    Ok(())
}

/// What became of an entry that was written or read.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Its id at the provider; `None`: it is not there.
    pub remote_id: Option<&'a str>,
    /// Its ETag.
    pub etag: Option<&'a str>,
    /// `live`, `apart` or `gone`.
    pub state: &'a str,
    /// What it shows; `None`: nothing.
    pub time: Option<Interval>,
}

/// Notes what a calendar shows.
pub async fn set_seen(
    conn: &mut Conn,
    id: &MirrorId,
    seen: &Seen<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET remote_id = $2, etag = $3, state = $4, start_at = $5, end_at = $6, tried = $7, updated_at = $8,
                meeting_until = CASE WHEN $7 THEN meeting_until ELSE NULL END
         WHERE id = $1",
        id.as_str(),
        seen.remote_id,
        seen.etag,
        seen.state,
        seen.time.map(|time| micros(time.start())),
        seen.time.map(|time| micros(time.end())),
        seen.remote_id.is_some(),
        micros(now)
    )?;
    Ok(())
}

/// Notes that a change was written. What was wanted since then stays to be written.
pub async fn set_written(
    conn: &mut Conn,
    id: &MirrorId,
    wanted: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET written = $2, failures = 0, trouble = '', next_at = $3 WHERE id = $1",
        id.as_str(),
        wanted,
        micros(now)
    )?;
    Ok(())
}

/// Notes that writing failed, and when it is tried again.
pub async fn set_failed(
    conn: &mut Conn,
    id: &MirrorId,
    trouble: &str,
    next: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET failures = failures + 1, trouble = $2, next_at = $3 WHERE id = $1",
        id.as_str(),
        trouble,
        micros(next)
    )?;
    Ok(())
}

/// Gives writing up: what was wanted so far is not tried again.
pub async fn give_up(
    conn: &mut Conn,
    id: &MirrorId,
    wanted: i64,
    trouble: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET written = $2, trouble = $3, updated_at = $4, meeting_until = NULL WHERE id = $1",
        id.as_str(),
        wanted,
        trouble,
        micros(now)
    )?;
    Ok(())
}

/// Notes how far an online meeting has come: its link, or until when it is awaited and when it is asked for next.
pub async fn set_meeting(
    conn: &mut Conn,
    id: &MirrorId,
    link: &str,
    until: Option<DateTime<Utc>>,
    next: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mirrors SET meeting = $2, meeting_until = $3, next_at = $4 WHERE id = $1",
        id.as_str(),
        link,
        until.map(micros),
        micros(next)
    )?;
    Ok(())
}

/// Keeps what both sides said of an event when they agreed.
pub async fn set_shared(conn: &mut Conn, id: &MirrorId, shared: &str) -> Result<(), StoreError> {
    run!(conn, "UPDATE mirrors SET shared = $2 WHERE id = $1", id.as_str(), shared)?;
    Ok(())
}

/// An event's entry was moved to another calendar of the account: it stands there now.
pub async fn rehome(
    conn: &mut Conn,
    id: &MirrorId,
    event: &CalendarEventId,
    calendar: &CalendarId,
    remote_id: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // What is left of an earlier stay there.
    run!(
        conn,
        "DELETE FROM mirrors WHERE calendar_id = $1 AND event_id = $2 AND id <> $3",
        calendar.as_str(),
        event.as_str(),
        id.as_str()
    )?;
    run!(
        conn,
        "UPDATE mirrors SET calendar_id = $2, remote_id = $3, etag = NULL, state = 'live', updated_at = $4 WHERE id = $1",
        id.as_str(),
        calendar.as_str(),
        remote_id,
        micros(now)
    )?;
    Ok(())
}
