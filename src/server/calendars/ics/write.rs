//! Events of ours as objects, and into objects that others have written in.

use super::{
    super::event::{Draft, Status, When},
    MARK,
    line::{Line, fold, unfolded},
    zone::known,
};
use crate::{
    domain::{appointment::BookingStatus, zone::ZoneRules},
    server::{
        mail::{
            calendar::{self, Entry},
            letter::Person,
        },
        zones,
    },
};
use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendarComponent, ICalendarEntry, ICalendarParameter, ICalendarParameterName,
        ICalendarParticipationRole, ICalendarParticipationStatus, ICalendarProperty, ICalendarTransparency,
        ICalendarValue, ICalendarValueType,
    },
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::sync::Arc;

/// What is ours in an event, whoever else writes in it. X-ALT-DESC and STYLED-DESCRIPTION are the description once more,
/// which would contradict ours.
const OURS: [&str; 17] = [
    "DTSTART",
    "DTEND",
    "DURATION",
    "DTSTAMP",
    "LAST-MODIFIED",
    "SEQUENCE",
    "SUMMARY",
    "DESCRIPTION",
    "X-ALT-DESC",
    "STYLED-DESCRIPTION",
    "LOCATION",
    "STATUS",
    "TRANSP",
    "X-MICROSOFT-CDO-BUSYSTATUS",
    "X-MICROSOFT-CDO-INTENDEDSTATUS",
    "X-MICROSOFT-CDO-ALLDAYEVENT",
    MARK,
];

/// How an event comes again. What is written is once; somebody may have made a series of it.
const SERIES: [&str; 4] = ["RRULE", "RDATE", "EXDATE", "EXRULE"];

/// An event as a calendar object for a PUT: one VEVENT, and the VTIMEZONE that its times are in (RFC 4791 §4.1).
///
/// `organizer` is the account's own address; servers that are to invite [`Draft::invite`] ask for it (RFC 6638 §3.1).
pub fn write(draft: &Draft, now: DateTime<Utc>, organizer: Option<&str>) -> String {
    let entry = entry(draft, now);
    let mut event = calendar::event(&entry);
    if let When::AllDay { start, end } = &draft.when {
        for entry in &mut event.entries {
            match entry.name {
                ICalendarProperty::Dtstart => *entry = day(ICalendarProperty::Dtstart, *start),
                ICalendarProperty::Dtend => *entry = day(ICalendarProperty::Dtend, *end),
                _ => {}
            }
        }
    }
    event.add_property(ICalendarProperty::LastModified, instant(now));
    let (transparency, busy) = match (draft.busy, draft.status) {
        (true, Status::Tentative) => (ICalendarTransparency::Opaque, "TENTATIVE"),
        (true, _) => (ICalendarTransparency::Opaque, "BUSY"),
        (false, _) => (ICalendarTransparency::Transparent, "FREE"),
    };
    event.add_property(ICalendarProperty::Transp, ICalendarValue::Transparency(transparency));
    let busy_status = ICalendarProperty::Other("X-MICROSOFT-CDO-BUSYSTATUS".to_owned());
    event.entries.retain(|entry| entry.name != busy_status);
    event.add_property(busy_status, text(busy));
    event.add_property(ICalendarProperty::Other(MARK.to_owned()), text(&draft.mark));
    invite(&mut event, draft, organizer);
    let timed: &[Entry] = match draft.when {
        When::Timed { .. } => std::slice::from_ref(&entry),
        When::AllDay { .. } => &[],
    };
    calendar::object(calendar::head(None), timed, vec![event])
}

fn text(text: &str) -> ICalendarValue {
    ICalendarValue::Text(text.to_owned())
}

fn instant(at: DateTime<Utc>) -> ICalendarValue {
    ICalendarValue::PartialDateTime(Box::new(PartialDateTime::from_utc_timestamp(at.timestamp())))
}

fn day(property: ICalendarProperty, day: NaiveDate) -> ICalendarEntry {
    ICalendarEntry::new(property)
        .with_param(ICalendarParameter::new(ICalendarParameterName::Value, ICalendarValueType::Date))
        .with_value(text(&day.format("%Y%m%d").to_string()))
}

fn entry(draft: &Draft, now: DateTime<Utc>) -> Entry {
    let midnight = |day: &NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let (start, end, zone) = match &draft.when {
        When::Timed { start, end, zone } => (*start, *end, zone.as_str()),
        When::AllDay { start, end } => (midnight(start), midnight(end), ""),
    };
    Entry {
        uid: draft.uid.clone(),
        sequence: draft.sequence,
        stamp: now,
        start,
        end,
        zone: known(zone).and_then(|name| zones::rules(&name)).unwrap_or_else(|| Arc::new(ZoneRules::utc())),
        summary: draft.title.clone(),
        description: draft.description.clone(),
        location: draft.location.clone(),
        url: None,
        status: match draft.status {
            Status::Confirmed => BookingStatus::Confirmed,
            Status::Tentative => BookingStatus::Pending,
            Status::Cancelled => BookingStatus::Cancelled,
        },
        organizer: None,
        attendees: Vec::new(),
    }
}

fn invite(event: &mut ICalendarComponent, draft: &Draft, organizer: Option<&str>) {
    if draft.invite.is_empty() {
        return;
    }
    let person = |property, name: &str, email: &str| {
        calendar::person(property, &Person { name: name.to_owned(), email: email.to_owned() })
    };
    if let Some(organizer) = organizer {
        event.entries.push(person(ICalendarProperty::Organizer, "", organizer));
    }
    for (name, email) in &draft.invite {
        let attendee = person(ICalendarProperty::Attendee, name, email)
            .with_param(ICalendarParameter::new(
                ICalendarParameterName::Role,
                ICalendarParticipationRole::ReqParticipant,
            ))
            .with_param(ICalendarParameter::new(
                ICalendarParameterName::Partstat,
                ICalendarParticipationStatus::NeedsAction,
            ))
            .with_param(ICalendarParameter::new(ICalendarParameterName::Rsvp, true));
        event.entries.push(attendee);
    }
}

fn parse(line: &str) -> Option<Line<'_>> {
    Line::new(line.into())
}

fn names(line: &str, name: &str) -> bool {
    parse(line).is_some_and(|line| line.is(name))
}

fn marks(line: &str, edge: &str, component: &str) -> bool {
    parse(line).is_some_and(|line| line.is(edge) && line.value().trim().eq_ignore_ascii_case(component))
}

/// Where components begin, and their lines from BEGIN to END.
fn blocks<'a>(lines: &'a [String], component: &str) -> Vec<(usize, &'a [String])> {
    let mut blocks = Vec::new();
    let mut begun = None;
    for (at, line) in lines.iter().enumerate() {
        if marks(line, "BEGIN", component) {
            begun = Some(at);
        } else if marks(line, "END", component)
            && let Some(begun) = begun.take()
            && let Some(block) = lines.get(begun..=at)
        {
            blocks.push((begun, block));
        }
    }
    blocks
}

/// The properties of a component's own, without those of components inside it; each with whether it is its own.
fn own(block: &[String]) -> impl Iterator<Item = (&String, bool)> + Clone {
    let mut depth = 0_usize;
    block.iter().map(move |line| {
        let (begin, end) = (names(line, "BEGIN"), names(line, "END"));
        if begin {
            depth += 1;
        }
        let is_own = depth == 1 && !begin && !end;
        if end {
            depth = depth.saturating_sub(1);
        }
        (line, is_own)
    })
}

fn first<'a>(block: &'a [String], name: &str) -> Option<Line<'a>> {
    own(block).filter(|(line, is_own)| *is_own && names(line, name)).find_map(|(line, _)| parse(line))
}

/// An object that others have written in, with its event as in the draft: properties that we don't know, alarms, attendees
/// with their answers and the UID stay. A series becomes a single event, so its differing instances go; where there is none,
/// they are somebody else's. An object without an event is written anew.
pub fn merge(existing: &str, draft: &Draft, now: DateTime<Utc>, organizer: Option<&str>) -> String {
    let written = write(draft, now, organizer);
    let unfold = |text: &str| -> Vec<String> {
        unfolded(text, usize::MAX).map(std::borrow::Cow::into_owned).filter(|line| !line.is_empty()).collect()
    };
    let (old, new) = (unfold(existing), unfold(&written));
    let events = blocks(&old, "VEVENT");
    let (Some(&(begin, event)), Some(&(_, draft_lines))) = (
        events.iter().find(|(_, event)| first(event, "RECURRENCE-ID").is_none()),
        blocks(&new, "VEVENT").first(),
    ) else {
        return written;
    };
    let described = blocks(&old, "VTIMEZONE");
    let has_zone = |tzid: &str| {
        described.iter().any(|(_, zone)| first(zone, "TZID").is_some_and(|line| line.text() == tzid))
    };
    let zones = blocks(&new, "VTIMEZONE")
        .into_iter()
        .filter(|(_, zone)| !first(zone, "TZID").is_some_and(|line| has_zone(&line.text())))
        .flat_map(|(_, zone)| zone);
    let mut out = String::with_capacity(existing.len() + written.len());
    let after = begin + event.len();
    let before = events.first().map_or(begin, |(first, _)| *first);
    let is_series = first(event, "RRULE").is_some() || first(event, "RDATE").is_some();
    let instances = |at: usize| {
        let mut events = events.iter().filter(|(_, event)| first(event, "RECURRENCE-ID").is_some());
        is_series && events.any(|(begin, event)| (*begin..begin + event.len()).contains(&at))
    };
    let ours = |line: &str| OURS.iter().chain(&SERIES).any(|name| names(line, name));
    let kept = own(event).filter(|(line, is_own)| !*is_own || !ours(line)).map(|(line, _)| line);
    let added = additions(event, draft_lines);
    let (opening, kept) = (kept.clone().take(1), kept.skip(1));
    let others = |from: usize, until: usize| {
        let some = old.iter().enumerate().take(until).skip(from);
        some.filter(|(at, _)| !instances(*at)).map(|(_, line)| line)
    };
    others(0, before)
        .chain(zones)
        .chain(others(before, begin))
        .chain(opening)
        .chain(&added)
        .chain(kept)
        .chain(others(after, old.len()))
        .for_each(|line| fold(line, &mut out));
    out
}

/// The lines of the draft that go into the event.
fn additions(event: &[String], draft: &[String]) -> Vec<String> {
    let attendee = |line: &str| parse(line).map(|line| line.value().trim().to_lowercase());
    let there: Vec<String> = own(event)
        .filter(|(line, is_own)| *is_own && names(line, "ATTENDEE"))
        .filter_map(|(line, _)| attendee(line))
        .collect();
    let sequence = |block| first(block, "SEQUENCE").and_then(|line| line.value().trim().parse::<i64>().ok());
    let sequence = sequence(event).unwrap_or(0).max(sequence(draft).unwrap_or(0));
    own(draft)
        .filter(|(_, is_own)| *is_own)
        .filter_map(|(line, _)| {
            let parsed = parse(line)?;
            match parsed.name() {
                "UID" => first(event, "UID").is_none().then(|| line.clone()),
                "SEQUENCE" => Some(format!("SEQUENCE:{sequence}")),
                "ATTENDEE" => attendee(line).filter(|who| !there.contains(who)).map(|_| line.clone()),
                "ORGANIZER" => first(event, "ORGANIZER").is_none().then(|| line.clone()),
                _ => Some(line.clone()),
            }
        })
        .collect()
}
