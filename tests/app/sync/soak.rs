//! The soak: many members, many calendars, many events, and changes at random on both sides, while the provider fails one
//! request in twenty, forgets cursors, and workers are killed. At rest both sides must agree, in everything.
//!
//! What is done follows from the seed alone; how it interleaves with the workers does not, and need not. A failure names its
//! seed: `MERIDIAN_SOAK_SEED`, `_MEMBERS`, `_EVENTS` (in each of three calendars) and `_CHANGES` choose another run, and
//! `make soak` makes a large one.

mod agree;
mod changes;
mod content;
mod own;

use super::outside::{CONNECTION, Outside, blob, provider, secret, serve, uuid};
use crate::{
    calendars::standin::Standin,
    harness::{self, Database, Worker, both},
    world::{World, rules},
};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::slots::BookingWindow,
    server::{calendars::access::Credential, clock, store::Db},
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    io::Write as _,
    net::TcpListener,
    time::{Duration, Instant},
};

/// Where members live, so that whole days and series meet changes of summer time.
const ZONES: [&str; 4] = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"];
/// How far ahead can be booked, in days; what calendars take is known for longer.
const AHEAD: u32 = 58;
/// Workers that run at once.
const WORKERS: usize = 2;
/// One in so many requests fails, in percent.
const FAULTS: f64 = 0.05;

both!(both_sides_agree_after_random_changes);

/// Numbers that look random and are the same in every run (SplitMix64).
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn between(&mut self, from: i64, until: i64) -> i64 {
        from + i64::try_from(self.roll(usize::try_from(until - from).unwrap())).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.roll(of.len())]
    }
}

/// How much there is of everything.
struct Size {
    members: usize,
    events: usize,
    changes: usize,
    seed: u64,
}

impl Size {
    fn chosen() -> Self {
        let number = |name: &str, usual: u64| {
            let given = std::env::var(format!("MERIDIAN_SOAK_{name}")).ok().filter(|text| !text.is_empty());
            given
                .map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("MERIDIAN_SOAK_{name}: {text}")))
        };
        let count = |name: &str, usual: u64| usize::try_from(number(name, usual)).unwrap();
        Self {
            members: count("MEMBERS", 4),
            events: count("EVENTS", 60),
            changes: count("CHANGES", 80),
            seed: number("SEED", 1),
        }
    }
}

/// A calendar at the provider, as its owner's other programs know it.
struct Remote {
    account: String,
    token: String,
    id: String,
    zone: &'static str,
    /// Single events with a time, whole days, and series that are there.
    singles: Vec<String>,
    days: Vec<String>,
    series: Vec<String>,
    /// How many events were ever made.
    made: usize,
}

/// A booking as the one who made it knows it.
struct Made {
    id: String,
    token: String,
    cancelled: bool,
    /// Did somebody delete or move its entry?
    touched: bool,
}

struct Soak {
    it: Outside,
    size: Size,
    dice: Dice,
    remotes: Vec<Remote>,
    made: Vec<Made>,
    own: Vec<own::Own>,
    /// Opens the pages of whoever the session is said to be of.
    cookie: String,
    workers: Vec<Worker>,
    agent: ureq::Agent,
    /// Midnight UTC of the first day, in the past.
    now: DateTime<Utc>,
    began: Instant,
}

fn both_sides_agree_after_random_changes(database: Database) {
    let mut soak = Soak::start(database, Size::chosen());
    soak.fill();
    soak.say("the calendars are filled");
    soak.connect();
    soak.rest();
    soak.say("read for the first time");
    soak.assert_agree("after the first reading");
    soak.chaos(FAULTS);
    for number in 0..soak.size.changes {
        soak.change(number);
        soak.disturb();
    }
    soak.say("all changes are made");
    soak.chaos(0.0);
    soak.crash();
    soak.rest();
    soak.say("at rest");
    soak.assert_agree("at rest");
    // What is at rest stays there: another look finds nothing to do.
    soak.rest();
    soak.assert_agree("after another look");
    soak.say("both sides agree");
}

impl Soak {
    fn start(database: Database, size: Size) -> Self {
        // Every answer is held against the schema in the small size, some of them in others.
        let validate = (size.members * size.events / 240).max(1).to_string();
        let seed = size.seed.to_string();
        let google = Standin::start("google.py", &["--seed", &seed, "--validate", &validate]);
        let world = World::make(&database, size.members, async |world, db: &Db| {
            let mut rules = rules(30);
            rules.slots.window = BookingWindow::CalendarDays(AHEAD);
            world.add(db, "talk", &rules).await;
        });
        let mut zones = String::from("UPDATE schedules SET zone = CASE member_id");
        for (number, (member, _)) in world.hosts.iter().enumerate() {
            write!(zones, " WHEN '{member}' THEN '{}'", ZONES[number % ZONES.len()]).unwrap();
        }
        database.execute(&format!("{zones} ELSE zone END"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = serve(&database, &google, port, true, &[("MERIDIAN_WORKER", "off")]);
        let cookie = server.member(&database, "soak@outside.example", "w", "staff");
        let it = Outside { server, google, database, world, token: String::new() };
        let dice = Dice(size.seed);
        Self {
            it,
            size,
            dice,
            remotes: Vec::new(),
            made: Vec::new(),
            own: Vec::new(),
            cookie,
            workers: Vec::new(),
            agent: harness::agent(),
            now: clock::now(),
            began: Instant::now(),
        }
    }

    /// Says how far it is, to whoever watches a long run.
    fn say(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        let _ = writeln!(std::io::stderr(), "soak, seed {}: {seconds} s, {what}", self.size.seed);
    }

    /// A server's other half; it finds the provider, and pushes find the server.
    fn worker(&self) -> Worker {
        let mut settings = provider(&self.it.google);
        settings.push(("MERIDIAN_PUBLIC_URL", self.it.server.url.clone()));
        settings.push(("MERIDIAN_ALLOW_PRIVATE_URLS", "on".to_owned()));
        Worker::start_with(&self.it.database, &settings)
    }

    /// Connects each member's account, as the pages do, and uses all of its calendars. The list of them is read by a worker.
    fn connect(&mut self) {
        self.workers = (0..WORKERS).map(|_| self.worker()).collect();
        let now = clock::now().timestamp_micros();
        for (number, (member, _)) in self.it.world.hosts.iter().enumerate() {
            let remote = &self.remotes[number * 3];
            let connection = uuid(CONNECTION + u32::try_from(number).unwrap() * 0x100);
            let credential = Credential::Tokens {
                access: remote.token.clone(),
                refresh: "none".to_owned(),
                expires: clock::now() + TimeDelta::days(30),
            };
            let plain = serde_json::to_vec(&credential).unwrap();
            let sealed = secret().seal(&format!("connection:{connection}"), &plain);
            let (workspace, email) = (&self.it.world.workspace, &remote.account);
            self.it.database.execute(&format!(
                "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                          state, trouble, failures, held_until, next_at, hints, created_at, updated_at)
                 VALUES ('{connection}', '{workspace}', '{member}', 'google', '{email}', '{email}', '', {}, 1, 'ok', '', 0,
                         0, 0, 0, {now}, {now})",
                blob(&self.it.database, &sealed)
            ));
        }
        // Whoever was listed first is read in full meanwhile.
        let listed = "SELECT COUNT(*) FROM calendars";
        self.wait(|| {
            let missing = self.remotes.len() - usize::try_from(self.it.database.number(listed)).unwrap();
            (missing > 0).then(|| format!("{missing} calendars are not listed"))
        });
        // As their owners choose: everything counts, and one member in four wants to look at changes before they are made.
        let looks: Vec<String> =
            self.it.world.hosts.iter().skip(3).step_by(4).map(|(member, _)| format!("'{member}'")).collect();
        let looks = if looks.is_empty() { "''".to_owned() } else { looks.join(", ") };
        self.it.database.execute(&format!(
            "UPDATE calendars SET syncs = TRUE, conflicts = TRUE, window_until = 0, next_at = 0,
                                  outside = CASE WHEN member_id IN ({looks}) THEN 'flag' ELSE 'adopt' END"
        ));
    }

    /// One request in so many fails from now on.
    fn chaos(&self, rate: f64) {
        self.it.google.post("/_/chaos", json!({"rate": rate, "seed": self.size.seed}));
    }

    /// All workers die, and so much time passes that what they held is free again.
    fn crash(&mut self) {
        self.workers.drain(..).for_each(Worker::kill);
        self.it.database.execute("UPDATE connections SET held_until = 0, holder = NULL");
        self.it.database.execute(
            "UPDATE jobs SET run_at = 0, lease = NULL WHERE status = 'queued' AND lease IS NOT NULL",
        );
        self.workers = (0..WORKERS).map(|_| self.worker()).collect();
    }

    /// What happens to a server now and then.
    fn disturb(&mut self) {
        if self.dice.chance(6) {
            let last = self.workers.pop().unwrap();
            last.kill();
            let next = self.worker();
            self.workers.insert(0, next);
        }
        if self.dice.chance(4) {
            self.crash();
        }
        if self.dice.chance(4) {
            let account = self.remotes[self.dice.roll(self.remotes.len())].account.clone();
            self.it.google.post("/_/expire", json!({"cursors": true, "account": account}));
        }
        if self.dice.chance(2) {
            self.it.google.post("/_/expire", json!({"deleted": true}));
        }
        if self.dice.chance(2) {
            self.it.google.post("/_/expire", json!({"channels": true}));
        }
        if self.dice.chance(12) {
            // Their owners don't wait for the next try.
            self.it.hurry();
        }
        if self.dice.chance(50) {
            let pause = u64::try_from(self.dice.roll(150)).unwrap();
            std::thread::sleep(Duration::from_millis(pause));
        }
    }

    /// Has everything looked at, and waits until nothing is left to do.
    fn rest(&self) {
        self.it.hurry();
        self.wait(|| {
            Some(self.it.left()).filter(|left| !left.is_empty()).map(|left| format!("not at rest: {left:?}"))
        });
    }

    /// Waits until nothing is missing any more, as long as so many events may take.
    fn wait(&self, missing: impl Fn() -> Option<String>) {
        let patience = 90 + self.size.members * self.size.events / 25;
        let deadline = Instant::now() + Duration::from_secs(u64::try_from(patience).unwrap());
        while let Some(missing) = missing() {
            assert!(Instant::now() < deadline, "seed {}: {missing}", self.size.seed);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A request of somebody else's program, made again until it was heard; `None` when there is no such thing (any more).
    fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Option<Value> {
        let mut last = String::new();
        for _ in 0..60 {
            let text = if body.is_null() { String::new() } else { body.to_string() };
            let request = http::Request::builder()
                .method(method)
                .uri(self.it.google.url(path))
                .header("Authorization", format!("Bearer {token}"))
                .header("Content-Type", "application/json")
                .body(text)
                .unwrap();
            match harness::answer(self.agent.run(request)) {
                Ok(answer) if answer.status < 300 => return Some(answer.json),
                Ok(answer) if matches!(answer.status, 404 | 409 | 410) => return None,
                Ok(answer) if answer.status == 403 || answer.status == 429 || answer.status >= 500 => {
                    last = answer.text;
                }
                Ok(answer) => {
                    panic!("seed {}: {method} {path}: {} {}", self.size.seed, answer.status, answer.text)
                }
                Err(error) => last = error.to_string(),
            }
        }
        panic!("seed {}: {method} {path}: {last}", self.size.seed)
    }
}
