//! A zone as a calendar carries it (RFC 5545 §3.6.5), made from the server's rules, so that mails and calendars can't
//! disagree about the time.
//!
//! Every change of the clock around the event is an observance of its own, with its own start: no rule has to be guessed,
//! and a change that a government decided on for one year is right as well.

use crate::domain::zone::ZoneRules;
use calcard::{
    common::PartialDateTime,
    icalendar::{ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue},
};
use chrono::{DateTime, TimeDelta, Utc};

/// How far around the events changes of the clock are listed.
const AROUND: TimeDelta = TimeDelta::days(366);

/// From this local time on (seconds since 1970 on the wall clock as it was before) another offset holds.
struct Observance {
    local: i64,
    from: i32,
    to: i32,
}

/// A date and time without a zone.
pub(super) fn floating(local_seconds: i64) -> ICalendarValue {
    ICalendarValue::PartialDateTime(Box::new(PartialDateTime::from_naive_timestamp(local_seconds)))
}

/// "+0100"; with seconds where a zone had such an offset.
fn offset(seconds: i32) -> ICalendarValue {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let mut text = format!("{sign}{:02}{:02}", all / 3600, all / 60 % 60);
    if !all.is_multiple_of(60) {
        text.push_str(&format!("{:02}", all % 60));
    }
    ICalendarValue::Text(text)
}

fn observances(rules: &ZoneRules, first: DateTime<Utc>, last: DateTime<Utc>) -> Vec<Observance> {
    let since = first.checked_sub_signed(AROUND).unwrap_or(first).timestamp();
    let until = last.checked_add_signed(AROUND).unwrap_or(last).timestamp();
    let mut from = rules.initial_offset();
    // What holds when the range begins: always, or since the last change before it.
    let mut found = vec![Observance { local: 0, from, to: from }];
    for change in rules.transitions().iter().take_while(|change| change.at <= until) {
        if change.at <= since {
            found.clear();
        }
        found.push(Observance { local: change.at.saturating_add(i64::from(from)), from, to: change.offset });
        from = change.offset;
    }
    found
}

/// VTIMEZONE and its observances, for events between two instants.
pub(super) fn components(
    rules: &ZoneRules,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> (ICalendarComponent, Vec<ICalendarComponent>) {
    let mut zone = ICalendarComponent::new(ICalendarComponentType::VTimezone);
    zone.add_property(ICalendarProperty::Tzid, ICalendarValue::Text(rules.name().to_owned()));
    let observances = observances(rules, first, last);
    let alone = observances.len() == 1;
    let parts = observances
        .into_iter()
        .map(|observance| {
            // The rules don't say what is called summer time; clocks that go forward are as good as that.
            let forward = observance.to > observance.from && !alone;
            let kind =
                if forward { ICalendarComponentType::Daylight } else { ICalendarComponentType::Standard };
            let mut part = ICalendarComponent::new(kind);
            part.add_property(ICalendarProperty::Dtstart, floating(observance.local));
            part.add_property(ICalendarProperty::Tzoffsetfrom, offset(observance.from));
            part.add_property(ICalendarProperty::Tzoffsetto, offset(observance.to));
            part
        })
        .collect();
    (zone, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::zones;

    fn list(zone: &str, at: &str) -> Vec<(i64, i32, i32)> {
        let at: DateTime<Utc> = at.parse().unwrap();
        observances(&zones::rules(zone).unwrap(), at, at)
            .into_iter()
            .map(|observance| (observance.local, observance.from, observance.to))
            .collect()
    }

    #[test]
    fn a_zone_that_never_changes_has_one_observance() {
        assert_eq!(list("Asia/Kolkata", "2026-03-03T12:00:00Z"), [(0, 19_800, 19_800)]);
    }

    #[test]
    fn changes_from_a_year_before_to_a_year_after_are_listed() {
        let changes = list("Europe/Berlin", "2026-07-01T12:00:00Z");
        let summer_2025 = "2025-03-30T02:00:00Z".parse::<DateTime<Utc>>().unwrap().timestamp();
        assert_eq!(changes.first(), Some(&(summer_2025, 3600, 7200)), "what holds a year before");
        assert_eq!(changes.len(), 5, "{changes:?}");
        assert_eq!(changes.last().map(|change| change.2), Some(7200), "March 2027 is listed");
    }

    #[test]
    fn offsets_are_written_as_the_standard_asks() {
        for (seconds, text) in
            [(0, "+0000"), (-12_600, "-0330"), (37_800, "+1030"), (-2_670, "-004430"), (50_400, "+1400")]
        {
            assert_eq!(offset(seconds), ICalendarValue::Text(text.to_owned()));
        }
    }
}
