//! How providers know the server, and what becomes of secrets.

use super::{App, CLIENT, PUBLIC, SECRET, apps, borrowed, consent, places};
use crate::{
    harness::{Database, Server, both, program},
    world::World,
};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

both!(
    a_provider_that_is_not_set_up_says_who_can,
    an_admin_sets_a_provider_up_and_the_secret_is_never_seen_again,
    what_is_wrong_is_said_beside_its_field,
    what_the_operator_set_up_is_not_for_admins_to_change,
    providers_are_set_up_by_admins_of_their_own_workspace,
    secrets_survive_a_change_of_the_servers_secret,
    nothing_secret_is_logged,
);

const SETTINGS: &str = "/booking/calendars/providers";

/// Without the operator's apps.
fn bare(database: Database) -> App {
    App::start_with(database, &[("MERIDIAN_WORKER", "off".to_owned())])
}

fn a_provider_that_is_not_set_up_says_who_can(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = bare(database);
    let (staff, admin) = (app.member("w", "staff"), app.member("w", "admin"));
    let text = staff.get("/booking/calendars").text;
    assert!(
        text.contains(
            "Google Calendar is not set up on this server. An admin of your workspace can do that."
        ),
        "{text}"
    );
    assert!(!text.contains("Connect Google") && !text.contains(SETTINGS), "{text}");
    assert!(admin.get("/booking/calendars").text.contains(SETTINGS));
    for provider in ["google", "microsoft"] {
        let sent = staff.post("/booking/calendars/connect", &[("provider", provider)]);
        assert_eq!(sent.status, 503, "{}", sent.text);
        assert!(sent.text.contains("An admin of the workspace can do that"), "{}", sent.text);
        let back = staff.get(&format!("/api/v1/booking/calendars/callback/{provider}?state=x&code=y"));
        assert_eq!(back.status, 503, "{}", back.text);
    }
    for provider in ["caldav", "ical", "nobody", ""] {
        assert_eq!(
            staff.post("/booking/calendars/connect", &[("provider", provider)]).status,
            404,
            "{provider}"
        );
    }
}

fn an_admin_sets_a_provider_up_and_the_secret_is_never_seen_again(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = bare(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let admin = app.member("w", "admin");
    let page = admin.get(SETTINGS).text;
    for provider in ["google", "microsoft"] {
        assert!(page.contains(&format!("{PUBLIC}/api/v1/booking/calendars/callback/{provider}<")), "{page}");
    }
    let form = [("google-client_id", CLIENT), ("google-client_secret", SECRET)];
    let saved = admin.post(&format!("{SETTINGS}/google"), &form);
    assert_eq!(saved.headers["location"], format!("{SETTINGS}?done=saved"), "{}", saved.text);
    let page = admin.get(&format!("{SETTINGS}?done=saved")).text;
    assert!(page.contains(&format!("value=\"{CLIENT}\"")) && !page.contains(SECRET), "{page}");
    let sealed = app.database.blobs("SELECT client_secret FROM provider_settings").remove(0);
    assert!(!sealed.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
    app.member("w", "staff").connect("google");

    // An empty secret keeps the one that is there, for the same client id.
    let kept = [("google-client_id", CLIENT), ("google-client_secret", "")];
    assert_eq!(admin.post(&format!("{SETTINGS}/google"), &kept).status, 303);
    let other = [("google-client_id", "another"), ("google-client_secret", "")];
    let refused = admin.post(&format!("{SETTINGS}/google"), &other);
    assert!(
        refused.status == 422 && refused.text.contains("id=\"google-client_secret-error\""),
        "{}",
        refused.text
    );
    app.member("w", "staff").connect("google");

    let forgotten = admin.post(&format!("{SETTINGS}/google/forget"), &[]);
    assert_eq!(forgotten.headers["location"], format!("{SETTINGS}?done=forgotten"));
    assert_eq!(admin.post("/booking/calendars/connect", &[("provider", "google")]).status, 503);
    let actions = app
        .database
        .texts("SELECT DISTINCT action FROM audit_log WHERE subject = 'provider:google' ORDER BY 1");
    assert_eq!(actions, ["provider.set", "provider.unset"]);
}

fn what_is_wrong_is_said_beside_its_field(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = bare(database);
    let admin = app.member("w", "admin");
    let long = "x".repeat(501);
    for (id, secret, tenant, field) in [
        ("", SECRET, "", "client_id"),
        ("a b", SECRET, "", "client_id"),
        (long.as_str(), SECRET, "", "client_id"),
        (CLIENT, "", "", "client_secret"),
        (CLIENT, "two\r\nlines", "", "client_secret"),
        (CLIENT, SECRET, "../../evil", "tenant"),
        (CLIENT, SECRET, "https://evil.example", "tenant"),
    ] {
        let form =
            [("microsoft-client_id", id), ("microsoft-client_secret", secret), ("microsoft-tenant", tenant)];
        let refused = admin.post(&format!("{SETTINGS}/microsoft"), &form);
        assert_eq!(refused.status, 422, "{field}: {}", refused.text);
        assert!(
            refused.text.contains(&format!("id=\"microsoft-{field}-error\"")),
            "{field}: {}",
            refused.text
        );
        assert!(!refused.text.contains(SECRET), "the secret does not come back");
    }
    assert_eq!(app.database.number("SELECT COUNT(*) FROM provider_settings"), 0);
    assert_eq!(admin.post(&format!("{SETTINGS}/caldav"), &[]).status, 404);
}

fn what_the_operator_set_up_is_not_for_admins_to_change(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = App::start(database);
    let admin = app.member("w", "admin");
    let page = admin.get(SETTINGS).text;
    assert!(
        page.contains("Set up by the operator") && !page.contains(CLIENT) && !page.contains(SECRET),
        "{page}"
    );
    let form = [("google-client_id", "mine"), ("google-client_secret", "mine")];
    assert_eq!(admin.post(&format!("{SETTINGS}/google"), &form).status, 422);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM provider_settings"), 0);
}

fn providers_are_set_up_by_admins_of_their_own_workspace(database: Database) {
    World::named(&database, "one", 0, async |_, _| {});
    World::named(&database, "two", 0, async |_, _| {});
    let app = bare(database);
    let form = [("google-client_id", CLIENT), ("google-client_secret", SECRET)];
    for role in ["staff", "manager"] {
        let member = app.member("one", role);
        assert_eq!(member.get(SETTINGS).status, 403, "{role}");
        assert_eq!(member.post(&format!("{SETTINGS}/google"), &form).status, 403, "{role}");
        assert_eq!(member.post(&format!("{SETTINGS}/google/forget"), &[]).status, 403, "{role}");
    }
    let nobody = app.server.post_form(&format!("{SETTINGS}/google"), &form, &[]);
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking/calendars");
    assert_eq!(app.member("one", "admin").post(&format!("{SETTINGS}/google"), &form).status, 303);
    let other = app.member("two", "admin");
    assert!(!other.get(SETTINGS).text.contains(CLIENT));
    assert_eq!(other.post("/booking/calendars/connect", &[("provider", "google")]).status, 503);
    assert_eq!(other.post(&format!("{SETTINGS}/google/forget"), &[]).status, 303);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM provider_settings"), 1);
}

fn secrets_survive_a_change_of_the_servers_secret(database: Database) {
    const NEW: &str = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyBuZXc=";
    World::named(&database, "w", 0, async |_, _| {});
    let app = bare(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let admin = app.member("w", "admin");
    let form = [("google-client_id", CLIENT), ("google-client_secret", SECRET)];
    assert_eq!(admin.post(&format!("{SETTINGS}/google"), &form).status, 303);
    let page = admin.connect("google");
    let cookie = admin.cookie.clone();
    let App { server, google, microsoft, database } = app;
    let before = database.blobs("SELECT credential FROM connections");
    drop(server);
    let with = |more: &[(&'static str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let settings: Vec<_> = places(&google, &microsoft).into_iter().chain(more).collect();
        Server::start_with(&database, &borrowed(&settings))
    };
    let off = ("MERIDIAN_WORKER", "off");
    drop(with(&[("MERIDIAN_SECRET", NEW), ("MERIDIAN_OLD_SECRETS", crate::harness::SECRET), off]));
    assert_ne!(database.blobs("SELECT credential FROM connections"), before, "sealed anew");
    // The old one need not be named for ever.
    let server = with(&[("MERIDIAN_SECRET", NEW), off]);
    let text = server.get_as(SETTINGS, &cookie).text;
    assert!(text.contains("Set up") && !text.contains("Secret lost"), "{text}");
    let gone = server.post_form(&format!("{page}/disconnect"), &[], &[("cookie", &cookie)]);
    assert_eq!(gone.headers["location"], "/booking/calendars?done=disconnected");
    assert!(google.get("/_/log").to_string().contains("/revoke"), "the token could be opened");
}

fn nothing_secret_is_logged(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = App::start(database);
    app.google.post("/_/accounts", json!({"email": "ada@outside.example"}));
    let cookie = app.member("w", "staff").cookie;
    let App { server, google, microsoft, database } = app;
    drop(server);
    let log = database.dir.path().join("log");
    let settings = [places(&google, &microsoft), apps()].concat();
    let mut child = program()
        .arg("serve")
        .env("MERIDIAN_LISTEN", "127.0.0.1:0")
        .env("MERIDIAN_DATA_DIR", database.dir.path())
        .env("MERIDIAN_DATABASE_URL", &database.url)
        .env("MERIDIAN_SECRET", crate::harness::SECRET)
        .env("MERIDIAN_LOG", "trace")
        .envs(borrowed(&settings))
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap().rsplit(' ').next().unwrap().to_owned();
    std::thread::spawn(move || lines.for_each(drop));
    let ask = |path: &str| {
        let request = crate::harness::agent().get(format!("{url}{path}")).header("cookie", &cookie);
        crate::harness::answer(request.call()).unwrap()
    };
    let request =
        crate::harness::agent().post(format!("{url}/booking/calendars/connect")).header("cookie", &cookie);
    let begun = crate::harness::answer(request.send_form([("provider", "google")])).unwrap();
    let there = begun.headers["location"].to_str().unwrap().to_owned();
    let back = consent(&there);
    assert_eq!(ask(&back).status, 303);
    super::wait_until("it is read", || ask("/booking/calendars").text.contains("In step"));
    child.kill().unwrap();
    child.wait().unwrap();
    let written = std::fs::read_to_string(log).unwrap();
    assert!(written.contains("callback/google"), "the log is that of this test");
    let (state, code) = (super::parameter(&there, "state"), super::parameter(&back, "code"));
    let tokens = google.get("/_/log").to_string();
    assert!(tokens.contains("/token"));
    for secret in
        [SECRET, &state, &code.replace("%2F", "/"), &code, "Bearer ya29", "refresh_token=", "code_verifier="]
    {
        assert!(!written.contains(secret), "{secret} is in the log");
    }
}
