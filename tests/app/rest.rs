//! The public REST API, as a program meets it.

use crate::{
    harness::{Answer, Database, Server, both},
    world::{World, at, day, order, rules},
};
use chrono::TimeDelta;
use meridian::domain::{
    appointment::BookingStatus,
    event_type::{ChangePolicy, Location},
    questions::{Question, QuestionKind},
};
use serde_json::{Value, json};

both!(
    the_life_of_an_appointment,
    slots_are_grouped_by_the_days_of_the_zone,
    every_refusal_is_a_problem_document,
    hidden_and_private_services,
    questions_and_guests_are_checked,
    past_and_too_soon,
    policy_of_changes,
    an_appointment_that_has_begun,
    shared_sessions_fill_up_and_empty,
    limits_on_requests_are_told,
    the_calendar_file,
);

const BOOK: &str = "/api/v1/public/book/w/talk/book";

fn world(database: &Database) -> Server {
    World::make(database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    Server::start(database)
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.json["code"].as_str()), (status, Some(code)), "{answer:?}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.json["status"], status);
    assert!(answer.json["detail"].as_str().is_some_and(|sentence| sentence.ends_with('.')), "{answer:?}");
}

fn slots(server: &Server, from: chrono::DateTime<chrono::Utc>, days: i64, zone: &str) -> Value {
    let (from, to) = (from.date_naive(), (from + TimeDelta::days(days - 1)).date_naive());
    let answer = server.get(&format!("/api/v1/public/book/w/talk/slots?from={from}&to={to}&tz={zone}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

fn the_life_of_an_appointment(database: Database) {
    let server = world(&database);
    let booked = server.post(BOOK, &order(at(600), 1));
    assert_eq!(booked.status, 201, "{booked:?}");
    let token = booked.json["token"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/public/appointments/{token}");
    assert_eq!(booked.headers["location"], path.as_str());
    assert_eq!(booked.json["url"], format!("{}/appointment/{token}", "http://127.0.0.1:0"));
    let free =
        |start| slots(&server, day(), 1, "UTC")["days"].to_string().contains(&json!(start).to_string());
    assert!(!free(at(600)) && free(at(630)));

    let moved = server.post(&format!("{path}/reschedule"), &json!({"start": at(630)}));
    assert_eq!(
        (moved.status, &moved.json["start"], &moved.json["moved_from"]),
        (200, &json!(at(630)), &json!(at(600)))
    );
    assert!(free(at(600)) && !free(at(630)));

    let cancelled = server.post(&format!("{path}/cancel"), &json!({"reason": "A cold"}));
    assert_eq!(
        (cancelled.status, cancelled.json["status"].as_str()),
        (200, Some(BookingStatus::Cancelled.as_str()))
    );
    assert_eq!(cancelled.json["cancel_reason"], "A cold");
    assert!(free(at(600)) && free(at(630)));
    assert_problem(&server.post(&format!("{path}/cancel"), &json!({})), 409, "cant_change");
    assert_problem(
        &server.post(&format!("{path}/reschedule"), &json!({"start": at(600)})),
        409,
        "cant_change",
    );
    assert_eq!(server.get(&path).json["status"], "cancelled");
    let noted = database.number("SELECT COUNT(*) FROM audit_log WHERE action LIKE 'booking.%'");
    assert_eq!(noted, 3, "created, moved, cancelled");
}

fn slots_are_grouped_by_the_days_of_the_zone(database: Database) {
    let server = world(&database);
    let utc = slots(&server, day(), 1, "UTC");
    let auckland = slots(&server, day(), 1, "Pacific/Auckland");
    let starts = |json: &Value| -> Vec<String> {
        let days = json["days"].as_object().unwrap();
        assert_eq!(days.len(), 1, "{json}");
        days.values()
            .flat_map(|day| day.as_array().unwrap())
            .map(|slot| slot["start"].as_str().unwrap().to_owned())
            .collect()
    };
    let (utc, auckland) = (starts(&utc), starts(&auckland));
    assert_eq!((utc.len(), auckland.len()), (48, 48));
    assert_eq!(utc[0], json!(at(0)).as_str().unwrap());
    assert!(auckland[0] < utc[0], "the day begins earlier there");
    // The same instants are on offer, whoever looks.
    let wide: Vec<String> = slots(&server, day() - TimeDelta::days(1), 3, "UTC")["days"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|day| day.as_array().unwrap())
        .map(|slot| slot["start"].as_str().unwrap().to_owned())
        .collect();
    assert!(auckland.iter().all(|start| wide.contains(start)));
}

fn every_refusal_is_a_problem_document(database: Database) {
    let server = world(&database);
    let get = |path: &str| server.get(&format!("/api/v1/public/{path}"));
    assert_problem(&get("book/nobody"), 404, "unknown_workspace");
    assert_problem(&get("book/nobody/talk/slots?from=2026-12-01&to=2026-12-01"), 404, "unknown_workspace");
    assert_problem(&get("book/w/nothing"), 404, "unknown_service");
    assert_problem(&get("appointments/unknown"), 404, "unknown_appointment");
    assert_problem(&server.get("/api/v2"), 404, "unknown_page");
    for query in [
        "",
        "from=2026-12-01",
        "from=2026-12-02&to=2026-12-01",
        "from=2026-12-01&to=2027-02-01",
        "from=2026-12-01&to=2026-12-01&tz=Mars/Olympus",
        "from=2026-12-01&to=2026-12-01&duration=31",
        "from=2026-12-01&to=2026-12-01&duration=-1",
        "from=2026-02-30&to=2026-12-01",
        "from=99999-12-01&to=99999-12-02",
        "from=+2026-12-1&to=2026-12-01",
    ] {
        assert_problem(&get(&format!("book/w/talk/slots?{query}")), 422, "invalid");
    }
    for zone in ["UTC", "Europe/Berlin"] {
        let answer = get(&format!("book/w/talk/slots?from=2027-10-01&to=2027-12-01&tz={zone}"));
        assert_eq!(answer.status, 200, "62 days, one of them with 25 hours");
    }
    assert_problem(&get("book/%00"), 404, "unknown_workspace");
    assert_problem(&get("book/w/%00"), 404, "unknown_service");
    assert_problem(&get("appointments/%00"), 404, "unknown_appointment");
    assert_problem(
        &get("book/w/talk/slots?from=2026-12-01&from=2026-12-01&to=2026-12-01"),
        400,
        "bad_request",
    );
    for body in
        [json!([]), json!({"start": "soon"}), json!({"start": at(600), "admin": true}), json!(null), json!(7)]
    {
        assert_problem(&server.post(BOOK, &body), 400, "bad_request");
    }
    let form = server.post_form(BOOK, &[("name", "x")], &[]);
    assert_problem(&form, 400, "bad_request");
    let mut forged = order(at(600), 1);
    forged["duration"] = json!(45);
    assert_problem(&server.post(BOOK, &forged), 422, "invalid");
    let mut twisted = order(at(600), 1);
    twisted["start"] = json!(at(600) + TimeDelta::milliseconds(1));
    assert_problem(&server.post(BOOK, &twisted), 422, "invalid");
    for start in [
        "9999-12-31T23:30:00Z",
        "-262143-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "+262142-12-10T10:00:00Z",
        "2040-01-01T10:00:00Z",
    ] {
        let mut far = order(at(600), 1);
        far["start"] = json!(start);
        let answer = server.post(BOOK, &far);
        assert!((400..500).contains(&answer.status), "{start}: {answer:?}");
    }
    let off_grid = server.post(BOOK, &order(at(607), 1));
    assert_problem(&off_grid, 409, "slot_taken");
    assert_eq!(off_grid.json["nearest"], json!([at(570), at(600), at(630)]));
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 0, "nothing half-written");
    let huge = server.post(BOOK, &json!({"name": "x".repeat(300_000)}));
    assert_problem(&huge, 413, "too_large");
    assert_problem(&server.post("/api/v1/public/book/w", &json!({})), 405, "wrong_method");
}

fn hidden_and_private_services(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
        world.add_as(db, "hidden", &rules(30), "hidden", true).await;
        world.add_as(db, "secret", &rules(30), "private", true).await;
        world.add_as(db, "closed", &rules(30), "listed", false).await;
    });
    let server = Server::start(&database);
    let page = server.get("/api/v1/public/book/w");
    assert_eq!(page.json["services"].as_array().map(Vec::len), Some(1), "{page:?}");
    assert_eq!(server.get("/api/v1/public/book/w/hidden").status, 200);
    assert_problem(&server.get("/api/v1/public/book/w/secret"), 404, "unknown_service");
    assert_problem(&server.get("/api/v1/public/book/w/secret?key=guess"), 404, "unknown_service");
    assert_problem(
        &server.post("/api/v1/public/book/w/secret/book", &order(at(600), 1)),
        404,
        "unknown_service",
    );
    assert_problem(&server.get("/api/v1/public/book/w/closed"), 410, "service_closed");
    assert_problem(
        &server.post("/api/v1/public/book/w/closed/book", &order(at(600), 1)),
        410,
        "service_closed",
    );
}

fn questions_and_guests_are_checked(database: Database) {
    let question = |key: &str, kind, required, options: &[&str]| Question {
        key: key.into(),
        label: key.into(),
        kind,
        required,
        options: options.iter().map(|option| (*option).into()).collect(),
        help: String::new(),
    };
    World::make(&database, 1, async |world, db| {
        let mut asking = rules(30);
        asking.location = Location::Phone;
        asking.questions = vec![
            question("topic", QuestionKind::ShortText, true, &[]),
            question("terms", QuestionKind::Checkbox, true, &[]),
            question("tags", QuestionKind::Choices, false, &["a", "b", "c"]),
        ];
        world.add(db, "talk", &asking).await;
    });
    let server = Server::start(&database);
    let mut wrong = order(at(600), 1);
    wrong["name"] = json!("  ");
    wrong["email"] = json!("x@y.z\r\nBcc: all@example.com");
    wrong["timezone"] = json!("Mars/Olympus");
    wrong["guests"] = json!(["a@b.de", "c@d.de", "e@f.de"]);
    wrong["answers"] = json!({"tags": ["a", "x"], "unasked": "1"});
    let refused = server.post(BOOK, &wrong);
    assert_problem(&refused, 422, "invalid");
    let mut fields: Vec<&str> = refused.json["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        ["email", "guests", "name", "phone", "q-tags", "q-terms", "q-topic", "q-unasked", "zone"]
    );
    let mut right = order(at(600), 1);
    right["phone"] = json!("+49 30 1234567");
    right["guests"] = json!(["a@b.de", "A@B.de", "invitee1@customer.example"]);
    right["answers"] = json!({"topic": "Plans", "terms": true, "tags": ["c", "a"]});
    let booked = server.post(BOOK, &right);
    assert_eq!(booked.status, 201, "{booked:?}");
    assert_eq!(booked.json["guests"], json!(["a@b.de"]));
    assert_eq!(booked.json["answers"][2]["value"], "a, c");
}

fn past_and_too_soon(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut late = rules(30);
        late.slots.notice = 3600 * 24 * 30;
        world.add(db, "talk", &late).await;
    });
    let server = Server::start(&database);
    let soon = server.post(BOOK, &order(at(600), 1));
    assert_problem(&soon, 409, "past_time");
    assert!(soon.json["nearest"].as_array().is_some_and(|near| !near.is_empty()), "{soon:?}");
    assert_problem(&server.post(BOOK, &order(at(600) - TimeDelta::days(60), 1)), 409, "past_time");
}

fn policy_of_changes(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut strict = rules(30);
        strict.policy = ChangePolicy { cancel_until: Some(60 * 24 * 40), move_until: None };
        world.add(db, "talk", &strict).await;
    });
    let server = Server::start(&database);
    let booked = server.post(BOOK, &order(at(600), 1));
    assert_eq!((&booked.json["can_cancel"], &booked.json["can_reschedule"]), (&json!(false), &json!(false)));
    let path = format!("/api/v1/public/appointments/{}", booked.json["token"].as_str().unwrap());
    let refused = server.post(&format!("{path}/cancel"), &json!({}));
    assert_problem(&refused, 409, "cant_change");
    assert!(refused.json["detail"].as_str().unwrap().contains("too late"), "{refused:?}");
    assert_problem(
        &server.post(&format!("{path}/reschedule"), &json!({"start": at(630)})),
        409,
        "cant_change",
    );
}

fn shared_sessions_fill_up_and_empty(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut class = rules(60);
        class.slots.seats = 2;
        world.add(db, "talk", &class).await;
    });
    let server = Server::start(&database);
    let left = || {
        let json = slots(&server, day(), 1, "UTC");
        let found =
            json["days"].as_object().unwrap().values().flat_map(|day| day.as_array().unwrap().clone());
        found.into_iter().find(|slot| slot["start"] == json!(at(600))).map(|slot| slot["seats_left"].clone())
    };
    assert_eq!(left(), Some(json!(2)));
    let one = server.post(BOOK, &order(at(600), 1)).json["token"].as_str().unwrap().to_owned();
    assert_eq!(left(), Some(json!(1)));
    let two = server.post(BOOK, &order(at(600), 2)).json["token"].as_str().unwrap().to_owned();
    assert_eq!(left(), None);
    assert_problem(&server.post(BOOK, &order(at(600), 3)), 409, "slot_taken");
    let path = |token: &str, verb: &str| format!("/api/v1/public/appointments/{token}/{verb}");
    assert_eq!(server.post(&path(&one, "cancel"), &json!({})).status, 200);
    assert_eq!(left(), Some(json!(1)));
    assert_eq!(server.post(&path(&two, "reschedule"), &json!({"start": at(660)})).status, 200);
    assert_eq!(left(), Some(json!(2)), "an empty session gives its time back");
    assert_eq!(database.number("SELECT COUNT(*) FROM claims"), 1);
    database.assert_sound();
}

fn limits_on_requests_are_told(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start_with(&database, &[("MERIDIAN_RATE_LIMITS", "on")]);
    let first = server.get("/api/v1/public/book/w");
    assert_eq!(first.headers["ratelimit-policy"], "\"read\";q=600;w=60");
    assert_eq!(first.headers["ratelimit"], "\"read\";r=599;t=1");
    let answers: Vec<Answer> = (0..31).map(|_| server.post(BOOK, &json!({}))).collect();
    assert_problem(answers.last().unwrap(), 429, "too_many");
    let wait: u32 = answers.last().unwrap().headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(answers[..30].iter().all(|answer| answer.status == 400));
    // A forged header buys nothing: nobody said that this client is a proxy.
    let forged = server.post_with(BOOK, &json!({}), &[("X-Forwarded-For", "203.0.113.9")]);
    assert_problem(&forged, 429, "too_many");
    if database.is_postgres() {
        let other = Server::start_with(&database, &[("MERIDIAN_RATE_LIMITS", "on")]);
        assert_problem(&other.post(BOOK, &json!({})), 429, "too_many");
    }
}

fn the_calendar_file(database: Database) {
    let server = world(&database);
    let mut named = order(at(600), 1);
    named["name"] = json!("Ada, \"the\" Countess; of Lovelace");
    let token = server.post(BOOK, &named).json["token"].as_str().unwrap().to_owned();
    let path = format!("/appointment/{token}/invite.ics");
    let file = server.get(&path);
    assert_eq!(file.headers["content-type"], "text/calendar; charset=utf-8");
    let berlin = meridian::server::zones::rules("Europe/Berlin").unwrap();
    let stamp = berlin.local(at(600)).format("DTSTART;TZID=Europe/Berlin:%Y%m%dT%H%M%S\r\n").to_string();
    for line in ["BEGIN:VCALENDAR\r\n", "SEQUENCE:0\r\n", "STATUS:CONFIRMED\r\n", &stamp] {
        assert!(file.text.contains(line), "{line:?} in {}", file.text);
    }
    assert!(file.text.split("\r\n").all(|line| line.len() <= 75), "{}", file.text);
    let uid = |text: &str| text.lines().find(|line| line.starts_with("UID:")).map(str::to_owned);
    server.post(&format!("/api/v1/public/appointments/{token}/reschedule"), &json!({"start": at(660)}));
    let moved = server.get(&path);
    assert!(moved.text.contains("SEQUENCE:1\r\n"), "{}", moved.text);
    server.post(&format!("/api/v1/public/appointments/{token}/cancel"), &json!({}));
    let cancelled = server.get(&path);
    assert!(
        cancelled.text.contains("SEQUENCE:2\r\n") && cancelled.text.contains("STATUS:CANCELLED\r\n"),
        "{}",
        cancelled.text
    );
    assert!(
        uid(&file.text).is_some()
            && uid(&file.text) == uid(&moved.text)
            && uid(&moved.text) == uid(&cancelled.text)
    );
    assert_eq!(server.get("/appointment/unknown/invite.ics").status, 404);
}

fn an_appointment_that_has_begun(database: Database) {
    let mut token = String::new();
    World::make(&database, 1, async |world, db| {
        let talk = world.add(db, "talk", &rules(30)).await;
        let start = meridian::server::clock::now() - TimeDelta::minutes(10);
        token = world.put_booking(db, &talk, start, start + TimeDelta::minutes(30)).await;
    });
    let server = Server::start(&database);
    let path = format!("/api/v1/public/appointments/{token}");
    let shown = server.get(&path);
    assert_eq!(
        (shown.status, &shown.json["can_cancel"], &shown.json["can_reschedule"]),
        (200, &json!(false), &json!(false))
    );
    for (verb, body) in [("cancel", json!({})), ("reschedule", json!({"start": at(600)}))] {
        let refused = server.post(&format!("{path}/{verb}"), &body);
        assert_problem(&refused, 409, "cant_change");
        assert!(refused.json["detail"].as_str().unwrap().contains("has begun"), "{refused:?}");
    }
}
