//! The queue as an admin sees it: how much is in it, and what could not be done.

use super::{
    mail_settings::{admin, shown, zone},
    note,
    operator::{give_up, revive},
};
use crate::{
    api::{
        AppError,
        mail::{DeadJob, LaneLine, QueuePage},
    },
    domain::ids::JobId,
    server::{
        context::Context,
        store::{
            Conn, instant,
            jobs::{self, JobRow},
            members::SignedIn,
        },
    },
};
use chrono::{DateTime, Utc};

/// Jobs on one page.
const PAGE: usize = 50;

/// A place in the list: when the job was given up in epoch microseconds, then its id.
fn cursor(text: &str) -> Option<(i64, &str)> {
    let known = |id: &str| JobId::try_from(id.to_owned()).is_ok();
    let (at, id) = text.split_once('.').filter(|(_, id)| known(id))?;
    Some((at.parse().ok()?, id))
}

fn dead(row: JobRow) -> DeadJob {
    DeadJob {
        id: row.id.into(),
        kind: row.kind,
        subject: row.subject,
        attempts: row.attempts,
        error: row.last_error,
        created: instant(row.created_at),
        since: instant(row.updated_at),
    }
}

/// The page, from a place in the list on.
pub async fn page(
    context: &Context,
    me: &SignedIn,
    before: &str,
    now: DateTime<Utc>,
) -> Result<QueuePage, AppError> {
    admin(me)?;
    let workspace = me.workspace_id.as_str();
    let before = cursor(before);
    let mut conn = context.db.read().await?;
    let counts = jobs::counts(&mut conn, workspace, now).await?;
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut listed = jobs::list(&mut conn, workspace, "dead", before.unwrap_or((i64::MAX, "")), most).await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let next = listed.last().filter(|_| more).map(|row| format!("{}.{}", row.updated_at, row.id));
    let lane = |count: jobs::LaneCount| LaneLine {
        lane: count.lane,
        waiting: count.waiting,
        planned: count.planned,
        running: count.running,
        dead: count.dead,
    };
    Ok(QueuePage {
        me: shown(me),
        zone: zone(me)?,
        lanes: counts.into_iter().map(lane).collect(),
        dead: listed.into_iter().map(dead).collect(),
        later: before.is_some(),
        next,
        done: None,
    })
}

/// Lets a job run again.
pub async fn retry(context: &Context, me: &SignedIn, job: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    admin(me)?;
    let job = JobId::try_from(job.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.write().await?;
    let (row, _) = jobs::by_id(&mut conn, workspace.as_str(), &job).await?.ok_or(AppError::UnknownPage)?;
    if !jobs::retry(&mut conn, workspace.as_str(), &job, now).await? {
        return Err(AppError::UnknownPage);
    }
    // What it was to deliver was given up together with it.
    revive(&mut conn, &me.workspace_id, &row).await?;
    settle(conn, me, "job.retried", &job, now).await
}

/// Gives a job up for good.
pub async fn drop(context: &Context, me: &SignedIn, job: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    admin(me)?;
    let job = JobId::try_from(job.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    let workspace = &me.workspace_id;
    let (row, _) = jobs::by_id(&mut conn, workspace.as_str(), &job).await?.ok_or(AppError::UnknownPage)?;
    if !jobs::drop_job(&mut conn, workspace.as_str(), &job, now).await? {
        return Err(AppError::UnknownPage);
    }
    give_up(&mut conn, workspace, &row, now).await?;
    settle(conn, me, "job.dropped", &job, now).await
}

async fn settle(
    mut conn: Conn,
    me: &SignedIn,
    action: &str,
    job: &JobId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (actor, subject) = (format!("member:{}", me.member_id), format!("job:{job}"));
    note(&mut conn, &me.workspace_id, &actor, action, &subject, now).await?;
    conn.commit().await?;
    Ok(())
}
