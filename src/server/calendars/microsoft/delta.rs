//! What changed in a calendar: rounds of calendarView/delta (learn.microsoft.com/graph/delta-query-events).
//!
//! The window is frozen in Graph's tokens. A round begins with a wider one than is asked for, and our cursors say which, so
//! that a later call that needs more is told to begin again.
//!
//! Graph expands series itself: a master, unchanged occurrences with nothing but their times, and changed ones in full. When
//! anything about a series changes, all that is left of it in the window comes again, and an occurrence that was cancelled
//! is merely missing (github.com/microsoftgraph/microsoft-graph-docs/pull/4501). So a series is told as one
//! [`Change::Resource`]: its master, which takes place when the service says, and its changed occurrences. One whose master
//! is not on the same page is read in full.

use super::{
    call::{self, Extras},
    wire::{Event, Kind, SELECT, unclear},
};
use crate::{
    domain::interval::Interval,
    server::calendars::{
        access::Access,
        event::{Change, From, Moment, Next, Page, RemoteEvent},
        fault::Fault,
    },
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Items on a page, as a wish.
const PAGE_SIZE: u16 = 200;
/// How much further than asked a round looks, so that it need not begin again each time that the window moves on.
const AHEAD: TimeDelta = TimeDelta::days(30);
/// The longest window that Graph takes: five years.
const LONGEST: TimeDelta = TimeDelta::days(1825);
/// Pages of one series that are read; each has [`PAGE_SIZE`] occurrences.
const SERIES_PAGES: usize = 25;

/// A place in a round: its window, and Graph's own link, which is followed as it is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    window: Interval,
    link: String,
}

impl Place {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let mut instant = || DateTime::from_timestamp(parts.next()?.parse().ok()?, 0);
        let (start, end) = (instant()?, instant()?);
        Some(Self { window: Interval::new(start, end)?, link: parts.next()?.to_owned() })
    }

    fn write(&self) -> String {
        format!("{} {} {}", self.window.start().timestamp(), self.window.end().timestamp(), self.link)
    }

    /// Does it see all that is asked for, as far as that is possible at all?
    fn covers(&self, wanted: Interval) -> bool {
        let most = wanted.start() + (LONGEST - AHEAD);
        self.window.start() <= wanted.start() && self.window.end() >= wanted.end().min(most)
    }
}

/// The window of a new round, in whole seconds.
fn frozen(wanted: Interval) -> Interval {
    let whole = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
    let start = whole(wanted.start());
    let end = whole(wanted.end() + AHEAD).min(start + LONGEST);
    Interval::new(start, end).unwrap_or(wanted)
}

fn query(window: Interval) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("startDateTime={}&endDateTime={}", text(window.start()), text(window.end()))
}

#[derive(Debug, Deserialize)]
struct Answer {
    /// One by one: one that can't be read must not hide the others.
    value: Vec<Value>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta: Option<String>,
}

/// One page.
pub(super) async fn changes(access: &Access<'_>, calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
    let place = match from.page.or(from.cursor) {
        Some(text) => Some(Place::read(text).ok_or(Fault::CursorGone)?),
        None => None,
    };
    // In the midst of a round it is too late; the next one will find out.
    if from.page.is_none() && place.as_ref().is_some_and(|place| !place.covers(from.window)) {
        return Err(Fault::CursorGone);
    }
    let (window, url) = match &place {
        Some(place) => (place.window, call::link(access, &place.link)?),
        None => {
            let window = frozen(from.window);
            let path = ["me", "calendars", calendar, "calendarView", "delta"];
            (window, call::url(access, &path, &query(window))?)
        }
    };
    let extras = Extras { page_size: Some(PAGE_SIZE), ..Extras::default() };
    let answer: Answer = call::ask(access, Method::GET, url, extras).await?;
    let at = |link: String| Place { window, link }.write();
    let next = match (answer.next, answer.delta) {
        (Some(next), _) => Next::Page(at(next)),
        (None, Some(delta)) => Next::Cursor(at(delta)),
        (None, None) => return Err(Fault::unreadable()),
    };
    let changes = told(access, answer.value, window).await?;
    Ok(Page { changes, next, unchanged: false })
}

fn unreadable(id: &str, fault: &Fault) -> Change {
    Change::Unreadable { id: id.to_owned(), why: fault.to_string() }
}

/// What a page says, in its order.
async fn told(access: &Access<'_>, items: Vec<Value>, window: Interval) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    let mut order = Vec::new();
    let mut series: HashMap<String, Series> = HashMap::new();
    // Of a series with one occurrence that makes no sense it can't be said when it is.
    let mut unread: BTreeSet<String> = BTreeSet::new();
    for item in items {
        let named = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let root = named("seriesMasterId").or_else(|| named("id")).unwrap_or_default();
        let Ok(item) = Event::read(item) else {
            unread.insert(root);
            continue;
        };
        let of = match item.kind() {
            Kind::Master => Some(item.id.clone()),
            Kind::Occurrence | Kind::Exception => item.series_master_id.clone(),
            Kind::Single => None,
        };
        if item.removed.is_some() {
            changes.push(Change::Left { id: item.id });
        } else if let Some(id) = of {
            if !series.contains_key(&id) {
                order.push(id.clone());
            }
            series.entry(id).or_default().take(item);
        } else {
            changes.push(single(access, &item));
        }
    }
    order.retain(|id| !unread.contains(id));
    changes.extend(unread.iter().map(|id| unreadable(id, &unclear())));
    for id in order {
        let Some(found) = series.remove(&id) else { continue };
        changes.push(match found.master {
            Some(_) => found.told(access, &id),
            None => whole(access, &id, window).await?,
        });
    }
    Ok(changes)
}

fn single(access: &Access<'_>, event: &Event) -> Change {
    if event.cancelled() {
        return Change::Gone { id: event.id.clone() };
    }
    match event.neutral(access.home) {
        Ok(neutral) => Change::Event(Box::new(neutral)),
        Err(fault) => unreadable(&event.id, &fault),
    }
}

/// What is known of a series.
#[derive(Debug, Default)]
struct Series {
    master: Option<Event>,
    /// Its occurrences in a window, changed or not, by their ids: they can repeat.
    instances: BTreeMap<String, Event>,
}

impl Series {
    fn take(&mut self, item: Event) {
        if item.kind() == Kind::Master {
            self.master = Some(item);
        } else {
            self.instances.insert(item.id.clone(), item);
        }
    }

    /// The master as an event that takes place when its occurrences do.
    fn event(&self, access: &Access<'_>) -> Result<Option<RemoteEvent>, Fault> {
        let Some(master) = self.master.as_ref().filter(|master| !master.cancelled()) else { return Ok(None) };
        let mut starts: Vec<Moment> = Vec::new();
        for instance in self.instances.values().filter(|instance| !instance.cancelled()) {
            starts.push(match instance.kind() {
                Kind::Exception => {
                    let changed = instance.neutral(access.home)?.instance;
                    changed.map(|instance| instance.original).ok_or_else(unclear)?
                }
                _ => instance.moment(master.all_day())?,
            });
        }
        starts.sort();
        starts.dedup();
        let event = master.neutral(access.home)?;
        Ok(Some(RemoteEvent { recurrence: Some(master.recurrence(starts)?), ..event }))
    }

    fn told(self, access: &Access<'_>, id: &str) -> Change {
        match self.events(access) {
            Ok(events) if events.is_empty() => Change::Gone { id: id.to_owned() },
            Ok(events) => Change::Resource { id: id.to_owned(), events, unread: Vec::new() },
            Err(fault) => unreadable(id, &fault),
        }
    }

    /// The master and its changed occurrences; none when it does not take place.
    fn events(&self, access: &Access<'_>) -> Result<Vec<RemoteEvent>, Fault> {
        let Some(event) = self.event(access)? else { return Ok(Vec::new()) };
        let mut events = vec![event];
        for instance in self.instances.values() {
            if instance.kind() == Kind::Exception && !instance.cancelled() {
                events.push(instance.neutral(access.home)?);
            }
        }
        Ok(events)
    }
}

/// A series of which a page told only in part.
async fn whole(access: &Access<'_>, id: &str, window: Interval) -> Result<Change, Fault> {
    let found = match master(access, id).await {
        Ok(master) if master.kind() != Kind::Master => return Ok(single(access, &master)),
        Ok(master) => with_instances(access, master, window).await,
        Err(fault) => Err(fault),
    };
    match found {
        Ok(series) => Ok(series.told(access, id)),
        Err(Fault::NotFound) => Ok(Change::Gone { id: id.to_owned() }),
        Err(fault @ Fault::Refused(_)) => Ok(unreadable(id, &fault)),
        Err(fault) => Err(fault),
    }
}

async fn master(access: &Access<'_>, id: &str) -> Result<Event, Fault> {
    let url = call::url(access, &["me", "events", id], &format!("$select={SELECT}"))?;
    Event::read(call::fetch(access, url).await?)
}

async fn with_instances(access: &Access<'_>, master: Event, window: Interval) -> Result<Series, Fault> {
    let query = format!("{}&$top={PAGE_SIZE}&$select={SELECT}", query(window));
    let mut url = call::url(access, &["me", "events", &master.id, "instances"], &query)?;
    let mut series = Series { master: Some(master), ..Series::default() };
    for _ in 0..SERIES_PAGES {
        let answer: Answer = call::fetch(access, url).await?;
        for item in answer.value {
            series.take(Event::read(item)?);
        }
        match answer.next {
            Some(next) => url = call::link(access, &next)?,
            None => return Ok(series),
        }
    }
    // More than five years of days in one window.
    Err(Fault::Refused("It comes again more often than is followed.".into()))
}

/// A series as one event. Without a window of its own it is told for the time that bookings are made in.
pub(super) async fn series(access: &Access<'_>, master: Event) -> Result<Option<RemoteEvent>, Fault> {
    let (past, ahead) = (TimeDelta::days(31), TimeDelta::days(731));
    let Some(window) = Interval::new(access.now - past, access.now + ahead) else { return Ok(None) };
    with_instances(access, master, frozen(window)).await?.event(access)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(start: &str, end: &str) -> Interval {
        let at = |text: &str| format!("{text}T00:00:00Z").parse().unwrap();
        Interval::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn a_cursor_says_what_it_sees() {
        let asked = window("2026-10-21", "2027-02-19");
        let place = Place { window: frozen(asked), link: "https://x.example/d?$deltatoken=a b|%3d".into() };
        assert_eq!(Place::read(&place.write()), Some(place));
        let place = Place { window: frozen(asked), link: String::new() };
        assert!(place.covers(asked));
        assert!(place.covers(window("2026-11-20", "2027-03-21")), "thirty days later");
        assert!(!place.covers(window("2026-11-22", "2027-03-23")), "too late");
        assert!(!place.covers(window("2026-10-20", "2027-02-19")), "further back");
        for wrong in ["", "1 2", "x 2 https://x.example", "2 1 https://x.example", "99999999999999999 1 x"] {
            assert_eq!(Place::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn five_years_are_the_most() {
        let asked = window("2026-10-21", "2036-10-21");
        let place = Place { window: frozen(asked), link: String::new() };
        assert_eq!(place.window.duration(), LONGEST);
        assert!(place.covers(asked) && place.covers(window("2026-11-19", "2036-11-19")));
        assert!(!place.covers(window("2026-11-25", "2036-11-25")));
    }
}
