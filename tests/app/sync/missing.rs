//! Calendars that a list of their account does not show: by mistake, for a while, or because they are gone. Unknown is not
//! free.

use super::outside::{HOST, Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use serde_json::{Value, json};

both!(
    a_list_that_lacks_a_calendar_once_changes_nothing,
    a_calendar_that_is_gone_frees_its_time_once_that_is_certain,
    a_calendar_that_is_gone_for_a_moment_keeps_everything,
    what_can_still_be_read_is_not_gone,
    one_that_comes_back_does_not_take_the_place_of_another,
);

const HERE: &str = "SELECT COUNT(*) FROM calendars WHERE present AND missing_since IS NULL";
const SOUGHT: &str = "SELECT COUNT(*) FROM calendars WHERE present AND missing_since IS NOT NULL";
const GONE: &str = "SELECT COUNT(*) FROM calendars WHERE NOT present AND NOT receives";

fn lunch(it: &Outside) {
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
    it.sync();
    assert!(!it.offers(at(720)));
}

/// From now on the account's list is empty.
fn unlisted(it: &Outside, times: u32) {
    let empty = json!({"kind": "calendar#calendarList", "etag": "\"1\"", "items": []});
    it.google.post(
        "/_/faults",
        json!({"method": "GET", "path": "calendarList$", "times": times, "status": 200, "body": empty}),
    );
}

/// From now on the calendar is nowhere.
fn nowhere(it: &Outside) {
    it.google.post("/_/faults", json!({"path": "/events", "times": 1000, "reason": "notFound"}));
}

/// The list of the account is due.
fn list(it: &Outside) {
    it.database.execute("UPDATE connections SET listed_at = NULL");
    it.sync();
}

/// Six minutes pass, and the list is due.
fn later(it: &Outside) {
    it.database.execute(
        "UPDATE calendars SET missing_since = missing_since - 360000000, synced_at = synced_at - 360000000",
    );
    list(it);
}

fn said(it: &Outside, words: &str) -> usize {
    it.log().iter().filter(|line| line.contains(words)).count()
}

fn a_list_that_lacks_a_calendar_once_changes_nothing(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    lunch(&it);
    unlisted(&it, 1);
    list(&it);
    assert_eq!(it.database.number(SOUGHT), 1);
    assert_eq!(said(&it, "does not show it"), 1, "{:?}", it.log());
    assert!(!it.offers(at(720)), "what is known counts");
    let booked = it.book(at(600));
    it.event_of(&booked);
    assert!(it.health(&host).contains("In step"), "it could be read");
    list(&it);
    assert_eq!(it.database.number(HERE), 1);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(!it.offers(at(720)));
    it.assert_sound();
}

fn a_calendar_that_is_gone_frees_its_time_once_that_is_certain(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    lunch(&it);
    unlisted(&it, 1000);
    nowhere(&it);
    // Nobody asks for the list: that the calendar is not found is enough to.
    it.sync();
    it.sync();
    assert_eq!((it.database.number(SOUGHT), it.database.number(GONE)), (1, 0), "{:?}", it.log());
    assert!(!it.offers(at(720)), "it may be there");
    let booked = it.book(at(600));
    for _ in 0..3 {
        it.hurry();
        it.in_step();
    }
    assert_eq!(it.database.number(SOUGHT), 1, "asking often within minutes makes nothing more certain");
    assert_eq!(it.flags(), Vec::<String>::new(), "its entry waits");
    assert!(!it.offers(at(720)));
    assert!(it.health(&host).contains("Delayed"));
    later(&it);
    assert_eq!(it.database.number(GONE), 1, "{:?}", it.log());
    assert!(it.offers(at(720)), "what is gone takes no time");
    assert_eq!(said(&it, "no longer in the account"), 1, "{:?}", it.log());
    assert_eq!(said(&it, "written to no calendar"), 1, "{:?}", it.log());
    assert!(it.server.get_as(&it.account(), &host).text.contains("No longer in the account"));
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    // It comes back, and its owner does not want to wait until somebody notices.
    it.google.delete("/_/faults");
    let sent = it.server.post_form(&format!("{}/sync", it.account()), &[], &[("cookie", &host)]);
    assert_eq!(sent.status, 303, "{}", sent.text);
    it.in_step();
    assert_eq!(it.database.number(HERE), 1);
    assert_eq!(said(&it, "in the account again"), 1, "{:?}", it.log());
    assert!(!it.offers(at(720)), "its events take time again");
    it.event_of(&booked);
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn a_calendar_that_is_gone_for_a_moment_keeps_everything(database: Database) {
    let it = Outside::start(database);
    lunch(&it);
    let before = it.book(at(600));
    unlisted(&it, 1);
    nowhere(&it);
    list(&it);
    assert_eq!(it.database.number(SOUGHT), 1);
    let meanwhile = it.book(at(840));
    it.move_to(&before, at(660));
    it.in_step();
    it.google.delete("/_/faults");
    later(&it);
    it.hurry();
    it.in_step();
    assert_eq!(it.database.number(HERE), 1);
    assert_eq!(it.booking(&before), ("confirmed".into(), at(660)));
    assert_eq!(it.booking(&meanwhile), ("confirmed".into(), at(840)));
    assert_eq!(it.events().len(), 3, "{:?}", it.log());
    assert!(!it.offers(at(720)));
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn what_can_still_be_read_is_not_gone(database: Database) {
    let it = Outside::start(database);
    lunch(&it);
    unlisted(&it, 1000);
    list(&it);
    for _ in 0..3 {
        later(&it);
    }
    assert_eq!(it.database.number(SOUGHT), 1);
    assert!(!it.offers(at(720)));
    let booked = it.book(at(600));
    it.event_of(&booked);
    assert_eq!(said(&it, "does not show it"), 1, "said once: {:?}", it.log());
    it.assert_sound();
}

fn one_that_comes_back_does_not_take_the_place_of_another(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    // The host has another account, too.
    let other = "second@outside.example";
    let account = it.google.post("/_/accounts", json!({"email": other}));
    it.connect(0xc1, 0xcb, other, account["token"].as_str().unwrap(), 0, "receives = FALSE");
    it.in_step();
    let path = format!("/calendars/{HOST}/events");
    it.google.post("/_/faults", json!({"path": path, "times": 1000, "reason": "notFound"}));
    it.google.post(
        "/_/faults",
        json!({"method": "GET", "path": "calendarList$", "times": 1, "status": 200,
               "body": {"kind": "calendar#calendarList", "etag": "\"1\"", "items": []}}),
    );
    it.database.execute("UPDATE connections SET listed_at = NULL WHERE account_key = 'host@outside.example'");
    it.sync();
    it.database.execute(
        "UPDATE calendars SET present = FALSE, received = receives, receives = FALSE WHERE remote_id = 'host@outside.example'",
    );
    // The host chooses the other one meanwhile.
    let host = it.host();
    let to = "/booking/calendars/0193b5a0-7c1e-7000-8000-0000000000c1/0193b5a0-7c1e-7000-8000-0000000000cb/receive";
    let chosen = it.server.post_form(to, &[("to", "on")], &[("cookie", &host)]);
    assert_eq!(chosen.status, 303, "{}", chosen.text);
    it.in_step();
    it.google.delete("/_/faults");
    it.database.execute("UPDATE connections SET listed_at = NULL");
    it.sync();
    assert_eq!(it.texts("SELECT remote_id FROM calendars WHERE receives"), [other]);
    let dump = it.google.get(&format!("/_/dump?account={other}"));
    assert_eq!(dump[other].as_array().unwrap().len(), 1, "{dump}");
    assert_eq!(it.events(), Vec::<Value>::new(), "one booking, one entry: {:?}", it.log());
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.database.assert_sound();
}
