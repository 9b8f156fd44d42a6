//! Mails to people, and what became of them.

use super::{Conn, StoreError, document, micros, row, rows, run};
use crate::{
    domain::ids::{BookingId, InviteeId, MessageId, WorkspaceId},
    server::mail::letter::Letter,
};
use chrono::{DateTime, Utc};

/// A mail to keep and send.
#[derive(Debug)]
pub struct NewMessage<'a> {
    /// Its id.
    pub id: &'a MessageId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The booking and the invitee that it is about, if any.
    pub about: Option<(&'a BookingId, &'a InviteeId)>,
    /// A word for what it says.
    pub kind: &'a str,
    /// The address for comparing.
    pub recipient_key: &'a str,
    /// The subject, for lists.
    pub subject: &'a str,
    /// What it says.
    pub letter: &'a Letter,
}

/// A mail.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct MessageRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: MessageId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// A word for what it says.
    pub kind: String,
    /// Whom it goes to.
    pub recipient: String,
    /// The subject.
    pub subject: String,
    letter: String,
    /// `waiting`, `sent`, `kept` (in the mailbox: there is no mail server), `refused` (by the server, for good) or
    /// `failed` (given up after a day) or
    /// `lapsed` (it would only have confused by then).
    pub status: String,
    /// What the server said, or empty.
    pub error: String,
    /// When it was caused; epoch microseconds.
    pub created_at: i64,
    /// When it was sent, kept or given up; epoch microseconds.
    pub settled_at: Option<i64>,
}

impl MessageRow {
    /// What it says.
    pub fn letter(&self) -> Result<Letter, StoreError> {
        Ok(serde_json::from_str(&self.letter)?)
    }
}

/// Keeps a mail that waits to be sent.
pub async fn insert(conn: &mut Conn, new: &NewMessage<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO messages (id, workspace_id, booking_id, invitee_id, kind, recipient, recipient_key, subject, letter,
                               status, error, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', '', $10)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.about.map(|(booking, _)| booking.as_str()),
        new.about.map(|(_, invitee)| invitee.as_str()),
        new.kind,
        new.letter.to.email.as_str(),
        new.recipient_key,
        new.subject,
        document(new.letter)?,
        micros(now)
    )?;
    Ok(())
}

/// A mail of a workspace.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<Option<MessageRow>, StoreError> {
    row!(
        conn,
        MessageRow,
        "SELECT id, workspace_id, kind, recipient, subject, letter, status, error, created_at, settled_at
         FROM messages WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        message.as_str()
    )
}

/// The mails of a workspace, newest first, from a place in that order on (when it was caused, and its id; `i64::MAX` for
/// the first); to one address only, or to all (empty).
pub async fn list(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    recipient_key: &str,
    before: (i64, &str),
    most: i64,
) -> Result<Vec<MessageRow>, StoreError> {
    rows!(
        conn,
        MessageRow,
        "SELECT id, workspace_id, kind, recipient, subject, letter, status, error, created_at, settled_at
         FROM messages
         WHERE workspace_id = $1 AND ($2 = '' OR recipient_key = $2)
           AND (created_at < $3 OR (created_at = $3 AND id < $4))
         ORDER BY created_at DESC, id DESC LIMIT $5",
        workspace.as_str(),
        recipient_key,
        before.0,
        before.1,
        most
    )
}

/// Does an older mail to the same person about the same appointment wait to be tried for the first time?
pub async fn has_older_waiting(conn: &mut Conn, message: &MessageRow) -> Result<bool, StoreError> {
    let older = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM messages m JOIN messages o
             ON o.invitee_id = m.invitee_id AND o.recipient_key = m.recipient_key
         WHERE m.id = $1 AND o.status = 'waiting' AND o.error = '' AND o.id < m.id
           AND EXISTS (SELECT 1 FROM jobs j WHERE j.subject = 'message:' || o.id AND j.status = 'queued')",
        message.id.as_str()
    )?;
    Ok(older.is_some_and(|(count,)| count > 0))
}

/// Was a newer mail to the same person about the same appointment sent, other than a reminder?
pub async fn has_newer_sent(conn: &mut Conn, message: &MessageRow) -> Result<bool, StoreError> {
    let newer = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM messages m JOIN messages o
             ON o.invitee_id = m.invitee_id AND o.recipient_key = m.recipient_key
         WHERE m.id = $1 AND o.status = 'sent' AND o.kind <> 'reminder' AND o.id > m.id
           AND o.created_at > m.created_at",
        message.id.as_str()
    )?;
    Ok(newer.is_some_and(|(count,)| count > 0))
}

/// How many mails an appointment has caused since an instant.
pub async fn count_since(
    conn: &mut Conn,
    invitee: &InviteeId,
    since: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let count = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM messages WHERE invitee_id = $1 AND created_at > $2",
        invitee.as_str(),
        micros(since)
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// How many mails went to an address of a workspace since an instant.
pub async fn count_to(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    recipient_key: &str,
    since: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let count = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM messages WHERE workspace_id = $1 AND recipient_key = $2 AND created_at > $3",
        workspace.as_str(),
        recipient_key,
        micros(since)
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Notes what became of a mail that waited. `false` when it did not wait any more.
pub async fn settle(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    message: &MessageId,
    status: &str,
    error: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let settled = run!(
        conn,
        "UPDATE messages SET status = $3, error = $4, settled_at = $5
         WHERE workspace_id = $1 AND id = $2 AND status = 'waiting'",
        workspace.as_str(),
        message.as_str(),
        status,
        error,
        micros(now)
    )?;
    Ok(settled > 0)
}

/// Notes why a mail still waits.
pub async fn note_error(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    message: &MessageId,
    error: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE messages SET error = $3 WHERE workspace_id = $1 AND id = $2 AND status = 'waiting'",
        workspace.as_str(),
        message.as_str(),
        error
    )?;
    Ok(())
}

/// Lets a mail wait again that was refused, given up or kept. `false` when there is none such.
pub async fn wait_again(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    message: &MessageId,
) -> Result<bool, StoreError> {
    let waits = run!(
        conn,
        "UPDATE messages SET status = 'waiting', error = '', settled_at = NULL
         WHERE workspace_id = $1 AND id = $2 AND status IN ('refused', 'failed', 'kept')",
        workspace.as_str(),
        message.as_str()
    )?;
    Ok(waits > 0)
}

/// How many mails of a workspace wait.
pub async fn waiting(conn: &mut Conn, workspace: &WorkspaceId) -> Result<i64, StoreError> {
    let count = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM messages WHERE workspace_id = $1 AND status = 'waiting'",
        workspace.as_str()
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Mails about a booking that did not arrive: to whom, and what the server said.
pub async fn undelivered(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT recipient, MAX(error) FROM messages
         WHERE workspace_id = $1 AND booking_id = $2 AND status IN ('refused', 'failed')
         GROUP BY recipient ORDER BY recipient",
        workspace.as_str(),
        booking.as_str()
    )
}

/// Forgets mails that are older than anyone asks for.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM messages WHERE created_at < $1 AND status <> 'waiting'", micros(before))?;
    Ok(())
}
