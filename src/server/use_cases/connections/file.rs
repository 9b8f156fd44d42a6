//! Calendar files that are uploaded: their events take time as those of a feed do, until the same file comes again.

use super::{Found, Kept, add, keep, owner};
use crate::{
    api::AppError,
    domain::ids::CalendarId,
    server::{
        calendars::{
            access::{Access, Account, Credential},
            event::{Change, RemoteEvent},
            fault::Fault,
            ical,
        },
        context::Context,
        store::{
            Conn, StoreError, connections::calendars as calendars_store, document, gaps, members::SignedIn,
            remote_events, sync as sync_store,
        },
        use_cases::sync,
    },
};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// Parts of a file that are kept in one transaction. Few of the hundreds of parts have more than a few events.
const PARTS_AT_ONCE: usize = 16;
/// The longest name of a file that is kept, in characters.
const LONGEST_NAME: usize = 100;

fn refused(sentence: impl Into<String>) -> AppError {
    AppError::field("file", sentence)
}

/// The last part of a file's name, as browsers send it with and without a path.
fn plain_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    if name.is_empty() { "calendar.ics".to_owned() } else { name }
}

/// What files are known by: their names, after this. Feeds are known by a hash.
const KEY: &str = "file:";

/// Is an account a file that was uploaded?
pub(super) fn is_file(provider: &str, account_key: &str) -> bool {
    add::feed_provider().is_some_and(|feeds| feeds.key() == provider) && account_key.starts_with(KEY)
}

/// Takes a calendar file as busy time. A file of the same name replaces the one before.
pub async fn file(
    context: &Context,
    me: &SignedIn,
    name: &str,
    bytes: &[u8],
    now: DateTime<Utc>,
) -> Result<Kept, AppError> {
    let provider = add::feed_provider().ok_or(AppError::UnknownPage)?;
    if bytes.is_empty() {
        return Err(refused("Please choose a calendar file (its name ends in .ics)."));
    }
    let mut conn = context.db.read().await?;
    let zone = sync_store::owner_zone(&mut conn, &me.member_id).await?;
    drop(conn);
    let told = |fault: Fault| refused(fault.to_string());
    let (calendar, changes) = ical::upload(bytes.to_vec(), &zone).await.map_err(told)?;
    let name = plain_name(name);
    let (credential, home) = (Credential::File, calendar.unwrap_or_else(|| name.clone()));
    let access = Access {
        credential: &credential,
        endpoints: None,
        home: &home,
        zone: &zone,
        allow_private: false,
        now,
    };
    let calendars = provider.calendars(&access).await.map_err(told)?;
    let account = Account { key: format!("{KEY}{name}"), label: name, home };
    let found = Found { provider, credential, account, calendars };
    let mut conn = context.db.write().await?;
    let kept = keep(&mut conn, context, me, &found, now).await.map_err(add::at_address("file"))?;
    let rows = calendars_store::of_member(&mut conn, owner(me)).await?;
    let row = rows.into_iter().find(|row| row.connection_id == kept.id).ok_or(AppError::Internal)?;
    conn.commit().await?;
    let mut conn = context.db.write().await?;
    gaps::forget_unreadable(&mut conn, &row.id).await?;
    conn.commit().await?;
    // Some at a time: a writer must not keep bookings waiting.
    for some in changes.chunks(PARTS_AT_ONCE) {
        let mut conn = context.db.write().await?;
        for change in some {
            match change {
                Change::Resource { id, events, unread } => {
                    take(&mut conn, me, &row.id, id, events, unread).await?;
                }
                Change::Unreadable { id, why } => {
                    sync::note_unreadable(&mut conn, &me.workspace_id, &row.id, id, why, now).await?;
                }
                Change::Event(_) | Change::Gone { .. } | Change::Left { .. } => {}
            }
        }
        conn.commit().await?;
    }
    // What they take is derived by the engine.
    let mut conn = context.db.write().await?;
    sync::choices_changed(&mut conn, &row.id, now).await?;
    conn.commit().await?;
    Ok(kept)
}

/// These are all events of a part of the file now; others that came from it before are gone, and take no time any more, unless
/// they can't be read.
async fn take(
    conn: &mut Conn,
    me: &SignedIn,
    calendar: &CalendarId,
    part: &str,
    events: &[RemoteEvent],
    unread: &[String],
) -> Result<(), StoreError> {
    for event in events {
        let root = event.instance.as_ref().map_or(&event.id, |instance| &instance.series);
        // As of every calendar: when is kept, not what and with whom.
        let bare = RemoteEvent { title: String::new(), participants: Vec::new(), ..event.clone() };
        let new = remote_events::NewEvent {
            calendar,
            workspace: &me.workspace_id,
            id: &event.id,
            root,
            resource: part,
            document: &document(&bare)?,
        };
        remote_events::keep(conn, &new).await?;
    }
    let seen: HashSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    for (id, root) in remote_events::of_resource(conn, calendar, part).await? {
        if seen.contains(id.as_str()) || sync::stays(&id, &root, unread) {
            continue;
        }
        remote_events::forget(conn, calendar, &id).await?;
        if remote_events::of_root(conn, calendar, &root).await?.is_empty() {
            remote_events::set_busy(conn, &me.workspace_id, &me.member_id, calendar, &root, &[]).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn a_files_name_is_its_last_part() {
        assert_eq!(plain_name("C:\\Users\\ada\\work.ics"), "work.ics");
        assert_eq!(plain_name("../../etc/wo\u{7}rk.ics"), "work.ics");
        assert_eq!(plain_name(" "), "calendar.ics");
    }
}
