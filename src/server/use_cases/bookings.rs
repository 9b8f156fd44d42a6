//! The owner's page: what is coming, and what can be booked.

use super::note;
use crate::{
    api::{
        AppError,
        staff::{BookingsPage, EventTypeRow, Me, UpcomingBooking},
    },
    domain::{
        appointment::{BookingStatus, CantChange, Change},
        event_type::Visibility,
        ids::BookingId,
        text::many_lines,
    },
    server::{
        context::Context,
        store::{bookings, busy, event_types, instant, members::SignedIn},
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// Bookings on one page.
const PAGE: usize = 50;

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
        let id = BookingId::try_from(row.id.clone())?;
        upcoming.push(UpcomingBooking {
            hosts: bookings::attendees(&mut conn, &id).await?.into_iter().map(|(_, name)| name).collect(),
            invitees: bookings::invitees(&mut conn, &id).await?,
            id: row.id,
            service: row.service,
            start: instant(row.start_at),
            end: instant(row.end_at),
            seats: u32::try_from(row.seats).unwrap_or(1),
        });
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
    let last = upcoming.last().map_or(now, |booking| booking.end);
    Ok(BookingsPage {
        me: Me {
            name: me.name.clone(),
            role: me.role.clone(),
            workspace: me.workspace_name.clone(),
            workspace_slug: me.workspace_slug.clone(),
        },
        zone: zones::cut(&zone, now - TimeDelta::days(31), last + TimeDelta::days(31)),
        upcoming,
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
        let attendees = bookings::attendees(&mut conn, &booking).await?;
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
    event_types::uncount_booking(&mut conn, booking.as_str()).await?;
    bookings::cancel_invitees(&mut conn, &booking, &reason, now).await?;
    busy::delete_claims(&mut conn, &booking).await?;
    bookings::set_status(&mut conn, &me.workspace_id, &booking, BookingStatus::Cancelled, now).await?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("booking:{booking}"));
    note(&mut conn, &me.workspace_id, &actor, "booking.cancelled", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}
