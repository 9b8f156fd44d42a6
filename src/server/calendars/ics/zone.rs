//! The zones that a file's times are in.
//!
//! A TZID that names a zone of the database means that zone, whatever VTIMEZONE stands beside it; so does a Windows name,
//! and a name behind a prefix. Only a zone that nobody knows is made from its VTIMEZONE.

use super::{
    super::{event::Zone, recurrence, windows_zones},
    date, date_time,
    line::Line,
};
use crate::{
    domain::zone::{Transition, ZoneRules},
    server::zones,
};
use chrono::{NaiveDateTime, NaiveTime};
use std::{borrow::Cow, collections::HashMap, str::FromStr, sync::Arc};

/// The most VTIMEZONEs of a file, the most observances of one, and the most of their rules that are followed; and the most
/// names that are looked up.
const MOST_ZONES: usize = 200;
const MOST_OBSERVANCES: usize = 400;
const MOST_RULES: usize = 40;
const MOST_NAMES: usize = 1_000;

/// Changes of the clock before and after these (1990 and 2060, in seconds since 1970) are left out, as in [`zones`].
const SINCE: i64 = 631_152_000;
const UNTIL: i64 = 2_840_140_800;

/// Names that the zone database knows for zones outside of its areas (its file `backward`), and what they mean.
const FORMER: [(&str, &str); 61] = [
    ("Brazil/Acre", "America/Rio_Branco"),
    ("Brazil/DeNoronha", "America/Noronha"),
    ("Brazil/East", "America/Sao_Paulo"),
    ("Brazil/West", "America/Manaus"),
    ("CET", "Europe/Brussels"),
    ("CST6CDT", "America/Chicago"),
    ("Canada/Atlantic", "America/Halifax"),
    ("Canada/Central", "America/Winnipeg"),
    ("Canada/Eastern", "America/Toronto"),
    ("Canada/Mountain", "America/Edmonton"),
    ("Canada/Newfoundland", "America/St_Johns"),
    ("Canada/Pacific", "America/Vancouver"),
    ("Canada/Saskatchewan", "America/Regina"),
    ("Canada/Yukon", "America/Whitehorse"),
    ("Chile/Continental", "America/Santiago"),
    ("Chile/EasterIsland", "Pacific/Easter"),
    ("Cuba", "America/Havana"),
    ("EET", "Europe/Athens"),
    ("EST", "America/Panama"),
    ("EST5EDT", "America/New_York"),
    ("Egypt", "Africa/Cairo"),
    ("Eire", "Europe/Dublin"),
    ("GB", "Europe/London"),
    ("GB-Eire", "Europe/London"),
    ("HST", "Pacific/Honolulu"),
    ("Hongkong", "Asia/Hong_Kong"),
    ("Iceland", "Atlantic/Reykjavik"),
    ("Iran", "Asia/Tehran"),
    ("Israel", "Asia/Jerusalem"),
    ("Jamaica", "America/Jamaica"),
    ("Japan", "Asia/Tokyo"),
    ("Kwajalein", "Pacific/Kwajalein"),
    ("Libya", "Africa/Tripoli"),
    ("MET", "Europe/Brussels"),
    ("MST", "America/Phoenix"),
    ("MST7MDT", "America/Denver"),
    ("Mexico/BajaNorte", "America/Tijuana"),
    ("Mexico/BajaSur", "America/Mazatlan"),
    ("Mexico/General", "America/Mexico_City"),
    ("NZ", "Pacific/Auckland"),
    ("NZ-CHAT", "Pacific/Chatham"),
    ("Navajo", "America/Denver"),
    ("PRC", "Asia/Shanghai"),
    ("PST8PDT", "America/Los_Angeles"),
    ("Poland", "Europe/Warsaw"),
    ("Portugal", "Europe/Lisbon"),
    ("ROC", "Asia/Taipei"),
    ("ROK", "Asia/Seoul"),
    ("Singapore", "Asia/Singapore"),
    ("Turkey", "Europe/Istanbul"),
    ("US/Alaska", "America/Anchorage"),
    ("US/Arizona", "America/Phoenix"),
    ("US/Central", "America/Chicago"),
    ("US/Eastern", "America/New_York"),
    ("US/Hawaii", "Pacific/Honolulu"),
    ("US/Michigan", "America/Detroit"),
    ("US/Mountain", "America/Denver"),
    ("US/Pacific", "America/Los_Angeles"),
    ("US/Samoa", "Pacific/Pago_Pago"),
    ("W-SU", "Europe/Moscow"),
    ("WET", "Europe/Lisbon"),
];

/// A zone of the database by a name that need not be its own; `None` when it is not known by any.
pub(super) fn known(name: &str) -> Option<Cow<'static, str>> {
    let name = name.trim();
    if ["UTC", "GMT", "Z", "UCT", "Zulu", "Universal", "Etc/UTC", "Etc/GMT", "Etc/UCT", "Etc/Zulu"]
        .iter()
        .any(|utc| utc.eq_ignore_ascii_case(name))
    {
        return Some("UTC".into());
    }
    if zones::rules(name).is_some() {
        return Some(name.to_owned().into());
    }
    if let Some((_, found)) = FORMER.iter().find(|(former, _)| former.eq_ignore_ascii_case(name)) {
        return Some((*found).into());
    }
    zones::names().iter().find(|known| known.eq_ignore_ascii_case(name)).map(|name| name.as_str().into())
}

/// A zone by any of the names that programs give as a TZID, without looking at a VTIMEZONE.
fn by_name(tzid: &str) -> Option<Cow<'static, str>> {
    let tzid = tzid.trim().trim_matches('"').trim();
    if let Some(name) = known(tzid) {
        return Some(name);
    }
    if let Some(path) = tzid.strip_prefix('/') {
        // "/mozilla.org/20050126_1/Europe/Berlin": a name has up to three parts.
        let parts: Vec<&str> = path.split('/').collect();
        for count in [3, 2, 1] {
            let tail = parts.get(parts.len().saturating_sub(count)..).unwrap_or_default().join("/");
            if let Some(name) = known(&tail) {
                return Some(name);
            }
        }
    }
    windows_zones::iana(tzid).and_then(known)
}

/// A change of the clock as a VTIMEZONE describes it (RFC 5545 §3.6.5).
#[derive(Debug, Default)]
struct Observance {
    start: Option<NaiveDateTime>,
    from: Option<i32>,
    to: Option<i32>,
    rules: Vec<String>,
    dates: Vec<NaiveDateTime>,
}

/// A VTIMEZONE.
#[derive(Debug, Default)]
struct Described {
    location: Option<String>,
    observances: Vec<Observance>,
}

impl Described {
    fn rules(&self, tzid: &str) -> Option<ZoneRules> {
        let mut changes = Vec::new();
        let mut rules = 0;
        for observance in &self.observances {
            let (Some(start), Some(from), Some(to)) = (observance.start, observance.from, observance.to)
            else {
                continue;
            };
            let mut locals = vec![start.and_utc().timestamp()];
            locals.extend(observance.dates.iter().map(|at| at.and_utc().timestamp()));
            for rule in observance.rules.iter().take(MOST_RULES.saturating_sub(rules)) {
                rules += 1;
                let near = (SINCE - 366 * 86_400).max(start.and_utc().timestamp());
                locals.extend(recurrence::onsets(rule, start, from, near, UNTIL));
            }
            changes.extend(locals.into_iter().map(|local| (local - i64::from(from), from, to)));
        }
        changes.sort_unstable();
        let (_, mut initial, _) = *changes.first()?;
        let mut transitions = Vec::new();
        for (at, _, offset) in changes {
            if at < SINCE {
                initial = offset;
            } else if at < UNTIL {
                transitions.push(Transition { at, offset });
            }
        }
        Some(ZoneRules::new(tzid.chars().take(255).collect::<String>(), initial, transitions))
    }
}

/// A zone that was found for a TZID.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub zone: Zone,
    pub rules: Arc<ZoneRules>,
}

impl Found {
    fn named(name: &str) -> Option<Self> {
        Some(Self { zone: Zone::Named(name.to_owned()), rules: zones::rules(name)? })
    }

    /// Its IANA name, or nothing for one that came with the file and for UTC.
    pub(super) fn name(&self) -> &str {
        match &self.zone {
            Zone::Named(name) if name != "UTC" => name,
            _ => "",
        }
    }
}

/// The zones of a file.
#[derive(Debug)]
pub(super) struct Zones {
    described: HashMap<String, Described>,
    found: HashMap<String, Found>,
    /// The zone of times without one.
    pub floating: Found,
    /// UTC.
    pub utc: Found,
}

impl Zones {
    /// Times without a zone are meant in `owner`'s.
    pub(super) fn new(owner: &str) -> Self {
        let utc = Found { zone: Zone::Named("UTC".to_owned()), rules: Arc::new(ZoneRules::utc()) };
        let floating = known(owner).and_then(|name| Found::named(&name)).unwrap_or_else(|| utc.clone());
        Self { described: HashMap::new(), found: HashMap::new(), floating, utc }
    }

    /// Reads the lines of the VTIMEZONEs among those of a file.
    pub(super) fn gather<'a>(&mut self, lines: impl Iterator<Item = Line<'a>>) {
        let mut current: Option<(Option<String>, Described)> = None;
        let mut inside = false;
        for line in lines {
            if line.is("BEGIN") {
                let what = line.value().trim();
                if what.eq_ignore_ascii_case("VTIMEZONE") {
                    current = Some((None, Described::default()));
                } else if let Some((_, zone)) = &mut current {
                    inside = true;
                    if zone.observances.len() < MOST_OBSERVANCES {
                        zone.observances.push(Observance::default());
                    }
                }
                continue;
            }
            let Some((tzid, zone)) = &mut current else { continue };
            if line.is("END") {
                inside = false;
                if line.value().trim().eq_ignore_ascii_case("VTIMEZONE")
                    && let Some((Some(tzid), zone)) = current.take()
                    && self.described.len() < MOST_ZONES
                {
                    self.described.entry(tzid).or_insert(zone);
                }
                continue;
            }
            if line.is("TZID") {
                *tzid = Some(line.text().trim().to_owned());
            } else if line.is("X-LIC-LOCATION") {
                zone.location = Some(line.text());
            } else if let Some(observance) = zone.observances.last_mut().filter(|_| inside) {
                observance.read(&line);
            }
        }
    }

    /// What a TZID means.
    pub(super) fn find(&mut self, tzid: &str) -> Found {
        if let Some(found) = self.found.get(tzid) {
            return found.clone();
        }
        if self.found.len() >= MOST_NAMES {
            return self.floating.clone();
        }
        let found = self.look_up(tzid);
        self.found.insert(tzid.to_owned(), found.clone());
        found
    }

    fn look_up(&self, tzid: &str) -> Found {
        if let Some(found) = by_name(tzid).and_then(|name| Found::named(&name)) {
            return found;
        }
        // A TZID that holds a colon and is not quoted was cut there.
        let described = self.described.get(tzid).or_else(|| {
            let cut = |name: &&String| tzid.starts_with('(') && name.starts_with(tzid);
            self.described.get(self.described.keys().filter(cut).min()?)
        });
        if let Some(described) = described {
            if let Some(found) =
                described.location.as_deref().and_then(by_name).and_then(|name| Found::named(&name))
            {
                return found;
            }
            if let Some(rules) = described.rules(tzid) {
                return Found { zone: Zone::Own(Box::new(rules.clone())), rules: Arc::new(rules) };
            }
        }
        // What Outlook shows people ("(UTC+01:00) Amsterdam, Berlin, …") is listed there.
        calcard::common::timezone::Tz::from_str(tzid)
            .ok()
            .and_then(|zone| zone.name().as_deref().and_then(known))
            .and_then(|name| Found::named(&name))
            .unwrap_or_else(|| self.floating.clone())
    }
}

impl Observance {
    fn read(&mut self, line: &Line<'_>) {
        let value = line.value().trim();
        match line.name().to_ascii_uppercase().as_str() {
            "DTSTART" => {
                let midnight = || date(value).map(|day| day.and_time(NaiveTime::MIN));
                self.start = date_time(value.trim_end_matches('Z')).or_else(midnight);
            }
            "TZOFFSETFROM" => self.from = offset(value),
            "TZOFFSETTO" => self.to = offset(value),
            "RRULE" if self.rules.len() < 4 => self.rules.push(value.to_owned()),
            "RDATE" if self.dates.len() < MOST_OBSERVANCES => {
                let dates = value.split(',').filter_map(|date| date_time(date.trim().trim_end_matches('Z')));
                self.dates.extend(dates.take(MOST_OBSERVANCES));
            }
            _ => {}
        }
    }
}

/// A UTC offset in seconds: `+0100`, `-043000` (RFC 5545 §3.3.14).
fn offset(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => (1, text),
    };
    let digits = digits.replace(':', "");
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part =
        |from: usize| -> i32 { digits.get(from..from + 2).and_then(|two| two.parse().ok()).unwrap_or(0) };
    Some(sign * (part(0) * 3600 + part(2) * 60 + part(4)))
}
