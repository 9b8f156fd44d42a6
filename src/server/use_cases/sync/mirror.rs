//! What stands in which calendars.

use crate::{
    domain::ids::{BookingId, CalendarId, ConnectionId, MemberId, MirrorId, WorkspaceId},
    server::{
        ids,
        store::{Conn, StoreError, calendar_events::EventRow, mirrors, sync},
    },
};
use chrono::{DateTime, Utc};

/// A booking changed: has its entries written, in the caller's transaction. Of hosts who take part no longer they are taken
/// away.
pub(crate) async fn reflect(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    hosts: &[MemberId],
    holds_time: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = mirrors::of_booking(conn, booking).await?;
    let mut connections = mirrors::want_all(conn, booking, now).await?;
    if holds_time {
        for host in hosts {
            let Some(calendar) = mirrors::receiver(conn, host).await? else { continue };
            if known.iter().any(|mirror| mirror.calendar_id == calendar.id) {
                continue;
            }
            let id: MirrorId = ids::new(now)?;
            mirrors::want(conn, &id, workspace, &calendar, booking, now).await?;
            connections.extend(mirrors::connection_of(conn, &id).await?.map(String::from));
        }
    }
    for connection in connections {
        sync::hint(conn, &ConnectionId::try_from(connection)?, now).await?;
    }
    Ok(())
}

/// An event of a member's own changed: has it written to the calendar that it is kept in, and taken away from others, in the
/// caller's transaction.
pub(crate) async fn reflect_event(
    conn: &mut Conn,
    event: &EventRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = mirrors::of_event(conn, &event.id).await?;
    let mut calendars: Vec<CalendarId> = Vec::new();
    for mirror in known {
        if mirror.remote_id.is_some() || mirror.tried || event.is_kept_in(&mirror.calendar_id) {
            mirrors::want_again(conn, &mirror.id, now).await?;
            calendars.push(mirror.calendar_id);
        }
    }
    if let (Some(calendar), None) = (&event.calendar_id, event.deleted_at) {
        let calendar = CalendarId::try_from(calendar.clone())?;
        if !calendars.contains(&calendar) {
            let id: MirrorId = ids::new(now)?;
            let (workspace, member) = (&event.workspace_id, &event.member_id);
            mirrors::want_event(conn, &id, workspace, member, &calendar, &event.id, now).await?;
            calendars.push(calendar);
        }
    }
    for calendar in calendars {
        if let Some(row) = sync::calendar(conn, &calendar).await? {
            sync::hint(conn, &row.connection_id, now).await?;
        }
    }
    Ok(())
}

/// Has the entries of a booking written again as they should be, in the caller's transaction.
pub(crate) async fn write_again(
    conn: &mut Conn,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for connection in mirrors::want_all(conn, booking, now).await? {
        sync::hint(conn, &ConnectionId::try_from(connection)?, now).await?;
    }
    Ok(())
}

/// Another calendar of a member receives their bookings now, or none does: has those that are still to come written to it,
/// and taken away where they were.
pub(crate) async fn receiver_changed(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for booking in sync::to_come(conn, member, now).await? {
        reflect(conn, workspace, &booking, std::slice::from_ref(member), true, now).await?;
    }
    Ok(())
}

/// Does this member's own calendar get their bookings? Then the mail about it brings no second entry.
pub(crate) async fn has_receiver(conn: &mut Conn, member: &MemberId) -> Result<bool, StoreError> {
    Ok(mirrors::receiver(conn, member).await?.is_some_and(|calendar| calendar.state == "ok"))
}

/// The first of these hosts whose provider invites the invitee; then we don't.
pub(super) async fn inviting(conn: &mut Conn, hosts: &[MemberId]) -> Result<Option<MemberId>, StoreError> {
    for host in hosts {
        let calendar = mirrors::receiver(conn, host).await?;
        if calendar.is_some_and(|calendar| calendar.invites == "provider" && calendar.state == "ok") {
            return Ok(Some(host.clone()));
        }
    }
    Ok(None)
}

/// Does the provider of one of these hosts invite the invitee?
pub(crate) async fn provider_invites(conn: &mut Conn, hosts: &[MemberId]) -> Result<bool, StoreError> {
    Ok(inviting(conn, hosts).await?.is_some())
}
