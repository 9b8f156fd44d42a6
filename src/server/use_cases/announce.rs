//! Telling everyone concerned what happened to a booking: mails to invitee, guests and hosts, calls to webhooks, and the
//! reminders that follow.
//!
//! Whoever changes a booking enqueues one [`BookingChange`] in the same transaction: what can't be read back later. The
//! worker turns it into letters here, in one transaction with the end of the job, so that each is posted once.

mod facts;

pub(super) use facts::Facts;

use super::{post, reminders, sync};
use crate::{
    domain::{
        appointment::BookingStatus,
        ids::{BookingId, InviteeId, MemberId, WorkspaceId},
    },
    server::{
        context::Context,
        jobs::{self, Job},
        mail::letter::{About, By, Content, Letter, Person, Reader, What},
        store::{
            Conn, StoreError,
            attendees::{self, AttendeeRow},
            bookings,
            invitees::{self, AppointmentRow},
            messages,
        },
        webhooks::{self, Event},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
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
    /// The link of its online meeting is there.
    Link,
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
            if let Some(row) = invitees::by_id(conn, workspace, invitee).await? {
                sequences.push((invitee.clone(), row.sequence));
            }
        }
        let hosts = attendees::names(conn, booking).await?;
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
    reflect(conn, workspace, &facts, change, now).await?;
    let in_calendars = InCalendars::load(conn, change).await?;
    // As it was when it happened: the next change has an announcement of its own.
    facts.status = change.status;
    facts.start = change.start;
    facts.end = change.end;
    let mut hosts = Vec::with_capacity(change.hosts.len());
    for id in &change.hosts {
        match facts.hosts.iter().find(|host| host.member_id == *id) {
            Some(host) => hosts.push(host.clone()),
            None => hosts.extend(attendees::member(conn, workspace, id).await?),
        }
    }
    facts.hosts = hosts;
    let by = match &change.by {
        Actor::Invitee => By::Invitee,
        Actor::System => By::System,
        Actor::Member(id) => By::Member(
            attendees::member(conn, workspace, id).await?.map_or_else(String::new, |host| host.name),
        ),
    };
    let mut told_hosts = false;
    for (id, sequence) in &change.invitees {
        let Some(mut invitee) = invitees::by_id(conn, workspace, id).await? else { continue };
        invitee.sequence = *sequence;
        let telling =
            Telling { facts: &facts, change, by: &by, invitee: &invitee, in_calendars: &in_calendars };
        if let Some(event) = event(change) {
            let mut data = facts.data(&invitee, by_word(&by))?;
            if change.what == Happened::Cancelled {
                data.status = BookingStatus::Cancelled;
            }
            data.previous_start = change.was;
            data.reason = Some(change.reason.clone()).filter(|reason| !reason.is_empty());
            webhooks::emit(conn, workspace, event, &data, now).await?;
        }
        let letters = telling.to_invitee_and_guests()?;
        if !invitee.guests_told && letters.len() > 1 {
            invitees::set_guests_told(conn, id).await?;
        }
        for letter in letters {
            if is_too_much(conn, workspace, &letter, now).await? {
                tracing::warn!(%workspace, "a guest was invited too often within an hour; this invitation was left out");
                continue;
            }
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

/// Invitations that one address may get from a workspace in an hour: guests never asked for any.
const MOST_INVITATIONS: i64 = 20;

/// Would this be one invitation too many for a guest?
async fn is_too_much(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    letter: &Letter,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let Content::Booking(about) = &letter.content else { return Ok(false) };
    if about.reader != Reader::Guest || about.what != What::Confirmed {
        return Ok(false);
    }
    let since = now - TimeDelta::hours(1);
    let count = messages::count_to(conn, workspace, &letter.to.email.to_lowercase(), since).await?;
    Ok(count >= MOST_INVITATIONS)
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
        Happened::Guests | Happened::Link => return None,
    })
}

/// Has the booking's entries in calendars outside written anew. It stands as it is now, not as it was: what comes after has
/// an announcement of its own, and finds nothing left to write.
async fn reflect(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    facts: &Facts,
    change: &BookingChange,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // Answers and no-shows are not part of an entry.
    if matches!(change.what, Happened::Rsvp | Happened::NoShow) {
        return Ok(());
    }
    let hosts: Vec<MemberId> = facts.hosts.iter().map(|host| host.member_id.clone()).collect();
    sync::reflect(conn, workspace, &facts.booking, &hosts, facts.status.holds_time(), now).await?;
    if let Some((left, ..)) = &change.left {
        sync::reflect(conn, workspace, left, &[], false, now).await?;
    }
    Ok(())
}

/// Who gets the booking into their calendar by another way than the mail.
#[derive(Debug, Default)]
struct InCalendars {
    /// Hosts whose own calendar it is written to.
    hosts: Vec<MemberId>,
    /// The invitee and their guests, whom a host's provider invites.
    invited: bool,
}

impl InCalendars {
    async fn load(conn: &mut Conn, change: &BookingChange) -> Result<Self, StoreError> {
        let mut hosts = Vec::new();
        for host in change.hosts.iter().chain(&change.former_hosts) {
            if sync::has_receiver(conn, host).await? {
                hosts.push(host.clone());
            }
        }
        Ok(Self { hosts, invited: sync::provider_invites(conn, &change.hosts).await? })
    }
}

/// One change, told about one invitee's appointment.
struct Telling<'a> {
    in_calendars: &'a InCalendars,
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
            about.in_calendar = match &about.reader {
                Reader::Invitee | Reader::Guest => self.in_calendars.invited,
                Reader::Host(member) => self.in_calendars.hosts.contains(member),
            };
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
            Happened::Link => What::Link,
            Happened::Rsvp | Happened::NoShow => return None,
        })
    }

    /// Guests hear of a booking once it takes place. Until then there is nothing to come to, and nothing to take back.
    fn what_for_guests(&self) -> Option<What> {
        if self.invitee.guests_told {
            return self.what();
        }
        let takes_place = self.change.status == BookingStatus::Confirmed
            && !matches!(self.change.what, Happened::Cancelled | Happened::Rsvp | Happened::NoShow);
        takes_place.then_some(What::Confirmed)
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
        let told = self.invitee.guests_told;
        for email in &guests {
            let new =
                told && self.change.what == Happened::Guests && !self.change.former_guests.contains(email);
            let what = if new { Some(What::Confirmed) } else { self.what_for_guests() };
            if let Some(what) = what {
                letters.push(self.letter(guest(email), zone, Reader::Guest, what)?);
            }
        }
        if told && self.change.what == Happened::Guests {
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
            if let Some(host) = attendees::member(conn, &self.facts.workspace, id).await? {
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
                let Some(host) = attendees::member(conn, &self.facts.workspace, id).await? else {
                    continue;
                };
                let what = if *goes_on { What::Guests } else { What::Cancelled };
                let mut letter = self.to_host(&host, what)?;
                let participants = invitees::names(conn, booking).await?;
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
