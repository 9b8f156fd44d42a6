//! What the pages of a member's own events show.

use super::{public::Echo, staff::Me};
use crate::domain::zone::ZoneRules;
use chrono::{DateTime, NaiveDate, Utc};

/// When an event is, as a page words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Between two instants.
    Timed(DateTime<Utc>, DateTime<Utc>),
    /// From one day to another, the last included.
    Days(NaiveDate, NaiveDate),
}

/// An event in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// Its id.
    pub id: String,
    /// What it is.
    pub title: String,
    /// Where, or empty.
    pub place: String,
    /// When.
    pub when: When,
    /// Does it take its owner's time?
    pub busy: bool,
    /// The calendar that it is kept in, or empty.
    pub calendar: String,
    /// Is it still to be written there?
    pub waiting: bool,
    /// Is there an appointment at the same time?
    pub overlaps: bool,
    /// What its owner should look at; empty when nothing is.
    pub trouble: String,
}

/// An event that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedEvent {
    /// Its id.
    pub id: String,
    /// What it was.
    pub title: String,
    /// When.
    pub when: When,
}

/// The list of a member's own events that are still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in: theirs.
    pub zone: ZoneRules,
    /// By their start.
    pub events: Vec<ListedEvent>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
    /// Is this not its beginning?
    pub later: bool,
    /// Those that were deleted and can be brought back, the last one first.
    pub deleted: Vec<DeletedEvent>,
}

/// An event as its form has it. Days as `2026-12-01`, times as `09:30`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventForm {
    /// What it is.
    pub title: String,
    /// Where.
    pub place: String,
    /// More about it.
    pub notes: String,
    /// Whole days?
    pub whole: bool,
    /// The first day.
    pub from_date: String,
    /// The start.
    pub from_time: String,
    /// The last day.
    pub until_date: String,
    /// The end.
    pub until_time: String,
    /// Does it take its owner's time?
    pub busy: bool,
    /// The id of the calendar that it is kept in; empty: only here.
    pub calendar: String,
    /// The version that was looked at; 0 of a new one.
    pub version: i64,
}

/// A calendar that events can be kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarChoice {
    /// Its id.
    pub id: String,
    /// Its name, and whose account it is in.
    pub words: String,
}

/// The form of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are entered in: theirs.
    pub zone: ZoneRules,
    /// Its id, also of one that is still to be made: sent twice, it is made once.
    pub id: String,
    /// Is it still to be made?
    pub is_new: bool,
    /// What is in the form.
    pub form: EventForm,
    /// Where it can be kept.
    pub calendars: Vec<CalendarChoice>,
    /// What its owner should look at; empty when nothing is.
    pub trouble: String,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}
