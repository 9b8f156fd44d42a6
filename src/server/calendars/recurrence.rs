//! When the events of a series take place.
//!
//! Rules are walked on the wall clock and mapped through the zone's rules afterwards: a start that a rule generates in a gap
//! of the clock does not take place and is not counted (RFC 5545 §3.3.10); DTSTART and RDATE in a gap take the offset from
//! before it, and times that the clock shows twice mean the first (§3.3.5). DTSTART always takes place, and COUNT counts it
//! (§3.8.5.3). "This and following" makes two series of one, so there is nothing to know about it here.
//!
//! A rule that comes very often is followed once more in runs: starts whose times follow each other without a minute between
//! them are one occurrence, so that every minute of a day is one long one. What can't be followed even so is not left free:
//! too much is taken then, and [`Lost`] says so.

mod dense;
mod local;
mod onsets;
mod rule;
mod walk;

#[cfg(test)]
mod tests;

use super::event::{Instance, Moment, Recurrence, RemoteEvent, Shows, Status, When, Zone};
use crate::{
    domain::{
        interval::Interval,
        zone::{LocalTime, MAX_OFFSET, ZoneRules},
    },
    server::zones,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use local::{DAY, Local};
pub(super) use onsets::onsets;
use rule::{Rule, Until};
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    ops::ControlFlow,
};
use walk::End;

/// The most occurrences of one rule in one window, runs counted as one.
pub const MOST: usize = 5_000;

/// The most steps that one rule's walk through the window takes; a second's rule passes a day in 86,400.
const STEPS: u32 = 200_000;

/// The most steps that counting from the beginning of a series takes: fifty years of every day.
const STEPS_COUNTING: u32 = 20_000;

/// One time at which an event takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence<'a> {
    /// What describes it: the series, or the instance that differs from it.
    pub event: &'a RemoteEvent,
    /// Where it is by the series: what RECURRENCE-ID names. Of a single event: its start.
    pub original: Moment,
    /// When it is; of a run all of it, from the beginning of its first to the end of its last.
    pub time: Interval,
    /// Does it take time?
    pub shows: Shows,
}

/// What of a series lies in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion<'a> {
    /// In order of their starts. Those that take no time at all (from 9:00 to 9:00) are not among them.
    pub occurrences: Vec<Occurrence<'a>>,
    /// What is not known of it; `None`: these are all.
    pub lost: Option<Lost>,
    /// Where something is not known: the times at which it is known not to take place.
    pub left_out: Vec<Interval>,
}

/// What is not known of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// It is not known how far a COUNT reaches: it is taken to go on.
    Uncounted,
    /// It comes more often than is followed ([`MOST`]): from this instant on all time is taken.
    Dense {
        /// It.
        from: DateTime<Utc>,
    },
    /// A rule or a date can't be understood: there may be more of it, and some may be too many.
    Unclear,
}

impl Lost {
    /// The graver of two.
    fn or(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let weight = |lost: &Option<Self>| match lost {
            None => 0,
            Some(Self::Uncounted) => 1,
            Some(Self::Dense { .. }) => 2,
            Some(Self::Unclear) => 3,
        };
        if weight(&other) > weight(&one) { other } else { one }
    }
}

/// The instant of an explicit time on a wall (RFC 5545 §3.3.5): in a gap by the offset before it, else the first.
pub fn instant(zone: &ZoneRules, at: NaiveDateTime) -> DateTime<Utc> {
    match zone.resolve(at) {
        LocalTime::Unique(at) | LocalTime::Overlap { first: at, .. } => at,
        LocalTime::Gap { after } => {
            let before = zone.offset_at(after - TimeDelta::seconds(1));
            at.and_utc().checked_sub_signed(TimeDelta::seconds(i64::from(before))).unwrap_or(after)
        }
    }
}

/// When an event is, as an interval: whole days are those of its owner. `None` when it takes no time.
pub fn interval(when: &When, owner: &ZoneRules) -> Option<Interval> {
    match when {
        When::Timed { start, end, .. } => Interval::new(*start, *end),
        When::AllDay { start, end } => days(owner, *start, *end),
    }
}

/// From the beginning of one day to the beginning of another.
fn days(owner: &ZoneRules, start: NaiveDate, end: NaiveDate) -> Option<Interval> {
    Interval::new(
        owner.first_instant(start.and_time(NaiveTime::MIN)),
        owner.first_instant(end.and_time(NaiveTime::MIN)),
    )
}

/// The start of an event, as a RECURRENCE-ID of it would name it.
pub fn start(when: &When) -> Moment {
    match when {
        When::Timed { start, .. } => Moment::At(*start),
        When::AllDay { start, .. } => Moment::Day(*start),
    }
}

/// Does an event take time? What is cancelled does not.
fn shows(event: &RemoteEvent) -> Shows {
    if event.status == Status::Cancelled { Shows::Free } else { event.shows }
}

/// When an event takes place within a window, whether it is a series or not. `instances` are those of its series that
/// differ or don't take place; those of other series are passed over. `owner` is the zone in which whole days are meant.
pub fn expand<'a>(
    master: &'a RemoteEvent,
    instances: &'a [RemoteEvent],
    window: Interval,
    owner: &ZoneRules,
) -> Expansion<'a> {
    let Some(recurrence) = &master.recurrence else {
        let original = match &master.instance {
            Some(Instance { original, .. }) => original.clone(),
            None => start(&master.when),
        };
        let occurrence = (master.status != Status::Cancelled)
            .then(|| interval(&master.when, owner))
            .flatten()
            .filter(|time| time.overlaps(window))
            .map(|time| Occurrence { event: master, original, time, shows: shows(master) });
        let occurrences = occurrence.into_iter().collect();
        return Expansion { occurrences, lost: None, left_out: Vec::new() };
    };
    let own: Vec<(&RemoteEvent, &Moment)> = instances
        .iter()
        .filter_map(|event| {
            let instance = event.instance.as_ref().filter(|instance| instance.series == master.id)?;
            Some((event, &instance.original))
        })
        .collect();
    let series = Series::new(master, recurrence, owner);
    let left_out: HashSet<&Moment> =
        recurrence.except.iter().chain(own.iter().map(|(_, original)| *original)).collect();
    let found = if master.status == Status::Cancelled {
        Found::default()
    } else {
        series.starts(recurrence, window, &left_out)
    };
    let taken = shows(master);
    let mut occurrences: Vec<Occurrence<'a>> = found
        .starts
        .into_iter()
        .filter(|start| !series.names(*start).iter().any(|name| left_out.contains(name)))
        .filter_map(|start| {
            let time = series.time(start)?;
            let original = series.original(start);
            time.overlaps(window).then_some(Occurrence { event: master, original, time, shows: taken })
        })
        .collect();
    occurrences.extend(found.runs.into_iter().map(|(start, time)| Occurrence {
        event: master,
        original: series.original(start),
        time,
        shows: taken,
    }));
    let left_out = match found.lost {
        Some(_) => left_out.iter().filter_map(|name| series.time(series.named(name))).collect(),
        None => Vec::new(),
    };
    occurrences.extend(own.into_iter().filter(|(event, _)| event.status != Status::Cancelled).filter_map(
        |(event, original)| {
            let time = interval(&event.when, owner).filter(|time| time.overlaps(window))?;
            Some(Occurrence { event, original: original.clone(), time, shows: shows(event) })
        },
    ));
    occurrences.sort_by_key(|occurrence| occurrence.time);
    Expansion { occurrences, lost: found.lost, left_out }
}

/// Which starts of a series could lie in a window.
#[derive(Debug, Default)]
struct Found {
    starts: BTreeSet<Start>,
    /// Runs, with the first start and the time of each. What is left out of the series is left out of them.
    runs: Vec<(Start, Interval)>,
    lost: Option<Lost>,
}

/// A start in a series: on the wall, and, unless the series is of whole days, the instant that is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Start {
    At(DateTime<Utc>),
    Day(NaiveDate),
}

/// What following a rule start by start came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// These are all.
    All,
    /// Its COUNT was too far away: these may be too many.
    Uncounted,
    /// There are more than are followed.
    Cut,
}

/// What all occurrences of a series share.
struct Series<'a> {
    zone: Cow<'a, ZoneRules>,
    owner: &'a ZoneRules,
    all_day: bool,
    length: TimeDelta,
    start: NaiveDateTime,
    single_rule: bool,
}

impl<'a> Series<'a> {
    fn new(master: &RemoteEvent, recurrence: &'a Recurrence, owner: &'a ZoneRules) -> Self {
        let zone = match &recurrence.zone {
            Zone::Own(rules) => Cow::Borrowed(rules.as_ref()),
            Zone::Named(name) => match zones::rules(name) {
                Some(rules) => Cow::Owned(ZoneRules::clone(&rules)),
                None => Cow::Borrowed(owner),
            },
        };
        let (all_day, length) = match &master.when {
            When::Timed { start, end, .. } => (false, end.signed_duration_since(*start)),
            When::AllDay { start, end } => (true, end.signed_duration_since(*start)),
        };
        Self {
            zone,
            owner,
            all_day,
            length: length.max(TimeDelta::zero()),
            start: recurrence.start,
            single_rule: recurrence.rules.len() == 1,
        }
    }

    fn time(&self, start: Start) -> Option<Interval> {
        match start {
            Start::At(start) => Interval::new(start, start.checked_add_signed(self.length)?),
            Start::Day(start) => days(self.owner, start, start.checked_add_signed(self.length)?),
        }
    }

    fn original(&self, start: Start) -> Moment {
        match start {
            Start::At(at) => Moment::At(at),
            Start::Day(day) => Moment::Day(day),
        }
    }

    /// The ways in which a start may be named by EXDATE and RECURRENCE-ID. They ought to be of DTSTART's type; some
    /// programs name a day where they mean what begins on it, or midnight where they mean the day.
    fn names(&self, start: Start) -> [Moment; 3] {
        match start {
            Start::At(at) => {
                let day = Moment::Day(self.zone.date(at));
                [Moment::At(at), day.clone(), day]
            }
            Start::Day(day) => {
                let midnight = day.and_time(NaiveTime::MIN);
                [
                    Moment::Day(day),
                    Moment::At(midnight.and_utc()),
                    Moment::At(self.owner.first_instant(midnight)),
                ]
            }
        }
    }

    /// A start that a rule generates: `None` in a gap.
    fn generated(&self, at: Local) -> Option<Start> {
        let at = local::time(at)?;
        if self.all_day {
            return Some(Start::Day(at.date()));
        }
        match self.zone.resolve(at) {
            LocalTime::Unique(at) | LocalTime::Overlap { first: at, .. } => Some(Start::At(at)),
            LocalTime::Gap { .. } => None,
        }
    }

    fn first(&self) -> Start {
        if self.all_day { Start::Day(self.start.date()) } else { Start::At(instant(&self.zone, self.start)) }
    }

    fn named(&self, date: &Moment) -> Start {
        match (date, self.all_day) {
            (Moment::At(at), false) => Start::At(*at),
            (Moment::Day(day), true) => Start::Day(*day),
            (Moment::At(at), true) => Start::Day(at.date_naive()),
            (Moment::Day(day), false) => Start::At(instant(&self.zone, day.and_time(self.start.time()))),
        }
    }

    fn touches(&self, start: Start, window: Interval) -> bool {
        self.time(start).is_some_and(|time| time.overlaps(window))
    }

    /// What the wall shows, at the earliest, when something begins that touches the window, and what it never shows any
    /// more before its end.
    fn walls(&self, window: Interval) -> (Local, Local) {
        let zone = if self.all_day { self.owner } else { self.zone.as_ref() };
        // A day may be longer than the 24 hours by which its length counts.
        let more = TimeDelta::seconds(if self.all_day { 2 * DAY } else { 0 });
        let (Some(first), Some(last)) = (
            window.start().checked_sub_signed(self.length).and_then(|at| at.checked_sub_signed(more)),
            window.end().checked_add_signed(more),
        ) else {
            return (i64::MIN / 2, i64::MAX / 2);
        };
        let (mut from, mut until) = (local::seconds(zone.local(first)), local::seconds(zone.local(last)) + 1);
        let reach = 2 * i64::from(MAX_OFFSET);
        let mut before = i64::from(zone.initial_offset());
        for change in zone.transitions() {
            if (0..=reach).contains(&(change.at - first.timestamp())) {
                from = from.min(change.at + i64::from(change.offset));
            }
            if (0..=reach).contains(&(last.timestamp() - change.at)) {
                until = until.max(change.at + before);
            }
            before = i64::from(change.offset);
        }
        (from, until)
    }

    /// Every start whose occurrence could lie in the window.
    fn starts(&self, recurrence: &Recurrence, window: Interval, left_out: &HashSet<&Moment>) -> Found {
        let first = self.first();
        let mut found = Found { starts: BTreeSet::from([first]), ..Found::default() };
        if !self.all_day && self.length.is_zero() {
            // However often it comes, it takes no time.
            return found;
        }
        let walls = self.walls(window);
        found.lost = recurrence.lost.then_some(Lost::Unclear);
        let mut over = !recurrence.rules.is_empty();
        for rule in &recurrence.rules {
            let Some(rule) = Rule::parse(rule) else {
                over = false;
                found.lost = Some(Lost::Unclear);
                continue;
            };
            over &= !self.begins_in_time(&rule, first);
            let mut lost = (!rule.clear).then_some(Lost::Unclear);
            let mut starts = BTreeSet::new();
            let known = self.follow(&rule, window, walls, &mut starts);
            if known == Known::Cut {
                let (runs, cut) = self.runs(&rule, window, walls, left_out);
                found.runs.extend(runs);
                lost = Lost::or(lost, cut);
            } else {
                found.starts.extend(starts);
            }
            if known == Known::Uncounted {
                lost = Lost::or(lost, Some(Lost::Uncounted));
            }
            found.lost = Lost::or(found.lost, lost);
        }
        if over {
            // Who deletes "this and all following" from the first one on leaves a series that ends before it begins.
            found.starts.remove(&first);
        }
        let near = |start: &Start| self.touches(*start, window);
        found.starts.extend(recurrence.dates.iter().map(|date| self.named(date)).filter(near));
        found
    }

    /// Where a rule ends on the wall, at the latest, if not before `until`. Past its end it has nothing to tell; an instant and
    /// the wall are never further apart than this.
    fn end(rule: &Rule, until: Local) -> Local {
        match rule.until {
            Some(Until::Day(day)) => until.min(day + DAY),
            Some(Until::Local(at)) => until.min(at + 1),
            Some(Until::Instant(at)) => until.min(at + 2 * DAY),
            None => until,
        }
    }

    /// Adds what a rule generates from one time on the wall to another.
    fn follow(
        &self,
        rule: &Rule,
        window: Interval,
        (from, until): (Local, Local),
        found: &mut BTreeSet<Start>,
    ) -> Known {
        let start = local::seconds(self.start);
        let until = Self::end(rule, until);
        let counted = match rule.count {
            None => Some(u32::MAX),
            Some(count) => self.left(rule, count, start, from),
        };
        let mut left = counted.unwrap_or(u32::MAX);
        if left == 0 {
            return Known::All;
        }
        let mut purse = STEPS;
        let end = walk::walk(rule, start, (from, until), 0, &mut purse, |run| {
            let at = run.first;
            if at < from || !self.counts(at, start) {
                return ControlFlow::Continue(());
            }
            let Some(generated) = self.generated(at) else { return ControlFlow::Continue(()) };
            if !self.before_end(rule, generated) {
                return ControlFlow::Break(());
            }
            if at != start && self.touches(generated, window) {
                found.insert(generated);
            }
            left = left.saturating_sub(u32::from(rule.count.is_some()));
            if left == 0 || found.len() > MOST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        match counted {
            _ if end == End::Spent || found.len() > MOST => Known::Cut,
            Some(_) => Known::All,
            None => Known::Uncounted,
        }
    }

    /// Is this start one that a rule's COUNT counts when it is generated? DTSTART is counted beforehand, whether a rule
    /// generates it or not (§3.3.10); where there are several rules, only by those that do.
    fn counts(&self, at: Local, start: Local) -> bool {
        at != start || !self.single_rule
    }

    fn begins_in_time(&self, rule: &Rule, first: Start) -> bool {
        match rule.until {
            Some(Until::Day(day)) => local::seconds(self.start) < day + DAY,
            Some(Until::Local(at)) => local::seconds(self.start) <= at,
            _ => self.before_end(rule, first),
        }
    }

    /// UNTIL is inclusive, and in UTC where the series has a zone. Of days, its date counts.
    fn before_end(&self, rule: &Rule, start: Start) -> bool {
        match (rule.until, start) {
            (Some(Until::Instant(until)), Start::At(at)) => at.timestamp() <= until,
            (Some(Until::Instant(until)), Start::Day(day)) => local::day(day) <= until.div_euclid(DAY),
            // Of the wall's own time, the walk ends there.
            _ => true,
        }
    }

    /// How many starts are left of a COUNT at `from`; `None` when that is too far away to be counted to.
    fn left(&self, rule: &Rule, count: u32, start: Local, from: Local) -> Option<u32> {
        let mut left = count.saturating_sub(u32::from(self.single_rule));
        if from <= start || left == 0 {
            return Some(left);
        }
        let mut purse = STEPS_COUNTING;
        let end = walk::walk(rule, start, (start, from), 0, &mut purse, |run| {
            let at = run.first;
            if self.counts(at, start) && (at == start || self.generated(at).is_some()) {
                left -= 1;
            }
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        (end != End::Spent).then_some(left)
    }
}
