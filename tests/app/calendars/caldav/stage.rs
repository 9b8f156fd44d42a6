//! A server whose host has calendars at a CalDAV server.

use super::{Member, fake::Fake};
use crate::{
    harness::{Database, Server, block_on},
    sync::outside::{CALENDAR, CONNECTION, blob, secret, uuid},
    world::{World, order, rules},
};
use chrono::{DateTime, Utc};
use meridian::server::{calendars::access::Credential, clock, store::Db};
use serde_json::json;
use std::time::{Duration, Instant};

/// The host's further calendars.
const OTHER: u32 = 0xcb;

pub struct Stage {
    pub server: Option<Server>,
    pub database: Database,
    settings: Vec<(String, String)>,
}

/// A booking as the one who made it knows it.
pub struct Booked {
    pub id: String,
    token: String,
}

impl Stage {
    /// The host has these calendars of an account; bookings are written to the first.
    pub fn start(
        database: Database,
        account: &Member,
        calendars: &[String],
        settings: &[(&str, &str)],
    ) -> Self {
        Self::at("caldav", database, account, calendars, settings)
    }

    /// The host has subscribed to a feed.
    pub fn feed(database: Database, url: &str) -> Self {
        let credential = Credential::Feed { url: url.to_owned() };
        let account = Member { credential, home: "Feed".to_owned() };
        Self::at("ical", database, &account, &["feed".to_owned()], &[])
    }

    fn at(
        provider: &str,
        database: Database,
        account: &Member,
        calendars: &[String],
        settings: &[(&str, &str)],
    ) -> Self {
        let world = World::make(&database, 1, async |world, db: &Db| {
            world.add(db, "talk", &rules(30)).await;
        });
        let mut settings: Vec<(String, String)> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        settings.push(("MERIDIAN_ALLOW_PRIVATE_URLS".into(), "on".into()));
        let connection = uuid(CONNECTION);
        let plain = serde_json::to_vec(&account.credential).unwrap();
        let sealed = blob(&database, &secret().seal(&format!("connection:{connection}"), &plain));
        let (workspace, member, home) = (&world.workspace, &world.hosts[0].0, &account.home);
        let now = clock::now().timestamp_micros();
        database.execute(&format!(
            "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                      state, trouble, failures, listed_at, held_until, next_at, hints, created_at, updated_at)
             VALUES ('{connection}', '{workspace}', '{member}', '{provider}', 'rosa', 'rosa', '{home}', {sealed}, 1, 'ok', '', 0,
                     {now}, 0, {}, 0, {now}, {now})",
            i64::MAX
        ));
        for (number, remote) in (0..).zip(calendars) {
            let id = uuid(if number == 0 { CALENDAR } else { OTHER + number });
            let name = if number == 0 { "Work" } else { "Home" };
            let receives = if number == 0 && provider == "caldav" { "TRUE" } else { "FALSE" };
            database.execute(&format!(
                "INSERT INTO calendars (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main,
                                        present, twin, syncs, conflicts, receives, tentative, meetings, outside, silent,
                                        invites, window_until, failures, trouble, next_at, channel_resource, created_at,
                                        updated_at)
                 VALUES ('{id}', '{workspace}', '{member}', '{connection}', '{remote}', '{name}', 'UTC', TRUE, TRUE, TRUE,
                         FALSE, TRUE, TRUE, {receives}, FALSE, FALSE, 'adopt', 'book', 'us', 0, 0, '', 0, '',
                         {now} + {number}, {now})"
            ));
        }
        database.execute("UPDATE connections SET next_at = 0");
        let mut stage = Self { server: None, database, settings };
        stage.serve(&[]);
        stage.in_step();
        stage
    }

    /// With the calendar of a fake.
    pub fn with(database: Database, fake: &Fake) -> Self {
        Self::start(database, &fake.rosa(), &[super::fake::WORK.to_owned()], &[])
    }

    /// Starts the server, anew if it runs, with further settings.
    pub fn serve(&mut self, settings: &[(&str, &str)]) {
        self.server = None;
        let all = self.settings.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let all: Vec<(&str, &str)> = all.chain(settings.iter().copied()).collect();
        self.server = Some(Server::start_with(&self.database, &all));
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Books, and has the entry of the booking read once.
    pub fn book(&self, start: DateTime<Utc>) -> Booked {
        let booked = self.book_only(start);
        self.sync();
        booked
    }

    /// Books; nothing was read since its entry was made.
    pub fn book_only(&self, start: DateTime<Utc>) -> Booked {
        let answer = self.server().post("/api/v1/public/book/w/talk/book", &order(start, 1));
        assert_eq!(answer.status, 201, "{}", answer.text);
        let id = self
            .database
            .texts("SELECT id FROM bookings ORDER BY created_at DESC, id DESC LIMIT 1")
            .remove(0);
        self.in_step();
        Booked { id, token: answer.json["token"].as_str().unwrap().to_owned() }
    }

    pub fn move_to(&self, booked: &Booked, start: DateTime<Utc>) {
        let path = format!("/api/v1/public/appointments/{}/reschedule", booked.token);
        let moved = self.server().post(&path, &json!({ "start": start }));
        assert_eq!(moved.status, 200, "{}", moved.text);
    }

    pub fn cancel(&self, booked: &Booked) {
        let path = format!("/api/v1/public/appointments/{}/cancel", booked.token);
        let cancelled = self.server().post(&path, &json!({}));
        assert!(cancelled.status < 300, "{} {}", cancelled.status, cancelled.text);
    }

    /// A booking's status and start.
    pub fn booking(&self, booked: &Booked) -> (String, DateTime<Utc>) {
        let rows =
            self.database.texts("SELECT id || ' ' || status || ' ' || CAST(start_at AS TEXT) FROM bookings");
        let row = rows.iter().find(|row| row.starts_with(&booked.id)).unwrap();
        let mut parts = row.split(' ').skip(1);
        let status = parts.next().unwrap().to_owned();
        (status, DateTime::from_timestamp_micros(parts.next().unwrap().parse().unwrap()).unwrap())
    }

    /// Is this start on offer?
    pub fn offers(&self, start: DateTime<Utc>) -> bool {
        let day = start.date_naive();
        let path = format!("/api/v1/public/book/w/talk/slots?from={day}&to={day}&tz=UTC");
        let answer = self.server().get(&path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text.contains(&start.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    pub fn flags(&self) -> Vec<String> {
        self.database.texts("SELECT kind || ': ' || detail FROM booking_flags ORDER BY kind")
    }

    /// What the owner reads of what was done, of the lines with this in them.
    pub fn log(&self, word: &str) -> Vec<String> {
        let mut lines = self.database.texts("SELECT sentence FROM sync_log ORDER BY at, id");
        lines.retain(|line| line.contains(word));
        lines
    }

    /// What stands at the calendars, about what is not known of them.
    pub fn gaps(&self) -> Vec<String> {
        self.database.texts("SELECT sentence FROM calendar_gaps ORDER BY sentence")
    }

    /// Has every calendar read now, and waits until there is nothing left to do.
    pub fn sync(&self) {
        self.database.execute("UPDATE calendars SET next_at = 0, failures = 0");
        self.database.execute("UPDATE mirrors SET next_at = 0");
        self.database.execute(
            "UPDATE connections SET hints = hints + 1, next_at = 0, limited_until = NULL WHERE state = 'ok'",
        );
        self.in_step();
    }

    /// Has everything read anew.
    pub fn sync_all(&self) {
        self.database.execute("UPDATE calendars SET cursor = NULL");
        self.sync();
    }

    pub fn in_step(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.database.settle();
            let now = clock::now().timestamp_micros();
            let left = block_on(async {
                let db = self.database.open().await;
                let sql = sqlx::AssertSqlSafe(format!(
                    "SELECT (SELECT COUNT(*) FROM connections WHERE holder IS NOT NULL OR state = 'ok' AND next_at <= {now})
                          + (SELECT COUNT(*) FROM mirrors WHERE written < wanted AND next_at <= {now})
                          + (SELECT COUNT(*) FROM calendars WHERE syncs AND next_at <= {now})"
                ));
                let left: i64 = match &db {
                    Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
                    Db::Postgres { write, .. } => sqlx::query_scalar(sql).fetch_one(write).await.unwrap(),
                };
                db.close().await;
                left
            });
            if left == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "not in step: {left} {:?}", self.log(""));
            std::thread::sleep(Duration::from_millis(150));
        }
    }
}
