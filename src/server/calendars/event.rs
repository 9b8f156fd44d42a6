//! Calendars and their events in neutral words, as adapters read and write them.

use crate::domain::{interval::Interval, zone::ZoneRules};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};

/// A calendar in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCalendar {
    /// Its id at the provider.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its zone (IANA); empty when the provider does not say or names one that nobody knows.
    pub zone: String,
    /// May events be written?
    pub writable: bool,
    /// Is it the account's main one?
    pub primary: bool,
}

/// When an event is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Between two instants. `zone` (IANA) is the one that it is kept in; empty for UTC or an unknown one.
    Timed {
        /// Start.
        start: DateTime<Utc>,
        /// End; not before the start.
        end: DateTime<Utc>,
        /// Zone.
        zone: String,
    },
    /// Whole days, wherever its owner is.
    AllDay {
        /// The first day.
        start: NaiveDate,
        /// The day after the last.
        end: NaiveDate,
    },
}

/// A start, as EXDATE and RECURRENCE-ID name it (RFC 5545 §3.8.4.4, §3.8.5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// An instant.
    At(DateTime<Utc>),
    /// A day, of an all-day series.
    Day(NaiveDate),
}

/// The zone that a series is kept in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// One of the zone database (IANA).
    Named(String),
    /// One that came with the event (a VTIMEZONE that names no known zone).
    Own(Box<ZoneRules>),
}

/// How an event comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// The first start on the wall clock (DTSTART), which the rules count from; midnight for all-day series.
    pub start: NaiveDateTime,
    /// Whose wall.
    pub zone: Zone,
    /// RRULE values (RFC 5545 §3.3.10), such as `FREQ=WEEKLY;BYDAY=MO`.
    pub rules: Vec<String>,
    /// Further starts (RDATE).
    pub dates: Vec<Moment>,
    /// Starts that are left out (EXDATE).
    pub except: Vec<Moment>,
    /// Some of its rules or dates could not be read: it may come more often than stands here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

/// An instance of a series that differs from it, or does not take place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The series: the id of its master event.
    pub series: String,
    /// Where it would have been.
    pub original: Moment,
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It takes place.
    Confirmed,
    /// It may.
    Tentative,
    /// It does not: only of instances, which say so of their series.
    Cancelled,
}

/// Does it take its owner's time?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// No (transparent, free, working elsewhere), also when its owner declined.
    Free,
    /// Perhaps: the calendar's setting decides.
    Tentative,
    /// Yes.
    Busy,
}

/// What someone answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Nothing yet.
    None,
    /// They come.
    Accepted,
    /// They may come.
    Tentative,
    /// They don't.
    Declined,
}

/// Someone who takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Their address, lower case.
    pub email: String,
    /// Their name, or empty.
    pub name: String,
    /// What they answered.
    pub answer: Answer,
    /// Is it the account's owner?
    #[serde(rename = "self")]
    pub is_self: bool,
}

/// An event at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteEvent {
    /// Its id at the provider: stable, unique in its calendar, also among instances.
    pub id: String,
    /// Its iCalendar UID, or empty. Instances of a series may share it.
    pub uid: String,
    /// What `If-Match` takes; `None` where there is none.
    pub etag: Option<String>,
    /// When.
    pub when: When,
    /// How it comes again; `None` for a single event.
    pub recurrence: Option<Recurrence>,
    /// Of which series it is a differing instance; `None` for none.
    pub instance: Option<Instance>,
    /// Where it stands.
    pub status: Status,
    /// Does it take time?
    pub shows: Shows,
    /// What it is called; empty for private ones.
    pub title: String,
    /// Who takes part, the owner among them where the provider says so.
    pub participants: Vec<Participant>,
    /// Our own mark ([`Draft::mark`]), if it carries one.
    pub mark: Option<String>,
    /// SEQUENCE (RFC 5545 §3.8.7.4), 0 when unknown.
    pub sequence: i64,
    /// The link of its online meeting, once it has one.
    pub meeting: Meeting,
    /// More that is said of it: needed where the event is one of ours, and kept of no other.
    #[serde(skip)]
    pub texts: Texts,
}

/// What is said of an event beside its title. `None`: the provider does not tell, or tells it in no form that we understand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Where it is.
    pub place: Option<String>,
    /// More about it, as plain text.
    pub notes: Option<String>,
}

/// How far an online meeting has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meeting {
    /// None was asked for.
    None,
    /// The provider is making it: ask again.
    Pending,
    /// Its link.
    Link(String),
    /// The provider can't make one.
    Failed,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This event is like this now.
    Event(Box<RemoteEvent>),
    /// It is gone, with the instances of its series.
    Gone {
        /// Its id.
        id: String,
    },
    /// It left the part of the calendar that is looked at, or was deleted: the provider does not say which. [`super::Provider::get`]
    /// tells (Graph).
    Left {
        /// Its id.
        id: String,
    },
    /// These are all events of one resource now (a CalDAV object, a series with its exceptions, a part of a feed); others that
    /// came with the same resource before are gone.
    Resource {
        /// The resource. It need not be a part of its events' ids.
        id: String,
        /// Them.
        events: Vec<RemoteEvent>,
        /// What of it could not be read: what came with the resource before stays where its id, or its series', begins with
        /// one of these. Each is told of as [`Change::Unreadable`], too.
        unread: Vec<String>,
    },
    /// There is something here that can't be read. Nothing new is known of it; what was known of it stays, and its owner is
    /// told once.
    Unreadable {
        /// The event, the series, or the resource.
        id: String,
        /// Why: a sentence for the calendar's owner that gives nothing away.
        why: String,
    },
}

/// Where to read on.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// The cursor that the last round ended with; `None`: read everything.
    pub cursor: Option<&'a str>,
    /// The page that the last call named; `None` for the first.
    pub page: Option<&'a str>,
    /// The time that matters. Providers that can't expand series leave events outside of it out only where that is safe.
    pub window: Interval,
    /// Was the calendar read to its end before? Then what a reading of everything leaves out is taken to be gone.
    pub known: bool,
}

/// An event of ours that is no longer where it was.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    /// The id that it had.
    pub id: &'a str,
    /// Its iCalendar UID ([`Draft::uid`]).
    pub uid: &'a str,
    /// Our own mark in it ([`Draft::mark`]).
    pub mark: &'a str,
    /// When it was, if that is known.
    pub time: Option<Interval>,
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order in which they happened, as far as that is known; may repeat.
    pub changes: Vec<Change>,
    /// What comes next.
    pub next: Next,
    /// Nothing changed, and nothing was transferred (304, an equal token): a full reading stands as it is.
    pub unchanged: bool,
}

/// What comes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another page.
    Page(String),
    /// Nothing; the next round begins with this cursor. Empty where there is none: then each round reads everything.
    Cursor(String),
}

/// An event as we want it at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What the event's id follows from: a UUID that belongs to this event in this calendar for good.
    pub key: String,
    /// Its iCalendar UID, where the provider lets clients choose.
    pub uid: String,
    /// SEQUENCE.
    pub sequence: i64,
    /// What it is called.
    pub title: String,
    /// More about it; several lines of plain text.
    pub description: String,
    /// Where, or empty.
    pub location: String,
    /// When. `zone` is the host's.
    pub when: When,
    /// [`Status::Tentative`] while it waits for approval.
    pub status: Status,
    /// Does it take time?
    pub busy: bool,
    /// Who takes part: names (or empty texts) and e-mail addresses. Only those whom the provider is to invite: empty when we
    /// do.
    pub invite: Vec<(String, String)>,
    /// Ask for an online meeting (Meet, Teams)? With an id for the request, the same at each repetition.
    pub meeting: Option<String>,
    /// Our own mark, which readers find again in [`RemoteEvent::mark`]: `booking:UUID` or `event:UUID`.
    pub mark: String,
}

/// An event as it was seen or written last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its id at the provider.
    pub id: String,
    /// Its ETag; `None`: write whatever it is now.
    pub etag: Option<String>,
}

/// What came of writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its id at the provider.
    pub id: String,
    /// Its ETag now; `None` when the provider does not tell.
    pub etag: Option<String>,
    /// Its online meeting.
    pub meeting: Meeting,
}

/// A push channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its id at the provider, which pushes carry.
    pub id: String,
    /// What else is needed to end it (Google: the resource id), or empty.
    pub resource: String,
    /// When it ends unless it is renewed.
    pub expires: DateTime<Utc>,
}
