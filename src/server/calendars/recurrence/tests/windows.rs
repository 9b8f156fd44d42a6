//! What is found in a window is what a wider one finds there.

use super::*;
use crate::domain::zone::ZoneRules;
use chrono::{Datelike, Weekday};
use proptest::{prelude::*, sample::select};

/// Clocks that change at night, at midnight, by half an hour, around a month of fasting, and never.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
];

const RULES: [&str; 14] = [
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=90",
    "FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,30",
    "FREQ=WEEKLY;BYDAY=SA,SU,MO",
    "FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,TU",
    "FREQ=WEEKLY;UNTIL=20261025T013000Z",
    "FREQ=MONTHLY;BYDAY=-1SU",
    "FREQ=MONTHLY;BYMONTHDAY=-1,1,25",
    "FREQ=YEARLY;BYMONTH=3,4,10,11;BYDAY=SU",
    "FREQ=YEARLY;BYWEEKNO=1,13,43,53",
    "FREQ=HOURLY;INTERVAL=5;COUNT=600",
    "FREQ=HOURLY;BYHOUR=1,2,3;BYDAY=SU",
    "FREQ=MINUTELY;INTERVAL=30;BYHOUR=2",
    "FREQ=MINUTELY;BYHOUR=1,2;BYDAY=SU",
];

fn wide() -> Interval {
    window("2025-11-01T00:00:00Z", "2027-03-01T00:00:00Z")
}

fn changes(zone: &ZoneRules) -> Vec<DateTime<Utc>> {
    let all = zone.transitions().iter().filter_map(|change| DateTime::from_timestamp(change.at, 0));
    let mut found: Vec<_> = all.filter(|at| wide().start() < *at && *at < wide().end()).collect();
    found.push(at("2026-01-01T00:00:00Z"));
    found
}

prop_compose! {
    /// A series of hours or of whole days.
    fn any_series()(
        zone in select(&ZONES[..]),
        rule in select(&RULES[..]),
        day in 0_u64..40,
        minute in 0_i64..(4 * 60),
        length in prop_oneof![Just(5_i64), Just(60), Just(25 * 60), Just(3 * 24 * 60)],
        days in prop::option::weighted(0.3, 1_u64..4),
    ) -> RemoteEvent {
        let first = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap() + chrono::Days::new(day);
        if let Some(days) = days {
            let mut event = all_day(&first.to_string(), &[rule]);
            event.when = When::AllDay { start: first, end: first + chrono::Days::new(days) };
            return event;
        }
        let start = first.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
        lasting(series(zone, &start.format("%Y-%m-%dT%H:%M:%S").to_string(), &[rule]), TimeDelta::minutes(length))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn windows_agree_with_each_other(
        event in any_series(),
        owner in select(&ZONES[..]),
        edge_zone in prop::option::of(select(&ZONES[..])),
        change in any::<prop::sample::Index>(),
        after in -100_i64..100,
        long in 1_i64..300,
        ends_there in any::<bool>(),
    ) {
        let owner = rules(owner);
        let own_zone = match &event.recurrence.as_ref().unwrap().zone {
            Zone::Named(name) if name != "UTC" => rules(name),
            _ => owner.clone(),
        };
        let edge_zone = edge_zone.map_or(own_zone, rules);
        let edge = *change.get(&changes(&edge_zone)) + TimeDelta::minutes(after);
        let other = edge + TimeDelta::minutes(if ends_there { -long } else { long });
        let narrow = Interval::new(edge.min(other), edge.max(other)).unwrap();
        let taken = |window| {
            let found = expand(&event, &[], window, &owner);
            let times = IntervalSet::from_unsorted(found.occurrences.iter().map(|one| one.time)).clip(narrow);
            (times, found.lost)
        };
        let ((part, part_lost), (whole, whole_lost)) = (taken(narrow), taken(wide()));
        prop_assert_eq!((part_lost, whole_lost), (None, None));
        // Where starts are followed in runs, the last before a gap of the clock may seem to be the one that is skipped.
        let more: Vec<_> = whole.difference(&part).iter().filter(|more| more.duration() > TimeDelta::minutes(1)).collect();
        prop_assert!(more.is_empty(), "{more:?} of {:?} is missing in {narrow:?}", event.recurrence);
        prop_assert!(part.difference(&whole).is_empty(), "{part:?} of {:?} instead of {whole:?}", event.recurrence);
    }
}

#[test]
fn weeks_are_numbered_as_the_standard_numbers_them() {
    let days =
        || NaiveDate::from_ymd_opt(2000, 1, 3).unwrap().iter_days().take_while(|day| day.year() < 2040);
    let last = |day: &NaiveDate| {
        NaiveDate::from_isoywd_opt(day.iso_week().year(), 53, Weekday::Mon).map_or(52, |_| 53)
    };
    for week in [1, 2, 26, 52, 53, -1, -53] {
        let rule = format!("FREQ=YEARLY;BYWEEKNO={week};BYDAY=MO,TU,WE,TH,FR,SA,SU");
        let event = all_day("2000-01-03", &[&rule]);
        let found =
            expand(&event, &[], window("2000-01-01T00:00:00Z", "2040-01-01T00:00:00Z"), &ZoneRules::utc());
        let found: Vec<_> =
            found.occurrences.iter().skip(1).map(|one| one.time.start().date_naive()).collect();
        let expected: Vec<_> = days()
            .filter(|day| {
                let number = i64::from(day.iso_week().week());
                number == week || number - last(day) - 1 == week
            })
            .filter(|day| *day > NaiveDate::from_ymd_opt(2000, 1, 3).unwrap())
            .collect();
        assert_eq!(found, expected, "week {week}");
    }
}
