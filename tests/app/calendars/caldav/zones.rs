//! The rules of a zone change after a booking was made (the zone database was updated).
//!
//! A booking is an instant, and stays it. Its entry outside stays in step with it. What others keep in local time, single
//! events and series, takes place by the clock on the wall, and so takes other time than before.

use super::{fake::Fake, fake::WORK, object, stage::Stage};
use crate::{
    harness::{Database, both},
    world::at,
};
use chrono::{TimeDelta, Utc};
use std::{fs, path::Path};

both!(rules_change_after_a_booking);

/// A file of the zone database (RFC 9636) for a zone with one offset for ever.
fn zone(hours: i32) -> Vec<u8> {
    let name = b"XXX\0";
    let header = |version: u8, counts: [u32; 6]| {
        let mut header = b"TZif".to_vec();
        header.push(version);
        header.extend([0; 15]);
        header.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        header
    };
    let mut kind = (hours * 3600).to_be_bytes().to_vec();
    kind.extend([0, 0]);
    let counts = [0, 0, 0, 0, 1, 4];
    let mut file = [header(b'2', counts), kind.clone(), name.to_vec()].concat();
    file.extend([header(b'2', counts), kind, name.to_vec()].concat());
    // POSIX counts the other way round.
    file.extend(format!("\nXXX{}\n", -hours).bytes());
    file
}

fn database_of_zones(folder: &Path, hours: i32) -> String {
    for (name, hours) in [("Europe/Berlin", hours), ("Etc/UTC", 0), ("UTC", 0)] {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, zone(hours)).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

fn rules_change_after_a_booking(database: Database) {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let before = database_of_zones(folders[0].path(), 1);
    let after = database_of_zones(folders[1].path(), 3);
    let fake = Fake::good();
    let local = |minute: i64| at(minute).with_timezone(&Utc).format("%Y%m%dT%H%M%S").to_string();
    let event = |uid: &str, minute: i64, lines: &str| {
        object(uid, "Private", "X", lines)
            .replace("DTSTART:X", &format!("DTSTART;TZID=Europe/Berlin:{}", local(minute)))
    };
    // By the clock in Berlin at 15:00 and at 18:00.
    fake.shelf().put("series.ics", &event("series", 900, "RRULE:FREQ=DAILY"));
    fake.shelf().put("single.ics", &event("single", 1080, ""));
    let mut stage = Stage::start(database, &fake.rosa(), &[WORK.to_owned()], &[("TZDIR", before.as_str())]);
    stage.database.execute("UPDATE schedules SET zone = 'Europe/Berlin'");
    let hours = |minute: i64, offset: i64| at(minute - 60 * offset);
    let day = 1440;
    assert!(
        !stage.offers(hours(900, 1)) && !stage.offers(hours(900 + day, 1)) && !stage.offers(hours(1080, 1))
    );
    let booked = stage.book(at(480));
    let entry = |stage: &Stage| {
        let shelf = fake.shelf();
        let path = stage.database.texts("SELECT remote_id FROM mirrors").remove(0);
        let text = shelf.objects[&path].text.clone();
        text.lines().rfind(|line| line.starts_with("DTSTART")).unwrap().trim().to_owned()
    };
    let on_the_wall = |offset: i64| (at(480) + TimeDelta::hours(offset)).format("%Y%m%dT%H%M%S").to_string();
    assert!(entry(&stage).ends_with(&on_the_wall(1)), "{}", entry(&stage));

    stage.serve(&[("TZDIR", after.as_str())]);
    stage.sync();
    assert_eq!(
        stage.booking(&booked),
        ("confirmed".into(), at(480)),
        "what was booked stays: {:?}",
        stage.log("")
    );
    assert_eq!(stage.flags(), Vec::<String>::new());
    assert!(
        entry(&stage).ends_with(&on_the_wall(3)),
        "its entry shows it by the new rules: {}",
        entry(&stage)
    );
    for minute in [900, 900 + day, 1080] {
        assert!(stage.offers(hours(minute, 1)), "{minute}: two hours later by the old rules");
        assert!(!stage.offers(hours(minute, 3)), "{minute}: by the new ones");
    }
    assert_eq!(stage.log("rules of time zones").len(), 1);
    stage.sync();
    assert_eq!(stage.log("rules of time zones").len(), 1, "once");
    // Who still has the former rules does not turn it back.
    stage.serve(&[("TZDIR", before.as_str())]);
    stage.sync();
    assert!(!stage.offers(hours(900, 3)) && !stage.offers(hours(1080, 3)));
    assert_eq!(stage.booking(&booked), ("confirmed".into(), at(480)));
    stage.database.assert_sound();
}
