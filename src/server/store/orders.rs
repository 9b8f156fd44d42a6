//! Orders whose address is to be verified before they are booked.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{EventTypeId, InviteeId, OrderId, WorkspaceId};
use chrono::{DateTime, Utc};

/// An order to keep.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Its id.
    pub id: &'a OrderId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// What is to be booked.
    pub event_type: &'a EventTypeId,
    /// The address for comparing.
    pub email_key: &'a str,
    /// What was entered, as JSON.
    pub input: &'a str,
    /// SHA-256 of that, which stays when it is let go of.
    pub input_hash: &'a [u8],
    /// SHA-256 of the token in its address.
    pub token_hash: &'a [u8],
    /// SHA-256 of its id and its code.
    pub code_hash: &'a [u8],
    /// Until when the code is good.
    pub expires: DateTime<Utc>,
}

/// An order.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OrderRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: OrderId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// What is to be booked.
    #[sqlx(try_from = "String")]
    pub event_type_id: EventTypeId,
    /// What was entered, as JSON.
    pub input: String,
    /// SHA-256 of that.
    pub input_hash: Vec<u8>,
    /// SHA-256 of its id and its code.
    pub code_hash: Vec<u8>,
    /// How many codes were tried.
    pub tries: i64,
    /// The invitee that it became, or nothing.
    pub invitee_id: Option<String>,
    /// Until when the code is good; epoch microseconds.
    pub expires_at: i64,
}

/// Keeps an order.
pub async fn insert(conn: &mut Conn, new: &NewOrder<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO orders (id, workspace_id, event_type_id, email_key, input, input_hash, token_hash, code_hash, tries,
                             sent, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 1, $9, $10)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.event_type.as_str(),
        new.email_key,
        new.input,
        new.input_hash,
        new.token_hash,
        new.code_hash,
        micros(now),
        micros(new.expires)
    )?;
    Ok(())
}

/// The order at an address.
pub async fn by_token(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<OrderRow>, StoreError> {
    row!(
        conn,
        OrderRow,
        "SELECT id, workspace_id, event_type_id, input, input_hash, code_hash, tries, invitee_id, expires_at
         FROM orders WHERE token_hash = $1",
        token_hash
    )
}

/// Orders of an address since an instant.
pub async fn recent(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    since: DateTime<Utc>,
) -> Result<Vec<OrderRow>, StoreError> {
    rows!(
        conn,
        OrderRow,
        "SELECT id, workspace_id, event_type_id, input, input_hash, code_hash, tries, invitee_id, expires_at
         FROM orders WHERE workspace_id = $1 AND email_key = $2 AND created_at > $3 ORDER BY id",
        workspace.as_str(),
        email_key,
        micros(since)
    )
}

/// Counts a code that was tried. `false` when there were `most` already.
pub async fn try_code(conn: &mut Conn, order: &OrderId, most: i64) -> Result<bool, StoreError> {
    let tried =
        run!(conn, "UPDATE orders SET tries = tries + 1 WHERE id = $1 AND tries < $2", order.as_str(), most)?;
    Ok(tried > 0)
}

/// Notes that an order was booked, and lets go of what was entered.
pub async fn done(conn: &mut Conn, order: &OrderId, invitee: &InviteeId) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE orders SET invitee_id = $2, input = '' WHERE id = $1",
        order.as_str(),
        invitee.as_str()
    )?;
    Ok(())
}

/// Forgets orders that ended.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM orders WHERE expires_at < $1", micros(before))?;
    Ok(())
}
