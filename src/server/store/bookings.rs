//! Bookings, their attendees and invitees, and the keys that make a retry return the first answer.

use super::{Conn, StoreError, document, micros, row, rows, run};
use crate::domain::{
    appointment::BookingStatus,
    ids::{BookingId, EventTypeId, InviteeId, MemberId, WorkspaceId},
    interval::Interval,
    questions::Answer,
};
use chrono::{DateTime, Utc};

/// A booking of an event type with one of its hosts: what limits and seats are counted from.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BookedRow {
    /// The booking.
    #[sqlx(try_from = "String")]
    pub booking_id: BookingId,
    /// The host.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Places in it.
    pub seats: i64,
    /// Invitees who have not cancelled.
    pub taken: i64,
}

/// The bookings of an event type that hold time and start in a range, once for each host; without one booking
/// (the one that is being moved; empty for none).
pub async fn of_event_type(
    conn: &mut Conn,
    event_type: &EventTypeId,
    range: Interval,
    except: &str,
) -> Result<Vec<BookedRow>, StoreError> {
    rows!(
        conn,
        BookedRow,
        "SELECT b.id AS booking_id, a.member_id, b.start_at, b.end_at, b.seats,
                (SELECT COUNT(*) FROM invitees i WHERE i.booking_id = b.id AND i.active) AS taken
         FROM bookings b JOIN attendees a ON a.booking_id = b.id
         WHERE b.event_type_id = $1 AND b.start_at >= $2 AND b.start_at < $3
           AND b.status IN ('confirmed', 'pending') AND b.id <> $4
         ORDER BY b.start_at, b.id, a.member_id",
        event_type.as_str(),
        micros(range.start()),
        micros(range.end()),
        except
    )
}

/// A booking to make.
#[derive(Debug)]
pub struct NewBooking<'a> {
    /// Its id.
    pub id: &'a BookingId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// What was booked.
    pub event_type: &'a EventTypeId,
    /// Where it stands.
    pub status: BookingStatus,
    /// When.
    pub time: Interval,
    /// Places in it.
    pub seats: u32,
}

/// Makes a booking.
pub async fn insert(conn: &mut Conn, new: &NewBooking<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO bookings
            (id, workspace_id, event_type_id, status, start_at, end_at, sequence, seats, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $8)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.event_type.as_str(),
        new.status.as_str(),
        micros(new.time.start()),
        micros(new.time.end()),
        i64::from(new.seats),
        micros(now)
    )?;
    Ok(())
}

/// Adds a host as an attendee.
pub async fn insert_attendee(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    rsvp: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO attendees (booking_id, member_id, workspace_id, rsvp) VALUES ($1, $2, $3, $4)",
        booking.as_str(),
        member.as_str(),
        workspace.as_str(),
        rsvp
    )?;
    Ok(())
}

/// Takes every attendee off a booking, before others take their places.
pub async fn delete_attendees(conn: &mut Conn, booking: &BookingId) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM attendees WHERE booking_id = $1", booking.as_str())?;
    Ok(())
}

/// The attendees of a booking: member and name.
pub async fn attendees(conn: &mut Conn, booking: &BookingId) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT a.member_id, m.name FROM attendees a JOIN members m ON m.id = a.member_id
         WHERE a.booking_id = $1 ORDER BY m.name, m.id",
        booking.as_str()
    )
}

/// Moves a booking to another time.
pub async fn set_time(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    time: Interval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET start_at = $3, end_at = $4, sequence = sequence + 1, updated_at = $5
         WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        micros(time.start()),
        micros(time.end()),
        micros(now)
    )?;
    Ok(())
}

/// Sets where a booking stands.
pub async fn set_status(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    status: BookingStatus,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET status = $3, sequence = sequence + 1, updated_at = $4 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        status.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// An invitee to add: texts that were checked.
#[derive(Debug)]
pub struct NewInvitee<'a> {
    /// Their id.
    pub id: &'a InviteeId,
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The booking.
    pub booking: &'a BookingId,
    /// Name.
    pub name: &'a str,
    /// Address.
    pub email: &'a str,
    /// Address for comparing.
    pub email_key: &'a str,
    /// Telephone number, or empty.
    pub phone: &'a str,
    /// Zone.
    pub zone: &'a str,
    /// Anything else, or empty.
    pub notes: &'a str,
    /// Answers.
    pub answers: &'a [Answer],
    /// Further addresses.
    pub guests: &'a [String],
    /// SHA-256 of the token in their links.
    pub token_hash: &'a [u8],
}

/// Adds an invitee to a booking.
pub async fn insert_invitee(
    conn: &mut Conn,
    new: &NewInvitee<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO invitees
            (id, workspace_id, booking_id, active, name, email, email_key, phone, zone, notes, answers, guests,
             token_hash, cancel_reason, sequence, created_at, updated_at)
         VALUES ($1, $2, $3, true, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', 0, $13, $13)",
        new.id.as_str(),
        new.workspace.as_str(),
        new.booking.as_str(),
        new.name,
        new.email,
        new.email_key,
        new.phone,
        new.zone,
        new.notes,
        document(&new.answers)?,
        document(&new.guests)?,
        new.token_hash,
        micros(now)
    )?;
    Ok(())
}

/// An invitee with their booking.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AppointmentRow {
    /// The invitee.
    #[sqlx(try_from = "String")]
    pub invitee_id: InviteeId,
    /// The booking.
    #[sqlx(try_from = "String")]
    pub booking_id: BookingId,
    /// The workspace.
    #[sqlx(try_from = "String")]
    pub workspace_id: WorkspaceId,
    /// What was booked.
    #[sqlx(try_from = "String")]
    pub event_type_id: EventTypeId,
    /// Where the booking stands.
    #[sqlx(try_from = "String")]
    status: BookingStatus,
    /// Has the invitee not cancelled?
    pub active: bool,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Where it stood before; epoch microseconds.
    pub moved_from: Option<i64>,
    /// How often it was changed for this invitee (RFC 5545 SEQUENCE).
    pub sequence: i64,
    /// Places.
    pub seats: i64,
    /// When it was changed last; epoch microseconds.
    pub updated_at: i64,
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Telephone number.
    pub phone: String,
    /// Zone.
    pub zone: String,
    /// Anything else.
    pub notes: String,
    answers: String,
    guests: String,
    /// Why it was cancelled.
    pub cancel_reason: String,
    /// Do they want reminders?
    pub reminders: bool,
    /// Did they fail to come?
    pub no_show: bool,
}

impl AppointmentRow {
    /// Where the appointment stands for this invitee.
    pub fn status(&self) -> BookingStatus {
        if self.active { self.status } else { BookingStatus::Cancelled }
    }

    /// What was answered.
    pub fn answers(&self) -> Result<Vec<Answer>, StoreError> {
        Ok(serde_json::from_str(&self.answers)?)
    }

    /// Further addresses.
    pub fn guests(&self) -> Result<Vec<String>, StoreError> {
        Ok(serde_json::from_str(&self.guests)?)
    }

    /// The booked time.
    pub fn time(&self) -> Result<Interval, StoreError> {
        Interval::new(super::instant(self.start_at), super::instant(self.end_at))
            .ok_or(StoreError::Value("a booking without length"))
    }
}

/// A host of a booking.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AttendeeRow {
    /// The member.
    #[sqlx(try_from = "String")]
    pub member_id: MemberId,
    /// Name.
    pub name: String,
    /// The address that they sign in with.
    pub email: String,
    /// `pending`, `confirmed` or `declined`.
    pub rsvp: String,
    /// The member's own reminders: minutes before the start as JSON; null: as the event type says.
    pub reminders: Option<String>,
}

/// The hosts of a booking with their addresses, by name.
pub async fn hosts(conn: &mut Conn, booking: &BookingId) -> Result<Vec<AttendeeRow>, StoreError> {
    rows!(
        conn,
        AttendeeRow,
        "SELECT a.member_id, m.name, u.email, a.rsvp, m.reminders
         FROM attendees a JOIN members m ON m.id = a.member_id JOIN users u ON u.id = m.user_id
         WHERE a.booking_id = $1 ORDER BY m.name, m.id",
        booking.as_str()
    )
}

/// A member of a workspace, as a host of a booking who may not be one any more.
pub async fn former_host(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Option<AttendeeRow>, StoreError> {
    row!(
        conn,
        AttendeeRow,
        "SELECT m.id AS member_id, m.name, u.email, 'declined' AS rsvp, m.reminders
         FROM members m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.id = $2",
        workspace.as_str(),
        member.as_str()
    )
}

/// What a booking is beside its invitees.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct BookingRow {
    /// What was booked.
    #[sqlx(try_from = "String")]
    pub event_type_id: EventTypeId,
    /// Where it stands.
    #[sqlx(try_from = "String")]
    pub status: BookingStatus,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// How often it was changed (RFC 5545 SEQUENCE of the hosts' entries).
    pub sequence: i64,
    /// Places.
    pub seats: i64,
    /// Pending: when its hold ends; epoch microseconds.
    pub expires_at: Option<i64>,
    /// ORGANIZER of its calendar entries; empty until its first mail.
    pub organizer: String,
}

/// A booking of a workspace.
pub async fn get(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Option<BookingRow>, StoreError> {
    row!(
        conn,
        BookingRow,
        "SELECT event_type_id, status, start_at, end_at, sequence, seats, expires_at, organizer
         FROM bookings WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str()
    )
}

/// Names the organizer of a booking's calendar entries, once.
pub async fn set_organizer(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    organizer: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET organizer = $3 WHERE workspace_id = $1 AND id = $2 AND organizer = ''",
        workspace.as_str(),
        booking.as_str(),
        organizer
    )?;
    Ok(())
}

/// Sets until when a pending booking holds its time; `None` for one that is not pending any more.
pub async fn set_expiry(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    expires: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET expires_at = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        expires.map(micros)
    )?;
    Ok(())
}

/// Notes that something about a booking changed that its hosts' calendars should know of.
pub async fn bump(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE bookings SET sequence = sequence + 1, updated_at = $3 WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Notes that something about a booking changed for everyone who has a place in it.
pub async fn bump_invitees(
    conn: &mut Conn,
    booking: &BookingId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET sequence = sequence + 1, updated_at = $2 WHERE booking_id = $1 AND active",
        booking.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Sets whom an invitee brings along.
pub async fn set_guests(
    conn: &mut Conn,
    invitee: &InviteeId,
    guests: &[String],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET guests = $2, sequence = sequence + 1, updated_at = $3 WHERE id = $1",
        invitee.as_str(),
        document(&guests)?,
        micros(now)
    )?;
    Ok(())
}

/// The ids of the invitees of a booking who have not cancelled, in the order they came.
pub async fn invitee_ids(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Vec<InviteeId>, StoreError> {
    let ids = rows!(
        conn,
        (String,),
        "SELECT id FROM invitees WHERE workspace_id = $1 AND booking_id = $2 AND active ORDER BY created_at, id",
        workspace.as_str(),
        booking.as_str()
    )?;
    ids.into_iter().map(|(id,)| Ok(InviteeId::try_from(id)?)).collect()
}

/// Notes what a host answered. `false` when they are no attendee.
pub async fn set_rsvp(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
    member: &MemberId,
    rsvp: &str,
) -> Result<bool, StoreError> {
    let answered = run!(
        conn,
        "UPDATE attendees SET rsvp = $4 WHERE workspace_id = $1 AND booking_id = $2 AND member_id = $3",
        workspace.as_str(),
        booking.as_str(),
        member.as_str(),
        rsvp
    )?;
    Ok(answered > 0)
}

/// Notes whether an invitee failed to come.
pub async fn set_no_show(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    invitee: &InviteeId,
    no_show: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let noted = run!(
        conn,
        "UPDATE invitees SET no_show = $3, updated_at = $4
         WHERE workspace_id = $1 AND id = $2 AND active AND no_show <> $3",
        workspace.as_str(),
        invitee.as_str(),
        no_show,
        micros(now)
    )?;
    Ok(noted > 0)
}

/// Notes whether an invitee wants reminders.
pub async fn set_reminders(
    conn: &mut Conn,
    invitee: &InviteeId,
    wanted: bool,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let noted = run!(
        conn,
        "UPDATE invitees SET reminders = $2, updated_at = $3 WHERE id = $1 AND reminders <> $2",
        invitee.as_str(),
        wanted,
        micros(now)
    )?;
    Ok(noted > 0)
}

/// The appointment of an invitee.
pub async fn by_invitee(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    invitee: &InviteeId,
) -> Result<Option<AppointmentRow>, StoreError> {
    row!(
        conn,
        AppointmentRow,
        "SELECT i.id AS invitee_id, i.booking_id, i.workspace_id, b.event_type_id, b.status, i.active, b.start_at,
                b.end_at, i.moved_from, i.sequence, b.seats, i.updated_at, i.name, i.email, i.phone, i.zone, i.notes,
                i.answers, i.guests, i.cancel_reason, i.reminders, i.no_show
         FROM invitees i JOIN bookings b ON b.id = i.booking_id
         WHERE i.workspace_id = $1 AND i.id = $2",
        workspace.as_str(),
        invitee.as_str()
    )
}

/// The appointment behind a link's token.
pub async fn by_token(conn: &mut Conn, token_hash: &[u8]) -> Result<Option<AppointmentRow>, StoreError> {
    row!(
        conn,
        AppointmentRow,
        "SELECT i.id AS invitee_id, i.booking_id, i.workspace_id, b.event_type_id, b.status, i.active, b.start_at,
                b.end_at, i.moved_from, i.sequence, b.seats, i.updated_at, i.name, i.email, i.phone, i.zone, i.notes,
                i.answers, i.guests, i.cancel_reason, i.reminders, i.no_show
         FROM invitees i JOIN bookings b ON b.id = i.booking_id
         WHERE i.token_hash = $1",
        token_hash
    )
}

/// Invitees of a booking who have not cancelled.
pub async fn active_invitees(conn: &mut Conn, booking: &BookingId) -> Result<i64, StoreError> {
    let count = row!(
        conn,
        (i64,),
        "SELECT COUNT(*) FROM invitees WHERE booking_id = $1 AND active",
        booking.as_str()
    )?;
    Ok(count.map_or(0, |(count,)| count))
}

/// Invitees with an address, of all workspaces, in the order of their ids: for what concerns the whole installation.
pub async fn ids_after(conn: &mut Conn, after: &str, most: i64) -> Result<Vec<InviteeId>, StoreError> {
    let ids = rows!(
        conn,
        (String,),
        "SELECT id FROM invitees WHERE id > $1 AND email <> '' ORDER BY id LIMIT $2",
        after,
        most
    )?;
    ids.into_iter().map(|(id,)| Ok(InviteeId::try_from(id)?)).collect()
}

/// Gives an appointment another link.
pub async fn set_token_hash(
    conn: &mut Conn,
    invitee: &InviteeId,
    token_hash: &[u8],
) -> Result<(), StoreError> {
    run!(conn, "UPDATE invitees SET token_hash = $2 WHERE id = $1", invitee.as_str(), token_hash)?;
    Ok(())
}

/// Notes that an invitee's appointment was moved, perhaps into another booking.
pub async fn move_invitee(
    conn: &mut Conn,
    invitee: &InviteeId,
    booking: &BookingId,
    moved_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET booking_id = $2, moved_from = $3, sequence = sequence + 1, updated_at = $4 WHERE id = $1",
        invitee.as_str(),
        booking.as_str(),
        micros(moved_from),
        micros(now)
    )?;
    Ok(())
}

/// Notes that an invitee cancelled, and why.
pub async fn cancel_invitee(
    conn: &mut Conn,
    invitee: &InviteeId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET active = false, cancel_reason = $2, sequence = sequence + 1, updated_at = $3
         WHERE id = $1 AND active",
        invitee.as_str(),
        reason,
        micros(now)
    )?;
    Ok(())
}

/// Notes that a whole booking was called off, and why, for each invitee who had not cancelled.
pub async fn cancel_invitees(
    conn: &mut Conn,
    booking: &BookingId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET active = false, cancel_reason = $2, sequence = sequence + 1, updated_at = $3
         WHERE booking_id = $1 AND active",
        booking.as_str(),
        reason,
        micros(now)
    )?;
    Ok(())
}

/// Notes that a booking was refused, and why, for everyone who asked for it.
pub async fn decline_invitees(
    conn: &mut Conn,
    booking: &BookingId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE invitees SET cancel_reason = $2, sequence = sequence + 1, updated_at = $3
         WHERE booking_id = $1 AND active",
        booking.as_str(),
        reason,
        micros(now)
    )?;
    Ok(())
}

/// The workspace of a booking that this member takes part in.
pub async fn workspace_of_attendee(
    conn: &mut Conn,
    booking: &BookingId,
    member: &MemberId,
) -> Result<Option<WorkspaceId>, StoreError> {
    let found = row!(
        conn,
        (String,),
        "SELECT workspace_id FROM attendees WHERE booking_id = $1 AND member_id = $2",
        booking.as_str(),
        member.as_str()
    )?;
    found.map(|(id,)| Ok(WorkspaceId::try_from(id)?)).transpose()
}

/// The service of an invitee's appointment, and whether they want reminders.
pub async fn reminders_of(
    conn: &mut Conn,
    invitee: &InviteeId,
) -> Result<Option<(String, bool)>, StoreError> {
    row!(
        conn,
        (String, bool),
        "SELECT e.name, i.reminders FROM invitees i
         JOIN bookings b ON b.id = i.booking_id JOIN event_types e ON e.id = b.event_type_id
         WHERE i.id = $1",
        invitee.as_str()
    )
}

/// A booking by its id, in its workspace: event type, status, start and end.
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    booking: &BookingId,
) -> Result<Option<(String, String, i64, i64)>, StoreError> {
    row!(
        conn,
        (String, String, i64, i64),
        "SELECT event_type_id, status, start_at, end_at FROM bookings WHERE workspace_id = $1 AND id = $2",
        workspace.as_str(),
        booking.as_str()
    )
}

/// A booking in the owner's list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedRow {
    /// Its id.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// Start, epoch microseconds.
    pub start_at: i64,
    /// End, epoch microseconds.
    pub end_at: i64,
    /// Places.
    pub seats: i64,
    /// Where it stands.
    pub status: String,
    /// Pending: until when its time is held; epoch microseconds.
    pub expires_at: Option<i64>,
}

/// Bookings of a workspace that took place and ended in a range, newest first; of one member only, or of all when
/// `only` is empty.
pub async fn ended(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    only: &str,
    most: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT b.id, e.name AS service, b.start_at, b.end_at, b.seats, b.status, b.expires_at
         FROM bookings b JOIN event_types e ON e.id = b.event_type_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.end_at <= $3 AND b.status = 'confirmed'
           AND ($4 = '' OR EXISTS (SELECT 1 FROM attendees a WHERE a.booking_id = b.id AND a.member_id = $4))
         ORDER BY b.end_at DESC, b.id DESC LIMIT $5",
        workspace.as_str(),
        micros(since),
        micros(until),
        only,
        most
    )
}

/// Bookings of a workspace that hold time and have not ended by `ends_after`, by start, from a place in that
/// order on (start and id of the last one seen); of one member only, or of all when `only` is empty.
pub async fn upcoming(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    ends_after: DateTime<Utc>,
    after: (i64, &str),
    only: &str,
    most: i64,
) -> Result<Vec<ListedRow>, StoreError> {
    rows!(
        conn,
        ListedRow,
        "SELECT b.id, e.name AS service, b.start_at, b.end_at, b.seats, b.status, b.expires_at
         FROM bookings b JOIN event_types e ON e.id = b.event_type_id
         WHERE b.workspace_id = $1 AND b.end_at > $2 AND b.status IN ('confirmed', 'pending')
           AND (b.start_at > $3 OR (b.start_at = $3 AND b.id > $4))
           AND ($5 = '' OR EXISTS (SELECT 1 FROM attendees a WHERE a.booking_id = b.id AND a.member_id = $5))
         ORDER BY b.start_at, b.id LIMIT $6",
        workspace.as_str(),
        micros(ends_after),
        after.0,
        after.1,
        only,
        most
    )
}

/// Name and address of the invitees of a booking who have not cancelled, in the order they came.
pub async fn invitees(conn: &mut Conn, booking: &BookingId) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT name, email FROM invitees WHERE booking_id = $1 AND active ORDER BY created_at, id",
        booking.as_str()
    )
}

/// A request that was answered before: the hash of its content, and the invitee it made.
pub async fn answered(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    key_hash: &[u8],
) -> Result<Option<(Vec<u8>, String)>, StoreError> {
    row!(
        conn,
        (Vec<u8>, String),
        "SELECT request_hash, invitee_id FROM idempotency_keys WHERE workspace_id = $1 AND key_hash = $2",
        workspace.as_str(),
        key_hash
    )
}

/// Remembers an answer. [`StoreError::Duplicate`] when another request with the key came first.
pub async fn remember_answer(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    key_hash: &[u8],
    request_hash: &[u8],
    invitee: &InviteeId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO idempotency_keys (workspace_id, key_hash, request_hash, invitee_id, created_at)
         VALUES ($1, $2, $3, $4, $5)",
        workspace.as_str(),
        key_hash,
        request_hash,
        invitee.as_str(),
        micros(now)
    )?;
    Ok(())
}

/// Forgets answers that are older than any retry.
pub async fn forget_answers(conn: &mut Conn, before: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM idempotency_keys WHERE created_at < $1", micros(before))?;
    Ok(())
}
