//! The queue of all workspaces, as whoever operates the server sees it on the command line.

use crate::{
    api::AppError,
    domain::ids::{DeliveryId, JobId, MessageId, WorkspaceId},
    server::{
        context::Context,
        store::{
            Conn, StoreError, instant,
            jobs::{self, JobRow},
            messages, webhooks,
        },
    },
};
use chrono::{DateTime, Utc};

/// A sentence for someone who named no job.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn at(micros: i64) -> String {
    instant(micros).format("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn line(row: &JobRow) -> String {
    let state = if row.running { "running" } else { row.status.as_str() };
    format!(
        "{}  {:<8}  {:<8}  {}  attempts {:<2}  next {}  {}\n",
        row.id,
        state,
        row.kind,
        row.workspace_slug,
        row.attempts,
        at(row.run_at),
        row.last_error
    )
}

fn parse(id: &str) -> Result<JobId, Failure> {
    JobId::try_from(id.to_owned()).map_err(|_| "That is not the id of a job.".into())
}

/// Counts for each lane, and the jobs with one status.
pub async fn list(context: &Context, status: &str, most: u32, now: DateTime<Utc>) -> Result<String, Failure> {
    let mut conn = context.db.read().await?;
    let mut text = String::new();
    for count in jobs::counts(&mut conn, "", now).await? {
        text.push_str(&format!(
            "{:<8}  waiting {}, planned {}, running {}, dead {}\n",
            count.lane, count.waiting, count.planned, count.running, count.dead
        ));
    }
    let rows = jobs::list(&mut conn, "", status, (i64::MAX, ""), i64::from(most)).await?;
    if rows.is_empty() {
        text.push_str(&format!("No job is {status}.\n"));
    }
    rows.iter().for_each(|row| text.push_str(&line(row)));
    Ok(text)
}

/// One job, with what it holds.
pub async fn show(context: &Context, id: &str) -> Result<String, Failure> {
    let mut conn = context.db.read().await?;
    let (row, payload) = jobs::by_id(&mut conn, "", &parse(id)?).await?.ok_or("There is no such job.")?;
    Ok(format!(
        "{}about    {}\nlane     {}\nmade     {}\ntouched  {}\nholds    {payload}\n",
        line(&row),
        row.subject,
        row.lane,
        at(row.created_at),
        at(row.updated_at)
    ))
}

/// Lets what a job was to deliver wait again, where it was given up together with the job.
pub(super) async fn revive(conn: &mut Conn, workspace: &WorkspaceId, row: &JobRow) -> Result<(), StoreError> {
    if let Some(message) = row.subject.strip_prefix("message:") {
        messages::wait_again(conn, workspace, &MessageId::try_from(message.to_owned())?).await?;
    }
    if let Some(delivery) = row.subject.strip_prefix("delivery:") {
        let delivery = DeliveryId::try_from(delivery.to_owned())?;
        if let Some(row) = webhooks::delivery(conn, &delivery).await? {
            webhooks::wait_again(conn, workspace, &row.webhook_id, &delivery).await?;
        }
    }
    Ok(())
}

/// Lets a job run now.
pub async fn retry(context: &Context, id: &str, now: DateTime<Utc>) -> Result<String, Failure> {
    let id = parse(id)?;
    let mut conn = context.db.write().await?;
    let (row, _) = jobs::by_id(&mut conn, "", &id).await?.ok_or("There is no such job.")?;
    if !jobs::retry(&mut conn, "", &id, now).await? {
        return Err("That job is running, or was done.".into());
    }
    let workspace = crate::server::store::workspaces::by_slug(&mut conn, &row.workspace_slug)
        .await?
        .ok_or(AppError::UnknownWorkspace.sentence())?;
    revive(&mut conn, &workspace.id, &row).await?;
    conn.commit().await?;
    Ok(format!("{id} runs as soon as a worker is free."))
}

/// Gives up what a job was to deliver, together with the job.
pub(super) async fn give_up(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    row: &JobRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let why = "Its sending was dropped by hand.";
    if let Some(message) = row.subject.strip_prefix("message:") {
        let message = MessageId::try_from(message.to_owned())?;
        messages::settle(conn, workspace, &message, "failed", why, now).await?;
    }
    if let Some(delivery) = row.subject.strip_prefix("delivery:") {
        let delivery = DeliveryId::try_from(delivery.to_owned())?;
        webhooks::settle(conn, workspace, &delivery, "failed", now).await?;
    }
    Ok(())
}

/// Gives a job up.
pub async fn drop(context: &Context, id: &str, now: DateTime<Utc>) -> Result<String, Failure> {
    let id = parse(id)?;
    let mut conn = context.db.write().await?;
    let (row, _) = jobs::by_id(&mut conn, "", &id).await?.ok_or("There is no such job.")?;
    if !jobs::drop_job(&mut conn, "", &id, now).await? {
        return Err("That job is running, or was done.".into());
    }
    let workspace = crate::server::store::workspaces::by_slug(&mut conn, &row.workspace_slug)
        .await?
        .ok_or(AppError::UnknownWorkspace.sentence())?;
    give_up(&mut conn, &workspace.id, &row, now).await?;
    conn.commit().await?;
    Ok(format!("{id} was dropped."))
}
