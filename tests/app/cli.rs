//! The command line, as an operator meets it.

use crate::{
    harness::{Database, Server, program},
    world::{World, at, order, rules},
};
use std::{os::unix::fs::PermissionsExt, process::Output};

fn run(database: &Database, args: &[&str], settings: &[(&str, &str)]) -> Output {
    program()
        .args(args)
        .env("MERIDIAN_DATA_DIR", database.dir.path())
        .env("MERIDIAN_DATABASE_URL", &database.url)
        .envs(settings.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn help_names_every_command_and_setting() {
    let help = text(&program().arg("--help").output().unwrap().stdout);
    for word in [
        "serve",
        "migrate",
        "demo",
        "user",
        "backup",
        "restore",
        "MERIDIAN_PUBLIC_URL",
        "MERIDIAN_DATABASE_URL",
    ] {
        assert!(help.contains(word), "{word}");
    }
    assert!(!program().output().unwrap().status.success(), "no command is not a success");
}

#[test]
fn faults_in_the_configuration_are_told_at_start_all_at_once() {
    let database = Database::sqlite();
    let output = run(&database, &["serve"], &[("MERIDIAN_LISTEN", "here"), ("MERIDIAN_LOG_FORMAT", "xml")]);
    let said = text(&output.stderr);
    assert!(!output.status.success());
    assert!(
        said.contains("MERIDIAN_LISTEN is “here”") && said.contains("MERIDIAN_LOG_FORMAT is “xml”"),
        "{said}"
    );
    let output =
        run(&database, &["serve"], &[("MERIDIAN_DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/x")]);
    let said = text(&output.stderr);
    assert!(!output.status.success() && said.contains("database can't be opened"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn the_demo_fills_an_empty_database_once() {
    for database in [Database::sqlite(), Database::postgres()] {
        assert!(text(&run(&database, &["demo"], &[]).stdout).contains("The demo is in the database"));
        assert!(text(&run(&database, &["demo"], &[]).stdout).contains("nothing was changed"));
        assert_eq!(database.number("SELECT COUNT(*) FROM workspaces"), 1);
        assert_eq!(database.number("SELECT COUNT(*) FROM event_types"), 11);
        assert!(database.number("SELECT COUNT(*) FROM bookings") >= 4);
        database.assert_sound();
    }
}

#[test]
fn a_backup_is_taken_while_the_server_runs_and_restores_elsewhere() {
    let database = Database::sqlite();
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start(&database);
    let booked = server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    let token = booked.json["token"].as_str().unwrap();
    let folder = database.dir.path().join("backup");
    let backup = run(&database, &["backup", folder.to_str().unwrap()], &[]);
    assert!(backup.status.success(), "{}", text(&backup.stderr));
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "for its owner only");
    let again = run(&database, &["backup", folder.to_str().unwrap()], &[]);
    assert!(!again.status.success(), "an older backup is never overwritten");
    server.post("/api/v1/public/book/w/talk/book", &order(at(660), 2));

    let elsewhere = Database::sqlite();
    let restored = run(&elsewhere, &["restore", folder.to_str().unwrap()], &[]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    let other = Server::start(&elsewhere);
    assert_eq!(other.get(&format!("/api/v1/public/appointments/{token}")).json["status"], "confirmed");
    assert_eq!(elsewhere.number("SELECT COUNT(*) FROM bookings"), 1);
    let refused = run(&elsewhere, &["restore", folder.to_str().unwrap()], &[]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--replace"));
    std::fs::write(folder.join("meridian.sqlite"), "not a database").unwrap();
    let broken = run(&elsewhere, &["restore", folder.to_str().unwrap(), "--replace"], &[]);
    assert!(!broken.status.success());
    assert_eq!(elsewhere.number("SELECT COUNT(*) FROM bookings"), 1, "a broken backup replaces nothing");
}

#[test]
fn the_server_says_where_it_is_and_whether_it_is_well() {
    let database = Database::sqlite();
    let server = Server::start(&database);
    assert_eq!(server.get("/healthz").text, "ok\n");
    assert_eq!(server.get("/readyz").text, "ready\n");
    let id = server.get("/healthz").headers["x-request-id"].to_str().unwrap().to_owned();
    assert_eq!(id.len(), 22);
}

#[test]
fn a_server_that_others_can_reach_is_set_up_with_a_code_only() {
    for listen in ["0.0.0.0:0", "127.0.0.1:0"] {
        let database = Database::sqlite();
        let public = [("MERIDIAN_LISTEN", listen), ("MERIDIAN_PUBLIC_URL", "https://book.example.com")];
        let server = Server::start_with(&database, &public);
        let form = [("workspace", "w"), ("code", "guess")];
        let refused = server.post_form("/setup", &form, &[]);
        assert_eq!(refused.status, 422, "{listen}");
        assert!(refused.text.contains("not the code"), "{}", refused.text);
    }
}
