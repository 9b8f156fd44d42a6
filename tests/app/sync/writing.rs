//! Bookings go out: made once whatever fails, changed, and taken away.

use super::outside::{HOST, Options, Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

both!(
    a_booking_is_made_moved_and_taken_away_outside,
    cut_after_the_remote_committed,
    cut_before_the_remote_committed,
    an_entry_that_was_deleted_there_once_is_made_again,
    changed_there_before_our_change,
    limited_with_seconds_and_with_a_date,
    refused_for_ever_is_flagged_and_not_tried_again,
    a_storm_of_errors_passes,
    cancelled_while_the_making_waits,
    moved_twice_while_the_provider_was_away,
    a_booking_from_before_the_connection_is_written_with_its_next_change,
    the_provider_invites_or_we_do_but_never_both,
    a_meeting_link_is_awaited_and_told,
    a_meeting_that_can_not_be_made_is_flagged,
    taken_away_without_an_answer_calls_nothing_off,
    an_entry_that_could_not_be_changed_moves_nothing_back,
    made_there_and_then_the_worker_died,
    a_precondition_that_fails_at_the_last_moment,
    moved_there_while_our_change_was_on_its_way,
    forbidden_for_now_is_not_forbidden_for_ever,
    one_calendar_of_two,
);

fn start_of(event: &Value) -> DateTime<Utc> {
    event["start"].as_str().unwrap().parse().unwrap()
}

fn a_booking_is_made_moved_and_taken_away_outside(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let event = it.event();
    assert_eq!(start_of(&event), booked.start);
    assert_eq!(event["private"]["meridian"], format!("booking:{}", booked.id));
    assert!(event["title"].as_str().unwrap().contains("Invitee 1"), "{event}");
    it.move_to(&booked, at(690));
    it.in_step();
    let moved = it.event();
    assert_eq!((start_of(&moved), &moved["id"]), (at(690), &event["id"]));
    it.cancel(&booked);
    it.in_step();
    assert_eq!(it.events(), Vec::<Value>::new());
    it.assert_sound();
}

fn cut_after_the_remote_committed(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/faults", json!({"method": "POST", "path": "/events", "cut": "after"}));
    it.book(at(600));
    it.hurry();
    it.in_step();
    it.event();
    it.assert_sound();
}

fn cut_before_the_remote_committed(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/faults", json!({"method": "POST", "path": "/events", "cut": "before"}));
    it.book(at(600));
    assert_eq!(it.events(), Vec::<Value>::new());
    it.hurry();
    it.in_step();
    it.event();
    it.assert_sound();
}

fn an_entry_that_was_deleted_there_once_is_made_again(database: Database) {
    let it = Outside::start_with(database, &Options { choices: "outside = 'flag'", ..Options::default() });
    let booked = it.book(at(600));
    let id = it.event()["id"].as_str().unwrap().to_owned();
    it.delete(&id);
    it.sync();
    assert_eq!(it.flags(), ["deleted_outside"]);
    it.move_to(&booked, at(690));
    it.in_step();
    let again = it.event();
    assert_eq!((again["id"].as_str(), start_of(&again)), (Some(id.as_str()), at(690)));
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn changed_there_before_our_change(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let id = it.event()["id"].as_str().unwrap().to_owned();
    // The title is ours; the colour is not.
    it.patch(&id, json!({"summary": "Something else", "colorId": "5"}));
    it.move_to(&booked, at(690));
    it.in_step();
    let event = it.event();
    assert_eq!(start_of(&event), at(690));
    assert!(event["title"].as_str().unwrap().contains("Invitee 1"), "{event}");
    let path = format!("/calendar/v3/calendars/{HOST}/events/{id}");
    let whole = it.google.outside(&it.token, "GET", &path, Value::Null);
    assert_eq!(whole["colorId"], "5", "what we don't know is kept");
    it.assert_sound();
}

fn limited_with_seconds_and_with_a_date(database: Database) {
    let it = Outside::start(database);
    for (number, after) in ["1", "Mon, 01 Jan 2024 00:00:00 GMT"].into_iter().enumerate() {
        let fault =
            json!({"method": "POST", "path": "/events", "status": 429, "headers": {"Retry-After": after}});
        it.google.post("/_/faults", fault);
        let start = at(600 + 60 * i64::try_from(number).unwrap());
        assert_eq!(it.try_book(start, number).status, 201);
        it.database.settle();
        it.hurry();
        it.in_step();
        it.hurry();
        it.in_step();
        assert_eq!(it.events().len(), number + 1);
    }
    it.assert_sound();
}

fn refused_for_ever_is_flagged_and_not_tried_again(database: Database) {
    let it = Outside::start(database);
    for (number, reason) in (1..).zip(["forbidden", "forbiddenForNonOrganizer"]) {
        it.google
            .post("/_/faults", json!({"method": "POST", "path": "/events", "times": 100, "reason": reason}));
        it.book(at(600 + 60 * number));
        it.in_step();
        assert_eq!(it.flags(), vec!["unwritten"; usize::try_from(number).unwrap()], "{reason}");
        it.google.delete("/_/log");
        it.hurry();
        it.in_step();
        let tries = it.answers("POST", "/events");
        assert_eq!(tries, Vec::<Value>::new(), "what is refused for ever is not tried again: {reason}");
        it.google.delete("/_/faults");
    }
    it.assert_sound();
}

fn a_storm_of_errors_passes(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 4, "status": 503}));
    it.book(at(600));
    for _ in 0..6 {
        it.hurry();
        it.in_step();
    }
    it.event();
    assert_eq!(it.texts("SELECT trouble FROM connections"), [""]);
    it.assert_sound();
}

fn cancelled_while_the_making_waits(database: Database) {
    let it = Outside::start(database);
    // It was made, and nobody heard so; then nothing gets through.
    it.google.post("/_/faults", json!({"method": "POST", "path": "/events", "cut": "after"}));
    let booked = it.book(at(600));
    it.event();
    it.cancel(&booked);
    it.in_step();
    it.hurry();
    it.in_step();
    assert_eq!(it.events(), Vec::<Value>::new(), "{:?}", it.log());
    it.assert_sound();
}

fn moved_twice_while_the_provider_was_away(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 1000, "status": 500}));
    it.move_to(&booked, at(690));
    it.database.settle();
    it.move_to(&booked, at(810));
    it.in_step();
    it.google.delete("/_/faults");
    it.google.delete("/_/log");
    it.hurry();
    it.in_step();
    assert_eq!(start_of(&it.event()), at(810));
    it.assert_sound();
}

fn a_booking_from_before_the_connection_is_written_with_its_next_change(database: Database) {
    let it = Outside::start_with(database, &Options { choices: "receives = FALSE", ..Options::default() });
    let booked = it.book(at(600));
    assert_eq!(it.events(), Vec::<Value>::new());
    it.database.execute("UPDATE calendars SET receives = TRUE");
    it.move_to(&booked, at(690));
    it.in_step();
    assert_eq!(start_of(&it.event()), at(690));
    it.assert_sound();
}

/// The calendar parts of the mails that the invitee got.
fn invitations(it: &Outside) -> usize {
    let letters = it.texts("SELECT letter FROM messages WHERE recipient_key LIKE 'invitee%'");
    assert!(!letters.is_empty());
    letters.iter().filter(|letter| letter.contains("\"in_calendar\":false")).count()
}

fn the_provider_invites_or_we_do_but_never_both(database: Database) {
    let it = Outside::start(database);
    it.book(at(600));
    assert_eq!(it.google.get("/_/mails"), json!([]));
    assert_eq!(invitations(&it), 1);
    it.database.execute("DELETE FROM messages");
    it.database.execute("UPDATE calendars SET invites = 'provider'");
    it.book(at(690));
    assert_eq!(it.events().len(), 2, "{:?} {:?}", it.log(), it.google.violations());
    let mails = it.google.get("/_/mails");
    assert_eq!(mails.as_array().unwrap().len(), 1, "{mails}");
    assert_eq!(mails[0]["to"], "invitee1@customer.example");
    assert_eq!(invitations(&it), 0, "the mail itself comes, without a second entry");
    it.assert_sound();
}

fn a_meeting_link_is_awaited_and_told(database: Database) {
    let it = Outside::start_with(database, &Options { choices: "meetings = TRUE", ..Options::default() });
    it.google.post("/_/options", json!({"conference": "pending"}));
    let booked = it.book(at(600));
    assert_eq!(it.texts("SELECT meeting FROM bookings"), [""]);
    let event = it.event();
    it.google.post("/_/conference", json!({"account": HOST, "event": event["id"], "status": "success"}));
    it.hurry();
    it.in_step();
    let link = it.texts("SELECT meeting FROM bookings").remove(0);
    assert!(link.starts_with("https://meet.google.com/"), "{link}");
    let shown = it.server.get(&format!("/api/v1/public/appointments/{}", booked.token));
    assert!(shown.text.contains(&link), "{}", shown.text);
    let told = it.texts("SELECT letter FROM messages WHERE kind = 'link' AND recipient_key LIKE 'invitee%'");
    assert!(told.len() == 1 && told[0].contains(&link), "{told:?}");
    it.assert_sound();
}

fn a_meeting_that_can_not_be_made_is_flagged(database: Database) {
    let it = Outside::start_with(database, &Options { choices: "meetings = TRUE", ..Options::default() });
    it.google.post("/_/options", json!({"conference": "failure"}));
    it.book(at(600));
    it.hurry();
    it.in_step();
    assert_eq!(it.flags(), ["no_meeting"]);
    // An event that a person made meanwhile takes its time all the same.
    it.insert(json!({"summary": "Lunch", "start": time(at(720)), "end": time(at(780))}));
    it.sync();
    assert!(!it.offers(at(720)) && it.offers(at(780)));
    it.assert_sound();
}

fn taken_away_without_an_answer_calls_nothing_off(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    // Bookings go elsewhere from now on; our own deletion is seen before we hear that it was done.
    it.google.post("/_/faults", json!({"method": "DELETE", "path": "/events", "cut": "after"}));
    it.database.execute("UPDATE calendars SET receives = FALSE");
    it.database.execute("UPDATE mirrors SET wanted = wanted + 1, next_at = 0");
    it.sync();
    assert_eq!(it.events(), Vec::<Value>::new());
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.hurry();
    it.in_step();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn an_entry_that_could_not_be_changed_moves_nothing_back(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let id = it.event()["id"].as_str().unwrap().to_owned();
    it.google.post(
        "/_/faults",
        json!({"method": "PATCH", "path": "/events", "times": 100, "reason": "forbidden"}),
    );
    it.move_to(&booked, at(690));
    it.in_step();
    assert_eq!(it.flags(), ["unwritten"]);
    it.google.delete("/_/faults");
    // The entry still shows the old time, and somebody touches it.
    it.patch(&id, json!({"colorId": "5"}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(690)));
    it.assert_sound();
}

fn made_there_and_then_the_worker_died(database: Database) {
    let it = Outside::start(database);
    it.refuse("UPDATE OF remote_id ON mirrors");
    assert_eq!(it.try_book(at(600), 1).status, 201);
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE failures > 0 AND holder IS NULL", 1);
    let made = it.event();
    assert_eq!(
        it.database.number("SELECT COUNT(*) FROM mirrors WHERE remote_id IS NULL"),
        1,
        "nobody noted it"
    );
    it.allow("mirrors");
    it.hurry();
    it.in_step();
    let found = it.event();
    assert_eq!((&found["id"], start_of(&found)), (&made["id"], at(600)));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 0);
    assert_eq!(
        (it.flags(), it.texts("SELECT status FROM bookings")),
        (Vec::new(), vec!["confirmed".to_owned()])
    );
    it.assert_sound();
}

fn a_precondition_that_fails_at_the_last_moment(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let fault = |method: &str| json!({"method": method, "path": "/events", "reason": "conditionNotMet"});
    it.google.post("/_/faults", fault("PATCH"));
    it.move_to(&booked, at(690));
    it.in_step();
    assert_eq!(it.answers("PATCH", "/events"), [412, 200]);
    it.event_of(&booked);
    it.google.post("/_/faults", fault("DELETE"));
    it.cancel(&booked);
    it.in_step();
    assert_eq!(it.answers("DELETE", "/events"), [412, 204]);
    assert_eq!(it.events(), Vec::<Value>::new());
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

/// Our change was decided by what the entry was like a moment ago: it is made on condition that it still is.
fn moved_there_while_our_change_was_on_its_way(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let id = it.event()["id"].as_str().unwrap().to_owned();
    it.google.delete("/_/log");
    it.google.post("/_/faults", json!({"method": "PATCH", "path": "/events", "delay_ms": 2000}));
    it.database.execute("UPDATE mirrors SET wanted = wanted + 1, next_at = 0");
    it.look();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while it.answers("PATCH", "/events").is_empty() {
        assert!(std::time::Instant::now() < deadline, "{:?}", it.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    it.drag(&id, at(690));
    it.in_step();
    it.sync();
    assert!(it.answers("PATCH", "/events").contains(&json!(412)));
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(690)), "{:?}", it.log());
    it.event_of(&booked);
    it.assert_sound();
}

fn forbidden_for_now_is_not_forbidden_for_ever(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    for (number, reason) in
        ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"].into_iter().enumerate()
    {
        it.google.post("/_/faults", json!({"method": "POST", "path": "/events", "reason": reason}));
        assert_eq!(it.try_book(at(600 + 60 * i64::try_from(number).unwrap()), number).status, 201);
        it.database.wait_for(
            "SELECT COUNT(*) FROM connections WHERE limited_until IS NOT NULL AND holder IS NULL",
            1,
        );
        assert!(it.health(&host).contains("Limited by the provider"), "{reason}");
        it.hurry();
        it.in_step();
        assert_eq!(it.events().len(), number + 1, "{reason}");
    }
    assert_eq!(it.flags(), Vec::<String>::new());
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn one_calendar_of_two(database: Database) {
    let mut rules = crate::world::rules(30);
    rules.assignment = meridian::domain::assignment::Assignment::AllHands;
    let it = Outside::start_with(database, &Options { rules, hosts: 2, ..Options::default() });
    let host = it.host();
    let other = "second@outside.example";
    let account = it.google.post("/_/accounts", json!({"email": other}));
    it.connect(0xc1, 0xcb, other, account["token"].as_str().unwrap(), 1, "");
    it.in_step();
    let theirs =
        |it: &Outside| it.google.get(&format!("/_/dump?account={other}"))[other].as_array().unwrap().len();
    // Away for a while: one is written, the other one waits.
    let path = format!("/calendars/{other}/events");
    it.google.post("/_/faults", json!({"path": path, "times": 1000, "status": 503}));
    let first = it.book(at(600));
    it.event_of(&first);
    assert_eq!((theirs(&it), it.flags()), (0, Vec::new()));
    assert!(it.health(&host).contains("In step"));
    it.google.delete("/_/faults");
    it.hurry();
    it.in_step();
    assert_eq!(theirs(&it), 1);
    // Closed for good: its host is told, the other entry stands.
    it.google
        .post("/_/faults", json!({"method": "POST", "path": path, "times": 1000, "reason": "forbidden"}));
    let second = it.book(at(690));
    it.event_of(&second);
    assert_eq!((theirs(&it), it.flags()), (1, vec!["unwritten".to_owned()]));
    let member = it.texts("SELECT member_id FROM booking_flags");
    assert_eq!(member, [it.world.hosts[1].0.to_string()]);
    for booked in [&first, &second] {
        assert_eq!(it.booking(booked), ("confirmed".into(), booked.start));
    }
    it.assert_sound();
}
