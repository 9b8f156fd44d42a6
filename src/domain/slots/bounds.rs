//! Where in time starts are allowed at all: notice, booking window, limits.

use chrono::{Days, Months, Weekday};

use super::*;

/// Whole seconds since the epoch, `[from, until)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    fn new(from: i64, until: i64) -> Option<Self> {
        (from < until).then_some(Self { from, until })
    }

    pub fn contains(self, second: i64) -> bool {
        self.from <= second && second < self.until
    }

    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.until.min(other.until))
    }
}

/// A set of seconds: ascending spans that do not overlap.
#[derive(Debug, Default)]
pub(super) struct Bounds(Vec<Span>);

impl Bounds {
    fn from_unsorted(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| span.from);
        spans.dedup_by(|next, kept| {
            let meets = next.from <= kept.until;
            if meets {
                kept.until = kept.until.max(next.until);
            }
            meets
        });
        Self(spans)
    }

    pub fn union<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        Self::from_unsorted(sets.flat_map(|set| set.0.iter().copied()).collect())
    }

    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    pub fn contains(&self, second: i64) -> bool {
        let position = self.0.partition_point(|span| span.until <= second);
        self.0.get(position).is_some_and(|span| span.contains(second))
    }
}

/// The starts that range, notice and booking window leave.
pub(super) fn starts(
    rules: &SlotRules,
    zone: &ZoneRules,
    range: Interval,
    now: DateTime<Utc>,
) -> Option<Span> {
    let earliest = ceil(now).saturating_add(rules.notice.max(0));
    // A start at or after a fractional instant is at or after the next second; one before it is before that
    // second.
    let asked = Span::new(ceil(range.start()).max(earliest), ceil(range.end()))?;
    let today = zone.date(now);
    let after = |date: NaiveDate| date.succ_opt().map_or(i64::MAX, |next| zone.midnight(next));
    let bookable = match rules.window {
        BookingWindow::Unlimited => return Some(asked),
        BookingWindow::CalendarDays(days) => {
            let last = today.checked_add_days(Days::new(u64::from(days))).unwrap_or(NaiveDate::MAX);
            Span::new(i64::MIN, after(last))
        }
        BookingWindow::BusinessDays(days) => Span::new(i64::MIN, after(business_day(today, days))),
        BookingWindow::Dates { from, until } => Span::new(zone.midnight(from), after(until)),
    };
    asked.intersect(bookable?)
}

/// The n-th Monday-to-Friday after `today`; `today` itself for 0.
fn business_day(today: NaiveDate, days: u32) -> NaiveDate {
    if days == 0 {
        return today;
    }
    // From a weekend, counting starts on the Friday before it: the first business day after is the same
    // Monday.
    let (base, weekday) = match today.weekday() {
        Weekday::Sat => (today.pred_opt(), 4),
        Weekday::Sun => (today.pred_opt().and_then(|saturday| saturday.pred_opt()), 4),
        weekday => (Some(today), u64::from(weekday.num_days_from_monday())),
    };
    let days = u64::from(days);
    let weekends = (weekday + days) / 5;
    base.and_then(|base| base.checked_add_days(Days::new(days + weekends * 2))).unwrap_or(NaiveDate::MAX)
}

#[derive(Clone, Copy)]
enum Period {
    Day,
    Week,
    Month,
}

impl Period {
    /// The first date of the period that `date` lies in, and the first date after it.
    fn around(self, date: NaiveDate) -> (NaiveDate, NaiveDate) {
        let (first, next) = match self {
            Self::Day => (Some(date), date.succ_opt()),
            Self::Week => {
                let since_monday = u64::from(date.weekday().num_days_from_monday());
                let monday = date.checked_sub_days(Days::new(since_monday));
                (monday, monday.and_then(|monday| monday.checked_add_days(Days::new(7))))
            }
            Self::Month => {
                let first = date.with_day(1);
                (first, first.and_then(|first| first.checked_add_months(Months::new(1))))
            }
        };
        (first.unwrap_or(NaiveDate::MIN), next.unwrap_or(NaiveDate::MAX))
    }

    /// The seconds of the period that `second` lies in.
    fn span(self, zone: &ZoneRules, second: i64) -> Span {
        let (mut first, mut next) = self.around(zone.date(instant(second, 0)));
        let mut from = zone.midnight(first);
        let mut until = zone.midnight(next);
        // Where the clock was put back over midnight, the old date shows again in the new day: the day it is
        // counts.
        while until <= second && next < NaiveDate::MAX {
            (first, next) = self.around(next);
            from = zone.midnight(first);
            until = zone.midnight(next);
        }
        Span { from, until: until.max(from + 1) }
    }
}

/// The limits that are set, with their periods.
fn set(limits: &Limits) -> impl Iterator<Item = (Period, Limit)> {
    [(Period::Day, limits.day), (Period::Week, limits.week), (Period::Month, limits.month)]
        .into_iter()
        .filter(|(_, limit)| limit.count.is_some() || limit.minutes.is_some())
}

/// See [`super::booked_range`].
pub(super) fn booked_range(limits: &Limits, zone: &ZoneRules, range: Interval) -> Option<Interval> {
    set(limits)
        .map(|(period, _)| {
            let from = period.span(zone, floor(range.start())).from;
            let until = period.span(zone, ceil(range.end()) - 1).until;
            (from, until)
        })
        .reduce(|(from, until), (earlier, later)| (from.min(earlier), until.max(later)))
        .and_then(|(from, until)| Interval::new(instant(from, 0), instant(until, 0)))
}

/// The periods, as far as they meet `within`, in which another booking of `length` seconds would break a
/// limit.
pub(super) fn full(limits: &Limits, host: &HostTime<'_>, length: i64, within: Span) -> Bounds {
    let mut spans = Vec::new();
    let mut booked: Vec<(i64, i64)> = Vec::new();
    for (position, (period, limit)) in set(limits).enumerate() {
        let exceeded = |count: usize, seconds: i64| {
            limit.count.is_some_and(|most| usize::try_from(most).is_ok_and(|most| count >= most))
                || limit.minutes.is_some_and(|most| seconds.saturating_add(length) > i64::from(most) * 60)
        };
        if exceeded(0, 0) {
            return Bounds(vec![within]);
        }
        if position == 0 {
            booked.extend(
                host.booked
                    .iter()
                    .map(|interval| (interval.start().timestamp(), interval.duration().num_seconds())),
            );
            booked.sort_unstable();
        }
        let mut rest = booked.iter().peekable();
        while let Some((start, _)) = rest.peek() {
            let span = period.span(host.zone, *start);
            let (mut count, mut seconds) = (0_usize, 0_i64);
            while let Some((_, duration)) = rest.next_if(|(start, _)| *start < span.until) {
                count += 1;
                seconds = seconds.saturating_add(*duration);
            }
            if count == 0 {
                // The end of representable time: no period contains it.
                break;
            }
            if exceeded(count, seconds) {
                spans.extend(span.intersect(within));
            }
        }
    }
    Bounds::from_unsorted(spans)
}
