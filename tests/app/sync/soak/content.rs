//! What is in the calendars before anything happens.

use super::{Dice, Remote, Soak, ZONES};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// A time as Google takes it: in UTC, meant in a zone.
pub fn stamp(at: DateTime<Utc>, zone: &str) -> Value {
    json!({"dateTime": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(), "timeZone": zone})
}

/// A start within a span of days around now, on a grid of five minutes.
pub fn moment(dice: &mut Dice, now: DateTime<Utc>, from: i64, until: i64) -> DateTime<Utc> {
    let midnight = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    midnight + TimeDelta::days(dice.between(from, until)) + TimeDelta::minutes(5 * dice.between(0, 288))
}

/// The id of an event. Guests find it in their own calendar under the same one.
pub fn event_id(calendar: usize, number: usize) -> String {
    format!("c{calendar:04}e{number:06}")
}

/// A single event with a time.
pub fn single(dice: &mut Dice, remote: &Remote, id: &str, start: DateTime<Utc>) -> Value {
    let zone = dice.one(&ZONES);
    let end = start + TimeDelta::minutes(5 * dice.between(3, 19));
    let mut event = json!({"id": id, "summary": id, "start": stamp(start, zone), "end": stamp(end, zone)});
    match dice.roll(12) {
        0 => event["transparency"] = "transparent".into(),
        // Its owner does not come, and has the time.
        1 => {
            event["attendees"] = json!([{"email": remote.account, "responseStatus": "declined"},
                                        {"email": "guest@elsewhere.example", "responseStatus": "accepted"}]);
        }
        _ => {}
    }
    event
}

/// One or more whole days. Most are birthdays and the like, which take no time.
fn days(dice: &mut Dice, id: &str, start: DateTime<Utc>) -> Value {
    let first = start.date_naive();
    let after = first + TimeDelta::days(dice.between(1, 4));
    let mut event = json!({"id": id, "summary": id, "start": {"date": first}, "end": {"date": after}});
    if dice.chance(85) {
        event["transparency"] = "transparent".into();
    }
    event
}

/// The weekday of a start, where it is meant, and another one. What a rule makes of a start that it does not name is
/// undefined (RFC 5545 §3.8.5.3), and calendars differ in it.
fn weekdays(start: &Value) -> String {
    let own = match start["date"].as_str() {
        Some(date) => date.parse::<NaiveDate>().unwrap().weekday(),
        None => {
            let zone: Tz = start["timeZone"].as_str().unwrap().parse().unwrap();
            start["dateTime"]
                .as_str()
                .unwrap()
                .parse::<DateTime<Utc>>()
                .unwrap()
                .with_timezone(&zone)
                .weekday()
        }
    };
    let short = |day: Weekday| day.to_string()[..2].to_uppercase();
    format!("{},{}", short(own), short(own.succ().succ()))
}

/// An event that comes again.
fn series(dice: &mut Dice, remote: &Remote, id: &str, start: DateTime<Utc>, endless: bool) -> Value {
    let mut event = if dice.chance(15) { days(dice, id, start) } else { single(dice, remote, id, start) };
    let count = dice.between(2, 12);
    let rule = match dice.roll(5) {
        _ if endless => "RRULE:FREQ=WEEKLY;INTERVAL=2".to_owned(),
        0 => format!("RRULE:FREQ=DAILY;INTERVAL=3;COUNT={count}"),
        1 => format!("RRULE:FREQ=MONTHLY;COUNT={count}"),
        2 => format!("RRULE:FREQ=WEEKLY;BYDAY={};COUNT={count}", weekdays(&event["start"])),
        _ => format!("RRULE:FREQ=WEEKLY;COUNT={count}"),
    };
    event["recurrence"] = json!([rule]);
    event
}

impl Soak {
    /// Makes the accounts at the provider, with three calendars each, and fills them.
    pub(super) fn fill(&mut self) {
        for number in 0..self.size.members {
            let zone = ZONES[number % ZONES.len()];
            let email = format!("host{number}@outside.example");
            let others = [1, 2].map(|other| format!("side{number}x{other}@group.calendar.google.com"));
            let account = self.it.google.post(
                "/_/accounts",
                json!({"email": email, "calendars": [
                    {"name": "Work", "zone": zone, "primary": true},
                    {"id": others[0], "name": "Family", "zone": zone, "primary": false},
                    {"id": others[1], "name": "Club", "zone": zone, "primary": false},
                ]}),
            );
            let token = account["token"].as_str().unwrap();
            for id in std::iter::once(&email).chain(&others) {
                self.remotes.push(Remote {
                    account: email.clone(),
                    token: token.to_owned(),
                    id: id.clone(),
                    zone,
                    singles: Vec::new(),
                    days: Vec::new(),
                    series: Vec::new(),
                    made: 0,
                });
                let last = self.remotes.len() - 1;
                self.fill_one(last);
            }
        }
    }

    fn fill_one(&mut self, number: usize) {
        // The more there is, the longer the time over which it is spread: hosts must stay free now and then.
        let span = i64::try_from(self.size.events / 5).unwrap().clamp(60, 700);
        let (dice, remote) = (&mut self.dice, &mut self.remotes[number]);
        let mut events = Vec::new();
        for made in 0..self.size.events {
            let id = event_id(number, made);
            let start = moment(dice, self.now, -span, span);
            events.push(match dice.roll(100) {
                0..80 => {
                    remote.singles.push(id.clone());
                    single(dice, remote, &id, start)
                }
                80..92 => {
                    remote.days.push(id.clone());
                    days(dice, &id, start)
                }
                _ => {
                    // A few without an end; more would leave no time.
                    let endless = remote.series.len() < 2;
                    remote.series.push(id.clone());
                    series(dice, remote, &id, start, endless)
                }
            });
        }
        remote.made = self.size.events;
        let (account, calendar) = (remote.account.clone(), remote.id.clone());
        for some in events.chunks(500) {
            self.it.google.post("/_/bulk", json!({"account": account, "calendar": calendar, "events": some}));
        }
        // Some series have exceptions from the start.
        for at in 0..self.remotes[number].series.len().min(8) {
            for _ in 0..2 {
                self.except(number, at);
            }
        }
    }

    /// Moves or cancels one instance of a series.
    pub(super) fn except(&mut self, number: usize, series: usize) {
        let remote = &self.remotes[number];
        let Some(id) = remote.series.get(series) else { return };
        let events = format!("/calendar/v3/calendars/{}/events", remote.id);
        let path = format!("{events}/{id}/instances?maxResults=20");
        let Some(found) = self.ask(&remote.token, "GET", &path, &Value::Null) else { return };
        let Some(instances) = found["items"].as_array().filter(|items| !items.is_empty()) else { return };
        let instance = &instances[self.dice.roll(instances.len())];
        let path = format!("{events}/{}", instance["id"].as_str().unwrap());
        let remote = &self.remotes[number];
        let Some(start) = instance["start"]["dateTime"].as_str().filter(|_| self.dice.chance(60)) else {
            self.ask(&remote.token, "DELETE", &path, &Value::Null);
            return;
        };
        let zone = instance["start"]["timeZone"].as_str().unwrap_or(remote.zone);
        let start =
            start.parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(5 * self.dice.between(-400, 400));
        let end = start + TimeDelta::minutes(5 * self.dice.between(3, 19));
        let change = json!({"start": stamp(start, zone), "end": stamp(end, zone)});
        let remote = &self.remotes[number];
        self.ask(&remote.token, "PATCH", &path, &change);
    }
}
