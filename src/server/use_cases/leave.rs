//! What an invitee does with an appointment besides moving it: cancelling it, and changing whom they bring along.

use super::{
    announce::{Actor, BookingChange, Happened},
    note, order,
};
use crate::{
    api::AppError,
    domain::{
        appointment::{BookingStatus, CantChange, Change},
        ids::{InviteeId, WorkspaceId},
        text::{EmailAddress, many_lines},
    },
    server::{
        context::Context,
        crypto,
        store::{
            Conn, StoreError, bookings, busy, event_types, instant,
            invitees::{self, AppointmentRow},
            messages,
        },
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// Ends a booking that nobody is left in, and gives its time back. Returns whether it did.
pub(super) async fn end_if_empty(
    conn: &mut Conn,
    row: &AppointmentRow,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if invitees::count_active(conn, &row.booking_id).await? > 0 {
        bookings::bump(conn, &row.workspace_id, &row.booking_id, now).await?;
        return Ok(false);
    }
    event_types::uncount_booking(conn, row.booking_id.as_str()).await?;
    busy::delete_claims(conn, &row.booking_id).await?;
    bookings::set_status(conn, &row.workspace_id, &row.booking_id, BookingStatus::Cancelled, now).await?;
    Ok(true)
}

/// Cancels an invitee's appointment.
pub async fn cancel(
    context: &Context,
    token: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let reason = many_lines(reason, 1_000).map_err(|error| AppError::field("reason", error.0))?;
    let token_hash = crypto::hash(token);
    let mut rounds = 0;
    loop {
        match cancel_once(context, &token_hash, &reason, now).await {
            // It met another transaction: nothing was written.
            Err(StoreError::Again) if rounds < 5 => rounds += 1,
            done => return done?,
        }
    }
}

async fn cancel_once(
    context: &Context,
    token_hash: &[u8],
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Result<(), AppError>, StoreError> {
    let mut conn = context.db.write().await?;
    let Some(row) = locked(&mut conn, token_hash).await? else {
        return Ok(Err(AppError::UnknownAppointment));
    };
    let Some(event_type) = event_types::by_id(&mut conn, &row.workspace_id, &row.event_type_id).await? else {
        return Ok(Err(AppError::UnknownAppointment));
    };
    let policy = event_type.rules()?.policy;
    if let Err(reason) = policy.allows(Change::Cancel, row.status(), instant(row.start_at), now) {
        return Ok(Err(AppError::CantChange { change: Change::Cancel, reason }));
    }
    end(&mut conn, &row, reason, true, now).await?;
    conn.commit().await?;
    Ok(Ok(()))
}

/// The appointment behind a token, under the lock of its event type: no move comes between.
async fn locked(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<AppointmentRow>, StoreError> {
    let Some(row) = invitees::by_token(conn, token_hash).await? else { return Ok(None) };
    event_types::lock(conn, &row.event_type_id).await?;
    invitees::by_token(conn, token_hash).await
}

async fn end(
    conn: &mut Conn,
    row: &AppointmentRow,
    reason: &str,
    tell_invitees: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = &row.workspace_id;
    invitees::cancel(conn, &row.invitee_id, reason, now).await?;
    end_if_empty(conn, row, now).await?;
    let (actor, subject) = (format!("invitee:{}", row.invitee_id), format!("booking:{}", row.booking_id));
    note(conn, workspace, &actor, "booking.cancelled", &subject, now).await?;
    let invitees = [row.invitee_id.clone()];
    let mut change =
        BookingChange::now(conn, workspace, Happened::Cancelled, Actor::Invitee, &row.booking_id, &invitees)
            .await?;
    change.reason = reason.to_owned();
    change.tell_invitees = tell_invitees;
    change.enqueue(conn, workspace, now).await
}

/// Cancels an invitee's appointment whatever the policy says, in the caller's transaction, and tells its hosts only: for
/// someone who asks to be forgotten. Nothing to do for one that is over or ended.
pub async fn withdraw(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    invitee: &InviteeId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(row) = invitees::by_id(conn, workspace, invitee).await? else { return Ok(()) };
    event_types::lock(conn, &row.event_type_id).await?;
    let Some(row) = invitees::by_id(conn, workspace, invitee).await? else { return Ok(()) };
    if !row.status().holds_time() || instant(row.end_at) <= now {
        return Ok(());
    }
    end(conn, &row, reason, false, now).await
}

/// Mails that one appointment may cause in an hour, before changing it has to wait: strangers are written to on an invitee's
/// word.
const MOST_MAILS: i64 = 150;

/// Refuses a change of an appointment that has been changed too often.
pub(super) async fn too_many_mails(
    conn: &mut Conn,
    invitee: &InviteeId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    if messages::count_since(conn, invitee, now - TimeDelta::hours(1)).await? >= MOST_MAILS {
        return Err(AppError::TooMany { retry_after: 3_600 });
    }
    Ok(())
}

/// Changes whom an invitee brings along: addresses separated by commas, or none.
pub async fn change_guests(
    context: &Context,
    token: &str,
    guests: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let token_hash = crypto::hash(token);
    let mut conn = context.db.write().await?;
    let row = locked(&mut conn, &token_hash).await?.ok_or(AppError::UnknownAppointment)?;
    let cant = |reason| AppError::CantChange { change: Change::Move, reason };
    if !row.status().holds_time() {
        return Err(cant(CantChange::Ended));
    }
    if instant(row.start_at) <= now {
        return Err(cant(CantChange::Past));
    }
    let event_type = event_types::by_id(&mut conn, &row.workspace_id, &row.event_type_id)
        .await?
        .ok_or(AppError::UnknownAppointment)?;
    let own = EmailAddress::parse(&row.email).ok();
    let guests = order::guests(guests, event_type.rules()?.guests, own.as_ref())
        .map_err(|sentence| AppError::field("guests", sentence))?;
    let former = row.guests()?;
    if guests == former {
        return Ok(());
    }
    too_many_mails(&mut conn, &row.invitee_id, now).await?;
    let workspace = &row.workspace_id;
    invitees::set_guests(&mut conn, &row.invitee_id, &guests, now).await?;
    bookings::bump(&mut conn, workspace, &row.booking_id, now).await?;
    let (actor, subject) = (format!("invitee:{}", row.invitee_id), format!("booking:{}", row.booking_id));
    note(&mut conn, workspace, &actor, "booking.guests", &subject, now).await?;
    let invitees = [row.invitee_id.clone()];
    let booking = &row.booking_id;
    let mut change =
        BookingChange::now(&mut conn, workspace, Happened::Guests, Actor::Invitee, booking, &invitees)
            .await?;
    change.former_guests = former;
    change.enqueue(&mut conn, workspace, now).await?;
    conn.commit().await?;
    Ok(())
}
