//! Access that ends, workers that die, several at once.

use super::outside::{Options, Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use chrono::TimeDelta;
use meridian::server::clock;
use serde_json::{Value, json};

both!(
    an_access_that_was_taken_back_is_told_once,
    two_processes_and_one_account,
    workers_killed_in_the_middle,
    a_worker_that_ends_before_it_called_off_does_so_later,
    a_provider_that_limits_us_is_left_alone,
    a_worker_that_lost_its_account_changes_nothing_more,
);

fn an_access_that_was_taken_back_is_told_once(database: Database) {
    let it = Outside::start(database);
    it.book(at(600));
    it.google.post("/_/expire", json!({"tokens": true, "refresh_tokens": true}));
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 1000, "status": 401}));
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE state = 'reconnect'", 1);
    let booked = it.try_book(at(690), 2);
    assert_eq!(booked.status, 201, "bookings go on: {}", booked.text);
    it.database.settle();
    it.look();
    it.in_step();
    let mails = it.texts("SELECT subject FROM messages WHERE kind = 'account'");
    assert_eq!(mails, ["Please connect Google Calendar again"]);
    let page = it.server.member(&it.database, "admin@outside.example", "w", "admin");
    let shown = it.server.get_as("/booking/calendars", &page);
    assert_eq!(shown.status, 200);
    it.database.assert_sound();
}

fn two_processes_and_one_account(database: Database) {
    let it = Outside::start(database);
    let _other = it.another_server();
    for number in 0..8 {
        let start = at(600 + 30 * i64::try_from(number).unwrap());
        assert_eq!(it.try_book(start, number).status, 201);
        it.look();
    }
    it.in_step();
    it.sync();
    assert_eq!(it.events().len(), 8);
    it.assert_sound();
}

fn workers_killed_in_the_middle(database: Database) {
    let it = Outside::start_with(database, &Options { works: false, ..Options::default() });
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 10000, "delay_ms": 60}));
    for number in 0..6 {
        let start = at(600 + 30 * i64::try_from(number).unwrap());
        assert_eq!(it.try_book(start, number).status, 201);
    }
    for round in 0..8 {
        let worker = it.worker();
        std::thread::sleep(std::time::Duration::from_millis(150 + 70 * round));
        worker.kill();
        // The dead let go of nothing: their holds end by themselves, here at once.
        it.database.execute("UPDATE connections SET held_until = 0");
        it.database.execute("UPDATE jobs SET run_at = 0, lease = NULL WHERE status = 'queued'");
    }
    it.google.delete("/_/faults");
    let _worker = it.worker();
    it.hurry();
    it.in_step();
    assert_eq!(it.events().len(), 6, "{:?}", it.log());
    it.assert_sound();
}

/// A booking whose entry was deleted must not stay without one because a worker died in between.
fn a_worker_that_ends_before_it_called_off_does_so_later(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.delete(it.event()["id"].as_str().unwrap());
    // The worker gets no further than to calling off.
    it.refuse("UPDATE ON bookings");
    it.fails();
    assert_eq!(it.booking(&booked).0, "confirmed");
    it.allow("bookings");
    it.sync();
    assert_eq!(it.booking(&booked).0, "cancelled", "{:?}", it.log());
    it.assert_sound();
}

fn a_provider_that_limits_us_is_left_alone(database: Database) {
    let it = Outside::start(database);
    let until = clock::now() + TimeDelta::hours(2);
    let date = until.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    it.google.post(
        "/_/faults",
        json!({"path": "/calendar/v3", "times": 1, "status": 429, "headers": {"Retry-After": date}}),
    );
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE limited_until IS NOT NULL", 1);
    it.google.delete("/_/log");
    assert_eq!(it.try_book(at(600), 1).status, 201);
    it.database.settle();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let asked = it.google.get("/_/log");
    assert_eq!(asked, Value::Array(Vec::new()), "who asks to be left alone is left alone");
    it.look();
    it.in_step();
    it.hurry();
    it.in_step();
    assert_eq!(it.events().len(), 1);
    it.assert_sound();
}

/// One that slept for longer than its lease wakes up, and another one holds the account by then.
fn a_worker_that_lost_its_account_changes_nothing_more(database: Database) {
    let it = Outside::start(database);
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
    it.google.delete("/_/log");
    it.google.post("/_/faults", json!({"method": "GET", "path": "/events", "delay_ms": 2000}));
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE holder IS NOT NULL", 1);
    let later = (clock::now() + TimeDelta::hours(1)).timestamp_micros();
    it.database.execute(&format!("UPDATE connections SET holder = 'another', held_until = {later}"));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !it.answers("GET", "/events").contains(&json!(200)) {
        assert!(std::time::Instant::now() < deadline, "{:?}", it.google.get("/_/log"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 0, "{:?}", it.log());
    it.database.execute("UPDATE connections SET holder = NULL, held_until = 0");
    it.sync();
    assert!(!it.offers(at(720)));
    it.assert_sound();
}
