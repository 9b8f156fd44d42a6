//! The audit log: who did what to what, and when. Rows are only ever added.

use super::{Conn, StoreError, micros, run};
use crate::domain::ids::WorkspaceId;
use chrono::{DateTime, Utc};

/// An entry.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// `invitee:ID`, `member:ID` or `system`.
    pub actor: &'a str,
    /// What was done, such as `booking.created`.
    pub action: &'a str,
    /// What it was done to, such as `booking:ID`.
    pub subject: &'a str,
    /// A word or two more; never personal data.
    pub detail: &'a str,
}

/// Adds an entry.
pub async fn write(
    conn: &mut Conn,
    id: &str,
    entry: &Entry<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO audit_log (id, workspace_id, at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        entry.workspace.as_str(),
        micros(now),
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail
    )?;
    Ok(())
}
