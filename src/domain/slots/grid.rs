//! The candidate starts of one stretch of open time: arithmetic, no clocks but midnights.

use super::*;

/// Rounding of the grid after a busy block, in seconds.
const ROUND: i64 = 5 * 60;

/// What the grid needs of the rules, in seconds.
pub(super) struct Grid {
    pub length: i64,
    /// At least one minute.
    pub step: i64,
    pub offset: i64,
    pub before: i64,
    pub after: i64,
    pub fill_gaps: bool,
}

/// Starts `first`, `first + step`, … up to and including `last`, in seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub first: i64,
    /// At least `first`; not necessarily a start itself.
    pub last: i64,
}

impl Run {
    pub fn single(start: i64) -> Self {
        Self { first: start, last: start }
    }

    pub fn starts(self, step: i64) -> impl Iterator<Item = i64> {
        std::iter::successors(Some(self.first), move |start| Some(start + step))
            .take_while(move |start| *start <= self.last)
    }
}

impl Grid {
    /// Appends the starts in `within`, ascending, at which a booking fits into `open` between what is `busy`,
    /// without those in `full`.
    ///
    /// One pass over everything: open intervals, busy blocks and full periods are ascending, and so are the
    /// anchors.
    pub fn runs(
        &self,
        zone: &ZoneRules,
        open: &[Interval],
        busy: &[Interval],
        full: &Bounds,
        within: Span,
        runs: &mut Vec<Run>,
    ) {
        let passed = open.partition_point(|run| floor(run.end()) <= within.from);
        let Some((first, open)) = open.get(passed..).and_then(|open| Some((open.first()?, open))) else {
            return;
        };
        // Callers may hand over years of busy time: what ends before the first anchor is skipped in one step.
        let earliest = Anchors::new(zone, ceil(first.start()), floor(first.end()), within.from).next;
        let passed = busy.partition_point(|block| ceil(block.end()) + self.before <= earliest);
        let busy = busy.get(passed..).unwrap_or(&[]);

        let mut full = full.spans().iter().copied().peekable();
        // From here on a block only matters through the starts that it forbids: those strictly between the
        // last one that ends in time for it, and the first one after it.
        let mut blocks = busy
            .iter()
            .map(|block| Block {
                last_before: floor(block.start()) - self.after - self.length,
                first_after: ceil(block.end()) + self.before,
            })
            .peekable();
        for run in open {
            let (from, until) = (ceil(run.start()), floor(run.end()));
            if from >= within.until {
                break;
            }
            let fitting = (until - self.length).min(within.until - 1);
            for (anchor, next) in Anchors::new(zone, from, until, within.from) {
                let last = fitting.min(next - 1);
                let mut base = anchor + self.offset;
                // A block that lets the anchor itself go has no say in the grid behind it.
                while blocks.next_if(|block| block.first_after <= anchor).is_some() {}
                let mut free_from = anchor;
                loop {
                    let block = blocks.peek().copied();
                    let free_until = block.map_or(last, |block| last.min(block.last_before));
                    self.emit(base, free_from.max(within.from), free_until, &mut full, runs);
                    match block {
                        Some(block) if block.first_after <= last => {
                            free_from = block.first_after;
                            if self.fill_gaps {
                                base = round_up(free_from, ROUND);
                            }
                            blocks.next();
                        }
                        _ => break,
                    }
                }
            }
        }
    }

    /// Appends the starts on the grid from `base` on that lie in `[from, until]` and in no full period.
    fn emit(
        &self,
        base: i64,
        from: i64,
        until: i64,
        full: &mut std::iter::Peekable<impl Iterator<Item = Span>>,
        runs: &mut Vec<Run>,
    ) {
        let mut first = self.at_or_after(base, from);
        while first <= until {
            while full.next_if(|period| period.until <= first).is_some() {}
            let Some(period) = full.peek().filter(|period| period.from <= until) else {
                runs.push(Run { first, last: until });
                return;
            };
            if first < period.from {
                runs.push(Run { first, last: period.from - 1 });
            }
            first = self.at_or_after(base, period.until);
        }
    }

    /// The first start of the grid from `base` on that is not before `from`.
    fn at_or_after(&self, base: i64, from: i64) -> i64 {
        base + round_up((from - base).max(0), self.step)
    }

    /// Whether a booking that starts at `start` fits, on the grid or off it.
    pub fn fits(&self, open: &IntervalSet, busy: &IntervalSet, start: i64) -> bool {
        let end = start + self.length;
        let between = |from: i64, until: i64| Interval::new(instant(from, 0), instant(until, 0));
        between(start, end).is_some_and(|needed| open.encloses(needed))
            && between(start - self.before, end + self.after).is_some_and(|needed| !busy.overlaps(needed))
    }
}

/// A busy block, as a hole in the starts: `last_before` and `first_after` are allowed, everything between is
/// not.
#[derive(Clone, Copy)]
struct Block {
    last_before: i64,
    first_after: i64,
}

/// The anchors of one run of open time, each with the anchor after it (or the end of the run): ascending,
/// beginning with the last anchor that is not after `looking_from`, or with the run.
struct Anchors<'a> {
    zone: &'a ZoneRules,
    next: i64,
    until: i64,
    /// The date whose midnight is the anchor after `next`; `None` in a run that has only one.
    date: Option<NaiveDate>,
}

impl<'a> Anchors<'a> {
    fn new(zone: &'a ZoneRules, from: i64, until: i64, looking_from: i64) -> Self {
        if until - from <= DAY {
            return Self { zone, next: from, until, date: None };
        }
        let date = zone.date(instant(from.max(looking_from), 0));
        Self { zone, next: from.max(zone.midnight(date)), until, date: date.succ_opt() }
    }
}

impl Iterator for Anchors<'_> {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let anchor = self.next;
        if anchor >= self.until {
            return None;
        }
        loop {
            let midnight = self.date.map_or(self.until, |date| self.zone.midnight(date).min(self.until));
            self.date = self.date.and_then(|date| date.succ_opt());
            // A date that was skipped has the midnight of the next one.
            if midnight > anchor || midnight == self.until {
                self.next = midnight;
                return Some((anchor, midnight));
            }
        }
    }
}

/// The smallest multiple of `step` that is not less than `value`.
fn round_up(value: i64, step: i64) -> i64 {
    value + (step - value.rem_euclid(step)) % step
}
