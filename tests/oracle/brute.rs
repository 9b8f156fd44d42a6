//! The slot rules once more, the slow and obvious way: an array of minutes for each host.
//!
//! Shares nothing with the engine but the types in which rules are written down: zones come from chrono-tz,
//! and every question is answered by looking at every minute. Works in whole minutes where the engine works
//! in seconds, except for what may lie between minutes: busy time, `now` and the range.

use chrono::{DateTime, Datelike, Days, NaiveDate, Weekday};
use chrono_tz::Tz;
use meridian::domain::{
    assignment::Assignment,
    schedule::{Schedule, Window},
    slots::{BookingWindow, Limit, SlotRules},
};

use crate::tz;

/// Seconds since the epoch, `[.0, .1)`.
pub type Seconds = (i64, i64);

#[derive(Clone, Debug)]
pub struct Host {
    pub zone: Tz,
    pub schedule: Schedule,
    pub busy: Vec<Seconds>,
    pub booked: Vec<Seconds>,
    /// Start, length in seconds, seats taken.
    pub sessions: Vec<(i64, i64, u32)>,
    pub required: bool,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub rules: SlotRules,
    pub assignment: Assignment,
    pub length: u32,
    pub hosts: Vec<Host>,
    pub range: Seconds,
    pub now: i64,
}

/// Start in seconds, seats left, hosts.
pub type Slot = (i64, u32, Vec<usize>);

/// Four days on either side of the range: more than a day more than any rule looks.
const MARGIN: i64 = 4 * 1440;

/// The local wall clock at every minute around the range, and what follows from it.
struct Clock {
    /// Minute of index 0, since the epoch.
    first: i64,
    /// Minutes since the epoch on the wall clock.
    local: Vec<i64>,
}

fn date_of(local_minute: i64) -> NaiveDate {
    DateTime::from_timestamp(local_minute * 60, 0).unwrap().date_naive()
}

fn local_midnight(date: NaiveDate) -> i64 {
    date.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp() / 60
}

impl Clock {
    fn new(zone: Tz, range: Seconds) -> Self {
        let first = (range.0.div_euclid(60) - MARGIN).div_euclid(15) * 15;
        let last = range.1.div_euclid(60) + MARGIN;
        // Clocks change at a quarter of an hour of UTC; asking every quarter is as good as asking every
        // minute.
        let local = (first..=last)
            .step_by(15)
            .flat_map(|quarter| {
                let offset = i64::from(tz::offset(zone, quarter * 60));
                assert_eq!(offset % 60, 0);
                (quarter..quarter + 15).map(move |minute| minute + offset / 60)
            })
            .collect();
        Self { first, local }
    }

    fn len(&self) -> usize {
        self.local.len()
    }

    /// The first minute that shows `target` or, where none does, the first that shows more.
    fn first_showing(&self, target: i64) -> usize {
        let shows = self.local.iter().position(|local| *local == target);
        shows.or_else(|| self.local.iter().position(|local| *local > target)).unwrap_or(self.len())
    }

    /// The last minute that shows `target` or, where none does, the first that shows more.
    fn last_showing(&self, target: i64) -> usize {
        let shows = self.local.iter().rposition(|local| *local == target);
        shows.or_else(|| self.local.iter().position(|local| *local > target)).unwrap_or(self.len())
    }

    fn window(&self, window: Window, date: NaiveDate) -> std::ops::Range<usize> {
        let midnight = local_midnight(date);
        let (from, until) = (i64::from(window.from()), i64::from(window.until()));
        let exists = self.local.iter().any(|local| date_of(*local) == date);
        if from == until || !exists {
            return 0..0;
        }
        let start = self.first_showing(midnight + from);
        let end = match until {
            0 | 1440 => self.first_showing(midnight + 1440),
            _ if until < from => self.last_showing(midnight + 1440 + until),
            _ => self.last_showing(midnight + until),
        };
        start..end
    }

    fn open(&self, schedule: &Schedule) -> Vec<bool> {
        let mut open = vec![false; self.len()];
        // The dates at the edges are cut off, and further away from the range than anything looks.
        let mut date = date_of(self.local[0]) + Days::new(1);
        let last = date_of(*self.local.last().unwrap()) - Days::new(1);
        while date <= last {
            let windows = match schedule.overrides.get(&date) {
                Some(windows) => windows,
                None => schedule.weekly.on(date.weekday()),
            };
            for window in windows {
                for minute in self.window(*window, date) {
                    open[minute] = true;
                }
            }
            date = date + Days::new(1);
        }
        open
    }

    /// For every minute of open time, the anchor of its grid; and the end of its run.
    fn anchors(&self, open: &[bool]) -> Vec<(usize, usize)> {
        let mut anchors = vec![(0, 0); open.len()];
        let mut minute = 0;
        while minute < open.len() {
            if !open[minute] {
                minute += 1;
                continue;
            }
            let start = minute;
            let end = (start..open.len()).find(|minute| !open[*minute]).unwrap_or(open.len());
            let mut anchor = start;
            let mut latest_date = self.local[start].div_euclid(1440);
            for (index, local) in self.local.iter().enumerate().take(end).skip(start) {
                let date = local.div_euclid(1440);
                if date > latest_date {
                    latest_date = date;
                    if end - start > 1440 {
                        anchor = index;
                    }
                }
                anchors[index] = (anchor, end);
            }
            minute = end;
        }
        anchors
    }
}

/// One host with everything that is asked about them.
struct View<'a> {
    case: &'a Case,
    host: &'a Host,
    clock: Clock,
    open: Vec<bool>,
    anchors: Vec<(usize, usize)>,
}

impl<'a> View<'a> {
    fn new(case: &'a Case, host: &'a Host) -> Self {
        let clock = Clock::new(host.zone, case.range);
        let open = clock.open(&host.schedule);
        let anchors = clock.anchors(&open);
        Self { case, host, clock, open, anchors }
    }

    fn index(&self, start: i64) -> usize {
        assert_eq!(start % 60, 0);
        usize::try_from(start / 60 - self.clock.first).unwrap()
    }

    fn length(&self) -> usize {
        usize::try_from(self.case.length).unwrap()
    }

    /// Range, notice, booking window.
    fn bookable(&self, start: i64) -> bool {
        let Case { rules, range, now, .. } = self.case;
        let date = date_of(start.div_euclid(60) + i64::from(tz::offset(self.host.zone, start)) / 60);
        let today = date_of((now + i64::from(tz::offset(self.host.zone, *now))).div_euclid(60));
        let in_window = match rules.window {
            BookingWindow::Unlimited => true,
            BookingWindow::CalendarDays(days) => date <= today + Days::new(u64::from(days)),
            BookingWindow::BusinessDays(days) => {
                let mut last = today;
                let mut left = days;
                while left > 0 {
                    last = last + Days::new(1);
                    if !matches!(last.weekday(), Weekday::Sat | Weekday::Sun) {
                        left -= 1;
                    }
                }
                date <= last
            }
            BookingWindow::Dates { from, until } => from <= date && date <= until,
        };
        range.0 <= start && start < range.1 && start >= now + rules.notice.max(0) && in_window
    }

    fn within_limits(&self, start: i64) -> bool {
        let date =
            |second: i64| date_of((second + i64::from(tz::offset(self.host.zone, second))).div_euclid(60));
        let limits = self.case.rules.limits;
        let day = |date: NaiveDate| (date.year(), date.ordinal());
        let week = |date: NaiveDate| (date.iso_week().year(), date.iso_week().week());
        let month = |date: NaiveDate| (date.year(), date.month());
        let holds = |limit: Limit, period: &dyn Fn(NaiveDate) -> (i32, u32)| {
            let same: Vec<&Seconds> = self
                .host
                .booked
                .iter()
                .filter(|(booked, _)| period(date(*booked)) == period(date(start)))
                .collect();
            let seconds: i64 = same.iter().map(|(from, until)| until - from).sum();
            limit.count.is_none_or(|most| same.len() < usize::try_from(most).unwrap())
                && limit
                    .minutes
                    .is_none_or(|most| seconds + i64::from(self.case.length) * 60 <= i64::from(most) * 60)
        };
        holds(limits.day, &day) && holds(limits.week, &week) && holds(limits.month, &month)
    }

    fn is_open(&self, start: i64) -> bool {
        let index = self.index(start);
        (index..index + self.length()).all(|minute| self.open[minute])
    }

    fn is_free(&self, start: i64) -> bool {
        let rules = &self.case.rules;
        let from = start - i64::from(rules.buffer_before) * 60;
        let until = start + i64::from(self.case.length + rules.buffer_after) * 60;
        self.host.busy.iter().all(|busy| busy.1 <= from || until <= busy.0)
    }

    /// Could be there with a session of their own.
    fn fits(&self, start: i64) -> bool {
        self.is_open(start) && self.is_free(start) && self.within_limits(start)
    }

    /// Seats left in a session that can be joined.
    fn joins(&self, start: i64) -> Option<u32> {
        let seats = self.case.rules.seats.max(1);
        let length = i64::from(self.case.length) * 60;
        let session = self.host.sessions.iter().find(|session| session.0 == start && session.1 == length)?;
        (session.2 < seats).then(|| seats - session.2)
    }

    fn on_grid(&self, start: i64) -> bool {
        let (anchor, _) = self.anchors[self.index(start)];
        on_grid(self.case, self.clock.first, anchor, &self.host.busy, start)
    }
}

/// Whether a start is on the grid of an anchor, or of the last block after it.
fn on_grid(case: &Case, first: i64, anchor: usize, busy: &[Seconds], start: i64) -> bool {
    let rules = &case.rules;
    let anchor = (first + i64::try_from(anchor).unwrap()) * 60;
    let step = i64::from(rules.interval.filter(|step| *step > 0).unwrap_or(case.length)) * 60;
    let mut base = anchor + i64::from(rules.offset) * 60;
    if rules.fill_gaps {
        let mut last = anchor;
        for (_, end) in busy {
            // An end inside another block, or where the next one begins, ends no block.
            if busy.iter().any(|other| other.0 <= *end && *end < other.1) {
                continue;
            }
            let after = end + i64::from(rules.buffer_before) * 60;
            if after > last && after <= start {
                last = after;
                base = after + (-after).rem_euclid(300);
            }
        }
    }
    start >= base && (start - base) % step == 0
}

pub fn slots(case: &Case) -> Vec<Slot> {
    let views: Vec<View<'_>> = case.hosts.iter().map(|host| View::new(case, host)).collect();
    let seats = case.rules.seats.max(1);
    let minutes = case.range.0.div_euclid(60)..=case.range.1.div_euclid(60);
    let starts = minutes.map(|minute| minute * 60);
    match case.assignment {
        Assignment::RoundRobin | Assignment::Collective => starts
            .filter_map(|start| {
                let mut hosts = Vec::new();
                let mut most = 0;
                for (number, view) in views.iter().enumerate() {
                    if !view.bookable(start) {
                        continue;
                    }
                    let joined = view.joins(start);
                    let opened =
                        || (view.is_open(start) && view.on_grid(start) && view.fits(start)).then_some(seats);
                    if let Some(left) = joined.or_else(opened) {
                        hosts.push(number);
                        most = most.max(left);
                    }
                }
                (!hosts.is_empty()).then_some((start, most, hosts))
            })
            .collect(),
        Assignment::AllHands => {
            let anyone = case.hosts.iter().any(|host| host.required);
            let (needed, others): (Vec<usize>, Vec<usize>) =
                (0..views.len()).partition(|number| case.hosts[*number].required || !anyone);
            let Some(leader) = needed.first().map(|number| &views[*number]) else { return Vec::new() };
            let common: Vec<bool> = (0..leader.open.len())
                .map(|minute| needed.iter().all(|number| views[*number].open[minute]))
                .collect();
            let anchors = leader.clock.anchors(&common);
            let busy: Vec<Seconds> =
                needed.iter().flat_map(|number| case.hosts[*number].busy.iter().copied()).collect();
            starts
                .filter_map(|start| {
                    let index = leader.index(start);
                    let session = needed.iter().any(|number| views[*number].joins(start).is_some());
                    let grid =
                        common[index] && on_grid(case, leader.clock.first, anchors[index].0, &busy, start);
                    let can = |number: &usize| {
                        let view = &views[*number];
                        view.bookable(start) && (view.joins(start).is_some() || view.fits(start))
                    };
                    if !(session || grid) || !needed.iter().all(can) {
                        return None;
                    }
                    let mut hosts: Vec<usize> =
                        needed.iter().chain(others.iter().filter(|n| can(n))).copied().collect();
                    hosts.sort_unstable();
                    let left = hosts.iter().filter_map(|number| views[*number].joins(start)).min();
                    Some((start, left.unwrap_or(seats), hosts))
                })
                .collect()
        }
    }
}
