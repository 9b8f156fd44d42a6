//! What the events of a calendar take of their owner's time.

use super::{row_id, tour::Tour};
use crate::{
    domain::{interval::Interval, interval::IntervalSet},
    server::{
        calendars::{
            event::{RemoteEvent, Shows, Status},
            recurrence,
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

/// Does this event take time by itself? The entry of a booking does not: its claim does. One that a person moved away
/// from its booking does.
fn counts(event: &RemoteEvent, ours: &Ours) -> bool {
    ours.get(&event.id).is_none_or(|mirror| mirror.state == "apart")
}

/// The time that an event takes with all of its series.
fn times(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    events: &[RemoteEvent],
    root: &str,
    window: Interval,
    ours: &Ours,
) -> Vec<Interval> {
    if !calendar.conflicts || !calendar.syncs {
        return Vec::new();
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
    IntervalSet::from_unsorted(busy).iter().collect()
}

/// Derives the time that one root takes, and keeps it where it differs from what is kept. Returns whether it did.
pub(super) async fn derive(
    conn: &mut Conn,
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    root: &str,
    window: Interval,
    ours: &Ours,
) -> Result<bool, StoreError> {
    let mut events = Vec::new();
    for (_, _, document) in remote_events::of_root(conn, &calendar.id, root).await? {
        events.push(serde_json::from_str::<RemoteEvent>(&document)?);
    }
    let times = times(tour, calendar, &events, root, window, ours);
    let before = remote_events::busy_of(conn, &calendar.id, root).await?;
    let same = before.len() == times.len()
        && before.iter().zip(&times).all(|(old, new)| *old == (micros(new.start()), micros(new.end())));
    if same {
        return Ok(false);
    }
    let now = tour.now();
    let mut kept = Vec::with_capacity(times.len());
    for time in times {
        kept.push((row_id(now)?.to_string(), time));
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
        for root in &roots {
            derive(&mut conn, tour, calendar, root, window, ours).await?;
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
