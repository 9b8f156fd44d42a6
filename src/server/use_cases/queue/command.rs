//! `meridian jobs`: the queue of all workspaces, for the operator. Each answers with what is to be printed.

use crate::{
    domain::ids::{JobId, MessageId, NotAnId, WorkspaceId},
    server::{
        context::Context,
        store::{
            Conn, StoreError, instant,
            jobs::{self, JobRow},
            messages, workspaces,
        },
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write;

/// Why a command about a job came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// No job has this id, or it is done, or a worker is at it.
    #[error("There is no such job, or it is done, or a worker is at it: see `meridian jobs list`.")]
    NoJob,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<NotAnId> for JobError {
    fn from(_: NotAnId) -> Self {
        Self::NoJob
    }
}

fn time(micros: i64) -> String {
    instant(micros).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// How many jobs each lane has, and those with a status, last touched first.
pub async fn list(
    context: &Context,
    status: &str,
    most: u32,
    now: DateTime<Utc>,
) -> Result<String, JobError> {
    let mut conn = context.db.read().await?;
    let mut text = String::new();
    for lane in jobs::counts(&mut conn, "", now).await? {
        let jobs::LaneCount { lane, waiting, planned, running, dead } = lane;
        let counts = format!("{waiting} now, {planned} later, {running} running, {dead} dead");
        writeln!(text, "{lane:<8} {counts}").unwrap_or_default();
    }
    let listed = jobs::list(&mut conn, "", status, (i64::MAX, ""), i64::from(most)).await?;
    if listed.is_empty() {
        writeln!(text, "No job is {status}.").unwrap_or_default();
    }
    for row in listed {
        let JobRow { id, workspace_slug, kind, subject, attempts, last_error, .. } = &row;
        let when = if row.status == "queued" { row.run_at } else { row.updated_at };
        let doing = if row.running { "running" } else { &row.status };
        let line =
            format!("{id}  {}  {doing}  {workspace_slug}  {kind}  {subject}  tried {attempts}", time(when));
        writeln!(text, "{line}  {last_error}").unwrap_or_default();
    }
    Ok(text)
}

/// One job, with what it holds.
pub async fn show(context: &Context, job: &str) -> Result<String, JobError> {
    let mut conn = context.db.read().await?;
    let job = JobId::try_from(job.to_owned())?;
    let (row, payload) = jobs::by_id(&mut conn, "", &job).await?.ok_or(JobError::NoJob)?;
    let payload: serde_json::Value = serde_json::from_str(&payload).map_err(StoreError::from)?;
    let payload = serde_json::to_string_pretty(&payload).map_err(StoreError::from)?;
    Ok(format!(
        "id          {}\nworkspace   {}\nlane        {}\nkind        {}\nabout       {}\nstatus      {}{}\n\
         runs        {}\ntried       {}\nlast error  {}\nenqueued    {}\ntouched     {}\n{payload}",
        row.id,
        row.workspace_slug,
        row.lane,
        row.kind,
        row.subject,
        row.status,
        if row.running { ", running" } else { "" },
        time(row.run_at),
        row.attempts,
        row.last_error,
        time(row.created_at),
        time(row.updated_at),
    ))
}

/// Lets a job of any workspace run now.
pub async fn retry_any(context: &Context, job: &str, now: DateTime<Utc>) -> Result<String, JobError> {
    let mut conn = context.db.write().await?;
    let job = JobId::try_from(job.to_owned())?;
    let (row, _) = jobs::by_id(&mut conn, "", &job).await?.ok_or(JobError::NoJob)?;
    let workspace = workspaces::by_slug(&mut conn, &row.workspace_slug).await?.ok_or(JobError::NoJob)?;
    if !retry(&mut conn, &workspace.id, &row, now).await? {
        return Err(JobError::NoJob);
    }
    conn.commit().await?;
    Ok(format!("{} ({}) runs now.", row.id, row.kind))
}

/// Lets a job run again, with what was given up together with it.
pub(super) async fn retry(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    row: &JobRow,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if !jobs::retry(conn, workspace.as_str(), &row.id, now).await? {
        return Ok(false);
    }
    if let Some(message) = row.subject.strip_prefix("message:") {
        messages::wait_again(conn, workspace, &MessageId::try_from(message.to_owned())?).await?;
    }
    Ok(true)
}

/// Gives a job of any workspace up.
pub async fn drop_any(context: &Context, job: &str) -> Result<String, JobError> {
    let mut conn = context.db.write().await?;
    let job = JobId::try_from(job.to_owned())?;
    if !jobs::drop_job(&mut conn, "", &job).await? {
        return Err(JobError::NoJob);
    }
    conn.commit().await?;
    Ok(format!("{job} is dropped."))
}
