//! Letters: what a mail says to one person, as it was when it was caused.
//!
//! Kept as JSON beside the message. Links are not part of it: their tokens are derived when the letter is written out,
//! so that whoever reads the database can't follow them.

use crate::domain::{
    appointment::BookingStatus,
    event_type::Price,
    ids::{BookingId, InviteeId, MemberId, OrderId, RowId, WebhookId},
    questions::Answer,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A name (perhaps empty) and an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name, or empty.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A mail to one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Who reads it.
    pub to: Person,
    /// The zone that they read times in.
    pub zone: String,
    /// The workspace's name.
    pub workspace: String,
    /// The workspace's part of the address.
    pub workspace_slug: String,
    /// What it says.
    pub content: Content,
}

/// What a letter says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Something about a booking.
    Booking(Box<About>),
    /// The link that signs in to the portal; its token is derived from this row.
    PortalLink {
        /// The row of the link.
        link: RowId,
    },
    /// The code and the link that verify an address before a booking; both are derived from the order.
    Verify {
        /// The order.
        order: OrderId,
        /// The service's name.
        service: String,
        /// The time that was asked for.
        start: DateTime<Utc>,
        /// Its end.
        end: DateTime<Utc>,
    },
    /// A webhook was switched off, because nothing got through for a day.
    WebhookDisabled {
        /// The webhook.
        webhook: WebhookId,
        /// Its address.
        url: String,
        /// What happened last, for a person.
        reason: String,
    },
    /// A calendar account must be connected again.
    Account {
        /// The provider's name.
        provider: String,
        /// The account, as its owner knows it.
        account: String,
        /// What happened, for a person.
        reason: String,
    },
    /// What "send me a test" sends.
    Test,
}

/// What happened to a booking, for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was made and takes place.
    Confirmed,
    /// It was made (or moved) and waits for approval.
    Pending,
    /// It was approved.
    Approved,
    /// It was refused.
    Declined,
    /// Nobody decided in time.
    Expired,
    /// It has another time (and perhaps other hosts).
    Moved,
    /// It was called off.
    Cancelled,
    /// The list of guests changed.
    Guests,
    /// The link of its online meeting is there.
    Link,
    /// It begins soon.
    Reminder,
    /// This reader no longer takes part, although it takes place: a host who was replaced, a guest who was taken off.
    Released,
}

/// Who reads a letter about a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// The person who booked.
    Invitee,
    /// Someone they bring along.
    Guest,
    /// A host.
    Host(MemberId),
}

/// Who changed a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The person who booked.
    Invitee,
    /// A member, by name.
    Member(String),
    /// Time, or a rule.
    System,
}

/// A booking as it was when the letter was caused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What happened.
    pub what: What,
    /// Who reads of it.
    pub reader: Reader,
    /// Does it come into the reader's calendar by another way? Then the mail brings no entry.
    #[serde(default)]
    pub in_calendar: bool,
    /// Who did it.
    pub by: By,
    /// The booking.
    pub booking: BookingId,
    /// The invitee whose appointment it is. Their links' token is derived from it.
    pub invitee: InviteeId,
    /// Where it stands after what happened.
    pub status: BookingStatus,
    /// UID of the calendar entry: the invitee's id for invitees and guests, the booking's for hosts. It never changes.
    pub uid: String,
    /// SEQUENCE of the calendar entry; grows with every change (RFC 5546 §2.1.4).
    pub sequence: i64,
    /// ORGANIZER of the calendar entry: the address that the booking's first mail came from. It never changes.
    pub organizer: String,
    /// The service's name.
    pub service: String,
    /// When it starts.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Moved: when it would have started.
    pub was: Option<DateTime<Utc>>,
    /// Hosts, with their addresses (which only hosts read).
    pub hosts: Vec<Person>,
    /// Where it takes place, in a word or two: "Video call".
    pub place: String,
    /// The address, the link or the number.
    pub place_detail: String,
    /// The person who booked.
    pub who: Person,
    /// Their telephone number, or empty.
    pub phone: String,
    /// Their zone.
    pub who_zone: String,
    /// Whom they bring along.
    pub guests: Vec<String>,
    /// Everyone who has a seat, when seats are shared; else empty. Hosts read it.
    pub participants: Vec<String>,
    /// Seats, 1 unless shared.
    pub seats: u32,
    /// What they wrote.
    pub notes: String,
    /// What they answered.
    pub answers: Vec<Answer>,
    /// What it costs.
    pub price: Option<Price>,
    /// Why it was cancelled or declined, or empty.
    pub reason: String,
    /// Until when it can be changed, a sentence each.
    pub policy: Vec<String>,
    /// May the invitee move it, as far as the policy goes?
    pub can_move: bool,
    /// May the invitee cancel it, as far as the policy goes?
    pub can_cancel: bool,
    /// Pending: when the hold ends.
    pub expires: Option<DateTime<Utc>>,
    /// What the host who reads it has answered: `pending`, `confirmed` or `declined`; nothing for others.
    #[serde(default)]
    pub rsvp: Option<String>,
    /// The owner's own subject, a template; empty for ours. See [`super::template`].
    pub own_subject: String,
    /// The owner's extra paragraph, a template; empty for none.
    pub own_paragraph: String,
}
