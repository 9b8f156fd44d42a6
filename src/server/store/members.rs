//! Users, members and sessions.

use super::{Conn, StoreError, micros, row, run};
use crate::domain::{
    ids::{MemberId, SessionId, UserId, WorkspaceId},
    text::{EmailAddress, Name},
};
use chrono::{DateTime, Utc};

/// A user who may sign in, with the workspace that the sign-in leads to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Login {
    /// The user.
    #[sqlx(try_from = "String")]
    pub user_id: UserId,
    /// The user's first membership.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// argon2id in PHC form.
    pub password_hash: String,
}

/// A signed-in member.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SignedIn {
    /// The session.
    #[sqlx(try_from = "String")]
    pub session_id: SessionId,
    /// The member.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// `staff`, `manager` or `admin`.
    pub role: String,
    /// The member's name.
    pub name: String,
    /// The workspace's address.
    pub workspace_slug: String,
    /// The workspace's name.
    pub workspace_name: String,
    /// The workspace's zone.
    pub zone: String,
    /// When the session began; epoch microseconds.
    pub created_at: i64,
    /// When it was last used; epoch microseconds.
    pub seen_at: i64,
}

/// The login behind an address.
pub async fn login(conn: &mut Conn, email: &EmailAddress) -> Result<Option<Login>, StoreError> {
    row!(
        conn,
        Login,
        "SELECT u.id AS user_id, m.id AS member_id, u.password_hash
         FROM users u JOIN members m ON m.user_id = u.id
         WHERE u.email_key = $1 ORDER BY m.created_at, m.id LIMIT 1",
        email.key()
    )
}

/// Makes a user. [`StoreError::Duplicate`] when the address is known.
pub async fn insert_user(
    conn: &mut Conn,
    id: &UserId,
    email: &EmailAddress,
    name: &Name,
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id.as_str(),
        email.as_str(),
        email.key(),
        name.as_str(),
        password_hash,
        micros(now)
    )?;
    Ok(())
}

/// Makes a user a member. `role` is `staff`, `manager` or `admin`.
pub async fn insert_member(
    conn: &mut Conn,
    id: &MemberId,
    workspace: &WorkspaceId,
    user: &UserId,
    role: &str,
    name: &Name,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO members (id, workspace_id, user_id, role, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id.as_str(),
        workspace.as_str(),
        user.as_str(),
        role,
        name.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Begins a session.
pub async fn insert_session(
    conn: &mut Conn,
    id: &SessionId,
    login: &Login,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO sessions (id, user_id, member_id, token_hash, created_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6)",
        id.as_str(),
        login.user_id.as_str(),
        login.member_id.as_str(),
        token_hash,
        micros(now),
        micros(now)
    )?;
    Ok(())
}

/// The member behind a session's token, expired or not.
pub async fn session(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<SignedIn>, StoreError> {
    row!(
        conn,
        SignedIn,
        "SELECT s.id AS session_id, m.id AS member_id, m.workspace_id, m.role, m.name,
                w.slug AS workspace_slug, w.name AS workspace_name, w.zone, s.created_at, s.seen_at
         FROM sessions s JOIN members m ON m.id = s.member_id JOIN workspaces w ON w.id = m.workspace_id
         WHERE s.token_hash = $1",
        token_hash
    )
}

/// Notes that a session is in use.
pub async fn touch_session(conn: &mut Conn, id: &SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE sessions SET seen_at = $2 WHERE id = $1", id.as_str(), micros(now))?;
    Ok(())
}

/// Ends a session.
pub async fn delete_session(conn: &mut Conn, token_hash: &[u8]) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM sessions WHERE token_hash = $1", token_hash)?;
    Ok(())
}

/// Forgets sessions that ended by their age.
pub async fn delete_old_sessions(
    conn: &mut Conn,
    begun_before: DateTime<Utc>,
    seen_before: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM sessions WHERE created_at < $1 OR seen_at < $2",
        micros(begun_before),
        micros(seen_before)
    )?;
    Ok(())
}
