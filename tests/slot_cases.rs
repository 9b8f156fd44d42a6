//! The slot engine, case by case: what others in the field test, and what the design says about time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "oracle/tz.rs"]
mod tz;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use meridian::domain::{
    assignment::Assignment::{self, AllHands, RoundRobin},
    interval::{Interval, IntervalSet},
    schedule::{Schedule, WeeklyHours, Window},
    slots::{
        BookingWindow, HostTime, Limit, Limits, Offer, Session, SlotRules, booked_range, lookaround, nearest,
        offer, offer_at,
    },
    zone::{Transition, ZoneRules},
};
use tz::new_year;

// ---- Words of the cases

fn utc(text: &str) -> DateTime<Utc> {
    let padded = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    padded.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn span(from: &str, until: &str) -> Interval {
    Interval::new(utc(from), utc(until)).unwrap()
}

fn set(spans: &[(&str, &str)]) -> IntervalSet {
    spans.iter().map(|(from, until)| span(from, until)).collect()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// `"22:00-02:00"`
fn window(text: &str) -> Window {
    let minutes = |clock: &str| {
        let (hours, minutes) = clock.split_once(':').unwrap();
        hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
    };
    let (from, until) = text.split_once('-').unwrap();
    Window::new(minutes(from), minutes(until)).unwrap()
}

fn windows(texts: &[&str]) -> Vec<Window> {
    texts.iter().map(|text| window(text)).collect()
}

fn every_day(texts: &[&str]) -> Schedule {
    Schedule { weekly: WeeklyHours::every_day(windows(texts)), ..Schedule::default() }
}

fn weekdays(texts: &[&str]) -> Schedule {
    Schedule { weekly: WeeklyHours::weekdays(windows(texts)), ..Schedule::default() }
}

/// Closed but on the given dates.
fn only(dates: &[(&str, &[&str])]) -> Schedule {
    Schedule {
        weekly: WeeklyHours::default(),
        overrides: dates.iter().map(|(day, texts)| (date(day), windows(texts))).collect(),
    }
}

fn zone(name: &str) -> ZoneRules {
    tz::rules(name.parse().unwrap(), new_year(2011), new_year(2030))
}

/// One host and one question; the rest has defaults.
struct Case {
    rules: SlotRules,
    length: u32,
    zone: ZoneRules,
    open: Option<IntervalSet>,
    schedule: Schedule,
    busy: IntervalSet,
    booked: Vec<Interval>,
    sessions: Vec<Session>,
    now: DateTime<Utc>,
}

fn case(length: u32) -> Case {
    Case {
        rules: SlotRules::default(),
        length,
        zone: ZoneRules::utc(),
        open: None,
        schedule: Schedule::default(),
        busy: IntervalSet::new(),
        booked: Vec::new(),
        sessions: Vec::new(),
        now: utc("2000-01-01"),
    }
}

impl Case {
    fn offer(&self, range: Interval) -> Offer {
        let around = lookaround(&self.rules, self.length);
        let scheduled = || self.schedule.open_time(&self.zone, range.pad(around, around));
        let host = HostTime {
            open: &self.open.clone().unwrap_or_else(scheduled),
            busy: &self.busy,
            booked: &self.booked,
            sessions: &self.sessions,
            zone: &self.zone,
            required: true,
        };
        offer(&self.rules, RoundRobin, self.length, &[host], range, self.now)
    }

    fn count(&self, from: &str, until: &str) -> usize {
        self.offer(span(from, until)).len()
    }

    /// Starts on the clock of the zone, `"3 09:15"` for the third of the month.
    fn local(&self, from: &str, until: &str) -> Vec<String> {
        let offer = self.offer(span(from, until));
        offer.starts().map(|start| self.zone.local(start).format("%-d %H:%M").to_string()).collect()
    }

    /// Starts in UTC, `"09:15"`.
    fn clock(&self, from: &str, until: &str) -> Vec<String> {
        self.offer(span(from, until)).starts().map(|start| start.format("%H:%M").to_string()).collect()
    }
}

fn open(spans: &[(&str, &str)], length: u32) -> Case {
    Case { open: Some(set(spans)), ..case(length) }
}

// ---- The cases of the field

#[test]
fn an_empty_full_day_has_24_hours() {
    let day = Case { schedule: only(&[("2024-05-06", &["00:00-24:00"])]), ..case(60) };
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 24);
}

#[test]
fn an_empty_full_day_has_72_times_20_minutes() {
    let day = Case { schedule: only(&[("2024-05-06", &["00:00-24:00"])]), ..case(20) };
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 72);
}

#[test]
fn a_day_that_ends_a_quarter_early_has_71_times_20_minutes() {
    let day = Case { schedule: only(&[("2024-05-06", &["00:00-23:45"])]), ..case(20) };
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 71);
}

#[test]
fn one_second_before_noon_12_hours_are_left() {
    let mut day = Case { schedule: only(&[("2024-05-06", &["00:00-24:00"])]), ..case(60) };
    day.now = utc("2024-05-06T11:59:59");
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 12);
    day.now = utc("2024-05-06T12:00");
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 12, "now itself can be booked");
    day.now = utc("2024-05-06T12:00:00.001");
    assert_eq!(day.count("2024-05-05", "2024-05-09"), 11);
}

#[test]
fn two_windows_of_an_hour_have_6_times_20_minutes() {
    let day = Case { schedule: only(&[("2024-05-06", &["11:00-12:00", "14:00-15:00"])]), ..case(20) };
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["11:00", "11:20", "11:40", "14:00", "14:20", "14:40"]);
}

#[test]
fn the_grid_begins_where_the_window_begins() {
    let day = Case { schedule: only(&[("2024-05-06", &["07:22-08:00"])]), ..case(8) };
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["07:22", "07:30", "07:38", "07:46"]);
}

#[test]
fn two_days_with_two_windows_each() {
    let hours: &[&str] = &["09:15-11:00", "11:30-14:00"];
    let days = Case { schedule: only(&[("2024-05-06", hours), ("2024-05-07", hours)]), ..case(60) };
    assert_eq!(
        days.local("2024-05-06", "2024-05-09"),
        ["6 09:15", "6 11:30", "6 12:30", "7 09:15", "7 11:30", "7 12:30"]
    );
    assert_eq!(Case { length: 30, ..days }.count("2024-05-06", "2024-05-09"), 16);
}

#[test]
fn two_full_days_merge_into_one_run() {
    let full: &[&str] = &["00:00-24:00"];
    let schedule = only(&[("2024-05-06", full), ("2024-05-07", full)]);
    let open = schedule.open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"));
    assert_eq!(open, set(&[("2024-05-06", "2024-05-08")]));
    let days = Case { schedule, ..case(60) };
    assert_eq!(days.count("2024-05-01", "2024-05-31"), 48);
}

#[test]
fn an_end_before_the_start_is_a_window_across_midnight_and_an_interval_not_at_all() {
    assert_eq!(window("22:00-02:00").minutes(), 240);
    assert_eq!(Interval::new(utc("2024-05-07"), utc("2024-05-06")), None);
}

#[test]
fn touching_ranges_do_not_meet() {
    let (morning, noon) =
        (span("2024-05-06T09:00", "2024-05-06T10:00"), span("2024-05-06T10:00", "2024-05-06T11:00"));
    assert!(!morning.overlaps(noon) && morning.intersect(noon).is_none());
    let day = Case {
        busy: set(&[("2024-05-06T10:00", "2024-05-06T11:00")]),
        schedule: every_day(&["09:00-12:00"]),
        ..case(60)
    };
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "11:00"]);
}

#[test]
fn nine_to_five_in_new_york_is_14_to_22_utc_from_5_november_2023() {
    let open =
        weekdays(&["09:00-17:00"]).open_time(&zone("America/New_York"), span("2023-11-05", "2023-11-12"));
    let expected: Vec<Interval> = (6..=10)
        .map(|day| span(&format!("2023-11-{day:02}T14:00"), &format!("2023-11-{day:02}T22:00")))
        .collect();
    assert_eq!(open.as_slice(), expected);
}

#[test]
fn an_override_replaces_the_weekly_hours_of_its_date() {
    let mut schedule = weekdays(&["09:00-17:00"]);
    schedule.overrides.insert(date("2023-06-13"), windows(&["10:00-15:00"]));
    let open = schedule.open_time(&zone("America/New_York"), span("2023-06-13T04:00", "2023-06-14T04:00"));
    assert_eq!(open, set(&[("2023-06-13T14:00", "2023-06-13T19:00")]));
}

#[test]
fn an_override_in_the_evening_lies_on_the_next_day_in_utc() {
    let schedule = only(&[("2023-06-13", &["22:00-23:00"])]);
    let open = schedule.open_time(&zone("America/New_York"), span("2023-06-01", "2023-06-30"));
    assert_eq!(open, set(&[("2023-06-14T02:00", "2023-06-14T03:00")]));
}

#[test]
fn an_override_without_windows_closes_the_date() {
    let mut schedule = every_day(&["09:00-17:00"]);
    schedule.overrides.insert(date("2024-05-07"), Vec::new());
    let open = schedule.open_time(&ZoneRules::utc(), span("2024-05-06", "2024-05-09"));
    assert_eq!(
        open,
        set(&[("2024-05-06T09:00", "2024-05-06T17:00"), ("2024-05-08T09:00", "2024-05-08T17:00")])
    );
}

#[test]
fn the_last_hour_of_a_day_and_the_first_of_the_next_are_one_window() {
    let schedule = only(&[("2024-07-01", &["23:00-24:00"]), ("2024-07-02", &["00:00-00:30"])]);
    let london = zone("Europe/London");
    let open = schedule.open_time(&london, span("2024-06-30", "2024-07-05"));
    assert_eq!(open, set(&[("2024-07-01T22:00", "2024-07-01T23:30")]));
    // The grid goes through midnight as if it were not there.
    let late = Case { schedule, zone: london, ..case(45) };
    assert_eq!(late.local("2024-06-30", "2024-07-05"), ["1 23:00", "1 23:45"]);
}

#[test]
fn filling_gaps_starts_the_grid_anew_after_a_booking() {
    let mut day = open(&[("2024-05-06T04:00", "2024-05-06T12:30")], 45);
    day.busy = set(&[("2024-05-06T04:00", "2024-05-06T04:15")]);
    let without = day.clock("2024-05-06", "2024-05-07");
    assert_eq!(without[..2], ["04:45", "05:30"]);
    assert_eq!(without.len(), 10);
    day.rules.fill_gaps = true;
    let with = day.clock("2024-05-06", "2024-05-07");
    assert_eq!(with[..3], ["04:15", "05:00", "05:45"]);
    assert_eq!(with.len(), 11);
}

#[test]
fn buffers_leave_nothing_between_two_close_bookings() {
    let mut day = Case { schedule: every_day(&["09:00-17:00"]), ..case(30) };
    day.rules.buffer_before = 15;
    day.rules.buffer_after = 30;
    day.busy = set(&[("2024-05-06T12:00", "2024-05-06T13:00"), ("2024-05-06T14:30", "2024-05-06T15:00")]);
    let between = |day: &Case| day.clock("2024-05-06T13:00", "2024-05-06T14:30");
    // 13:30 needs 13:15–14:30: that would just fit, so the case asks about claims, which carry their own
    // buffers.
    assert_eq!(between(&day), ["13:30"]);
    day.busy = set(&[("2024-05-06T11:45", "2024-05-06T13:30"), ("2024-05-06T14:15", "2024-05-06T15:30")]);
    assert!(between(&day).is_empty());
}

#[test]
fn a_full_day_is_full_for_a_viewer_11_hours_away_too() {
    let new_york = zone("America/New_York");
    let sydney = zone("Australia/Sydney");
    let mut days = Case { schedule: every_day(&["09:00-21:00"]), zone: new_york.clone(), ..case(60) };
    days.rules.limits.day.count = Some(1);
    // 20:00 on 6 May in New York, the 7th in UTC and in Sydney.
    days.booked = vec![span("2024-05-07T00:00", "2024-05-07T01:00")];
    let offer = days.offer(span("2024-05-05T04:00", "2024-05-10T04:00"));
    let dates = |zone: &ZoneRules| {
        let mut dates: Vec<NaiveDate> = offer.starts().map(|start| zone.date(start)).collect();
        dates.dedup();
        dates
    };
    assert_eq!(dates(&new_york), ["2024-05-05", "2024-05-07", "2024-05-08", "2024-05-09"].map(date));
    // The 6th in New York reaches from 14:00 to 14:00 in Sydney: whoever looks from there misses parts of two
    // days.
    let next = offer.starts().find(|start| *start >= utc("2024-05-06T04:00")).unwrap();
    assert_eq!(sydney.local(next).to_string(), "2024-05-07 23:00:00");
}

#[test]
fn cancelled_bookings_hold_no_time_and_pending_ones_do() {
    // Which bookings hold time is the caller's business; the engine sees it by what is busy.
    let mut day = Case { schedule: every_day(&["09:00-11:00"]), ..case(60) };
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "10:00"]);
    day.busy = set(&[("2024-05-06T09:00", "2024-05-06T10:00")]);
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["10:00"]);
}

// ---- Time: gaps, overlaps, midnight

#[test]
fn a_window_across_midnight_is_four_hours() {
    let open = only(&[("2024-05-06", &["22:00-02:00"])])
        .open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"));
    assert_eq!(open, set(&[("2024-05-06T22:00", "2024-05-07T02:00")]));
    // Also for someone who only looks at the second half.
    let open = only(&[("2024-05-06", &["22:00-02:00"])])
        .open_time(&ZoneRules::utc(), span("2024-05-07", "2024-05-31"));
    assert_eq!(open, set(&[("2024-05-07", "2024-05-07T02:00")]));
}

#[test]
fn an_override_of_the_next_date_leaves_the_window_across_midnight_alone() {
    let mut schedule = every_day(&["22:00-02:00"]);
    schedule.overrides.insert(date("2024-05-07"), Vec::new());
    let open = schedule.open_time(&ZoneRules::utc(), span("2024-05-06T12:00", "2024-05-08T12:00"));
    assert_eq!(open, set(&[("2024-05-06T22:00", "2024-05-07T02:00")]));
}

#[test]
fn a_window_until_midnight_can_be_written_as_zero_or_24() {
    for until in ["00:00", "24:00"] {
        let schedule = only(&[("2024-05-06", &[&format!("22:00-{until}")])]);
        let open = schedule.open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"));
        assert_eq!(open, set(&[("2024-05-06T22:00", "2024-05-07")]));
    }
}

#[test]
fn an_empty_window_vanishes() {
    for empty in ["09:00-09:00", "00:00-00:00"] {
        let open = every_day(&[empty]).open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"));
        assert!(open.is_empty());
    }
}

#[test]
fn windows_outside_the_day_do_not_exist() {
    assert!(Window::new(1440, 1440).is_none() && Window::new(0, 1441).is_none());
    assert!(Window::new(0, 1440).is_some() && Window::new(1439, 0).is_some());
    assert!(serde_json::from_str::<Window>("[0,1441]").is_err());
}

#[test]
fn overlapping_windows_are_one() {
    let open = only(&[("2024-05-06", &["09:00-12:00", "11:00-15:00", "15:00-16:00"])])
        .open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"));
    assert_eq!(open, set(&[("2024-05-06T09:00", "2024-05-06T16:00")]));
}

#[test]
fn a_window_that_starts_in_a_gap_starts_after_it_and_one_that_lies_in_it_vanishes() {
    // Berlin, 31 March 2024: 02:00 becomes 03:00 at 01:00Z.
    let range = span("2024-03-30T12:00", "2024-03-31T12:00");
    let berlin = zone("Europe/Berlin");
    let open = |hours: &str| only(&[("2024-03-31", &[hours])]).open_time(&berlin, range);
    assert_eq!(open("02:30-04:00"), set(&[("2024-03-31T01:00", "2024-03-31T02:00")]));
    assert_eq!(open("01:00-02:30"), set(&[("2024-03-31T00:00", "2024-03-31T01:00")]));
    assert!(open("02:15-02:45").is_empty());
    assert_eq!(open("01:00-04:00"), set(&[("2024-03-31T00:00", "2024-03-31T02:00")]));
}

#[test]
fn in_an_overlap_a_window_starts_at_the_first_and_ends_at_the_last_occurrence() {
    // Berlin, 27 October 2024: 03:00 becomes 02:00 at 01:00Z.
    let range = span("2024-10-26T12:00", "2024-10-27T12:00");
    let berlin = zone("Europe/Berlin");
    let open = |hours: &str| only(&[("2024-10-27", &[hours])]).open_time(&berlin, range);
    assert_eq!(open("02:30-04:00"), set(&[("2024-10-27T00:30", "2024-10-27T03:00")]));
    assert_eq!(open("01:00-02:30"), set(&[("2024-10-26T23:00", "2024-10-27T01:30")]));
    assert_eq!(open("02:15-02:45"), set(&[("2024-10-27T00:15", "2024-10-27T01:45")]));
}

#[test]
fn the_switch_sundays_have_23_and_25_hours() {
    let full: &[&str] = &["00:00-24:00"];
    for (day, hours) in [("2024-03-31", 23), ("2024-10-27", 25), ("2024-06-30", 24)] {
        let day = Case { schedule: only(&[(day, full)]), zone: zone("Europe/Berlin"), ..case(60) };
        assert_eq!(day.count("2024-01-01", "2024-12-31"), hours);
    }
}

#[test]
fn midnight_that_is_skipped_and_midnight_that_comes_twice() {
    // Cairo, 26 April 2024: 00:00 becomes 01:00. A day that opens at midnight opens at one.
    let cairo = zone("Africa/Cairo");
    let open = only(&[("2024-04-26", &["00:00-03:00"])]).open_time(&cairo, span("2024-04-24", "2024-04-28"));
    assert_eq!(open, set(&[("2024-04-25T22:00", "2024-04-26T00:00")]));
    // Havana, 3 November 2024: 01:00 becomes 00:00. 24:00 of the 2nd is the first of the two midnights.
    let havana = zone("America/Havana");
    let range = span("2024-11-01", "2024-11-05");
    let open = only(&[("2024-11-02", &["22:00-24:00"])]).open_time(&havana, range);
    assert_eq!(open, set(&[("2024-11-03T02:00", "2024-11-03T04:00")]));
    let open = only(&[("2024-11-02", &["22:00-00:30"])]).open_time(&havana, range);
    assert_eq!(open, set(&[("2024-11-03T02:00", "2024-11-03T05:30")]));
}

#[test]
fn a_date_that_the_zone_skipped_has_no_windows_and_its_neighbours_have_theirs() {
    let apia = zone("Pacific/Apia");
    let range = span("2011-12-28T10:00", "2012-01-01T10:00");
    let nights = every_day(&["22:00-02:00"]).open_time(&apia, range);
    let expected = set(&[
        ("2011-12-28T10:00", "2011-12-28T12:00"), // what is left of the 27th's
        ("2011-12-29T08:00", "2011-12-29T12:00"),
        ("2011-12-30T08:00", "2011-12-30T10:00"), // the 29th ends, and the 31st begins
        ("2011-12-31T08:00", "2011-12-31T12:00"),
        ("2012-01-01T08:00", "2012-01-01T10:00"),
    ]);
    assert_eq!(nights, expected);
    let only_skipped = only(&[("2011-12-30", &["09:00-17:00", "22:00-02:00", "12:00-24:00"])]);
    assert!(only_skipped.open_time(&apia, range).is_empty());
    let around_the_clock = every_day(&["00:00-24:00"]).open_time(&apia, range);
    assert_eq!(around_the_clock, IntervalSet::from(range));
}

#[test]
fn a_day_that_comes_twice_does_not_hang() {
    // A zone that jumps back by a whole day: every local time of it is shown twice.
    let jump = utc("2024-05-07").timestamp();
    let twice = ZoneRules::new("Test/Twice", 43_200, vec![Transition { at: jump, offset: -43_200 }]);
    let open = every_day(&["09:00-10:00"]).open_time(&twice, span("2024-05-05", "2024-05-09"));
    assert!(!open.is_empty());
    let days = Case { schedule: every_day(&["00:00-24:00"]), zone: twice, ..case(60) };
    assert_eq!(days.count("2024-05-05", "2024-05-09"), 96);
}

#[test]
fn around_the_clock_the_grid_starts_anew_every_midnight() {
    // 50 minutes do not divide a day: without new anchors every day would have other times.
    let mut days = Case { schedule: every_day(&["00:00-24:00"]), zone: zone("Asia/Kathmandu"), ..case(50) };
    let day = days.local("2024-05-07T18:15", "2024-05-08T18:15");
    assert_eq!((day.len(), day[0].as_str(), day[28].as_str()), (29, "8 00:00", "8 23:20"));
    days.rules.offset = 10;
    assert_eq!(days.local("2024-05-07T18:15", "2024-05-08T18:15")[..2], ["8 00:10", "8 01:00"]);
    // Asked in the middle of the day, it gives the same times.
    assert_eq!(days.local("2024-05-08T06:15", "2024-05-08T07:15"), ["8 12:40"]);
}

#[test]
fn a_run_of_up_to_24_hours_keeps_its_grid_through_midnight() {
    let night = Case { schedule: only(&[("2024-05-06", &["20:10-20:05"])]), ..case(55) };
    let night = night.local("2024-05-06", "2024-05-09");
    assert_eq!((night[0].as_str(), night[5].as_str(), night.len()), ("6 20:10", "7 00:45", 26));
}

#[test]
fn the_grid_runs_in_elapsed_time_through_a_switch() {
    let mut night =
        Case { schedule: only(&[("2024-03-31", &["00:00-06:00"])]), zone: zone("Europe/Berlin"), ..case(60) };
    night.rules.interval = Some(90);
    assert_eq!(night.local("2024-03-30", "2024-04-01"), ["31 00:00", "31 01:30", "31 04:00"]);
}

#[test]
fn half_hour_zones_do_not_shift_the_slots() {
    // Whoever looks, the set of instants is the same: the engine is never told who does.
    let day =
        Case { schedule: only(&[("2024-05-06", &["09:00-11:00"])]), zone: zone("Asia/Kolkata"), ..case(60) };
    assert_eq!(day.clock("2024-05-05", "2024-05-08"), ["03:30", "04:30"]);
}

// ---- The rules

#[test]
fn interval_and_offset_shape_the_grid() {
    let mut day = Case { schedule: every_day(&["09:00-11:00"]), ..case(60) };
    day.rules.interval = Some(15);
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "09:15", "09:30", "09:45", "10:00"]);
    day.rules.interval = Some(25);
    day.rules.offset = 5;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:05", "09:30", "09:55"]);
    day.rules.offset = 61;
    assert!(day.clock("2024-05-06", "2024-05-07").is_empty());
}

#[test]
fn an_interval_or_a_length_of_zero_is_no_trap() {
    let mut day = Case { schedule: every_day(&["09:00-11:00"]), ..case(60) };
    day.rules.interval = Some(0);
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "10:00"]);
    day.length = 0;
    assert!(day.clock("2024-05-06", "2024-05-07").is_empty());
}

#[test]
fn filled_gaps_are_rounded_up_to_five_minutes_and_know_no_offset() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), ..case(30) };
    day.rules.fill_gaps = true;
    day.rules.offset = 10;
    day.rules.buffer_before = 5;
    day.busy = set(&[("2024-05-06T09:50", "2024-05-06T10:02:30")]);
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:10", "10:10", "10:40", "11:10"]);
}

#[test]
fn a_block_that_leaves_the_opening_alone_does_not_move_the_grid() {
    let mut day = Case { schedule: every_day(&["09:00-11:00"]), ..case(60) };
    day.rules.fill_gaps = true;
    day.busy = set(&[("2024-05-06T08:07", "2024-05-06T08:45")]);
    day.rules.buffer_before = 15;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "10:00"]);
    // Nor does it where it ends just in time, and takes neither offset nor odd minutes away.
    day.rules.offset = 7;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:07"]);
    assert_eq!(day.local("2024-05-05", "2024-05-07"), ["5 09:07", "6 09:07"]);
    day.rules.buffer_before = 20;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:05"]);
}

#[test]
fn buffers_may_poke_out_of_open_time() {
    let mut day = Case { schedule: every_day(&["09:00-10:00"]), ..case(60) };
    day.rules.buffer_before = 60;
    day.rules.buffer_after = 60;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00"]);
    day.busy = set(&[("2024-05-06T10:59", "2024-05-06T12:00")]);
    assert!(day.clock("2024-05-06", "2024-05-07").is_empty());
}

#[test]
fn a_fraction_of_a_second_of_busy_time_takes_the_second() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), ..case(60) };
    day.busy = set(&[
        ("2024-05-06T08:00", "2024-05-06T09:00:00.001"),
        ("2024-05-06T11:59:59.999", "2024-05-06T13:00"),
    ]);
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["10:00"]);
}

#[test]
fn notice_counts_to_the_second_and_the_past_is_never_on_offer() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), now: utc("2024-05-06T08:00"), ..case(60) };
    day.rules.notice = 2 * 3600;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["10:00", "11:00"]);
    day.rules.notice += 1;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["11:00"]);
    day.rules.notice = i64::MAX;
    assert!(day.clock("2024-05-06", "2024-05-07").is_empty());
    day.now = utc("2024-05-06T10:00:01");
    day.rules.notice = i64::MIN;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["11:00"]);
}

/// The days of May 2024 (the 3rd is a Friday) on which something is on offer.
fn days_in_may(rules: SlotRules, now: &str, zone_name: &str) -> Vec<String> {
    let days = Case {
        rules,
        schedule: every_day(&["09:00-10:00"]),
        zone: zone(zone_name),
        now: utc(now),
        ..case(60)
    };
    days.local("2024-05-01", "2024-05-31")
        .iter()
        .map(|start| start.split(' ').next().unwrap().into())
        .collect()
}

fn booking_window(window: BookingWindow) -> SlotRules {
    SlotRules { window, ..SlotRules::default() }
}

#[test]
fn calendar_days_count_today_as_day_zero() {
    let days = |count| {
        days_in_may(booking_window(BookingWindow::CalendarDays(count)), "2024-05-03T00:00", "Etc/UTC")
    };
    assert_eq!(days(0), ["3"]);
    assert_eq!(days(1), ["3", "4"]);
    assert_eq!(days(u32::MAX).len(), 28);
}

#[test]
fn days_are_counted_in_the_zone_of_the_schedule() {
    // 23:00Z on the 3rd is the 4th in Tokyo.
    let days = days_in_may(booking_window(BookingWindow::CalendarDays(1)), "2024-05-03T23:00", "Asia/Tokyo");
    assert_eq!(days, ["4", "5"]);
}

#[test]
fn business_days_step_over_weekends() {
    let last = |count, now: &str| {
        days_in_may(booking_window(BookingWindow::BusinessDays(count)), now, "Etc/UTC").pop().unwrap()
    };
    assert_eq!(last(0, "2024-05-03"), "3");
    assert_eq!(last(1, "2024-05-02"), "3");
    for now in ["2024-05-03", "2024-05-04", "2024-05-05"] {
        assert_eq!(last(1, now), "6", "from {now}");
        assert_eq!(last(5, now), "10", "from {now}");
        assert_eq!(last(6, now), "13", "from {now}");
    }
    assert_eq!(last(0, "2024-05-04"), "4", "today, even if it is a Saturday");
    assert_eq!(last(u32::MAX, "2024-05-04"), "30");
    // Weekends on the way belong to the window.
    let days = days_in_may(booking_window(BookingWindow::BusinessDays(1)), "2024-05-03", "Etc/UTC");
    assert_eq!(days, ["3", "4", "5", "6"]);
}

#[test]
fn a_window_of_dates_includes_both() {
    let days = |from, until| {
        let window = BookingWindow::Dates { from: date(from), until: date(until) };
        days_in_may(booking_window(window), "2024-04-01", "Pacific/Kiritimati")
    };
    assert_eq!(days("2024-05-06", "2024-05-08"), ["6", "7", "8"]);
    assert_eq!(days("2024-05-06", "2024-05-06"), ["6"]);
    assert!(days("2024-05-08", "2024-05-06").is_empty());
}

fn limited(limits: Limits, booked: &[(&str, &str)]) -> Case {
    let mut days = Case { schedule: every_day(&["09:00-12:00"]), zone: zone("Europe/Berlin"), ..case(60) };
    days.rules.limits = limits;
    days.booked = booked.iter().map(|(from, until)| span(from, until)).collect();
    days
}

#[test]
fn limits_by_count_per_day_week_and_month() {
    let two = Limit { count: Some(2), minutes: None };
    // Monday the 6th twice, Tuesday the 7th once.
    let booked = [
        ("2024-05-06T07:00", "2024-05-06T08:00"),
        ("2024-05-06T09:00", "2024-05-06T10:00"),
        ("2024-05-07T09:00", "2024-05-07T10:00"),
    ];
    let days = |limits| {
        let mut days: Vec<String> = limited(limits, &booked)
            .local("2024-05-01T12:00", "2024-06-03T12:00")
            .iter()
            .map(|start| start.split(' ').next().unwrap().into())
            .collect();
        days.dedup();
        days.join(" ")
    };
    let per_day = days(Limits { day: two, ..Limits::default() });
    assert!(per_day.starts_with("2 3 4 5 7 8"), "{per_day}");
    let per_week = days(Limits { week: two, ..Limits::default() });
    assert!(per_week.starts_with("2 3 4 5 13 14"), "{per_week}");
    assert_eq!(days(Limits { month: two, ..Limits::default() }), "1 2 3");
}

#[test]
fn after_a_full_day_the_grid_goes_on_at_midnight() {
    let mut night = Case { schedule: only(&[("2024-05-06", &["21:30-02:30"])]), ..case(60) };
    night.rules.interval = Some(30);
    night.rules.limits.day.count = Some(1);
    night.booked = vec![span("2024-05-06T09:00", "2024-05-06T10:00")];
    assert_eq!(night.clock("2024-05-06", "2024-05-08"), ["00:00", "00:30", "01:00", "01:30"]);
    night.booked = vec![span("2024-05-07T09:00", "2024-05-07T10:00")];
    assert_eq!(night.clock("2024-05-06", "2024-05-08"), ["21:30", "22:00", "22:30", "23:00", "23:30"]);
}

#[test]
fn limits_by_minutes_count_the_new_booking_too() {
    let ninety = Limits { day: Limit { count: None, minutes: Some(90) }, ..Limits::default() };
    let mut day = limited(ninety, &[("2024-05-06T07:00", "2024-05-06T07:30")]);
    assert_eq!(day.count("2024-05-06", "2024-05-07"), 3, "30 and 60 are 90");
    day.booked = vec![span("2024-05-06T07:00", "2024-05-06T07:31")];
    assert_eq!(day.count("2024-05-06", "2024-05-07"), 0);
    day.length = 91;
    assert_eq!(day.count("2024-05-01", "2024-05-30"), 0, "a single booking is too long already");
}

#[test]
fn a_limit_of_zero_offers_nothing() {
    let none = Limits { month: Limit { count: Some(0), minutes: None }, ..Limits::default() };
    assert_eq!(limited(none, &[]).count("2024-05-01", "2024-05-30"), 0);
}

#[test]
fn the_bookings_that_count_for_limits_are_those_of_whole_periods() {
    let mut rules = SlotRules::default();
    let berlin = zone("Europe/Berlin");
    let range = span("2024-05-08T12:00", "2024-05-08T13:00");
    assert_eq!(booked_range(&rules, &berlin, range), None);
    rules.limits.day.count = Some(1);
    assert_eq!(booked_range(&rules, &berlin, range), Some(span("2024-05-07T22:00", "2024-05-08T22:00")));
    rules.limits.week.minutes = Some(1);
    assert_eq!(booked_range(&rules, &berlin, range), Some(span("2024-05-05T22:00", "2024-05-12T22:00")));
    rules.limits.month.count = Some(1);
    assert_eq!(booked_range(&rules, &berlin, range), Some(span("2024-04-30T22:00", "2024-05-31T22:00")));
}

// ---- Seats

fn session(from: &str, until: &str, taken: u32) -> Session {
    Session { start: utc(from), end: utc(until), taken }
}

#[test]
fn a_session_with_a_free_seat_is_on_offer_although_it_takes_its_own_time() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), ..case(60) };
    day.rules.seats = 5;
    day.busy = set(&[("2024-05-06T10:00", "2024-05-06T11:00")]);
    day.sessions = vec![session("2024-05-06T10:00", "2024-05-06T11:00", 3)];
    let offer = day.offer(span("2024-05-06", "2024-05-07"));
    let seats: Vec<u32> = offer.iter().map(|slot| slot.seats_left).collect();
    assert_eq!(seats, [5, 2, 5]);
    let slot = offer.find(utc("2024-05-06T10:00")).unwrap();
    assert_eq!((slot.session_seats(0), slot.hosts().collect::<Vec<_>>()), (Some(2), vec![0]));
    assert_eq!(offer.find(utc("2024-05-06T09:00")).unwrap().session_seats(0), None);
    day.sessions[0].taken = 5;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "11:00"]);
    day.sessions[0].taken = 9;
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "11:00"]);
}

#[test]
fn a_session_off_the_grid_outside_open_time_and_beyond_the_limits_can_be_joined() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), ..case(60) };
    day.rules.seats = 2;
    day.rules.limits.day.count = Some(1);
    day.busy = set(&[("2024-05-06T12:07", "2024-05-06T13:07")]);
    day.booked = vec![span("2024-05-06T12:07", "2024-05-06T13:07")];
    day.sessions = vec![session("2024-05-06T12:07", "2024-05-06T13:07", 1)];
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["12:07"]);
    day.now = utc("2024-05-06T12:08");
    assert!(day.clock("2024-05-06", "2024-05-07").is_empty(), "notice counts for sessions too");
}

#[test]
fn a_session_of_another_length_only_takes_time() {
    let mut day = Case { schedule: every_day(&["09:00-12:00"]), ..case(60) };
    day.rules.seats = 2;
    day.busy = set(&[("2024-05-06T10:00", "2024-05-06T10:30")]);
    day.sessions = vec![session("2024-05-06T10:00", "2024-05-06T10:30", 1)];
    assert_eq!(day.clock("2024-05-06", "2024-05-07"), ["09:00", "11:00"]);
}

// ---- Several hosts

/// Hosts in UTC, given by what is open and what is busy.
fn team(
    rules: &SlotRules,
    assignment: Assignment,
    length: u32,
    hosts: &[(IntervalSet, IntervalSet, bool)],
) -> Vec<(String, Vec<usize>)> {
    let utc_rules = ZoneRules::utc();
    let hosts: Vec<HostTime<'_>> = hosts
        .iter()
        .map(|(open, busy, required)| HostTime {
            open,
            busy,
            booked: &[],
            sessions: &[],
            zone: &utc_rules,
            required: *required,
        })
        .collect();
    let offer = offer(rules, assignment, length, &hosts, span("2024-05-06", "2024-05-07"), utc("2000-01-01"));
    offer.iter().map(|slot| (slot.start.format("%H:%M").to_string(), slot.hosts().collect())).collect()
}

fn may_6(hours: &[&str]) -> IntervalSet {
    only(&[("2024-05-06", hours)]).open_time(&ZoneRules::utc(), span("2024-05-01", "2024-05-31"))
}

fn found(slots: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    slots.iter().map(|(start, hosts)| ((*start).to_owned(), hosts.to_vec())).collect()
}

#[test]
fn a_round_robin_offers_the_union_each_host_on_their_own_grid() {
    let hosts = [
        (may_6(&["09:00-11:00"]), IntervalSet::new(), true),
        (may_6(&["09:30-12:00"]), IntervalSet::new(), true),
        (may_6(&["10:00-12:00"]), may_6(&["11:00-11:30"]), true),
    ];
    let expected = found(&[("09:00", &[0]), ("09:30", &[1]), ("10:00", &[0, 2]), ("10:30", &[1])]);
    assert_eq!(team(&SlotRules::default(), RoundRobin, 60, &hosts), expected);
    assert_eq!(team(&SlotRules::default(), Assignment::Collective, 60, &hosts), expected);
}

#[test]
fn all_hands_need_everyone_and_start_where_the_common_time_starts() {
    let hosts = [
        (may_6(&["09:00-12:00"]), IntervalSet::new(), true),
        (may_6(&["09:20-13:00"]), may_6(&["10:30-11:00"]), true),
    ];
    assert_eq!(
        team(&SlotRules::default(), AllHands, 30, &hosts),
        found(&[("09:20", &[0, 1]), ("09:50", &[0, 1]), ("11:20", &[0, 1])])
    );
}

#[test]
fn optional_hosts_come_along_when_they_are_free_and_stop_nobody() {
    let hosts = [
        (may_6(&["09:00-11:00"]), IntervalSet::new(), true),
        (may_6(&["10:00-11:00"]), IntervalSet::new(), false),
        (IntervalSet::new(), IntervalSet::new(), false),
    ];
    assert_eq!(
        team(&SlotRules::default(), AllHands, 60, &hosts),
        found(&[("09:00", &[0]), ("10:00", &[0, 1])])
    );
}

#[test]
fn where_nobody_is_required_everybody_is() {
    let hosts = [
        (may_6(&["09:00-11:00"]), IntervalSet::new(), false),
        (may_6(&["10:00-12:00"]), IntervalSet::new(), false),
    ];
    assert_eq!(team(&SlotRules::default(), AllHands, 60, &hosts), found(&[("10:00", &[0, 1])]));
}

#[test]
fn nobody_offers_nothing() {
    for assignment in [RoundRobin, Assignment::Collective, AllHands] {
        assert!(team(&SlotRules::default(), assignment, 60, &[]).is_empty());
    }
}

#[test]
fn a_hundred_hosts_keep_their_numbers() {
    let hosts: Vec<_> = (0..100)
        .map(|host| {
            (may_6(&[if host % 3 == 0 { "09:00-10:00" } else { "08:30-09:30" }]), IntervalSet::new(), true)
        })
        .collect();
    let slots = team(&SlotRules::default(), RoundRobin, 60, &hosts);
    assert_eq!(slots[0].1, (0..100).filter(|host| host % 3 != 0).collect::<Vec<_>>());
    assert_eq!(slots[1].1, (0..100).filter(|host| host % 3 == 0).collect::<Vec<_>>());
    let mut hosts = hosts;
    hosts[70].0 = may_6(&["07:00-08:00"]);
    let slots = team(&SlotRules::default(), RoundRobin, 60, &hosts);
    assert_eq!(slots[0], ("07:00".to_owned(), vec![70]), "nobody before them had this start");
    hosts[70].0 = may_6(&["09:00-10:00"]);
    let all = team(&SlotRules::default(), AllHands, 30, &hosts);
    assert_eq!(all, vec![("09:00".to_owned(), (0..100).collect::<Vec<_>>())]);
}

#[test]
fn with_seats_one_booking_gets_what_one_host_can_give() {
    let zone = ZoneRules::utc();
    let (hours, none) = (may_6(&["09:00-10:00"]), IntervalSet::new());
    let sessions = [session("2024-05-06T09:00", "2024-05-06T10:00", 4)];
    let joined = HostTime {
        open: &hours,
        busy: &hours,
        booked: &[],
        sessions: &sessions,
        zone: &zone,
        required: true,
    };
    let fresh = HostTime { busy: &none, sessions: &[], ..joined };
    let rules = SlotRules { seats: 6, ..SlotRules::default() };
    let ask = |assignment, hosts: &[HostTime<'_>]| {
        let offer = offer(&rules, assignment, 60, hosts, span("2024-05-06", "2024-05-07"), utc("2000-01-01"));
        offer
            .iter()
            .map(|slot| (slot.seats_left, slot.session_seats(0), slot.session_seats(1)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ask(RoundRobin, &[joined, fresh]),
        [(6, Some(2), None)],
        "the second host can open a session for six"
    );
    assert_eq!(ask(AllHands, &[joined, fresh]), [(2, Some(2), None)], "a session of both has room for two");
    assert_eq!(ask(AllHands, &[joined, HostTime { sessions: &[], ..joined }]), [], "the second host is busy");
    assert_eq!(ask(RoundRobin, &[joined]), [(2, Some(2), None)]);
    let fuller = [session("2024-05-06T09:00", "2024-05-06T10:00", 5)];
    let fuller = HostTime { sessions: &fuller, ..joined };
    assert_eq!(ask(AllHands, &[joined, fuller]), [(1, Some(2), Some(1))], "all sit in the fuller session");
    assert_eq!(ask(RoundRobin, &[joined, fuller]), [(2, Some(2), Some(1))], "or one in the other");
}

#[test]
fn among_all_hands_a_host_at_their_limit_can_join_but_not_open_a_session() {
    let zone = ZoneRules::utc();
    let (hours, none) = (may_6(&["09:00-12:00"]), IntervalSet::new());
    let nine = may_6(&["09:00-10:00"]);
    let booked = [span("2024-05-06T09:00", "2024-05-06T10:00")];
    let sessions = [session("2024-05-06T09:00", "2024-05-06T10:00", 1)];
    let holds = HostTime {
        open: &hours,
        busy: &nine,
        booked: &booked,
        sessions: &sessions,
        zone: &zone,
        required: true,
    };
    let mut rules = SlotRules { seats: 3, ..SlotRules::default() };
    rules.limits.day.count = Some(1);
    let ask = |required| {
        // Free at nine, but with a booking that day already.
        let full = HostTime { busy: &none, sessions: &[], required, ..holds };
        let range = span("2024-05-06", "2024-05-07");
        let offer = offer(&rules, AllHands, 60, &[holds, full], range, utc("2000-01-01"));
        offer.iter().map(|slot| slot.hosts().collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    assert!(ask(true).is_empty());
    assert_eq!(ask(false), [[0]]);
}

// ---- Asking

#[test]
fn a_single_start_is_found_or_not() {
    let day = Case { schedule: every_day(&["09:00-12:00"]), ..case(60) };
    let offer = day.offer(span("2024-05-06", "2024-05-07"));
    assert!(
        offer.find(utc("2024-05-06T10:00")).is_some_and(|slot| slot.has(0) && !slot.has(1) && !slot.has(64))
    );
    for miss in ["2024-05-06T10:30", "2024-05-06T10:00:00.500", "2024-05-06T12:00"] {
        assert!(offer.find(utc(miss)).is_none(), "{miss}");
    }
}

#[test]
fn the_nearest_times_come_in_order_of_time() {
    let day = Case { schedule: every_day(&["09:00-12:00"]), ..case(30) };
    let offer = day.offer(span("2024-05-06", "2024-05-08"));
    let near = |to: &str, n| {
        nearest(&offer, utc(to), n).iter().map(|at| at.format("%-d %H:%M").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(near("2024-05-06T10:10", 3), ["6 09:30", "6 10:00", "6 10:30"]);
    assert_eq!(near("2024-05-06T10:00", 1), ["6 10:00"]);
    assert_eq!(near("2024-05-06T10:15", 1), ["6 10:00"], "the earlier of two equally near");
    assert_eq!(near("2024-05-06T22:20", 3), ["6 11:30", "7 09:00", "7 09:30"]);
    assert_eq!(near("2020-01-01", 2), ["6 09:00", "6 09:30"]);
    assert_eq!(near("2030-01-01", 2), ["7 11:00", "7 11:30"]);
    assert_eq!(near("2024-05-06T10:10", 99).len(), 12);
    assert!(near("2024-05-06T10:10", 0).is_empty());
}

#[test]
fn rules_and_schedules_survive_json() {
    let mut schedule = weekdays(&["09:00-12:00", "22:00-02:00"]);
    schedule.overrides.insert(date("2024-12-24"), windows(&["09:00-24:00"]));
    let json = serde_json::to_string(&schedule).unwrap();
    assert_eq!(
        json,
        r#"{"weekly":[[[540,720],[1320,120]],[[540,720],[1320,120]],[[540,720],[1320,120]],[[540,720],[1320,120]],[[540,720],[1320,120]],[],[]],"overrides":{"2024-12-24":[[540,1440]]}}"#
    );
    assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule);
    for window in [
        BookingWindow::Unlimited,
        BookingWindow::BusinessDays(3),
        BookingWindow::Dates { from: date("2024-05-06"), until: date("2024-05-08") },
    ] {
        let rules = SlotRules { interval: Some(5), ..booking_window(window) };
        let json = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<SlotRules>(&json).unwrap(), rules);
    }
    assert_eq!(serde_json::to_string(&AllHands).unwrap(), r#""all_hands""#);
}

// ---- What the network may send

#[test]
fn the_ends_of_time_and_absurd_numbers_do_not_panic() {
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    let ends = [
        Interval::new(first, first + TimeDelta::days(3)).unwrap(),
        Interval::new(last - TimeDelta::days(3), last).unwrap(),
    ];
    let max = u32::MAX;
    let huge = Limit { count: Some(max), minutes: Some(max) };
    for range in ends {
        for zone_rules in [
            ZoneRules::utc(),
            ZoneRules::new("Test/East", 50_000, vec![]),
            ZoneRules::new("Test/West", -50_000, vec![]),
        ] {
            for (length, number) in [(1, 0), (60, 7), (max, max)] {
                for window in [
                    BookingWindow::CalendarDays(number),
                    BookingWindow::BusinessDays(number),
                    BookingWindow::Dates { from: NaiveDate::MIN, until: NaiveDate::MAX },
                ] {
                    let mut days =
                        Case { open: Some(range.into()), zone: zone_rules.clone(), ..case(length) };
                    days.rules = SlotRules {
                        interval: Some(max),
                        offset: number,
                        fill_gaps: true,
                        buffer_before: number,
                        buffer_after: number,
                        notice: i64::MAX - 5,
                        window,
                        limits: Limits { day: huge, week: huge, month: huge },
                        seats: max,
                    };
                    days.busy = IntervalSet::from(range);
                    days.booked = vec![range, range];
                    days.sessions = vec![Session { start: range.start(), end: range.end(), taken: max }];
                    let _ = days.schedule.open_time(&days.zone, range);
                    for now in [first, last, range.start()] {
                        days.now = now;
                        days.rules.notice = i64::MAX - 5;
                        let _ = days.offer(range);
                        days.rules.notice = 0;
                        days.busy = IntervalSet::new();
                        let offer = days.offer(range);
                        let _ = nearest(&offer, now, 3);
                        let _ = booked_range(&days.rules, &days.zone, range);
                    }
                }
            }
        }
    }
    let open = IntervalSet::new();
    let zone = ZoneRules::utc();
    let host = HostTime { open: &open, busy: &open, booked: &[], sessions: &[], zone: &zone, required: true };
    assert!(offer_at(&SlotRules::default(), RoundRobin, 1, &[host], last, first).is_empty());
}
