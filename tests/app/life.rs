//! The life of a booking in its mails: sent by a real server to a real mail server, read by an independent reader.

use crate::{
    harness::{Database, Server, both},
    peers::{Mail, Smtp},
    world::{World, at, order, rules},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

both!(
    calendars_can_follow_a_booking_through_its_whole_life,
    one_bad_recipient_of_three_keeps_nobody_waiting_and_shows_on_the_booking,
    a_mail_server_that_is_away_or_hangs_loses_nothing,
    mails_that_would_only_confuse_by_now_are_not_sent,
    strangers_are_not_written_to_without_end,
    people_can_call_themselves_what_they_like,
);

fn server(database: &Database, smtp: &Smtp) -> Server {
    let settings = smtp.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start_with(database, &settings)
}

fn entry(mail: &Mail) -> &Value {
    &mail.read["calendar"]["entries"][0]
}

fn start(mail: &Mail) -> DateTime<Utc> {
    entry(mail)["start"].as_str().unwrap().parse().unwrap()
}

fn calendars_can_follow_a_booking_through_its_whole_life(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let smtp = Smtp::start();
    let server = server(&database, &smtp);
    let mut body = order(at(600), 1);
    body["guests"] = json!(["first@customer.example"]);
    let booked = server.post("/api/v1/public/book/w/talk/book", &body);
    let path = format!("/api/v1/public/appointments/{}", booked.json["token"].as_str().unwrap());
    smtp.wait_for(3);
    for (mails, minutes) in [(6, 660), (9, 720)] {
        let moved = server.post(&format!("{path}/reschedule"), &json!({"start": at(minutes)}));
        assert_eq!(moved.status, 200, "{moved:?}");
        smtp.wait_for(mails);
    }
    let page = path.replace("/api/v1/public/appointments", "/appointment");
    let guests = [("guests", "first@customer.example, second@customer.example")];
    assert_eq!(server.post_form(&format!("{page}/guests"), &guests, &[]).status, 303);
    smtp.wait_for(13);
    assert_eq!(server.post(&format!("{path}/cancel"), &json!({"reason": "Ill, sorry"})).status, 200);
    let mails = smtp.wait_for(17);
    assert_eq!(mails.len(), 17);
    database.settle();
    assert_eq!(smtp.count(), 17, "nothing twice");

    let invitee_uid =
        entry(mails.iter().find(|mail| mail.to() == "invitee1@customer.example").unwrap())["uid"].clone();
    for (to, changes) in [
        ("invitee1@customer.example", 5),
        ("first@customer.example", 5),
        ("host0@w.example", 5),
        ("second@customer.example", 2),
    ] {
        let of: Vec<&Mail> = mails.iter().filter(|mail| mail.to() == to).collect();
        assert_eq!(of.len(), changes, "{to}");
        let last = of.len() - 1;
        for (number, mail) in of.iter().enumerate() {
            let calendar = &mail.read["calendar"];
            let method = if number == last { "CANCEL" } else { "REQUEST" };
            assert_eq!(calendar["method"], method, "{to} {}", mail.subject());
            assert_eq!(
                calendar["has_vtimezone"],
                to != "host0@w.example",
                "{to}: the workspace works in UTC"
            );
            let status = if number == last { "CANCELLED" } else { "CONFIRMED" };
            assert_eq!(entry(mail)["status"], status, "{to}");
            assert_eq!(entry(mail)["uid"], entry(of[0])["uid"], "{to}: one entry for ever");
            assert_eq!(entry(mail)["organizer"]["uri"], "mailto:hello@studio.example", "{to}");
            if number > 0 {
                let before = entry(of[number - 1])["sequence"].as_i64().unwrap();
                assert!(entry(mail)["sequence"].as_i64().unwrap() > before, "{to}: {}", mail.subject());
                // Mail programs put them into one thread.
                assert_eq!(mail.read["headers"]["references"], of[0].read["headers"]["references"], "{to}");
            }
            assert_ne!(mail.read["headers"]["message-id"], Value::Null);
        }
        if to != "host0@w.example" {
            assert_eq!(entry(of[0])["uid"], invitee_uid, "{to}: guests hold the same entry");
        }
        assert_eq!(start(of[last]), at(720), "{to}");
    }
    let invitee: Vec<&Mail> = mails.iter().filter(|mail| mail.to() == "invitee1@customer.example").collect();
    assert_eq!(
        invitee.iter().take(3).map(|mail| start(mail)).collect::<Vec<_>>(),
        [at(600), at(660), at(720)]
    );
    let said = |number: usize| invitee[number].text();
    assert!(said(0).contains(&format!("/appointment/{}", page.rsplit('/').next().unwrap())), "{}", said(0));
    assert!(said(0).contains("Europe/Berlin"), "the zone is named: {}", said(0));
    let berlin = meridian::server::zones::rules("Europe/Berlin").unwrap();
    let clock = |minutes| berlin.local(at(minutes)).format("%H:%M").to_string();
    assert!(said(1).contains(&clock(600)) && said(1).contains(&clock(660)), "old and new time: {}", said(1));
    assert!(said(4).contains("Ill, sorry"), "{}", said(4));
    let guest = mails.iter().find(|mail| mail.to() == "second@customer.example").unwrap();
    assert!(
        !guest.text().contains("/appointment/"),
        "whoever is brought along can't cancel: {}",
        guest.text()
    );
}

fn one_bad_recipient_of_three_keeps_nobody_waiting_and_shows_on_the_booking(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let smtp = Smtp::start();
    let server = server(&database, &smtp);
    let mut body = order(at(600), 1);
    body["guests"] = json!(["refuse-me@customer.example"]);
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &body).status, 201);
    let mails = smtp.wait_for(2);
    let mut to: Vec<&str> = mails.iter().map(Mail::to).collect();
    to.sort_unstable();
    assert_eq!(to, ["host0@w.example", "invitee1@customer.example"]);
    database.wait_for(
        "SELECT COUNT(*) FROM messages WHERE status = 'refused' AND error LIKE '%nobody of that name%'",
        1,
    );
    assert_eq!(
        database.number("SELECT COUNT(*) FROM jobs WHERE lane = 'mail'"),
        0,
        "asking again would not help"
    );
    let owner = server.member(&database, "owner@w.example", "w", "admin");
    let page = server.get_as("/booking", &owner);
    assert!(page.text.contains("refuse-me@customer.example was not delivered"), "{}", page.text);
    assert!(page.text.contains("There is nobody of that name here"), "{}", page.text);
}

fn a_mail_server_that_is_away_or_hangs_loses_nothing(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let smtp = Smtp::start();
    let server = server(&database, &smtp);
    smtp.answer(Some("451 4.3.0 Not now"));
    let mut lost = order(at(600), 1);
    lost["guests"] = json!(["drop-it@customer.example", "hang-on@customer.example"]);
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &lost).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'waiting' AND error LIKE '%Not now%'", 4);
    let owner = server.member(&database, "owner@w.example", "w", "admin");
    let page = server.get_as("/booking", &owner);
    assert!(
        page.text.contains("Mail can't be sent at the moment") && page.text.contains("Not now"),
        "{}",
        page.text
    );
    smtp.answer(None);
    // The next attempts are due. One server hangs for a guest, and hangs up on another: nobody else waits for that.
    database.execute("UPDATE jobs SET run_at = 1 WHERE lane = 'mail' AND lease IS NULL");
    smtp.wait_for(2);
    database.wait_for(
        "SELECT COUNT(*) FROM messages WHERE status = 'waiting' AND recipient LIKE 'drop-%' AND error NOT LIKE '%Not now%'",
        1,
    );
    database.execute("UPDATE jobs SET run_at = 1 WHERE lane = 'mail' AND lease IS NULL");
    let mails = smtp.wait_for(3);
    let mut to: Vec<&str> = mails.iter().map(Mail::to).collect();
    to.sort_unstable();
    assert_eq!(to, ["drop-it@customer.example", "host0@w.example", "invitee1@customer.example"], "each once");
    let page = server.get_as("/booking", &owner);
    assert_eq!(page.status, 200);
}

fn people_can_call_themselves_what_they_like(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let smtp = Smtp::start();
    let server = server(&database, &smtp);
    let book = |number: usize, name: &str, email: &str| {
        let mut body = order(at(600 + 30 * i64::try_from(number).unwrap()), number);
        body["name"] = name.into();
        body["email"] = email.into();
        server.post("/api/v1/public/book/w/talk/book", &body)
    };
    let names = [
        "Ada \"the, first\" <Lovelace>",
        "Ødegård; O'Brien & Söhne\\",
        "王小明 عائشة 😀",
        "{{service}} <script>alert(1)</script>",
    ];
    for (number, name) in names.iter().enumerate() {
        let booked = book(number, name, &format!("person{number}@customer.example"));
        assert_eq!(booked.status, 201, "{booked:?}");
    }
    for (name, email) in [
        (&*"x".repeat(10_000), "long@customer.example"),
        ("Win at https://evil.example", "spam@customer.example"),
        ("Ada\r\nBcc: victim@customer.example", "break@customer.example"),
        ("Ada", "ada@customer.example\r\nBcc: victim@customer.example"),
        ("Ada", "\"a b\"@customer.example"),
        ("Ada", "ada@customer.example, victim@customer.example"),
    ] {
        let refused = book(9, name, email);
        assert_eq!(refused.status, 422, "{refused:?}");
    }
    let mails = smtp.wait_for(2 * names.len());
    database.settle();
    assert_eq!(smtp.count(), 2 * names.len());
    for (number, name) in names.iter().enumerate() {
        let to = format!("person{number}@customer.example");
        let mail = mails.iter().find(|mail| mail.to() == to).unwrap();
        let shown = mail.read["headers"]["to"].as_str().unwrap();
        assert!(shown.contains(&to), "{shown}");
        assert_eq!(mail.read["to"][0]["name"], *name, "{shown}");
        let html = mail.read["html"].as_str().unwrap();
        assert!(!html.contains("<script"), "{html}");
        assert!(mail.text().contains(name), "{}", mail.text());
    }
}

fn mails_that_would_only_confuse_by_now_are_not_sent(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let smtp = Smtp::start();
    let server = server(&database, &smtp);
    smtp.answer(Some("451 4.3.0 Not now"));
    let booked = server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    let path = format!("/api/v1/public/appointments/{}", booked.json["token"].as_str().unwrap());
    database.wait_for("SELECT COUNT(*) FROM messages WHERE error LIKE '%Not now%'", 2);
    smtp.answer(None);
    // The confirmation still waits for its next attempt when the cancellation goes out at once.
    assert_eq!(server.post(&format!("{path}/cancel"), &json!({})).status, 200);
    smtp.wait_for(2);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'sent' AND kind = 'cancelled'", 2);
    database.execute("UPDATE jobs SET run_at = 1 WHERE lane = 'mail' AND lease IS NULL");
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'lapsed' AND kind = 'confirmed'", 2);
    assert_eq!(smtp.count(), 2);
}

fn strangers_are_not_written_to_without_end(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut crowded = rules(15);
        crowded.guests = 50;
        world.add(db, "talk", &crowded).await;
    });
    let server = Server::start(&database);
    let victim = |number: i64| {
        let mut body = order(at(15 * number), usize::try_from(number).unwrap());
        body["guests"] = json!(["victim@customer.example"]);
        server.post("/api/v1/public/book/w/talk/book", &body)
    };
    let mut last = Value::Null;
    for number in 0..25 {
        let booked = victim(number);
        assert_eq!(booked.status, 201, "{booked:?}");
        last = booked.json["token"].clone();
    }
    database.settle();
    let invited = "SELECT COUNT(*) FROM messages WHERE recipient = 'victim@customer.example'";
    assert_eq!(database.number(invited), 20);
    // Changing one's guests again and again.
    let page = format!("/appointment/{}/guests", last.as_str().unwrap());
    let crowd = |name: &str| {
        let all: Vec<String> = (0..50).map(|number| format!("{name}{number}@customer.example")).collect();
        let answer = server.post_form(&page, &[("guests", &all.join(", "))], &[]);
        database.settle();
        answer.status
    };
    let mut answers = Vec::new();
    for name in ["a", "b", "c", "d"] {
        answers.push(crowd(name));
    }
    assert_eq!(answers.first(), Some(&303));
    assert_eq!(answers.last(), Some(&429), "{answers:?}");
}
