//! What can be booked: the slot engine.
//!
//! [`offer`] answers for one event type, one range and one `now`. It is pure arithmetic over sorted
//! intervals; whoever calls it gathers open time, busy time and bookings first, over more than the range (see
//! [`lookaround`] and [`booked_range`]), so that a slot does not depend on where the question was cut: the
//! offer of a range equals the offers of its parts put together, down to a single second. The booking
//! transaction relies on that. It asks [`offer_at`] for its one start and gets what the page got.
//!
//! # The grid
//!
//! Candidate starts are `anchor + offset + k·interval` (`k ≥ 0`) in elapsed time, up to the next anchor.
//! Anchors are
//!
//! - the start of each run of open time. Open time that touches is one run: 23:00–24:00 and 00:00–00:30 the
//!   day after are one run of 90 minutes from 23:00 on;
//! - in a run of more than 24 hours also every midnight on the wall clock, so that a host who is open around
//!   the clock gets the same sensible times every day, wherever the look at them begins. A slot may still
//!   reach across that midnight;
//! - with [`SlotRules::fill_gaps`] also the end of each busy block, `buffer_before` later and rounded up to 5
//!   minutes of the hour in UTC. No `offset` is added there: the point is to lose no time. Up to the next
//!   anchor this grid replaces the one before it.
//!
//! Everything is counted in whole seconds: a fraction of a second of busy time takes the second.

mod bounds;
mod grid;
mod offers;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::offers::{Offer, Slot, nearest};
use self::{
    bounds::{Bounds, Span},
    grid::{Grid, Run},
    offers::{Builder, Seat},
};
use super::{
    assignment::Assignment,
    interval::{Interval, IntervalSet},
    zone::{DAY, ZoneRules, instant},
};

/// The rules of an event type about its starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SlotRules {
    /// Minutes from one candidate start to the next; `None` (or 0) means the length.
    pub interval: Option<u32>,
    /// Minutes from the start of open time to the first candidate.
    pub offset: u32,
    /// Whether the grid starts anew after each busy block.
    pub fill_gaps: bool,
    /// Minutes that must be free before a start. They may lie outside open time.
    pub buffer_before: u32,
    /// Minutes that must be free after an end. They may lie outside open time.
    pub buffer_after: u32,
    /// Minimum notice in seconds; negative counts as none, for the past is never on offer.
    pub notice: i64,
    pub window: BookingWindow,
    pub limits: Limits,
    /// How many people share a session; 1 means not shared (and so does 0).
    pub seats: u32,
}

impl Default for SlotRules {
    fn default() -> Self {
        Self {
            interval: None,
            offset: 0,
            fill_gaps: false,
            buffer_before: 0,
            buffer_after: 0,
            notice: 0,
            window: BookingWindow::Unlimited,
            limits: Limits::default(),
            seats: 1,
        }
    }
}

/// The dates that can be booked, counted in the schedule's zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BookingWindow {
    #[default]
    Unlimited,
    /// Today and this many dates after it: 0 is today only, 1 is today and tomorrow.
    CalendarDays(u32),
    /// Every date from today through the n-th Monday-to-Friday after today; 0 is today only. Weekends on the
    /// way are part of it (whether anyone is open then is the schedule's business). On a Friday, 1 reaches
    /// through Monday; so it does on the Saturday and the Sunday.
    BusinessDays(u32),
    /// Both dates included; none when they are the wrong way round.
    Dates { from: NaiveDate, until: NaiveDate },
}

/// How much a host takes on. Bookings count in the period in which they start, in the schedule's zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    pub day: Limit,
    /// ISO weeks: Monday to Sunday.
    pub week: Limit,
    pub month: Limit,
}

/// A limit on one period; `None` is no limit, 0 is nothing at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Bookings.
    pub count: Option<u32>,
    /// Minutes booked, buffers not included.
    pub minutes: Option<u32>,
}

/// A session of this event type with seats, with this host, that exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
    /// Seats taken.
    pub taken: u32,
}

/// What the engine must know about one host.
///
/// Below, *around* is the range that is asked about, padded on both sides by [`lookaround`].
#[derive(Clone, Copy, Debug)]
pub struct HostTime<'a> {
    /// Open time, all that there is around.
    pub open: &'a IntervalSet,
    /// What takes the host's time, all that meets that stretch: external busy intervals, and the claims of
    /// other bookings with **their** buffers. Claims of sessions are in here too.
    pub busy: &'a IntervalSet,
    /// This event type's bookings with this host, without buffers, sessions once, in any order: all that
    /// start in [`booked_range`]. Only read if there are limits.
    pub booked: &'a [Interval],
    /// Sessions that start in `range`, in any order. Those with a free seat at the right length are on offer
    /// whatever else takes the host's time, on the grid or off it, and whatever the limits. Only whole
    /// seconds are looked at.
    pub sessions: &'a [Session],
    /// The zone of the host's schedule.
    pub zone: &'a ZoneRules,
    /// All hands: whether nothing is on offer without this host. If nobody is required, everybody is.
    pub required: bool,
}

/// How far beyond a range, on both sides, [`HostTime::open`] and [`HostTime::busy`] must reach.
///
/// `length` in minutes. The largest part is two days, in which a run of open time shows where it starts, or
/// that it is longer than 24 hours and the last midnight counts. It grows with the length and the buffers, so
/// callers bound those too.
#[must_use]
pub fn lookaround(rules: &SlotRules, length: u32) -> TimeDelta {
    let minutes = i64::from(length) + i64::from(rules.buffer_before) + i64::from(rules.buffer_after);
    TimeDelta::days(2) + TimeDelta::minutes(minutes)
}

/// The stretch in which bookings count for a limit that concerns a start in `range`: whole days, ISO weeks
/// and months of the zone, as the rules need them. `None` when there are no limits.
#[must_use]
pub fn booked_range(rules: &SlotRules, zone: &ZoneRules, range: Interval) -> Option<Interval> {
    bounds::booked_range(&rules.limits, zone, range)
}

/// Everything that can be booked with a start in `range`.
///
/// - `length` is in minutes; nothing is on offer at length 0.
/// - Round robin and collective: every start at which some host can, each host on their own grid, with those
///   hosts.
/// - All hands: every start at which all required hosts can, on the grid of their common open time, with them
///   and with those optional ones who happen to be free. Where a run of common open time is longer than 24
///   hours, the midnights are those of the first required host.
///
/// Work and memory grow with the starts in `range`: callers bound it.
#[must_use]
pub fn offer(
    rules: &SlotRules,
    assignment: Assignment,
    length: u32,
    hosts: &[HostTime<'_>],
    range: Interval,
    now: DateTime<Utc>,
) -> Offer {
    let mut builder = Builder::new(hosts.len(), rules.seats.max(1), assignment);
    if length > 0 {
        let engine = Engine::new(rules, length, range, now);
        match assignment {
            Assignment::RoundRobin | Assignment::Collective => engine.any_host(hosts, &mut builder),
            Assignment::AllHands => engine.all_hands(hosts, &mut builder),
        }
    }
    builder.finish()
}

/// The [`offer`] of the one second from `start` on: empty, or one slot.
///
/// The hosts' time must be gathered around `start` as around a range (see [`HostTime`]); then this agrees
/// with every offer over a range that contains `start`.
#[must_use]
pub fn offer_at(
    rules: &SlotRules,
    assignment: Assignment,
    length: u32,
    hosts: &[HostTime<'_>],
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Offer {
    match start.checked_add_signed(TimeDelta::seconds(1)).and_then(|end| Interval::new(start, end)) {
        Some(second) => offer(rules, assignment, length, hosts, second, now),
        None => Builder::new(hosts.len(), 1, assignment).finish(),
    }
}

/// The rules in seconds, with the range and the present.
struct Engine<'a> {
    rules: &'a SlotRules,
    grid: Grid,
    length: i64,
    seats: u32,
    range: Interval,
    now: DateTime<Utc>,
}

impl<'a> Engine<'a> {
    fn new(rules: &'a SlotRules, length: u32, range: Interval, now: DateTime<Utc>) -> Self {
        let seconds = |minutes: u32| i64::from(minutes) * 60;
        Self {
            rules,
            grid: Grid {
                length: seconds(length),
                step: seconds(rules.interval.filter(|interval| *interval > 0).unwrap_or(length)),
                offset: seconds(rules.offset),
                before: seconds(rules.buffer_before),
                after: seconds(rules.buffer_after),
                fill_gaps: rules.fill_gaps,
            },
            length: seconds(length),
            seats: rules.seats.max(1),
            range,
            now,
        }
    }

    /// The starts that notice, booking window and range leave; `None` when that is none.
    fn starts(&self, zone: &ZoneRules) -> Option<Span> {
        bounds::starts(self.rules, zone, self.range, self.now)
    }

    /// The periods in which limits leave no room for another booking of this length.
    fn full(&self, host: &HostTime<'_>, within: Span) -> Bounds {
        bounds::full(&self.rules.limits, host, self.length, within)
    }

    fn any_host(&self, hosts: &[HostTime<'_>], builder: &mut Builder) {
        let mut runs = Vec::new();
        for (position, host) in hosts.iter().enumerate() {
            let Some(within) = self.starts(host.zone) else { continue };
            let full = self.full(host, within);
            runs.clear();
            self.grid.runs(host.zone, host.open.as_slice(), host.busy.as_slice(), &full, within, &mut runs);
            builder.add(position, self.grid.step, &runs);
            for (start, left) in self.sessions(host, within) {
                builder.add(position, 1, &[Run::single(start)]);
                builder.seat(Seat { start, host: position, left });
            }
        }
    }

    fn all_hands(&self, hosts: &[HostTime<'_>], builder: &mut Builder) {
        let nobody_required = hosts.iter().all(|host| !host.required);
        let required = |host: &HostTime<'_>| host.required || nobody_required;
        let mut needed = hosts.iter().filter(|host| required(host));
        let Some(first) = needed.next() else { return };
        let Some(mut within) = self.starts(first.zone) else { return };
        let mut open = first.open.clone();
        for host in needed {
            let Some(theirs) = self.starts(host.zone).and_then(|starts| starts.intersect(within)) else {
                return;
            };
            within = theirs;
            open = open.intersection(host.open);
        }
        let busy =
            IntervalSet::from_unsorted(hosts.iter().filter(|host| required(host)).flat_map(|host| host.busy));
        let members: Vec<Member<'_>> = hosts
            .iter()
            .map(|host| Member {
                host,
                required: required(host),
                full: self.full(host, within),
                // An optional host may have a booking window of their own, that is none of the others'
                // business.
                starts: self.starts(host.zone),
                sessions: self.sessions(host, within),
            })
            .collect();
        let full = Bounds::union(members.iter().filter(|member| member.required).map(|member| &member.full));

        let mut runs = Vec::new();
        self.grid.runs(first.zone, open.as_slice(), busy.as_slice(), &full, within, &mut runs);
        // A session can be joined off the grid, and its own claim makes its host busy: ask for each host
        // there.
        let mut sessions: Vec<i64> = members
            .iter()
            .filter(|member| member.required)
            .flat_map(|member| member.sessions.iter().map(|(start, _)| *start))
            .collect();
        sessions.sort_unstable();
        sessions.dedup();
        sessions.retain(|start| {
            members.iter().filter(|member| member.required).all(|member| member.can(&self.grid, *start))
        });

        for (position, member) in members.iter().enumerate() {
            if member.required {
                builder.add(position, self.grid.step, &runs);
                for start in &sessions {
                    builder.add(position, 1, &[Run::single(*start)]);
                }
            } else {
                let on_offer =
                    runs.iter().flat_map(|run| run.starts(self.grid.step)).chain(sessions.iter().copied());
                let mut free: Vec<Run> =
                    on_offer.filter(|start| member.can(&self.grid, *start)).map(Run::single).collect();
                free.sort_unstable_by_key(|run| run.first);
                builder.add(position, self.grid.step, &free);
            }
            for (start, left) in &member.sessions {
                builder.seat(Seat { start: *start, host: position, left: *left });
            }
        }
    }

    /// The sessions that can be joined, ascending, each with the seats left.
    fn sessions(&self, host: &HostTime<'_>, within: Span) -> Vec<(i64, u32)> {
        let mut joinable: Vec<(i64, u32)> = host
            .sessions
            .iter()
            .filter(|session| session.start.timestamp_subsec_nanos() == 0)
            .filter(|session| {
                session.end.signed_duration_since(session.start) == TimeDelta::seconds(self.length)
            })
            .map(|session| (session.start.timestamp(), self.seats.saturating_sub(session.taken)))
            .filter(|(start, left)| *left > 0 && within.contains(*start))
            .collect();
        // One host can't hold two sessions at once; should the caller say so, the fuller one counts.
        joinable.sort_unstable();
        joinable.dedup_by_key(|(start, _)| *start);
        joinable
    }
}

/// One host among all hands.
struct Member<'a> {
    host: &'a HostTime<'a>,
    required: bool,
    full: Bounds,
    starts: Option<Span>,
    sessions: Vec<(i64, u32)>,
}

impl Member<'_> {
    /// Whether this host could be there at `start`: in a session that has room, or free.
    fn can(&self, grid: &Grid, start: i64) -> bool {
        if !self.starts.is_some_and(|starts| starts.contains(start)) {
            return false;
        }
        let joins = self.sessions.binary_search_by_key(&start, |(session, _)| *session).is_ok();
        joins || (!self.full.contains(start) && grid.fits(self.host.open, self.host.busy, start))
    }
}

/// The whole second at or after that instant.
fn ceil(at: DateTime<Utc>) -> i64 {
    at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0)
}

/// The whole second at or before that instant.
fn floor(at: DateTime<Utc>) -> i64 {
    at.timestamp()
}
