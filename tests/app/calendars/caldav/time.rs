//! The engine and odd times: gaps and overlaps of the clock, zones by other names, versions and replies that come late, tokens that
//! are no longer known, feeds that lead elsewhere.

use super::{
    fake::{Answer, Fake, WORK, answer, has, multistatus, refusal},
    object,
    stage::Stage,
};
use crate::{
    harness::{Database, both},
    webhooks::receiver::{Reaction, Receiver},
    world::at,
};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::server::{clock, zones};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

both!(
    gaps_and_overlaps_of_the_clock,
    zones_of_windows_and_of_the_file_itself,
    a_sequence_that_goes_back_is_a_change_all_the_same,
    a_reply_that_comes_late,
    a_token_that_is_no_longer_known,
    a_feed_leads_elsewhere_and_does_not_change,
    a_hostile_feed_takes_no_more_than_it_says,
);

/// The next change of the clock in Berlin, forward or back, and the same change on the wall before it.
fn change(forward: bool) -> (DateTime<Utc>, i64) {
    let berlin = zones::rules("Europe/Berlin").unwrap();
    let soon = clock::now() + TimeDelta::days(10);
    let changes = berlin.transitions().iter().map(|change| DateTime::from_timestamp(change.at, 0).unwrap());
    let offset = |at: DateTime<Utc>| i64::from(berlin.offset_at(at));
    let before = |at: DateTime<Utc>| offset(at - TimeDelta::seconds(1));
    let found = changes.filter(|at| *at > soon).find(|at| (offset(*at) > before(*at)) == forward);
    let at = found.unwrap();
    (at, before(at))
}

fn gaps_and_overlaps_of_the_clock(database: Database) {
    let fake = Fake::good();
    let (half, day) = (TimeDelta::minutes(30), TimeDelta::days(1));
    let ((gap, in_winter), (overlap, in_summer)) = (change(true), change(false));
    // Each day at half past two in Berlin, an hour long, from three days before.
    for (uid, at, offset) in [("gap", gap + half, in_winter), ("overlap", overlap - half, in_summer)] {
        let start = (at - day * 3 + TimeDelta::seconds(offset)).format("%Y%m%dT%H%M%S");
        let text = object(uid, "Private", "X", "RRULE:FREQ=DAILY;COUNT=8")
            .replace("DTSTART:X", &format!("DTSTART;TZID=Europe/Berlin:{start}"));
        fake.shelf().put(&format!("{uid}.ics"), &text);
    }
    let stage = Stage::with(database, &fake);
    assert!(!stage.offers(gap + half - day) && !stage.offers(gap + half * 2 - day));
    for minutes in [0, 30, 60, 90] {
        assert!(stage.offers(gap + TimeDelta::minutes(minutes)), "half past two does not exist on that day");
    }
    // A day later it is an hour earlier in UTC.
    assert!(!stage.offers(gap + half + day - TimeDelta::hours(1)) && stage.offers(gap + half * 2 + day));
    assert!(!stage.offers(overlap - half) && !stage.offers(overlap), "the first of the two");
    assert!(stage.offers(overlap + half), "not the second");
    // The one that does not exist was not counted: there is an eighth on the fifth day after.
    assert!(!stage.offers(gap + half + day * 5 - TimeDelta::hours(1)));
    assert!(stage.offers(gap + half + day * 6 - TimeDelta::hours(1)));
    stage.database.assert_sound();
}

fn zones_of_windows_and_of_the_file_itself(database: Database) {
    let fake = Fake::good();
    let own = "BEGIN:VTIMEZONE\r\nTZID:Our own\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0430\r\n\
               TZOFFSETTO:+0430\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT";
    let wall = |minute: i64| at(minute).format("%Y%m%dT%H%M%S").to_string();
    let event = |uid: &str, zone: &str, minute: i64| {
        object(uid, "Private", "X", "").replace("DTSTART:X", &format!("DTSTART;TZID={zone}:{}", wall(minute)))
    };
    fake.shelf().put("w.ics", &event("w", "Arabian Standard Time", 600));
    fake.shelf().put("o.ics", &event("o", "Our own", 1200).replace("BEGIN:VEVENT", own));
    let stage = Stage::with(database, &fake);
    assert!(!stage.offers(at(360)) && stage.offers(at(600)), "ten o'clock in Dubai");
    assert!(!stage.offers(at(930)) && stage.offers(at(1200)), "eight in the evening by its own zone");
    stage.database.assert_sound();
}

/// The entry of a booking, changed as another program does it.
fn edit(fake: &Fake, change: impl Fn(&str) -> String) {
    let (path, text) = {
        let shelf = fake.shelf();
        let (path, stored) = shelf.objects.iter().next().unwrap();
        (path.clone(), stored.text.clone())
    };
    fake.shelf().put(&path, &change(&text));
}

fn with_line(text: &str, name: &str, line: &str) -> String {
    let lines = text.replace("\r\n ", "");
    let kept: Vec<String> = lines
        .split("\r\n")
        .map(|old| if old.starts_with(name) { line.to_owned() } else { old.to_owned() })
        .collect();
    kept.join("\r\n")
}

fn a_sequence_that_goes_back_is_a_change_all_the_same(database: Database) {
    let fake = Fake::good();
    let stage = Stage::with(database, &fake);
    let booked = stage.book(at(600));
    stage.move_to(&booked, at(660));
    stage.in_step();
    // A program that restores an old copy: what stands in the calendar counts, whatever its number.
    let stamp = |minute: i64| at(minute).format("%Y%m%dT%H%M%SZ").to_string();
    edit(&fake, |text| {
        let text = with_line(text, "SEQUENCE", "SEQUENCE:0");
        let text = with_line(&text, "DTSTART", &format!("DTSTART:{}", stamp(720)));
        with_line(&text, "DTEND", &format!("DTEND:{}", stamp(750)))
    });
    stage.sync();
    assert_eq!(stage.booking(&booked), ("confirmed".into(), at(720)), "{:?}", stage.log(""));
    // Our next change has a greater number than any before.
    stage.move_to(&booked, at(780));
    stage.in_step();
    let sequence = |text: &str| -> i64 {
        text.lines().find_map(|line| line.strip_prefix("SEQUENCE:")).unwrap().trim().parse().unwrap()
    };
    assert!(sequence(&fake.shelf().objects.values().next().unwrap().text) > 1);
    stage.database.assert_sound();
}

/// The host's own "no" comes to an entry that was moved meanwhile, and to one that was called off.
fn a_reply_that_comes_late(database: Database) {
    let fake = Fake::good();
    let stage = Stage::with(database, &fake);
    stage.database.execute("UPDATE connections SET home = home || ' mailto:rosa@studio.example'");
    let booked = stage.book(at(600));
    stage.move_to(&booked, at(660));
    stage.in_step();
    let reply = "ATTENDEE;PARTSTAT=DECLINED:mailto:rosa@studio.example\r\nEND:VEVENT";
    edit(&fake, |text| with_line(text, "SEQUENCE", "SEQUENCE:0").replace("END:VEVENT", reply));
    stage.sync();
    let answers = || stage.database.texts("SELECT rsvp FROM attendees");
    assert_eq!(
        (stage.booking(&booked), answers()),
        (("confirmed".into(), at(660)), vec!["declined".to_owned()])
    );
    stage.cancel(&booked);
    stage.in_step();
    assert!(fake.shelf().objects.is_empty(), "{:?}", stage.log(""));
    // Its entry is put back by a server that delivers an old reply: the booking stays called off.
    let late = object(&booked.id, "Late", &at(660).format("%Y%m%dT%H%M%SZ").to_string(), "");
    fake.shelf().put("late.ics", &late.replace("END:VEVENT", reply));
    stage.sync();
    assert_eq!(stage.booking(&booked).0, "cancelled");
    assert!(stage.offers(at(660)), "what its owner declined takes no time");
    stage.database.assert_sound();
}

fn a_token_that_is_no_longer_known(database: Database) {
    let way = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&way);
    let fake = Fake::start(move |asked, shelf| -> Option<Answer> {
        if !asked.has("sync-collection") {
            return None;
        }
        let token = format!("<d:sync-token>{}</d:sync-token>", shelf.token());
        match now.load(Ordering::SeqCst) {
            1 => Some(refusal(403, "<d:valid-sync-token/>")),
            2 => Some(refusal(412, "<d:valid-sync-token/>")),
            3 => Some(answer(500, "")),
            // Silently, with nothing and with everything.
            4 => Some(multistatus(&token)),
            5 => {
                let parts = shelf.objects.iter();
                let parts = parts.map(|(path, it)| has(path, &format!("<d:getetag>{}</d:getetag>", it.etag)));
                Some(multistatus(&format!("{}{token}", parts.collect::<String>())))
            }
            _ => None,
        }
    });
    for n in 0..120 {
        // Long over: they only make the calendar large.
        fake.shelf().put(&format!("{n:03}.ics"), &object(&format!("o{n}"), "Over", "20200101T090000Z", ""));
    }
    let event = |minute: i64| object("busy", "Busy", &at(minute).format("%Y%m%dT%H%M%SZ").to_string(), "");
    fake.shelf().put("busy.ics", &event(0));
    let stage = Stage::with(database, &fake);
    for round in 1..=5_usize {
        // Followed by token again, and then it is refused.
        way.store(0, Ordering::SeqCst);
        stage.sync_all();
        let minute = i64::try_from(round).unwrap() * 120;
        assert!(!stage.offers(at(minute - 120)), "{round}");
        fake.shelf().put("busy.ics", &event(minute));
        fake.shelf().delete(&format!("{round:03}.ics"));
        way.store(round, Ordering::SeqCst);
        stage.sync();
        assert!(!stage.offers(at(minute)) && stage.offers(at(minute - 120)), "{round}: {:?}", stage.log(""));
        let kept = stage.database.number("SELECT COUNT(*) FROM remote_events");
        assert_eq!(kept, 121 - i64::try_from(round).unwrap(), "what was deleted meanwhile is gone");
    }
    assert_eq!(stage.log("no longer knows where we were").len(), 5);
    assert!(fake.shelf().objects.keys().all(|path| path.starts_with(WORK)));
    stage.database.assert_sound();
}

fn a_feed_leads_elsewhere_and_does_not_change(database: Database) {
    let event = object("busy", "Busy", &at(600).format("%Y%m%dT%H%M%SZ").to_string(), "");
    let event: &'static str = event.leak();
    let feed = Receiver::start(move |n| match n {
        0 => Reaction::Answer(301, "Location: /new\r\n", ""),
        1 => Reaction::Answer(200, "ETag: \"1\"\r\n", event),
        2 => Reaction::Answer(304, "", ""),
        // Into the network that the server itself is in.
        _ => Reaction::Answer(302, "Location: http://169.254.169.254/latest/meta-data\r\n", ""),
    });
    let stage = Stage::feed(database, &feed.url);
    assert!(!stage.offers(at(600)));
    stage.sync();
    assert!(!stage.offers(at(600)), "nothing changed");
    assert_eq!(feed.received()[2].header("if-none-match"), "\"1\"");
    stage.sync();
    assert!(!stage.offers(at(600)), "what is known stays");
    assert!(feed.received().len() >= 4);
    assert!(!stage.log("Not read").is_empty(), "{:?}", stage.log(""));
    stage.database.assert_sound();
}

fn a_hostile_feed_takes_no_more_than_it_says(database: Database) {
    let stamp = |minute: i64| at(minute).format("%Y%m%dT%H%M%SZ").to_string();
    let event = |uid: &str, lines: &str| format!("BEGIN:VEVENT\r\nUID:{uid}\r\n{lines}\r\nEND:VEVENT\r\n");
    // Ten megabytes of pictures, events for ever, events without sense; and one that is good.
    let text = [
        event(
            "picture",
            &format!(
                "DTSTART:{}\r\nDURATION:PT30M\r\nATTACH;VALUE=BINARY:{}",
                stamp(0),
                "QUJD".repeat(2_700_000)
            ),
        ),
        event(
            "second",
            &format!("DTSTART:{}\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY;UNTIL={}", stamp(120), stamp(180)),
        ),
        event("nothing", &format!("DTSTART:{}\r\nRRULE:FREQ=SECONDLY", stamp(0))),
        event("nonsense", "DTSTART:\r\nDTEND:later"),
        event("good", &format!("DTSTART:{}\r\nDURATION:PT30M", stamp(600))),
    ]
    .concat();
    let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{text}END:VCALENDAR\r\n");
    assert!(text.len() > 10_000_000);
    let text: &'static str = text.leak();
    let feed = Receiver::start(move |_| Reaction::Answer(200, "", text));
    let stage = Stage::feed(database, &feed.url);
    assert!(!stage.offers(at(0)) && stage.offers(at(30)) && stage.offers(at(90)));
    assert!(!stage.offers(at(120)) && !stage.offers(at(150)) && stage.offers(at(210)));
    assert!(!stage.offers(at(600)) && stage.offers(at(630)));
    assert_eq!(stage.database.number("SELECT COUNT(*) FROM busy_intervals"), 3);
    assert_eq!(stage.gaps().len(), 1, "{:?}", stage.gaps());
    stage.database.assert_sound();
}
