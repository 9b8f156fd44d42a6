mod windows;

use super::*;
use crate::domain::{interval::IntervalSet, zone::Transition};

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
        lost: false,
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
        lost: false,
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
    assert_eq!(found.lost, None);
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
fn an_endless_rule_is_cut_by_the_window_and_a_dense_one_is_one_block() {
    let year = window("2040-01-01T00:00:00Z", "2041-01-01T00:00:00Z");
    let count = |rule: &str| {
        let event = series("Europe/Berlin", "1990-01-01T09:00:00", &[rule]);
        let found = expand(&event, &[], year, &rules("Europe/Berlin"));
        assert!(found.occurrences.len() <= MOST + 1);
        (found.occurrences.len(), found.lost)
    };
    assert_eq!(count("FREQ=DAILY"), (366, None));
    assert_eq!(count("FREQ=SECONDLY"), (1, None));
    assert_eq!(count("FREQ=MINUTELY"), (1, None));
    assert_eq!(count("FREQ=HOURLY"), (1, None));
    assert_eq!(count("FREQ=SECONDLY;COUNT=4000000000"), (1, Some(Lost::Uncounted)));
    assert_eq!(count("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), (0, None));
    assert_eq!(count("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"), (0, None));
    assert_eq!(count("FREQ=SECONDLY;INTERVAL=2;BYSECOND=59"), (0, Some(Lost::Unclear)));
    assert_eq!(count("FREQ=YEARLY;INTERVAL=4294967295"), (0, None));
    let list = |most: u32| (0..=most).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let every = format!("FREQ=DAILY;BYHOUR={};BYMINUTE={1};BYSECOND={1}", list(23), list(59));
    assert_eq!(count(&every), (1, None));
    let positions = (1..=366).map(|n| format!("{n},-{n}")).collect::<Vec<_>>().join(",");
    let (found, lost) = count(&format!("{every};BYSETPOS={positions}"));
    assert!(found > 200 && matches!(lost, Some(Lost::Dense { .. })), "{found} {lost:?}");
}

/// The time that a series of some minutes takes in a window, as one set.
fn taken(event: &RemoteEvent, window: Interval) -> (IntervalSet, Option<Lost>) {
    let found = expand(event, &[], window, &rules("Europe/Berlin"));
    (IntervalSet::from_unsorted(found.occurrences.iter().map(|one| one.time)), found.lost)
}

fn lasting(mut event: RemoteEvent, length: TimeDelta) -> RemoteEvent {
    if let When::Timed { start, end, .. } = &mut event.when {
        *end = *start + length;
    }
    event
}

/// Followed in runs, a rule takes what it takes start by start: what lies between two occurrences stays free if it is a
/// minute or more, and so does what is left out.
#[test]
fn runs_take_what_their_starts_take() {
    let week = window("2026-10-20T00:00:00Z", "2026-10-27T00:00:00Z");
    let year = window("2026-10-20T00:00:00Z", "2027-10-27T00:00:00Z");
    for (rule, minutes) in [
        ("FREQ=MINUTELY;INTERVAL=15", 15),
        ("FREQ=MINUTELY;INTERVAL=15;BYHOUR=9,10,11", 15),
        ("FREQ=MINUTELY;INTERVAL=10;BYHOUR=8,9,16;BYDAY=MO,WE,SU", 25),
        ("FREQ=MINUTELY;INTERVAL=7", 7),
        ("FREQ=MINUTELY;BYHOUR=9,12;BYMINUTE=0,1,2,3,30,31,32", 1),
        ("FREQ=MINUTELY;INTERVAL=5;UNTIL=20270401T101500Z", 5),
        ("FREQ=HOURLY", 60),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,20,21,22;BYMINUTE=0,20,40", 20),
    ] {
        let event =
            lasting(series("Europe/Berlin", "2026-10-01T08:00:00", &[rule]), TimeDelta::minutes(minutes));
        let found = expand(&event, &[], year, &rules("Europe/Berlin"));
        assert_eq!(found.lost, None, "{rule}");
        let (all, _) = taken(&event, year);
        let (some, _) = taken(&event, week);
        // The week is short enough to be followed start by start, but for the hour that the clock shows twice.
        let twice = IntervalSet::from(window("2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z"));
        let inside = Interval::new(at("2026-10-20T02:00:00Z"), at("2026-10-26T22:00:00Z")).unwrap();
        let (all, some) = (all.clip(inside).difference(&twice), some.clip(inside).difference(&twice));
        assert_eq!(all, some, "{rule}");
    }
}

#[test]
fn a_run_leaves_out_what_is_left_out_and_ends_where_it_ends() {
    let year = window("2026-10-01T00:00:00Z", "2027-10-01T00:00:00Z");
    let mut event = series("Europe/Berlin", "2026-11-02T00:00:00", &["FREQ=HOURLY"]);
    recurrence(&mut event).except =
        vec![Moment::At(at("2027-02-03T12:00:00Z")), Moment::Day("2027-05-04".parse().unwrap())];
    let (all, lost) = taken(&event, year);
    let free: Vec<Interval> = IntervalSet::from(year).difference(&all).iter().collect();
    let expected = [
        window("2026-10-01T00:00:00Z", "2026-11-01T23:00:00Z"),
        window("2027-02-03T12:00:00Z", "2027-02-03T13:00:00Z"),
        window("2027-05-03T22:00:00Z", "2027-05-04T22:00:00Z"),
    ];
    assert_eq!((free.as_slice(), lost), (&expected[..], None));
    let ends = |rule: &str, from: &str| {
        let event = lasting(series("UTC", "2026-11-02T00:00:00", &[rule]), TimeDelta::minutes(1));
        let (all, lost) = taken(&event, window(from, "2027-10-01T00:00:00Z"));
        assert_eq!(lost, None, "{rule}");
        all.iter().last().unwrap().end().to_rfc3339()
    };
    for from in ["2026-10-01T00:00:00Z", "2026-11-04T07:30:00Z"] {
        assert_eq!(ends("FREQ=MINUTELY;COUNT=10000", from), "2026-11-08T22:40:00+00:00");
        assert_eq!(ends("FREQ=MINUTELY;UNTIL=20261111T111100Z", from), "2026-11-11T11:12:00+00:00");
        assert_eq!(ends("FREQ=MINUTELY;UNTIL=20261111", from), "2026-11-12T00:00:00+00:00");
    }
}

/// What can't be followed to the end of the window is not left free there.
#[test]
fn beyond_what_is_followed_all_time_is_taken() {
    let years = window("2026-10-01T00:00:00Z", "2031-01-01T00:00:00Z");
    let event =
        lasting(series("UTC", "2026-11-02T00:00:00", &["FREQ=MINUTELY;INTERVAL=20"]), TimeDelta::minutes(5));
    let (all, lost) = taken(&event, years);
    let Some(Lost::Dense { from }) = lost else { panic!("{lost:?}") };
    assert!(all.encloses(Interval::new(from, years.end()).unwrap()));
    assert!(from > at("2026-12-01T00:00:00Z"));
    assert!(!all.overlaps(window("2026-11-05T10:05:00Z", "2026-11-05T10:20:00Z")), "before, it is as it is");
    let ended = series("UTC", "2026-11-02T00:00:00", &["FREQ=MINUTELY;INTERVAL=20;UNTIL=20280101T000000Z"]);
    let (all, _) = taken(&lasting(ended, TimeDelta::minutes(5)), years);
    assert!(!all.overlaps(window("2028-01-01T00:05:00Z", "2031-01-01T00:00:00Z")), "it is over by then");
    let nothing = lasting(event, TimeDelta::zero());
    assert_eq!(taken(&nothing, years), (IntervalSet::new(), None), "what takes no time takes none of it");
}

#[test]
fn a_rule_that_nobody_understands_leaves_the_first_and_says_so() {
    for (rule, count) in [
        ("COUNT=2", 1),
        ("FREQ=SOMETIMES", 1),
        ("FREQ=DAILY;RSCALE=CHINESE", 1),
        // What makes sense of it is followed: rather too much than too little.
        ("FREQ=DAILY;BYHOUR=25", 31),
        ("FREQ=DAILY;BYHOUR=10,25", 32),
        ("FREQ=DAILY;BYDAY=€", 31),
        ("FREQ=WEEKLY;BYDAY=XX", 5),
        ("FREQ=WEEKLY;BYDAY=MO,XX,TU", 10),
        ("FREQ=WEEKLY;COUNT=some", 5),
        ("FREQ=WEEKLY;UNTIL=later", 5),
        ("FREQ=MONTHLY;BYMONTHDAY=1,99", 2),
        ("FREQ=WEEKLY;INTERVAL=", 5),
        ("FREQ=WEEKLY;nonsense", 5),
        ("FREQ=MONTHLY;RSCALE=GREGORIAN;SKIP=FORWARD", 1),
    ] {
        let event = series("UTC", "2026-03-02T09:00:00", &[rule]);
        let found = expand(
            &event,
            &[],
            window("2026-03-02T00:00:00Z", "2026-04-01T23:00:00Z"),
            &rules("Europe/Berlin"),
        );
        assert_eq!((found.occurrences.len(), found.lost), (count, Some(Lost::Unclear)), "{rule}");
    }
    let mut event = series("UTC", "2026-03-02T09:00:00", &["FREQ=WEEKLY"]);
    recurrence(&mut event).lost = true;
    recurrence(&mut event).except = vec![Moment::At(at("2026-03-09T09:00:00Z"))];
    let found = expand(&event, &[], window("2026-03-02T00:00:00Z", "2026-04-01T00:00:00Z"), &rules("UTC"));
    assert_eq!(found.lost, Some(Lost::Unclear), "a date of it was lost");
    assert_eq!(found.left_out, [window("2026-03-09T09:00:00Z", "2026-03-09T10:00:00Z")]);
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
