//! Asking a calendar while somebody books.
//!
//! What was read minutes ago may be wrong by now. Before a host is given away, their calendars that no push keeps up to date
//! are read once more, with a short deadline: the same incremental reading as ever, so that what comes of it is kept, and the
//! booking's own transaction finds it. What happens when a calendar does not answer is its owner's choice.

use super::{Stop, read, tour};
use crate::{
    domain::ids::{CalendarId, ConnectionId, EventTypeId, MemberId},
    server::{
        clock,
        context::Context,
        crypto,
        store::{
            Conn, StoreError,
            holds::{self, HeldRow},
            instant,
            sync::{self, CalendarRow, FreshRow},
        },
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

/// How long somebody who books waits for a calendar.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// What was read this long ago is good enough, without push and with it.
const GOOD_WITHOUT_PUSH: TimeDelta = TimeDelta::seconds(20);
const GOOD_WITH_PUSH: TimeDelta = TimeDelta::minutes(15);
/// How often it is looked whether the worker that holds an account has read its calendars.
const LOOK: Duration = Duration::from_millis(50);

/// What is known of the hosts of one event type while one booking is made.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Members whose calendars have to be asked first.
    calendars: Vec<FreshRow>,
    /// Members whose calendars were asked.
    asked: HashSet<MemberId>,
    /// Members whose calendars did not answer, and who don't want to be booked then.
    silent: HashSet<MemberId>,
}

impl Asked {
    /// Nobody asked yet.
    pub(crate) async fn load(conn: &mut Conn, event_type: &EventTypeId) -> Result<Self, StoreError> {
        Ok(Self { calendars: sync::to_ask(conn, event_type).await?, ..Self::default() })
    }

    /// Are there no calendars to ask at all?
    pub(crate) fn has_none(&self) -> bool {
        self.calendars.is_empty()
    }

    /// Must this member's calendars be asked before they are booked?
    pub(crate) fn must_ask(&self, member: &MemberId) -> bool {
        !self.asked.contains(member) && self.calendars.iter().any(|row| row.member_id == *member)
    }

    /// Can this member not be booked, because their calendars don't answer?
    pub(crate) fn is_silent(&self, member: &MemberId) -> bool {
        self.silent.contains(member)
    }

    /// Did anyone's calendars not answer who doesn't want to be booked then?
    pub(crate) fn anyone_silent(&self) -> bool {
        !self.silent.is_empty()
    }

    /// Asks the calendars of these members, as far as what is known of them is not good enough.
    pub(crate) async fn ask(
        &mut self,
        context: &Context,
        members: &[MemberId],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut by_connection: BTreeMap<String, Vec<&FreshRow>> = BTreeMap::new();
        let mut unknown: Vec<&FreshRow> = Vec::new();
        for row in self.calendars.iter().filter(|row| members.contains(&row.member_id)) {
            if self.asked.contains(&row.member_id) || is_good(row, now) {
                continue;
            }
            if row.state == "ok" {
                by_connection.entry(row.connection_id.to_string()).or_default().push(row);
            } else {
                unknown.push(row);
            }
        }
        let mut asking = Vec::new();
        for rows in by_connection.into_values() {
            let calendars: Vec<CalendarId> = rows.iter().map(|row| row.calendar_id.clone()).collect();
            let Some(connection) = rows.first().map(|row| row.connection_id.clone()) else { continue };
            let context = context.clone();
            // A task of its own: a reading that takes longer than anyone waits still comes to its end, and lets go.
            asking.push(tokio::spawn(async move { read_now(&context, &connection, &calendars).await }));
            unknown.extend(rows);
        }
        let all = async {
            for one in asking {
                // One that panicked has read nothing, which is looked at below.
                let _ = one.await;
            }
        };
        if tokio::time::timeout(PATIENCE, all).await.is_err() {
            tracing::info!("a calendar did not answer while somebody booked");
        }
        let mut silent = Vec::new();
        if !unknown.is_empty() {
            let mut conn = context.db.read().await?;
            for row in unknown {
                let fresh = sync::calendar(&mut conn, &row.calendar_id).await?;
                let read = fresh.and_then(|fresh| fresh.synced_at).is_some_and(|at| instant(at) >= now);
                if !read && row.silent == "refuse" {
                    silent.push(row.member_id.clone());
                }
            }
        }
        self.silent.extend(silent);
        self.asked.extend(members.iter().cloned());
        Ok(())
    }
}

/// Is what is known of a calendar good enough?
fn is_good(row: &FreshRow, now: DateTime<Utc>) -> bool {
    let pushed = row.channel_expires_at.is_some_and(|at| instant(at) > now);
    let age = if pushed { GOOD_WITH_PUSH } else { GOOD_WITHOUT_PUSH };
    row.state == "ok" && row.synced_at.is_some_and(|at| instant(at) + age > now)
}

/// Reads some calendars of an account now, or waits until whoever holds it has.
async fn read_now(context: &Context, connection: &ConnectionId, calendars: &[CalendarId]) {
    let began = clock::now();
    let give_up = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < give_up {
        match try_read(context, connection, calendars, began).await {
            Ok(true) => return,
            Ok(false) => tokio::time::sleep(LOOK).await,
            Err(error) => return tracing::warn!(%error, "a calendar could not be asked"),
        }
    }
}

async fn try_read(
    context: &Context,
    connection: &ConnectionId,
    calendars: &[CalendarId],
    began: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut conn = context.db.read().await?;
    let mut stale = Vec::new();
    for id in calendars {
        if let Some(row) = sync::calendar(&mut conn, id).await?
            && row.synced_at.is_none_or(|at| instant(at) < began)
        {
            stale.push(row);
        }
    }
    drop(conn);
    if stale.is_empty() {
        return Ok(true);
    }
    let now = clock::now();
    // A glance first: whoever waits for an account does not keep writers waiting.
    let mut conn = context.db.read().await?;
    if !holds::is_free(&mut conn, connection, now).await? {
        return Ok(false);
    }
    drop(conn);
    let holder = crypto::random_token();
    let mut conn = context.db.write().await?;
    let held = holds::take_one(&mut conn, connection, &holder, now + tour::LEASE, now).await?;
    conn.commit().await?;
    let Some(held) = held else { return Ok(false) };
    let made = tokio::select! {
        made = read_all(context, &held, &holder, &stale) => made,
        // Beside the work: a server that answers slowly must not cost us the account.
        () = keep_hold(context, connection, &holder) => Err(Stop::Lost),
    };
    tour::let_go(context, &held, &holder, made, clock::now()).await?;
    Ok(true)
}

async fn read_all(
    context: &Context,
    held: &HeldRow,
    holder: &str,
    stale: &[CalendarRow],
) -> Result<DateTime<Utc>, Stop> {
    let mut tour = tour::Tour::begin(context, held.clone(), holder, clock::now).await?;
    for calendar in stale {
        match read::calendar(&mut tour, calendar).await {
            // One calendar that can't be read says nothing about the account.
            Err(Stop::Fault(fault)) if !tour::ends_tour(&fault) => {
                tour.reading_failed(calendar, &fault).await?;
            }
            read => read?,
        }
    }
    tour.may_all()?;
    Ok(clock::now())
}

/// Extends the hold on an account until it is lost.
async fn keep_hold(context: &Context, connection: &ConnectionId, holder: &str) {
    let every = Duration::from_secs(15);
    let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    loop {
        beats.tick().await;
        match tour::hold_on(context, connection, holder, clock::now()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, %connection, "a hold could not be extended"),
        }
    }
}
