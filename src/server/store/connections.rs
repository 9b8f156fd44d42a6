//! Accounts at calendar providers and the calendars in them, as their owners and admins see and change them. What the
//! engine keeps there is in [`super::sync`].

pub mod calendars;

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{ConnectionId, MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ConnectionRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: ConnectionId,
    /// The provider's key.
    pub provider: String,
    /// What tells it from other accounts at the provider.
    pub account_key: String,
    /// What its owner knows it by.
    pub label: String,
    /// Where its calendars are.
    pub home: String,
    /// Sealed for `connection:ID`.
    pub credential: Vec<u8>,
    /// `ok`, `reconnect` or `permission`.
    pub state: String,
    /// What is wrong; empty when nothing is.
    pub trouble: String,
    /// The provider limits us until then; epoch microseconds.
    pub limited_until: Option<i64>,
    /// When there is something to do next; epoch microseconds.
    pub next_at: i64,
    /// When it was connected; epoch microseconds.
    pub created_at: i64,
    /// Changes that are still to be written to its calendars.
    pub waiting: i64,
    /// The oldest last reading of a calendar that is read; epoch microseconds. `None` when one was never read, or none is
    /// read at all.
    pub synced_at: Option<i64>,
    /// Calendars that are read.
    pub reading: i64,
    /// Calendars that are read and never were.
    pub unread: i64,
}

/// The account of a member, as admins see it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct HealthRow {
    /// Whose it is: the name.
    pub member: String,
    /// The provider's key.
    pub provider: String,
    /// What tells the account from others at the provider.
    pub account_key: String,
    /// `ok`, `reconnect` or `permission`.
    pub state: String,
    /// What is wrong; empty when nothing is.
    pub trouble: String,
    /// What is wrong with one of its calendars; empty when nothing is.
    pub calendar_trouble: String,
    /// The provider limits us until then; epoch microseconds.
    pub limited_until: Option<i64>,
    /// Does one of its calendars receive bookings?
    pub receives: bool,
    /// When there is something to do next; epoch microseconds.
    pub next_at: i64,
    /// Changes that are still to be written.
    pub waiting: i64,
    /// As in [`ConnectionRow::synced_at`].
    pub synced_at: Option<i64>,
    /// Calendars that are read.
    pub reading: i64,
    /// Calendars that are read and never were.
    pub unread: i64,
}

/// An account to add.
#[derive(Debug)]
pub struct NewConnection<'a> {
    /// Its id.
    pub id: &'a ConnectionId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// Whose it is.
    pub member: &'a MemberId,
    /// The provider's key.
    pub provider: &'a str,
    /// What tells it from other accounts at the provider.
    pub account_key: &'a str,
    /// What its owner knows it by.
    pub label: &'a str,
    /// Where its calendars are.
    pub home: &'a str,
    /// Sealed for `connection:ID`.
    pub credential: &'a [u8],
}

/// Something that was done for an account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogRow {
    /// Its id.
    pub id: String,
    /// When; epoch microseconds.
    pub at: i64,
    /// The calendar's name, or empty.
    pub calendar: String,
    /// What was done.
    pub sentence: String,
    /// Did it go well?
    pub went_well: bool,
}

/// Adds an account. Somebody is to work on it at once.
pub async fn insert(conn: &mut Conn, new: &NewConnection<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    conn.wake_on_commit();
    run!(
        conn,
        "INSERT INTO connections
            (id, workspace_id, member_id, provider, account_key, label, home, credential, version, state, trouble,
             trouble_since, failures, held_until, next_at, hints, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, 'ok', '', NULL, 0, 0, $9, 0, $9, $9)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.member.as_str(),
        new.provider,
        new.account_key,
        new.label,
        new.home,
        new.credential,
        micros(now)
    )?;
    Ok(())
}

/// What opens an account was given anew. Whoever works on it with the old one lets go of it: what they find out about that
/// one is no longer of interest.
pub async fn renew(conn: &mut Conn, new: &NewConnection<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    conn.wake_on_commit();
    run!(
        conn,
        "UPDATE connections
         SET label = $3, home = $4, credential = $5, version = version + 1, state = 'ok', trouble = '',
             trouble_since = NULL, told_at = NULL, limited_until = NULL, failures = 0, holder = NULL, held_until = 0,
             next_at = $6, hints = hints + 1, updated_at = $6
         WHERE id = $1 AND workspace_id = $2",
        new.id.as_str(),
        new.workspace.as_str(),
        new.label,
        new.home,
        new.credential,
        micros(now)
    )?;
    Ok(())
}

/// An account is known by another key from now on: its feed has another address.
pub async fn set_key(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &ConnectionId,
    account_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE connections SET account_key = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        id.as_str(),
        account_key
    )?;
    Ok(())
}

/// The id of a member's account, if it is connected.
pub async fn by_account(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    provider: &str,
    account_key: &str,
) -> Result<Option<ConnectionId>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT id FROM connections
         WHERE workspace_id = $1 AND member_id = $2 AND provider = $3 AND account_key = $4",
        workspace.as_str(),
        member.as_str(),
        provider,
        account_key
    )?;
    found.map(|(id,)| Ok(ConnectionId::try_from(id)?)).transpose()
}

/// The accounts of a member, in the order in which they were connected.
pub async fn of_member(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Vec<ConnectionRow>, StoreError> {
    some(conn, workspace, member, "").await
}

/// An account of a member.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    id: &ConnectionId,
) -> Result<Option<ConnectionRow>, StoreError> {
    Ok(some(conn, workspace, member, id.as_str()).await?.pop())
}

/// One account of a member, or all (empty).
async fn some(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    id: &str,
) -> Result<Vec<ConnectionRow>, StoreError> {
    rows!(
        conn,
        ConnectionRow,
        "SELECT c.id, c.provider, c.account_key, c.label, c.home, c.credential, c.state, c.trouble, c.limited_until,
                c.next_at, c.created_at,
                (SELECT COUNT(*) FROM mirrors m JOIN calendars k ON k.id = m.calendar_id
                 WHERE k.connection_id = c.id AND k.present AND m.written < m.wanted) AS waiting,
                (SELECT MIN(k.synced_at) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin) AS synced_at,
                (SELECT COUNT(*) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin) AS reading,
                (SELECT COUNT(*) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin AND k.synced_at IS NULL) AS unread
         FROM connections c WHERE c.workspace_id = $1 AND c.member_id = $2 AND ($3 = '' OR c.id = $3)
         ORDER BY c.created_at, c.id",
        workspace.as_str(),
        member.as_str(),
        id
    )
}

/// The accounts of all members of a workspace, without what they contain: those with trouble first.
pub async fn health(conn: &mut Conn, workspace: &WorkspaceId) -> Result<Vec<HealthRow>, StoreError> {
    rows!(
        conn,
        HealthRow,
        "SELECT p.name AS member, c.provider, c.account_key, c.state, c.trouble, c.limited_until, c.next_at,
                COALESCE((SELECT MAX(k.trouble) FROM calendars k
                          WHERE k.connection_id = c.id AND k.present AND (k.syncs OR k.receives)), '')
                    AS calendar_trouble,
                EXISTS (SELECT 1 FROM calendars k WHERE k.connection_id = c.id AND k.receives) AS receives,
                (SELECT COUNT(*) FROM mirrors m JOIN calendars k ON k.id = m.calendar_id
                 WHERE k.connection_id = c.id AND k.present AND m.written < m.wanted) AS waiting,
                (SELECT MIN(k.synced_at) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin) AS synced_at,
                (SELECT COUNT(*) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin) AS reading,
                (SELECT COUNT(*) FROM calendars k
                 WHERE k.connection_id = c.id AND k.syncs AND k.present AND NOT k.twin AND k.synced_at IS NULL) AS unread
         FROM connections c JOIN members p ON p.id = c.member_id
         WHERE c.workspace_id = $1
         ORDER BY CASE WHEN c.state <> 'ok' THEN 0 WHEN c.trouble <> '' THEN 1 ELSE 2 END, p.name, c.created_at, c.id
         LIMIT 1000",
        workspace.as_str()
    )
}

/// Is an account of a provider connected by anyone on this server?
pub async fn is_connected(conn: &mut Conn, provider: &str, account_key: &str) -> Result<bool, StoreError> {
    let found = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM connections WHERE provider = $1 AND account_key = $2",
        provider,
        account_key
    )?;
    Ok(found.is_some_and(|(count,)| count > 0))
}

/// How many accounts a workspace has at a provider.
pub async fn count_at(conn: &mut Conn, workspace: &WorkspaceId, provider: &str) -> Result<i64, StoreError> {
    let found = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM connections WHERE workspace_id = $1 AND provider = $2",
        workspace.as_str(),
        provider
    )?;
    Ok(found.map_or(0, |(count,)| count))
}

/// Has an account worked on now: its calendars are listed and read, and what waits is written.
pub async fn hurry(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    conn.wake_on_commit();
    run!(
        conn,
        "UPDATE calendars SET next_at = $3 WHERE workspace_id = $1 AND connection_id = $2",
        workspace.as_str(),
        id.as_str(),
        micros(now)
    )?;
    run!(
        conn,
        "UPDATE mirrors SET next_at = $3
         WHERE workspace_id = $1 AND written < wanted AND next_at > $3
           AND calendar_id IN (SELECT k.id FROM calendars k WHERE k.connection_id = $2)",
        workspace.as_str(),
        id.as_str(),
        micros(now)
    )?;
    run!(
        conn,
        "UPDATE connections SET next_at = $3, hints = hints + 1, listed_at = NULL WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        id.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Has all accounts at a provider worked on now that do not wait for their owner.
pub async fn hurry_all(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    provider: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    conn.wake_on_commit();
    run!(
        conn,
        "UPDATE connections SET next_at = $3, hints = hints + 1
         WHERE workspace_id = $1 AND provider = $2 AND state = 'ok'",
        workspace.as_str(),
        provider,
        micros(now)
    )?;
    Ok(())
}

/// Forgets an account with all that is known of its calendars; the time that they took is forgotten before.
pub async fn delete(conn: &mut Conn, workspace: &WorkspaceId, id: &ConnectionId) -> Result<bool, StoreError> {
    // Calendars first, as everyone who changes both does: else two transactions could wait for each other.
    run!(
        conn,
        "DELETE FROM calendars WHERE workspace_id = $1 AND connection_id = $2",
        workspace.as_str(),
        id.as_str()
    )?;
    let deleted = run!(
        conn,
        "DELETE FROM connections WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        id.as_str()
    )?;
    Ok(deleted > 0)
}

/// Every sealed credential, for when the installation's secret changes.
pub async fn sealed(conn: &mut Conn) -> Result<Vec<(ConnectionId, Vec<u8>)>, StoreError> {
    let found = rows!(conn, (String, Vec<u8>), "SELECT id, credential FROM connections")?;
    found.into_iter().map(|(id, credential)| Ok((ConnectionId::try_from(id)?, credential))).collect()
}

/// Keeps a credential that was sealed anew.
pub async fn set_sealed(conn: &mut Conn, id: &ConnectionId, credential: &[u8]) -> Result<(), StoreError> {
    run!(conn, "UPDATE connections SET credential = $2 WHERE id = $1", id.as_str(), credential)?;
    Ok(())
}

/// What was done for an account, newest first, from a place in the list on (instant and id of the last one that was seen).
pub async fn log(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &ConnectionId,
    before: (i64, &str),
    most: i64,
) -> Result<Vec<LogRow>, StoreError> {
    rows!(
        conn,
        LogRow,
        "SELECT id, at, calendar, sentence, went_well FROM sync_log
         WHERE workspace_id = $1 AND connection_id = $2 AND (at < $3 OR at = $3 AND id < $4)
         ORDER BY at DESC, id DESC LIMIT $5",
        workspace.as_str(),
        id.as_str(),
        before.0,
        before.1,
        most
    )
}
