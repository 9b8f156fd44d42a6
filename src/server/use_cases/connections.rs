//! What members do with their accounts at calendar providers: connect, choose, look, disconnect.
//!
//! Whatever reaches outside while a person waits has [`PATIENCE`], and happens before any transaction. What follows from a
//! choice (reading, writing, deriving busy time) is the engine's: here an account is only marked as due.

mod add;
mod choose;
mod consent;
mod farewell;
mod file;
mod health;
mod list;
mod pages;

pub use add::{feed, password};
pub use choose::{Disconnected, choose, disconnect, receive, sync_now, use_calendar};
pub use consent::{Answer, Came, begin, callback, consent_origins};
pub use file::file;
pub(crate) use list::{set_gone, take_list};
pub use pages::{account, overview};

use super::note;
use crate::{
    api::AppError,
    domain::ids::{CalendarId, ConnectionId, MemberId, RowId, WorkspaceId},
    server::{
        calendars::{
            Provider,
            access::{Access, Account, Credential, Endpoints},
            event::RemoteCalendar,
            fault::Fault,
        },
        context::Context,
        ids,
        store::{
            Conn, StoreError,
            connections::{self as store, ConnectionRow, NewConnection, calendars::Owner},
            members::SignedIn,
            sync as sync_store,
        },
    },
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How long somebody who waits for a page waits for a provider.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Accounts that a member can have.
const MOST: usize = 20;

/// What a credential is sealed for.
pub(crate) fn sealed_for(connection: &ConnectionId) -> String {
    format!("connection:{connection}")
}

fn owner(me: &SignedIn) -> Owner<'_> {
    Owner { workspace: &me.workspace_id, member: &me.member_id }
}

fn actor(me: &SignedIn) -> String {
    format!("member:{}", me.member_id)
}

fn connection_id(text: &str) -> Result<ConnectionId, AppError> {
    ConnectionId::try_from(text.to_owned()).map_err(|_| AppError::UnknownPage)
}

fn calendar_id(text: &str) -> Result<CalendarId, AppError> {
    CalendarId::try_from(text.to_owned()).map_err(|_| AppError::UnknownPage)
}

/// An account of the member who is signed in: nobody else's.
async fn find(conn: &mut Conn, me: &SignedIn, id: &ConnectionId) -> Result<ConnectionRow, AppError> {
    store::by_id(conn, &me.workspace_id, &me.member_id, id).await?.ok_or(AppError::UnknownPage)
}

async fn noted(
    conn: &mut Conn,
    me: &SignedIn,
    action: &str,
    id: &ConnectionId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let subject = format!("connection:{id}");
    Ok(note(conn, &me.workspace_id, &actor(me), action, &subject, now).await?)
}

/// An account that was looked at, and is to be kept.
struct Found {
    provider: &'static dyn Provider,
    credential: Credential,
    account: Account,
    calendars: Vec<RemoteCalendar>,
}

/// Looks whose account a credential opens, and at its calendars.
async fn look(
    context: &Context,
    me: &SignedIn,
    provider: &'static dyn Provider,
    credential: Credential,
    endpoints: Option<&Endpoints>,
    now: DateTime<Utc>,
) -> Result<Result<Found, Fault>, AppError> {
    let mut conn = context.db.read().await?;
    let zone = sync_store::owner_zone(&mut conn, &me.member_id).await?;
    drop(conn);
    let looking = async {
        let allow_private = context.config.allow_private_urls;
        let access = Access { credential: &credential, endpoints, home: "", zone: &zone, allow_private, now };
        let account = provider.account(&access).await?;
        let calendars = provider.calendars(&Access { home: &account.home, ..access }).await?;
        Ok((account, calendars))
    };
    let looked = in_time(looking).await;
    Ok(looked.map(|(account, calendars)| Found { provider, credential, account, calendars }))
}

/// As long as a person waits, and no longer.
async fn in_time<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| {
        Err(Fault::Temporary("It did not answer within 10 seconds. Please try again in a moment.".into()))
    })
}

/// An account that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: ConnectionId,
    /// Was it connected before?
    pub renewed: bool,
}

/// Keeps an account: a new one, or one that is known and has new credentials.
async fn keep(
    conn: &mut Conn,
    context: &Context,
    me: &SignedIn,
    found: &Found,
    now: DateTime<Utc>,
) -> Result<Kept, AppError> {
    let (workspace, member): (&WorkspaceId, &MemberId) = (&me.workspace_id, &me.member_id);
    let Found { provider, credential, account, calendars } = found;
    store::calendars::lock(conn, owner(me)).await?;
    let known = store::by_account(conn, workspace, member, provider.key(), &account.key).await?;
    let renewed = known.is_some();
    let id = match known {
        Some(id) => id,
        None => ids::new(now)?,
    };
    let plain = serde_json::to_vec(credential).map_err(StoreError::from)?;
    let sealed = context.secret.seal(&sealed_for(&id), &plain);
    let new = NewConnection {
        id: &id,
        workspace,
        member,
        provider: provider.key(),
        account_key: &account.key,
        label: &account.label,
        home: &account.home,
        credential: &sealed,
    };
    if renewed {
        // First its calendars, then the account, as everywhere. Whatever failed with the old credential is tried again now.
        store::calendars::forget_trouble(conn, owner(me), &id).await?;
        store::hurry(conn, workspace, &id, now).await?;
        store::renew(conn, &new, now).await?;
        store::hurry(conn, workspace, &id, now).await?;
    } else {
        if store::of_member(conn, workspace, member).await?.len() >= MOST {
            let sentence =
                format!("You can connect {MOST} accounts. Please disconnect one that you no longer need.");
            return Err(AppError::BadRequest { hint: sentence });
        }
        store::insert(conn, &new, now).await?;
    }
    take_list(conn, workspace, member, &id, *provider, calendars, now).await?;
    sync_store::set_listed(conn, &id, now).await?;
    noted(conn, me, if renewed { "calendar.renewed" } else { "calendar.connected" }, &id, now).await?;
    let sentence = match (credential, renewed) {
        (Credential::File, false) => "The file was uploaded.",
        (Credential::File, true) => "The file was uploaded again.",
        (_, false) => "Connected.",
        (_, true) => "Connected again.",
    };
    let line: RowId = ids::new(now)?;
    let line = sync_store::NewLine {
        id: line.as_str(),
        workspace,
        connection: &id,
        calendar: "",
        sentence,
        went_well: true,
    };
    sync_store::log(conn, &line, now).await?;
    Ok(Kept { id, renewed })
}

/// Opens what opens an account.
fn opened(context: &Context, row: &ConnectionRow) -> Option<Credential> {
    let plain = context.secret.open(&sealed_for(&row.id), &row.credential)?;
    serde_json::from_slice(&plain).ok()
}
