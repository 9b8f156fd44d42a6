//! The adapter for CalDAV: against servers that nobody here wrote, and against one that gives the answers that those never
//! give.

mod conflicts;
mod connecting;
mod edits;
mod engine;
mod fake;
mod hostile;
pub mod peer;
mod refusals;
mod silence;
mod stage;
mod syncing;
mod time;
mod unreadable;
mod zones;

use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::interval::Interval,
    server::calendars::{
        Provider,
        access::{Access, Account, Credential},
        caldav::CalDav,
        event::{Change, Draft, From, Known, Next, Page, RemoteCalendar, RemoteEvent, Status, When, Written},
        fault::Fault,
    },
};
use std::collections::BTreeMap;

/// When all of these tests happen.
fn now() -> DateTime<Utc> {
    at("2026-11-21T08:00:00Z")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An account, and where its calendars are.
#[derive(Clone)]
struct Member {
    credential: Credential,
    home: String,
}

impl Member {
    fn new(url: &str, user: &str, password: &str) -> Self {
        let credential = Credential::Password {
            url: url.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        };
        Self { credential, home: String::new() }
    }

    /// Rosa, whose calendars are found from here.
    async fn rosa(url: &str) -> Self {
        let mut rosa = Self::new(url, "rosa", "secret");
        rosa.home = rosa.account().await.unwrap().home;
        rosa
    }

    fn access(&self) -> Access<'_> {
        Access {
            credential: &self.credential,
            endpoints: None,
            home: &self.home,
            zone: "Europe/Berlin",
            allow_private: true,
            now: now(),
        }
    }

    async fn account(&self) -> Result<Account, Fault> {
        CalDav.account(&self.access()).await
    }

    async fn calendars(&self) -> Result<Vec<RemoteCalendar>, Fault> {
        CalDav.calendars(&self.access()).await
    }

    /// The calendar of that name.
    async fn calendar(&self, name: &str) -> String {
        let calendars = self.calendars().await.unwrap();
        calendars.into_iter().find(|calendar| calendar.name == name).unwrap().id
    }

    async fn page(&self, calendar: &str, cursor: Option<&str>, page: Option<&str>) -> Result<Page, Fault> {
        self.page_of(calendar, cursor, page, false).await
    }

    async fn page_of(
        &self,
        calendar: &str,
        cursor: Option<&str>,
        page: Option<&str>,
        known: bool,
    ) -> Result<Page, Fault> {
        let window = Interval::new(now() - TimeDelta::days(31), now() + TimeDelta::days(180)).unwrap();
        CalDav.changes(&self.access(), calendar, &From { cursor, page, window, known }).await
    }

    async fn get(&self, calendar: &str, id: &str) -> Option<RemoteEvent> {
        CalDav.get(&self.access(), calendar, id).await.unwrap()
    }

    async fn create(&self, calendar: &str, draft: &Draft) -> Result<Written, Fault> {
        CalDav.create(&self.access(), calendar, draft).await
    }

    async fn update(&self, calendar: &str, known: &Known, draft: &Draft) -> Result<Written, Fault> {
        CalDav.update(&self.access(), calendar, known, draft).await
    }

    async fn delete(&self, calendar: &str, known: &Known) -> Result<(), Fault> {
        CalDav.delete(&self.access(), calendar, known, false).await
    }
}

/// What a member's calendar looks like here, kept in step as the engine does it.
#[derive(Default)]
struct Mirror {
    events: BTreeMap<String, RemoteEvent>,
    /// What can't be read, and why.
    unreadable: BTreeMap<String, String>,
    cursor: Option<String>,
    /// Was it read before?
    known: bool,
}

/// What a round brought.
#[derive(Debug, Default, PartialEq, Eq)]
struct Round {
    pages: usize,
    changes: usize,
    unchanged: bool,
    /// The cursor was lost, and everything was read again.
    anew: bool,
}

impl Mirror {
    async fn of(member: &Member, calendar: &str) -> Self {
        let mut mirror = Self::default();
        mirror.follow(member, calendar).await.unwrap();
        mirror
    }

    async fn follow(&mut self, member: &Member, calendar: &str) -> Result<Round, Fault> {
        match self.round(member, calendar).await {
            Err(Fault::CursorGone) => {
                let mut fresh = Self::default();
                let round = fresh.round(member, calendar).await?;
                *self = fresh;
                Ok(Round { anew: true, ..round })
            }
            other => other,
        }
    }

    async fn round(&mut self, member: &Member, calendar: &str) -> Result<Round, Fault> {
        let mut round = Round::default();
        let mut page: Option<String> = None;
        loop {
            let read = member.page_of(calendar, self.cursor.as_deref(), page.as_deref(), self.known).await?;
            round.pages += 1;
            round.changes += read.changes.len();
            round.unchanged = read.unchanged;
            assert!(round.pages < 100, "a reading ends");
            self.apply(read.changes);
            match read.next {
                Next::Page(next) => page = Some(next),
                Next::Cursor(cursor) => {
                    self.cursor = Some(cursor);
                    return Ok(round);
                }
            }
        }
    }

    fn apply(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Gone { id } => {
                    self.forget(&id);
                    self.unreadable.remove(&id);
                }
                Change::Unreadable { id, why } => drop(self.unreadable.insert(id, why)),
                Change::Resource { id, events, unread } => {
                    if unread.is_empty() {
                        self.forget(&id);
                        self.unreadable.remove(&id);
                    }
                    for event in events {
                        assert!(event.id == id || event.id.starts_with(&format!("{id}#")), "{}", event.id);
                        self.events.insert(event.id.clone(), event);
                    }
                }
                other => panic!("CalDAV does not say {other:?}"),
            }
        }
    }

    fn forget(&mut self, resource: &str) {
        let inside = format!("{resource}#");
        self.events.retain(|id, _| id != resource && !id.starts_with(&inside));
    }

    /// The event with this title.
    fn titled(&self, title: &str) -> &RemoteEvent {
        let mut found = self.events.values().filter(|event| event.title == title);
        let event = found.next().unwrap_or_else(|| panic!("there is no {title} among {:?}", self.titles()));
        assert!(found.next().is_none(), "there are several of {title}");
        event
    }

    fn titles(&self) -> Vec<&str> {
        let mut titles: Vec<&str> = self.events.values().map(|event| event.title.as_str()).collect();
        titles.sort_unstable();
        titles
    }
}

/// What a cursor is by: `token` or `listing`.
fn by(cursor: Option<&String>) -> String {
    let cursor: serde_json::Value = serde_json::from_str(cursor.unwrap()).unwrap();
    cursor["by"].as_str().unwrap().to_owned()
}

/// An hour's event of ours.
fn draft(key: &str, title: &str, start: &str) -> Draft {
    let start = at(start);
    Draft {
        key: key.to_owned(),
        uid: format!("{key}@meridian.example"),
        sequence: 0,
        title: title.to_owned(),
        description: "With Rosa.\nBring the plans.".into(),
        location: "Studio 2".into(),
        when: timed(start, start + TimeDelta::hours(1)),
        status: Status::Confirmed,
        busy: true,
        invite: Vec::new(),
        meeting: None,
        mark: format!("booking:{key}"),
    }
}

fn timed(start: DateTime<Utc>, end: DateTime<Utc>) -> When {
    When::Timed { start, end, zone: "Europe/Berlin".into() }
}

fn timed_utc(start: DateTime<Utc>, end: DateTime<Utc>) -> When {
    When::Timed { start, end, zone: String::new() }
}

fn known(written: &Written) -> Known {
    Known { id: written.id.clone(), etag: written.etag.clone() }
}

/// A calendar object by another program; `lines` are further ones of its event.
fn object(uid: &str, title: &str, start: &str, lines: &str) -> String {
    let lines: String =
        lines.split('\n').filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Other//Program//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
         DTSTAMP:20261101T000000Z\r\nDTSTART:{start}\r\nDURATION:PT1H\r\nSUMMARY:{title}\r\n{lines}END:VEVENT\r\n\
         END:VCALENDAR\r\n"
    )
}
