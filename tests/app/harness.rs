//! Databases and servers that tests start and stop.

use meridian::server::store::Db;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Runs a test on both databases: `both!(name)` beside `fn name(database: Database)`.
macro_rules! both {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {$(
        mod $name {
            $(#[$meta])*
            #[test]
            fn sqlite() {
                super::$name($crate::harness::Database::sqlite());
            }
            $(#[$meta])*
            #[test]
            fn postgres() {
                super::$name($crate::harness::Database::postgres());
            }
        }
    )+};
}
pub(crate) use both;

/// All servers of a test share it, as instances on one database must.
pub const SECRET: &str = "dGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHMgdGVzdHM=";

/// An empty database of its own.
pub struct Database {
    pub url: String,
    pub dir: TempDir,
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .unwrap()
        .block_on(future)
}

impl Database {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", dir.path().join("meridian.sqlite").display()), dir }
    }

    pub fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("MERIDIAN_TEST_POSTGRES")
            .expect("MERIDIAN_TEST_POSTGRES is not set: `make test` starts a server and sets it");
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        block_on(async {
            let pool = sqlx::PgPool::connect(&server).await.unwrap();
            let create = format!("CREATE DATABASE {name}");
            sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.unwrap();
            pool.close().await;
        });
        let (base, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{base}/{name}"), dir: tempfile::tempdir().unwrap() }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    pub async fn open(&self) -> Db {
        let db = Db::open(&self.url, 5).await.unwrap();
        db.migrate().await.unwrap();
        db
    }

    /// One number from the database, such as a count.
    pub fn number(&self, sql: &'static str) -> i64 {
        block_on(async {
            let db = self.open().await;
            let number = match &db {
                Db::Sqlite { read, .. } => sqlx::query_scalar::<_, i64>(sql).fetch_one(read).await.unwrap(),
                Db::Postgres { write: pool, .. } => {
                    sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await.unwrap()
                }
            };
            db.close().await;
            number
        })
    }

    /// Texts from the database, such as a column.
    pub fn texts(&self, sql: &'static str) -> Vec<String> {
        block_on(async {
            let db = self.open().await;
            let texts = match &db {
                Db::Sqlite { read, .. } => {
                    sqlx::query_scalar::<_, String>(sql).fetch_all(read).await.unwrap()
                }
                Db::Postgres { write: pool, .. } => {
                    sqlx::query_scalar::<_, String>(sql).fetch_all(pool).await.unwrap()
                }
            };
            db.close().await;
            texts
        })
    }

    /// Bytes from the database.
    pub fn blobs(&self, sql: &'static str) -> Vec<Vec<u8>> {
        block_on(async {
            let db = self.open().await;
            let found = match &db {
                Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_all(read).await.unwrap(),
                Db::Postgres { write: pool, .. } => sqlx::query_scalar(sql).fetch_all(pool).await.unwrap(),
            };
            db.close().await;
            found
        })
    }

    /// Changes the database behind the program's back, as time or a fault would.
    pub fn execute(&self, sql: &str) {
        block_on(async {
            let db = self.open().await;
            let sql = sqlx::AssertSqlSafe(sql.to_owned());
            match &db {
                Db::Sqlite { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
                Db::Postgres { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
            }
            db.close().await;
        });
    }

    /// Waits until a count in the database is as expected: what happens in the background has happened then.
    pub fn wait_for(&self, sql: &'static str, expected: i64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let number = self.number(sql);
            if number == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{sql}: {number} instead of {expected}");
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    /// Waits until no job is left that is due or running.
    pub fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let due = || {
            let jobs = self.texts(
                "SELECT kind || ' ' || last_error FROM jobs WHERE status = 'queued'
                 AND (lease IS NOT NULL OR run_at <= created_at)",
            );
            (!jobs.is_empty()).then_some(jobs)
        };
        while let Some(jobs) = due() {
            assert!(Instant::now() < deadline, "jobs are left: {jobs:?}");
            std::thread::sleep(Duration::from_millis(150));
        }
    }

    /// No host has two claims that overlap, and no booking is half there.
    pub fn assert_sound(&self) {
        let overlaps = self.number(
            "SELECT COUNT(*) FROM claims a JOIN claims b ON a.member_id = b.member_id AND a.booking_id < b.booking_id
             WHERE a.busy_from < b.busy_until AND b.busy_from < a.busy_until",
        );
        assert_eq!(overlaps, 0, "claims overlap");
        let half = self.number(
            "SELECT COUNT(*) FROM bookings b WHERE b.status IN ('confirmed', 'pending') AND (
                NOT EXISTS (SELECT 1 FROM claims c WHERE c.booking_id = b.id)
                OR NOT EXISTS (SELECT 1 FROM attendees a WHERE a.booking_id = b.id)
                OR NOT EXISTS (SELECT 1 FROM invitees i WHERE i.booking_id = b.id AND i.active))",
        );
        assert_eq!(half, 0, "bookings are half there");
        let orphans = self.number(
            "SELECT COUNT(*) FROM claims c JOIN bookings b ON b.id = c.booking_id
             WHERE b.status NOT IN ('confirmed', 'pending')",
        );
        assert_eq!(orphans, 0, "cancelled bookings hold time");
        let crowded = self.number(
            "SELECT COUNT(*) FROM bookings b
             WHERE (SELECT COUNT(*) FROM invitees i WHERE i.booking_id = b.id AND i.active) > b.seats",
        );
        assert_eq!(crowded, 0, "more invitees than seats");
    }
}

/// A running server.
pub struct Server {
    pub url: String,
    child: Child,
    agent: ureq::Agent,
}

/// An answer: status, and the body as JSON (null if it is none).
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub json: Value,
    pub text: String,
    pub headers: http::HeaderMap,
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into()
}

pub fn answer(result: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, ureq::Error> {
    let mut response = result?;
    let text = response.body_mut().read_to_string()?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status: response.status().as_u16(), json, text, headers: response.headers().clone() })
}

pub fn program() -> Command {
    // Long runs are made with the optimised program.
    let built = std::env::var_os("MERIDIAN_TEST_PROGRAM");
    let mut command = Command::new(built.unwrap_or_else(|| env!("CARGO_BIN_EXE_meridian").into()));
    command.env_clear().env("RUST_BACKTRACE", "1");
    command
}

impl Server {
    pub fn start(database: &Database) -> Self {
        Self::start_with(database, &[])
    }

    pub fn start_with(database: &Database, settings: &[(&str, &str)]) -> Self {
        let mut command = program();
        command
            .arg("serve")
            .env("MERIDIAN_LISTEN", "127.0.0.1:0")
            .env("MERIDIAN_DATA_DIR", database.dir.path())
            .env("MERIDIAN_DATABASE_URL", &database.url)
            .env("MERIDIAN_SECRET", SECRET)
            .env("MERIDIAN_RATE_LIMITS", "off")
            .env("MERIDIAN_LOG", "error")
            .env("MERIDIAN_SITE_DIR", site_dir())
            .envs(settings.iter().copied())
            .stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the server says where it listens").unwrap();
        let url = first.rsplit(' ').next().unwrap().replace("0.0.0.0", "127.0.0.1");
        // The rest is drained, so that the server never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url, child, agent: agent() }
    }

    pub fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(format!("{}{path}", self.url)).call()).unwrap()
    }

    /// As whoever holds this session's cookie.
    pub fn get_as(&self, path: &str, cookie: &str) -> Answer {
        answer(self.agent.get(format!("{}{path}", self.url)).header("cookie", cookie).call()).unwrap()
    }

    /// Adds a member and signs them in; returns the session's cookie.
    pub fn member(&self, database: &Database, email: &str, workspace: &str, role: &str) -> String {
        const PASSWORD: &str = "a long enough password";
        let mut command = program();
        command
            .args(["user", "add", email, "--name", "Some One", "--role", role, "--workspace", workspace])
            .env("MERIDIAN_DATABASE_URL", &database.url)
            .env("MERIDIAN_DATA_DIR", database.dir.path())
            .env("MERIDIAN_SECRET", SECRET)
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), PASSWORD.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        let signed_in = self.post_form("/sign-in", &[("email", email), ("password", PASSWORD)], &[]);
        let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, body, &[])
    }

    pub fn post_with(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send_json(body)).unwrap()
    }

    pub fn post_form(&self, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send_form(fields.iter().copied())).unwrap()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end; returns whether it was a clean one.
    pub fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

/// A worker beside the servers.
pub struct Worker(Child);

impl Worker {
    pub fn start(database: &Database) -> Self {
        Self::start_with(database, &[])
    }

    pub fn start_with(database: &Database, settings: &[(&str, String)]) -> Self {
        let mut command = program();
        command
            .arg("worker")
            .env("MERIDIAN_DATA_DIR", database.dir.path())
            .env("MERIDIAN_DATABASE_URL", &database.url)
            .env("MERIDIAN_SECRET", SECRET)
            .env("MERIDIAN_LOG", "error")
            .envs(settings.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tests of the server don't need scripts and styles.
fn site_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("public")
}

/// Runs `work` in `threads` threads at once and returns what each came to. All begin together.
pub fn at_once<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let gate = std::sync::Barrier::new(threads);
    let (gate, work) = (&gate, &work);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn(move || {
                    gate.wait();
                    work(number)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
