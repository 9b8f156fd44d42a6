//! Keeping calendars in step: a lane of its own beside the queue. What is to be done stands in the tables of connections and
//! calendars, not in jobs: see [`crate::server::use_cases::sync`] and decision 6.

use super::running::Running;
use crate::server::{clock, context::Context, crypto, store::holds::HeldRow, use_cases::sync};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Accounts that one process works on at once.
const PLACES: usize = 18;
/// No workspace gets another place while it has this many times as many as are free. One that is alone gets twelve; six stay
/// free for the next one, which gets four of them, and so on: however many have accounts that answer slowly, there is a
/// place for one more, and nobody's share has to be known beforehand.
const TIMES_WHAT_IS_FREE: usize = 2;
/// How long it sleeps at most; processes that share a SQLite file learn of each other's wishes no other way.
const NAP: Duration = Duration::from_secs(1);
/// How often the hold on an account is extended; a third of the hold.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long tours may take to end when the server stops. One that is cut off is made again.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until `stop` says so.
pub(super) async fn run(context: Context, mut stop: watch::Receiver<bool>) {
    let mut running = Running::default();
    while !*stop.borrow() {
        // Registered before looking: what is asked for in between is not slept through.
        let woken = context.db.wake().notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        running.sweep();
        let free = PLACES.saturating_sub(running.len());
        if free > 0 {
            // A name for each tour: one that lost its account must not be taken for the one that holds it now.
            let holder: Arc<str> = crypto::random_token().into();
            let full = running.full(TIMES_WHAT_IS_FREE * free);
            match sync::take(&context, &holder, &full, clock::now()).await {
                Ok(None) => {}
                Ok(Some(row)) => {
                    running.begin(row.workspace_id.clone(), tour(context.clone(), row, holder));
                    continue;
                }
                Err(error) => tracing::warn!(%error, "no accounts could be taken"),
            }
        }
        tokio::select! {
            () = &mut woken => {}
            () = tokio::time::sleep(NAP) => {}
            () = running.next(), if running.len() > 0 => {}
            _ = stop.changed() => {}
        }
    }
    if tokio::time::timeout(GRACE, running.rest()).await.is_err() {
        tracing::warn!("calendars were still being read or written; that is done again");
    }
}

async fn tour(context: Context, row: HeldRow, holder: Arc<str>) {
    let id = row.id.clone();
    let span = tracing::info_span!("tour", connection = %id, provider = row.provider);
    let background = Context { db: context.db.in_background(), ..context.clone() };
    let work = tracing::Instrument::instrument(sync::run(&background, row, &holder, clock::now), span);
    // Beside the work, never instead of it: it may be waiting for the same connection.
    let beat = async {
        let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
        loop {
            beats.tick().await;
            match sync::hold_on(&context, &id, &holder, clock::now()).await {
                Ok(true) => {}
                Ok(false) => return tracing::warn!(connection = %id, "another worker took this account over"),
                Err(error) => tracing::warn!(%error, connection = %id, "a hold could not be extended"),
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = beat => {}
    }
}
