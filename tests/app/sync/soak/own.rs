//! Events of members' own: made, changed and deleted on both sides, and compared.

use super::{Dice, Remote, Soak, ZONES, content::stamp};
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};
use std::collections::HashMap;

/// An event as whoever made it knows it.
pub struct Own {
    id: String,
    /// The number of its member.
    member: usize,
    /// Did somebody delete it, on either side?
    deleted: bool,
}

/// An event as it is known here.
struct Here {
    calendar: String,
    live: bool,
    title: String,
    time: (i64, i64),
    busy: bool,
}

fn zone_of(member: usize) -> Tz {
    ZONES[member % ZONES.len()].parse().unwrap()
}

/// A start by day, on the wall of a member's zone, where no clock is put forward or back.
fn daytime(dice: &mut Dice, now: DateTime<Utc>, member: usize) -> DateTime<Utc> {
    let day = now.date_naive() + TimeDelta::days(dice.between(2, 55));
    let wall = day.and_time(chrono::NaiveTime::MIN) + TimeDelta::minutes(5 * dice.between(84, 240));
    zone_of(member).from_local_datetime(&wall).single().unwrap().to_utc()
}

impl Soak {
    /// One change of an own event, on either side.
    pub(super) fn change_own(&mut self, number: usize) {
        match self.dice.roll(100) {
            _ if self.own.is_empty() => self.make_own(number),
            0..30 => self.make_own(number),
            30..55 => self.edit_own(number),
            55..65 => self.delete_or_restore_own(),
            65..85 => self.drag_own(number),
            _ => self.delete_own_outside(),
        }
    }

    /// Posts a form as a member.
    fn post_as(&self, member: usize, path: &str, fields: &[(&str, &str)]) -> u16 {
        let host = &self.it.world.hosts[member].0;
        self.it.database.execute(&format!(
            "UPDATE sessions SET member_id = '{host}', user_id = (SELECT user_id FROM members WHERE id = '{host}')"
        ));
        let answer = self.it.server.post_form(path, fields, &[("cookie", &self.cookie)]);
        assert!(answer.status < 500, "seed {}: {path}: {} {}", self.size.seed, answer.status, answer.text);
        answer.status
    }

    fn send_own(&mut self, id: &str, member: usize, number: usize, version: &str, path: &str) -> u16 {
        let start = daytime(&mut self.dice, self.now, member);
        let zone = zone_of(member);
        let (from, until) =
            (start.with_timezone(&zone), (start + TimeDelta::minutes(45)).with_timezone(&zone));
        let whole = self.dice.chance(10);
        let day = from.format("%Y-%m-%d").to_string();
        let (from, last, until) = (
            from.format("%H:%M").to_string(),
            until.format("%Y-%m-%d").to_string(),
            until.format("%H:%M").to_string(),
        );
        let title = format!("Own {number}");
        let remote = &self.remotes[member * 3 + self.dice.roll(3)].id;
        let calendars = self.it.texts("SELECT remote_id || ' ' || id FROM calendars");
        let calendar = calendars.iter().find_map(|row| row.strip_prefix(&format!("{remote} "))).unwrap();
        let mut fields = vec![
            ("id", id),
            ("version", version),
            ("title", &*title),
            ("from_date", &*day),
            ("from_time", &*from),
            ("until_date", &*last),
            ("until_time", &*until),
            ("calendar", calendar),
        ];
        if whole {
            fields.push(("whole", "on"));
        }
        if self.dice.chance(80) {
            fields.push(("busy", "on"));
        }
        self.post_as(member, path, &fields)
    }

    fn make_own(&mut self, number: usize) {
        let member = self.dice.roll(self.it.world.hosts.len());
        let id = super::uuid(0x0e00_0000 + u32::try_from(number).unwrap());
        assert_eq!(self.send_own(&id, member, number, "0", "/booking/events"), 303);
        self.own.push(Own { id, member, deleted: false });
    }

    fn edit_own(&mut self, number: usize) {
        let at = self.dice.roll(self.own.len());
        let (id, member) = (self.own[at].id.clone(), self.own[at].member);
        let versions = self.it.texts("SELECT id || ' ' || CAST(version AS TEXT) FROM calendar_events");
        let version = versions.iter().find_map(|row| row.strip_prefix(&format!("{id} "))).unwrap().to_owned();
        // It may have been deleted or changed meanwhile, outside.
        self.send_own(&id, member, number, &version, &format!("/booking/events/{id}"));
    }

    fn delete_or_restore_own(&mut self) {
        let at = self.dice.roll(self.own.len());
        let (id, member) = (self.own[at].id.clone(), self.own[at].member);
        let what = if self.dice.chance(50) { "delete" } else { "restore" };
        assert_eq!(self.post_as(member, &format!("/booking/events/{id}/{what}"), &[]), 303);
        self.own[at].deleted = true;
    }

    /// Own events whose entries are known to be there: which, the calendar, the entry.
    fn own_entries(&self) -> Vec<(String, usize, String)> {
        let rows = self.it.texts(
            "SELECT m.event_id || ' ' || k.remote_id || ' ' || m.remote_id FROM mirrors m
             JOIN calendars k ON k.id = m.calendar_id JOIN calendar_events e ON e.id = m.event_id
             WHERE m.remote_id IS NOT NULL AND e.deleted_at IS NULL AND e.calendar_id = m.calendar_id
             ORDER BY e.created_at, e.id",
        );
        let entry = |row: &String| {
            let parts: Vec<&str> = row.split(' ').collect();
            let remote = self.remotes.iter().position(|remote| remote.id == parts[1]).unwrap();
            (parts[0].to_owned(), remote, parts[2].to_owned())
        };
        rows.iter().map(entry).collect()
    }

    fn drag_own(&mut self, number: usize) {
        let entries = self.own_entries();
        let Some((_, remote, id)) = entries.get(self.dice.roll(entries.len().max(1))) else { return };
        let change = match self.dice.roll(4) {
            0 => json!({ "summary": format!("Outside {number}") }),
            1 => json!({ "transparency": if self.dice.chance(50) { "transparent" } else { "opaque" } }),
            _ => {
                let start = daytime(&mut self.dice, self.now, remote / 3);
                let zone = self.remotes[*remote].zone;
                let end = start + TimeDelta::minutes(5 * self.dice.between(3, 19));
                let mut times = json!({ "start": stamp(start, zone), "end": stamp(end, zone) });
                times["start"]["date"] = Value::Null;
                times["end"]["date"] = Value::Null;
                times
            }
        };
        self.ask(&self.remotes[*remote].token, "PATCH", &self.own_path(*remote, id), &change);
    }

    fn delete_own_outside(&mut self) {
        let entries = self.own_entries();
        let Some((event, remote, id)) = entries.get(self.dice.roll(entries.len().max(1))) else { return };
        for own in self.own.iter_mut().filter(|own| own.id == *event) {
            own.deleted = true;
        }
        self.ask(&self.remotes[*remote].token, "DELETE", &self.own_path(*remote, id), &Value::Null);
    }

    fn own_path(&self, remote: usize, id: &str) -> String {
        format!("/calendar/v3/calendars/{}/events/{id}", self.remotes[remote].id)
    }

    /// Each own event that is there has one entry, in its calendar, which says the same; no other has one.
    pub(super) fn compare_own(&self, wrong: &mut Vec<String>) {
        let calendars: HashMap<String, String> = self
            .it
            .texts("SELECT id || ' ' || remote_id FROM calendars")
            .iter()
            .map(|row| row.split_once(' ').map(|(id, remote)| (id.to_owned(), remote.to_owned())).unwrap())
            .collect();
        let mut here: HashMap<String, Here> = HashMap::new();
        for row in self.it.texts(
            "SELECT id || '|' || calendar_id || '|' || CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'gone' END || '|' || title
                    || '|' || CAST(start_at AS TEXT) || '|' || CAST(end_at AS TEXT) || '|'
                    || CASE WHEN busy THEN 'busy' ELSE 'free' END FROM calendar_events",
        ) {
            let parts: Vec<&str> = row.split('|').collect();
            let at = |text: &str| text.parse::<i64>().unwrap().div_euclid(1_000_000);
            let event = Here {
                calendar: calendars[parts[1]].clone(),
                live: parts[2] == "live",
                title: parts[3].to_owned(),
                time: (at(parts[4]), at(parts[5])),
                busy: parts[6] == "busy",
            };
            here.insert(parts[0].to_owned(), event);
        }
        let mut there: HashMap<String, Vec<(&Remote, Value)>> = HashMap::new();
        for of_member in self.remotes.chunks(3) {
            let dump = self.it.google.get(&format!("/_/dump?account={}", of_member[0].account));
            for (id, events) in dump.as_object().unwrap() {
                let remote = self.remotes.iter().find(|remote| remote.id == *id).unwrap();
                for event in events.as_array().unwrap() {
                    let mark = event["private"]["meridian"].as_str().unwrap_or_default();
                    if let Some(own) = mark.strip_prefix("event:") {
                        there.entry(own.to_owned()).or_default().push((remote, event.clone()));
                    }
                }
            }
        }
        for (id, event) in &here {
            let entries = there.remove(id).unwrap_or_default();
            let expected = usize::from(event.live);
            if entries.len() != expected {
                wrong.push(format!("own event {id} has {} entries instead of {expected}", entries.len()));
                continue;
            }
            for (remote, entry) in entries {
                let zone: Tz = ZONES
                    [(self.remotes.iter().position(|one| one.id == remote.id).unwrap() / 3) % ZONES.len()]
                .parse()
                .unwrap();
                let at = |key: &str| {
                    let text = entry[key].as_str().unwrap();
                    match text.parse::<DateTime<Utc>>() {
                        Ok(at) => at.timestamp(),
                        Err(_) => {
                            let day =
                                text.parse::<chrono::NaiveDate>().unwrap().and_time(chrono::NaiveTime::MIN);
                            zone.from_local_datetime(&day).earliest().unwrap().timestamp()
                        }
                    }
                };
                let busy = entry["busy"] == true;
                let shown =
                    (remote.id.as_str(), entry["title"].as_str().unwrap(), (at("start"), at("end")), busy);
                let said = (event.calendar.as_str(), event.title.as_str(), event.time, event.busy);
                if shown != said {
                    wrong.push(format!("own event {id}: {said:?} here, {shown:?} there"));
                }
            }
        }
        wrong.extend(there.keys().map(|id| format!("an entry of no own event: {id}")));
        for own in &self.own {
            if !own.deleted && !here.get(&own.id).is_some_and(|event| event.live) {
                wrong.push(format!("own event {} is lost", own.id));
            }
        }
        wrong.extend(
            self.it.texts(
                "SELECT 'own event ' || id || ': ' || trouble FROM calendar_events WHERE trouble <> ''",
            ),
        );
        let odd = self.it.database.number(
            "SELECT (SELECT COUNT(*) FROM calendar_events WHERE busy AND deleted_at IS NULL)
                  - (SELECT COUNT(*) FROM calendar_events e JOIN busy_intervals b
                     ON b.source = 'own' AND b.source_ref = e.id AND b.busy_from = e.start_at AND b.busy_until = e.end_at
                     WHERE e.busy AND e.deleted_at IS NULL)
                  + (SELECT COUNT(*) FROM busy_intervals b WHERE b.source = 'own' AND NOT EXISTS (
                        SELECT 1 FROM calendar_events e WHERE e.id = b.source_ref AND e.busy AND e.deleted_at IS NULL))",
        );
        if odd != 0 {
            wrong.push("own events take other time than they say".to_owned());
        }
    }
}
