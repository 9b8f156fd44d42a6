//! Events as Graph writes them, in neutral words.

use super::mark;
use crate::{
    domain::zone::ZoneRules,
    server::{
        calendars::{
            event::{
                Answer, Instance, Meeting, Moment, Participant, Recurrence, RemoteEvent, Shows, Status,
                Texts, When, Zone,
            },
            fault::Fault,
            windows_zones,
        },
        zones,
    },
};
use chrono::{DateTime, Days, NaiveDateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// What is read of an event, for `$select`.
pub(super) const SELECT: &str = "id,subject,location,start,end,isAllDay,showAs,type,seriesMasterId,originalStart,\
    originalStartTimeZone,isCancelled,isOrganizer,responseStatus,attendees,organizer,isOnlineMeeting,onlineMeeting,\
    transactionId,sensitivity,iCalUId,createdDateTime";

/// An event, or what is left of it in an answer of delta. Only `id` is always there.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(rename = "@removed")]
    pub(super) removed: Option<serde::de::IgnoredAny>,
    #[serde(rename = "iCalUId")]
    uid: Option<String>,
    pub(super) created_date_time: Option<DateTime<Utc>>,
    pub(super) subject: Option<String>,
    location: Option<Location>,
    pub(super) start: Option<Local>,
    pub(super) end: Option<Local>,
    is_all_day: Option<bool>,
    show_as: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    pub(super) series_master_id: Option<String>,
    original_start: Option<DateTime<Utc>>,
    original_start_time_zone: Option<String>,
    is_cancelled: Option<bool>,
    is_organizer: Option<bool>,
    response_status: Option<Response>,
    pub(super) attendees: Option<Vec<Attendee>>,
    organizer: Option<Attendee>,
    pub(super) is_online_meeting: Option<bool>,
    online_meeting: Option<OnlineMeeting>,
    body: Option<Body>,
    transaction_id: Option<String>,
    sensitivity: Option<String>,
    single_value_extended_properties: Option<Vec<Property>>,
}

/// A time without an offset, and the zone that it is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Local {
    date_time: String,
    time_zone: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Response {
    response: Option<String>,
}

/// An attendee, or the organizer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attendee {
    email_address: Option<EmailAddress>,
    status: Option<Response>,
}

impl Attendee {
    /// Their address, lower case.
    pub(super) fn address(&self) -> Option<String> {
        self.email_address.as_ref()?.address.as_deref().map(str::to_lowercase)
    }

    /// Their name.
    pub(super) fn name(&self) -> Option<&str> {
        self.email_address.as_ref()?.name.as_deref()
    }
}

#[derive(Debug, Clone, Deserialize)]
struct EmailAddress {
    address: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    display_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnlineMeeting {
    join_url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    content_type: Option<String>,
    content: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Property {
    id: String,
    value: Option<String>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An event of its own.
    Single,
    /// A series.
    Master,
    /// One of a series, like it.
    Occurrence,
    /// One of a series, changed.
    Exception,
}

/// An event that makes no sense.
pub(super) fn unclear() -> Fault {
    Fault::Refused("Microsoft's description of it can't be understood.".into())
}

impl Local {
    /// On the wall clock.
    fn wall(&self) -> Result<NaiveDateTime, Fault> {
        NaiveDateTime::parse_from_str(&self.date_time, "%Y-%m-%dT%H:%M:%S%.f").map_err(|_| unclear())
    }

    /// As an instant. Answers are in UTC, for we ask for no other zone.
    pub(super) fn instant(&self) -> Result<DateTime<Utc>, Fault> {
        let wall = self.wall()?;
        match zone(self.time_zone.as_deref()) {
            Some((_, rules)) => Ok(rules.first_instant(wall)),
            None => Ok(wall.and_utc()),
        }
    }
}

/// A zone by whichever name Graph has for it; `None` for UTC and for those that nobody knows.
fn zone(name: Option<&str>) -> Option<(String, std::sync::Arc<ZoneRules>)> {
    let name = name?;
    let name = windows_zones::iana(name).unwrap_or(name);
    if matches!(name, "UTC" | "Etc/UTC" | "Etc/GMT") {
        return None;
    }
    zones::rules(name).map(|rules| (name.to_owned(), rules))
}

impl Event {
    /// Reads an item.
    pub(super) fn read(item: Value) -> Result<Self, Fault> {
        serde_json::from_value(item).map_err(|_| unclear())
    }

    /// What it is. Graph tells with every item.
    pub(super) fn kind(&self) -> Kind {
        match self.kind.as_deref() {
            Some("seriesMaster") => Kind::Master,
            Some("occurrence") => Kind::Occurrence,
            Some("exception") => Kind::Exception,
            _ => Kind::Single,
        }
    }

    /// Was it called off? It stays in an attendee's calendar until they remove it.
    pub(super) fn cancelled(&self) -> bool {
        self.is_cancelled == Some(true)
    }

    /// When it starts, as one of a series that is all-day or not.
    pub(super) fn moment(&self, all_day: bool) -> Result<Moment, Fault> {
        let start = self.start.as_ref().ok_or_else(unclear)?;
        if all_day { Ok(Moment::Day(start.wall()?.date())) } else { Ok(Moment::At(start.instant()?)) }
    }

    /// Is it for whole days?
    pub(super) fn all_day(&self) -> bool {
        self.is_all_day == Some(true)
    }

    /// When it is.
    pub(super) fn when(&self) -> Result<When, Fault> {
        let (Some(start), Some(end)) = (&self.start, &self.end) else { return Err(unclear()) };
        if self.all_day() {
            let start = start.wall()?.date();
            let next = start.checked_add_days(Days::new(1)).unwrap_or(start);
            return Ok(When::AllDay { start, end: end.wall()?.date().max(next) });
        }
        let start = start.instant()?;
        let zone = zone(self.original_start_time_zone.as_deref()).map(|(name, _)| name).unwrap_or_default();
        Ok(When::Timed { start, end: end.instant()?.max(start), zone })
    }

    /// How a series comes again: the service itself says when, in the part of the calendar that was asked for.
    pub(super) fn recurrence(&self, starts: Vec<Moment>) -> Result<Recurrence, Fault> {
        let first = self.moment(self.all_day())?;
        let zone = zone(self.original_start_time_zone.as_deref());
        let start = match (&first, &zone) {
            (Moment::At(at), Some((_, rules))) => rules.local(*at),
            (Moment::At(at), None) => at.naive_utc(),
            (Moment::Day(day), _) => day.and_time(chrono::NaiveTime::MIN),
        };
        // A series that began before that part, or whose first one was cancelled.
        let except = if starts.contains(&first) { Vec::new() } else { vec![first] };
        let zone = Zone::Named(zone.map_or_else(|| "UTC".to_owned(), |(name, _)| name));
        Ok(Recurrence { start, zone, rules: Vec::new(), dates: starts, except, lost: false })
    }

    /// How far its online meeting has come, if it has one or was asked for one.
    pub(super) fn meeting(&self, asked: bool) -> Meeting {
        let link = self.online_meeting.as_ref().and_then(|meeting| meeting.join_url.clone());
        match link {
            Some(link) if !link.is_empty() => Meeting::Link(link),
            _ if self.is_online_meeting == Some(true) => Meeting::Pending,
            _ if asked => Meeting::Failed,
            _ => Meeting::None,
        }
    }

    fn shows(&self) -> Shows {
        let answer = self.response_status.as_ref().and_then(|status| status.response.as_deref());
        match (self.show_as.as_deref(), answer) {
            (_, Some("declined")) | (Some("free" | "workingElsewhere"), _) => Shows::Free,
            (Some("tentative"), _) => Shows::Tentative,
            _ => Shows::Busy,
        }
    }

    fn participants(&self, own: &str) -> Vec<Participant> {
        let organizer = self.organizer.iter().map(|person| (person, true));
        let attendees = self.attendees.iter().flatten().map(|person| (person, false));
        let mut found: Vec<Participant> = Vec::new();
        for (person, organizes) in organizer.chain(attendees) {
            let Some(email) = person.address() else { continue };
            let answer = person.status.as_ref().and_then(|status| status.response.as_deref());
            let is_self = email == own || organizes && self.is_organizer == Some(true);
            let answer = match answer {
                // Whoever organises an event of their own has not been asked.
                _ if is_self && self.is_organizer == Some(true) => Answer::None,
                Some("accepted" | "organizer") => Answer::Accepted,
                Some("tentativelyAccepted") => Answer::Tentative,
                Some("declined") => Answer::Declined,
                _ if organizes => Answer::Accepted,
                _ => Answer::None,
            };
            let name = person.email_address.as_ref().and_then(|address| address.name.clone());
            let name = name.filter(|name| name.to_lowercase() != email).unwrap_or_default();
            if found.iter().all(|known| known.email != email) {
                found.push(Participant { email, name, answer, is_self });
            }
        }
        // Alone in one's own calendar is no meeting.
        if self.attendees.as_ref().is_none_or(Vec::is_empty) { Vec::new() } else { found }
    }

    /// What it says as plain text. How to join an online meeting is a part of that, and none of ours.
    fn notes(&self) -> Option<String> {
        let body = self.body.as_ref().filter(|_| self.is_online_meeting != Some(true))?;
        body.content.clone().filter(|_| body.content_type.as_deref() == Some("text"))
    }

    fn mark(&self) -> Option<String> {
        let properties = self.single_value_extended_properties.iter().flatten();
        let property =
            properties.into_iter().find(|property| property.id.eq_ignore_ascii_case(mark::PROPERTY));
        property
            .and_then(|property| property.value.clone())
            .or_else(|| self.transaction_id.as_deref().and_then(mark::of_transaction))
    }

    /// In neutral words. `own`: the address of the account's owner. A series needs [`Event::recurrence`] besides.
    pub(super) fn neutral(&self, own: &str) -> Result<RemoteEvent, Fault> {
        let instance = match (self.kind(), &self.series_master_id) {
            (Kind::Occurrence | Kind::Exception, Some(series)) => {
                let original = match self.original_start {
                    Some(start) if self.all_day() => Moment::Day(start.date_naive()),
                    Some(start) => Moment::At(start),
                    None => self.moment(self.all_day())?,
                };
                Some(Instance { series: series.clone(), original })
            }
            _ => None,
        };
        let private = matches!(self.sensitivity.as_deref(), Some("private" | "confidential"));
        let shows = self.shows();
        Ok(RemoteEvent {
            id: self.id.clone(),
            uid: self.uid.clone().unwrap_or_default(),
            etag: self.etag.clone(),
            when: self.when()?,
            recurrence: None,
            instance,
            status: if shows == Shows::Tentative { Status::Tentative } else { Status::Confirmed },
            shows,
            title: self.subject.clone().filter(|_| !private).unwrap_or_default(),
            texts: Texts {
                place: self
                    .location
                    .as_ref()
                    .filter(|_| !private)
                    .and_then(|place| place.display_name.clone()),
                notes: self.notes().filter(|_| !private),
            },
            participants: self.participants(own),
            mark: self.mark(),
            sequence: 0,
            meeting: self.meeting(false),
        })
    }
}

#[cfg(test)]
mod tests;
