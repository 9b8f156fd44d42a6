//! Approving and declining pending bookings, in the app or from a link in a mail; and what happens when nobody does.

use super::{
    announce::{Actor, BookingChange, Happened},
    bookings::sees,
    note,
};
use crate::{
    api::AppError,
    domain::{
        appointment::BookingStatus,
        ids::{BookingId, EventTypeId, MemberId, WorkspaceId},
        text::many_lines,
        zone::ZoneRules,
    },
    server::{
        context::Context,
        crypto,
        jobs::{self, Job},
        store::{
            Conn, StoreError, attendees, bookings, busy, event_types, instant, invitees, members::SignedIn,
        },
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It takes place.
    Approve,
    /// It does not.
    Decline,
}

/// Lets a pending booking hold its time until `expires`.
pub(super) async fn hold_until(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    expires: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    bookings::set_expiry(conn, workspace, booking, Some(expires)).await?;
    let key = format!("expire:{booking}:{}", expires.timestamp_micros());
    jobs::enqueue(conn, workspace, &Job::Expire { booking: booking.clone() }, expires, Some(&key), now)
        .await?;
    Ok(())
}

/// A sentence where there is no field that it could stand beside.
fn refuse<T>(sentence: &str) -> Result<T, AppError> {
    Err(AppError::field("booking", sentence))
}

/// Decides on a pending booking, on behalf of a member who may. `seen` is the state of it that they looked at.
#[expect(clippy::too_many_arguments, reason = "each is one fact of the decision")]
async fn decide(
    context: &Context,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    decision: Decision,
    seen: Option<i64>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let reason = many_lines(reason, 1_000).map_err(|error| AppError::field("reason", error.0))?;
    let mut conn = context.db.write().await?;
    let unknown = AppError::UnknownAppointment;
    let row = bookings::get(&mut conn, workspace, booking).await?.ok_or_else(|| unknown.clone())?;
    event_types::lock(&mut conn, &row.event_type_id).await?;
    // Again, under the lock: someone else may have decided.
    let row = bookings::get(&mut conn, workspace, booking).await?.ok_or(unknown)?;
    match row.status {
        BookingStatus::Pending => {}
        BookingStatus::Confirmed => return refuse("It is approved already."),
        BookingStatus::Declined => return refuse("It was declined already, or nobody decided in time."),
        BookingStatus::Cancelled => return refuse("It was cancelled meanwhile."),
    }
    if row.expires_at.is_some_and(|expires| instant(expires) <= now) || instant(row.start_at) <= now {
        return refuse("The time for deciding is over. The booking is being declined.");
    }
    // Nobody approves a time that they have not seen.
    if seen.is_some_and(|seen| seen != row.sequence) {
        return refuse("It was changed meanwhile. Please look at it again.");
    }
    let (status, what, action) = match decision {
        Decision::Approve => (BookingStatus::Confirmed, Happened::Approved, "booking.approved"),
        Decision::Decline => (BookingStatus::Declined, Happened::Declined, "booking.declined"),
    };
    let by = Actor::Member(member.clone());
    settle(&mut conn, workspace, booking, status, what, by, &reason, now).await?;
    let (actor, subject) = (format!("member:{member}"), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, action, &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Ends the waiting of a booking, one way or the other, and says so.
#[expect(clippy::too_many_arguments, reason = "each is one fact of the end")]
async fn settle(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    status: BookingStatus,
    what: Happened,
    by: Actor,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let invitees = invitees::ids(conn, workspace, booking).await?;
    if status == BookingStatus::Confirmed {
        invitees::bump_all(conn, booking, now).await?;
    } else {
        event_types::uncount_booking(conn, booking.as_str()).await?;
        busy::delete_claims(conn, booking).await?;
        invitees::decline_all(conn, booking, reason, now).await?;
    }
    bookings::set_status(conn, workspace, booking, status, now).await?;
    bookings::set_expiry(conn, workspace, booking, None).await?;
    let mut change = BookingChange::now(conn, workspace, what, by, booking, &invitees).await?;
    change.reason = reason.to_owned();
    change.enqueue(conn, workspace, now).await
}

/// Declines a booking that nobody decided on in time, in the caller's transaction. Nothing to do for one that was decided
/// on, or whose hold was set anew.
pub(crate) async fn expire(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(row) = bookings::get(conn, workspace, booking).await? else { return Ok(()) };
    event_types::lock(conn, &row.event_type_id).await?;
    let Some(row) = bookings::get(conn, workspace, booking).await? else { return Ok(()) };
    let over = row.expires_at.is_some_and(|expires| instant(expires) <= now);
    if row.status != BookingStatus::Pending || !over {
        return Ok(());
    }
    let (status, what) = (BookingStatus::Declined, Happened::Expired);
    settle(conn, workspace, booking, status, what, Actor::System, "", now).await?;
    note(conn, workspace, "system", "booking.expired", &format!("booking:{booking}"), now).await
}

/// Decides as a signed-in member: staff on bookings that they take part in, managers and admins on all.
pub async fn decide_in_app(
    context: &Context,
    me: &SignedIn,
    booking: &str,
    decision: Decision,
    seen: Option<i64>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let booking = BookingId::try_from(booking.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    let mut conn = context.db.read().await?;
    if !sees(&mut conn, me, &booking).await? {
        return Err(AppError::UnknownAppointment);
    }
    drop(conn);
    decide(context, &me.workspace_id, &booking, &me.member_id, decision, seen, reason, now).await
}

/// What the page behind a link in a mail shows.
#[derive(Debug)]
pub struct DecisionPage {
    /// The workspace's name.
    pub workspace: String,
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// The zone that times are shown in: the workspace's.
    pub zone: Arc<ZoneRules>,
    /// Who asked: name, address and what they wrote.
    pub invitees: Vec<(String, String, String)>,
    /// Where it stands.
    pub status: BookingStatus,
    /// Until when it can be decided on.
    pub expires: Option<DateTime<Utc>>,
    /// Which state of the booking this is; a decision names it.
    pub sequence: i64,
}

/// The booking and the member behind the token of a link: `{booking}.{member}.{token}`.
async fn behind(
    conn: &mut Conn,
    context: &Context,
    token: &str,
) -> Result<(WorkspaceId, BookingId, MemberId), AppError> {
    let unknown = || AppError::UnknownAppointment;
    let mut parts = token.splitn(3, '.');
    let mut part = || parts.next().map(str::to_owned).unwrap_or_default();
    let booking = BookingId::try_from(part()).map_err(|_| unknown())?;
    let member = MemberId::try_from(part()).map_err(|_| unknown())?;
    if !crypto::same(&part(), &context.secret.decision_token(&booking, &member)) {
        return Err(unknown());
    }
    // A link of someone who takes part no more decides nothing.
    let workspace = attendees::workspace_of(conn, &booking, &member).await?.ok_or_else(unknown)?;
    Ok((workspace, booking, member))
}

/// The page behind a link in a mail; opening it changes nothing.
pub async fn decision_page(context: &Context, token: &str) -> Result<DecisionPage, AppError> {
    let mut conn = context.db.read().await?;
    let (workspace, booking, _) = behind(&mut conn, context, token).await?;
    let row = bookings::get(&mut conn, &workspace, &booking).await?.ok_or(AppError::UnknownAppointment)?;
    let event_type: EventTypeId = row.event_type_id;
    let event_type =
        event_types::by_id(&mut conn, &workspace, &event_type).await?.ok_or(AppError::UnknownAppointment)?;
    let mut invitees = Vec::new();
    for id in invitees::ids(&mut conn, &workspace, &booking).await? {
        if let Some(invitee) = invitees::by_id(&mut conn, &workspace, &id).await? {
            invitees.push((invitee.name, invitee.email, invitee.notes));
        }
    }
    let zone = zones::rules(&event_type.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let (start, end) = (instant(row.start_at), instant(row.end_at));
    let month = TimeDelta::days(31);
    Ok(DecisionPage {
        workspace: event_type.workspace_name,
        service: event_type.name,
        start,
        end,
        zone: Arc::new(zones::cut(&zone, start - month, end + month)),
        invitees,
        status: row.status,
        expires: row.expires_at.map(instant),
        sequence: row.sequence,
    })
}

/// Decides by the link in a mail.
pub async fn decide_by_link(
    context: &Context,
    token: &str,
    decision: Decision,
    seen: Option<i64>,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let mut conn = context.db.read().await?;
    let (workspace, booking, member) = behind(&mut conn, context, token).await?;
    drop(conn);
    decide(context, &workspace, &booking, &member, decision, seen, reason, now).await
}
