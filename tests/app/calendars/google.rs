//! The adapter for Google, as a library, against `tests/peers/google.py`. Each test ends with nothing that Google would not
//! have taken or said.

mod faults;
mod reading;
mod watching;
mod writing;

use super::standin::Standin;
use crate::harness::block_on;
use chrono::{DateTime, Utc};
use meridian::{
    domain::interval::Interval,
    server::calendars::{
        Provider,
        access::{Access, Credential, Endpoints},
        event::{Change, Draft, From, Known, Next, Page, RemoteEvent, Status, When, Written},
        fault::Fault,
        google::Google,
    },
};
use serde_json::{Value, json};

const EMAIL: &str = "host@example.com";
/// Somebody who uses the same account from elsewhere.
const OUTSIDE: &str = "outside";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn now() -> DateTime<Utc> {
    at("2027-02-15T12:00:00Z")
}

/// A Google with one account, and what opens it.
struct World {
    google: Standin,
    endpoints: Endpoints,
    credential: Credential,
    calendar: String,
    window: Interval,
}

impl World {
    fn new() -> Self {
        let google = Standin::start("google.py", &[]);
        let calendars = json!([{ "name": "Host", "zone": "Europe/Berlin", "primary": true }]);
        google.post("/_/accounts", json!({ "email": EMAIL, "calendars": calendars, "token": OUTSIDE }));
        Self {
            endpoints: Endpoints {
                authorize: google.url("/o/oauth2/v2/auth"),
                token: google.url("/token"),
                revoke: google.url("/revoke"),
                api: google.url("/calendar/v3"),
            },
            credential: Credential::Tokens { access: OUTSIDE.into(), refresh: String::new(), expires: now() },
            calendar: EMAIL.into(),
            window: Interval::new(at("2027-01-15T00:00:00Z"), at("2027-12-31T00:00:00Z")).unwrap(),
            google,
        }
    }

    fn access(&self) -> Access<'_> {
        Access {
            credential: &self.credential,
            endpoints: Some(&self.endpoints),
            home: "",
            zone: "Europe/Berlin",
            allow_private: true,
            now: now(),
        }
    }

    fn options(&self, options: Value) {
        self.google.post("/_/options", options);
    }

    fn fault(&self, fault: Value) {
        self.google.post("/_/faults", fault);
    }

    // What somebody else does in the same calendar.

    fn path(&self, rest: &str) -> String {
        format!("/calendar/v3/calendars/{}/events{rest}", self.calendar)
    }

    fn theirs(&self, body: Value) -> Value {
        self.google.outside(OUTSIDE, "POST", &self.path(""), body)
    }

    fn their_patch(&self, id: &str, body: Value) -> Value {
        self.google.outside(OUTSIDE, "PATCH", &self.path(&format!("/{id}")), body)
    }

    fn their_delete(&self, id: &str) {
        self.google.outside(OUTSIDE, "DELETE", &self.path(&format!("/{id}")), Value::Null);
    }

    /// The event as Google shows it.
    fn raw(&self, id: &str) -> Value {
        self.google.outside(OUTSIDE, "GET", &self.path(&format!("/{id}")), Value::Null)
    }

    // What the adapter does.

    fn page(&self, cursor: Option<&str>, page: Option<&str>) -> Result<Page, Fault> {
        let from = From { cursor, page, window: self.window, known: false };
        block_on(Google.changes(&self.access(), &self.calendar, &from))
    }

    /// All pages of a round: what changed, the cursor, and how many pages there were.
    fn round(&self, cursor: Option<&str>) -> (Vec<Change>, String, usize) {
        let (mut changes, mut page, mut pages) = (Vec::new(), None, 0);
        loop {
            let found = self.page(cursor, page.as_deref()).unwrap();
            pages += 1;
            changes.extend(found.changes);
            match found.next {
                Next::Page(next) => page = Some(next),
                Next::Cursor(cursor) => return (changes, cursor, pages),
            }
        }
    }

    fn get(&self, id: &str) -> Option<RemoteEvent> {
        block_on(Google.get(&self.access(), &self.calendar, id)).unwrap()
    }

    fn create(&self, draft: &Draft) -> Result<Written, Fault> {
        block_on(Google.create(&self.access(), &self.calendar, draft))
    }

    fn update(&self, id: &str, etag: Option<&str>, draft: &Draft) -> Result<Written, Fault> {
        let known = Known { id: id.into(), etag: etag.map(Into::into) };
        block_on(Google.update(&self.access(), &self.calendar, &known, draft))
    }

    fn delete(&self, id: &str, etag: Option<&str>, tell: bool) -> Result<(), Fault> {
        let known = Known { id: id.into(), etag: etag.map(Into::into) };
        block_on(Google.delete(&self.access(), &self.calendar, &known, tell))
    }

    /// The mails that Google would have sent: of what kind, and to whom.
    fn mails(&self) -> Vec<(String, String)> {
        let mails: Vec<Value> = serde_json::from_value(self.google.get("/_/mails")).unwrap();
        self.google.delete("/_/mails");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        mails.iter().map(|mail| (text(&mail["method"]), text(&mail["to"]))).collect()
    }

    /// The requests that were seen, as `method rpc`.
    fn asked(&self) -> Vec<String> {
        let log: Vec<Value> = serde_json::from_value(self.google.get("/_/log")).unwrap();
        log.iter().filter_map(|note| note["rpc"].as_str().map(str::to_owned)).collect()
    }

    /// The end of each test.
    fn well(&self) {
        assert_eq!(self.google.violations(), Vec::<Value>::new());
    }
}

/// An hour of somebody's, on a day of 2027 (`03-01`).
fn hour(day: &str, title: &str) -> Value {
    json!({
        "summary": title,
        "start": { "dateTime": format!("2027-{day}T09:00:00"), "timeZone": "Europe/Berlin" },
        "end": { "dateTime": format!("2027-{day}T10:00:00"), "timeZone": "Europe/Berlin" },
    })
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

fn when(start: &str, end: &str) -> When {
    When::Timed { start: at(start), end: at(end), zone: "Europe/Berlin".into() }
}

fn draft() -> Draft {
    Draft {
        key: "0192f0c1-2345-7abc-8def-0123456789ab".into(),
        uid: "booking".into(),
        sequence: 0,
        title: "Haircut".into(),
        description: "With Ada\nPhone: 1".into(),
        location: "Here".into(),
        when: when("2027-03-01T08:00:00Z", "2027-03-01T09:00:00Z"),
        status: Status::Confirmed,
        busy: true,
        invite: Vec::new(),
        meeting: None,
        mark: "booking:1".into(),
    }
}

/// The events among changes, by their titles; what is gone, by `-` and its id.
fn titles(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| match change {
            Change::Event(event) if event.status == Status::Cancelled => format!("x{}", event.id),
            Change::Event(event) => event.title.clone(),
            Change::Gone { id } => format!("-{id}"),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn event(change: &Change) -> &RemoteEvent {
    match change {
        Change::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn googles_own_client_finds_nothing_strange_in_the_stand_in() {
    let google = Standin::start("google.py", &[]);
    let client = crate::peers::python("google_client.py").arg(google.url("")).output().unwrap();
    let (said, failed) = (String::from_utf8_lossy(&client.stdout), String::from_utf8_lossy(&client.stderr));
    assert!(client.status.success(), "{said}{failed}");
}
