//! What the picker shows: worked out from the address, the offers at hand and the zone. Pure.

use crate::{
    api::public::{FreeTimes, MonthOffer},
    domain::{month::Month, zone::ZoneRules},
    ui::{format, query::Query},
};
use chrono::{Datelike, NaiveDate};

/// A time to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Time {
    /// Epoch minutes.
    pub start: i64,
    /// Places left, when the service is shared.
    pub seats: Option<u32>,
}

/// One month and one day of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The month.
    pub month: Month,
    /// Are its offers at hand?
    pub loaded: bool,
    /// How many times each of its days has, the first day first.
    pub counts: Vec<u32>,
    /// The day whose times are listed: the one asked for, else the first that has any.
    pub day: Option<NaiveDate>,
    /// Its times.
    pub times: Vec<Time>,
    /// Where the next time is, when the month has none.
    pub next: Option<i64>,
}

impl Shown {
    /// What the address asks for. `first` is the month to show when it asks for none.
    pub fn new(query: &Query, offers: &[MonthOffer], zone: &ZoneRules, length: u32, first: Month) -> Self {
        let day_of_start = query.start.map(|start| zone.date(format::at(start)));
        let month = query.month.or_else(|| query.day.or(day_of_start).map(Month::of)).unwrap_or(first);
        let offer = offers.iter().find(|offer| offer.month == month);
        let free = offer.and_then(|offer| times_of(offer, length));
        let days = usize::try_from(month.last().day()).unwrap_or(31);
        let mut counts = vec![0; days];
        let starts = free.map(|free| free.starts.as_slice()).unwrap_or_default();
        let dates = starts.iter().map(|start| zone.date(format::at(*start)));
        for date in dates.clone().filter(|date| Month::of(*date) == month) {
            if let Some(count) = usize::try_from(date.day0()).ok().and_then(|day| counts.get_mut(day)) {
                *count += 1;
            }
        }
        let asked = query.day.or(day_of_start).filter(|day| Month::of(*day) == month);
        let day =
            asked.or_else(|| month.days().zip(&counts).find(|(_, count)| **count > 0).map(|(day, _)| day));
        let seats = free.map(|free| free.seats.as_slice()).unwrap_or_default();
        let times = starts.iter().zip(dates).enumerate().filter(|(_, (_, date))| Some(*date) == day);
        let times =
            times.map(|(at, (start, _))| Time { start: *start, seats: seats.get(at).copied() }).collect();
        let position = offer.and_then(|offer| offer.lengths.iter().position(|free| free.length == length));
        let next = offer.zip(position).and_then(|(offer, at)| offer.next.get(at).copied().flatten());
        Self { month, loaded: offer.is_some(), counts, day, times, next }
    }

    /// How many times a day of the month has.
    pub fn count(&self, day: NaiveDate) -> u32 {
        let at = usize::try_from(day.day0()).ok();
        at.and_then(|at| self.counts.get(at))
            .copied()
            .filter(|_| Month::of(day) == self.month)
            .unwrap_or_default()
    }

    /// Has no day of the month a time?
    pub fn empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// The next day of the month after this one that has times.
    pub fn day_after(&self, day: NaiveDate) -> Option<NaiveDate> {
        self.month.days().find(|later| *later > day && self.count(*later) > 0)
    }

    /// What is read out once the month or the day has changed.
    pub fn sentence(&self) -> String {
        match self.day {
            _ if !self.loaded => format!("Loading {}.", format::month(self.month)),
            _ if self.empty() => format!("No times in {}.", format::month(self.month)),
            Some(day) if self.times.is_empty() => format!("No times on {}.", format::day_spoken(day)),
            Some(day) => {
                format!(
                    "{} available on {}.",
                    format::many(self.times.len(), "time"),
                    format::day_spoken(day)
                )
            }
            None => String::new(),
        }
    }
}

fn times_of(offer: &MonthOffer, length: u32) -> Option<&FreeTimes> {
    offer.lengths.iter().find(|free| free.length == length)
}

/// Is this start among the offers?
pub fn on_offer(offers: &[MonthOffer], length: u32, start: i64) -> bool {
    offers
        .iter()
        .filter_map(|offer| times_of(offer, length))
        .any(|free| free.starts.binary_search(&start).is_ok())
}

/// Takes a time that has gone out of the offers.
pub fn forget(offers: &mut [MonthOffer], start: i64) {
    for free in offers.iter_mut().flat_map(|offer| &mut offer.lengths) {
        if let Ok(at) = free.starts.binary_search(&start) {
            free.starts.remove(at);
            if at < free.seats.len() {
                free.seats.remove(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(text: &str) -> i64 {
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp() / 60
    }

    fn december() -> MonthOffer {
        let starts =
            ["2026-11-30T23:30:00Z", "2026-12-03T09:00:00Z", "2026-12-03T10:00:00Z", "2026-12-31T23:30:00Z"];
        let starts: Vec<i64> = starts.into_iter().map(minutes).collect();
        let month: Month = "2026-12".parse().unwrap();
        let none = FreeTimes { length: 60, starts: vec![], seats: vec![] };
        let some = FreeTimes { length: 30, starts, seats: vec![1, 2, 3, 4] };
        MonthOffer {
            month,
            lengths: vec![some, none],
            next: vec![None, Some(minutes("2027-01-06T09:00:00Z"))],
        }
    }

    fn show(query: &str, length: u32, zone: &ZoneRules) -> Shown {
        Shown::new(&Query::parse(query), &[december()], zone, length, december().month)
    }

    #[test]
    fn days_are_those_of_the_viewers_zone() {
        let utc = show("", 30, &ZoneRules::utc());
        assert_eq!(
            (utc.count("2026-12-01".parse().unwrap()), utc.count("2026-12-31".parse().unwrap())),
            (0, 1)
        );
        let east = show("", 30, &ZoneRules::new("Etc/East", 3600, vec![]));
        assert_eq!(
            (east.count("2026-12-01".parse().unwrap()), east.count("2026-12-31".parse().unwrap())),
            (1, 0)
        );
    }

    #[test]
    fn the_first_day_with_times_is_open_unless_another_is_asked_for() {
        let shown = show("", 30, &ZoneRules::utc());
        assert_eq!(shown.sentence(), "2 times available on Thursday 3 December.");
        assert_eq!(shown.times.first().unwrap().seats, Some(2));
        assert_eq!(
            show("day=2026-12-04", 30, &ZoneRules::utc()).sentence(),
            "No times on Friday 4 December."
        );
        let start = format!("start={}", minutes("2026-12-31T23:30:00Z"));
        assert_eq!(show(&start, 30, &ZoneRules::utc()).times.len(), 1);
    }

    #[test]
    fn a_month_without_times_knows_the_next_and_a_month_not_at_hand_says_so() {
        let empty = show("", 60, &ZoneRules::utc());
        assert!(empty.empty() && empty.next.is_some());
        assert_eq!(empty.sentence(), "No times in December 2026.");
        assert_eq!(show("month=2027-01", 30, &ZoneRules::utc()).sentence(), "Loading January 2027.");
    }

    #[test]
    fn a_time_that_has_gone_takes_its_seats_with_it() {
        let mut offers = [december()];
        let gone = minutes("2026-12-03T09:00:00Z");
        assert!(on_offer(&offers, 30, gone) && !on_offer(&offers, 60, gone));
        forget(&mut offers, gone);
        assert!(!on_offer(&offers, 30, gone));
        assert_eq!(offers[0].lengths[0].seats, [1, 3, 4]);
    }
}
