//! Time zones without a time-zone database.
//!
//! [`ZoneRules`] is the list of UTC-offset changes of one zone over some range. The server makes it from its
//! zone database and sends it along with the slots, so pages, mails and slots read the same clock and the
//! browser ships no database of its own. Outside the listed changes the first and the last offset hold for
//! ever: whoever makes the rules covers the range that will be asked about.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::interval::Interval;

/// The largest UTC offset that is believed, in seconds either way.
///
/// The IANA database has never gone beyond 16 hours; RFC 8536 (TZif, section 3.2) asks readers to accept at
/// least −24:59:59 to +25:59:59.
pub const MAX_OFFSET: i32 = 26 * 3600;

/// Seconds in 24 hours; a local day may have more or fewer.
pub(super) const DAY: i64 = 86_400;

/// From this instant on, this UTC offset holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Transition {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub at: i64,
    /// Seconds east of UTC.
    pub offset: i32,
}

/// The UTC offsets of one time zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Unchecked")]
pub struct ZoneRules {
    name: String,
    initial_offset: i32,
    transitions: Vec<Transition>,
}

/// What [`ZoneRules`] look like before they are put in order.
#[derive(Deserialize)]
struct Unchecked {
    name: String,
    initial_offset: i32,
    transitions: Vec<Transition>,
}

impl From<Unchecked> for ZoneRules {
    fn from(rules: Unchecked) -> Self {
        Self::new(rules.name, rules.initial_offset, rules.transitions)
    }
}

/// The instants at which a clock on the wall shows a given time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalTime {
    /// It shows it once.
    Unique(DateTime<Utc>),
    /// It never shows it: the clock was put forward past it, at `after` (the first instant after the gap).
    Gap { after: DateTime<Utc> },
    /// It shows it more than once: the clock was put back over it.
    Overlap { first: DateTime<Utc>, last: DateTime<Utc> },
}

/// [`LocalTime`] in seconds since the epoch.
enum Seconds {
    Unique(i64),
    Gap(i64),
    Overlap(i64, i64),
}

impl ZoneRules {
    /// Takes the transitions in any order (of several at one instant the last counts), drops those that
    /// change nothing, and holds offsets to ±[`MAX_OFFSET`].
    ///
    /// `initial_offset`, in seconds east of UTC, holds before the first transition.
    #[must_use]
    pub fn new(name: impl Into<String>, initial_offset: i32, mut transitions: Vec<Transition>) -> Self {
        let believable = |offset: i32| offset.clamp(-MAX_OFFSET, MAX_OFFSET);
        let initial_offset = believable(initial_offset);
        transitions.sort_by_key(|transition| transition.at);
        transitions.dedup_by(|later, kept| {
            let same_instant = later.at == kept.at;
            if same_instant {
                kept.offset = later.offset;
            }
            same_instant
        });
        let mut current = initial_offset;
        transitions.retain_mut(|transition| {
            transition.offset = believable(transition.offset);
            std::mem::replace(&mut current, transition.offset) != transition.offset
        });
        Self { name: name.into(), initial_offset, transitions }
    }

    #[must_use]
    pub fn utc() -> Self {
        Self::new("UTC", 0, Vec::new())
    }

    /// The IANA name, such as `Europe/Berlin`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC before the first transition.
    #[must_use]
    pub fn initial_offset(&self) -> i32 {
        self.initial_offset
    }

    /// Ascending, each with another offset than the one before.
    #[must_use]
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// Seconds east of UTC at that instant.
    #[must_use]
    pub fn offset_at(&self, instant: DateTime<Utc>) -> i32 {
        let second = instant.timestamp();
        let (past, _) = self.split(second);
        self.offset_after(past)
    }

    /// What the clock on the wall shows. Stops at the ends of representable time.
    #[must_use]
    pub fn local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let offset = self.offset_at(instant);
        let utc = instant.naive_utc();
        utc.checked_add_signed(TimeDelta::seconds(i64::from(offset))).unwrap_or(if offset > 0 {
            NaiveDateTime::MAX
        } else {
            NaiveDateTime::MIN
        })
    }

    /// When the clock on the wall shows `local`.
    #[must_use]
    pub fn resolve(&self, local: NaiveDateTime) -> LocalTime {
        let utc = local.and_utc();
        let fraction = utc.timestamp_subsec_nanos();
        match self.resolve_second(utc.timestamp()) {
            Seconds::Unique(second) => LocalTime::Unique(instant(second, fraction)),
            // The gap ends on the second, whatever fraction of a second was asked for.
            Seconds::Gap(after) => LocalTime::Gap { after: instant(after, 0) },
            Seconds::Overlap(first, last) => {
                LocalTime::Overlap { first: instant(first, fraction), last: instant(last, fraction) }
            }
        }
    }

    /// The instant at which something starts that starts at `local`: after a gap, or at the first of several
    /// occurrences.
    #[must_use]
    pub fn first_instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match self.resolve(local) {
            LocalTime::Unique(at) | LocalTime::Gap { after: at } | LocalTime::Overlap { first: at, .. } => at,
        }
    }

    /// The instant at which something ends that ends at `local`: at the gap, or at the last of several
    /// occurrences.
    #[must_use]
    pub fn last_instant(&self, local: NaiveDateTime) -> DateTime<Utc> {
        match self.resolve(local) {
            LocalTime::Unique(at) | LocalTime::Gap { after: at } | LocalTime::Overlap { last: at, .. } => at,
        }
    }

    /// From the first instant of `date` to the first instant of the next one: 23 to 25 hours as a rule. Days
    /// follow each other without holes and without overlaps, also where midnight is skipped or comes twice.
    ///
    /// `None` for a day that the zone skipped (Apia had no 30 December 2011), or at the end of representable
    /// time.
    #[must_use]
    pub fn day(&self, date: NaiveDate) -> Option<Interval> {
        let next = date.succ_opt()?;
        Interval::new(
            self.first_instant(date.and_time(NaiveTime::MIN)),
            self.first_instant(next.and_time(NaiveTime::MIN)),
        )
    }

    /// The date on the wall.
    #[must_use]
    pub fn date(&self, instant: DateTime<Utc>) -> NaiveDate {
        self.local(instant).date()
    }

    /// [`first_instant`](Self::first_instant) in seconds since the epoch; `local` counts them on the wall
    /// clock.
    pub(super) fn first_second(&self, local: i64) -> i64 {
        match self.resolve_second(local) {
            Seconds::Unique(at) | Seconds::Gap(at) | Seconds::Overlap(at, _) => at,
        }
    }

    /// [`last_instant`](Self::last_instant) in seconds since the epoch; `local` counts them on the wall
    /// clock.
    pub(super) fn last_second(&self, local: i64) -> i64 {
        match self.resolve_second(local) {
            Seconds::Unique(at) | Seconds::Gap(at) | Seconds::Overlap(_, at) => at,
        }
    }

    /// The first second of `date`, or of the first date after it that exists.
    pub(super) fn midnight(&self, date: NaiveDate) -> i64 {
        self.first_second(local_midnight(date))
    }

    fn resolve_second(&self, local: i64) -> Seconds {
        let reach = i64::from(MAX_OFFSET);
        // Offsets being bounded, only transitions this close to the local time can have a say in it.
        let (past, ahead) = self.split(local.saturating_sub(reach));
        let mut offset = self.offset_after(past);
        let mut since = i64::MIN;
        let mut shown: Option<(i64, i64)> = None;
        let mut gap = None;
        let mut note = |second: i64| {
            shown = Some(shown.map_or((second, second), |(first, _)| (first, second)));
        };
        for transition in ahead {
            if transition.at > local.saturating_add(reach) {
                break;
            }
            let second = local.saturating_sub(i64::from(offset));
            if second < transition.at {
                if second >= since {
                    note(second);
                }
            } else if local.saturating_sub(i64::from(transition.offset)) < transition.at {
                gap = gap.or(Some(transition.at));
            }
            since = transition.at;
            offset = transition.offset;
        }
        let second = local.saturating_sub(i64::from(offset));
        if second >= since {
            note(second);
        }
        match (shown, gap) {
            (Some((first, last)), _) if first < last => Seconds::Overlap(first, last),
            (Some((only, _)), _) => Seconds::Unique(only),
            (None, Some(after)) => Seconds::Gap(after),
            // A local time that is shown nowhere was jumped over somewhere, so this arm is only for the
            // compiler.
            (None, None) => Seconds::Unique(second),
        }
    }

    /// The transitions up to and including that second, and those after it.
    fn split(&self, second: i64) -> (&[Transition], &[Transition]) {
        let middle = self.transitions.partition_point(|transition| transition.at <= second);
        self.transitions.split_at_checked(middle).unwrap_or((&self.transitions, &[]))
    }

    fn offset_after(&self, past: &[Transition]) -> i32 {
        past.last().map_or(self.initial_offset, |transition| transition.offset)
    }
}

/// Midnight of `date` in seconds on the wall clock, counted from 1970-01-01 00:00 on the same clock.
pub(super) fn local_midnight(date: NaiveDate) -> i64 {
    const UNIX_EPOCH_FROM_CE: i64 = 719_163;
    (i64::from(date.num_days_from_ce()) - UNIX_EPOCH_FROM_CE) * DAY
}

/// That instant, or the nearest one that chrono can represent.
pub(super) fn instant(second: i64, nanosecond: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(second, nanosecond).unwrap_or(if second < 0 {
        DateTime::<Utc>::MIN_UTC
    } else {
        DateTime::<Utc>::MAX_UTC
    })
}
