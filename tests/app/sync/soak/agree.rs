//! Do both sides agree? All of what there is, on each side, by what the other one says.

use super::{Remote, Soak};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// Time in seconds since 1970: from, until.
type Span = (i64, i64);

/// An entry of a booking at the provider.
struct Shown {
    remote: usize,
    time: Span,
}

/// A booking here, at one of its hosts.
struct Held {
    live: bool,
    time: Span,
    member: String,
}

/// Our side.
struct Ours {
    /// Member and provider's id of each calendar, by our id.
    calendars: HashMap<String, (String, String)>,
    /// The calendar of each member that receives bookings, by the provider's id.
    receivers: HashMap<String, String>,
    bookings: HashMap<String, Vec<Held>>,
    /// What is flagged: booking and member.
    flags: HashSet<(String, String)>,
    /// What each calendar takes, by our id of it: events, and entries that stand where their booking or own event does.
    taken: HashMap<String, Vec<Span>>,
}

fn seconds(micros: &str) -> i64 {
    micros.parse::<i64>().unwrap().div_euclid(1_000_000)
}

fn parts(row: &str) -> Vec<String> {
    row.split(' ').map(str::to_owned).collect()
}

/// Joined where they meet, within a window.
fn joined(mut spans: Vec<Span>, window: Span) -> Vec<Span> {
    spans.sort_unstable();
    let mut found: Vec<Span> = Vec::new();
    for (from, until) in spans {
        let (from, until) = (from.max(window.0), until.min(window.1));
        if from >= until {
            continue;
        }
        match found.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => found.push((from, until)),
        }
    }
    found
}

/// What is in one list and not in the other, in words.
fn difference(ours: &[Span], theirs: &[Span]) -> String {
    let words = |spans: &[Span], others: &[Span]| {
        let only = spans.iter().filter(|span| !others.contains(span)).take(4);
        let word = |at: i64| DateTime::from_timestamp(at, 0).unwrap().format("%m-%d %H:%M").to_string();
        only.map(|(from, until)| format!("{} to {}", word(*from), word(*until))).collect::<Vec<_>>()
    };
    format!("only here {:?}, only there {:?}", words(ours, theirs), words(theirs, ours))
}

impl Ours {
    fn load(soak: &Soak) -> Self {
        let it = &soak.it;
        let mut ours = Self {
            calendars: HashMap::new(),
            receivers: HashMap::new(),
            bookings: HashMap::new(),
            flags: HashSet::new(),
            taken: HashMap::new(),
        };
        for row in it.texts(
            "SELECT id || ' ' || member_id || ' ' || remote_id || ' ' || CASE WHEN receives THEN 'yes' ELSE 'no' END
             FROM calendars",
        ) {
            let row = parts(&row);
            if row[3] == "yes" {
                let before = ours.receivers.insert(row[1].clone(), row[2].clone());
                assert!(before.is_none(), "two calendars receive the bookings of one member");
            }
            ours.calendars.insert(row[0].clone(), (row[1].clone(), row[2].clone()));
        }
        for row in it.texts(
            "SELECT b.id || ' ' || b.status || ' ' || CAST(b.start_at AS TEXT) || ' ' || CAST(b.end_at AS TEXT) || ' '
                    || a.member_id FROM bookings b JOIN attendees a ON a.booking_id = b.id",
        ) {
            let row = parts(&row);
            ours.bookings.entry(row[0].clone()).or_default().push(Held {
                live: matches!(row[1].as_str(), "confirmed" | "pending"),
                time: (seconds(&row[2]), seconds(&row[3])),
                member: row[4].clone(),
            });
        }
        for row in it.texts("SELECT booking_id || ' ' || member_id FROM booking_flags") {
            let row = parts(&row);
            ours.flags.insert((row[0].clone(), row[1].clone()));
        }
        for row in it.texts(
            "SELECT source || ' ' || CAST(busy_from AS TEXT) || ' ' || CAST(busy_until AS TEXT) FROM busy_intervals
             UNION ALL
             SELECT m.calendar_id || ' ' || CAST(b.start_at AS TEXT) || ' ' || CAST(b.end_at AS TEXT) FROM mirrors m
             JOIN bookings b ON b.id = m.booking_id
             WHERE m.state = 'live' AND m.remote_id IS NOT NULL AND b.status IN ('confirmed', 'pending')
             UNION ALL
             SELECT m.calendar_id || ' ' || CAST(e.start_at AS TEXT) || ' ' || CAST(e.end_at AS TEXT) FROM mirrors m
             JOIN calendar_events e ON e.id = m.event_id
             WHERE m.state = 'live' AND m.remote_id IS NOT NULL AND e.busy AND e.deleted_at IS NULL",
        ) {
            let row = parts(&row);
            ours.taken.entry(row[0].clone()).or_default().push((seconds(&row[1]), seconds(&row[2])));
        }
        ours
    }
}

impl Soak {
    /// Fails with everything on which the two sides don't agree.
    pub(super) fn assert_agree(&self, when: &str) {
        self.it.database.assert_sound();
        let ours = Ours::load(self);
        let entries = self.entries_there();
        let mut wrong = Vec::new();
        self.compare_bookings(&ours, &entries, &mut wrong);
        self.compare_time(&ours, &mut wrong);
        self.compare_with_what_was_done(&ours, &mut wrong);
        self.compare_own(&mut wrong);
        wrong.extend(self.it.texts(
            "SELECT 'account ' || label || ': ' || state || ' ' || trouble FROM connections
             WHERE state <> 'ok' OR trouble <> ''",
        ));
        wrong.extend(self.it.texts(
            "SELECT 'calendar ' || name || ': ' || trouble FROM calendars WHERE trouble <> '' OR cursor IS NULL",
        ));
        wrong.extend(self.it.texts(
            "SELECT 'unwritten: ' || COALESCE(booking_id, event_id) || ' ' || trouble FROM mirrors WHERE written < wanted",
        ));
        wrong.extend(self.it.google.violations().iter().map(|violation| format!("violation: {violation}")));
        let count = wrong.len();
        wrong.truncate(30);
        let seed = self.size.seed;
        assert!(wrong.is_empty(), "seed {seed}, {when}: {count} disagreements:\n{}", wrong.join("\n"));
    }

    /// All entries of bookings that are at the provider, by booking.
    fn entries_there(&self) -> HashMap<String, Vec<Shown>> {
        let mut found: HashMap<String, Vec<Shown>> = HashMap::new();
        for of_member in self.remotes.chunks(3) {
            let dump = self.it.google.get(&format!("/_/dump?account={}", of_member[0].account));
            for (id, events) in dump.as_object().unwrap() {
                let remote = self.remotes.iter().position(|remote| remote.id == *id).unwrap();
                for event in events.as_array().unwrap() {
                    let Some(mark) = event["private"]["meridian"].as_str() else { continue };
                    let Some(booking) = mark.strip_prefix("booking:") else { continue };
                    let at = |key: &str| {
                        let text = event[key].as_str().unwrap();
                        text.parse::<DateTime<Utc>>().unwrap().timestamp()
                    };
                    let shown = Shown { remote, time: (at("start"), at("end")) };
                    found.entry(booking.to_owned()).or_default().push(shown);
                }
            }
        }
        found
    }

    /// Each booking that takes place has one entry, in the right calendar at the right time, and no other has one, unless
    /// people were told.
    fn compare_bookings(&self, ours: &Ours, entries: &HashMap<String, Vec<Shown>>, wrong: &mut Vec<String>) {
        for (booking, hosts) in &ours.bookings {
            let there = entries.get(booking).map_or(&[][..], Vec::as_slice);
            let expected: Vec<&Held> = hosts.iter().filter(|host| host.live).collect();
            let flagged =
                hosts.iter().any(|host| ours.flags.contains(&(booking.clone(), host.member.clone())));
            if there.len() > expected.len().max(usize::from(flagged)) {
                wrong.push(format!("booking {booking} has {} entries", there.len()));
            }
            if flagged {
                continue;
            }
            for host in expected {
                let receiver = &ours.receivers[&host.member];
                let right = there
                    .iter()
                    .filter(|shown| self.remotes[shown.remote].id == *receiver && shown.time == host.time);
                if right.count() != 1 {
                    let shown: Vec<_> =
                        there.iter().map(|shown| (&self.remotes[shown.remote].id, shown.time)).collect();
                    wrong.push(format!(
                        "booking {booking} at {:?} for {receiver} is shown as {shown:?}; {:?}",
                        host.time,
                        self.story(booking)
                    ));
                }
            }
        }
        for booking in entries.keys().filter(|booking| !ours.bookings.contains_key(*booking)) {
            wrong.push(format!("an entry of no booking: {booking}"));
        }
    }

    /// What is known here of a booking's entries, for whoever looks for the reason.
    fn story(&self, booking: &str) -> Vec<String> {
        let rows = self.it.texts(
            "SELECT COALESCE(m.booking_id, m.event_id) || ' ' || m.state || ' ' || COALESCE(m.remote_id, '-') || ' wanted '
                    || CAST(m.wanted AS TEXT) || ' written ' || CAST(m.written AS TEXT) || ' ' || m.trouble FROM mirrors m",
        );
        rows.into_iter().filter(|row| row.starts_with(booking)).collect()
    }

    /// The time that each calendar takes, as the provider itself expands it, and as it is known here.
    fn compare_time(&self, ours: &Ours, wrong: &mut Vec<String>) {
        let (from, until) = (self.now - TimeDelta::days(30), self.now + TimeDelta::days(59));
        let window = (from.timestamp(), until.timestamp());
        let ids: HashMap<&str, &str> =
            ours.calendars.iter().map(|(id, (_, remote))| (remote.as_str(), id.as_str())).collect();
        for remote in &self.remotes {
            let Some(id) = ids.get(remote.id.as_str()) else {
                wrong.push(format!("the calendar {} is not known", remote.id));
                continue;
            };
            let here = joined(ours.taken.get(*id).cloned().unwrap_or_default(), window);
            let there = joined(self.busy_there(remote, from, until), window);
            if here != there {
                let difference = difference(&here, &there);
                wrong.push(format!(
                    "the time of {}: {difference}; {:?}",
                    remote.id,
                    self.blame(remote, &here, &there)
                ));
            }
        }
    }

    /// The events that the first difference is about, as they are there and as they are known here, for whoever looks for the reason.
    fn blame(&self, remote: &Remote, here: &[Span], there: &[Span]) -> Vec<String> {
        let mut odd = here.iter().filter(|span| !there.contains(span));
        let Some((from, until)) = odd.next().or_else(|| there.iter().find(|span| !here.contains(span)))
        else {
            return Vec::new();
        };
        let time =
            |at: i64| DateTime::from_timestamp(at, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let path = format!(
            "/calendar/v3/calendars/{}/events?singleEvents=true&timeMin={}&timeMax={}",
            remote.id,
            time(*from),
            time(*until)
        );
        let found = self.ask(&remote.token, "GET", &path, &Value::Null).unwrap_or_default();
        let events = found["items"].as_array().cloned().unwrap_or_default();
        let keys =
            ["id", "start", "end", "recurringEventId", "originalStartTime", "transparency", "attendees"];
        let word = |event: &Value| keys.map(|key| event[key].to_string()).join(" ");
        let roots =
            events.iter().filter_map(|event| event["recurringEventId"].as_str().or(event["id"].as_str()));
        let roots: HashSet<&str> = roots.collect();
        let known = self.it.texts("SELECT root || ' ' || document FROM remote_events ORDER BY root, id");
        let known =
            known.into_iter().filter(|row| row.split(' ').next().is_some_and(|root| roots.contains(root)));
        events.iter().map(word).chain(known).collect()
    }

    fn busy_there(&self, remote: &Remote, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Span> {
        let time = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let question = json!({"timeMin": time(from), "timeMax": time(until), "items": [{"id": remote.id}]});
        let answer = self.ask(&remote.token, "POST", "/calendar/v3/freeBusy", &question).unwrap();
        let busy = answer["calendars"][&remote.id]["busy"].as_array().unwrap();
        let at = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap().timestamp();
        busy.iter().map(|span| (at(&span["start"]), at(&span["end"]))).collect()
    }

    /// No booking is lost, none came from nowhere: what this test did itself is what there is.
    fn compare_with_what_was_done(&self, ours: &Ours, wrong: &mut Vec<String>) {
        if ours.bookings.len() != self.made.len() {
            wrong.push(format!("{} bookings instead of {}", ours.bookings.len(), self.made.len()));
        }
        for made in &self.made {
            let live = ours.bookings.get(&made.id).is_some_and(|hosts| hosts.iter().any(|host| host.live));
            if made.cancelled && live {
                wrong.push(format!("booking {} was called off and takes place", made.id));
            }
            if !made.cancelled && !made.touched && !live {
                wrong.push(format!("booking {} is lost", made.id));
            }
        }
    }
}
