//! Our expansion of series against that of `recurring-ical-events` (Python), which rests on `dateutil`.
//!
//! Where the clock skips a time, libraries disagree with each other and with RFC 5545; there the text of the standard is the
//! oracle (`calendars::recurrence::tests`), and no case here begins in a gap.

use crate::peers;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use meridian::{
    domain::interval::Interval,
    server::{
        calendars::{
            event::RemoteEvent,
            ics::{Origin, Reading, read},
            recurrence::expand,
        },
        zones,
    },
};
use serde_json::{Value, json};

type Found = Vec<(i64, i64)>;

fn window(from: &str, until: &str) -> Interval {
    Interval::new(from.parse().unwrap(), until.parse().unwrap()).unwrap()
}

/// What a calendar comes to in a window: starts and ends in seconds, each once.
fn ours(ics: &str, window: Interval, zone: &str) -> Result<Found, String> {
    let events = read(ics.as_bytes(), &Reading { origin: Origin::Feed, zone, owner: &[] })
        .map_err(|fault| fault.to_string())?
        .events;
    let owner = zones::rules(zone).unwrap();
    let (instances, masters): (Vec<RemoteEvent>, Vec<RemoteEvent>) =
        events.into_iter().partition(|event| event.instance.is_some());
    let mut found: Found = masters
        .iter()
        .flat_map(|master| expand(master, &instances, window, &owner).occurrences)
        .map(|found| (found.time.start().timestamp(), found.time.end().timestamp()))
        .collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn theirs(value: &Value) -> Found {
    serde_json::from_value(value.clone()).unwrap()
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        i64::try_from(self.0 >> 1).unwrap() % sides
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[index(self.roll(i64::try_from(of.len()).unwrap()))]
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.roll(100) < percent
    }
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap()
}

/// With the minutes 0 and 20 no two times are as far apart, across midnight too, as one of the zones is from UTC: the other program (3.8.2) also leaves out what begins,
/// on the wall, when an EXDATE is in UTC.
const HOURS: [u32; 3] = [8, 14, 22];

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A list that holds a number and some others.
fn list(dice: &mut Dice, own: i64, from: i64, to: i64) -> String {
    let mut all = vec![own];
    for _ in 0..dice.roll(3) {
        all.push(from + dice.roll(to - from + 1));
    }
    all.sort_unstable();
    all.dedup();
    all.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// A rule that generates its own DTSTART: what others generate is undefined (RFC 5545 §3.8.5.3).
fn rule(dice: &mut Dice, start: NaiveDateTime, all_day: bool) -> String {
    let day = start.date();
    let weekday = DAYS[index(day.weekday().num_days_from_monday().into())];
    let length = i64::from(
        (day.with_day(1).unwrap() + TimeDelta::days(31)).with_day(1).unwrap().pred_opt().unwrap().day(),
    );
    let mut parts = Vec::new();
    let some_days = |dice: &mut Dice| {
        let mut days = vec![weekday];
        days.extend((0..dice.roll(3)).map(|_| dice.one(&DAYS)).collect::<Vec<_>>());
        days.sort_unstable();
        days.dedup();
        days.join(",")
    };
    match dice.one(&["DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY"]) {
        "DAILY" => {
            parts.push("FREQ=DAILY".to_owned());
            if dice.chance(30) {
                parts.push(format!("BYDAY={}", some_days(dice)));
            }
            if dice.chance(20) {
                parts.push(format!("BYMONTH={}", list(dice, i64::from(day.month()), 1, 12)));
            }
        }
        "WEEKLY" => {
            parts.push("FREQ=WEEKLY".to_owned());
            if dice.chance(70) {
                parts.push(format!("BYDAY={}", some_days(dice)));
            }
            if dice.chance(30) {
                parts.push(format!("WKST={}", dice.one(&["SU", "MO", "WE"])));
            }
        }
        "MONTHLY" => {
            parts.push("FREQ=MONTHLY".to_owned());
            match dice.roll(5) {
                0 => {}
                1 => parts.push(format!("BYMONTHDAY={}", list(dice, i64::from(day.day()), 1, 31))),
                2 => {
                    let back = i64::from(day.day()) - length - 1;
                    parts.push(format!("BYMONTHDAY={}", list(dice, back, -31, -1)));
                }
                3 => parts.push(format!("BYDAY={}{weekday}", (day.day() - 1) / 7 + 1)),
                _ => {
                    let back = (length - i64::from(day.day())) / 7 + 1;
                    parts.push(format!("BYDAY=-{back}{weekday}"));
                }
            }
        }
        _ => {
            parts.push("FREQ=YEARLY".to_owned());
            match dice.roll(5) {
                0 => {}
                1 => parts.push(format!("BYYEARDAY={}", list(dice, i64::from(day.ordinal()), 1, 366))),
                2 => {
                    let week = i64::from(day.iso_week().week());
                    parts.push(format!("BYWEEKNO={};BYDAY={}", list(dice, week, 1, 53), some_days(dice)));
                }
                3 => {
                    let months = list(dice, i64::from(day.month()), 1, 12);
                    parts.push(format!("BYMONTH={months};BYDAY={}{weekday}", (day.day() - 1) / 7 + 1));
                }
                _ => parts.push(format!("BYMONTH={}", list(dice, i64::from(day.month()), 1, 12))),
            }
        }
    }
    if dice.chance(40) {
        parts.push(format!("INTERVAL={}", 2 + dice.roll(4)));
    }
    if !all_day && dice.chance(25) {
        parts.push("BYHOUR=8,14,22;BYMINUTE=0,20".to_owned());
    }
    match dice.roll(5) {
        0 => parts.push(format!("COUNT={}", 1 + dice.roll(60))),
        1 => {
            let until = day + TimeDelta::days(dice.roll(900));
            let time = if all_day { "" } else { "T235959Z" };
            parts.push(format!("UNTIL={}{time}", until.format("%Y%m%d")));
        }
        _ => {}
    }
    parts.join(";")
}

fn case(dice: &mut Dice) -> String {
    let zone = dice.one(&[
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Africa/Casablanca",
        "Asia/Tehran",
        "America/St_Johns",
        "UTC",
    ]);
    let all_day = dice.chance(25);
    let day = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + TimeDelta::days(dice.roll(2_200));
    let start = day.and_hms_opt(HOURS[index(dice.roll(3))], [0, 20][index(dice.roll(2))], 0).unwrap();
    let rule = rule(dice, start, all_day);
    let time = |name: &str, at: NaiveDateTime| {
        if all_day {
            format!("{name};VALUE=DATE:{}", at.format("%Y%m%d"))
        } else {
            format!("{name};TZID={zone}:{}", at.format("%Y%m%dT%H%M%S"))
        }
    };
    let mut lines = vec![
        "BEGIN:VCALENDAR".to_owned(),
        "VERSION:2.0".to_owned(),
        "PRODID:-//x//y//EN".to_owned(),
        "BEGIN:VEVENT".to_owned(),
        "UID:a".to_owned(),
        "DTSTAMP:20200101T000000Z".to_owned(),
        time("DTSTART", start),
        time(
            "DTEND",
            start + if all_day { TimeDelta::days(1 + dice.roll(3)) } else { TimeDelta::minutes(90) },
        ),
        format!("RRULE:{rule}"),
    ];
    for name in ["EXDATE", "RDATE"] {
        for _ in 0..dice.roll(3) {
            let other = start + TimeDelta::days(7 * (1 + dice.roll(60)));
            lines.push(time(name, other));
        }
    }
    lines.extend(["END:VEVENT".to_owned(), "END:VCALENDAR".to_owned(), String::new()]);
    lines.join("\r\n")
}

#[test]
fn generated_rules_come_to_what_another_program_finds() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let cases: Vec<(String, &str, DateTime<Utc>, DateTime<Utc>)> = (0..600)
        .map(|_| {
            let ics = case(&mut dice);
            let from = "2024-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
                + TimeDelta::hours(dice.roll(24 * 700));
            (
                ics,
                dice.one(&["Europe/Berlin", "Pacific/Auckland", "America/New_York"]),
                from,
                from + TimeDelta::days(400),
            )
        })
        .collect();
    let asked: Vec<Value> = cases
        .iter()
        .map(|(ics, zone, from, until)| {
            json!({"ics": ics, "zone": zone, "from": from.to_rfc3339(), "until": until.to_rfc3339()})
        })
        .collect();
    let answers = peers::expand(&asked);
    let mut occurrences = 0;
    for ((ics, zone, from, until), answer) in cases.iter().zip(&answers) {
        let found = ours(ics, Interval::new(*from, *until).unwrap(), zone).unwrap();
        occurrences += found.len();
        assert_eq!(found, theirs(answer), "{from} {zone}\n{ics}");
    }
    assert!(occurrences > 20_000, "{occurrences}: the cases are too thin to say anything");
}

/// Calendars of which we make something else on purpose.
const OTHERWISE: [(&str, &str); 7] = [
    ("icalendar/example.ics", "a day whose DTEND is the day itself is a day, not nothing"),
    ("recurring_ical_events/Germany_Holidays.ics", "the same"),
    ("icalendar/timezone_same_start_and_offset.ics", "has no end: what is missing could be busy"),
    ("recurring_ical_events/issue_201_mixed_datetime_and_date.ics", "a day that ends at a time: undefined"),
    ("recurring_ical_events/issue_201_test_matrix.ics", "the same"),
    (
        "recurring_ical_events/issue_253_additional_recurrence_id.ics",
        "an instance after the end of its series is kept",
    ),
    ("recurring_ical_events/issue_75_range_parameter.ics", "RANGE=THISANDFUTURE changes that instance only"),
];

#[test]
fn the_calendars_that_other_programs_are_tested_with_come_to_the_same() {
    let (from, until, zone) = ("2016-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "Europe/Berlin");
    let mut same = 0;
    let mut differ = Vec::new();
    for fixture in peers::expand_fixtures(from, until, zone) {
        let (name, ics) = (fixture["name"].as_str().unwrap(), fixture["ics"].as_str().unwrap());
        let whole = ics.contains("BEGIN:VCALENDAR");
        if fixture["found"].is_null() || !whole || OTHERWISE.iter().any(|(other, _)| *other == name) {
            // Nothing to compare with; it must be read or refused all the same.
            drop(ours(ics, window(from, until), zone));
            continue;
        }
        let theirs = theirs(&fixture["found"]);
        match ours(ics, window(from, until), zone) {
            Ok(found) if found == theirs => same += 1,
            other => differ.push(format!("{name}: {other:?}, they say {theirs:?}")),
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(same > 140, "{same}: where are the calendars?");
}
