//! What follows here from what was done in a calendar outside, and what a person does about a flag.

use super::row_id;
use crate::{
    api::{AppError, staff::FlagLine},
    domain::{
        appointment::BookingStatus,
        ids::{BookingId, MirrorId, RowId, WorkspaceId},
        interval::Interval,
    },
    server::{
        context::Context,
        store::{
            Conn, StoreError, attendees, bookings, busy, event_types,
            flags::{self, NewFlag},
            instant, invitees,
            members::SignedIn,
            mirrors::{self, MirrorRow, Seen},
            sync,
        },
        use_cases::{
            announce::{Actor, BookingChange, Happened},
            approvals,
            bookings::{call_off_in, sees},
            note,
            plan::{Address, Plan},
        },
    },
};
use chrono::{DateTime, Utc};

/// How often a transaction that met another one is run again.
const ROUNDS: u32 = 6;

/// What came of moving a booking after its entry.
pub(super) enum Moved {
    /// It has the new time.
    Done,
    /// That time is taken by another booking.
    Overlaps(BookingId),
    /// That time is over.
    TooLate,
    /// The booking does not take place any more.
    NoMore,
}

/// The flags that say what a calendar shows instead of a booking's time: one at a time is true.
const TIMES: [&str; 4] = ["moved_outside", "deleted_outside", "changed_outside", "overlap"];

/// Raises a flag at a mirror's booking, in the place of what its calendar showed before.
pub(super) async fn raise(
    conn: &mut Conn,
    mirror: &MirrorRow,
    kind: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for former in TIMES.iter().filter(|former| TIMES.contains(&kind) && **former != kind) {
        flags::lower(conn, mirror.booking()?, &mirror.member_id, former).await?;
    }
    raise_at(conn, mirror, mirror.booking()?, kind, detail, now).await
}

/// Raises a flag about a mirror's calendar at another booking.
pub(super) async fn raise_at(
    conn: &mut Conn,
    mirror: &MirrorRow,
    booking: &BookingId,
    kind: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id = row_id(now)?;
    let flag = NewFlag {
        id: id.as_str(),
        workspace: &mirror.workspace_id,
        booking,
        member: &mirror.member_id,
        kind,
        detail,
    };
    flags::raise(conn, &flag, now).await
}

/// The entry and its booking agree about the time again.
pub(super) async fn lower_times(conn: &mut Conn, mirror: &MirrorRow) -> Result<(), StoreError> {
    for kind in TIMES {
        flags::lower(conn, mirror.booking()?, &mirror.member_id, kind).await?;
    }
    Ok(())
}

/// Moves a booking to the time that its entry shows. Its owner decided so: hours, notice and limits of the service don't
/// bind them; other bookings do.
pub(super) async fn move_booking(
    context: &Context,
    mirror: &MirrorRow,
    time: Interval,
    etag: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Moved, StoreError> {
    let mut rounds = 0;
    loop {
        match move_once(context, mirror, time, etag, now).await {
            Err(StoreError::Again) if rounds < ROUNDS => rounds += 1,
            Err(StoreError::Overlap) => {
                let mut conn = context.db.read().await?;
                let Some(claim) = claim(&mut conn, context, mirror, time).await? else {
                    return Ok(Moved::NoMore);
                };
                match mirrors::claimed_by(&mut conn, &mirror.member_id, claim, mirror.booking()?).await? {
                    Some(other) => return Ok(Moved::Overlaps(other)),
                    // It is gone again.
                    None if rounds < ROUNDS => rounds += 1,
                    None => return Err(StoreError::Again),
                }
            }
            done => return done,
        }
    }
}

/// The time that a booking takes from its hosts at another time, buffers included.
async fn claim(
    conn: &mut Conn,
    context: &Context,
    mirror: &MirrorRow,
    time: Interval,
) -> Result<Option<Interval>, StoreError> {
    let workspace = &mirror.workspace_id;
    let Some(row) = bookings::get(conn, workspace, mirror.booking()?).await? else { return Ok(None) };
    let address = Address::Row { workspace, event_type: &row.event_type_id };
    Ok(Plan::load(conn, &context.secret, address).await.ok().map(|plan| plan.claim(time)))
}

async fn move_once(
    context: &Context,
    mirror: &MirrorRow,
    time: Interval,
    etag: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Moved, StoreError> {
    if time.start() <= now {
        return Ok(Moved::TooLate);
    }
    let (workspace, booking, member) = (&mirror.workspace_id, mirror.booking()?, &mirror.member_id);
    let mut conn = context.db.write().await?;
    let Some(row) = bookings::get(&mut conn, workspace, booking).await? else { return Ok(Moved::NoMore) };
    event_types::lock(&mut conn, &row.event_type_id).await?;
    // Again, under the lock.
    let Some(row) = bookings::get(&mut conn, workspace, booking).await? else { return Ok(Moved::NoMore) };
    if !row.status.holds_time() {
        return Ok(Moved::NoMore);
    }
    let Some(claim) = claim(&mut conn, context, mirror, time).await? else { return Ok(Moved::NoMore) };
    let hosts = attendees::of_booking(&mut conn, booking).await?;
    let mut hosts: Vec<_> = hosts.into_iter().map(|host| host.member_id).collect();
    hosts.sort();
    busy::delete_claims(&mut conn, booking).await?;
    bookings::set_time(&mut conn, workspace, booking, time, now).await?;
    for host in &hosts {
        busy::insert_claim(&mut conn, workspace, booking, host, claim).await?;
    }
    let was = instant(row.start_at);
    let invitees = invitees::ids(&mut conn, workspace, booking).await?;
    for invitee in &invitees {
        invitees::move_to(&mut conn, invitee, booking, was, now).await?;
    }
    if let (BookingStatus::Pending, Some(expires)) = (row.status, row.expires_at) {
        let expires = instant(expires).min(time.start());
        approvals::hold_until(&mut conn, workspace, booking, expires, now).await?;
    }
    let by = Actor::Member(member.clone());
    let mut change =
        BookingChange::now(&mut conn, workspace, Happened::Moved, by, booking, &invitees).await?;
    change.was = Some(was);
    change.former_hosts = hosts;
    change.enqueue(&mut conn, workspace, now).await?;
    let (actor, subject) = (format!("member:{member}"), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, "booking.moved_outside", &subject, now).await?;
    let seen = Seen { remote_id: mirror.remote_id.as_deref(), etag, state: "live", time: Some(time) };
    mirrors::set_seen(&mut conn, &mirror.id, &seen, now).await?;
    lower_times(&mut conn, mirror).await?;
    conn.commit().await?;
    Ok(Moved::Done)
}

/// Calls a booking off because its host deleted its entry.
pub(super) async fn call_off(
    context: &Context,
    mirror: &MirrorRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut rounds = 0;
    loop {
        match call_off_once(context, mirror, now).await {
            Err(StoreError::Again) if rounds < ROUNDS => rounds += 1,
            done => return done,
        }
    }
}

async fn call_off_once(context: &Context, mirror: &MirrorRow, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (workspace, booking, member) = (&mirror.workspace_id, mirror.booking()?, &mirror.member_id);
    let mut conn = context.db.write().await?;
    let Some(row) = bookings::get(&mut conn, workspace, booking).await? else { return Ok(()) };
    event_types::lock(&mut conn, &row.event_type_id).await?;
    let Some(row) = bookings::get(&mut conn, workspace, booking).await? else { return Ok(()) };
    if !row.status.holds_time() || instant(row.end_at) <= now {
        return Ok(());
    }
    call_off_in(&mut conn, workspace, booking, member, "", now).await?;
    conn.commit().await
}

/// A host answered outside. Nothing to do when that is what they answered before.
pub(super) async fn answer(
    context: &Context,
    mirror: &MirrorRow,
    rsvp: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (workspace, booking, member) = (&mirror.workspace_id, mirror.booking()?, &mirror.member_id);
    let mut conn = context.db.read().await?;
    let hosts = attendees::of_booking(&mut conn, booking).await?;
    drop(conn);
    let known = hosts.iter().find(|host| host.member_id == *member);
    if known.is_none_or(|host| host.rsvp == rsvp) {
        return Ok(());
    }
    let mut conn = context.db.write().await?;
    attendees::set_rsvp(&mut conn, workspace, booking, member, rsvp).await?;
    let invitees = invitees::ids(&mut conn, workspace, booking).await?;
    let by = Actor::Member(member.clone());
    let change = BookingChange::now(&mut conn, workspace, Happened::Rsvp, by, booking, &invitees).await?;
    change.enqueue(&mut conn, workspace, now).await?;
    let (actor, subject) = (format!("member:{member}"), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, "booking.rsvp", &subject, now).await?;
    conn.commit().await
}

/// The link of a booking's online meeting is there: everyone is told.
pub(super) async fn meeting_arrived(
    conn: &mut Conn,
    mirror: &MirrorRow,
    link: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (workspace, booking) = (&mirror.workspace_id, mirror.booking()?);
    let Some(row) = bookings::get(conn, workspace, booking).await? else { return Ok(()) };
    // Of several hosts' calendars the first link counts.
    if !row.meeting.is_empty() || !row.status.holds_time() {
        return Ok(());
    }
    mirrors::set_booking_meeting(conn, workspace, booking, link).await?;
    bookings::bump(conn, workspace, booking, now).await?;
    invitees::bump_all(conn, booking, now).await?;
    let invitees = invitees::ids(conn, workspace, booking).await?;
    let change =
        BookingChange::now(conn, workspace, Happened::Link, Actor::System, booking, &invitees).await?;
    change.enqueue(conn, workspace, now).await
}

/// The flags of a booking, as the list shows them.
pub(crate) async fn lines(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Vec<FlagLine>, StoreError> {
    let flags = flags::of_booking(conn, workspace, booking).await?;
    let line = |flag: flags::FlagRow| FlagLine {
        can_put_back: matches!(
            flag.kind.as_str(),
            "moved_outside" | "changed_outside" | "deleted_outside" | "overlap" | "unwritten"
        ),
        can_follow: flag.kind == "moved_outside",
        id: flag.id,
        member: flag.member,
        detail: flag.detail,
    };
    Ok(flags.into_iter().map(line).collect())
}

/// What a person does about a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// The calendar shall show what the booking says: its entry is written again.
    PutBack,
    /// The booking shall be where the calendar shows it: it is moved, and everyone is told.
    Follow,
    /// They know; nothing is done.
    Dismiss,
}

/// Settles the flags about one member's calendar at a booking.
pub async fn settle(
    context: &Context,
    me: &SignedIn,
    flag: &str,
    how: Settle,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let workspace = &me.workspace_id;
    let flag = RowId::try_from(flag.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    let mut conn = context.db.write().await?;
    let Some((booking, member, kind)) = flags::by_id(&mut conn, workspace, flag.as_str()).await? else {
        return Err(AppError::UnknownAppointment);
    };
    if !sees(&mut conn, me, &booking).await? {
        return Err(AppError::UnknownAppointment);
    }
    if how == Settle::Follow {
        let entries = mirrors::of_booking(&mut conn, &booking).await?;
        drop(conn);
        let moved = entries.into_iter().find(|entry| entry.member_id == member && entry.state == "apart");
        follow(context, moved.as_ref(), now).await?;
        conn = context.db.write().await?;
    }
    flags::lower(&mut conn, &booking, &member, &kind).await?;
    if how == Settle::PutBack {
        for mirror in mirrors::of_booking(&mut conn, &booking).await? {
            if mirror.member_id == member {
                again(&mut conn, &mirror.id, now).await?;
            }
        }
    }
    let (actor, subject) = (format!("member:{}", me.member_id), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, "booking.flag_settled", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Moves a booking to where its entry was moved.
async fn follow(context: &Context, moved: Option<&MirrorRow>, now: DateTime<Utc>) -> Result<(), AppError> {
    let refused = |sentence: &str| AppError::NotPossible { sentence: sentence.to_owned() };
    let to = moved.and_then(|mirror| {
        Some((mirror, Interval::new(instant(mirror.start_at?), instant(mirror.end_at?))?))
    });
    let Some((mirror, time)) = to else {
        return Err(refused("Its entry does not show one other time any more. Please look at the calendar."));
    };
    match move_booking(context, mirror, time, mirror.etag.as_deref(), now).await? {
        Moved::Done => {}
        Moved::Overlaps(_) => {
            return Err(refused("Another booking is at that time, so this one was not moved."));
        }
        Moved::TooLate => return Err(refused("That time has passed, so the booking was not moved.")),
        Moved::NoMore => return Err(refused("This booking does not take place any more.")),
    }
    // The entry took its time by itself until now; from now on its booking does.
    let mut conn = context.db.write().await?;
    super::choices_changed(&mut conn, &mirror.calendar_id, now).await?;
    Ok(conn.commit().await?)
}

/// Has one entry written again, whatever it shows.
async fn again(conn: &mut Conn, mirror: &MirrorId, now: DateTime<Utc>) -> Result<(), StoreError> {
    mirrors::want_again(conn, mirror, now).await?;
    if let Some(connection) = mirrors::connection_of(conn, mirror).await? {
        sync::hint(conn, &connection, now).await?;
    }
    Ok(())
}
