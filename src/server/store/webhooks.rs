//! Webhooks, what is told to them, and how that went.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{DeliveryId, NotAnId, WebhookId, WorkspaceId};
use chrono::{DateTime, Utc};

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WebhookRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: WebhookId,
    /// Where to tell it.
    pub url: String,
    /// What is told: words with spaces between.
    pub events: String,
    /// Sealed for `webhook:ID`.
    pub secret: Vec<u8>,
    /// The one before it, sealed alike.
    pub old_secret: Option<Vec<u8>>,
    /// When that one ends; epoch microseconds.
    pub old_secret_until: Option<i64>,
    /// Is anything told?
    pub active: bool,
    /// Why not, if nobody switched it off by hand; or empty.
    pub disabled_reason: String,
    /// When something got through last; epoch microseconds.
    pub succeeded_at: Option<i64>,
    /// When it was made; epoch microseconds.
    pub created_at: i64,
    /// When an admin changed it last; epoch microseconds.
    pub updated_at: i64,
}

/// A webhook in the list, with its last delivery.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ListedRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: WebhookId,
    /// Where to tell it.
    pub url: String,
    /// What is told: words with spaces between.
    pub events: String,
    /// Is anything told?
    pub active: bool,
    /// Why not, if nobody switched it off by hand; or empty.
    pub disabled_reason: String,
    /// `waiting`, `delivered` or `failed`.
    pub last_status: Option<String>,
    /// When what is told last happened; epoch microseconds.
    pub last_at: Option<i64>,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DeliveryRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: DeliveryId,
    /// Its workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// To whom.
    #[sqlx(try_from = "String")]
    pub webhook_id: WebhookId,
    /// The event's word.
    pub event: String,
    /// The exact bytes.
    pub body: String,
    /// `waiting`, `delivered` or `failed`.
    pub status: String,
    /// When it was caused; epoch microseconds.
    pub created_at: i64,
}

/// An attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AttemptRow {
    /// What was to be delivered.
    #[sqlx(try_from = "String")]
    pub delivery_id: DeliveryId,
    /// When; epoch microseconds.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// The beginning of the answer.
    pub response: String,
    /// What went wrong, for a person; or empty.
    pub error: String,
}

/// A webhook to make.
#[derive(Debug)]
pub struct NewWebhook<'a> {
    /// Its id.
    pub id: &'a WebhookId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// Where to tell it.
    pub url: &'a str,
    /// What is told: words with spaces between.
    pub events: &'a str,
    /// Sealed for `webhook:ID`.
    pub secret: &'a [u8],
}

/// A delivery to make.
#[derive(Debug)]
pub struct NewDelivery<'a> {
    /// Its id: `webhook-id` in the header.
    pub id: &'a DeliveryId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// To whom.
    pub webhook: &'a WebhookId,
    /// The event's word.
    pub event: &'a str,
    /// Whom it is about, for those who look for their traces: `invitee:ID`.
    pub subject: &'a str,
    /// The exact bytes.
    pub body: &'a str,
}

/// An attempt to write down.
#[derive(Debug)]
pub struct NewAttempt<'a> {
    /// The row's id.
    pub id: &'a str,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// What was to be delivered.
    pub delivery: &'a DeliveryId,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// The beginning of the answer.
    pub response: &'a str,
    /// What went wrong, for a person; or empty.
    pub error: &'a str,
}

/// Someone whom a mail about the workspace's webhooks goes to, with what the mail needs to know of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AdminRow {
    /// The admin's name.
    pub name: String,
    /// The admin's address.
    pub email: String,
    /// The workspace's name.
    pub workspace: String,
    /// The workspace's part of the address.
    pub slug: String,
    /// The workspace's zone.
    pub zone: String,
}

/// Id and events of the webhooks of a workspace that are switched on.
pub async fn active(
    conn: &mut Conn,
    workspace: &WorkspaceId,
) -> Result<Vec<(WebhookId, String)>, StoreError> {
    let found = rows!(
        conn,
        (String, String),
        "SELECT id, events FROM webhooks WHERE workspace_id = $1 AND active ORDER BY id",
        workspace.as_str()
    )?;
    let typed = |(id, events)| Ok((WebhookId::try_from(id)?, events));
    found.into_iter().map(typed).collect::<Result<_, NotAnId>>().map_err(StoreError::from)
}

/// Lets one transaction at a time add or change a workspace's webhooks.
pub async fn lock(conn: &mut Conn, workspace: &WorkspaceId) -> Result<(), StoreError> {
    run!(conn, "UPDATE workspaces SET name = name WHERE id = $1", workspace.as_str())?;
    Ok(())
}

/// The webhooks of a workspace, in the order they were made.
pub async fn list(conn: &mut Conn, workspace: &WorkspaceId) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT w.id, w.url, w.events, w.active, w.disabled_reason,
                (SELECT d.status FROM deliveries d WHERE d.webhook_id = w.id
                 ORDER BY d.created_at DESC, d.id DESC LIMIT 1) AS last_status,
                (SELECT MAX(d.created_at) FROM deliveries d WHERE d.webhook_id = w.id) AS last_at
         FROM webhooks w WHERE w.workspace_id = $1 ORDER BY w.created_at, w.id",
        workspace.as_str()
    )
}

/// A webhook of a workspace.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    row!(
        conn,
        WebhookRow,
        "SELECT id, url, events, secret, old_secret, old_secret_until, active, disabled_reason, succeeded_at,
                created_at, updated_at
         FROM webhooks WHERE id = $1 AND workspace_id = $2",
        id.as_str(),
        workspace.as_str()
    )
}

/// Makes a webhook.
pub async fn insert(conn: &mut Conn, new: &NewWebhook<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO webhooks (id, workspace_id, url, events, secret, active, disabled_reason, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, TRUE, '', $6, $7)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.url,
        new.events,
        new.secret,
        micros(now),
        micros(now)
    )?;
    Ok(())
}

/// Changes where and what is told.
pub async fn update(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    url: &str,
    events: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE webhooks SET url = $3, events = $4, updated_at = $5 WHERE id = $1 AND workspace_id = $2",
        id.as_str(),
        workspace.as_str(),
        url,
        events,
        micros(now)
    )?;
    Ok(())
}

/// Replaces the secret, if nobody changed the webhook since `seen` (epoch microseconds); the one that was valid stays
/// so until `until`. Returns whether it was replaced.
pub async fn rotate(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    secret: &[u8],
    until: DateTime<Utc>,
    seen: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "UPDATE webhooks SET old_secret = secret, old_secret_until = $4, secret = $3, updated_at = $6
         WHERE id = $1 AND workspace_id = $2 AND updated_at = $5",
        id.as_str(),
        workspace.as_str(),
        secret,
        micros(until),
        seen,
        micros(now)
    )?;
    Ok(done > 0)
}

/// Switches a webhook on, by hand.
pub async fn enable(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "UPDATE webhooks SET active = TRUE, disabled_reason = '', updated_at = $3
         WHERE id = $1 AND workspace_id = $2 AND NOT active",
        id.as_str(),
        workspace.as_str(),
        micros(now)
    )?;
    Ok(done > 0)
}

/// Switches a webhook off. An empty reason: by hand. Returns whether it was on.
pub async fn disable(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "UPDATE webhooks SET active = FALSE, disabled_reason = $3, updated_at = $4
         WHERE id = $1 AND workspace_id = $2 AND active",
        id.as_str(),
        workspace.as_str(),
        reason,
        micros(now)
    )?;
    Ok(done > 0)
}

/// Switches a webhook off to which nothing got through since `since`, and which nobody changed since then. Returns
/// whether that was so.
pub async fn disable_if_silent(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    reason: &str,
    since: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "UPDATE webhooks SET active = FALSE, disabled_reason = $3, updated_at = $5
         WHERE id = $1 AND workspace_id = $2 AND active AND updated_at <= $4
           AND (succeeded_at IS NULL OR succeeded_at < $4)",
        id.as_str(),
        workspace.as_str(),
        reason,
        since,
        micros(now)
    )?;
    Ok(done > 0)
}

/// Something got through.
pub async fn succeeded(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &WebhookId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE webhooks SET succeeded_at = $3 WHERE id = $1 AND workspace_id = $2",
        id.as_str(),
        workspace.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Deletes a webhook with its deliveries.
pub async fn delete(conn: &mut Conn, workspace: &WorkspaceId, id: &WebhookId) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "DELETE FROM webhooks WHERE id = $1 AND workspace_id = $2",
        id.as_str(),
        workspace.as_str()
    )?;
    Ok(done > 0)
}

/// Makes a delivery that waits.
pub async fn insert_delivery(
    conn: &mut Conn,
    new: &NewDelivery<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO deliveries (id, workspace_id, webhook_id, event, subject, body, status, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.webhook.as_str(),
        new.event,
        new.subject,
        new.body,
        micros(now)
    )?;
    Ok(())
}

/// The delivery of a job; the job is the workspace's.
pub async fn delivery(conn: &mut Conn, id: &DeliveryId) -> Result<Option<DeliveryRow>, StoreError> {
    row!(
        conn,
        DeliveryRow,
        "SELECT id, workspace_id, webhook_id, event, body, status, created_at FROM deliveries WHERE id = $1",
        id.as_str()
    )
}

/// The deliveries of a webhook, newest first, from a place in the list on (a time and an id, neither included).
pub async fn deliveries(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    webhook: &WebhookId,
    before: (i64, &str),
    most: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    rows!(
        conn,
        DeliveryRow,
        "SELECT id, workspace_id, webhook_id, event, body, status, created_at FROM deliveries
         WHERE webhook_id = $1 AND workspace_id = $2 AND (created_at < $3 OR (created_at = $3 AND id < $4))
         ORDER BY created_at DESC, id DESC LIMIT $5",
        webhook.as_str(),
        workspace.as_str(),
        before.0,
        before.1,
        most
    )
}

/// The attempts at a webhook's deliveries that were caused between two instants (epoch microseconds, both included),
/// oldest first.
pub async fn attempts(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    webhook: &WebhookId,
    from: i64,
    until: i64,
) -> Result<Vec<AttemptRow>, StoreError> {
    rows!(
        conn,
        AttemptRow,
        "SELECT a.delivery_id, a.at, a.millis, CAST(a.status AS BIGINT) AS status, a.response, a.error
         FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id
         WHERE d.webhook_id = $1 AND d.workspace_id = $2 AND d.created_at >= $3 AND d.created_at <= $4
         ORDER BY a.at, a.id",
        webhook.as_str(),
        workspace.as_str(),
        from,
        until
    )
}

/// Writes an attempt down.
pub async fn insert_attempt(
    conn: &mut Conn,
    new: &NewAttempt<'_>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO delivery_attempts (id, workspace_id, delivery_id, at, millis, status, response, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new.id,
        new.workspace.as_str(),
        new.delivery.as_str(),
        micros(at),
        new.millis,
        new.status,
        new.response,
        new.error
    )?;
    Ok(())
}

/// Says how a delivery came out: `delivered` or `failed`.
pub async fn settle(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    id: &DeliveryId,
    status: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE deliveries SET status = $3, settled_at = $4 WHERE id = $1 AND workspace_id = $2",
        id.as_str(),
        workspace.as_str(),
        status,
        micros(now)
    )?;
    Ok(())
}

/// Lets a delivery wait again, whatever it came to. `false` when the webhook has none such.
pub async fn wait_again(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    webhook: &WebhookId,
    id: &DeliveryId,
) -> Result<bool, StoreError> {
    let done = run!(
        conn,
        "UPDATE deliveries SET status = 'waiting', settled_at = NULL
         WHERE id = $1 AND webhook_id = $2 AND workspace_id = $3",
        id.as_str(),
        webhook.as_str(),
        workspace.as_str()
    )?;
    Ok(done > 0)
}

/// Forgets deliveries that were caused before an instant and no longer wait, with their attempts.
pub async fn forget(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM deliveries WHERE created_at < $1 AND status <> 'waiting'", micros(before))?;
    Ok(())
}

/// The admins of a workspace.
pub async fn admins(conn: &mut Conn, workspace: &WorkspaceId) -> Result<Vec<AdminRow>, StoreError> {
    rows!(
        conn,
        AdminRow,
        "SELECT m.name, u.email, w.name AS workspace, w.slug, w.zone
         FROM members m JOIN users u ON u.id = m.user_id JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.workspace_id = $1 AND m.role = 'admin' ORDER BY m.created_at, m.id",
        workspace.as_str()
    )
}

/// A webhook with its sealed secret, and its former one.
pub type Sealed = (WebhookId, Vec<u8>, Option<Vec<u8>>);

/// The sealed secrets of every webhook, for when the installation's secret changes.
pub async fn sealed(conn: &mut Conn) -> Result<Vec<Sealed>, StoreError> {
    let found =
        rows!(conn, (String, Vec<u8>, Option<Vec<u8>>), "SELECT id, secret, old_secret FROM webhooks")?;
    found.into_iter().map(|(id, current, old)| Ok((WebhookId::try_from(id)?, current, old))).collect()
}

/// Keeps secrets that were sealed anew.
pub async fn set_sealed(
    conn: &mut Conn,
    webhook: &WebhookId,
    secret: &[u8],
    old_secret: Option<&[u8]>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE webhooks SET secret = $2, old_secret = $3 WHERE id = $1",
        webhook.as_str(),
        secret,
        old_secret
    )?;
    Ok(())
}
