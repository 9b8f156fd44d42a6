//! The server's time-zone database, turned into [`ZoneRules`].
//!
//! The system's zoneinfo comes first, so that an update of the operating system reaches us without a rebuild;
//! a copy that is compiled in serves where the system has none.

use crate::domain::zone::{Transition, ZoneRules};
use chrono::{DateTime, Utc};
use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock},
};
use tokio::{
    sync::OnceCell,
    task::{JoinError, spawn_blocking},
};

fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let system = TimeZoneDatabase::from_env();
        // A zoneinfo folder that lacks even this one is not a database.
        if system.get("Europe/Berlin").is_ok() { system } else { TimeZoneDatabase::bundled() }
    })
}

/// First and last year for which rules are made: beyond them the last offset goes on. A booking window never
/// reaches further.
const FROM: &str = "1990-01-01T00:00:00Z";
const UNTIL: &str = "2060-01-01T00:00:00Z";

/// Which part of the rules tells one edition of the database from another: what is corrected of the past changes no booking.
const RECENT: &str = "2026-01-01T00:00:00Z";
const AHEAD: &str = "2046-01-01T00:00:00Z";

fn offset_at(zone: &TimeZone, at: Timestamp) -> i32 {
    zone.to_offset(at).seconds()
}

/// Names that are not places: kept out of the list to choose from, though `UTC` can be chosen.
fn can_be_chosen(name: &str) -> bool {
    name == "UTC"
        || [
            "Africa/",
            "America/",
            "Antarctica/",
            "Arctic/",
            "Asia/",
            "Atlantic/",
            "Australia/",
            "Europe/",
            "Indian/",
            "Pacific/",
        ]
        .iter()
        .any(|area| name.starts_with(area))
}

/// The rules of a zone by its IANA name, exactly as spelled, or `None`.
pub fn rules(name: &str) -> Option<Arc<ZoneRules>> {
    static CACHE: OnceLock<RwLock<HashMap<String, Arc<ZoneRules>>>> = OnceLock::new();
    let cache = CACHE.get_or_init(RwLock::default);
    if let Ok(known) = cache.read()
        && let Some(rules) = known.get(name)
    {
        return Some(Arc::clone(rules));
    }
    if !(can_be_chosen(name) || name.starts_with("Etc/")) || name.len() > 64 {
        return None;
    }
    let zone = database().get(name).ok()?;
    // The look-up ignores case; a name that differs from the database's own would be cached again and again.
    if zone.iana_name() != Some(name) {
        return None;
    }
    let from: Timestamp = FROM.parse().ok()?;
    let until: Timestamp = UNTIL.parse().ok()?;
    let transitions = zone
        .following(from)
        .take_while(|transition| transition.timestamp() < until)
        .map(|transition| Transition {
            at: transition.timestamp().as_second(),
            offset: transition.offset().seconds(),
        })
        .collect();
    let rules = Arc::new(ZoneRules::new(name, offset_at(&zone, from), transitions));
    if let Ok(mut known) = cache.write() {
        known.insert(name.to_owned(), Arc::clone(&rules));
    }
    Some(rules)
}

/// Rules cut down to a range, for sending: what is outside it is of no use to a page.
pub fn cut(rules: &ZoneRules, from: DateTime<Utc>, until: DateTime<Utc>) -> ZoneRules {
    let (first, last) = (from.timestamp(), until.timestamp());
    let inside =
        rules.transitions().iter().copied().filter(|change| change.at > first && change.at < last).collect();
    ZoneRules::new(rules.name(), rules.offset_at(from), inside)
}

/// The names that a person can choose from, in order.
pub fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names: Vec<String> = database()
            .available()
            .map(|name| name.as_str().to_owned())
            .filter(|name| can_be_chosen(name) && database().get(name).is_ok())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    })
}

/// What the zone database says of the years in which bookings are made, as a digest: it changes when the rules of any zone do.
/// Every zone is looked at for it, once in a process, on a thread that nobody else needs. Fails when the server stops meanwhile.
pub async fn edition() -> Result<&'static str, JoinError> {
    static EDITION: OnceCell<String> = OnceCell::const_new();
    EDITION.get_or_try_init(|| spawn_blocking(digest)).await.map(String::as_str)
}

fn digest() -> String {
    let (Ok(from), Ok(until)) = (RECENT.parse::<Timestamp>(), AHEAD.parse::<Timestamp>()) else {
        return String::new();
    };
    let mut digest = Sha256::new();
    for name in names() {
        let Ok(zone) = database().get(name) else { continue };
        digest.update(name.as_bytes());
        digest.update(offset_at(&zone, from).to_be_bytes());
        for change in zone.following(from).take_while(|change| change.timestamp() < until) {
            digest.update(change.timestamp().as_second().to_be_bytes());
            digest.update(change.offset().seconds().to_be_bytes());
        }
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// The zone that this machine is set to, or UTC.
pub fn server_zone() -> String {
    TimeZone::system().iana_name().filter(|name| rules(name).is_some()).unwrap_or("UTC").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn both_switch_sundays_of_berlin_are_right() {
        let berlin = rules("Europe/Berlin").unwrap();
        for (instant, offset) in [
            ("2026-03-29T00:59:59Z", 3600),
            ("2026-03-29T01:00:00Z", 7200),
            ("2026-10-25T00:59:59Z", 7200),
            ("2026-10-25T01:00:00Z", 3600),
            ("2039-07-01T00:00:00Z", 7200),
        ] {
            assert_eq!(berlin.offset_at(instant.parse().unwrap()), offset, "{instant}");
        }
        assert!(berlin.day(NaiveDate::from_ymd_opt(2026, 3, 29).unwrap()).is_some());
    }

    #[test]
    fn only_exact_names_of_places_are_zones() {
        for wrong in
            ["", "europe/berlin", "../../etc/passwd", "Europe/Atlantis", "posixrules", "/etc/localtime"]
        {
            assert!(rules(wrong).is_none(), "{wrong:?}");
        }
        assert!(rules("UTC").is_some());
        assert!(names().len() > 300);
        assert!(names().iter().all(|name| rules(name).is_some()));
    }
}
