//! Delivering: at least once, in no order.
//!
//! The request is made outside of any transaction and its result written down after it. A process that dies in between
//! leaves a delivery that still waits, and makes the request again with the same `webhook-id`; nothing else is ever sent
//! after a 2xx.

use super::{
    send::{self, Attempt},
    signature::Key,
};
use crate::{
    domain::ids::{DeliveryId, RowId, WebhookId},
    server::{
        context::Context,
        crypto, ids,
        jobs::{self, Outcome},
        mail::letter::{Content, Letter, Person},
        store::{
            Conn, StoreError, instant,
            webhooks::{self, DeliveryRow, NewAttempt, WebhookRow},
        },
        use_cases::{self, post},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

/// Requests that one webhook may keep waiting at once in this process.
const AT_ONCE: usize = 2;
/// The longest that a delivery is put off because others to the same webhook are on their way, in milliseconds.
const LONGEST_TURN: i64 = 60_000;

/// What is on its way to one webhook.
#[derive(Debug, Default)]
struct Line {
    running: usize,
    /// How many were turned away since a request ended.
    turned_away: i64,
}

static LINES: LazyLock<Mutex<HashMap<WebhookId, Line>>> = LazyLock::new(Mutex::default);

/// A place among the requests to one webhook; given back when it is dropped.
#[derive(Debug)]
struct Place(WebhookId);

impl Place {
    /// A place, or how long to wait for one: the longer the line before a slow receiver, the less often each of those
    /// who stand in it asks again.
    fn take(webhook: &WebhookId) -> Result<Self, TimeDelta> {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(webhook.clone()).or_default();
        if line.running < AT_ONCE {
            line.running += 1;
            return Ok(Self(webhook.clone()));
        }
        line.turned_away += 1;
        let [random] = crypto::random::<1>();
        let millis = 1_000 + 4 * i64::from(random) + line.turned_away.saturating_mul(200);
        Err(TimeDelta::milliseconds(millis.min(LONGEST_TURN)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get_mut(&self.0) {
            line.running -= 1;
            line.turned_away = 0;
            if line.running == 0 {
                lines.remove(&self.0);
            }
        }
    }
}

/// What a webhook's secrets are sealed for.
pub(crate) fn sealed_for(webhook: &WebhookId) -> String {
    format!("webhook:{webhook}")
}

/// Makes an attempt at a delivery, the `attempt`-th of its job (from 1), and writes down what came of it. The worker
/// settles the job by the outcome.
pub async fn deliver(context: &Context, delivery: &DeliveryId, attempt: i64, now: DateTime<Utc>) -> Outcome {
    match try_deliver(context, delivery, attempt, now).await {
        Ok(outcome) => outcome,
        Err(error) => {
            tracing::error!(%error, %delivery, "storage failed during a delivery");
            retry_or_end(attempt, "The database could not be used.".to_owned(), None)
        }
    }
}

/// Another try when there is one left, not before the receiver wants it.
fn retry_or_end(attempt: i64, error: String, wait: Option<TimeDelta>) -> Outcome {
    match jobs::backoff(attempt) {
        Some(after) => Outcome::Retry { error, after: after.max(wait.unwrap_or_default()) },
        None => Outcome::Dead(error),
    }
}

async fn try_deliver(
    context: &Context,
    id: &DeliveryId,
    attempt: i64,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let mut conn = context.db.read().await?;
    // Deleted with its webhook or its invitee.
    let Some(delivery) = webhooks::delivery(&mut conn, id).await? else { return Ok(Outcome::Done) };
    let webhook = webhooks::by_id(&mut conn, &delivery.workspace_id, &delivery.webhook_id).await?;
    let Some(webhook) = webhook else { return Ok(Outcome::Done) };
    // Nobody's connection is kept while a receiver is slow.
    drop(conn);
    if delivery.status == "delivered" {
        return Ok(Outcome::Done);
    }
    if !webhook.active {
        let ended = Attempt::failed("Not sent: the webhook is switched off.");
        return written(context, &delivery, &ended, Verdict::End, attempt, now).await;
    }
    let _place = match Place::take(&webhook.id) {
        Ok(place) => place,
        Err(wait) => return Ok(Outcome::Postpone(wait)),
    };
    let keys = keys(context, &webhook, now);
    let made = if keys.is_empty() {
        Attempt::failed(
            "The secret can't be read, because the server has another one now. Please replace it.",
        )
    } else {
        let allow_private = context.config.allow_private_urls;
        send::send(&webhook.url, allow_private, &keys, id.as_str(), &delivery.body, now).await
    };
    let verdict = match made.status {
        Some(200..=299) => Verdict::Delivered,
        Some(410) => Verdict::Gone,
        _ => Verdict::Failed,
    };
    written(context, &delivery, &made, verdict, attempt, now).await
}

/// The keys to sign with: the webhook's, and the one before it while that is still valid.
fn keys(context: &Context, webhook: &WebhookRow, now: DateTime<Utc>) -> Vec<Key> {
    let row = sealed_for(&webhook.id);
    let old = webhook.old_secret.as_ref().filter(|_| webhook.old_secret_until.map(instant) > Some(now));
    let Some(current) = context.secret.open(&row, &webhook.secret) else { return Vec::new() };
    let old = old.and_then(|sealed| context.secret.open(&row, sealed));
    std::iter::once(current).chain(old).map(Key::from_bytes).collect()
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It got through.
    Delivered,
    /// It may get through later.
    Failed,
    /// The receiver wants nothing any more.
    Gone,
    /// There is nobody to send it to.
    End,
}

/// [`write()`], again when it met another transaction: the request was made and can't be taken back.
async fn written(
    context: &Context,
    delivery: &DeliveryRow,
    made: &Attempt,
    verdict: Verdict,
    attempt: i64,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let mut tries = 0;
    loop {
        match write(context, delivery, made, verdict, attempt, now).await {
            Err(StoreError::Again | StoreError::Busy) if tries < 5 => tries += 1,
            done => return done,
        }
    }
}

async fn write(
    context: &Context,
    delivery: &DeliveryRow,
    made: &Attempt,
    verdict: Verdict,
    attempt: i64,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let DeliveryRow { id, workspace_id: workspace, webhook_id: webhook, created_at, .. } = delivery;
    let mut conn = context.db.write().await?;
    // It may have been deleted while the receiver took its time.
    if webhooks::delivery(&mut conn, id).await?.is_none() {
        return Ok(Outcome::Done);
    }
    let row: RowId = ids::new(now)?;
    let new = NewAttempt {
        id: row.as_str(),
        workspace,
        delivery: id,
        millis: made.millis,
        status: made.status.map(i64::from),
        response: &made.response,
        error: &made.error,
    };
    webhooks::insert_attempt(&mut conn, &new, now).await?;
    let outcome = match verdict {
        Verdict::Delivered => {
            webhooks::settle(&mut conn, workspace, id, "delivered", now).await?;
            webhooks::succeeded(&mut conn, workspace, webhook, now).await?;
            Outcome::Done
        }
        Verdict::End => {
            webhooks::settle(&mut conn, workspace, id, "failed", now).await?;
            Outcome::Done
        }
        Verdict::Gone => {
            webhooks::settle(&mut conn, workspace, id, "failed", now).await?;
            let reason = "The receiver answered 410 Gone: it wants nothing any more.";
            if webhooks::disable(&mut conn, workspace, webhook, reason, now).await? {
                tell_admins(&mut conn, delivery, reason, now).await?;
            }
            Outcome::Done
        }
        Verdict::Failed => {
            let outcome = retry_or_end(attempt, made.error.clone(), made.wait);
            if matches!(outcome, Outcome::Dead(_)) {
                webhooks::settle(&mut conn, workspace, id, "failed", now).await?;
                let reason = format!("Nothing got through for a day. {}", made.error);
                let silent =
                    webhooks::disable_if_silent(&mut conn, workspace, webhook, &reason, *created_at, now)
                        .await?;
                if silent {
                    tell_admins(&mut conn, delivery, &reason, now).await?;
                }
            }
            outcome
        }
    };
    conn.commit().await?;
    Ok(outcome)
}

/// A mail to every admin, in the transaction that switched the webhook off: whoever switches it off tells of it, once.
async fn tell_admins(
    conn: &mut Conn,
    delivery: &DeliveryRow,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = &delivery.workspace_id;
    let webhook = webhooks::by_id(conn, workspace, &delivery.webhook_id).await?;
    let Some(webhook) = webhook else { return Ok(()) };
    for admin in webhooks::admins(conn, workspace).await? {
        let letter = Letter {
            to: Person { name: admin.name, email: admin.email },
            zone: admin.zone,
            workspace: admin.workspace,
            workspace_slug: admin.slug,
            content: Content::WebhookDisabled {
                webhook: webhook.id.clone(),
                url: webhook.url.clone(),
                reason: reason.to_owned(),
            },
        };
        post::post(conn, workspace, &letter, now).await?;
    }
    use_cases::note(conn, workspace, "system", "webhook.disabled", &sealed_for(&webhook.id), now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_keeps_two_requests_waiting_and_no_more() {
        let id = |n: u8| WebhookId::try_from(format!("0193b5a0-7c1e-7000-8000-0000000000{n:02}")).unwrap();
        let (one, two) = (Place::take(&id(1)), Place::take(&id(1)));
        assert!(one.is_ok() && two.is_ok());
        let waits: Vec<i64> = (0..500).map(|_| Place::take(&id(1)).unwrap_err().num_milliseconds()).collect();
        assert!((1_000..3_000).contains(&waits[0]), "{waits:?}");
        assert_eq!(waits[499], LONGEST_TURN);
        assert!(Place::take(&id(2)).is_ok());
        drop(one);
        assert!(Place::take(&id(1)).is_ok());
        drop(two);
        assert!(!LINES.lock().unwrap().contains_key(&id(1)));
    }
}
