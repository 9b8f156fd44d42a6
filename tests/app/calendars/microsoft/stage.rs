//! A stand-in with an account, our access to it, and a small engine that keeps what the adapter tells.

use crate::{calendars::standin::Standin, harness::block_on};
use chrono::{DateTime, Utc};
use meridian::{
    domain::{interval::Interval, zone::ZoneRules},
    server::calendars::{
        self, Provider,
        access::{Access, Credential, Endpoints},
        event::{Change, Draft, From, Next, Page, RemoteEvent, Shows, Status, When},
        fault::Fault,
        recurrence,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const OUTLOOK: &dyn Provider = &calendars::microsoft::Microsoft;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn window() -> Interval {
    Interval::new(at("2026-06-01T00:00:00Z"), at("2026-12-31T00:00:00Z")).unwrap()
}

/// Rosa's mailbox, and Kim's.
pub(super) struct Stage {
    pub(super) standin: Standin,
    /// Somebody else's access to Rosa's calendars: Outlook itself, say.
    pub(super) outside: String,
    pub(super) calendar: String,
    pub(super) other: String,
    pub(super) kim: String,
    credential: Credential,
    endpoints: Endpoints,
}

impl Stage {
    pub(super) fn new() -> Self {
        let standin = Standin::start("graph.py", &[]);
        let rosa = standin.post(
            "/_/accounts",
            json!({ "email": "rosa@studio.example", "name": "Rosa Diaz", "zone": "Europe/Berlin", "calendars": [
                { "name": "Calendar", "zone": "Europe/Berlin", "primary": true },
                { "name": "Studio", "zone": "Europe/Berlin" },
                { "name": "Holidays", "zone": "UTC", "access": "reader" },
            ] }),
        );
        let kim = standin.post("/_/accounts", json!({ "email": "kim@example.org" }));
        standin.post("/_/options", json!({ "require_immutable": true }));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let token = standin.post(
            "/_/token",
            json!({ "account": "rosa@studio.example", "app": "meridian", "scopes": ["User.Read", "Calendars.ReadWrite"] }),
        );
        let credential = Credential::Tokens {
            access: text(&token["token"]),
            refresh: String::new(),
            expires: at("2030-01-01T00:00:00Z"),
        };
        let nowhere = String::new;
        let api = standin.url("/v1.0");
        let endpoints = Endpoints { authorize: nowhere(), token: nowhere(), revoke: nowhere(), api };
        Self {
            outside: text(&rosa["token"]),
            calendar: text(&rosa["calendars"][1]["id"]),
            other: text(&rosa["calendars"][0]["id"]),
            kim: text(&kim["token"]),
            standin,
            credential,
            endpoints,
        }
    }

    pub(super) fn access(&self) -> Access<'_> {
        Access {
            credential: &self.credential,
            endpoints: Some(&self.endpoints),
            home: "rosa@studio.example",
            zone: "Europe/Berlin",
            allow_private: true,
            now: at("2026-07-01T09:00:00Z"),
        }
    }

    /// With a token that may do this and no more.
    pub(super) fn limited_to(mut self, scopes: &[&str]) -> Self {
        let asked = json!({ "account": "rosa@studio.example", "app": "meridian", "scopes": scopes });
        let token = self.standin.post("/_/token", asked)["token"].as_str().unwrap().to_owned();
        self.credential =
            Credential::Tokens { access: token, refresh: String::new(), expires: at("2030-01-01T00:00:00Z") };
        self
    }

    pub(super) fn options(&self, options: Value) {
        self.standin.post("/_/options", options);
    }

    pub(super) fn fault(&self, fault: Value) {
        self.standin.post("/_/faults", fault);
    }

    /// Makes an event in Outlook; its id as we see it.
    pub(super) fn made_outside(&self, event: Value) -> String {
        let ids = self.standin.post(
            "/_/bulk",
            json!({ "account": "rosa@studio.example", "calendar": self.calendar, "events": [event], "loud": true }),
        );
        ids["ids"][0].as_str().unwrap().to_owned()
    }

    /// Changes an event in Outlook.
    pub(super) fn changed_outside(&self, id: &str, change: Value) -> Value {
        self.standin.outside(&self.outside, "PATCH", &format!("/v1.0/me/events/{id}"), change)
    }

    pub(super) fn deleted_outside(&self, id: &str) {
        self.standin.outside(&self.outside, "DELETE", &format!("/v1.0/me/events/{id}"), Value::Null);
    }

    /// What the calendar holds in a window, series expanded, as start, end and what it shows.
    pub(super) fn holds(&self, window: Interval) -> Vec<(String, String, String)> {
        let plain = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let path = format!(
            "/_/dump?account=rosa@studio.example&start={}&end={}",
            plain(window.start()),
            plain(window.end())
        );
        let found = self.standin.get(&path);
        // Days, like in Graph, are those of UTC.
        let instant = |value: &Value| {
            let text = value.as_str().unwrap();
            if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() }
        };
        let mut holds: Vec<_> = found[&self.calendar]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["status"] == "confirmed" && event["start"] != event["end"])
            .map(|event| {
                let shows = event["shows"].as_str().unwrap().to_owned();
                (instant(&event["start"]), instant(&event["end"]), shows)
            })
            .collect();
        holds.sort();
        holds
    }

    /// One page of changes.
    pub(super) async fn page(&self, from: &From<'_>) -> Result<Page, Fault> {
        OUTLOOK.changes(&self.access(), &self.calendar, from).await
    }

    pub(super) async fn get(&self, id: &str) -> Option<RemoteEvent> {
        OUTLOOK.get(&self.access(), &self.calendar, id).await.unwrap()
    }

    pub(super) fn no_violations(&self) {
        assert_eq!(self.standin.violations(), Vec::<Value>::new());
    }
}

/// Plays with a stage, and looks at its end whether all requests and answers fitted Graph's schema.
pub(super) fn play(play: impl AsyncFnOnce(&Stage)) {
    let stage = Stage::new();
    block_on(play(&stage));
    stage.no_violations();
}

/// What an engine keeps of a calendar: events by id, with the object that they came in.
#[derive(Default)]
pub(super) struct Kept {
    events: BTreeMap<String, (RemoteEvent, String)>,
    pub(super) cursor: Option<String>,
    pub(super) pages: usize,
    /// What was told in the last round.
    pub(super) told: Vec<Change>,
}

impl Kept {
    /// A round; from the beginning where the cursor is no longer known. Faults that pass are outlasted.
    pub(super) async fn round(&mut self, stage: &Stage, window: Interval) {
        let mut page: Option<String> = None;
        (self.pages, self.told) = (0, Vec::new());
        let mut events = if self.cursor.is_none() { BTreeMap::new() } else { self.events.clone() };
        loop {
            let from = From { cursor: self.cursor.as_deref(), page: page.as_deref(), window, known: false };
            let found = match stage.page(&from).await {
                Err(Fault::CursorGone) => {
                    (self.cursor, page, events) = (None, None, BTreeMap::new());
                    continue;
                }
                Err(Fault::Temporary(_) | Fault::Limited(_)) => continue,
                other => other.unwrap(),
            };
            self.pages += 1;
            for change in &found.changes {
                apply(&mut events, change);
            }
            self.told.extend(found.changes);
            match found.next {
                Next::Page(next) => page = Some(next),
                Next::Cursor(next) => {
                    (self.cursor, self.events) = (Some(next), events);
                    return;
                }
            }
        }
    }

    pub(super) fn event(&self, id: &str) -> Option<&RemoteEvent> {
        self.events.get(id).map(|(event, _)| event)
    }

    /// When events take place in a window, as [`Stage::holds`] tells it.
    pub(super) fn holds(&self, window: Interval) -> Vec<(String, String, String)> {
        let all: Vec<RemoteEvent> = self.events.values().map(|(event, _)| event.clone()).collect();
        let plain = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mut holds = Vec::new();
        for master in all.iter().filter(|event| event.instance.is_none()) {
            // The stand-in, like Graph, keeps whole days at midnight UTC.
            let expanded = recurrence::expand(master, &all, window, &ZoneRules::utc());
            assert_eq!(expanded.lost, None);
            holds.extend(expanded.occurrences.into_iter().map(|one| {
                let shows = match one.shows {
                    Shows::Busy => "busy",
                    Shows::Tentative => "tentative",
                    Shows::Free => "free",
                };
                (plain(one.time.start()), plain(one.time.end()), shows.to_owned())
            }));
        }
        holds.sort();
        holds
    }
}

fn apply(events: &mut BTreeMap<String, (RemoteEvent, String)>, change: &Change) {
    let root_is = |event: &RemoteEvent, id: &str| {
        event.id == id || event.instance.as_ref().is_some_and(|instance| instance.series == id)
    };
    match change {
        Change::Event(event) => {
            events.insert(event.id.clone(), (RemoteEvent::clone(event), String::new()));
        }
        Change::Gone { id } | Change::Left { id } => events.retain(|_, (event, _)| !root_is(event, id)),
        Change::Unreadable { .. } => {}
        Change::Resource { id, events: new, unread } => {
            assert!(unread.is_empty());
            events.retain(|_, (_, resource)| resource != id);
            for event in new {
                events.insert(event.id.clone(), (event.clone(), id.clone()));
            }
        }
    }
}

pub(super) fn timed(start: &str, end: &str) -> When {
    When::Timed { start: at(start), end: at(end), zone: "Europe/Berlin".into() }
}

/// A booking from eight to nine (UTC).
pub(super) fn draft() -> Draft {
    Draft {
        key: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
        uid: "01890a5d-ac96-774b-bcce-b302099a8057@studio.example".into(),
        sequence: 0,
        title: "Haircut: Ada Lovelace".into(),
        description: "First visit\nPhone: 0123".into(),
        location: "Studio".into(),
        when: timed("2026-07-08T08:00:00Z", "2026-07-08T09:00:00Z"),
        status: Status::Confirmed,
        busy: true,
        invite: Vec::new(),
        meeting: None,
        mark: "booking:01890a5d-ac96-774b-bcce-b302099a8058".into(),
    }
}

/// An event in Graph's form.
pub(super) fn graph_event(subject: &str, start: &str, end: &str, zone: &str) -> Value {
    json!({
        "subject": subject,
        "start": { "dateTime": start, "timeZone": zone },
        "end": { "dateTime": end, "timeZone": zone },
    })
}
