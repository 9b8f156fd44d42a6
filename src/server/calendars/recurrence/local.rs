//! Time on a wall in seconds since 1970-01-01 00:00 on the same wall: rules count there, without any zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

/// Seconds on the wall.
pub(super) type Local = i64;

/// Seconds in a day on the wall: it always has 24 hours there.
pub(super) const DAY: i64 = 86_400;

/// Days from 1 January of year 1 (chrono's day 1) to 1970.
const EPOCH: i32 = 719_163;

/// The day of this number since 1970; `None` beyond what chrono can represent.
pub(super) fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(day).ok()?.checked_add(EPOCH)?)
}

/// The number of a day since 1970.
pub(super) fn day(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - i64::from(EPOCH)
}

/// Seconds of a time on the wall.
pub(super) fn seconds(at: NaiveDateTime) -> Local {
    at.and_utc().timestamp()
}

/// A time on the wall.
pub(super) fn time(at: Local) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(at, 0).map(|at| at.naive_utc())
}

/// A date or a date with a time in iCalendar's basic form, without a zone; and whether it is a date alone.
pub(super) fn parse(text: &str) -> Option<(Local, bool)> {
    match text.split_once(['T', 't']) {
        None => Some((day(crate::server::calendars::ics::date(text)?) * DAY, true)),
        Some(_) => Some((seconds(crate::server::calendars::ics::date_time(text)?), false)),
    }
}
