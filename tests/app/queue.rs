//! The queue: what follows from a booking is done once, whatever happens to those who do it.

use crate::{
    harness::{Database, SECRET, Server, Worker, at_once, both, program},
    world::{World, at, order, rules},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use meridian::{domain::ids::InviteeId, server::crypto::Secret};
use std::process::Output;

both!(
    a_booking_is_told_to_everyone_once,
    killed_workers_lose_nothing_and_double_nothing,
    a_job_that_nobody_knows_is_shown_retried_and_dropped,
    a_database_refuses_another_secret,
    a_job_that_never_comes_to_an_end_is_given_up,
    a_workspace_whose_mail_server_hangs_holds_up_no_other,
);

/// Every mail of the workspace: to whom, and what it says.
fn mails(database: &Database) -> Vec<String> {
    database.texts("SELECT recipient || ' ' || kind || ' ' || status FROM messages ORDER BY recipient, kind")
}

fn a_booking_is_told_to_everyone_once(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start(&database);
    let mut body = order(at(600), 1);
    body["guests"] = serde_json::json!(["guest@customer.example"]);
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &body).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'kept'", 3);
    assert_eq!(
        mails(&database),
        [
            "guest@customer.example confirmed kept",
            "host0@w.example confirmed kept",
            "invitee1@customer.example confirmed kept",
        ]
    );
    database.settle();
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs"), 0, "what was done is forgotten");
}

fn killed_workers_lose_nothing_and_double_nothing(database: Database) {
    const BOOKINGS: usize = 60;
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(15)).await;
    });
    let server = Server::start_with(&database, &[("MERIDIAN_WORKER", "off")]);
    at_once(6, |thread| {
        for number in (thread..BOOKINGS).step_by(6) {
            let body = order(at(i64::try_from(number * 15).unwrap()), number);
            assert_eq!(server.post("/api/v1/public/book/w/talk/book", &body).status, 201);
        }
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM messages"), 0, "nobody works yet");
    // Workers die in the middle of their work, again and again.
    for round in 1..=3 {
        let workers = [Worker::start(&database), Worker::start(&database)];
        let some = i64::from(round) * 25;
        while database.number("SELECT COUNT(*) FROM messages WHERE status = 'kept'") < some {
            std::thread::yield_now();
        }
        workers.into_iter().for_each(Worker::kill);
        // Half a minute passes: the leases of the dead end.
        database.execute("UPDATE jobs SET run_at = 0 WHERE lease IS NOT NULL");
    }
    let _workers = [Worker::start(&database), Worker::start(&database)];
    database.wait_for("SELECT COUNT(*) FROM jobs WHERE status = 'queued'", 0);
    let sent = mails(&database);
    assert_eq!(sent.len(), 2 * BOOKINGS, "{sent:?}");
    assert!(sent.iter().all(|mail| mail.ends_with(" confirmed kept")), "{sent:?}");
    let once = database.number("SELECT COUNT(DISTINCT invitee_id || recipient) FROM messages");
    assert_eq!(usize::try_from(once).unwrap(), 2 * BOOKINGS, "each of them once");
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE status = 'dead'"), 0);
}

fn jobs(database: &Database, arguments: &[&str]) -> Output {
    program()
        .arg("jobs")
        .args(arguments)
        .env("MERIDIAN_DATA_DIR", database.dir.path())
        .env("MERIDIAN_DATABASE_URL", &database.url)
        .env("MERIDIAN_SECRET", SECRET)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn a_job_that_nobody_knows_is_shown_retried_and_dropped(database: Database) {
    const ID: &str = "0193b5a0-7c1e-7000-8000-00000000000a";
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    database.execute(&format!(
        "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error,
                           created_at, updated_at)
         SELECT '{ID}', id, 'event', 'dance', 'nothing', '{{\"kind\":\"dance\"}}', 'queued', 1, 0, '', 1, 1
         FROM workspaces"
    ));
    let worker = Worker::start(&database);
    database.wait_for("SELECT COUNT(*) FROM jobs WHERE status = 'dead' AND attempts = 1", 1);
    drop(worker);
    let listed = said(&jobs(&database, &["list"]));
    assert!(listed.contains(ID) && listed.contains("does not know this job"), "{listed}");
    let shown = said(&jobs(&database, &["show", ID]));
    assert!(shown.contains("\"dance\"") && shown.contains("nothing"), "{shown}");
    let retried = jobs(&database, &["retry", ID]);
    assert!(retried.status.success(), "{}", said(&retried));
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND attempts = 0"), 1);
    let dropped = jobs(&database, &["drop", ID]);
    assert!(dropped.status.success(), "{}", said(&dropped));
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs"), 0);
    for arguments in [["drop", ID], ["show", ID], ["retry", "nonsense"]] {
        let refused = jobs(&database, &arguments);
        assert!(!refused.status.success() && said(&refused).starts_with("meridian: "), "{}", said(&refused));
    }
}

fn a_database_refuses_another_secret(database: Database) {
    const OTHER: &str = "b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXI=";
    let world = World::make(&database, 1, async |world, db| {
        let talk = world.add(db, "talk", &rules(30)).await;
        world.put_booking(db, &talk, at(600), at(630)).await;
    });
    let password = Secret::new(STANDARD.decode(SECRET).unwrap())
        .unwrap()
        .seal(&format!("mail_settings:{}", world.workspace), b"hunter2");
    let hex: String = password.iter().map(|byte| format!("{byte:02x}")).collect();
    let bytes = if database.is_postgres() { format!("decode('{hex}', 'hex')") } else { format!("x'{hex}'") };
    database.execute(&format!(
        "INSERT INTO mail_settings (workspace_id, host, port, security, username, password, from_name, from_address,
                                    updated_at)
         SELECT id, 'mail.example', 587, 'starttls', 'me', {bytes}, '', 'me@mail.example', 1 FROM workspaces"
    ));
    let with = |secret: &str, old: &str| {
        program()
            .args(["jobs", "list"])
            .env("MERIDIAN_DATA_DIR", database.dir.path())
            .env("MERIDIAN_DATABASE_URL", &database.url)
            .env("MERIDIAN_SECRET", secret)
            .env("MERIDIAN_OLD_SECRETS", old)
            .output()
            .unwrap()
    };
    assert!(with(SECRET, "").status.success());
    let refused = with(OTHER, "");
    assert!(!refused.status.success() && said(&refused).contains("another secret"), "{}", said(&refused));
    assert!(!said(&refused).contains(SECRET) && !said(&refused).contains(OTHER));
    assert!(with(OTHER, SECRET).status.success(), "a new secret takes over when the old one is named");
    assert!(with(OTHER, "").status.success());
    assert!(!with(SECRET, "").status.success());
    // Links that are sent from then on lead somewhere.
    let ids = database.texts("SELECT id FROM invitees");
    let invitee = InviteeId::try_from(ids.first().unwrap().clone()).unwrap();
    let token = Secret::new(STANDARD.decode(OTHER).unwrap()).unwrap().appointment_token(&invitee);
    let server = Server::start_with(&database, &[("MERIDIAN_SECRET", OTHER)]);
    let sealed = Secret::new(STANDARD.decode(OTHER).unwrap()).unwrap();
    let passwords = database.blobs("SELECT password FROM mail_settings");
    let opened = sealed.open(&format!("mail_settings:{}", world.workspace), &passwords[0]);
    assert_eq!(opened.as_deref(), Some(b"hunter2".as_slice()), "what was sealed is sealed anew");
    assert_eq!(server.get(&format!("/api/v1/public/appointments/{token}")).status, 200);
}

fn a_job_that_never_comes_to_an_end_is_given_up(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start_with(&database, &[("MERIDIAN_WORKER", "off")]);
    server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    // As often as a worker died of it, and the last one just now: nobody waits for its lease to drop it.
    database.execute("UPDATE jobs SET attempts = 15, lease = 'gone', run_at = 1");
    let id = database.texts("SELECT id FROM jobs").remove(0);
    let _worker = Worker::start(&database);
    database.wait_for("SELECT COUNT(*) FROM jobs WHERE status = 'dead'", 1);
    let shown = said(&jobs(&database, &["list"]));
    assert!(shown.contains("never came to an end"), "{shown}");
    assert!(jobs(&database, &["retry", &id]).status.success());
    database.wait_for("SELECT COUNT(*) FROM messages WHERE kind = 'confirmed'", 2);
}

fn a_workspace_whose_mail_server_hangs_holds_up_no_other(database: Database) {
    let smtp = crate::peers::Smtp::start();
    World::named(&database, "w", 1, async |world, db| {
        world.add(db, "talk", &rules(15)).await;
    });
    World::named(&database, "other", 1, async |world, db| {
        world.add(db, "talk", &rules(15)).await;
    });
    let settings = smtp.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::start_with(&database, &settings);
    // Every mail of the first workspace goes to someone whose server never answers.
    for number in 0..30 {
        let mut body = order(at(15 * number), usize::try_from(number).unwrap());
        body["email"] = format!("hang-{number}@customer.example").into();
        assert_eq!(server.post("/api/v1/public/book/w/talk/book", &body).status, 201);
    }
    database.execute("UPDATE users SET email = 'hang-host@w.example' WHERE email = 'host0@w.example'");
    assert_eq!(server.post("/api/v1/public/book/other/talk/book", &order(at(600), 99)).status, 201);
    database.wait_for(
        "SELECT COUNT(*) FROM messages WHERE recipient = 'invitee99@customer.example' AND status = 'sent'",
        1,
    );
    let waiting = database.number(
        "SELECT COUNT(*) FROM messages WHERE recipient LIKE 'hang-%' AND status = 'waiting' AND error = ''",
    );
    assert!(waiting >= 20, "the others still wait for theirs: {waiting}");
}
