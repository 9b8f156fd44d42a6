//! What people do to their calendars with other programs, and what is seen of it here. Cases of "edits outside" and "time".

use super::{
    Mirror, at, draft, known, object,
    peer::{Kind, Peer, each_server, raw},
    timed,
};
use chrono::TimeDelta;
use meridian::server::calendars::event::{Answer, Moment, Shows, Status, When};

each_server!(
    an_event_of_ours_is_moved,
    an_event_of_ours_is_deleted_and_brought_back,
    an_event_is_moved_to_another_calendar,
    an_attendee_declines_and_so_does_the_owner,
    busy_becomes_free_and_busy_again,
    a_single_event_becomes_a_series,
    an_instance_is_moved_and_one_is_cancelled,
    a_series_is_split_at_this_and_following,
    an_event_becomes_all_day,
    an_event_gets_another_zone,
    a_zone_of_its_own_makes_sense,
    names_that_need_encoding_are_followed,
);

async fn an_event_of_ours_is_moved(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    rosa.create(&work, &ours).await.unwrap();
    let mut mirror = Mirror::of(&rosa, &work).await;
    let before = mirror.titled("Portrait").clone();
    assert_eq!(before.mark.as_deref(), Some("booking:0190-a"));
    let stored = peer.read(&ours.uid).unwrap();
    let line = |name: &str| stored.lines().rfind(|line| line.starts_with(name)).unwrap().to_owned();
    let (start, end) = (line("DTSTART"), line("DTEND"));
    peer.replace(&ours.uid, &[&start, "DTSTART:20261201T130000Z", &end, "DTEND:20261201T140000Z"]);
    mirror.follow(&rosa, &work).await.unwrap();
    let after = mirror.titled("Portrait");
    let (start, end) = (at("2026-12-01T13:00:00Z"), at("2026-12-01T14:00:00Z"));
    assert!(
        matches!(&after.when, When::Timed { start: s, end: e, .. } if (*s, *e) == (start, end)),
        "{after:?}"
    );
    assert_eq!(
        (after.id.as_str(), &after.mark),
        (before.id.as_str(), &before.mark),
        "it is still the same, and ours"
    );
    assert_ne!(after.etag, before.etag);
}

async fn an_event_of_ours_is_deleted_and_brought_back(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    let mut mirror = Mirror::of(&rosa, &work).await;
    let stored = peer.read(&ours.uid).unwrap();
    peer.delete(&[&ours.uid]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert!(mirror.events.is_empty(), "{:?}", mirror.titles());
    assert_eq!(rosa.get(&work, &written.id).await, None);
    peer.put(&[&stored]);
    mirror.follow(&rosa, &work).await.unwrap();
    let back = mirror.titled("Portrait");
    assert_eq!((back.uid.as_str(), back.mark.as_deref()), (ours.uid.as_str(), Some("booking:0190-a")));
}

async fn an_event_is_moved_to_another_calendar(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.make("Home", &["VEVENT"]);
    let home = rosa.calendar("Home").await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    let (mut at_work, mut at_home) = (Mirror::of(&rosa, &work).await, Mirror::of(&rosa, &home).await);
    let stored = peer.read(&ours.uid).unwrap();
    peer.delete(&[&ours.uid]);
    let url = format!("{}{}elsewhere.ics", peer.url, home.trim_start_matches('/'));
    assert_eq!(raw(&url, Some(&stored)), 201);
    at_work.follow(&rosa, &work).await.unwrap();
    at_home.follow(&rosa, &home).await.unwrap();
    assert!(at_work.events.is_empty());
    assert_eq!(
        at_home.titled("Portrait").mark.as_deref(),
        Some("booking:0190-a"),
        "it is known there by its mark"
    );
    let gone = rosa.update(&work, &known(&written), &ours).await;
    assert_eq!(gone, Err(meridian::server::calendars::fault::Fault::NotFound));
}

async fn an_attendee_declines_and_so_does_the_owner(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (mut rosa, work) = peer.rosa().await;
    rosa.home.push_str(" mailto:rosa@studio.example");
    let people = "ORGANIZER:mailto:boss@studio.example\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:Leo@Studio.example\n\
                  ATTENDEE;PARTSTAT=ACCEPTED:mailto:rosa@studio.example";
    peer.put(&[&object("meeting", "Meeting", "20261201T090000Z", people)]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let answers = |mirror: &Mirror| {
        let meeting = mirror.titled("Meeting");
        let mut answers: Vec<_> =
            meeting.participants.iter().map(|one| (one.email.clone(), one.answer, one.is_self)).collect();
        answers.sort_by(|one, other| one.0.cmp(&other.0));
        (answers, meeting.shows)
    };
    let (leo, own) = ("leo@studio.example".to_owned(), "rosa@studio.example".to_owned());
    assert_eq!(
        answers(&mirror),
        (vec![(leo.clone(), Answer::None, false), (own.clone(), Answer::Accepted, true)], Shows::Busy)
    );
    peer.replace("meeting", &["PARTSTAT=NEEDS-ACTION", "PARTSTAT=DECLINED"]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(
        answers(&mirror),
        (vec![(leo.clone(), Answer::Declined, false), (own.clone(), Answer::Accepted, true)], Shows::Busy)
    );
    peer.replace("meeting", &["PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED"]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(answers(&mirror).1, Shows::Free, "what its owner declined takes no time");
}

async fn busy_becomes_free_and_busy_again(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.put(&[&object("hold", "Hold", "20261201T090000Z", "TRANSP:OPAQUE")]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let mut seen = vec![mirror.titled("Hold").shows];
    for (before, after) in [("TRANSP:OPAQUE", "TRANSP:TRANSPARENT"), ("TRANSP:TRANSPARENT", "TRANSP:OPAQUE")]
    {
        peer.replace("hold", &[before, after]);
        mirror.follow(&rosa, &work).await.unwrap();
        seen.push(mirror.titled("Hold").shows);
    }
    assert_eq!(seen, [Shows::Busy, Shows::Free, Shows::Busy]);
}

async fn a_single_event_becomes_a_series(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    let mut mirror = Mirror::of(&rosa, &work).await;
    assert_eq!(mirror.titled("Portrait").recurrence, None);
    peer.replace(&ours.uid, &["END:VEVENT", "RRULE:FREQ=WEEKLY;COUNT=3\nEND:VEVENT"]);
    mirror.follow(&rosa, &work).await.unwrap();
    let series = mirror.titled("Portrait");
    assert_eq!(series.id, written.id);
    assert_eq!(series.recurrence.as_ref().unwrap().rules, ["FREQ=WEEKLY;COUNT=3"]);
    assert_eq!(series.mark.as_deref(), Some("booking:0190-a"));
}

/// A weekly meeting on Tuesdays at 10 in Berlin.
fn weekly() -> String {
    object("series", "Weekly", "X", "RRULE:FREQ=WEEKLY;COUNT=6")
        .replace("DTSTART:X", "DTSTART;TZID=Europe/Berlin:20261201T100000")
        .replace("BEGIN:VEVENT", &format!("{BERLIN}BEGIN:VEVENT"))
}

const BERLIN: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\n\
    RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nBEGIN:STANDARD\r\n\
    DTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
    END:STANDARD\r\nEND:VTIMEZONE\r\n";

fn exception(original: &str, lines: &str) -> String {
    format!(
        "BEGIN:VEVENT\nUID:series\nDTSTAMP:20261102T000000Z\nRECURRENCE-ID;TZID=Europe/Berlin:{original}\n{lines}\nEND:VEVENT"
    )
}

async fn an_instance_is_moved_and_one_is_cancelled(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.put(&[&weekly()]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let master = mirror.titled("Weekly").clone();
    assert_eq!(master.recurrence.as_ref().unwrap().rules, ["FREQ=WEEKLY;COUNT=6"]);
    peer.insert(
        "series",
        &exception(
            "20261208T100000",
            "DTSTART;TZID=Europe/Berlin:20261209T150000\nDURATION:PT2H\nSUMMARY:Moved",
        ),
    );
    peer.insert(
        "series",
        &exception(
            "20261215T100000",
            "DTSTART;TZID=Europe/Berlin:20261215T100000\nSTATUS:CANCELLED\nSUMMARY:Off",
        ),
    );
    let without = "EXDATE;TZID=Europe/Berlin:20261222T100000\nRRULE:FREQ=WEEKLY";
    peer.replace("series", &["RRULE:FREQ=WEEKLY", without]);
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(round.changes, 1, "one resource, with all of its instances");
    let moved = mirror.titled("Moved");
    assert_eq!(moved.when, timed(at("2026-12-09T14:00:00Z"), at("2026-12-09T16:00:00Z")));
    let instance = moved.instance.as_ref().unwrap();
    assert_eq!((&instance.series, &instance.original), (&master.id, &Moment::At(at("2026-12-08T09:00:00Z"))));
    assert_eq!(moved.id, format!("{}#20261208T090000Z", master.id));
    assert_eq!(mirror.titled("Off").status, Status::Cancelled);
    let series = mirror.titled("Weekly").recurrence.clone().unwrap();
    assert_eq!(series.except, [Moment::At(at("2026-12-22T09:00:00Z"))]);
    assert_eq!(rosa.get(&work, &moved.id).await.as_ref(), Some(moved), "it can be asked for alone");
    // Put back where it was.
    let stored = peer.read("series").unwrap();
    let first = stored.find("BEGIN:VEVENT").unwrap();
    assert!(stored[first..].contains("Moved"));
    peer.put(&[&weekly()]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(mirror.titles(), ["Weekly"], "the instances are gone with their exceptions");
}

async fn a_series_is_split_at_this_and_following(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.put(&[&weekly()]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    peer.replace("series", &["COUNT=6", "UNTIL=20261214T225959Z"]);
    peer.put(&[&weekly()
        .replace("UID:series", "UID:series-rest")
        .replace("SUMMARY:Weekly", "SUMMARY:Later")
        .replace("20261201T100000", "20261215T110000")
        .replace("COUNT=6", "COUNT=4")]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(mirror.titles(), ["Later", "Weekly"]);
    assert_eq!(
        mirror.titled("Weekly").recurrence.as_ref().unwrap().rules,
        ["FREQ=WEEKLY;UNTIL=20261214T225959Z"]
    );
    assert_eq!(mirror.titled("Later").recurrence.as_ref().unwrap().rules, ["FREQ=WEEKLY;COUNT=4"]);
}

async fn an_event_becomes_all_day(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.put(&[&object("day", "Fair", "20261201T090000Z", "")]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let days = [
        "DTSTART:20261201T090000Z",
        "DTSTART;VALUE=DATE:20261201",
        "DURATION:PT1H",
        "DTEND;VALUE=DATE:20261203",
    ];
    peer.replace("day", &days);
    mirror.follow(&rosa, &work).await.unwrap();
    let day = |text: &str| text.parse().unwrap();
    assert_eq!(mirror.titled("Fair").when, When::AllDay { start: day("2026-12-01"), end: day("2026-12-03") });
    // And one of ours.
    let mut ours = draft("0190-a", "Closed", "2026-12-24T00:00:00Z");
    ours.when = When::AllDay { start: day("2026-12-24"), end: day("2026-12-27") };
    rosa.create(&work, &ours).await.unwrap();
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(mirror.titled("Closed").when, ours.when);
}

async fn an_event_gets_another_zone(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    peer.put(&[&weekly()]);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let zone = |mirror: &Mirror| match &mirror.titled("Weekly").when {
        When::Timed { start, zone, .. } => (*start, zone.clone()),
        When::AllDay { .. } => panic!(),
    };
    assert_eq!(zone(&mirror), (at("2026-12-01T09:00:00Z"), "Europe/Berlin".to_owned()));
    peer.replace("series", &["DTSTART;TZID=Europe/Berlin", "DTSTART;TZID=America/New_York"]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(zone(&mirror), (at("2026-12-01T15:00:00Z"), "America/New_York".to_owned()));
}

async fn a_zone_of_its_own_makes_sense(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let custom = weekly()
        .replace("Europe/Berlin", "Customized Time Zone")
        .replace("+0100", "+0530")
        .replace("+0200", "+0630");
    peer.put(&[&custom]);
    let mirror = Mirror::of(&rosa, &work).await;
    let When::Timed { start, .. } = mirror.titled("Weekly").when else { panic!() };
    assert_eq!(start, at("2026-12-01T04:30:00Z"));
}

async fn names_that_need_encoding_are_followed(kind: Kind) {
    let peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let names =
        ["a%20b.ics", "caf%C3%A9.ics", "rosa@example.com.ics", "x%2By%26z.ics", "per%25cent.ics", "(1)!.ics"];
    for (number, name) in names.iter().enumerate() {
        let url = format!("{}/{name}", peer.work.trim_end_matches('/'));
        assert_eq!(
            raw(&url, Some(&object(&format!("u{number}"), name, "20261201T090000Z", ""))),
            201,
            "{name}"
        );
    }
    let mut mirror = Mirror::of(&rosa, &work).await;
    assert_eq!(mirror.events.len(), names.len());
    for name in names {
        let event = mirror.titled(name).clone();
        assert_eq!(rosa.get(&work, &event.id).await, Some(event.clone()), "{name}");
        let known =
            meridian::server::calendars::event::Known { id: event.id.clone(), etag: event.etag.clone() };
        let mut changed = draft("x", &format!("{name} changed"), "2026-12-02T09:00:00Z");
        changed.when = timed(at("2026-12-02T09:00:00Z"), at("2026-12-02T09:00:00Z") + TimeDelta::hours(2));
        let written = rosa.update(&work, &known, &changed).await.unwrap();
        assert_eq!(written.id, event.id);
    }
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert!(!round.anew);
    assert!(mirror.titles().iter().all(|title| title.ends_with(" changed")), "{:?}", mirror.titles());
    let first = mirror.events.values().next().unwrap();
    let known = meridian::server::calendars::event::Known { id: first.id.clone(), etag: first.etag.clone() };
    rosa.delete(&work, &known).await.unwrap();
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(mirror.events.len(), names.len() - 1);
}
