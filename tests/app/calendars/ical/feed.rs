//! Feeds of other programs: what is asked of their servers, and what is made of their answers.

use crate::{
    harness::block_on,
    webhooks::receiver::{Reaction, Receiver},
};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::interval::Interval,
    server::calendars::{
        Provider,
        access::{Access, Credential},
        event::{Change, From, Next, Page, RemoteEvent},
        fault::Fault,
        ical::{self, Feed},
    },
};

const TEA: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Rosa's days\r\nBEGIN:VEVENT\r\nUID:tea\r\n\
    DTSTART:20260303T100000\r\nDTEND:20260303T110000\r\nRRULE:FREQ=DAILY\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:tea\r\n\
    RECURRENCE-ID:20260304T100000\r\nDTSTART:20260304T120000\r\nDTEND:20260304T130000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn now() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

fn window() -> Interval {
    Interval::new(now(), now() + TimeDelta::days(90)).unwrap()
}

struct Subscription {
    credential: Credential,
    zone: &'static str,
    allow_private: bool,
}

impl Subscription {
    fn to(url: &str) -> Self {
        Self {
            credential: Credential::Feed { url: url.to_owned() },
            zone: "Europe/Berlin",
            allow_private: true,
        }
    }

    fn access(&self) -> Access<'_> {
        Access {
            credential: &self.credential,
            endpoints: None,
            home: "",
            zone: self.zone,
            allow_private: self.allow_private,
            now: now(),
        }
    }

    fn changes(&self, cursor: Option<&str>) -> Result<Page, Fault> {
        let from = From { cursor, page: None, window: window(), known: false };
        block_on(Feed.changes(&self.access(), "feed", &from))
    }

    fn account(&self) -> Result<(String, String), Fault> {
        block_on(Feed.account(&self.access())).map(|account| (account.key, account.label))
    }
}

fn cursor(page: &Page) -> &str {
    match &page.next {
        Next::Cursor(cursor) => cursor,
        Next::Page(_) => panic!("{page:?}"),
    }
}

fn events(changes: &[Change]) -> Vec<&RemoteEvent> {
    changes
        .iter()
        .flat_map(|change| match change {
            Change::Resource { id, events, .. } => {
                assert!(events.iter().all(|event| event.id.starts_with(id.as_str())));
                events
            }
            other => panic!("{other:?}"),
        })
        .collect()
}

/// One answer for each request; the last one for all that follow.
fn server(answers: Vec<(u16, &'static str, &'static str)>) -> Receiver {
    Receiver::start(move |n| {
        let (status, headers, body) = answers[n.min(answers.len() - 1)];
        Reaction::Answer(status, headers, body)
    })
}

#[test]
fn a_feed_is_read_once_and_then_asked_whether_it_changed() {
    let validators = "ETag: W/\"1\"\r\nLast-Modified: Sun, 01 Mar 2026 00:00:00 GMT\r\n";
    let server =
        server(vec![(200, validators, TEA), (304, "", ""), (200, "ETag: \"2\"\r\n", TEA), (304, "", "")]);
    let feed = Subscription::to(&server.url);
    let first = feed.changes(None).unwrap();
    assert!(!first.unchanged);
    let found = events(&first.changes);
    assert_eq!(found.len(), 2);
    let instance = found.iter().find_map(|event| event.instance.as_ref()).unwrap();
    assert!(found.iter().any(|event| event.id == instance.series && event.recurrence.is_some()));

    let second = feed.changes(Some(cursor(&first))).unwrap();
    assert!(second.unchanged && second.changes.is_empty());
    assert_eq!(cursor(&second), cursor(&first));
    let asked = server.received();
    assert_eq!(asked[1].header("if-none-match"), "W/\"1\"");
    assert_eq!(asked[1].header("if-modified-since"), "Sun, 01 Mar 2026 00:00:00 GMT");
    assert!(!asked[0].headers.contains_key("if-none-match"));

    // The same once more under another ETag: nothing to do, and the new one is remembered.
    let third = feed.changes(Some(cursor(&second))).unwrap();
    assert!(third.unchanged);
    feed.changes(Some(cursor(&third))).unwrap();
    assert_eq!(server.received()[3].header("if-none-match"), "\"2\"");
    assert!(!server.received()[3].headers.contains_key("if-modified-since"));
}

#[test]
fn what_left_a_feed_is_gone_from_its_part() {
    let empty = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n";
    let server = server(vec![(200, "", TEA), (200, "", empty)]);
    let feed = Subscription::to(&server.url);
    let first = feed.changes(None).unwrap();
    let second = feed.changes(Some(cursor(&first))).unwrap();
    let part = |change: &Change| match change {
        Change::Resource { id, events, .. } => (id.clone(), events.len()),
        other => panic!("{other:?}"),
    };
    let (before, after): (Vec<_>, Vec<_>) =
        (first.changes.iter().map(part).collect(), second.changes.iter().map(part).collect());
    assert!(before.iter().any(|(_, count)| *count == 2));
    assert_eq!(
        before.iter().map(|(id, _)| id).collect::<Vec<_>>(),
        after.iter().map(|(id, _)| id).collect::<Vec<_>>()
    );
    assert!(after.iter().all(|(_, count)| *count == 0));
}

/// The rest of a feed is read, and what can't be read is named: what was known of it is not taken to be gone.
#[test]
fn one_event_that_can_not_be_read_hides_no_other() {
    let event = |uid: &str, start: &str| {
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTART:{start}\r\nDURATION:PT1H\r\nEND:VEVENT\r\n")
    };
    let calendar = |events: &str| -> &'static str {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n").leak()
    };
    let (good, bad) = (event("good", "20260303T100000Z"), event("bad", "nonsense"));
    let nameless = bad.replace("UID:bad\r\n", "");
    let server = server(vec![
        (200, "", calendar(&format!("{bad}{good}"))),
        (200, "", calendar(&format!("{nameless}{good}"))),
    ]);
    let feed = Subscription::to(&server.url);
    let first = feed.changes(None).unwrap();
    let told = |changes: &[Change]| -> Vec<(String, String)> {
        let told = |change: &Change| match change {
            Change::Unreadable { id, why } => Some((id.clone(), why.clone())),
            _ => None,
        };
        changes.iter().filter_map(told).collect()
    };
    let kept = |changes: &[Change]| -> Vec<String> {
        let kept = |change: &Change| match change {
            Change::Resource { unread, .. } => unread.clone(),
            _ => Vec::new(),
        };
        changes.iter().flat_map(kept).collect()
    };
    let found = told(&first.changes);
    assert!(found.len() == 1 && found[0].0.ends_with("/bad") && found[0].1.contains("DTSTART"), "{found:?}");
    assert_eq!(kept(&first.changes), [found[0].0.clone()]);
    let resources = first.changes.iter().filter(|change| matches!(change, Change::Resource { .. }));
    let resources: Vec<Change> = resources.cloned().collect();
    assert!(matches!(&events(&resources)[..], [one] if one.id.ends_with("/good")));
    // One without a UID may be any of those without one.
    let second = feed.changes(Some(cursor(&first))).unwrap();
    assert_eq!(told(&second.changes).len(), 1);
    let kept = kept(&second.changes);
    assert!(kept.len() == 512 && kept.iter().all(|id| id.ends_with("/none-")), "{kept:?}");
}

#[test]
fn another_zone_of_the_owner_reads_the_feed_anew() {
    let server = server(vec![(200, "ETag: \"1\"\r\n", TEA)]);
    let mut feed = Subscription::to(&server.url);
    let first = feed.changes(None).unwrap();
    feed.zone = "Asia/Tokyo";
    let second = feed.changes(Some(cursor(&first))).unwrap();
    assert!(!second.unchanged, "times without a zone mean others now");
    assert!(!server.received()[1].headers.contains_key("if-none-match"));
    assert_ne!(events(&first.changes)[0].when, events(&second.changes)[0].when);
}

#[test]
fn redirects_are_followed_and_not_for_ever() {
    let feed =
        server(vec![(301, "Location: /new\r\n", ""), (307, "Location: newer?a=b\r\n", ""), (200, "", TEA)]);
    assert_eq!(events(&Subscription::to(&feed.url).changes(None).unwrap().changes).len(), 2);
    let paths: Vec<_> = feed.received().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/hook", "/new", "/newer?a=b"]);

    let circle = server(vec![(302, "Location: /hook\r\n", "")]);
    let fault = Subscription::to(&circle.url).changes(None).unwrap_err();
    assert!(matches!(&fault, Fault::Refused(sentence) if sentence.contains("without an end")), "{fault}");
    assert_eq!(circle.received().len(), 6);
    let nowhere = server(vec![(302, "", "")]);
    assert!(Subscription::to(&nowhere.url).changes(None).is_err());
}

#[test]
fn no_address_and_no_redirect_leads_into_the_own_network() {
    for url in [
        "http://127.0.0.1:5000/a.ics",
        "https://10.0.0.1/a.ics",
        "https://localhost/a.ics",
        "file:///etc/passwd",
    ] {
        let mut feed = Subscription::to(url);
        feed.allow_private = false;
        assert!(matches!(feed.changes(None), Err(Fault::Refused(_))), "{url}");
    }
    // Even where private networks are allowed, the metadata service of a cloud is not.
    for to in ["Location: http://169.254.169.254/latest\r\n", "Location: ftp://example.org/a.ics\r\n"] {
        let server = server(vec![(302, to, "")]);
        assert!(matches!(Subscription::to(&server.url).changes(None), Err(Fault::Refused(_))), "{to}");
    }
}

#[test]
fn webcal_is_https() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut feed = Subscription::to(&format!("webcal://127.0.0.1:{port}/a.ics"));
    // Nobody listens there any more; the scheme is let pass.
    assert!(matches!(feed.changes(None), Err(Fault::Temporary(_))));
    feed.allow_private = false;
    assert!(matches!(feed.changes(None), Err(Fault::Refused(_))));
}

#[test]
fn every_answer_means_something_for_the_owner() {
    let answer = |status, headers, body| {
        let server = server(vec![(status, headers, body)]);
        Subscription::to(&server.url).changes(None).unwrap_err()
    };
    for status in [401, 403, 410] {
        assert!(matches!(answer(status, "", ""), Fault::Revoked(_)), "{status}");
    }
    for status in [404, 500, 502] {
        assert!(matches!(answer(status, "", ""), Fault::Temporary(_)), "{status}");
    }
    assert_eq!(answer(429, "Retry-After: 120\r\n", ""), Fault::Limited(Some(now() + TimeDelta::minutes(2))));
    assert_eq!(answer(503, "", ""), Fault::Limited(None));
    let page = answer(200, "Content-Type: text/calendar\r\n", "<!doctype html><title>Sign in</title>");
    assert!(page.to_string().contains("web page"), "{page}");
    assert!(answer(200, "", "").to_string().contains("not a calendar"));
    let cut = answer(200, "", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:a\r\n");
    assert!(cut.to_string().contains("ends in the middle"), "{cut}");
    // An answer to a question that nobody asked.
    assert!(matches!(answer(304, "", ""), Fault::Refused(_)));
}

#[test]
fn a_feed_that_is_too_large_is_refused() {
    let server = Receiver::start(|_| Reaction::Big(200, 17 * 1024 * 1024));
    let fault = Subscription::to(&server.url).changes(None).unwrap_err();
    assert!(matches!(&fault, Fault::Refused(sentence) if sentence.contains("16 MB")), "{fault}");
}

#[test]
fn a_subscription_is_known_by_its_name_and_never_by_its_address() {
    let server = server(vec![(200, "", TEA)]);
    let (key, label) = Subscription::to(&server.url).account().unwrap();
    assert_eq!(label, "Rosa's days (127.0.0.1)");
    assert!(!key.contains("hook") && key.len() == 32, "{key}");
    let calendars = block_on(Feed.calendars(&Subscription::to(&server.url).access())).unwrap();
    assert_eq!((calendars[0].name.as_str(), calendars[0].writable), ("Rosa's days", false));
    assert!(!format!("{:?}", Subscription::to(&server.url).access()).contains("hook"));
}

#[test]
fn an_upload_is_read_at_once_and_never_asked_for() {
    let (name, changes) = block_on(ical::upload(TEA.into(), "Europe/Berlin")).unwrap();
    assert_eq!((name.as_deref(), events(&changes).len()), (Some("Rosa's days"), 2));
    assert!(matches!(block_on(ical::upload(b"PK\x03\x04".to_vec(), "UTC")), Err(Fault::Refused(_))));
    let file = Subscription { credential: Credential::File, zone: "UTC", allow_private: false };
    let page = file.changes(None).unwrap();
    assert!(page.unchanged && page.changes.is_empty());
    assert_eq!(cursor(&file.changes(Some(cursor(&page))).unwrap()), cursor(&page));
}
