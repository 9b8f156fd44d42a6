//! How a workspace sends mail, what troubles it has with that, and what its members are reminded of.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// A mail server that a workspace's admin set.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct MailSettingsRow {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: i64,
    /// `starttls`, `tls` or `none`.
    pub security: String,
    /// Who signs in; empty: nobody.
    pub username: String,
    /// With what, sealed; empty: with nothing.
    pub password: Vec<u8>,
    /// The sender's name, or empty.
    pub from_name: String,
    /// The sender's address.
    pub from_address: String,
}

/// What went wrong last between a workspace and its mail server.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct TroubleRow {
    /// What the server said, or what happened to the connection.
    pub error: String,
    /// When it began; epoch microseconds.
    pub since: i64,
    /// When it happened last; epoch microseconds.
    pub last_at: i64,
}

/// What a workspace's admin set, if anything.
pub async fn of(conn: &mut Conn, workspace: &WorkspaceId) -> Result<Option<MailSettingsRow>, StoreError> {
    row!(
        conn,
        MailSettingsRow,
        "SELECT host, port, security, username, password, from_name, from_address
         FROM mail_settings WHERE workspace_id = $1",
        workspace.as_str()
    )
}

/// Sets it.
pub async fn put(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    new: &MailSettingsRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO mail_settings
            (workspace_id, host, port, security, username, password, from_name, from_address, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (workspace_id) DO UPDATE SET host = $2, port = $3, security = $4, username = $5, password = $6,
            from_name = $7, from_address = $8, updated_at = $9",
        workspace.as_str(),
        new.host.as_str(),
        new.port,
        new.security.as_str(),
        new.username.as_str(),
        new.password.as_slice(),
        new.from_name.as_str(),
        new.from_address.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Forgets it. `false` when nothing was set.
pub async fn delete(conn: &mut Conn, workspace: &WorkspaceId) -> Result<bool, StoreError> {
    let deleted = run!(conn, "DELETE FROM mail_settings WHERE workspace_id = $1", workspace.as_str())?;
    Ok(deleted > 0)
}

/// Notes that the mail server can't be used. `since` stays what it was while one trouble follows another.
pub async fn trouble(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    error: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO mail_troubles (workspace_id, error, since, last_at) VALUES ($1, $2, $3, $3)
         ON CONFLICT (workspace_id) DO UPDATE SET error = $2, last_at = $3",
        workspace.as_str(),
        error,
        micros(now)
    )?;
    Ok(())
}

/// Notes that something got through. One look at a primary key when there was no trouble.
pub async fn clear_trouble(conn: &mut Conn, workspace: &WorkspaceId) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM mail_troubles WHERE workspace_id = $1", workspace.as_str())?;
    Ok(())
}

/// The trouble that a workspace has with its mail server, if any.
pub async fn current_trouble(
    conn: &mut Conn,
    workspace: &WorkspaceId,
) -> Result<Option<TroubleRow>, StoreError> {
    row!(
        conn,
        TroubleRow,
        "SELECT error, since, last_at FROM mail_troubles WHERE workspace_id = $1",
        workspace.as_str()
    )
}

/// Lets a workspace's mails that wait for another try be tried now.
pub async fn try_now(conn: &mut Conn, workspace: &WorkspaceId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tried = run!(
        conn,
        "UPDATE jobs SET run_at = $2, updated_at = $2
         WHERE workspace_id = $1 AND lane = 'mail' AND status = 'queued' AND lease IS NULL AND run_at > $2",
        workspace.as_str(),
        micros(now)
    )?;
    if tried > 0 {
        conn.wake_on_commit();
    }
    Ok(())
}

/// A workspace's name.
pub async fn workspace_name(conn: &mut Conn, workspace: &WorkspaceId) -> Result<String, StoreError> {
    let found = row!(conn, (String,), "SELECT name FROM workspaces WHERE id = $1", workspace.as_str())?;
    Ok(found.map(|(name,)| name).unwrap_or_default())
}

/// A member's own address.
pub async fn member_address(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Option<String>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT u.email FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.id = $2",
        workspace.as_str(),
        member.as_str()
    )?;
    Ok(found.map(|(email,)| email))
}

/// A member's own reminders, in minutes before the start; `None`: as the event types say.
pub async fn member_reminders(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Option<Vec<u32>>, StoreError> {
    let found = row!(
        conn,
        (Option<String>,),
        "SELECT reminders FROM members WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        member.as_str()
    )?;
    let text = found.and_then(|(text,)| text);
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// Sets them.
pub async fn set_member_reminders(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    minutes: Option<&[u32]>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE members SET reminders = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        member.as_str(),
        minutes.map(serde_json::to_string).transpose()?
    )?;
    Ok(())
}

/// The sealed password of every workspace that has one, for when the installation's secret changes.
pub async fn sealed(conn: &mut Conn) -> Result<Vec<(WorkspaceId, Vec<u8>)>, StoreError> {
    let found = rows!(conn, (String, Vec<u8>), "SELECT workspace_id, password FROM mail_settings")?;
    found.into_iter().map(|(id, password)| Ok((WorkspaceId::try_from(id)?, password))).collect()
}

/// Keeps a password that was sealed anew.
pub async fn set_sealed(conn: &mut Conn, workspace: &WorkspaceId, password: &[u8]) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE mail_settings SET password = $2 WHERE workspace_id = $1",
        workspace.as_str(),
        password
    )?;
    Ok(())
}
