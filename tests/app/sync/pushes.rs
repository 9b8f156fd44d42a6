//! Providers say that something changed, or fail to.

use super::outside::{Options, Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

both!(
    a_channel_that_ended_there_is_made_anew,
    a_channel_is_replaced_before_it_ends,
    what_changed_before_a_channel_was_open_is_found,
    a_channel_that_is_refused_leaves_polling,
    pushes_that_are_all_lost_cost_minutes_only,
    a_storm_of_pushes_is_read_a_few_times,
);

fn with_push() -> Options<'static> {
    Options { push: true, ..Options::default() }
}

fn lunch(it: &Outside, minute: i64) {
    it.insert(json!({"summary": "Lunch", "start": time(at(minute)), "end": time(at(minute + 30))}));
}

/// Waits until a start is taken, with nobody asking for it.
fn taken(it: &Outside, minute: i64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while it.offers(at(minute)) {
        assert!(Instant::now() < deadline, "{minute} {:?}", it.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The channels that are open at the provider: their ids.
fn channels(it: &Outside) -> Vec<Value> {
    it.google.get("/_/channels").as_array().unwrap().iter().map(|channel| channel["id"].clone()).collect()
}

fn a_channel_that_ended_there_is_made_anew(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    let booked = it.book(at(600));
    let first = channels(&it);
    // It is disabled there, and nobody says so.
    it.google.post("/_/expire", json!({"channels": true}));
    lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)), "looked at all the same");
    // Its time comes.
    it.database.execute("UPDATE calendars SET channel_renew_at = 0");
    it.sync();
    let second = channels(&it);
    assert!(second.len() == 1 && second != first, "{first:?} {second:?}");
    lunch(&it, 840);
    taken(&it, 840);
    // What the former one still says is nothing to us.
    it.google.post("/_/push", json!({"mode": "off"}));
    it.in_step();
    let hints = "SELECT hints FROM connections";
    let before = it.database.number(hints);
    let late = [("x-goog-channel-id", first[0].as_str().unwrap()), ("x-goog-resource-state", "exists")];
    assert_eq!(it.server.post_with("/webhook/calendar/google", &Value::Null, &late).status, 200);
    assert_eq!(it.database.number(hints), before);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn a_channel_is_replaced_before_it_ends(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let first = channels(&it);
    it.database.execute("UPDATE calendars SET channel_renew_at = 0");
    it.sync();
    let second = channels(&it);
    assert!(first.len() == 1 && second.len() == 1 && first != second, "{first:?} {second:?}");
    lunch(&it, 720);
    taken(&it, 720);
    it.assert_sound();
}

/// Between the last look and the first push something changes, which nobody is told.
fn what_changed_before_a_channel_was_open_is_found(database: Database) {
    let it = Outside::start_with(database, &with_push());
    it.google.post("/_/expire", json!({"channels": true}));
    it.google.post("/_/push", json!({"mode": "off"}));
    it.google.delete("/_/log");
    it.google.post("/_/faults", json!({"method": "POST", "path": "/events/watch", "delay_ms": 2000}));
    it.database.execute("UPDATE calendars SET channel_renew_at = 0");
    it.look();
    let deadline = Instant::now() + Duration::from_secs(30);
    while it.answers("POST", "/events/watch").is_empty() {
        assert!(Instant::now() < deadline, "{:?}", it.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    lunch(&it, 720);
    taken(&it, 720);
    it.in_step();
    it.assert_sound();
}

fn a_channel_that_is_refused_leaves_polling(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    it.google.post("/_/expire", json!({"channels": true}));
    it.google.post("/_/faults", json!({"path": "/events/watch", "times": 100, "reason": "forbidden"}));
    it.database.execute("UPDATE calendars SET channel_renew_at = 0, channel_expires_at = 1");
    lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM calendars WHERE channel_id IS NOT NULL"), 0);
    assert_eq!(it.answers("POST", "/events/watch").iter().filter(|status| **status == 403).count(), 1);
    it.sync();
    let asked = it.answers("POST", "/events/watch").iter().filter(|status| **status == 403).count();
    assert_eq!(asked, 1, "not asked at every look");
    // Without push what is known is old sooner, and a calendar is asked while somebody books.
    it.database.execute("UPDATE calendars SET synced_at = synced_at - 60000000");
    lunch(&it, 840);
    assert_eq!(it.try_book(at(840), 1).status, 409);
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn pushes_that_are_all_lost_cost_minutes_only(database: Database) {
    let it = Outside::start_with(database, &with_push());
    it.google.post("/_/push", json!({"mode": "off"}));
    let booked = it.book(at(600));
    it.drag(it.event()["id"].as_str().unwrap(), at(660));
    lunch(&it, 720);
    // However well pushes went before, it is read again within a quarter of an hour.
    let next = it.database.number("SELECT next_at FROM calendars");
    let now = meridian::server::clock::now().timestamp_micros();
    assert!(next - now <= 15 * 60 * 1_000_000, "{next}");
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(660)));
    assert!(!it.offers(at(720)));
    it.assert_sound();
}

fn a_storm_of_pushes_is_read_a_few_times(database: Database) {
    let it = Outside::start_with(database, &with_push());
    it.in_step();
    it.google.delete("/_/log");
    it.google.post("/_/faults", json!({"method": "GET", "path": "/events", "times": 1, "delay_ms": 2000}));
    it.google.post("/_/push", json!({"mode": "twice"}));
    for minute in 0..15 {
        lunch(&it, 30 * minute);
    }
    taken(&it, 420);
    it.in_step();
    assert_eq!(
        it.google
            .get("/_/pushes")
            .as_array()
            .unwrap()
            .iter()
            .filter(|push| push["state"] == "exists")
            .count(),
        15
    );
    let read = it.answers("GET", "/events").len();
    assert!((1..=4).contains(&read), "{read}");
    assert!((0..15).all(|minute| !it.offers(at(30 * minute))));
    it.assert_sound();
}
