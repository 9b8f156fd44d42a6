//! What members choose for their calendars; accounts with a password, feeds and files.

use super::{App, Member};
use crate::{
    calendars::caldav::peer::{Kind, Peer},
    harness::{Answer, Database, Worker, both},
    webhooks::receiver::{Reaction, Receiver},
    world::World,
};
use serde_json::json;

both!(
    one_calendar_receives_bookings_and_moving_that_is_one_click,
    what_is_chosen_is_kept_and_nonsense_is_not,
    a_calendar_that_is_connected_twice_is_used_once,
    a_calendar_that_vanished_takes_no_time,
    a_wrong_address_or_password_stands_beside_its_field,
    a_caldav_account_is_connected_through_the_form,
    a_feed_is_subscribed_to_through_the_form,
    a_file_is_taken_as_busy_time,
    a_refusal_stands_on_the_page_on_which_it_was_sent,
    a_feed_with_another_address_is_the_same_account,
    what_is_done_on_the_list_is_said_on_the_list,
);

fn world(database: &Database) {
    World::named(database, "w", 0, async |_, _| {});
}

fn two_calendars(app: &App, email: &str) {
    app.google.post(
        "/_/accounts",
        json!({"email": email, "calendars": [
            {"id": email, "name": "Main", "zone": "UTC", "primary": true},
            {"id": format!("second-{email}"), "name": "Second", "zone": "UTC"},
            {"id": format!("read-{email}"), "name": "Holidays", "zone": "UTC", "access": "reader"},
        ]}),
    );
}

fn calendar(app: &App, name: &'static str) -> String {
    let sql = match name {
        "Main" => "SELECT id FROM calendars WHERE name = 'Main'",
        "Second" => "SELECT id FROM calendars WHERE name = 'Second'",
        _ => "SELECT id FROM calendars WHERE name = 'Holidays'",
    };
    app.database.texts(sql).remove(0)
}

#[track_caller]
fn done(answer: &Answer, word: &str) {
    assert_eq!(answer.status, 303, "{}", answer.text);
    let location = answer.headers["location"].to_str().unwrap();
    assert!(location.ends_with(&format!("?done={word}")), "{location}");
}

fn one_calendar_receives_bookings_and_moving_that_is_one_click(database: Database) {
    world(&database);
    let app = App::start(database);
    two_calendars(&app, "ada@outside.example");
    let ada = app.member("w", "staff");
    let page = ada.connect("google");
    let receiving = || app.database.texts("SELECT name FROM calendars WHERE receives");
    assert_eq!(receiving(), ["Main"]);
    let (main, second, holidays) =
        (calendar(&app, "Main"), calendar(&app, "Second"), calendar(&app, "Holidays"));
    done(&ada.post(&format!("{page}/{second}/receive"), &[("to", "on")]), "receives");
    assert_eq!(receiving(), ["Second"]);
    let read = "SELECT name FROM calendars WHERE syncs ORDER BY name";
    assert_eq!(app.database.texts(read), ["Main", "Second"], "one that receives is read");
    assert!(ada.get("/booking/calendars").text.contains("Your bookings are written to Second"));
    // The form of a page that is out of date takes nothing away from another calendar.
    done(&ada.post(&format!("{page}/{main}/receive"), &[("to", "off")]), "receives-not");
    assert_eq!(receiving(), ["Second"]);
    let refused = ada.post(&format!("{page}/{holidays}/receive"), &[("to", "on")]);
    assert!(refused.status == 400 && refused.text.contains("can only be read"), "{}", refused.text);
    assert_eq!(receiving(), ["Second"]);
    done(&ada.post(&format!("{page}/{second}/receive"), &[("to", "off")]), "receives-not");
    assert_eq!(receiving(), Vec::<String>::new());
    assert!(ada.get("/booking/calendars").text.contains("Your bookings are written to no calendar"));
    // Who chose none is not overruled by the next account.
    two_calendars(&app, "ada@elsewhere.example");
    app.google.post("/_/options", json!({"consent_account": "ada@elsewhere.example"}));
    ada.connect("google");
    assert_eq!(receiving(), Vec::<String>::new());
}

fn what_is_chosen_is_kept_and_nonsense_is_not(database: Database) {
    world(&database);
    let app = App::start(database);
    two_calendars(&app, "ada@outside.example");
    let ada = app.member("w", "staff");
    let page = ada.connect("google");
    let (main, second) = (calendar(&app, "Main"), calendar(&app, "Second"));
    let form = [
        ("syncs", "on"),
        ("conflicts", "on"),
        ("meetings", "on"),
        ("outside", "flag"),
        ("silent", "refuse"),
        ("invites", "provider"),
    ];
    done(&ada.post(&format!("{page}/{second}"), &form), "saved");
    let kept = "SELECT COUNT(*) FROM calendars WHERE name = 'Second' AND syncs AND conflicts AND meetings
                  AND NOT tentative AND outside = 'flag' AND silent = 'refuse' AND invites = 'provider'";
    assert_eq!(app.database.number(kept), 1);
    app.database.execute("UPDATE calendars SET window_until = 5");
    for (field, value) in [("outside", "destroy"), ("silent", ""), ("invites", "'; --")] {
        let form: Vec<_> =
            form.iter().filter(|(name, _)| *name != field).copied().chain([(field, value)]).collect();
        assert_eq!(ada.post(&format!("{page}/{second}"), &form).status, 400, "{field}");
    }
    assert_eq!(app.database.number(kept), 1);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM calendars WHERE window_until = 5"), 3);
    // The time that it takes is derived anew when that was changed, and only then.
    done(&ada.post(&format!("{page}/{second}/use"), &[("to", "off")]), "unused");
    assert_eq!(app.database.texts("SELECT name FROM calendars WHERE window_until = 0"), ["Second"]);
    let off = "SELECT COUNT(*) FROM calendars WHERE name = 'Second' AND NOT syncs AND NOT conflicts";
    assert_eq!(app.database.number(off), 1);
    // One that receives bookings is read, whatever the form says.
    done(&ada.post(&format!("{page}/{main}"), &form[3..]), "saved");
    let read = "SELECT COUNT(*) FROM calendars WHERE name = 'Main' AND syncs AND NOT conflicts AND receives";
    assert_eq!(app.database.number(read), 1);
}

fn a_calendar_that_is_connected_twice_is_used_once(database: Database) {
    world(&database);
    let app = App::start(database);
    app.google.post(
        "/_/accounts",
        json!({"email": "ada@outside.example", "calendars": [
            {"id": "ada@outside.example", "name": "Main", "zone": "UTC", "primary": true},
        ]}),
    );
    // Somebody else's account sees the same calendar, because it was shared with them.
    app.google.post(
        "/_/accounts",
        json!({"email": "team@outside.example", "calendars": [
            {"id": "team@outside.example", "name": "Second", "zone": "UTC", "primary": true},
            {"id": "ada@outside.example", "name": "Main", "zone": "UTC", "access": "writer"},
        ]}),
    );
    let ada = app.member("w", "staff");
    let first = ada.connect("google");
    app.google.post("/_/options", json!({"consent_account": "team@outside.example"}));
    let second = ada.connect("google");
    assert_eq!(
        app.database.number("SELECT COUNT(*) FROM calendars WHERE twin AND NOT syncs AND NOT receives"),
        1
    );
    let twin = app.database.texts("SELECT id FROM calendars WHERE twin").remove(0);
    let text = ada.get(&second).text;
    assert!(text.contains("In use through ada@outside.example"), "{text}");
    for action in ["use", "receive"] {
        let refused = ada.post(&format!("{second}/{twin}/{action}"), &[("to", "on")]);
        assert!(
            refused.status == 400 && refused.text.contains("Switch it off there first"),
            "{}",
            refused.text
        );
    }
    // Once it is free it can be used.
    done(&ada.post(&format!("{first}/disconnect"), &[]), "disconnected");
    done(&ada.post(&format!("{second}/{twin}/use"), &[("to", "on")]), "used");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM calendars WHERE twin"), 0);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM calendars WHERE syncs AND conflicts"), 2);
}

fn a_calendar_that_vanished_takes_no_time(database: Database) {
    world(&database);
    let app = App::start(database);
    two_calendars(&app, "ada@outside.example");
    let ada = app.member("w", "staff");
    let page = ada.connect("google");
    let second = calendar(&app, "Second");
    done(&ada.post(&format!("{page}/{second}/use"), &[("to", "on")]), "used");
    // It is as if another calendar had been there.
    app.database.execute("UPDATE calendars SET remote_id = 'was-deleted' WHERE name = 'Second'");
    app.database.execute(&format!(
        "INSERT INTO busy_intervals (id, workspace_id, member_id, source, source_ref, busy_from, busy_until)
         SELECT id, workspace_id, member_id, id, 'x', 4102444800000000, 4102444860000000 FROM calendars WHERE id = '{second}'"
    ));
    ada.connect("google");
    // One list does not make it certain.
    assert_eq!(app.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    assert!(ada.get(&page).text.contains("does not show it"));
    // Somebody works now, and some minutes later; the calendar is not found either.
    let settings = [super::places(&app.google, &app.microsoft), super::apps()].concat();
    let _worker = Worker::start_with(&app.database, &settings);
    app.database.wait_for("SELECT COUNT(*) FROM calendars WHERE name = 'Second' AND failures > 0", 1);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM busy_intervals WHERE source_ref = 'x'"), 1);
    app.database.execute("UPDATE calendars SET missing_since = missing_since - 360000000");
    app.database.execute("UPDATE connections SET listed_at = NULL, next_at = 0");
    app.database.wait_for("SELECT COUNT(*) FROM busy_intervals WHERE source_ref = 'x'", 0);
    let gone = "SELECT COUNT(*) FROM calendars WHERE remote_id = 'was-deleted' AND NOT present AND syncs";
    assert_eq!(app.database.number(gone), 1, "what was chosen for it stays");
    assert!(ada.get(&page).text.contains("No longer in the account"));
    let refused = ada.post(&format!("{page}/{second}/receive"), &[("to", "on")]);
    assert!(refused.status == 400 && refused.text.contains("no longer in the account"), "{}", refused.text);
}

#[track_caller]
fn at_field(answer: &Answer, field: &str, sentence: &str) {
    assert_eq!(answer.status, 422, "{}", answer.text);
    let error = answer.text.split(&format!("id=\"{field}-error\"")).nth(1);
    let error = error.unwrap_or_else(|| panic!("nothing beside {field}: {}", answer.text));
    let error = error.split(['>', '<']).nth(1).unwrap();
    assert!(error.contains(sentence), "beside {field}: {error}");
}

/// An address at which nobody listens.
fn nobody() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/")
}

fn caldav(ada: &Member<'_>, url: &str, user: &str, password: &str) -> Answer {
    let form =
        [("provider", "caldav"), ("preset", "other"), ("url", url), ("user", user), ("password", password)];
    ada.post("/booking/calendars/password", &form)
}

fn a_wrong_address_or_password_stands_beside_its_field(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    at_field(&caldav(&ada, "", "ada", "secret"), "url", "Please enter the whole address");
    at_field(&caldav(&ada, "https://a b/", "ada", "secret"), "url", "Please enter the whole address");
    at_field(&caldav(&ada, "ftp://a.example/", "ada", "secret"), "url", "must begin with https://");
    at_field(&caldav(&ada, "https://169.254.169.254/", "ada", "secret"), "url", "private network");
    at_field(&caldav(&ada, &nobody(), "", "secret"), "user", "Please enter your user name");
    at_field(&caldav(&ada, &nobody(), "ada", ""), "password", "Please enter the password");
    at_field(&caldav(&ada, &nobody(), "ada", "secret"), "url", "nobody listens there");
    let door = Receiver::start(|_| Reaction::Answer(401, "WWW-Authenticate: Basic realm=\"x\"\r\n", ""));
    let refused = caldav(&ada, &door.url, "ada", "hunter2-app-password");
    at_field(&refused, "password", "");
    assert!(!refused.text.contains("hunter2-app-password"), "a password never comes back");
    assert!(
        refused.text.contains(&format!("value=\"{}\"", door.url)) && refused.text.contains("value=\"ada\"")
    );
    let page =
        Receiver::start(|_| Reaction::Answer(200, "Content-Type: text/html\r\n", "<html>hello</html>"));
    at_field(&caldav(&ada, &page.url, "ada", "secret"), "url", "");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 0);
    for provider in ["google", "ical", "nobody"] {
        let form = [("provider", provider), ("url", "https://a.example"), ("user", "a"), ("password", "b")];
        assert_eq!(ada.post("/booking/calendars/password", &form).status, 404, "{provider}");
    }
}

fn a_caldav_account_is_connected_through_the_form(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    let peer = Peer::start(Kind::Radicale);
    let wrong = caldav(&ada, &peer.url, "rosa", "wrong-app-password");
    at_field(&wrong, "password", "does not take this user name");
    assert!(!wrong.text.contains("wrong-app-password"));
    let made = caldav(&ada, &peer.url, "rosa", "secret");
    assert_eq!(made.status, 303, "{}", made.text);
    let page = made.headers["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let used = app.database.texts("SELECT name FROM calendars WHERE syncs AND conflicts AND receives");
    assert_eq!(used, ["Work"], "where no calendar is the main one, the first is");
    // With the password as it is now.
    let shown = ada.get(&page).text;
    assert!(
        shown.contains(&format!("value=\"{}\"", peer.url)) && shown.contains("value=\"rosa\""),
        "{shown}"
    );
    let sealed = app.database.blobs("SELECT credential FROM connections").remove(0);
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    let again = caldav(&ada, &peer.url, "rosa", "secret");
    assert_eq!(again.headers["location"], format!("{page}?done=renewed"));
    done(&ada.post(&format!("{page}/disconnect"), &[]), "disconnected");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 0);
}

const FEED: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nX-WR-CALNAME:Lessons\r\nBEGIN:VEVENT\r\nUID:1@x\r\n\
                    DTSTAMP:20260101T000000Z\r\nDTSTART:20300101T100000Z\r\nDTEND:20300101T110000Z\r\nSUMMARY:Lesson\r\n\
                    END:VEVENT\r\nEND:VCALENDAR\r\n";

fn a_feed_is_subscribed_to_through_the_form(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    let subscribe = |url: &str| ada.post("/booking/calendars/feed", &[("feed", url)]);
    at_field(&subscribe(""), "feed", "Please enter the whole address");
    at_field(&subscribe("https://169.254.169.254/"), "feed", "private network");
    at_field(&subscribe(&nobody()), "feed", "nobody listens there");
    let page = Receiver::start(|_| {
        Reaction::Answer(200, "Content-Type: text/html\r\n", "<!doctype html><title>x</title>")
    });
    at_field(&subscribe(&page.url), "feed", "web page");
    for status in [401, 403, 410] {
        let shut = Receiver::start(move |_| Reaction::Answer(status, "", ""));
        at_field(&subscribe(&shut.url), "feed", "without signing in");
    }
    let feed = Receiver::start(|_| Reaction::Answer(200, "Content-Type: text/calendar\r\n", FEED));
    let made = subscribe(&feed.url);
    assert_eq!(made.status, 303, "{}", made.text);
    let used = "SELECT COUNT(*) FROM calendars WHERE syncs AND conflicts AND NOT receives AND NOT writable";
    assert_eq!(app.database.number(used), 1);
    let text = ada.get("/booking/calendars").text;
    assert!(text.contains("can only be read"), "{text}");
    // The same address again is the same account.
    assert!(subscribe(&feed.url).headers["location"].to_str().unwrap().ends_with("done=renewed"));
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 1);
}

/// A form with a file, as browsers send it.
fn upload(ada: &Member<'_>, name: &str, text: &str) -> Answer {
    const EDGE: &str = "----edge";
    let body = format!(
        "--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: text/calendar\r\n\r\n{text}\r\n--{EDGE}--\r\n"
    );
    let request = crate::harness::agent()
        .post(format!("{}/booking/calendars/file", ada.app.server.url))
        .header("cookie", &ada.cookie)
        .header("content-type", format!("multipart/form-data; boundary={EDGE}"));
    crate::harness::answer(request.send(body)).unwrap()
}

fn a_file_is_taken_as_busy_time(database: Database) {
    world(&database);
    let app = App::start_with(database, &[]);
    let ada = app.member("w", "staff");
    at_field(&upload(&ada, "x.ics", ""), "file", "Please choose a calendar file");
    at_field(&upload(&ada, "x.ics", "<html>hello</html>"), "file", "");
    let long = format!("{FEED}{}", " ".repeat(11 * 1024 * 1024));
    let refused = upload(&ada, "x.ics", &long);
    assert_eq!(refused.status, 413);
    let error = refused.text.split("id=\"file-error\"").nth(1).expect("said at its field");
    assert!(error.split(['>', '<']).nth(1).unwrap().contains("larger than 10 MB"), "{}", refused.text);
    assert!(refused.text.contains("Connect an account"), "on the page that it was sent from");
    let made = upload(&ada, "C:\\lessons.ics", FEED);
    assert_eq!(made.status, 303, "{}", made.text);
    let page = made.headers["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let text = ada.get(&page).text;
    assert!(text.contains("lessons.ics") && text.contains("Lessons"), "{text}");
    app.database.wait_for("SELECT COUNT(*) FROM remote_events", 1);
    let kept = app.database.texts("SELECT document FROM remote_events").remove(0);
    assert!(!kept.contains("Lesson"), "when is kept, not what: {kept}");
    app.database.wait_for("SELECT COUNT(*) FROM calendars WHERE synced_at IS NULL", 0);
    // Nobody is asked for it, so there is nothing to try.
    let text = ada.get(&page).text;
    assert!(text.contains("It is as it was uploaded") && !text.contains("Sync now"), "{text}");
    assert!(!text.contains("Next try") && !text.contains("to be written"), "{text}");
    // Reloading the address that a refused form was sent to leads back to the list.
    for form in ["connect", "password", "feed", "file"] {
        let back = ada.get(&format!("/booking/calendars/{form}"));
        assert_eq!((back.status, &back.headers["location"]), (303, &"/booking/calendars".parse().unwrap()));
    }
    assert!(text.contains("The file was uploaded."), "the log begins with it: {text}");
    // The file comes again without its event, under its name.
    let empty = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nEND:VCALENDAR\r\n";
    let again = upload(&ada, "lessons.ics", empty);
    assert!(again.headers["location"].to_str().unwrap().ends_with("done=renewed"), "{}", again.text);
    app.database.wait_for("SELECT COUNT(*) FROM remote_events", 0);
    app.database.wait_for("SELECT COUNT(*) FROM busy_intervals", 0);
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 1);
}

fn a_refusal_stands_on_the_page_on_which_it_was_sent(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    let peer = Peer::start(Kind::Radicale);
    let made = caldav(&ada, &peer.url, "rosa", "secret");
    let page = made.headers["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let id = page.rsplit('/').next().unwrap();
    let again = |url: &str, password: &str, account: &str| {
        let form = [
            ("provider", "caldav"),
            ("account", account),
            ("url", url),
            ("user", "rosa"),
            ("password", password),
        ];
        ada.post("/booking/calendars/password", &form)
    };
    let wrong = again(&peer.url, "wrong-app-password", id);
    at_field(&wrong, "password", "does not take this user name");
    assert!(wrong.text.contains("How it is") && !wrong.text.contains("Connect an account"), "{}", wrong.text);
    assert!(!wrong.text.contains("wrong-app-password"));
    at_field(&again("nonsense here", "secret", id), "url", "Please enter the whole address");
    assert_eq!(again(&peer.url, "secret", id).headers["location"], format!("{page}?done=renewed"));
    // Nobody's account, and another member's.
    let other = app.member("w", "staff");
    let form = [("provider", "caldav"), ("account", id), ("url", "x y"), ("user", "a"), ("password", "b")];
    assert_eq!(other.post("/booking/calendars/password", &form).status, 404);
    for nobody in ["x", "0193b5a0-7c1e-7000-8000-000000000001", "\u{0}"] {
        assert_eq!(again("nonsense here", "secret", nobody).status, 404, "{nobody:?}");
        assert_eq!(
            ada.post("/booking/calendars/feed", &[("feed", &peer.url), ("account", nobody)]).status,
            404
        );
        let consent = [("provider", "google"), ("account", nobody)];
        assert_eq!(ada.post("/booking/calendars/connect", &consent).status, 404);
    }
}

fn a_feed_with_another_address_is_the_same_account(database: Database) {
    world(&database);
    let app = App::start(database);
    let ada = app.member("w", "staff");
    let feed = || Receiver::start(|_| Reaction::Answer(200, "Content-Type: text/calendar\r\n", FEED));
    let (former, now, another) = (feed(), feed(), feed());
    let made = ada.post("/booking/calendars/feed", &[("feed", &former.url)]);
    let page = made.headers["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let id = page.rsplit('/').next().unwrap();
    let calendar = app.database.texts("SELECT id FROM calendars").remove(0);
    done(&ada.post(&format!("{page}/{calendar}/use"), &[("to", "off")]), "unused");
    app.database.execute("UPDATE calendars SET cursor = 'of the former server'");
    app.database.execute("UPDATE connections SET state = 'reconnect', trouble = 'The address was replaced.'");
    let shown = ada.get(&page).text;
    assert!(shown.contains("Its address now") && !shown.contains(&former.url), "{shown}");

    let again = |url: &str| ada.post("/booking/calendars/feed", &[("feed", url), ("account", id)]);
    at_field(&again("https://169.254.169.254/"), "feed", "private network");
    done(&again(&now.url), "renewed");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections WHERE state = 'ok'"), 1);
    let kept = "SELECT COUNT(*) FROM calendars WHERE NOT conflicts AND cursor IS NULL";
    assert_eq!(app.database.number(kept), 1, "what was chosen stays; where reading stood does not");
    // What is subscribed to already does not become two, nor does the one become the other.
    ada.post("/booking/calendars/feed", &[("feed", &another.url)]);
    at_field(&again(&another.url), "feed", "subscribed to this address already");
    assert_eq!(app.database.number("SELECT COUNT(*) FROM connections"), 2);
    // A file has no address.
    let made = upload(&ada, "lessons.ics", FEED);
    let file = made.headers["location"].to_str().unwrap().split('?').next().unwrap().to_owned();
    let of_file = [("feed", former.url.as_str()), ("account", file.rsplit('/').next().unwrap())];
    assert_eq!(ada.post("/booking/calendars/feed", &of_file).status, 404);
}

fn what_is_done_on_the_list_is_said_on_the_list(database: Database) {
    world(&database);
    let app = App::start(database);
    two_calendars(&app, "ada@outside.example");
    let ada = app.member("w", "staff");
    let page = ada.connect("google");
    let id = page.rsplit('/').next().unwrap();
    let (second, holidays) = (calendar(&app, "Second"), calendar(&app, "Holidays"));
    for (action, to, word, sentence) in [
        (format!("{second}/use"), "on", "used", "count as busy from now on"),
        (format!("{second}/receive"), "on", "receives", "Bookings are written there from now on"),
        ("sync".to_owned(), "", "sync", "It is being looked at now"),
    ] {
        let sent = ada.post(&format!("{page}/{action}"), &[("to", to), ("on", "list")]);
        let location = sent.headers["location"].to_str().unwrap();
        assert_eq!(location, format!("/booking/calendars?done={word}&at={id}#account-{id}"));
        let list = ada.get(location.split('#').next().unwrap()).text;
        let card = list.split(&format!("id=\"account-{id}\"")).nth(1).unwrap();
        assert!(card.contains(sentence), "{card}");
        assert_eq!(list.matches("role=\"status\"").count(), 1, "once: {list}");
    }
    let refused = ada.post(&format!("{page}/{holidays}/receive"), &[("to", "on"), ("on", "list")]);
    assert!(refused.status == 400 && refused.text.contains("can only be read"), "{}", refused.text);
    assert!(refused.text.contains("Your accounts"), "on the list, too: {}", refused.text);
    // What stands in an address is never repeated.
    let odd = ada.get("/booking/calendars?done=%3Cscript%3E&at=%3Cscript%3E").text;
    assert!(!odd.contains("script"), "{odd}");
}
