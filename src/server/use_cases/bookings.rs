//! The owner's page: what is coming, and what can be booked.

use super::{
    announce::{Actor, BookingChange, Happened},
    note,
    sync::outside,
};
use crate::{
    api::{
        AppError,
        staff::{BookingsPage, EventTypeRow, HostLine, InviteeLine, Me, UpcomingBooking},
    },
    domain::{
        appointment::{BookingStatus, CantChange, Change},
        event_type::Visibility,
        ids::{BookingId, InviteeId, MemberId, WorkspaceId},
        text::many_lines,
    },
    server::{
        context::Context,
        store::{
            Conn, StoreError, attendees, bookings, busy, event_types, instant, invitees, mail_settings,
            members::SignedIn, messages,
        },
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// Bookings on one page.
const PAGE: usize = 50;
/// How long a booking that is over stays on the page, in days, and how many of them.
const RECENT_DAYS: i64 = 7;
const RECENT: i64 = 20;

/// A place in the list: start in epoch microseconds, then the id.
fn cursor(text: &str) -> (i64, &str) {
    let known = |id: &str| BookingId::try_from(id.to_owned()).is_ok();
    text.split_once('.')
        .filter(|(_, id)| known(id))
        .and_then(|(start, id)| Some((start.parse().ok()?, id)))
        .unwrap_or((i64::MIN, ""))
}

/// Whose bookings a member deals with: staff with their own, managers and admins with all (empty).
fn only(me: &SignedIn) -> &str {
    if me.role == "staff" { me.member_id.as_str() } else { "" }
}

/// May this member see and change this booking?
pub(super) async fn sees(conn: &mut Conn, me: &SignedIn, booking: &BookingId) -> Result<bool, AppError> {
    if bookings::by_id(conn, &me.workspace_id, booking).await?.is_none() {
        return Ok(false);
    }
    if only(me).is_empty() {
        return Ok(true);
    }
    let attendees = attendees::names(conn, booking).await?;
    Ok(attendees.iter().any(|(member, _)| member == only(me)))
}

/// A booking as the list shows it.
async fn line(conn: &mut Conn, me: &SignedIn, row: bookings::ListedRow) -> Result<UpcomingBooking, AppError> {
    let id = BookingId::try_from(row.id.clone())?;
    let hosts = attendees::of_booking(conn, &id).await?;
    let several = hosts.len() > 1;
    let mine = hosts.iter().find(|host| host.member_id == me.member_id).filter(|_| several);
    let my_rsvp = mine.map(|host| host.rsvp.clone());
    let mut invitees = Vec::new();
    for invitee in invitees::ids(conn, &me.workspace_id, &id).await? {
        if let Some(row) = invitees::by_id(conn, &me.workspace_id, &invitee).await? {
            invitees.push(InviteeLine {
                id: invitee.into(),
                name: row.name,
                email: row.email,
                no_show: row.no_show,
            });
        }
    }
    Ok(UpcomingBooking {
        pending: row.status == BookingStatus::Pending.as_str(),
        expires: row.expires_at.map(instant),
        sequence: row.sequence,
        hosts: hosts.into_iter().map(|host| HostLine { name: host.name, rsvp: host.rsvp }).collect(),
        invitees,
        undelivered: messages::undelivered(conn, &me.workspace_id, &id).await?,
        flags: outside::lines(conn, &me.workspace_id, &id).await?,
        my_rsvp,
        id: row.id,
        service: row.service,
        start: instant(row.start_at),
        end: instant(row.end_at),
        seats: u32::try_from(row.seats).unwrap_or(1),
    })
}

/// The owner's page, from a place in the list on.
pub async fn page(
    context: &Context,
    me: &SignedIn,
    after: &str,
    now: DateTime<Utc>,
) -> Result<BookingsPage, AppError> {
    let mut conn = context.db.read().await?;
    let workspace = &me.workspace_id;
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut listed = bookings::upcoming(&mut conn, workspace, now, cursor(after), only(me), most).await?;
    let more = listed.len() > PAGE;
    listed.truncate(PAGE);
    let next = listed.last().filter(|_| more).map(|row| format!("{}.{}", row.start_at, row.id));
    let mut upcoming = Vec::with_capacity(listed.len());
    for row in listed {
        upcoming.push(line(&mut conn, me, row).await?);
    }
    let mut recent = Vec::new();
    if after.is_empty() {
        let since = now - TimeDelta::days(RECENT_DAYS);
        for row in bookings::ended(&mut conn, workspace, since, now, only(me), RECENT).await? {
            recent.push(line(&mut conn, me, row).await?);
        }
    }
    let mut mail_trouble = None;
    if me.role == "admin"
        && let Some(trouble) = mail_settings::current_trouble(&mut conn, workspace).await?
    {
        mail_trouble = Some((trouble.error, messages::waiting(&mut conn, workspace).await?));
    }
    let mut event_types = Vec::new();
    let own = event_types::of_member(&mut conn, &me.member_id).await?;
    for row in event_types::all(&mut conn, workspace).await? {
        if !only(me).is_empty() && !own.iter().any(|(id,)| id == row.id.as_str()) {
            continue;
        }
        let mut path = format!("/book/{}/{}", row.workspace_slug, row.slug);
        if row.visibility() == Visibility::Private {
            path = format!("{path}?key={}", context.secret.event_type_key(&row.id));
        }
        event_types.push(EventTypeRow {
            lengths: row.rules()?.lengths,
            visibility: row.visibility(),
            active: row.active,
            name: row.name,
            path,
        });
    }
    let zone = zones::rules(&me.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let last = upcoming.last().map_or(now, |booking: &UpcomingBooking| booking.end);
    Ok(BookingsPage {
        me: Me {
            name: me.name.clone(),
            role: me.role.clone(),
            workspace: me.workspace_name.clone(),
            workspace_slug: me.workspace_slug.clone(),
        },
        zone: zones::cut(&zone, now - TimeDelta::days(31), last + TimeDelta::days(31)),
        upcoming,
        recent,
        mail_trouble,
        next,
        event_types,
        public_url: context.config.public_url.clone(),
        now: now.timestamp(),
        echo: None,
    })
}

/// Calls a whole booking off, whatever the policy says of invitees.
pub async fn cancel(
    context: &Context,
    me: &SignedIn,
    booking: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let unknown = AppError::UnknownAppointment;
    let booking = BookingId::try_from(booking.to_owned()).map_err(|_| unknown.clone())?;
    let reason = many_lines(reason, 1_000).map_err(|error| AppError::field("reason", error.0))?;
    let mut conn = context.db.write().await?;
    let (event_type, ..) =
        bookings::by_id(&mut conn, &me.workspace_id, &booking).await?.ok_or_else(|| unknown.clone())?;
    event_types::lock(&mut conn, &crate::domain::ids::EventTypeId::try_from(event_type)?).await?;
    if !only(me).is_empty() {
        let attendees = attendees::names(&mut conn, &booking).await?;
        if !attendees.iter().any(|(member, _)| member == only(me)) {
            return Err(unknown);
        }
    }
    // Again, under the lock.
    let (_, status, _, end) = bookings::by_id(&mut conn, &me.workspace_id, &booking).await?.ok_or(unknown)?;
    let cant = |reason| AppError::CantChange { change: Change::Cancel, reason };
    if !BookingStatus::try_from(status).is_ok_and(BookingStatus::holds_time) {
        return Err(cant(CantChange::Ended));
    }
    if instant(end) <= now {
        return Err(cant(CantChange::Past));
    }
    call_off_in(&mut conn, &me.workspace_id, &booking, &me.member_id, &reason, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Calls a booking off on behalf of a member, in the caller's transaction and under the lock of its event type.
pub(super) async fn call_off_in(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    event_types::uncount_booking(conn, booking.as_str()).await?;
    let invitees = invitees::ids(conn, workspace, booking).await?;
    invitees::cancel_all(conn, booking, reason, now).await?;
    busy::delete_claims(conn, booking).await?;
    bookings::set_status(conn, workspace, booking, BookingStatus::Cancelled, now).await?;
    let (actor, subject) = (format!("member:{member}"), format!("booking:{booking}"));
    note(conn, workspace, &actor, "booking.cancelled", &subject, now).await?;
    let by = Actor::Member(member.clone());
    let mut change = BookingChange::now(conn, workspace, Happened::Cancelled, by, booking, &invitees).await?;
    change.reason = reason.to_owned();
    change.enqueue(conn, workspace, now).await
}

/// A member answers whether they take part in a booking that everyone of several is invited to.
pub async fn answer(
    context: &Context,
    me: &SignedIn,
    booking: &str,
    coming: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let booking = BookingId::try_from(booking.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.write().await?;
    let row = bookings::get(&mut conn, workspace, &booking).await?.ok_or(AppError::UnknownAppointment)?;
    event_types::lock(&mut conn, &row.event_type_id).await?;
    let row = bookings::get(&mut conn, workspace, &booking).await?.ok_or(AppError::UnknownAppointment)?;
    if !row.status.holds_time() || instant(row.end_at) <= now {
        return Err(AppError::field("booking", "It is over, or does not take place."));
    }
    let hosts = attendees::of_booking(&mut conn, &booking).await?;
    let mine = hosts.iter().find(|host| host.member_id == me.member_id);
    let mine = mine.ok_or(AppError::UnknownAppointment)?;
    let rsvp = if coming { "confirmed" } else { "declined" };
    if mine.rsvp == rsvp {
        return Ok(());
    }
    attendees::set_rsvp(&mut conn, workspace, &booking, &me.member_id, rsvp).await?;
    let invitees = invitees::ids(&mut conn, workspace, &booking).await?;
    let by = Actor::Member(me.member_id.clone());
    let change = BookingChange::now(&mut conn, workspace, Happened::Rsvp, by, &booking, &invitees).await?;
    change.enqueue(&mut conn, workspace, now).await?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, "booking.rsvp", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Notes that an invitee did not come, or did after all; once the appointment has begun.
pub async fn no_show(
    context: &Context,
    me: &SignedIn,
    invitee: &str,
    missing: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let invitee = InviteeId::try_from(invitee.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.write().await?;
    let row = invitees::by_id(&mut conn, workspace, &invitee).await?.ok_or(AppError::UnknownAppointment)?;
    if !sees(&mut conn, me, &row.booking_id).await? {
        return Err(AppError::UnknownAppointment);
    }
    if row.status() != BookingStatus::Confirmed || instant(row.start_at) > now {
        return Err(AppError::field("booking", "It has not begun, or did not take place."));
    }
    if !invitees::set_no_show(&mut conn, workspace, &invitee, missing, now).await? {
        return Ok(());
    }
    let by = Actor::Member(me.member_id.clone());
    let (booking, invitees) = (&row.booking_id, [invitee.clone()]);
    let change = BookingChange::now(&mut conn, workspace, Happened::NoShow, by, booking, &invitees).await?;
    change.enqueue(&mut conn, workspace, now).await?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("invitee:{invitee}"));
    note(&mut conn, workspace, &actor, "booking.no_show", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}
