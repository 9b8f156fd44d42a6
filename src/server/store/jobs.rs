//! The queue: what is to be done, by whom it is being done, and what could not be done.
//!
//! A job that runs is held by a lease, and its `run_at` is when that ends: a job whose worker died is simply due again.
//! Everything that ends or extends a run names the lease and the attempt, so that a worker that was thought dead can't
//! settle what another one has taken over.

use super::{Conn, On, StoreError, micros, row, rows, run};
use crate::domain::ids::{JobId, WorkspaceId};
use chrono::{DateTime, Utc};

/// A job to enqueue.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: &'a JobId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// Where it waits.
    pub lane: &'a str,
    /// Its word.
    pub kind: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// The job as JSON.
    pub payload: &'a str,
    /// At most one job ever has this key.
    pub dedupe_key: Option<&'a str>,
    /// Not before.
    pub run_at: DateTime<Utc>,
}

/// A job that a worker holds.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldJob {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: JobId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// The job as JSON.
    pub payload: String,
    /// Which attempt this is, from 1.
    pub attempts: i64,
    /// When it was enqueued; epoch microseconds.
    pub created_at: i64,
}

/// A job as an admin sees it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct JobRow {
    /// Its id.
    #[sqlx(try_from = "String")]
    pub id: JobId,
    /// The workspace's part of the address.
    pub workspace_slug: String,
    /// `event`, `mail` or `webhook`.
    pub lane: String,
    /// Its word.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// `queued`, `done` or `dead`.
    pub status: String,
    /// Does a worker hold it?
    pub running: bool,
    /// When it runs next, or its lease ends; epoch microseconds.
    pub run_at: i64,
    /// How often it was tried.
    pub attempts: i64,
    /// What happened last, or empty.
    pub last_error: String,
    /// When it was enqueued; epoch microseconds.
    pub created_at: i64,
    /// When it was touched last; epoch microseconds.
    pub updated_at: i64,
}

/// How many jobs a lane has.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LaneCount {
    /// The lane.
    pub lane: String,
    /// Due, and not held by a worker.
    pub waiting: i64,
    /// To be run later.
    pub planned: i64,
    /// Held by a worker.
    pub running: i64,
    /// Failed for good.
    pub dead: i64,
}

/// Enqueues a job. Returns whether it was: not when its key was used before.
pub async fn insert(conn: &mut Conn, new: &NewJob<'_>, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let inserted = run!(
        conn,
        "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, dedupe_key, status, run_at, attempts,
                           last_error, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, 0, '', $9, $9)
         ON CONFLICT (dedupe_key) DO NOTHING",
        new.id.as_str(),
        new.workspace.as_str(),
        new.lane,
        new.kind,
        new.subject,
        new.payload,
        new.dedupe_key,
        micros(new.run_at),
        micros(now)
    )?;
    if inserted > 0 {
        conn.wake_on_commit();
    }
    Ok(inserted > 0)
}

/// When the next job of a lane is due; epoch microseconds.
pub async fn next_due(conn: &mut Conn, lane: &str) -> Result<Option<i64>, StoreError> {
    let next = row!(
        conn,
        (Option<i64>,),
        "SELECT MIN(run_at) FROM jobs WHERE status = 'queued' AND lane = $1",
        lane
    )?;
    Ok(next.and_then(|(next,)| next))
}

/// Takes jobs that are due, longest waiting first, and holds them until `until`. Two workers never get the same one: SQLite
/// has one writer at a time, PostgreSQL skips rows that another transaction has locked. What happened to one booking is
/// announced in the order in which it happened: an announcement is not taken before those that came earlier have ended.
/// Jobs of the workspaces named in `passing_over` (four at most) are left for later.
pub async fn take(
    conn: &mut Conn,
    lane: &str,
    lease: &str,
    until: DateTime<Utc>,
    most: i64,
    passing_over: &[WorkspaceId],
    now: DateTime<Utc>,
) -> Result<Vec<HeldJob>, StoreError> {
    // A lane has room for no more workspaces that fill their share of it.
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| passing_over.get(index).map_or("", WorkspaceId::as_str));
    let mut taken = match conn.on() {
        On::Sqlite(on) => {
            sqlx::query_as::<_, HeldJob>(
                "UPDATE jobs SET lease = $1, run_at = $2, attempts = attempts + 1, updated_at = $3
                 WHERE id IN (SELECT j.id FROM jobs j
                              WHERE j.status = 'queued' AND j.lane = $4 AND j.run_at <= $3
                                AND j.workspace_id NOT IN ($6, $7, $8, $9)
                                AND (j.kind <> 'announce' OR NOT EXISTS (
                                    SELECT 1 FROM jobs o WHERE o.subject = j.subject AND o.kind = 'announce'
                                       AND o.status = 'queued' AND (o.created_at, o.id) < (j.created_at, j.id)))
                              ORDER BY j.run_at LIMIT $5)
                 RETURNING id, workspace_id, payload, attempts, created_at",
            )
            .bind(lease)
            .bind(micros(until))
            .bind(micros(now))
            .bind(lane)
            .bind(most)
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(d)
            .fetch_all(on)
            .await?
        }
        On::Postgres(on) => {
            // Materialized: run once, so that it never takes more than it may.
            sqlx::query_as::<_, HeldJob>(
                "WITH due AS MATERIALIZED (
                    SELECT j.id FROM jobs j
                    WHERE j.status = 'queued' AND j.lane = $4 AND j.run_at <= $3
                      AND j.workspace_id NOT IN ($6, $7, $8, $9)
                      AND (j.kind <> 'announce' OR NOT EXISTS (
                          SELECT 1 FROM jobs o WHERE o.subject = j.subject AND o.kind = 'announce'
                             AND o.status = 'queued' AND (o.created_at, o.id) < (j.created_at, j.id)))
                    ORDER BY j.run_at LIMIT $5 FOR UPDATE OF j SKIP LOCKED)
                 UPDATE jobs SET lease = $1, run_at = $2, attempts = attempts + 1, updated_at = $3
                 WHERE id IN (SELECT id FROM due)
                 RETURNING id, workspace_id, payload, attempts, created_at",
            )
            .bind(lease)
            .bind(micros(until))
            .bind(micros(now))
            .bind(lane)
            .bind(most)
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(d)
            .fetch_all(on)
            .await?
        }
    };
    // Neither database promises an order here.
    taken.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(taken)
}

/// Holds a job longer. `false` when it is not held any more.
pub async fn extend(
    conn: &mut Conn,
    job: &HeldJob,
    lease: &str,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let held = run!(
        conn,
        "UPDATE jobs SET run_at = $4 WHERE id = $1 AND lease = $2 AND attempts = $3 AND status = 'queued'",
        job.id.as_str(),
        lease,
        job.attempts,
        micros(until)
    )?;
    Ok(held > 0)
}

/// Ends a job that was done. One without a key is forgotten; one with a key is remembered, so that it is not
/// enqueued again. `false` when it is not held any more: then whatever else the transaction did must not be kept.
pub async fn finish(
    conn: &mut Conn,
    job: &HeldJob,
    lease: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let forgotten = run!(
        conn,
        "DELETE FROM jobs WHERE id = $1 AND lease = $2 AND attempts = $3 AND status = 'queued' AND dedupe_key IS NULL",
        job.id.as_str(),
        lease,
        job.attempts
    )?;
    if forgotten > 0 {
        return Ok(true);
    }
    let done = run!(
        conn,
        "UPDATE jobs SET status = 'done', lease = NULL, last_error = '', updated_at = $4
         WHERE id = $1 AND lease = $2 AND attempts = $3 AND status = 'queued'",
        job.id.as_str(),
        lease,
        job.attempts,
        micros(now)
    )?;
    Ok(done > 0)
}

/// Gives a job back, to run again at `run_at`. `counts` says whether the attempt counts. `false` when it is not held any
/// more.
pub async fn give_back(
    conn: &mut Conn,
    job: &HeldJob,
    lease: &str,
    run_at: DateTime<Utc>,
    counts: bool,
    error: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let given = run!(
        conn,
        "UPDATE jobs SET lease = NULL, run_at = $4, attempts = attempts - $5,
                         last_error = CASE WHEN $6 = '' THEN last_error ELSE $6 END, updated_at = $7
         WHERE id = $1 AND lease = $2 AND attempts = $3 AND status = 'queued'",
        job.id.as_str(),
        lease,
        job.attempts,
        micros(run_at),
        i64::from(!counts),
        error,
        micros(now)
    )?;
    Ok(given > 0)
}

/// Puts a job where an admin sees it. `false` when it is not held any more.
pub async fn bury(
    conn: &mut Conn,
    job: &HeldJob,
    lease: &str,
    error: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let buried = run!(
        conn,
        "UPDATE jobs SET status = 'dead', lease = NULL, last_error = $4, updated_at = $5
         WHERE id = $1 AND lease = $2 AND attempts = $3 AND status = 'queued'",
        job.id.as_str(),
        lease,
        job.attempts,
        error,
        micros(now)
    )?;
    Ok(buried > 0)
}

/// The jobs of a workspace, or of all (empty), with one status, newest first, from a place in that order on (when it was
/// touched, and its id; `i64::MAX` for the first).
pub async fn list(
    conn: &mut Conn,
    workspace: &str,
    status: &str,
    before: (i64, &str),
    most: i64,
) -> Result<Vec<JobRow>, StoreError> {
    rows!(
        conn,
        JobRow,
        "SELECT j.id, w.slug AS workspace_slug, j.lane, j.kind, j.subject, j.status, j.lease IS NOT NULL AS running,
                j.run_at, j.attempts, j.last_error, j.created_at, j.updated_at
         FROM jobs j JOIN workspaces w ON w.id = j.workspace_id
         WHERE ($1 = '' OR j.workspace_id = $1) AND j.status = $2
           AND (j.updated_at < $3 OR (j.updated_at = $3 AND j.id < $4))
         ORDER BY j.updated_at DESC, j.id DESC LIMIT $5",
        workspace,
        status,
        before.0,
        before.1,
        most
    )
}

/// One job of a workspace, or of any (empty), and what it holds as JSON.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &str,
    job: &JobId,
) -> Result<Option<(JobRow, String)>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Whole {
        #[sqlx(flatten)]
        row: JobRow,
        payload: String,
    }
    let found = row!(
        conn,
        Whole,
        "SELECT j.id, w.slug AS workspace_slug, j.lane, j.kind, j.subject, j.status, j.lease IS NOT NULL AS running,
                j.run_at, j.attempts, j.last_error, j.created_at, j.updated_at, j.payload
         FROM jobs j JOIN workspaces w ON w.id = j.workspace_id
         WHERE ($1 = '' OR j.workspace_id = $1) AND j.id = $2",
        workspace,
        job.as_str()
    )?;
    Ok(found.map(|whole| (whole.row, whole.payload)))
}

/// How many jobs there are in each lane that has any, in a workspace or in all (empty).
pub async fn counts(
    conn: &mut Conn,
    workspace: &str,
    now: DateTime<Utc>,
) -> Result<Vec<LaneCount>, StoreError> {
    rows!(
        conn,
        LaneCount,
        "SELECT lane,
                COUNT(CASE WHEN status = 'queued' AND run_at <= $2 THEN 1 END) AS waiting,
                COUNT(CASE WHEN status = 'queued' AND lease IS NULL AND run_at > $2 THEN 1 END) AS planned,
                COUNT(CASE WHEN status = 'queued' AND lease IS NOT NULL AND run_at > $2 THEN 1 END) AS running,
                COUNT(CASE WHEN status = 'dead' THEN 1 END) AS dead
         FROM jobs WHERE ($1 = '' OR workspace_id = $1) AND status <> 'done'
         GROUP BY lane ORDER BY lane",
        workspace,
        micros(now)
    )
}

/// Lets a job run now that is dead or waits: its attempts begin anew. `false` when there is none such, or a worker holds
/// it.
pub async fn retry(
    conn: &mut Conn,
    workspace: &str,
    job: &JobId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let retried = run!(
        conn,
        "UPDATE jobs SET status = 'queued', run_at = $3, attempts = 0, lease = NULL, updated_at = $3
         WHERE ($1 = '' OR workspace_id = $1) AND id = $2 AND (lease IS NULL OR run_at <= $3)
           AND status IN ('queued', 'dead')",
        workspace,
        job.as_str(),
        micros(now)
    )?;
    if retried > 0 {
        conn.wake_on_commit();
    }
    Ok(retried > 0)
}

/// Gives a job up. `false` when there is none, or a worker holds it.
pub async fn drop_job(
    conn: &mut Conn,
    workspace: &str,
    job: &JobId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let dropped = run!(
        conn,
        "DELETE FROM jobs WHERE ($1 = '' OR workspace_id = $1) AND id = $2 AND (lease IS NULL OR run_at <= $3)
            AND status <> 'done'",
        workspace,
        job.as_str(),
        micros(now)
    )?;
    Ok(dropped > 0)
}

/// Drops the jobs about a subject that no worker holds, before another one takes their place. Returns whether a worker
/// holds one just now.
pub async fn drop_idle(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    run!(
        conn,
        "DELETE FROM jobs WHERE workspace_id = $1 AND subject = $2 AND (lease IS NULL OR run_at <= $3)
            AND status <> 'done'",
        workspace.as_str(),
        subject,
        micros(now)
    )?;
    let left = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM jobs WHERE workspace_id = $1 AND subject = $2 AND status = 'queued'",
        workspace.as_str(),
        subject
    )?;
    Ok(left.is_some_and(|(left,)| left > 0))
}

/// Forgets jobs that were done so long ago that nothing asks for their keys.
pub async fn forget_done(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM jobs WHERE status = 'done' AND updated_at < $1", micros(before))?;
    Ok(())
}
