//! Connections between two mails: the next one saves itself the greeting, TLS and signing in.

use super::SmtpServer;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// A server closes a connection that says nothing; most wait some minutes.
const IDLE: Duration = Duration::from_secs(20);
/// How long a server may take to say that it is still there.
const ASK: Duration = Duration::from_secs(3);
/// Connections that wait at once.
const MOST: usize = 8;

struct Parked {
    server: SmtpServer,
    connection: AsyncSmtpConnection,
    since: Instant,
}

static PARKED: Mutex<Vec<Parked>> = Mutex::new(Vec::new());
/// Does someone come by to close those that waited too long?
static SWEPT: AtomicBool = AtomicBool::new(false);

/// Closes what waited too long; returns whether anything still waits.
fn sweep() -> bool {
    let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
    parked.retain(|parked| parked.since.elapsed() < IDLE);
    !parked.is_empty()
}

fn pop(server: &SmtpServer) -> Option<AsyncSmtpConnection> {
    let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
    let at = parked.iter().rposition(|parked| parked.server == *server)?;
    Some(parked.swap_remove(at).connection)
}

/// A connection to this server that still answers.
pub(super) async fn take(server: &SmtpServer) -> Option<AsyncSmtpConnection> {
    sweep();
    while let Some(mut connection) = pop(server) {
        if timeout(ASK, connection.test_connected()).await == Ok(true) {
            return Some(connection);
        }
    }
    None
}

/// Keeps a connection for the next mail.
pub(super) fn park(server: &SmtpServer, connection: AsyncSmtpConnection) {
    if connection.has_broken() {
        return;
    }
    {
        let mut parked = PARKED.lock().unwrap_or_else(PoisonError::into_inner);
        if parked.len() >= MOST {
            return;
        }
        parked.push(Parked { server: server.clone(), connection, since: Instant::now() });
    }
    if !SWEPT.swap(true, Ordering::AcqRel) {
        tokio::spawn(async {
            loop {
                sleep(IDLE).await;
                if !sweep() {
                    SWEPT.store(false, Ordering::Release);
                    break;
                }
            }
        });
    }
}
