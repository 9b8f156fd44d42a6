//! Events that were read from calendars outside, and the time that they take.

use super::{Conn, StoreError, micros, rows, run};
use crate::domain::{
    ids::{CalendarId, MemberId, WorkspaceId},
    interval::Interval,
};
use chrono::{DateTime, Utc};

/// An event to keep.
#[derive(Debug)]
pub struct NewEvent<'a> {
    /// Its calendar.
    pub calendar: &'a CalendarId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// Its id at the provider.
    pub id: &'a str,
    /// The series that it belongs to, or itself.
    pub root: &'a str,
    /// The object that it came in, or empty.
    pub resource: &'a str,
    /// All of it, as JSON.
    pub document: &'a str,
}

/// Keeps an event. `false` when it was known like this.
pub async fn keep(conn: &mut Conn, event: &NewEvent<'_>) -> Result<bool, StoreError> {
    let kept = run!(
        conn,
        "INSERT INTO remote_events (calendar_id, id, workspace_id, root, resource, document)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (calendar_id, id)
         DO UPDATE SET root = excluded.root, resource = excluded.resource, document = excluded.document
         WHERE remote_events.document <> excluded.document OR remote_events.root <> excluded.root",
        event.calendar.as_str(),
        event.id,
        event.workspace.as_str(),
        event.root,
        event.resource,
        event.document
    )?;
    Ok(kept > 0)
}

/// A kept event: its id, its root, and all of it as JSON.
pub type Kept = (String, String, String);

/// The event with this id, with the instances of its series; or an instance with its series.
pub async fn of_root(conn: &mut Conn, calendar: &CalendarId, root: &str) -> Result<Vec<Kept>, StoreError> {
    let mut kept = rows!(
        conn,
        Kept,
        "SELECT id, root, document FROM remote_events WHERE calendar_id = $1 AND root = $2",
        calendar.as_str(),
        root
    )?;
    // Not by the database: for the sake of an order SQLite reads the whole calendar by its key, once for each event.
    kept.sort_unstable();
    Ok(kept)
}

/// The root of an event, if it is known.
pub async fn root_of(conn: &mut Conn, calendar: &CalendarId, id: &str) -> Result<Option<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT root FROM remote_events WHERE calendar_id = $1 AND id = $2",
        calendar.as_str(),
        id
    )?;
    Ok(found.into_iter().next().map(|(root,)| root))
}

/// Ids of the events that came in one object: id and root.
pub async fn of_resource(
    conn: &mut Conn,
    calendar: &CalendarId,
    resource: &str,
) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT id, root FROM remote_events WHERE calendar_id = $1 AND resource = $2 AND resource <> ''",
        calendar.as_str(),
        resource
    )
}

/// Ids of what is known of something: the event with this id, the instances of its series, or what came in this object.
pub async fn under(conn: &mut Conn, calendar: &CalendarId, id: &str) -> Result<Vec<String>, StoreError> {
    // Three look-ups in three indexes.
    let found = rows!(
        conn,
        (String,),
        "SELECT id FROM remote_events WHERE calendar_id = $1 AND id = $2
         UNION SELECT id FROM remote_events WHERE calendar_id = $1 AND root = $2
         UNION SELECT id FROM remote_events WHERE calendar_id = $1 AND resource = $2 AND resource <> ''",
        calendar.as_str(),
        id
    )?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Ids of the events of a calendar, from a place in their order on: id and root.
pub async fn ids(
    conn: &mut Conn,
    calendar: &CalendarId,
    after: &str,
    most: i64,
) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT id, root FROM remote_events WHERE calendar_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        calendar.as_str(),
        after,
        most
    )
}

/// Roots of the events of a calendar, from a place in their order on.
pub async fn roots(
    conn: &mut Conn,
    calendar: &CalendarId,
    after: &str,
    most: i64,
) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT DISTINCT root FROM remote_events WHERE calendar_id = $1 AND root > $2 ORDER BY root LIMIT $3",
        calendar.as_str(),
        after,
        most
    )?;
    Ok(found.into_iter().map(|(root,)| root).collect())
}

/// Forgets an event.
pub async fn forget(conn: &mut Conn, calendar: &CalendarId, id: &str) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM remote_events WHERE calendar_id = $1 AND id = $2", calendar.as_str(), id)?;
    Ok(())
}

/// Forgets an event with the instances of its series.
pub async fn forget_series(conn: &mut Conn, calendar: &CalendarId, root: &str) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM remote_events WHERE calendar_id = $1 AND root = $2", calendar.as_str(), root)?;
    Ok(())
}

/// Replaces the time that an event (with all of its series) takes from its owner.
pub async fn set_busy(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    calendar: &CalendarId,
    root: &str,
    times: &[(String, Interval)],
) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM busy_intervals WHERE source = $1 AND source_ref = $2", calendar.as_str(), root)?;
    for (id, time) in times {
        run!(
            conn,
            "INSERT INTO busy_intervals (id, workspace_id, member_id, source, source_ref, busy_from, busy_until)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id.as_str(),
            workspace.as_str(),
            member.as_str(),
            calendar.as_str(),
            root,
            micros(time.start()),
            micros(time.end())
        )?;
    }
    Ok(())
}

/// The time that an event takes now: start and end, epoch microseconds, in order.
pub async fn busy_of(
    conn: &mut Conn,
    calendar: &CalendarId,
    root: &str,
) -> Result<Vec<(i64, i64)>, StoreError> {
    rows!(
        conn,
        (i64, i64),
        "SELECT busy_from, busy_until FROM busy_intervals WHERE source = $1 AND source_ref = $2
         ORDER BY busy_from, busy_until",
        calendar.as_str(),
        root
    )
}

/// Forgets all time that a calendar takes.
pub async fn clear_busy(conn: &mut Conn, calendar: &CalendarId) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM busy_intervals WHERE source = $1", calendar.as_str())?;
    Ok(())
}

/// Forgets time that is long over.
pub async fn forget_past(
    conn: &mut Conn,
    calendar: &CalendarId,
    before: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM busy_intervals WHERE source = $1 AND busy_until < $2",
        calendar.as_str(),
        micros(before)
    )?;
    Ok(())
}
