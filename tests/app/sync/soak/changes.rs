//! What people do meanwhile, on both sides.

use super::{
    Made, Soak,
    content::{event_id, moment, single, stamp},
};
use crate::world::order;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// Where the entry of a booking stands.
struct Entry {
    booking: String,
    remote: usize,
    id: String,
}

impl Soak {
    /// One change, on either side.
    pub(super) fn change(&mut self, number: usize) {
        if self.dice.chance(20) {
            return self.change_own(number);
        }
        match self.dice.roll(100) {
            0..24 => self.book(number),
            24..32 => self.move_booking(),
            32..40 => self.cancel_booking(),
            40..52 => self.insert(),
            52..62 => self.drag(),
            62..68 => self.delete(),
            68..76 => self.flip(),
            76..84 => {
                let at = self.dice.roll(self.remotes.len());
                let most = self.remotes[at].series.len();
                if most > 0 {
                    let series = self.dice.roll(most);
                    self.except(at, series);
                }
            }
            84..94 => self.drag_entry(),
            _ => self.delete_entry(),
        }
    }

    /// A half hour that can be booked, if the host is free then.
    fn half_hour(&mut self) -> DateTime<Utc> {
        let start = moment(&mut self.dice, self.now, 2, 55);
        start - TimeDelta::seconds(start.timestamp().rem_euclid(1_800))
    }

    // Inside

    fn book(&mut self, number: usize) {
        for _ in 0..5 {
            let start = self.half_hour();
            let answer = self.it.server.post("/api/v1/public/book/w/talk/book", &order(start, number));
            match answer.status {
                201 => {
                    let token = answer.json["token"].as_str().unwrap().to_owned();
                    let ids =
                        self.it.texts("SELECT id FROM bookings ORDER BY created_at DESC, id DESC LIMIT 1");
                    self.made.push(Made { id: ids[0].clone(), token, cancelled: false, touched: false });
                    return;
                }
                409 => {}
                _ => panic!("seed {}: booking: {} {}", self.size.seed, answer.status, answer.text),
            }
        }
    }

    /// A booking that nobody cancelled here.
    fn some_booking(&mut self) -> Option<usize> {
        let live: Vec<usize> = (0..self.made.len()).filter(|number| !self.made[*number].cancelled).collect();
        (!live.is_empty()).then(|| live[self.dice.roll(live.len())])
    }

    fn move_booking(&mut self) {
        let Some(number) = self.some_booking() else { return };
        let start = self.half_hour();
        let path = format!("/api/v1/public/appointments/{}/reschedule", self.made[number].token);
        let answer = self.it.server.post(&path, &json!({ "start": start }));
        assert!(answer.status < 500, "seed {}: {} {}", self.size.seed, answer.status, answer.text);
    }

    fn cancel_booking(&mut self) {
        let Some(number) = self.some_booking() else { return };
        let path = format!("/api/v1/public/appointments/{}/cancel", self.made[number].token);
        let answer = self.it.server.post(&path, &json!({}));
        assert!(answer.status < 500, "seed {}: {} {}", self.size.seed, answer.status, answer.text);
        self.made[number].cancelled |= answer.status < 300;
    }

    // Outside

    fn path(&self, remote: usize, id: &str) -> String {
        format!("/calendar/v3/calendars/{}/events/{id}", self.remotes[remote].id)
    }

    fn patch(&self, remote: usize, id: &str, change: &Value) -> Option<Value> {
        self.ask(&self.remotes[remote].token, "PATCH", &self.path(remote, id), change)
    }

    fn insert(&mut self) {
        let at = self.dice.roll(self.remotes.len());
        let start = moment(&mut self.dice, self.now, -25, 58);
        let remote = &mut self.remotes[at];
        let id = event_id(at, remote.made);
        remote.made += 1;
        let event = single(&mut self.dice, remote, &id, start);
        let remote = &self.remotes[at];
        self.ask(&remote.token, "POST", &format!("/calendar/v3/calendars/{}/events", remote.id), &event);
        self.remotes[at].singles.push(id);
    }

    fn drag(&mut self) {
        let at = self.dice.roll(self.remotes.len());
        let most = self.remotes[at].singles.len();
        if most == 0 {
            return;
        }
        let id = self.remotes[at].singles[self.dice.roll(most)].clone();
        let start = moment(&mut self.dice, self.now, -25, 58);
        let end = start + TimeDelta::minutes(5 * self.dice.between(3, 19));
        let zone = self.remotes[at].zone;
        self.patch(at, &id, &json!({"start": stamp(start, zone), "end": stamp(end, zone)}));
    }

    fn delete(&mut self) {
        let at = self.dice.roll(self.remotes.len());
        let kind = self.dice.roll(6);
        let remote = &mut self.remotes[at];
        let list = match kind {
            0 => &mut remote.series,
            1 => &mut remote.days,
            _ => &mut remote.singles,
        };
        if list.is_empty() {
            return;
        }
        let id = list.swap_remove(self.dice.roll(list.len()));
        self.ask(&self.remotes[at].token, "DELETE", &self.path(at, &id), &Value::Null);
    }

    /// Busy becomes free, or the other way round.
    fn flip(&mut self) {
        let at = self.dice.roll(self.remotes.len());
        let kind = self.dice.roll(6);
        let remote = &self.remotes[at];
        let list = match kind {
            0 | 1 => &remote.series,
            2 => &remote.days,
            _ => &remote.singles,
        };
        if list.is_empty() {
            return;
        }
        let id = list[self.dice.roll(list.len())].clone();
        let transparency = if self.dice.chance(50) { "transparent" } else { "opaque" };
        self.patch(at, &id, &json!({"transparency": transparency}));
    }

    /// The entries of bookings, as far as they are known to be there.
    fn entries(&self) -> Vec<Entry> {
        let rows = self.it.texts(
            "SELECT m.booking_id || ' ' || k.remote_id || ' ' || m.remote_id FROM mirrors m
             JOIN calendars k ON k.id = m.calendar_id JOIN bookings b ON b.id = m.booking_id
             WHERE m.remote_id IS NOT NULL AND b.status = 'confirmed' ORDER BY b.created_at, b.id",
        );
        let entry = |row: &String| {
            let parts: Vec<&str> = row.split(' ').collect();
            let remote = self.remotes.iter().position(|remote| remote.id == parts[1]).unwrap();
            Entry { booking: parts[0].to_owned(), remote, id: parts[2].to_owned() }
        };
        rows.iter().map(entry).collect()
    }

    fn some_entry(&mut self) -> Option<Entry> {
        let mut entries = self.entries();
        if entries.is_empty() {
            return None;
        }
        let entry = entries.swap_remove(self.dice.roll(entries.len()));
        for made in self.made.iter_mut().filter(|made| made.id == entry.booking) {
            made.touched = true;
        }
        Some(entry)
    }

    fn drag_entry(&mut self) {
        let Some(entry) = self.some_entry() else { return };
        // Onto another booking, now and then.
        let start = if self.dice.chance(30) { self.taken() } else { None };
        let start = start.unwrap_or_else(|| moment(&mut self.dice, self.now, 2, 55));
        let zone = self.remotes[entry.remote].zone;
        let end = start + TimeDelta::minutes(30);
        self.patch(entry.remote, &entry.id, &json!({"start": stamp(start, zone), "end": stamp(end, zone)}));
    }

    /// The start of some booking.
    fn taken(&mut self) -> Option<DateTime<Utc>> {
        let starts = self.it.texts(
            "SELECT CAST(start_at AS TEXT) FROM bookings WHERE status = 'confirmed' ORDER BY created_at, id",
        );
        let micros = starts.get(self.dice.roll(starts.len().max(1)))?.parse().unwrap();
        DateTime::from_timestamp_micros(micros)
    }

    fn delete_entry(&mut self) {
        let Some(entry) = self.some_entry() else { return };
        self.ask(
            &self.remotes[entry.remote].token,
            "DELETE",
            &self.path(entry.remote, &entry.id),
            &Value::Null,
        );
    }
}
