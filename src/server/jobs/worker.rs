//! The workers: they take jobs that are due and do them, a lane each, until they are told to stop.

use super::{Job, Lane, Outcome, running::Running, tours};
use crate::{
    domain::ids::{NotAnId, RowId, WorkspaceId},
    server::{
        clock,
        context::Context,
        ids,
        store::{
            Conn, StoreError, installation, instant,
            jobs::{self, HeldJob},
        },
        use_cases::{announce, approvals, post, reminders, upkeep},
        webhooks,
    },
};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How long a job is held before another worker may take it; extended while it runs.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a running job's lease is extended.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a lane sleeps at most. Processes that share a SQLite file learn of each other's jobs no other way.
const NAP: Duration = Duration::from_secs(1);
/// How long jobs that run may take to end when the server stops: a little longer than a mail may take, because one that
/// is cut off between its end and the answer is sent again.
const GRACE: Duration = Duration::from_secs(65);
/// After so many attempts a job is given up even if no attempt ever came to an end: it may be what kills the workers.
const MOST_ATTEMPTS: i64 = 15;

/// How many jobs of a lane one process runs at once, and how many of them may be one workspace's. Jobs that only touch the
/// database run one after the other, so that requests find a connection; those that wait for others are more, and no
/// workspace whose server hangs takes all places.
fn at_once(lane: Lane) -> (usize, usize) {
    match lane {
        Lane::Event => (1, 8),
        Lane::Mail => (16, 4),
        Lane::Webhook => (24, 6),
    }
}

/// Runs until `stop` says so, then lets what runs come to its end.
pub async fn work(context: Context, mut stop: watch::Receiver<bool>) {
    let lease: Arc<str> = match ids::new::<RowId>(clock::now()) {
        Ok(id) => Arc::from(id.as_str()),
        Err(NotAnId) => return,
    };
    let mut lanes = JoinSet::new();
    for lane in Lane::ALL {
        lanes.spawn(run_lane(context.clone(), lane, Arc::clone(&lease), stop.clone()));
    }
    lanes.spawn(tours::run(context.clone(), stop.clone()));
    lanes.spawn(lead(context.clone(), Arc::clone(&lease), stop.clone()));
    let listening = tokio::spawn(listen(context));
    // An error means that whoever could have said "stop" is gone.
    let _ = stop.wait_for(|stop| *stop).await;
    listening.abort();
    while lanes.join_next().await.is_some() {}
}

/// Listens for the jobs of other instances, for ever. While that fails, naps are short enough.
async fn listen(context: Context) {
    loop {
        if let Err(error) = context.db.listen().await {
            tracing::debug!(%error, "not told of new jobs; looking every second");
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

async fn run_lane(context: Context, lane: Lane, lease: Arc<str>, mut stop: watch::Receiver<bool>) {
    let (places, share) = at_once(lane);
    let mut running = Running::default();
    while !*stop.borrow() {
        // Registered before looking: what is enqueued in between is not slept through.
        let woken = context.db.wake().notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        running.sweep();
        let free = places.saturating_sub(running.len());
        let mut nap = NAP;
        if free > 0 {
            let most = if lane == Lane::Event { share } else { free.min(share) };
            match take(&context, lane, &lease, most, &running.full(share)).await {
                Ok(Taken::Later(after)) => nap = after.min(NAP),
                Ok(Taken::Held(held)) if lane == Lane::Event => {
                    if let Some(first) = held.first() {
                        let whose = first.workspace_id.clone();
                        let (context, lease, stop) = (context.clone(), Arc::clone(&lease), stop.clone());
                        running.begin(whose, one_by_one(context, held, lease, stop));
                    }
                    continue;
                }
                Ok(Taken::Held(held)) => {
                    for job in held {
                        let (context, lease) = (context.clone(), Arc::clone(&lease));
                        running.begin(job.workspace_id.clone(), async move {
                            run(&context, &job, &lease).await;
                        });
                    }
                    continue;
                }
                Err(error) => tracing::warn!(%error, lane = lane.as_str(), "no jobs could be taken"),
            }
        }
        tokio::select! {
            () = &mut woken => {}
            () = tokio::time::sleep(nap) => {}
            () = running.next(), if running.len() > 0 => {}
            _ = stop.changed() => {}
        }
    }
    if tokio::time::timeout(GRACE, running.rest()).await.is_err() {
        tracing::warn!(lane = lane.as_str(), "jobs were still running; another worker will take them over");
    }
}

/// Runs jobs that were taken together, one after the other: taking costs more than doing. Those whose turn comes late, or
/// not before the end, are given back.
async fn one_by_one(context: Context, held: Vec<HeldJob>, lease: Arc<str>, stop: watch::Receiver<bool>) {
    let begun = tokio::time::Instant::now();
    for job in held {
        if *stop.borrow() || begun.elapsed() > HEARTBEAT {
            settle(&context, &job, &lease, Outcome::Postpone(TimeDelta::zero())).await;
        } else {
            run(&context, &job, &lease).await;
        }
    }
}

/// What a look at a lane came to.
enum Taken {
    /// Jobs, at least one.
    Held(Vec<HeldJob>),
    /// Nothing to take for so long.
    Later(Duration),
}

async fn take(
    context: &Context,
    lane: Lane,
    lease: &str,
    most: usize,
    passing_over: &[WorkspaceId],
) -> Result<Taken, StoreError> {
    let now = clock::now();
    let mut conn = context.db.read().await?;
    // A glance first: whoever looks does not keep writers waiting.
    let next = jobs::next_due(&mut conn, lane.as_str()).await?.map(instant);
    drop(conn);
    match next {
        None => return Ok(Taken::Later(NAP)),
        Some(next) if next > now => return Ok(Taken::Later((next - now).to_std().unwrap_or(NAP))),
        Some(_) => {}
    }
    let most = i64::try_from(most).unwrap_or(1);
    let mut conn = context.db.write().await?;
    let held = jobs::take(&mut conn, lane.as_str(), lease, now + LEASE, most, passing_over, now).await?;
    conn.commit().await?;
    // What is due all the same belongs to workspaces that fill their share, or was taken by another worker.
    Ok(if held.is_empty() { Taken::Later(NAP) } else { Taken::Held(held) })
}

async fn run(context: &Context, held: &HeldJob, lease: &str) {
    let job: Job = match serde_json::from_str(&held.payload) {
        Ok(job) => job,
        Err(error) => {
            let outcome = Outcome::Dead(format!("This version does not know this job: {error}."));
            return settle(context, held, lease, outcome).await;
        }
    };
    if held.attempts > MOST_ATTEMPTS {
        let outcome = Outcome::Dead("It was begun again and again, and never came to an end.".into());
        return settle(context, held, lease, outcome).await;
    }
    let span = tracing::info_span!("job", id = %held.id, kind = job.kind());
    let work = async {
        match &job {
            Job::Mail { message } => {
                let outcome =
                    post::send(context, &held.workspace_id, message, held.attempts, clock::now()).await;
                settle(context, held, lease, outcome).await;
            }
            Job::Webhook { delivery } => {
                let outcome = webhooks::deliver(context, delivery, held.attempts, clock::now()).await;
                settle(context, held, lease, outcome).await;
            }
            inside => {
                if let Err(error) = run_inside(context, held, lease, inside).await {
                    let outcome = after(held.attempts, format!("The database: {error}."));
                    settle(context, held, lease, outcome).await;
                }
            }
        }
    };
    let work = tracing::Instrument::instrument(work, span);
    // Beside the work, never instead of it: it may be waiting for the same connection.
    let beat = async {
        let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            beats.tick().await;
            match extend(context, held, lease).await {
                Ok(true) => {}
                Ok(false) => return tracing::warn!(job = %held.id, "another worker took this job over"),
                Err(error) => tracing::warn!(%error, job = %held.id, "a lease could not be extended"),
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = beat => {}
    }
}

async fn extend(context: &Context, held: &HeldJob, lease: &str) -> Result<bool, StoreError> {
    let mut conn = context.db.write().await?;
    let extended = jobs::extend(&mut conn, held, lease, clock::now() + LEASE).await?;
    conn.commit().await?;
    Ok(extended)
}

/// A retry while there is one left.
fn after(attempt: i64, error: String) -> Outcome {
    match super::backoff(attempt) {
        Some(after) => Outcome::Retry { error, after },
        None => Outcome::Dead(error),
    }
}

/// A job that only touches the database: its effect and its end are one transaction, so it takes effect once.
async fn run_inside(context: &Context, held: &HeldJob, lease: &str, job: &Job) -> Result<(), StoreError> {
    let mut rounds = 0;
    loop {
        match run_inside_once(context, held, lease, job).await {
            // It met another transaction: nothing was written.
            Err(StoreError::Again | StoreError::Duplicate) if rounds < 5 => rounds += 1,
            done => return done,
        }
    }
}

async fn run_inside_once(
    context: &Context,
    held: &HeldJob,
    lease: &str,
    job: &Job,
) -> Result<(), StoreError> {
    let now = clock::now();
    let mut conn: Conn = context.db.write().await?;
    match job {
        Job::Announce(change) => {
            announce::announce(&mut conn, context, &held.workspace_id, change, now).await?
        }
        Job::Remind { booking, invitee, member, minutes, start } => {
            let due = reminders::Due {
                booking,
                invitee,
                member: member.as_ref(),
                minutes: *minutes,
                start: *start,
            };
            reminders::remind(&mut conn, context, &held.workspace_id, due, now).await?;
        }
        Job::Expire { booking } => {
            approvals::expire(&mut conn, &held.workspace_id, booking, now).await?;
        }
        Job::Mail { .. } | Job::Webhook { .. } => {}
    }
    if jobs::finish(&mut conn, held, lease, now).await? {
        conn.commit().await?;
    }
    Ok(())
}

/// Writes down what a job came to. When even that fails its lease runs out, and it is done again.
async fn settle(context: &Context, held: &HeldJob, lease: &str, outcome: Outcome) {
    let now = clock::now();
    let written = async {
        let mut conn = context.db.write().await?;
        let still_held = match &outcome {
            Outcome::Done => jobs::finish(&mut conn, held, lease, now).await?,
            Outcome::Retry { error, after } => {
                tracing::info!(job = %held.id, %error, attempt = held.attempts, "a job will be tried again");
                jobs::give_back(&mut conn, held, lease, now + *after, true, error, now).await?
            }
            Outcome::Postpone(after) => {
                jobs::give_back(&mut conn, held, lease, now + *after, false, "", now).await?
            }
            Outcome::Dead(error) => {
                tracing::error!(job = %held.id, %error, "a job was given up; see `meridian jobs list`");
                jobs::bury(&mut conn, held, lease, error, now).await?
            }
        };
        conn.commit().await?;
        Ok::<bool, StoreError>(still_held)
    };
    match written.await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(job = %held.id, "another worker had taken this job over"),
        Err(error) => tracing::error!(%error, job = %held.id, "a job's end could not be written down"),
    }
}

/// Periodic work, by one process at a time: whoever holds the lease.
async fn lead(context: Context, owner: Arc<str>, mut stop: watch::Receiver<bool>) {
    const NAME: &str = "upkeep";
    let mut last = None;
    while !*stop.borrow() {
        let now = clock::now();
        let leads = async {
            let mut conn = context.db.write().await?;
            let leads =
                installation::lease(&mut conn, NAME, &owner, now + TimeDelta::seconds(90), now).await?;
            conn.commit().await?;
            Ok::<bool, StoreError>(leads)
        };
        match leads.await {
            Ok(true) if last.is_none_or(|last| now - last >= TimeDelta::hours(1)) => {
                // Logged where it happened; the next hour is another chance.
                let _ = upkeep::forget_the_old(&context, now).await;
                last = Some(now);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "who does the periodic work could not be found out"),
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(30)) => {}
            _ = stop.changed() => {}
        }
    }
    let release = async {
        let mut conn = context.db.write().await?;
        installation::release(&mut conn, NAME, &owner).await?;
        conn.commit().await
    };
    if let Err(error) = release.await {
        tracing::debug!(%error, "the lease ends by itself");
    }
}

/// Runs `work` beside workers that stop when it ends.
pub async fn beside<T>(context: &Context, work: impl Future<Output = T>) -> T {
    let (stop, stopped) = watch::channel(false);
    let workers = tokio::spawn(self::work(context.clone(), stopped));
    let done = work.await;
    // Nobody listening means that the workers ended already.
    let _ = stop.send(true);
    if let Err(error) = workers.await {
        tracing::error!(%error, "the workers did not end well");
    }
    done
}
