//! The customer portal: every appointment of one address in one workspace, for whoever reads that address's mail.
//!
//! Whether an address is known is never said. Asking for a link answers the same for every address, and costs the same
//! transaction: a row is written either way, and only the mail, which is a job, is not. Three rows in a quarter of an hour
//! end the matter, so nobody's mailbox is flooded and nobody can ask often enough to time the difference.
//!
//! A link is sent to the address in the form that addresses are compared in, never as it was typed: two spellings that
//! compare the same may belong to different mailboxes, and only one of them is the one that booked.
//!
//! An address that was only ever brought along as a guest has no appointments of its own and can't sign in.

pub mod data;
pub mod erase;
pub mod feed;

use super::plan::place;
use crate::{
    api::{
        AppError,
        portal::{PortalItem, PortalPage},
        public::WorkspaceRef,
    },
    domain::{
        appointment::Change,
        event_type::Visibility,
        ids::{InviteeId, RowId},
        text::{EmailAddress, Slug},
    },
    server::{
        context::Context,
        crypto, ids,
        links::Links,
        mail::letter::{Content, Letter, Person},
        store::{
            Conn, StoreError, instant,
            portal::{self, ItemRow, SessionRow},
            workspaces::{self, WorkspaceRow},
        },
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// How long a link signs in, in minutes.
pub const LINK_MINUTES: i64 = 30;
/// Links of one address in [`LINK_WINDOW_MINUTES`] at most.
const MOST_LINKS: i64 = 3;
/// See [`MOST_LINKS`]; not longer than a link lives, as links that have ended are forgotten.
const LINK_WINDOW_MINUTES: i64 = 15;
/// A session that is not used ends after this many days.
pub const IDLE_DAYS: i64 = 7;
/// However much it is used, a session ends after this many days.
pub const ABSOLUTE_DAYS: i64 = 30;
/// Appointments in each list of a page.
const PAGE: usize = 20;

/// Someone who is signed in.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The workspace.
    pub workspace: WorkspaceRow,
    /// The address that they read mail of, in the form that addresses are compared in.
    pub email_key: String,
}

/// The part of the address of the workspace that was made first, if there is one.
pub async fn first_workspace(context: &Context) -> Result<Option<String>, AppError> {
    let mut conn = context.db.read().await?;
    Ok(workspaces::first(&mut conn).await?.map(|workspace| workspace.slug))
}

async fn workspace_at(conn: &mut Conn, slug: &str) -> Result<WorkspaceRow, AppError> {
    // Before the database is asked: PostgreSQL refuses texts with NUL.
    Slug::parse(slug).map_err(|_| AppError::UnknownWorkspace)?;
    workspaces::by_slug(conn, slug).await?.ok_or(AppError::UnknownWorkspace)
}

/// How pages name a workspace.
fn named(workspace: &WorkspaceRow) -> WorkspaceRef {
    WorkspaceRef { slug: workspace.slug.clone(), name: workspace.name.clone() }
}

/// The workspace at an address, for the page that asks who is there.
pub async fn door(context: &Context, slug: &str) -> Result<WorkspaceRef, AppError> {
    let mut conn = context.db.read().await?;
    Ok(named(&workspace_at(&mut conn, slug).await?))
}

/// Mails a link to an address that has appointments here. What it answers does not depend on whether it has.
pub async fn request_link(
    context: &Context,
    slug: &str,
    email: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let email = EmailAddress::parse(email).map_err(|error| AppError::field("email", error.0))?;
    let email_key = email.key();
    let mut conn = context.db.write().await?;
    let workspace = workspace_at(&mut conn, slug).await?;
    portal::lock_links(&mut conn, &workspace.id, &email_key).await?;
    let lifetime = TimeDelta::minutes(LINK_MINUTES);
    let window = now - TimeDelta::minutes(LINK_WINDOW_MINUTES) + lifetime;
    if portal::links_ending_after(&mut conn, &workspace.id, &email_key, window).await? >= MOST_LINKS {
        tracing::debug!("an address has had enough links to the portal for now");
        return Ok(());
    }
    let link: RowId = ids::new(now)?;
    let token_hash = crypto::hash(&context.secret.portal_token(&link));
    portal::insert_link(&mut conn, &link, &workspace.id, &email_key, &token_hash, now + lifetime).await?;
    if portal::is_known(&mut conn, &workspace.id, &email_key).await? {
        let letter = Letter {
            to: Person { name: String::new(), email: email_key },
            zone: workspace.zone.clone(),
            workspace: workspace.name.clone(),
            workspace_slug: workspace.slug.clone(),
            content: Content::PortalLink { link },
        };
        super::post::post(&mut conn, &workspace.id, &letter, now).await?;
    }
    conn.commit().await?;
    Ok(())
}

/// Would this link sign in? Asking does not use it up.
pub async fn is_link_open(
    context: &Context,
    slug: &str,
    token: &str,
    now: DateTime<Utc>,
) -> Result<bool, AppError> {
    let mut conn = context.db.read().await?;
    let workspace = workspace_at(&mut conn, slug).await?;
    Ok(portal::is_link_open(&mut conn, &workspace.id, &crypto::hash(token), now).await?)
}

/// Uses a link up and begins a session; returns its token for the cookie, or `None` when the link does not work. The
/// session that the browser had before ends.
pub async fn enter(
    context: &Context,
    slug: &str,
    token: &str,
    before: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, AppError> {
    let mut conn = context.db.write().await?;
    let workspace = workspace_at(&mut conn, slug).await?;
    let used = portal::use_link(&mut conn, &workspace.id, &crypto::hash(token), now).await?;
    let Some(email_key) = used else { return Ok(None) };
    portal::delete_session(&mut conn, &crypto::hash(before)).await?;
    let session = crypto::random_token();
    let hash = crypto::hash(&session);
    portal::insert_session(&mut conn, &ids::new(now)?, &workspace.id, &email_key, &hash, now).await?;
    conn.commit().await?;
    Ok(Some(session))
}

fn is_over(session: &SessionRow, now: DateTime<Utc>) -> bool {
    now - instant(session.created_at) > TimeDelta::days(ABSOLUTE_DAYS)
        || now - instant(session.seen_at) > TimeDelta::days(IDLE_DAYS)
}

/// Who is signed in to a workspace with this cookie. A session for another workspace is none here.
///
/// # Errors
/// [`AppError::SignInRequired`] for nobody.
pub async fn who(
    context: &Context,
    slug: &str,
    cookie: &str,
    now: DateTime<Utc>,
) -> Result<Visitor, AppError> {
    let mut conn = context.db.read().await?;
    let workspace = workspace_at(&mut conn, slug).await?;
    let session = portal::session(&mut conn, &workspace.id, &crypto::hash(cookie)).await?;
    drop(conn);
    let session = session.filter(|session| !is_over(session, now)).ok_or(AppError::SignInRequired)?;
    // Once an hour is often enough for a limit in days, and spares a write at every click.
    if now - instant(session.seen_at) > TimeDelta::hours(1) {
        let mut conn = context.db.write().await?;
        portal::touch_session(&mut conn, &session.id, now).await?;
        conn.commit().await?;
    }
    Ok(Visitor { workspace, email_key: session.email_key })
}

/// Signs this browser out, or every browser of the same address.
pub async fn sign_out(
    context: &Context,
    slug: &str,
    cookie: &str,
    everywhere: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let visitor = match who(context, slug, cookie, now).await {
        Ok(visitor) => Some(visitor),
        Err(AppError::SignInRequired) => None,
        Err(error) => return Err(error),
    };
    let mut conn = context.db.write().await?;
    portal::delete_session(&mut conn, &crypto::hash(cookie)).await?;
    if let Some(visitor) = visitor.filter(|_| everywhere) {
        portal::delete_sessions(&mut conn, &visitor.workspace.id, &visitor.email_key).await?;
    }
    conn.commit().await?;
    Ok(())
}

/// A place in a list: start in epoch microseconds, then the invitee's id.
fn cursor(text: &str) -> Option<(i64, &str)> {
    let (start, id) = text.split_once('.')?;
    InviteeId::try_from(id.to_owned()).ok()?;
    Some((start.parse().ok()?, id))
}

/// Cuts a list to its page; returns where the next one begins.
fn cut(rows: &mut Vec<ItemRow>) -> Option<String> {
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    rows.last().filter(|_| more).map(|row| format!("{}.{}", row.start_at, row.invitee_id))
}

/// The hosts' names of every booking of an address.
async fn hosts(conn: &mut Conn, visitor: &Visitor) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let mut hosts: HashMap<String, Vec<String>> = HashMap::new();
    for (booking, name) in portal::hosts(conn, &visitor.workspace.id, &visitor.email_key).await? {
        hosts.entry(booking).or_default().push(name);
    }
    Ok(hosts)
}

/// The page of someone who is signed in; `after` and `before` are places in its two lists (empty for their beginnings).
pub async fn page(
    context: &Context,
    visitor: &Visitor,
    after: &str,
    before: &str,
    now: DateTime<Utc>,
) -> Result<PortalPage, AppError> {
    let mut conn = context.db.read().await?;
    let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
    let (after, before) = (cursor(after), cursor(before));
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let (mut coming, mut past) = (Vec::new(), Vec::new());
    if before.is_none() {
        let from = after.unwrap_or((i64::MIN, ""));
        coming = portal::coming(&mut conn, workspace, email_key, now, from, most).await?;
    }
    if after.is_none() {
        let from = before.unwrap_or((i64::MAX, ""));
        past = portal::past(&mut conn, workspace, email_key, now, from, most).await?;
    }
    let (later, earlier) = (cut(&mut coming), cut(&mut past));
    let hosts = hosts(&mut conn, visitor).await?;
    let feed = feed::current(&mut conn, context, visitor).await?;
    let show = |row: ItemRow| item(context, visitor, row, &hosts, now);
    Ok(PortalPage {
        workspace: named(&visitor.workspace),
        email: visitor.email_key.clone(),
        coming: coming.into_iter().map(show).collect::<Result<_, _>>()?,
        later,
        is_later: after.is_some(),
        past: past.into_iter().map(show).collect::<Result<_, _>>()?,
        earlier,
        is_earlier: before.is_some(),
        feed: feed.map(|id| links(context).feed(&id)),
        hour12: false,
    })
}

fn links(context: &Context) -> Links<'_> {
    Links { public_url: &context.config.public_url, secret: &context.secret }
}

fn item(
    context: &Context,
    visitor: &Visitor,
    row: ItemRow,
    hosts: &HashMap<String, Vec<String>>,
    now: DateTime<Utc>,
) -> Result<PortalItem, AppError> {
    let rules = row.rules()?;
    let (start, end) = (instant(row.start_at), instant(row.end_at));
    let zone = zones::rules(&row.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let status = row.status();
    let can = |change| rules.policy.allows(change, status, start, now).is_ok();
    let public = row.open && row.visibility() != Visibility::Private;
    Ok(PortalItem {
        start,
        end,
        zone: zones::cut(&zone, start - TimeDelta::days(1), end + TimeDelta::days(1)),
        hosts: hosts.get(&row.booking_id).cloned().unwrap_or_default(),
        place: place(&rules.location, true, &row.phone, &row.meeting),
        status,
        // Without the server's address: whoever came by another name stays there.
        page: format!("/appointment/{}", context.secret.appointment_token(&row.invitee_id)),
        can_move: can(Change::Move),
        can_cancel: can(Change::Cancel),
        again: public.then(|| format!("/book/{}/{}", visitor.workspace.slug, row.service_slug)),
        service: row.service,
    })
}
