//! Verifying an address before a booking: a code is mailed, and the order is kept until it is entered.
//!
//! The order waits here, not in the browser: whoever reads the mail on the same telephone finds the page again, or follows
//! the link in the mail on any other. The time is not held meanwhile, or anyone could empty a calendar with invented
//! addresses; when it is gone, the page offers the nearest others for the same order.

use super::{
    book::book_as,
    order::Order,
    plan::{Address, Plan},
    post,
};
use crate::{
    api::{
        AppError,
        public::{BookInput, Booked},
    },
    domain::{
        event_type::Visibility,
        ids::{InviteeId, OrderId},
        interval::Interval,
        zone::ZoneRules,
    },
    server::{
        context::Context,
        crypto, ids,
        mail::letter::{Content, Letter, Person},
        store::{Conn, StoreError, event_types, instant, orders},
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// How long a code is good, in minutes.
pub const MINUTES: i64 = 30;
/// How many codes can be tried for one order.
const TRIES: i64 = 6;
/// How many orders of one address wait at once: each is a mail to someone who may not have asked for it.
const MOST: usize = 5;

/// A code is only known together with its order.
fn code_hash(order: &OrderId, code: &str) -> Vec<u8> {
    crypto::hash(&format!("{order}:{code}"))
}

/// What was entered, as it is kept.
fn kept(input: &BookInput) -> Result<(String, Vec<u8>), AppError> {
    let text = serde_json::to_string(input).map_err(|_| AppError::Internal)?;
    let hash = crypto::hash(&text);
    Ok((text, hash))
}

/// Orders of an address whose codes may still be good.
async fn recent(
    conn: &mut Conn,
    plan: &Plan,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<Vec<orders::OrderRow>, StoreError> {
    let since = now - TimeDelta::minutes(MINUTES);
    orders::recent(conn, &plan.row.workspace_id, &order.email.key(), since).await
}

/// The one among them that the same request made. One that was booked meanwhile, too: its page leads on to the
/// appointment.
fn same(context: &Context, plan: &Plan, recent: &[orders::OrderRow], hash: &[u8]) -> Option<Booked> {
    let same = recent.iter().find(|row| row.input_hash == hash && row.event_type_id == plan.row.id)?;
    Some(Booked { token: context.secret.order_token(&same.id), verify: true })
}

/// The answer to an earlier request of the same content.
pub(super) async fn known(
    conn: &mut Conn,
    context: &Context,
    plan: &Plan,
    order: &Order,
    input: &BookInput,
    now: DateTime<Utc>,
) -> Result<Option<Booked>, AppError> {
    let (_, hash) = kept(input)?;
    Ok(same(context, plan, &recent(conn, plan, order, now).await?, &hash))
}

/// Keeps an order and mails its code. The same order sent twice is one.
pub(super) async fn begin(
    context: &Context,
    plan: &Plan,
    order: &Order,
    input: &BookInput,
    time: Interval,
    now: DateTime<Utc>,
) -> Result<Booked, AppError> {
    let (workspace, email_key) = (&plan.row.workspace_id, order.email.key());
    let (kept, input_hash) = kept(input)?;
    let mut conn = context.db.write().await?;
    event_types::lock(&mut conn, &plan.row.id).await?;
    // Again, under the lock.
    let recent = recent(&mut conn, plan, order, now).await?;
    if let Some(same) = same(context, plan, &recent, &input_hash) {
        return Ok(same);
    }
    if recent.iter().filter(|row| row.invitee_id.is_none()).count() >= MOST {
        return Err(AppError::TooMany { retry_after: 60 * u32::try_from(MINUTES).unwrap_or(30) });
    }
    let id: OrderId = ids::new(now)?;
    let token = context.secret.order_token(&id);
    let new = orders::NewOrder {
        id: &id,
        workspace,
        event_type: &plan.row.id,
        email_key: &email_key,
        input: &kept,
        input_hash: &input_hash,
        token_hash: &crypto::hash(&token),
        code_hash: &code_hash(&id, &context.secret.order_code(&id)),
        expires: now + TimeDelta::minutes(MINUTES),
    };
    orders::insert(&mut conn, &new, now).await?;
    let letter = Letter {
        to: Person { name: order.name.to_string(), email: order.email.to_string() },
        zone: order.zone.clone(),
        workspace: plan.row.workspace_name.clone(),
        workspace_slug: plan.row.workspace_slug.clone(),
        content: Content::Verify {
            order: id,
            service: plan.row.name.clone(),
            start: time.start(),
            end: time.end(),
        },
    };
    post::post(&mut conn, workspace, &letter, now).await?;
    conn.commit().await?;
    Ok(Booked { token, verify: true })
}

/// What the page of an order shows.
#[derive(Debug)]
pub struct OrderPage {
    /// The workspace's name.
    pub workspace: String,
    /// The service's name.
    pub service: String,
    /// Where the service is booked, to begin anew.
    pub book: String,
    /// When it would start.
    pub start: DateTime<Utc>,
    /// When it would end.
    pub end: DateTime<Utc>,
    /// The invitee's zone.
    pub zone: Arc<ZoneRules>,
    /// Where the code was sent.
    pub email: String,
    /// Is the code no good any more?
    pub expired: bool,
}

/// An order as it stands: waiting, or the token of the appointment that it became.
#[derive(Debug)]
pub enum Found {
    /// It waits for its code.
    Waiting(Box<OrderPage>),
    /// It was booked.
    Booked(String),
}

/// The page of an order; opening it changes nothing.
pub async fn page(context: &Context, token: &str, now: DateTime<Utc>) -> Result<Found, AppError> {
    let mut conn = context.db.read().await?;
    let row = orders::by_token(&mut conn, &crypto::hash(token)).await?.ok_or(AppError::UnknownPage)?;
    if let Some(invitee) = row.invitee_id {
        return Ok(Found::Booked(context.secret.appointment_token(&InviteeId::try_from(invitee)?)));
    }
    let event_type = event_types::by_id(&mut conn, &row.workspace_id, &row.event_type_id)
        .await?
        .ok_or(AppError::UnknownPage)?;
    let input: BookInput = serde_json::from_str(&row.input).map_err(|_| AppError::Internal)?;
    let start = super::services::from_minutes(input.start);
    let zone = zones::rules(&input.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let mut book = format!("/book/{}/{}", event_type.workspace_slug, event_type.slug);
    if event_type.visibility() == Visibility::Private {
        book = format!("{book}?key={}", context.secret.event_type_key(&event_type.id));
    }
    Ok(Found::Waiting(Box::new(OrderPage {
        book,
        workspace: event_type.workspace_name,
        service: event_type.name,
        start,
        end: start + TimeDelta::minutes(i64::from(input.length)),
        zone,
        email: input.email,
        expired: instant(row.expires_at) <= now || row.tries >= TRIES,
    })))
}

/// Enters the code, and books: at the time of the order, or at another one when that was taken meanwhile (`start`, epoch
/// minutes). Returns the token of the appointment.
pub async fn confirm(
    context: &Context,
    token: &str,
    code: &str,
    start: Option<i64>,
    now: DateTime<Utc>,
) -> Result<String, AppError> {
    let mut conn = context.db.write().await?;
    let row = orders::by_token(&mut conn, &crypto::hash(token)).await?.ok_or(AppError::UnknownPage)?;
    if let Some(invitee) = row.invitee_id {
        return Ok(context.secret.appointment_token(&InviteeId::try_from(invitee)?));
    }
    let wrong = |sentence: &str| Err(AppError::field("code", sentence));
    if instant(row.expires_at) <= now {
        return wrong("The code is no longer good. Please book again, and you get a new one.");
    }
    let right = code_hash(&row.id, code.trim()) == row.code_hash;
    // A right code does not count: a booking that fails for another reason must be possible again.
    let counted = right && row.tries < TRIES || orders::try_code(&mut conn, &row.id, TRIES).await?;
    conn.commit().await?;
    if !counted {
        return wrong("That was tried too often. Please book again, and you get a new code.");
    }
    if !right {
        return wrong("That is not the code in the mail. Please look again: it has six digits.");
    }
    let mut input: BookInput = serde_json::from_str(&row.input).map_err(|_| AppError::Internal)?;
    if let Some(start) = start {
        input.start = start;
    }
    // One order is one booking, however often it is sent.
    input.form_key = format!("order:{}", row.id);
    let address = Address::Row { workspace: &row.workspace_id, event_type: &row.event_type_id };
    let booked = match book_as(context, address, &input, true, now).await {
        // Two tabs with two times: the first one won.
        Err(AppError::KeyReused) => return wrong("This was booked already. Please reload the page."),
        other => other?,
    };
    let mut conn = context.db.write().await?;
    if let Some(appointment) =
        crate::server::store::invitees::by_token(&mut conn, &crypto::hash(&booked.token)).await?
    {
        orders::done(&mut conn, &row.id, &appointment.invitee_id).await?;
        conn.commit().await?;
    }
    Ok(booked.token)
}
