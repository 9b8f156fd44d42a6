//! Appointments as calendars understand them: objects of RFC 5545, sent as RFC 5546 and RFC 6047 ask.
//!
//! UID and ORGANIZER never change and SEQUENCE grows, so that a calendar recognises a later mail as news of the same
//! entry. A time stands in the reader's zone with that zone's rules beside it; where the clock shows that time twice, it
//! stands in UTC, since a local time would mean the first of the two (RFC 5545 §3.3.5).

use super::{
    address::mailto,
    clean,
    letter::{About, Letter, Person, Reader, What},
    vtimezone::{self, floating},
    words,
};
use crate::{
    domain::{appointment::BookingStatus, zone::ZoneRules},
    server::links::Links,
};
use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarDuration, ICalendarEntry,
        ICalendarMethod, ICalendarParameter, ICalendarParameterName, ICalendarParticipationRole,
        ICalendarParticipationStatus, ICalendarProperty, ICalendarStatus, ICalendarValue, ICalendarValueType,
    },
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, sync::Arc};

/// An entry of a calendar.
#[derive(Debug, Clone)]
pub struct Entry {
    /// It never changes.
    pub uid: String,
    /// It grows with every change.
    pub sequence: i64,
    /// When this was written: of two with the same sequence the later one counts.
    pub stamp: DateTime<Utc>,
    /// Start.
    pub start: DateTime<Utc>,
    /// End.
    pub end: DateTime<Utc>,
    /// The zone that times are written in.
    pub zone: Arc<ZoneRules>,
    /// Its name.
    pub summary: String,
    /// More about it; several lines.
    pub description: String,
    /// Where.
    pub location: String,
    /// A page about it.
    pub url: Option<String>,
    /// Where the booking stands.
    pub status: BookingStatus,
    /// Who sends invitations to it: name and address.
    pub organizer: Option<Person>,
    /// Who takes part, and whether they said that they come.
    pub attendees: Vec<(Person, Answered)>,
}

/// A calendar object that is sent, and the METHOD that the mail's Content-Type has to name too (RFC 6047 §2.4).
#[derive(Debug)]
pub struct Invitation {
    /// `REQUEST` or `CANCEL`.
    pub method: &'static str,
    /// The object.
    pub text: String,
}

/// A text inside a parameter: double quotes can't be written there (RFC 5545 §3.1), and a backslash would be doubled.
fn parameter(text: &str) -> String {
    clean::line(text, 120).replace('"', "'").replace('\\', "/")
}

/// Someone as ORGANIZER or ATTENDEE.
pub(in crate::server) fn person(property: ICalendarProperty, person: &Person) -> ICalendarEntry {
    let mut entry = ICalendarEntry::new(property).with_value(ICalendarValue::Text(mailto(&person.email)));
    let name = parameter(&person.name);
    if !name.is_empty() {
        entry.add_param(ICalendarParameter::new(ICalendarParameterName::Cn, name));
    }
    entry
}

/// What an attendee has answered (PARTSTAT, RFC 5545 §3.2.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// They come.
    Comes,
    /// They were not asked, or have not answered.
    Nothing,
    /// They don't come.
    Declined,
}

fn attendee(whom: &Person, answered: Answered) -> ICalendarEntry {
    let answer = match answered {
        Answered::Comes => ICalendarParticipationStatus::Accepted,
        Answered::Nothing => ICalendarParticipationStatus::NeedsAction,
        Answered::Declined => ICalendarParticipationStatus::Declined,
    };
    person(ICalendarProperty::Attendee, whom)
        .with_param(ICalendarParameter::new(
            ICalendarParameterName::Role,
            ICalendarParticipationRole::ReqParticipant,
        ))
        .with_param(ICalendarParameter::new(ICalendarParameterName::Partstat, answer))
        // Answers are given on our pages; nobody reads what is sent to the organizer's address.
        .with_param(ICalendarParameter::new(ICalendarParameterName::Rsvp, false))
}

/// Does the clock on the wall name this instant?
fn has_a_name(zone: &ZoneRules, at: DateTime<Utc>) -> bool {
    zone.first_instant(zone.local(at)) == at
}

fn in_utc(entry: &Entry) -> bool {
    let zone = &entry.zone;
    matches!(zone.name(), "UTC" | "Etc/UTC") || !has_a_name(zone, entry.start) || !has_a_name(zone, entry.end)
}

fn utc(at: DateTime<Utc>) -> ICalendarValue {
    ICalendarValue::PartialDateTime(Box::new(PartialDateTime::from_utc_timestamp(at.timestamp())))
}

fn time(property: ICalendarProperty, entry: &Entry, at: DateTime<Utc>) -> ICalendarEntry {
    if in_utc(entry) {
        return ICalendarEntry::new(property).with_value(utc(at));
    }
    ICalendarEntry::new(property)
        .with_param(ICalendarParameter::new(ICalendarParameterName::Tzid, entry.zone.name().to_owned()))
        .with_value(floating(entry.zone.local(at).and_utc().timestamp()))
}

/// An entry as a VEVENT.
pub(in crate::server) fn event(entry: &Entry) -> ICalendarComponent {
    let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
    let text = |text: String| ICalendarValue::Text(text);
    event.add_uid(&entry.uid);
    event.add_sequence(entry.sequence);
    event.add_property(ICalendarProperty::Dtstamp, utc(entry.stamp));
    event.entries.push(time(ICalendarProperty::Dtstart, entry, entry.start));
    event.entries.push(time(ICalendarProperty::Dtend, entry, entry.end));
    event.add_property(ICalendarProperty::Summary, text(clean::line(&entry.summary, 250)));
    for (property, value) in [
        (ICalendarProperty::Description, clean::lines(&entry.description)),
        (ICalendarProperty::Location, clean::line(&entry.location, 2_000)),
    ] {
        if !value.is_empty() {
            event.add_property(property, text(value));
        }
    }
    if let Some(url) = &entry.url {
        event.add_property(ICalendarProperty::Url, text(url.clone()));
    }
    let (status, busy) = match entry.status {
        BookingStatus::Confirmed => (ICalendarStatus::Confirmed, "BUSY"),
        BookingStatus::Pending => (ICalendarStatus::Tentative, "TENTATIVE"),
        BookingStatus::Cancelled | BookingStatus::Declined => (ICalendarStatus::Cancelled, "FREE"),
    };
    event.add_property(ICalendarProperty::Status, ICalendarValue::Status(status));
    event.add_property(
        ICalendarProperty::Other("X-MICROSOFT-CDO-BUSYSTATUS".to_owned()),
        text(busy.to_owned()),
    );
    if let Some(organizer) = &entry.organizer {
        event.entries.push(person(ICalendarProperty::Organizer, organizer));
    }
    event.entries.extend(entry.attendees.iter().map(|(person, answered)| attendee(person, *answered)));
    event
}

/// A calendar with these entries, and the zones that their times are in. Without a method it is a calendar to keep; with
/// one it is news for a calendar.
fn calendar(method: Option<ICalendarMethod>, entries: &[Entry]) -> String {
    object(head(method), entries, entries.iter().map(event).collect())
}

/// The beginning of a calendar.
pub(in crate::server) fn head(method: Option<ICalendarMethod>) -> ICalendarComponent {
    let mut head = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    head.add_property(ICalendarProperty::Version, ICalendarValue::Text("2.0".to_owned()));
    head.add_property(
        ICalendarProperty::Prodid,
        ICalendarValue::Text("-//Meridian//Meridian//EN".to_owned()),
    );
    if let Some(method) = method {
        head.add_property(ICalendarProperty::Method, ICalendarValue::Method(method));
    }
    head
}

/// What calendars are told about a feed itself: its name, and how often to ask (RFC 7986 §5.1 and §5.7, and the words
/// that were in use before it).
pub(in crate::server) fn published_head(name: &str) -> ICalendarComponent {
    let hour = || ICalendarValue::Duration(ICalendarDuration { hours: 1, ..ICalendarDuration::default() });
    let name = || ICalendarValue::Text(clean::line(name, 250));
    let other = |name: &str| ICalendarProperty::Other(name.to_owned());
    let mut head = head(Some(ICalendarMethod::Publish));
    head.add_property(ICalendarProperty::Name, name());
    head.add_property(other("X-WR-CALNAME"), name());
    let value = ICalendarParameter::new(ICalendarParameterName::Value, ICalendarValueType::Duration);
    head.entries
        .push(ICalendarEntry::new(ICalendarProperty::RefreshInterval).with_param(value).with_value(hour()));
    head.add_property(other("X-PUBLISHED-TTL"), hour());
    head
}

/// A calendar to subscribe to.
pub fn published(name: &str, entries: &[Entry]) -> String {
    object(published_head(name), entries, entries.iter().map(event).collect())
}

/// A calendar of these events, and the zones that the times of these entries are in.
pub(in crate::server) fn object(
    head: ICalendarComponent,
    entries: &[Entry],
    events: Vec<ICalendarComponent>,
) -> String {
    let mut spans: BTreeMap<&str, (&ZoneRules, DateTime<Utc>, DateTime<Utc>)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !in_utc(entry)) {
        let (_, first, last) =
            spans.entry(entry.zone.name()).or_insert_with(|| (entry.zone.as_ref(), entry.start, entry.end));
        *first = (*first).min(entry.start);
        *last = (*last).max(entry.end);
    }
    let mut components = vec![head];
    let mut top = Vec::new();
    // Ids are places in the list; more than four billion of them would not fit anything else either.
    let next = |components: &Vec<ICalendarComponent>| u32::try_from(components.len()).unwrap_or(u32::MAX);
    for (rules, first, last) in spans.into_values() {
        let (mut zone, parts) = vtimezone::components(rules, first, last);
        top.push(next(&components));
        zone.component_ids = (next(&components).saturating_add(1)..).take(parts.len()).collect();
        components.push(zone);
        components.extend(parts);
    }
    for event in events {
        top.push(next(&components));
        components.push(event);
    }
    if let Some(head) = components.first_mut() {
        head.component_ids = top;
    }
    ICalendar { components }.to_string()
}

/// A calendar to download or subscribe to.
pub fn file(entries: &[Entry]) -> String {
    calendar(None, entries)
}

/// How the entry is called in the reader's calendar.
fn summary(letter: &Letter, about: &About) -> String {
    let other = match &about.reader {
        Reader::Host(_) if about.seats > 1 => return about.service.clone(),
        Reader::Host(_) => &about.who.name,
        Reader::Invitee | Reader::Guest => &letter.workspace,
    };
    format!("{}: {}", clean::line(&about.service, 120), clean::line(other, 120))
}

fn description(letter: &Letter, about: &About, links: Links<'_>) -> String {
    let mut lines = Vec::new();
    let hosts = words::hosts(about);
    if !hosts.is_empty() {
        lines.push(format!("With {hosts} ({}).", clean::line(&letter.workspace, 120)));
    }
    match &about.reader {
        Reader::Invitee => lines.push(format!("Move or cancel: {}", links.appointment(&about.invitee))),
        Reader::Guest => {
            let who = clean::line(&about.who.name, 120);
            lines.push(format!("To change anything, please ask {who}, who booked it."));
        }
        Reader::Host(_) => {
            if about.seats > 1 {
                lines.push(format!("{} of {} seats are taken.", about.participants.len(), about.seats));
                lines.extend(about.participants.iter().map(|name| clean::line(name, 254)));
            } else {
                for text in [&about.who.name, &about.who.email, &about.phone, &about.notes] {
                    lines.push(clean::lines(text));
                }
                lines.extend(about.answers.iter().map(|answer| {
                    format!("{}: {}", clean::line(&answer.label, 200), clean::lines(&answer.value))
                }));
            }
            lines.push(links.bookings());
        }
    }
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// Who is in the reader's copy. Those who share the seats of an appointment don't read of each other, and a host's copy
/// of it names none of them: calendars show attendees to everyone.
fn attendees(letter: &Letter, about: &About) -> Vec<(Person, Answered)> {
    if about.what == What::Released {
        return vec![(letter.to.clone(), Answered::Nothing)];
    }
    let who = (about.who.clone(), Answered::Comes);
    match &about.reader {
        Reader::Invitee | Reader::Guest => {
            let guests =
                about.guests.iter().map(|email| Person { name: String::new(), email: email.clone() });
            std::iter::once(who).chain(guests.map(|guest| (guest, Answered::Nothing))).collect()
        }
        Reader::Host(_) => {
            let answered = match about.rsvp.as_deref() {
                Some("declined") => Answered::Declined,
                Some("pending") => Answered::Nothing,
                _ if about.status == BookingStatus::Confirmed => Answered::Comes,
                _ => Answered::Nothing,
            };
            let host = (letter.to.clone(), answered);
            if about.seats > 1 { vec![host] } else { vec![host, who] }
        }
    }
}

/// What a letter tells the reader's calendar; a reminder tells it nothing.
pub fn invitation(
    letter: &Letter,
    about: &About,
    links: Links<'_>,
    stamp: DateTime<Utc>,
) -> Option<Invitation> {
    let (method, word) = match about.what {
        _ if about.in_calendar => return None,
        What::Confirmed | What::Pending | What::Approved | What::Moved | What::Guests | What::Link => {
            (ICalendarMethod::Request, "REQUEST")
        }
        What::Cancelled | What::Declined | What::Expired | What::Released => {
            (ICalendarMethod::Cancel, "CANCEL")
        }
        What::Reminder => return None,
    };
    let status = if word == "CANCEL" {
        BookingStatus::Cancelled
    } else if about.what == What::Pending || about.status == BookingStatus::Pending {
        BookingStatus::Pending
    } else {
        BookingStatus::Confirmed
    };
    let entry = Entry { status, ..entry(letter, about, links, stamp) };
    Some(Invitation { method: word, text: calendar(Some(method), &[entry]) })
}

/// A booking as an entry of the reader's calendar.
pub fn entry(letter: &Letter, about: &About, links: Links<'_>, stamp: DateTime<Utc>) -> Entry {
    Entry {
        uid: about.uid.clone(),
        sequence: about.sequence,
        stamp,
        start: about.start,
        end: about.end,
        zone: words::zone(letter),
        summary: summary(letter, about),
        description: description(letter, about, links),
        location: if about.place_detail.is_empty() {
            about.place.clone()
        } else {
            about.place_detail.clone()
        },
        url: (about.reader == Reader::Invitee).then(|| links.appointment(&about.invitee)),
        status: about.status,
        organizer: Some(Person { name: letter.workspace.clone(), email: about.organizer.clone() }),
        attendees: attendees(letter, about),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{mail::samples, zones};

    fn unfolded(text: &str) -> String {
        text.replace("\r\n ", "")
    }

    fn written(what: What, reader: Reader, change: impl FnOnce(&mut Letter, &mut About)) -> String {
        let (mut letter, mut about) = samples::booking(what, reader);
        change(&mut letter, &mut about);
        let secret = samples::secret();
        let links = Links { public_url: samples::PUBLIC, secret: &secret };
        let at = "2026-02-01T10:00:00Z".parse().unwrap();
        invitation(&letter, &about, links, at).map(|it| it.text).unwrap_or_default()
    }

    #[test]
    fn an_invitation_says_what_calendars_need() {
        let text = unfolded(&written(What::Confirmed, Reader::Invitee, |_, _| ()));
        for line in [
            "METHOD:REQUEST",
            "TZID:Europe/Berlin",
            "UID:0193b5a0-7c1e-7000-8000-000000000002",
            "SEQUENCE:4",
            "DTSTAMP:20260201T100000Z",
            "DTSTART;TZID=Europe/Berlin:20260303T143000",
            "DTEND;TZID=Europe/Berlin:20260303T150000",
            "SUMMARY:First visit: Studio Rosa",
            "STATUS:CONFIRMED",
            "ORGANIZER;CN=\"Studio Rosa\":mailto:hello@studio.example",
            "ATTENDEE;CN=\"Ada Lovelace\";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:ada@example.org",
            "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=FALSE:mailto:guest@example.net",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("URL:https://book.example.com/appointment/"), "{text}");
    }

    #[test]
    fn the_end_of_an_appointment_is_a_cancellation() {
        for what in [What::Cancelled, What::Declined, What::Expired, What::Released] {
            for reader in samples::readers() {
                let text = written(what, reader.clone(), |_, _| ());
                assert!(text.contains("METHOD:CANCEL\r\n"), "{what:?} {reader:?}");
                assert!(text.contains("STATUS:CANCELLED\r\n"), "{what:?} {reader:?}");
            }
        }
        assert!(written(What::Pending, Reader::Invitee, |_, _| ()).contains("STATUS:TENTATIVE\r\n"));
        assert!(written(What::Reminder, Reader::Invitee, |_, _| ()).is_empty());
    }

    #[test]
    fn those_who_share_seats_do_not_read_of_each_other() {
        let host = written(What::Confirmed, Reader::Host(samples::id(3)), |_, about| {
            about.seats = 5;
            about.participants = vec!["Ada Lovelace".into(), "Emmy Noether".into()];
        });
        let host = unfolded(&host);
        assert!(!host.contains("ada@example.org") && host.contains("grace@example.com"), "{host}");
        let guest = unfolded(&written(What::Confirmed, Reader::Guest, |_, _| ()));
        assert!(!guest.contains("/appointment/") && !guest.contains("grace@example.com"), "{guest}");
    }

    #[test]
    fn lines_end_in_crlf_and_are_folded_between_characters() {
        let text = written(What::Confirmed, Reader::Invitee, |letter, about| {
            letter.workspace = "工作室; “Rosa”, \"quoted\" \\ ".repeat(4);
            about.service = "Überraschung, 👩‍👩‍👧‍👦; ".repeat(9);
            about.who.name = "עדה לאבלייס".repeat(9);
        });
        assert!(text.ends_with("END:VCALENDAR\r\n"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        // Each piece being a `str`, none was cut inside a character.
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        let text = unfolded(&text);
        assert!(text.contains("SUMMARY:Überraschung\\, 👩‍👩‍👧‍👦\\; Über"), "{text}");
        assert!(text.contains("ORGANIZER;CN=\"工作室; “Rosa”, 'quoted' /"), "{text}");
    }

    #[test]
    fn nothing_that_people_enter_makes_lines_of_its_own() {
        let text = written(What::Confirmed, Reader::Host(samples::id(3)), |_, about| {
            about.notes = "x\r\nATTENDEE:mailto:evil@example.com".into();
            about.who.name = "Eve\r\nSTATUS:CANCELLED".into();
            about.place_detail = "a\nUID:1".into();
        });
        let text = unfolded(&text);
        assert!(!text.contains("\nATTENDEE:mailto:evil") && !text.contains("\nSTATUS:CANC"), "{text}");
        assert!(text.contains("x\\nATTENDEE:mailto:evil@example.com"), "{text}");
        assert!(text.contains("LOCATION:a UID:1\r\n"), "{text}");
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_is_written_in_utc() {
        let start = |at: &str| {
            let at: DateTime<Utc> = at.parse().unwrap();
            written(What::Confirmed, Reader::Invitee, |_, about| {
                about.start = at;
                about.end = at + chrono::TimeDelta::minutes(15);
            })
        };
        assert!(start("2026-10-25T00:30:00Z").contains("DTSTART;TZID=Europe/Berlin:20261025T023000\r\n"));
        assert!(start("2026-10-25T01:30:00Z").contains("DTSTART:20261025T013000Z\r\n"));
    }

    #[test]
    fn entries_in_one_file_share_their_zones() {
        let (_, about) = samples::booking(What::Confirmed, Reader::Invitee);
        let entry = |zone: &str| Entry {
            uid: "u".into(),
            sequence: 0,
            stamp: about.start,
            start: about.start,
            end: about.end,
            zone: zones::rules(zone).unwrap(),
            summary: "s".into(),
            description: String::new(),
            location: String::new(),
            url: None,
            status: BookingStatus::Confirmed,
            organizer: None,
            attendees: Vec::new(),
        };
        let text = file(&[entry("Europe/Berlin"), entry("UTC"), entry("Europe/Berlin"), entry("Asia/Tokyo")]);
        assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 2, "{text}");
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 4);
        assert!(!text.contains("METHOD"), "{text}");
        assert!(text.contains("DTSTART:20260303T133000Z\r\n"), "{text}");
    }
}
