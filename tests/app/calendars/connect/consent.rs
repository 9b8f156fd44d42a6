//! By consent: the way to the provider and back, and everything that can be wrong on it.

use super::{App, consent, parameter, wait_until};
use crate::{
    harness::{Answer, Database, both},
    world::World,
};
use serde_json::json;

both!(
    an_account_at_google_is_connected_read_and_disconnected,
    an_account_at_microsoft_is_connected_and_disconnected,
    a_state_serves_once_in_its_own_session_for_its_own_provider,
    an_altered_code_connects_nothing,
    who_does_not_agree_is_told_so,
    fewer_permissions_than_needed_connect_nothing_and_are_named,
    connecting_again_renews_the_account,
    a_provider_that_fails_is_told_in_a_sentence,
);

fn world(database: &Database) {
    World::named(database, "w", 0, async |_, _| {});
}

/// Nothing was connected, and the page says why.
#[track_caller]
fn refused(app: &App, answer: &Answer, sentence: &str) {
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains("role=\"alert\""), "{}", answer.text);
    assert!(answer.text.contains(sentence), "no “{sentence}” in {}", answer.text);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 0);
}

fn an_account_at_google_is_connected_read_and_disconnected(database: Database) {
    world(&database);
    let app = App::start_with(database, &super::apps());
    app.google.post(
        "/_/accounts",
        json!({"email": "ada@outside.example", "calendars": [
            {"id": "ada@outside.example", "name": "Ada", "zone": "Europe/Berlin", "primary": true},
            {"id": "team", "name": "Team <b>&", "zone": "Europe/Berlin"},
        ]}),
    );
    let ada = app.member("w", "staff");
    let empty = ada.get("/booking/calendars");
    assert!(empty.text.contains("No account is connected yet"), "{}", empty.text);
    assert!(empty.text.contains("Connect Google Calendar") && empty.text.contains("Connect Microsoft"));
    // A browser follows the form to the provider only where the page allows that.
    let policy = empty.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains(&format!("form-action 'self' {}", app.google.url(""))), "{policy}");

    let page = ada.connect("google");
    let shown = ada.get(&format!("{page}?done=connected")).text;
    for expected in ["ada@outside.example", "Connected. Its events are being read.", "Team &lt;b&gt;&amp;"] {
        assert!(shown.contains(expected), "no {expected} in {shown}");
    }
    let used = app.database.texts(
        "SELECT remote_id FROM calendars WHERE syncs AND conflicts AND receives AND main AND NOT twin",
    );
    assert_eq!(used, ["ada@outside.example"]);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM calendars WHERE NOT syncs AND NOT receives"), 1);
    let list = || ada.get("/booking/calendars").text;
    wait_until("it is in step", || list().contains("In step"));
    let text = list();
    for expected in
        ["Last success:", "Next try:", "Nothing waits to be written", "Your bookings are written to"]
    {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
    assert!(ada.get(&page).text.contains("Read everything"), "the log tells what was done");
    let sync = ada.post(&format!("{page}/sync"), &[]);
    assert_eq!(sync.headers["location"], format!("{page}?done=sync"));

    assert!(ada.get(&page).text.contains("Events that were written to its calendars stay there"));
    let gone = ada.post(&format!("{page}/disconnect"), &[]);
    assert_eq!(gone.headers["location"], "/booking/calendars?done=disconnected", "{}", gone.text);
    assert_eq!(ada.get(&page).status, 404);
    for table in ["connections", "calendars", "remote_events", "busy_intervals"] {
        let left = app.database.texts(match table {
            "connections" => "SELECT id FROM connections",
            "calendars" => "SELECT id FROM calendars",
            "remote_events" => "SELECT id FROM remote_events",
            _ => "SELECT id FROM busy_intervals",
        });
        assert_eq!(left, Vec::<String>::new(), "{table}");
    }
    let log = app.google.get("/_/log").to_string();
    assert!(log.contains("/revoke"), "the access is taken back: {log}");
    app.assert_no_violations();
}

fn an_account_at_microsoft_is_connected_and_disconnected(database: Database) {
    world(&database);
    let app = App::start(database);
    app.microsoft.post(
        "/_/accounts",
        json!({"email": "ada@outside.example", "calendars": [
            {"name": "Calendar", "zone": "Europe/Berlin", "primary": true},
            {"name": "Holidays", "zone": "Europe/Berlin", "access": "reader"},
        ]}),
    );
    let ada = app.member("w", "manager");
    let page = ada.connect("microsoft");
    let shown = ada.get(&page).text;
    assert!(shown.contains("ada@outside.example") && shown.contains("Microsoft Outlook"), "{shown}");
    assert!(shown.contains("Being read"), "{shown}");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM calendars WHERE receives AND main"), 1);
    let gone = ada.post(&format!("{page}/disconnect"), &[]);
    assert_eq!(gone.headers["location"], "/booking/calendars?done=disconnected");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 0);
    app.assert_no_violations();
}

fn a_state_serves_once_in_its_own_session_for_its_own_provider(database: Database) {
    const SENTENCE: &str = "does not belong to anything that you began here";
    world(&database);
    let app = App::start(database);
    for standin in [&app.google, &app.microsoft] {
        standin.post("/_/accounts", json!({"email": "ada@outside.example"}));
    }
    let (ada, bob) = (app.member("w", "staff"), app.member("w", "staff"));

    // Somebody else's session: their answer connects nothing, and the state has served.
    let back = consent(&ada.begin("google"));
    refused(&app, &bob.get(&back), SENTENCE);
    refused(&app, &ada.get(&back), SENTENCE);
    // Nobody's session.
    let back = consent(&ada.begin("google"));
    let nobody = app.server.get(&back);
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking/calendars");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 0);
    // Another provider's address.
    let back = consent(&ada.begin("google")).replace("/google?", "/microsoft?");
    refused(&app, &ada.get(&back), SENTENCE);
    // Invented, missing, too late.
    let here = "/api/v1/booking/calendars/callback/google";
    refused(&app, &ada.get(&format!("{here}?state=invented&code=x")), SENTENCE);
    refused(&app, &ada.get(&format!("{here}?code=x")), SENTENCE);
    refused(&app, &ada.get(here), SENTENCE);
    let back = consent(&ada.begin("google"));
    app.database.execute("UPDATE oauth_states SET expires_at = 1000000");
    refused(&app, &ada.get(&back), SENTENCE);

    // The same answer twice: connected once.
    let back = consent(&ada.begin("google"));
    assert_eq!(ada.get(&back).status, 303);
    let twice = ada.get(&back);
    assert!(twice.status == 400 && twice.text.contains(SENTENCE), "{}", twice.text);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections WHERE version = 1 AND state = 'ok'"), 1);
    for (method, path, status) in [("GET", "nobody", 404), ("GET", "caldav", 404), ("POST", "google", 405)] {
        let path = format!("/api/v1/booking/calendars/callback/{path}?state=x");
        let sent = if method == "GET" { ada.get(&path) } else { ada.post(&path, &[]) };
        assert_eq!(sent.status, status, "{path}");
    }
    app.assert_no_violations();
}

fn an_altered_code_connects_nothing(database: Database) {
    world(&database);
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    app.google.post("/_/accounts", json!({"email": "eve@outside.example"}));
    let ada = app.member("w", "staff");
    let back = consent(&ada.begin("google"));
    let code = parameter(&back, "code");
    refused(&app, &ada.get(&back.replace(&code, &format!("{code}x"))), "did not accept what it had sent us");
    // A code that somebody else was given, slipped under Ada's state: it was asked for with another verifier.
    let eves = parameter(&consent(&app.member("w", "staff").begin("google")), "code");
    let back = consent(&ada.begin("google"));
    let mine = parameter(&back, "code");
    refused(&app, &ada.get(&back.replace(&mine, &eves)), "did not accept what it had sent us");
    let back = consent(&ada.begin("google"));
    let without = back.replace(&format!("code={}", parameter(&back, "code")), "code=");
    refused(&app, &ada.get(&without), "did not connect the account");
}

fn who_does_not_agree_is_told_so(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    for (provider, name, standin) in
        [("google", "Google Calendar", &app.google), ("microsoft", "Microsoft Outlook", &app.microsoft)]
    {
        standin.post("/_/accounts", json!({"email": "ada@outside.example"}));
        standin.post("/_/options", json!({"consent": "deny"}));
        let answer = ada.get(&consent(&ada.begin(provider)));
        refused(&app, &answer, &format!("You did not agree at {name}"));
    }
    // What the provider says is shown in our words only.
    let back = consent(&ada.begin("google"));
    let odd = back.replace("error=access_denied", "error=%3Cscript%3Ealert(1)%3C/script%3E");
    let answer = ada.get(&odd);
    refused(&app, &answer, "did not connect the account");
    assert!(!answer.text.contains("alert(1)"), "{}", answer.text);
}

fn fewer_permissions_than_needed_connect_nothing_and_are_named(database: Database) {
    world(&database);
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let scope = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
    app.google.post("/_/options", json!({"granted_scopes": [scope]}));
    let ada = app.member("w", "staff");
    let answer = ada.get(&consent(&ada.begin("google")));
    refused(&app, &answer, "because of what was not allowed");
    assert!(
        answer.text.contains("when you are busy") && answer.text.contains("tick every box"),
        "{}",
        answer.text
    );
    app.microsoft.post("/_/accounts", json!({"email": "ada@outside.example"}));
    app.microsoft.post("/_/options", json!({"granted_scopes": ["User.Read", "offline_access"]}));
    let answer = ada.get(&consent(&ada.begin("microsoft")));
    refused(&app, &answer, "because of what was not allowed");
    // Everything is allowed the next time.
    app.google.post("/_/options", json!({"granted_scopes": null}));
    ada.connect("google");
}

fn connecting_again_renews_the_account(database: Database) {
    world(&database);
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let ada = app.member("w", "staff");
    let first = ada.connect("google");
    let calendar = app.database.texts("SELECT id FROM calendars");
    app.database.execute(
        "UPDATE calendars SET tentative = FALSE, silent = 'refuse', trouble = 'The access ended.', failures = 3,
                next_at = 9000000000000000",
    );
    app.database.execute(
        "UPDATE connections SET state = 'reconnect', trouble = 'The access ended.', failures = 3, told_at = 1",
    );
    let text = ada.get("/booking/calendars").text;
    assert!(text.contains("Needs reconnecting") && text.contains("The access ended."), "{text}");
    assert!(ada.get(&first).text.contains("Connect it again at Google Calendar"));
    let sync = ada.post(&format!("{first}/sync"), &[]);
    assert!(sync.status == 400 && sync.text.contains("Please connect the account again"), "{}", sync.text);
    app.database.execute("UPDATE calendars SET next_at = 9000000000000000");
    // The provider suggests the account that it is about, whatever others somebody has there.
    app.google.post("/_/accounts", json!({"email": "ada@aside.example"}));
    let id = first.rsplit('/').next().unwrap();
    let sent = ada.post("/booking/calendars/connect", &[("provider", "google"), ("account", id)]);
    let to = sent.headers["location"].to_str().unwrap();
    assert!(to.ends_with("&login_hint=ada%40outside.example"), "{to}");
    let back = ada.get(&consent(to));
    assert_eq!(back.headers["location"], format!("{first}?done=renewed"), "the same account: {}", back.text);
    let waits = "SELECT COUNT(*) FROM calendars WHERE next_at = 9000000000000000";
    assert_eq!(app.database.number(waits), 0, "what was missed is read now");
    let renewed = app.database.number(
        "SELECT COUNT(*) FROM connections WHERE version = 2 AND state = 'ok' AND trouble = '' AND failures = 0
           AND told_at IS NULL AND hints > 0",
    );
    assert_eq!(renewed, 1);
    assert_eq!(app.database.texts("SELECT id FROM calendars"), calendar);
    let fresh =
        "SELECT COUNT(*) FROM calendars WHERE trouble = '' AND failures = 0 AND next_at < 9000000000000000";
    assert_eq!(app.database.number(fresh), 1, "what failed is tried again now, and is not held against it");
    assert!(!ada.get("/booking/calendars").text.contains("The access ended."));
    assert_eq!(
        app.database
            .number("SELECT COUNT(*) FROM calendars WHERE NOT tentative AND silent = 'refuse' AND receives"),
        1,
        "what was chosen stays"
    );
}

fn a_provider_that_fails_is_told_in_a_sentence(database: Database) {
    world(&database);
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let ada = app.member("w", "staff");
    for (fault, sentence) in [
        (json!({"path": "/token", "status": 503}), "The provider answered 503"),
        (
            json!({"path": "/token", "status": 429, "headers": {"Retry-After": "60"}}),
            "limits how much may be asked",
        ),
        (json!({"path": "/token", "cut": "before"}), "Google Calendar could not be connected"),
        (json!({"path": "/token", "status": 200, "body": "<html>"}), "can&#x27;t be understood"),
        (json!({"path": "calendarList", "status": 500}), "Google Calendar could not be connected"),
    ] {
        let back = consent(&ada.begin("google"));
        app.google.post("/_/faults", fault.clone());
        let answer = ada.get(&back);
        app.google.delete("/_/faults");
        let plain = answer.text.replace("&#x27;", "'").replace("&#39;", "'");
        assert_eq!(answer.status, 400, "{fault}: {plain}");
        assert!(plain.contains(&sentence.replace("&#x27;", "'")), "{fault}: {plain}");
    }
    // A wrong secret is for the admin to mend.
    app.google.post("/_/options", json!({"client_secret": "another"}));
    refused(&app, &ada.get(&consent(&ada.begin("google"))), "An admin can correct them under Providers");
}
