//! Bookings in calendars outside, what was read there, and where the two differ.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::{
    ids::{BookingId, CalendarId, ConnectionId, MemberId, MirrorId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};

/// A booking in a calendar.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MirrorRow {
    /// Its id; what its id at the provider follows from.
    #[sqlx(try_from = "String")]
    pub id: MirrorId,
    /// Its workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// Whose calendar it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// The calendar.
    #[sqlx(try_from = "String")]
    pub calendar_id: CalendarId,
    /// The booking.
    #[sqlx(try_from = "String")]
    pub booking_id: BookingId,
    /// Its id at the provider, once known.
    pub remote_id: Option<String>,
    /// Its ETag there.
    pub etag: Option<String>,
    /// `live`; `apart`: the calendar shows something else, and a person has to look; `gone`: it is not there.
    pub state: String,
    /// May it be there although nobody heard so?
    pub tried: bool,
    /// Grows with every change that is to be written.
    pub wanted: i64,
    /// The change that was written last.
    pub written: i64,
    /// What the calendar shows; epoch microseconds.
    pub start_at: Option<i64>,
    /// What the calendar shows; epoch microseconds.
    pub end_at: Option<i64>,
    /// The link of its meeting, or empty.
    pub meeting: String,
    /// Until when a meeting that was asked for is awaited; epoch microseconds.
    pub meeting_until: Option<i64>,
    /// Failures in a row.
    pub failures: i64,
    /// When it is written next; epoch microseconds.
    pub next_at: i64,
}

/// A mirror.
pub async fn by_id(conn: &mut Conn, id: &MirrorId) -> Result<Option<MirrorRow>, StoreError> {
    row!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
                start_at, end_at, meeting, meeting_until, failures, next_at
         FROM mirrors WHERE id = $1",
        id.as_str()
    )
}

/// The mirrors of a booking.
pub async fn of_booking(conn: &mut Conn, booking: &BookingId) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
                start_at, end_at, meeting, meeting_until, failures, next_at
         FROM mirrors WHERE booking_id = $1 ORDER BY id",
        booking.as_str()
    )
}

/// The mirrors in a calendar of bookings that are not over.
pub async fn of_calendar(
    conn: &mut Conn,
    calendar: &CalendarId,
    since: DateTime<Utc>,
) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT m.id, m.workspace_id, m.member_id, m.calendar_id, m.booking_id, m.remote_id, m.etag, m.state, m.tried,
                m.wanted, m.written, m.start_at, m.end_at, m.meeting, m.meeting_until, m.failures, m.next_at
         FROM mirrors m JOIN bookings b ON b.id = m.booking_id
         WHERE m.calendar_id = $1 AND b.end_at > $2",
        calendar.as_str(),
        micros(since)
    )
}

/// Ids at the provider of entries in a calendar that were written before an instant and never read since, of bookings that are
/// still to come.
pub async fn never_read(
    conn: &mut Conn,
    calendar: &CalendarId,
    before: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT m.remote_id FROM mirrors m JOIN bookings b ON b.id = m.booking_id
         WHERE m.calendar_id = $1 AND m.remote_id IS NOT NULL AND m.written >= m.wanted AND m.updated_at < $2
           AND b.end_at > $2
           AND NOT EXISTS (SELECT 1 FROM remote_events e WHERE e.calendar_id = m.calendar_id AND e.id = m.remote_id)
         ORDER BY m.id LIMIT 100",
        calendar.as_str(),
        micros(before)
    )?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The mirrors in a calendar that are to be written, or whose meeting is awaited, and due.
pub async fn due(
    conn: &mut Conn,
    calendar: &CalendarId,
    now: DateTime<Utc>,
) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
                start_at, end_at, meeting, meeting_until, failures, next_at
         FROM mirrors WHERE calendar_id = $1 AND (written < wanted OR meeting_until IS NOT NULL) AND next_at <= $2
         ORDER BY next_at, id LIMIT 200",
        calendar.as_str(),
        micros(now)
    )
}

/// When the next mirror in a calendar is due; epoch microseconds.
pub async fn next_due(conn: &mut Conn, calendar: &CalendarId) -> Result<Option<i64>, StoreError> {
    let found = row!(
        conn,
        (Option<i64>,),
        "SELECT MIN(next_at) FROM mirrors WHERE calendar_id = $1 AND (written < wanted OR meeting_until IS NOT NULL)",
        calendar.as_str()
    )?;
    Ok(found.and_then(|(at,)| at))
}

/// The calendar that a member's bookings are written to, and whether it is asked for meeting links and invites people.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ReceiverRow {
    /// The calendar.
    #[sqlx(try_from = "String")]
    pub id: CalendarId,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// `us` or `provider`.
    pub invites: String,
    /// How its account is: `ok`, or its owner has to do something first.
    pub state: String,
}

/// The calendar that a member's bookings are written to, if there is one.
pub async fn receiver(conn: &mut Conn, member: &MemberId) -> Result<Option<ReceiverRow>, StoreError> {
    row!(
        conn,
        ReceiverRow,
        "SELECT k.id, k.member_id, k.invites, c.state FROM calendars k JOIN connections c ON c.id = k.connection_id
         WHERE k.member_id = $1 AND k.receives AND k.present AND NOT k.twin ORDER BY k.created_at, k.id LIMIT 1",
        member.as_str()
    )
}

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

/// The link of a booking's online meeting.
pub async fn set_booking_meeting(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    link: &str,
) -> Result<bool, StoreError> {
    let set = run!(
        conn,
        "UPDATE bookings SET meeting = $3 WHERE workspace_id = $1 AND id = $2 AND meeting <> $3",
        workspace.as_str(),
        booking.as_str(),
        link
    )?;
    Ok(set > 0)
}

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
pub async fn flag(conn: &mut Conn, new: &NewFlag<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
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
pub async fn unflag(
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
pub async fn flags(
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

/// Another booking that takes some of this time from a member, if there is one.
pub async fn claimed_by(
    conn: &mut Conn,
    member: &MemberId,
    time: Interval,
    except: &BookingId,
) -> Result<Option<BookingId>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT booking_id FROM claims
         WHERE member_id = $1 AND busy_until > $2 AND busy_from < $3 AND booking_id <> $4
         ORDER BY busy_from LIMIT 1",
        member.as_str(),
        micros(time.start()),
        micros(time.end()),
        except.as_str()
    )?;
    found.map(|(id,)| Ok(BookingId::try_from(id)?)).transpose()
}

/// The mirror that has this id at the provider.
pub async fn by_remote(
    conn: &mut Conn,
    calendar: &CalendarId,
    remote_id: &str,
) -> Result<Option<MirrorRow>, StoreError> {
    row!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, booking_id, remote_id, etag, state, tried, wanted, written,
                start_at, end_at, meeting, meeting_until, failures, next_at
         FROM mirrors WHERE calendar_id = $1 AND remote_id = $2",
        calendar.as_str(),
        remote_id
    )
}

/// A flag of a workspace: its booking, whose calendar it is about, and its word.
pub async fn flag_by_id(
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

/// The account that a mirror is in.
pub async fn connection_of(conn: &mut Conn, id: &MirrorId) -> Result<Option<ConnectionId>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT k.connection_id FROM mirrors m JOIN calendars k ON k.id = m.calendar_id WHERE m.id = $1",
        id.as_str()
    )?;
    found.map(|(id,)| Ok(ConnectionId::try_from(id)?)).transpose()
}

/// Forgets the flags at the bookings of an address: they may name whoever has it.
pub async fn forget_flags(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM booking_flags WHERE workspace_id = $1
           AND booking_id IN (SELECT booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2)",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}
