//! Rules that come so often that their starts are followed in runs.

use super::{
    DAY, Local, Lost, MOST, STEPS, Series, Start, Until, local,
    rule::Rule,
    walk::{self, End, Run},
};
use crate::{domain::interval::Interval, server::calendars::event::Moment};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::{
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
};

/// Less time than this between two occurrences is of no use to anyone, in seconds.
const GAP: i64 = 60;

/// What is left out of a series: instants, and days.
struct LeftOut {
    at: BTreeSet<DateTime<Utc>>,
    on: HashSet<NaiveDate>,
}

/// Runs on their way, in order.
struct Runs {
    found: Vec<(Start, Interval)>,
}

impl Runs {
    /// Adds the next one. `false`: these are more than there may be.
    fn add(&mut self, start: Start, time: Interval) -> bool {
        if let Some((_, last)) = self.found.last_mut()
            && time.start() < last.end() + TimeDelta::seconds(GAP)
        {
            if let Some(longer) = Interval::new(last.start(), time.end().max(last.end())) {
                *last = longer;
            }
            return true;
        }
        self.found.push((start, time));
        self.found.len() < MOST
    }
}

impl Series<'_> {
    /// A run's ends as starts; where the clock skips one, what comes after it.
    fn ends(&self, run: Run) -> Option<(Start, Start)> {
        let (first, last) = (local::time(run.first)?, local::time(run.last)?);
        Some(if self.all_day {
            (Start::Day(first.date()), Start::Day(last.date()))
        } else {
            (Start::At(self.zone.first_instant(first)), Start::At(self.zone.first_instant(last)))
        })
    }

    fn left_out(&self, names: &HashSet<&Moment>) -> LeftOut {
        let mut left_out = LeftOut { at: BTreeSet::new(), on: HashSet::new() };
        for name in names {
            match name {
                Moment::At(at) => drop(left_out.at.insert(*at)),
                Moment::Day(day) => drop(left_out.on.insert(*day)),
            }
        }
        left_out
    }

    /// What a run takes: all from the beginning of its first occurrence to the end of its last, without what is left out.
    fn pieces(&self, run: Run, (first, last): (Start, Start), left_out: &LeftOut) -> Vec<(Start, Interval)> {
        let piece = |first: Start, last: Start| {
            let (begins, ends) = (self.time(first)?.start(), self.time(last)?.end());
            Some((first, Interval::new(begins, ends)?))
        };
        let (Start::At(begin), Start::At(end)) = (first, last) else {
            return piece(first, last).into_iter().collect();
        };
        // No run is longer than a day on the wall.
        if left_out.on.contains(&self.zone.date(begin)) {
            return Vec::new();
        }
        let spacing = TimeDelta::seconds(run.spacing());
        let mut pieces = Vec::new();
        let mut from = begin;
        for at in left_out.at.range(begin..=end) {
            let before = *at - spacing;
            if before >= from {
                pieces.extend(piece(Start::At(from), Start::At(before)));
            }
            from = *at + spacing;
        }
        if from <= end {
            pieces.extend(piece(Start::At(from), last));
        }
        pieces
    }

    /// The runs that a rule makes in a window. Beyond what is followed, all time until the rule's end is taken.
    pub(super) fn runs(
        &self,
        rule: &Rule,
        window: Interval,
        (from, until): (Local, Local),
        names: &HashSet<&Moment>,
    ) -> (Vec<(Start, Interval)>, Option<Lost>) {
        let start = local::seconds(self.start);
        let until = Self::end(rule, until);
        let left_out = self.left_out(names);
        let counted = match rule.count {
            None => Some(u32::MAX),
            Some(count) => self.left(rule, count, start, from),
        };
        let mut left = counted.unwrap_or(u32::MAX);
        let mut runs = Runs { found: Vec::new() };
        let mut purse = STEPS;
        let reach = self.length.num_seconds().saturating_add(GAP - 1);
        let mut full = false;
        let end = walk::walk(rule, start, (from, until), reach, &mut purse, |run| {
            let Some(mut run) = run.since(from) else { return ControlFlow::Continue(()) };
            let Some((mut first, mut last)) = self.ends(run) else { return ControlFlow::Break(()) };
            if !self.before_end(rule, first) {
                return ControlFlow::Break(());
            }
            let over = !self.before_end(rule, last);
            if over && let Some(Until::Instant(until)) = rule.until {
                last = match last {
                    Start::At(at) => Start::At(DateTime::from_timestamp(until, 0).unwrap_or(at)),
                    Start::Day(day) => Start::Day(local::date(until.div_euclid(DAY)).unwrap_or(day)),
                };
            }
            if rule.count.is_some() {
                // DTSTART was counted beforehand; what the clock skips is not generated.
                let (all, skipped) = (i64::from(run.number), self.skipped(run, (first, last)));
                let passed = skipped + i64::from(self.single_rule && (run.first..=run.last).contains(&start));
                let number = u32::try_from((all - passed).max(0)).unwrap_or(u32::MAX);
                if number >= left && run.number > 1 {
                    run.last = run.last.min(run.first + run.spacing() * (i64::from(left) - 1 + passed));
                    match self.ends(run) {
                        Some(ends) => (first, last) = ends,
                        None => return ControlFlow::Break(()),
                    }
                }
                left = left.saturating_sub(number);
            }
            for (start, time) in self.pieces(run, (first, last), &left_out) {
                if time.overlaps(window) && !runs.add(start, time) {
                    full = true;
                    return ControlFlow::Break(());
                }
            }
            if over || left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let lost = counted.is_none().then_some(Lost::Uncounted);
        if end != End::Spent && !full {
            return (runs.found, lost);
        }
        // Where nothing was found for so long, nothing more is supposed to come.
        let Some(&(start, last)) = runs.found.last() else { return (Vec::new(), Some(Lost::Unclear)) };
        let ends = match rule.until {
            Some(Until::Instant(at)) => {
                DateTime::from_timestamp(at, 0).map_or(window.end(), |at| at + self.length)
            }
            _ => local::time(until).map_or(window.end(), |at| self.zone.first_instant(at) + self.length),
        };
        if let Some(rest) = Interval::new(last.end(), ends.min(window.end())) {
            runs.found.push((start, rest));
        }
        (runs.found, Some(Lost::Dense { from: last.end() }))
    }

    /// How many of a run's starts the clock skips.
    fn skipped(&self, run: Run, (first, last): (Start, Start)) -> i64 {
        let (Start::At(first), Start::At(last)) = (first, last) else { return 0 };
        let skipped = (run.last - run.first) - (last - first).num_seconds();
        skipped.max(0) / run.spacing().max(1)
    }
}
