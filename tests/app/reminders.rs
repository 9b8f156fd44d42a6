//! Reminders: each that makes sense, once, and no other.

use crate::{
    harness::{Database, SECRET, Server, both},
    world::{World, at, order, rules},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::{
        event_type::{RemindWhom, Reminder},
        ids::InviteeId,
    },
    server::{clock, crypto::Secret},
};
use serde_json::json;

both!(
    everyone_is_reminded_as_the_owner_and_they_themselves_want,
    after_a_time_without_a_server_only_the_nearest_reminder_goes_out,
    moved_and_cancelled_appointments_are_not_remembered_at_their_old_time,
    a_late_booking_has_no_reminder_from_before_it_was_made,
    whoever_wants_no_more_reminders_gets_none,
);

fn world(database: &Database) -> Server {
    World::make(database, 1, async |world, db| {
        let mut reminded = rules(30);
        reminded.slots.notice = 0;
        reminded.reminders = vec![
            Reminder { minutes: 1440, to: RemindWhom::Both },
            Reminder { minutes: 60, to: RemindWhom::Invitee },
            Reminder { minutes: 10, to: RemindWhom::Hosts },
        ];
        world.add(db, "talk", &reminded).await;
    });
    Server::start(database)
}

fn book(server: &Server, start: DateTime<Utc>) -> String {
    let booked = server.post("/api/v1/public/book/w/talk/book", &order(start, 1));
    assert_eq!(booked.status, 201, "{booked:?}");
    booked.json["token"].as_str().unwrap().to_owned()
}

fn planned(database: &Database) -> i64 {
    database.settle();
    database.number("SELECT COUNT(*) FROM jobs WHERE kind = 'remind' AND status = 'queued'")
}

/// Brings everything about the only booking forward, as if so much time had passed.
fn pass(database: &Database, time: TimeDelta) {
    let micros = time.num_microseconds().unwrap();
    for sql in [
        format!("UPDATE bookings SET start_at = start_at - {micros}, end_at = end_at - {micros}"),
        format!("UPDATE claims SET busy_from = busy_from - {micros}, busy_until = busy_until - {micros}"),
    ] {
        database.execute(&sql);
    }
    // Jobs name the start that they were meant for.
    let starts = database
        .texts("SELECT DISTINCT CAST(b.start_at AS TEXT) FROM bookings b WHERE b.status = 'confirmed'");
    let start: i64 = starts.first().unwrap().parse().unwrap();
    let now = DateTime::from_timestamp_micros(start).unwrap();
    let was = now + TimeDelta::microseconds(micros);
    let json = |at: DateTime<Utc>| serde_json::to_string(&at).unwrap();
    database.execute(&format!(
        "UPDATE jobs SET payload = replace(payload, '{}', '{}'), run_at = run_at - {micros} WHERE kind = 'remind'",
        json(was),
        json(now)
    ));
}

fn reminders(database: &Database) -> Vec<String> {
    let due = clock::now().timestamp_micros();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let runs = database.texts(
            "SELECT CASE WHEN lease IS NULL THEN CAST(run_at AS TEXT) ELSE '0' END FROM jobs
             WHERE status = 'queued' AND kind IN ('remind', 'mail')",
        );
        if runs.iter().all(|at| at.parse::<i64>().unwrap() > due) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "reminders are stuck");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    database.texts("SELECT recipient FROM messages WHERE kind = 'reminder' ORDER BY id")
}

fn everyone_is_reminded_as_the_owner_and_they_themselves_want(database: Database) {
    let server = world(&database);
    let start = at(600);
    book(&server, start);
    assert_eq!(planned(&database), 4);
    assert!(reminders(&database).is_empty());
    pass(&database, start - clock::now() - TimeDelta::minutes(1440) + TimeDelta::seconds(1));
    let mut sent = reminders(&database);
    sent.sort();
    assert_eq!(sent, ["host0@w.example", "invitee1@customer.example"]);
    pass(&database, TimeDelta::minutes(1380));
    assert_eq!(reminders(&database).len(), 3);
    pass(&database, TimeDelta::minutes(50));
    assert_eq!(reminders(&database).iter().filter(|to| *to == "host0@w.example").count(), 2);
    assert_eq!(planned(&database), 0);
    // A host who decided for themselves.
    database.execute("UPDATE members SET reminders = '[5]'");
    book(&server, at(660));
    assert_eq!(planned(&database), 3, "two for the invitee, one for the host");
}

fn after_a_time_without_a_server_only_the_nearest_reminder_goes_out(database: Database) {
    let mut server = world(&database);
    let start = at(600);
    book(&server, start);
    assert_eq!(planned(&database), 4);
    server.signal("TERM");
    assert!(server.wait());
    // Back half an hour before it begins: a day ahead and an hour ahead are both over.
    pass(&database, start - clock::now() - TimeDelta::minutes(30));
    let mut server = Server::start(&database);
    let mut sent = reminders(&database);
    sent.sort();
    assert_eq!(sent, ["host0@w.example", "invitee1@customer.example"], "each once");
    server.signal("TERM");
    assert!(server.wait());
    // Back after it has begun: nothing is useful any more.
    pass(&database, TimeDelta::minutes(31));
    let _server = Server::start(&database);
    assert_eq!(reminders(&database).len(), 2);
    assert_eq!(planned(&database), 0);
}

fn moved_and_cancelled_appointments_are_not_remembered_at_their_old_time(database: Database) {
    let server = world(&database);
    let token = book(&server, at(600));
    assert_eq!(planned(&database), 4);
    let path = format!("/api/v1/public/appointments/{token}");
    server.post(&format!("{path}/reschedule"), &json!({"start": at(660)}));
    assert_eq!(planned(&database), 8, "those of the old time lapse when they are due");
    database.execute(&format!(
        "UPDATE jobs SET run_at = 1 WHERE kind = 'remind' AND payload LIKE '%{}%'",
        at(600).format("%Y-%m-%dT%H:%M")
    ));
    assert!(reminders(&database).is_empty());
    assert_eq!(planned(&database), 4);
    // Back to where it was: those that lapsed had not gone out, but their time has not come either.
    server.post(&format!("{path}/cancel"), &json!({}));
    database.settle();
    database.execute("UPDATE jobs SET run_at = 1 WHERE kind = 'remind'");
    assert!(reminders(&database).is_empty());
    assert_eq!(planned(&database), 0);
}

fn a_late_booking_has_no_reminder_from_before_it_was_made(database: Database) {
    let server = world(&database);
    let slots = {
        let today = clock::now().date_naive();
        let until = today.succ_opt().unwrap();
        server.get(&format!("/api/v1/public/book/w/talk/slots?from={today}&to={until}")).json
    };
    let first = slots["days"].as_object().unwrap().values().next().unwrap()[0]["start"].clone();
    let start: DateTime<Utc> = serde_json::from_value(first).unwrap();
    assert!(start - clock::now() < TimeDelta::minutes(60), "{start}");
    book(&server, start);
    let left = i64::from(start - clock::now() > TimeDelta::minutes(10));
    assert_eq!(planned(&database), left);
    assert!(reminders(&database).is_empty());
}

fn whoever_wants_no_more_reminders_gets_none(database: Database) {
    let server = world(&database);
    book(&server, at(600));
    assert_eq!(planned(&database), 4);
    let ids = database.texts("SELECT id FROM invitees");
    let invitee = InviteeId::try_from(ids.first().unwrap().clone()).unwrap();
    let secret = Secret::new(STANDARD.decode(SECRET).unwrap()).unwrap();
    let link = format!("/unsubscribe/{invitee}.{}", secret.unsubscribe_token(&invitee));
    assert!(server.get(&link).text.contains("No more reminders?"));
    assert_eq!(
        database.number("SELECT COUNT(*) FROM invitees WHERE reminders"),
        1,
        "looking changes nothing"
    );
    // As a mail program does it (RFC 8058).
    assert_eq!(server.post_form(&link, &[("List-Unsubscribe", "One-Click")], &[]).status, 200);
    assert!(server.get(&link).text.contains("You get no more reminders"));
    assert_eq!(server.post_form("/unsubscribe/x.y", &[], &[]).status, 404);
    pass(&database, at(600) - clock::now() - TimeDelta::minutes(5));
    assert_eq!(reminders(&database), ["host0@w.example"], "the host still does");
}
