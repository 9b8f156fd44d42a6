//! Dates, times, zones and names as people read them. Pure, and the same words on the server and in the browser.

use crate::domain::{assignment::Assignment, event_type::length_in_words, month::Month, zone::ZoneRules};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The instant of a start in epoch minutes, as links and forms carry it.
pub fn at(minutes: i64) -> DateTime<Utc> {
    minutes.checked_mul(60).and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or_default()
}

fn position(number: u32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// Reads `2026-12-03`.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.splitn(3, '-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if !(digits(year, 4) && digits(month, 2) && digits(day, 2)) {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// "Tuesday".
pub fn weekday(date: NaiveDate) -> &'static str {
    WEEKDAYS.get(position(date.weekday().num_days_from_monday())).copied().unwrap_or_default()
}

/// "March".
pub fn month_name(date: NaiveDate) -> &'static str {
    MONTHS.get(position(date.month0())).copied().unwrap_or_default()
}

/// "March 2026".
pub fn month(month: Month) -> String {
    let first = month.first();
    format!("{} {}", month_name(first), first.year())
}

/// "Tuesday, 3 March 2026".
pub fn day(date: NaiveDate) -> String {
    format!("{}, {} {} {}", weekday(date), date.day(), month_name(date), date.year())
}

/// "Tuesday 3 March": for sentences, where the year goes without saying.
pub fn day_spoken(date: NaiveDate) -> String {
    format!("{} {} {}", weekday(date), date.day(), month_name(date))
}

/// "Tue 6 January".
pub fn day_short(date: NaiveDate) -> String {
    let weekday = weekday(date);
    format!("{} {} {}", weekday.get(..3).unwrap_or(weekday), date.day(), month_name(date))
}

/// "14:30", or "2:30 pm".
pub fn clock(local: NaiveDateTime, hour12: bool) -> String {
    let (hour, minute) = (local.hour(), local.minute());
    if hour12 {
        let half = if hour < 12 { "am" } else { "pm" };
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        format!("{hour}:{minute:02} {half}")
    } else {
        format!("{hour:02}:{minute:02}")
    }
}

/// "14:30 – 15:00". An end on another day says which; an end on another offset says so too.
pub fn span(zone: &ZoneRules, start: DateTime<Utc>, end: DateTime<Utc>, hour12: bool) -> String {
    let (from, until) = (zone.local(start), zone.local(end));
    let mut text = format!("{} – {}", clock(from, hour12), clock(until, hour12));
    if from.date() != until.date() {
        text.push_str(", ");
        text.push_str(&day_spoken(until.date()));
    }
    let after = zone.offset_at(end);
    if zone.offset_at(start) != after {
        text.push_str(" (");
        text.push_str(&offset(after));
        text.push(')');
    }
    text
}

/// [`span`] with the 24-hour clock.
pub fn times(zone: &ZoneRules, start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    span(zone, start, end, false)
}

/// "UTC+1", "UTC−3:30", "UTC".
pub fn offset(seconds: i32) -> String {
    let minutes = seconds.unsigned_abs() / 60;
    let sign = if seconds < 0 { '−' } else { '+' };
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

/// "America/New York".
pub fn zone_name(name: &str) -> String {
    name.replace('_', " ")
}

/// "Europe/Berlin (UTC+1)", with the offset at that instant.
pub fn zone(rules: &ZoneRules, instant: DateTime<Utc>) -> String {
    let offset = offset(rules.offset_at(instant));
    if rules.name() == offset { offset } else { format!("{} ({offset})", zone_name(rules.name())) }
}

/// "1 time", "4 times".
pub fn many(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// "30 min", for a choice between lengths; longer ones in whole words.
pub fn length_short(minutes: u32) -> String {
    if minutes <= 120 { format!("{minutes} min") } else { length_in_words(minutes) }
}

/// "Anna, Ben or Clara"; the last word says whether all of them come.
pub fn people(names: &[String], assignment: Assignment) -> String {
    let word = if assignment == Assignment::AllHands { " and " } else { " or " };
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{}{word}{last}", first.join(", ")),
    }
}

/// "AB" for "Anna Berg": the first letters of the first and the last word. (Capital letters of every script would
/// bring 28 KB of tables into the browser.)
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().next());
    let first = words.next();
    first.into_iter().chain(words.next_back()).map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::Transition;

    fn berlin() -> ZoneRules {
        let to_summer = Transition { at: 1_774_746_000, offset: 7200 };
        let to_winter = Transition { at: 1_792_890_000, offset: 3600 };
        ZoneRules::new("Europe/Berlin", 3600, vec![to_summer, to_winter])
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn dates_and_times_read_as_people_write_them() {
        let (start, end) = (instant("2026-03-03T13:30:00Z"), instant("2026-03-03T14:00:00Z"));
        let date = berlin().date(start);
        assert_eq!(day(date), "Tuesday, 3 March 2026");
        assert_eq!(day_spoken(date), "Tuesday 3 March");
        assert_eq!(day_short(date), "Tue 3 March");
        assert_eq!(month(Month::of(date)), "March 2026");
        assert_eq!(times(&berlin(), start, end), "14:30 – 15:00");
        assert_eq!(span(&berlin(), start, end, true), "2:30 pm – 3:00 pm");
    }

    #[test]
    fn days_are_read_strictly() {
        assert_eq!(parse_day("2026-12-03").unwrap().to_string(), "2026-12-03");
        for wrong in ["", "2026-12", "2026-02-30", "+026-01-01", "2026-1-01", "2026-01-01-01", "２026-01-01"]
        {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn noon_and_midnight_are_twelve_on_the_short_clock() {
        let at = |hour| NaiveDate::default().and_hms_opt(hour, 5, 0).unwrap();
        assert_eq!(clock(at(0), true), "12:05 am");
        assert_eq!(clock(at(12), true), "12:05 pm");
        assert_eq!(clock(at(23), true), "11:05 pm");
        assert_eq!(clock(at(0), false), "00:05");
    }

    #[test]
    fn an_end_tomorrow_or_on_another_offset_says_so() {
        let night = span(&berlin(), instant("2026-03-03T22:30:00Z"), instant("2026-03-03T23:30:00Z"), false);
        assert_eq!(night, "23:30 – 00:30, Wednesday 4 March");
        let forward =
            span(&berlin(), instant("2026-03-29T00:30:00Z"), instant("2026-03-29T01:30:00Z"), false);
        assert_eq!(forward, "01:30 – 03:30 (UTC+2)");
    }

    #[test]
    fn zones_carry_the_offset_of_their_day() {
        assert_eq!(zone(&berlin(), instant("2026-01-10T00:00:00Z")), "Europe/Berlin (UTC+1)");
        assert_eq!(zone(&berlin(), instant("2026-07-10T00:00:00Z")), "Europe/Berlin (UTC+2)");
        assert_eq!(zone(&ZoneRules::utc(), DateTime::default()), "UTC");
        assert_eq!(offset(5 * 3600 + 1800), "UTC+5:30");
        assert_eq!(offset(-3 * 3600 - 1800), "UTC−3:30");
        assert_eq!(zone_name("America/New_York"), "America/New York");
    }

    #[test]
    fn starts_that_no_clock_shows_do_no_harm() {
        assert_eq!(at(i64::MAX), DateTime::<Utc>::default());
        assert_eq!(at(29_700_000).timestamp(), 29_700_000 * 60);
    }

    #[test]
    fn people_are_listed_by_what_they_do() {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(people(&names(&["Anna"]), Assignment::RoundRobin), "Anna");
        assert_eq!(people(&names(&["Anna", "Ben", "Clara"]), Assignment::Collective), "Anna, Ben or Clara");
        assert_eq!(people(&names(&["Anna", "Ben"]), Assignment::AllHands), "Anna and Ben");
        assert_eq!(initials("Anna Maria Berg"), "AB");
        assert_eq!(initials("grace"), "G");
        assert_eq!(initials("Ömer"), "Ö");
    }
}
