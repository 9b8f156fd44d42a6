//! The figures of keeping calendars in step, beside their budgets: `make bench`.
//!
//! Starts the optimised program (`MERIDIAN_BIN`) on both databases and the tests' stand-in for Google
//! (`MERIDIAN_TEST_PYTHON`), on this machine only. Both share the processors: what the stand-in needs to answer is part of
//! each figure.

use base64::Engine as _;
use meridian::server::{
    calendars::{access::Credential, ics},
    clock,
    crypto::Secret,
    store::Db,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::{
    error::Error,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Only this bench's.
const SECRET: &str = "YmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2ggYmVuY2g=";
const EVENTS: u32 = 5_000;
/// Accounts that are connected in the end, and events in each but the first.
const ACCOUNTS: u32 = 50;
const FEWER_EVENTS: u32 = 1_000;
/// Rounds with nothing new.
const ROUNDS: usize = 30;
/// The size of a calendar file, in bytes.
const FILE: usize = 10_000_000;

fn say(what: &str, figure: &str) -> Outcome<()> {
    writeln!(std::io::stdout(), "{what}: {figure} (no budget)")?;
    Ok(())
}

/// Memory of a process in MiB: `VmRSS` now, `VmHWM` at most.
fn memory(process: &str, field: &str) -> Outcome<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field)).ok_or("no such field")?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib / 1024.0)
}

/// A process that ends with this one, and the last word of its first line.
struct Process {
    child: Child,
    word: String,
}

impl Process {
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let first = lines.next().ok_or("it did not start")??;
        std::thread::spawn(move || lines.for_each(drop));
        let word = first.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Self { child, word })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The stand-in.
struct Google {
    process: Process,
    agent: ureq::Agent,
}

impl Google {
    fn start() -> Outcome<Self> {
        let python = std::env::var("MERIDIAN_TEST_PYTHON").map_err(|_| "MERIDIAN_TEST_PYTHON is not set")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/google.py");
        let mut command = Command::new(python);
        // Holding every answer against the schema would be most of what is measured.
        let process = Process::start(command.args([script, "--validate", "1000"]))?;
        Ok(Self { process, agent: ureq::Agent::new_with_defaults() })
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.process.word)
    }

    fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        Ok(self.agent.post(self.url(path)).send_json(body)?.body_mut().read_json()?)
    }

    /// Makes an account with events over a year and a half around now, one in twenty a series. Returns its token.
    fn account(&self, email: &str, events: u32) -> Outcome<String> {
        let account = self.post("/_/accounts", &json!({ "email": email }))?;
        let from = clock::now() - chrono::TimeDelta::days(90);
        let step = 540 * 24 * 60 / i64::from(events);
        let all: Vec<Value> = (0..events)
            .map(|number| {
                let start = from + chrono::TimeDelta::minutes(step * i64::from(number));
                let time = |at: chrono::DateTime<chrono::Utc>| json!({"dateTime": at, "timeZone": "Europe/Berlin"});
                let mut event = json!({
                    "summary": format!("Event {number}"), "description": "What is to be talked about.",
                    "location": "Room 1", "start": time(start), "end": time(start + chrono::TimeDelta::minutes(30)),
                });
                if number % 20 == 0
                    && let Some(event) = event.as_object_mut()
                {
                    event.insert("recurrence".into(), json!(["RRULE:FREQ=WEEKLY;COUNT=10"]));
                }
                event
            })
            .collect();
        for some in all.chunks(500) {
            self.post("/_/bulk", &json!({"account": email, "events": some}))?;
        }
        Ok(account.get("token").and_then(Value::as_str).ok_or("no token")?.to_owned())
    }
}

async fn run(db: &Db, sql: String) -> Outcome<()> {
    let sql = AssertSqlSafe(sql).into_sql_str();
    match db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop)?,
        Db::Postgres { write, .. } => sqlx::query(sql).execute(write).await.map(drop)?,
    }
    Ok(())
}

async fn number(db: &Db, sql: String) -> Outcome<i64> {
    let sql = AssertSqlSafe(sql).into_sql_str();
    Ok(match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await?,
        Db::Postgres { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await?,
    })
}

/// Waits until a count is there; returns how long that took.
async fn wait_for(db: &Db, sql: &str, expected: i64) -> Outcome<Duration> {
    let begun = Instant::now();
    loop {
        let found = number(db, sql.to_owned()).await?;
        if found >= expected {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > Duration::from_secs(600) {
            return Err(format!("{sql}: {found} instead of {expected}").into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Calendars that were read, of accounts that nobody works on any more.
const READ: &str = "SELECT COUNT(*) FROM calendars k JOIN connections c ON c.id = k.connection_id
                    WHERE k.synced_at IS NOT NULL AND c.holder IS NULL";

/// Connects an account of the demo's first member, as the pages do.
async fn connect(db: &Db, email: &str, token: String, account: u32) -> Outcome<()> {
    let id = format!("0193b5a0-7c1e-7000-8000-{account:012x}");
    let expires = clock::now() + chrono::TimeDelta::days(30);
    let credential = Credential::Tokens { access: token, refresh: "none".to_owned(), expires };
    let secret = base64::engine::general_purpose::STANDARD.decode(SECRET)?;
    let secret = Secret::new(secret).ok_or("a secret that is none")?;
    let sealed = secret.seal(&format!("connection:{id}"), &serde_json::to_vec(&credential)?);
    let mut hex = String::new();
    for byte in sealed {
        write!(hex, "{byte:02x}")?;
    }
    let sealed = if db.is_shared() { format!("decode('{hex}', 'hex')") } else { format!("X'{hex}'") };
    let now = clock::now().timestamp_micros();
    run(
        db,
        format!(
            "INSERT INTO connections (id, workspace_id, member_id, provider, account_key, label, home, credential, version,
                                      state, trouble, failures, held_until, next_at, hints, created_at, updated_at)
             SELECT '{id}', m.workspace_id, m.id, 'google', '{email}', '{email}', '', {sealed}, 1, 'ok', '', 0, 0, 0, 0,
                    {now}, {now} FROM members m ORDER BY m.id LIMIT 1"
        ),
    )
    .await
}

fn serve(database: &str, data: &std::path::Path, google: &Google) -> Outcome<Process> {
    let program = std::env::var("MERIDIAN_BIN").unwrap_or_else(|_| "target/meridian".into());
    // A port that is free now: pushes must find the server.
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let mut command = Command::new(program);
    command
        .arg("serve")
        .env("MERIDIAN_LISTEN", &listen)
        .env("MERIDIAN_PUBLIC_URL", format!("http://{listen}"))
        .env("MERIDIAN_ALLOW_PRIVATE_URLS", "on")
        .env("MERIDIAN_DATA_DIR", data)
        .env("MERIDIAN_DATABASE_URL", database)
        .env("MERIDIAN_SECRET", SECRET)
        .env("MERIDIAN_DEMO", "true")
        .env("MERIDIAN_RATE_LIMITS", "off")
        .env("MERIDIAN_LOG", "error")
        .env("MERIDIAN_GOOGLE_CLIENT_ID", "client")
        .env("MERIDIAN_GOOGLE_CLIENT_SECRET", "secret")
        .env("MERIDIAN_GOOGLE_AUTHORIZE_URL", google.url("/o/oauth2/v2/auth"))
        .env("MERIDIAN_GOOGLE_TOKEN_URL", google.url("/token"))
        .env("MERIDIAN_GOOGLE_REVOKE_URL", google.url("/revoke"))
        .env("MERIDIAN_GOOGLE_API_URL", google.url("/calendar/v3"));
    Process::start(&mut command)
}

async fn measure(name: &str, database: &str) -> Outcome<()> {
    writeln!(std::io::stdout(), "\n{name}")?;
    let data = tempfile::tempdir()?;
    let database = if database.is_empty() {
        format!("sqlite:{}", data.path().join("meridian.sqlite").display())
    } else {
        database.to_owned()
    };
    let google = Google::start()?;
    let server = serve(&database, data.path(), &google)?;
    let process = server.child.id().to_string();
    let db = Db::open(&database, 3).await?;
    let token = google.account("first@outside.example", EVENTS)?;
    // Until the thread that hashed the demo's password has given its memory back.
    tokio::time::sleep(Duration::from_secs(12)).await;
    let idle = memory(&process, "VmRSS:")?;

    connect(&db, "first@outside.example", token, 1).await?;
    // From the moment that a worker takes the account.
    wait_for(&db, "SELECT COUNT(*) FROM connections WHERE holder IS NOT NULL", 1).await?;
    let took = wait_for(&db, READ, 1).await?;
    say("first sync of 5,000 events", &format!("{:.2} s", took.as_secs_f64()))?;

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let before = number(&db, "SELECT MAX(synced_at) FROM calendars".into()).await?;
        let begun = Instant::now();
        google.post("/_/notify", &json!({"calendar": "first@outside.example"}))?;
        wait_for(&db, &format!("{READ} AND k.synced_at > {before}"), 1).await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let milliseconds = |at: usize| times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    let figure = format!("p50 {:.0} ms, most {:.0} ms", milliseconds(ROUNDS / 2), milliseconds(ROUNDS - 1));
    say("from a push to the end of a round with nothing new", &figure)?;

    for account in 2..=ACCOUNTS {
        let email = format!("host{account}@outside.example");
        let token = google.account(&email, FEWER_EVENTS)?;
        connect(&db, &email, token, account).await?;
    }
    wait_for(&db, READ, i64::from(ACCOUNTS)).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (now, most) = (memory(&process, "VmRSS:")?, memory(&process, "VmHWM:")?);
    let figure = format!("{now:.1} MiB, at most {most:.1} MiB; {idle:.1} MiB before the first");
    say("resident memory with 50 accounts (5,000 events in one, 1,000 in each other)", &figure)?;
    db.close().await;
    Ok(())
}

/// A calendar file, as programs export them.
fn file() -> Outcome<String> {
    let mut text = String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Bench//EN\r\n");
    let first = chrono::DateTime::from_timestamp(1_700_000_000, 0).ok_or("no such time")?;
    let mut number = 0;
    while text.len() < FILE {
        let start = first + chrono::TimeDelta::minutes(37 * number);
        let time = |at: chrono::DateTime<chrono::Utc>| at.format("%Y%m%dT%H%M%S").to_string();
        let end = start + chrono::TimeDelta::minutes(30);
        write!(
            text,
            "BEGIN:VEVENT\r\nUID:{number}@bench.example\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Event {number}\r\n\
             DTSTART;TZID=Europe/Berlin:{}\r\nDTEND;TZID=Europe/Berlin:{}\r\nDESCRIPTION:What is to be talked about\\, \
             in some words that\r\n  go on in the next line.\r\nLOCATION:Room 1\r\n",
            time(start),
            time(end)
        )?;
        if number % 20 == 0 {
            text.push_str("RRULE:FREQ=WEEKLY;COUNT=10\r\n");
        }
        text.push_str("STATUS:CONFIRMED\r\nEND:VEVENT\r\n");
        number += 1;
    }
    text.push_str("END:VCALENDAR\r\n");
    Ok(text)
}

fn read_file() -> Outcome<()> {
    writeln!(std::io::stdout(), "\nCalendar files")?;
    let text = file()?;
    let how = ics::Reading { origin: ics::Origin::Feed, zone: "Europe/Berlin", owner: &[] };
    // The most that was ever resident is counted anew from here.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = memory("self", "VmRSS:")?;
    let begun = Instant::now();
    let events = ics::read(text.as_bytes(), &how).map_err(|fault| fault.to_string())?;
    let took = begun.elapsed();
    let most = memory("self", "VmHWM:")? - before;
    let figure = format!(
        "{:.0} ms, {} events, {most:.1} MiB more at most, events included",
        took.as_secs_f64() * 1_000.0,
        events.events.len()
    );
    say("a calendar file of 10 MB", &figure)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    // First, while this process has asked for little memory.
    read_file()?;
    measure("SQLite", "").await?;
    if let Ok(server) = std::env::var("MERIDIAN_TEST_POSTGRES") {
        let name = format!("bench_sync_{}", std::process::id());
        let pool = sqlx::PgPool::connect(&server).await?;
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")).into_sql_str()).execute(&pool).await?;
        let (base, _) = server.rsplit_once('/').ok_or("no database in the address")?;
        let measured = measure("PostgreSQL", &format!("{base}/{name}")).await;
        sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")).into_sql_str())
            .execute(&pool)
            .await?;
        measured?;
    }
    Ok(())
}
