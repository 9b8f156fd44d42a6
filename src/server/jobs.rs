//! The durable queue: work that follows from what was decided, done once it is committed.
//!
//! A job is enqueued in the transaction that causes it, so it exists exactly when its cause does. Workers take jobs by
//! lease: whoever dies leaves theirs to be found again half a minute later. Jobs that only touch the database finish in the
//! transaction of their effect and so take effect once; those that reach outside (mail, webhooks) can't, and say in
//! their own docs what happens in the gap.
//!
//! To add a kind: a variant of [`Job`], its lane, and its arm in [`worker`].

mod running;
mod tours;
pub mod worker;

use crate::{
    domain::ids::{BookingId, DeliveryId, InviteeId, JobId, MemberId, MessageId, NotAnId, WorkspaceId},
    server::{
        crypto, ids,
        store::{Conn, StoreError, document, jobs},
        use_cases::announce::BookingChange,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Jobs that wait for different things wait in different lanes: a mail server that hangs holds up no webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The database only.
    Event,
    /// A mail server.
    Mail,
    /// Other people's servers.
    Webhook,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Event, Self::Mail, Self::Webhook];

    /// The word that the database uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// Something to do later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Job {
    /// Tell everyone concerned what happened to a booking, and plan its reminders.
    Announce(Box<BookingChange>),
    /// Remind an invitee of an appointment, or a host.
    Remind {
        /// The booking.
        booking: BookingId,
        /// The invitee whose appointment it is.
        invitee: InviteeId,
        /// The host; nobody: the invitee.
        member: Option<MemberId>,
        /// Minutes before the start.
        minutes: u32,
        /// The start that was meant; another one has reminders of its own.
        start: DateTime<Utc>,
    },
    /// Free the time of a pending booking that nobody decided on.
    Expire {
        /// The booking.
        booking: BookingId,
    },
    /// Send a mail.
    Mail {
        /// It.
        message: MessageId,
    },
    /// Tell another program.
    Webhook {
        /// What, and to whom.
        delivery: DeliveryId,
    },
}

impl Job {
    /// Where it waits.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Announce(_) | Self::Remind { .. } | Self::Expire { .. } => Lane::Event,
            Self::Mail { .. } => Lane::Mail,
            Self::Webhook { .. } => Lane::Webhook,
        }
    }

    /// Its word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Announce(_) => "announce",
            Self::Remind { .. } => "remind",
            Self::Expire { .. } => "expire",
            Self::Mail { .. } => "mail",
            Self::Webhook { .. } => "webhook",
        }
    }

    /// What it is about, for those who look for its traces.
    pub fn subject(&self) -> String {
        match self {
            Self::Announce(change) => format!("booking:{}", change.booking),
            Self::Remind { booking, .. } | Self::Expire { booking } => format!("booking:{booking}"),
            Self::Mail { message } => format!("message:{message}"),
            Self::Webhook { delivery } => format!("delivery:{delivery}"),
        }
    }
}

/// What a job that reaches outside came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// There is nothing left to do.
    Done,
    /// It failed, for a reason that may pass: try again after this long.
    Retry {
        /// What happened, for a person; no secrets.
        error: String,
        /// How long to wait.
        after: TimeDelta,
    },
    /// It was not its turn; this attempt does not count.
    Postpone(TimeDelta),
    /// It failed for good: an admin sees it and can try again.
    Dead(String),
}

/// Enqueues a job, to run at `run_at` or as soon after as a worker is free. A job with a key that was used before is
/// not enqueued again; returns whether it was.
pub async fn enqueue(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    job: &Job,
    run_at: DateTime<Utc>,
    dedupe_key: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let id: JobId = ids::new(now).map_err(|NotAnId| StoreError::Value("no id"))?;
    let new = jobs::NewJob {
        id: &id,
        workspace,
        lane: job.lane().as_str(),
        kind: job.kind(),
        subject: &job.subject(),
        payload: &document(job)?,
        dedupe_key,
        run_at,
    };
    jobs::insert(conn, &new, now).await
}

/// Seconds to wait after each failed attempt; together a little more than a day.
const WAITS: [i64; 11] = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 18_000, 21_600, 21_600];

/// How long to wait after the `attempt`-th failure (from 1), give or take a fifth, so that what failed together does not
/// come back together. `None` after about a day.
pub fn backoff(attempt: i64) -> Option<TimeDelta> {
    let index = usize::try_from(attempt.saturating_sub(1)).ok()?;
    let millis = WAITS.get(index)? * 1_000;
    let [a, b] = crypto::random::<2>();
    let share = i64::from(u16::from_le_bytes([a, b])) - 32_768;
    Some(TimeDelta::milliseconds(millis + millis / 5 * share / 32_768))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_go_on_for_a_day_and_then_end() {
        let total: i64 = WAITS.iter().sum();
        assert!((86_400..=100_000).contains(&total), "{total}");
        for (attempt, wait) in (1..).zip(WAITS) {
            for _ in 0..50 {
                let chosen = backoff(attempt).unwrap().num_milliseconds();
                assert!((wait * 800..=wait * 1_200).contains(&chosen), "{attempt}: {chosen}");
            }
        }
        assert_eq!(backoff(12), None);
        assert_eq!(backoff(0), None);
    }
}
