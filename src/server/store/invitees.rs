//! Invitees: whoever has a place in a booking.

use super::{Conn, StoreError, document, micros, row, rows, run};
use crate::domain::{
    appointment::BookingStatus,
    ids::{BookingId, EventTypeId, InviteeId, WorkspaceId},
    interval::Interval,
    questions::Answer,
};
use chrono::{DateTime, Utc};

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
pub async fn insert(conn: &mut Conn, new: &NewInvitee<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
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
    /// The link of the online meeting that a provider made for it, or empty.
    pub meeting: String,
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
    /// Do their guests know of it?
    pub guests_told: bool,
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

/// Notes that something about a booking changed for everyone who has a place in it.
pub async fn bump_all(conn: &mut Conn, booking: &BookingId, now: DateTime<Utc>) -> Result<(), StoreError> {
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
pub async fn ids(
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

/// Notes that an invitee's guests know of the appointment.
pub async fn set_guests_told(conn: &mut Conn, invitee: &InviteeId) -> Result<(), StoreError> {
    run!(conn, "UPDATE invitees SET guests_told = true WHERE id = $1", invitee.as_str())?;
    Ok(())
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
pub async fn by_id(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    invitee: &InviteeId,
) -> Result<Option<AppointmentRow>, StoreError> {
    row!(
        conn,
        AppointmentRow,
        "SELECT i.id AS invitee_id, i.booking_id, i.workspace_id, b.event_type_id, b.status, i.active, b.start_at,
                b.end_at, i.moved_from, i.sequence, b.seats, b.meeting, i.updated_at, i.name, i.email, i.phone, i.zone, i.notes,
                i.answers, i.guests, i.cancel_reason, i.reminders, i.no_show, i.guests_told
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
                b.end_at, i.moved_from, i.sequence, b.seats, b.meeting, i.updated_at, i.name, i.email, i.phone, i.zone, i.notes,
                i.answers, i.guests, i.cancel_reason, i.reminders, i.no_show, i.guests_told
         FROM invitees i JOIN bookings b ON b.id = i.booking_id
         WHERE i.token_hash = $1",
        token_hash
    )
}

/// Invitees of a booking who have not cancelled.
pub async fn count_active(conn: &mut Conn, booking: &BookingId) -> Result<i64, StoreError> {
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
pub async fn move_to(
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
pub async fn cancel(
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
pub async fn cancel_all(
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
pub async fn decline_all(
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

/// Name and address of the invitees of a booking who have not cancelled, in the order they came.
pub async fn names(conn: &mut Conn, booking: &BookingId) -> Result<Vec<(String, String)>, StoreError> {
    rows!(
        conn,
        (String, String),
        "SELECT name, email FROM invitees WHERE booking_id = $1 AND active ORDER BY created_at, id",
        booking.as_str()
    )
}
