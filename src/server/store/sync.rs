//! The engine's side of connections and calendars: what asks for attention, where reading stands, and what was done. Who works
//! on an account is in [`super::holds`].

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{BookingId, CalendarId, ConnectionId, EventTypeId, MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// Notes that the list of an account's calendars was read.
pub async fn set_listed(conn: &mut Conn, id: &ConnectionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE connections SET listed_at = $2 WHERE id = $1", id.as_str(), micros(now))?;
    Ok(())
}

/// Has the list of an account's calendars read in its next tour.
pub async fn forget_list(conn: &mut Conn, id: &ConnectionId) -> Result<(), StoreError> {
    run!(conn, "UPDATE connections SET listed_at = NULL WHERE id = $1", id.as_str())?;
    Ok(())
}

/// What of the calendars that are read a list of their account did not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// Nothing, or it can be read all the same.
    Nothing,
    /// One is gone, and may come back.
    Gone,
    /// One can't be read, and may be gone.
    Sought,
}

/// What of a connection's calendars that are read a list did not show.
pub async fn unlisted(conn: &mut Conn, id: &ConnectionId) -> Result<Unlisted, StoreError> {
    let found = row!(
        conn,
        (Option<i64>,),
        "SELECT CAST(MAX(CASE WHEN present THEN 2 ELSE 1 END) AS BIGINT) FROM calendars
         WHERE connection_id = $1 AND syncs AND (NOT present OR missing_since IS NOT NULL AND failures > 0)",
        id.as_str()
    )?;
    Ok(match found.and_then(|(found,)| found) {
        None => Unlisted::Nothing,
        Some(1) => Unlisted::Gone,
        Some(_) => Unlisted::Sought,
    })
}

/// Asks for attention to an account.
pub async fn hint(conn: &mut Conn, id: &ConnectionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    conn.wake_on_commit();
    run!(
        conn,
        "UPDATE connections
         SET hints = hints + 1,
             next_at = CASE WHEN limited_until > $2 OR next_at <= $2 THEN next_at ELSE $2 END
         WHERE id = $1 AND state = 'ok'",
        id.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Has a calendar read again soon.
pub async fn hint_calendar(conn: &mut Conn, id: &CalendarId, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET next_at = $2 WHERE id = $1", id.as_str(), micros(now))?;
    let found = row!(conn, (String,), "SELECT connection_id FROM calendars WHERE id = $1", id.as_str())?;
    if let Some((connection,)) = found {
        hint(conn, &ConnectionId::try_from(connection)?, now).await?;
    }
    Ok(())
}

/// A calendar as the engine sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CalendarRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: CalendarId,
    /// Its workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Its account.
    #[sqlx(try_from = "String")]
    pub connection_id: ConnectionId,
    /// Its id at the provider.
    pub remote_id: String,
    /// Its name.
    pub name: String,
    /// Is it read?
    pub syncs: bool,
    /// Do its events take time?
    pub conflicts: bool,
    /// Are bookings written to it?
    pub receives: bool,
    /// Do tentative events take time?
    pub tentative: bool,
    /// Are links of online meetings asked for?
    pub meetings: bool,
    /// `adopt` or `flag`: what becomes of a booking whose event was changed there.
    pub outside: String,
    /// `us` or `provider`: who invites.
    pub invites: String,
    /// Where the last reading ended; `None`: everything is to be read.
    pub cursor: Option<String>,
    /// Until when busy time was derived; epoch microseconds.
    pub window_until: i64,
    /// The last reading that came to an end; epoch microseconds.
    pub synced_at: Option<i64>,
    /// Since when lists of the account don't show it; epoch microseconds.
    pub missing_since: Option<i64>,
    /// Failures in a row.
    pub failures: i64,
    /// When it is read next; epoch microseconds.
    pub next_at: i64,
    /// The push channel's id at the provider.
    pub channel_id: Option<String>,
    /// What else ends it.
    pub channel_resource: String,
    /// When it ends; epoch microseconds.
    pub channel_expires_at: Option<i64>,
    /// When it is to be renewed; epoch microseconds.
    pub channel_renew_at: Option<i64>,
}

impl CalendarRow {
    /// Does a list of the account not show it, and nothing else has shown since that it is there?
    pub fn is_sought(&self) -> bool {
        self.missing_since.is_some_and(|since| self.synced_at.is_none_or(|at| at < since))
    }
}

/// The calendars of a connection that are there and in use: read, or written to.
pub async fn calendars(conn: &mut Conn, connection: &ConnectionId) -> Result<Vec<CalendarRow>, StoreError> {
    rows!(
        conn,
        CalendarRow,
        "SELECT id, workspace_id, member_id, connection_id, remote_id, name, syncs, conflicts, receives, tentative,
                meetings, outside, invites, cursor, window_until, synced_at, missing_since, failures, next_at, channel_id,
                channel_resource, channel_expires_at, channel_renew_at
         FROM calendars WHERE connection_id = $1 AND present AND NOT twin ORDER BY created_at, id",
        connection.as_str()
    )
}

/// A calendar as it stands now.
pub async fn calendar(conn: &mut Conn, id: &CalendarId) -> Result<Option<CalendarRow>, StoreError> {
    row!(
        conn,
        CalendarRow,
        "SELECT id, workspace_id, member_id, connection_id, remote_id, name, syncs, conflicts, receives, tentative,
                meetings, outside, invites, cursor, window_until, synced_at, missing_since, failures, next_at, channel_id,
                channel_resource, channel_expires_at, channel_renew_at
         FROM calendars WHERE id = $1",
        id.as_str()
    )
}

/// A reading begins. It stays due since then: one that is cut off is made again as soon as somebody looks, and whatever asks
/// for another one while it goes on says a later time, and is not lost.
pub async fn begin_reading(conn: &mut Conn, id: &CalendarId, began: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET next_at = $2 WHERE id = $1", id.as_str(), micros(began))?;
    Ok(())
}

/// A reading that began with `was` came to its end: keeps the cursor with what it brought, unless everything is to be read
/// again by now, and when the next one is due. It is as true as when it began.
pub async fn end_reading(
    conn: &mut Conn,
    id: &CalendarId,
    was: Option<&str>,
    cursor: &str,
    began: DateTime<Utc>,
    next: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars
         SET cursor = CASE WHEN COALESCE(cursor, '') = $2 THEN $3 ELSE cursor END,
             next_at = CASE WHEN next_at = $4 THEN $6 ELSE next_at END,
             synced_at = $4, failures = 0, trouble = '', updated_at = $5
         WHERE id = $1",
        id.as_str(),
        was.unwrap_or_default(),
        cursor,
        micros(began),
        micros(now),
        micros(next)
    )?;
    Ok(())
}

/// Forgets where reading stood: everything is read again. What is known stays until then.
pub async fn forget_cursor(conn: &mut Conn, id: &CalendarId) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET cursor = NULL WHERE id = $1", id.as_str())?;
    Ok(())
}

/// Has busy time derived anew.
pub async fn forget_window(conn: &mut Conn, id: &CalendarId) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET window_until = 0 WHERE id = $1", id.as_str())?;
    Ok(())
}

/// Notes until when busy time is derived, if its owner still wants what it was derived by.
pub async fn set_window(conn: &mut Conn, by: &CalendarRow, until: i64) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET window_until = $2
         WHERE id = $1 AND syncs = $3 AND conflicts = $4 AND tentative = $5",
        by.id.as_str(),
        until,
        by.syncs,
        by.conflicts,
        by.tentative
    )?;
    Ok(())
}

/// Notes that reading failed, and when it is tried again.
pub async fn set_failed(
    conn: &mut Conn,
    id: &CalendarId,
    trouble: &str,
    next: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET failures = failures + 1, trouble = $2, next_at = $3 WHERE id = $1",
        id.as_str(),
        trouble,
        micros(next)
    )?;
    Ok(())
}

/// The zone in which a member's all-day events are meant: that of their first schedule, else of their workspace.
pub async fn owner_zone(conn: &mut Conn, member: &MemberId) -> Result<String, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT COALESCE((SELECT s.zone FROM schedules s WHERE s.member_id = m.id ORDER BY s.created_at, s.id LIMIT 1),
                         w.zone)
         FROM members m JOIN workspaces w ON w.id = m.workspace_id WHERE m.id = $1",
        member.as_str()
    )?;
    Ok(found.map_or_else(|| "UTC".to_owned(), |(zone,)| zone))
}

/// The rules of what a member can be booked for, as JSON.
pub async fn rules_of(conn: &mut Conn, member: &MemberId) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT e.rules FROM hosts h JOIN event_types e ON e.id = h.event_type_id WHERE h.member_id = $1 AND e.active",
        member.as_str()
    )?;
    Ok(found.into_iter().map(|(rules,)| rules).collect())
}

/// A calendar whose events take time, as somebody who books has to know it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FreshRow {
    /// The calendar.
    #[sqlx(try_from = "String")]
    pub calendar_id: CalendarId,
    /// Its account.
    #[sqlx(try_from = "String")]
    pub connection_id: ConnectionId,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// `book` or `refuse`, when it does not answer.
    pub silent: String,
    /// The last reading that came to an end; epoch microseconds.
    pub synced_at: Option<i64>,
    /// Until when the provider pushes; epoch microseconds.
    pub channel_expires_at: Option<i64>,
    /// The account's state.
    pub state: String,
}

/// The calendars that take time from the hosts of an event type.
pub async fn to_ask(conn: &mut Conn, event_type: &EventTypeId) -> Result<Vec<FreshRow>, StoreError> {
    rows!(
        conn,
        FreshRow,
        "SELECT k.id AS calendar_id, k.connection_id, k.member_id, k.silent, k.synced_at, k.channel_expires_at, c.state
         FROM hosts h JOIN calendars k ON k.member_id = h.member_id JOIN connections c ON c.id = k.connection_id
         WHERE h.event_type_id = $1 AND k.syncs AND k.conflicts AND k.present AND NOT k.twin",
        event_type.as_str()
    )
}

/// Something that was done for a connection.
#[derive(Debug)]
pub struct NewLine<'a> {
    /// The row's id.
    pub id: &'a str,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// The connection.
    pub connection: &'a ConnectionId,
    /// The calendar's name, or empty.
    pub calendar: &'a str,
    /// What was done.
    pub sentence: &'a str,
    /// Did it go well?
    pub went_well: bool,
}

/// Writes down what was done.
pub async fn log(conn: &mut Conn, line: &NewLine<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO sync_log (id, workspace_id, connection_id, at, calendar, sentence, went_well)
         SELECT $1, $2, c.id, $3, $5, $6, $7 FROM connections c WHERE c.id = $4",
        line.id,
        line.workspace.as_str(),
        micros(now),
        line.connection.as_str(),
        line.calendar,
        line.sentence,
        line.went_well
    )?;
    Ok(())
}

/// Forgets what was done before an instant.
pub async fn forget_log(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM sync_log WHERE at < $1", micros(before))?;
    Ok(())
}

/// The bookings still to come that a member takes part in.
pub async fn to_come(
    conn: &mut Conn,
    member: &MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<BookingId>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT b.id FROM attendees a JOIN bookings b ON b.id = a.booking_id
         WHERE a.member_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending') ORDER BY b.start_at",
        member.as_str(),
        micros(now)
    )?;
    found.into_iter().map(|(id,)| Ok(BookingId::try_from(id)?)).collect()
}

/// Every calendar of a connection, in use or not.
pub async fn all_calendars(
    conn: &mut Conn,
    connection: &ConnectionId,
) -> Result<Vec<CalendarId>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT id FROM calendars WHERE connection_id = $1 ORDER BY id",
        connection.as_str()
    )?;
    found.into_iter().map(|(id,)| Ok(CalendarId::try_from(id)?)).collect()
}

/// Whose an account is, for a mail about it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OwnerRow {
    /// Their name.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
    /// The workspace's name.
    pub workspace: String,
    /// The workspace's part of the address.
    pub slug: String,
    /// The workspace's zone.
    pub zone: String,
    /// The provider's key.
    pub provider: String,
    /// The account, as they know it.
    pub label: String,
}

/// Whose an account is.
pub async fn owner(conn: &mut Conn, id: &ConnectionId) -> Result<Option<OwnerRow>, StoreError> {
    row!(
        conn,
        OwnerRow,
        "SELECT m.name, u.email, w.name AS workspace, w.slug, w.zone, c.provider, c.label
         FROM connections c JOIN members m ON m.id = c.member_id JOIN users u ON u.id = m.user_id
         JOIN workspaces w ON w.id = c.workspace_id WHERE c.id = $1",
        id.as_str()
    )
}
