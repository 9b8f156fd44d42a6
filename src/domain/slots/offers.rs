//! What [`super::offer`] answers with, and how it is put together.

use super::*;

/// What is on offer: starts, ascending, each with its hosts.
///
/// Compact on purpose, as a month of a large team has a few thousand starts: eight bytes for a start, one bit
/// for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Seconds since the epoch, ascending, each once.
    starts: Vec<i64>,
    /// Bit `b` of `planes[p][i]`: whether host `64·p + b` can take `starts[i]`. All planes are as long as
    /// `starts`.
    planes: Vec<Vec<u64>>,
    /// Sessions to join, sorted.
    joins: Vec<Seat>,
    seats: u32,
    assignment: Assignment,
}

/// A host's session that has seats left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat {
    pub start: i64,
    pub host: usize,
    pub left: u32,
}

/// One start that can be booked.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    pub start: DateTime<Utc>,
    /// The most seats that one booking can take here: those of a session that exists, or all where a host can
    /// open a new one. With all hands the fewest that any session has left. 1 where seats are not shared.
    pub seats_left: u32,
    offer: &'a Offer,
    index: usize,
    joins: &'a [Seat],
}

impl<'a> Slot<'a> {
    /// The hosts who can take it, as positions in the `hosts` that were asked about, ascending.
    pub fn hosts(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (offer, index) = (self.offer, self.index);
        offer.planes.iter().zip((0..).step_by(64)).flat_map(move |(plane, base)| {
            let mut left = plane.get(index).copied().unwrap_or(0);
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                usize::try_from(bit).ok().map(|bit: usize| base + bit)
            })
        })
    }

    /// Whether that host can take it.
    #[must_use]
    pub fn has(&self, host: usize) -> bool {
        self.offer
            .planes
            .get(host / 64)
            .and_then(|plane| plane.get(self.index))
            .is_some_and(|bits| bits & bit(host) != 0)
    }

    /// The seats left in that host's session at this start; `None` when they would open a new one.
    ///
    /// Who fills sessions before opening more asks these hosts first.
    #[must_use]
    pub fn session_seats(&self, host: usize) -> Option<u32> {
        let position = self.joins.binary_search_by_key(&host, |seat| seat.host).ok()?;
        self.joins.get(position).map(|seat| seat.left)
    }
}

impl Offer {
    /// How many starts are on offer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Ascending.
    pub fn starts(&self) -> impl DoubleEndedIterator<Item = DateTime<Utc>> + ExactSizeIterator {
        self.starts.iter().map(|start| instant(*start, 0))
    }

    /// Ascending by start.
    pub fn iter(&self) -> impl Iterator<Item = Slot<'_>> {
        self.starts.iter().enumerate().map(|(index, start)| self.slot(index, *start))
    }

    /// The slot that starts exactly then.
    #[must_use]
    pub fn find(&self, start: DateTime<Utc>) -> Option<Slot<'_>> {
        if start.timestamp_subsec_nanos() != 0 {
            return None;
        }
        let index = self.starts.binary_search(&start.timestamp()).ok()?;
        Some(self.slot(index, start.timestamp()))
    }

    fn slot(&self, index: usize, start: i64) -> Slot<'_> {
        let joins = self.joins_at(start);
        let mut slot = Slot { start: instant(start, 0), seats_left: self.seats, offer: self, index, joins };
        if !joins.is_empty() {
            let left = joins.iter().map(|seat| seat.left);
            slot.seats_left = match self.assignment {
                Assignment::AllHands => left.min(),
                // One booking sits in one session, so the seats do not add up.
                Assignment::RoundRobin | Assignment::Collective => {
                    left.max().filter(|_| slot.hosts().all(|host| slot.session_seats(host).is_some()))
                }
            }
            .unwrap_or(self.seats);
        }
        slot
    }

    fn joins_at(&self, start: i64) -> &[Seat] {
        if self.joins.is_empty() {
            return &[];
        }
        let from = self.joins.partition_point(|seat| seat.start < start);
        let rest = self.joins.get(from..).unwrap_or(&[]);
        let count = rest.partition_point(|seat| seat.start == start);
        rest.get(..count).unwrap_or(&[])
    }
}

/// The (at most) `n` starts nearest to `to`, ascending; of two that are equally near the earlier one is
/// nearer.
#[must_use]
pub fn nearest(offer: &Offer, to: DateTime<Utc>, n: usize) -> Vec<DateTime<Utc>> {
    let middle = offer.starts.partition_point(|start| instant(*start, 0) < to);
    let (mut from, mut until) = (middle, middle);
    let distance = |index: usize| {
        offer.starts.get(index).map(|start| instant(*start, 0).signed_duration_since(to).abs())
    };
    while until - from < n {
        let earlier = from.checked_sub(1).and_then(distance);
        let later = distance(until);
        match (earlier, later) {
            (Some(earlier), Some(later)) if later < earlier => until += 1,
            (Some(_), _) => from -= 1,
            (None, Some(_)) => until += 1,
            (None, None) => break,
        }
    }
    offer.starts.get(from..until).unwrap_or(&[]).iter().map(|start| instant(*start, 0)).collect()
}

/// Collects each host's starts into one ascending list.
pub(super) struct Builder {
    offer: Offer,
    /// Starts of the host at hand that no host before them had; kept for its memory.
    unseen: Vec<i64>,
}

impl Builder {
    pub fn new(hosts: usize, seats: u32, assignment: Assignment) -> Self {
        let planes = vec![Vec::new(); hosts.div_ceil(64)];
        let offer = Offer { starts: Vec::new(), planes, joins: Vec::new(), seats, assignment };
        Self { offer, unseen: Vec::new() }
    }

    /// Adds ascending runs of starts for one host.
    ///
    /// Hosts of a team mostly share a grid, so one walk along the starts that are there already marks nearly
    /// all of them; what is new is merged in afterwards.
    pub fn add(&mut self, host: usize, step: i64, runs: &[Run]) {
        let Offer { starts, planes, .. } = &mut self.offer;
        let Some(plane) = planes.get_mut(host / 64) else { return };
        let bit = bit(host);
        let mut rows = starts.iter().zip(plane.iter_mut());
        let mut row = rows.next();
        for run in runs {
            let mut start = run.first;
            while start <= run.last {
                match row {
                    Some((there, _)) if *there < start => row = rows.next(),
                    Some((there, bits)) if *there == start => {
                        *bits |= bit;
                        row = rows.next();
                        start += step;
                    }
                    other => {
                        row = other;
                        self.unseen.push(start);
                        start += step;
                    }
                }
            }
        }
        if !self.unseen.is_empty() {
            self.merge(host);
        }
    }

    /// Makes room for the unseen starts in every plane, and marks them for `host`.
    fn merge(&mut self, host: usize) {
        let Offer { starts, planes, .. } = &mut self.offer;
        for (number, plane) in planes.iter_mut().enumerate() {
            let bits = if number == host / 64 { bit(host) } else { 0 };
            let old = starts.iter().copied().zip(plane.iter().copied());
            let new = self.unseen.iter().map(|start| (*start, bits));
            *plane = merged(old, new).map(|(_, bits)| bits).collect();
        }
        let old = starts.iter().map(|start| (*start, ()));
        let new = self.unseen.drain(..).map(|start| (start, ()));
        *starts = merged(old, new).map(|(start, ())| start).collect();
    }

    /// A session to join; its start is also to be [`add`](Self::add)ed.
    pub fn seat(&mut self, seat: Seat) {
        self.offer.joins.push(seat);
    }

    pub fn finish(mut self) -> Offer {
        self.offer.joins.sort_unstable();
        self.offer
    }
}

/// Two ascending lists without a start in common, as one.
fn merged<T>(
    old: impl Iterator<Item = (i64, T)>,
    new: impl Iterator<Item = (i64, T)>,
) -> impl Iterator<Item = (i64, T)> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || match (old.peek(), new.peek()) {
        (Some((a, _)), Some((b, _))) if b < a => new.next(),
        (None, _) => new.next(),
        _ => old.next(),
    })
}

/// The bit of a host in its plane.
fn bit(host: usize) -> u64 {
    1 << (host % 64)
}
