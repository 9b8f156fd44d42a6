//! Reminders: planned when a booking is made, moved or approved; sent only while they still make sense.

use super::{announce::Facts, post};
use crate::{
    api::AppError,
    domain::{
        appointment::BookingStatus,
        event_type::RemindWhom,
        ids::{BookingId, InviteeId, MemberId, WorkspaceId},
    },
    server::{
        context::Context,
        crypto,
        jobs::{self, Job},
        mail::letter::{Person, Reader, What},
        store::{
            Conn, StoreError,
            attendees::AttendeeRow,
            invitees::{self, AppointmentRow},
        },
        webhooks::{self, Event},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// A reminder that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Due<'a> {
    /// The booking.
    pub booking: &'a BookingId,
    /// The invitee whose appointment it is.
    pub invitee: &'a InviteeId,
    /// The host; nobody: the invitee.
    pub member: Option<&'a MemberId>,
    /// Minutes before the start.
    pub minutes: u32,
    /// The start that was meant.
    pub start: DateTime<Utc>,
}

/// When a reminder goes out.
fn at(start: DateTime<Utc>, minutes: u32) -> DateTime<Utc> {
    start - TimeDelta::minutes(i64::from(minutes))
}

impl Facts {
    /// Minutes before the start at which the invitee is reminded.
    fn for_invitee(&self) -> Vec<u32> {
        let wanted = |to| matches!(to, RemindWhom::Invitee | RemindWhom::Both);
        self.rules
            .reminders
            .iter()
            .filter(|reminder| wanted(reminder.to))
            .map(|reminder| reminder.minutes)
            .collect()
    }

    /// Minutes before the start at which a host is reminded: as they decided for themselves, else as the event type says.
    fn for_host(&self, host: &AttendeeRow) -> Vec<u32> {
        let own = host.reminders.as_deref().and_then(|own| serde_json::from_str(own).ok());
        let wanted = |to| matches!(to, RemindWhom::Hosts | RemindWhom::Both);
        own.unwrap_or_else(|| {
            let reminders = self.rules.reminders.iter();
            reminders.filter(|reminder| wanted(reminder.to)).map(|reminder| reminder.minutes).collect()
        })
    }
}

/// Plans the reminders of an invitee's appointment and of its hosts. What would have gone out already is left out: a
/// booking that is made an hour ahead has no reminder a day ahead.
pub(super) async fn plan(
    conn: &mut Conn,
    facts: &Facts,
    invitee: &AppointmentRow,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for minutes in facts.for_invitee() {
        enqueue(conn, facts, invitee, None, minutes, now).await?;
    }
    for host in &facts.hosts {
        for minutes in facts.for_host(host) {
            enqueue(conn, facts, invitee, Some(&host.member_id), minutes, now).await?;
        }
    }
    Ok(())
}

async fn enqueue(
    conn: &mut Conn,
    facts: &Facts,
    invitee: &AppointmentRow,
    member: Option<&MemberId>,
    minutes: u32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let run_at = at(facts.start, minutes);
    if run_at <= now {
        return Ok(());
    }
    // A host is reminded of a shared session once, an invitee of their own appointment; never twice of one start.
    let whose = match member {
        Some(member) => format!("{}:{member}", facts.booking),
        None => invitee.invitee_id.to_string(),
    };
    let key = format!("remind:{whose}:{minutes}:{}", facts.start.timestamp());
    let job = Job::Remind {
        booking: facts.booking.clone(),
        invitee: invitee.invitee_id.clone(),
        member: member.cloned(),
        minutes,
        start: facts.start,
    };
    jobs::enqueue(conn, &facts.workspace, &job, run_at, Some(&key), now).await?;
    Ok(())
}

/// Sends a reminder if it still makes sense: the appointment takes place at that time and has not begun, whoever is
/// reminded still takes part and wants to be, and no later reminder is due as well (after a time without a server,
/// the one that is nearest to the start is enough).
pub(crate) async fn remind(
    conn: &mut Conn,
    context: &Context,
    workspace: &WorkspaceId,
    due: Due<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if now >= due.start {
        return Ok(());
    }
    let Some(facts) = Facts::load(conn, context, workspace, due.booking).await? else { return Ok(()) };
    if facts.status != BookingStatus::Confirmed || facts.start != due.start {
        return Ok(());
    }
    let Some((invitee, host)) = who(conn, &facts, due).await? else { return Ok(()) };
    let wanted = host.map_or_else(|| facts.for_invitee(), |host| facts.for_host(host));
    let nearer_is_due = |minutes: &u32| *minutes < due.minutes && at(due.start, *minutes) <= now;
    if !wanted.contains(&due.minutes) || wanted.iter().any(nearer_is_due) {
        return Ok(());
    }
    let letter = match host {
        None => {
            let to = Person { name: invitee.name.clone(), email: invitee.email.clone() };
            facts.letter(to, &invitee.zone, Reader::Invitee, What::Reminder, &invitee)?
        }
        Some(host) => {
            let to = Person { name: host.name.clone(), email: host.email.clone() };
            let reader = Reader::Host(host.member_id.clone());
            facts.letter(to, &facts.event_type.zone, reader, What::Reminder, &invitee)?
        }
    };
    post::post(conn, workspace, &letter, now).await?;
    if host.is_none() {
        let mut data = facts.data(&invitee, "system")?;
        data.reminder_minutes = Some(due.minutes);
        webhooks::emit(conn, workspace, Event::ReminderSent, &data, now).await?;
    }
    Ok(())
}

/// Whom a reminder is about, and the host that it goes to (nobody: to the invitee).
async fn who<'f>(
    conn: &mut Conn,
    facts: &'f Facts,
    due: Due<'_>,
) -> Result<Option<(AppointmentRow, Option<&'f AttendeeRow>)>, StoreError> {
    let takes_part = |invitee: &AppointmentRow| {
        invitee.active && invitee.booking_id == *due.booking && !invitee.email.is_empty()
    };
    let planned = invitees::by_id(conn, &facts.workspace, due.invitee).await?.filter(takes_part);
    let Some(member) = due.member else {
        return Ok(planned.filter(|invitee| invitee.reminders).map(|invitee| (invitee, None)));
    };
    let Some(host) = facts.hosts.iter().find(|host| host.member_id == *member) else { return Ok(None) };
    if host.rsvp == "declined" {
        return Ok(None);
    }
    // Whoever booked first may have left a session that others are still in.
    let invitee = match planned {
        Some(invitee) => Some(invitee),
        None => match invitees::ids(conn, &facts.workspace, due.booking).await?.first() {
            Some(other) => invitees::by_id(conn, &facts.workspace, other).await?,
            None => None,
        },
    };
    Ok(invitee.map(|invitee| (invitee, Some(host))))
}

/// What the page says that ends an appointment's reminders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The service's name.
    pub service: String,
    /// Are there reminders still?
    pub reminders: bool,
}

/// Takes the token of a link that ends reminders apart: `{invitee}.{token}`.
fn invitee_of(context: &Context, token: &str) -> Result<InviteeId, AppError> {
    let (id, token) = token.split_once('.').ok_or(AppError::UnknownAppointment)?;
    let id = InviteeId::try_from(id.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    if !crypto::same(token, &context.secret.unsubscribe_token(&id)) {
        return Err(AppError::UnknownAppointment);
    }
    Ok(id)
}

/// The page that ends an appointment's reminders; changes nothing.
pub async fn unsubscribe_page(context: &Context, token: &str) -> Result<Unsubscribe, AppError> {
    let id = invitee_of(context, token)?;
    let mut conn = context.db.read().await?;
    let (service, reminders) =
        invitees::reminders_of(&mut conn, &id).await?.ok_or(AppError::UnknownAppointment)?;
    Ok(Unsubscribe { service, reminders })
}

/// Ends an appointment's reminders. Doing so twice is no fault.
pub async fn unsubscribe(context: &Context, token: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    let id = invitee_of(context, token)?;
    let mut conn = context.db.write().await?;
    invitees::set_reminders(&mut conn, &id, false, now).await?;
    conn.commit().await?;
    Ok(())
}
