//! Telling everyone concerned what happened to a booking: mails to invitee, guests and hosts, calls to webhooks, and the
//! reminders that follow.
//!
//! Whoever changes a booking enqueues one [`BookingChange`] in the same transaction: what can't be read back later. The
//! worker turns it into letters here, in one transaction with the end of the job, so that each is posted once.

use super::{mail_settings, plan::place, post, reminders};
use crate::{
    domain::{
        appointment::{BookingStatus, Change},
        event_type::EventTypeRules,
        ids::{BookingId, InviteeId, MemberId, WorkspaceId},
    },
    server::{
        context::Context,
        jobs::{self, Job},
        mail::letter::{About, By, Content, Letter, Person, Reader, What},
        store::{
            Conn, StoreError,
            bookings::{self, AppointmentRow, AttendeeRow},
            event_types::{self, EventTypeRow},
        },
        webhooks::{self, Event, body},
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was made; it takes place, or waits for approval.
    Booked,
    /// It has another time.
    Moved,
    /// It was called off.
    Cancelled,
    /// It was approved.
    Approved,
    /// It was refused.
    Declined,
    /// Nobody decided in time.
    Expired,
    /// The list of guests changed.
    Guests,
    /// A host answered.
    Rsvp,
    /// The invitee did not come, or did after all.
    NoShow,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The invitee.
    Invitee,
    /// A member.
    Member(MemberId),
    /// Time, or a rule.
    System,
}

/// A change of a booking, with what can't be read back once the next change has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookingChange {
    /// What happened.
    pub what: Happened,
    /// Who did it.
    pub by: Actor,
    /// The booking; of a move within shared sessions, the one that was moved to.
    pub booking: BookingId,
    /// The invitees concerned, each with the SEQUENCE of their entry.
    pub invitees: Vec<(InviteeId, i64)>,
    /// SEQUENCE of the hosts' entries.
    pub sequence: i64,
    /// Where the booking stands.
    pub status: BookingStatus,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Moved: when it would have started.
    pub was: Option<DateTime<Utc>>,
    /// Who takes part.
    pub hosts: Vec<MemberId>,
    /// Who took part before, where that differs.
    pub former_hosts: Vec<MemberId>,
    /// Guests before, where they changed.
    pub former_guests: Vec<String>,
    /// A session that was left: with the SEQUENCE of its hosts' entries, and whether it goes on.
    pub left: Option<(BookingId, i64, bool)>,
    /// Why, or empty.
    pub reason: String,
    /// Are invitee and guests told? Not those who asked to be forgotten.
    pub tell_invitees: bool,
}

impl BookingChange {
    /// Enqueues it, in the caller's transaction.
    pub async fn enqueue(
        self,
        conn: &mut Conn,
        workspace: &WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        jobs::enqueue(conn, workspace, &Job::Announce(Box::new(self)), now, None, now).await?;
        Ok(())
    }

    /// A change of a booking as it stands in the database now, for some of its invitees.
    pub async fn now(
        conn: &mut Conn,
        workspace: &WorkspaceId,
        what: Happened,
        by: Actor,
        booking: &BookingId,
        invitees: &[InviteeId],
    ) -> Result<Self, StoreError> {
        let row = bookings::get(conn, workspace, booking)
            .await?
            .ok_or(StoreError::Value("a change of a booking that is none"))?;
        let mut sequences = Vec::with_capacity(invitees.len());
        for invitee in invitees {
            if let Some(row) = bookings::by_invitee(conn, workspace, invitee).await? {
                sequences.push((invitee.clone(), row.sequence));
            }
        }
        let hosts = bookings::attendees(conn, booking).await?;
        let hosts = hosts.into_iter().map(|(id, _)| MemberId::try_from(id)).collect::<Result<_, _>>()?;
        Ok(Self {
            what,
            by,
            booking: booking.clone(),
            invitees: sequences,
            sequence: row.sequence,
            status: row.status,
            start: crate::server::store::instant(row.start_at),
            end: crate::server::store::instant(row.end_at),
            was: None,
            hosts,
            former_hosts: Vec::new(),
            former_guests: Vec::new(),
            left: None,
            reason: String::new(),
            tell_invitees: true,
        })
    }
}

/// What letters about a booking have in common.
pub(super) struct Facts {
    pub(super) workspace: WorkspaceId,
    pub(super) booking: BookingId,
    pub(super) status: BookingStatus,
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) event_type: EventTypeRow,
    pub(super) rules: EventTypeRules,
    pub(super) hosts: Vec<AttendeeRow>,
    pub(super) organizer: String,
    pub(super) expires: Option<DateTime<Utc>>,
    pub(super) seats: u32,
    /// Names of everyone who has a seat, where seats are shared.
    pub(super) participants: Vec<String>,
}

impl Facts {
    /// Reads what letters need; names the organizer of the calendar entries if this is their first.
    pub(super) async fn load(
        conn: &mut Conn,
        context: &Context,
        workspace: &WorkspaceId,
        booking: &BookingId,
    ) -> Result<Option<Self>, StoreError> {
        let Some(row) = bookings::get(conn, workspace, booking).await? else { return Ok(None) };
        let Some(event_type) = event_types::by_id(conn, workspace, &row.event_type_id).await? else {
            return Ok(None);
        };
        let organizer = if row.organizer.is_empty() {
            let from = mail_settings::sender(conn, context, workspace).await?.from.email;
            bookings::set_organizer(conn, workspace, booking, &from).await?;
            from
        } else {
            row.organizer
        };
        let seats = u32::try_from(row.seats).unwrap_or(1);
        let participants = if seats > 1 {
            bookings::invitees(conn, booking).await?.into_iter().map(|(name, _)| name).collect()
        } else {
            Vec::new()
        };
        Ok(Some(Self {
            workspace: workspace.clone(),
            booking: booking.clone(),
            status: row.status,
            start: crate::server::store::instant(row.start_at),
            end: crate::server::store::instant(row.end_at),
            rules: event_type.rules()?,
            event_type,
            hosts: bookings::hosts(conn, booking).await?,
            organizer,
            expires: row.expires_at.map(crate::server::store::instant),
            seats,
            participants,
        }))
    }

    /// A letter about the appointment of one invitee, to one reader.
    pub(super) fn letter(
        &self,
        to: Person,
        zone: &str,
        reader: Reader,
        what: What,
        invitee: &AppointmentRow,
    ) -> Result<Letter, StoreError> {
        let place = place(&self.rules.location, true, &invitee.phone);
        let policy = self.rules.policy;
        // A seat in a session that goes on is cancelled all the same.
        let status = match what {
            What::Cancelled => BookingStatus::Cancelled,
            What::Declined | What::Expired => BookingStatus::Declined,
            _ => self.status,
        };
        let changes = status.holds_time() && what != What::Released;
        let is_host = matches!(reader, Reader::Host(_));
        let about = About {
            what,
            uid: if is_host { self.booking.to_string() } else { invitee.invitee_id.to_string() },
            sequence: invitee.sequence,
            reader,
            by: By::System,
            booking: self.booking.clone(),
            invitee: invitee.invitee_id.clone(),
            status,
            organizer: self.organizer.clone(),
            service: self.event_type.name.clone(),
            start: self.start,
            end: self.end,
            was: None,
            hosts: self
                .hosts
                .iter()
                .map(|host| Person { name: host.name.clone(), email: host.email.clone() })
                .collect(),
            place: place.label,
            place_detail: place.detail,
            who: Person { name: invitee.name.clone(), email: invitee.email.clone() },
            phone: invitee.phone.clone(),
            who_zone: invitee.zone.clone(),
            guests: invitee.guests()?,
            participants: if is_host { self.participants.clone() } else { Vec::new() },
            seats: self.seats,
            notes: invitee.notes.clone(),
            answers: invitee.answers()?,
            price: self.rules.price.clone(),
            reason: String::new(),
            policy: if changes { policy.in_words() } else { Vec::new() },
            can_move: changes && policy.deadline(Change::Move, self.start).is_some(),
            can_cancel: changes && policy.deadline(Change::Cancel, self.start).is_some(),
            expires: self.expires.filter(|_| self.status == BookingStatus::Pending),
            own_subject: self.rules.mail.subject.clone(),
            own_paragraph: self.rules.mail.paragraph.clone(),
        };
        Ok(Letter {
            to,
            zone: zone.to_owned(),
            workspace: self.event_type.workspace_name.clone(),
            workspace_slug: self.event_type.workspace_slug.clone(),
            content: Content::Booking(Box::new(about)),
        })
    }

    /// What webhooks are told of an invitee's appointment.
    pub(super) fn data(&self, invitee: &AppointmentRow, by: &str) -> Result<body::BookingData, StoreError> {
        let place = place(&self.rules.location, true, &invitee.phone);
        Ok(body::BookingData {
            id: self.booking.to_string(),
            status: self.status,
            workspace: self.event_type.workspace_slug.clone(),
            event_type: body::EventTypeRef {
                slug: self.event_type.slug.clone(),
                name: self.event_type.name.clone(),
            },
            start: self.start,
            end: self.end,
            previous_start: None,
            timezone: invitee.zone.clone(),
            hosts: self
                .hosts
                .iter()
                .map(|host| body::HostData {
                    name: host.name.clone(),
                    email: host.email.clone(),
                    rsvp: host.rsvp.clone(),
                })
                .collect(),
            invitee: body::InviteeData {
                id: invitee.invitee_id.to_string(),
                name: invitee.name.clone(),
                email: invitee.email.clone(),
                phone: invitee.phone.clone(),
                timezone: invitee.zone.clone(),
                guests: invitee.guests()?,
                notes: invitee.notes.clone(),
                answers: invitee.answers()?,
            },
            place: body::PlaceData { label: place.label, detail: place.detail },
            price: self.rules.price.clone(),
            reason: None,
            by: by.to_owned(),
            reminder_minutes: None,
            no_show: Some(invitee.no_show).filter(|no_show| *no_show),
        })
    }
}

/// Changes what a letter says of its booking.
fn about(letter: &mut Letter, change: impl FnOnce(&mut About)) {
    if let Content::Booking(about) = &mut letter.content {
        change(about);
    }
}

/// Tells everyone.
pub(crate) async fn announce(
    conn: &mut Conn,
    context: &Context,
    workspace: &WorkspaceId,
    change: &BookingChange,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(mut facts) = Facts::load(conn, context, workspace, &change.booking).await? else {
        return Ok(());
    };
    // As it was when it happened: the next change has an announcement of its own.
    facts.status = change.status;
    facts.start = change.start;
    facts.end = change.end;
    let mut hosts = Vec::with_capacity(change.hosts.len());
    for id in &change.hosts {
        match facts.hosts.iter().find(|host| host.member_id == *id) {
            Some(host) => hosts.push(host.clone()),
            None => hosts.extend(bookings::former_host(conn, workspace, id).await?),
        }
    }
    facts.hosts = hosts;
    let by = match &change.by {
        Actor::Invitee => By::Invitee,
        Actor::System => By::System,
        Actor::Member(id) => By::Member(
            bookings::former_host(conn, workspace, id).await?.map_or_else(String::new, |host| host.name),
        ),
    };
    let mut told_hosts = false;
    for (id, sequence) in &change.invitees {
        let Some(mut invitee) = bookings::by_invitee(conn, workspace, id).await? else { continue };
        invitee.sequence = *sequence;
        let telling = Telling { facts: &facts, change, by: &by, invitee: &invitee };
        if let Some(event) = event(change) {
            let mut data = facts.data(&invitee, by_word(&by))?;
            if change.what == Happened::Cancelled {
                data.status = BookingStatus::Cancelled;
            }
            data.previous_start = change.was;
            data.reason = Some(change.reason.clone()).filter(|reason| !reason.is_empty());
            webhooks::emit(conn, workspace, event, &data, now).await?;
        }
        for letter in telling.to_invitee_and_guests()? {
            post::post(conn, workspace, &letter, now).await?;
        }
        // A whole session that is called off or decided on is one matter for its hosts, however many had a seat.
        let once = change.invitees.len() > 1;
        if !(once && told_hosts) {
            for letter in telling.to_hosts(conn).await? {
                post::post(conn, workspace, &letter, now).await?;
            }
            told_hosts = true;
        }
        if matches!(change.what, Happened::Booked | Happened::Moved | Happened::Approved)
            && change.status == BookingStatus::Confirmed
        {
            reminders::plan(conn, &facts, &invitee, now).await?;
        }
    }
    Ok(())
}

fn by_word(by: &By) -> &'static str {
    match by {
        By::Invitee => "invitee",
        By::Member(_) => "member",
        By::System => "system",
    }
}

/// The event that webhooks know it as.
fn event(change: &BookingChange) -> Option<Event> {
    Some(match change.what {
        Happened::Booked if change.status == BookingStatus::Pending => Event::BookingPending,
        Happened::Booked => Event::BookingCreated,
        Happened::Moved => Event::BookingRescheduled,
        Happened::Cancelled => Event::BookingCancelled,
        Happened::Approved => Event::BookingApproved,
        Happened::Declined | Happened::Expired => Event::BookingDeclined,
        Happened::Rsvp => Event::BookingRsvp,
        Happened::NoShow => Event::BookingNoShow,
        Happened::Guests => return None,
    })
}

/// One change, told about one invitee's appointment.
struct Telling<'a> {
    facts: &'a Facts,
    change: &'a BookingChange,
    by: &'a By,
    invitee: &'a AppointmentRow,
}

impl Telling<'_> {
    fn letter(&self, to: Person, zone: &str, reader: Reader, what: What) -> Result<Letter, StoreError> {
        let mut letter = self.facts.letter(to, zone, reader, what, self.invitee)?;
        about(&mut letter, |about| {
            about.by = self.by.clone();
            about.was = self.change.was;
            about.reason = self.change.reason.clone();
        });
        Ok(letter)
    }

    fn what(&self) -> Option<What> {
        let pending = self.change.status == BookingStatus::Pending;
        Some(match self.change.what {
            Happened::Booked if pending => What::Pending,
            Happened::Booked => What::Confirmed,
            Happened::Moved => What::Moved,
            Happened::Cancelled => What::Cancelled,
            Happened::Approved => What::Approved,
            Happened::Declined => What::Declined,
            Happened::Expired => What::Expired,
            Happened::Guests => What::Guests,
            Happened::Rsvp | Happened::NoShow => return None,
        })
    }

    /// Guests hear of a booking once it takes place. Until then there is nothing to come to.
    fn what_for_guests(&self) -> Option<What> {
        let known = self.invitee.sequence > 1;
        Some(match self.change.what {
            Happened::Booked if self.change.status == BookingStatus::Pending => return None,
            // Until then, only a booking that was moved was known to them.
            Happened::Approved if known => What::Approved,
            Happened::Approved => What::Confirmed,
            Happened::Declined | Happened::Expired if !known => return None,
            _ => return self.what(),
        })
    }

    fn to_invitee_and_guests(&self) -> Result<Vec<Letter>, StoreError> {
        let (Some(what), true) = (self.what(), self.change.tell_invitees) else { return Ok(Vec::new()) };
        // Whoever was forgotten meanwhile is not written to.
        if self.invitee.email.is_empty() {
            return Ok(Vec::new());
        }
        let zone = self.invitee.zone.as_str();
        let to = Person { name: self.invitee.name.clone(), email: self.invitee.email.clone() };
        let mut letters = vec![self.letter(to, zone, Reader::Invitee, what)?];
        let guests = self.invitee.guests()?;
        let guest = |email: &String| Person { name: String::new(), email: email.clone() };
        let changed = self.change.what == Happened::Guests;
        for email in &guests {
            let new = changed && !self.change.former_guests.contains(email);
            let what = if new { Some(What::Confirmed) } else { self.what_for_guests() };
            if let Some(what) = what {
                letters.push(self.letter(guest(email), zone, Reader::Guest, what)?);
            }
        }
        if changed {
            for email in self.change.former_guests.iter().filter(|email| !guests.contains(email)) {
                letters.push(self.letter(guest(email), zone, Reader::Guest, What::Released)?);
            }
        }
        Ok(letters)
    }

    /// A letter to a host, about the entry in their calendar that is the booking's.
    fn to_host(&self, host: &AttendeeRow, what: What) -> Result<Letter, StoreError> {
        let to = Person { name: host.name.clone(), email: host.email.clone() };
        let zone = self.facts.event_type.zone.as_str();
        let mut letter = self.letter(to, zone, Reader::Host(host.member_id.clone()), what)?;
        about(&mut letter, |about| about.sequence = self.change.sequence);
        Ok(letter)
    }

    async fn to_hosts(&self, conn: &mut Conn) -> Result<Vec<Letter>, StoreError> {
        let Some(mut what) = self.what() else { return Ok(Vec::new()) };
        let change = self.change;
        let mut letters = Vec::new();
        // Someone left a shared session that goes on: its hosts' entries stay.
        if change.what == Happened::Cancelled && change.status.holds_time() {
            what = What::Guests;
        }
        for host in &self.facts.hosts {
            let new =
                change.what == Happened::Moved && (change.left.is_some() || !self.was_host(&host.member_id));
            let what = match (new, change.status) {
                (true, BookingStatus::Pending) => What::Pending,
                (true, _) => What::Confirmed,
                (false, _) => what,
            };
            let mut letter = self.to_host(host, what)?;
            if new {
                about(&mut letter, |about| about.was = None);
            }
            letters.push(letter);
        }
        for id in change.former_hosts.iter().filter(|id| !change.hosts.contains(id)) {
            if change.left.is_some() {
                continue;
            }
            if let Some(host) = bookings::former_host(conn, &self.facts.workspace, id).await? {
                let mut letter = self.to_host(&host, What::Released)?;
                // Their entry is the one at the old time.
                about(&mut letter, |about| {
                    if let Some(was) = change.was {
                        about.end = was + (about.end - about.start);
                        about.start = was;
                    }
                });
                letters.push(letter);
            }
        }
        if let Some((booking, sequence, goes_on)) = &change.left {
            for id in &change.former_hosts {
                let Some(host) = bookings::former_host(conn, &self.facts.workspace, id).await? else {
                    continue;
                };
                let what = if *goes_on { What::Guests } else { What::Cancelled };
                let mut letter = self.to_host(&host, what)?;
                let participants = bookings::invitees(conn, booking).await?;
                about(&mut letter, |about| {
                    if let Some(was) = change.was {
                        about.end = was + (about.end - about.start);
                        about.start = was;
                    }
                    about.was = None;
                    about.uid = booking.to_string();
                    about.booking = booking.clone();
                    about.sequence = *sequence;
                    about.participants = participants.into_iter().map(|(name, _)| name).collect();
                    about.status = if *goes_on { BookingStatus::Confirmed } else { BookingStatus::Cancelled };
                });
                letters.push(letter);
            }
        }
        Ok(letters)
    }

    fn was_host(&self, member: &MemberId) -> bool {
        self.change.former_hosts.contains(member)
    }
}
