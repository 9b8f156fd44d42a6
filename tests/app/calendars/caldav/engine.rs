//! The engine and CalDAV servers together: what can't be read, what is not fully known, and entries that were moved to
//! another calendar of the account.

use super::{
    fake::{Fake, WORK, answer, has, is, multistatus},
    object,
    peer::{Kind, Peer, raw},
    stage::Stage,
};
use crate::{
    harness::{Database, block_on, both},
    world::at,
};
use chrono::{DateTime, Utc};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

both!(
    what_can_not_be_read_any_more_is_not_free,
    what_a_server_refuses_is_not_free_and_asked_for_again,
    a_series_that_is_not_understood_is_told_of_and_keeps_its_time,
    every_minute_is_one_block,
    an_entry_that_can_not_be_read_leaves_its_booking_alone,
    an_entry_that_is_between_two_calendars_is_waited_for,
);

fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// An hour's event.
fn event(uid: &str, minute: i64, lines: &str) -> String {
    object(uid, "Private", &stamp(at(minute)), lines)
}

fn what_can_not_be_read_any_more_is_not_free(database: Database) {
    let fake = Fake::good();
    fake.shelf().put("lunch.ics", &event("lunch", 720, ""));
    fake.shelf().put("tea.ics", &event("tea", 900, ""));
    let stage = Stage::with(database, &fake);
    assert!(!stage.offers(at(720)) && !stage.offers(at(900)));
    // Nonsense, a start of no known kind, a file that was cut; and one that nobody ever saw.
    let broken = [
        "nonsense".to_owned(),
        event("lunch", 720, "").replace("DTSTART:", "DTSTART;VALUE=X-STARDATE:41153.7 "),
        event("lunch", 720, "").split("DTSTART").next().unwrap().to_owned(),
    ];
    for (number, text) in broken.iter().enumerate() {
        fake.shelf().put("lunch.ics", text);
        stage.sync();
        assert!(!stage.offers(at(720)), "{text}");
        stage.sync_all();
        assert!(!stage.offers(at(720)) && !stage.offers(at(900)), "everything was read: {text}");
        let told = stage.log("could not be read");
        assert_eq!(told.len(), 1, "once: {number} {told:?}");
        assert!(told[0].contains("lunch.ics") && told[0].contains("still takes time"), "{told:?}");
        assert_eq!(stage.gaps().len(), 1);
    }
    fake.shelf().put("new.ics", "nonsense");
    stage.sync();
    let told = stage.log("could not be read");
    assert!(told.len() == 2 && told[1].contains("new.ics") && told[1].contains("not known"), "{told:?}");
    // It is repaired, and moved; the other one is deleted.
    fake.shelf().put("lunch.ics", &event("lunch", 600, ""));
    fake.shelf().delete("new.ics");
    stage.sync();
    assert!(stage.offers(at(720)) && !stage.offers(at(600)));
    assert_eq!(stage.gaps(), Vec::<String>::new());
    // Deleted while it could not be read: it is gone, at the latest when everything is read.
    fake.shelf().put("lunch.ics", "nonsense");
    stage.sync();
    assert!(!stage.offers(at(600)));
    fake.shelf().delete("lunch.ics");
    stage.sync();
    assert!(stage.offers(at(600)) && stage.gaps().is_empty());
    stage.database.assert_sound();
}

/// A server that gives one object out to nobody, or fails over it.
fn what_a_server_refuses_is_not_free_and_asked_for_again(database: Database) {
    let refuses = Arc::new(AtomicBool::new(false));
    let on = Arc::clone(&refuses);
    let fake = Fake::start(move |asked, shelf| {
        if !on.load(Ordering::SeqCst) {
            return None;
        }
        if asked.has("calendar-multiget") {
            let body = shelf.good(asked).body;
            let parts =
                body.split("<d:response>").skip(1).map(|part| part.split("</d:response>").next().unwrap());
            let parts = parts.map(|part| match part.contains("lunch.ics") {
                true => is(&format!("{WORK}lunch.ics"), 500),
                false => format!("<d:response>{part}</d:response>"),
            });
            return Some(multistatus(&parts.collect::<String>()));
        }
        (asked.method == "GET" && asked.path.contains("lunch")).then(|| answer(500, ""))
    });
    fake.shelf().put("lunch.ics", &event("lunch", 720, ""));
    let stage = Stage::with(database, &fake);
    refuses.store(true, Ordering::SeqCst);
    fake.shelf().put("lunch.ics", &event("lunch", 900, ""));
    fake.shelf().put("tea.ics", &event("tea", 600, ""));
    for _ in 0..2 {
        stage.sync();
        assert!(!stage.offers(at(720)), "what was known of it stays");
        assert!(!stage.offers(at(600)), "the rest is read");
    }
    stage.sync_all();
    assert!(!stage.offers(at(720)));
    let told = stage.log("could not be read");
    assert!(told.len() == 1 && told[0].contains("500"), "{told:?}");
    // Nothing changes at the server but that it works: the object is read all the same.
    refuses.store(false, Ordering::SeqCst);
    stage.sync();
    assert!(
        stage.offers(at(720)) && !stage.offers(at(900)) && stage.gaps().is_empty(),
        "{:?}",
        stage.log("")
    );
    stage.database.assert_sound();
}

fn a_series_that_is_not_understood_is_told_of_and_keeps_its_time(database: Database) {
    let fake = Fake::good();
    let day = 1440;
    fake.shelf().put("s.ics", &event("s", 600, "RRULE:FREQ=DAILY;COUNT=3"));
    let stage = Stage::with(database, &fake);
    assert!((0..3).all(|n| !stage.offers(at(600 + n * day))) && stage.offers(at(600 + 3 * day)));
    fake.shelf().put("s.ics", &event("s", 600, "RRULE:FREQ=SOMETIMES"));
    stage.sync();
    assert!((0..3).all(|n| !stage.offers(at(600 + n * day))), "what was known stays");
    stage.database.execute("UPDATE calendars SET window_until = 0");
    stage.sync();
    stage.sync_all();
    assert!((0..3).all(|n| !stage.offers(at(600 + n * day))));
    let told = stage.log("can't be understood");
    assert!(told.len() == 1 && told[0].contains("A series that begins on"), "once: {told:?}");
    assert_eq!(stage.gaps(), told);
    // One of it is called off, and that is known.
    let without = format!("RRULE:FREQ=SOMETIMES\nEXDATE:{}", stamp(at(600 + day)));
    fake.shelf().put("s.ics", &event("s", 600, &without));
    stage.sync();
    assert!(!stage.offers(at(600)) && stage.offers(at(600 + day)) && !stage.offers(at(600 + 2 * day)));
    // A part of it makes sense: more is taken rather than less.
    fake.shelf().put("t.ics", &event("t", 900, "RRULE:FREQ=DAILY;BYDAY=XX"));
    stage.sync();
    assert!((0..5).all(|n| !stage.offers(at(900 + n * day))));
    assert_eq!(stage.gaps().len(), 2);
    // Its owner makes it a single event again.
    fake.shelf().put("s.ics", &event("s", 600, ""));
    fake.shelf().delete("t.ics");
    stage.sync();
    assert!(!stage.offers(at(600)) && stage.offers(at(600 + 2 * day)) && stage.offers(at(900)));
    assert_eq!(stage.gaps(), Vec::<String>::new());
    stage.database.assert_sound();
}

fn every_minute_is_one_block(database: Database) {
    let fake = Fake::good();
    let minute = event("m", 0, "RRULE:FREQ=MINUTELY").replace("DURATION:PT1H", "DURATION:PT1M");
    fake.shelf().put("m.ics", &minute);
    let stage = Stage::with(database, &fake);
    assert_eq!(stage.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    assert!(stage.offers(at(-30)) && !stage.offers(at(0)) && !stage.offers(at(20 * 1440)));
    assert_eq!(stage.gaps(), Vec::<String>::new(), "all of it is known");
    stage.database.assert_sound();
}

fn an_entry_that_can_not_be_read_leaves_its_booking_alone(database: Database) {
    let fake = Fake::good();
    let stage = Stage::with(database, &fake);
    let booked = stage.book(at(600));
    let name = fake.shelf().objects.keys().next().unwrap().clone();
    fake.shelf().put(&name, "nonsense");
    stage.sync();
    stage.sync_all();
    assert_eq!(stage.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(stage.log("could not be read").len(), 1);
    assert_eq!(stage.flags(), Vec::<String>::new());
    stage.database.assert_sound();
}

/// A program deletes an entry here and makes it there, and we look in between.
fn an_entry_that_is_between_two_calendars_is_waited_for(database: Database) {
    const HOME: &str = "/rosa/home/";
    let moving = Arc::new(std::sync::Mutex::new(None::<String>));
    let on_its_way = Arc::clone(&moving);
    let fake = Fake::start(move |asked, shelf| {
        if !asked.path.starts_with(HOME) {
            return None;
        }
        let path = format!("{HOME}moved.ics");
        let found = shelf.objects.get(&path);
        let found = found.map(|it| has(&path, &format!("<d:getetag>{}</d:getetag>", it.etag)));
        let answer = match asked.method.as_str() {
            "REPORT" if asked.has("calendar-query") => multistatus(&found.unwrap_or_default()),
            _ => return None,
        };
        // The last that is asked for: it was not there a moment ago, and now it is.
        if asked.has("time-range")
            && let Some(text) = on_its_way.lock().unwrap().take()
        {
            shelf.put(&path, &text);
        }
        Some(answer)
    });
    let stage = Stage::start(database, &fake.rosa(), &[WORK.to_owned(), HOME.to_owned()], &[]);
    stage.database.execute("UPDATE calendars SET syncs = FALSE WHERE name = 'Home'");
    let booked = stage.book(at(600));
    let (name, text) = {
        let shelf = fake.shelf();
        let (name, stored) = shelf.objects.iter().next().unwrap();
        (name.clone(), stored.text.clone())
    };
    *moving.lock().unwrap() = Some(text);
    fake.shelf().delete(&name);
    stage.sync();
    assert_eq!(stage.booking(&booked), ("confirmed".into(), at(600)), "{:?}", stage.log(""));
    assert!(stage.flags().iter().any(|flag| flag.contains("“Home”")), "{:?}", stage.flags());
    stage.database.assert_sound();
}

/// How a program moves an entry to another calendar of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    /// By the server, under the same name.
    ByTheServer,
    /// A copy with the same name here, and the old one is deleted.
    CopyAndDelete,
    /// A new object with the same UID, and then the old one is deleted.
    PutAndDelete,
    /// The other way round.
    DeleteAndPut,
}

fn an_entry_is_moved_to_another_calendar(database: Database, kind: Kind, how: Move) {
    let mut peer = Peer::start(kind);
    peer.make("Home", &["VEVENT"]);
    let (rosa, work) = block_on(peer.rosa());
    let home = block_on(rosa.calendar("Home"));
    let stage = Stage::start(database, &rosa, &[work.clone(), home.clone()], &[]);
    let booked = stage.book(at(600));
    let stored = peer.read(&booked.id).expect("the entry is there");
    let path = stage.database.texts("SELECT remote_id FROM mirrors").remove(0);
    let address = |path: &str| format!("{}{}", peer.url, path.trim_start_matches('/'));
    let name = path.rsplit('/').next().unwrap().to_owned();
    let same = address(&format!("{home}{name}"));
    let other = address(&format!("{home}A1B2-another-name.ics"));
    let from = address(&path);
    let by_server = |method: &str| {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        let request = http::Request::builder()
            .method(method)
            .uri(&from)
            .header("authorization", "Basic cm9zYTpzZWNyZXQ=")
            .header("destination", &same)
            .header("overwrite", "F")
            .body(())
            .unwrap();
        let status = agent.run(request).unwrap().status().as_u16();
        assert!((200..300).contains(&status), "{kind:?} {method}: {status}");
    };
    let put = |url: &str| assert_eq!(raw(url, Some(&stored)), 201, "{kind:?}");
    let delete = || assert!([200, 204].contains(&raw(&from, None)));
    match how {
        Move::ByTheServer => by_server("MOVE"),
        Move::CopyAndDelete => {
            put(&same);
            delete();
        }
        Move::PutAndDelete => {
            put(&other);
            delete();
        }
        Move::DeleteAndPut => {
            delete();
            put(&other);
        }
    }
    stage.sync();
    assert_eq!(
        stage.booking(&booked),
        ("confirmed".into(), at(600)),
        "{kind:?} {how:?}: {:?}",
        stage.log("")
    );
    let flags = stage.flags();
    assert!(
        flags.len() == 1 && flags[0].starts_with("deleted_outside") && flags[0].contains("“Home”"),
        "{kind:?} {how:?}: {flags:?}"
    );
    assert!(!stage.offers(at(600)));
    // It stays as it is, however often everything is read.
    stage.sync_all();
    assert_eq!(stage.booking(&booked).0, "confirmed");
    assert_eq!(stage.flags(), flags);
    stage.database.assert_sound();
}

/// Makes tests of a move at a server, on both databases.
macro_rules! moves {
    ($($name:ident: $kind:ident $how:ident),+ $(,)?) => {$(
        mod $name {
            use super::{Kind, Move};
            #[test]
            fn sqlite() {
                let database = $crate::harness::Database::sqlite();
                super::an_entry_is_moved_to_another_calendar(database, Kind::$kind, Move::$how);
            }
            #[test]
            fn postgres() {
                let database = $crate::harness::Database::postgres();
                super::an_entry_is_moved_to_another_calendar(database, Kind::$kind, Move::$how);
            }
        }
    )+};
}

moves!(
    an_entry_is_moved_by_radicale: Radicale ByTheServer,
    an_entry_is_copied_and_deleted_at_radicale: Radicale CopyAndDelete,
    an_entry_is_made_anew_and_deleted_at_radicale: Radicale PutAndDelete,
    an_entry_is_deleted_and_made_anew_at_radicale: Radicale DeleteAndPut,
    an_entry_is_copied_and_deleted_at_xandikos: Xandikos CopyAndDelete,
    an_entry_is_made_anew_and_deleted_at_xandikos: Xandikos PutAndDelete,
    an_entry_is_deleted_and_made_anew_at_xandikos: Xandikos DeleteAndPut,
);

/// A deletion is a deletion all the same, also of what was never read since it was made.
fn an_entry_that_is_deleted_calls_its_booking_off(database: Database, kind: Kind, read: bool) {
    let mut peer = Peer::start(kind);
    peer.make("Home", &["VEVENT"]);
    let (rosa, work) = block_on(peer.rosa());
    let home = block_on(rosa.calendar("Home"));
    let stage = Stage::start(database, &rosa, &[work, home], &[]);
    let booked = if read { stage.book(at(600)) } else { stage.book_only(at(600)) };
    peer.delete(&[&booked.id]);
    stage.sync();
    assert_eq!(stage.booking(&booked).0, "cancelled", "{:?}", stage.log(""));
    assert!(stage.offers(at(600)));
    stage.database.assert_sound();
}

both!(
    an_entry_is_deleted_at_radicale,
    an_entry_is_deleted_at_xandikos,
    an_entry_is_deleted_before_it_was_read_at_radicale,
    an_entry_is_deleted_before_it_was_read_at_xandikos,
);

fn an_entry_is_deleted_at_radicale(database: Database) {
    an_entry_that_is_deleted_calls_its_booking_off(database, Kind::Radicale, true);
}

fn an_entry_is_deleted_at_xandikos(database: Database) {
    an_entry_that_is_deleted_calls_its_booking_off(database, Kind::Xandikos, true);
}

fn an_entry_is_deleted_before_it_was_read_at_radicale(database: Database) {
    an_entry_that_is_deleted_calls_its_booking_off(database, Kind::Radicale, false);
}

fn an_entry_is_deleted_before_it_was_read_at_xandikos(database: Database) {
    an_entry_that_is_deleted_calls_its_booking_off(database, Kind::Xandikos, false);
}
