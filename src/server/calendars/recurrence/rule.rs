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
    /// `false`: a part of it can't be understood and was passed over, so that it may generate too much.
    pub clear: bool,
}

fn weekday(name: &str) -> Option<i64> {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        .iter()
        .position(|day| day.eq_ignore_ascii_case(name))
        .and_then(|day| i64::try_from(day).ok())
}

/// A list of numbers within a range; with a sign of either kind where `back` allows counting from the end (never 0 then).
/// What is not of it is passed over, and then it is not `clear`.
fn numbers(clear: &mut bool, text: &str, from: i64, to: i64, back: bool) -> Vec<i64> {
    let read = |number: &str| {
        let number: i64 = number.trim().parse().ok()?;
        let size = if back { number.checked_abs()? } else { number };
        (from..=to).contains(&size).then_some(number)
    };
    let mut list = Vec::new();
    for number in text.split(',') {
        match read(number) {
            Some(number) => list.push(number),
            None => *clear = false,
        }
    }
    list.sort_unstable();
    list.dedup();
    list
}

fn bits(list: &[i64]) -> u64 {
    list.iter().filter(|number| (0..64).contains(*number)).fold(0, |set, number| set | 1_u64 << number)
}

impl Freq {
    fn read(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "SECONDLY" => Self::Secondly,
            "MINUTELY" => Self::Minutely,
            "HOURLY" => Self::Hourly,
            "DAILY" => Self::Daily,
            "WEEKLY" => Self::Weekly,
            "MONTHLY" => Self::Monthly,
            "YEARLY" => Self::Yearly,
            _ => return None,
        })
    }
}

/// What was read; without it, it is not `clear`.
fn known<T, E>(clear: &mut bool, read: Result<T, E>) -> Option<T> {
    *clear &= read.is_ok();
    read.ok()
}

impl Rule {
    /// Reads a rule; `None` when nothing of it can be understood or it is not of the Gregorian calendar. Parts that are not of
    /// the standard are passed over, and so are those that can't be understood, which most often means too many starts rather
    /// than too few.
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
            clear: true,
        };
        let text = text.trim();
        let text = text.strip_prefix("RRULE:").unwrap_or(text);
        let mut clear = true;
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                clear = false;
                continue;
            };
            let value = value.trim();
            let list = |clear: &mut bool, from, to, back| numbers(clear, value, from, to, back);
            match name.trim().to_ascii_uppercase().as_str() {
                "FREQ" => freq = Some(Freq::read(value)?),
                "INTERVAL" => {
                    rule.interval = i64::from(known(&mut clear, value.parse::<u32>()).unwrap_or(1).max(1))
                }
                // Some programs write -1 for a rule without an end.
                "COUNT" if value.starts_with('-') => {}
                "COUNT" => rule.count = known(&mut clear, value.parse()),
                "UNTIL" => rule.until = known(&mut clear, until(value).ok_or(())),
                "BYMONTH" => rule.months = bits(&list(&mut clear, 1, 12, false)),
                "BYMONTHDAY" => {
                    let list = list(&mut clear, 1, 31, true);
                    let back: Vec<i64> = list.iter().map(|day| -day).collect();
                    rule.month_days = (bits(&list), bits(&back));
                }
                "BYYEARDAY" => rule.year_days = list(&mut clear, 1, 366, true),
                "BYWEEKNO" => rule.weeks = list(&mut clear, 1, 53, true),
                "BYDAY" => clear &= rule.read_days(value),
                "BYHOUR" => rule.hours = bits(&list(&mut clear, 0, 23, false)),
                "BYMINUTE" => rule.minutes = bits(&list(&mut clear, 0, 59, false)),
                "BYSECOND" => {
                    let list = list(&mut clear, 0, 60, false);
                    rule.seconds = bits(&list.into_iter().map(|second| second.min(59)).collect::<Vec<_>>());
                }
                "BYSETPOS" => rule.positions = list(&mut clear, 1, 366, true),
                "WKST" => rule.week_start = known(&mut clear, weekday(value).ok_or(())).unwrap_or(0),
                // RFC 7529: other calendars count other months.
                "RSCALE" if !value.eq_ignore_ascii_case("GREGORIAN") => return None,
                "SKIP" if !value.eq_ignore_ascii_case("OMIT") => clear = false,
                _ => {}
            }
        }
        rule.clear = clear;
        rule.freq = freq?;
        // A numbered day means something within a month or a year only (§3.3.10); elsewhere the number says nothing.
        if rule.freq < Freq::Monthly || !rule.weeks.is_empty() {
            for (_, day) in std::mem::take(&mut rule.nth_weekdays) {
                rule.weekdays |= bits(&[day]);
            }
        }
        Some(rule.with_longer_periods())
    }

    /// The same rule with fewer periods: of every hour, some are those of every day.
    fn with_longer_periods(mut self) -> Self {
        if self.interval == 1 && self.positions.is_empty() {
            for (freq, list, longer) in [
                (Freq::Secondly, self.seconds, Freq::Minutely),
                (Freq::Minutely, self.minutes, Freq::Hourly),
                (Freq::Hourly, self.hours, Freq::Daily),
            ] {
                if self.freq == freq && list != 0 {
                    self.freq = longer;
                }
            }
        }
        self
    }

    /// `false`: not all of it is days.
    fn read_days(&mut self, value: &str) -> bool {
        let read = |day: &str| {
            let (number, name) = day.split_at_checked(day.len().checked_sub(2)?)?;
            let name = weekday(name)?;
            if number.is_empty() {
                return Some((None, name));
            }
            let number: i64 =
                number.parse().ok().filter(|number: &i64| (1..=53).contains(&number.unsigned_abs()))?;
            Some((Some(number), name))
        };
        let mut clear = true;
        for day in value.split(',') {
            match read(day.trim()) {
                Some((None, name)) => self.weekdays |= bits(&[name]),
                Some((Some(number), name)) => self.nth_weekdays.push((number, name)),
                None => clear = false,
            }
        }
        self.nth_weekdays.sort_unstable();
        self.nth_weekdays.dedup();
        clear
    }
}

fn until(text: &str) -> Option<Until> {
    if let Some(utc) = text.strip_suffix(['Z', 'z']) {
        return Some(Until::Instant(local::parse(utc)?.0));
    }
    let (at, whole_day) = local::parse(text)?;
    Some(if whole_day { Until::Day(at) } else { Until::Local(at) })
}
