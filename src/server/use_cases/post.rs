//! Posting letters and sending them.
//!
//! A letter is posted in the transaction that causes it. Sending it is a job: to the workspace's mail server, or, where
//! there is none, into its mailbox. A mail server that took a mail and died before it said so gets it again with the same
//! Message-ID: SMTP has no way to ask.

use super::{mail_settings, verify};
use crate::{
    domain::{
        appointment::BookingStatus,
        ids::{ConnectionId, MessageId, WorkspaceId},
    },
    server::{
        calendars::{self, Provider},
        clock,
        context::Context,
        ids,
        jobs::{self, Job, Outcome},
        links::Links,
        mail::{
            letter::{Content, Letter, Person, What},
            render::{self, Wire},
            smtp::{self, SendError},
        },
        store::{
            Conn, StoreError, bookings, instant, jobs as queue, mail_settings as troubles,
            messages::{self, MessageRow},
            sync,
        },
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Keeps a letter and enqueues its sending, in the caller's transaction.
pub async fn post(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<MessageId, StoreError> {
    let id: MessageId = ids::new(now)?;
    let about = match &letter.content {
        Content::Booking(about) => Some((&about.booking, &about.invitee)),
        _ => None,
    };
    let new = messages::NewMessage {
        id: &id,
        workspace,
        about,
        kind: kind(&letter.content),
        recipient_key: &letter.to.email.to_lowercase(),
        subject: &render::subject(letter),
        letter,
    };
    messages::insert(conn, &new, now).await?;
    jobs::enqueue(conn, workspace, &Job::Mail { message: id.clone() }, now, None, now).await?;
    Ok(id)
}

/// A mail to the owner of a calendar account that must be connected again, in the transaction that found so.
pub(super) async fn account_needs_owner(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(owner) = sync::owner(conn, connection).await? else { return Ok(()) };
    let provider = calendars::provider(&owner.provider).map_or("a calendar", Provider::name);
    let letter = Letter {
        to: Person { name: owner.name, email: owner.email },
        zone: owner.zone,
        workspace: owner.workspace,
        workspace_slug: owner.slug,
        content: Content::Account {
            provider: provider.to_owned(),
            account: owner.label,
            reason: reason.to_owned(),
        },
    };
    post(conn, workspace, &letter, now).await?;
    Ok(())
}

/// A word for what a letter says.
fn kind(content: &Content) -> &'static str {
    match content {
        Content::Booking(about) => match about.what {
            What::Confirmed => "confirmed",
            What::Pending => "pending",
            What::Approved => "approved",
            What::Declined => "declined",
            What::Expired => "expired",
            What::Moved => "moved",
            What::Cancelled => "cancelled",
            What::Guests => "guests",
            What::Link => "link",
            What::Reminder => "reminder",
            What::Released => "released",
        },
        Content::PortalLink { .. } => "portal-link",
        Content::Verify { .. } => "verify",
        Content::WebhookDisabled { .. } => "webhook-disabled",
        Content::Account { .. } => "account",
        Content::Test => "test",
    }
}

/// Sends a mail that waits. Called by the workers; `attempt` counts from 1.
pub async fn send(
    context: &Context,
    workspace: &WorkspaceId,
    message: &MessageId,
    attempt: i64,
    now: DateTime<Utc>,
) -> Outcome {
    match try_send(context, workspace, message, attempt, now).await {
        Ok(outcome) => outcome,
        Err(error) => jobs::backoff(attempt).map_or_else(
            || Outcome::Dead(format!("The database: {error}.")),
            |after| Outcome::Retry { error: format!("The database: {error}."), after },
        ),
    }
}

async fn try_send(
    context: &Context,
    workspace: &WorkspaceId,
    message: &MessageId,
    attempt: i64,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let mut conn = context.db.read().await?;
    let Some(row) = messages::by_id(&mut conn, workspace, message).await? else { return Ok(Outcome::Done) };
    if row.status != "waiting" {
        return Ok(Outcome::Done);
    }
    // Mails about one appointment arrive in the order of what happened, as long as the server takes them.
    if attempt == 1 && messages::has_older_waiting(&mut conn, &row).await? {
        return Ok(Outcome::Postpone(TimeDelta::seconds(1)));
    }
    let sender = mail_settings::sender(&mut conn, context, workspace).await;
    drop(conn);
    let sender = match sender {
        Ok(sender) => sender,
        // Settings that can't be used: their admin mends them.
        Err(StoreError::Value(sentence)) => {
            return in_trouble(context, workspace, message, attempt, format!("{sentence}.")).await;
        }
        Err(error) => return Err(error),
    };
    let letter = row.letter()?;
    if let Some(why) = lapsed(context, &row, &letter, now).await? {
        return settle(context, workspace, message, "lapsed", why, now).await;
    }
    let Some(server) = sender.server else {
        return settle(context, workspace, message, "kept", "", now).await;
    };
    let links = Links { public_url: &context.config.public_url, secret: &context.secret };
    let wire = Wire { links, from: &sender.from, message, at: instant(row.created_at) };
    let mime = match render::render(&letter, &wire) {
        Ok(rendered) => rendered.mime,
        Err(error) => {
            let sentence = format!("It can't be written out: {error}.");
            return settle(context, workspace, message, "refused", &sentence, now).await;
        }
    };
    match smtp::send(&server, &sender.from.email, &letter.to.email, &mime).await {
        Ok(()) => Ok(sent(context, workspace, message).await),
        Err(SendError::Refused(sentence)) => {
            settle(context, workspace, message, "refused", &sentence, clock::now()).await
        }
        Err(SendError::Trouble(sentence)) => in_trouble(context, workspace, message, attempt, sentence).await,
    }
}

/// Why a mail that had to wait would only confuse by now: its appointment has begun, its code has expired, or its reader
/// has had newer word.
async fn lapsed(
    context: &Context,
    row: &MessageRow,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<Option<&'static str>, StoreError> {
    let age = now - instant(row.created_at);
    let about = match &letter.content {
        Content::Verify { .. } | Content::PortalLink { .. } => {
            let over = age > TimeDelta::minutes(verify::MINUTES);
            return Ok(over.then_some("Its link was no longer good."));
        }
        Content::WebhookDisabled { .. } | Content::Account { .. } | Content::Test => return Ok(None),
        Content::Booking(about) => about,
    };
    let mut conn = context.db.read().await?;
    if about.what == What::Reminder {
        let booking = bookings::get(&mut conn, &row.workspace_id, &about.booking).await?;
        let stands = booking.is_some_and(|booking| {
            booking.status == BookingStatus::Confirmed && instant(booking.start_at) == about.start
        });
        return Ok((about.start <= now || !stands).then_some("It would have come too late."));
    }
    let newer = messages::has_newer_sent(&mut conn, row).await?;
    Ok(newer.then_some("A newer mail about the same appointment was faster."))
}

/// Notes that the mail server has taken a mail. Tried for as long as the lease may last: the mail would go out again if it
/// could not be noted.
async fn sent(context: &Context, workspace: &WorkspaceId, message: &MessageId) -> Outcome {
    let mut tries = 0;
    loop {
        match settle(context, workspace, message, "sent", "", clock::now()).await {
            Ok(outcome) => return outcome,
            Err(error) => {
                tracing::warn!(%error, %message, "a mail was sent, and that can't be noted yet");
                tries += 1;
                if tries > 40 {
                    return Outcome::Dead(format!("It was sent, and that could not be noted: {error}."));
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

/// A mail could not be handed over for a reason that may pass, or that an admin can mend: both see it.
async fn in_trouble(
    context: &Context,
    workspace: &WorkspaceId,
    message: &MessageId,
    attempt: i64,
    sentence: String,
) -> Result<Outcome, StoreError> {
    let now = clock::now();
    let again = jobs::backoff(attempt);
    let mut conn = context.db.write().await?;
    troubles::trouble(&mut conn, workspace, &sentence, now).await?;
    if again.is_some() {
        messages::note_error(&mut conn, workspace, message, &sentence).await?;
    } else {
        messages::settle(&mut conn, workspace, message, "failed", &sentence, now).await?;
    }
    conn.commit().await?;
    Ok(match again {
        Some(after) => Outcome::Retry { error: sentence, after },
        None => Outcome::Dead(sentence),
    })
}

async fn settle(
    context: &Context,
    workspace: &WorkspaceId,
    message: &MessageId,
    status: &str,
    error: &str,
    now: DateTime<Utc>,
) -> Result<Outcome, StoreError> {
    let mut conn = context.db.write().await?;
    messages::settle(&mut conn, workspace, message, status, error, now).await?;
    if status == "sent" {
        troubles::clear_trouble(&mut conn, workspace).await?;
    }
    conn.commit().await?;
    Ok(Outcome::Done)
}

/// Lets a mail that did not arrive be sent again. `false` when there is none such.
pub async fn again(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    message: &MessageId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let waits = messages::wait_again(conn, workspace, message).await?;
    if waits {
        // Its old job, if it was given up, must not be tried beside the new one.
        let job = Job::Mail { message: message.clone() };
        queue::drop_idle(conn, workspace, &job.subject(), now).await?;
        jobs::enqueue(conn, workspace, &job, now, None, now).await?;
    }
    Ok(waits)
}
