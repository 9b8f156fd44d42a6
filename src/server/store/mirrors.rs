//! Bookings and members' own events in calendars outside.

mod changes;

pub use changes::{
    Seen, give_up, rehome, set_failed, set_meeting, set_seen, set_shared, set_tried, set_written, want,
    want_again, want_all, want_event,
};

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::{
    ids::{BookingId, CalendarEventId, CalendarId, ConnectionId, MemberId, MirrorId, NotAnId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};
use std::fmt;

/// What stands in a calendar outside. In words it is the mark that its entry carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A booking.
    Booking(BookingId),
    /// An event of a member's own.
    Event(CalendarEventId),
}

impl About {
    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Booking(id) => id.as_str(),
            Self::Event(id) => id.as_str(),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Booking(id) => write!(f, "booking:{id}"),
            Self::Event(id) => write!(f, "event:{id}"),
        }
    }
}

impl TryFrom<String> for About {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        match text.split_once(':') {
            Some(("booking", id)) => Ok(Self::Booking(BookingId::try_from(id.to_owned())?)),
            Some(("event", id)) => Ok(Self::Event(CalendarEventId::try_from(id.to_owned())?)),
            _ => Err(NotAnId),
        }
    }
}

/// A booking or an event in a calendar.
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
    /// What it is.
    #[sqlx(try_from = "String")]
    pub about: About,
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
    /// Of an event: what both sides said when they last agreed, as JSON; else empty.
    pub shared: String,
    /// Failures in a row.
    pub failures: i64,
    /// When it is written next; epoch microseconds.
    pub next_at: i64,
}

impl MirrorRow {
    /// The booking, where it is one.
    pub fn booking(&self) -> Result<&BookingId, StoreError> {
        match &self.about {
            About::Booking(id) => Ok(id),
            About::Event(_) => Err(StoreError::Value("an event where a booking was meant")),
        }
    }
}

/// A mirror.
pub async fn by_id(conn: &mut Conn, id: &MirrorId) -> Result<Option<MirrorRow>, StoreError> {
    row!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, COALESCE('booking:' || booking_id, 'event:' || event_id) AS about,
                remote_id, etag, state, tried, wanted, written, start_at, end_at, meeting, meeting_until, shared, failures,
                next_at
         FROM mirrors WHERE id = $1",
        id.as_str()
    )
}

/// The mirrors of a booking.
pub async fn of_booking(conn: &mut Conn, booking: &BookingId) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, COALESCE('booking:' || booking_id, 'event:' || event_id) AS about,
                remote_id, etag, state, tried, wanted, written, start_at, end_at, meeting, meeting_until, shared, failures,
                next_at
         FROM mirrors WHERE booking_id = $1 ORDER BY id",
        booking.as_str()
    )
}

/// The mirrors in a calendar of what is not over.
pub async fn of_calendar(
    conn: &mut Conn,
    calendar: &CalendarId,
    since: DateTime<Utc>,
) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT m.id, m.workspace_id, m.member_id, m.calendar_id,
                COALESCE('booking:' || m.booking_id, 'event:' || m.event_id) AS about, m.remote_id, m.etag, m.state, m.tried,
                m.wanted, m.written, m.start_at, m.end_at, m.meeting, m.meeting_until, m.shared, m.failures, m.next_at
         FROM mirrors m LEFT JOIN bookings b ON b.id = m.booking_id LEFT JOIN calendar_events e ON e.id = m.event_id
         WHERE m.calendar_id = $1 AND COALESCE(b.end_at, e.end_at) > $2",
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
        "SELECT id, workspace_id, member_id, calendar_id, COALESCE('booking:' || booking_id, 'event:' || event_id) AS about,
                remote_id, etag, state, tried, wanted, written, start_at, end_at, meeting, meeting_until, shared, failures,
                next_at
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

/// The mirrors of an event.
pub async fn of_event(conn: &mut Conn, event: &CalendarEventId) -> Result<Vec<MirrorRow>, StoreError> {
    rows!(
        conn,
        MirrorRow,
        "SELECT id, workspace_id, member_id, calendar_id, COALESCE('booking:' || booking_id, 'event:' || event_id) AS about,
                remote_id, etag, state, tried, wanted, written, start_at, end_at, meeting, meeting_until, shared, failures,
                next_at
         FROM mirrors WHERE event_id = $1 ORDER BY id",
        event.as_str()
    )
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
        "SELECT id, workspace_id, member_id, calendar_id, COALESCE('booking:' || booking_id, 'event:' || event_id) AS about,
                remote_id, etag, state, tried, wanted, written, start_at, end_at, meeting, meeting_until, shared, failures,
                next_at
         FROM mirrors WHERE calendar_id = $1 AND remote_id = $2",
        calendar.as_str(),
        remote_id
    )
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
