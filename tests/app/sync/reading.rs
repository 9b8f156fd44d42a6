//! Changes come in: cursors, pages, series, pushes; and calendars that are asked while somebody books.

use super::outside::{HOST, Options, Outside, time};
use crate::{
    harness::{Database, at_once, both},
    world::at,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

both!(
    busy_time_comes_and_goes_with_its_event,
    the_cursor_is_gone,
    a_page_fails_in_the_middle,
    an_empty_page_in_the_middle,
    items_come_twice,
    a_list_that_is_short_by_mistake_cancels_nothing,
    an_item_that_makes_no_sense_hides_nothing_and_frees_nothing,
    series_with_a_moved_and_a_cancelled_instance,
    this_and_following,
    whole_days_are_the_owners_days,
    tentative_and_free_as_the_owner_chose,
    what_does_not_take_part_in_conflicts_takes_no_time,
    pushes_have_the_calendar_read,
    pushes_that_come_twice_or_late_or_never,
    pushes_of_unknown_channels_and_with_wrong_secrets_are_passed_over,
    a_calendar_that_was_changed_a_moment_ago_is_asked_while_somebody_books,
    a_calendar_that_does_not_answer_is_the_owners_choice,
    two_invitees_one_slot_and_a_busy_event_arriving,
    a_booking_while_everything_is_read_anew,
    the_same_calendar_through_two_accounts,
    a_single_event_becomes_a_series_and_moves_to_another_zone,
);

fn lunch(it: &Outside, minute: i64) -> String {
    let event = json!({"summary": "Lunch", "start": time(at(minute)), "end": time(at(minute + 60))});
    it.insert(event)["id"].as_str().unwrap().to_owned()
}

fn busy_time_comes_and_goes_with_its_event(database: Database) {
    let it = Outside::start(database);
    assert!(it.offers(at(720)));
    let id = lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)) && !it.offers(at(750)) && it.offers(at(780)) && it.offers(at(690)));
    it.drag(&id, at(900));
    it.sync();
    assert!(it.offers(at(720)) && !it.offers(at(900)) && it.offers(at(930)));
    it.delete(&id);
    it.sync();
    assert!(it.offers(at(900)));
    it.assert_sound();
}

fn the_cursor_is_gone(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let (kept, gone) = (lunch(&it, 720), lunch(&it, 900));
    it.sync();
    it.delete(&gone);
    it.google.post("/_/expire", json!({"cursors": true, "deleted": true}));
    it.sync();
    assert!(!it.offers(at(720)) && it.offers(at(900)), "{kept}");
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(it.log().iter().any(|line| line.contains("reading everything")), "{:?}", it.log());
    it.assert_sound();
}

fn a_page_fails_in_the_middle(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/options", json!({"max_page": 2}));
    for number in 0..6 {
        lunch(&it, 60 * number);
    }
    it.google.post("/_/faults", json!({"method": "GET", "path": "/events", "skip": 1, "status": 500}));
    it.sync();
    assert!(!it.offers(at(0)), "what was read stays known");
    it.sync();
    for number in 0..6 {
        assert!(!it.offers(at(60 * number)), "{number}");
    }
    assert!(it.offers(at(360)));
    it.assert_sound();
}

fn an_empty_page_in_the_middle(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/options", json!({"max_page": 2, "empty_page": true}));
    for number in 0..5 {
        lunch(&it, 60 * number);
    }
    it.sync();
    assert!((0..5).all(|number| !it.offers(at(60 * number))) && it.offers(at(300)));
    it.assert_sound();
}

fn items_come_twice(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/options", json!({"max_page": 2, "repeat_items": true}));
    for number in 0..5 {
        lunch(&it, 60 * number);
    }
    it.sync();
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 5);
    it.assert_sound();
}

fn a_list_that_is_short_by_mistake_cancels_nothing(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.database.execute("UPDATE calendars SET cursor = NULL");
    // A list that says that it is whole, and is not.
    let short = json!({"kind": "calendar#events", "etag": "\"1\"", "summary": HOST, "updated": "2026-01-01T00:00:00Z",
                       "timeZone": "UTC", "accessRole": "owner", "defaultReminders": [], "nextSyncToken": "none", "items": []});
    it.google.post("/_/faults", json!({"method": "GET", "path": "/events\\?", "status": 200, "body": short}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.assert_sound();
}

fn an_item_that_makes_no_sense_hides_nothing_and_frees_nothing(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let (odd, other) = (lunch(&it, 720), lunch(&it, 900));
    it.sync();
    let entry = it.texts("SELECT remote_id FROM mirrors").remove(0);
    // Everything, with three items of which one is good.
    let list = |items: Value| {
        json!({"kind": "calendar#events", "etag": "\"1\"", "summary": HOST, "updated": "2026-01-01T00:00:00Z",
               "timeZone": "UTC", "accessRole": "owner", "defaultReminders": [], "nextSyncToken": "none", "items": items})
    };
    let nonsense =
        |id: &str| json!({"id": id, "status": "confirmed", "start": {"dateTime": "noon"}, "end": 7});
    let good = json!({"id": other, "status": "confirmed", "start": time(at(1020)), "end": time(at(1080))});
    for _ in 0..2 {
        it.database.execute("UPDATE calendars SET cursor = NULL");
        let body = list(json!([nonsense(&odd), good, nonsense(&entry)]));
        it.google
            .post("/_/faults", json!({"method": "GET", "path": "/events\\?", "status": 200, "body": body}));
        it.sync();
        assert!(!it.offers(at(720)), "what was known stays");
        assert!(it.offers(at(900)) && !it.offers(at(1020)), "the rest is read");
        assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    }
    let told: Vec<String> = it.log().into_iter().filter(|line| line.contains("could not be read")).collect();
    assert!(told.len() == 2 && told.iter().any(|line| line.contains(&odd)), "once for each: {told:?}");
    it.database.execute("UPDATE calendars SET cursor = NULL");
    it.sync();
    assert!(!it.offers(at(720)) && !it.offers(at(900)) && it.offers(at(1020)));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM calendar_gaps"), 0);
    it.assert_sound();
}

fn series_with_a_moved_and_a_cancelled_instance(database: Database) {
    let it = Outside::start(database);
    let series = it.insert(json!({
        "summary": "Stand-up", "start": time(at(540)), "end": time(at(570)), "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"],
    }));
    it.sync();
    let day = 1440;
    assert!((0..4).all(|number| !it.offers(at(540 + number * day))) && it.offers(at(540 + 4 * day)));
    let instance = |number: i64| {
        format!("{}_{}", series["id"].as_str().unwrap(), at(540 + number * day).format("%Y%m%dT%H%M%SZ"))
    };
    it.drag(&instance(1), at(600 + day));
    it.delete(&instance(2));
    it.sync();
    assert!(!it.offers(at(540)), "the first stays");
    assert!(it.offers(at(540 + day)) && !it.offers(at(600 + day)), "the second was moved");
    assert!(it.offers(at(540 + 2 * day)), "the third is cancelled");
    assert!(!it.offers(at(540 + 3 * day)), "the fourth stays");
    it.delete(series["id"].as_str().unwrap());
    it.sync();
    assert!((0..4).all(|number| it.offers(at(540 + number * day))) && it.offers(at(600 + day)));
    it.assert_sound();
}

fn this_and_following(database: Database) {
    let it = Outside::start(database);
    let day = 1440;
    let series = it.insert(json!({
        "summary": "Stand-up", "start": time(at(540)), "end": time(at(570)), "recurrence": ["RRULE:FREQ=DAILY;COUNT=4"],
    }));
    it.sync();
    // What calendars do for "this and following": the old series ends, a new one begins.
    let until = at(540 + 2 * day - 1).format("%Y%m%dT%H%M%SZ");
    it.patch(
        series["id"].as_str().unwrap(),
        json!({"recurrence": [format!("RRULE:FREQ=DAILY;UNTIL={until}")]}),
    );
    it.insert(json!({
        "summary": "Stand-up", "start": time(at(600 + 2 * day)), "end": time(at(630 + 2 * day)),
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=2"],
    }));
    it.sync();
    assert!(!it.offers(at(540)) && !it.offers(at(540 + day)));
    assert!(it.offers(at(540 + 2 * day)) && it.offers(at(540 + 3 * day)));
    assert!(!it.offers(at(600 + 2 * day)) && !it.offers(at(600 + 3 * day)));
    it.assert_sound();
}

fn whole_days_are_the_owners_days(database: Database) {
    let it = Outside::start(database);
    it.database.execute("UPDATE schedules SET zone = 'Pacific/Auckland'");
    it.database.execute("UPDATE calendars SET window_until = 0");
    let day = at(0).date_naive();
    it.insert(
        json!({"summary": "Holiday", "start": {"date": day}, "end": {"date": day + TimeDelta::days(1)}}),
    );
    it.sync();
    // In Auckland the day begins 12 or 13 hours before it does in UTC, and ends as much earlier.
    assert!(!it.offers(at(-660)) && !it.offers(at(0)) && it.offers(at(780)), "the owner's day");
    it.assert_sound();
}

fn tentative_and_free_as_the_owner_chose(database: Database) {
    let it = Outside::start(database);
    let event = |minute: i64, more: Value| {
        let mut event = json!({"summary": "X", "start": time(at(minute)), "end": time(at(minute + 30))});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        it.insert(event)
    };
    event(600, json!({"transparency": "transparent"}));
    event(690, json!({"status": "tentative"}));
    event(
        800,
        json!({"eventType": "workingLocation", "visibility": "public", "transparency": "transparent",
                      "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}}}),
    );
    event(900, json!({"attendees": [{"email": HOST, "self": true, "responseStatus": "declined"}]}));
    it.sync();
    let free: Vec<bool> = [600, 690, 810, 900].map(|minute| it.offers(at(minute))).to_vec();
    assert_eq!(free, [true, true, true, true], "tentative events were chosen not to count");
    it.database.execute("UPDATE calendars SET tentative = TRUE, window_until = 0");
    it.sync();
    assert!(it.offers(at(600)) && !it.offers(at(690)) && it.offers(at(900)));
    it.assert_sound();
}

fn what_does_not_take_part_in_conflicts_takes_no_time(database: Database) {
    let it = Outside::start(database);
    lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)));
    it.database.execute("UPDATE calendars SET conflicts = FALSE, window_until = 0");
    it.sync();
    assert!(it.offers(at(720)));
    it.assert_sound();
}

fn with_push() -> Options<'static> {
    Options { push: true, ..Options::default() }
}

/// Waits until a start is on offer or not, with nobody asking for it.
fn becomes(it: &Outside, minute: i64, offered: bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while it.offers(at(minute)) != offered {
        assert!(std::time::Instant::now() < deadline, "{minute} {offered} {:?}", it.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn pushes_have_the_calendar_read(database: Database) {
    let it = Outside::start_with(database, &with_push());
    assert_eq!(it.database.number("SELECT COUNT(*) FROM calendars WHERE channel_id IS NOT NULL"), 1);
    let id = lunch(&it, 720);
    becomes(&it, 720, false);
    it.delete(&id);
    becomes(&it, 720, true);
    it.assert_sound();
}

fn pushes_that_come_twice_or_late_or_never(database: Database) {
    let it = Outside::start_with(database, &with_push());
    it.google.post("/_/push", json!({"mode": "twice"}));
    lunch(&it, 600);
    becomes(&it, 600, false);
    it.google.post("/_/push", json!({"mode": "late", "delay_ms": 300}));
    lunch(&it, 720);
    becomes(&it, 720, false);
    it.google.post("/_/push", json!({"mode": "off"}));
    lunch(&it, 840);
    // Nobody told; the next poll finds it.
    it.sync();
    assert!(!it.offers(at(840)));
    it.assert_sound();
}

fn pushes_of_unknown_channels_and_with_wrong_secrets_are_passed_over(database: Database) {
    let it = Outside::start_with(database, &with_push());
    it.google.post("/_/push", json!({"mode": "off"}));
    let channel = it.texts("SELECT channel_id FROM calendars").remove(0);
    it.in_step();
    let hints = "SELECT hints FROM connections";
    let before = it.database.number(hints);
    let push = |channel: &str, secret: &str| {
        it.server
            .post_with(
                "/webhook/calendar/google",
                &Value::Null,
                &[
                    ("x-goog-channel-id", channel),
                    ("x-goog-channel-token", secret),
                    ("x-goog-resource-state", "exists"),
                    ("x-goog-resource-id", "r"),
                    ("x-goog-message-number", "7"),
                ],
            )
            .status
    };
    let answers = [push("unknown", "x"), push(&channel, "wrong"), push(&channel, "")];
    assert!(answers.iter().all(|status| *status < 500), "{answers:?}");
    assert_eq!(it.database.number(hints), before);
    assert_eq!(it.server.post("/webhook/calendar/nobody", &Value::Null).status, 404);
    it.assert_sound();
}

fn stale(it: &Outside) {
    it.database.execute("UPDATE calendars SET synced_at = 0");
}

fn a_calendar_that_was_changed_a_moment_ago_is_asked_while_somebody_books(database: Database) {
    let it = Outside::start(database);
    lunch(&it, 720);
    stale(&it);
    assert!(it.offers(at(720)), "nothing was read yet");
    let refused = it.try_book(at(720), 1);
    assert_eq!(
        (refused.status, refused.json["code"].as_str()),
        (409, Some("slot_taken")),
        "{}",
        refused.text
    );
    assert_eq!(it.try_book(at(840), 1).status, 201);
    it.in_step();
    it.assert_sound();
}

fn a_calendar_that_does_not_answer_is_the_owners_choice(database: Database) {
    let it = Outside::start(database);
    it.google
        .post("/_/faults", json!({"path": "/calendar/v3", "times": 1000, "delay_ms": 20000, "status": 503}));
    stale(&it);
    assert_eq!(it.try_book(at(600), 1).status, 201, "the owner chose to be booked all the same");
    it.google.delete("/_/faults");
    it.google.post("/_/faults", json!({"path": "/calendar/v3", "times": 1000, "status": 503}));
    it.database.execute("UPDATE calendars SET silent = 'refuse'");
    it.database.execute("UPDATE connections SET held_until = 0, holder = NULL");
    stale(&it);
    let refused = it.try_book(at(690), 2);
    assert_eq!(
        (refused.status, refused.json["code"].as_str()),
        (503, Some("calendar_silent")),
        "{}",
        refused.text
    );
    assert_eq!(it.database.number("SELECT COUNT(*) FROM bookings"), 1);
    it.google.delete("/_/faults");
    it.hurry();
    it.in_step();
    stale(&it);
    assert_eq!(it.try_book(at(690), 2).status, 201);
    it.in_step();
    it.assert_sound();
}

fn two_invitees_one_slot_and_a_busy_event_arriving(database: Database) {
    let it = Outside::start(database);
    stale(&it);
    let answers = at_once(6, |number| {
        if number == 0 {
            lunch(&it, 720);
            it.look();
            0
        } else {
            it.try_book(at(720), number).status
        }
    });
    assert!(answers.iter().all(|status| [0, 201, 409].contains(status)), "{answers:?}");
    assert!(answers.iter().filter(|status| **status == 201).count() <= 1, "{answers:?}");
    it.sync();
    it.assert_sound();
}

fn a_booking_while_everything_is_read_anew(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/options", json!({"max_page": 5}));
    let events: Vec<Value> = (0..100)
        .map(|number| json!({"summary": "X", "start": time(at(30 * number)), "end": time(at(30 * number + 10))}))
        .collect();
    it.google.post("/_/bulk", json!({"account": HOST, "events": events}));
    it.sync();
    it.google.post("/_/expire", json!({"cursors": true}));
    it.look();
    // Unknown is not free: nothing that is known is forgotten meanwhile.
    for _ in 0..20 {
        assert!(!it.offers(at(0)));
    }
    assert_eq!(it.try_book(at(3030), 1).status, 201);
    it.in_step();
    assert_eq!(it.events().len(), 101);
    it.assert_sound();
}

fn the_same_calendar_through_two_accounts(database: Database) {
    let it = Outside::start(database);
    // Another account, in which the first one's calendar is shared; the list of its calendars finds the twin.
    let other = "second@outside.example";
    let account = it.google.post(
        "/_/accounts",
        json!({"email": other, "calendars": [{"name": "Own", "zone": "UTC", "primary": true}, {"id": HOST, "name": "Shared", "zone": "UTC"}]}),
    );
    it.connect(0xc1, 0xcb, other, account["token"].as_str().unwrap(), 0, "receives = FALSE");
    it.database.execute("UPDATE connections SET listed_at = NULL, next_at = 0");
    lunch(&it, 720);
    it.book(at(600));
    it.sync();
    let twins = it.texts("SELECT remote_id FROM calendars WHERE twin");
    assert_eq!(twins, [HOST]);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    it.assert_sound();
}

fn a_single_event_becomes_a_series_and_moves_to_another_zone(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(1200));
    let id = lunch(&it, 720);
    it.sync();
    let day = 1440;
    let offers = |it: &Outside, minute: i64| [0, 1, 2].map(|number| it.offers(at(minute + number * day)));
    assert_eq!(offers(&it, 720), [false, true, true]);
    it.patch(&id, json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}));
    it.sync();
    assert_eq!(offers(&it, 720), [false, false, false]);
    // The same hour on the clock of another place: Tokyo is nine hours ahead, all year round.
    let zoned = |at: DateTime<Utc>| json!({"dateTime": at.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "Asia/Tokyo"});
    it.patch(&id, json!({"start": zoned(at(720)), "end": zoned(at(780))}));
    it.sync();
    assert_eq!(offers(&it, 720), [true, true, true]);
    assert_eq!(offers(&it, 180), [false, false, false]);
    it.patch(&id, json!({"recurrence": []}));
    it.sync();
    assert_eq!(offers(&it, 180), [false, true, true]);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(1200)));
    it.assert_sound();
}
