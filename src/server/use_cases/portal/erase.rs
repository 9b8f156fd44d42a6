//! "Delete my data": the right to erasure (GDPR, article 17), against which no policy of an event type stands.
//!
//! One transaction: what is coming is cancelled, what is past stays as a time without a person, and everything else that
//! names the address is deleted or rewritten. Announcements of the cancellations are jobs, so they are written when the
//! person is gone from the appointment, and go to the hosts only.
//!
//! Who is mentioned in the letters of others, in jobs and in webhooks' deliveries can only be found by reading all of
//! them. That is done page by page before the transaction, which then looks at what was found and at what was written
//! meanwhile, so that it holds its locks no longer than any other. What those documents say of others stays as it is.
//!
//! What stays: start, end, service and hosts of each appointment, under the name "Removed", because the workspace's books,
//! limits and fair turns are counted from them; and the audit log, which holds ids and no personal data. An account that
//! the same address may have as a member of the workspace is another matter and is not touched.

mod person;

use super::{
    Visitor,
    data::{guest_of, is_address},
};
use crate::{
    api::{
        AppError,
        portal::{DeletePage, Deleted},
    },
    domain::ids::{BookingId, EventTypeId, InviteeId, WorkspaceId},
    server::{
        context::Context,
        crypto,
        store::{
            Conn, StoreError, event_types, flags, instant, invitees, micros,
            portal::{
                everything::{self, WholeRow},
                traces::{self, Place, Trace},
            },
        },
        use_cases::{leave, note, sync},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use person::Person;
use std::collections::{BTreeSet, VecDeque};

/// How often a transaction that met another one is run again.
const ROUNDS: u32 = 8;

/// Rows that are read at once.
const PAGE: i64 = 300;

/// How much older than its becoming visible a row's time may be: transactions wait, and clocks of instances differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// How old something may be that is still being tried: longer than a mail or a delivery is (see `jobs::backoff`).
const TRIED_FOR: TimeDelta = TimeDelta::days(2);

/// What the hosts read as the reason.
const REASON: &str = "Their data was deleted at their own request.";

/// What deleting would do.
pub async fn preview(
    context: &Context,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<DeletePage, AppError> {
    let mut conn = context.db.read().await?;
    let (all, coming) = everything::counts(&mut conn, &visitor.workspace.id, &visitor.email_key, now).await?;
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    Ok(DeletePage {
        workspace: super::named(&visitor.workspace),
        email: visitor.email_key.clone(),
        coming: count(coming),
        kept: count(all - coming),
        echo: None,
    })
}

/// Deletes what the workspace holds about the visitor's address, all of it or nothing. `confirmed`: the person said so.
pub async fn erase(
    context: &Context,
    visitor: &Visitor,
    confirmed: bool,
    now: DateTime<Utc>,
) -> Result<Deleted, AppError> {
    if !confirmed {
        return Err(AppError::field("confirm", "Please tick this box if you want your data deleted."));
    }
    // Looking for guests reads every list of guests; the transaction then looks at those it found again.
    let mut conn = context.db.read().await?;
    let guest_of: Vec<InviteeId> =
        guest_of(&mut conn, visitor).await?.into_iter().map(|row| row.id).collect();
    let rows = everything::appointments(&mut conn, &visitor.workspace.id, &visitor.email_key).await?;
    let person = Person::load(&mut conn, visitor, &rows).await?;
    drop(conn);
    let before = Before { guest_of, mentions: mentions(context, visitor, &person, 0).await? };
    let mut rounds = 0;
    let (deleted, person) = loop {
        match erase_once(context, visitor, &before, now).await {
            Err(StoreError::Again) if rounds < ROUNDS => rounds += 1,
            done => break done?,
        }
    };
    // A mail server or a webhook may have answered meanwhile about something older. The person is gone by now, so nobody
    // is told if this fails but the log.
    if let Err(error) = sweep(context, visitor, &person, now).await {
        tracing::warn!(%error, workspace = %visitor.workspace.id, "the last answers were not searched for an erased address");
    }
    Ok(deleted)
}

/// What was found before the transaction.
#[derive(Debug)]
struct Before {
    /// Appointments of others that name the address as a guest.
    guest_of: Vec<InviteeId>,
    /// Rows that mention the person.
    mentions: Vec<(Place, String)>,
}

async fn erase_once(
    context: &Context,
    visitor: &Visitor,
    before: &Before,
    now: DateTime<Utc>,
) -> Result<(Deleted, Person), StoreError> {
    let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
    let mut conn = context.db.write().await?;
    // Always in the order of their ids, so that two transactions wait for each other instead of locking each other out.
    let rows = everything::appointments(&mut conn, workspace, email_key).await?;
    let event_types: BTreeSet<&EventTypeId> = rows.iter().map(|row| &row.event_type_id).collect();
    for event_type in event_types {
        event_types::lock(&mut conn, event_type).await?;
    }
    // Again, under the locks: a move may have come between.
    let rows = everything::appointments(&mut conn, workspace, email_key).await?;
    let person = Person::load(&mut conn, visitor, &rows).await?;

    // First: a worker that is writing letters about the person has either ended or loses what it wrote.
    traces::take_back_jobs(&mut conn, workspace, email_key, now).await?;
    traces::delete_messages(&mut conn, workspace, email_key).await?;
    traces::delete_deliveries(&mut conn, workspace, email_key).await?;
    flags::forget(&mut conn, workspace, email_key).await?;
    traces::delete_orders(&mut conn, workspace, email_key).await?;
    traces::delete_portal(&mut conn, workspace, email_key).await?;
    for invitee in &before.guest_of {
        let Some(row) = invitees::by_id(&mut conn, workspace, invitee).await? else { continue };
        let guests = row.guests()?;
        let others: Vec<String> =
            guests.iter().filter(|guest| !is_address(guest, email_key)).cloned().collect();
        if others.len() < guests.len() {
            invitees::set_guests(&mut conn, invitee, &others, now).await?;
        }
    }
    scrub(&mut conn, workspace, &person, &before.mentions).await?;
    let mut walk = Walk::begin(&mut conn, workspace, micros(now - OVERLAP)).await?;
    while let Some((place, page)) = walk.next(&mut conn).await? {
        for row in &page {
            scrub_row(&mut conn, workspace, &person, place, row).await?;
        }
    }

    for row in &rows {
        let nobody = crypto::hash(&crypto::random_token());
        traces::anonymise(&mut conn, workspace, &row.id, &nobody, now).await?;
        let subject = format!("invitee:{}", row.id);
        note(&mut conn, workspace, &subject, "invitee.erased", &subject, now).await?;
    }
    let is_coming = |row: &&WholeRow| row.status().holds_time() && instant(row.start_at) > now;
    let mut cancelled = 0;
    for row in rows.iter().filter(is_coming) {
        leave::withdraw(&mut conn, workspace, &row.id, REASON, now).await?;
        cancelled += 1;
    }
    // Entries in the hosts' own calendars, too, as far as they are connected.
    for row in &rows {
        sync::write_again(&mut conn, &BookingId::try_from(row.booking_id.clone())?, now).await?;
    }
    for invitee in &before.guest_of {
        if let Some(row) = invitees::by_id(&mut conn, workspace, invitee).await? {
            sync::write_again(&mut conn, &row.booking_id, now).await?;
        }
    }
    conn.commit().await?;
    Ok((Deleted { cancelled, kept: rows.len() - cancelled }, person))
}

/// Looks once more at what was still being tried while the person was deleted.
async fn sweep(
    context: &Context,
    visitor: &Visitor,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let late = mentions(context, visitor, person, micros(now - TRIED_FOR)).await?;
    if !late.is_empty() {
        let mut conn = context.db.write().await?;
        scrub(&mut conn, &visitor.workspace.id, person, &late).await?;
        conn.commit().await?;
    }
    Ok(())
}

/// The rows that mention the person, from a time on (epoch microseconds). Others get the connection between pages.
async fn mentions(
    context: &Context,
    visitor: &Visitor,
    person: &Person,
    from: i64,
) -> Result<Vec<(Place, String)>, StoreError> {
    let mut walk = Walk::begin(&mut context.db.read().await?, &visitor.workspace.id, from).await?;
    let mut found = Vec::new();
    while let Some((place, page)) = walk.next(&mut context.db.read().await?).await? {
        let mentioning = page.into_iter().filter(|row| person.taken_out_of(place, row).is_some());
        found.extend(mentioning.map(|row| (place, row.id)));
    }
    Ok(found)
}

/// Takes the person out of rows, as they are now.
async fn scrub(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    person: &Person,
    rows: &[(Place, String)],
) -> Result<(), StoreError> {
    for (place, id) in rows {
        if let Some(row) = traces::by_id(conn, *place, workspace, id).await? {
            scrub_row(conn, workspace, person, *place, &row).await?;
        }
    }
    Ok(())
}

async fn scrub_row(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    person: &Person,
    place: Place,
    row: &Trace,
) -> Result<(), StoreError> {
    match person.taken_out_of(place, row) {
        Some(rewritten) => traces::rewrite(conn, place, workspace, &rewritten).await,
        None => Ok(()),
    }
}

/// A walk through every place where someone may be mentioned, page by page.
#[derive(Debug)]
struct Walk<'a> {
    workspace: &'a WorkspaceId,
    from: i64,
    left: VecDeque<(Place, String)>,
    after: (i64, String),
}

impl<'a> Walk<'a> {
    async fn begin(conn: &mut Conn, workspace: &'a WorkspaceId, from: i64) -> Result<Self, StoreError> {
        let mut left = VecDeque::new();
        for place in Place::ALL {
            let shelves = traces::shelves(conn, place, workspace).await?;
            left.extend(shelves.into_iter().map(|shelf| (place, shelf)));
        }
        Ok(Self { workspace, from, left, after: (from, String::new()) })
    }

    async fn next(&mut self, conn: &mut Conn) -> Result<Option<(Place, Vec<Trace>)>, StoreError> {
        let Some((place, shelf)) = self.left.front() else { return Ok(None) };
        let (place, after) = (*place, (self.after.0, self.after.1.as_str()));
        let page = traces::page(conn, place, self.workspace, shelf, after, PAGE).await?;
        match page.last() {
            Some(last) => self.after = (last.at, last.key.clone()),
            None => {
                self.left.pop_front();
                self.after = (self.from, String::new());
            }
        }
        Ok(Some((place, page)))
    }
}
