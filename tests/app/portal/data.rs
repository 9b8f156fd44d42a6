//! Downloading and deleting what a workspace holds about a person.

use super::{GRACE, book, by, execute, get, location, sign_in, text, world};
use crate::{
    harness::{Database, Server, block_on, both},
    world::{World, at, day, order, rules},
};
use chrono::TimeDelta;
use meridian::{
    domain::questions::{Question, QuestionKind},
    server::{
        mail::letter::{Content, Letter},
        store::Db,
    },
};
use serde_json::json;
use std::time::{Duration, Instant};

both!(
    the_download_holds_everything,
    deleting_leaves_nothing_of_the_person,
    deleting_someone_called_like_a_word_of_ours_breaks_nothing,
    deleting_finds_traces_among_many_letters,
    deleting_needs_a_yes,
);

/// Waits until the workers have nothing left that is due.
fn settled(database: &Database) {
    let end = Instant::now() + Duration::from_secs(20);
    while database.number("SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND kind <> 'remind'") > 0 {
        assert!(Instant::now() < end, "jobs are left over");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A world with questions, seats and guests, and a person who left traces of all of them.
fn traces(database: &Database) -> (Server, String) {
    World::make(database, 1, async |world, db| {
        let mut talk = rules(30);
        let kind = QuestionKind::ShortText;
        let (key, label) = ("topic".to_owned(), "Topic".to_owned());
        talk.questions =
            vec![Question { key, label, kind, required: false, options: Vec::new(), help: String::new() }];
        talk.policy.cancel_until = None;
        let id = world.add(db, "talk", &talk).await;
        let start = day() - TimeDelta::days(100);
        world.put_booking(db, &id, start, start + TimeDelta::minutes(30)).await;
        let mut class = rules(60);
        class.slots.seats = 5;
        world.add(db, "class", &class).await;
    });
    execute(
        database,
        "UPDATE invitees SET email = 'Grace.Hopper@customer.example', email_key = 'grace.hopper@customer.example',
            name = 'Grace Hopper', phone = '+49 30 5550123', notes = 'Zanzibar'",
    );
    let server = Server::start(database);
    let mut mine = by("Grace.Hopper@Customer.example", 600);
    mine["phone"] = json!("+49 30 5550123");
    mine["notes"] = json!("Zanzibar");
    mine["answers"] = json!({ "topic": "Madagascar" });
    mine["guests"] = json!(["friend@guest.example"]);
    book(&server, "w", "talk", &mine);
    book(&server, "w", "class", &by(GRACE, 900));
    let mut others = order(at(900), 7);
    others["guests"] = json!(["GRACE.hopper@customer.example", "second@guest.example"]);
    book(&server, "w", "class", &others);
    let session = sign_in(database, &server, "w", GRACE);
    server.post_form("/my/w/feed", &[], &[("cookie", &session)]);
    (server, session)
}

fn the_download_holds_everything(database: Database) {
    let (server, session) = traces(&database);
    settled(&database);
    let sent = get(&server, "/my/w/data.json", &[("cookie", &session)]);
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert_eq!(sent.headers["content-type"], "application/json");
    assert_eq!(sent.headers["cache-control"], "no-store");
    assert!(sent.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    let data = &sent.json;
    assert_eq!((&data["version"], &data["email"]), (&json!(1), &json!(GRACE)));
    let appointments = data["appointments"].as_array().unwrap();
    assert_eq!(appointments.len(), 3);
    let mine = &appointments[1];
    assert_eq!(mine["start"], json!(at(600)));
    for (field, value) in [
        ("service", json!("talk")),
        ("status", json!("confirmed")),
        ("name", json!("Grace Hopper")),
        ("email", json!("Grace.Hopper@Customer.example")),
        ("phone", json!("+49 30 5550123")),
        ("notes", json!("Zanzibar")),
        ("timezone", json!("Europe/Berlin")),
        ("guests", json!(["friend@guest.example"])),
        ("hosts", json!(["Host 0"])),
        ("answers", json!([{ "key": "topic", "label": "Topic", "value": "Madagascar" }])),
    ] {
        assert_eq!(mine[field], value, "{field}");
    }
    assert_eq!(data["guest_of"][0]["service"], "class");
    assert!(data["messages"].as_array().unwrap().iter().any(|mail| mail["kind"] == "portal-link"), "{data}");
    let log = data["log"].as_array().unwrap();
    assert!(log.iter().any(|entry| entry["action"] == "booking.created" && entry["by"] == "you"), "{data}");
    assert_eq!(data["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(data["links"].as_array().unwrap().len(), 1);
    assert!(data["feed_created_at"].is_string());
    // No secrets, and nobody else.
    for other in ["token", "invitee7", "second@guest.example"] {
        assert!(!sent.text.contains(other), "{other}: {}", sent.text);
    }
    let nobody = server.get("/my/w/data.json");
    assert_eq!((nobody.status, location(&nobody)), (303, "/my/w".into()));
}

/// Every column of every table, as text.
fn columns(database: &Database) -> Vec<(String, String)> {
    block_on(async {
        let db = database.open().await;
        let found: Vec<(String, String)> = match &db {
            Db::Sqlite { read, .. } => sqlx::query_as(
                "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'",
            )
            .fetch_all(read)
            .await
            .unwrap(),
            Db::Postgres { write, .. } => sqlx::query_as(
                "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'",
            )
            .fetch_all(write)
            .await
            .unwrap(),
        };
        db.close().await;
        found
    })
}

/// Where a text stands in the database, in capitals or not.
fn found(database: &Database, needle: &str) -> Vec<String> {
    let columns = columns(database);
    assert!(columns.len() > 120, "the scan sees {} columns only", columns.len());
    block_on(async {
        let db = database.open().await;
        let mut found = Vec::new();
        for (table, column) in columns {
            let sql = sqlx::AssertSqlSafe(format!(
                "SELECT COUNT(*) FROM {table} WHERE LOWER(CAST({column} AS TEXT)) LIKE '%{}%'",
                needle.to_lowercase()
            ));
            let count: i64 = match &db {
                Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
                Db::Postgres { write, .. } => sqlx::query_scalar(sql).fetch_one(write).await.unwrap(),
            };
            if count > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
        db.close().await;
        found
    })
}

/// Traces in places that only a mail server, a webhook or an unverified guest would have filled.
const IN_PASSING: [&str; 7] = [
    "INSERT INTO webhooks (id, workspace_id, url, events, secret, active, disabled_reason, created_at, updated_at)
     SELECT 'hook', workspace_id, 'https://hook.example', '[]', token_hash, false, '', created_at, created_at
     FROM invitees WHERE name = 'Invitee 7'",
    "INSERT INTO deliveries (id, workspace_id, webhook_id, event, subject, body, status, created_at)
     SELECT 'of ' || id, workspace_id, 'hook', 'booking.created', 'invitee:' || id, '{\"name\":\"Grace Hopper\"}', 'delivered',
            created_at FROM invitees WHERE name = 'Grace Hopper'",
    "INSERT INTO deliveries (id, workspace_id, webhook_id, event, subject, body, status, created_at)
     SELECT 'other', workspace_id, 'hook', 'booking.created', 'invitee:' || id,
            '{\"guests\":[\"Grace.Hopper@customer.example\",\"b@guest.example\"],\"name\":\"Invitee 7\"}', 'delivered',
            created_at FROM invitees WHERE name = 'Invitee 7'",
    "INSERT INTO delivery_attempts (id, workspace_id, delivery_id, at, millis, response, error)
     SELECT 'attempt', workspace_id, 'other', created_at, 1, 'Thanks, grace.hopper@customer.example!', ''
     FROM invitees WHERE name = 'Invitee 7'",
    "INSERT INTO orders (id, workspace_id, event_type_id, email_key, input, input_hash, token_hash, code_hash, tries, sent,
                         created_at, expires_at)
     SELECT 'order', i.workspace_id, b.event_type_id, 'c@customer.example',
            '{\"guests\":\"d@guest.example, grace.hopper@customer.example\"}', i.token_hash, i.token_hash,
            i.token_hash, 0, 1, i.created_at, i.created_at + 86400000000
     FROM invitees i JOIN bookings b ON b.id = i.booking_id WHERE i.name = 'Invitee 7'",
    "INSERT INTO mail_troubles (workspace_id, error, since, last_at)
     SELECT workspace_id, '450 <Grace.Hopper@customer.example> is greylisted', created_at, created_at
     FROM invitees WHERE name = 'Invitee 7'",
    "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error, created_at,
                       updated_at)
     SELECT 'job', workspace_id, 'event', 'announce', 'booking:other',
            '{\"former_guests\":[\"grace.hopper@customer.example\"],\"sequence\":3}', 'dead', created_at, 9,
            'Nobody knows grace.hopper@customer.example.', created_at, created_at FROM invitees WHERE name = 'Invitee 7'",
];

fn deleting_leaves_nothing_of_the_person(database: Database) {
    let (server, session) = traces(&database);
    settled(&database);
    for sql in IN_PASSING {
        execute(&database, sql);
    }
    let private = [GRACE, "Grace Hopper", "5550123", "Zanzibar", "Madagascar", "friend@guest.example"];
    for needle in private {
        assert!(!found(&database, needle).is_empty(), "{needle} is nowhere even before");
    }
    let headers = [("cookie", session.as_str())];
    let page = get(&server, "/my/w", &headers).text;
    let own = page.split("href=\"/appointment/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let feed = page[page.find("/my/feed/").unwrap()..].split('"').next().unwrap().to_owned();
    let asked = get(&server, "/my/w/delete", &headers);
    assert_eq!(asked.status, 200);
    for said in [
        "2 appointments that you have before you will be cancelled",
        "1 appointment that",
        "What stays, and why",
    ] {
        assert!(asked.text.contains(said), "{said}: {}", asked.text);
    }
    let claims = database.number("SELECT COUNT(*) FROM claims");
    let done = server.post_form("/my/w/delete", &[("confirm", "yes")], &headers);
    assert_eq!(
        (done.status, location(&done)),
        (303, "/my/w/deleted?cancelled=2&kept=1".into()),
        "{}",
        done.text
    );
    assert!(done.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let shown = server.get(&location(&done));
    assert!(
        shown.text.contains("Your data is deleted") && shown.text.contains("2 appointments were cancelled")
    );

    settled(&database);
    for needle in private {
        assert_eq!(found(&database, needle), Vec::<String>::new(), "{needle}");
    }
    // The time is free again; the session that others booked goes on without her, and without her as their guest.
    database.assert_sound();
    assert_eq!(database.number("SELECT COUNT(*) FROM claims"), claims - 1);
    assert_eq!(
        database.number("SELECT COUNT(*) FROM invitees WHERE active AND name = 'Invitee 7' AND guests = '[\"second@guest.example\"]'"),
        1
    );
    assert_eq!(database.number("SELECT COUNT(*) FROM invitees WHERE name = 'Removed' AND email = ''"), 3);
    // What else was said to and of others stays.
    for (left, sql) in [
        (
            r#"{"guests":["b@guest.example"],"name":"Invitee 7"}"#,
            "SELECT body FROM deliveries WHERE id = 'other'",
        ),
        ("Thanks, !", "SELECT response FROM delivery_attempts WHERE id = 'attempt'"),
        (r#"{"guests":"d@guest.example, "}"#, "SELECT input FROM orders WHERE id = 'order'"),
        ("450 <> is greylisted", "SELECT error FROM mail_troubles"),
        (r#"{"former_guests":[],"sequence":3}"#, "SELECT payload FROM jobs WHERE id = 'job'"),
    ] {
        assert_eq!(text(&database, sql.to_owned()), left, "{sql}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM deliveries"), 1);
    // Whoever hosts hears of it; nobody is left to write to.
    let told = "SELECT COUNT(*) FROM messages WHERE kind IN ('cancelled', 'guests') AND recipient = 'host0@w.example'";
    assert_eq!(database.number(told), 2);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE recipient = ''"), 0);
    // Earlier links are dead, and so is everything that signed in.
    assert_eq!(server.get(&format!("/appointment/{own}")).status, 404);
    assert_eq!(server.get(&feed).status, 410);
    assert!(get(&server, "/my/w", &headers).text.contains("name=\"email\""));
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'invitee.erased'"), 3);
    // It can be done once, and the address is as unknown as any other now.
    assert_eq!(location(&server.post_form("/my/w/delete", &[("confirm", "yes")], &headers)), "/my/w");
    assert_eq!(server.post_form("/my/w/link", &[("email", GRACE)], &[]).status, 303);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE kind = 'portal-link'"), 0);
}

/// Signs in and deletes.
fn delete(database: &Database, server: &Server, email: &str) {
    let session = sign_in(database, server, "w", email);
    let done = server.post_form("/my/w/delete", &[("confirm", "yes")], &[("cookie", &session)]);
    assert!(location(&done).starts_with("/my/w/deleted"), "{}: {}", done.status, done.text);
}

fn deleting_someone_called_like_a_word_of_ours_breaks_nothing(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut class = rules(60);
        class.slots.seats = 5;
        world.add(db, "class", &class).await;
    });
    let server = Server::start(&database);
    let people =
        [("booked", "confirmed", "one@customer.example"), ("pending", "invitee", "two@customer.example")];
    for (name, notes, email) in people {
        let mut order = by(email, 900);
        (order["name"], order["notes"]) = (json!(name), json!(notes));
        book(&server, "w", "class", &order);
    }
    let mut others = order(at(900), 7);
    others["guests"] = json!(people.map(|(_, _, email)| email));
    book(&server, "w", "class", &others);
    settled(&database);
    // Announcements of another's seat in the same session that wait; some name them as former guests.
    let guests = [json!([]), json!(["one@customer.example", "two@customer.example", "left@guest.example"])];
    let ids = text(
        &database,
        "SELECT i.workspace_id || ' ' || i.booking_id || ' ' || i.id || ' ' || a.member_id
         FROM invitees i JOIN attendees a ON a.booking_id = i.booking_id WHERE i.name = 'Invitee 7'"
            .into(),
    );
    let [workspace, booking, invitee, host] = ids.split(' ').collect::<Vec<_>>().try_into().unwrap();
    for (number, former) in guests.iter().enumerate() {
        let kinds = [("booked", "confirmed"), ("booked", "pending"), ("guests", "confirmed")];
        for (kind, (what, status)) in kinds.into_iter().enumerate() {
            let change = json!({
                "kind": "announce", "what": what, "by": "invitee", "booking": booking, "invitees": [[invitee, 1]],
                "sequence": 1, "status": status, "start": at(900), "end": at(960), "was": null, "hosts": [host],
                "former_hosts": [], "former_guests": former, "left": null, "reason": "booked", "tell_invitees": true,
            });
            database.execute(&format!(
                "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error,
                                   created_at, updated_at)
                 VALUES ('0193b5a0-7c1e-7000-8000-{number:06}{kind:06}', '{workspace}', 'event', 'announce', 'booking:{booking}',
                         '{change}', 'queued', 9000000000000000, 0, '', 9000000000000000, 1)",
            ));
        }
    }
    for (_, _, email) in people {
        delete(&database, &server, email);
    }
    assert_eq!(
        database.number(
            "SELECT COUNT(*) FROM jobs WHERE kind = 'announce' AND payload LIKE '%\"reason\":\"booked\"%'"
        ),
        6
    );
    let told = "SELECT COUNT(*) FROM messages WHERE recipient_key = 'invitee7@customer.example'";
    let before = database.number(told);
    database.execute("UPDATE jobs SET run_at = 1 WHERE run_at = 9000000000000000");
    settled(&database);
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE status = 'dead'"), 0);
    assert_eq!(database.number(told), before + 6);
    for letter in database.texts("SELECT letter FROM messages") {
        let letter: Letter = serde_json::from_str(&letter).unwrap();
        let Content::Booking(about) = letter.content else { continue };
        assert!(!about.participants.iter().any(|name| name == "booked" || name == "pending"), "{about:?}");
        assert!(about.guests.is_empty(), "{about:?}");
    }
    for (_, _, email) in people {
        assert_eq!(found(&database, email), Vec::<String>::new());
    }
}

fn deleting_finds_traces_among_many_letters(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    book(&server, "w", "talk", &order(at(900), 7));
    settled(&database);
    // Of the same instant, so that pages end among them; in each of two there is one who mentions her.
    let host = "SELECT id FROM messages WHERE recipient = 'host0@w.example' AND letter LIKE '%Invitee 7%'";
    let original = text(&database, host.into());
    let copies: Vec<String> = (0..700).map(|number| format!("({number})")).collect();
    database.execute(&format!(
        "INSERT INTO messages (id, workspace_id, booking_id, invitee_id, kind, recipient, recipient_key, subject, letter,
                               status, error, created_at)
         SELECT 'copy' || n.column1, workspace_id, booking_id, invitee_id, kind, recipient, recipient_key, subject, letter,
                'kept', CASE WHEN n.column1 IN (1, 350, 699) THEN 'Ask {GRACE}.' ELSE '' END, 1
         FROM messages, (VALUES {}) n WHERE id = '{original}'",
        copies.join(",")
    ));
    assert_eq!(found(&database, &format!("ask {GRACE}")), ["messages.error"]);
    delete(&database, &server, GRACE);
    settled(&database);
    assert_eq!(found(&database, GRACE), Vec::<String>::new());
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE error = 'Ask .'"), 3);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE id LIKE 'copy%'"), 700);
}

fn deleting_needs_a_yes(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    let session = sign_in(&database, &server, "w", GRACE);
    let headers = [("cookie", session.as_str())];
    let refused = server.post_form("/my/w/delete", &[], &headers);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("id=\"confirm-error\"") && refused.text.contains("Please tick this box"));
    let foreign =
        [("cookie", session.as_str()), ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(server.post_form("/my/w/delete", &[("confirm", "yes")], &foreign).status, 403);
    for path in
        ["/my/w/delete?confirm=yes", "/my/w/deleted?cancelled=x&kept=-1", "/my/w/sign-out", "/my/w/feed"]
    {
        let answer = get(&server, path, &headers);
        assert!(answer.status == 200 || answer.status == 303, "{path}: {}", answer.status);
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM invitees WHERE active AND name = 'Grace Hopper'"), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_sessions"), 1);
}
