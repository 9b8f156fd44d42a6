//! Dragged from one calendar to another.

use super::{
    super::outside::{CONNECTION, HOST, time, uuid},
    Own, start_of,
};
use crate::{
    harness::{Database, both},
    world::at,
};
use serde_json::{Value, json};

both!(moved_to_another_calendar_it_is_kept_there, moved_outside_and_changed_here_it_is_one);

impl Own {
    /// A second calendar of the account: its id at the provider, and ours.
    fn second(&self) -> (String, String) {
        let it = &self.it;
        let home = it.google.outside(&it.token, "POST", "/calendar/v3/calendars", json!({"summary": "Home"}));
        let other = home["id"].as_str().unwrap().to_owned();
        let (workspace, member) = (&it.world.workspace, &it.world.hosts[0].0);
        let (connection, second) = (uuid(CONNECTION), uuid(0xcb));
        it.database.execute(&format!(
            "INSERT INTO calendars (id, workspace_id, member_id, connection_id, remote_id, name, zone, writable, main,
                                    present, twin, syncs, conflicts, receives, tentative, meetings, outside, silent, invites,
                                    window_until, failures, trouble, next_at, channel_resource, created_at, updated_at)
             VALUES ('{second}', '{workspace}', '{member}', '{connection}', '{other}', 'Home', 'UTC', TRUE, FALSE, TRUE,
                     FALSE, TRUE, TRUE, FALSE, FALSE, FALSE, 'adopt', 'book', 'us', 0, 0, '', 0, '', 1, 1)"
        ));
        it.sync();
        (other, second)
    }

    /// Makes an event at 10:00, and drags its entry to a second calendar in another program: that calendar, and where the
    /// entry is at the provider.
    fn dragged(database: Database) -> (Self, String, String) {
        let own = Self::start(database);
        let (other, second) = own.second();
        own.make("Dentist", at(600), &[]);
        own.it.sync();
        let id = own.id();
        let path = format!("/calendar/v3/calendars/{HOST}/events/{id}/move?destination={other}");
        own.it.google.outside(&own.it.token, "POST", &path, Value::Null);
        (own, second, format!("/calendar/v3/calendars/{other}/events/{id}"))
    }
}

fn moved_to_another_calendar_it_is_kept_there(database: Database) {
    let (own, second, path) = Own::dragged(database);
    let it = &own.it;
    it.sync();
    it.sync();
    assert_eq!(
        it.texts("SELECT calendar_id FROM calendar_events WHERE deleted_at IS NULL"),
        std::slice::from_ref(&second)
    );
    assert!(!it.offers(at(600)));
    // From now on it is followed and written there, and counts once.
    it.google.outside(&it.token, "PATCH", &path, json!({"start": time(at(690)), "end": time(at(720))}));
    it.sync();
    assert_eq!(own.here().2, at(690), "{:?}", it.log());
    assert!(it.offers(at(600)) && !it.offers(at(690)));
    own.change("Dentist", at(780), &[("calendar", &second)]);
    it.sync();
    let event = it.google.outside(&it.token, "GET", &path, Value::Null);
    assert_eq!(start_of(&event), at(780));
    assert!(it.offers(at(690)) && !it.offers(at(780)));
    // And back by hand, here.
    own.change("Dentist", at(780), &[]);
    it.sync();
    assert_eq!(start_of(&own.there()), at(780));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM mirrors WHERE state = 'live'"), 1);
    it.assert_sound();
}

/// Our change finds the entry gone from where it was, and goes after it.
fn moved_outside_and_changed_here_it_is_one(database: Database) {
    let (own, second, path) = Own::dragged(database);
    let it = &own.it;
    own.change("Dr. Ada", at(780), &[]);
    it.sync();
    it.sync();
    let event = it.google.outside(&it.token, "GET", &path, Value::Null);
    assert_eq!((start_of(&event), &event["summary"]), (at(780), &json!("Dr. Ada")), "{:?}", it.log());
    assert_eq!(it.events(), Vec::<Value>::new(), "none is left where it was: {:?}", it.log());
    assert_eq!(it.texts("SELECT calendar_id FROM calendar_events WHERE deleted_at IS NULL"), [second]);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM mirrors WHERE state = 'live'"), 1);
    // It takes its time once: called off here, all of it is free.
    assert!(it.offers(at(600)) && !it.offers(at(780)));
    own.delete();
    it.sync();
    assert!(it.offers(at(780)), "{:?}", it.log());
    it.assert_sound();
}
