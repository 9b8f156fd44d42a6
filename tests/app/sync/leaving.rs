//! Disconnecting an account: here everything is forgotten at once; the provider is told, and nobody waits for it.

use super::outside::{CALENDAR, CONNECTION, HOST, Options, Outside, time, uuid};
use crate::{
    harness::{Database, both},
    world::at,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

both!(
    push_channels_end_and_then_the_access,
    push_channels_end_although_the_access_token_has,
    a_provider_that_does_not_answer_keeps_nobody_waiting,
    a_provider_that_refuses_is_named,
    an_account_that_somebody_else_has_connected_keeps_its_access,
    disconnected_with_a_full_outbox,
    disconnected_in_the_middle_of_a_reading,
);

fn with_push() -> Options<'static> {
    Options { push: true, ..Options::default() }
}

/// Presses the button; the word of what came of it.
fn disconnect(it: &Outside, host: &str) -> String {
    let sent = it.server.post_form(&format!("{}/disconnect", it.account()), &[], &[("cookie", host)]);
    assert_eq!(sent.status, 303, "{}", sent.text);
    let location = sent.headers["location"].to_str().unwrap();
    assert!(it.server.get_as(location, host).text.contains("Disconnected"), "{location}");
    location.rsplit('=').next().unwrap().to_owned()
}

/// Nothing of the account is left.
fn assert_forgotten(it: &Outside) {
    let left = "SELECT (SELECT COUNT(*) FROM connections) + (SELECT COUNT(*) FROM calendars)
                + (SELECT COUNT(*) FROM remote_events) + (SELECT COUNT(*) FROM busy_intervals)
                + (SELECT COUNT(*) FROM mirrors) + (SELECT COUNT(*) FROM sync_log)";
    assert_eq!(it.database.number(left), 0);
}

fn channels(it: &Outside) -> usize {
    it.google.get("/_/channels").as_array().unwrap().len()
}

/// What was asked of the provider, in order.
fn asked(it: &Outside) -> Vec<String> {
    let log = it.google.get("/_/log");
    let paths = log.as_array().unwrap().iter().map(|call| call["path"].as_str().unwrap());
    paths.map(|path| path.trim_start_matches("/calendar/v3").to_owned()).collect()
}

fn push_channels_end_and_then_the_access(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    it.with_tokens();
    let booked = it.book(at(600));
    let channel = it.texts("SELECT channel_id FROM calendars").remove(0);
    assert_eq!(channels(&it), 1);
    it.google.delete("/_/log");
    assert_eq!(disconnect(&it, &host), "disconnected");
    assert_forgotten(&it);
    assert_eq!(channels(&it), 0);
    assert_eq!(asked(&it), ["/channels/stop", "/revoke"]);
    // One that was on its way is answered, and nothing comes of it.
    let late = [
        ("x-goog-channel-id", channel.as_str()),
        ("x-goog-channel-token", "x"),
        ("x-goog-resource-state", "exists"),
    ];
    assert_eq!(it.server.post_with("/webhook/calendar/google", &Value::Null, &late).status, 200);
    it.in_step();
    assert_forgotten(&it);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.event_of(&booked);
    it.assert_sound();
}

fn push_channels_end_although_the_access_token_has(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    it.with_tokens();
    it.google.post("/_/expire", json!({"tokens": true}));
    assert_eq!(disconnect(&it, &host), "disconnected");
    assert_forgotten(&it);
    assert_eq!(channels(&it), 0);
    assert_eq!(it.answers("POST", "/revoke"), [200]);
    it.assert_sound();
}

fn a_provider_that_does_not_answer_keeps_nobody_waiting(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    it.with_tokens();
    for path in ["/channels/stop", "/revoke"] {
        it.google.post("/_/faults", json!({"path": path, "times": 100, "delay_ms": 600_000}));
    }
    assert_eq!(disconnect(&it, &host), "disconnected-later");
    assert_forgotten(&it);
    // It is told all the same, beside everything else: channels that hang don't keep the access alive.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !asked(&it).contains(&"/revoke".to_owned()) {
        assert!(Instant::now() < deadline, "{:?}", asked(&it));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_forgotten(&it);
    it.assert_sound();
}

fn a_provider_that_refuses_is_named(database: Database) {
    let it = Outside::start_with(database, &with_push());
    let host = it.host();
    it.with_tokens();
    it.google.post("/_/faults", json!({"path": "/channels/stop", "times": 100, "reason": "forbidden"}));
    it.google.post("/_/faults", json!({"path": "/revoke", "times": 100, "status": 503}));
    assert_eq!(disconnect(&it, &host), "disconnected-here");
    assert_forgotten(&it);
    assert_eq!(it.answers("POST", "/revoke"), [503]);
    it.assert_sound();
}

fn an_account_that_somebody_else_has_connected_keeps_its_access(database: Database) {
    let it = Outside::start_with(database, &Options { hosts: 2, push: true, ..Options::default() });
    let host = it.host();
    it.with_tokens();
    it.connect(0xc1, 0xcb, HOST, &it.token, 1, "receives = FALSE");
    it.in_step();
    assert_eq!(channels(&it), 2);
    assert_eq!(disconnect(&it, &host), "disconnected");
    assert_eq!(it.answers("POST", "/revoke"), Vec::<Value>::new(), "it would end theirs, too");
    assert_eq!(channels(&it), 1, "our own pushes end, and theirs go on");
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
    it.database.wait_for("SELECT COUNT(*) FROM busy_intervals", 1);
    it.assert_sound();
}

fn disconnected_with_a_full_outbox(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    let before = it.book(at(840));
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
    it.sync();
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 1000, "status": 500}));
    let booked = it.book(at(600));
    it.move_to(&before, at(900));
    it.in_step();
    assert_eq!(it.database.number("SELECT COUNT(*) FROM mirrors WHERE written < wanted"), 2);
    disconnect(&it, &host);
    assert_forgotten(&it);
    it.google.delete("/_/faults");
    it.in_step();
    assert!(it.offers(at(720)), "what it knew of its owner's time is forgotten");
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.booking(&before), ("confirmed".into(), at(900)));
    // Connected again, the entry that was written before is found, and made to agree; nothing is doubled.
    it.connect(
        CONNECTION,
        CALENDAR,
        HOST,
        &it.token,
        0,
        "receives = FALSE, syncs = FALSE, conflicts = FALSE",
    );
    for action in ["receive", "use"] {
        let path = format!("{}/{}/{action}", it.account(), uuid(CALENDAR));
        let chosen = it.server.post_form(&path, &[("to", "on")], &[("cookie", &host)]);
        assert_eq!(chosen.status, 303, "{}", chosen.text);
    }
    it.in_step();
    assert!(!it.offers(at(720)));
    it.event_of(&booked);
    it.event_of(&before);
    assert_eq!(it.events().len(), 3, "{:?}", it.log());
    it.assert_sound();
}

fn disconnected_in_the_middle_of_a_reading(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    it.google.post("/_/options", json!({"max_page": 1}));
    for number in 0..8 {
        it.insert(json!({"summary": "X", "start": time(at(60 * number)), "end": time(at(60 * number + 30))}));
    }
    it.google.post("/_/faults", json!({"method": "GET", "path": "/events", "times": 100, "delay_ms": 100}));
    it.look();
    it.database
        .wait_for("SELECT CAST(CASE WHEN COUNT(*) > 0 THEN 1 ELSE 0 END AS BIGINT) FROM busy_intervals", 1);
    disconnect(&it, &host);
    assert_forgotten(&it);
    it.google.delete("/_/faults");
    // Whoever was reading notices, and leaves nothing behind.
    std::thread::sleep(Duration::from_secs(1));
    it.in_step();
    assert_forgotten(&it);
    assert!((0..8).all(|number| it.offers(at(60 * number))));
    it.assert_sound();
}
