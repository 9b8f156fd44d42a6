//! What letters and webhooks say of a booking.

use crate::{
    api::public::Place,
    domain::{
        appointment::{BookingStatus, Change},
        event_type::EventTypeRules,
        ids::{BookingId, MemberId, WorkspaceId},
    },
    server::{
        context::Context,
        mail::letter::{About, By, Content, Letter, Person, Reader, What},
        store::{
            Conn, StoreError,
            attendees::{self, AttendeeRow},
            bookings,
            event_types::{self, EventTypeRow},
            instant,
            invitees::{self, AppointmentRow},
        },
        use_cases::{mail_settings, plan::place},
        webhooks::body,
    },
};
use chrono::{DateTime, Utc};

/// What letters about a booking have in common.
pub(in crate::server::use_cases) struct Facts {
    pub(in crate::server::use_cases) workspace: WorkspaceId,
    pub(in crate::server::use_cases) booking: BookingId,
    pub(in crate::server::use_cases) status: BookingStatus,
    pub(in crate::server::use_cases) start: DateTime<Utc>,
    pub(in crate::server::use_cases) end: DateTime<Utc>,
    pub(in crate::server::use_cases) event_type: EventTypeRow,
    pub(in crate::server::use_cases) rules: EventTypeRules,
    pub(in crate::server::use_cases) hosts: Vec<AttendeeRow>,
    pub(in crate::server::use_cases) organizer: String,
    pub(in crate::server::use_cases) sequence: i64,
    /// The link of its online meeting, or empty.
    pub(in crate::server::use_cases) meeting: String,
    pub(in crate::server::use_cases) expires: Option<DateTime<Utc>>,
    pub(in crate::server::use_cases) seats: u32,
    /// Names of everyone who has a seat, where seats are shared.
    pub(in crate::server::use_cases) participants: Vec<String>,
}

impl Facts {
    /// Reads what letters need; names the organizer of the calendar entries if this is their first.
    pub(in crate::server::use_cases) async fn load(
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
            let from = mail_settings::sender_address(conn, context, workspace).await?;
            bookings::set_organizer(conn, workspace, booking, &from).await?;
            from
        } else {
            row.organizer
        };
        let seats = u32::try_from(row.seats).unwrap_or(1);
        let participants = if seats > 1 {
            invitees::names(conn, booking).await?.into_iter().map(|(name, _)| name).collect()
        } else {
            Vec::new()
        };
        Ok(Some(Self {
            workspace: workspace.clone(),
            booking: booking.clone(),
            status: row.status,
            start: instant(row.start_at),
            end: instant(row.end_at),
            rules: event_type.rules()?,
            event_type,
            hosts: attendees::of_booking(conn, booking).await?,
            organizer,
            sequence: row.sequence,
            meeting: row.meeting,
            expires: row.expires_at.map(instant),
            seats,
            participants,
        }))
    }

    /// Where it takes place: the link of a video call is for those whose appointment takes place, and an invitee's number
    /// for nobody whom they bring along or sit beside.
    fn place(&self, is_guest: bool, invitee: &AppointmentRow) -> Place {
        let private = is_guest || self.seats > 1;
        let takes_place = self.status == BookingStatus::Confirmed;
        let mut place = place(&self.rules.location, takes_place, &invitee.phone, &self.meeting);
        if place.needs_phone && private {
            place.detail = String::new();
        }
        place
    }

    /// A letter about the appointment of one invitee, to one reader.
    pub(in crate::server::use_cases) fn letter(
        &self,
        to: Person,
        zone: &str,
        reader: Reader,
        what: What,
        invitee: &AppointmentRow,
    ) -> Result<Letter, StoreError> {
        let place = self.place(matches!(reader, Reader::Guest), invitee);
        let policy = self.rules.policy;
        // A seat in a session that goes on is cancelled all the same.
        let status = match what {
            What::Cancelled => BookingStatus::Cancelled,
            What::Declined | What::Expired => BookingStatus::Declined,
            _ => self.status,
        };
        let changes = status.holds_time() && what != What::Released;
        let is_host = matches!(reader, Reader::Host(_));
        let reader_of = match &reader {
            Reader::Host(member) => Some(member.clone()),
            Reader::Invitee | Reader::Guest => None,
        };
        let about = About {
            what,
            in_calendar: false,
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
            rsvp: match &reader_of {
                Some(member) => {
                    self.hosts.iter().find(|host| host.member_id == *member).map(|host| host.rsvp.clone())
                }
                None => None,
            },
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

    /// What a host would be told of the booking as it stands; `None` when nobody has a place in it.
    pub(in crate::server::use_cases) async fn to_host_now(
        &self,
        conn: &mut Conn,
        host: &MemberId,
    ) -> Result<Option<Letter>, StoreError> {
        let Some(host) = self.hosts.iter().find(|known| known.member_id == *host) else { return Ok(None) };
        let Some(first) = invitees::ids(conn, &self.workspace, &self.booking).await?.into_iter().next()
        else {
            return Ok(None);
        };
        let Some(invitee) = invitees::by_id(conn, &self.workspace, &first).await? else { return Ok(None) };
        let to = Person { name: host.name.clone(), email: host.email.clone() };
        let reader = Reader::Host(host.member_id.clone());
        let mut letter = self.letter(to, &self.event_type.zone, reader, What::Confirmed, &invitee)?;
        if let Content::Booking(about) = &mut letter.content {
            about.sequence = self.sequence;
        }
        Ok(Some(letter))
    }

    /// Everyone who is invited to the booking: name and address.
    pub(in crate::server::use_cases) async fn invitees(
        &self,
        conn: &mut Conn,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut found = Vec::new();
        for id in invitees::ids(conn, &self.workspace, &self.booking).await? {
            let Some(row) = invitees::by_id(conn, &self.workspace, &id).await? else { continue };
            // Whoever was forgotten is not written to.
            if !row.email.is_empty() {
                let guests = row.guests()?;
                found.push((row.name, row.email));
                found.extend(guests.into_iter().map(|guest| (String::new(), guest)));
            }
        }
        Ok(found)
    }

    /// What webhooks are told of an invitee's appointment.
    pub(in crate::server::use_cases) fn data(
        &self,
        invitee: &AppointmentRow,
        by: &str,
    ) -> Result<body::BookingData, StoreError> {
        let place = self.place(false, invitee);
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
