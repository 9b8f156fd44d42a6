//! The calendars in an account.

use crate::{
    domain::ids::{CalendarId, ConnectionId, MemberId, WorkspaceId},
    server::store::{Conn, StoreError, micros, row, rows, run},
};
use chrono::{DateTime, Utc};

/// A calendar.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CalendarRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: CalendarId,
    /// Its account.
    #[sqlx(try_from = "String")]
    pub connection_id: ConnectionId,
    /// Its id at the provider.
    pub remote_id: String,
    /// Its name.
    pub name: String,
    /// May events be written?
    pub writable: bool,
    /// Is it the account's main one?
    pub main: bool,
    /// Is it still there?
    pub present: bool,
    /// Since when lists of the account don't show it; epoch microseconds.
    pub missing_since: Option<i64>,
    /// Is it in use through another account?
    pub twin: bool,
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
    /// `adopt` or `flag`.
    pub outside: String,
    /// `book` or `refuse`.
    pub silent: String,
    /// `us` or `provider`.
    pub invites: String,
    /// The last reading that came to an end; epoch microseconds.
    pub synced_at: Option<i64>,
    /// What is wrong; empty when nothing is.
    pub trouble: String,
    /// Until when the provider pushes; epoch microseconds.
    pub channel_expires_at: Option<i64>,
    /// Changes that are still to be written to it.
    pub waiting: i64,
    /// When somebody changed it last; epoch microseconds.
    pub updated_at: i64,
}

/// What a person chooses for a calendar, `receives` aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices<'a> {
    /// Is it read?
    pub syncs: bool,
    /// Do its events take time?
    pub conflicts: bool,
    /// Do tentative events take time?
    pub tentative: bool,
    /// Are links of online meetings asked for?
    pub meetings: bool,
    /// `adopt` or `flag`.
    pub outside: &'a str,
    /// `book` or `refuse`.
    pub silent: &'a str,
    /// `us` or `provider`.
    pub invites: &'a str,
}

/// A calendar to add.
#[derive(Debug)]
pub struct NewCalendar<'a> {
    /// Its id.
    pub id: &'a CalendarId,
    /// Its account.
    pub connection: &'a ConnectionId,
    /// Its id at the provider.
    pub remote_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its zone, or empty.
    pub zone: &'a str,
    /// May events be written?
    pub writable: bool,
    /// Is it the account's main one?
    pub main: bool,
    /// Is it in use through another account?
    pub twin: bool,
    /// Is it read, and do its events take time?
    pub used: bool,
    /// Are bookings written to it?
    pub receives: bool,
}

/// Whose calendars are changed: nothing beyond their own is touched.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The member.
    pub member: &'a MemberId,
}

/// Lets one transaction at a time change which calendars a member uses.
pub async fn lock(conn: &mut Conn, of: Owner<'_>) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE members SET name = name WHERE workspace_id = $1 AND id = $2",
        of.workspace.as_str(),
        of.member.as_str()
    )?;
    Ok(())
}

/// The calendars of a member: account by account, the main one first.
pub async fn of_member(conn: &mut Conn, of: Owner<'_>) -> Result<Vec<CalendarRow>, StoreError> {
    rows!(
        conn,
        CalendarRow,
        "SELECT k.id, k.connection_id, k.remote_id, k.name, k.writable, k.main, k.present, k.missing_since, k.twin,
                k.syncs, k.conflicts, k.receives, k.tentative, k.meetings, k.outside, k.silent, k.invites, k.synced_at, k.trouble,
                k.channel_expires_at, k.updated_at,
                (SELECT COUNT(*) FROM mirrors m WHERE m.calendar_id = k.id AND m.written < m.wanted) AS waiting
         FROM calendars k JOIN connections c ON c.id = k.connection_id
         WHERE k.workspace_id = $1 AND k.member_id = $2
         ORDER BY c.created_at, c.id, k.main DESC, k.name, k.id",
        of.workspace.as_str(),
        of.member.as_str()
    )
}

/// A calendar of a member.
pub async fn by_id(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
) -> Result<Option<CalendarRow>, StoreError> {
    row!(
        conn,
        CalendarRow,
        "SELECT k.id, k.connection_id, k.remote_id, k.name, k.writable, k.main, k.present, k.missing_since, k.twin,
                k.syncs, k.conflicts, k.receives, k.tentative, k.meetings, k.outside, k.silent, k.invites, k.synced_at, k.trouble,
                k.channel_expires_at, k.updated_at,
                (SELECT COUNT(*) FROM mirrors m WHERE m.calendar_id = k.id AND m.written < m.wanted) AS waiting
         FROM calendars k WHERE k.workspace_id = $1 AND k.member_id = $2 AND k.id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str()
    )
}

/// A calendar that is in use through another account of its owner.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Elsewhere {
    /// Its id at the provider.
    pub remote_id: String,
    /// What its owner knows that account by.
    pub label: String,
    /// Where that account's calendars are.
    pub home: String,
}

/// The calendars that a member uses through other accounts at a provider.
pub async fn in_use_elsewhere(
    conn: &mut Conn,
    of: Owner<'_>,
    provider: &str,
    but: &ConnectionId,
) -> Result<Vec<Elsewhere>, StoreError> {
    rows!(
        conn,
        Elsewhere,
        "SELECT k.remote_id, c.label, c.home FROM calendars k JOIN connections c ON c.id = k.connection_id
         WHERE k.workspace_id = $1 AND k.member_id = $2 AND c.provider = $3 AND c.id <> $4
           AND k.present AND NOT k.twin AND (k.syncs OR k.receives)
         ORDER BY c.created_at, c.id",
        of.workspace.as_str(),
        of.member.as_str(),
        provider,
        but.as_str()
    )
}

/// Where an account's calendars are.
pub async fn home(conn: &mut Conn, of: Owner<'_>, connection: &ConnectionId) -> Result<String, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT home FROM connections WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        connection.as_str()
    )?;
    Ok(found.map(|(home,)| home).unwrap_or_default())
}

/// Adds a calendar with the usual choices.
pub async fn insert(
    conn: &mut Conn,
    of: Owner<'_>,
    new: &NewCalendar<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO calendars
            (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main, present, twin, syncs,
             conflicts, receives, tentative, meetings, outside, silent, invites, window_until, failures, trouble, next_at,
             channel_resource, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE, $10, $11, $11, $12, TRUE, FALSE, 'adopt', 'book', 'us', 0, 0, '',
                 $13, '', $13, $13)",
        new.id.as_str(),
        of.workspace.as_str(),
        of.member.as_str(),
        new.connection.as_str(),
        new.remote_id,
        new.name,
        new.zone,
        new.writable,
        new.main,
        new.twin,
        new.used,
        new.receives,
        micros(now)
    )?;
    Ok(())
}

/// What a fresh list says of a calendar that is known.
#[derive(Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its zone, or empty.
    pub zone: &'a str,
    /// May events be written? A calendar that can't be written receives nothing any more.
    pub writable: bool,
    /// Is it the account's main one?
    pub main: bool,
}

/// Keeps what a fresh list says of a calendar. One that came back is read at once, and receives bookings again if it did
/// before and none has taken its place.
pub async fn set_listed(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
    listed: &Listed<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars
         SET name = $4, zone = $5, writable = $6, main = $7, present = TRUE, missing_since = NULL, received = FALSE,
             receives = $6 AND (receives OR received AND NOT EXISTS (
                 SELECT 1 FROM calendars o WHERE o.workspace_id = $1 AND o.member_id = $2 AND o.receives)),
             next_at = CASE WHEN present THEN next_at ELSE $8 END
         WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str(),
        listed.name,
        listed.zone,
        listed.writable,
        listed.main,
        micros(now)
    )?;
    Ok(())
}

/// A list of the account does not show a calendar. It is looked for at once.
pub async fn set_missing(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars
         SET missing_since = COALESCE(missing_since, $4), next_at = $4
         WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// A calendar is no longer in its account. What was chosen for it stays, in case it comes back; but nothing is written to it.
pub async fn set_gone(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET present = FALSE, received = receives, receives = FALSE, updated_at = $4
         WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// An account has a new credential: what was wrong with its calendars is of the past.
pub async fn forget_trouble(
    conn: &mut Conn,
    of: Owner<'_>,
    connection: &ConnectionId,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET trouble = '', failures = 0
         WHERE workspace_id = $1 AND member_id = $2 AND connection_id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        connection.as_str()
    )?;
    Ok(())
}

/// Notes that a calendar is, or is no longer, in use through another account. While it is, this one is off.
pub async fn set_twin(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
    twin: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars
         SET twin = $4, syncs = FALSE, conflicts = FALSE, receives = FALSE, updated_at = $5
         WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str(),
        twin,
        micros(now)
    )?;
    Ok(())
}

/// Keeps what a person chose. What is to be read is read at once.
pub async fn set_choices(
    conn: &mut Conn,
    of: Owner<'_>,
    id: &CalendarId,
    choices: &Choices<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars
         SET next_at = CASE WHEN $4 AND NOT syncs THEN $11 ELSE next_at END,
             syncs = $4, conflicts = $5, tentative = $6, meetings = $7, outside = $8, silent = $9, invites = $10,
             updated_at = $11
         WHERE workspace_id = $1 AND member_id = $2 AND id = $3",
        of.workspace.as_str(),
        of.member.as_str(),
        id.as_str(),
        choices.syncs,
        choices.conflicts,
        choices.tentative,
        choices.meetings,
        choices.outside,
        choices.silent,
        choices.invites,
        micros(now)
    )?;
    Ok(())
}

/// Has a member's bookings written to one calendar and to no other, or, without one, to none. Returns whether that was
/// otherwise before.
pub async fn set_receiving(
    conn: &mut Conn,
    of: Owner<'_>,
    id: Option<&CalendarId>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let changed = run!(
        conn,
        "UPDATE calendars SET receives = NOT receives, updated_at = $4
         WHERE workspace_id = $1 AND member_id = $2 AND receives <> (id = $3)",
        of.workspace.as_str(),
        of.member.as_str(),
        id.map_or("", CalendarId::as_str),
        micros(now)
    )?;
    // Whoever has chosen is not overruled by a calendar that comes back.
    run!(
        conn,
        "UPDATE calendars SET received = FALSE WHERE workspace_id = $1 AND member_id = $2 AND received",
        of.workspace.as_str(),
        of.member.as_str()
    )?;
    Ok(changed > 0)
}
