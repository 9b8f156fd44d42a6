//! Who works on an account: one worker at a time, by lease.

use super::{Conn, On, StoreError, micros, row, run};
use crate::domain::ids::{ConnectionId, MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// A connection that this worker holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: ConnectionId,
    /// Its workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// The provider's key.
    pub provider: String,
    /// What its owner knows the account by.
    pub label: String,
    /// Where its calendars are.
    pub home: String,
    /// Sealed for `connection:ID`.
    pub credential: Vec<u8>,
    /// Grows whenever the credential is replaced.
    pub version: i64,
    /// `ok`, `reconnect` or `permission`.
    pub state: String,
    /// Failures in a row.
    pub failures: i64,
    /// The provider limits us until then; epoch microseconds.
    pub limited_until: Option<i64>,
    /// When the list of its calendars was read last; epoch microseconds.
    pub listed_at: Option<i64>,
    /// Grows whenever something asks for attention.
    pub hints: i64,
}

/// Holds the connection that is due for the longest, until an instant, for a worker that calls itself `holder`. Two workers
/// never get the same one: SQLite has one writer at a time, PostgreSQL skips rows that another transaction has locked. Those
/// of the workspaces that are named in `passing_over` are left for later.
pub async fn take(
    conn: &mut Conn,
    holder: &str,
    until: DateTime<Utc>,
    passing_over: &[WorkspaceId],
    now: DateTime<Utc>,
) -> Result<Option<HeldRow>, StoreError> {
    // One text, however many there are: ids contain nothing that LIKE would not take as it is.
    let passed: String = passing_over.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(" ");
    Ok(match conn.on() {
        On::Sqlite(on) => {
            sqlx::query_as::<_, HeldRow>(
                "UPDATE connections SET holder = $1, held_until = $2
                 WHERE id = (SELECT id FROM connections
                             WHERE next_at <= $3 AND held_until <= $3 AND $4 NOT LIKE '%' || workspace_id || '%'
                             ORDER BY next_at LIMIT 1)
                 RETURNING id, workspace_id, member_id, provider, label, home, credential, version, state, failures,
                           limited_until, listed_at, hints",
            )
            .bind(holder)
            .bind(micros(until))
            .bind(micros(now))
            .bind(passed)
            .fetch_optional(on)
            .await?
        }
        On::Postgres(on) => {
            sqlx::query_as::<_, HeldRow>(
                "UPDATE connections SET holder = $1, held_until = $2
                 WHERE id = (SELECT id FROM connections
                             WHERE next_at <= $3 AND held_until <= $3 AND $4 NOT LIKE '%' || workspace_id || '%'
                             ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
                 RETURNING id, workspace_id, member_id, provider, label, home, credential, version, state, failures,
                           limited_until, listed_at, hints",
            )
            .bind(holder)
            .bind(micros(until))
            .bind(micros(now))
            .bind(passed)
            .fetch_optional(on)
            .await?
        }
    })
}

/// Holds one connection, unless somebody else does.
pub async fn take_one(
    conn: &mut Conn,
    id: &ConnectionId,
    holder: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<HeldRow>, StoreError> {
    row!(
        conn,
        HeldRow,
        "UPDATE connections SET holder = $2, held_until = $3 WHERE id = $1 AND held_until <= $4 AND state = 'ok'
           AND (failures = 0 OR next_at <= $4) AND (limited_until IS NULL OR limited_until <= $4)
         RETURNING id, workspace_id, member_id, provider, label, home, credential, version, state, failures,
                   limited_until, listed_at, hints",
        id.as_str(),
        holder,
        micros(until),
        micros(now)
    )
}

/// When the next connection is due that nobody holds; epoch microseconds.
pub async fn next_due(conn: &mut Conn) -> Result<Option<i64>, StoreError> {
    // Two steps in the index at most for each connection that is held: there are never more than places at workers.
    let found = row!(
        conn,
        (Option<i64>,),
        "SELECT MIN(CASE WHEN held_until > next_at THEN held_until ELSE next_at END) FROM connections"
    )?;
    Ok(found.and_then(|(at,)| at))
}

/// Holds a connection longer. `false` when it is not held any more.
pub async fn extend(
    conn: &mut Conn,
    id: &ConnectionId,
    holder: &str,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let held = run!(
        conn,
        "UPDATE connections SET held_until = $3 WHERE id = $1 AND holder = $2",
        id.as_str(),
        holder,
        micros(until)
    )?;
    Ok(held > 0)
}

/// How a tour of a connection ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The hints that it began with.
    pub hints: i64,
    /// When there is something to do next.
    pub next: DateTime<Utc>,
    /// `ok`, `reconnect` or `permission`.
    pub state: &'a str,
    /// What is wrong, for its owner; empty when nothing is.
    pub trouble: &'a str,
    /// Failures in a row.
    pub failures: i64,
    /// The provider limits us until then.
    pub limited_until: Option<DateTime<Utc>>,
}

/// Lets go of a connection. What asked for attention meanwhile is seen to at once.
pub async fn release(
    conn: &mut Conn,
    id: &ConnectionId,
    holder: &str,
    ended: &Ended<'_>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let released = run!(
        conn,
        "UPDATE connections
         SET holder = NULL, held_until = 0, state = $4, trouble = $5, failures = $6, updated_at = $8,
             limited_until = CAST($7 AS BIGINT),
             next_at = CASE WHEN hints = $9 OR $4 <> 'ok' OR CAST($7 AS BIGINT) IS NOT NULL THEN CAST($3 AS BIGINT)
                            ELSE CAST($8 AS BIGINT) END,
             trouble_since = CASE WHEN $5 = '' THEN NULL ELSE COALESCE(trouble_since, CAST($8 AS BIGINT)) END,
             told_at = CASE WHEN $4 = 'ok' THEN NULL ELSE told_at END
         WHERE id = $1 AND holder = $2",
        id.as_str(),
        holder,
        micros(ended.next),
        ended.state,
        ended.trouble,
        ended.failures,
        ended.limited_until.map(micros),
        micros(now),
        ended.hints
    )?;
    Ok(released > 0)
}

/// Notes that the owner is being told that an account needs them. `false` when they were told before.
pub async fn tell_once(conn: &mut Conn, id: &ConnectionId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let told = run!(
        conn,
        "UPDATE connections SET told_at = $2 WHERE id = $1 AND told_at IS NULL",
        id.as_str(),
        micros(now)
    )?;
    Ok(told > 0)
}

/// Keeps a credential that was renewed, if this worker still holds the connection and nobody replaced it.
pub async fn set_credential(
    conn: &mut Conn,
    id: &ConnectionId,
    holder: &str,
    version: i64,
    credential: &[u8],
) -> Result<bool, StoreError> {
    let kept = run!(
        conn,
        "UPDATE connections SET credential = $4, version = version + 1 WHERE id = $1 AND holder = $2 AND version = $3",
        id.as_str(),
        holder,
        version,
        credential
    )?;
    Ok(kept > 0)
}

/// Does nobody hold a connection?
pub async fn is_free(conn: &mut Conn, id: &ConnectionId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let found = row!(
        conn,
        (i64,),
        "SELECT CAST(COUNT(*) AS BIGINT) FROM connections WHERE id = $1 AND held_until <= $2",
        id.as_str(),
        micros(now)
    )?;
    Ok(found.is_some_and(|(count,)| count > 0))
}
