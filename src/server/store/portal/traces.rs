//! Taking out of a workspace what it holds about one address.
//!
//! The order matters: what hangs on the appointments of an address is found through them, so they lose the address last.

use crate::{
    domain::ids::{InviteeId, WorkspaceId},
    server::store::{Conn, StoreError, micros, rows, run},
};
use chrono::{DateTime, Utc};

/// Takes jobs about the bookings of an address back from the workers that hold them: what those are about to write of the
/// person is not kept, and the jobs run again when this transaction has ended.
pub async fn take_back_jobs(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let taken = run!(
        conn,
        "UPDATE jobs SET lease = NULL, run_at = $3
         WHERE workspace_id = $1 AND status = 'queued' AND lease IS NOT NULL AND subject IN (
            SELECT 'booking:' || booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2)",
        workspace.as_str(),
        email_key,
        micros(now)
    )?;
    if taken > 0 {
        conn.wake_on_commit();
    }
    Ok(())
}

/// Deletes the mails to an address and those about its appointments, with the jobs that would send them.
pub async fn delete_messages(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM jobs WHERE workspace_id = $1 AND subject IN (
            SELECT 'message:' || m.id FROM messages m WHERE m.workspace_id = $1 AND (m.recipient_key = $2
                OR m.invitee_id IN (SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2)))",
        workspace.as_str(),
        email_key
    )?;
    run!(
        conn,
        "DELETE FROM messages WHERE workspace_id = $1 AND (recipient_key = $2
            OR invitee_id IN (SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2))",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}

/// Deletes what other programs were told about the appointments of an address, with the jobs that would tell them.
pub async fn delete_deliveries(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM jobs WHERE workspace_id = $1 AND subject IN (
            SELECT 'delivery:' || d.id FROM deliveries d WHERE d.workspace_id = $1 AND d.subject IN (
                SELECT 'invitee:' || i.id FROM invitees i WHERE i.workspace_id = $1 AND i.email_key = $2))",
        workspace.as_str(),
        email_key
    )?;
    run!(
        conn,
        "DELETE FROM deliveries WHERE workspace_id = $1 AND subject IN (
            SELECT 'invitee:' || i.id FROM invitees i WHERE i.workspace_id = $1 AND i.email_key = $2)",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}

/// Deletes the orders of an address, and the keys that repeat the answers it was given.
pub async fn delete_orders(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM orders WHERE workspace_id = $1 AND (email_key = $2
            OR invitee_id IN (SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2))",
        workspace.as_str(),
        email_key
    )?;
    run!(
        conn,
        "DELETE FROM idempotency_keys WHERE workspace_id = $1
            AND invitee_id IN (SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2)",
        workspace.as_str(),
        email_key
    )?;
    Ok(())
}

/// Deletes the links, sessions and the feed of an address.
pub async fn delete_portal(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM portal_links WHERE workspace_id = $1 AND email_key = $2",
        workspace.as_str(),
        email_key
    )?;
    super::delete_sessions(conn, workspace, email_key).await?;
    super::delete_feed(conn, workspace, email_key).await
}

/// Takes out of an appointment who it was; what stays is a time. Its links open nothing any more: `token_hash` is that
/// of no token.
pub async fn anonymise(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    invitee: &InviteeId,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET name = 'Removed', email = '', email_key = '', phone = '', notes = '', answers = '[]',
            guests = '[]', cancel_reason = '', token_hash = $3, reminders = false, updated_at = $4,
            zone = (SELECT w.zone FROM workspaces w WHERE w.id = $1)
         WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        invitee.as_str(),
        token_hash,
        micros(now)
    )?;
    Ok(())
}

/// Where texts are kept that may mention an address in passing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Mails to others: the letter, its subject, and what went wrong.
    Messages,
    /// Jobs: what they hold, and what went wrong.
    Jobs,
    /// What other programs were told.
    Deliveries,
    /// What they answered.
    Attempts,
    /// Orders of others.
    Orders,
    /// What went wrong with the mail server.
    Troubles,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Messages, Self::Jobs, Self::Deliveries, Self::Attempts, Self::Orders, Self::Troubles];
}

/// A row and its texts, of which a place may have fewer; the others are empty.
pub type Texts = (String, String, String, String);

/// Rows of a place that mention an address (`pattern` is for LIKE, in lower case), and mails and jobs about bookings that
/// the address has a seat in. May find too much, never too little.
pub async fn mentions(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
    email_key: &str,
    pattern: &str,
) -> Result<Vec<Texts>, StoreError> {
    match place {
        Place::Messages => rows!(
            conn,
            Texts,
            "SELECT id, letter, subject, error FROM messages WHERE workspace_id = $1 AND (
                LOWER(letter) LIKE $2 OR LOWER(subject) LIKE $2 OR LOWER(error) LIKE $2
                OR booking_id IN (SELECT booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $3))",
            workspace.as_str(),
            pattern,
            email_key
        ),
        Place::Jobs => rows!(
            conn,
            Texts,
            "SELECT id, payload, last_error, '' FROM jobs
             WHERE workspace_id = $1 AND (LOWER(payload) LIKE $2 OR LOWER(last_error) LIKE $2 OR subject IN (
                SELECT 'booking:' || booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $3))",
            workspace.as_str(),
            pattern,
            email_key
        ),
        Place::Deliveries => rows!(
            conn,
            Texts,
            "SELECT id, body, '', '' FROM deliveries WHERE workspace_id = $1 AND LOWER(body) LIKE $2",
            workspace.as_str(),
            pattern
        ),
        Place::Attempts => rows!(
            conn,
            Texts,
            "SELECT id, response, error, '' FROM delivery_attempts
             WHERE workspace_id = $1 AND (LOWER(response) LIKE $2 OR LOWER(error) LIKE $2)",
            workspace.as_str(),
            pattern
        ),
        Place::Orders => rows!(
            conn,
            Texts,
            "SELECT id, input, '', '' FROM orders WHERE workspace_id = $1 AND LOWER(input) LIKE $2",
            workspace.as_str(),
            pattern
        ),
        Place::Troubles => rows!(
            conn,
            Texts,
            "SELECT workspace_id, error, '', '' FROM mail_troubles WHERE workspace_id = $1 AND LOWER(error) LIKE $2",
            workspace.as_str(),
            pattern
        ),
    }
}

/// Writes the texts of a row back.
pub async fn rewrite(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
    (id, first, second, third): &Texts,
) -> Result<(), StoreError> {
    match place {
        Place::Messages => run!(
            conn,
            "UPDATE messages SET letter = $3, subject = $4, error = $5 WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id,
            first,
            second,
            third
        ),
        Place::Jobs => run!(
            conn,
            "UPDATE jobs SET payload = $3, last_error = $4 WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id,
            first,
            second
        ),
        Place::Deliveries => run!(
            conn,
            "UPDATE deliveries SET body = $3 WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id,
            first
        ),
        Place::Attempts => run!(
            conn,
            "UPDATE delivery_attempts SET response = $3, error = $4 WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id,
            first,
            second
        ),
        Place::Orders => run!(
            conn,
            "UPDATE orders SET input = $3 WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id,
            first
        ),
        Place::Troubles => run!(
            conn,
            "UPDATE mail_troubles SET error = $2 WHERE workspace_id = $1",
            workspace.as_str(),
            first
        ),
    }?;
    Ok(())
}
