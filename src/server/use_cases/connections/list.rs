//! The list of an account's calendars, and how a fresh one is taken over.

use crate::{
    domain::ids::{CalendarId, ConnectionId, MemberId, WorkspaceId},
    server::{
        calendars::{Provider, access::Connect, event::RemoteCalendar},
        ids,
        store::{
            Conn, StoreError,
            connections::calendars::{self as store, CalendarRow, Elsewhere, Listed, NewCalendar, Owner},
            remote_events,
        },
        use_cases::sync,
    },
};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// The longest name of a calendar that is kept, in characters.
const LONGEST_NAME: usize = 200;
/// Calendars of one account that are listed.
const MOST: usize = 200;

/// The scheme and host of an address: within one server, ids are unique.
fn server(home: &str) -> Option<(String, String)> {
    let url = reqwest::Url::parse(home).ok()?;
    let port = url.port_or_known_default().map_or_else(String::new, |port| port.to_string());
    Some((url.host_str()?.to_owned(), port))
}

/// Through which other account of its owner a calendar is in use already. An id says that within one provider, or one
/// server; a feed that is known by its address is never connected twice.
pub(super) fn through<'e>(
    provider: &dyn Provider,
    home: &str,
    remote_id: &str,
    elsewhere: &'e [Elsewhere],
) -> Option<&'e str> {
    let same_server = |other: &Elsewhere| match provider.connect() {
        Connect::OAuth(_) => true,
        Connect::Password { .. } => server(&other.home).is_some_and(|other| Some(other) == server(home)),
        Connect::Feed => false,
    };
    let found = elsewhere.iter().find(|other| other.remote_id == remote_id && same_server(other));
    found.map(|other| other.label.as_str())
}

fn name(remote: &RemoteCalendar) -> String {
    let name: String = remote.name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    if name.is_empty() { "Calendar without a name".to_owned() } else { name }
}

/// Did the owner choose that bookings are written nowhere? Then they could have, and did not.
fn chose_none(others: &[&CalendarRow]) -> bool {
    others.iter().any(|row| row.writable && row.present && !row.twin)
}

/// Takes over a fresh list of an account's calendars.
///
/// New ones are listed but off, except for the main one: that is read and takes time, and, where its owner has none yet that
/// does, it receives bookings. One that is read and not in the list is looked for: a list may be short by mistake, and unknown
/// is not free. One that its owner uses through another account is off, so that no event counts twice.
pub(crate) async fn take_list(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    connection: &ConnectionId,
    provider: &dyn Provider,
    list: &[RemoteCalendar],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = Owner { workspace, member };
    store::lock(conn, of).await?;
    let all = store::of_member(conn, of).await?;
    let (known, others): (Vec<&CalendarRow>, Vec<&CalendarRow>) =
        all.iter().partition(|row| row.connection_id == *connection);
    let elsewhere = store::in_use_elsewhere(conn, of, provider.key(), connection).await?;
    let home = store::home(conn, of, connection).await?;
    let by_remote: HashMap<&str, &CalendarRow> =
        known.iter().map(|row| (row.remote_id.as_str(), *row)).collect();
    let receiver = |rows: &[CalendarRow]| rows.iter().find(|row| row.receives).map(|row| row.id.clone());
    let before = receiver(&all);
    let mut receiver_wanted =
        provider.writes() && !all.iter().any(|row| row.receives) && !chose_none(&others);
    // Some servers have no main calendar: then it is the first one, when the account is new.
    let main = list.iter().find(|remote| remote.primary).or_else(|| {
        let writable = list.iter().find(|remote| remote.writable);
        if known.is_empty() { writable.or_else(|| list.first()) } else { None }
    });
    let mut seen = HashSet::new();
    for (number, remote) in list.iter().enumerate() {
        // What is known stays known, however many there are.
        let is_new = !by_remote.contains_key(remote.id.as_str());
        if is_new && number >= MOST || !seen.insert(remote.id.as_str()) {
            continue;
        }
        let name = name(remote);
        let is_main = main.is_some_and(|main| main.id == remote.id);
        let twin = through(provider, &home, &remote.id, &elsewhere).is_some();
        let writable = remote.writable && provider.writes();
        if let Some(row) = by_remote.get(remote.id.as_str()) {
            let main = if main.is_some() { is_main } else { row.main };
            let listed = Listed { name: &name, zone: &remote.zone, writable, main };
            store::set_listed(conn, of, &row.id, &listed, now).await?;
            if row.twin != twin && (row.twin || !row.present || !(row.syncs || row.receives)) {
                store::set_twin(conn, of, &row.id, twin, now).await?;
            }
            if !row.present || row.receives && !writable {
                sync::choices_changed(conn, &row.id, now).await?;
            }
            if !row.present && row.syncs {
                sync::log(conn, workspace, connection, &name, "It is in the account again.", true, now)
                    .await?;
            }
            continue;
        }
        let used = is_main && !twin && known.is_empty();
        let receives = used && writable && receiver_wanted;
        receiver_wanted &= !receives;
        let id: CalendarId = ids::new(now)?;
        let new = NewCalendar {
            id: &id,
            connection,
            remote_id: &remote.id,
            name: &name,
            zone: &remote.zone,
            writable,
            main: is_main,
            twin,
            used,
            receives,
        };
        store::insert(conn, of, &new, now).await?;
        if used {
            sync::choices_changed(conn, &id, now).await?;
        }
    }
    for row in known.iter().filter(|row| row.present && !seen.contains(row.remote_id.as_str())) {
        if !row.syncs {
            store::set_gone(conn, of, &row.id, now).await?;
            continue;
        }
        store::set_missing(conn, of, &row.id, now).await?;
        if row.missing_since.is_none() {
            let sentence = "The account's list of calendars does not show it: it is looked for. What is known of it counts \
                            until it is certain that it is gone.";
            sync::log(conn, workspace, connection, &row.name, sentence, false, now).await?;
        }
    }
    if receiver(&store::of_member(conn, of).await?) != before {
        sync::receiver_changed(conn, workspace, member, now).await?;
    }
    Ok(())
}

/// A calendar is gone for certain: it takes no time, and nothing is written to it. What was chosen for it stays, in case it
/// comes back.
pub(crate) async fn set_gone(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    calendar: &CalendarId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let of = Owner { workspace, member };
    store::lock(conn, of).await?;
    // A list that was read meanwhile, by somebody who connected the account again, may have shown it.
    if store::by_id(conn, of, calendar).await?.is_some_and(|row| row.missing_since.is_some()) {
        store::set_gone(conn, of, calendar, now).await?;
        remote_events::clear_busy(conn, calendar).await?;
    }
    Ok(())
}
