//! Accounts, calendars, and what changes in them.

use super::*;
use meridian::server::calendars::event::{Instance, Moment, Shows, Zone};

#[test]
fn an_account_and_its_calendars() {
    let world = World::new();
    let bob = json!([{ "name": "Bob", "zone": "UTC", "primary": true }, { "id": "shared", "name": "Team", "zone": "Asia/Tokyo" }]);
    world.google.post("/_/accounts", json!({ "email": "bob@example.com", "calendars": bob }));
    let more = json!([
        { "id": "shared", "access": "reader" },
        { "name": "Private", "zone": "America/New_York" },
        { "name": "Old", "zone": "UTC" },
    ]);
    let made =
        world.google.post("/_/accounts", json!({ "email": EMAIL, "calendars": more, "token": OUTSIDE }));
    let named = |name: &str| {
        let found = made["calendars"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let list = "/calendar/v3/users/me/calendarList";
    world.google.outside(
        OUTSIDE,
        "PATCH",
        &format!("{list}/shared"),
        json!({ "summaryOverride": "Our team" }),
    );
    world.google.outside(OUTSIDE, "DELETE", &format!("{list}/{}", named("Old")), Value::Null);
    world.options(json!({ "max_page": 1 }));

    let account = block_on(Google.account(&world.access())).unwrap();
    assert_eq!((&*account.key, &*account.label, &*account.home), (EMAIL, EMAIL, ""));
    let calendars = block_on(Google.calendars(&world.access())).unwrap();
    let seen: Vec<_> =
        calendars.iter().map(|one| (&*one.id, &*one.name, &*one.zone, one.writable, one.primary)).collect();
    assert_eq!(
        seen,
        [
            (EMAIL, "Host", "Europe/Berlin", true, true),
            ("shared", "Our team", "Asia/Tokyo", false, false),
            (&*named("Private"), "Private", "America/New_York", true, false),
        ]
    );
    world.well();
}

#[test]
fn a_first_round_and_one_with_nothing_new() {
    let world = World::new();
    for number in 0..7 {
        world.theirs(hour(&format!("03-0{}", number + 1), &format!("{number}")));
    }
    let deleted = world.theirs(hour("03-09", "deleted"));
    world.their_delete(id(&deleted));
    let (changes, cursor, pages) = world.round(None);
    assert_eq!(titles(&changes), ["0", "1", "2", "3", "4", "5", "6"]);
    assert_eq!(pages, 1);
    assert_eq!(event(&changes[0]).when, when("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z"));
    let (changes, _, _) = world.round(Some(&cursor));
    assert_eq!(changes, []);
    world.well();
}

#[test]
fn pages_can_be_short_empty_and_repeat_themselves() {
    let world = World::new();
    world.options(json!({ "max_page": 3, "empty_page": true, "repeat_items": true }));
    for number in 0..7 {
        world.theirs(hour("03-01", &format!("{number}")));
    }
    let (changes, cursor, pages) = world.round(None);
    let mut seen = titles(&changes);
    assert!(seen.len() > 7, "some come twice: {seen:?}");
    seen.dedup();
    assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    assert!(pages >= 4);
    for number in 0..5 {
        world.theirs(hour("03-02", &format!("new {number}")));
    }
    let (changes, _, pages) = world.round(Some(&cursor));
    let mut seen = titles(&changes);
    seen.dedup();
    assert_eq!(seen, ["new 0", "new 1", "new 2", "new 3", "new 4"]);
    assert!(pages >= 3);
    world.well();
}

#[test]
fn a_round_goes_on_after_a_failure_on_its_second_page() {
    let world = World::new();
    world.options(json!({ "max_page": 2 }));
    for number in 0..6 {
        world.theirs(hour("03-01", &format!("{number}")));
    }
    let first = world.page(None, None).unwrap();
    let Next::Page(second) = first.next else { panic!("a second page") };
    for fault in [json!({ "reason": "backendError" }), json!({ "cut": "before" }), json!({ "cut": "after" })]
    {
        world.fault(fault);
        assert!(matches!(world.page(None, Some(&second)), Err(Fault::Temporary(_))));
    }
    // The window may have moved on meanwhile: the page is still one of the same list.
    let later =
        World { window: Interval::new(at("2027-02-01T00:00:00Z"), world.window.end()).unwrap(), ..world };
    assert_eq!(titles(&later.page(None, Some(&second)).unwrap().changes), ["2", "3"]);
    later.well();
}

#[test]
fn what_changed_and_what_is_gone() {
    let world = World::new();
    let [one, two, three] = ["one", "two", "three"].map(|title| world.theirs(hour("03-01", title)));
    let (_, cursor, _) = world.round(None);
    world.their_patch(id(&one), json!({ "summary": "one, renamed" }));
    world.their_delete(id(&two));
    world.their_patch(id(&three), json!({ "transparency": "transparent" }));
    world.theirs(hour("03-02", "four"));
    for bare in [true, false] {
        world.options(json!({ "bare_deletes": bare }));
        let (changes, _, _) = world.round(Some(&cursor));
        assert_eq!(titles(&changes), ["one, renamed", &format!("-{}", id(&two)), "three", "four"]);
        assert_eq!(event(&changes[2]).shows, Shows::Free);
    }
    // Brought back.
    let (_, cursor, _) = world.round(Some(&cursor));
    world.their_patch(id(&two), json!({ "status": "confirmed" }));
    assert_eq!(titles(&world.round(Some(&cursor)).0), ["two"]);
    // Moved to another calendar.
    let (_, cursor, _) = world.round(Some(&cursor));
    let other =
        world.google.outside(OUTSIDE, "POST", "/calendar/v3/calendars", json!({ "summary": "Other" }));
    let path = world.path(&format!("/{}/move?destination={}", id(&one), id(&other)));
    world.google.outside(OUTSIDE, "POST", &path, Value::Null);
    assert_eq!(titles(&world.round(Some(&cursor)).0), [format!("-{}", id(&one))]);
    assert_eq!(world.get(id(&one)), None);
    world.well();
}

#[test]
fn what_is_long_over_is_left_out_until_it_changes() {
    let world = World::new();
    let old = world.theirs(hour("01-02", "old"));
    world.theirs(hour("03-01", "new"));
    let mut ended = hour("01-03", "ended series");
    ended["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=5"]);
    world.theirs(ended.clone());
    ended["summary"] = json!("series");
    ended["recurrence"] = json!(["RRULE:FREQ=DAILY;COUNT=50"]);
    world.theirs(ended);
    let (changes, cursor, _) = world.round(None);
    assert_eq!(titles(&changes), ["new", "series"]);
    world.their_patch(id(&old), hour("04-01", "old, but now"));
    assert_eq!(titles(&world.round(Some(&cursor)).0), ["old, but now"]);
    world.well();
}

#[test]
fn cursors_that_are_no_longer_known() {
    let world = World::new();
    world.theirs(hour("03-01", "one"));
    let (_, cursor, _) = world.round(None);
    world.google.post("/_/expire", json!({ "cursors": true }));
    assert_eq!(world.page(Some(&cursor), None), Err(Fault::CursorGone));
    assert_eq!(world.page(Some("nonsense"), None), Err(Fault::CursorGone));
    assert_eq!(world.page(None, Some("2027-01-15T00:00:00Z nonsense")), Err(Fault::CursorGone));
    assert_eq!(world.page(None, Some("nonsense")), Err(Fault::CursorGone));
    world.fault(json!({ "reason": "updatedMinTooLongAgo" }));
    assert_eq!(world.page(Some(&cursor), None), Err(Fault::CursorGone));
    let (changes, cursor, _) = world.round(None);
    assert_eq!(titles(&changes), ["one"]);
    // Deleted events are forgotten in the end, and the cursors from before with them.
    world.their_delete(&event(&changes[0]).id);
    world.google.post("/_/expire", json!({ "deleted": true }));
    assert_eq!(world.page(Some(&cursor), None), Err(Fault::CursorGone));
    assert_eq!(world.round(None).0, []);
    world.well();
}

#[test]
fn series_with_exceptions() {
    let world = World::new();
    let mut weekly = hour("03-15", "weekly");
    weekly["recurrence"] = json!(["RRULE:FREQ=WEEKLY;COUNT=6", "EXDATE;TZID=Europe/Berlin:20270322T090000"]);
    let series = world.theirs(weekly);
    let (_, cursor, _) = world.round(None);
    // Summer time began on 28 March.
    let moved = format!("{}_20270329T070000Z", id(&series));
    let cancelled = format!("{}_20270405T070000Z", id(&series));
    world.their_patch(&moved, hour("03-30", "moved"));
    world.their_delete(&cancelled);
    let (changes, later, _) = world.round(Some(&cursor));
    assert_eq!(titles(&changes), ["moved".to_owned(), format!("x{cancelled}")]);
    let instance = |text: &str| Some(Instance { series: id(&series).into(), original: Moment::At(at(text)) });
    assert_eq!(event(&changes[0]).instance, instance("2027-03-29T07:00:00Z"));
    assert_eq!(event(&changes[0]).when, when("2027-03-30T07:00:00Z", "2027-03-30T08:00:00Z"));
    assert_eq!(event(&changes[1]).instance, instance("2027-04-05T07:00:00Z"));
    // A first round tells the same.
    let (changes, _, _) = world.round(None);
    assert_eq!(titles(&changes), ["weekly".to_owned(), "moved".into(), format!("x{cancelled}")]);
    let master = event(&changes[0]).recurrence.clone().unwrap();
    assert_eq!(master.rules, ["FREQ=WEEKLY;COUNT=6"]);
    assert_eq!(master.except, [Moment::At(at("2027-03-22T08:00:00Z"))]);
    assert_eq!(master.zone, Zone::Named("Europe/Berlin".into()));
    // "This and following": the rule ends, and another series begins.
    world.their_patch(id(&series), json!({ "recurrence": ["RRULE:FREQ=WEEKLY;UNTIL=20270411T215959Z"] }));
    let (changes, later, _) = world.round(Some(&later));
    assert_eq!(event(&changes[0]).recurrence.as_ref().unwrap().rules, ["FREQ=WEEKLY;UNTIL=20270411T215959Z"]);
    // An instance can be asked for by name, whether it was touched or not; one that does not take place is gone.
    assert_eq!(world.get(&moved).unwrap().title, "moved");
    assert_eq!(world.get(&format!("{}_20270315T080000Z", id(&series))).unwrap().title, "weekly");
    assert_eq!(world.get(&cancelled), None);
    for cascade in [false, true] {
        world.options(json!({ "cascade_deletes": cascade }));
    }
    world.their_delete(id(&series));
    let (changes, _, _) = world.round(Some(&later));
    assert!(titles(&changes).contains(&format!("-{}", id(&series))), "{changes:?}");
    assert_eq!(world.round(None).0, []);
    world.well();
}

#[test]
fn a_single_event_becomes_a_series_and_whole_days() {
    let world = World::new();
    let single = world.theirs(hour("03-01", "one"));
    let (_, cursor, _) = world.round(None);
    world.their_patch(id(&single), json!({ "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"] }));
    let (changes, cursor, _) = world.round(Some(&cursor));
    assert_eq!(event(&changes[0]).recurrence.as_ref().unwrap().rules, ["FREQ=DAILY;COUNT=3"]);
    let days = |from: &str, until: &str| {
        json!({
            "start": { "date": from, "dateTime": null, "timeZone": null },
            "end": { "date": until, "dateTime": null, "timeZone": null },
            "recurrence": null,
        })
    };
    world.their_patch(id(&single), days("2027-03-01", "2027-03-03"));
    let (changes, cursor, _) = world.round(Some(&cursor));
    let expected = When::AllDay { start: "2027-03-01".parse().unwrap(), end: "2027-03-03".parse().unwrap() };
    assert_eq!((&event(&changes[0]).when, &event(&changes[0]).recurrence), (&expected, &None));
    // Another zone, the same wall clock.
    let tokyo = |time: &str| json!({ "date": null, "dateTime": format!("2027-03-01T{time}:00"), "timeZone": "Asia/Tokyo" });
    world.their_patch(id(&single), json!({ "start": tokyo("09:00"), "end": tokyo("10:00") }));
    let (changes, _, _) = world.round(Some(&cursor));
    let expected = When::Timed {
        start: at("2027-03-01T00:00:00Z"),
        end: at("2027-03-01T01:00:00Z"),
        zone: "Asia/Tokyo".into(),
    };
    assert_eq!(event(&changes[0]).when, expected);
    world.well();
}

#[test]
fn what_takes_time_and_what_does_not() {
    let world = World::new();
    let theirs = |title: &str, more: Value| {
        let mut body = hour("03-01", title);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.theirs(body);
    };
    theirs("plain", json!({}));
    theirs("free", json!({ "transparency": "transparent" }));
    theirs("perhaps", json!({ "status": "tentative" }));
    theirs("away", json!({ "eventType": "outOfOffice" }));
    theirs("focus", json!({ "eventType": "focusTime" }));
    let office = json!({
        "eventType": "workingLocation", "visibility": "public", "transparency": "opaque",
        "workingLocationProperties": { "type": "homeOffice", "homeOffice": {} },
    });
    theirs("at home", office);
    theirs("secret", json!({ "visibility": "private" }));
    let (changes, _, _) = world.round(None);
    let shows: Vec<_> = changes.iter().map(|change| (&*event(change).title, event(change).shows)).collect();
    assert_eq!(
        shows,
        [
            ("plain", Shows::Busy),
            ("free", Shows::Free),
            ("perhaps", Shows::Tentative),
            ("away", Shows::Busy),
            ("focus", Shows::Busy),
            ("at home", Shows::Free),
            ("", Shows::Busy),
        ]
    );
    world.well();
}

#[test]
fn invitations_of_others() {
    let world = World::new();
    world.google.post("/_/accounts", json!({ "email": "boss@example.com", "token": "boss" }));
    let mut meeting = hour("03-01", "Meeting");
    meeting["attendees"] = json!([{ "email": EMAIL }]);
    let path = "/calendar/v3/calendars/boss@example.com/events";
    let made = world.google.outside("boss", "POST", path, meeting);
    let (changes, mut cursor, _) = world.round(None);
    assert_eq!((titles(&changes), event(&changes[0]).shows), (vec!["Meeting".to_owned()], Shows::Busy));
    for (answer, shows) in
        [("tentative", Shows::Tentative), ("declined", Shows::Free), ("accepted", Shows::Busy)]
    {
        let answer = json!({ "attendees": [{ "email": EMAIL, "responseStatus": answer }] });
        world.their_patch(id(&made), answer);
        let (changes, next, _) = world.round(Some(&cursor));
        cursor = next;
        assert_eq!(event(&changes[0]).shows, shows);
    }
    let mut wanted = draft();
    wanted.mark = "event:2".into();
    assert!(
        matches!(world.update(id(&made), None, &wanted), Err(Fault::Refused(_))),
        "it is not ours to move"
    );
    world.google.outside("boss", "DELETE", &format!("{path}/{}", id(&made)), Value::Null);
    assert_eq!(titles(&world.round(Some(&cursor)).0), [format!("-{}", id(&made))]);
    world.well();
}

#[test]
fn a_calendar_that_shows_only_when_somebody_is_busy() {
    let world = World::new();
    world.google.post("/_/accounts", json!({ "email": "bob@example.com", "token": "bob" }));
    let shared = json!([{ "id": "bob@example.com", "access": "freeBusyReader" }]);
    world.google.post("/_/accounts", json!({ "email": EMAIL, "calendars": shared, "token": OUTSIDE }));
    world.google.outside(
        "bob",
        "POST",
        "/calendar/v3/calendars/bob@example.com/events",
        hour("03-01", "Secret"),
    );
    let world = World { calendar: "bob@example.com".into(), ..world };
    let (changes, _, _) = world.round(None);
    assert_eq!((&*event(&changes[0]).title, event(&changes[0]).shows), ("", Shows::Busy));
    assert!(matches!(world.create(&draft()), Err(Fault::Permission(_))));
    world.well();
}
