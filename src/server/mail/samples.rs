//! Letters for tests.

use super::letter::{About, By, Content, Letter, Person, Reader, What};
use crate::{
    domain::{appointment::BookingStatus, event_type::Price, questions::Answer},
    server::crypto::Secret,
};

pub(super) const PUBLIC: &str = "https://book.example.com";

pub(super) fn secret() -> Secret {
    Secret::new(vec![7; 32]).unwrap()
}

pub(super) fn id<T: TryFrom<String, Error: std::fmt::Debug>>(n: u32) -> T {
    format!("0193b5a0-7c1e-7000-8000-{n:012}").try_into().unwrap()
}

pub(super) fn person(name: &str, email: &str) -> Person {
    Person { name: name.into(), email: email.into() }
}

pub(super) const ALL: [What; 11] = [
    What::Confirmed,
    What::Pending,
    What::Approved,
    What::Declined,
    What::Expired,
    What::Moved,
    What::Cancelled,
    What::Guests,
    What::Link,
    What::Reminder,
    What::Released,
];

pub(super) fn readers() -> [Reader; 3] {
    [Reader::Invitee, Reader::Guest, Reader::Host(id(3))]
}

/// What stands in the database after this happened.
fn status(what: What) -> BookingStatus {
    match what {
        What::Pending => BookingStatus::Pending,
        What::Declined => BookingStatus::Declined,
        What::Expired | What::Cancelled => BookingStatus::Cancelled,
        _ => BookingStatus::Confirmed,
    }
}

pub(super) fn booking(what: What, reader: Reader) -> (Letter, About) {
    let (to, uid) = match &reader {
        Reader::Invitee => (person("Ada Lovelace", "ada@example.org"), 2),
        Reader::Guest => (person("", "guest@example.net"), 2),
        Reader::Host(_) => (person("Grace Hopper", "grace@example.com"), 1),
    };
    let uid: crate::domain::ids::RowId = id(uid);
    let about = About {
        in_calendar: false,
        what,
        reader,
        by: By::Invitee,
        booking: id(1),
        invitee: id(2),
        status: status(what),
        uid: uid.to_string(),
        sequence: 4,
        organizer: "hello@studio.example".into(),
        service: "First visit".into(),
        start: "2026-03-03T13:30:00Z".parse().unwrap(),
        end: "2026-03-03T14:00:00Z".parse().unwrap(),
        was: (what == What::Moved).then(|| "2026-03-02T09:00:00Z".parse().unwrap()),
        hosts: vec![person("Grace Hopper", "grace@example.com"), person("Alan Turing", "alan@example.com")],
        place: "Video call".into(),
        place_detail: "https://meet.example.com/room?a=1&b=2".into(),
        who: person("Ada Lovelace", "ada@example.org"),
        phone: "+44 20 7946 0000".into(),
        who_zone: "Europe/London".into(),
        guests: vec!["guest@example.net".into()],
        participants: Vec::new(),
        seats: 1,
        notes: "Bring <cake>\nand tea".into(),
        answers: vec![Answer { key: "t".into(), label: "Topic".into(), value: "Engines & looms".into() }],
        price: Some(Price { minor: 4500, currency: "EUR".into() }),
        reason: if matches!(what, What::Cancelled | What::Declined) {
            "I am ill".into()
        } else {
            String::new()
        },
        policy: vec!["You can move it until 1 day before it starts.".into()],
        can_move: true,
        can_cancel: true,
        expires: (what == What::Pending).then(|| "2026-03-02T08:00:00Z".parse().unwrap()),
        rsvp: None,
        own_subject: String::new(),
        own_paragraph: String::new(),
    };
    (letter(to, Content::Booking(Box::new(about.clone()))), about)
}

pub(super) fn letter(to: Person, content: Content) -> Letter {
    Letter {
        to,
        zone: "Europe/Berlin".into(),
        workspace: "Studio Rosa".into(),
        workspace_slug: "rosa".into(),
        content,
    }
}

/// A letter that says this instead.
pub(super) fn about(letter: &Letter, about: About) -> Letter {
    Letter { content: Content::Booking(Box::new(about)), ..letter.clone() }
}
