//! Which time matters: from a month back to as far ahead as the calendar's owner can be booked.

use crate::{
    domain::{event_type::EventTypeRules, ids::MemberId, interval::Interval, slots::BookingWindow},
    server::store::{Conn, StoreError, sync},
};
use chrono::{DateTime, TimeDelta, Utc};

/// What is over is looked at for so many days more: a meeting that is moved from last week must be known.
const BACK_DAYS: i64 = 31;
/// The least that is looked ahead, in days: services are changed and made faster than calendars are read.
const LEAST_DAYS: i64 = 60;
/// The most, in days. Microsoft Graph takes no longer views than 1,825 days.
const MOST_DAYS: i64 = 1_700;
/// Ends of a window lie on a grid of so many days, so that it stays the same for weeks.
const GRID_DAYS: i64 = 30;

/// How many days ahead a service can be booked.
fn reach(window: &BookingWindow, now: DateTime<Utc>) -> i64 {
    match window {
        BookingWindow::Unlimited => MOST_DAYS,
        BookingWindow::CalendarDays(days) => i64::from(*days) + 2,
        BookingWindow::BusinessDays(days) => i64::from(*days) * 7 / 5 + 5,
        BookingWindow::Dates { until, .. } => (*until - now.date_naive()).num_days() + 2,
    }
}

fn days(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(number)
}

fn around(now: DateTime<Utc>, ahead: i64) -> Option<Interval> {
    let today = now.timestamp().div_euclid(86_400);
    let from = (today - BACK_DAYS).div_euclid(GRID_DAYS) * GRID_DAYS;
    let until = ((today + ahead).div_euclid(GRID_DAYS) + 1) * GRID_DAYS;
    Interval::new(days(from), days(until))
}

/// The time that matters of a member's calendars.
pub(super) async fn of_member(
    conn: &mut Conn,
    member: &MemberId,
    now: DateTime<Utc>,
) -> Result<Interval, StoreError> {
    let mut ahead = LEAST_DAYS;
    for rules in sync::rules_of(conn, member).await? {
        let rules: EventTypeRules = serde_json::from_str(&rules)?;
        ahead = ahead.max(reach(&rules.slots.window, now));
    }
    around(now, ahead.min(MOST_DAYS)).ok_or(StoreError::Value("a window that is none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_covers_what_can_be_booked_and_changes_once_a_month() {
        let mut windows = Vec::new();
        for day in 0..365 {
            let now = "2026-03-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day);
            let window = around(now, 90).unwrap();
            assert!(window.start() <= now - TimeDelta::days(31), "{now}");
            assert!(window.end() >= now + TimeDelta::days(90), "{now}");
            assert!(window.duration() <= TimeDelta::days(90 + 31 + 61), "{now}");
            windows.push((window.start(), window.end()));
        }
        windows.dedup();
        assert!(windows.len() <= 28, "{}", windows.len());
    }

    #[test]
    fn the_farthest_window_fits_into_what_graph_takes() {
        for day in 0..60 {
            let now = "2026-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day);
            assert!(around(now, MOST_DAYS).unwrap().duration() <= TimeDelta::days(1_825));
        }
    }
}
