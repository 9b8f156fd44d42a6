//! Who sees and changes what.

use super::App;
use crate::{
    harness::{Database, both},
    world::World,
};
use serde_json::json;

both!(
    members_see_and_change_their_own_accounts_only,
    admins_see_how_accounts_are_and_nothing_that_is_in_them,
    pushes_come_from_anywhere_and_are_believed_for_their_secret_only,
);

fn members_see_and_change_their_own_accounts_only(database: Database) {
    World::named(&database, "one", 0, async |_, _| {});
    World::named(&database, "two", 0, async |_, _| {});
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    app.google.post("/_/accounts", json!({"email": "bob@outside.example"}));
    let (ada, bob, admin, stranger) = (
        app.member("one", "staff"),
        app.member("one", "staff"),
        app.member("one", "admin"),
        app.member("two", "admin"),
    );
    let page = ada.connect("google");
    app.google.post("/_/options", json!({"consent_account": "bob@outside.example"}));
    let bobs = bob.connect("google");
    let calendar =
        app.database.texts("SELECT id FROM calendars WHERE remote_id = 'ada@outside.example'").remove(0);
    let own =
        app.database.texts("SELECT id FROM calendars WHERE remote_id = 'bob@outside.example'").remove(0);
    let hints = || app.database.number("SELECT CAST(SUM(hints) AS BIGINT) FROM connections");
    let hints_before = hints();
    let choices = [("outside", "flag"), ("silent", "refuse"), ("invites", "provider")];
    let posts: [(String, &[(&str, &str)]); 5] = [
        (format!("{page}/sync"), &[]),
        (format!("{page}/{calendar}"), &choices),
        (format!("{page}/{calendar}/use"), &[("to", "off")]),
        (format!("{page}/{calendar}/receive"), &[("to", "off")]),
        (format!("{page}/disconnect"), &[]),
    ];
    for other in [&bob, &admin, &stranger] {
        assert_eq!(other.get(&page).status, 404);
        assert!(!other.get("/booking/calendars").text.contains("ada@outside.example"));
        for (path, fields) in &posts {
            assert_eq!(other.post(path, fields).status, 404, "{path}");
        }
    }
    for (path, fields) in &posts {
        let nobody = app.server.post_form(path, fields, &[]);
        assert_eq!(nobody.headers["location"], "/sign-in?next=/booking/calendars", "{path}");
    }
    // A calendar of one's own under somebody else's account, and the other way about.
    for path in [format!("{page}/{own}/use"), format!("{bobs}/{calendar}/use")] {
        assert_eq!(bob.post(&path, &[("to", "off")]).status, 404, "{path}");
    }
    for path in ["/booking/calendars/x", "/booking/calendars/0193b5a0-7c1e-7000-8000-000000000001"] {
        assert_eq!(ada.get(path).status, 404, "{path}");
    }
    let as_they_were = app.database.number(
        "SELECT COUNT(*) FROM calendars WHERE syncs AND conflicts AND receives AND outside = 'adopt' AND silent = 'book'",
    );
    assert_eq!(as_they_were, 2);
    assert_eq!(hints(), hints_before, "nobody but its owner hurries an account");
}

fn admins_see_how_accounts_are_and_nothing_that_is_in_them(database: Database) {
    World::named(&database, "one", 0, async |_, _| {});
    World::named(&database, "two", 0, async |_, _| {});
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let ada = app.member("one", "staff");
    ada.connect("google");
    app.database.execute("UPDATE connections SET state = 'reconnect', trouble = 'The access ended.'");
    app.database.execute("UPDATE calendars SET name = 'Therapy'");
    let admin = app.member("one", "admin").get("/booking/calendars").text;
    for expected in
        ["Accounts of all members", "Some One", "Google", "Needs reconnecting", "The access ended."]
    {
        assert!(admin.contains(expected), "no {expected} in {admin}");
    }
    assert!(!admin.contains("Therapy") && !admin.contains("ada@outside.example"), "{admin}");
    for role in ["staff", "manager"] {
        let text = app.member("one", role).get("/booking/calendars").text;
        assert!(!text.contains("Accounts of all members") && !text.contains("Needs reconnecting"), "{role}");
    }
    // As much as the owner is told: until when it is limited, when it was well, when it is tried, and what waits.
    app.database.execute(
        "UPDATE connections SET state = 'ok', trouble = '', limited_until = 4102444800000000, next_at = 4102444860000000",
    );
    app.database.execute("UPDATE calendars SET synced_at = 1764547200000000");
    let admin = app.member("one", "admin").get("/booking/calendars").text;
    let members = admin.split("Accounts of all members").nth(1).unwrap();
    for expected in [
        "Limited by the provider",
        " until ",
        "2100-01-01T00:00:00",
        "Next try: ",
        "2100-01-01T00:01:00",
        "Last success: ",
        "2025-12-01T00:00:00",
        "Nothing waits to be written",
    ] {
        assert!(members.contains(expected), "no {expected} in {members}");
    }
    let other = app.member("two", "admin").get("/booking/calendars").text;
    assert!(other.contains("Nobody has connected an account yet") && !other.contains("Needs reconnecting"));
}

fn pushes_come_from_anywhere_and_are_believed_for_their_secret_only(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    app.member("w", "staff").connect("google");
    let hints = || app.database.number("SELECT CAST(SUM(hints) AS BIGINT) FROM connections");
    let before = hints();
    // What a browser would be refused for is nothing to a provider.
    let foreign = [("origin", "https://elsewhere.example"), ("sec-fetch-site", "cross-site")];
    let shake = app.server.post_form("/webhook/calendar/microsoft?validationToken=a%20b", &[], &foreign);
    assert_eq!((shake.status, shake.text.as_str()), (200, "a b"));
    assert!(shake.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    let unknown = [
        ("x-goog-channel-id", "0193b5a0-7c1e-7000-8000-000000000001"),
        ("x-goog-channel-token", "guessed"),
        ("x-goog-resource-state", "exists"),
        ("x-goog-resource-id", "r"),
        ("x-goog-message-number", "1"),
    ];
    assert!(app.server.post_form("/webhook/calendar/google", &[], &unknown).status < 300);
    assert_eq!(hints(), before);
    for provider in ["nobody", "caldav", "ical"] {
        assert_eq!(app.server.post_form(&format!("/webhook/calendar/{provider}"), &[], &[]).status, 404);
    }
    let long = "x".repeat(1024 * 1024);
    let large = app.server.post_form("/webhook/calendar/microsoft", &[("x", &long)], &[]);
    assert_eq!(large.status, 413);
    assert_eq!(app.server.get("/webhook/calendar/google").status, 405);
}
