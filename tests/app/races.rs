//! Who gets a time when many want it: exactly the right number, everyone else is told so, and nothing breaks.

use crate::{
    harness::{Answer, Database, Server, agent, answer, at_once, both},
    world::{World, at, order, rules},
};
use chrono::{DateTime, Utc};
use meridian::domain::{
    assignment::Assignment,
    slots::{Limit, Limits},
};
use serde_json::json;

both!(
    two_hundred_writers_at_one_slot,
    overlapping_but_unequal_starts,
    two_event_types_that_share_a_host,
    a_move_against_bookings,
    moves_that_swap_places,
    seats_for_eight_and_fifty_writers,
    round_robin_gives_each_host_one,
    all_hands_against_each_host_alone,
    a_daily_limit_of_three,
    one_key_fifty_times,
);

/// Two processes where several instances can share a database; one where it is a file of one machine.
fn servers(database: &Database) -> Vec<Server> {
    let instances = if database.is_postgres() { 2 } else { 1 };
    (0..instances).map(|_| Server::start(database)).collect()
}

fn post(
    servers: &[Server],
    number: usize,
    path: &str,
    body: &serde_json::Value,
    key: Option<&str>,
) -> Answer {
    let mut request = agent().post(format!("{}{path}", servers[number % servers.len()].url));
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    answer(request.send_json(body)).unwrap()
}

fn book(servers: &[Server], number: usize, service: &str, start: DateTime<Utc>) -> Answer {
    post(servers, number, &format!("/api/v1/public/book/w/{service}/book"), &order(start, number), None)
}

/// Exactly `winners` are through; all others were told with 409.
fn assert_outcome(answers: &[Answer], winners: usize) {
    for answer in answers {
        assert!(matches!(answer.status, 200 | 201 | 409), "{answer:?}");
        if answer.status == 409 {
            assert_eq!(answer.json["code"], "slot_taken", "{answer:?}");
        }
    }
    let won = answers.iter().filter(|answer| answer.status != 409).count();
    assert_eq!(won, winners);
}

fn two_hundred_writers_at_one_slot(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let answers = at_once(200, |number| book(&servers, number, "talk", at(600)));
    assert_outcome(&answers, 1);
    assert!(
        answers
            .iter()
            .filter(|answer| answer.status == 409)
            .all(|answer| answer.json["nearest"].as_array().is_some_and(|near| near.len() == 3))
    );
    database.assert_sound();
}

fn overlapping_but_unequal_starts(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut every_quarter = rules(60);
        every_quarter.slots.interval = Some(15);
        every_quarter.slots.buffer_after = 5;
        world.add(db, "talk", &every_quarter).await;
    });
    let servers = servers(&database);
    // 10:00, 10:15, 10:30 and 10:45 for an hour each: any two of them overlap.
    let answers = at_once(80, |number| {
        book(&servers, number, "talk", at(600 + 15 * (i64::try_from(number).unwrap() % 4)))
    });
    assert_outcome(&answers, 1);
    database.assert_sound();
}

fn two_event_types_that_share_a_host(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
        world.add(db, "walk", &rules(60)).await;
    });
    let servers = servers(&database);
    let answers =
        at_once(100, |number| book(&servers, number, if number % 2 == 0 { "talk" } else { "walk" }, at(600)));
    assert_outcome(&answers, 1);
    database.assert_sound();
}

fn a_move_against_bookings(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let tokens: Vec<String> = (0..20)
        .map(|number| {
            let booked = book(&servers, number, "talk", at(30 * i64::try_from(number).unwrap()));
            booked.json["token"].as_str().unwrap().to_owned()
        })
        .collect();
    let answers = at_once(60, |number| match tokens.get(number) {
        Some(token) => post(
            &servers,
            number,
            &format!("/api/v1/public/appointments/{token}/reschedule"),
            &json!({"start": at(1200)}),
            None,
        ),
        None => book(&servers, number, "talk", at(1200)),
    });
    assert_outcome(&answers, 1);
    database.assert_sound();
    // Whoever did not get the new time still has the old one.
    let held = tokens.iter().filter(|token| {
        servers[0].get(&format!("/api/v1/public/appointments/{token}")).json["status"] == "confirmed"
    });
    assert_eq!(held.count(), 20);
}

fn moves_that_swap_places(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let (one, two) = (book(&servers, 0, "talk", at(0)), book(&servers, 1, "talk", at(30)));
    let tokens = [one.json["token"].as_str().unwrap(), two.json["token"].as_str().unwrap()];
    // Each wants the other's place: both are refused, however often they try at once, and nothing deadlocks.
    let answers = at_once(20, |number| {
        let path = format!("/api/v1/public/appointments/{}/reschedule", tokens[number % 2]);
        post(&servers, number, &path, &json!({"start": at(if number % 2 == 0 { 30 } else { 0 })}), None)
    });
    assert_outcome(&answers, 0);
    database.assert_sound();
}

fn seats_for_eight_and_fifty_writers(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut class = rules(60);
        class.slots.seats = 8;
        world.add(db, "class", &class).await;
    });
    let servers = servers(&database);
    let answers = at_once(50, |number| book(&servers, number, "class", at(600)));
    assert_outcome(&answers, 8);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 1, "one session");
    database.assert_sound();
}

fn round_robin_gives_each_host_one(database: Database) {
    World::make(&database, 3, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let answers = at_once(60, |number| book(&servers, number, "talk", at(600)));
    assert_outcome(&answers, 3);
    assert_eq!(database.number("SELECT COUNT(DISTINCT member_id) FROM claims"), 3);
    assert_eq!(database.number("SELECT CAST(SUM(booked) AS BIGINT) FROM hosts"), 3);
    database.assert_sound();
}

fn all_hands_against_each_host_alone(database: Database) {
    World::make(&database, 3, async |world, db| {
        let together =
            meridian::domain::event_type::EventTypeRules { assignment: Assignment::AllHands, ..rules(60) };
        world.add(db, "together", &together).await;
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let answers = at_once(60, |number| {
        book(&servers, number, if number % 2 == 0 { "together" } else { "talk" }, at(600))
    });
    let won = |range: std::ops::Range<usize>, step| {
        answers[range].iter().step_by(step).filter(|a| a.status == 201).count()
    };
    let (together, talks) = (won(0..60, 2), won(1..60, 2));
    assert!(
        (together, talks) == (1, 0) || (together == 0 && talks == 3),
        "{together} together, {talks} alone"
    );
    assert_outcome(&answers, together + talks);
    database.assert_sound();
}

fn a_daily_limit_of_three(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut talk = rules(30);
        talk.slots.limits = Limits { day: Limit { count: Some(3), minutes: None }, ..Limits::default() };
        world.add(db, "talk", &talk).await;
    });
    let servers = servers(&database);
    let answers =
        at_once(40, |number| book(&servers, number, "talk", at(30 * i64::try_from(number).unwrap())));
    assert_outcome(&answers, 3);
    database.assert_sound();
}

fn one_key_fifty_times(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let servers = servers(&database);
    let path = "/api/v1/public/book/w/talk/book";
    let answers =
        at_once(50, |number| post(&servers, number, path, &order(at(600), 1), Some("the same key")));
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.json["token"] == answers[0].json["token"]));
    assert_eq!(database.number("SELECT COUNT(*) FROM invitees"), 1);
    let other = post(&servers, 0, path, &order(at(660), 1), Some("the same key"));
    assert_eq!((other.status, other.json["code"].as_str()), (422, Some("key_reused")));
}
