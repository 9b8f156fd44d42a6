//! What can't be read is named, and hides nothing else.

use super::*;
use crate::server::calendars::{event::*, fault::Fault};

fn calendar(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.join("").replace('\n', "\r\n"))
}

fn event(uid: &str, lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:{uid}\n{}\nEND:VEVENT\n", lines.trim())
}

fn contents(text: &str, origin: Origin<'_>) -> Contents {
    read(text.as_bytes(), &Reading { origin, zone: "Europe/Berlin", owner: &[] }).unwrap()
}

fn good() -> String {
    event("good", "DTSTART:20260303T100000Z\nDTEND:20260303T110000Z")
}

const START: &str = "DTSTART:20260303T100000Z";

#[test]
fn one_event_that_can_not_be_read_hides_no_other() {
    for (lines, word) in [
        ("SUMMARY:When?", "no start"),
        ("DTSTART:", "start"),
        ("DTSTART:tomorrow", "start"),
        ("DTSTART;VALUE=X-STARDATE:41153.7", "start"),
        ("DTSTART:20260230T100000Z", "start"),
        ("DTSTART:20260303T100000Z/PT1H", "start"),
        ("DTSTART:20260303T100000Z\nDTEND:later", "end"),
        ("DTSTART;VALUE=DATE:20260303\nDTEND:2026-03-05", "end"),
        ("DTSTART:20260303T100000Z\nDURATION:nonsense", "length"),
        ("DTSTART:20260303T100000Z\nRECURRENCE-ID:nonsense", "RECURRENCE-ID"),
        ("DTSTART:20260303T100000Z\nRECURRENCE-ID:nonsense\nSTATUS:CANCELLED", "RECURRENCE-ID"),
    ] {
        let found = contents(&calendar(&[event("bad", lines), good()]), Origin::Feed);
        assert_eq!(found.events.iter().map(|event| &*event.id).collect::<Vec<_>>(), ["good"], "{lines}");
        let [Unread { id, why }] = &*found.unread else { panic!("{lines}: {:?}", found.unread) };
        assert!(id == "bad" && why.contains(word) && why.ends_with('.'), "{lines}: {why}");
        let object = contents(&calendar(&[event("bad", lines)]), Origin::Object("/a.ics"));
        assert!(object.events.is_empty() && object.unread[0].id == "/a.ics", "{lines}");
    }
    let nameless = event("", "SUMMARY:When?").replace("UID:\n", "");
    assert_eq!(contents(&calendar(&[nameless, good()]), Origin::Feed).unread[0].id, NAMELESS);
}

#[test]
fn what_is_cancelled_need_not_say_when() {
    let series = event("s", "DTSTART:20260303T100000Z\nRRULE:FREQ=DAILY");
    let gone = event("gone", "STATUS:CANCELLED\nDTSTART:nonsense");
    let off = event("s", "STATUS:CANCELLED\nRECURRENCE-ID:20260304T100000Z");
    let found = contents(&calendar(&[gone, series, off]), Origin::Feed);
    assert_eq!(found.unread, []);
    assert_eq!(found.events.len(), 2);
    assert_eq!(found.events[1].status, Status::Cancelled);
    let original = "2026-03-04T10:00:00Z".parse().unwrap();
    assert_eq!(found.events[1].instance.as_ref().unwrap().original, Moment::At(original));
}

/// An instance whose place in its series is not known is no series of its own that takes the place of the former.
#[test]
fn an_instance_that_can_not_be_read_leaves_its_series() {
    let series = event("s", "SEQUENCE:1\nDTSTART:20260303T100000Z\nRRULE:FREQ=DAILY");
    for status in ["CONFIRMED", "CANCELLED"] {
        let odd = event("s", &format!("SEQUENCE:2\nSTATUS:{status}\nRECURRENCE-ID:?\n{START}"));
        let found = contents(&calendar(&[series.clone(), odd]), Origin::Feed);
        assert_eq!(found.events.len(), 1);
        assert_eq!(found.events[0].recurrence.as_ref().unwrap().rules, ["FREQ=DAILY"]);
        assert_eq!(found.unread.len(), 1);
    }
}

#[test]
fn an_event_without_an_end_ends_where_the_next_begins() {
    let open = format!("BEGIN:VEVENT\nUID:open\n{START}\nDURATION:PT1H\n");
    let found = contents(&calendar(&[open.clone(), good(), open.replace("open", "last")]), Origin::Feed);
    let ids: Vec<_> = found.events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids, ["open", "good", "last"]);
    let many = "BEGIN:VEVENT\n".repeat(MOST_EVENTS + 2);
    let how = Reading { origin: Origin::Feed, zone: "UTC", owner: &[] };
    assert!(matches!(read(calendar(&[many]).as_bytes(), &how), Err(Fault::Refused(_))));
}

#[test]
fn an_object_that_ends_in_the_middle_says_what_it_says() {
    let text = calendar(&[good(), event("good", "RECURRENCE-ID:20260304T100000Z")]);
    let cut = text.split("END:VCALENDAR").next().unwrap();
    let found = contents(cut, Origin::Object("/a.ics"));
    assert_eq!(found.events[0].id, "/a.ics");
    assert!(found.unread.iter().any(|unread| unread.why.contains("middle")), "{:?}", found.unread);
}

#[test]
fn dates_and_rules_that_are_lost_are_not_forgotten() {
    let lost = |lines: &str| {
        let found = contents(&calendar(&[event("s", &format!("{START}\n{lines}"))]), Origin::Feed);
        let series = found.events.into_iter().next().unwrap().recurrence;
        series.map(|series| (series.lost, series.dates.len(), series.except.len()))
    };
    assert_eq!(lost("RDATE:20260401T100000Z"), Some((false, 1, 0)));
    assert_eq!(lost("RDATE:20260401T100000Z,nonsense"), Some((true, 1, 0)));
    assert_eq!(lost("RDATE:nonsense"), Some((true, 0, 0)));
    assert_eq!(lost("RRULE:FREQ=DAILY\nEXDATE:nonsense"), Some((false, 0, 0)), "nothing is left out by it");
    assert_eq!(lost(&"RRULE:FREQ=DAILY\n".repeat(9)), Some((true, 0, 0)));
    // Longer than what is kept of a line, folded and not.
    let dates = vec!["20260401T100000Z"; 5_000].join(",");
    let folded =
        dates.as_bytes().chunks(70).map(|part| String::from_utf8_lossy(part)).collect::<Vec<_>>().join("\n ");
    for list in [&dates, &folded] {
        assert!(lost(&format!("RDATE:{list}")).unwrap().0);
        let (lost, _, except) = lost(&format!("RRULE:FREQ=DAILY\nEXDATE:{list}")).unwrap();
        assert!(!lost && except == 1);
    }
}
