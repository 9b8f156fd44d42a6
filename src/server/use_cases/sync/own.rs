//! Events of members' own, in step with their entries outside.
//!
//! Both sides are the same person's, so what they do to an entry is done to the event: moved, renamed, deleted, brought back. What was
//! changed on one side since both agreed counts, field by field; what was changed on both is ours. An event that was changed
//! here stays although its entry was deleted there; one that was deleted here goes although its entry was changed there.

use super::{
    Stop, back, row_id,
    tour::{Tour, reach},
    write::Wanted,
};
use crate::{
    domain::{
        calendar_event::{Content, EventTime, Merged, Shared, Shown, merge},
        ids::CalendarEventId,
    },
    server::{
        calendars::event::{Draft, RemoteEvent, Shows, Status, When},
        store::{
            Conn, StoreError,
            calendar_events::{self, EventRow, Said},
            document,
            mirrors::{self, MirrorRow, Seen},
            sync::{self, CalendarRow},
        },
    },
};
use chrono::TimeDelta;

/// An event's entry as it should be; `None` when there should be none.
pub(super) async fn wanted(
    conn: &mut Conn,
    tour: &Tour<'_>,
    mirror: &MirrorRow,
    id: &CalendarEventId,
) -> Result<Option<Wanted>, StoreError> {
    let Some(event) = calendar_events::by_id(conn, id).await? else { return Ok(None) };
    if !event.is_kept_in(&mirror.calendar_id) {
        return Ok(None);
    }
    let content = event.content()?;
    let Some(time) = content.time.interval(&tour.zone) else { return Ok(None) };
    let draft = Draft {
        key: mirror.id.to_string(),
        uid: id.to_string(),
        sequence: event.version,
        title: content.title.clone(),
        description: content.notes.clone(),
        location: content.place.clone(),
        when: match content.time {
            EventTime::Timed { start, end } => When::Timed { start, end, zone: tour.zone.name().to_owned() },
            EventTime::Days { first, until } => When::AllDay { start: first, end: until },
        },
        status: Status::Confirmed,
        busy: content.busy,
        invite: Vec::new(),
        meeting: None,
        mark: mirror.about.to_string(),
    };
    Ok(Some(Wanted { draft, time, content: Some(content) }))
}

/// An event's entry was written as it should be. How the calendar words it is seen when it is read next.
pub(super) async fn written(
    conn: &mut Conn,
    mirror: &MirrorRow,
    id: &CalendarEventId,
    content: Option<&Content>,
) -> Result<(), StoreError> {
    if let Some(content) = content {
        let shared = Shared { ours: content.clone(), theirs: Shown::of(content) };
        mirrors::set_shared(conn, &mirror.id, &document(&shared)?).await?;
    }
    calendar_events::set_trouble(conn, id, "").await
}

/// What an entry shows, if it is one that an event can be: once.
fn shown(event: &RemoteEvent) -> Option<Shown> {
    if event.recurrence.is_some() || event.instance.is_some() {
        return None;
    }
    let time = match event.when {
        // Some calendars have events that last no time.
        When::Timed { start, end, .. } => {
            EventTime::Timed { start, end: end.max(start + TimeDelta::minutes(1)) }
        }
        When::AllDay { start, end } => EventTime::Days { first: start, until: end.max(start.succ_opt()?) },
    };
    let texts = &event.texts;
    Some(Shown::new(
        &event.title,
        texts.place.as_deref(),
        texts.notes.as_deref(),
        time,
        event.shows != Shows::Free,
    ))
}

fn shared(mirror: &MirrorRow) -> Option<Shared> {
    serde_json::from_str(&mirror.shared).ok()
}

/// An event and its mirror as they are now, under the event's lock.
async fn locked(
    conn: &mut Conn,
    mirror: &MirrorRow,
    id: &CalendarEventId,
) -> Result<Option<(EventRow, MirrorRow)>, StoreError> {
    calendar_events::lock(conn, id).await?;
    let event = calendar_events::by_id(conn, id).await?;
    let mirror = mirrors::by_id(conn, &mirror.id).await?;
    Ok(event.zip(mirror))
}

/// Has an event say something else, and take the time that follows from it.
async fn set(
    conn: &mut Conn,
    tour: &Tour<'_>,
    event: &EventRow,
    content: &Content,
) -> Result<(), StoreError> {
    let now = tour.now();
    let time = content.time.interval(&tour.zone).ok_or(StoreError::Value("an event without a time"))?;
    calendar_events::set(conn, &event.id, Said { content, time }, now).await?;
    calendar_events::set_busy(conn, &row_id(now)?, event, content.busy.then_some(time)).await
}

/// The entry of an event was read: `None` when it is not there. Returns whether it takes time by itself now and did not
/// before, or the other way round.
pub(super) async fn seen(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &CalendarEventId,
    event: Option<&RemoteEvent>,
) -> Result<bool, Stop> {
    match event {
        Some(event) => there(tour, calendar, mirror, id, event).await,
        None => not_there(tour, calendar, mirror, id).await,
    }
}

async fn there(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &CalendarEventId,
    event: &RemoteEvent,
) -> Result<bool, Stop> {
    let shows = shown(event);
    let is_known = mirror.etag.is_some()
        && mirror.etag == event.etag
        && mirror.remote_id.as_deref() == Some(&event.id)
        && (mirror.state == "apart" || shared(mirror).map(|shared| shared.theirs) == shows);
    if is_known {
        return Ok(false);
    }
    if mirror.state == "gone" && mirror.written >= mirror.wanted {
        // It was deleted, and is said to be there. Lists may be older than that: the provider is asked for it by name.
        let found = reach!(tour, |access| tour.provider.get(&access, &calendar.remote_id, &event.id))?;
        if found.is_none_or(|found| found.status == Status::Cancelled) {
            return Ok(false);
        }
    }
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    let Some((row, mirror)) = locked(&mut conn, mirror, id).await? else { return Ok(false) };
    let mut remember =
        Seen { remote_id: Some(&event.id), etag: event.etag.as_deref(), state: "live", time: None };
    if mirror.written < mirror.wanted {
        // Our own, newer change is on its way, and is made on what is there then. Where the answer to our own request was
        // lost, this is it.
        if mirror.remote_id.is_none() && row.is_kept_in(&calendar.id) {
            mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
            conn.commit().await?;
        }
        return Ok(false);
    }
    let was_kept_here = row.calendar_id.as_deref() == Some(calendar.id.as_str());
    let is_stale = event.etag.is_some() && event.etag == mirror.etag;
    let brought_back = row.deleted_at.is_some() && was_kept_here && mirror.state == "gone" && !is_stale;
    if !row.is_kept_in(&calendar.id) && !brought_back {
        return Ok(false);
    }
    let Some(shows) = shows else {
        remember.state = "apart";
        mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
        let detail = format!(
            "In the calendar “{}” it was made into one that comes again. Here it stays as it was; the time that it takes there \
             is taken. Save it here to have it once there, too.",
            calendar.name
        );
        calendar_events::set_trouble(&mut conn, id, &detail).await?;
        conn.commit().await?;
        tour.log(&calendar.name, "The entry of an event was made into one that comes again.", false).await?;
        return Ok(mirror.state != "apart");
    };
    let ours = row.content()?;
    let is_echo = mirror.etag.is_some() && mirror.etag == event.etag;
    let merged = if is_echo && !brought_back {
        Merged { content: ours, taken: false }
    } else {
        merge(&ours, &shows, shared(&mirror).as_ref())
    };
    if merged.taken || brought_back {
        set(&mut conn, tour, &row, &merged.content).await?;
    } else if mirror.state == "apart" {
        calendar_events::set_trouble(&mut conn, id, "").await?;
    }
    if brought_back {
        calendar_events::set_deleted(&mut conn, id, None).await?;
    }
    remember.time = merged.content.time.interval(&tour.zone);
    mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
    let agreed = Shared { ours: merged.content, theirs: shows };
    mirrors::set_shared(&mut conn, &mirror.id, &document(&agreed)?).await?;
    conn.commit().await?;
    if brought_back {
        tour.log(&calendar.name, "An event was brought back, as its entry was.", true).await?;
    } else if merged.taken {
        tour.log(&calendar.name, "An event was changed, as its entry was.", true).await?;
    }
    Ok(mirror.state != "live" || mirror.remote_id.as_deref() != Some(&event.id))
}

async fn not_there(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &CalendarEventId,
) -> Result<bool, Stop> {
    let mut conn = tour.context.db.read().await?;
    let Some(fresh) = mirrors::by_id(&mut conn, &mirror.id).await? else { return Ok(false) };
    drop(conn);
    // A change of ours that is on its way finds out by itself.
    if fresh.remote_id.is_none() || fresh.written < fresh.wanted {
        return Ok(false);
    }
    let moved_to = back::in_another_calendar(tour, calendar, &fresh, None).await?;
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    let Some((row, fresh)) = locked(&mut conn, &fresh, id).await? else { return Ok(false) };
    if fresh.written < fresh.wanted || fresh.remote_id != mirror.remote_id {
        return Ok(false);
    }
    let sentence = match moved_to {
        Some((other, entry)) if row.is_kept_in(&calendar.id) => {
            rehome(&mut conn, tour, &fresh, id, &other, &entry).await?;
            Some(format!("An event was moved to the calendar “{}”, as its entry was.", other.name))
        }
        _ => {
            let was_kept = row.is_kept_in(&calendar.id);
            if was_kept {
                calendar_events::set_deleted(&mut conn, id, Some(now)).await?;
                calendar_events::set_busy(&mut conn, &row_id(now)?, &row, None).await?;
            }
            // How it looked last is kept: an answer that is older than its end does not bring it back.
            let gone = Seen { remote_id: None, etag: fresh.etag.as_deref(), state: "gone", time: None };
            mirrors::set_seen(&mut conn, &fresh.id, &gone, now).await?;
            was_kept.then(|| "An event was deleted, as its entry was.".to_owned())
        }
    };
    conn.commit().await?;
    if let Some(sentence) = sentence {
        tour.log(&calendar.name, &sentence, true).await?;
    }
    Ok(false)
}

/// The entry stands in another calendar of the account now, and so does the event.
async fn rehome(
    conn: &mut Conn,
    tour: &Tour<'_>,
    mirror: &MirrorRow,
    id: &CalendarEventId,
    to: &CalendarRow,
    entry: &RemoteEvent,
) -> Result<(), StoreError> {
    let now = tour.now();
    mirrors::rehome(conn, &mirror.id, id, &to.id, &entry.id, now).await?;
    calendar_events::set_calendar(conn, id, Some(&to.id)).await?;
    // There it was taken for an event like any other, if it was read already.
    sync::forget_window(conn, &to.id).await?;
    sync::hint_calendar(conn, &to.id, now).await
}

/// An entry that we were about to change is not there. What was changed here is not lost: it is made anew, wherever the entry
/// was moved to.
pub(super) async fn deleted_before_change(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &CalendarEventId,
) -> Result<(), Stop> {
    let moved_to = back::in_another_calendar(tour, calendar, mirror, None).await?;
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    let Some((row, fresh)) = locked(&mut conn, mirror, id).await? else { return Ok(()) };
    match moved_to {
        Some((other, entry)) if row.is_kept_in(&calendar.id) => {
            rehome(&mut conn, tour, &fresh, id, &other, &entry).await?;
        }
        _ => {
            let nowhere = Seen { remote_id: None, etag: None, state: "gone", time: None };
            mirrors::set_seen(&mut conn, &fresh.id, &nowhere, now).await?;
        }
    }
    conn.commit().await?;
    tour.log(&calendar.name, "The entry of an event was deleted, but changed here: it is made again.", true)
        .await
}

/// An entry that we were about to change is not as it was seen: both sides are put together, and what is ours of it is
/// written on what is there.
pub(super) async fn changed_meanwhile(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &CalendarEventId,
    event: &RemoteEvent,
) -> Result<(), Stop> {
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    let Some((row, mirror)) = locked(&mut conn, mirror, id).await? else { return Ok(()) };
    let (Some(shows), Some(before)) = (shown(event), shared(&mirror)) else { return Ok(()) };
    if !row.is_kept_in(&calendar.id) {
        return Ok(());
    }
    let ours = row.content()?;
    let merged = merge(&ours, &shows, Some(&before));
    if merged.taken {
        set(&mut conn, tour, &row, &merged.content).await?;
    }
    let remember = Seen {
        remote_id: Some(&event.id),
        etag: event.etag.as_deref(),
        state: "live",
        time: merged.content.time.interval(&tour.zone),
    };
    mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
    let agreed = before.with_taken(&ours, &merged.content, shows);
    mirrors::set_shared(&mut conn, &mirror.id, &document(&agreed)?).await?;
    conn.commit().await?;
    if merged.taken {
        tour.log(&calendar.name, "An event was changed on both sides: put together.", true).await?;
    }
    Ok(())
}
