//! Many accounts, few places: a process works on some of them at once, and some answer slowly or never.

use super::outside::{HOST, Options, Outside, blob, secret, time, uuid};
use crate::{
    harness::{Database, both},
    world::{World, at, rules},
};
use chrono::TimeDelta;
use meridian::server::{calendars::access::Credential, clock};
use serde_json::json;

both!(slow_accounts_of_one_workspace_hold_up_no_other, a_workspace_that_is_alone_is_not_held_up_by_its_share,);

/// Connects accounts of a host whose provider never answers. They have waited for longer than everything else.
fn slow(it: &Outside, number: u32) {
    let credential = Credential::Tokens {
        access: it.token.clone(),
        refresh: "none".to_owned(),
        expires: clock::now() + TimeDelta::days(30),
    };
    let plain = serde_json::to_vec(&credential).unwrap();
    let (workspace, member) = (&it.world.workspace, &it.world.hosts[0].0);
    let now = clock::now().timestamp_micros();
    let row = |place: u32| {
        let id = uuid(0x1000 + place);
        let sealed = blob(&it.database, &secret().seal(&format!("connection:{id}"), &plain));
        format!(
            "('{id}', '{workspace}', '{member}', 'google', 'slow{place}', 'slow', '', {sealed}, 1, 'ok', '', 0, {now}, 0,
              {place}, 0, {now}, {now})"
        )
    };
    let rows: Vec<String> = (0..number).map(row).collect();
    let calendars: Vec<String> = (0..number)
        .map(|place| {
            let (id, calendar) = (uuid(0x1000 + place), uuid(0x2000 + place));
            format!(
                "('{calendar}', '{workspace}', '{member}', '{id}', 'slow{place}', 'Slow', 'UTC', TRUE, TRUE, TRUE, FALSE, TRUE,
                  TRUE, FALSE, FALSE, FALSE, 'adopt', 'book', 'us', 0, 0, '', 0, '', {now}, {now})"
            )
        })
        .collect();
    it.database.execute(&format!(
        "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                  state, trouble, failures, listed_at, held_until, next_at, hints, created_at, updated_at)
         VALUES {}",
        rows.join(", ")
    ));
    it.database.execute(&format!(
        "INSERT INTO calendars (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main,
                                present, twin, syncs, conflicts, receives, tentative, meetings, outside, silent, invites,
                                window_until, failures, trouble, next_at, channel_resource, created_at, updated_at)
         VALUES {}",
        calendars.join(", ")
    ));
    it.google.post("/_/faults", json!({"path": "/calendars/slow", "times": 100_000, "delay_ms": 600_000}));
}

const HELD: &str = "SELECT COUNT(*) FROM connections WHERE holder IS NOT NULL AND label = 'slow'";
/// Slow accounts that came to an end, however bad.
const ENDED: &str = "SELECT COUNT(*) FROM connections WHERE label = 'slow' AND failures > 0";

fn lunch(it: &Outside) {
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
}

fn slow_accounts_of_one_workspace_hold_up_no_other(database: Database) {
    let it = Outside::start_with(database, &Options { works: false, ..Options::default() });
    // The account that answers belongs to another workspace.
    let other = World::named(&it.database, "other", 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let (workspace, host) = (&other.workspace, &other.hosts[0].0);
    for table in ["connections", "calendars"] {
        it.database
            .execute(&format!("UPDATE {table} SET workspace_id = '{workspace}', member_id = '{host}'"));
    }
    it.database.execute("DELETE FROM busy_intervals");
    it.database.execute("DELETE FROM remote_events");
    slow(&it, 60);
    lunch(&it);
    let read = "SELECT COUNT(*) FROM calendars WHERE remote_id = 'host@outside.example' AND synced_at > 0";
    for workers in 1..=2 {
        it.database.execute("UPDATE connections SET holder = NULL, held_until = 0");
        it.database.execute("UPDATE calendars SET synced_at = NULL, next_at = 0");
        it.database.execute("UPDATE connections SET next_at = 1000 WHERE label <> 'slow'");
        let _workers: Vec<_> = (0..workers).map(|_| it.worker()).collect();
        it.database.wait_for(read, 1);
        it.database.wait_for(HELD, 12 * workers);
        assert_eq!(it.database.number(ENDED), 0, "while all of the others hang");
    }
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1, "{HOST}");
    it.assert_sound();
}

fn a_workspace_that_is_alone_is_not_held_up_by_its_share(database: Database) {
    let it = Outside::start_with(database, &Options { works: false, ..Options::default() });
    slow(&it, 11);
    lunch(&it);
    it.database.execute("UPDATE calendars SET next_at = 0");
    it.database.execute("UPDATE connections SET next_at = 1000 WHERE label <> 'slow'");
    let _worker = it.worker();
    it.database.wait_for("SELECT COUNT(*) FROM busy_intervals", 1);
    it.database.wait_for(HELD, 11);
    assert_eq!(it.database.number(ENDED), 0, "while eleven hang");
    it.assert_sound();
}
