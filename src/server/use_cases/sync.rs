//! Keeping in step with calendars outside.
//!
//! The unit of work is a [`tour`] of one account: a worker holds the account, writes what waits, reads what changed, and lets
//! go. One worker at a time, so tokens are refreshed once and a calendar is never read by two; what asks for attention
//! meanwhile (a push, a booking, a person) is counted and seen to right after. Nothing here is an event that could be lost:
//! the tables say what is wanted (`mirrors.wanted`), what is there (`mirrors.written`, `calendars.cursor`) and when to look
//! again, and a tour that was killed is simply made again.
//!
//! - [`read`]: changes come in, page by page; the cursor is kept with the last of them.
//! - [`busy`]: what the events take of their owner's time.
//! - [`mod@write`]: bookings go out.
//! - [`back`]: what somebody did to a booking's entry outside comes back; [`own`]: what they did to that of an event of their own.
//! - [`gaps`]: what is not fully known of a calendar.
//! - [`fresh`]: a calendar is asked while somebody books.
//! - [`mod@push`]: providers say that something changed.

mod back;
mod busy;
mod channel;
pub(crate) mod fresh;
mod gaps;
mod mirror;
pub(crate) mod outside;
mod own;
mod push;
mod read;
mod tour;
mod window;
mod write;

pub(crate) use gaps::{note_unreadable, stays};
pub(crate) use mirror::{
    has_receiver, provider_invites, receiver_changed, reflect, reflect_event, write_again,
};
pub use push::push;
pub(crate) use tour::{hold_on, run, take};

use super::note;
use crate::{
    domain::ids::{CalendarId, ConnectionId, NotAnId, RowId, WorkspaceId},
    server::{
        calendars::fault::Fault,
        crypto, ids,
        store::{Conn, StoreError, connections, remote_events, sync},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// Why a tour stopped.
#[derive(Debug)]
enum Stop {
    /// The provider.
    Fault(Fault),
    /// The database.
    Store(StoreError),
    /// Another worker holds the account now.
    Lost,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotAnId> for Stop {
    fn from(error: NotAnId) -> Self {
        Self::Store(error.into())
    }
}

/// Seconds to wait after each failure in a row; the last one again and again.
const WAITS: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];

/// How long to wait after the `failures`-th failure in a row (from 1), give or take a fifth.
fn backoff(failures: i64) -> TimeDelta {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(0).min(WAITS.len() - 1);
    jitter(TimeDelta::seconds(WAITS.get(index).copied().unwrap_or(3_600)))
}

/// A wait, give or take a fifth, so that what begins together does not go on together.
fn jitter(wait: TimeDelta) -> TimeDelta {
    let [a, b] = crypto::random::<2>();
    let share = i64::from(u16::from_le_bytes([a, b])) - 32_768;
    wait + TimeDelta::milliseconds(wait.num_milliseconds() / 5 * share / 32_768)
}

/// A new row's id.
fn row_id(now: DateTime<Utc>) -> Result<RowId, StoreError> {
    Ok(ids::new(now)?)
}

/// Writes down what was done for an account, for its owner to read.
pub(crate) async fn log(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    calendar: &str,
    sentence: &str,
    went_well: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = row_id(now)?;
    let line = sync::NewLine { id: id.as_str(), workspace, connection, calendar, sentence, went_well };
    sync::log(conn, &line, now).await
}

/// What a person chose for a calendar changed: the time that it takes is derived anew, in the next tour.
pub(crate) async fn choices_changed(
    conn: &mut Conn,
    calendar: &CalendarId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = sync::calendar(conn, calendar).await?;
    if row.is_some_and(|row| !row.syncs || !row.conflicts) {
        // At once: a calendar that is switched off is not read any more.
        remote_events::clear_busy(conn, calendar).await?;
    }
    sync::forget_window(conn, calendar).await?;
    sync::hint_calendar(conn, calendar, now).await
}

/// Disconnects an account, in the caller's transaction: its calendars take no time any more.
pub(crate) async fn forget_connection(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    connection: &ConnectionId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let calendars = sync::all_calendars(conn, connection).await?;
    // First: a tour that is just deriving busy time is waited for here, and finds no calendar after.
    connections::delete(conn, workspace, connection).await?;
    for calendar in calendars {
        remote_events::clear_busy(conn, &calendar).await?;
    }
    let subject = format!("connection:{connection}");
    note(conn, workspace, by, "calendar.disconnected", &subject, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_waited_out_ever_longer_up_to_an_hour() {
        for (failures, wait) in (1..).zip(WAITS) {
            let chosen = backoff(failures).num_milliseconds();
            assert!((wait * 800..=wait * 1_200).contains(&chosen), "{failures}: {chosen}");
        }
        assert!(backoff(1_000).num_minutes() <= 72);
        assert!(backoff(0).num_seconds() <= 6);
    }
}
