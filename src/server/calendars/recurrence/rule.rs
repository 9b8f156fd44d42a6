//! Recurrence rules as text (RFC 5545 §3.3.10).

use super::local::{self, Local};

/// The longest rule that is read, in bytes. Every list of every part written out in full is shorter.
const LONGEST: usize = 8_192;

/// How often a rule's set begins anew; the order is that of their lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freq {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// When a rule ends; inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// With this day on the wall, in seconds at its midnight.
    Day(Local),
    /// At this time on the wall.
    Local(Local),
    /// At this instant, in seconds since 1970.
    Instant(i64),
}

/// A rule. Lists of small numbers are sets of bits, so that a hostile list is no longer than a short one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub freq: Freq,
    /// At least 1.
    pub interval: i64,
    pub count: Option<u32>,
    pub until: Option<Until>,
    /// BYMONTH: bits 1 to 12.
    pub months: u64,
    /// BYMONTHDAY: bits 1 to 31, from the month's beginning and from its end.
    pub month_days: (u64, u64),
    /// BYYEARDAY, in order.
    pub year_days: Vec<i64>,
    /// BYWEEKNO, in order.
    pub weeks: Vec<i64>,
    /// BYDAY without a number: bits 0 (Monday) to 6.
    pub weekdays: u64,
    /// BYDAY with a number: it, and the day; in order.
    pub nth_weekdays: Vec<(i64, i64)>,
    /// BYHOUR: bits 0 to 23.
    pub hours: u64,
    /// BYMINUTE: bits 0 to 59.
    pub minutes: u64,
    /// BYSECOND: bits 0 to 59. There are no leap seconds here: 60 is 59 (§3.3.5).
    pub seconds: u64,
    /// BYSETPOS, in order.
    pub positions: Vec<i64>,
    /// WKST: 0 is Monday.
    pub week_start: i64,
}

fn weekday(name: &str) -> Option<i64> {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        .iter()
        .position(|day| day.eq_ignore_ascii_case(name))
        .and_then(|day| i64::try_from(day).ok())
}

/// A list of numbers within a range; with a sign of either kind where `back` allows counting from the end (never 0 then).
fn numbers(text: &str, from: i64, to: i64, back: bool) -> Option<Vec<i64>> {
    let mut list = text
        .split(',')
        .map(|number| {
            let number: i64 = number.trim().parse().ok()?;
            let size = if back { number.abs() } else { number };
            (from..=to).contains(&size).then_some(number)
        })
        .collect::<Option<Vec<_>>>()?;
    list.sort_unstable();
    list.dedup();
    Some(list)
}

fn bits(list: &[i64]) -> u64 {
    list.iter().filter(|number| (0..64).contains(*number)).fold(0, |set, number| set | 1_u64 << number)
}

impl Rule {
    /// Reads a rule; `None` when it can't be understood or is not of the Gregorian calendar. Parts that are not of the
    /// standard are passed over.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let mut freq = None;
        let mut rule = Self {
            freq: Freq::Daily,
            interval: 1,
            count: None,
            until: None,
            months: 0,
            month_days: (0, 0),
            year_days: Vec::new(),
            weeks: Vec::new(),
            weekdays: 0,
            nth_weekdays: Vec::new(),
            hours: 0,
            minutes: 0,
            seconds: 0,
            positions: Vec::new(),
            week_start: 0,
        };
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=')?;
            let value = value.trim();
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" => {
                    freq = Some(match value.to_ascii_uppercase().as_str() {
                        "SECONDLY" => Freq::Secondly,
                        "MINUTELY" => Freq::Minutely,
                        "HOURLY" => Freq::Hourly,
                        "DAILY" => Freq::Daily,
                        "WEEKLY" => Freq::Weekly,
                        "MONTHLY" => Freq::Monthly,
                        "YEARLY" => Freq::Yearly,
                        _ => return None,
                    });
                }
                "INTERVAL" => rule.interval = i64::from(value.parse::<u32>().ok()?.max(1)),
                // Some programs write -1 for a rule without an end.
                "COUNT" if value.starts_with('-') => {}
                "COUNT" => rule.count = Some(value.parse().ok()?),
                "UNTIL" => rule.until = Some(until(value)?),
                "BYMONTH" => rule.months = bits(&numbers(value, 1, 12, false)?),
                "BYMONTHDAY" => {
                    let list = numbers(value, 1, 31, true)?;
                    let back: Vec<i64> = list.iter().map(|day| -day).collect();
                    rule.month_days = (bits(&list), bits(&back));
                }
                "BYYEARDAY" => rule.year_days = numbers(value, 1, 366, true)?,
                "BYWEEKNO" => rule.weeks = numbers(value, 1, 53, true)?,
                "BYDAY" => rule.read_days(value)?,
                "BYHOUR" => rule.hours = bits(&numbers(value, 0, 23, false)?),
                "BYMINUTE" => rule.minutes = bits(&numbers(value, 0, 59, false)?),
                "BYSECOND" => {
                    let list: Vec<i64> =
                        numbers(value, 0, 60, false)?.into_iter().map(|second| second.min(59)).collect();
                    rule.seconds = bits(&list);
                }
                "BYSETPOS" => rule.positions = numbers(value, 1, 366, true)?,
                "WKST" => rule.week_start = weekday(value)?,
                // RFC 7529: other calendars count other months.
                "RSCALE" if !value.eq_ignore_ascii_case("GREGORIAN") => return None,
                "SKIP" if !value.eq_ignore_ascii_case("OMIT") => return None,
                _ => {}
            }
        }
        rule.freq = freq?;
        // A numbered day means something within a month or a year only (§3.3.10); elsewhere the number says nothing.
        if rule.freq < Freq::Monthly || !rule.weeks.is_empty() {
            for (_, day) in std::mem::take(&mut rule.nth_weekdays) {
                rule.weekdays |= bits(&[day]);
            }
        }
        Some(rule)
    }

    fn read_days(&mut self, value: &str) -> Option<()> {
        for day in value.split(',') {
            let day = day.trim();
            let (number, name) = day.split_at_checked(day.len().checked_sub(2)?)?;
            let name = weekday(name)?;
            if number.is_empty() {
                self.weekdays |= bits(&[name]);
            } else {
                let number: i64 =
                    number.parse().ok().filter(|number: &i64| (1..=53).contains(&number.abs()))?;
                self.nth_weekdays.push((number, name));
            }
        }
        self.nth_weekdays.sort_unstable();
        self.nth_weekdays.dedup();
        Some(())
    }
}

fn until(text: &str) -> Option<Until> {
    if let Some(utc) = text.strip_suffix(['Z', 'z']) {
        return Some(Until::Instant(local::parse(utc)?.0));
    }
    let (at, whole_day) = local::parse(text)?;
    Some(if whole_day { Until::Day(at) } else { Until::Local(at) })
}
