//! Taking out of a workspace what it holds about one address.
//!
//! The order matters: what hangs on the appointments of an address is found through them, so they lose the address last.

use crate::{
    domain::ids::{InviteeId, WorkspaceId},
    server::store::{Conn, StoreError, micros, row, rows, run},
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
         WHERE lease IS NOT NULL AND id IN (
            SELECT j.id FROM invitees i JOIN jobs j ON j.subject = 'booking:' || i.booking_id
            WHERE i.workspace_id = $1 AND i.email_key = $2)",
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
    // Two questions instead of one with OR: each has an index.
    run!(
        conn,
        "DELETE FROM jobs WHERE subject IN (
            SELECT 'message:' || m.id FROM messages m WHERE m.workspace_id = $1 AND m.recipient_key = $2
            UNION
            SELECT 'message:' || m.id FROM messages m WHERE m.invitee_id IN (
                SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2))",
        workspace.as_str(),
        email_key
    )?;
    run!(
        conn,
        "DELETE FROM messages WHERE id IN (
            SELECT m.id FROM messages m WHERE m.workspace_id = $1 AND m.recipient_key = $2
            UNION
            SELECT m.id FROM messages m WHERE m.invitee_id IN (
                SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2))",
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
        "DELETE FROM jobs WHERE subject IN (
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
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Trace {
    /// The row; of attempts also empty: the delivery has none.
    pub id: String,
    /// Where it stands in the order of its place: a time, in epoch microseconds.
    pub at: i64,
    /// Where it stands among those of the same time.
    pub key: String,
    /// The booking that it is about, or something that is none.
    pub booking: String,
    /// The letter, the job, the body, the answer, the order.
    pub first: String,
    /// The subject of a letter; what went wrong with a job or an attempt.
    pub second: String,
    /// What went wrong with a mail.
    pub third: String,
}

/// The bookings that an address has or had a seat in, as far as they are remembered.
pub async fn bookings(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    email_key: &str,
) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT booking_id FROM invitees WHERE workspace_id = $1 AND email_key = $2
         UNION
         SELECT booking_id FROM messages WHERE booking_id IS NOT NULL AND invitee_id IN (
            SELECT id FROM invitees WHERE workspace_id = $1 AND email_key = $2)",
        workspace.as_str(),
        email_key
    )?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The shelves of a place: within one, an index knows the order of its rows.
pub async fn shelves(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
) -> Result<Vec<String>, StoreError> {
    Ok(match place {
        Place::Jobs => ["queued", "dead", "done"].map(str::to_owned).into(),
        Place::Deliveries | Place::Attempts => {
            let found = rows!(
                conn,
                (String,),
                "SELECT id FROM webhooks WHERE workspace_id = $1 ORDER BY id",
                workspace.as_str()
            )?;
            found.into_iter().map(|(id,)| id).collect()
        }
        Place::Messages | Place::Orders | Place::Troubles => vec![String::new()],
    })
}

/// The next rows of a shelf, oldest first, after one of them (its time and key); so that all can be looked through, and
/// no statement takes long. Jobs are in the order in which they were touched last.
pub async fn page(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
    shelf: &str,
    after: (i64, &str),
    most: i64,
) -> Result<Vec<Trace>, StoreError> {
    match place {
        Place::Messages => rows!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, COALESCE(booking_id, '') AS booking, letter AS first,
                    subject AS second, error AS third
             FROM messages WHERE workspace_id = $1 AND created_at >= $2 AND (created_at > $2 OR id > $3)
             ORDER BY created_at, id LIMIT $4",
            workspace.as_str(),
            after.0,
            after.1,
            most
        ),
        Place::Jobs => rows!(
            conn,
            Trace,
            "SELECT id, updated_at AS at, id AS key, SUBSTR(subject, 9) AS booking, payload AS first,
                    last_error AS second, '' AS third
             FROM jobs WHERE workspace_id = $1 AND status = $5 AND updated_at >= $2 AND (updated_at > $2 OR id > $3)
             ORDER BY updated_at, id LIMIT $4",
            workspace.as_str(),
            after.0,
            after.1,
            most,
            shelf
        ),
        Place::Deliveries => rows!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, '' AS booking, body AS first, '' AS second, '' AS third
             FROM deliveries
             WHERE workspace_id = $1 AND webhook_id = $5 AND created_at >= $2 AND (created_at > $2 OR id > $3)
             ORDER BY created_at, id LIMIT $4",
            workspace.as_str(),
            after.0,
            after.1,
            most,
            shelf
        ),
        // By delivery, also those that have none: the last one says where the next page begins.
        Place::Attempts => rows!(
            conn,
            Trace,
            "SELECT COALESCE(a.id, '') AS id, d.created_at AS at, d.id AS key, '' AS booking,
                    COALESCE(a.response, '') AS first, COALESCE(a.error, '') AS second, '' AS third
             FROM (SELECT id, created_at FROM deliveries
                   WHERE workspace_id = $1 AND webhook_id = $5 AND created_at >= $2 AND (created_at > $2 OR id > $3)
                   ORDER BY created_at, id LIMIT $4) d
             LEFT JOIN delivery_attempts a ON a.delivery_id = d.id ORDER BY d.created_at, d.id",
            workspace.as_str(),
            after.0,
            after.1,
            most,
            shelf
        ),
        // They are forgotten within the hour: few enough to do without an index.
        Place::Orders => rows!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, '' AS booking, input AS first, '' AS second, '' AS third
             FROM orders WHERE workspace_id = $1 AND created_at >= $2 AND (created_at > $2 OR id > $3)
             ORDER BY created_at, id LIMIT $4",
            workspace.as_str(),
            after.0,
            after.1,
            most
        ),
        Place::Troubles => rows!(
            conn,
            Trace,
            "SELECT workspace_id AS id, last_at AS at, workspace_id AS key, '' AS booking, error AS first,
                    '' AS second, '' AS third
             FROM mail_troubles WHERE workspace_id = $1 AND last_at >= $2 AND (last_at > $2 OR workspace_id > $3)
             LIMIT $4",
            workspace.as_str(),
            after.0,
            after.1,
            most
        ),
    }
}

/// One row of a place, as it is now.
pub async fn by_id(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<Trace>, StoreError> {
    match place {
        Place::Messages => row!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, COALESCE(booking_id, '') AS booking, letter AS first,
                    subject AS second, error AS third
             FROM messages WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id
        ),
        Place::Jobs => row!(
            conn,
            Trace,
            "SELECT id, updated_at AS at, id AS key, SUBSTR(subject, 9) AS booking, payload AS first,
                    last_error AS second, '' AS third
             FROM jobs WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id
        ),
        Place::Deliveries => row!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, '' AS booking, body AS first, '' AS second, '' AS third
             FROM deliveries WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id
        ),
        Place::Attempts => row!(
            conn,
            Trace,
            "SELECT id, at, delivery_id AS key, '' AS booking, response AS first, error AS second, '' AS third
             FROM delivery_attempts WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id
        ),
        Place::Orders => row!(
            conn,
            Trace,
            "SELECT id, created_at AS at, id AS key, '' AS booking, input AS first, '' AS second, '' AS third
             FROM orders WHERE workspace_id = $1 AND id = $2",
            workspace.as_str(),
            id
        ),
        Place::Troubles => row!(
            conn,
            Trace,
            "SELECT workspace_id AS id, last_at AS at, workspace_id AS key, '' AS booking, error AS first,
                    '' AS second, '' AS third
             FROM mail_troubles WHERE workspace_id = $1 AND workspace_id = $2",
            workspace.as_str(),
            id
        ),
    }
}

/// Writes the texts of a row back.
pub async fn rewrite(
    conn: &mut Conn,
    place: Place,
    workspace: &WorkspaceId,
    Trace { id, first, second, third, .. }: &Trace,
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
