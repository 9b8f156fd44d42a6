//! Changes are followed, in calendars small and large, and cursors that are no longer known are noticed: on real servers.

use super::{
    Member, Mirror, at, by, draft, known, object,
    peer::{Kind, Peer, each_server},
};
use meridian::server::calendars::{event::Known, fault::Fault};
use serde_json::{Value, json};

each_server!(
    what_others_do_is_followed,
    nothing_new_transfers_nothing,
    five_hundred_events_are_followed_by_token,
    unknown_tokens_are_noticed,
    a_small_calendar_that_grows_is_followed_on,
    what_is_over_is_left_out_of_large_calendars_but_no_series,
    a_calendar_that_is_deleted_is_not_there,
    tasks_are_no_events,
);

fn event(number: usize) -> String {
    let (day, hour) = (1 + number % 28, number % 23);
    object(
        &format!("u{number:04}"),
        &format!("Event {number}"),
        &format!("202612{day:02}T{hour:02}0000Z"),
        "",
    )
}

fn fill(peer: &mut Peer, numbers: std::ops::Range<usize>) {
    let events: Vec<String> = numbers.map(event).collect();
    peer.put(&events.iter().map(String::as_str).collect::<Vec<_>>());
}

async fn what_others_do_is_followed(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let mut mirror = Mirror::of(&rosa, &work).await;
    assert!(mirror.events.is_empty());
    fill(&mut peer, 0..3);
    mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!(mirror.titles(), ["Event 0", "Event 1", "Event 2"]);
    peer.delete(&["u0001"]);
    peer.replace("u0002", &["Event 2", "Event two"]);
    peer.put(&[&event(3)]);
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, round.anew), (3, false), "no more than what changed was read");
    assert_eq!(mirror.titles(), ["Event 0", "Event 3", "Event two"]);
    peer.delete(&["u0000", "u0002", "u0003"]);
    mirror.follow(&rosa, &work).await.unwrap();
    assert!(mirror.events.is_empty());
}

async fn nothing_new_transfers_nothing(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    fill(&mut peer, 0..3);
    let mut mirror = Mirror::of(&rosa, &work).await;
    for _ in 0..2 {
        let before = mirror.cursor.clone();
        let round = mirror.follow(&rosa, &work).await.unwrap();
        assert!(round.unchanged && round.changes == 0 && !round.anew, "{round:?}");
        assert_eq!(mirror.cursor, before);
    }
    assert_eq!(mirror.events.len(), 3);
}

async fn five_hundred_events_are_followed_by_token(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    fill(&mut peer, 0..500);
    let mut mirror = Mirror::default();
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((mirror.events.len(), round.pages), (500, 10));
    assert_eq!(by(mirror.cursor.as_ref()), "token");
    assert!(mirror.follow(&rosa, &work).await.unwrap().unchanged);
    peer.delete(&["u0007", "u0123"]);
    peer.replace("u0250", &["Event 250", "Event changed"]);
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, round.anew, round.pages), (4, false, 1));
    assert_eq!(mirror.events.len(), 499);
    assert_eq!(mirror.titled("Portrait").etag, written.etag, "what was written is what is seen");
    mirror.titled("Event changed");
    rosa.delete(&work, &known(&written)).await.unwrap();
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, mirror.events.len()), (1, 498));
}

async fn unknown_tokens_are_noticed(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    fill(&mut peer, 0..120);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let good: Value = serde_json::from_str(mirror.cursor.as_ref().unwrap()).unwrap();
    peer.delete(&["u0001"]);
    for token in [
        "http://radicale.org/ns/sync/0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000",
        "http://example.com/sync/never-issued",
        "data:,12_7",
        "<&>",
    ] {
        let mut cursor = good.clone();
        cursor["token"] = json!(token);
        let answer = rosa.page(&work, Some(&cursor.to_string()), None).await;
        assert_eq!(answer, Err(Fault::CursorGone), "{token}");
        // What the engine does then.
        mirror.cursor = Some(cursor.to_string());
        let round = mirror.follow(&rosa, &work).await.unwrap();
        assert!(round.anew);
        assert_eq!(mirror.events.len(), 119, "what was deleted meanwhile is gone");
    }
    for cursor in ["", "nonsense", "{\"by\":\"token\"}"] {
        assert_eq!(rosa.page(&work, Some(cursor), None).await, Err(Fault::CursorGone), "{cursor}");
    }
    assert_eq!(rosa.page(&work, None, Some("nonsense")).await, Err(Fault::CursorGone));
}

async fn a_small_calendar_that_grows_is_followed_on(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    fill(&mut peer, 0..95);
    let mut mirror = Mirror::of(&rosa, &work).await;
    assert_eq!(by(mirror.cursor.as_ref()), "listing");
    fill(&mut peer, 95..110);
    peer.delete(&["u0000"]);
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, round.anew), (16, false));
    assert_eq!(by(mirror.cursor.as_ref()), "token");
    peer.delete(&["u0001"]);
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, round.anew, mirror.events.len()), (1, false, 108));
}

async fn what_is_over_is_left_out_of_large_calendars_but_no_series(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let mut events: Vec<String> = (0..300)
        .map(|n| {
            object(&format!("old{n}"), "Over", &format!("2019{:02}{:02}T090000Z", 1 + n % 12, 1 + n % 28), "")
        })
        .collect();
    events.extend([
        object("daily", "Daily", "20150105T090000Z", "RRULE:FREQ=DAILY"),
        object("yearly", "Birthday", "19800812T090000Z", "RRULE:FREQ=YEARLY"),
        object("ended", "Ended", "20150105T090000Z", "RRULE:FREQ=DAILY;COUNT=3"),
        object("dates", "Dates", "20150105T090000Z", "RDATE:20261224T090000Z"),
        object("future", "Future", "20290105T090000Z", ""),
        object("today", "Today", "20261121T090000Z", ""),
        object("long", "Long", "20260101T090000Z", "").replace("DURATION:PT1H", "DTEND:20261230T090000Z"),
        object("day", "Day", "X", "")
            .replace("DTSTART:X", "DTSTART;VALUE=DATE:20261021")
            .replace("DURATION:PT1H\r\n", ""),
    ]);
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    peer.put(&events);
    let mut mirror = Mirror::of(&rosa, &work).await;
    let mut titles = mirror.titles();
    // A series that ended may be read or not.
    titles.retain(|title| *title != "Ended");
    assert_eq!(titles, ["Birthday", "Daily", "Dates", "Day", "Future", "Long", "Today"]);
    // What comes back from the past is seen, and so is what goes.
    peer.replace("old7", &["2019", "2027"]);
    peer.delete(&["old8", "today"]);
    let round = mirror.follow(&rosa, &work).await.unwrap();
    assert_eq!((round.changes, round.anew), (3, false));
    assert_eq!(mirror.titled("Over").uid, "old7");
    assert!(!mirror.titles().contains(&"Today"));
}

async fn a_calendar_that_is_deleted_is_not_there(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    fill(&mut peer, 0..2);
    let mut mirror = Mirror::of(&rosa, &work).await;
    assert!([200, 204].contains(&super::peer::raw(&peer.work, None)));
    assert_eq!(mirror.follow(&rosa, &work).await, Err(Fault::NotFound));
    assert_eq!(mirror.events.len(), 2, "what was known stays until someone decides");
    let lost = rosa.create(&work, &draft("0190-a", "Portrait", "2026-12-01T09:00:00Z")).await;
    assert_eq!(lost, Err(Fault::NotFound));
    let gone = Known { id: format!("{work}u0001.ics"), etag: None };
    assert_eq!(rosa.delete(&work, &gone).await, Ok(()));
}

async fn tasks_are_no_events(kind: Kind) {
    let mut peer = Peer::start(kind);
    peer.make("Tasks", &["VTODO"]);
    peer.work = peer.make("Both", &["VEVENT", "VTODO"]);
    let rosa = Member::rosa(&peer.url).await;
    let names: Vec<String> =
        rosa.calendars().await.unwrap().into_iter().map(|calendar| calendar.name).collect();
    assert!(names.contains(&"Both".to_owned()) && !names.contains(&"Tasks".to_owned()), "{names:?}");
    let both = rosa.calendar("Both").await;
    let task = object("task", "Task", "20261201T090000Z", "").replace("VEVENT", "VTODO");
    peer.put(&[&event(1)]);
    assert_eq!(super::peer::raw(&format!("{}/task.ics", peer.work.trim_end_matches('/')), Some(&task)), 201);
    let mut mirror = Mirror::of(&rosa, &both).await;
    assert_eq!(mirror.titles(), ["Event 1"]);
    // A task that becomes an event, and an event that becomes a task.
    let url = format!("{}/task.ics", peer.work.trim_end_matches('/'));
    assert!([201, 204].contains(&super::peer::raw(&url, Some(&task.replace("VTODO", "VEVENT")))));
    mirror.follow(&rosa, &both).await.unwrap();
    assert_eq!(mirror.titles(), ["Event 1", "Task"]);
    assert_eq!(
        mirror.titled("Task").when,
        super::timed_utc(at("2026-12-01T09:00:00Z"), at("2026-12-01T10:00:00Z"))
    );
    assert!([201, 204].contains(&super::peer::raw(&url, Some(&task))));
    mirror.follow(&rosa, &both).await.unwrap();
    assert_eq!(mirror.titles(), ["Event 1"]);
}
