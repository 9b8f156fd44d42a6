//! Calendar files that are uploaded: their events take time as those of a feed do, until the same file comes again.

use super::{Found, Kept, add, find, keep, owner};
use crate::{
    api::AppError,
    domain::ids::CalendarId,
    server::{
        calendars::{
            access::{Account, Credential},
            event::{RemoteCalendar, RemoteEvent},
            ics::{self, Origin, Reading},
        },
        context::Context,
        store::{
            Conn, StoreError, connections::calendars as calendars_store, document, members::SignedIn,
            remote_events, sync as sync_store,
        },
        use_cases::sync,
    },
};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// What the one calendar of a file is called towards its account.
const ID: &str = "file";
/// Changes that are kept in one transaction: a writer must not keep bookings waiting.
const AT_ONCE: usize = 200;
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
    let (owned, zone) = (bytes.to_vec(), zone);
    // Reading 10 MB takes a moment, in which this thread serves nobody else.
    let read = tokio::task::spawn_blocking(move || {
        let how = Reading { origin: Origin::Feed, zone: &zone, owner: &[] };
        ics::read(&owned, &how).map(|events| (events, ics::name(&owned)))
    });
    let (events, calendar) =
        read.await.map_err(|_| AppError::Internal)?.map_err(|fault| refused(fault.to_string()))?;
    let name = plain_name(name);
    let found = Found {
        provider,
        credential: Credential::File,
        account: Account { key: format!("file:{name}"), label: name.clone(), home: String::new() },
        calendars: vec![RemoteCalendar {
            id: ID.to_owned(),
            name: calendar.unwrap_or(name),
            zone: String::new(),
            writable: false,
            primary: true,
        }],
    };
    let mut conn = context.db.write().await?;
    let kept = keep(&mut conn, context, me, &found, now).await.map_err(add::at_address("file"))?;
    find(&mut conn, me, &kept.id).await?;
    let rows = calendars_store::of_member(&mut conn, owner(me)).await?;
    let row = rows.into_iter().find(|row| row.connection_id == kept.id).ok_or(AppError::Internal)?;
    conn.commit().await?;
    store_events(context, me, &row.id, &events, now).await?;
    Ok(kept)
}

async fn store_events(
    context: &Context,
    me: &SignedIn,
    calendar: &CalendarId,
    events: &[RemoteEvent],
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    for some in events.chunks(AT_ONCE) {
        let mut conn = context.db.write().await?;
        for event in some {
            let root = event.instance.as_ref().map_or(&event.id, |instance| &instance.series);
            let new = remote_events::NewEvent {
                calendar,
                workspace: &me.workspace_id,
                id: &event.id,
                root,
                resource: "",
                document: &document(event)?,
            };
            remote_events::keep(&mut conn, &new).await?;
        }
        conn.commit().await?;
    }
    let seen: HashSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let mut after = String::new();
    loop {
        let mut conn = context.db.write().await?;
        let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let ids = remote_events::ids(&mut conn, calendar, &after, most).await?;
        let Some((last, _)) = ids.last() else {
            // What the rest takes is derived by the engine.
            sync::choices_changed(&mut conn, calendar, now).await?;
            return Ok(conn.commit().await?);
        };
        after.clone_from(last);
        for (id, root) in &ids {
            if !seen.contains(id.as_str()) {
                forget(&mut conn, me, calendar, id, root).await?;
            }
        }
        conn.commit().await?;
    }
}

/// An event is no longer in the file, and takes no time any more.
async fn forget(
    conn: &mut Conn,
    me: &SignedIn,
    calendar: &CalendarId,
    id: &str,
    root: &str,
) -> Result<(), StoreError> {
    remote_events::forget(conn, calendar, id).await?;
    if remote_events::of_root(conn, calendar, root).await?.is_empty() {
        remote_events::set_busy(conn, &me.workspace_id, &me.member_id, calendar, root, &[]).await?;
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
