//! A server whose host has a calendar at Google, as far as a stand-in is Google.

use crate::{
    calendars::standin::Standin,
    harness::{Database, SECRET, Server, Worker, agent, answer, block_on},
    world::{World, order, rules},
};
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::event_type::EventTypeRules,
    server::{calendars::access::Credential, clock, crypto::Secret, store::Db},
};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

pub const HOST: &str = "host@outside.example";

/// A server, a provider, and one host who has connected the one to the other.
pub struct Outside {
    pub server: Server,
    pub google: Standin,
    pub database: Database,
    pub world: World,
    /// Opens the host's account as another program.
    pub token: String,
}

/// A booking as the one who made it knows it.
pub struct Booked {
    pub id: String,
    pub token: String,
    pub start: DateTime<Utc>,
}

pub struct Options<'a> {
    pub rules: EventTypeRules,
    pub hosts: usize,
    /// What the host chose for their calendar: `column = value`, with commas between.
    pub choices: &'a str,
    pub settings: &'a [(&'a str, &'a str)],
    /// Do the provider's pushes reach the server?
    pub push: bool,
    /// Does the server work itself, or do tests start workers?
    pub works: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { rules: rules(30), hosts: 1, choices: "", settings: &[], push: false, works: true }
    }
}

/// Bytes as a literal of this database.
pub fn blob(database: &Database, bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    if database.is_postgres() { format!("decode('{hex}', 'hex')") } else { format!("X'{hex}'") }
}

/// What the servers seal with.
pub fn secret() -> Secret {
    Secret::new(base64::engine::general_purpose::STANDARD.decode(SECRET).unwrap()).unwrap()
}

pub fn uuid(number: u32) -> String {
    format!("0193b5a0-7c1e-7000-8000-0000{number:08x}")
}

pub const CONNECTION: u32 = 0xc0;
pub const CALENDAR: u32 = 0xca;

impl Outside {
    pub fn start(database: Database) -> Self {
        Self::start_with(database, &Options::default())
    }

    pub fn start_with(database: Database, options: &Options<'_>) -> Self {
        let google = Standin::start("google.py", &[]);
        let world = World::make(&database, options.hosts, async |world, db: &Db| {
            world.add(db, "talk", &options.rules).await;
        });
        let account = google.post("/_/accounts", json!({"email": HOST}));
        let token = account["token"].as_str().unwrap().to_owned();
        // A port that is free now: pushes must find the server.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut settings = options.settings.to_vec();
        if !options.works {
            settings.push(("MERIDIAN_WORKER", "off"));
        }
        let server = serve(&database, &google, port, options.push, &settings);
        let outside = Self { server, google, database, world, token };
        outside.connect(CONNECTION, CALENDAR, HOST, &outside.token, 0, options.choices);
        let worker = (!options.works).then(|| outside.worker());
        outside.in_step();
        drop(worker);
        outside
    }

    /// A worker beside the server.
    pub fn worker(&self) -> Worker {
        Worker::start_with(&self.database, &provider(&self.google))
    }

    /// Connects an account of a host, as the pages do once the host has consented.
    pub fn connect(
        &self,
        connection: u32,
        calendar: u32,
        email: &str,
        token: &str,
        host: usize,
        choices: &str,
    ) {
        let (connection, calendar) = (uuid(connection), uuid(calendar));
        let credential = Credential::Tokens {
            access: token.to_owned(),
            refresh: "none".to_owned(),
            expires: clock::now() + TimeDelta::days(30),
        };
        let plain = serde_json::to_vec(&credential).unwrap();
        let sealed = blob(&self.database, &secret().seal(&format!("connection:{connection}"), &plain));
        let (workspace, member) = (&self.world.workspace, &self.world.hosts[host].0);
        let now = clock::now().timestamp_micros();
        // The connection last: a worker takes it up at once.
        self.database.execute(&format!(
            "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                      state, trouble, failures, listed_at, held_until, next_at, hints, created_at, updated_at)
             VALUES ('{connection}', '{workspace}', '{member}', 'google', '{email}', '{email}', '', {sealed}, 1, 'ok', '', 0,
                     {now}, 0, {}, 0, {now}, {now})",
            i64::MAX
        ));
        self.database.execute(&format!(
            "INSERT INTO calendars (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main,
                                    present, twin, syncs, conflicts, receives, tentative, meetings, outside, silent, invites,
                                    window_until, failures, trouble, next_at, channel_resource, created_at, updated_at)
             VALUES ('{calendar}', '{workspace}', '{member}', '{connection}', '{email}', 'Work', 'UTC', TRUE, TRUE, TRUE,
                     FALSE, TRUE, TRUE, TRUE, FALSE, FALSE, 'adopt', 'book', 'us', 0, 0, '', 0, '', {now}, {now})"
        ));
        if !choices.is_empty() {
            self.database.execute(&format!("UPDATE calendars SET {choices} WHERE id = '{calendar}'"));
        }
        self.database.execute(&format!("UPDATE connections SET next_at = 0 WHERE id = '{connection}'"));
    }

    /// Consents as the host does at the provider: what the token endpoint answers.
    pub fn consent(&self) -> Value {
        let back = "http://127.0.0.1:9/back";
        let scopes = ["calendarlist.readonly", "events"]
            .map(|scope| format!("https://www.googleapis.com/auth/calendar.{scope}"))
            .join(" ");
        let query = [
            ("response_type", "code"),
            ("client_id", "client"),
            ("redirect_uri", back),
            ("scope", &scopes),
            ("access_type", "offline"),
            ("prompt", "consent"),
            ("login_hint", HOST),
        ];
        let url = reqwest::Url::parse_with_params(&self.google.url("/o/oauth2/v2/auth"), &query).unwrap();
        let sent = answer(agent().get(url.as_str()).call()).unwrap();
        let sent = reqwest::Url::parse(sent.headers["location"].to_str().unwrap()).unwrap();
        let (_, code) = sent.query_pairs().find(|(name, _)| name == "code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", back),
            ("client_id", "client"),
            ("client_secret", "secret"),
        ];
        answer(agent().post(self.google.url("/token")).send_form(form)).unwrap().json
    }

    /// Keeps tokens for the host's account, as connecting it again does; `expires`: when we believe that they end.
    pub fn keep(&self, tokens: &Value, expires: DateTime<Utc>) {
        self.keep_sealed(tokens, expires, &secret());
    }

    pub fn keep_sealed(&self, tokens: &Value, expires: DateTime<Utc>, secret: &Secret) {
        let credential = Credential::Tokens {
            access: tokens["access_token"].as_str().unwrap().to_owned(),
            refresh: tokens["refresh_token"].as_str().unwrap().to_owned(),
            expires,
        };
        let plain = serde_json::to_vec(&credential).unwrap();
        let sealed = secret.seal(&format!("connection:{}", uuid(CONNECTION)), &plain);
        self.database.execute(&format!(
            "UPDATE connections SET credential = {}, version = version + 1, state = 'ok', trouble = '', failures = 0,
                    told_at = NULL, holder = NULL, held_until = 0 WHERE id = '{}'",
            blob(&self.database, &sealed),
            uuid(CONNECTION)
        ));
    }

    /// Real tokens, which end as tokens do: they are consented to and kept.
    pub fn with_tokens(&self) -> Value {
        let tokens = self.consent();
        self.keep(&tokens, clock::now() + TimeDelta::hours(1));
        tokens
    }

    /// The cookie of the host, signed in.
    pub fn host(&self) -> String {
        let cookie = self.server.member(&self.database, "signed-in@outside.example", "w", "staff");
        let host = &self.world.hosts[0].0;
        self.database.execute(&format!(
            "UPDATE sessions SET member_id = '{host}', user_id = (SELECT user_id FROM members WHERE id = '{host}')"
        ));
        cookie
    }

    /// What the host's page says of their accounts.
    pub fn health(&self, host: &str) -> String {
        let page = self.server.get_as("/booking/calendars", host);
        assert_eq!(page.status, 200, "{}", page.text);
        page.text
    }

    /// The page of the host's account.
    pub fn account(&self) -> String {
        format!("/booking/calendars/{}", uuid(CONNECTION))
    }

    /// The status of each answer that the provider gave to a call.
    pub fn answers(&self, method: &str, path: &str) -> Vec<Value> {
        let log = self.google.get("/_/log");
        let matches =
            |call: &&Value| call["method"] == method && call["path"].as_str().unwrap().contains(path);
        log.as_array().unwrap().iter().filter(matches).map(|call| call["status"].clone()).collect()
    }

    /// From now on the database refuses a change, as if its worker died just before; until [`Outside::allow`].
    pub fn refuse(&self, change: &str) {
        let trigger = if self.database.is_postgres() {
            self.database.execute(
                "CREATE OR REPLACE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql
                 AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$",
            );
            format!("CREATE TRIGGER not_now BEFORE {change} FOR EACH ROW EXECUTE FUNCTION not_now()")
        } else {
            format!("CREATE TRIGGER not_now BEFORE {change} BEGIN SELECT RAISE(ABORT, 'not now'); END")
        };
        self.database.execute(&trigger);
    }

    pub fn allow(&self, table: &str) {
        let on = if self.database.is_postgres() { format!(" ON {table}") } else { String::new() };
        self.database.execute(&format!("DROP TRIGGER not_now{on}"));
    }

    /// Has every calendar read now, and waits until that came to nothing, as the database refuses something.
    pub fn fails(&self) {
        self.look();
        self.database.wait_for("SELECT COUNT(*) FROM connections WHERE failures > 0 AND holder IS NULL", 1);
    }

    /// Another process on the same database.
    pub fn another_server(&self) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        serve(&self.database, &self.google, port, false, &[])
    }

    pub fn try_book(&self, start: DateTime<Utc>, number: usize) -> crate::harness::Answer {
        self.server.post("/api/v1/public/book/w/talk/book", &order(start, number))
    }

    /// Books, and waits until that is told to everyone.
    pub fn book(&self, start: DateTime<Utc>) -> Booked {
        let answer = self.try_book(start, 1);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let token = answer.json["token"].as_str().unwrap().to_owned();
        let ids = self.texts("SELECT id FROM bookings ORDER BY created_at DESC, id DESC LIMIT 1");
        self.in_step();
        Booked { id: ids[0].clone(), token, start }
    }

    pub fn move_to(&self, booked: &Booked, start: DateTime<Utc>) {
        let path = format!("/api/v1/public/appointments/{}/reschedule", booked.token);
        let moved = self.server.post(&path, &json!({ "start": start }));
        assert_eq!(moved.status, 200, "{}", moved.text);
    }

    pub fn cancel(&self, booked: &Booked) {
        let path = format!("/api/v1/public/appointments/{}/cancel", booked.token);
        let cancelled = self.server.post(&path, &json!({}));
        assert!(cancelled.status < 300, "{} {}", cancelled.status, cancelled.text);
    }

    /// What a booking says of itself: its status and its start.
    pub fn booking(&self, booked: &Booked) -> (String, DateTime<Utc>) {
        let rows = self.texts("SELECT id || ' ' || status || ' ' || CAST(start_at AS TEXT) FROM bookings");
        let row = rows.iter().find(|row| row.starts_with(&booked.id)).unwrap();
        let mut parts = row.split(' ').skip(1);
        let status = parts.next().unwrap().to_owned();
        let start = DateTime::from_timestamp_micros(parts.next().unwrap().parse().unwrap()).unwrap();
        (status, start)
    }

    pub fn texts(&self, sql: &'static str) -> Vec<String> {
        self.database.texts(sql)
    }

    /// The flags at bookings: their words.
    pub fn flags(&self) -> Vec<String> {
        self.texts("SELECT kind FROM booking_flags ORDER BY kind")
    }

    /// Has every calendar read now.
    pub fn look(&self) {
        self.database.execute("UPDATE calendars SET next_at = 0, failures = 0");
        self.database.execute(
            "UPDATE connections SET hints = hints + 1, next_at = 0, limited_until = NULL WHERE state = 'ok'",
        );
    }

    /// Has every entry that waits written now, however often that failed.
    pub fn hurry(&self) {
        self.database.execute("UPDATE mirrors SET next_at = 0");
        self.look();
    }

    /// Looks, and waits until there is nothing left to do.
    pub fn sync(&self) {
        self.look();
        self.in_step();
    }

    /// Waits until nothing is left to be told, written or read that is due.
    pub fn in_step(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            self.database.settle();
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "not in step: {left:?} {:?}", self.log());
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    /// What is left to be told, written or read that is due.
    pub fn left(&self) -> Vec<String> {
        let now = clock::now().timestamp_micros();
        block_on(async {
            let db = self.database.open().await;
            let sql = "SELECT 'account ' || id || ' ' || trouble FROM connections
                       WHERE holder IS NOT NULL OR (state = 'ok' AND next_at <= $1)
                       UNION ALL
                       SELECT 'mirror ' || m.id || ' ' || m.trouble FROM mirrors m
                       JOIN calendars k ON k.id = m.calendar_id JOIN connections c ON c.id = k.connection_id
                       WHERE m.written < m.wanted AND m.next_at <= $1 AND c.state = 'ok' AND k.present
                         AND (k.missing_since IS NULL OR k.synced_at >= k.missing_since)
                       UNION ALL
                       SELECT 'job ' || kind FROM jobs
                       WHERE status = 'queued' AND (lease IS NOT NULL OR run_at <= created_at)";
            let left = match &db {
                Db::Sqlite { read, .. } => sqlx::query_scalar(sql).bind(now).fetch_all(read).await.unwrap(),
                Db::Postgres { read, .. } => sqlx::query_scalar(sql).bind(now).fetch_all(read).await.unwrap(),
            };
            db.close().await;
            left
        })
    }

    /// What the owner reads of what was done.
    pub fn log(&self) -> Vec<String> {
        self.texts("SELECT sentence FROM sync_log ORDER BY at, id")
    }

    fn path(&self, calendar: &str, rest: &str) -> String {
        format!("/calendar/v3/calendars/{calendar}/events{rest}")
    }

    /// The live events of the host's calendar at the provider.
    pub fn events(&self) -> Vec<Value> {
        let dump = self.google.get(&format!("/_/dump?account={HOST}"));
        dump[HOST].as_array().unwrap().clone()
    }

    /// The entry of a booking in the host's calendar: there is one, at the booking's time.
    pub fn event_of(&self, booked: &Booked) -> Value {
        let mark = format!("booking:{}", booked.id);
        let events = self.events();
        let ours: Vec<_> = events.iter().filter(|event| event["private"]["meridian"] == mark).collect();
        assert_eq!(ours.len(), 1, "{events:?} {:?}", self.log());
        let start: DateTime<Utc> = ours[0]["start"].as_str().unwrap().parse().unwrap();
        assert_eq!(start, self.booking(booked).1);
        ours[0].clone()
    }

    /// The only live event of the host's calendar.
    pub fn event(&self) -> Value {
        let events = self.events();
        assert_eq!(events.len(), 1, "{events:?} {:?} {:?}", self.log(), self.google.violations());
        events[0].clone()
    }

    pub fn insert(&self, event: Value) -> Value {
        self.google.outside(&self.token, "POST", &self.path(HOST, ""), event)
    }

    pub fn patch(&self, id: &str, event: Value) -> Value {
        self.google.outside(&self.token, "PATCH", &self.path(HOST, &format!("/{id}")), event)
    }

    pub fn delete(&self, id: &str) {
        self.google.outside(&self.token, "DELETE", &self.path(HOST, &format!("/{id}")), Value::Null);
    }

    /// The host moves an event in their calendar.
    pub fn drag(&self, id: &str, start: DateTime<Utc>) {
        self.patch(id, json!({"start": time(start), "end": time(start + TimeDelta::minutes(30))}));
    }

    /// Is this start on offer?
    pub fn offers(&self, start: DateTime<Utc>) -> bool {
        let day = start.date_naive();
        let path = format!("/api/v1/public/book/w/talk/slots?from={day}&to={day}&tz=UTC");
        let answer = self.server.get(&path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.text.contains(&start.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    /// Nothing is lost, nothing doubled, nothing was asked that the provider's interface does not have.
    pub fn assert_sound(&self) {
        self.database.assert_sound();
        assert_eq!(self.google.violations(), Vec::<Value>::new());
        let marks: Vec<String> = self
            .events()
            .iter()
            .filter_map(|event| Some(event["private"]["meridian"].as_str()?.to_owned()))
            .collect();
        let mut once = marks.clone();
        once.sort();
        once.dedup();
        assert_eq!(marks.len(), once.len(), "an entry is there twice: {marks:?}");
    }
}

/// An instant as Google's interface writes it.
pub fn time(at: DateTime<Utc>) -> Value {
    json!({"dateTime": at.to_rfc3339(), "timeZone": "UTC"})
}

/// How a process finds the stand-in.
pub fn provider(google: &Standin) -> Vec<(&'static str, String)> {
    vec![
        ("MERIDIAN_GOOGLE_CLIENT_ID", "client".to_owned()),
        ("MERIDIAN_GOOGLE_CLIENT_SECRET", "secret".to_owned()),
        ("MERIDIAN_GOOGLE_AUTHORIZE_URL", google.url("/o/oauth2/v2/auth")),
        ("MERIDIAN_GOOGLE_TOKEN_URL", google.url("/token")),
        ("MERIDIAN_GOOGLE_REVOKE_URL", google.url("/revoke")),
        ("MERIDIAN_GOOGLE_API_URL", google.url("/calendar/v3")),
    ]
}

/// A server at a port, which pushes find.
pub fn serve(
    database: &Database,
    google: &Standin,
    port: u16,
    push: bool,
    settings: &[(&str, &str)],
) -> Server {
    let listen = format!("127.0.0.1:{port}");
    let public = format!("http://{listen}");
    let provider = provider(google);
    let mut all = vec![
        ("MERIDIAN_LISTEN", listen.as_str()),
        ("MERIDIAN_PUBLIC_URL", &public),
        // Pushes to a server that the outside can't reach are not asked for.
        ("MERIDIAN_ALLOW_PRIVATE_URLS", if push { "on" } else { "off" }),
    ];
    all.extend(provider.iter().map(|(key, value)| (*key, value.as_str())));
    all.extend_from_slice(settings);
    Server::start_with(database, &all)
}
