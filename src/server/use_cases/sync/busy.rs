//! What the events of a calendar take of their owner's time.

use super::{gaps::Gaps, row_id, tour::Tour};
use crate::{
    domain::{interval::Interval, interval::IntervalSet},
    server::{
        calendars::{
            event::{RemoteEvent, Shows, Status},
            recurrence::{self, Lost},
        },
        store::{
            Conn, StoreError, instant, micros,
            mirrors::MirrorRow,
            remote_events,
            sync::{self, CalendarRow},
        },
    },
};
use std::collections::HashMap;

/// Roots that are derived in one transaction: a writer must not keep bookings waiting.
const AT_ONCE: i64 = 200;

/// The mirrors of a calendar by their id at the provider.
pub(super) type Ours = HashMap<String, MirrorRow>;

/// Does this event take time by itself? The entry of a booking or of a member's own event does not: these take it. One that
/// tells something else than they do takes time by itself.
fn counts(event: &RemoteEvent, ours: &Ours) -> bool {
    ours.get(&event.id).is_none_or(|mirror| mirror.state == "apart")
}

/// What the events of one root take.
#[derive(Default)]
struct Taken<'e> {
    times: IntervalSet,
    /// Of a series of which not every time can be told: it, what is not known, and the times at which it is known not to
    /// take place.
    lost: Option<(&'e RemoteEvent, Lost, Vec<Interval>)>,
}

/// The time that an event takes with all of its series.
fn taken<'e>(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    events: &'e [RemoteEvent],
    root: &str,
    window: Interval,
    ours: &Ours,
) -> Taken<'e> {
    let mut taken = Taken::default();
    if !calendar.conflicts || !calendar.syncs {
        return taken;
    }
    let takes = |shows: Shows| match shows {
        Shows::Free => false,
        Shows::Tentative => calendar.tentative,
        Shows::Busy => true,
    };
    let master = events.iter().find(|event| event.id == root && event.instance.is_none());
    let mut found: Vec<(Interval, Shows)> = Vec::new();
    match master {
        Some(master) if counts(master, ours) => {
            let instances: Vec<RemoteEvent> =
                events.iter().filter(|event| event.instance.is_some()).cloned().collect();
            let expanded = recurrence::expand(master, &instances, window, &tour.zone);
            found.extend(
                expanded.occurrences.into_iter().map(|occurrence| (occurrence.time, occurrence.shows)),
            );
            taken.lost = expanded
                .lost
                .filter(|_| takes(master.shows) && master.status != Status::Cancelled)
                .map(|lost| (master, lost, expanded.left_out));
        }
        Some(_) => {}
        // Instances whose series nobody showed us.
        None => {
            for event in events.iter().filter(|event| event.status != Status::Cancelled) {
                let expanded = recurrence::expand(event, &[], window, &tour.zone);
                found.extend(
                    expanded.occurrences.into_iter().map(|occurrence| (occurrence.time, occurrence.shows)),
                );
            }
        }
    }
    let busy = found.into_iter().filter(|(_, shows)| takes(*shows)).map(|(time, _)| time);
    taken.times = IntervalSet::from_unsorted(busy);
    taken
}

/// Derives the time that one root takes, and keeps it where it differs from what is kept. Returns whether it did.
pub(super) async fn derive(
    conn: &mut Conn,
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    root: &str,
    window: Interval,
    ours: &Ours,
    gaps: &Gaps,
) -> Result<bool, StoreError> {
    let mut events = Vec::new();
    for (_, _, document) in remote_events::of_root(conn, &calendar.id, root).await? {
        events.push(serde_json::from_str::<RemoteEvent>(&document)?);
    }
    let mut taken = taken(tour, calendar, &events, root, window, ours);
    let before = remote_events::busy_of(conn, &calendar.id, root).await?;
    if let Some((_, Lost::Unclear, left_out)) = &taken.lost {
        // What was known stays, but for what is known not to be.
        let known = before.iter().filter_map(|(from, until)| Interval::new(instant(*from), instant(*until)));
        let left_out = IntervalSet::from_unsorted(left_out.iter().copied());
        let stays = IntervalSet::from_unsorted(known).difference(&left_out);
        taken.times = taken.times.union(&stays);
    }
    let lost = taken.lost.as_ref().map(|(master, lost, _)| (*master, lost));
    gaps.series(conn, tour, calendar, root, lost).await?;
    let times = taken.times.as_slice();
    let same = before.len() == times.len()
        && before.iter().zip(times).all(|(old, new)| *old == (micros(new.start()), micros(new.end())));
    if same {
        return Ok(false);
    }
    let now = tour.now();
    let mut kept = Vec::with_capacity(times.len());
    for time in times {
        kept.push((row_id(now)?.to_string(), *time));
    }
    let (workspace, member) = (&calendar.workspace_id, &calendar.member_id);
    remote_events::set_busy(conn, workspace, member, &calendar.id, root, &kept).await?;
    Ok(true)
}

/// Derives the time that a whole calendar takes anew: after its window moved (then only what comes again can have
/// changed) or its owner chose otherwise.
pub(super) async fn derive_all(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    window: Interval,
    ours: &Ours,
) -> Result<(), StoreError> {
    // Single events far ahead come into the window as it moves, too: all of them are looked at.
    let mut after = String::new();
    loop {
        let mut conn = tour.context.db.write().await?;
        let roots = remote_events::roots(&mut conn, &calendar.id, &after, AT_ONCE).await?;
        let gaps = Gaps::load(&mut conn, &calendar.id).await?;
        for root in &roots {
            derive(&mut conn, tour, calendar, root, window, ours, &gaps).await?;
        }
        let Some(last) = roots.last() else {
            remote_events::forget_past(&mut conn, &calendar.id, window.start()).await?;
            sync::set_window(&mut conn, calendar, micros(window.end())).await?;
            conn.commit().await?;
            return Ok(());
        };
        after.clone_from(last);
        conn.commit().await?;
    }
}

/// Was busy time derived up to the end of this window?
pub(super) fn is_derived(calendar: &CalendarRow, window: Interval) -> bool {
    instant(calendar.window_until) == window.end()
}
