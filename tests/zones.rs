//! `ZoneRules` against chrono-tz: every zone, at and around every change of its offset from 2011 to 2036.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "oracle/tz.rs"]
mod tz;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc, offset::LocalResult};
use chrono_tz::{TZ_VARIANTS, Tz};
use meridian::domain::zone::{LocalTime, MAX_OFFSET, Transition, ZoneRules};
use tz::new_year;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(second, 0).unwrap()
}

fn naive(text: &str) -> NaiveDateTime {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn rules(name: &str) -> ZoneRules {
    tz::rules(name.parse().unwrap(), new_year(2011), new_year(2037))
}

/// Distances from a transition, in seconds: around it, and as far as any gap or overlap reaches.
const AROUND: [i64; 19] = [
    -90_000, -86_400, -10_800, -7_200, -5_400, -3_600, -1_800, -60, -1, 0, 1, 60, 1_800, 3_600, 5_400, 7_200,
    10_800, 86_400, 90_000,
];

/// What chrono-tz says about a local time, in our words. A gap ends at `transition`, the only one near.
fn expected(tz: Tz, local: NaiveDateTime, transition: i64) -> LocalTime {
    match tz.from_local_datetime(&local) {
        LocalResult::Single(only) => LocalTime::Unique(only.to_utc()),
        LocalResult::Ambiguous(a, b) => {
            LocalTime::Overlap { first: a.to_utc().min(b.to_utc()), last: a.to_utc().max(b.to_utc()) }
        }
        LocalResult::None => LocalTime::Gap { after: at(transition) },
    }
}

#[test]
fn every_zone_agrees_with_the_database_at_and_around_every_transition() {
    let mut transitions = 0;
    let (mut gaps, mut overlaps) = (0, 0);
    let mut sizes = std::collections::BTreeSet::new();
    for tz in TZ_VARIANTS {
        let rules = tz::rules(tz, new_year(2011), new_year(2037));
        let mut before = rules.initial_offset();
        for transition in rules.transitions() {
            transitions += 1;
            sizes.insert((transition.offset - before) / 60);
            for distance in AROUND {
                let instant = at(transition.at + distance);
                let there = tz.from_utc_datetime(&instant.naive_utc()).naive_local();
                assert_eq!(rules.local(instant), there, "{tz} {instant}");
                assert_eq!(rules.date(instant), there.date());
                for offset in [before, transition.offset] {
                    let local = (instant + TimeDelta::seconds(i64::from(offset))).naive_utc();
                    let resolved = rules.resolve(local);
                    assert_eq!(resolved, expected(tz, local, transition.at), "{tz} {local}");
                    match resolved {
                        LocalTime::Unique(only) => {
                            assert_eq!((rules.first_instant(local), rules.last_instant(local)), (only, only));
                        }
                        LocalTime::Gap { after } => {
                            gaps += 1;
                            assert_eq!(
                                (rules.first_instant(local), rules.last_instant(local)),
                                (after, after)
                            );
                        }
                        LocalTime::Overlap { first, last } => {
                            overlaps += 1;
                            assert_eq!(
                                (rules.first_instant(local), rules.last_instant(local)),
                                (first, last)
                            );
                        }
                    }
                }
            }
            before = transition.offset;
        }
    }
    // The scan found what there is to find: half an hour (Lord Howe), an hour, two hours (Troll), a day
    // (Apia).
    assert!(transitions > 5_000, "{transitions} transitions");
    assert!(gaps > 5_000 && overlaps > 5_000, "{gaps} gaps, {overlaps} overlaps");
    for minutes in [-120, -60, -30, 30, 60, 120, 1440] {
        assert!(sizes.contains(&minutes), "{minutes} among {sizes:?}");
    }
}

#[test]
fn the_days_of_every_zone_follow_each_other_without_holes_and_hold_their_own_dates() {
    for tz in TZ_VARIANTS {
        let rules = tz::rules(tz, new_year(2011), new_year(2037));
        for transition in rules.transitions() {
            let middle = rules.date(at(transition.at));
            let first = middle - Days::new(3);
            let mut previous = None;
            for day in first.iter_days().take(7) {
                let Some(day_of) = rules.day(day) else {
                    // Only the date line makes a day vanish.
                    assert!(matches!(tz.name(), "Pacific/Apia" | "Pacific/Fakaofo"), "{tz} {day}");
                    continue;
                };
                assert_eq!(day_of.start(), previous.unwrap_or(day_of.start()), "{tz} {day}");
                assert_eq!(rules.date(day_of.start()), day, "{tz}");
                assert_eq!(rules.date(day_of.end() - TimeDelta::seconds(1)), day, "{tz}");
                previous = Some(day_of.end());
            }
        }
    }
}

#[test]
fn apia_had_no_30_december_2011() {
    let apia = rules("Pacific/Apia");
    assert_eq!(apia.day(date("2011-12-30")), None);
    let before = apia.day(date("2011-12-29")).unwrap();
    let after = apia.day(date("2011-12-31")).unwrap();
    assert_eq!(before.end(), utc("2011-12-30T10:00:00Z"));
    assert_eq!(before.end(), after.start());
    assert_eq!(apia.resolve(naive("2011-12-30T12:00:00")), LocalTime::Gap { after: after.start() });
}

#[test]
fn a_day_that_begins_in_a_gap_begins_after_it() {
    // Cairo puts its clocks forward at midnight, Beirut and Santiago too.
    let day = rules("Africa/Cairo").day(date("2024-04-26")).unwrap();
    assert_eq!((day.start(), day.duration()), (utc("2024-04-25T22:00:00Z"), TimeDelta::hours(23)));
    let day = rules("Asia/Beirut").day(date("2024-03-31")).unwrap();
    assert_eq!((day.start(), day.duration()), (utc("2024-03-30T22:00:00Z"), TimeDelta::hours(23)));
}

#[test]
fn a_midnight_that_comes_twice_begins_the_day_once() {
    // Havana goes from 01:00 back to 00:00, so 3 November 2024 has two midnights and 25 hours.
    let havana = rules("America/Havana");
    let (first, last) = (utc("2024-11-03T04:00:00Z"), utc("2024-11-03T05:00:00Z"));
    assert_eq!(havana.resolve(naive("2024-11-03T00:00:00")), LocalTime::Overlap { first, last });
    let day = havana.day(date("2024-11-03")).unwrap();
    assert_eq!((day.start(), day.duration()), (first, TimeDelta::hours(25)));
    assert_eq!(havana.day(date("2024-11-02")).unwrap().end(), first);
}

#[test]
fn half_hour_overlap_of_lord_howe_and_two_hour_gap_of_troll() {
    assert_eq!(
        rules("Australia/Lord_Howe").resolve(naive("2024-04-07T01:45:00")),
        LocalTime::Overlap { first: utc("2024-04-06T14:45:00Z"), last: utc("2024-04-06T15:15:00Z") }
    );
    assert_eq!(
        rules("Antarctica/Troll").resolve(naive("2024-03-31T02:59:59")),
        LocalTime::Gap { after: utc("2024-03-31T01:00:00Z") }
    );
}

#[test]
fn fractions_of_a_second_survive() {
    let berlin = rules("Europe/Berlin");
    let instant = utc("2024-07-01T10:00:00.250Z");
    assert_eq!(berlin.local(instant), naive("2024-07-01T12:00:00.250"));
    assert_eq!(berlin.resolve(naive("2024-07-01T12:00:00.250")), LocalTime::Unique(instant));
    // The gap ends on the second.
    assert_eq!(
        berlin.resolve(naive("2024-03-31T02:30:00.250")),
        LocalTime::Gap { after: utc("2024-03-31T01:00:00Z") }
    );
}

#[test]
fn rules_put_themselves_in_order() {
    let messy = ZoneRules::new(
        "Test/Messy",
        3600,
        vec![
            Transition { at: 300, offset: 7200 },
            Transition { at: 100, offset: 3600 },
            Transition { at: 200, offset: 1 },
            Transition { at: 200, offset: 0 },
            Transition { at: 400, offset: 7200 },
            Transition { at: 500, offset: i32::MAX },
        ],
    );
    let tidy = [(200, 0), (300, 7200), (500, MAX_OFFSET)].map(|(at, offset)| Transition { at, offset });
    assert_eq!(messy.transitions(), tidy);
    assert_eq!(messy.offset_at(at(199)), 3600);
    assert_eq!(messy.offset_at(at(200)), 0);
}

#[test]
fn rules_survive_json_and_are_put_in_order_by_it() {
    let berlin = rules("Europe/Berlin");
    let json = serde_json::to_string(&berlin).unwrap();
    assert_eq!(serde_json::from_str::<ZoneRules>(&json).unwrap(), berlin);
    let unordered =
        r#"{"name":"X","initial_offset":0,"transitions":[{"at":9,"offset":60},{"at":3,"offset":30}]}"#;
    let rules: ZoneRules = serde_json::from_str(unordered).unwrap();
    assert_eq!(rules.transitions().iter().map(|transition| transition.at).collect::<Vec<_>>(), [3, 9]);
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for offset in [-MAX_OFFSET, 0, MAX_OFFSET] {
        let edges = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX];
        let flips = edges
            .iter()
            .enumerate()
            .map(|(index, at)| Transition { at: *at, offset: if index % 2 == 0 { -offset } else { offset } });
        let rules = ZoneRules::new("Test/Edges", offset, flips.collect());
        for instant in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at(0)] {
            let _ = (rules.local(instant), rules.date(instant), rules.offset_at(instant));
        }
        for local in [NaiveDateTime::MIN, NaiveDateTime::MAX, at(0).naive_utc()] {
            let _ = (rules.first_instant(local), rules.last_instant(local), rules.day(local.date()));
        }
    }
    assert_eq!(ZoneRules::utc().day(NaiveDate::MAX), None);
}
