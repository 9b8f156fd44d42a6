//! The engine and Outlook together: a real server whose host has a calendar at Microsoft, as far as the stand-in is Microsoft.

use crate::{
    calendars::standin::Standin,
    harness::{Database, SECRET, Server, both},
    world::{World, at, order, rules},
};
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use meridian::server::{calendars::access::Credential, clock, crypto::Secret, store::Db};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

both!(
    a_booking_is_written_once_moved_and_taken_away,
    an_entry_that_was_moved_there_moves_the_booking,
    an_entry_that_was_deleted_there_calls_the_booking_off,
    an_entry_that_left_the_window_moves_the_booking,
    an_entry_that_was_dragged_to_another_calendar_is_still_there,
    an_entry_that_was_deleted_there_is_made_again,
    busy_time_of_a_series_follows_every_change,
    a_push_is_enough_to_be_in_step,
    a_lost_cursor_and_a_storm_pass,
    a_meeting_link_is_awaited,
    an_event_of_the_hosts_own_goes_both_ways,
    moved_there_while_our_change_was_on_its_way,
);

pub(super) const HOST: &str = "host@outside.example";
pub(super) const CONNECTION: &str = "0193b5a0-7c1e-7000-8000-0000000000c0";
pub(super) const CALENDAR: &str = "0193b5a0-7c1e-7000-8000-0000000000ca";

pub(super) struct Outside {
    pub(super) server: Server,
    pub(super) graph: Standin,
    pub(super) database: Database,
    token: String,
    pub(super) calendar: String,
    other: String,
    pub(super) world: World,
}

pub(super) struct Booked {
    token: String,
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An instant as Graph writes it.
fn time(at: DateTime<Utc>) -> Value {
    json!({ "dateTime": at.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" })
}

pub(super) fn busy(start: DateTime<Utc>) -> Value {
    json!({ "subject": "Private", "start": time(start), "end": time(start + TimeDelta::minutes(30)) })
}

/// Our access to the host's account.
pub(super) fn ours(graph: &Standin) -> String {
    let asked = json!({ "account": HOST, "app": "meridian", "scopes": ["User.Read", "Calendars.ReadWrite"] });
    text(&graph.post("/_/token", asked)["token"])
}

impl Outside {
    pub(super) fn start(database: Database, choices: &str, push: bool) -> Self {
        Self::start_with(database, 1, choices, push)
    }

    pub(super) fn start_with(database: Database, hosts: usize, choices: &str, push: bool) -> Self {
        let graph = Standin::start("graph.py", &[]);
        let world = World::make(&database, hosts, async |world, db: &Db| {
            world.add(db, "talk", &rules(30)).await;
        });
        let account = graph.post(
            "/_/accounts",
            json!({ "email": HOST, "calendars": [{ "name": "Work", "primary": true }, { "name": "Home" }] }),
        );
        graph.post(
            "/_/options",
            json!({ "require_immutable": true, "max_page_size": 3, "repeat_items": true }),
        );
        let ours = ours(&graph);
        // A port that is free now: pushes must find the server.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let (public, api) = (format!("http://{listen}"), graph.url("/v1.0"));
        let (authorize, tokens) =
            (graph.url("/common/oauth2/v2.0/authorize"), graph.url("/common/oauth2/v2.0/token"));
        let settings = [
            ("MERIDIAN_LISTEN", &listen[..]),
            ("MERIDIAN_PUBLIC_URL", &public),
            ("MERIDIAN_ALLOW_PRIVATE_URLS", if push { "on" } else { "off" }),
            ("MERIDIAN_MICROSOFT_CLIENT_ID", "meridian"),
            ("MERIDIAN_MICROSOFT_CLIENT_SECRET", "secret"),
            ("MERIDIAN_MICROSOFT_AUTHORIZE_URL", &authorize),
            ("MERIDIAN_MICROSOFT_TOKEN_URL", &tokens),
            ("MERIDIAN_MICROSOFT_API_URL", &api),
        ];
        let server = Server::start_with(&database, &settings);
        let it = Self {
            server,
            graph,
            database,
            token: text(&account["token"]),
            calendar: text(&account["calendars"][0]["id"]),
            other: text(&account["calendars"][1]["id"]),
            world,
        };
        it.connect(CONNECTION, CALENDAR, 0, &ours, choices);
        it.sync();
        it
    }

    /// Connects the host's account, as the pages do once the host has consented.
    pub(super) fn connect(&self, connection: &str, calendar: &str, host: usize, access: &str, choices: &str) {
        let credential = Credential::Tokens {
            access: access.to_owned(),
            refresh: "none".to_owned(),
            expires: clock::now() + TimeDelta::days(30),
        };
        let key = Secret::new(base64::engine::general_purpose::STANDARD.decode(SECRET).unwrap()).unwrap();
        let sealed = key.seal(&format!("connection:{connection}"), &serde_json::to_vec(&credential).unwrap());
        let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
        let sealed =
            if self.database.is_postgres() { format!("decode('{hex}', 'hex')") } else { format!("X'{hex}'") };
        let (workspace, member) = (&self.world.workspace, &self.world.hosts[host].0);
        let remote = &self.calendar;
        let now = clock::now().timestamp_micros();
        self.database.execute(&format!(
            "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                      state, trouble, failures, listed_at, held_until, next_at, hints, created_at, updated_at)
             VALUES ('{connection}', '{workspace}', '{member}', 'microsoft', '{HOST}', '{HOST}', '{HOST}', {sealed}, 1, 'ok',
                     '', 0, {now}, 0, {}, 0, {now}, {now})",
            i64::MAX
        ));
        self.database.execute(&format!(
            "INSERT INTO calendars (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main,
                                    present, twin, syncs, conflicts, receives, tentative, meetings, outside, silent, invites,
                                    window_until, failures, trouble, next_at, channel_resource, created_at, updated_at)
             VALUES ('{calendar}', '{workspace}', '{member}', '{connection}', '{remote}', 'Work', 'UTC', TRUE, TRUE, TRUE,
                     FALSE, TRUE, TRUE, TRUE, FALSE, FALSE, 'adopt', 'book', 'us', 0, 0, '', 0, '', {now}, {now})"
        ));
        if !choices.is_empty() {
            self.database.execute(&format!("UPDATE calendars SET {choices} WHERE id = '{calendar}'"));
        }
    }

    /// Has everything read and written now, and waits until nothing is left to do.
    pub(super) fn sync(&self) {
        self.database.execute("UPDATE mirrors SET next_at = 0");
        self.database.execute("UPDATE calendars SET next_at = 0, failures = 0");
        self.database.execute(
            "UPDATE connections SET hints = hints + 1, next_at = 0, limited_until = NULL WHERE state = 'ok'",
        );
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.database.settle();
            let now = clock::now().timestamp_micros();
            let held = self.database.texts(
                "SELECT id || ' ' || CAST(next_at AS TEXT) || ' ' || CASE WHEN holder IS NULL THEN 'free' ELSE 'held' END
                 FROM connections WHERE state = 'ok'",
            );
            let waits = self.database.number("SELECT COUNT(*) FROM mirrors WHERE written < wanted");
            let due = held.iter().any(|row| {
                let mut parts = row.split(' ').skip(1);
                let next: i64 = parts.next().unwrap().parse().unwrap();
                next <= now || parts.next() == Some("held")
            });
            if !due && waits == 0 {
                return;
            }
            if waits > 0 {
                self.database.execute("UPDATE mirrors SET next_at = 0 WHERE written < wanted");
                self.database
                    .execute("UPDATE connections SET next_at = 0, limited_until = NULL WHERE state = 'ok'");
            }
            assert!(Instant::now() < deadline, "not in step: {held:?} {waits} {:?}", self.log());
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    pub(super) fn log(&self) -> Vec<String> {
        self.database.texts("SELECT sentence FROM sync_log ORDER BY at, id")
    }

    pub(super) fn book(&self, start: DateTime<Utc>) -> Booked {
        let answer = self.server.post("/api/v1/public/book/w/talk/book", &order(start, 1));
        assert_eq!(answer.status, 201, "{}", answer.text);
        self.sync();
        Booked { token: text(&answer.json["token"]) }
    }

    fn appointment(&self, booked: &Booked, what: &str, body: &Value) {
        let path = format!("/api/v1/public/appointments/{}/{what}", booked.token);
        let answer = self.server.post(&path, body);
        assert!(answer.status < 300, "{} {}", answer.status, answer.text);
        self.sync();
    }

    /// The booking: its status and its start.
    pub(super) fn booking(&self) -> (String, DateTime<Utc>) {
        let rows = self.database.texts("SELECT status || ' ' || CAST(start_at AS TEXT) FROM bookings");
        let [row] = &rows[..] else { panic!("one booking: {rows:?}") };
        let (status, start) = row.split_once(' ').unwrap();
        (status.to_owned(), DateTime::from_timestamp_micros(start.parse().unwrap()).unwrap())
    }

    pub(super) fn events(&self, calendar: &str) -> Vec<Value> {
        self.graph.get(&format!("/_/dump?account={HOST}"))[calendar].as_array().unwrap().clone()
    }

    /// The only event in the host's calendar: its id and its start.
    pub(super) fn event(&self) -> (String, DateTime<Utc>) {
        let events = self.events(&self.calendar);
        let [event] = &events[..] else { panic!("one event: {events:?}") };
        (text(&event["id"]), text(&event["start"]).parse().unwrap())
    }

    pub(super) fn outside(&self, method: &str, path: &str, body: Value) -> Value {
        self.graph.outside(&self.token, method, &format!("/v1.0/me/{path}"), body)
    }

    /// Makes an event in the host's calendar; its id.
    pub(super) fn insert(&self, event: Value) -> String {
        text(&self.outside("POST", &format!("calendars/{}/events", self.calendar), event)["id"])
    }

    /// Is this start on offer?
    pub(super) fn offers(&self, start: DateTime<Utc>) -> bool {
        let day = start.date_naive();
        let answer = self.server.get(&format!("/api/v1/public/book/w/talk/slots?from={day}&to={day}&tz=UTC"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text.contains(&start.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    pub(super) fn flags(&self) -> Vec<String> {
        self.database.texts("SELECT kind FROM booking_flags ORDER BY kind")
    }

    pub(super) fn assert_sound(&self) {
        self.database.assert_sound();
        assert_eq!(self.graph.violations(), Vec::<Value>::new());
    }
}

fn a_booking_is_written_once_moved_and_taken_away(database: Database) {
    let it = Outside::start(database, "", false);
    it.graph.post("/_/faults", json!({ "method": "POST", "path": "/events$", "cut": "after" }));
    let booked = it.book(at(600));
    let (id, start) = it.event();
    assert_eq!(start, at(600));
    it.appointment(&booked, "reschedule", &json!({ "start": at(720) }));
    assert_eq!(it.event(), (id, at(720)));
    // Our own entry takes no time besides its booking, and nothing comes back from it.
    it.sync();
    assert!(it.offers(at(600)) && !it.offers(at(720)));
    assert_eq!((it.booking(), it.flags()), (("confirmed".into(), at(720)), Vec::new()));
    it.appointment(&booked, "cancel", &json!({}));
    assert_eq!(it.events(&it.calendar), Vec::<Value>::new());
    it.assert_sound();
}

fn an_entry_that_was_moved_there_moves_the_booking(database: Database) {
    let it = Outside::start(database, "", false);
    it.book(at(600));
    let (id, _) = it.event();
    it.outside("PATCH", &format!("events/{id}"), busy(at(810)));
    it.sync();
    assert_eq!(it.booking(), ("confirmed".into(), at(810)));
    assert!(it.offers(at(600)) && !it.offers(at(810)));
    assert_eq!(it.event(), (id, at(810)));
    it.assert_sound();
}

fn an_entry_that_was_deleted_there_calls_the_booking_off(database: Database) {
    let it = Outside::start(database, "", false);
    it.book(at(600));
    it.outside("DELETE", &format!("events/{}", it.event().0), Value::Null);
    it.sync();
    assert_eq!(it.booking().0, "cancelled");
    assert!(it.offers(at(600)));
    it.assert_sound();
}

/// Graph says `@removed` of an event that left the window of the reading, as it does of one that was deleted.
fn an_entry_that_left_the_window_moves_the_booking(database: Database) {
    let it = Outside::start(database, "outside = 'flag'", false);
    it.book(at(600));
    let (id, _) = it.event();
    let far = at(600) + TimeDelta::days(1_200);
    it.outside("PATCH", &format!("events/{id}"), busy(far));
    it.sync();
    assert_eq!(it.booking(), ("confirmed".into(), at(600)));
    assert!(!it.flags().contains(&"deleted_outside".to_owned()), "{:?}", it.flags());
    assert_eq!(it.flags().len(), 1, "{:?}", it.flags());
    assert_eq!(it.event(), (id, far));
    it.assert_sound();
}

fn an_entry_that_was_dragged_to_another_calendar_is_still_there(database: Database) {
    let it = Outside::start(database, "", false);
    let booked = it.book(at(600));
    let (id, _) = it.event();
    it.graph.post("/_/move", json!({ "account": HOST, "event": id, "calendar": it.other }));
    it.sync();
    assert_eq!(it.booking(), ("confirmed".into(), at(600)));
    it.appointment(&booked, "reschedule", &json!({ "start": at(720) }));
    assert_eq!(it.events(&it.calendar), Vec::<Value>::new());
    let there = it.events(&it.other);
    assert_eq!(there.len(), 1, "{there:?}");
    assert_eq!(text(&there[0]["start"]).parse(), Ok(at(720)));
    it.assert_sound();
}

fn an_entry_that_was_deleted_there_is_made_again(database: Database) {
    let it = Outside::start(database, "outside = 'flag'", false);
    let booked = it.book(at(600));
    it.outside("DELETE", &format!("events/{}", it.event().0), Value::Null);
    it.sync();
    assert_eq!(it.flags(), ["deleted_outside"]);
    it.appointment(&booked, "reschedule", &json!({ "start": at(720) }));
    assert_eq!(it.event().1, at(720));
    it.assert_sound();
}

fn busy_time_of_a_series_follows_every_change(database: Database) {
    let it = Outside::start(database, "", false);
    let mut series = busy(at(600));
    let first = at(600).date_naive().to_string();
    series["recurrence"] = json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "noEnd", "startDate": first },
    });
    let id = it.insert(series);
    it.sync();
    let day = TimeDelta::days(1);
    let offered = |it: &Outside| [0, 1, 2].map(|days| it.offers(at(600) + day * days));
    assert_eq!(offered(&it), [false, false, false]);
    let (from, until) = ((at(0)).to_rfc3339(), (at(0) + TimeDelta::days(10)).to_rfc3339());
    let (from, until) = (from.replace("+00:00", "Z"), until.replace("+00:00", "Z"));
    let instances = it.outside(
        "GET",
        &format!("events/{id}/instances?startDateTime={from}&endDateTime={until}"),
        Value::Null,
    );
    let instance = |number: usize| text(&instances["value"][number]["id"]);
    it.outside("DELETE", &format!("events/{}", instance(0)), Value::Null);
    it.outside("PATCH", &format!("events/{}", instance(1)), json!({ "showAs": "free" }));
    it.sync();
    assert_eq!(offered(&it), [true, true, false]);
    let moved = at(720) + day * 2;
    it.outside(
        "PATCH",
        &format!("events/{}", instance(2)),
        json!({ "start": time(moved), "end": time(moved + TimeDelta::minutes(30)) }),
    );
    it.sync();
    assert_eq!(offered(&it), [true, true, true]);
    assert!(!it.offers(moved));
    it.outside("DELETE", &format!("events/{id}"), Value::Null);
    it.sync();
    assert!(it.offers(moved) && it.offers(at(600) + day * 3));
    it.assert_sound();
}

fn a_push_is_enough_to_be_in_step(database: Database) {
    let it = Outside::start(database, "", true);
    assert_eq!(it.graph.get("/_/subscriptions").as_array().unwrap().len(), 1, "{:?}", it.log());
    let gone = |start: DateTime<Utc>, what: &str| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while it.offers(start) {
            assert!(Instant::now() < deadline, "{what}: nobody looked: {:?}", it.log());
            std::thread::sleep(Duration::from_millis(150));
        }
    };
    it.graph.post("/_/push", json!({ "mode": "twice" }));
    it.insert(busy(at(600)));
    gone(at(600), "a change");
    it.graph.post("/_/push", json!({ "mode": "off" }));
    it.insert(busy(at(720)));
    it.graph.post("/_/lifecycle", json!({ "event": "missed" }));
    gone(at(720), "missed");
    it.insert(busy(at(810)));
    it.graph.post("/_/lifecycle", json!({ "event": "subscriptionRemoved" }));
    gone(at(810), "removed");
    it.sync();
    assert_eq!(it.graph.get("/_/subscriptions").as_array().unwrap().len(), 1);
    let whole = it.log().iter().filter(|line| line.contains("Read everything")).count();
    assert_eq!(whole, 2, "at first, and when something was missed: {:?}", it.log());
    it.assert_sound();
}

fn a_lost_cursor_and_a_storm_pass(database: Database) {
    let it = Outside::start(database, "", false);
    for number in 0..10 {
        it.insert(busy(at(600 + 30 * number)));
    }
    it.sync();
    for way in ["410", "400", "resync"] {
        it.graph.post("/_/options", json!({ "expired_cursor": way }));
        it.graph.post("/_/expire", json!({ "cursors": true }));
        it.graph.post("/_/chaos", json!({ "rate": 0.3, "seed": 7 }));
        it.sync();
        it.graph.post("/_/chaos", json!({ "rate": 0 }));
        it.sync();
        assert!(!it.offers(at(600)) && !it.offers(at(870)), "{way}");
    }
    let first = it.events(&it.calendar).remove(0);
    it.outside("DELETE", &format!("events/{}", text(&first["id"])), Value::Null);
    it.sync();
    assert!(it.offers(at(600)) && !it.offers(at(630)));
    it.assert_sound();
}

fn a_meeting_link_is_awaited(database: Database) {
    let it = Outside::start(database, "meetings = TRUE", false);
    it.graph.post("/_/options", json!({ "online_meeting": "later" }));
    it.book(at(600));
    let deadline = Instant::now() + Duration::from_secs(30);
    while it
        .database
        .number("SELECT COUNT(*) FROM mirrors WHERE meeting LIKE 'https://teams.microsoft.com/%'")
        == 0
    {
        assert!(Instant::now() < deadline, "no link: {:?}", it.log());
        it.sync();
    }
    it.assert_sound();
}

fn an_event_of_the_hosts_own_goes_both_ways(database: Database) {
    const ID: &str = "0193b5a0-7c1e-7000-8000-0000000000e1";
    let it = Outside::start(database, "", false);
    let cookie = it.server.member(&it.database, "own@outside.example", "w", "staff");
    it.database.execute(
        "UPDATE sessions SET member_id = (SELECT id FROM members WHERE name = 'Host 0'),
                             user_id = (SELECT user_id FROM members WHERE name = 'Host 0')",
    );
    let day = at(600).date_naive().to_string();
    let form = [
        ("id", ID),
        ("title", "Dentist"),
        ("place", "Main street 1"),
        ("notes", "Bring the card\nand the letter"),
        ("from_date", &day),
        ("from_time", "10:00"),
        ("until_time", "10:30"),
        ("busy", "on"),
        ("calendar", CALENDAR),
    ];
    it.graph.post("/_/faults", json!({ "method": "POST", "path": "/events$", "cut": "after" }));
    let made = it.server.post_form("/booking/events", &form, &[("cookie", &cookie)]);
    assert_eq!(made.status, 303, "{}", made.text);
    it.sync();
    let (id, start) = it.event();
    assert_eq!(start, at(600));
    it.sync();
    let version = it.database.number("SELECT version FROM calendar_events");
    it.sync();
    assert_eq!(it.database.number("SELECT version FROM calendar_events"), version, "{:?}", it.log());
    // Moved, renamed, relocated and told otherwise there, in HTML.
    let mut changed = busy(at(720));
    changed["subject"] = json!("Dr. Ada");
    changed["location"] = json!({ "displayName": "Side street 2" });
    changed["body"] =
        json!({ "contentType": "html", "content": "<p>Other <b>notes</b></p><p>&amp; more</p>" });
    it.outside("PATCH", &format!("events/{id}"), changed);
    it.sync();
    let said = "SELECT title || '|' || place || '|' || CAST(start_at AS TEXT) FROM calendar_events";
    assert_eq!(
        it.database.texts(said),
        [format!("Dr. Ada|Side street 2|{}", at(720).timestamp_micros())],
        "{:?}",
        it.log()
    );
    assert_eq!(it.database.texts("SELECT notes FROM calendar_events"), ["Other notes\n& more"]);
    assert!(it.offers(at(600)) && !it.offers(at(720)));
    // Deleted there, and brought back here.
    it.outside("DELETE", &format!("events/{id}"), Value::Null);
    it.sync();
    assert!(it.offers(at(720)), "{:?}", it.log());
    let restored = it.server.post_form(&format!("/booking/events/{ID}/restore"), &[], &[("cookie", &cookie)]);
    assert_eq!(restored.status, 303);
    it.sync();
    assert_eq!(it.event().1, at(720));
    assert!(!it.offers(at(720)));
    it.assert_sound();
}

/// Our change was decided by what the entry was like a moment ago: it is made on condition that it still is.
fn moved_there_while_our_change_was_on_its_way(database: Database) {
    let it = Outside::start(database, "", false);
    it.book(at(600));
    let (id, _) = it.event();
    it.graph.delete("/_/log");
    // It is read, and the answer takes its time.
    it.graph.post("/_/faults", json!({ "method": "GET", "path": "/me/events/", "delay_ms": 2000 }));
    it.database.execute("UPDATE mirrors SET wanted = wanted + 1, next_at = 0");
    it.database.execute("UPDATE connections SET hints = hints + 1, next_at = 0");
    let asked = |method: &str| {
        let log = it.graph.get("/_/log");
        let calls = log.as_array().unwrap().iter();
        calls.filter(|call| call["method"] == method && text(&call["path"]).contains("/me/events/")).count()
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while asked("GET") == 0 {
        assert!(Instant::now() < deadline, "{:?}", it.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    it.outside("PATCH", &format!("events/{id}"), busy(at(690)));
    it.sync();
    it.sync();
    assert_eq!(it.booking(), ("confirmed".into(), at(690)), "{:?}", it.log());
    assert_eq!(it.event(), (id, at(690)));
    it.assert_sound();
}
