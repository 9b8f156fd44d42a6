//! What admins do with webhooks.

use super::note;
use crate::{
    api::{
        AppError,
        staff::Me,
        webhooks::{
            DeliveryStatus, EventChoice, ListedWebhook, SecretPage, ShownAttempt, ShownDelivery, Switch,
            WebhookPage, WebhooksPage,
        },
    },
    domain::{
        ids::{DeliveryId, WebhookId},
        zone::ZoneRules,
    },
    server::{
        context::Context,
        ids,
        jobs::{self, Job},
        outside::guard,
        store::{
            Conn, instant, jobs as jobs_store,
            members::SignedIn,
            webhooks::{self, WebhookRow},
        },
        webhooks::{Event, sealed_for, signature::Key},
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// Webhooks that a workspace can have.
const MOST: usize = 20;
/// Deliveries on one page.
const PAGE: usize = 20;
/// How long an old secret stays valid, in hours.
const OLD_SECRET_HOURS: i64 = 24;

/// A webhook as a person entered it.
#[derive(Debug, Clone, Default)]
pub struct WebhookForm {
    /// Where to tell it.
    pub url: String,
    /// The words of the events.
    pub events: Vec<String>,
}

fn admin(me: &SignedIn) -> Result<(), AppError> {
    if me.role == "admin" { Ok(()) } else { Err(AppError::Forbidden) }
}

fn shown(me: &SignedIn) -> Me {
    Me {
        name: me.name.clone(),
        role: me.role.clone(),
        workspace: me.workspace_name.clone(),
        workspace_slug: me.workspace_slug.clone(),
    }
}

fn zone(me: &SignedIn) -> Result<ZoneRules, AppError> {
    let rules = zones::rules(&me.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    Ok((*rules).clone())
}

fn choices() -> Vec<EventChoice> {
    Event::ALL
        .into_iter()
        .map(|event| EventChoice { word: event.as_str(), sentence: event.description() })
        .collect()
}

fn switch(active: bool, reason: String) -> Switch {
    match (active, reason.is_empty()) {
        (true, _) => Switch::On,
        (false, true) => Switch::Off,
        (false, false) => Switch::Failed(reason),
    }
}

fn id(text: &str) -> Result<WebhookId, AppError> {
    WebhookId::try_from(text.to_owned()).map_err(|_| AppError::UnknownPage)
}

async fn find(conn: &mut Conn, me: &SignedIn, id: &WebhookId) -> Result<WebhookRow, AppError> {
    webhooks::by_id(conn, &me.workspace_id, id).await?.ok_or(AppError::UnknownPage)
}

async fn noted(
    conn: &mut Conn,
    me: &SignedIn,
    action: &str,
    id: &WebhookId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (actor, subject) = (format!("member:{}", me.member_id), format!("webhook:{id}"));
    Ok(note(conn, &me.workspace_id, &actor, action, &subject, now).await?)
}

/// Address and events, checked. Looks the address's name up; no transaction may wait for that.
async fn checked(context: &Context, form: &WebhookForm) -> Result<(String, String), AppError> {
    let events: Vec<Event> = Event::ALL
        .into_iter()
        .filter(|event| form.events.iter().any(|word| word == event.as_str()))
        .collect();
    let url = guard::check_and_resolve(&form.url, context.config.allow_private_urls).await;
    let mut fields: Vec<_> = match &url {
        Err(refused) => AppError::field("url", refused.to_string()).fields().to_vec(),
        Ok(_) => Vec::new(),
    };
    if events.is_empty() {
        fields.extend_from_slice(AppError::field("events", "Please choose at least one event.").fields());
    }
    match url {
        Ok(url) if fields.is_empty() => Ok((url.to_string(), Event::words(&events))),
        _ => Err(AppError::Invalid { fields }),
    }
}

/// Two webhooks with one address would tell everything twice.
async fn alone(
    conn: &mut Conn,
    me: &SignedIn,
    url: &str,
    but: Option<&WebhookId>,
) -> Result<usize, AppError> {
    webhooks::lock(conn, &me.workspace_id).await?;
    let all = webhooks::list(conn, &me.workspace_id).await?;
    if all.iter().any(|row| row.url == url && Some(&row.id) != but) {
        return Err(AppError::field("url", "There is a webhook with this address already."));
    }
    Ok(all.len())
}

/// The list of webhooks.
pub async fn list(context: &Context, me: &SignedIn) -> Result<WebhooksPage, AppError> {
    admin(me)?;
    let mut conn = context.db.read().await?;
    let rows = webhooks::list(&mut conn, &me.workspace_id).await?;
    let webhooks: Vec<_> = rows
        .into_iter()
        .map(|row| ListedWebhook {
            id: row.id.to_string(),
            url: row.url,
            events: Event::list(&row.events).len(),
            switch: switch(row.active, row.disabled_reason),
            last: row.last_status.map(|word| DeliveryStatus::parse(&word)).zip(row.last_at.map(instant)),
        })
        .collect();
    Ok(WebhooksPage {
        me: shown(me),
        zone: zone(me)?,
        full: webhooks.len() >= MOST,
        webhooks,
        events: choices(),
        echo: None,
    })
}

/// Adds a webhook. Its secret is shown now and never again.
pub async fn create(
    context: &Context,
    me: &SignedIn,
    form: &WebhookForm,
    now: DateTime<Utc>,
) -> Result<SecretPage, AppError> {
    admin(me)?;
    let (url, events) = checked(context, form).await?;
    let mut conn = context.db.write().await?;
    if alone(&mut conn, me, &url, None).await? >= MOST {
        let sentence =
            format!("A workspace can have {MOST} webhooks. Please delete one that you no longer need.");
        return Err(AppError::field("url", sentence));
    }
    let (id, key): (WebhookId, Key) = (ids::new(now)?, Key::random());
    let secret = context.secret.seal(&sealed_for(&id), key.as_bytes());
    let new = webhooks::NewWebhook {
        id: &id,
        workspace: &me.workspace_id,
        url: &url,
        events: &events,
        secret: &secret,
    };
    webhooks::insert(&mut conn, &new, now).await?;
    noted(&mut conn, me, "webhook.created", &id, now).await?;
    conn.commit().await?;
    Ok(SecretPage { me: shown(me), id: id.to_string(), url, secret: key.shown(), old_for_hours: None })
}

/// One webhook with its deliveries, from a place in their list on.
pub async fn page(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    before: &str,
    now: DateTime<Utc>,
) -> Result<WebhookPage, AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let mut conn = context.db.read().await?;
    let row = find(&mut conn, me, &id).await?;
    let known = |id: &str| DeliveryId::try_from(id.to_owned()).is_ok();
    let cursor = before
        .split_once('.')
        .filter(|(_, id)| known(id))
        .and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut listed =
        webhooks::deliveries(&mut conn, &me.workspace_id, &id, cursor.unwrap_or((i64::MAX, "")), most)
            .await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let older = listed.last().filter(|_| more).map(|row| format!("{}.{}", row.created_at, row.id));
    let from = listed.last().map_or(0, |row| row.created_at);
    let until = listed.first().map_or(0, |row| row.created_at);
    let attempts = webhooks::attempts(&mut conn, &me.workspace_id, &id, from, until).await?;
    let deliveries = listed
        .into_iter()
        .map(|row| ShownDelivery {
            attempts: attempts
                .iter()
                .filter(|attempt| attempt.delivery_id == row.id)
                .map(|attempt| ShownAttempt {
                    at: instant(attempt.at),
                    millis: attempt.millis,
                    status: attempt.status,
                    response: attempt.response.clone(),
                    error: attempt.error.clone(),
                })
                .collect(),
            id: row.id.to_string(),
            event: row.event,
            status: DeliveryStatus::parse(&row.status),
            created_at: instant(row.created_at),
            body: row.body,
        })
        .collect();
    Ok(WebhookPage {
        me: shown(me),
        zone: zone(me)?,
        id: id.to_string(),
        url: row.url,
        chosen: Event::list(&row.events).into_iter().map(Event::as_str).collect(),
        events: choices(),
        switch: switch(row.active, row.disabled_reason),
        old_secret_until: row.old_secret_until.map(instant).filter(|until| *until > now),
        seen: row.updated_at,
        deliveries,
        older,
        later: cursor.is_some(),
        echo: None,
    })
}

/// Changes where and what is told. What waits already goes to the new address.
pub async fn change(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    form: &WebhookForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let mut conn = context.db.read().await?;
    find(&mut conn, me, &id).await?;
    drop(conn);
    let (url, events) = checked(context, form).await?;
    let mut conn = context.db.write().await?;
    find(&mut conn, me, &id).await?;
    alone(&mut conn, me, &url, Some(&id)).await?;
    webhooks::update(&mut conn, &me.workspace_id, &id, &url, &events, now).await?;
    noted(&mut conn, me, "webhook.changed", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Replaces the secret; the old one stays valid for a day. `seen` tells which state of the webhook the person saw, so
/// that a form that is sent twice does not throw away a secret that receivers still use.
pub async fn rotate(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    seen: &str,
    now: DateTime<Utc>,
) -> Result<SecretPage, AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let mut conn = context.db.write().await?;
    let row = find(&mut conn, me, &id).await?;
    let key = Key::random();
    let secret = context.secret.seal(&sealed_for(&id), key.as_bytes());
    let until = now + TimeDelta::hours(OLD_SECRET_HOURS);
    let seen = seen.parse().unwrap_or(i64::MIN);
    if !webhooks::rotate(&mut conn, &me.workspace_id, &id, &secret, until, seen, now).await? {
        let sentence = "This webhook was changed since you opened the page, perhaps by this very button. If you have not \
                        got its newest secret, replace it once more.";
        return Err(AppError::field("secret", sentence));
    }
    noted(&mut conn, me, "webhook.secret_replaced", &id, now).await?;
    conn.commit().await?;
    Ok(SecretPage {
        me: shown(me),
        id: id.to_string(),
        url: row.url,
        secret: key.shown(),
        old_for_hours: Some(OLD_SECRET_HOURS),
    })
}

/// Switches a webhook on or off.
pub async fn set_active(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    on: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let mut conn = context.db.write().await?;
    find(&mut conn, me, &id).await?;
    let (changed, action) = if on {
        (webhooks::enable(&mut conn, &me.workspace_id, &id, now).await?, "webhook.enabled")
    } else {
        (webhooks::disable(&mut conn, &me.workspace_id, &id, "", now).await?, "webhook.disabled")
    };
    if changed {
        noted(&mut conn, me, action, &id, now).await?;
    }
    Ok(conn.commit().await?)
}

/// Deletes a webhook with all that is known of its deliveries.
pub async fn delete(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let mut conn = context.db.write().await?;
    if !webhooks::delete(&mut conn, &me.workspace_id, &id).await? {
        return Err(AppError::UnknownPage);
    }
    noted(&mut conn, me, "webhook.deleted", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Sends a delivery again, whatever it came to: the same bytes with the same `webhook-id`.
pub async fn again(
    context: &Context,
    me: &SignedIn,
    webhook: &str,
    delivery: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let id = id(webhook)?;
    let delivery = DeliveryId::try_from(delivery.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    if !find(&mut conn, me, &id).await?.active {
        return Err(AppError::field("switch", "The webhook is switched off. Please switch it on first."));
    }
    let workspace = &me.workspace_id;
    if !webhooks::wait_again(&mut conn, workspace, &id, &delivery).await? {
        return Err(AppError::UnknownPage);
    }
    let job = Job::Webhook { delivery };
    // One job at a time: with two, it could be sent twice.
    if jobs_store::drop_idle(&mut conn, workspace, &job.subject(), now).await? {
        return Err(AppError::field(
            "deliveries",
            "It is being sent just now. Please look again in a moment.",
        ));
    }
    jobs::enqueue(&mut conn, workspace, &job, now, None, now).await?;
    noted(&mut conn, me, "webhook.sent_again", &id, now).await?;
    Ok(conn.commit().await?)
}
