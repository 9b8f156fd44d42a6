//! Writing: once whatever fails, with conditions, with meetings and people.

use super::stage::{OUTLOOK, Stage, at, draft, graph_event, play, timed, window};
use chrono::TimeDelta;
use meridian::server::{
    calendars::{
        access::Access,
        event::{Answer, Change, Draft, From, Known, Meeting, Shows, Status, When, Written},
        fault::Fault,
    },
    clock,
};
use serde_json::{Value, json};

async fn create(stage: &Stage, draft: &Draft) -> Result<Written, Fault> {
    OUTLOOK.create(&stage.access(), &stage.calendar, draft).await
}

async fn update(stage: &Stage, known: &Known, draft: &Draft) -> Result<Written, Fault> {
    OUTLOOK.update(&stage.access(), &stage.calendar, known, draft).await
}

async fn delete(stage: &Stage, known: &Known) -> Result<(), Fault> {
    OUTLOOK.delete(&stage.access(), &stage.calendar, known, true).await
}

fn known(written: &Written) -> Known {
    Known { id: written.id.clone(), etag: written.etag.clone() }
}

/// An event as Outlook shows it.
fn shown(stage: &Stage, id: &str) -> Value {
    stage.standin.outside(&stage.outside, "GET", &format!("/v1.0/me/events/{id}"), Value::Null)
}

fn number(stage: &Stage) -> usize {
    stage.holds(window()).len()
}

#[test]
fn a_booking_is_written_as_it_is() {
    play(async |stage| {
        let written = create(stage, &draft()).await.unwrap();
        assert_eq!(written.meeting, Meeting::None);
        let there = shown(stage, &written.id);
        assert_eq!(there["subject"], "Haircut: Ada Lovelace");
        assert_eq!(there["start"]["dateTime"], "2026-07-08T08:00:00.0000000");
        assert_eq!(there["originalStartTimeZone"], "W. Europe Standard Time");
        assert_eq!(there["location"]["displayName"], "Studio");
        assert_eq!(there["showAs"], "busy");
        assert!(there["bodyPreview"].as_str().unwrap().contains("Phone: 0123"));
        let read = stage.get(&written.id).await.unwrap();
        assert_eq!((read.etag, read.mark), (written.etag, Some(draft().mark)));
        assert_eq!(read.when, draft().when);
        // Delta leaves extended properties out, and tells whose event it is all the same.
        let from = From { cursor: None, page: None, window: window(), known: false };
        let changes = stage.page(&from).await.unwrap().changes;
        let [Change::Event(event)] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((&event.id, event.mark.as_ref()), (&written.id, Some(&draft().mark)));
    });
}

#[test]
fn whole_days_free_time_and_what_waits_for_approval() {
    play(async |stage| {
        let days = When::AllDay { start: "2026-12-24".parse().unwrap(), end: "2026-12-27".parse().unwrap() };
        let wanted = Draft { when: days.clone(), status: Status::Tentative, ..draft() };
        let written = create(stage, &wanted).await.unwrap();
        let read = stage.get(&written.id).await.unwrap();
        assert_eq!((read.when, read.shows, read.status), (days, Shows::Tentative, Status::Tentative));
        let free = Draft { busy: false, ..draft() };
        update(stage, &known(&written), &free).await.unwrap();
        let read = stage.get(&written.id).await.unwrap();
        assert_eq!((read.when, read.shows, read.status), (draft().when, Shows::Free, Status::Confirmed));
    });
}

#[test]
fn a_repeated_creation_is_one_event_and_looks_like_the_last_draft() {
    play(async |stage| {
        stage.fault(json!({ "method": "POST", "path": "/events$", "cut": "after" }));
        assert!(matches!(create(stage, &draft()).await, Err(Fault::Temporary(_))));
        assert_eq!(number(stage), 1);
        let first = create(stage, &draft()).await.unwrap();
        let again = create(stage, &draft()).await.unwrap();
        assert_eq!((number(stage), &first), (1, &again));
        let moved = Draft { when: timed("2026-07-09T08:00:00Z", "2026-07-09T09:00:00Z"), ..draft() };
        let third = create(stage, &moved).await.unwrap();
        assert_eq!((number(stage), &third.id), (1, &first.id));
        assert_eq!(stage.get(&third.id).await.unwrap().when, moved.when);
        assert_eq!(stage.get(&third.id).await.unwrap().etag, third.etag);
        // Once deleted, it is made anew.
        stage.deleted_outside(&first.id);
        let anew = create(stage, &draft()).await.unwrap();
        assert_eq!(number(stage), 1);
        assert!(stage.get(&anew.id).await.is_some());
        stage.fault(json!({ "method": "POST", "path": "/events$", "cut": "before" }));
        let other = Draft { key: "01890a5d-ac96-774b-bcce-b302099a8060".into(), ..draft() };
        assert!(matches!(create(stage, &other).await, Err(Fault::Temporary(_))));
        assert_eq!(number(stage), 1);
        create(stage, &other).await.unwrap();
        assert_eq!(number(stage), 2);
    });
}

/// Nobody says what Graph answers when the event that a transaction made was deleted since.
#[test]
fn a_deleted_event_is_made_anew_even_if_graph_remembers_it() {
    play(async |stage| {
        stage.options(json!({ "transaction_after_delete": "stale" }));
        // An hour later, each time.
        let access = Access { now: clock::now() + TimeDelta::hours(1), ..stage.access() };
        let mut ids = Vec::new();
        for _ in 0..3 {
            let written = OUTLOOK.create(&access, &stage.calendar, &draft()).await.unwrap();
            let again = OUTLOOK.create(&access, &stage.calendar, &draft()).await.unwrap();
            assert_eq!((&written, number(stage)), (&again, 1));
            assert_eq!(stage.get(&written.id).await.unwrap().mark, Some(draft().mark));
            stage.deleted_outside(&written.id);
            ids.push(written.id);
        }
        ids.dedup();
        assert_eq!(ids.len(), 3);
    });
}

#[test]
fn changes_are_made_to_what_was_seen_and_to_nothing_else() {
    play(async |stage| {
        let written = create(stage, &draft()).await.unwrap();
        let moved = Draft { when: timed("2026-07-09T08:00:00Z", "2026-07-09T09:00:00Z"), ..draft() };
        let second = update(stage, &known(&written), &moved).await.unwrap();
        assert_ne!(second.etag, written.etag);
        assert_eq!(update(stage, &known(&written), &draft()).await, Err(Fault::Changed));
        assert_eq!(delete(stage, &known(&written)).await, Err(Fault::Changed));
        assert_eq!(stage.get(&written.id).await.unwrap().when, moved.when);
        // Two at the same moment: between our look and our change.
        stage.options(json!({ "conflicts": 1 }));
        assert!(matches!(update(stage, &known(&second), &draft()).await, Err(Fault::Temporary(_))));
        stage.fault(
            json!({ "method": "PATCH", "status": 412, "body": { "error": { "code": "x", "message": "" } } }),
        );
        assert_eq!(update(stage, &known(&second), &draft()).await, Err(Fault::Changed));
        // What we don't know stays.
        stage.changed_outside(&written.id, json!({ "categories": ["Red"], "reminderMinutesBeforeStart": 5 }));
        let whatever = Known { id: written.id.clone(), etag: None };
        update(stage, &whatever, &draft()).await.unwrap();
        let there = shown(stage, &written.id);
        assert_eq!(
            (&there["categories"], &there["reminderMinutesBeforeStart"]),
            (&json!(["Red"]), &json!(5))
        );
        delete(stage, &whatever).await.unwrap();
        delete(stage, &whatever).await.unwrap();
        assert_eq!(update(stage, &whatever, &draft()).await, Err(Fault::NotFound));
        assert_eq!(number(stage), 0);
    });
}

#[test]
fn a_booking_that_was_dragged_to_another_calendar_can_still_be_changed() {
    play(async |stage| {
        let written = create(stage, &draft()).await.unwrap();
        let to = json!({ "account": "rosa@studio.example", "event": written.id, "calendar": stage.other });
        stage.standin.post("/_/move", to);
        let read = stage.get(&written.id).await.unwrap();
        let moved = Draft { when: timed("2026-07-09T08:00:00Z", "2026-07-09T09:00:00Z"), ..draft() };
        let known = Known { id: read.id, etag: read.etag };
        assert_eq!(update(stage, &known, &moved).await.unwrap().id, written.id);
    });
}

#[test]
fn a_meeting_comes_at_once_later_or_never() {
    play(async |stage| {
        let wanted = |key: &str| Draft {
            key: format!("01890a5d-ac96-774b-bcce-b302099a{key}"),
            meeting: Some("request".into()),
            ..draft()
        };
        let now = create(stage, &wanted("0001")).await.unwrap();
        assert!(
            matches!(&now.meeting, Meeting::Link(link) if link.starts_with("https://teams.microsoft.com/"))
        );
        // A change keeps it.
        let moved = Draft { when: timed("2026-07-09T08:00:00Z", "2026-07-09T09:00:00Z"), ..wanted("0001") };
        let changed = update(stage, &known(&now), &moved).await.unwrap();
        assert_eq!(changed.meeting, now.meeting);
        stage.options(json!({ "online_meeting": "later" }));
        let later = create(stage, &wanted("0002")).await.unwrap();
        assert_eq!(later.meeting, Meeting::Pending);
        assert_eq!(stage.get(&later.id).await.unwrap().meeting, Meeting::Pending);
        assert!(matches!(stage.get(&later.id).await.unwrap().meeting, Meeting::Link(_)));
        stage.options(json!({ "online_meeting": "never" }));
        let never = create(stage, &wanted("0003")).await.unwrap();
        for _ in 0..3 {
            assert_eq!(stage.get(&never.id).await.unwrap().meeting, Meeting::Pending);
        }
    });
}

#[test]
fn people_are_invited_once_and_their_answers_are_seen() {
    play(async |stage| {
        let invite = vec![("Kim".to_owned(), "kim@example.org".to_owned())];
        let wanted = Draft { invite, ..draft() };
        let written = create(stage, &wanted).await.unwrap();
        let copies = stage.standin.outside(&stage.kim, "GET", "/v1.0/me/events", Value::Null);
        assert_eq!(copies["value"][0]["subject"], "Haircut: Ada Lovelace");
        let copy = copies["value"][0]["id"].as_str().unwrap();
        stage.standin.outside(&stage.kim, "POST", &format!("/v1.0/me/events/{copy}/accept"), json!({}));
        let read = stage.get(&written.id).await.unwrap();
        let answer = |email: &str| {
            read.participants.iter().find(|one| one.email == email).map(|one| (one.answer, one.is_self))
        };
        assert_eq!(answer("kim@example.org"), Some((Answer::Accepted, false)));
        assert_eq!(answer("rosa@studio.example"), Some((Answer::None, true)));
        // Rosa adds somebody in Outlook, and we add a guest.
        let mut people = shown(stage, &written.id)["attendees"].as_array().unwrap().clone();
        people.push(json!({ "emailAddress": { "address": "boss@studio.example" } }));
        stage.changed_outside(&written.id, json!({ "attendees": people }));
        let mut more = wanted.clone();
        more.invite.push((String::new(), "guest@example.net".into()));
        let read = stage.get(&written.id).await.unwrap();
        update(stage, &Known { id: read.id, etag: read.etag }, &more).await.unwrap();
        let read = stage.get(&written.id).await.unwrap();
        let people: Vec<_> = read.participants.iter().map(|one| (&one.email[..], one.answer)).collect();
        assert_eq!(
            people,
            [
                ("rosa@studio.example", Answer::None),
                ("kim@example.org", Answer::Accepted),
                ("boss@studio.example", Answer::None),
                ("guest@example.net", Answer::None),
            ]
        );
        delete(stage, &Known { id: written.id.clone(), etag: None }).await.unwrap();
        let mails = stage.standin.get("/_/mails");
        let kinds: Vec<_> =
            mails.as_array().unwrap().iter().map(|mail| mail["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "cancel").count(), 1);
    });
}

#[test]
fn a_missing_permission_and_a_calendar_that_is_only_read() {
    let stage = Stage::new().limited_to(&["User.Read", "Calendars.Read"]);
    crate::harness::block_on(async {
        assert!(matches!(create(&stage, &draft()).await, Err(Fault::Permission(_))));
        assert_eq!(OUTLOOK.calendars(&stage.access()).await.unwrap().len(), 3);
    });
    stage.no_violations();
    play(async |stage| {
        let calendars = OUTLOOK.calendars(&stage.access()).await.unwrap();
        let holidays = calendars.iter().find(|calendar| !calendar.writable).unwrap();
        let refused = OUTLOOK.create(&stage.access(), &holidays.id, &draft()).await;
        assert!(matches!(refused, Err(Fault::Permission(_))));
    });
}

#[test]
fn an_edit_outside_is_seen_as_it_is() {
    play(async |stage| {
        let written = create(stage, &draft()).await.unwrap();
        let moved =
            graph_event("Mine", "2026-07-08T14:00:00", "2026-07-08T15:00:00", "Pacific Standard Time");
        stage.changed_outside(&written.id, moved);
        let read = stage.get(&written.id).await.unwrap();
        assert_ne!(read.etag, written.etag);
        let (start, end) = (at("2026-07-08T21:00:00Z"), at("2026-07-08T22:00:00Z"));
        assert_eq!(read.when, When::Timed { start, end, zone: "America/Los_Angeles".into() });
        assert_eq!(read.mark, Some(draft().mark));
        stage.deleted_outside(&written.id);
        assert_eq!(stage.get(&written.id).await, None);
    });
}
