//! Our events at Google.

use super::*;
use meridian::server::calendars::event::{Answer, Meeting, Shows};

const ID: &str = "0192f0c123457abc8def0123456789ab";

fn ada() -> (String, String) {
    ("Ada".into(), "ada@elsewhere.example".into())
}

#[test]
fn an_event_is_made_read_changed_and_deleted() {
    let world = World::new();
    let made = world.create(&draft()).unwrap();
    assert_eq!((&*made.id, made.meeting), (ID, Meeting::None));
    let seen = world.get(ID).unwrap();
    assert_eq!((&*seen.title, &seen.when, seen.shows), ("Haircut", &draft().when, Shows::Busy));
    assert_eq!((seen.mark.as_deref(), &seen.etag), (Some("booking:1"), &made.etag));
    let (changes, cursor, _) = world.round(None);
    assert_eq!(changes, [Change::Event(Box::new(seen))], "a reading finds the same");

    let mut wanted = draft();
    wanted.when = when("2027-03-02T08:00:00Z", "2027-03-02T09:30:00Z");
    wanted.status = Status::Tentative;
    wanted.busy = false;
    wanted.description = "x".repeat(10_000);
    let changed = world.update(ID, made.etag.as_deref(), &wanted).unwrap();
    assert_ne!(changed.etag, made.etag);
    let raw = world.raw(ID);
    assert_eq!(raw["start"], json!({ "dateTime": "2027-03-02T09:00:00+01:00", "timeZone": "Europe/Berlin" }));
    assert_eq!((&raw["status"], &raw["transparency"]), (&json!("tentative"), &json!("transparent")));
    assert_eq!(raw["description"].as_str().unwrap().len(), 8_000);
    wanted.when = When::AllDay { start: "2027-03-02".parse().unwrap(), end: "2027-03-03".parse().unwrap() };
    let changed = world.update(ID, changed.etag.as_deref(), &wanted).unwrap();
    assert_eq!(world.get(ID).unwrap().when, wanted.when);
    let changed = world.update(ID, changed.etag.as_deref(), &draft()).unwrap();
    assert_eq!(world.get(ID).unwrap().when, draft().when);

    world.delete(ID, changed.etag.as_deref(), false).unwrap();
    assert_eq!(world.get(ID), None);
    assert_eq!(titles(&world.round(Some(&cursor)).0), [format!("-{ID}")]);
    assert_eq!(world.mails(), []);
    world.well();
}

#[test]
fn the_same_draft_twice_is_one_event() {
    let world = World::new();
    // The answer was lost after Google had made it.
    world.fault(json!({ "method": "POST", "cut": "after" }));
    assert!(matches!(world.create(&draft()), Err(Fault::Temporary(_))));
    let again = world.create(&draft()).unwrap();
    assert_eq!(again.id, ID);
    // Before it had made it.
    let mut other = draft();
    other.key = "0192f0c1-2345-7abc-8def-ffffffffffff".into();
    world.fault(json!({ "method": "POST", "cut": "before" }));
    assert!(matches!(world.create(&other), Err(Fault::Temporary(_))));
    world.create(&other).unwrap();
    assert_eq!(titles(&world.round(None).0), ["Haircut", "Haircut"]);
    // It has moved on since: the entry is brought to it.
    other.when = when("2027-03-05T08:00:00Z", "2027-03-05T09:00:00Z");
    let done = world.create(&other).unwrap();
    let seen = world.get(&done.id).unwrap();
    assert_eq!((seen.when, seen.etag), (other.when, done.etag));
    world.well();
}

#[test]
fn what_was_deleted_is_brought_back() {
    let world = World::new();
    let made = world.create(&draft()).unwrap();
    world.their_delete(ID);
    assert_eq!(world.update(ID, made.etag.as_deref(), &draft()), Err(Fault::NotFound));
    assert_eq!(world.update(ID, None, &draft()), Err(Fault::NotFound));
    let back = world.create(&draft()).unwrap();
    assert_eq!((&*back.id, &*world.get(ID).unwrap().title), (ID, "Haircut"));
    // Moved to another calendar, where it goes on as somebody's own.
    let other =
        world.google.outside(OUTSIDE, "POST", "/calendar/v3/calendars", json!({ "summary": "Other" }));
    let path = world.path(&format!("/{ID}/move?destination={}", id(&other)));
    world.google.outside(OUTSIDE, "POST", &path, Value::Null);
    assert_eq!(world.update(ID, back.etag.as_deref(), &draft()), Err(Fault::NotFound));
    world.create(&draft()).unwrap();
    assert_eq!(world.get(ID).unwrap().mark.as_deref(), Some("booking:1"));
    world.well();
}

#[test]
fn changes_of_others_are_not_written_over() {
    let world = World::new();
    let made = world.create(&draft()).unwrap();
    let theirs = json!({
        "colorId": "5", "reminders": { "useDefault": false, "overrides": [{ "method": "popup", "minutes": 5 }] },
        "extendedProperties": { "private": { "other": "x" }, "shared": { "all": "y" } },
        "guestsCanModify": true, "visibility": "private", "attendees": [{ "email": "friend@elsewhere.example" }],
    });
    world.their_patch(ID, theirs);
    assert_eq!(world.update(ID, made.etag.as_deref(), &draft()), Err(Fault::Changed));
    assert_eq!(world.delete(ID, made.etag.as_deref(), false), Err(Fault::Changed));
    // Somebody is quicker between our look and our change.
    let etag = world.get(ID).unwrap().etag;
    world.fault(json!({ "method": "PATCH", "reason": "conditionNotMet" }));
    assert_eq!(world.update(ID, etag.as_deref(), &draft()), Err(Fault::Changed));

    let mut wanted = draft();
    wanted.title = "Beard".into();
    world.update(ID, etag.as_deref(), &wanted).unwrap();
    let raw = world.raw(ID);
    assert_eq!(
        (&raw["summary"], &raw["colorId"], &raw["guestsCanModify"]),
        (&json!("Beard"), &json!("5"), &json!(true))
    );
    assert_eq!(raw["reminders"]["overrides"][0]["minutes"], 5);
    let properties =
        json!({ "private": { "meridian": "booking:1", "other": "x" }, "shared": { "all": "y" } });
    assert_eq!(raw["extendedProperties"], properties);
    assert_eq!(raw["attendees"][0]["email"], "friend@elsewhere.example");
    world.update(ID, None, &draft()).unwrap();
    assert_eq!(world.raw(ID)["summary"], "Haircut", "without an ETag it is written whatever it is");
    world.well();
}

#[test]
fn google_invites_where_it_is_asked_to_and_only_then() {
    let world = World::new();
    let mut wanted = draft();
    wanted.invite = vec![ada(), (String::new(), "bob@elsewhere.example".into())];
    let made = world.create(&wanted).unwrap();
    let both = ["ada@elsewhere.example".to_owned(), "bob@elsewhere.example".into()];
    let mail = |method: &str, to: &String| (method.to_owned(), to.clone());
    assert_eq!(world.mails(), both.each_ref().map(|to| mail("REQUEST", to)));
    let respond = |email: &str, answer: &str| {
        let answer = json!({ "account": EMAIL, "event": made.id, "email": email, "responseStatus": answer });
        world.google.post("/_/respond", answer);
    };
    respond("ada@elsewhere.example", "accepted");
    respond("bob@elsewhere.example", "declined");
    let answers = || {
        let people = world.get(ID).unwrap().participants;
        people.iter().map(|one| (one.email.clone(), one.answer)).collect::<Vec<_>>()
    };
    let expected = [(both[0].clone(), Answer::Accepted), (both[1].clone(), Answer::Declined)];
    assert_eq!(answers(), expected);
    // A change keeps what they answered; one of them is no longer invited, and Carl whom the host added stays.
    let mut guests = world.raw(ID)["attendees"].clone();
    guests
        .as_array_mut()
        .unwrap()
        .push(json!({ "email": "carl@elsewhere.example", "responseStatus": "tentative" }));
    world.their_patch(ID, json!({ "attendees": guests }));
    wanted.invite.remove(1);
    wanted.when = when("2027-03-02T08:00:00Z", "2027-03-02T09:00:00Z");
    let known = world.get(ID).unwrap().etag;
    world.update(ID, known.as_deref(), &wanted).unwrap();
    let carl = "carl@elsewhere.example".to_owned();
    assert_eq!(answers(), [(both[0].clone(), Answer::Accepted), (carl.clone(), Answer::Tentative)]);
    let told = [mail("CANCEL", &both[1]), mail("REQUEST", &both[0]), mail("REQUEST", &carl)];
    assert_eq!(world.mails(), told);
    // From now on we invite: Google takes ours from the list and tells nobody.
    wanted.invite = Vec::new();
    let known = world.get(ID).unwrap().etag;
    world.update(ID, known.as_deref(), &wanted).unwrap();
    assert_eq!(answers(), [(carl.clone(), Answer::Tentative)]);
    assert_eq!(world.mails(), []);
    world.delete(ID, None, true).unwrap();
    assert_eq!(world.mails(), [mail("CANCEL", &carl)]);
    world.well();
}

#[test]
fn deleting_tells_guests_only_when_it_is_to() {
    for tell in [false, true] {
        let world = World::new();
        let mut wanted = draft();
        wanted.invite = vec![ada()];
        let made = world.create(&wanted).unwrap();
        world.mails();
        world.delete(ID, made.etag.as_deref(), tell).unwrap();
        let told = tell.then(|| ("CANCEL".to_owned(), ada().1));
        assert_eq!(world.mails(), Vec::from_iter(told));
        world.well();
    }
}

#[test]
fn what_is_gone_counts_as_deleted() {
    let world = World::new();
    let made = world.create(&draft()).unwrap();
    world.their_delete(ID);
    world.delete(ID, None, false).unwrap();
    // Deleting changed its ETag, too.
    world.delete(ID, made.etag.as_deref(), false).unwrap();
    world.delete("neverwas", Some("\"1\""), false).unwrap();
    world.google.post("/_/expire", json!({ "deleted": true }));
    world.delete(ID, made.etag.as_deref(), false).unwrap();
    assert_eq!(world.get(ID), None);
    // Forgotten for good: its id can be used again.
    world.create(&draft()).unwrap();
    // The answer to a deletion was lost.
    world.fault(json!({ "method": "DELETE", "cut": "after" }));
    assert!(matches!(world.delete(ID, None, false), Err(Fault::Temporary(_))));
    world.delete(ID, None, false).unwrap();
    world.well();
}

#[test]
fn meetings_are_asked_for_and_awaited() {
    let world = World::new();
    let mut wanted = draft();
    wanted.meeting = Some("request-1".into());
    world.options(json!({ "conference": "pending", "conference_polls": 2 }));
    assert_eq!(world.create(&wanted).unwrap().meeting, Meeting::Pending);
    assert_eq!(world.get(ID).unwrap().meeting, Meeting::Pending);
    let Meeting::Link(link) = world.get(ID).unwrap().meeting else { panic!("it is there") };
    assert!(link.starts_with("https://meet.google.com/"));
    // Whatever changes, the meeting stays the same one.
    wanted.when = when("2027-03-02T08:00:00Z", "2027-03-02T09:00:00Z");
    assert_eq!(world.update(ID, None, &wanted).unwrap().meeting, Meeting::Link(link.clone()));
    wanted.meeting = None;
    assert_eq!(world.update(ID, None, &wanted).unwrap().meeting, Meeting::Link(link));
    world.well();
}

#[test]
fn meetings_that_are_there_at_once_later_or_never() {
    for (outcome, polls) in [("success", 0), ("failure", 0), ("pending_failure", 1), ("refused", 0)] {
        let world = World::new();
        world.options(json!({ "conference": outcome, "conference_polls": polls }));
        // Asked for when the entry is there already.
        world.create(&draft()).unwrap();
        let mut wanted = draft();
        wanted.meeting = Some("request-1".into());
        let found = world.update(ID, None, &wanted).unwrap().meeting;
        match outcome {
            "success" => assert!(matches!(found, Meeting::Link(_))),
            "pending_failure" => {
                assert_eq!(found, Meeting::Pending);
                assert_eq!(world.get(ID).unwrap().meeting, Meeting::Failed);
            }
            _ => assert_eq!(found, Meeting::Failed, "{outcome}"),
        }
        assert_eq!(world.raw(ID)["summary"], "Haircut", "the entry is there in any case");
        world.well();
    }
}

#[test]
fn one_calendar_of_two() {
    let world = World::new();
    let other = world.google.outside(
        OUTSIDE,
        "POST",
        "/calendar/v3/calendars",
        json!({ "summary": "Other", "timeZone": "UTC" }),
    );
    let there = World { calendar: id(&other).into(), ..world };
    // The same key in two calendars: two events, each its calendar's own.
    there.create(&draft()).unwrap();
    assert_eq!(there.get(ID).unwrap().when, draft().when);
    let here = World { calendar: EMAIL.into(), ..there };
    assert_eq!(here.get(ID), None);
    here.create(&draft()).unwrap();
    here.delete(ID, None, false).unwrap();
    let there = World { calendar: id(&other).into(), ..here };
    assert!(there.get(ID).is_some());
    // Its calendar is deleted outside.
    there.google.outside(OUTSIDE, "DELETE", &format!("/calendar/v3/calendars/{}", id(&other)), Value::Null);
    assert_eq!(there.page(None, None), Err(Fault::NotFound));
    assert_eq!(there.create(&draft()), Err(Fault::NotFound));
    there.delete(ID, None, false).unwrap();
    there.well();
}
