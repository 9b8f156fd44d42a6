//! Changes come in.
//!
//! Pages are kept as they come, each in transactions of its own; the cursor is kept after all of them, so that a reading
//! that is cut off is made again from where it began, and finds most of it known. Reading everything ("full") takes nothing
//! away until it has come to its end: what was not seen then is gone. Of a booking's entry even that is not believed: the
//! provider is asked for it by name, because a list that is short by mistake must not cancel anything.

use super::{
    Stop, back, busy,
    busy::Ours,
    gaps::{self, Gaps},
    jitter,
    tour::{Tour, reach},
    window, write,
};
use crate::{
    domain::{ids::MirrorId, interval::Interval},
    server::{
        calendars::{
            event::{Change, From, Next, Page, RemoteEvent, Status, Texts},
            fault::Fault,
        },
        store::{
            Conn, StoreError, document, instant, mirrors, remote_events, sync, sync::CalendarRow,
            zone_editions,
        },
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Changes that are kept in one transaction: a writer must not keep bookings waiting.
const AT_ONCE: usize = 100;
/// Pages that one reading may have: a provider that names page after page for ever is not followed.
const MOST_PAGES: usize = 10_000;
/// How often a calendar is read that its provider pushes changes of, and one that it does not.
const WITH_PUSH: TimeDelta = TimeDelta::minutes(12);
const WITHOUT_PUSH: TimeDelta = TimeDelta::minutes(5);

/// What a reading has found about the entries of bookings, to be seen to once it is kept.
#[derive(Default)]
struct News {
    /// The entries, as they are now.
    entries: Vec<(MirrorId, Option<RemoteEvent>)>,
    /// Entries that may be gone: to be asked for by name.
    missing: Vec<String>,
    /// How many events were new, different or gone.
    changed: usize,
}

/// The mirrors in a calendar by their id at the provider, and those that have none yet by their mark.
struct Known {
    by_id: Ours,
    by_mark: HashMap<String, MirrorId>,
}

impl Known {
    async fn load(tour: &Tour<'_>, calendar: &CalendarRow, window: Interval) -> Result<Self, Stop> {
        let mut conn = tour.context.db.read().await?;
        let mut known = Self { by_id: HashMap::new(), by_mark: HashMap::new() };
        for mirror in mirrors::of_calendar(&mut conn, &calendar.id, window.start()).await? {
            match &mirror.remote_id {
                Some(id) => {
                    known.by_id.insert(id.clone(), mirror);
                }
                // It may be there although nobody heard so, and then it is ours all the same; or it was deleted, and
                // somebody brought it back.
                None => {
                    known.by_mark.insert(mirror.about.to_string(), mirror.id.clone());
                }
            }
        }
        Ok(known)
    }

    /// The mirror that an event is.
    fn of(&self, event: &RemoteEvent) -> Option<&MirrorId> {
        if let Some(mirror) = self.by_id.get(&event.id) {
            return Some(&mirror.id);
        }
        event.mark.as_ref().and_then(|mark| self.by_mark.get(mark))
    }
}

/// Reads what changed in a calendar.
pub(super) async fn calendar(tour: &mut Tour<'_>, calendar: &CalendarRow) -> Result<(), Stop> {
    let window = {
        let mut conn = tour.context.db.read().await?;
        window::of_member(&mut conn, &calendar.member_id, tour.now()).await?
    };
    let began = tour.now();
    let (edition, outdated) = begin(tour, calendar, began).await?;
    tour.rules_changed = outdated;
    // As its owner chose by now: what they chose since the tour began asked for a reading, which is this one.
    let fresh = {
        let mut conn = tour.context.db.read().await?;
        sync::calendar(&mut conn, &calendar.id).await?
    };
    let Some(calendar) = &fresh.filter(|fresh| fresh.syncs) else { return Ok(()) };
    let mut known = Known::load(tour, calendar, window).await?;
    if outdated || !busy::is_derived(calendar, window) {
        busy::derive_all(tour, calendar, window, &known.by_id).await?;
        gaps::tell(tour, calendar).await?;
    }
    let mut cursor = calendar.cursor.clone().filter(|_| !outdated);
    let mut page: Option<String> = None;
    let mut seen: Option<HashSet<String>> = cursor.is_none().then(HashSet::new);
    let mut changed = 0;
    for _ in 0..MOST_PAGES {
        let was_read = calendar.synced_at.is_some();
        let from = From { cursor: cursor.as_deref(), page: page.as_deref(), window, known: was_read };
        let answer = reach!(tour, |access| tour.provider.changes(&access, &calendar.remote_id, &from));
        let found = match answer {
            Err(Fault::CursorGone) if seen.is_none() => {
                tour.log(
                    &calendar.name,
                    "The provider no longer knows where we were: reading everything.",
                    true,
                )
                .await?;
                (cursor, page, seen, changed) = (None, None, Some(HashSet::new()), 0);
                continue;
            }
            other => other?,
        };
        tour.still_ours().await?;
        if !(found.unchanged && seen.is_some()) {
            let news = keep(tour, calendar, &found, window, &known, seen.as_mut()).await?;
            changed += news.changed;
            tell(tour, calendar, news, window).await?;
        }
        match found.next {
            Next::Page(next) => {
                page = Some(next);
                // A booking's entry does not wait for thousands of events to be read.
                if write::all(tour).await? {
                    known = Known::load(tour, calendar, window).await?;
                }
            }
            Next::Cursor(next) => {
                let everything = seen.is_some();
                if let (Some(seen), false) = (&seen, found.unchanged) {
                    changed += sweep(tour, calendar, seen, window, &known).await?;
                }
                if !everything {
                    // Made and taken away before it was ever read: no list of changes tells of that.
                    let mut conn = tour.context.db.read().await?;
                    let missing = mirrors::never_read(&mut conn, &calendar.id, began).await?;
                    drop(conn);
                    tell(tour, calendar, News { missing, ..News::default() }, window).await?;
                }
                gaps::tell(tour, calendar).await?;
                return finish(tour, calendar, &next, began, edition, changed, everything).await;
            }
        }
    }
    Err(Fault::Temporary("The provider names page after page without an end.".into()).into())
}

/// Marks a reading, before it asks anything. Returns by which edition of the zone database it is made, and whether the calendar
/// was read by an earlier one: then all that is kept in local time has to be read and derived anew.
async fn begin(tour: &Tour<'_>, calendar: &CalendarRow, began: DateTime<Utc>) -> Result<(i64, bool), Stop> {
    // Before the transaction: working it out takes a while, in which nobody could write. It fails only when the server stops;
    // then the hold runs out, as with any worker that ends.
    let edition = zones::edition().await.map_err(|_| Stop::Lost)?;
    let mut conn = tour.context.db.write().await?;
    sync::begin_reading(&mut conn, &calendar.id, began).await?;
    let edition = zone_editions::number(&mut conn, edition).await?;
    let read_by = zone_editions::of_calendar(&mut conn, &calendar.id).await?;
    conn.commit().await?;
    // Another process may have a later edition: what that one has read is not read back.
    let outdated = read_by < edition && calendar.cursor.is_some();
    if outdated && read_by > 0 {
        tour.log(&calendar.name, "The rules of time zones have changed: reading everything.", true).await?;
    }
    Ok((edition.max(read_by), outdated))
}

async fn finish(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    cursor: &str,
    began: DateTime<Utc>,
    edition: i64,
    changed: usize,
    everything: bool,
) -> Result<(), Stop> {
    let now = tour.now();
    let pushed = calendar.channel_expires_at.is_some_and(|at| instant(at) > now);
    let next = now + jitter(if pushed { WITH_PUSH } else { WITHOUT_PUSH });
    let mut conn = tour.context.db.write().await?;
    let was = calendar.cursor.as_deref();
    sync::end_reading(&mut conn, &calendar.id, was, cursor, began, next, now).await?;
    zone_editions::set(&mut conn, &calendar.id, edition).await?;
    conn.commit().await?;
    let changes = if changed == 1 { "1 change".to_owned() } else { format!("{changed} changes") };
    if everything {
        tour.log(&calendar.name, &format!("Read everything: {changes}."), true).await?;
    } else if changed > 0 {
        tour.log(&calendar.name, &format!("Read {changes}."), true).await?;
    }
    Ok(())
}

/// Changes in portions of about [`AT_ONCE`] events: one object may hold many.
fn portions(changes: &[Change]) -> Vec<&[Change]> {
    let weight = |change: &Change| match change {
        Change::Resource { events, .. } => events.len().max(1),
        Change::Event(_) | Change::Gone { .. } | Change::Left { .. } | Change::Unreadable { .. } => 1,
    };
    let (mut portions, mut rest) = (Vec::new(), changes);
    while !rest.is_empty() {
        let mut heavy = 0;
        let many = rest.iter().take_while(|change| {
            let fits = heavy < AT_ONCE;
            heavy += weight(change);
            fits
        });
        let (portion, after) = rest.split_at(many.count().max(1));
        portions.push(portion);
        rest = after;
    }
    portions
}

/// Keeps a page.
async fn keep(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    page: &Page,
    window: Interval,
    known: &Known,
    mut seen: Option<&mut HashSet<String>>,
) -> Result<News, Stop> {
    let mut news = News::default();
    for some in portions(&page.changes) {
        let mut conn = tour.context.db.write().await?;
        let (gaps, now) = (Gaps::load(&mut conn, &calendar.id).await?, tour.now());
        let mut keeping = Keeping { calendar, known, news: &mut news, roots: BTreeSet::new(), gaps, now };
        for change in some {
            keeping.change(&mut conn, change, seen.as_deref_mut()).await?;
        }
        let Keeping { roots, gaps, .. } = keeping;
        for root in &roots {
            busy::derive(&mut conn, tour, calendar, root, window, &known.by_id, &gaps).await?;
        }
        conn.commit().await?;
    }
    Ok(news)
}

/// Some changes on their way into the database.
struct Keeping<'a> {
    calendar: &'a CalendarRow,
    known: &'a Known,
    news: &'a mut News,
    /// Events whose time is to be derived anew.
    roots: BTreeSet<String>,
    gaps: Gaps,
    now: DateTime<Utc>,
}

impl Keeping<'_> {
    async fn change(
        &mut self,
        conn: &mut Conn,
        change: &Change,
        seen: Option<&mut HashSet<String>>,
    ) -> Result<(), StoreError> {
        match change {
            Change::Event(event) => {
                if let Some(seen) = seen {
                    seen.insert(event.id.clone());
                }
                self.gaps.is_known(conn, &self.calendar.id, &event.id, &[]).await?;
                self.event(conn, event, "").await
            }
            Change::Gone { id } => self.gone(conn, id).await,
            Change::Unreadable { id, why } => {
                // All that is known of it was met, and stays as it is.
                if let Some(seen) = seen {
                    seen.extend(remote_events::under(conn, &self.calendar.id, id).await?);
                    seen.insert(id.clone());
                }
                let (workspace, calendar) = (&self.calendar.workspace_id, &self.calendar.id);
                gaps::note_unreadable(conn, workspace, calendar, id, why, self.now).await
            }
            Change::Left { id } => {
                // "Left" may be "moved far away": only the entry of a booking is worth asking for.
                if self.known.by_id.contains_key(id) {
                    self.news.missing.push(id.clone());
                    Ok(())
                } else {
                    self.gone(conn, id).await
                }
            }
            Change::Resource { id, events, unread } => {
                self.gaps.is_known(conn, &self.calendar.id, id, unread).await?;
                let mut seen = seen;
                let before = remote_events::of_resource(conn, &self.calendar.id, id).await?;
                for (old, root) in before {
                    if events.iter().any(|event| event.id == old) {
                        continue;
                    }
                    if gaps::stays(&old, &root, unread) {
                        if let Some(seen) = seen.as_deref_mut() {
                            seen.insert(old);
                        }
                    } else {
                        remote_events::forget(conn, &self.calendar.id, &old).await?;
                        self.roots.insert(root);
                        self.news.changed += 1;
                        self.note_missing(&old);
                    }
                }
                if let Some(seen) = seen {
                    seen.extend(events.iter().map(|event| event.id.clone()));
                }
                for event in events {
                    self.event(conn, event, id).await?;
                }
                Ok(())
            }
        }
    }

    async fn event(
        &mut self,
        conn: &mut Conn,
        event: &RemoteEvent,
        resource: &str,
    ) -> Result<(), StoreError> {
        let root = event.instance.as_ref().map_or(&event.id, |instance| &instance.series);
        let mirror = self.known.of(event);
        // When is kept, not what and with whom: nothing here needs to know, and nobody has to be forgotten here.
        let bare = RemoteEvent {
            title: String::new(),
            participants: Vec::new(),
            texts: Texts::default(),
            ..event.clone()
        };
        let new = remote_events::NewEvent {
            calendar: &self.calendar.id,
            workspace: &self.calendar.workspace_id,
            id: &event.id,
            root,
            resource,
            document: &document(&bare)?,
        };
        let before = if event.instance.is_some() {
            remote_events::root_of(conn, &self.calendar.id, &event.id).await?
        } else {
            None
        };
        if remote_events::keep(conn, &new).await? {
            self.news.changed += 1;
            self.roots.insert(root.clone());
            // An instance that was cut off its series belongs to another one now.
            self.roots.extend(before.filter(|before| before != root));
        }
        if let Some(mirror) = mirror {
            let takes_place = event.status != Status::Cancelled;
            self.news.entries.push((mirror.clone(), takes_place.then(|| event.clone())));
            self.roots.insert(root.clone());
        }
        Ok(())
    }

    async fn gone(&mut self, conn: &mut Conn, id: &str) -> Result<(), StoreError> {
        self.gaps.is_known(conn, &self.calendar.id, id, &[]).await?;
        // An object of which only instances were known: their ids are not its own.
        for (event, root) in remote_events::of_resource(conn, &self.calendar.id, id).await? {
            if event != id && root != id {
                remote_events::forget(conn, &self.calendar.id, &event).await?;
                self.roots.insert(root);
                self.note_missing(&event);
            }
        }
        let Some(root) = remote_events::root_of(conn, &self.calendar.id, id).await? else {
            self.note_missing(id);
            return Ok(());
        };
        self.news.changed += 1;
        if root == id {
            remote_events::forget_series(conn, &self.calendar.id, id).await?;
        } else {
            remote_events::forget(conn, &self.calendar.id, id).await?;
        }
        self.roots.insert(root);
        self.note_missing(id);
        Ok(())
    }

    fn note_missing(&mut self, id: &str) {
        if self.known.by_id.contains_key(id) {
            self.news.missing.push(id.to_owned());
        }
    }
}

/// After everything was read: what was not seen is gone.
async fn sweep(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    seen: &HashSet<String>,
    window: Interval,
    known: &Known,
) -> Result<usize, Stop> {
    let mut news = News::default();
    let mut after = String::new();
    loop {
        let mut conn = tour.context.db.write().await?;
        let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let ids = remote_events::ids(&mut conn, &calendar.id, &after, most).await?;
        let Some((last, _)) = ids.last() else { break };
        after.clone_from(last);
        let gaps = Gaps::load(&mut conn, &calendar.id).await?;
        let mut roots = BTreeSet::new();
        for (id, root) in &ids {
            if !seen.contains(id) {
                remote_events::forget(&mut conn, &calendar.id, id).await?;
                roots.insert(root.clone());
                news.changed += 1;
            }
        }
        for root in &roots {
            busy::derive(&mut conn, tour, calendar, root, window, &known.by_id, &gaps).await?;
        }
        conn.commit().await?;
    }
    let mut conn = tour.context.db.write().await?;
    Gaps::sweep(&mut conn, &calendar.id, seen).await?;
    conn.commit().await?;
    // Entries of bookings that were never read but written, and are not there.
    let missing = known.by_id.keys().filter(|id| !seen.contains(*id));
    news.missing.extend(missing.cloned());
    let changed = news.changed;
    tell(tour, calendar, news, window).await?;
    Ok(changed)
}

/// Sees to what was read about the entries of bookings.
async fn tell(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mut news: News,
    window: Interval,
) -> Result<(), Stop> {
    for id in std::mem::take(&mut news.missing) {
        let found = reach!(tour, |access| tour.provider.get(&access, &calendar.remote_id, &id));
        let found = match found {
            Ok(found) => found.filter(|event| event.status != Status::Cancelled),
            Err(Fault::NotFound) => None,
            // It is there: what it says is not known, and nothing follows from that.
            Err(Fault::Refused(why)) => {
                let mut conn = tour.context.db.write().await?;
                let (workspace, now) = (&calendar.workspace_id, tour.now());
                gaps::note_unreadable(&mut conn, workspace, &calendar.id, &id, &why, now).await?;
                conn.commit().await?;
                continue;
            }
            Err(fault) => return Err(fault.into()),
        };
        let mut conn = tour.context.db.read().await?;
        let mirror = mirrors::by_remote(&mut conn, &calendar.id, &id).await?;
        drop(conn);
        if let Some(mirror) = mirror {
            news.entries.push((mirror.id, found));
        }
    }
    let mut roots = BTreeSet::new();
    for (mirror, event) in &news.entries {
        let changed = back::seen(tour, calendar, mirror, event.as_ref()).await?;
        roots.extend(event.as_ref().filter(|_| changed).map(|event| event.id.clone()));
    }
    if roots.is_empty() {
        return Ok(());
    }
    // An entry that tells something else than its booking takes time by itself; one that agrees again does not.
    let known = Known::load(tour, calendar, window).await?;
    let mut conn = tour.context.db.write().await?;
    let gaps = Gaps::load(&mut conn, &calendar.id).await?;
    for root in &roots {
        busy::derive(&mut conn, tour, calendar, root, window, &known.by_id, &gaps).await?;
    }
    conn.commit().await?;
    Ok(())
}
