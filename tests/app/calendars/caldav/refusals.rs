//! Writing to servers that answer oddly, or not at all.

use super::{
    Member, at, draft,
    fake::{Answer, Asked, Fake, Shelf, WORK, answer, has, multistatus, refusal, silence},
    known, object,
};
use meridian::server::calendars::{
    event::{Draft, Known, Written},
    fault::Fault,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

fn ours() -> Draft {
    draft("0190-a", "Portrait", "2026-12-01T09:00:00Z")
}

const OURS: &str = "/rosa/work/0190-a.ics";

/// Something odd about the first PUT only.
fn first_put(odd: impl Fn(&Asked, &mut Shelf) -> Answer + Send + Sync + 'static) -> Fake {
    let puts = AtomicUsize::new(0);
    Fake::start(move |asked, shelf| {
        let first = asked.method == "PUT" && puts.fetch_add(1, Ordering::SeqCst) == 0;
        first.then(|| odd(asked, shelf))
    })
}

fn assert_holds(fake: &Fake, written: &Written, title: &str) {
    let shelf = fake.shelf();
    let stored = &shelf.objects[&written.id];
    assert_eq!(written.etag.as_ref(), Some(&stored.etag), "the ETag is that of what is stored");
    assert!(stored.text.contains(&format!("SUMMARY:{title}")), "{}", stored.text);
    let same = shelf.objects.values().filter(|stored| stored.text.contains("UID:0190-a@")).count();
    assert_eq!(same, 1, "there is one, not two");
}

#[tokio::test]
async fn a_connection_cut_after_the_event_was_kept_makes_no_second_one() {
    let fake = first_put(|asked, shelf| {
        assert_eq!(shelf.good(asked).status, 201);
        silence()
    });
    let rosa = fake.rosa();
    let lost = rosa.create(WORK, &ours()).await;
    assert!(matches!(lost, Err(Fault::Temporary(_))), "{lost:?}");
    let written = rosa.create(WORK, &ours()).await.unwrap();
    assert_eq!(written.id, OURS);
    assert_holds(&fake, &written, "Portrait");
}

#[tokio::test]
async fn a_connection_cut_before_the_event_was_kept_is_made_good() {
    let fake = first_put(|_, _| silence());
    let rosa = fake.rosa();
    assert!(matches!(rosa.create(WORK, &ours()).await, Err(Fault::Temporary(_))));
    let written = rosa.create(WORK, &ours()).await.unwrap();
    assert_holds(&fake, &written, "Portrait");
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_seen_as_changed_and_can_be_repeated() {
    let fake = Fake::good();
    let rosa = fake.rosa();
    let written = rosa.create(WORK, &ours()).await.unwrap();
    let cut = first_put(|asked, shelf| {
        assert_eq!(shelf.good(asked).status, 204);
        silence()
    });
    let text = fake.shelf().objects[OURS].text.clone();
    let etag = cut.shelf().put("0190-a.ics", &text);
    let rosa = cut.rosa();
    let before = Known { id: written.id, etag: Some(etag) };
    let mut moved = draft("0190-a", "Portrait", "2026-12-02T09:00:00Z");
    moved.title = "Moved".into();
    assert!(matches!(rosa.update(WORK, &before, &moved).await, Err(Fault::Temporary(_))));
    // The engine reads again, and finds its own.
    assert_eq!(rosa.update(WORK, &before, &moved).await, Err(Fault::Changed));
    let now = rosa.get(WORK, OURS).await.unwrap();
    assert_eq!((&now.title, &now.when), (&moved.title, &moved.when));
    let written = rosa.update(WORK, &Known { id: now.id, etag: now.etag }, &moved).await.unwrap();
    assert_holds(&cut, &written, "Moved");
}

/// What each server says when an event with the same UID is there under another name.
#[tokio::test]
async fn a_uid_that_is_taken_is_understood_in_any_status() {
    let named = "<c:no-uid-conflict><d:href>/rosa/work/imported%2eics</d:href></c:no-uid-conflict>";
    let cyrus = "<c:unique-scheduling-object-resource><d:href>/rosa/work/imported.ics</d:href></c:unique-scheduling-object-resource>";
    let nextcloud = r#"<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\BadRequest</s:exception><s:message>Calendar object with uid already exists in this calendar collection.</s:message></d:error>"#;
    let ways = [
        ("Radicale", refusal(409, "<c:no-uid-conflict/>")),
        ("Xandikos", refusal(412, "<c:no-uid-conflict/>")),
        ("with its address", refusal(403, named)),
        ("Cyrus", refusal(403, cyrus)),
        ("Nextcloud", answer(400, nextcloud)),
        ("SOGo", answer(409, "")),
    ];
    for (who, way) in ways {
        let fake = first_put(move |_, _| way.clone());
        fake.shelf()
            .put("imported.ics", &object("0190-a@meridian.example", "Old", "20261130T090000Z", "X-KEPT:yes"));
        let written = fake.rosa().create(WORK, &ours()).await.unwrap();
        assert_eq!(written.id, "/rosa/work/imported.ics", "{who}");
        assert_holds(&fake, &written, "Portrait");
        let shelf = fake.shelf();
        assert!(shelf.objects[&written.id].text.contains("X-KEPT:yes"), "{who}");
        let put = shelf.asked.iter().rfind(|asked| asked.method == "PUT").unwrap();
        assert!(put.header("if-match").is_some(), "{who}: under a condition");
    }
}

#[tokio::test]
async fn a_uid_that_is_taken_in_another_calendar_is_waited_for() {
    let named = "<c:no-uid-conflict><d:href>/rosa/home/1.ics</d:href></c:no-uid-conflict>";
    let elsewhere =
        "<c:no-uid-conflict><d:href>http://evil.example/rosa/work/1.ics</d:href></c:no-uid-conflict>";
    for way in [refusal(403, named), refusal(403, elsewhere), refusal(409, "<c:no-uid-conflict/>")] {
        let fake = Fake::start(move |asked, _| (asked.method == "PUT").then(|| way.clone()));
        let answer = fake.rosa().create(WORK, &ours()).await;
        assert!(
            matches!(&answer, Err(Fault::Temporary(why)) if why.contains("another of the account's calendars")),
            "{answer:?}"
        );
        assert!(fake.shelf().objects.is_empty());
    }
}

/// A text match finds parts of UIDs too.
#[tokio::test]
async fn another_uid_that_contains_ours_is_left_alone() {
    let fake = first_put(|_, _| refusal(409, "<c:no-uid-conflict/>"));
    fake.shelf().put("other.ics", &object("0190-a@meridian.example.org", "Theirs", "20261130T090000Z", ""));
    let answer = fake.rosa().create(WORK, &ours()).await;
    assert!(matches!(answer, Err(Fault::Temporary(_))), "{answer:?}");
    assert!(fake.shelf().objects[&format!("{WORK}other.ics")].text.contains("SUMMARY:Theirs"));
}

#[tokio::test]
async fn an_etag_that_is_not_told_or_weak_is_asked_for() {
    for etag in [None, Some("W/\"weak\""), Some("\"\"")] {
        let fake = Fake::start(move |asked, shelf| {
            (asked.method == "PUT").then(|| {
                let mut told = shelf.good(asked);
                told.headers.clear();
                etag.into_iter().fold(told, |told, etag| told.with("etag", etag))
            })
        });
        let rosa = fake.rosa();
        let written = rosa.create(WORK, &ours()).await.unwrap();
        assert_holds(&fake, &written, "Portrait");
        let mut changed = ours();
        changed.title = "Changed".into();
        let written = rosa.update(WORK, &known(&written), &changed).await.unwrap();
        assert_holds(&fake, &written, "Changed");
        rosa.delete(WORK, &known(&written)).await.unwrap();
        assert!(fake.shelf().objects.is_empty());
    }
}

#[tokio::test]
async fn etags_without_quotes_and_weakened_by_a_proxy_are_used_as_they_were_meant() {
    for (told, header) in [("e1", "\"e1\""), ("W/\"e1\"", "W/\"e1\""), ("&quot;e1&quot;", "\"e1\"")] {
        let fake = Fake::start(move |asked, shelf| {
            let mut good = shelf.good(asked);
            good.body =
                good.body.replace("<d:getetag>\"e1\"</d:getetag>", &format!("<d:getetag>{told}</d:getetag>"));
            for (name, value) in &mut good.headers {
                if name == "etag" && value == "\"e1\"" {
                    *value = header.to_owned();
                }
            }
            Some(good)
        });
        fake.shelf().put("1.ics", &object("1", "One", "20261201T090000Z", ""));
        let rosa = fake.rosa();
        let mirror = super::Mirror::of(&rosa, WORK).await;
        let event = mirror.titled("One");
        assert_eq!(event.etag.as_deref(), Some("\"e1\""), "{told}");
        rosa.update(WORK, &Known { id: event.id.clone(), etag: event.etag.clone() }, &ours()).await.unwrap();
    }
}

#[tokio::test]
async fn every_write_names_what_it_replaces() {
    let fake = Fake::good();
    let rosa = fake.rosa();
    let written = rosa.create(WORK, &ours()).await.unwrap();
    let whatever = Known { id: written.id.clone(), etag: None };
    rosa.update(WORK, &whatever, &ours()).await.unwrap();
    rosa.delete(WORK, &whatever).await.unwrap();
    let shelf = fake.shelf();
    let conditions: Vec<_> = shelf
        .asked
        .iter()
        .filter(|asked| matches!(asked.method.as_str(), "PUT" | "DELETE"))
        .map(|asked| (asked.method.as_str(), asked.header("if-none-match"), asked.header("if-match")))
        .collect();
    // iCloud understands `If-Match: *` as its opposite.
    assert_eq!(conditions, [("PUT", Some("*"), None), ("PUT", None, Some("\"e1\"")), ("DELETE", None, None)]);
    let put = shelf.asked.iter().find(|asked| asked.method == "PUT").unwrap();
    assert_eq!(put.header("content-type"), Some("text/calendar; charset=utf-8"));
    assert!(put.has("\r\nDTEND"), "iCloud refuses events without an end");
    let delete = shelf.asked.iter().find(|asked| asked.method == "DELETE").unwrap();
    assert_eq!(delete.header("schedule-reply"), Some("F"), "nobody is told by the server");
}

/// What each call makes of a refusal.
async fn faults(status: u16, headers: &[(&str, &str)], body: &str) -> [Fault; 5] {
    let mut way = answer(status, body);
    for (name, value) in headers {
        way = way.with(name, value);
    }
    let begun = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&begun);
    let fake = Fake::start(move |_, _| (seen.load(Ordering::SeqCst) == 1).then(|| way.clone()));
    let rosa: Member = fake.rosa();
    let written = rosa.create(WORK, &ours()).await.unwrap();
    begun.store(1, Ordering::SeqCst);
    [
        rosa.page(WORK, None, None).await.unwrap_err(),
        rosa.create(WORK, &draft("0190-b", "Other", "2026-12-02T09:00:00Z")).await.unwrap_err(),
        rosa.update(WORK, &known(&written), &ours()).await.unwrap_err(),
        rosa.delete(WORK, &known(&written)).await.unwrap_err(),
        rosa.calendars().await.unwrap_err(),
    ]
}

#[tokio::test]
async fn limits_say_until_when() {
    let two_minutes = Fault::Limited(Some(at("2026-11-21T08:02:00Z")));
    for fault in faults(429, &[("retry-after", "120")], "").await {
        assert_eq!(fault, two_minutes);
    }
    for fault in faults(503, &[("retry-after", "Sat, 21 Nov 2026 08:02:00 GMT")], "").await {
        assert_eq!(fault, two_minutes);
    }
    for fault in faults(429, &[], "").await {
        assert_eq!(fault, Fault::Limited(None));
    }
    for fault in faults(503, &[], "").await {
        assert!(matches!(fault, Fault::Temporary(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_storm_of_server_errors_may_pass() {
    for status in [500, 502, 504, 423, 507] {
        for fault in faults(status, &[], "<h1>Oops</h1>").await {
            assert!(fault.may_pass(), "{status}: {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_is_forbidden_is_a_matter_of_permission() {
    let body = refusal(403, "<d:need-privileges><d:resource><d:privilege><d:bind/></d:privilege></d:resource></d:need-privileges>").body;
    for fault in faults(403, &[], &body).await {
        assert!(matches!(fault, Fault::Permission(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn a_revoked_password_is_seen_in_every_call() {
    for fault in faults(401, &[("www-authenticate", "Basic realm=\"x\"")], "").await {
        assert!(matches!(fault, Fault::Revoked(_)), "{fault:?}");
    }
}

#[tokio::test]
async fn what_will_never_work_is_not_tried_again() {
    for status in [405, 413, 415] {
        let [changes, create, update, delete, calendars] = faults(status, &[], "").await;
        for fault in [changes, create, update, delete, calendars] {
            assert!(matches!(fault, Fault::Refused(_)), "{status}: {fault:?}");
        }
    }
}

#[tokio::test]
async fn an_etag_that_no_longer_holds_is_a_change() {
    let [_, _, update, delete, _] = faults(412, &[], "").await;
    assert_eq!([update, delete], [Fault::Changed, Fault::Changed]);
}

/// Others write between our reading and our writing.
#[tokio::test]
async fn a_change_in_the_middle_of_ours_is_not_overwritten() {
    let fake = first_put(|asked, shelf| {
        let text = shelf.objects[&asked.path].text.replace("Old", "Theirs");
        shelf.put("1.ics", &text);
        shelf.good(asked)
    });
    fake.shelf().put("1.ics", &object("1", "Old", "20261201T090000Z", ""));
    let id = format!("{WORK}1.ics");
    let answer = fake.rosa().update(WORK, &Known { id: id.clone(), etag: None }, &ours()).await;
    assert_eq!(answer, Err(Fault::Changed));
    assert!(fake.shelf().objects[&id].text.contains("SUMMARY:Theirs"));
}

#[tokio::test]
async fn redirects_of_writes_are_not_followed() {
    let fake = Fake::start(|asked, _| {
        (asked.method == "PUT").then(|| answer(307, "").with("location", "/elsewhere.ics"))
    });
    let answer = fake.rosa().create(WORK, &ours()).await;
    assert!(matches!(answer, Err(Fault::Refused(_))), "{answer:?}");
    assert_eq!(fake.shelf().count("PUT", ""), 1);
}

fn with_guests() -> Draft {
    Draft { invite: vec![("Leo".into(), "leo@example.com".into())], ..ours() }
}

#[tokio::test]
async fn a_server_that_invites_nobody_is_not_asked_to() {
    let fake = Fake::good();
    let rosa = fake.rosa();
    let known = Known { id: rosa.create(WORK, &ours()).await.unwrap().id, etag: None };
    for answer in [rosa.create(WORK, &with_guests()).await, rosa.update(WORK, &known, &with_guests()).await] {
        assert!(matches!(&answer, Err(Fault::Refused(why)) if why.contains("no invitations")), "{answer:?}");
    }
    assert!(!fake.shelf().objects[OURS].text.contains("ATTENDEE"), "nor does it learn of anyone");
}

#[tokio::test]
async fn a_server_that_invites_is_told_whom_and_by_whom() {
    let fake = Fake::start(|asked, _| {
        (asked.method == "OPTIONS")
            .then(|| answer(200, "").with("dav", "1, 3, calendar-access, calendar-auto-schedule"))
    });
    let mut rosa = fake.rosa();
    rosa.home.push_str(" mailto:rosa@studio.example");
    let written = rosa.create(WORK, &with_guests()).await.unwrap();
    let text = fake.shelf().objects[&written.id].text.replace("\r\n ", "");
    assert!(
        text.contains("ORGANIZER:mailto:rosa@studio.example") && text.contains("mailto:leo@example.com"),
        "{text}"
    );
    let event = rosa.get(WORK, &written.id).await.unwrap();
    assert_eq!(event.participants.len(), 1, "{:?}", event.participants);
}

#[tokio::test]
async fn one_instance_of_a_series_is_left_to_its_owner() {
    let fake = Fake::good();
    let rosa = fake.rosa();
    let one = Known { id: format!("{OURS}#20261208T090000Z"), etag: None };
    rosa.create(WORK, &ours()).await.unwrap();
    assert!(matches!(rosa.update(WORK, &one, &ours()).await, Err(Fault::Refused(_))));
    assert!(matches!(rosa.delete(WORK, &one).await, Err(Fault::Refused(_))));
    assert_eq!(fake.shelf().objects.len(), 1, "the series stands");
}

#[tokio::test]
async fn a_deletion_that_half_worked_is_tried_again() {
    let fake = Fake::start(|asked, _| (asked.method == "DELETE").then(|| multistatus(&has(&asked.path, ""))));
    let rosa = fake.rosa();
    let written = rosa.create(WORK, &ours()).await.unwrap();
    assert!(matches!(rosa.delete(WORK, &known(&written)).await, Err(Fault::Temporary(_))));
}
