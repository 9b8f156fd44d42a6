use super::*;
use crate::{
    domain::{interval::Interval, zone::ZoneRules},
    server::{
        calendars::{event::*, fault::Fault, recurrence},
        zones,
    },
};

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
    contents(text, origin).events
}

fn contents(text: &str, origin: Origin<'_>) -> Contents {
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

fn series_start(text: &str) -> (String, Option<Zone>) {
    let event = read_as(text, Origin::Feed).remove(0);
    (timed(&event).0, event.recurrence.map(|recurrence| recurrence.zone))
}

const CUSTOM: &str = "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\nBEGIN:STANDARD\nDTSTART:16010101T030000\n\
     TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\nBEGIN:DAYLIGHT\n\
     DTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\n\
     END:VTIMEZONE";

#[test]
fn a_custom_zone_is_expanded_from_its_own_rules() {
    // The zone may stand after the events that need it.
    for day in ["20260303", "20260703"] {
        let event = format!(
            "BEGIN:VEVENT\nUID:u\nDTSTART;TZID=Customized Time Zone:{day}T143000\nRRULE:FREQ=DAILY\nEND:VEVENT"
        );
        for text in [format!("{CUSTOM}\n{event}"), format!("{event}\n{CUSTOM}")] {
            let (start, zone) = series_start(&file(&text));
            let hour = if day == "20260303" { "13" } else { "12" };
            assert_eq!(&start[11..13], hour, "{start}");
            let Some(Zone::Own(rules)) = zone else { panic!("{zone:?}") };
            let berlin = zones::rules("Europe/Berlin").unwrap();
            for change in berlin.transitions().iter().filter(|change| change.at > 852_076_800) {
                assert!(rules.transitions().contains(change), "{change:?}: Berlin's rules since 1996");
            }
        }
    }
}

#[test]
fn a_zone_of_the_database_is_that_whatever_stands_beside_it() {
    for (tzid, utc) in [("Europe/Berlin", "13:30"), ("W. Europe Standard Time", "13:30"), ("My own", "04:30")]
    {
        let text = file(&format!(
            "BEGIN:VTIMEZONE\nTZID:{tzid}\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+1000\n\
             TZOFFSETTO:+1000\nEND:STANDARD\nEND:VTIMEZONE\n\
             BEGIN:VEVENT\nUID:u\nDTSTART;TZID={tzid}:20260303T143000\nRRULE:FREQ=DAILY\nEND:VEVENT"
        ));
        assert_eq!(series_start(&text).0[11..16], *utc, "{tzid}");
    }
    let located = CUSTOM.replace("BEGIN:STANDARD", "X-LIC-LOCATION:Asia/Tokyo\nBEGIN:STANDARD");
    let event = "BEGIN:VEVENT\nUID:u\nDTSTART;TZID=Customized Time Zone:20260303T143000\nRRULE:FREQ=DAILY\nEND:VEVENT";
    let (start, zone) = series_start(&file(&format!("{located}\n{event}")));
    assert_eq!((&start[11..16], zone), ("05:30", Some(Zone::Named("Asia/Tokyo".into()))));
}

#[test]
fn lengths_are_read_in_each_of_their_forms() {
    for (lines, end) in [
        ("DTSTART:20260303T100000Z\nDTEND:20260303T113000Z", "2026-03-03T11:30"),
        ("DTSTART:20260303T100000Z\nDURATION:PT1H30M", "2026-03-03T11:30"),
        ("DTSTART:20260303T100000Z\nDURATION:P1DT1H", "2026-03-04T11:00"),
        ("DTSTART:20260303T100000Z\nDURATION:P1W", "2026-03-10T10:00"),
        ("DTSTART:20260303T100000Z", "2026-03-03T10:00"),
        ("DTSTART:20260303T100000Z\nDURATION:-PT1H", "2026-03-03T10:00"),
        // A day on the wall, although that night has 23 hours.
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D", "2026-03-29T10:00"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H", "2026-03-29T11:00"),
        ("DTSTART;TZID=Europe/Berlin:20260303T100000\nDTEND;VALUE=DATE:20260304", "2026-03-03T23:00"),
    ] {
        assert_eq!(timed(&one(lines)).1[..16], *end, "{lines}");
    }
    let swapped = one("DTSTART:20260303T113000Z\nDTEND:20260303T100000Z");
    assert_eq!(&timed(&swapped).0[11..16], "10:00");
    assert_eq!(&timed(&swapped).1[11..16], "11:30");
}

#[test]
fn days_are_days_in_each_of_their_forms() {
    let days =
        |start: &str, end: &str| When::AllDay { start: start.parse().unwrap(), end: end.parse().unwrap() };
    for (lines, end) in [
        ("DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260305", "2026-03-05"),
        ("DTSTART;VALUE=DATE:20260303", "2026-03-04"),
        ("DTSTART;VALUE=DATE:20260303\nDURATION:P2D", "2026-03-05"),
        ("DTSTART:20260303\nDTEND:20260303", "2026-03-04"),
        ("DTSTART;VALUE=DATE:20260303\nDTEND;VALUE=DATE:20260301", "2026-03-04"),
        (
            "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE\nDTSTART;TZID=Pacific Standard Time:20260303T000000\n\
             DTEND;TZID=Pacific Standard Time:20260304T000000",
            "2026-03-04",
        ),
    ] {
        assert_eq!(one(lines).when, days("2026-03-03", end), "{lines}");
    }
}

#[test]
fn what_takes_time_follows_from_all_that_is_said() {
    let shows = |lines: &str| one(&format!("DTSTART:20260303T100000Z\n{lines}")).shows;
    let attends =
        |answer: &str| format!("ATTENDEE;CN=\"Rosa; R\";PARTSTAT={answer}:MAILTO:Rosa@Studio.example");
    assert_eq!(shows(""), Shows::Busy);
    assert_eq!(shows("CLASS:PRIVATE"), Shows::Busy);
    assert_eq!(shows("TRANSP:TRANSPARENT"), Shows::Free);
    assert_eq!(shows("STATUS:TENTATIVE"), Shows::Tentative);
    assert_eq!(shows("X-MICROSOFT-CDO-BUSYSTATUS:OOF"), Shows::Busy);
    assert_eq!(
        shows("X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\nX-MICROSOFT-CDO-INTENDEDSTATUS:BUSY"),
        Shows::Tentative
    );
    assert_eq!(shows("X-MICROSOFT-CDO-INTENDEDSTATUS:FREE"), Shows::Free);
    assert_eq!(shows("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"), Shows::Free);
    assert_eq!(shows(&attends("DECLINED")), Shows::Free);
    assert_eq!(shows(&attends("TENTATIVE")), Shows::Tentative);
    assert_eq!(shows(&attends("ACCEPTED")), Shows::Busy);
    assert_eq!(shows("ATTENDEE;PARTSTAT=DECLINED:mailto:someone@else.example"), Shows::Busy);
}

#[test]
fn an_event_says_what_it_is() {
    let event = one(
        "DTSTART:20260303T100000Z\nCLASS:PRIVATE\nSUMMARY;LANGUAGE=en:Tea\\, with\\n \\;b\\\\\n iscuits\nSEQUENCE:7\n\
         X-MERIDIAN-MARK:booking:0193b5a0\nATTENDEE;CN=\"Ada: Lovelace\";PARTSTAT=ACCEPTED:mailto:Ada@example.org\n\
         ATTENDEE;CN=Rosa:mailto:rosa@studio.example\nCONFERENCE;VALUE=URI;LABEL=x:https://meet.example/a?b:c\n\
         BEGIN:VALARM\nTRIGGER:-PT5M\nSUMMARY:not this\nEND:VALARM",
    );
    assert_eq!(event.title, "Tea, with  ;b\\iscuits");
    assert_eq!((event.sequence, event.mark.as_deref()), (7, Some("booking:0193b5a0")));
    assert_eq!(event.meeting, Meeting::Link("https://meet.example/a?b:c".into()));
    let who: Vec<_> = event
        .participants
        .iter()
        .map(|one| (one.email.as_str(), one.name.as_str(), one.answer, one.is_self))
        .collect();
    assert_eq!(
        who,
        [
            ("ada@example.org", "Ada: Lovelace", Answer::Accepted, false),
            ("rosa@studio.example", "Rosa", Answer::None, true),
        ]
    );
}

#[test]
fn dates_are_taken_in_the_type_of_their_series() {
    let days = one("DTSTART;VALUE=DATE:20260303\nRRULE:FREQ=DAILY\nEXDATE:20260304T000000,20260305T000000Z")
        .recurrence;
    let day = |text: &str| Moment::Day(text.parse().unwrap());
    assert_eq!(days.unwrap().except, [day("2026-03-04"), day("2026-03-05")]);
    let timed =
        one("DTSTART;TZID=Europe/Berlin:20260303T090000\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260304\n\
         EXDATE;TZID=Europe/Berlin:20260305T090000");
    assert_eq!(
        timed.recurrence.unwrap().except,
        [Moment::At("2026-03-05T08:00:00Z".parse().unwrap()), day("2026-03-04")]
    );
}

#[test]
fn a_period_has_a_length_of_its_own() {
    let text = event(
        "DTSTART:20260303T090000Z\nDTEND:20260303T100000Z\n\
         RDATE;VALUE=PERIOD:20260401T080000Z/PT3H,20260402T080000Z/20260402T120000Z",
    );
    let events = read_as(&text, Origin::Feed);
    let window =
        Interval::new("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
    let found = recurrence::expand(&events[0], &events[1..], window.unwrap(), &ZoneRules::utc());
    let lengths: Vec<_> = found.occurrences.iter().map(|found| found.time.duration().num_hours()).collect();
    assert_eq!(lengths, [1, 3, 4]);
}

#[test]
fn an_orphan_is_an_event_and_what_is_cancelled_is_gone() {
    let orphan = |status: &str| {
        event(&format!("RECURRENCE-ID:20260310T080000Z\nDTSTART:20260310T090000Z\nSTATUS:{status}"))
    };
    let found = read_as(&orphan("CONFIRMED"), Origin::Object("/a.ics"));
    assert_eq!((found[0].id.as_str(), &found[0].instance), ("/a.ics#20260310T080000Z", &None));
    assert!(read_as(&orphan("CANCELLED"), Origin::Object("/a.ics")).is_empty());
    assert!(read_as(&event("DTSTART:20260310T090000Z\nSTATUS:CANCELLED"), Origin::Feed).is_empty());
    let cancelled = orphan("CONFIRMED").replace("VERSION:2.0", "VERSION:2.0\r\nMETHOD:CANCEL");
    assert!(read_as(&cancelled, Origin::Feed).is_empty());
    let series = file(
        "BEGIN:VEVENT\nUID:u\nDTSTART:20260303T080000Z\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:u\nRECURRENCE-ID:20260310T080000Z\nDTSTART:20260310T080000Z\nSTATUS:CANCELLED\nEND:VEVENT",
    );
    assert_eq!(read_as(&series, Origin::Feed)[1].status, Status::Cancelled);
}

#[test]
fn of_two_versions_the_newer_counts_and_careless_feeds_lose_nothing() {
    let version = |sequence: u8, stamp: &str, hour: &str| {
        format!(
            "BEGIN:VEVENT\nUID:u\nSEQUENCE:{sequence}\nDTSTAMP:{stamp}T000000Z\nDTSTART:20260303T{hour}0000Z\nEND:VEVENT"
        )
    };
    let starts = |versions: [String; 2]| -> Vec<String> {
        read_as(&file(&versions.join("\n")), Origin::Feed)
            .iter()
            .map(|event| timed(event).0[11..13].to_owned())
            .collect()
    };
    assert_eq!(starts([version(2, "20260101", "09"), version(1, "20260105", "10")]), ["09"]);
    assert_eq!(starts([version(1, "20260101", "09"), version(1, "20260105", "10")]), ["10"]);
    assert_eq!(starts([version(0, "20260101", "09"), version(0, "20260101", "10")]), ["09", "10"]);
    let nameless = version(0, "20260101", "09").replace("UID:u\n", "");
    assert_eq!(starts([nameless.clone(), nameless.replace("T09", "T10")]), ["09", "10"]);
}

#[test]
fn lines_may_end_and_be_folded_in_any_way() {
    let text = event("DTSTART;TZID=Europe/Berlin:20260303T143000\nSUMMARY:Überraschung für Rosa");
    let narrow: String = text.replace("DTSTART;TZID=Europe/", "DTSTART;TZ\r\n ID=Euro\r\n\tpe/");
    for text in [
        narrow.clone(),
        narrow.replace("\r\n", "\n"),
        narrow.replace("\r\n", "\r"),
        format!("\u{FEFF}{text}"),
    ] {
        let event = read_as(&text, Origin::Feed).remove(0);
        assert_eq!(
            (timed(&event).0.as_str(), event.title.as_str()),
            ("2026-03-03T13:30:00+00:00", "Überraschung für Rosa")
        );
    }
    let latin: Vec<u8> =
        text.replace('Ü', "\u{1}").replace('ü', "u").bytes().map(|b| if b == 1 { 0xDC } else { b }).collect();
    assert!(read(&latin, &Reading { origin: Origin::Feed, zone: "UTC", owner: &[] }).is_ok());
}

#[test]
fn a_file_of_ten_megabytes_is_read_and_a_larger_one_refused() {
    let how = Reading { origin: Origin::Feed, zone: "UTC", owner: &[] };
    let one = |number: usize| {
        format!(
            "BEGIN:VEVENT\r\nUID:{number}@example.org\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260303T100000Z\r\n\
             DTEND:20260303T110000Z\r\nDESCRIPTION:{}\r\nEND:VEVENT\r\n",
            "much ado about nothing ".repeat(12)
        )
    };
    let text =
        |count| format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", (0..count).map(one).collect::<String>());
    let ten = text(25_000);
    assert!(ten.len() > 10_000_000);
    assert_eq!(read(ten.as_bytes(), &how).unwrap().events.len(), 25_000);
    let larger = " ".repeat(MOST_BYTES + 1);
    assert!(matches!(read(larger.as_bytes(), &how), Err(Fault::Refused(_))));
    let many = "BEGIN:VEVENT\nDTSTART:20260303\nEND:VEVENT\n".repeat(MOST_EVENTS + 1);
    let many = format!("BEGIN:VCALENDAR\n{many}END:VCALENDAR\n");
    assert!(matches!(read(many.as_bytes(), &how), Err(Fault::Refused(_))));
}

#[test]
fn hostile_files_are_read_or_refused_and_keep_little() {
    let list = |unit: &str, count: usize| vec![unit; count].join(",");
    for lines in [
        format!("DTSTART:20260303T100000Z\nATTACH;ENCODING=BASE64;VALUE=BINARY:{}", "QUJD".repeat(2_000_000)),
        format!("DTSTART:20260303T100000Z\nSUMMARY:{}", "x".repeat(60_000)),
        format!("DTSTART:20260303T100000Z\n{}", "ATTENDEE:mailto:a@b.example\n".repeat(100_000)),
        format!(
            "DTSTART:20260303T100000Z\n{}",
            format!("EXDATE:{}\n", list("20260304T100000Z", 3_000)).repeat(100)
        ),
        format!("DTSTART:20260303T100000Z\n{}", "RRULE:FREQ=SECONDLY\n".repeat(10_000)),
        format!("DTSTART:20260303T100000Z\n{}", "BEGIN:VALARM\n".repeat(10_000)),
        "DTSTART:99991231T235959Z\nDURATION:P99999999999D".to_owned(),
        "DTSTART:00000101T000000Z\nDTEND:99991231T235959Z\nRRULE:FREQ=DAILY".to_owned(),
        "DTSTART;TZID=\"unclosed:20260303T100000\nDTEND;;;=:20260303T100000".to_owned(),
        "DTSTART:2026é303T100000Z\nDTSTART:20260303T1é0000Z\nSEQUENCE:-99999999999999999999".to_owned(),
        ":\n;\n=\n\\\nSUMMARY:\\\nDTSTART:20260303T100000Z".to_owned(),
    ] {
        let text = event(&lines);
        let found = read(text.as_bytes(), &Reading { origin: Origin::Feed, zone: "UTC", owner: &[] });
        let window =
            Interval::new("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap());
        for event in found.unwrap_or_default().events {
            assert!(event.title.len() <= 1_000 && event.participants.len() <= 200);
            assert!(
                event.recurrence.iter().all(|series| series.except.len() <= 5_000 && series.rules.len() <= 8)
            );
            let found = recurrence::expand(&event, &[], window.unwrap(), &ZoneRules::utc());
            assert!(found.occurrences.len() <= 8 * recurrence::MOST);
        }
    }
}

#[test]
fn files_that_are_made_to_take_long_are_read_all_the_same() {
    let how = Reading { origin: Origin::Feed, zone: "UTC", owner: &[] };
    let versions: String = (0..5_000)
        .map(|n| format!("BEGIN:VEVENT\nUID:u\nDTSTART:{}\nEND:VEVENT\n", 20_000_101 + n))
        .collect();
    let names: String = (0..5_000)
        .map(|n| format!("BEGIN:VEVENT\nUID:{n}\nDTSTART;TZID=Zone {n}:20260303T100000\nEND:VEVENT\n"))
        .collect();
    let rule = "BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n\
                RRULE:FREQ=SECONDLY;BYSECOND=59\nEND:STANDARD\n";
    let zones: String = (0..40)
        .map(|n| {
            let event = format!("BEGIN:VEVENT\nUID:{n}\nDTSTART;TZID=Z{n}:20260303T100000\nEND:VEVENT\n");
            format!("BEGIN:VTIMEZONE\nTZID:Z{n}\n{}END:VTIMEZONE\n{event}", rule.repeat(300))
        })
        .collect();
    for (lines, count) in [(versions, 1), (names, 5_000), (zones, 40)] {
        assert!(read(file(&lines).as_bytes(), &how).unwrap().events.len() >= count);
    }
}

/// Bytes flipped, cut and doubled in real files: nothing may panic, whatever comes of it.
#[test]
fn damaged_files_never_panic() {
    let whole = file(&format!(
        "{CUSTOM}\nBEGIN:VEVENT\nUID:u\nDTSTART;TZID=Customized Time Zone:20260303T143000\nDURATION:PT1H\n\
         RRULE:FREQ=MONTHLY;BYDAY=-1MO,2TU;BYSETPOS=-1;COUNT=5;WKST=SU\nRDATE;VALUE=PERIOD:20260401T080000Z/PT3H\n\
         EXDATE;VALUE=DATE:20260404\nATTENDEE;CN=\"A;b:c\";PARTSTAT=DECLINED:mailto:a@example.org\nEND:VEVENT"
    ));
    let mut seed = 1_u64;
    let mut roll = |sides: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % sides
    };
    let window =
        Interval::new("2026-01-01T00:00:00Z".parse().unwrap(), "2027-01-01T00:00:00Z".parse().unwrap())
            .unwrap();
    for _ in 0..500 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..1 + roll(6) {
            let at = roll(bytes.len());
            match roll(4) {
                0 => bytes[at] = b"0123456789:;,=\"-/TZ\r\n \\\xFF"[roll(24)],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"9:;=\n"[roll(5)]),
                _ => {
                    let line: Vec<u8> = bytes[at..(at + 20).min(bytes.len())].to_vec();
                    bytes.splice(at..at, line);
                }
            }
        }
        let how = Reading { origin: Origin::Feed, zone: "Europe/Berlin", owner: &[] };
        for event in read(&bytes, &how).unwrap_or_default().events {
            recurrence::expand(&event, &[], window, &ZoneRules::utc());
        }
        let text = String::from_utf8_lossy(&bytes);
        merge(&text, &draft(), "2026-02-01T10:00:00Z".parse().unwrap(), None);
    }
}

fn draft() -> Draft {
    Draft {
        key: "0193b5a0-7c1e-7000-8000-000000000002".into(),
        uid: "0193b5a0-7c1e-7000-8000-000000000002".into(),
        sequence: 2,
        title: "First visit: Ada; Lovelace".into(),
        description: "Ada Lovelace\nada@example.org".into(),
        location: "Room 1".into(),
        when: When::Timed {
            start: "2026-03-03T13:30:00Z".parse().unwrap(),
            end: "2026-03-03T14:00:00Z".parse().unwrap(),
            zone: "Europe/Berlin".into(),
        },
        status: Status::Confirmed,
        busy: true,
        invite: Vec::new(),
        meeting: None,
        mark: "booking:0193b5a0".into(),
    }
}

fn now() -> chrono::DateTime<chrono::Utc> {
    "2026-02-01T10:00:00Z".parse().unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let text = write(&draft(), now(), None);
    assert!(
        text.contains("BEGIN:VTIMEZONE\r\n")
            && text.contains("DTSTART;TZID=Europe/Berlin:20260303T143000\r\n"),
        "{text}"
    );
    assert!(
        text.contains("TRANSP:OPAQUE\r\n") && !text.contains("METHOD") && !text.contains("ATTENDEE"),
        "{text}"
    );
    let event = read_as(&text, Origin::Object("/a.ics")).remove(0);
    assert_eq!((event.when, event.title, event.mark), (draft().when, draft().title, Some(draft().mark)));
    assert_eq!((event.sequence, event.shows, event.uid), (2, Shows::Busy, draft().uid));
}

#[test]
fn drafts_of_every_kind_can_be_written() {
    let days = When::AllDay { start: "2026-03-03".parse().unwrap(), end: "2026-03-05".parse().unwrap() };
    let text = write(&Draft { when: days.clone(), busy: false, ..draft() }, now(), None);
    assert!(text.contains("DTSTART;VALUE=DATE:20260303\r\n") && !text.contains("VTIMEZONE"), "{text}");
    let event = read_as(&text, Origin::Feed).remove(0);
    assert_eq!((event.when, event.shows), (days, Shows::Free));
    let tentative = write(&Draft { status: Status::Tentative, ..draft() }, now(), None);
    assert_eq!(read_as(&tentative, Origin::Feed)[0].shows, Shows::Tentative);
    let invite = vec![("Ada".to_owned(), "ada@example.org".to_owned())];
    let text = write(&Draft { invite, ..draft() }, now(), Some("rosa@studio.example")).replace("\r\n ", "");
    assert!(text.contains("ORGANIZER:mailto:rosa@studio.example\r\n"), "{text}");
    assert!(text.contains("PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:ada@example.org\r\n"), "{text}");
}

#[test]
fn what_somebody_made_a_series_of_is_written_once() {
    let series = file(
        "BEGIN:VEVENT\nUID:u\nDTSTART:20260303T080000Z\nDTEND:20260303T090000Z\nRRULE:FREQ=DAILY\nEXDATE:20260305T080000Z\n\
         CATEGORIES:Kept\nEND:VEVENT\nBEGIN:VEVENT\nUID:u\nRECURRENCE-ID:20260304T080000Z\nDTSTART:20260304T100000Z\n\
         END:VEVENT",
    );
    let merged = merge(&series, &draft(), now(), None);
    let events = read_as(&merged, Origin::Object("/a.ics"));
    assert_eq!(events.len(), 1, "{merged}");
    assert_eq!((&events[0].recurrence, &events[0].when), (&None, &draft().when));
    assert!(merged.contains("CATEGORIES:Kept") && !merged.contains("EXDATE"), "{merged}");
}

#[test]
fn what_others_wrote_into_our_event_stays() {
    let theirs = [
        "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=\"A;b:c\":geo:37.3,-122.0",
        "CATEGORIES:Work,Rosa\\, private",
        "ATTENDEE;PARTSTAT=DECLINED;CN=Ada:mailto:Ada@example.org",
        "BEGIN:VALARM",
        "TRIGGER:-PT10M",
        "DESCRIPTION:Reminder",
        "END:VALARM",
        "UID:their-own-uid",
    ];
    let long = format!("ATTACH;VALUE=BINARY;ENCODING=BASE64:{}", "QUJD".repeat(30_000));
    let existing = file(&format!(
        "X-WR-CALNAME:Rosa's\nBEGIN:VTIMEZONE\nTZID:Asia/Tokyo\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
         TZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\n\
         BEGIN:VEVENT\nUID:their-own-uid\nRECURRENCE-ID:20260310T080000Z\nSUMMARY:An instance\nDTSTART:20260310T090000Z\n\
         END:VEVENT\nBEGIN:VEVENT\nSUMMARY:Old\nDTSTART:20260101T090000Z\nDURATION:PT1H\nSEQUENCE:9\n\
         X-ALT-DESC;FMTTYPE=text/html:<p>Old</p>\n{}\n{long}\nEND:VEVENT",
        theirs.join("\n")
    ));
    let invite = vec![
        ("Ada".to_owned(), "ada@example.org".to_owned()),
        ("Eve".to_owned(), "eve@example.org".to_owned()),
    ];
    let merged = merge(&existing, &Draft { invite, ..draft() }, now(), None);
    assert!(merged.split("\r\n").all(|line| line.len() <= 75), "folded");
    let text = merged.replace("\r\n ", "");
    for line in theirs.iter().copied().chain([
        "X-WR-CALNAME:Rosa's",
        "SUMMARY:An instance",
        "TZID:Asia/Tokyo",
        "TZID:Europe/Berlin",
        "SEQUENCE:9",
        "SUMMARY:First visit: Ada\\; Lovelace",
        long.as_str(),
    ]) {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    for gone in ["SUMMARY:Old", "DURATION:", "X-ALT-DESC", "20260101T090000Z", "UID:0193b5a0"] {
        assert!(!text.contains(gone), "{gone}\n{text}");
    }
    assert_eq!(
        text.matches("ada@example.org").count() + text.matches("Ada@example.org").count(),
        2,
        "{text}"
    );
    assert!(text.contains("mailto:eve@example.org"));
    assert_eq!(
        merge(&merged, &Draft { invite: Vec::new(), ..draft() }, now(), None),
        merged,
        "once more changes nothing"
    );
    let event = read_as(&merged, Origin::Object("/a.ics")).remove(0);
    assert_eq!((event.when, event.mark), (draft().when, Some(draft().mark)));
    let nothing = merge("", &draft(), now(), None);
    assert_eq!(nothing, write(&draft(), now(), None));
}
