//! When somebody is open: weekly hours, and dates on which other hours hold.
//!
//! A schedule knows wall clocks only; [`Schedule::open_time`] turns it into instants with the rules of its
//! zone.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};

use super::{
    interval::{Interval, IntervalSet},
    zone::{DAY, ZoneRules, instant, local_midnight},
};

/// Minutes in a day on the wall clock.
const DAY_MINUTES: u16 = 24 * 60;

/// Opening hours of one date, `[from, until)` in minutes after midnight on the wall clock.
///
/// `until` may be 1440 (24:00, the end of the date). Where it is smaller than `from` the window crosses
/// midnight: 22:00 to 02:00 is four hours of the date on which it starts. Where both are equal the window is
/// empty and vanishes.
///
/// In JSON: `[from, until]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u16, u16)", into = "(u16, u16)")]
pub struct Window {
    from: u16,
    until: u16,
}

impl Window {
    /// `None` unless `from` is in `0..1440` and `until` in `0..=1440`.
    #[must_use]
    pub fn new(from: u16, until: u16) -> Option<Self> {
        (from < DAY_MINUTES && until <= DAY_MINUTES).then_some(Self { from, until })
    }

    /// Minutes after midnight.
    #[must_use]
    pub fn from(self) -> u16 {
        self.from
    }

    /// Minutes after midnight; of the next date when [`crosses_midnight`](Self::crosses_midnight).
    #[must_use]
    pub fn until(self) -> u16 {
        self.until
    }

    #[must_use]
    pub fn is_empty(self) -> bool {
        self.from == self.until
    }

    #[must_use]
    pub fn crosses_midnight(self) -> bool {
        self.until < self.from
    }

    /// How long it is on a day without clock changes.
    #[must_use]
    pub fn minutes(self) -> u16 {
        if self.crosses_midnight() { DAY_MINUTES - self.from + self.until } else { self.until - self.from }
    }
}

impl TryFrom<(u16, u16)> for Window {
    type Error = &'static str;

    fn try_from((from, until): (u16, u16)) -> Result<Self, Self::Error> {
        Self::new(from, until).ok_or("a window starts before minute 1440 and ends by minute 1440 of its day")
    }
}

impl From<Window> for (u16, u16) {
    fn from(window: Window) -> Self {
        (window.from, window.until)
    }
}

/// The windows of each weekday; in JSON seven arrays, Monday's first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WeeklyHours([Vec<Window>; 7]);

impl WeeklyHours {
    /// Monday first.
    #[must_use]
    pub fn new(days: [Vec<Window>; 7]) -> Self {
        Self(days)
    }

    #[must_use]
    pub fn every_day(windows: Vec<Window>) -> Self {
        Self(std::array::from_fn(|_| windows.clone()))
    }

    /// Monday to Friday; closed at the weekend.
    #[must_use]
    pub fn weekdays(windows: Vec<Window>) -> Self {
        Self(std::array::from_fn(|day| if day < 5 { windows.clone() } else { Vec::new() }))
    }

    #[must_use]
    pub fn on(&self, weekday: Weekday) -> &[Window] {
        let [mon, tue, wed, thu, fri, sat, sun] = &self.0;
        match weekday {
            Weekday::Mon => mon,
            Weekday::Tue => tue,
            Weekday::Wed => wed,
            Weekday::Thu => thu,
            Weekday::Fri => fri,
            Weekday::Sat => sat,
            Weekday::Sun => sun,
        }
    }
}

/// Weekly hours, and the dates on which other hours replace them (none at all: closed).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    pub weekly: WeeklyHours,
    pub overrides: BTreeMap<NaiveDate, Vec<Window>>,
}

impl Schedule {
    /// The windows that start on `date`.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> &[Window] {
        self.overrides.get(&date).map_or_else(|| self.weekly.on(date.weekday()), Vec::as_slice)
    }

    /// The instants of `range` at which the schedule is open.
    ///
    /// - A window that crosses midnight belongs to the date on which it starts: an override of the next date
    ///   leaves it alone, and the last date before `range` reaches into it.
    /// - A start in a DST gap is the first instant after the gap; an end in it is the gap. Where the clock
    ///   shows a time twice, a window starts at the first and ends at the last. 24:00 is the end of its date:
    ///   where midnight comes twice, that is the first one, for the second lies in the next date already.
    /// - A date that the zone skipped has no windows.
    ///
    /// The work grows with the days in `range`: callers bound it.
    #[must_use]
    pub fn open_time(&self, rules: &ZoneRules, range: Interval) -> IntervalSet {
        let first = rules.date(range.start());
        let last = rules.date(range.end());
        // One date more on either side: windows cross midnight, and clocks have been put back over it.
        let first = first.pred_opt().unwrap_or(first);
        let last = last.succ_opt().unwrap_or(last);
        let open = first
            .iter_days()
            .take_while(|date| *date <= last)
            .flat_map(|date| self.on(date).iter().filter_map(move |window| place(*window, date, rules)))
            .filter_map(|window| window.intersect(range));
        IntervalSet::from_unsorted(open)
    }
}

/// The instants of a window that starts on `date`.
fn place(window: Window, date: NaiveDate, rules: &ZoneRules) -> Option<Interval> {
    if window.is_empty() {
        return None;
    }
    let midnight = local_midnight(date);
    let start = rules.first_second(midnight + i64::from(window.from) * 60);
    let end = if window.until == DAY_MINUTES || window.until == 0 {
        rules.first_second(midnight + DAY)
    } else if window.crosses_midnight() {
        // Were the date skipped, its start would move to the next date, and only this kind of window would
        // survive.
        rules.day(date)?;
        rules.last_second(midnight + DAY + i64::from(window.until) * 60)
    } else {
        rules.last_second(midnight + i64::from(window.until) * 60)
    };
    Interval::new(instant(start, 0), instant(end, 0))
}
