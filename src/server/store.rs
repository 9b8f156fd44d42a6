//! SQL, and nothing but SQL.
//!
//! One text serves both databases: `$1` placeholders, columns that are BIGINT, BOOLEAN, TEXT or bytes. The
//! macros below run it on whichever connection there is; only locks and errors branch. Every statement stands
//! as a literal inside one of those macros, which is how a test finds and prepares each of them on both.
//!
//! Functions are scoped: what belongs to a workspace is asked for with the workspace, or through a row that was.

pub mod answers;
pub mod attendees;
pub mod audit;
pub mod bookings;
pub mod busy;
pub mod calendar_events;
pub mod channels;
pub mod connections;
pub mod event_types;
pub mod feeds;
pub mod flags;
pub mod gaps;
pub mod holds;
pub mod installation;
pub mod invitees;
pub mod jobs;
pub mod mail_settings;
pub mod members;
pub mod messages;
pub mod mirrors;
pub mod orders;
pub mod portal;
pub mod provider_settings;
pub mod rate_limits;
pub mod remote_events;
pub mod sync;
mod turns;
pub mod webhooks;
pub mod workspaces;
pub mod zone_editions;

use chrono::{DateTime, Utc};
use sqlx::{
    Connection, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, sync::Arc, time::Duration};
use tokio::{sync::Notify, time::Instant};
use turns::{Turn, Turns};

/// How long a request waits for a connection: shorter than anyone waits for a page.
const PATIENCE: Duration = Duration::from_secs(8);

/// What the database refused or could not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The time of a claim overlaps another one of the same host.
    #[error("the claim overlaps another one")]
    Overlap,
    /// A row with this key exists.
    #[error("a row with this key exists")]
    Duplicate,
    /// The transaction met another one; the same transaction may succeed when it is run again.
    #[error("the transaction met another one")]
    Again,
    /// A stored document could not be read.
    #[error("a stored document could not be read: {0}")]
    Document(#[from] serde_json::Error),
    /// No connection or lock was to be had in time.
    #[error("the database is busy")]
    Busy,
    /// Anything else.
    #[error(transparent)]
    Database(sqlx::Error),
    /// Migrations could not be applied.
    #[error(transparent)]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A value that the store was given can't be stored.
    #[error("{0}")]
    Value(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let Some(refusal) = error.as_database_error() else { return Self::Database(error) };
        let code = refusal.code().unwrap_or_default();
        match code.as_ref() {
            // PostgreSQL: exclusion_violation; serialization_failure, deadlock_detected.
            "23P01" => Self::Overlap,
            "40001" | "40P01" => Self::Again,
            // lock_not_available, query_canceled (statement_timeout).
            "55P03" | "57014" => Self::Busy,
            // SQLite: BUSY, LOCKED, BUSY_SNAPSHOT.
            "5" | "6" | "517" => Self::Again,
            _ if refusal.message().contains("claims_never_overlap") => Self::Overlap,
            _ if refusal.is_unique_violation() => Self::Duplicate,
            _ => Self::Database(error),
        }
    }
}

impl From<crate::domain::ids::NotAnId> for StoreError {
    fn from(_: crate::domain::ids::NotAnId) -> Self {
        Self::Value("an id that is none")
    }
}

/// The database. SQLite has one connection that writes and several that read; PostgreSQL has one pool.
#[derive(Debug, Clone)]
pub enum Db {
    /// One file.
    Sqlite {
        /// Readers.
        read: SqlitePool,
        /// The one writer of this process.
        write: SqlitePool,
        /// Whose turn it is.
        turns: Turns,
        /// Told when jobs were committed.
        wake: Arc<Notify>,
    },
    /// A server. Writers have connections of their own, so that however many wait for one event type, pages are
    /// still read.
    Postgres {
        /// Readers.
        read: PgPool,
        /// Writers.
        write: PgPool,
        /// Told when jobs were committed, by any instance.
        wake: Arc<Notify>,
    },
}

/// A connection or a transaction of either database. A transaction that is dropped is rolled back.
#[derive(Debug)]
pub enum Conn {
    /// A reader.
    Sqlite(PoolConnection<Sqlite>),
    /// A writer inside `BEGIN IMMEDIATE`.
    SqliteTx {
        /// It.
        transaction: Transaction<'static, Sqlite>,
        /// The turn in which it is written.
        turn: Turn,
        /// The workers of this process.
        wake: Arc<Notify>,
        /// Did it enqueue jobs?
        enqueued: bool,
    },
    /// Outside a transaction.
    Postgres(PoolConnection<Postgres>),
    /// Inside a transaction.
    PostgresTx(Transaction<'static, Postgres>),
}

/// What a statement runs on.
#[derive(Debug)]
pub enum On<'a> {
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
    /// PostgreSQL.
    Postgres(&'a mut PgConnection),
}

/// How many rows are changed by a statement, or which rows it returns: `run!(conn, "…", args)` changes,
/// `rows!(conn, Row, "…", args)` returns all, `row!(conn, Row, "…", args)` at most one.
macro_rules! run {
    ($conn:expr, $sql:literal $(, $arg:expr)* $(,)?) => {
        match $conn.on() {
            $crate::server::store::On::Sqlite(on) => {
                sqlx::query($sql)$(.bind($arg))*.execute(on).await.map(|done| done.rows_affected())
            }
            $crate::server::store::On::Postgres(on) => {
                sqlx::query($sql)$(.bind($arg))*.execute(on).await.map(|done| done.rows_affected())
            }
        }
        .map_err($crate::server::store::StoreError::from)
    };
}

macro_rules! rows {
    ($conn:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        match $conn.on() {
            $crate::server::store::On::Sqlite(on) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(on).await
            }
            $crate::server::store::On::Postgres(on) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_all(on).await
            }
        }
        .map_err($crate::server::store::StoreError::from)
    };
}

macro_rules! row {
    ($conn:expr, $row:ty, $sql:literal $(, $arg:expr)* $(,)?) => {
        match $conn.on() {
            $crate::server::store::On::Sqlite(on) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(on).await
            }
            $crate::server::store::On::Postgres(on) => {
                sqlx::query_as::<_, $row>($sql)$(.bind($arg))*.fetch_optional(on).await
            }
        }
        .map_err($crate::server::store::StoreError::from)
    };
}

pub(crate) use {row, rows, run};

impl Conn {
    /// The connection under it.
    pub fn on(&mut self) -> On<'_> {
        match self {
            Self::Sqlite(conn) => On::Sqlite(conn),
            Self::SqliteTx { transaction, .. } => On::Sqlite(transaction),
            Self::Postgres(conn) => On::Postgres(conn),
            Self::PostgresTx(conn) => On::Postgres(conn),
        }
    }

    /// Notes that this transaction enqueues jobs, so that workers are told when it commits. PostgreSQL tells them itself
    /// (a trigger on the table).
    pub fn wake_on_commit(&mut self) {
        if let Self::SqliteTx { enqueued, .. } = self {
            *enqueued = true;
        }
    }

    /// Makes the transaction's changes visible and durable. Nothing to do outside a transaction.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::SqliteTx { transaction, turn, wake, enqueued } => {
                transaction.commit().await?;
                if enqueued {
                    wake.notify_waiters();
                }
                turn.end().await;
            }
            Self::PostgresTx(transaction) => transaction.commit().await?,
            Self::Sqlite(_) | Self::Postgres(_) => {}
        }
        Ok(())
    }
}

impl Db {
    /// Opens `sqlite:PATH` (created when missing) or `postgres://…`. Takes at most `connections` of the latter.
    pub async fn open(url: &str, connections: u32) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // An instance that froze with a lock in its hand must not stop the others for good.
            let options = PgConnectOptions::from_str(url)?.options([
                ("lock_timeout", "8s"),
                ("statement_timeout", "25s"),
                ("idle_in_transaction_session_timeout", "30s"),
            ]);
            let pool = |connections: u32| {
                PgPoolOptions::new()
                    .max_connections(connections)
                    .acquire_timeout(PATIENCE)
                    .test_before_acquire(false)
                    .before_acquire(|conn, meta| {
                        Box::pin(async move {
                            // A round trip for each request would cost as much as a query. A connection that served a
                            // moment ago is as good as one that was asked.
                            if meta.idle_for > Duration::from_secs(1) {
                                conn.ping().await?;
                            }
                            Ok(true)
                        })
                    })
                    .connect_lazy_with(options.clone())
            };
            let (read, write) = (pool(connections.div_ceil(2)), pool((connections / 2).max(1)));
            read.acquire().await?;
            return Ok(Self::Postgres { read, write, wake: Arc::default() });
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        // A file does not hang up: nothing to test before use.
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .acquire_timeout(PATIENCE)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(PATIENCE)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self::Sqlite { read, write, turns: Turns::new(), wake: Arc::default() })
    }

    /// Applies the migrations that are missing. Safe to run by several instances at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { write, .. } => {
                sqlx::migrate!("migrations/sqlite").run(write).await?;
                // Without statistics SQLite takes every table for a large one and uses the indexes. With those of a young
                // database it reads small tables whole, and goes on doing so when they have a million rows: a
                // connection learns of new statistics when it is opened only.
                for table in ["sqlite_stat1", "sqlite_stat4"] {
                    let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema WHERE name = $1")
                        .bind(table)
                        .fetch_one(write)
                        .await?;
                    if kept > 0 {
                        let forget = format!("DELETE FROM {table}");
                        sqlx::query(sqlx::AssertSqlSafe(forget)).execute(write).await?;
                    }
                }
            }
            Self::Postgres { write, .. } => {
                // A connection of its own: a migration takes as long as it takes.
                let patient = [("statement_timeout", "0"), ("lock_timeout", "0")];
                let options = write.connect_options().as_ref().clone().options(patient);
                let mut conn = PgConnection::connect_with(&options).await?;
                sqlx::migrate!("migrations/postgres").run(&mut conn).await?;
                conn.close().await?;
            }
        }
        Ok(())
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { read, .. } => Conn::Sqlite(read.acquire().await?),
            Self::Postgres { read, .. } => Conn::Postgres(read.acquire().await?),
        })
    }

    /// A transaction for writing. On SQLite it holds the write lock from the start, so that what it reads
    /// stays true until it commits.
    pub async fn write(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { write, turns, wake, .. } => {
                let deadline = Instant::now() + turns.patience();
                let turn = turns.take().await?;
                let transaction = loop {
                    match write.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::from) {
                        // Another process writes, and did so whenever this one looked.
                        Err(StoreError::Again | StoreError::Busy) if Instant::now() < deadline => {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        begun => break begun?,
                    }
                };
                Conn::SqliteTx { transaction, turn, wake: Arc::clone(wake), enqueued: false }
            }
            #[expect(clippy::disallowed_methods, reason = "PostgreSQL takes its locks row by row")]
            Self::Postgres { write, .. } => Conn::PostgresTx(write.begin().await?),
        })
    }

    /// The same database for what nobody waits for: it lets requests write first, and waits longer.
    #[must_use]
    pub fn in_background(&self) -> Self {
        match self {
            Self::Sqlite { read, write, turns, wake } => Self::Sqlite {
                read: read.clone(),
                write: write.clone(),
                turns: turns.in_background(),
                wake: Arc::clone(wake),
            },
            // There, writers don't wait for each other.
            Self::Postgres { .. } => self.clone(),
        }
    }

    /// Told when jobs were committed: by this process on SQLite, by any instance on PostgreSQL while
    /// [`Db::listen`] runs.
    pub fn wake(&self) -> &Arc<Notify> {
        match self {
            Self::Sqlite { wake, .. } | Self::Postgres { wake, .. } => wake,
        }
    }

    /// Passes on what PostgreSQL says of new jobs until something breaks; nothing to do on SQLite.
    pub async fn listen(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { .. } => std::future::pending().await,
            Self::Postgres { read, wake, .. } => {
                // A connection of its own, outside the pool: it waits for most of its life.
                let options = read.connect_options();
                let pool =
                    PgPoolOptions::new().max_connections(1).connect_lazy_with(options.as_ref().clone());
                let mut listener = PgListener::connect_with(&pool).await?;
                listener.listen("meridian_jobs").await?;
                loop {
                    listener.recv().await?;
                    wake.notify_waiters();
                }
            }
        }
    }

    /// Do several instances share this database?
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Finishes what runs and closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { read, write, .. } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Writes a consistent copy of a SQLite database into a new file while the server goes on.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let Self::Sqlite { write, .. } = self else {
            return Err(StoreError::Value("PostgreSQL is backed up with pg_dump"));
        };
        let file = file.to_str().ok_or(StoreError::Value("the path is not text"))?;
        // A connection of its own: readers are read-only, and the writer must not wait for a copy.
        let mut conn = SqliteConnection::connect_with(&write.connect_options()).await?;
        sqlx::query("VACUUM INTO $1").bind(file).execute(&mut conn).await?;
        conn.close().await?;
        Ok(())
    }

    /// Does the database answer?
    pub async fn ping(&self) -> Result<(), StoreError> {
        let mut conn = self.read().await?;
        row!(conn, (i64,), "SELECT CAST(1 AS BIGINT)")?;
        Ok(())
    }
}

/// An instant as the database holds it: epoch microseconds.
pub fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// An instant from the database; out of chrono's range it becomes its end.
pub fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Words for a stored document.
pub fn document<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(serde_json::to_string(value)?)
}
