//! What Google says of calendars and events, in neutral words.

use super::super::event::{
    Answer, Change, Instance, Meeting, Moment, Participant, Recurrence, RemoteCalendar, RemoteEvent, Shows,
    Status, Texts, When, Zone,
};
use crate::{domain::zone::ZoneRules, server::zones};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Our own mark, among the private properties of an event.
pub(super) const MARK: &str = "meridian";
/// Whom Google invited for us, as [`super::draft::short`] texts: guests whom others added are not ours to take away.
pub(super) const INVITED: &str = "meridianInvited";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalendarList {
    #[serde(default)]
    pub items: Vec<CalendarListEntry>,
    pub next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CalendarListEntry {
    pub id: String,
    #[serde(default)]
    summary: String,
    summary_override: Option<String>,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    access_role: String,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    deleted: bool,
}

impl CalendarListEntry {
    /// In neutral words; `None` when it is gone.
    pub(super) fn calendar(self) -> Option<RemoteCalendar> {
        if self.deleted || self.access_role == "none" {
            return None;
        }
        Some(RemoteCalendar {
            name: self.summary_override.unwrap_or(self.summary),
            zone: known_zone(self.time_zone),
            writable: matches!(&*self.access_role, "owner" | "writer" | "writerWithoutPrivateAccess"),
            primary: self.primary,
            id: self.id,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Events {
    /// One by one: one that can't be read must not hide the others.
    #[serde(default)]
    pub items: Vec<Value>,
    pub next_page_token: Option<String>,
    pub next_sync_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchedChannel {
    pub id: String,
    #[serde(default)]
    pub resource_id: String,
    /// Milliseconds since 1970, as text.
    pub expiration: Option<String>,
}

/// An event. Of a cancelled one only the id is certain.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    pub id: String,
    pub etag: Option<String>,
    status: String,
    #[serde(rename = "iCalUID")]
    uid: String,
    summary: String,
    description: String,
    location: String,
    start: Option<Time>,
    end: Option<Time>,
    recurrence: Vec<String>,
    recurring_event_id: Option<String>,
    original_start_time: Option<Time>,
    transparency: String,
    visibility: String,
    event_type: String,
    pub attendees: Vec<Attendee>,
    pub extended_properties: Properties,
    pub conference_data: Option<Conference>,
    hangout_link: Option<String>,
    sequence: i64,
}

/// A time or a day.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Time {
    date: Option<NaiveDate>,
    date_time: Option<DateTime<Utc>>,
    time_zone: Option<String>,
}

impl Time {
    fn moment(&self) -> Option<Moment> {
        self.date_time.map(Moment::At).or_else(|| self.date.map(Moment::Day))
    }
}

/// A guest. What is not read here is kept for writing it back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attendee {
    pub email: String,
    display_name: String,
    response_status: String,
    #[serde(rename = "self")]
    is_self: bool,
    resource: bool,
    /// Everything that Google said of them.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

impl Attendee {
    /// As it is written back.
    pub(super) fn json(&self) -> Value {
        let mut json: serde_json::Map<_, _> =
            self.rest.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, text) in [
            ("email", &self.email),
            ("displayName", &self.display_name),
            ("responseStatus", &self.response_status),
        ] {
            if !text.is_empty() {
                json.insert(key.into(), text.as_str().into());
            }
        }
        if self.resource {
            json.insert("resource".into(), true.into());
        }
        json.into()
    }

    fn answer(&self) -> Answer {
        match &*self.response_status {
            "accepted" => Answer::Accepted,
            "tentative" => Answer::Tentative,
            "declined" => Answer::Declined,
            _ => Answer::None,
        }
    }
}

/// Extended properties.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Properties {
    pub private: BTreeMap<String, String>,
}

/// A meeting.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Conference {
    create_request: Option<CreateRequest>,
    entry_points: Vec<EntryPoint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct CreateRequest {
    status: RequestStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RequestStatus {
    status_code: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct EntryPoint {
    entry_point_type: String,
    uri: String,
}

/// Why an event is no use.
pub(super) const UNCLEAR: &str = "Google's description of it can't be understood.";

/// An item of a list as a change. `owner`: the zone of the calendar's owner.
pub(super) fn change(item: Value, owner: &str) -> Change {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, gone) = (text("id"), text("status") == "cancelled" && text("recurringEventId").is_empty());
    match serde_json::from_value::<Event>(item) {
        Ok(event) => event.change(owner),
        Err(_) if gone => Change::Gone { id },
        Err(_) => Change::Unreadable { id, why: UNCLEAR.into() },
    }
}

/// A zone's name if we know it, else an empty text.
fn known_zone(name: String) -> String {
    if zones::rules(&name).is_some() { name } else { String::new() }
}

impl Event {
    /// Is it deleted, or an instance that does not take place? An event without a start is a trace of one.
    pub(super) fn is_cancelled(&self) -> bool {
        self.status == "cancelled" || self.start.is_none()
    }

    /// Is it a series?
    pub(super) fn comes_again(&self) -> bool {
        !self.recurrence.is_empty()
    }

    /// As a change. `owner`: the zone of the calendar's owner.
    pub(super) fn change(self, owner: &str) -> Change {
        let (id, is_there) = (self.id.clone(), self.is_there());
        match self.remote(owner) {
            Some(event) => Change::Event(Box::new(event)),
            None if is_there => Change::Unreadable { id, why: UNCLEAR.into() },
            None => Change::Gone { id },
        }
    }

    /// Does Google say that it takes place, whether it can be understood or not?
    pub(super) fn is_there(&self) -> bool {
        self.status != "cancelled" && (self.start.is_some() || !self.status.is_empty())
    }

    /// In neutral words; `None` when it is gone. An instance that does not take place is there, as long as its series is.
    pub(super) fn remote(self, owner: &str) -> Option<RemoteEvent> {
        let original = self.original_start_time.as_ref().and_then(Time::moment);
        let instance = match (&self.recurring_event_id, original) {
            (Some(series), Some(original)) => Some(Instance { series: series.clone(), original }),
            _ => None,
        };
        let cancelled = self.is_cancelled();
        // Without a start it is a trace of one, unless Google says otherwise.
        if cancelled && (instance.is_none() || self.is_there()) {
            return None;
        }
        let when = self.when()?;
        let hidden = matches!(&*self.visibility, "private" | "confidential");
        Some(RemoteEvent {
            status: match &*self.status {
                _ if cancelled => Status::Cancelled,
                "tentative" => Status::Tentative,
                _ => Status::Confirmed,
            },
            shows: self.shows(),
            recurrence: if instance.is_none() { self.series(&when, owner) } else { None },
            participants: self.participants(),
            meeting: self.meeting(),
            mark: self.extended_properties.private.get(MARK).cloned(),
            title: if hidden { String::new() } else { self.summary },
            texts: if hidden {
                Texts::default()
            } else {
                Texts { place: Some(self.location), notes: Some(self.description) }
            },
            id: self.id,
            uid: self.uid,
            etag: self.etag,
            sequence: self.sequence,
            when,
            instance,
        })
    }

    fn when(&self) -> Option<When> {
        let start = self.start.as_ref().or(self.original_start_time.as_ref())?;
        let end = self.end.as_ref();
        if let Some(at) = start.date_time {
            let end = end.and_then(|end| end.date_time).unwrap_or(at).max(at);
            return Some(When::Timed {
                start: at,
                end,
                zone: known_zone(start.time_zone.clone().unwrap_or_default()),
            });
        }
        let day = start.date?;
        let next = day.checked_add_days(Days::new(1))?;
        Some(When::AllDay { start: day, end: end.and_then(|end| end.date).unwrap_or(next).max(next) })
    }

    /// Of the kinds of event only ordinary ones, absence and focus time take time: where somebody works, birthdays and what
    /// was found in mails do not.
    fn shows(&self) -> Shows {
        let own = self.attendees.iter().find(|attendee| attendee.is_self).map(Attendee::answer);
        if self.transparency == "transparent"
            || matches!(&*self.event_type, "workingLocation" | "birthday" | "fromGmail")
            || own == Some(Answer::Declined)
        {
            Shows::Free
        } else if self.status == "tentative" || own == Some(Answer::Tentative) {
            Shows::Tentative
        } else {
            Shows::Busy
        }
    }

    fn participants(&self) -> Vec<Participant> {
        let people = self.attendees.iter().filter(|attendee| !attendee.resource);
        people
            .map(|attendee| Participant {
                email: attendee.email.to_lowercase(),
                name: attendee.display_name.clone(),
                answer: attendee.answer(),
                is_self: attendee.is_self,
            })
            .collect()
    }

    /// How far its meeting has come.
    pub(super) fn meeting(&self) -> Meeting {
        let conference = self.conference_data.as_ref();
        let video = conference.and_then(|conference| {
            conference.entry_points.iter().find(|point| point.entry_point_type == "video")
        });
        if let Some(link) = video.map(|video| &video.uri).or(self.hangout_link.as_ref()) {
            return Meeting::Link(link.clone());
        }
        let request = conference.and_then(|conference| conference.create_request.as_ref());
        match request.map(|request| &*request.status.status_code) {
            Some("pending") => Meeting::Pending,
            Some(_) => Meeting::Failed,
            None => Meeting::None,
        }
    }

    /// How it comes again. Its lines are those of RFC 5545, without DTSTART.
    fn series(&self, when: &When, owner: &str) -> Option<Recurrence> {
        if self.recurrence.is_empty() {
            return None;
        }
        let (zone, start) = match when {
            When::AllDay { start, .. } => (rules(owner), start.and_time(NaiveTime::MIN)),
            When::Timed { start, zone, .. } => {
                let rules = rules(if zone.is_empty() { owner } else { zone });
                let local = rules.local(*start);
                (rules, local)
            }
        };
        let all_day = matches!(when, When::AllDay { .. });
        let mut series = Recurrence {
            start,
            zone: Zone::Named(zone.name().to_owned()),
            rules: Vec::new(),
            dates: Vec::new(),
            except: Vec::new(),
            lost: false,
        };
        for line in &self.recurrence {
            let Some((head, value)) = line.trim().split_once(':') else {
                series.lost = true;
                continue;
            };
            let mut head = head.split(';');
            let name = head.next().unwrap_or_default().to_ascii_uppercase();
            let named = head.find_map(|parameter| {
                let (key, value) = parameter.split_once('=')?;
                key.eq_ignore_ascii_case("TZID").then(|| zones::rules(value.trim_matches('"'))).flatten()
            });
            let reader = MomentReader { all_day, start: start.time(), zone: named.as_ref().unwrap_or(&zone) };
            let moments = || value.split(',').filter_map(|text| reader.read(text.trim()));
            match &*name {
                "RRULE" => series.rules.push(value.to_owned()),
                "RDATE" => {
                    let known = series.dates.len();
                    series.dates.extend(moments());
                    series.lost |= series.dates.len() < known + value.split(',').count();
                }
                "EXDATE" => series.except.extend(moments()),
                // EXRULE is no longer in RFC 5545; what it leaves out is taken for busy.
                _ => {}
            }
        }
        Some(series)
    }
}

/// The rules of a zone; UTC where nobody knows it.
fn rules(name: &str) -> Arc<ZoneRules> {
    zones::rules(name).unwrap_or_else(|| Arc::new(ZoneRules::utc()))
}

/// Reads what EXDATE and RDATE name.
struct MomentReader<'a> {
    all_day: bool,
    /// When instances begin on the wall clock.
    start: NaiveTime,
    /// Whose wall, for times without `Z`.
    zone: &'a ZoneRules,
}

impl MomentReader<'_> {
    fn read(&self, text: &str) -> Option<Moment> {
        // A period (RFC 5545 §3.3.9) begins with its start.
        let text = text.split('/').next()?;
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
            // A day among the exceptions of a timed series means its instance on that day.
            let at = || self.zone.first_instant(day.and_time(self.start));
            return Some(if self.all_day { Moment::Day(day) } else { Moment::At(at()) });
        }
        let local = NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y%m%dT%H%M%S").ok()?;
        Some(if self.all_day {
            Moment::Day(local.date())
        } else if text.ends_with('Z') {
            Moment::At(local.and_utc())
        } else {
            Moment::At(self.zone.first_instant(local))
        })
    }
}
