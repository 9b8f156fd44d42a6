use super::*;
use crate::server::calendars::event::*;

const OWNER: &str = "rosa@studio.example";

fn file(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{}\r\nEND:VCALENDAR\r\n",
        lines.trim().replace('\n', "\r\n")
    )
}

fn event(lines: &str) -> String {
    file(&format!("BEGIN:VEVENT\nUID:u1\nDTSTAMP:20260101T000000Z\n{}\nEND:VEVENT", lines.trim()))
}

fn read_as(text: &str, origin: Origin<'_>) -> Vec<RemoteEvent> {
    read(text.as_bytes(), &Reading { origin, zone: "Europe/Berlin", owner: &[OWNER.to_owned()] }).unwrap()
}

fn one(lines: &str) -> RemoteEvent {
    let mut events = read_as(&event(lines), Origin::Feed);
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

fn timed(event: &RemoteEvent) -> (String, String, &str) {
    match &event.when {
        When::Timed { start, end, zone } => (start.to_rfc3339(), end.to_rfc3339(), zone),
        When::AllDay { .. } => panic!("{event:?}"),
    }
}

fn start(lines: &str) -> String {
    timed(&one(lines)).0
}

#[test]
fn times_are_read_in_whatever_way_their_zone_is_named() {
    for zone in [
        ";TZID=Europe/Berlin",
        ";TZID=\"Europe/Berlin\"",
        ";TZID=europe/berlin",
        ";TZID=/Europe/Berlin",
        ";TZID=/mozilla.org/20050126_1/Europe/Berlin",
        ";TZID=/freeassociation.sourceforge.net/Tzfile/Europe/Berlin",
        ";TZID=W. Europe Standard Time",
        ";TZID=(UTC+01:00) Amsterdam\\, Berlin",
        ";TZID=\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\"",
        ";TZID=Nobody Knows",
        ";X-OTHER=\"a;b:c\";TZID=CET",
        "",
    ] {
        assert_eq!(start(&format!("DTSTART{zone}:20260303T143000")), "2026-03-03T13:30:00+00:00", "{zone}");
    }
    for (zone, at) in [
        (";TZID=America/Argentina/Buenos_Aires", "17:30"),
        (";TZID=/citadel.org/20210210_1/America/Argentina/Buenos_Aires", "17:30"),
        (";TZID=US/Eastern", "19:30"),
        (";TZID=Eastern Standard Time", "19:30"),
        (";TZID=Etc/GMT-3", "11:30"),
        (";TZID=UTC", "14:30"),
    ] {
        let at = format!("2026-03-03T{at}:00+00:00");
        assert_eq!(start(&format!("DTSTART{zone}:20260303T143000")), at, "{zone}");
    }
    assert_eq!(start("DTSTART:20260303T143000Z"), "2026-03-03T14:30:00+00:00");
}

#[test]
fn an_object_and_a_feed_give_ids_that_stay() {
    let text = file(
        "BEGIN:VEVENT\nUID:u1\nRECURRENCE-ID;TZID=Europe/Berlin:20260310T090000\nDTSTART:20260310T100000Z\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:u1\nDTSTART;TZID=Europe/Berlin:20260303T090000\nRRULE:FREQ=WEEKLY\nEND:VEVENT",
    );
    let ids = |origin| read_as(&text, origin).into_iter().map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(ids(Origin::Object("/cal/a.ics")), ["/cal/a.ics", "/cal/a.ics#20260310T080000Z"]);
    assert_eq!(ids(Origin::Feed), ["u1", "u1#20260310T080000Z"]);
    let instance = read_as(&text, Origin::Feed).remove(1).instance.unwrap();
    assert_eq!(instance.series, "u1");
    assert_eq!(instance.original, Moment::At("2026-03-10T08:00:00Z".parse().unwrap()));
}

#[test]
fn what_is_no_calendar_is_refused_in_words() {
    let refuse = |text: &str| {
        read(text.as_bytes(), &Reading { origin: Origin::Feed, zone: "UTC", owner: &[] })
            .unwrap_err()
            .to_string()
    };
    assert!(refuse("<!DOCTYPE html><p>Sign in").contains("web page"));
    assert!(refuse("").contains("not a calendar"));
    assert!(refuse("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:2026").contains("ends in the middle"));
}
