//! Stretches of time: one [`Interval`], and a set of them.
//!
//! Everything is half-open, `[start, end)`: a meeting that ends at 10:00 and one that starts at 10:00 do not
//! meet. An interval is never empty and never runs backwards, so nobody has to ask.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A stretch of time, `[start, end)`, with `start < end` always, also when it comes out of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct Interval {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// What an [`Interval`] looks like before it is checked.
#[derive(Deserialize)]
struct Ends {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl TryFrom<Ends> for Interval {
    type Error = &'static str;

    fn try_from(ends: Ends) -> Result<Self, Self::Error> {
        Self::new(ends.start, ends.end).ok_or("an interval must end after it starts")
    }
}

impl Interval {
    /// `None` when it would be empty or run backwards.
    #[must_use]
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first instant that belongs to it.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The first instant that no longer belongs to it.
    #[must_use]
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// `end - start`; always positive.
    #[must_use]
    pub fn duration(self) -> TimeDelta {
        self.end.signed_duration_since(self.start)
    }

    /// Whether the two share an instant. Touching ones do not.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    #[must_use]
    pub fn contains(self, instant: DateTime<Utc>) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Whether all of `inner` lies in `self`; an interval encloses itself.
    #[must_use]
    pub fn encloses(self, inner: Self) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }

    /// What the two share; `None` when that is nothing.
    #[must_use]
    pub fn intersect(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Longer by `before` at its start and by `after` at its end. Stops at the ends of representable time; a
    /// negative padding counts as none, so the result is never smaller than `self`.
    #[must_use]
    pub fn pad(self, before: TimeDelta, after: TimeDelta) -> Self {
        let (before, after) = (before.max(TimeDelta::zero()), after.max(TimeDelta::zero()));
        Self {
            start: self.start.checked_sub_signed(before).unwrap_or(DateTime::<Utc>::MIN_UTC),
            end: self.end.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC),
        }
    }
}

/// A set of instants: sorted intervals that neither overlap nor touch (touching ones are merged into one).
///
/// Two sets with the same instants are therefore equal, in whatever order and pieces they were put in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Interval>", into = "Vec<Interval>")]
pub struct IntervalSet(Vec<Interval>);

impl From<Vec<Interval>> for IntervalSet {
    fn from(mut intervals: Vec<Interval>) -> Self {
        // The stable sort walks existing ascending runs in linear time, and our input mostly is one or two of
        // those.
        intervals.sort();
        intervals.dedup_by(|next, kept| {
            let meets = next.start <= kept.end;
            if meets {
                kept.end = kept.end.max(next.end);
            }
            meets
        });
        Self(intervals)
    }
}

impl From<IntervalSet> for Vec<Interval> {
    fn from(set: IntervalSet) -> Self {
        set.0
    }
}

impl From<Interval> for IntervalSet {
    fn from(interval: Interval) -> Self {
        Self(vec![interval])
    }
}

impl FromIterator<Interval> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Self {
        Self::from_unsorted(intervals)
    }
}

impl<'a> IntoIterator for &'a IntervalSet {
    type Item = Interval;
    type IntoIter = std::iter::Copied<std::slice::Iter<'a, Interval>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().copied()
    }
}

impl IntervalSet {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes them in any order, overlapping or not.
    #[must_use]
    pub fn from_unsorted(intervals: impl IntoIterator<Item = Interval>) -> Self {
        Self::from(intervals.into_iter().collect::<Vec<_>>())
    }

    /// The intervals, ascending, with a gap between each and the next.
    #[must_use]
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = Interval> {
        self.into_iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Instants in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::from_unsorted(self.iter().chain(other))
    }

    /// Instants in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut shared = Vec::with_capacity(self.0.len().max(other.0.len()));
        let (mut mine, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(&a), Some(&b)) = (mine.peek(), theirs.peek()) {
            shared.extend(a.intersect(b));
            // The one that ends first can't meet anything further on.
            if a.end <= b.end {
                mine.next();
            } else {
                theirs.next();
            }
        }
        Self(shared)
    }

    /// Instants in `self` that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = Vec::with_capacity(self.0.len());
        let mut holes = other.iter().peekable();
        for whole in self {
            let mut from = whole.start;
            while let Some(&hole) = holes.peek() {
                if hole.start >= whole.end {
                    break;
                }
                rest.extend(Interval::new(from, hole.start));
                from = from.max(hole.end);
                if hole.end > whole.end {
                    // It may reach into the next interval too.
                    break;
                }
                holes.next();
            }
            rest.extend(Interval::new(from, whole.end));
        }
        Self(rest)
    }

    /// Instants that also lie in `range`.
    #[must_use]
    pub fn clip(&self, range: Interval) -> Self {
        let first = self.0.partition_point(|interval| interval.end <= range.start);
        let clipped = self.iter().skip(first).map_while(|i| i.intersect(range));
        Self(clipped.collect())
    }

    /// Whether all of `inner` lies in the set.
    #[must_use]
    pub fn encloses(&self, inner: Interval) -> bool {
        self.first_ending_after(inner.start).is_some_and(|interval| interval.encloses(inner))
    }

    /// Whether the set and `other` share an instant.
    #[must_use]
    pub fn overlaps(&self, other: Interval) -> bool {
        self.first_ending_after(other.start).is_some_and(|interval| interval.overlaps(other))
    }

    fn first_ending_after(&self, instant: DateTime<Utc>) -> Option<Interval> {
        let position = self.0.partition_point(|interval| interval.end <= instant);
        self.0.get(position).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn of(start: i64, end: i64) -> Interval {
        Interval::new(at(start), at(end)).expect("start before end")
    }

    fn set(intervals: &[(i64, i64)]) -> IntervalSet {
        intervals.iter().map(|&(start, end)| of(start, end)).collect()
    }

    #[test]
    fn an_interval_that_is_empty_or_ends_before_it_starts_does_not_exist() {
        assert_eq!(Interval::new(at(5), at(5)), None);
        assert_eq!(Interval::new(at(6), at(5)), None);
    }

    #[test]
    fn touching_intervals_do_not_overlap_but_make_one_set() {
        assert!(!of(0, 5).overlaps(of(5, 9)));
        assert_eq!(set(&[(5, 9), (0, 5)]).as_slice(), [of(0, 9)]);
    }

    #[test]
    fn a_set_is_the_same_in_whatever_order_it_was_put_in() {
        assert_eq!(set(&[(7, 8), (0, 3), (2, 4), (1, 2)]), set(&[(0, 4), (7, 8), (7, 8)]));
    }

    #[test]
    fn an_interval_encloses_itself_and_contains_its_start_but_not_its_end() {
        assert!(of(0, 5).encloses(of(0, 5)) && !of(0, 5).encloses(of(0, 6)));
        assert!(of(0, 5).contains(at(0)) && !of(0, 5).contains(at(5)));
    }

    #[test]
    fn padding_stops_at_the_ends_of_time_and_never_shrinks() {
        let all = Interval::new(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC).expect("all time");
        assert_eq!(all.pad(TimeDelta::MAX, TimeDelta::MAX), all);
        assert_eq!(of(0, 5).pad(TimeDelta::MAX, TimeDelta::MAX), all);
        assert_eq!(of(3, 5).pad(TimeDelta::minutes(-9), TimeDelta::minutes(2)), of(3, 7));
    }

    /// Every operation against its definition, minute by minute, over every pair of small sets.
    #[test]
    fn set_operations_do_what_sets_do() {
        let has = |set: &IntervalSet, minute: i64| set.iter().any(|i| i.contains(at(minute)));
        let sets: Vec<IntervalSet> = (0_u32..256)
            .map(|mask| (0_i64..8).filter(|bit| mask >> bit & 1 == 1).map(|bit| of(bit, bit + 1)).collect())
            .collect();
        for a in &sets {
            for b in &sets {
                let (union, both, without) = (a.union(b), a.intersection(b), a.difference(b));
                for minute in 0..8 {
                    let (x, y) = (has(a, minute), has(b, minute));
                    assert_eq!(has(&union, minute), x || y);
                    assert_eq!(has(&both, minute), x && y);
                    assert_eq!(has(&without, minute), x && !y);
                }
                for result in [union, both, without] {
                    assert_eq!(IntervalSet::from_unsorted(&result), result, "sorted, disjoint, merged");
                }
            }
            for start in 0..8 {
                for end in start + 1..9 {
                    let within: Vec<bool> = (start..end).map(|minute| has(a, minute)).collect();
                    assert_eq!(a.encloses(of(start, end)), within.iter().all(|x| *x));
                    assert_eq!(a.overlaps(of(start, end)), within.iter().any(|x| *x));
                    assert_eq!(a.clip(of(start, end)), a.intersection(&of(start, end).into()));
                }
            }
        }
    }

    #[test]
    fn json_cannot_smuggle_in_an_interval_that_runs_backwards() {
        let backwards = r#"{"start":"2024-01-02T00:00:00Z","end":"2024-01-01T00:00:00Z"}"#;
        assert!(serde_json::from_str::<Interval>(backwards).is_err());
        let json = serde_json::to_string(&set(&[(0, 1), (5, 6)])).expect("json");
        assert_eq!(serde_json::from_str::<IntervalSet>(&json).expect("a set"), set(&[(0, 1), (5, 6)]));
    }
}
