//! From a file to events.

use super::{
    super::{
        event::{Instance, Moment, RemoteEvent, Status, When},
        fault::Fault,
    },
    MOST_BYTES, MOST_EVENTS,
    line::{Line, lines, looks_like_html},
    vevent::{Written, normal},
    zone::Zones,
};
use crate::server::crypto;
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// Where a file comes from, which the ids of its events follow from.
#[derive(Debug, Clone, Copy)]
pub enum Origin<'a> {
    /// A CalDAV object, by its address: one event, with its instances. Ids are `address` and `address#RECURRENCE-ID`; should
    /// it hold further events, against the rules, `address#UID`.
    Object(&'a str),
    /// A feed or a file of many events. Ids are `UID` and `UID#RECURRENCE-ID`.
    Feed,
}

/// How a file is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// The owner's zone (IANA): times without one are meant there.
    pub zone: &'a str,
    /// The owner's e-mail addresses: whose answers count.
    pub owner: &'a [String],
}

/// Longer UIDs are replaced by their hash, so that ids fit in an index.
const MOST_UID: usize = 255;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// Its events. Cancelled ones are left out, but for instances, which say so of their series; an instance without its series
    /// is an event of its own.
    pub events: Vec<RemoteEvent>,
    /// What is in it and can't be read.
    pub unread: Vec<Unread>,
}

/// An event that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What ids of its events begin with; of an object its address.
    pub id: String,
    /// Why: a sentence.
    pub why: String,
}

/// What ids of events without a UID begin with.
pub const NAMELESS: &str = "none-";

fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    if bytes.len() > MOST_BYTES {
        return Err(Fault::Refused("The calendar file is larger than 16 MB.".into()));
    }
    Ok(String::from_utf8_lossy(bytes))
}

fn is(line: &Line<'_>, name: &str, value: &str) -> bool {
    line.is(name) && line.value().trim().eq_ignore_ascii_case(value)
}

/// What a calendar calls itself (RFC 7986 §5.1, or X-WR-CALNAME), in a line of at most 100 characters.
pub fn name(bytes: &[u8]) -> Option<String> {
    let text = text(bytes).ok()?;
    lines(&text)
        .take_while(|line| !is(line, "BEGIN", "VEVENT"))
        .find(|line| line.is("NAME") || line.is("X-WR-CALNAME"))
        .map(|line| line.text().split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect())
        .filter(|name: &String| !name.is_empty())
}

/// All events of a file, and what of it could not be read.
///
/// [`Fault::Refused`] when the file is no calendar, is a feed that ends in the middle, or holds more than it may
/// ([`MOST_BYTES`], [`MOST_EVENTS`]).
pub fn read(bytes: &[u8], how: &Reading<'_>) -> Result<Contents, Fault> {
    let text = text(bytes)?;
    let refused = |sentence: &str| Fault::Refused(sentence.into());
    let mut begun = 0_usize;
    let mut ended = 0_usize;
    let mut method_cancel = false;
    for line in lines(&text) {
        begun += usize::from(is(&line, "BEGIN", "VCALENDAR"));
        ended += usize::from(is(&line, "END", "VCALENDAR"));
        method_cancel |= is(&line, "METHOD", "CANCEL");
    }
    if begun == 0 {
        let page = looks_like_html(bytes);
        return Err(refused(if page {
            "This is a web page, not a calendar (iCalendar). Look for the calendar's own address, which often ends in .ics."
        } else {
            "This is not a calendar (iCalendar)."
        }));
    }
    // What an object holds up to there says something; a feed will come again, and whole.
    let is_cut = ended < begun;
    if is_cut && matches!(how.origin, Origin::Feed) {
        return Err(refused("The calendar file ends in the middle."));
    }
    let mut zones = Zones::new(how.zone);
    zones.gather(lines(&text));
    let mut all = Vec::new();
    let mut current: Option<Written> = None;
    let mut inner = 0_usize;
    for line in lines(&text) {
        if all.len() > MOST_EVENTS {
            return Err(Fault::Refused(format!("The calendar holds more than {MOST_EVENTS} entries.")));
        }
        if is(&line, "BEGIN", "VEVENT") {
            // One that has no end ends where the next one begins.
            all.extend(current.replace(Written::default()));
            inner = 0;
        } else if line.is("BEGIN") {
            inner += 1;
        } else if is(&line, "END", "VEVENT") {
            all.extend(current.take());
        } else if line.is("END") {
            inner = inner.saturating_sub(1);
        } else if let Some(event) = current.as_mut().filter(|_| inner == 0) {
            event.read(&line, how.owner);
        }
    }
    all.extend(current);
    let sorted = Sorted::new(all, method_cancel, &mut zones);
    let mut contents = sorted.events(how.origin, &mut zones);
    if let Origin::Object(address) = how.origin
        && is_cut
    {
        contents.unread.push(Unread { id: address.to_owned(), why: "It ends in the middle.".to_owned() });
    }
    Ok(contents)
}

/// The events of a file by what they are to each other.
struct Sorted {
    /// Masters and single events, in the order of the file.
    masters: Vec<Written>,
    /// The newest version of each instance, by UID.
    instances: Vec<(Moment, Written)>,
    /// UIDs of those that can't be read, and why.
    unread: Vec<(String, String)>,
}

/// What instances have to know of their series.
struct Series {
    id: String,
    /// Is it of whole days?
    all_day: bool,
    /// Or was all of it cancelled?
    takes_place: bool,
    sequence: i64,
    except: HashSet<Moment>,
}

fn uid(event: &Written) -> String {
    let uid = event.uid.as_str();
    if uid.is_empty() {
        // Some programs leave it out of feeds. The same event gets the same one in each reading.
        let what = format!("{:?}|{}", event.start, event.title);
        return format!("{NAMELESS}{}", hex(&crypto::hash(&what)));
    }
    if uid.len() > MOST_UID { format!("long-{}", hex(&crypto::hash(uid))) } else { uid.to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `20260303T133000Z` or `20260303`.
fn suffix(moment: &Moment) -> String {
    match moment {
        Moment::At(at) => at.format("%Y%m%dT%H%M%SZ").to_string(),
        Moment::Day(day) => day.format("%Y%m%d").to_string(),
    }
}

impl Sorted {
    /// Of several versions of one thing the one with the greater SEQUENCE counts, then the later stamp (RFC 5546 §2.1.5).
    /// Different events that share a UID and say nothing about which is newer are all kept: time that is not free must not
    /// be lost to a careless feed.
    fn new(all: Vec<Written>, cancelled: bool, zones: &mut Zones) -> Self {
        let mut masters: Vec<Written> = Vec::new();
        let mut instances: Vec<(Moment, Written)> = Vec::new();
        let mut unread = Vec::new();
        let mut seen: HashMap<(String, Option<Moment>), Vec<usize>> = HashMap::new();
        for mut event in all {
            if cancelled {
                event.cancel();
            }
            if let Some(why) = event.flaw() {
                let uid = if event.uid.is_empty() { NAMELESS.to_owned() } else { uid(&event) };
                unread.push((uid, why));
                continue;
            }
            event.uid = uid(&event);
            let original = event.recurrence_id.as_ref().map(|id| id.moment(zones));
            let places = seen.entry((event.uid.clone(), original.clone())).or_default();
            // A file of nothing but versions of one thing must not take for ever.
            let older = places.iter().rev().take(50).copied().find(|&at| match &original {
                Some(_) => true,
                None => masters
                    .get(at)
                    .is_some_and(|other| other.version() != event.version() || other.start == event.start),
            });
            match (original, older) {
                (None, None) => {
                    places.push(masters.len());
                    masters.push(event);
                }
                (None, Some(at)) => {
                    if let Some(other) =
                        masters.get_mut(at).filter(|other| other.version() <= event.version())
                    {
                        *other = event;
                    }
                }
                (Some(original), None) => {
                    places.push(instances.len());
                    instances.push((original, event));
                }
                (Some(_), Some(at)) => {
                    if let Some((_, other)) =
                        instances.get_mut(at).filter(|(_, other)| other.version() <= event.version())
                    {
                        *other = event;
                    }
                }
            }
        }
        Self { masters, instances, unread }
    }

    fn events(self, origin: Origin<'_>, zones: &mut Zones) -> Contents {
        let mut events = Vec::new();
        let mut unread = self.unread;
        let mut beyond =
            |uid: &str| unread.push((uid.to_owned(), "It is at no time that there is.".to_owned()));
        // By UID.
        let mut series: HashMap<String, Series> = HashMap::new();
        let mut ids: HashSet<String> = HashSet::new();
        let first_uid = self
            .masters
            .first()
            .or(self.instances.first().map(|(_, event)| event))
            .map(|event| event.uid.clone());
        let base = |uid: &str| match origin {
            Origin::Object(address) if first_uid.as_deref() == Some(uid) => address.to_owned(),
            Origin::Object(address) => format!("{address}#{uid}"),
            Origin::Feed => uid.to_owned(),
        };
        let mut periods = Vec::new();
        for event in &self.masters {
            let Some(when) = event.when(zones) else {
                if event.status() != Status::Cancelled {
                    beyond(&event.uid);
                }
                continue;
            };
            let all_day = matches!(when, When::AllDay { .. });
            let mut id = base(&event.uid);
            if !ids.insert(id.clone()) {
                id = format!("{id}#{}", suffix(&super::super::recurrence::start(&when)));
                if !ids.insert(id.clone()) {
                    continue;
                }
            }
            let takes_place = event.status() != Status::Cancelled;
            let recurrence = event.recurrence(&when, zones);
            series.entry(event.uid.clone()).or_insert_with(|| Series {
                id: id.clone(),
                all_day,
                takes_place,
                sequence: event.sequence,
                except: recurrence.iter().flat_map(|series| series.except.iter().cloned()).collect(),
            });
            if !takes_place {
                continue;
            }
            for (original, when) in event.periods(zones) {
                periods.push((id.clone(), original, when, event));
            }
            let mut master = event.remote(id, when);
            master.recurrence = recurrence;
            events.push(master);
        }
        for (original, event) in &self.instances {
            let Some(when) = event.when(zones) else {
                beyond(&event.uid);
                continue;
            };
            let (instance, id) = match series.get(&event.uid) {
                Some(Series { takes_place: false, .. }) => continue,
                Some(Series { id, all_day, sequence, except, .. }) => {
                    let original = match &event.recurrence_id {
                        Some(stamp) => normal(stamp, *all_day, zones),
                        None => original.clone(),
                    };
                    // The series was changed after the instance, and leaves it out now.
                    if *sequence > event.sequence && except.contains(&original) {
                        continue;
                    }
                    let name = format!("{id}#{}", suffix(&original));
                    (Some(Instance { series: id.clone(), original }), name)
                }
                None if event.status() == Status::Cancelled => continue,
                None => (None, format!("{}#{}", base(&event.uid), suffix(original))),
            };
            if ids.insert(id.clone()) {
                let mut remote = event.remote(id, when);
                remote.instance = instance;
                events.push(remote);
            }
        }
        // An RDATE with a length of its own is an instance that differs in its end.
        for (id, original, when, event) in periods {
            let name = format!("{id}#{}", suffix(&original));
            if ids.insert(name.clone()) {
                let mut remote = event.remote(name, when);
                remote.instance = Some(Instance { series: id, original });
                events.push(remote);
            }
        }
        let named = |(uid, why): (String, String)| {
            let id = match origin {
                Origin::Object(address) => address.to_owned(),
                Origin::Feed => uid,
            };
            Unread { id, why }
        };
        Contents { events, unread: unread.into_iter().map(named).collect() }
    }
}

impl Written {
    fn version(&self) -> (i64, &str) {
        (self.sequence, &self.stamp)
    }

    fn remote(&self, id: String, when: When) -> RemoteEvent {
        RemoteEvent {
            id,
            uid: self.uid.clone(),
            etag: None,
            when,
            recurrence: None,
            instance: None,
            status: self.status(),
            shows: self.shows(),
            title: self.title.clone(),
            participants: self.participants(),
            mark: self.mark.clone(),
            sequence: self.sequence,
            meeting: self.meeting(),
            texts: self.texts(),
        }
    }
}
