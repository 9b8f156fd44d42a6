//! iCalendar objects (RFC 5545), as CalDAV servers keep them and feeds publish them: reading and writing.
//!
//! Files come from anywhere. A file is read line by line and one event at a time, every list in it has a limit, and an event
//! that can't be understood is named beside the others ([`Contents`]), so that nobody takes it for gone; only a file that is no
//! calendar, a feed that ends in the middle, or what holds too much is refused. It is
//! read by our own few lines instead of by `calcard`, which writes our files, because the lines that we don't know must come
//! out again as they came in ([`merge`]), because rules must stay as they were written, and because nothing but the events
//! that are wanted should ever be in memory.

mod line;
mod object;
mod vevent;
mod write;
mod zone;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unread;

pub use line::looks_like_html;
pub use object::{Contents, NAMELESS, Origin, Reading, Unread, name, read};
pub use write::{merge, write};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: usize = super::access::MOST_BYTES;

/// The most events that are taken from one file.
pub const MOST_EVENTS: usize = 50_000;

/// The property that holds our own mark ([`super::event::Draft::mark`]).
pub const MARK: &str = "X-MERIDIAN-MARK";

/// A date in basic form: `20260303` (RFC 5545 §3.3.4).
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let digits =
        Some(text).filter(|text| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// A date and a time in basic form, without a zone: `20260303T143000` (RFC 5545 §3.3.5). Seconds may be missing, as some
/// programs write them; 60 is 59.
pub(super) fn date_time(text: &str) -> Option<NaiveDateTime> {
    let (day, time) = text.split_once(['T', 't'])?;
    if !matches!(time.len(), 4 | 6) || !time.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hour, rest) = time.split_at_checked(2)?;
    let (minute, second) = rest.split_at_checked(2)?;
    let second: u32 = if second.is_empty() { 0 } else { second.parse().ok()? };
    // 24:00 is not of the standard; whoever writes it means the next midnight.
    if hour == "24" && minute == "00" && second == 0 {
        return Some(date(day)?.succ_opt()?.and_time(NaiveTime::MIN));
    }
    date(day)?.and_hms_opt(hour.parse().ok()?, minute.parse().ok()?, second.min(59))
}
