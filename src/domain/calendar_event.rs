//! A member's own events, and how two sides that changed one become one again.

use super::{
    interval::Interval,
    questions::FieldError,
    text::{many_lines, one_line},
    zone::{LocalTime, ZoneRules},
};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The longest texts, in characters: Microsoft keeps 255 of a title, Google 8,192 of a description.
pub const MOST_TITLE: usize = 255;
pub const MOST_PLACE: usize = 500;
pub const MOST_NOTES: usize = 8_000;
/// The longest event, in days.
const MOST_DAYS: i64 = 366;
/// Years in which events can be.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

/// When an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    /// Between two instants.
    Timed { start: DateTime<Utc>, end: DateTime<Utc> },
    /// Whole days in its owner's zone: the first, and the day after the last.
    Days { first: NaiveDate, until: NaiveDate },
}

impl EventTime {
    /// The instants, in the zone that whole days are meant in. `None` when there is nothing between them.
    pub fn interval(&self, zone: &ZoneRules) -> Option<Interval> {
        match *self {
            Self::Timed { start, end } => Interval::new(start, end),
            Self::Days { first, until } => Interval::new(
                zone.first_instant(first.and_time(NaiveTime::MIN)),
                zone.first_instant(until.and_time(NaiveTime::MIN)),
            ),
        }
    }
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What it is; never empty.
    pub title: String,
    /// Where, or empty.
    pub place: String,
    /// More about it, in several lines; or empty.
    pub notes: String,
    /// When.
    pub time: EventTime,
    /// Does it take its owner's time?
    pub busy: bool,
}

/// What a calendar outside shows of an event. A text that is `None` is not told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What it is; `None` also when it has no title there.
    pub title: Option<String>,
    /// Where.
    pub place: Option<String>,
    /// More about it.
    pub notes: Option<String>,
    /// When.
    pub time: EventTime,
    /// Does it take its owner's time?
    pub busy: bool,
}

/// A text as it is compared and kept: calendars end lines differently, and add or drop space at the end.
fn tidy(text: &str, most: usize) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.trim().chars().filter(|c| *c == '\n' || *c == '\t' || !c.is_control()).take(most).collect()
}

impl Shown {
    /// Texts as a calendar tells them, bounded.
    pub fn new(title: &str, place: Option<&str>, notes: Option<&str>, time: EventTime, busy: bool) -> Self {
        let title = tidy(&title.replace(['\n', '\r', '\t'], " "), MOST_TITLE);
        Self {
            title: Some(title).filter(|title| !title.is_empty()),
            place: place.map(|place| tidy(&place.replace(['\n', '\r', '\t'], " "), MOST_PLACE)),
            notes: notes.map(|notes| tidy(notes, MOST_NOTES)),
            time,
            busy,
        }
    }

    /// What a calendar shows that keeps everything as it was written.
    pub fn of(content: &Content) -> Self {
        Self::new(&content.title, Some(&content.place), Some(&content.notes), content.time, content.busy)
    }
}

/// What both sides said when they last agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// We.
    pub ours: Content,
    /// The calendar outside.
    pub theirs: Shown,
}

impl Shared {
    /// What both agreed on so far, after some of what a calendar shows was taken over while the rest is still to be written
    /// there: what was changed here since then still counts as changed.
    #[must_use]
    pub fn with_taken(&self, ours: &Content, merged: &Content, theirs: Shown) -> Self {
        fn pick<T: Clone + PartialEq>(ours: &T, merged: &T, before: &T) -> T {
            if ours == merged { before.clone() } else { merged.clone() }
        }
        let before = &self.ours;
        let agreed = Content {
            title: pick(&ours.title, &merged.title, &before.title),
            place: pick(&ours.place, &merged.place, &before.place),
            notes: pick(&ours.notes, &merged.notes, &before.notes),
            time: pick(&ours.time, &merged.time, &before.time),
            busy: pick(&ours.busy, &merged.busy, &before.busy),
        };
        Self { ours: agreed, theirs }
    }
}

/// What came of putting two sides together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// What the event says now.
    pub content: Content,
    /// Was anything taken from outside?
    pub taken: bool,
}

/// One field: theirs where it is news and ours is not. Without a time at which both agreed, ours.
fn settle<T: Clone + PartialEq>(ours: &T, theirs: Option<&T>, before: Option<(&T, Option<&T>)>) -> T {
    match (theirs, before) {
        (Some(theirs), Some((ours_before, theirs_before)))
            if ours_before == ours && theirs_before != Some(theirs) =>
        {
            theirs.clone()
        }
        _ => ours.clone(),
    }
}

/// Puts what we say and what a calendar shows together, field by field: what was changed on one side since both agreed counts;
/// what was changed on both is ours.
pub fn merge(ours: &Content, theirs: &Shown, shared: Option<&Shared>) -> Merged {
    let content = Content {
        title: settle(
            &ours.title,
            theirs.title.as_ref(),
            shared.map(|shared| (&shared.ours.title, shared.theirs.title.as_ref())),
        ),
        place: settle(
            &ours.place,
            theirs.place.as_ref(),
            shared.map(|shared| (&shared.ours.place, shared.theirs.place.as_ref())),
        ),
        notes: settle(
            &ours.notes,
            theirs.notes.as_ref(),
            shared.map(|shared| (&shared.ours.notes, shared.theirs.notes.as_ref())),
        ),
        time: settle(
            &ours.time,
            Some(&theirs.time),
            shared.map(|shared| (&shared.ours.time, Some(&shared.theirs.time))),
        ),
        busy: settle(
            &ours.busy,
            Some(&theirs.busy),
            shared.map(|shared| (&shared.ours.busy, Some(&shared.theirs.busy))),
        ),
    };
    let taken = content != *ours;
    Merged { content, taken }
}

/// An event as it was entered.
#[derive(Debug, Clone, Default)]
pub struct EventInput {
    /// What it is.
    pub title: String,
    /// Where.
    pub place: String,
    /// More about it.
    pub notes: String,
    /// Whole days? Then times don't count.
    pub whole: bool,
    /// The first day, `2026-12-01`.
    pub from_date: String,
    /// The start, `09:30`.
    pub from_time: String,
    /// The last day; empty: the first.
    pub until_date: String,
    /// The end.
    pub until_time: String,
    /// Does it take time?
    pub busy: bool,
}

fn day(field: &'static str, text: &str, wrong: &mut Vec<FieldError>) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d").ok();
    if day.is_none_or(|day| !YEARS.contains(&day.year())) {
        wrong.push(FieldError::new(field, "Please enter a day, such as 2026-12-01."));
        return None;
    }
    day
}

fn clock(field: &'static str, text: &str, wrong: &mut Vec<FieldError>) -> Option<NaiveTime> {
    let text = text.trim();
    // Browsers send seconds where somebody entered them.
    let time =
        NaiveTime::parse_from_str(text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M:%S"));
    if time.is_err() {
        wrong.push(FieldError::new(field, "Please enter a time, such as 09:30."));
    }
    time.ok()
}

impl EventInput {
    /// Checks every field, in the zone of whoever entered it.
    pub fn check(&self, zone: &ZoneRules) -> Result<Content, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let title = one_line(&self.title, MOST_TITLE, "Please say what it is.", "title");
        let place = match self.place.trim() {
            "" => Ok(String::new()),
            place => one_line(place, MOST_PLACE, "", "place"),
        };
        let notes = many_lines(&self.notes, MOST_NOTES);
        let mut text = |field: &'static str, checked: Result<String, super::text::TextError>| {
            checked.map_err(|error| wrong.push(FieldError::new(field, error.0))).unwrap_or_default()
        };
        let (title, place, notes) = (text("title", title), text("place", place), text("notes", notes));
        let time = self.time(zone, &mut wrong);
        match time {
            Some(time) if wrong.is_empty() => Ok(Content { title, place, notes, time, busy: self.busy }),
            _ => Err(wrong),
        }
    }

    fn time(&self, zone: &ZoneRules, wrong: &mut Vec<FieldError>) -> Option<EventTime> {
        let first = day("from_date", &self.from_date, wrong);
        let last = match self.until_date.trim() {
            "" => first,
            text => day("until_date", text, wrong),
        };
        if self.whole {
            let (first, last) = (first?, last?);
            if last < first {
                wrong.push(FieldError::new("until_date", "The last day can't be before the first."));
                return None;
            }
            if (last - first).num_days() >= MOST_DAYS {
                wrong.push(FieldError::new("until_date", "An event can last a year at most."));
                return None;
            }
            return Some(EventTime::Days { first, until: last.checked_add_days(Days::new(1))? });
        }
        let (from, until) =
            (clock("from_time", &self.from_time, wrong), clock("until_time", &self.until_time, wrong));
        let (from, until) = (first?.and_time(from?), last?.and_time(until?));
        for (field, local) in [("from_time", from), ("until_time", until)] {
            if let LocalTime::Gap { .. } = zone.resolve(local) {
                wrong.push(FieldError::new(
                    field,
                    "Clocks are put forward then, so that this time does not exist on that day.",
                ));
            }
        }
        let (start, end) = (zone.first_instant(from), zone.last_instant(until));
        if end <= start {
            wrong.push(FieldError::new("until_time", "The end must be after the start."));
        } else if end - start > TimeDelta::days(MOST_DAYS) {
            wrong.push(FieldError::new("until_date", "An event can last a year at most."));
        }
        wrong.is_empty().then_some(EventTime::Timed { start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::zone::Transition;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn content() -> Content {
        Content {
            title: "Dentist".into(),
            place: "Main street 1".into(),
            notes: "Bring the card\nand the letter".into(),
            time: EventTime::Timed { start: at("2026-12-01T09:00:00Z"), end: at("2026-12-01T10:00:00Z") },
            busy: true,
        }
    }

    fn shared() -> Shared {
        Shared { ours: content(), theirs: Shown::of(&content()) }
    }

    /// An hour forward on 29 March 2026 at 01:00 UTC, back on 25 October.
    fn berlin() -> ZoneRules {
        let changes = [("2026-03-29T01:00:00Z", 7_200), ("2026-10-25T01:00:00Z", 3_600)];
        let transitions =
            changes.map(|(text, offset)| Transition { at: at(text).timestamp(), offset }).to_vec();
        ZoneRules::new("Europe/Berlin", 3_600, transitions)
    }

    fn input() -> EventInput {
        EventInput {
            title: "Dentist".into(),
            from_date: "2026-12-01".into(),
            from_time: "10:00".into(),
            until_time: "11:00".into(),
            busy: true,
            ..EventInput::default()
        }
    }

    fn fields(input: &EventInput) -> Vec<String> {
        input.check(&berlin()).unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn what_was_changed_on_one_side_counts() {
        let later = EventTime::Timed { start: at("2026-12-01T11:00:00Z"), end: at("2026-12-01T12:00:00Z") };
        let theirs = Shown { time: later, place: Some("Elsewhere".into()), ..Shown::of(&content()) };
        let ours = Content { title: "Dentist, second visit".into(), ..content() };
        let merged = merge(&ours, &theirs, Some(&shared()));
        assert!(merged.taken);
        assert_eq!(merged.content, Content { time: later, place: "Elsewhere".into(), ..ours });
    }

    #[test]
    fn what_was_changed_on_both_is_ours() {
        let theirs = Shown { title: Some("Theirs".into()), busy: false, ..Shown::of(&content()) };
        let ours = Content { title: "Ours".into(), ..content() };
        let merged = merge(&ours, &theirs, Some(&shared()));
        assert_eq!(merged.content, Content { title: "Ours".into(), busy: false, ..content() });
    }

    #[test]
    fn what_waits_to_be_written_is_not_taken_back_by_a_second_change_outside() {
        let ours = Content { title: "Ours".into(), ..content() };
        let theirs = Shown { busy: false, ..Shown::of(&content()) };
        let merged = merge(&ours, &theirs, Some(&shared())).content;
        let agreed = shared().with_taken(&ours, &merged, theirs);
        let again = Shown {
            title: Some("Theirs".into()),
            busy: false,
            place: Some("There".into()),
            ..Shown::of(&content())
        };
        let merged = merge(&merged, &again, Some(&agreed)).content;
        assert_eq!(merged, Content { title: "Ours".into(), busy: false, place: "There".into(), ..content() });
    }

    #[test]
    fn what_is_not_told_and_what_was_never_agreed_stays_as_it_is() {
        let silent = Shown { title: None, place: None, notes: None, ..Shown::of(&content()) };
        assert_eq!(merge(&content(), &silent, Some(&shared())), Merged { content: content(), taken: false });
        let other = Shown { busy: false, title: Some("Other".into()), ..Shown::of(&content()) };
        assert_eq!(merge(&content(), &other, None), Merged { content: content(), taken: false });
    }

    #[test]
    fn a_calendar_that_keeps_texts_in_its_own_way_changes_nothing() {
        // It cut a text off when it was written; that is how both agreed.
        let cut = Shown { notes: Some("Bring the card".into()), ..Shown::of(&content()) };
        let agreed = Shared { theirs: cut.clone(), ..shared() };
        assert!(!merge(&content(), &cut, Some(&agreed)).taken);
        let ends = Shown::new(
            "Dentist ",
            Some("Main street 1"),
            Some("Bring the card\r\nand the letter\n"),
            content().time,
            true,
        );
        assert_eq!(ends, Shown::of(&content()));
    }

    #[test]
    fn an_event_is_entered_in_the_zone_of_its_owner() {
        let timed = input().check(&berlin()).unwrap();
        assert_eq!(timed.time, content().time);
        let whole =
            EventInput { whole: true, until_date: "2026-12-03".into(), from_time: "?".into(), ..input() };
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let days = EventTime::Days { first: day("2026-12-01"), until: day("2026-12-04") };
        assert_eq!(whole.check(&berlin()).unwrap().time, days);
        let interval = days.interval(&berlin()).unwrap();
        assert_eq!(
            (interval.start(), interval.end()),
            (at("2026-11-30T23:00:00Z"), at("2026-12-03T23:00:00Z"))
        );
        let night = EventInput { until_date: "2026-12-02".into(), until_time: "01:00".into(), ..input() };
        assert_eq!(
            night.check(&berlin()).unwrap().time.interval(&berlin()).unwrap().duration().num_hours(),
            15
        );
    }

    #[test]
    fn a_time_that_comes_twice_begins_at_the_first_and_ends_at_the_last() {
        let twice = EventInput {
            from_date: "2026-10-25".into(),
            from_time: "02:30".into(),
            until_time: "02:45".into(),
            ..input()
        };
        let time = twice.check(&berlin()).unwrap().time;
        assert_eq!(
            time,
            EventTime::Timed { start: at("2026-10-25T00:30:00Z"), end: at("2026-10-25T01:45:00Z") }
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_field() {
        assert_eq!(fields(&EventInput { title: " ".into(), ..input() }), ["title"]);
        assert_eq!(fields(&EventInput { title: "x".repeat(256), ..input() }), ["title"]);
        assert_eq!(fields(&EventInput { place: "a\nb".into(), ..input() }), ["place"]);
        assert_eq!(fields(&EventInput { notes: "a\0b".into(), ..input() }), ["notes"]);
        assert_eq!(fields(&EventInput { from_date: "1.12.2026".into(), ..input() }), ["from_date"]);
        assert_eq!(fields(&EventInput { from_date: "0001-01-01".into(), ..input() }), ["from_date"]);
        assert_eq!(fields(&EventInput { from_time: String::new(), ..input() }), ["from_time"]);
        assert_eq!(fields(&EventInput { until_time: "10:00".into(), ..input() }), ["until_time"]);
        assert_eq!(fields(&EventInput { until_date: "2028-01-01".into(), ..input() }), ["until_date"]);
        let gap = EventInput {
            from_date: "2026-03-29".into(),
            from_time: "02:30".into(),
            until_time: "04:00".into(),
            ..input()
        };
        assert_eq!(fields(&gap), ["from_time"]);
        let back = EventInput { whole: true, until_date: "2026-11-30".into(), ..input() };
        assert_eq!(fields(&back), ["until_date"]);
    }
}
