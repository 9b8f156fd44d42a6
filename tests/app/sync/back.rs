//! What somebody does to a booking's entry outside.

use super::outside::{HOST, Options, Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

both!(
    moved_outside_moves_the_booking_and_people_are_told,
    moved_outside_is_flagged_where_the_owner_wants_to_look_first,
    a_booking_follows_its_entry_once_its_owner_has_looked,
    moved_onto_another_booking_is_flagged_at_both,
    moved_out_of_hours_is_the_owners_business,
    deleted_outside_calls_the_booking_off,
    deleted_outside_is_flagged_and_can_be_put_back,
    brought_back_after_it_was_called_off,
    made_into_whole_days,
    made_into_one_that_comes_again,
    free_or_busy_is_not_the_bookings_business,
    an_attendee_declines_outside,
    a_host_of_several_declines_outside,
    a_copy_of_an_entry_is_an_event_like_any_other,
    texts_are_ours,
    moved_to_a_time_that_is_over,
    the_zone_of_an_entry_is_changed_but_not_its_time,
    moved_to_another_calendar,
    brought_back_where_the_owner_looks_first,
);

fn flagging() -> Options<'static> {
    Options { choices: "outside = 'flag'", ..Options::default() }
}

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

fn told(it: &Outside, kind: &str) -> usize {
    it.texts("SELECT kind FROM messages WHERE recipient_key LIKE 'invitee%'")
        .iter()
        .filter(|sent| *sent == kind)
        .count()
}

fn moved_outside_moves_the_booking_and_people_are_told(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.drag(&id(&it.event()), at(690));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(690)));
    assert_eq!(told(&it, "moved"), 1);
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    // It is not moved again by what it wrote itself.
    it.sync();
    it.sync();
    assert_eq!(told(&it, "moved"), 1);
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn moved_outside_is_flagged_where_the_owner_wants_to_look_first(database: Database) {
    let it = Outside::start_with(database, &flagging());
    let booked = it.book(at(600));
    it.drag(&id(&it.event()), at(690));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), ["moved_outside"]);
    // Both times are taken: one by the booking, one by what the calendar shows.
    assert!(!it.offers(at(600)) && !it.offers(at(690)));
    // The owner puts it back by hand: the flag goes.
    it.drag(&id(&it.event()), at(600));
    it.sync();
    assert_eq!(it.flags(), Vec::<String>::new());
    assert!(it.offers(at(690)));
    it.assert_sound();
}

fn a_booking_follows_its_entry_once_its_owner_has_looked(database: Database) {
    let it = Outside::start_with(database, &flagging());
    let booked = it.book(at(600));
    let entry = id(&it.event());
    let admin = it.server.member(&it.database, "admin@outside.example", "w", "admin");
    let follow = || {
        let flag = it.texts("SELECT id FROM booking_flags").remove(0);
        let fields = [("flag", flag.as_str()), ("how", "follow")];
        it.server.post_form("/booking/flag", &fields, &[("cookie", admin.as_str())])
    };
    it.drag(&entry, at(690));
    it.sync();
    assert!(it.server.get_as("/booking", &admin).text.contains("Move the booking there"));
    let done = follow();
    assert_eq!(done.headers["location"], "/booking?followed=1", "{}", done.text);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(690)));
    it.in_step();
    assert_eq!(told(&it, "moved"), 1);
    assert_eq!(it.flags(), Vec::<String>::new());
    // Only the booking takes time there now, and it can be booked where it was.
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    it.cancel(&booked);
    it.sync();
    assert!(it.offers(at(690)));

    // Onto another one it does not go, and stays flagged.
    let (first, second) = (it.book(at(600)), it.book(at(750)));
    let events = it.texts(
        "SELECT m.remote_id FROM mirrors m JOIN bookings b ON b.id = m.booking_id
                           WHERE m.remote_id IS NOT NULL ORDER BY b.start_at",
    );
    it.drag(&events[0], at(750));
    it.sync();
    let refused = follow();
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("Another booking is at that time"), "{}", refused.text);
    assert_eq!((it.booking(&first).1, it.booking(&second).1), (at(600), at(750)));
    assert_eq!(it.flags(), ["moved_outside"]);
    // What became of it last is what is shown.
    it.delete(&events[0]);
    it.sync();
    assert_eq!(it.flags(), ["deleted_outside"]);
    it.assert_sound();
}

fn moved_onto_another_booking_is_flagged_at_both(database: Database) {
    let it = Outside::start(database);
    let first = it.book(at(600));
    let first_entry = id(&it.event());
    let second = it.book(at(690));
    it.drag(&first_entry, at(705));
    it.sync();
    assert_eq!(it.booking(&first).1, at(600));
    assert_eq!(it.booking(&second).1, at(690));
    assert_eq!(it.flags(), ["overlap", "overlap"]);
    let flagged = it.texts("SELECT DISTINCT booking_id FROM booking_flags");
    assert_eq!(flagged.len(), 2);
    it.assert_sound();
}

fn moved_out_of_hours_is_the_owners_business(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    // Five minutes past: no slot begins there.
    it.drag(&id(&it.event()), at(725));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(725)));
    it.assert_sound();
}

fn deleted_outside_calls_the_booking_off(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.delete(&id(&it.event()));
    it.sync();
    assert_eq!(it.booking(&booked).0, "cancelled");
    assert_eq!(told(&it, "cancelled"), 1);
    assert!(it.offers(at(600)));
    it.assert_sound();
}

fn deleted_outside_is_flagged_and_can_be_put_back(database: Database) {
    let it = Outside::start_with(database, &flagging());
    let booked = it.book(at(600));
    let entry = id(&it.event());
    it.delete(&entry);
    it.sync();
    assert_eq!(it.booking(&booked).0, "confirmed");
    assert_eq!(it.flags(), ["deleted_outside"]);
    let admin = it.server.member(&it.database, "admin@outside.example", "w", "admin");
    let page = it.server.get_as("/booking", &admin);
    assert!(page.text.contains("Its entry was deleted in the calendar “Work”"), "{}", page.text);
    let flag = it.texts("SELECT id FROM booking_flags").remove(0);
    // Somebody who takes no part in it can't.
    let staff = it.server.member(&it.database, "staff@outside.example", "w", "staff");
    let refused = it.server.post_form(
        "/booking/flag",
        &[("flag", flag.as_str()), ("how", "put-back")],
        &[("cookie", staff.as_str())],
    );
    assert!(refused.status >= 400, "{}", refused.status);
    for nonsense in ["", "x", "\u{0}", "0193b5a0-7c1e-7000-8000-000000000001"] {
        let refused = it.server.post_form(
            "/booking/flag",
            &[("flag", nonsense), ("how", "put-back")],
            &[("cookie", admin.as_str())],
        );
        assert_eq!(refused.status, 404, "{nonsense:?}: {}", refused.text);
    }
    let done = it.server.post_form(
        "/booking/flag",
        &[("flag", flag.as_str()), ("how", "put-back")],
        &[("cookie", admin.as_str())],
    );
    assert_eq!(done.status, 303, "{}", done.text);
    it.in_step();
    assert_eq!(id(&it.event()), entry);
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn brought_back_after_it_was_called_off(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let entry = id(&it.event());
    it.delete(&entry);
    it.sync();
    assert_eq!(it.booking(&booked).0, "cancelled");
    it.patch(&entry, json!({"status": "confirmed"}));
    it.sync();
    assert_eq!(it.booking(&booked).0, "cancelled");
    assert_eq!(it.flags(), ["back_outside"]);
    assert!(!it.offers(at(600)), "it is in the calendar, so its time is taken");
    it.event();
    it.assert_sound();
}

fn made_into_whole_days(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let (day, next) = (at(0).date_naive(), at(1440).date_naive());
    it.patch(
        &id(&it.event()),
        json!({"start": {"date": day, "dateTime": null, "timeZone": null}, "end": {"date": next, "dateTime": null, "timeZone": null}}),
    );
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), ["changed_outside"]);
    it.assert_sound();
}

fn made_into_one_that_comes_again(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.patch(&id(&it.event()), json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), ["changed_outside"]);
    assert!(!it.offers(at(600 + 1440)), "the repetitions take time");
    // Put back, it is there once.
    let admin = it.server.member(&it.database, "admin@outside.example", "w", "admin");
    let flag = it.texts("SELECT id FROM booking_flags").remove(0);
    let done = it.server.post_form(
        "/booking/flag",
        &[("flag", flag.as_str()), ("how", "put-back")],
        &[("cookie", admin.as_str())],
    );
    assert_eq!(done.status, 303, "{}", done.text);
    it.sync();
    assert!(it.offers(at(600 + 1440)), "{:?}", it.log());
    assert_eq!((it.flags(), it.booking(&booked)), (Vec::new(), ("confirmed".into(), at(600))));
    it.assert_sound();
}

fn free_or_busy_is_not_the_bookings_business(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.patch(&id(&it.event()), json!({"transparency": "transparent"}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(!it.offers(at(600)), "the booking holds its time whatever the calendar shows");
    it.assert_sound();
}

fn an_attendee_declines_outside(database: Database) {
    let it =
        Outside::start_with(database, &Options { choices: "invites = 'provider'", ..Options::default() });
    let booked = it.book(at(600));
    let event = it.event();
    it.google.post(
        "/_/respond",
        json!({"account": HOST, "event": event["id"], "email": "invitee1@customer.example", "responseStatus": "declined"}),
    );
    it.sync();
    assert_eq!(it.flags(), ["declined_outside"]);
    assert_eq!(it.booking(&booked).0, "confirmed", "declining is not cancelling");
    it.google.post(
        "/_/respond",
        json!({"account": HOST, "event": event["id"], "email": "invitee1@customer.example", "responseStatus": "accepted"}),
    );
    it.sync();
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn a_host_of_several_declines_outside(database: Database) {
    let mut rules = crate::world::rules(30);
    rules.assignment = meridian::domain::assignment::Assignment::AllHands;
    let it = Outside::start_with(database, &Options { rules, hosts: 2, ..Options::default() });
    let booked = it.book(at(600));
    it.delete(&id(&it.event()));
    it.sync();
    assert_eq!(it.booking(&booked).0, "confirmed", "the others still come");
    assert_eq!(it.texts("SELECT rsvp FROM attendees ORDER BY rsvp"), ["declined", "pending"]);
    it.assert_sound();
}

fn a_copy_of_an_entry_is_an_event_like_any_other(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let entry = it.event();
    let path = format!("/calendar/v3/calendars/{HOST}/events/{}", id(&entry));
    let whole = it.google.outside(&it.token, "GET", &path, Value::Null);
    let copy = it.insert(json!({
        "summary": whole["summary"], "start": time(at(810)), "end": time(at(840)),
        "extendedProperties": whole["extendedProperties"],
    }));
    it.sync();
    assert!(!it.offers(at(810)), "a copy takes time");
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.delete(copy["id"].as_str().unwrap());
    it.sync();
    assert_eq!(it.booking(&booked).0, "confirmed", "deleting the copy calls nothing off");
    assert!(it.offers(at(810)));
    it.database.assert_sound();
}

fn texts_are_ours(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.patch(&id(&it.event()), json!({"summary": "Renamed", "description": "By hand"}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), Vec::<String>::new());
    assert_eq!(it.event()["title"], "Renamed", "what a person wrote stays until the booking changes");
    it.assert_sound();
}

fn moved_to_a_time_that_is_over(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.drag(&id(&it.event()), now() - TimeDelta::days(1));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.flags(), ["moved_outside"]);
    it.assert_sound();
}

fn the_zone_of_an_entry_is_changed_but_not_its_time(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let zoned = |at: DateTime<Utc>| json!({"dateTime": at.to_rfc3339(), "timeZone": "Asia/Tokyo"});
    it.patch(&id(&it.event()), json!({"start": zoned(at(600)), "end": zoned(at(630))}));
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(told(&it, "moved"), 0);
    assert_eq!(it.flags(), Vec::<String>::new());
    it.assert_sound();
}

fn moved_to_another_calendar(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    it.google.post(
        "/_/accounts",
        json!({"email": HOST, "calendars": [{"id": "private", "name": "Private", "zone": "UTC"}]}),
    );
    it.database.execute("UPDATE connections SET listed_at = NULL");
    it.sync();
    let entry = id(&it.event());
    let path = format!("/calendar/v3/calendars/{HOST}/events/{entry}/move?destination=private");
    it.google.outside(&it.token, "POST", &path, Value::Null);
    it.sync();
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)), "dragging it elsewhere calls nothing off");
    assert_eq!(it.flags(), ["deleted_outside"]);
    let detail = it.texts("SELECT detail FROM booking_flags").remove(0);
    assert!(detail.contains("from the calendar “host@outside.example” to “Private”"), "{detail}");
    assert!(!it.offers(at(600)));
    it.assert_sound();
}

fn brought_back_where_the_owner_looks_first(database: Database) {
    let it = Outside::start_with(database, &flagging());
    let booked = it.book(at(600));
    let entry = id(&it.event());
    it.delete(&entry);
    it.sync();
    assert_eq!(it.flags(), ["deleted_outside"]);
    it.patch(&entry, json!({"status": "confirmed"}));
    it.sync();
    assert_eq!(it.flags(), Vec::<String>::new());
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.event_of(&booked);
    // It is followed again.
    it.drag(&entry, at(690));
    it.sync();
    assert_eq!(it.flags(), ["moved_outside"]);
    it.assert_sound();
}

/// The present, to the minute.
fn now() -> DateTime<Utc> {
    let now = meridian::server::clock::now().timestamp();
    DateTime::from_timestamp(now - now % 60, 0).unwrap()
}
