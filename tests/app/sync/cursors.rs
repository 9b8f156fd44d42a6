//! Where reading stands, and what happens when that is lost or was never kept.

use super::outside::{Outside, time};
use crate::{
    harness::{Database, both},
    world::at,
};
use serde_json::json;

both!(
    each_410_means_what_it_says,
    a_crash_before_the_cursor_is_kept,
    a_crash_in_the_middle_of_reading_everything,
    a_page_fails_and_is_read_again_after_a_crash,
);

fn lunch(it: &Outside, minute: i64) -> String {
    let event = json!({"summary": "Lunch", "start": time(at(minute)), "end": time(at(minute + 30))});
    it.insert(event)["id"].as_str().unwrap().to_owned()
}

fn busy(it: &Outside) -> i64 {
    it.database.number("SELECT COUNT(*) FROM busy_intervals")
}

fn each_410_means_what_it_says(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    let booked = it.book(at(600));
    lunch(&it, 720);
    it.sync();
    for (number, reason) in ["fullSyncRequired", "updatedMinTooLongAgo"].into_iter().enumerate() {
        let minute = 840 + 60 * i64::try_from(number).unwrap();
        lunch(&it, minute);
        it.google.post("/_/faults", json!({"method": "GET", "path": "/events", "reason": reason}));
        it.sync();
        assert!(!it.offers(at(720)) && !it.offers(at(minute)), "{reason}");
        let read = it.log().iter().filter(|line| line.contains("reading everything")).count();
        assert_eq!(read, number + 1, "{reason}: {:?}", it.log());
    }
    assert_eq!(busy(&it), 3);
    // "It was deleted before" is what was wanted.
    it.google.post("/_/faults", json!({"method": "DELETE", "path": "/events", "reason": "deleted"}));
    it.cancel(&booked);
    it.in_step();
    assert_eq!(it.answers("DELETE", "/events"), [410]);
    assert_eq!(it.texts("SELECT state || trouble FROM mirrors"), ["gone"]);
    assert_eq!(it.flags(), Vec::<String>::new());
    assert!(it.health(&host).contains("In step"));
    it.database.assert_sound();
}

fn a_crash_before_the_cursor_is_kept(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    let booked = it.book(at(600));
    let gone = lunch(&it, 720);
    it.sync();
    it.delete(&gone);
    lunch(&it, 840);
    it.refuse("UPDATE OF cursor ON calendars");
    it.fails();
    assert!(it.offers(at(720)) && !it.offers(at(840)), "what was read is known");
    it.allow("calendars");
    // The same changes come again, with one that is new.
    lunch(&it, 960);
    it.sync();
    assert!(it.offers(at(720)) && !it.offers(at(840)) && !it.offers(at(960)));
    assert_eq!(busy(&it), 2);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.events().len(), 3);
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn a_crash_in_the_middle_of_reading_everything(database: Database) {
    let it = Outside::start(database);
    let booked = it.book(at(600));
    let gone = lunch(&it, 720);
    lunch(&it, 840);
    it.sync();
    it.delete(&gone);
    it.google.post("/_/expire", json!({"cursors": true, "deleted": true}));
    it.refuse("UPDATE OF cursor ON calendars");
    it.fails();
    assert!(!it.offers(at(840)));
    it.allow("calendars");
    it.sync();
    assert!(it.offers(at(720)) && !it.offers(at(840)));
    assert_eq!(busy(&it), 1);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    it.event_of(&booked);
    it.assert_sound();
}

/// Page 2 of 3 fails; whoever reads anew begins with page 1, whose events are known by then.
fn a_page_fails_and_is_read_again_after_a_crash(database: Database) {
    let it = Outside::start(database);
    it.google.post("/_/options", json!({"max_page": 2}));
    for number in 0..6 {
        lunch(&it, 60 * number);
    }
    it.google
        .post("/_/faults", json!({"method": "GET", "path": "/events", "skip": 1, "times": 2, "status": 500}));
    it.sync();
    assert_eq!(busy(&it), 2, "{:?}", it.log());
    it.sync();
    assert_eq!(busy(&it), 2, "{:?}", it.log());
    it.sync();
    assert_eq!(busy(&it), 6);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM calendars WHERE failures = 0 AND trouble = ''"), 1);
    it.assert_sound();
}
