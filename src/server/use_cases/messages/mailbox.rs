//! The mailbox: what was said to whom, and what became of it. For admins only, as whoever reads a mail can follow its
//! links.

use crate::{
    api::{
        AppError,
        mail::{MailboxPage, MessageLine, MessagePage, Written},
    },
    domain::ids::MessageId,
    server::{
        context::Context,
        links::Links,
        mail::{
            letter::Person,
            render::{self, Rendered, Wire},
        },
        store::{instant, members::SignedIn, messages, messages::MessageRow},
        use_cases::{
            mail_settings::{admin, outgoing, shown, zone},
            note, post,
        },
    },
};
use chrono::{DateTime, Utc};

/// Mails on one page.
const PAGE: usize = 50;

/// A place in the list: when the mail was caused in epoch microseconds, then its id.
fn cursor(text: &str) -> Option<(i64, &str)> {
    let known = |id: &str| MessageId::try_from(id.to_owned()).is_ok();
    let (at, id) = text.split_once('.').filter(|(_, id)| known(id))?;
    Some((at.parse().ok()?, id))
}

fn line(row: MessageRow) -> MessageLine {
    MessageLine {
        id: row.id.into(),
        kind: row.kind,
        recipient: row.recipient,
        subject: row.subject,
        status: row.status,
        error: row.error,
        at: instant(row.created_at),
    }
}

/// The workspace's mails, newest first, from a place in the list on; those to one address, or all.
pub async fn list(
    context: &Context,
    me: &SignedIn,
    address: &str,
    before: &str,
) -> Result<MailboxPage, AppError> {
    admin(me)?;
    let address = address.trim();
    let before = cursor(before);
    let mut conn = context.db.read().await?;
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let from = before.unwrap_or((i64::MAX, ""));
    // PostgreSQL takes no NUL, and no address has one.
    let key = address.to_lowercase().replace('\0', "");
    let mut listed = messages::list(&mut conn, &me.workspace_id, &key, from, most).await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let next = listed.last().filter(|_| more).map(|row| format!("{}.{}", row.created_at, row.id));
    let (_, leaves) = outgoing(&mut conn, context, me).await?;
    Ok(MailboxPage {
        me: shown(me),
        zone: zone(me)?,
        leaves,
        address: address.to_owned(),
        messages: listed.into_iter().map(line).collect(),
        later: before.is_some(),
        next,
    })
}

/// A mail of the workspace. That it was read is noted.
async fn open(
    context: &Context,
    me: &SignedIn,
    message: &str,
    now: DateTime<Utc>,
) -> Result<(MessageRow, Option<Rendered>, Person, bool), AppError> {
    admin(me)?;
    let message = MessageId::try_from(message.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    let row = messages::by_id(&mut conn, &me.workspace_id, &message).await?.ok_or(AppError::UnknownPage)?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("message:{message}"));
    note(&mut conn, &me.workspace_id, &actor, "message.read", &subject, now).await?;
    let (from, leaves) = outgoing(&mut conn, context, me).await?;
    conn.commit().await?;
    let links = Links { public_url: &context.config.public_url, secret: &context.secret };
    let wire = Wire { links, from: &from, message: &message, at: instant(row.created_at) };
    let rendered = match render::render(&row.letter()?, &wire) {
        Ok(rendered) => Some(rendered),
        Err(error) => {
            tracing::warn!(%message, %error, "a mail can't be written out");
            None
        }
    };
    Ok((row, rendered, from, leaves))
}

/// One mail, as it is sent.
pub async fn read(
    context: &Context,
    me: &SignedIn,
    message: &str,
    now: DateTime<Utc>,
) -> Result<MessagePage, AppError> {
    let (row, rendered, from, leaves) = open(context, me, message, now).await?;
    let written = rendered.map(|rendered| Written {
        from: format!("{} <{}>", from.name, from.email),
        headers: headers(&rendered.mime),
        text: rendered.text,
        html: rendered.html,
        calendar: rendered.calendar,
    });
    let settled = row.settled_at.map(instant);
    let line = line(row);
    let again = match line.status.as_str() {
        "refused" | "failed" => true,
        "kept" => leaves,
        _ => false,
    };
    Ok(MessagePage {
        me: shown(me),
        zone: zone(me)?,
        can_send: again && written.is_some(),
        line,
        settled,
        written,
        sent_again: false,
    })
}

/// The headers of a mail: all that stands before the first empty line (RFC 5322 §2.1).
fn headers(mime: &[u8]) -> String {
    let text = String::from_utf8_lossy(mime).replace("\r\n", "\n");
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

/// One mail as a file.
pub async fn file(
    context: &Context,
    me: &SignedIn,
    message: &str,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, AppError> {
    let (_, rendered, ..) = open(context, me, message, now).await?;
    Ok(rendered.ok_or(AppError::UnknownPage)?.mime)
}

/// Puts a mail in line again that was refused, given up, or kept before there was a server. Nothing happens to one that
/// waits or was sent.
pub async fn send_again(
    context: &Context,
    me: &SignedIn,
    message: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    let message = MessageId::try_from(message.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    messages::by_id(&mut conn, &me.workspace_id, &message).await?.ok_or(AppError::UnknownPage)?;
    if post::again(&mut conn, &me.workspace_id, &message, now).await? {
        let (actor, subject) = (format!("member:{}", me.member_id), format!("message:{message}"));
        note(&mut conn, &me.workspace_id, &actor, "message.sent_again", &subject, now).await?;
    }
    conn.commit().await?;
    Ok(())
}
