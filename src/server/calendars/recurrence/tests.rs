use super::*;
use crate::domain::zone::Transition;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn wall(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn window(from: &str, until: &str) -> Interval {
    Interval::new(at(from), at(until)).unwrap()
}

fn event(when: When) -> RemoteEvent {
    RemoteEvent {
        id: "series".into(),
        uid: "series".into(),
        etag: None,
        when,
        recurrence: None,
        instance: None,
        status: Status::Confirmed,
        shows: Shows::Busy,
        title: "Stand-up".into(),
        participants: Vec::new(),
        mark: None,
        sequence: 0,
        meeting: crate::server::calendars::event::Meeting::None,
        texts: crate::server::calendars::event::Texts::default(),
    }
}

/// A series of hours in a zone.
fn series(zone: &str, start: &str, rules: &[&str]) -> RemoteEvent {
    let named = Zone::Named(zone.into());
    let first = instant(&zones::rules(zone).unwrap(), wall(start));
    let mut event = event(When::Timed { start: first, end: first + TimeDelta::hours(1), zone: zone.into() });
    event.recurrence = Some(Recurrence {
        start: wall(start),
        zone: named,
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        dates: Vec::new(),
        except: Vec::new(),
    });
    event
}

fn all_day(start: &str, rules: &[&str]) -> RemoteEvent {
    let first: NaiveDate = start.parse().unwrap();
    let mut event = event(When::AllDay { start: first, end: first.succ_opt().unwrap() });
    event.recurrence = Some(Recurrence {
        start: first.and_time(NaiveTime::MIN),
        zone: Zone::Named("UTC".into()),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        dates: Vec::new(),
        except: Vec::new(),
    });
    event
}

fn recurrence(event: &mut RemoteEvent) -> &mut Recurrence {
    event.recurrence.as_mut().unwrap()
}

fn rules(zone: &str) -> std::sync::Arc<ZoneRules> {
    zones::rules(zone).unwrap()
}

fn starts(event: &RemoteEvent, from: &str, until: &str) -> Vec<String> {
    expand(event, &[], window(from, until), &rules("Europe/Berlin"))
        .occurrences
        .iter()
        .map(|occurrence| occurrence.time.start().format("%Y-%m-%dT%H:%MZ").to_string())
        .collect()
}

#[test]
fn a_weekly_meeting_keeps_its_time_on_the_wall_when_the_clock_changes() {
    let event = series("Europe/Berlin", "2026-03-23T09:00:00", &["FREQ=WEEKLY;COUNT=3"]);
    assert_eq!(
        starts(&event, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ["2026-03-23T08:00Z", "2026-03-30T07:00Z", "2026-04-06T07:00Z"]
    );
}

/// RFC 5545 §3.3.10: what a rule generates at a time that does not exist is passed over and does not count.
#[test]
fn a_generated_start_in_a_gap_is_skipped_and_not_counted() {
    let event = series("Europe/Berlin", "2026-03-28T02:30:00", &["FREQ=DAILY;COUNT=3"]);
    let expected = ["2026-03-28T01:30Z", "2026-03-30T00:30Z", "2026-03-31T00:30Z"];
    assert_eq!(starts(&event, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), expected);
    assert_eq!(
        starts(&event, "2026-03-31T00:00:00Z", "2027-01-01T00:00:00Z"),
        expected[2..],
        "also when the window begins after the gap"
    );
}

/// RFC 5545 §3.3.5.
#[test]
fn an_explicit_start_in_a_gap_takes_the_offset_before_it() {
    let mut event = series("America/New_York", "2026-03-08T02:30:00", &["FREQ=DAILY;COUNT=2"]);
    recurrence(&mut event).dates = vec![];
    assert_eq!(
        starts(&event, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ["2026-03-08T07:30Z", "2026-03-09T06:30Z"]
    );
}

#[test]
fn a_time_that_the_clock_shows_twice_means_the_first() {
    let event = series("Europe/Berlin", "2026-10-24T02:30:00", &["FREQ=DAILY;COUNT=3"]);
    assert_eq!(
        starts(&event, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ["2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"]
    );
}

#[test]
fn days_are_those_of_the_owner_wherever_that_is() {
    let event = all_day("2026-03-28", &["FREQ=DAILY;COUNT=3"]);
    let of = |zone: &str| -> Vec<(String, i64)> {
        expand(&event, &[], window("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), &rules(zone))
            .occurrences
            .iter()
            .map(|found| (found.time.start().to_rfc3339(), found.time.duration().num_hours()))
            .collect()
    };
    assert_eq!(of("Europe/Berlin")[1], ("2026-03-28T23:00:00+00:00".to_owned(), 23));
    assert_eq!(of("Pacific/Auckland")[1], ("2026-03-28T11:00:00+00:00".to_owned(), 24));
    assert_eq!(of("America/Los_Angeles")[1], ("2026-03-29T07:00:00+00:00".to_owned(), 24));
}

#[test]
fn until_is_inclusive_in_each_of_its_forms() {
    for (until, count) in [
        ("20260304T080000Z", 3),
        ("20260304T075959Z", 2),
        ("20260304T090000", 3),
        ("20260304T085959", 2),
        ("20260304", 3),
        ("20260303", 2),
    ] {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        let event = series("Europe/Berlin", "2026-03-02T09:00:00", &[&rule]);
        assert_eq!(starts(&event, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z").len(), count, "{until}");
    }
    for until in ["20260304", "20260304T000000Z", "20260304T225959Z"] {
        let event = all_day("2026-03-02", &[&format!("FREQ=DAILY;UNTIL={until}")]);
        assert_eq!(starts(&event, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z").len(), 3, "{until}");
    }
}

#[test]
fn dates_are_added_and_left_out_and_may_be_days() {
    let mut event = series("Europe/Berlin", "2026-03-02T09:00:00", &["FREQ=DAILY;COUNT=4"]);
    recurrence(&mut event).dates =
        vec![Moment::At(at("2026-03-10T15:00:00Z")), Moment::At(at("2026-03-02T08:00:00Z"))];
    recurrence(&mut event).except =
        vec![Moment::At(at("2026-03-03T08:00:00Z")), Moment::Day("2026-03-05".parse().unwrap())];
    assert_eq!(
        starts(&event, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ["2026-03-02T08:00Z", "2026-03-04T08:00Z", "2026-03-10T15:00Z"]
    );
}

fn instance(original: &str, when: Option<(&str, &str)>, status: Status) -> RemoteEvent {
    let (start, end) = when.unwrap_or((original, original));
    let mut moved = event(When::Timed { start: at(start), end: at(end), zone: String::new() });
    moved.id = format!("series#{original}");
    moved.instance = Some(Instance { series: "series".into(), original: Moment::At(at(original)) });
    moved.status = status;
    moved
}

#[test]
fn an_instance_that_was_moved_or_cancelled_takes_the_place_of_its_original() {
    let event = series("Europe/Berlin", "2026-03-02T09:00:00", &["FREQ=WEEKLY"]);
    let mut others = [
        instance(
            "2026-03-09T08:00:00Z",
            Some(("2026-03-10T10:00:00Z", "2026-03-10T12:00:00Z")),
            Status::Confirmed,
        ),
        instance("2026-03-16T08:00:00Z", None, Status::Cancelled),
        // Moved into the window from far outside of it.
        instance(
            "2027-03-15T08:00:00Z",
            Some(("2026-03-12T10:00:00Z", "2026-03-12T12:00:00Z")),
            Status::Tentative,
        ),
        instance(
            "2026-03-23T08:00:00Z",
            Some(("2028-03-12T10:00:00Z", "2028-03-12T12:00:00Z")),
            Status::Confirmed,
        ),
    ];
    others[2].shows = Shows::Tentative;
    let found = expand(
        &event,
        &others,
        window("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        &rules("Europe/Berlin"),
    );
    let list: Vec<_> = found
        .occurrences
        .iter()
        .map(|found| {
            (found.time.start().format("%m-%dT%H").to_string(), found.event.id.as_str(), found.shows)
        })
        .collect();
    assert_eq!(
        list,
        [
            ("03-02T08".to_owned(), "series", Shows::Busy),
            ("03-10T10".to_owned(), "series#2026-03-09T08:00:00Z", Shows::Busy),
            ("03-12T10".to_owned(), "series#2027-03-15T08:00:00Z", Shows::Tentative),
            ("03-30T07".to_owned(), "series", Shows::Busy),
        ]
    );
    assert!(found.complete);
}

#[test]
fn instances_of_other_series_change_nothing() {
    let event = series("Europe/Berlin", "2026-03-02T09:00:00", &["FREQ=WEEKLY;COUNT=2"]);
    let mut other = instance("2026-03-09T08:00:00Z", None, Status::Cancelled);
    other.instance.as_mut().unwrap().series = "another".into();
    let window = window("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    assert_eq!(expand(&event, &[other], window, &rules("Europe/Berlin")).occurrences.len(), 2);
}

#[test]
fn single_events_are_found_in_the_same_way() {
    let mut event = series("Europe/Berlin", "2026-03-02T09:00:00", &[]);
    event.recurrence = None;
    assert_eq!(starts(&event, "2026-03-02T08:30:00Z", "2026-03-02T09:30:00Z"), ["2026-03-02T08:00Z"]);
    assert!(starts(&event, "2026-03-02T09:00:00Z", "2026-03-02T09:30:00Z").is_empty(), "half-open");
    event.status = Status::Cancelled;
    assert!(starts(&event, "2026-03-02T08:30:00Z", "2026-03-02T09:30:00Z").is_empty());
}

#[test]
fn an_occurrence_that_began_before_the_window_is_in_it() {
    let mut event = series("Europe/Berlin", "2026-03-02T22:00:00", &["FREQ=WEEKLY"]);
    event.when = When::Timed {
        start: at("2026-03-02T21:00:00Z"),
        end: at("2026-03-07T21:00:00Z"),
        zone: String::new(),
    };
    assert_eq!(starts(&event, "2027-03-05T00:00:00Z", "2027-03-06T00:00:00Z"), ["2027-03-01T21:00Z"]);
}

#[test]
fn an_endless_rule_is_cut_by_the_window_and_a_hostile_one_by_its_number() {
    let year = window("2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z");
    let count = |rule: &str| {
        let event = series("Europe/Berlin", "1990-01-01T09:00:00", &[rule]);
        let found = expand(&event, &[], year, &rules("Europe/Berlin"));
        (found.occurrences.len(), found.complete)
    };
    assert_eq!(count("FREQ=DAILY"), (366, true));
    assert_eq!(count("FREQ=SECONDLY"), (MOST, false));
    assert_eq!(count("FREQ=MINUTELY"), (MOST, false));
    assert_eq!(count("FREQ=HOURLY"), (MOST, false));
    assert_eq!(count("FREQ=SECONDLY;COUNT=4000000000"), (MOST, false));
    assert_eq!(count("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), (0, true));
    assert_eq!(count("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"), (0, true));
    assert_eq!(count("FREQ=SECONDLY;INTERVAL=2;BYSECOND=59"), (0, false));
    assert_eq!(count("FREQ=YEARLY;INTERVAL=4294967295"), (0, true));
    let list = |most: u32| (0..=most).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let every = format!("FREQ=DAILY;BYHOUR={};BYMINUTE={1};BYSECOND={1}", list(23), list(59));
    assert_eq!(count(&every), (MOST, false));
    let positions = (1..=366).map(|n| format!("{n},-{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(count(&format!("{every};BYSETPOS={positions}")), (MOST, false));
}

#[test]
fn a_rule_that_nobody_understands_leaves_the_first_and_says_so() {
    for rule in [
        "",
        "COUNT=2",
        "FREQ=SOMETIMES",
        "FREQ=DAILY;BYHOUR=25",
        "FREQ=DAILY;RSCALE=CHINESE",
        "FREQ=DAILY;BYDAY=€",
    ] {
        let event = series("Europe/Berlin", "2026-03-02T09:00:00", &[rule]);
        let found = expand(
            &event,
            &[],
            window("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            &rules("Europe/Berlin"),
        );
        assert_eq!((found.occurrences.len(), found.complete), (1, false), "{rule}");
    }
}

#[test]
fn a_zone_that_came_with_the_event_is_used() {
    let mut event = series("UTC", "2026-03-02T09:00:00", &["FREQ=DAILY;COUNT=2"]);
    let change = Transition { at: at("2026-03-03T00:00:00Z").timestamp(), offset: 0 };
    recurrence(&mut event).zone = Zone::Own(Box::new(ZoneRules::new("Own", 7200, vec![change])));
    assert_eq!(
        starts(&event, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ["2026-03-02T07:00Z", "2026-03-03T09:00Z"]
    );
}
