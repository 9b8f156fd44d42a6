//! How providers know this installation, where an admin set that up, and members who are at a provider's consent page.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{MemberId, SessionId, WorkspaceId};
use chrono::{DateTime, Utc};

/// How a provider knows this installation, where an admin set that up.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct SettingsRow {
    /// The client id.
    pub client_id: String,
    /// The client secret, sealed for `provider:WORKSPACE:KEY`.
    pub client_secret: Vec<u8>,
    /// The directory whose accounts may connect; empty where a provider has none.
    pub tenant: String,
}

/// A member who is at a provider's consent page.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StateRow {
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// The session that began.
    #[sqlx(try_from = "String")]
    pub session_id: SessionId,
    /// The member.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// The provider's key.
    pub provider: String,
    /// The code verifier, sealed for `oauth_state:HASH`.
    pub verifier: Vec<u8>,
    /// Until when it may come back; epoch microseconds.
    pub expires_at: i64,
}

/// How a provider knows this installation, where an admin of the workspace set that up.
pub async fn settings(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    provider: &str,
) -> Result<Option<SettingsRow>, StoreError> {
    row!(
        conn,
        SettingsRow,
        "SELECT client_id, client_secret, tenant FROM provider_settings WHERE workspace_id = $1 AND provider = $2",
        workspace.as_str(),
        provider
    )
}

/// Sets it.
pub async fn put_settings(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    provider: &str,
    new: &SettingsRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO provider_settings (workspace_id, provider, client_id, client_secret, tenant, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (workspace_id, provider) DO UPDATE SET client_id = $3, client_secret = $4, tenant = $5,
            updated_at = $6",
        workspace.as_str(),
        provider,
        new.client_id.as_str(),
        new.client_secret.as_slice(),
        new.tenant.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Forgets it. `false` when nothing was set.
pub async fn delete_settings(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    provider: &str,
) -> Result<bool, StoreError> {
    let deleted = run!(
        conn,
        "DELETE FROM provider_settings WHERE workspace_id = $1 AND provider = $2",
        workspace.as_str(),
        provider
    )?;
    Ok(deleted > 0)
}

/// Every sealed client secret with its workspace and provider, for when the installation's secret changes.
pub async fn sealed(conn: &mut Conn) -> Result<Vec<(WorkspaceId, String, Vec<u8>)>, StoreError> {
    let found = rows!(
        conn,
        (String, String, Vec<u8>),
        "SELECT workspace_id, provider, client_secret FROM provider_settings"
    )?;
    found
        .into_iter()
        .map(|(id, provider, secret)| Ok((WorkspaceId::try_from(id)?, provider, secret)))
        .collect()
}

/// Keeps a client secret that was sealed anew.
pub async fn set_sealed(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    provider: &str,
    secret: &[u8],
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE provider_settings SET client_secret = $3 WHERE workspace_id = $1 AND provider = $2",
        workspace.as_str(),
        provider,
        secret
    )?;
    Ok(())
}

/// Notes that a member goes to a provider's consent page.
pub async fn insert_state(conn: &mut Conn, hash: &[u8], new: &StateRow) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO oauth_states (state_hash, workspace_id, session_id, member_id, provider, verifier, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        hash,
        new.workspace_id.as_str(),
        new.session_id.as_str(),
        new.member_id.as_str(),
        new.provider.as_str(),
        new.verifier.as_slice(),
        new.expires_at
    )?;
    Ok(())
}

/// Takes it away: it serves once, whoever comes with it.
pub async fn take_state(conn: &mut Conn, hash: &[u8]) -> Result<Option<StateRow>, StoreError> {
    row!(
        conn,
        StateRow,
        "DELETE FROM oauth_states WHERE state_hash = $1
         RETURNING workspace_id, session_id, member_id, provider, verifier, expires_at",
        hash
    )
}

/// Forgets those who never came back.
pub async fn forget_states(conn: &mut Conn, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM oauth_states WHERE expires_at < $1", micros(now))?;
    Ok(())
}
