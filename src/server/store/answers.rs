//! The keys that make a retry return the first answer.

use super::{Conn, StoreError, micros, row, run};
use crate::domain::ids::{InviteeId, WorkspaceId};
use chrono::{DateTime, Utc};

/// A request that was answered before: the hash of its content, and the invitee it made.
pub async fn find(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    key_hash: &[u8],
) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    row!(
        conn,
        (Vec<u8>, String),
        "SELECT request_hash, invitee_id FROM idempotency_keys WHERE workspace_id = $1 AND key_hash = $2",
        workspace.as_str(),
        key_hash
    )
}

/// Remembers an answer. [`StoreError::Duplicate`] when another request with the key came first.
pub async fn remember(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    key_hash: &[u8],
    request_hash: &[u8],
    invitee: &InviteeId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO idempotency_keys (workspace_id, key_hash, request_hash, invitee_id, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        workspace.as_str(),
        key_hash,
        request_hash,
        invitee.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Forgets answers that are older than any retry.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM idempotency_keys WHERE created_at < $1", micros(before))?;
    Ok(())
}
