//! Events of a member's own: made here or changed there, the same on both sides.

mod moved;

use super::outside::{HOST, Outside, time, uuid};
use crate::{
    harness::{Answer, Database, both},
    world::at,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

both!(
    an_event_is_made_changed_and_deleted_on_both_sides,
    it_is_made_once_whatever_is_cut,
    what_is_done_to_it_outside_is_done_to_it_here,
    what_it_wrote_itself_is_nothing_new,
    changed_on_both_sides_it_is_put_together,
    changed_here_and_deleted_outside_it_stays,
    deleted_here_and_changed_outside_it_goes,
    brought_back_on_either_side,
    whole_days_are_whole_days_on_both_sides,
    what_is_free_can_be_booked,
    made_into_one_that_comes_again_it_takes_all_of_its_time,
    hidden_outside_it_keeps_its_name_here,
    an_entry_that_lasts_no_time_takes_a_minute,
    a_copy_of_it_is_an_event_like_any_other,
    refused_for_ever_its_owner_is_told,
    disconnected_it_stays_here,
    two_processes_make_it_once,
);

/// A host who is signed in, and their calendar outside.
struct Own {
    it: Outside,
    cookie: String,
}

impl Own {
    fn start(database: Database) -> Self {
        let it = Outside::start(database);
        let cookie = it.server.member(&it.database, "own@outside.example", "w", "staff");
        let host = &it.world.hosts[0].0;
        it.database.execute(&format!(
            "UPDATE sessions SET member_id = '{host}', user_id = (SELECT user_id FROM members WHERE id = '{host}')"
        ));
        Self { it, cookie }
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.it.server.post_form(path, fields, &[("cookie", &self.cookie)])
    }

    fn send(&self, path: &str, id: &str, title: &str, start: DateTime<Utc>, more: &[(&str, &str)]) -> Answer {
        let end = start + TimeDelta::minutes(30);
        let (day, from) = (start.format("%Y-%m-%d").to_string(), start.format("%H:%M").to_string());
        let (last, until) = (end.format("%Y-%m-%d").to_string(), end.format("%H:%M").to_string());
        let calendar = uuid(super::outside::CALENDAR);
        let version = self.version().to_string();
        let mut fields = vec![
            ("id", id),
            ("title", title),
            ("from_date", &*day),
            ("from_time", &*from),
            ("until_date", &*last),
            ("until_time", &*until),
            ("calendar", &*calendar),
            ("version", &*version),
        ];
        if !more.iter().any(|(name, _)| *name == "free") {
            fields.push(("busy", "on"));
        }
        for (name, value) in more {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        self.post(path, &fields)
    }

    /// Makes the event, half an hour from a start on.
    fn make(&self, title: &str, start: DateTime<Utc>, more: &[(&str, &str)]) {
        let made = self.send("/booking/events", &uuid(0xe1), title, start, more);
        assert_eq!(made.status, 303, "{}", made.text);
    }

    fn change(&self, title: &str, start: DateTime<Utc>, more: &[(&str, &str)]) {
        let changed = self.send(&format!("/booking/events/{}", uuid(0xe1)), "", title, start, more);
        assert_eq!(changed.status, 303, "{}", changed.text);
    }

    fn delete(&self) {
        let deleted = self.post(&format!("/booking/events/{}/delete", uuid(0xe1)), &[]);
        assert_eq!(deleted.status, 303, "{}", deleted.text);
    }

    fn restore(&self) {
        let restored = self.post(&format!("/booking/events/{}/restore", uuid(0xe1)), &[]);
        assert_eq!(restored.status, 303, "{}", restored.text);
    }

    fn version(&self) -> i64 {
        self.it.database.number("SELECT COALESCE(MAX(version), 0) FROM calendar_events")
    }

    /// What it says here: title, place, start.
    fn here(&self) -> (String, String, DateTime<Utc>) {
        let rows = self.it.texts(
            "SELECT title || '|' || place || '|' || CAST(start_at AS TEXT) FROM calendar_events WHERE deleted_at IS NULL",
        );
        assert_eq!(rows.len(), 1, "{rows:?} {:?}", self.it.log());
        let parts: Vec<&str> = rows[0].split('|').collect();
        let start = DateTime::from_timestamp_micros(parts[2].parse().unwrap()).unwrap();
        (parts[0].to_owned(), parts[1].to_owned(), start)
    }

    fn is_here(&self) -> bool {
        self.it.database.number("SELECT COUNT(*) FROM calendar_events WHERE deleted_at IS NULL") == 1
    }

    /// The only event outside, as Google tells it.
    fn there(&self) -> Value {
        let event = self.it.event();
        let path = format!("/calendar/v3/calendars/{HOST}/events/{}", event["id"].as_str().unwrap());
        self.it.google.outside(&self.it.token, "GET", &path, Value::Null)
    }

    fn id(&self) -> String {
        self.it.event()["id"].as_str().unwrap().to_owned()
    }
}

fn start_of(event: &Value) -> DateTime<Utc> {
    event["start"]["dateTime"].as_str().unwrap().parse().unwrap()
}

fn an_event_is_made_changed_and_deleted_on_both_sides(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make(
        "Dentist",
        at(600),
        &[("place", "Main street 1"), ("notes", "Bring the card\r\nand the letter")],
    );
    assert!(!it.offers(at(600)), "it takes time at once, before anything is written outside");
    it.in_step();
    let event = own.there();
    assert_eq!(event["summary"], "Dentist");
    assert_eq!(event["location"], "Main street 1");
    assert_eq!(event["description"], "Bring the card\nand the letter");
    assert_eq!(start_of(&event), at(600));
    assert_eq!(event["extendedProperties"]["private"]["meridian"], format!("event:{}", uuid(0xe1)));
    own.change("Dentist, second visit", at(690), &[]);
    it.in_step();
    let changed = own.there();
    assert_eq!((&changed["id"], changed["summary"].as_str()), (&event["id"], Some("Dentist, second visit")));
    assert_eq!(start_of(&changed), at(690));
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    own.delete();
    it.in_step();
    assert_eq!(it.events(), Vec::<Value>::new());
    assert!(it.offers(at(690)));
    it.assert_sound();
}

fn it_is_made_once_whatever_is_cut(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    it.google.post("/_/faults", json!({"method": "POST", "path": "/events", "cut": "after"}));
    own.make("Dentist", at(600), &[]);
    it.hurry();
    it.in_step();
    assert_eq!(start_of(&own.there()), at(600));
    it.google.post("/_/faults", json!({"method": "PATCH", "path": "/events", "cut": "after"}));
    own.change("Dentist", at(690), &[]);
    it.hurry();
    it.in_step();
    it.hurry();
    it.in_step();
    assert_eq!(start_of(&own.there()), at(690));
    assert_eq!(own.here().2, at(690));
    it.assert_sound();
}

fn what_is_done_to_it_outside_is_done_to_it_here(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.in_step();
    let id = own.id();
    it.drag(&id, at(690));
    it.sync();
    assert_eq!(own.here(), ("Dentist".into(), String::new(), at(690)));
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    it.patch(&id, json!({"summary": "Dr. Ada", "location": "Side street 2", "description": "New\nnotes"}));
    it.sync();
    assert_eq!(own.here(), ("Dr. Ada".into(), "Side street 2".into(), at(690)));
    assert_eq!(it.texts("SELECT notes FROM calendar_events"), ["New\nnotes"]);
    it.delete(&id);
    it.sync();
    assert!(!own.is_here(), "{:?}", it.log());
    assert!(it.offers(at(690)));
    it.assert_sound();
}

fn what_it_wrote_itself_is_nothing_new(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[("notes", "One\r\ntwo  ")]);
    it.sync();
    let (version, etag) = (own.version(), own.there()["etag"].clone());
    for _ in 0..3 {
        it.sync();
    }
    assert_eq!(own.version(), version);
    assert_eq!(own.there()["etag"], etag);
    it.assert_sound();
}

fn changed_on_both_sides_it_is_put_together(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let id = own.id();
    // While nobody looks, it is moved there and renamed here; both renamed it, too.
    it.google.post("/_/faults", json!({"method": "PATCH", "path": "/events", "status": 503}));
    own.change("Ours", at(600), &[]);
    it.database.wait_for("SELECT COUNT(*) FROM mirrors WHERE failures > 0", 1);
    it.patch(
        &id,
        json!({"summary": "Theirs", "start": time(at(690)), "end": time(at(720)), "location": "There"}),
    );
    it.hurry();
    it.in_step();
    it.sync();
    assert_eq!(own.here(), ("Ours".into(), "There".into(), at(690)), "{:?}", it.log());
    let event = own.there();
    assert_eq!((event["summary"].as_str(), event["location"].as_str()), (Some("Ours"), Some("There")));
    assert_eq!(start_of(&event), at(690));
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    it.assert_sound();
}

fn changed_here_and_deleted_outside_it_stays(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let id = own.id();
    it.google.post("/_/faults", json!({"method": "PATCH", "path": "/events", "status": 503}));
    own.change("Dentist", at(690), &[]);
    it.database.wait_for("SELECT COUNT(*) FROM mirrors WHERE failures > 0", 1);
    it.delete(&id);
    it.hurry();
    it.in_step();
    it.sync();
    assert_eq!(own.here().2, at(690));
    assert_eq!(start_of(&own.there()), at(690), "{:?}", it.log());
    it.assert_sound();
}

fn deleted_here_and_changed_outside_it_goes(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let id = own.id();
    it.google.post("/_/faults", json!({"method": "DELETE", "path": "/events", "status": 503}));
    own.delete();
    it.database.wait_for("SELECT COUNT(*) FROM mirrors WHERE failures > 0", 1);
    it.patch(&id, json!({"summary": "Changed"}));
    it.hurry();
    it.in_step();
    it.sync();
    assert_eq!(it.events(), Vec::<Value>::new());
    assert!(!own.is_here() && it.offers(at(600)));
    it.assert_sound();
}

fn brought_back_on_either_side(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let id = own.id();
    // Deleted there, brought back here.
    it.delete(&id);
    it.sync();
    assert!(!own.is_here());
    own.restore();
    it.in_step();
    assert_eq!((own.id(), start_of(&own.there())), (id.clone(), at(600)));
    assert!(!it.offers(at(600)));
    // Deleted here, brought back there, at another time.
    own.delete();
    it.in_step();
    it.sync();
    assert!(!own.is_here());
    it.patch(&id, json!({"status": "confirmed", "start": time(at(690)), "end": time(at(720))}));
    it.sync();
    assert_eq!(own.here().2, at(690), "{:?}", it.log());
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    // Deleted there and brought back there.
    it.delete(&id);
    it.sync();
    it.patch(&id, json!({"status": "confirmed"}));
    it.sync();
    assert!(own.is_here());
    assert_eq!(own.id(), id);
    it.assert_sound();
}

fn whole_days_are_whole_days_on_both_sides(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    let (day, last) = (at(0).date_naive(), at(1440).date_naive());
    own.make("Holiday", at(0), &[("whole", "on"), ("until_date", &last.to_string()), ("from_time", "")]);
    it.in_step();
    let event = own.there();
    assert_eq!(event["start"]["date"], day.to_string());
    assert_eq!(event["end"]["date"], at(2880).date_naive().to_string(), "the day after the last");
    assert!(!it.offers(at(600)) && !it.offers(at(1440 + 600)) && it.offers(at(2880 + 600)));
    let timed = json!({"date": null, "dateTime": at(600), "timeZone": "UTC"});
    let end = json!({"date": null, "dateTime": at(630), "timeZone": "UTC"});
    it.patch(&own.id(), json!({"start": timed, "end": end}));
    it.sync();
    assert_eq!(own.here().2, at(600));
    assert!(!it.offers(at(600)) && it.offers(at(690)) && it.offers(at(1440 + 600)));
    let days = |start: DateTime<Utc>| json!({"date": start.date_naive(), "dateTime": null, "timeZone": null});
    it.patch(&own.id(), json!({"start": days(at(0)), "end": days(at(1440))}));
    it.sync();
    assert!(!it.offers(at(690)) && it.offers(at(1440 + 600)), "{:?}", it.log());
    it.assert_sound();
}

/// Some programs make entries that end when they begin.
fn an_entry_that_lasts_no_time_takes_a_minute(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    it.patch(&own.id(), json!({"start": time(at(690)), "end": time(at(690))}));
    it.sync();
    assert_eq!(own.here().2, at(690), "{:?}", it.log());
    let minutes = "SELECT (end_at - start_at) / 60000000 FROM calendar_events";
    assert_eq!(it.database.number(minutes), 1);
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    it.assert_sound();
}

fn what_is_free_can_be_booked(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Perhaps a run", at(600), &[("free", "")]);
    it.in_step();
    assert_eq!(own.there()["transparency"], "transparent");
    assert!(it.offers(at(600)));
    it.patch(&own.id(), json!({"transparency": "opaque"}));
    it.sync();
    assert!(!it.offers(at(600)));
    own.change("Perhaps a run", at(600), &[("free", "")]);
    it.sync();
    assert!(it.offers(at(600)));
    it.assert_sound();
}

fn made_into_one_that_comes_again_it_takes_all_of_its_time(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Run", at(600), &[]);
    it.sync();
    it.patch(&own.id(), json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=3"]}));
    it.sync();
    assert_eq!(own.here().2, at(600));
    assert!(!it.offers(at(600)) && !it.offers(at(1440 + 600)) && !it.offers(at(2880 + 600)));
    let page = it.server.get_as("/booking/events", &own.cookie);
    assert!(page.text.contains("comes again"), "{}", page.text);
    // Saved here, it is there once.
    own.change("Run", at(690), &[]);
    it.sync();
    assert!(own.there()["recurrence"].is_null(), "{}", own.there());
    assert!(it.offers(at(600)) && !it.offers(at(690)) && it.offers(at(1440 + 600)), "{:?}", it.log());
    let page = it.server.get_as("/booking/events", &own.cookie);
    assert!(!page.text.contains("comes again"));
    it.assert_sound();
}

fn hidden_outside_it_keeps_its_name_here(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[("place", "Main street 1")]);
    it.sync();
    it.patch(&own.id(), json!({"visibility": "private", "start": time(at(690)), "end": time(at(720))}));
    it.sync();
    assert_eq!(own.here(), ("Dentist".into(), "Main street 1".into(), at(690)));
    it.assert_sound();
}

fn a_copy_of_it_is_an_event_like_any_other(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let whole = own.there();
    let copy = it.insert(json!({
        "summary": whole["summary"], "start": time(at(810)), "end": time(at(840)),
        "extendedProperties": whole["extendedProperties"],
    }));
    it.sync();
    assert!(!it.offers(at(600)) && !it.offers(at(810)));
    it.delete(copy["id"].as_str().unwrap());
    it.sync();
    assert!(own.is_here() && it.offers(at(810)) && !it.offers(at(600)));
    it.database.assert_sound();
}

fn refused_for_ever_its_owner_is_told(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    it.google
        .post("/_/faults", json!({"method": "POST", "path": "/events", "times": 100, "reason": "forbidden"}));
    own.make("Dentist", at(600), &[]);
    it.in_step();
    let page = it.server.get_as("/booking/events", &own.cookie);
    assert!(page.text.contains("could not be written"), "{}", page.text);
    assert!(!it.offers(at(600)), "here it is all the same");
    it.google.delete("/_/faults");
    own.change("Dentist", at(690), &[]);
    it.in_step();
    assert_eq!(start_of(&own.there()), at(690));
    let page = it.server.get_as("/booking/events", &own.cookie);
    assert!(!page.text.contains("could not be written"));
    it.assert_sound();
}

fn disconnected_it_stays_here(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    own.make("Dentist", at(600), &[]);
    it.sync();
    let path = format!("/booking/calendars/{}/disconnect", uuid(super::outside::CONNECTION));
    assert_eq!(own.post(&path, &[]).status, 303);
    assert_eq!(own.here().2, at(600));
    assert!(!it.offers(at(600)));
    own.change("Dentist", at(690), &[("calendar", "")]);
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    it.database.assert_sound();
}

fn two_processes_make_it_once(database: Database) {
    let own = Own::start(database);
    let it = &own.it;
    let _other = it.another_server();
    own.make("Dentist", at(600), &[]);
    for minutes in [630, 660, 690] {
        it.look();
        own.change("Dentist", at(minutes), &[]);
    }
    it.in_step();
    it.sync();
    assert_eq!(start_of(&own.there()), at(690));
    assert_eq!(own.here().2, at(690));
    it.assert_sound();
}
