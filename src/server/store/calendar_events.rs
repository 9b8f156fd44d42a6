//! Events of members' own.

use super::{Conn, On, StoreError, instant, micros, row, rows, run};
use crate::domain::{
    calendar_event::{Content, EventTime},
    ids::{CalendarEventId, CalendarId, MemberId, RowId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, NaiveDate, Utc};

/// Of whose busy time events of members' own are the source.
const SOURCE: &str = "own";

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EventRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: CalendarEventId,
    /// Its workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// The calendar outside that it is kept in, if there is one.
    pub calendar_id: Option<String>,
    /// What it is.
    pub title: String,
    /// Where.
    pub place: String,
    /// More about it.
    pub notes: String,
    /// When it starts; epoch microseconds.
    pub start_at: i64,
    /// When it ends; epoch microseconds.
    pub end_at: i64,
    /// Of whole days: the first.
    pub first_day: Option<String>,
    /// Of whole days: the day after the last.
    pub until_day: Option<String>,
    /// Does it take its owner's time?
    pub busy: bool,
    /// Grows with every change.
    pub version: i64,
    /// What its owner should look at, in a sentence; empty when nothing is.
    pub trouble: String,
    /// When it was deleted; epoch microseconds.
    pub deleted_at: Option<i64>,
}

impl EventRow {
    /// What it says.
    pub fn content(&self) -> Result<Content, StoreError> {
        let day = |text: &str| text.parse::<NaiveDate>().map_err(|_| StoreError::Value("a day that is none"));
        let time = match (&self.first_day, &self.until_day) {
            (Some(first), Some(until)) => EventTime::Days { first: day(first)?, until: day(until)? },
            _ => EventTime::Timed { start: instant(self.start_at), end: instant(self.end_at) },
        };
        Ok(Content {
            title: self.title.clone(),
            place: self.place.clone(),
            notes: self.notes.clone(),
            time,
            busy: self.busy,
        })
    }

    /// Is it kept in this calendar?
    pub fn is_kept_in(&self, calendar: &CalendarId) -> bool {
        self.deleted_at.is_none() && self.calendar_id.as_deref() == Some(calendar.as_str())
    }
}

/// What an event is to say, and when that is.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// What.
    pub content: &'a Content,
    /// The instants of its time.
    pub time: Interval,
}

impl Said<'_> {
    fn days(&self) -> (Option<String>, Option<String>) {
        match self.content.time {
            EventTime::Days { first, until } => (Some(first.to_string()), Some(until.to_string())),
            EventTime::Timed { .. } => (None, None),
        }
    }
}

/// Lets one transaction at a time change an event. SQLite lets one at a time change anything.
pub async fn lock(conn: &mut Conn, id: &CalendarEventId) -> Result<(), StoreError> {
    if let On::Postgres(on) = conn.on() {
        sqlx::query("SELECT 1 FROM calendar_events WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id.as_str())
            .execute(on)
            .await?;
    }
    Ok(())
}

/// Whose an event is.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The member.
    pub member: &'a MemberId,
}

/// Makes an event. [`StoreError::Duplicate`] when its id is taken.
pub async fn insert(
    conn: &mut Conn,
    id: &CalendarEventId,
    of: Owner<'_>,
    calendar: Option<&CalendarId>,
    said: Said<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (first, until) = said.days();
    run!(
        conn,
        "INSERT INTO calendar_events (id, workspace_id, member_id, calendar_id, title, place, notes, start_at, end_at,
                                      first_day, until_day, busy, version, trouble, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, '', $13, $13)",
        id.as_str(),
        of.workspace.as_str(),
        of.member.as_str(),
        calendar.map(CalendarId::as_str),
        said.content.title.as_str(),
        said.content.place.as_str(),
        said.content.notes.as_str(),
        micros(said.time.start()),
        micros(said.time.end()),
        first,
        until,
        said.content.busy,
        micros(now)
    )?;
    Ok(())
}

/// Has an event say something else. What was wrong with it before is so no longer.
pub async fn set(
    conn: &mut Conn,
    id: &CalendarEventId,
    said: Said<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (first, until) = said.days();
    run!(
        conn,
        "UPDATE calendar_events
         SET title = $2, place = $3, notes = $4, start_at = $5, end_at = $6, first_day = $7, until_day = $8, busy = $9,
             version = version + 1, trouble = '', updated_at = $10
         WHERE id = $1",
        id.as_str(),
        said.content.title.as_str(),
        said.content.place.as_str(),
        said.content.notes.as_str(),
        micros(said.time.start()),
        micros(said.time.end()),
        first,
        until,
        said.content.busy,
        micros(now)
    )?;
    Ok(())
}

/// Keeps an event in another calendar, or in none.
pub async fn set_calendar(
    conn: &mut Conn,
    id: &CalendarEventId,
    calendar: Option<&CalendarId>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendar_events SET calendar_id = $2, version = version + 1 WHERE id = $1",
        id.as_str(),
        calendar.map(CalendarId::as_str)
    )?;
    Ok(())
}

/// Notes what its owner should look at.
pub async fn set_trouble(conn: &mut Conn, id: &CalendarEventId, trouble: &str) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendar_events SET trouble = $2 WHERE id = $1", id.as_str(), trouble)?;
    Ok(())
}

/// Deletes an event (`Some`), or brings it back.
pub async fn set_deleted(
    conn: &mut Conn,
    id: &CalendarEventId,
    deleted: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendar_events SET deleted_at = $2, version = version + 1, trouble = '' WHERE id = $1",
        id.as_str(),
        deleted.map(micros)
    )?;
    Ok(())
}

/// The time that an event takes from its owner: all of it, or none.
pub async fn set_busy(
    conn: &mut Conn,
    row: &RowId,
    event: &EventRow,
    time: Option<Interval>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM busy_intervals WHERE source = $1 AND source_ref = $2",
        SOURCE,
        event.id.as_str()
    )?;
    if let Some(time) = time {
        run!(
            conn,
            "INSERT INTO busy_intervals (id, workspace_id, member_id, source, source_ref, busy_from, busy_until)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            row.as_str(),
            event.workspace_id.as_str(),
            event.member_id.as_str(),
            SOURCE,
            event.id.as_str(),
            micros(time.start()),
            micros(time.end())
        )?;
    }
    Ok(())
}

/// An event, for whoever was led to it by a row of its own.
pub async fn by_id(conn: &mut Conn, id: &CalendarEventId) -> Result<Option<EventRow>, StoreError> {
    row!(
        conn,
        EventRow,
        "SELECT id, workspace_id, member_id, calendar_id, title, place, notes, start_at, end_at, first_day, until_day, busy,
                version, trouble, deleted_at
         FROM calendar_events WHERE id = $1",
        id.as_str()
    )
}

/// An event of a member: nobody else's.
pub async fn of_owner(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarEventId,
) -> Result<Option<EventRow>, StoreError> {
    Ok(by_id(conn, id)
        .await?
        .filter(|event| event.workspace_id == *of.workspace && event.member_id == *of.member))
}

/// An event in a list, with where it is kept and whether that is still to be written.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ListedRow {
    /// It.
    #[sqlx(flatten)]
    pub event: EventRow,
    /// The name of the calendar that it is kept in, or empty.
    pub calendar: String,
    /// Is it still to be written there?
    pub waiting: bool,
}

/// The events of a member that end after an instant, by their start, from a place in that order on.
pub async fn list(
    conn: &mut Conn,
    of: Owner<'_>,
    ends_after: DateTime<Utc>,
    from: (i64, &str),
    most: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT e.id, e.workspace_id, e.member_id, e.calendar_id, e.title, e.place, e.notes, e.start_at, e.end_at,
                e.first_day, e.until_day, e.busy, e.version, e.trouble, e.deleted_at, COALESCE(k.name, '') AS calendar,
                EXISTS (SELECT 1 FROM mirrors m WHERE m.event_id = e.id AND m.written < m.wanted) AS waiting
         FROM calendar_events e LEFT JOIN calendars k ON k.id = e.calendar_id
         WHERE e.workspace_id = $1 AND e.member_id = $2 AND e.deleted_at IS NULL AND e.end_at > $3
           AND (e.start_at > $4 OR e.start_at = $4 AND e.id > $5)
         ORDER BY e.start_at, e.id LIMIT $6",
        of.workspace.as_str(),
        of.member.as_str(),
        micros(ends_after),
        from.0,
        from.1,
        most
    )
}

/// The events of a member that were deleted and are still to come, those deleted last first.
pub async fn deleted(
    conn: &mut Conn,
    of: Owner<'_>,
    ends_after: DateTime<Utc>,
    most: i64,
) -> Result<Vec<EventRow>, StoreError> {
    rows!(
        conn,
        EventRow,
        "SELECT id, workspace_id, member_id, calendar_id, title, place, notes, start_at, end_at, first_day, until_day, busy,
                version, trouble, deleted_at
         FROM calendar_events
         WHERE workspace_id = $1 AND member_id = $2 AND deleted_at IS NOT NULL AND end_at > $3
         ORDER BY deleted_at DESC, id LIMIT $4",
        of.workspace.as_str(),
        of.member.as_str(),
        micros(ends_after),
        most
    )
}

/// How many events a member has that end after an instant.
pub async fn count(conn: &mut Conn, of: Owner<'_>, ends_after: DateTime<Utc>) -> Result<i64, StoreError> {
    let found = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM calendar_events
         WHERE workspace_id = $1 AND member_id = $2 AND deleted_at IS NULL AND end_at > $3",
        of.workspace.as_str(),
        of.member.as_str(),
        micros(ends_after)
    )?;
    Ok(found.map_or(0, |(count,)| count))
}

/// Forgets events that were deleted before an instant, once nothing of them is left to be taken away.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM calendar_events WHERE deleted_at < $1
           AND NOT EXISTS (SELECT 1 FROM mirrors m WHERE m.event_id = calendar_events.id AND m.written < m.wanted)",
        micros(before)
    )?;
    Ok(())
}
