//! One VEVENT (RFC 5545 §3.6.1), as it is written and as it is meant.

use super::{
    super::event::{Answer, Meeting, Moment, Participant, Recurrence, Shows, Status, Texts, When},
    MARK, date, date_time,
    line::Line,
    zone::{Found, Zones},
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// Limits of what is kept of one event.
const MOST_DATES: usize = 5_000;
const MOST_RULES: usize = 8;
const MOST_ATTENDEES: usize = 200;
const MOST_TITLE: usize = 1_000;
const MOST_NOTES: usize = 10_000;
const MOST_SHORT: usize = 255;

/// A time as it is written: a day, or a time on a wall and the TZID of that wall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stamp {
    Day(NaiveDate),
    Floating(NaiveDateTime),
    Utc(NaiveDateTime),
    Zoned(NaiveDateTime, String),
}

impl Stamp {
    fn read(text: &str, tzid: Option<&str>) -> Option<Self> {
        let text = text.trim();
        if let Some(day) = date(text) {
            return Some(Self::Day(day));
        }
        if let Some(utc) = text.strip_suffix(['Z', 'z']) {
            return Some(Self::Utc(date_time(utc)?));
        }
        let at = date_time(text)?;
        Some(match tzid.filter(|tzid| !tzid.is_empty()) {
            Some(tzid) => Self::Zoned(at, tzid.to_owned()),
            None => Self::Floating(at),
        })
    }

    /// What the wall shows.
    fn wall(&self) -> NaiveDateTime {
        match self {
            Self::Day(day) => day.and_time(NaiveTime::MIN),
            Self::Floating(at) | Self::Utc(at) | Self::Zoned(at, _) => *at,
        }
    }

    fn zone(&self, zones: &mut Zones) -> Found {
        match self {
            Self::Utc(_) => zones.utc.clone(),
            Self::Zoned(_, tzid) => zones.find(tzid),
            Self::Day(_) | Self::Floating(_) => zones.floating.clone(),
        }
    }

    /// The instant that is meant; of a day its beginning.
    fn instant(&self, zones: &mut Zones) -> DateTime<Utc> {
        super::super::recurrence::instant(&self.zone(zones).rules, self.wall())
    }

    /// It in words that do not depend on where it stands, for ids.
    pub(super) fn moment(&self, zones: &mut Zones) -> Moment {
        match self {
            Self::Day(day) => Moment::Day(*day),
            _ => Moment::At(self.instant(zones)),
        }
    }
}

/// An RDATE.
#[derive(Debug, Clone)]
pub(super) struct Date {
    pub start: Stamp,
    /// Of a PERIOD.
    end: Option<PeriodEnd>,
}

impl Date {
    fn read(text: &str, tzid: Option<&str>) -> Option<Self> {
        let Some((start, end)) = text.split_once('/') else {
            return Some(Self { start: Stamp::read(text, tzid)?, end: None });
        };
        let end = match Span::read(end) {
            Some(span) => PeriodEnd::After(span),
            None => PeriodEnd::At(Stamp::read(end, tzid)?),
        };
        Some(Self { start: Stamp::read(start, tzid)?, end: Some(end) })
    }
}

#[derive(Debug, Clone)]
enum PeriodEnd {
    At(Stamp),
    After(Span),
}

/// A length (RFC 5545 §3.3.6): days on the wall, and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    days: i64,
    seconds: i64,
}

impl Span {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('+').unwrap_or(text);
        // A length before the start is none (§3.8.2.5).
        let mut rest = text.strip_prefix(['P', 'p'])?;
        let mut span = Self::default();
        let mut time = false;
        while let Some(c) = rest.chars().next() {
            if c.eq_ignore_ascii_case(&'T') {
                time = true;
                rest = rest.get(1..)?;
                continue;
            }
            let digits = rest.bytes().position(|byte| !byte.is_ascii_digit())?;
            let (number, after) = rest.split_at_checked(digits)?;
            // A century is the longest that is believed.
            let number = number.parse::<i64>().ok().filter(|number| *number <= 3_200_000_000)?;
            let unit = after.chars().next()?.to_ascii_uppercase();
            match (unit, time) {
                ('W', _) => span.days += number * 7,
                ('D', _) => span.days += number,
                ('H', true) => span.seconds += number * 3600,
                ('M', true) => span.seconds += number * 60,
                ('S', true) => span.seconds += number,
                _ => return None,
            }
            rest = after.get(unit.len_utf8()..)?;
        }
        (span.days <= 36_600 && span.seconds <= 3_200_000_000).then_some(span)
    }
}

/// A VEVENT as it is written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub uid: String,
    pub recurrence_id: Option<Stamp>,
    pub start: Option<Stamp>,
    end: Option<Stamp>,
    span: Option<Span>,
    rules: Vec<String>,
    pub dates: Vec<Date>,
    except: Vec<Stamp>,
    status: String,
    transparent: bool,
    busy: String,
    intended: String,
    all_day: bool,
    attendees: Vec<Participant>,
    pub title: String,
    place: String,
    notes: String,
    pub mark: Option<String>,
    pub sequence: i64,
    pub stamp: String,
    meeting: Option<String>,
    /// Does it have a RECURRENCE-ID, whether that can be understood or not?
    one_of_series: bool,
    /// What of it can't be understood, without which it can't be said when it is.
    flaw: Option<&'static str>,
    /// Some of its rules or dates can't be understood, or are more than are kept.
    lost: bool,
}

fn short(text: &str, most: usize) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

fn email(value: &str) -> Option<String> {
    let value = value.trim();
    let address = match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => value.get(7..)?,
        _ => value,
    };
    Some(short(address, MOST_SHORT).to_lowercase()).filter(|address| address.contains('@'))
}

impl Written {
    /// Takes a line of the event in.
    pub(super) fn read(&mut self, line: &Line<'_>, owner: &[String]) {
        let tzid = || line.parameter("TZID");
        match line.name().to_ascii_uppercase().as_str() {
            "UID" => self.uid = short(&line.text(), usize::MAX),
            "RECURRENCE-ID" => {
                self.one_of_series = true;
                self.recurrence_id = self.stamp(line, "place in its series (RECURRENCE-ID)");
            }
            "DTSTART" => self.start = self.stamp(line, "start (DTSTART)"),
            "DTEND" => self.end = self.stamp(line, "end (DTEND)"),
            "DURATION" => {
                self.span = Span::read(line.value());
                // A length before the start is none (§3.8.2.5).
                if self.span.is_none() && !line.value().trim().starts_with('-') {
                    self.flaw.get_or_insert("length (DURATION)");
                }
            }
            "RRULE" if self.rules.len() < MOST_RULES => {
                self.rules.extend(Some(line.value().trim().to_owned()).filter(|rule| !rule.is_empty()));
            }
            "RRULE" => self.lost = true,
            "RDATE" => self.read_dates(line),
            // Those that can't be read leave nothing out.
            "EXDATE" => {
                let room = MOST_DATES.saturating_sub(self.except.len());
                self.except.extend(list(line).take(room).filter_map(|date| Stamp::read(date, tzid())));
            }
            "STATUS" => self.status = short(line.value(), 20).to_uppercase(),
            "TRANSP" => self.transparent = line.value().trim().eq_ignore_ascii_case("TRANSPARENT"),
            "X-MICROSOFT-CDO-BUSYSTATUS" => self.busy = short(line.value(), 20).to_uppercase(),
            "X-MICROSOFT-CDO-INTENDEDSTATUS" => self.intended = short(line.value(), 20).to_uppercase(),
            "X-MICROSOFT-CDO-ALLDAYEVENT" => self.all_day = line.value().trim().eq_ignore_ascii_case("TRUE"),
            "ATTENDEE" if self.attendees.len() < MOST_ATTENDEES => {
                self.attendees.extend(attendee(line, owner));
            }
            "SUMMARY" => self.title = short(&line.text(), MOST_TITLE),
            "LOCATION" => self.place = line.text().chars().take(MOST_TITLE).collect(),
            "DESCRIPTION" => self.notes = line.text().chars().take(MOST_NOTES).collect(),
            MARK => self.mark = Some(short(&line.text(), MOST_SHORT)).filter(|mark| !mark.is_empty()),
            "SEQUENCE" => self.sequence = line.value().trim().parse().unwrap_or(0).max(0),
            "DTSTAMP" => self.stamp = short(line.value(), 20),
            "CONFERENCE" | "X-GOOGLE-CONFERENCE" | "X-MICROSOFT-SKYPETEAMSMEETINGURL" => {
                let link = short(line.value(), 2_000);
                if link.starts_with("https://") {
                    self.meeting = Some(link);
                }
            }
            _ => {}
        }
    }

    /// A time without which it can't be said when it is.
    fn stamp(&mut self, line: &Line<'_>, what: &'static str) -> Option<Stamp> {
        let stamp = Stamp::read(line.last_value(), line.parameter("TZID"));
        if stamp.is_none() {
            self.flaw.get_or_insert(what);
        }
        stamp
    }

    fn read_dates(&mut self, line: &Line<'_>) {
        self.lost |= line.is_cut();
        for date in list(line) {
            match Date::read(date, line.parameter("TZID")) {
                Some(date) if self.dates.len() < MOST_DATES => self.dates.push(date),
                _ => self.lost = true,
            }
        }
    }

    /// Why it can't be said when it is; `None` when it can, or need not, because it does not take place.
    pub(super) fn flaw(&self) -> Option<String> {
        if self.status() == Status::Cancelled && !self.one_of_series {
            return None;
        }
        match self.flaw {
            Some(flaw) => Some(format!("Its {flaw} can't be understood.")),
            None => self.begins().is_none().then(|| "It has no start.".to_owned()),
        }
    }

    /// Its start; of an instance that does not take place, where it would have been, if it says no more.
    fn begins(&self) -> Option<&Stamp> {
        let would = self.recurrence_id.as_ref().filter(|_| self.status() == Status::Cancelled);
        self.start.as_ref().or(would)
    }

    /// When it is; `None` without a start.
    pub(super) fn when(&self, zones: &mut Zones) -> Option<When> {
        let start = self.begins()?;
        if let Stamp::Day(first) = start {
            let end = match (&self.end, self.span) {
                (Some(end), _) => end.wall().date(),
                (None, Some(span)) => first.checked_add_signed(TimeDelta::days(span.days))?,
                (None, None) => *first,
            };
            // A day at least, also where the end is missing, or the last day instead of the one after it (§3.6.1).
            let end = end.max(first.succ_opt()?);
            return Some(When::AllDay { start: *first, end });
        }
        let zone = start.zone(zones);
        let begins = start.instant(zones);
        let ends = match (&self.end, self.span) {
            (Some(Stamp::Day(day)), _) => {
                super::super::recurrence::instant(&zone.rules, day.and_time(NaiveTime::MIN))
            }
            (Some(end), _) => end.instant(zones),
            (None, Some(span)) => after(start, span, zones)?,
            (None, None) => begins,
        };
        if self.all_day {
            let (first, last) = (zone.rules.local(begins), zone.rules.local(ends));
            if first.time() == NaiveTime::MIN && last.time() == NaiveTime::MIN && first < last {
                return Some(When::AllDay { start: first.date(), end: last.date() });
            }
        }
        // An end before the start is a slip: the time between them is meant.
        let (begins, ends) = if self.rules.is_empty() && self.dates.is_empty() {
            (begins.min(ends), begins.max(ends))
        } else {
            (begins, begins + (ends - begins).abs())
        };
        Some(When::Timed { start: begins, end: ends, zone: zone.name().to_owned() })
    }

    /// How it comes again, given when it is.
    pub(super) fn recurrence(&self, when: &When, zones: &mut Zones) -> Option<Recurrence> {
        if self.rules.is_empty() && self.dates.is_empty() && !self.lost {
            return None;
        }
        let start = self.start.as_ref()?;
        let zone = start.zone(zones);
        let all_day = matches!(when, When::AllDay { .. });
        let mut moments = |stamps: &mut dyn Iterator<Item = &Stamp>| -> Vec<Moment> {
            let mut list: Vec<Moment> = stamps.map(|stamp| normal(stamp, all_day, zones)).collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        let dates = moments(&mut self.dates.iter().map(|date| &date.start));
        let except = moments(&mut self.except.iter());
        let (start, lost) = (start.wall(), self.lost);
        Some(Recurrence { start, zone: zone.zone, rules: self.rules.clone(), dates, except, lost })
    }

    /// The RDATEs that say how long they are: where they are by the series, and when.
    pub(super) fn periods(&self, zones: &mut Zones) -> Vec<(Moment, When)> {
        let mut periods = Vec::new();
        for date in &self.dates {
            let Some(end) = &date.end else { continue };
            let zone = date.start.zone(zones);
            let start = date.start.instant(zones);
            let end = match end {
                PeriodEnd::At(end) => end.instant(zones),
                PeriodEnd::After(span) => after(&date.start, *span, zones).unwrap_or(start),
            };
            let when = When::Timed { start, end: end.max(start), zone: zone.name().to_owned() };
            periods.push((Moment::At(start), when));
        }
        periods
    }

    /// The whole file says that what is in it is cancelled.
    pub(super) fn cancel(&mut self) {
        "CANCELLED".clone_into(&mut self.status);
    }

    /// Where it stands.
    pub(super) fn status(&self) -> Status {
        match self.status.as_str() {
            "CANCELLED" => Status::Cancelled,
            "TENTATIVE" => Status::Tentative,
            _ => Status::Confirmed,
        }
    }

    /// Does it take its owner's time? What any of its properties calls free is free; of the rest, what any calls tentative
    /// is tentative.
    pub(super) fn shows(&self) -> Shows {
        let busy = if self.busy.is_empty() { &self.intended } else { &self.busy };
        let own = self.attendees.iter().find(|attendee| attendee.is_self).map(|attendee| attendee.answer);
        if self.transparent
            || matches!(busy.as_str(), "FREE" | "WORKINGELSEWHERE")
            || own == Some(Answer::Declined)
        {
            Shows::Free
        } else if self.status == "TENTATIVE" || busy == "TENTATIVE" || own == Some(Answer::Tentative) {
            Shows::Tentative
        } else {
            Shows::Busy
        }
    }

    /// Where it is, and more about it.
    pub(super) fn texts(&self) -> Texts {
        Texts { place: Some(self.place.clone()), notes: Some(self.notes.clone()) }
    }

    /// Its meeting.
    pub(super) fn meeting(&self) -> Meeting {
        self.meeting.clone().map_or(Meeting::None, Meeting::Link)
    }

    /// Who takes part.
    pub(super) fn participants(&self) -> Vec<Participant> {
        self.attendees.clone()
    }
}

/// The dates in a line, without the last one where the line was cut there.
fn list<'l>(line: &'l Line<'_>) -> impl Iterator<Item = &'l str> {
    let dates = line.last_value();
    let dates = if line.is_cut() { dates.rsplit_once(',').map_or("", |(before, _)| before) } else { dates };
    dates.split(',').filter(|date| !date.trim().is_empty())
}

/// A start of a series in the series' own type, whichever it was written in.
pub(super) fn normal(stamp: &Stamp, all_day: bool, zones: &mut Zones) -> Moment {
    if all_day { Moment::Day(stamp.wall().date()) } else { stamp.moment(zones) }
}

/// Days on the wall, then seconds on the clock (RFC 5545 §3.3.6).
fn after(start: &Stamp, span: Span, zones: &mut Zones) -> Option<DateTime<Utc>> {
    let zone = start.zone(zones);
    let day = start.wall().checked_add_signed(TimeDelta::days(span.days))?;
    super::super::recurrence::instant(&zone.rules, day).checked_add_signed(TimeDelta::seconds(span.seconds))
}

fn attendee(line: &Line<'_>, owner: &[String]) -> Option<Participant> {
    let email = email(line.value()).or_else(|| line.parameter("EMAIL").and_then(email))?;
    let answer = match line.parameter("PARTSTAT").unwrap_or_default().to_ascii_uppercase().as_str() {
        "ACCEPTED" => Answer::Accepted,
        "TENTATIVE" => Answer::Tentative,
        "DECLINED" => Answer::Declined,
        _ => Answer::None,
    };
    let is_self = owner.iter().any(|address| address.eq_ignore_ascii_case(&email));
    let name = short(
        &line.parameter("CN").unwrap_or_default().replace("^'", "\"").replace("^n", " ").replace("^^", "^"),
        MOST_SHORT,
    );
    Some(Participant { email, name, answer, is_self })
}
