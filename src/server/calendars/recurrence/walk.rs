//! The starts that a rule generates, on the wall clock.
//!
//! A rule's set is made period by period (a year, a month, … a second): the days that its BYxxx parts let through, times the
//! times of day, in order, of which BYSETPOS picks some (RFC 5545 §3.3.10). Periods are found by arithmetic, so a walk begins
//! near where it is wanted however long ago the series began, and every step is paid for from a purse: no rule, however it is
//! made, takes longer than that.

use super::{
    local::{self, DAY, Local},
    rule::{Freq, Rule},
};
use chrono::{Datelike, NaiveDate};
use std::ops::ControlFlow;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything up to the end was seen.
    Reached,
    /// Whoever was told asked for no more.
    Stopped,
    /// The purse is empty.
    Spent,
}

/// What a day's place in the calendar is.
struct Place {
    month: i64,
    day: i64,
    month_length: i64,
    ordinal: i64,
    year_length: i64,
    /// 0 is Monday.
    weekday: i64,
    year: i32,
}

fn year_length(year: i32) -> i64 {
    if NaiveDate::from_ymd_opt(year, 2, 29).is_some() { 366 } else { 365 }
}

fn place(date: NaiveDate) -> Place {
    let month_length = match date.month() {
        2 => year_length(date.year()) - 337,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Place {
        month: i64::from(date.month()),
        day: i64::from(date.day()),
        month_length,
        ordinal: i64::from(date.ordinal()),
        year_length: year_length(date.year()),
        weekday: i64::from(date.weekday().num_days_from_monday()),
        year: date.year(),
    }
}

fn has(set: u64, number: i64) -> bool {
    (0..64).contains(&number) && set >> number & 1 == 1
}

fn members(set: u64) -> impl Iterator<Item = i64> {
    (0..64).filter(move |number| has(set, *number))
}

/// A rule with all that it leaves to DTSTART filled in.
struct Walk<'a> {
    rule: &'a Rule,
    months: u64,
    month_days: (u64, u64),
    weekdays: u64,
    /// Seconds after the beginning of a day, an hour or a minute (whichever the periods consist of), in order.
    offsets: Vec<i64>,
    /// The same in runs: the first, the last, and how many they are.
    runs: Vec<(i64, i64, u32)>,
    /// Starts that are no further apart are told together.
    reach: i64,
}

impl<'a> Walk<'a> {
    fn new(rule: &'a Rule, start: Local, reach: i64) -> Option<Self> {
        let first = place(local::date(start.div_euclid(DAY))?);
        let mut walk = Self {
            rule,
            months: rule.months,
            month_days: rule.month_days,
            weekdays: rule.weekdays,
            offsets: Vec::new(),
            runs: Vec::new(),
            reach,
        };
        let any_day = rule.weekdays != 0 || !rule.nth_weekdays.is_empty();
        let any_month_day = rule.month_days != (0, 0);
        if !any_day && !any_month_day && rule.year_days.is_empty() {
            match rule.freq {
                Freq::Yearly if !rule.weeks.is_empty() => walk.weekdays = 1 << first.weekday,
                Freq::Yearly => {
                    walk.month_days.0 = 1 << first.day;
                    if rule.months == 0 {
                        walk.months = 1 << first.month;
                    }
                }
                Freq::Monthly => walk.month_days.0 = 1 << first.day,
                Freq::Weekly => walk.weekdays = 1 << first.weekday,
                _ => {}
            }
        }
        let at = start.rem_euclid(DAY);
        let or = |set: u64, start: i64| if set == 0 { 1_u64 << start } else { set };
        let hours = if rule.freq >= Freq::Daily { or(rule.hours, at / 3600) } else { 1 };
        let minutes = if rule.freq >= Freq::Hourly { or(rule.minutes, at / 60 % 60) } else { 1 };
        let seconds = if rule.freq >= Freq::Minutely { or(rule.seconds, at % 60) } else { 1 };
        walk.offsets = members(hours)
            .flat_map(|hour| {
                members(minutes).flat_map(move |minute| {
                    members(seconds).map(move |second| hour * 3600 + minute * 60 + second)
                })
            })
            .collect();
        for &offset in &walk.offsets {
            match walk.runs.last_mut() {
                Some((_, last, number)) if offset - *last <= reach => {
                    (*last, *number) = (offset, *number + 1)
                }
                _ => walk.runs.push((offset, offset, 1)),
            }
        }
        Some(walk)
    }

    fn takes_week(&self, at: &Place) -> bool {
        // A week belongs to the year that has the most of it, that is, its fourth day.
        let mut middle = at.ordinal - (at.weekday - self.rule.week_start).rem_euclid(7) + 3;
        let mut length = at.year_length;
        if middle < 1 {
            length = year_length(at.year - 1);
            middle += length;
        } else if middle > length {
            middle -= length;
            length = year_length(at.year + 1);
        }
        let week = (middle - 1) / 7 + 1;
        let weeks = week + (length - middle) / 7;
        self.rule.weeks.iter().any(|&wanted| wanted == week || wanted == week - weeks - 1)
    }

    fn takes_nth(&self, at: &Place) -> bool {
        let in_month = self.rule.freq == Freq::Monthly || self.rule.months != 0;
        let (day, length) = if in_month { (at.day, at.month_length) } else { (at.ordinal, at.year_length) };
        let (nth, nth_last) = ((day - 1) / 7 + 1, -((length - day) / 7 + 1));
        self.rule
            .nth_weekdays
            .iter()
            .any(|&(number, weekday)| weekday == at.weekday && (number == nth || number == nth_last))
    }

    fn takes(&self, date: NaiveDate) -> bool {
        let at = place(date);
        (self.months == 0 || has(self.months, at.month))
            && (self.month_days == (0, 0)
                || has(self.month_days.0, at.day)
                || has(self.month_days.1, at.month_length - at.day + 1))
            && ((self.weekdays == 0 && self.rule.nth_weekdays.is_empty())
                || has(self.weekdays, at.weekday)
                || self.takes_nth(&at))
            && (self.rule.year_days.is_empty()
                || self.rule.year_days.binary_search(&at.ordinal).is_ok()
                || self.rule.year_days.binary_search(&(at.ordinal - at.year_length - 1)).is_ok())
            && (self.rule.weeks.is_empty() || self.rule.freq != Freq::Yearly || self.takes_week(&at))
    }

    fn takes_day(&self, day: i64) -> bool {
        local::date(day).is_some_and(|date| self.takes(date))
    }
}

/// The first day of a period of days and the day after its last.
fn period(rule: &Rule, start_day: i64, number: i64) -> Option<(i64, i64)> {
    let first = local::date(start_day)?;
    let step = number.checked_mul(rule.interval)?;
    match rule.freq {
        Freq::Yearly => {
            let year = i32::try_from(i64::from(first.year()).checked_add(step)?).ok()?;
            let begins = NaiveDate::from_ymd_opt(year, 1, 1)?;
            Some((local::day(begins), local::day(begins) + year_length(year)))
        }
        Freq::Monthly => {
            let month = (i64::from(first.year()) * 12 + i64::from(first.month0())).checked_add(step)?;
            let begins = NaiveDate::from_ymd_opt(
                i32::try_from(month.div_euclid(12)).ok()?,
                u32::try_from(month.rem_euclid(12)).ok()? + 1,
                1,
            )?;
            Some((local::day(begins), local::day(begins) + place(begins).month_length))
        }
        Freq::Weekly => {
            let weekday = i64::from(first.weekday().num_days_from_monday());
            let begins = start_day - (weekday - rule.week_start).rem_euclid(7) + step.checked_mul(7)?;
            Some((begins, begins + 7))
        }
        _ => {
            let begins = start_day.checked_add(step)?;
            Some((begins, begins + 1))
        }
    }
}

/// The number of the period that this time lies in, or of one before it; 0 for the first.
fn number_at(rule: &Rule, start_day: i64, from: Local) -> i64 {
    let from = from.div_euclid(DAY);
    let (Some(first), Some(wanted)) = (local::date(start_day), local::date(from)) else { return 0 };
    let years = i64::from(wanted.year()) - i64::from(first.year());
    let passed = match rule.freq {
        Freq::Yearly => years,
        Freq::Monthly => years * 12 + i64::from(wanted.month()) - i64::from(first.month()),
        Freq::Weekly => (from - start_day).div_euclid(7),
        _ => from - start_day,
    };
    (passed / rule.interval - 1).max(0)
}

/// Starts that follow each other closely.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub first: Local,
    /// The same as the first for one start.
    pub last: Local,
    /// How many they are.
    pub number: u32,
}

impl Run {
    /// From one start to the next, on average.
    pub(super) fn spacing(self) -> Local {
        (self.last - self.first) / i64::from(self.number.max(2) - 1)
    }

    /// What of it is not before `from`.
    pub(super) fn since(self, from: Local) -> Option<Self> {
        if self.last < from {
            return None;
        }
        let before = from - self.first;
        if before <= 0 {
            return Some(self);
        }
        let spacing = self.spacing().max(1);
        let passed = before / spacing + i64::from(before % spacing != 0);
        let number = u32::try_from((i64::from(self.number) - passed).max(1)).unwrap_or(1);
        Some(Self { first: (self.first + passed * spacing).min(self.last), number, ..self })
    }
}

/// Tells `each` of every start of the rule from `from` to before `until`, in order, DTSTART among them if the rule
/// generates it. What `each` is told may begin somewhat before `from`. Starts that are at most `reach` seconds apart may be
/// told as one run, those of one day at most; with 0 each is told alone. Takes steps out of the purse.
pub(super) fn walk(
    rule: &Rule,
    start: Local,
    (from, until): (Local, Local),
    reach: i64,
    purse: &mut u32,
    mut each: impl FnMut(Run) -> ControlFlow<()>,
) -> End {
    let Some(walk) = Walk::new(rule, start, reach) else { return End::Reached };
    if rule.freq < Freq::Daily {
        return walk_clock(&walk, start, from, until, purse, &mut each);
    }
    let start_day = start.div_euclid(DAY);
    let mut number = number_at(rule, start_day, from);
    let mut days = Vec::new();
    while let Some((begins, ends)) = period(rule, start_day, number) {
        if begins * DAY >= until {
            break;
        }
        let Some(left) = purse.checked_sub(1 + u32::try_from((ends - begins) / 8).unwrap_or(0)) else {
            return End::Spent;
        };
        *purse = left;
        days.clear();
        days.extend((begins..ends).filter(|day| walk.takes_day(*day)).map(|day| day * DAY));
        if let Some(end) = tell(&walk, &days, start, until, purse, &mut each) {
            return end;
        }
        number += 1;
    }
    End::Reached
}

/// Tells of one period's starts; `None`: go on.
fn tell(
    walk: &Walk<'_>,
    days: &[Local],
    start: Local,
    until: Local,
    purse: &mut u32,
    each: &mut impl FnMut(Run) -> ControlFlow<()>,
) -> Option<End> {
    let mut told = |run: Run| {
        let Some(left) = purse.checked_sub(1) else { return Some(End::Spent) };
        *purse = left;
        if run.last < start || run.first >= until {
            return None;
        }
        let (first, last) = (run.first.max(start), run.last.min(until - 1));
        each(Run { first, last, ..run }).is_break().then_some(End::Stopped)
    };
    if walk.rule.positions.is_empty() {
        return days
            .iter()
            .flat_map(|day| {
                walk.runs.iter().map(move |&(first, last, number)| Run {
                    first: day + first,
                    last: day + last,
                    number,
                })
            })
            .find_map(&mut told);
    }
    let mut one = |at: Local| told(Run { first: at, last: at, number: 1 });
    let per_day = i64::try_from(walk.offsets.len()).unwrap_or(i64::MAX).max(1);
    let total = i64::try_from(days.len()).unwrap_or(i64::MAX).saturating_mul(per_day);
    let mut places: Vec<i64> = walk
        .rule
        .positions
        .iter()
        .map(|&position| if position > 0 { position - 1 } else { total + position })
        .filter(|place| (0..total).contains(place))
        .collect();
    places.sort_unstable();
    places.dedup();
    places
        .into_iter()
        .filter_map(|place| {
            let day = days.get(usize::try_from(place / per_day).ok()?)?;
            let offset = walk.offsets.get(usize::try_from(place % per_day).ok()?)?;
            Some(day + offset)
        })
        .find_map(&mut one)
}

/// Rules whose periods are hours, minutes or seconds: what a BYxxx part does not let through is passed over a day, an hour
/// or a minute at a time.
fn walk_clock(
    walk: &Walk<'_>,
    start: Local,
    from: Local,
    until: Local,
    purse: &mut u32,
    each: &mut impl FnMut(Run) -> ControlFlow<()>,
) -> End {
    let rule = walk.rule;
    let unit = match rule.freq {
        Freq::Hourly => 3600,
        Freq::Minutely => 60,
        _ => 1,
    };
    let first = start.div_euclid(unit) * unit;
    let step = rule.interval.saturating_mul(unit);
    // Where nothing but whole days, hours or minutes are left out, all of what is between them is one run.
    let evenly = walk.offsets.len() == 1 && rule.positions.is_empty();
    let runs = evenly && walk.reach >= step && (rule.freq > Freq::Secondly || rule.seconds == 0);
    let whole = match () {
        () if rule.freq < Freq::Hourly && rule.minutes != 0 => 60,
        () if rule.hours != 0 => 3600,
        () => DAY,
    };
    let period_from = |at: Local| {
        let passed = (at - first).max(0);
        first.saturating_add((passed / step + i64::from(passed % step != 0)).saturating_mul(step))
    };
    let mut at = period_from(from.saturating_sub(step).max(first));
    let mut seen: Option<(i64, bool)> = None;
    while at < until {
        let Some(left) = purse.checked_sub(1) else { return End::Spent };
        *purse = left;
        let day = at.div_euclid(DAY);
        let taken = match seen {
            Some((known, taken)) if known == day => taken,
            _ => walk.takes_day(day),
        };
        seen = Some((day, taken));
        let clock = at.rem_euclid(DAY);
        let next = if !taken {
            (day + 1) * DAY
        } else if rule.hours != 0 && !has(rule.hours, clock / 3600) {
            (at.div_euclid(3600) + 1) * 3600
        } else if rule.freq < Freq::Hourly && rule.minutes != 0 && !has(rule.minutes, clock / 60 % 60) {
            (at.div_euclid(60) + 1) * 60
        } else {
            let second_fits =
                rule.freq > Freq::Secondly || rule.seconds == 0 || has(rule.seconds, clock % 60);
            if runs {
                let ends = ((at.div_euclid(whole) + 1) * whole).min(until);
                let more = (ends - 1 - at).max(0) / step;
                let offset = walk.offsets.first().copied().unwrap_or_default();
                let (first, last) = (at + offset, at + more * step + offset);
                let number = u32::try_from(more).unwrap_or(u32::MAX - 1) + 1;
                if last >= start && first < until {
                    let (first, last) = (first.max(start), last.min(until - 1));
                    if each(Run { first, last, number }).is_break() {
                        return End::Stopped;
                    }
                }
                ends
            } else {
                if second_fits && let Some(end) = tell(walk, &[at], start, until, purse, each) {
                    return end;
                }
                at.saturating_add(1)
            }
        };
        at = period_from(next);
    }
    End::Reached
}
