//! The program's figures over HTTP, beside their budgets: `make bench`.
//!
//! Starts the optimised program (`MERIDIAN_BIN`) on both databases, on this machine only, and asks it as many
//! clients would. The clients share the processors with the server: figures are the lower for it.

use meridian::server::store::Db;
use sqlx::{AssertSqlSafe, SqlSafeStr};
use std::{
    error::Error,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const OLD_BOOKINGS: u32 = 1_000_000;
const BUSY_EVENTS: u32 = 5_000;

/// One kept-alive connection.
struct Client {
    stream: BufReader<TcpStream>,
    host: String,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Client {
    fn new(host: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { stream: BufReader::new(stream), host: host.to_owned() })
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Outcome<Answer> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-length: {length}\r\n\r\n{body}",
            self.host
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        loop {
            let before = head.len();
            if self.stream.read_line(&mut head)? == 0 {
                return Err("the server closed the connection".into());
            }
            if head.len() - before == 2 {
                break;
            }
        }
        let head = head.to_lowercase();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no status")?;
        let field = |name: &str| {
            head.lines().find_map(|line| {
                line.strip_prefix(name).map(|value| value.trim_start_matches(':').trim().to_owned())
            })
        };
        let mut body = Vec::new();
        if let Some(length) = field("content-length") {
            body.resize(length.parse()?, 0);
            self.stream.read_exact(&mut body)?;
        } else if field("transfer-encoding").is_some_and(|coding| coding == "chunked") {
            loop {
                let mut line = String::new();
                self.stream.read_line(&mut line)?;
                let size = usize::from_str_radix(line.trim(), 16)?;
                let from = body.len();
                body.resize(from + size, 0);
                self.stream.read_exact(body.get_mut(from..).unwrap_or_default())?;
                self.stream.read_line(&mut line)?;
                if size == 0 {
                    break;
                }
            }
        }
        Ok(Answer { status, head, body })
    }

    fn get(&mut self, path: &str) -> Outcome<Answer> {
        let answer = self.send("GET", path, "", "")?;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(format!("{path} answered {}", answer.status).into())
        }
    }
}

struct Server {
    child: Child,
    host: String,
}

impl Server {
    fn start(database: &str, data: &std::path::Path) -> Outcome<Self> {
        let program = std::env::var("MERIDIAN_BIN").unwrap_or_else(|_| "target/meridian".into());
        let mut child = Command::new(program)
            .arg("serve")
            .env("MERIDIAN_LISTEN", "127.0.0.1:0")
            .env("MERIDIAN_DATA_DIR", data)
            .env("MERIDIAN_DATABASE_URL", database)
            .env("MERIDIAN_DEMO", "true")
            .env("MERIDIAN_RATE_LIMITS", "off")
            .env("MERIDIAN_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let first = lines.next().ok_or("the server did not start")??;
        std::thread::spawn(move || lines.for_each(drop));
        let host = first.rsplit("http://").next().unwrap_or_default().to_owned();
        Ok(Self { child, host })
    }

    /// Resident memory in MiB.
    fn memory(&self) -> Outcome<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(what: &str, figure: &str, budget: &str) -> Outcome<()> {
    writeln!(
        std::io::stdout(),
        "{what}: {figure}{}",
        if budget.is_empty() { String::new() } else { format!(" (budget {budget})") }
    )?;
    Ok(())
}

/// The time below which this share (in thousandths) of the sorted samples lies, in ms.
fn share(sorted: &[Duration], thousandths: usize) -> f64 {
    let at = (sorted.len() * thousandths / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// Asks for `path` over `connections` for some seconds: sorted times, and requests per second.
fn load(host: &str, path: &str, connections: usize, seconds: u64) -> Outcome<(Vec<Duration>, f64)> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let times = std::thread::scope(|scope| -> Outcome<Vec<Duration>> {
        let running: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(move || -> Outcome<Vec<Duration>> {
                    let mut client = Client::new(host)?;
                    let mut times = Vec::new();
                    while Instant::now() < until {
                        let sent = Instant::now();
                        client.get(path)?;
                        times.push(sent.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut all = Vec::new();
        for thread in running {
            all.extend(thread.join().map_err(|_| "a client panicked")??);
        }
        Ok(all)
    })?;
    let rate = f64::from(u32::try_from(times.len())?) / begun.elapsed().as_secs_f64();
    let mut sorted = times;
    sorted.sort_unstable();
    Ok((sorted, rate))
}

async fn run(db: &Db, sql: String) -> Outcome<()> {
    let sql = AssertSqlSafe(sql).into_sql_str();
    match db {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop)?,
        Db::Postgres { write, .. } => {
            let mut conn = write.acquire().await?;
            sqlx::query("SET statement_timeout = 0").execute(&mut *conn).await?;
            sqlx::query(sql).execute(&mut *conn).await?;
        }
    }
    Ok(())
}

/// As PostgreSQL does by itself after a while; on SQLite the program never does.
async fn analyze(db: &Db) -> Outcome<()> {
    match db {
        Db::Sqlite { .. } => Ok(()),
        Db::Postgres { .. } => run(db, "ANALYZE".into()).await,
    }
}

const HOST: &str =
    "(SELECT h.member_id FROM hosts h JOIN event_types e ON e.id = h.event_type_id WHERE e.slug = 'intro')";
const WORKSPACE: &str = "(SELECT id FROM workspaces)";

/// Busy events of half an hour, evenly over the year ahead.
async fn add_busy(db: &Db, now: i64) -> Outcome<()> {
    let step = 365 * 86_400_000_000 / i64::from(BUSY_EVENTS);
    run(
        db,
        format!(
            "INSERT INTO busy_intervals (id, workspace_id, member_id, source, source_ref, busy_from, busy_until)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {BUSY_EVENTS})
             SELECT 'busy' || CAST(i AS TEXT), {WORKSPACE}, {HOST}, 'bench', 'bench',
                    {now} + i * CAST({step} AS BIGINT), {now} + i * CAST({step} AS BIGINT) + 1800000000 FROM n"
        ),
    )
    .await
}

/// A million bookings of half an hour, one after the other, up to now: with host, invitee and claim.
async fn add_old_bookings(db: &Db, now: i64) -> Outcome<()> {
    let rows =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {OLD_BOOKINGS})");
    let start = format!("{now} - CAST(i AS BIGINT) * 1800000000");
    let id = "'old' || CAST(i AS TEXT)";
    let service = "(SELECT id FROM event_types WHERE slug = 'intro')";
    for sql in [
        format!(
            "INSERT INTO bookings (id, workspace_id, event_type_id, status, start_at, end_at, sequence, seats, created_at,
                                   updated_at)
             {rows} SELECT {id}, {WORKSPACE}, {service}, 'confirmed', {start}, {start} + 1800000000, 0, 1, {start}, {start} FROM n"
        ),
        format!(
            "INSERT INTO attendees (booking_id, member_id, workspace_id, rsvp)
             {rows} SELECT {id}, {HOST}, {WORKSPACE}, 'confirmed' FROM n"
        ),
        format!(
            "INSERT INTO invitees (id, workspace_id, booking_id, active, name, email, email_key, phone, zone, notes,
                                   answers, guests, token_hash, cancel_reason, sequence, created_at, updated_at)
             {rows} SELECT {id}, {WORKSPACE}, {id}, true, 'Old', 'old@customer.example', 'old@customer.example', '',
                    'Europe/Berlin', '', '[]', '[]', CAST({id} AS {bytes}), '', 0, {start}, {start} FROM n",
            bytes = if matches!(db, Db::Postgres { .. }) { "BYTEA" } else { "BLOB" }
        ),
        format!(
            "INSERT INTO claims (booking_id, member_id, workspace_id, busy_from, busy_until)
             {rows} SELECT {id}, {HOST}, {WORKSPACE}, {start}, {start} + 1800000000 FROM n"
        ),
    ] {
        run(db, sql).await?;
    }
    analyze(db).await
}

fn slots(server: &Server, path: &str, when: &str) -> Outcome<()> {
    load(&server.host, path, 1, 1)?;
    let (times, _) = load(&server.host, path, 1, 5)?;
    say(
        &format!("slots over HTTP, {when}"),
        &format!("p50 {:.2} ms, p99 {:.2} ms", share(&times, 500), share(&times, 990)),
        "p50 1 ms, p99 5 ms",
    )?;
    let (times, rate) = load(&server.host, path, 16, 5)?;
    let figure = format!("{rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms", share(&times, 500), share(&times, 990));
    say(&format!("slots over HTTP, {when}, 16 connections"), &figure, "")
}

/// The bytes that a first visit moves, by kind, compressed with brotli.
fn first_visit(server: &Server) -> Outcome<()> {
    let mut client = Client::new(&server.host)?;
    let mut bytes = |path: &str| -> Outcome<usize> {
        let answer = client.send("GET", path, "accept-encoding: br\r\n", "")?;
        if answer.status != 200 || !answer.head.contains("content-encoding: br") {
            return Err(format!("{path} is not served with brotli").into());
        }
        Ok(answer.body.len())
    };
    let html = bytes("/book/demo/intro")?;
    let page = String::from_utf8(Client::new(&server.host)?.get("/book/demo/intro")?.body)?;
    let mut files: Vec<&str> = page.split('"').filter(|part| part.starts_with("/pkg/")).collect();
    files.sort_unstable();
    files.dedup();
    let mut of = |ending: &str| -> Outcome<usize> {
        files.iter().filter(|file| file.ends_with(ending)).map(|file| bytes(file)).sum()
    };
    let (css, js, wasm) = (of(".css")?, of(".js")?, of(".wasm")?);
    let kb = |bytes: usize| format!("{:.1} KB", f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1000.0);
    say("first visit, HTML", &kb(html), "15 KB")?;
    say("first visit, CSS", &kb(css), "12 KB")?;
    say("first visit, JS", &kb(js), "15 KB")?;
    say("first visit, WASM", &kb(wasm), "200 KB")
}

/// Sixteen clients book a host's slots one after the other, each slot once.
fn bookings(server: &Server, starts: &[String]) -> Outcome<()> {
    let (next, won) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| -> Outcome<()> {
        let running: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| -> Outcome<()> {
                    let mut client = Client::new(&server.host)?;
                    while let Some(start) = starts.get(next.fetch_add(1, Ordering::Relaxed) / 2) {
                        let body = format!(
                            "{{\"start\":\"{start}\",\"timezone\":\"Europe/Berlin\",\"name\":\"B\",\"email\":\"b@customer.example\"}}"
                        );
                        let path = "/api/v1/public/book/demo/team-call/book";
                        let answer = client.send("POST", path, "content-type: application/json\r\n", &body)?;
                        match answer.status {
                            201 => drop(won.fetch_add(1, Ordering::Relaxed)),
                            409 => {}
                            other => return Err(format!("booking answered {other}").into()),
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a client panicked")?)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let rate = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds;
    let (won, asked) = (won.into_inner(), starts.len() * 2);
    say(
        "bookings under contention, 16 writers, each slot asked for twice",
        &format!("{:.0} booked/s, {:.0} answered/s ({won} of {asked} won)", rate(won), rate(asked)),
        "",
    )
}

const MAILS: u32 = 3_000;

/// Mails that wait, as many jobs, and pages that are asked for meanwhile.
async fn drain(server: &Server, db: &Db, now: i64) -> Outcome<()> {
    let rows = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MAILS})");
    let id = "'0193b5a0-7c1e-7000-8000-' || CAST(100000000000 + CAST(i AS BIGINT) AS TEXT)";
    let some = "(SELECT letter FROM messages WHERE kind = 'confirmed' LIMIT 1)";
    run(
        db,
        format!(
            "INSERT INTO messages (id, workspace_id, kind, recipient, recipient_key, subject, letter, status, error,
                                   created_at)
             {rows} SELECT {id}, {WORKSPACE}, 'bench', 'b@customer.example', 'b@customer.example', 'Bench', {some},
                    'waiting', '', {now} FROM n"
        ),
    )
    .await?;
    let begun = Instant::now();
    run(
        db,
        format!(
            "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error,
                               created_at, updated_at)
             {rows} SELECT {id}, {WORKSPACE}, 'mail', 'mail', 'message:' || {id},
                    '{{\"kind\":\"mail\",\"message\":\"' || {id} || '\"}}', 'queued', {now}, 0, '', {now}, {now} FROM n"
        ),
    )
    .await?;
    let (done, pages) = std::thread::scope(|scope| -> Outcome<_> {
        let asking = scope.spawn(|| load(&server.host, "/book/demo/intro", 4, 2));
        let waiting = tokio::runtime::Handle::current();
        let done = tokio::task::block_in_place(|| {
            waiting.block_on(async {
                loop {
                    let left = left(db).await?;
                    if left == 0 {
                        return Ok::<_, Box<dyn Error + Send + Sync>>(begun.elapsed());
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })?;
        Ok((done, asking.join().map_err(|_| "a client panicked")??))
    })?;
    let rate = f64::from(MAILS) / done.as_secs_f64();
    say(
        "jobs, 3,000 due mails into the mailbox, while pages are asked for",
        &format!("{rate:.0} jobs/s"),
        "",
    )?;
    let (times, rate) = pages;
    let figure = format!("{rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms", share(&times, 500), share(&times, 990));
    say("booking page meanwhile, 4 connections", &figure, "")
}

/// How many of those mails still wait.
async fn left(db: &Db) -> Outcome<i64> {
    let sql = "SELECT COUNT(*) FROM messages WHERE kind = 'bench' AND status = 'waiting'";
    Ok(match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await?,
        Db::Postgres { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await?,
    })
}

async fn measure(name: &str, database: &str) -> Outcome<()> {
    writeln!(std::io::stdout(), "\n{name}")?;
    let data = tempfile::tempdir()?;
    let database = if database.is_empty() {
        format!("sqlite:{}", data.path().join("meridian.sqlite").display())
    } else {
        database.to_owned()
    };
    let server = Server::start(&database, data.path())?;
    // Until the thread that hashed the demo's password has given its memory back.
    std::thread::sleep(Duration::from_secs(15));
    say("resident memory, idle", &format!("{:.1} MiB", server.memory()?), "40 MB")?;
    if name == "SQLite" {
        first_visit(&server)?;
    }
    let page = "/book/demo/intro";
    load(&server.host, page, 16, 2)?;
    let (times, rate) = load(&server.host, page, 16, 8)?;
    let figure = format!("{rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms", share(&times, 500), share(&times, 990));
    say("booking page, server-rendered, 16 connections", &figure, "2500/s")?;
    let (times, _) = load(&server.host, page, 1, 3)?;
    let figure = format!("p50 {:.2} ms, p99 {:.2} ms", share(&times, 500), share(&times, 990));
    say("booking page, server-rendered, 1 connection", &figure, "")?;

    let now = chrono::DateTime::parse_from_rfc3339(&http_date(&server)?)?.with_timezone(&chrono::Utc);
    let db = Db::open(&database, 3).await?;
    add_busy(&db, now.timestamp_micros()).await?;
    analyze(&db).await?;
    let (from, to) = (now.date_naive(), now.date_naive() + chrono::TimeDelta::days(30));
    let path = format!("/api/v1/public/book/demo/intro/slots?from={from}&to={to}&tz=Europe/Berlin");
    slots(&server, &path, "5,000 busy events")?;
    add_old_bookings(&db, now.timestamp_micros()).await?;
    slots(&server, &path, "5,000 busy events and a million old bookings")?;

    let to = now.date_naive() + chrono::TimeDelta::days(59);
    let free = Client::new(&server.host)?
        .get(&format!("/api/v1/public/book/demo/team-call/slots?from={from}&to={to}"))?;
    let free = String::from_utf8(free.body)?;
    let starts: Vec<String> = free
        .split("\"start\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next().map(str::to_owned))
        .collect();
    bookings(&server, &starts)?;
    drain(&server, &db, now.timestamp_micros()).await?;
    db.close().await;
    say("resident memory, after the load", &format!("{:.1} MiB", server.memory()?), "120 MB")
}

/// The server's clock, as its `date` header tells it.
fn http_date(server: &Server) -> Outcome<String> {
    let answer = Client::new(&server.host)?.get("/healthz")?;
    let line = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("date: ").map(str::to_owned))
        .ok_or("no date")?;
    Ok(chrono::DateTime::parse_from_rfc2822(&line)?.to_rfc3339())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    measure("SQLite", "").await?;
    let server = std::env::var("MERIDIAN_TEST_POSTGRES")
        .map_err(|_| "MERIDIAN_TEST_POSTGRES is not set; see make bench")?;
    let name = format!("bench_{}", std::process::id());
    let pool = sqlx::PgPool::connect(&server).await?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")).into_sql_str()).execute(&pool).await?;
    let (base, _) = server.rsplit_once('/').ok_or("no database in the address")?;
    let measured = measure("PostgreSQL", &format!("{base}/{name}")).await;
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")).into_sql_str())
        .execute(&pool)
        .await?;
    measured
}
