//! Writing where others write too: on real servers.

use super::{
    Member, at, draft, known, object,
    peer::{Kind, Peer, each_server, raw},
    timed,
};
use meridian::server::calendars::{
    event::{Known, Status},
    fault::Fault,
};

each_server!(
    an_event_is_made_changed_and_deleted,
    making_an_event_twice_makes_one,
    making_an_event_that_was_deleted_makes_it_again,
    an_event_with_the_same_uid_elsewhere_is_taken_over,
    what_others_wrote_stays_when_we_write,
    a_stale_change_is_refused,
    a_stale_deletion_is_refused,
    what_was_deleted_is_not_changed,
    text_of_every_kind_comes_back,
);

async fn an_event_is_made_changed_and_deleted(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let mut ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    assert_eq!(written.id, format!("{work}0190-a.ics"), "its address follows from its key");
    let event = rosa.get(&work, &written.id).await.unwrap();
    assert_eq!(event.etag, written.etag);
    assert!(event.etag.is_some());
    assert_eq!(
        (event.when, event.title.as_str(), event.uid.as_str()),
        (ours.when.clone(), "Portrait", ours.uid.as_str())
    );
    assert_eq!((event.mark.as_deref(), event.status), (Some("booking:0190-a"), Status::Confirmed));
    let stored = peer.read(&ours.uid).unwrap();
    for line in [
        "LOCATION:Studio 2",
        "DESCRIPTION:With Rosa.\\nBring the plans.",
        "BEGIN:VTIMEZONE",
        "DTEND;TZID=Europe/Berlin:",
    ] {
        assert!(stored.contains(line), "{line} is not in {stored}");
    }
    assert!(!stored.contains("ATTENDEE") && !stored.contains("METHOD"), "the server has nobody to write to");
    ours.title = "Portrait, two people".into();
    ours.status = Status::Tentative;
    ours.when = timed(at("2026-12-02T12:00:00Z"), at("2026-12-02T14:00:00Z"));
    ours.sequence = 1;
    let changed = rosa.update(&work, &known(&written), &ours).await.unwrap();
    assert_eq!(changed.id, written.id);
    assert_ne!(changed.etag, written.etag);
    let event = rosa.get(&work, &written.id).await.unwrap();
    assert_eq!(
        (event.when, event.title, event.status),
        (ours.when.clone(), ours.title.clone(), Status::Tentative)
    );
    assert_eq!((event.sequence, event.etag), (1, changed.etag.clone()));
    assert_eq!(peer.count(), 1);
    rosa.delete(&work, &known(&changed)).await.unwrap();
    assert_eq!(peer.read(&ours.uid), None);
    assert_eq!(rosa.get(&work, &written.id).await, None);
    assert_eq!(rosa.delete(&work, &known(&changed)).await, Ok(()), "what is gone counts as deleted");
}

async fn making_an_event_twice_makes_one(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let first = rosa.create(&work, &ours).await.unwrap();
    let second = rosa.create(&work, &ours).await.unwrap();
    assert_eq!(first.id, second.id);
    // Moved before the first attempt's answer came.
    let mut moved = draft("0190-a", "Portrait", "2026-12-03T09:00:00Z");
    moved.sequence = 1;
    let third = rosa.create(&work, &moved).await.unwrap();
    assert_eq!(peer.count(), 1);
    let event = rosa.get(&work, &third.id).await.unwrap();
    assert_eq!((event.when, event.etag), (moved.when, third.etag));
}

async fn making_an_event_that_was_deleted_makes_it_again(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    rosa.delete(&work, &Known { id: written.id.clone(), etag: None }).await.unwrap();
    let again = rosa.create(&work, &ours).await.unwrap();
    assert_eq!((again.id, peer.count()), (written.id, 1));
}

async fn an_event_with_the_same_uid_elsewhere_is_taken_over(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    // Imported by another program, under a name of its own.
    let url = format!("{}/imported.ics", peer.work.trim_end_matches('/'));
    assert_eq!(raw(&url, Some(&object(&ours.uid, "Old", "20261130T090000Z", "X-KEPT:yes"))), 201);
    let written = rosa.create(&work, &ours).await.unwrap();
    assert_eq!(written.id, format!("{work}imported.ics"));
    assert_eq!(peer.count(), 1);
    let event = rosa.get(&work, &written.id).await.unwrap();
    assert_eq!((event.title.as_str(), event.when, event.etag), ("Portrait", ours.when, written.etag));
    assert!(peer.read(&ours.uid).unwrap().contains("X-KEPT:yes"));
}

async fn what_others_wrote_stays_when_we_write(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let mut ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    let added = "X-APPLE-TRAVEL-DURATION:PT30M\nCATEGORIES:Studio\nATTENDEE;PARTSTAT=ACCEPTED:mailto:leo@studio.example\n\
                 BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nDESCRIPTION:Soon\nEND:VALARM\nEND:VEVENT";
    peer.replace(&ours.uid, &["END:VEVENT", added]);
    ours.title = "Portrait, outdoors".into();
    ours.when = timed(at("2026-12-02T12:00:00Z"), at("2026-12-02T14:00:00Z"));
    let stale = rosa.update(&work, &known(&written), &ours).await;
    assert_eq!(stale, Err(Fault::Changed), "another program was there");
    let now = rosa.get(&work, &written.id).await.unwrap();
    rosa.update(&work, &Known { id: now.id, etag: now.etag }, &ours).await.unwrap();
    let stored = peer.read(&ours.uid).unwrap();
    for line in [
        "X-APPLE-TRAVEL-DURATION:PT30M",
        "CATEGORIES:Studio",
        "mailto:leo@studio.example",
        "TRIGGER:-PT15M",
        "DESCRIPTION:Soon",
        "SUMMARY:Portrait\\, outdoors",
    ] {
        assert!(stored.contains(line), "{line} is not in {stored}");
    }
    assert_eq!(stored.matches("SUMMARY").count(), 1);
}

async fn a_stale_change_is_refused(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    peer.replace(&ours.uid, &["SUMMARY:Portrait", "SUMMARY:Mine"]);
    let mut wanted = ours.clone();
    wanted.title = "Ours".into();
    assert_eq!(rosa.update(&work, &known(&written), &wanted).await, Err(Fault::Changed));
    assert!(peer.read(&ours.uid).unwrap().contains("SUMMARY:Mine"), "nothing was overwritten");
    let whatever = Known { id: written.id.clone(), etag: None };
    let changed = rosa.update(&work, &whatever, &wanted).await.unwrap();
    assert_eq!(rosa.get(&work, &written.id).await.unwrap().etag, changed.etag);
    assert!(peer.read(&ours.uid).unwrap().contains("SUMMARY:Ours"));
}

async fn a_stale_deletion_is_refused(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    peer.replace(&ours.uid, &["SUMMARY:Portrait", "SUMMARY:Mine"]);
    assert_eq!(rosa.delete(&work, &known(&written)).await, Err(Fault::Changed));
    assert_eq!(peer.count(), 1);
    rosa.delete(&work, &Known { id: written.id, etag: None }).await.unwrap();
    assert_eq!(peer.count(), 0);
}

async fn what_was_deleted_is_not_changed(kind: Kind) {
    let mut peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let written = rosa.create(&work, &ours).await.unwrap();
    peer.delete(&[&ours.uid]);
    for known in [known(&written), Known { id: written.id.clone(), etag: None }] {
        assert_eq!(rosa.update(&work, &known, &ours).await, Err(Fault::NotFound));
    }
    assert_eq!(peer.count(), 0, "it does not come back");
}

async fn text_of_every_kind_comes_back(kind: Kind) {
    let peer = Peer::start(kind);
    let (rosa, work) = peer.rosa().await;
    for (number, title) in
        ["a,b;c\\d", "\"quoted\" <tag> & more", "Café 🎨 ünïcödé", &"long ".repeat(40), "]]>"]
            .into_iter()
            .enumerate()
    {
        let ours = draft(&format!("0190-{number}"), title.trim(), "2026-12-01T09:00:00Z");
        let written = rosa.create(&work, &ours).await.unwrap();
        assert_eq!(rosa.get(&work, &written.id).await.unwrap().title, title.trim());
    }
    let titles = super::Mirror::of(&rosa, &work).await;
    assert_eq!(titles.events.len(), 5);
    titles.titled("\"quoted\" <tag> & more");
    titles.titled("]]>");
}

/// Xandikos asks nobody for a password.
#[tokio::test]
async fn a_password_that_was_changed_must_be_entered_again() {
    let peer = Peer::start(Kind::Radicale);
    let (rosa, work) = peer.rosa().await;
    let stale = Member { home: rosa.home.clone(), ..Member::new(&peer.url, "rosa", "former") };
    let ours = draft("0190-a", "Portrait", "2026-12-01T09:00:00Z");
    let known = Known { id: format!("{work}0190-a.ics"), etag: None };
    let faults = [
        stale.calendars().await.unwrap_err(),
        stale.page(&work, None, None).await.unwrap_err(),
        stale.create(&work, &ours).await.unwrap_err(),
        stale.update(&work, &known, &ours).await.unwrap_err(),
        stale.delete(&work, &known).await.unwrap_err(),
    ];
    for fault in faults {
        assert!(matches!(&fault, Fault::Revoked(sentence) if sentence.contains("password")), "{fault:?}");
    }
}
