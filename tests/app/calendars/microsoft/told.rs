//! The engine is told of changes by Outlook: subscriptions of a real server.

use super::engine::{CALENDAR, HOST, Outside, busy, ours, text};
use crate::{
    harness::{Database, both},
    world::{at, order},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

both!(
    a_push_before_the_answer_to_our_own_write,
    a_mixed_batch_is_believed_as_far_as_its_secrets_go,
    a_subscription_that_was_disabled_is_made_anew,
    two_members_with_the_same_mailbox_keep_their_subscriptions,
    disconnecting_ends_the_subscription,
);

const ONE: &str = "0193b5a0-7c1e-7000-8000-0000000000c1";
const ONES: &str = "0193b5a0-7c1e-7000-8000-0000000000cb";

fn subscriptions(it: &Outside) -> Vec<Value> {
    it.graph.get("/_/subscriptions").as_array().unwrap().clone()
}

fn ids(it: &Outside) -> Vec<String> {
    let mut ids: Vec<_> = subscriptions(it).iter().map(|held| text(&held["id"])).collect();
    ids.sort();
    ids
}

fn wait(it: &Outside, what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: {:?}", it.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn taken(it: &Outside, start: DateTime<Utc>) {
    wait(it, "nobody looked", || !it.offers(start));
}

fn hints(it: &Outside) -> i64 {
    it.database.number("SELECT CAST(SUM(hints) AS BIGINT) FROM connections")
}

fn a_push_before_the_answer_to_our_own_write(database: Database) {
    let it = Outside::start(database, "", true);
    // It is made, and told of, while we still wait to hear that it is.
    it.graph.post("/_/faults", json!({ "method": "POST", "path": "/events$", "delay_ms": 3000 }));
    it.graph.delete("/_/pushes");
    let booked = it.server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    assert_eq!(booked.status, 201, "{}", booked.text);
    wait(&it, "no push", || !it.graph.get("/_/pushes").as_array().unwrap().is_empty());
    assert_eq!(
        it.database.number("SELECT COUNT(*) FROM mirrors WHERE remote_id IS NULL"),
        1,
        "it came first"
    );
    it.sync();
    assert_eq!(it.event().1, at(600));
    assert_eq!((it.booking(), it.flags()), (("confirmed".into(), at(600)), Vec::new()));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 0, "it is the booking's");
    // It is known as what it is: moved there, it moves the booking.
    let (id, _) = it.event();
    it.outside("PATCH", &format!("events/{id}"), busy(at(720)));
    wait(&it, "not moved", || it.booking().1 == at(720));
    it.sync();
    assert!(it.offers(at(600)) && !it.offers(at(720)));
    it.assert_sound();
}

fn a_mixed_batch_is_believed_as_far_as_its_secrets_go(database: Database) {
    let it = Outside::start(database, "", true);
    let held = subscriptions(&it).remove(0);
    it.graph.post("/_/push", json!({ "mode": "off" }));
    it.insert(busy(at(600)));
    let (id, url) = (text(&held["id"]), text(&held["notificationUrl"]));
    let told = |secret: &Value, id: &str| json!({ "subscriptionId": id, "clientState": secret, "changeType": "updated" });
    let send = |value: Value| {
        it.graph.delete("/_/pushes");
        it.graph.post("/_/notify", json!({ "url": url, "value": value }));
        wait(&it, "not sent", || !it.graph.get("/_/pushes").as_array().unwrap().is_empty());
        it.graph.get("/_/pushes")[0]["status"].clone()
    };
    let before = hints(&it);
    let wrong = [told(&json!("wrong"), &id), told(&json!(null), &id), told(&held["clientState"], "another")];
    assert_eq!(send(json!(wrong)), 202, "whoever guesses learns nothing");
    assert_eq!(hints(&it), before);
    assert!(it.offers(at(600)), "nobody looked");
    let right = told(&held["clientState"], &id);
    assert_eq!(send(json!([wrong[0], right, wrong[2]])), 202);
    taken(&it, at(600));
    assert!(hints(&it) > before);
    it.sync();
    it.assert_sound();
}

fn a_subscription_that_was_disabled_is_made_anew(database: Database) {
    let it = Outside::start(database, "", true);
    it.book(at(600));
    let first = ids(&it);
    it.graph.post("/_/expire", json!({ "channels": true }));
    it.insert(busy(at(720)));
    it.sync();
    assert!(!it.offers(at(720)), "looked at all the same");
    it.database.execute("UPDATE calendars SET channel_renew_at = 0");
    it.sync();
    assert!(ids(&it).len() == 1 && ids(&it) != first, "{first:?} {:?}", ids(&it));
    it.insert(busy(at(840)));
    taken(&it, at(840));
    assert_eq!((it.booking(), it.flags()), (("confirmed".into(), at(600)), Vec::new()));
    it.assert_sound();
}

fn two_members_with_the_same_mailbox_keep_their_subscriptions(database: Database) {
    let it = Outside::start_with(database, 2, "", true);
    let first = ids(&it);
    it.connect(ONE, ONES, 1, &ours(&it.graph), "receives = FALSE");
    it.sync();
    let both = ids(&it);
    assert!(both.len() == 2 && both.contains(&first[0]), "{first:?} {both:?}");
    // The answer to a renewal is lost: what was left behind is ended, and nothing else.
    it.database.execute(&format!(
        "UPDATE calendars SET channel_id = NULL, channel_secret = NULL, channel_renew_at = NULL WHERE id = '{ONES}'"
    ));
    it.sync();
    let after = ids(&it);
    assert!(after.len() == 2 && after.contains(&first[0]) && after != both, "{both:?} {after:?}");
    // Both are told.
    it.insert(busy(at(600)));
    wait(&it, "one was not told", || it.database.number("SELECT COUNT(*) FROM busy_intervals") == 2);
    assert_eq!(it.database.number("SELECT COUNT(DISTINCT channel_id) FROM calendars"), 2, "{CALENDAR}");
    it.sync();
    it.assert_sound();
}

fn disconnecting_ends_the_subscription(database: Database) {
    let it = Outside::start_with(database, 2, "", true);
    let first = ids(&it);
    it.connect(ONE, ONES, 1, &ours(&it.graph), "receives = FALSE");
    it.sync();
    let cookie = it.server.member(&it.database, "signed-in@outside.example", "w", "staff");
    let host = &it.world.hosts[1].0;
    it.database.execute(&format!(
        "UPDATE sessions SET member_id = '{host}', user_id = (SELECT user_id FROM members WHERE id = '{host}')"
    ));
    let sent = it.server.post_form(
        &format!("/booking/calendars/{ONE}/disconnect"),
        &[],
        &[("cookie", cookie.as_str())],
    );
    assert_eq!(sent.headers["location"], "/booking/calendars?done=disconnected", "{}", sent.text);
    assert_eq!(ids(&it), first, "its own, and nobody else's: {HOST}");
    it.insert(busy(at(600)));
    wait(&it, "the other one was not told", || {
        it.database.number("SELECT COUNT(*) FROM busy_intervals") == 1
    });
    it.sync();
    it.assert_sound();
}
