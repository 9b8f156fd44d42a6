//! What has served its time is forgotten.

use super::{
    calendar_events, connections, mail_settings,
    portal::{ABSOLUTE_DAYS as PORTAL_DAYS, IDLE_DAYS as PORTAL_IDLE_DAYS},
    providers,
    sign_in::{ABSOLUTE_DAYS, IDLE_DAYS},
};
use crate::{
    api::AppError,
    server::{
        context::Context,
        crypto::{self, Secret},
        store::{
            Conn, Db, StoreError, answers, calendar_events as events_store, connections as connections_store,
            installation, invitees, jobs, mail_settings as mail_store, members, messages, micros, orders,
            portal, provider_settings, rate_limits, sync, webhooks,
        },
        webhooks::sealed_for,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a retry with the same `Idempotency-Key` finds its answer, in hours.
pub const RETRY_HOURS: i64 = 48;

/// How long a mail or a webhook's delivery can be read, in days.
const LOG_DAYS: i64 = 90;
/// How long what was done for a calendar account can be read, in days.
const SYNC_LOG_DAYS: i64 = 14;
/// How long the key of a job that was done is remembered, in days: longer than any reminder lies ahead of its start.
const KEY_DAYS: i64 = 40;

/// Refuses a secret that is not the one that this database's links and sealed passwords were made with: two instances with
/// different secrets would each break what the other one sent. A new secret takes over when the old one is named.
pub async fn know_secret(db: &Db, secret: &Secret) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    const NAME: &str = "secret";
    let mine = secret.fingerprint();
    let mut conn = db.write().await?;
    installation::set_first_fact(&mut conn, NAME, &mine).await?;
    let known = installation::fact(&mut conn, NAME).await?.unwrap_or_default();
    if known != mine {
        if !secret.old_fingerprints().contains(&known) {
            return Err("This database was used with another secret (MERIDIAN_SECRET, or the file `secret` in the data \
                        folder). Links in mails and sealed passwords need it. To change it on purpose, name the former one \
                        in MERIDIAN_OLD_SECRETS; links that were sent before then end."
                .into());
        }
        // Links that are sent from now on must be found under the new secret.
        let mut after = String::new();
        loop {
            let some = invitees::ids_after(&mut conn, &after, 1_000).await?;
            let Some(last) = some.last() else { break };
            after = last.to_string();
            for invitee in &some {
                let hash = crypto::hash(&secret.appointment_token(invitee));
                invitees::set_token_hash(&mut conn, invitee, &hash).await?;
            }
        }
        reseal(&mut conn, secret).await?;
        installation::set_fact(&mut conn, NAME, &mine).await?;
    }
    conn.commit().await?;
    Ok(())
}

/// Seals anew what a former secret sealed, so that it need not be named for ever.
async fn reseal(conn: &mut Conn, secret: &Secret) -> Result<(), StoreError> {
    let again = |row: &str, sealed: &[u8]| {
        // What can't be opened stays as it is: whoever needs it says so.
        secret.open(row, sealed).map_or_else(|| sealed.to_vec(), |plain| secret.seal(row, &plain))
    };
    for (workspace, password) in mail_store::sealed(conn).await? {
        if !password.is_empty() {
            let row = mail_settings::sealed_for(&workspace);
            mail_store::set_sealed(conn, &workspace, &again(&row, &password)).await?;
        }
    }
    for (webhook, current, old) in webhooks::sealed(conn).await? {
        let row = sealed_for(&webhook);
        let old = old.map(|old| again(&row, &old));
        webhooks::set_sealed(conn, &webhook, &again(&row, &current), old.as_deref()).await?;
    }
    for (connection, credential) in connections_store::sealed(conn).await? {
        let row = connections::sealed_for(&connection);
        connections_store::set_sealed(conn, &connection, &again(&row, &credential)).await?;
    }
    for (workspace, provider, client_secret) in provider_settings::sealed(conn).await? {
        let again = again(&providers::sealed_for(&workspace, &provider), &client_secret);
        provider_settings::set_sealed(conn, &workspace, &provider, &again).await?;
    }
    Ok(())
}

/// Forgets expired sessions and orders, answers that no retry will ask for, full rate limits, and the logs of mails,
/// webhooks and jobs.
pub async fn forget_the_old(context: &Context, now: DateTime<Utc>) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    answers::forget(&mut conn, now - TimeDelta::hours(RETRY_HOURS)).await?;
    members::delete_old_sessions(
        &mut conn,
        now - TimeDelta::days(ABSOLUTE_DAYS),
        now - TimeDelta::days(IDLE_DAYS),
    )
    .await?;
    rate_limits::forget(&mut conn, micros(now)).await?;
    orders::forget(&mut conn, now - TimeDelta::hours(1)).await?;
    jobs::forget_done(&mut conn, now - TimeDelta::days(KEY_DAYS)).await?;
    messages::forget(&mut conn, now - TimeDelta::days(LOG_DAYS)).await?;
    webhooks::forget(&mut conn, now - TimeDelta::days(LOG_DAYS)).await?;
    provider_settings::forget_states(&mut conn, now).await?;
    events_store::forget(&mut conn, now - TimeDelta::days(calendar_events::KEPT_DAYS)).await?;
    sync::forget_log(&mut conn, now - TimeDelta::days(SYNC_LOG_DAYS)).await?;
    portal::forget(
        &mut conn,
        now,
        now - TimeDelta::days(PORTAL_DAYS),
        now - TimeDelta::days(PORTAL_IDLE_DAYS),
    )
    .await?;
    conn.commit().await?;
    Ok(())
}
