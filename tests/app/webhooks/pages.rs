//! The pages, and the whole way from a booking to a receiver.

use super::receiver::{Reaction, Receiver};
use crate::{
    harness::{Answer, Database, Server, agent, answer, both},
    world::{World, at, order, rules},
};
use standardwebhooks::Webhook;
use std::time::{Duration, Instant};

both!(
    a_booking_is_told_and_every_attempt_is_shown,
    a_secret_is_shown_once,
    what_is_wrong_is_said_beside_its_field,
    webhooks_are_for_admins_of_their_own_workspace,
    a_webhook_is_switched_off_and_on_and_deleted,
);

const ALLOWED: [(&str, &str); 1] = [("MERIDIAN_ALLOW_PRIVATE_URLS", "on")];
const ALL: [(&str, &str); 2] = [("events", "booking.created"), ("events", "booking.cancelled")];

struct Member<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Member<'a> {
    /// Adds a member and signs them in.
    fn new(database: &Database, server: &'a Server, workspace: &str, role: &str) -> Self {
        let email = format!("{role}@{workspace}.example");
        Self { server, cookie: server.member(database, &email, workspace, role) }
    }

    fn get(&self, path: &str) -> Answer {
        let request = agent().get(format!("{}{path}", self.server.url)).header("cookie", &self.cookie);
        answer(request.call()).unwrap()
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.server.post_form(path, fields, &[("cookie", &self.cookie)])
    }

    /// Adds a webhook; its page and its secret.
    fn add(&self, url: &str) -> (String, String) {
        let made = self.post("/booking/webhooks", &[&[("url", url)], &ALL[..]].concat());
        assert_eq!(made.status, 201, "{}", made.text);
        (between(&made.text, "/booking/webhooks/", "\"", 36), secret(&made.text))
    }
}

/// What stands after `before` and is `length` long, up to `after`.
fn between(text: &str, before: &str, after: &str, length: usize) -> String {
    let found = text.split(before).skip(1).filter_map(|rest| rest.split(after).next());
    let found =
        found.map(|found| found.get(..length).unwrap_or_default()).find(|found| found.len() == length);
    found.unwrap_or_else(|| panic!("no {before}… in {text}")).to_owned()
}

fn secret(page: &str) -> String {
    format!("whsec_{}", between(page, "whsec_", "<", 44))
}

fn page_of(id: &str) -> String {
    format!("/booking/webhooks/{id}")
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn a_booking_is_told_and_every_attempt_is_shown(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start_with(&database, &ALLOWED);
    let admin = Member::new(&database, &server, "w", "admin");
    let receiver = Receiver::start(|number| match number {
        0 => Reaction::Answer(500, "", "<script>alert(1)</script>"),
        _ => Reaction::Answer(200, "", "thank you"),
    });
    let (id, secret) = admin.add(&receiver.url);
    assert!(admin.get(&page_of(&id)).text.contains("Nothing was sent yet"));
    let booked = server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    assert_eq!(booked.status, 201, "{}", booked.text);
    let requests = receiver.wait_for(2);
    for request in &requests {
        Webhook::new(&secret).unwrap().verify(&request.body, &request.headers).unwrap();
    }
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    let body = requests[1].json();
    assert_eq!(body["type"], "booking.created");
    assert_eq!(body["data"]["workspace"], "w");
    assert_eq!(body["data"]["event_type"]["slug"], "talk");
    assert_eq!(body["data"]["invitee"]["email"], "invitee1@customer.example");
    assert_eq!(body["data"]["by"], "invitee");
    let page = || admin.get(&page_of(&id)).text;
    wait_until("the page says that it was delivered", || page().contains("Delivered"));
    let text = page();
    for expected in
        ["status 500", "status 200", "2 attempts", "thank you", "&lt;script&gt;alert(1)", "Send again"]
    {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
    assert!(!text.contains("<script"), "{text}");

    let delivery = requests[0].header("webhook-id");
    let again = admin.post(&format!("{}/again", page_of(&id)), &[("delivery", delivery)]);
    assert_eq!(again.status, 303, "{}", again.text);
    assert_eq!(receiver.wait_for(3)[2].header("webhook-id"), delivery);
    wait_until("the page shows the third attempt", || page().contains("3 attempts"));
}

fn a_secret_is_shown_once(database: Database) {
    World::make(&database, 0, async |_, _| {});
    let server = Server::start_with(&database, &ALLOWED);
    let admin = Member::new(&database, &server, "w", "admin");
    let made = admin.post("/booking/webhooks", &[&[("url", "http://127.0.0.1:4001/x")], &ALL[..]].concat());
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let id = between(&made.text, "/booking/webhooks/", "\"", 36);
    let first = secret(&made.text);
    let page = admin.get(&page_of(&id)).text;
    assert!(!page.contains("whsec_") && !admin.get("/booking/webhooks").text.contains("whsec_"));
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let replaced = admin.post(&format!("{}/secret", page_of(&id)), &[("seen", seen)]);
    assert_eq!((replaced.status, &replaced.headers["cache-control"]), (200, &"no-store".parse().unwrap()));
    assert_ne!(secret(&replaced.text), first);
    // The browser's reload sends the form again: it must not throw away the secret that is in use.
    let twice = admin.post(&format!("{}/secret", page_of(&id)), &[("seen", seen)]);
    assert_eq!(twice.status, 422);
    assert!(!twice.text.contains("whsec_") && twice.text.contains("changed since you opened the page"));
    assert!(admin.get(&page_of(&id)).text.contains("The secret before this one is valid until"));
}

fn what_is_wrong_is_said_beside_its_field(database: Database) {
    World::make(&database, 0, async |_, _| {});
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "w", "admin");
    let long = format!("https://hooks.example.com/{}", "a".repeat(10_000));
    for (url, sentence) in [
        ("", "Please enter a whole address"),
        ("hooks.example.com", "Please enter a whole address"),
        ("javascript:alert(1)", "must begin with https://"),
        ("http://8.8.8.8/", "must begin with https://"),
        ("https://127.0.0.1/", "private network"),
        ("https://2130706433/", "private network"),
        ("https://localhost/", "private network"),
        ("https://me:pw@8.8.8.8/", "a name or a password"),
        ("https://8.8.8.8:25/", "The port must be"),
        ("https://8.8.8.8/\"><script>x</script>\r\n", ""),
        (&long, "too long"),
    ] {
        let refused = admin.post("/booking/webhooks", &[&[("url", url)], &ALL[..]].concat());
        if sentence.is_empty() {
            assert!(!refused.text.contains("<script"), "{}", refused.text);
            continue;
        }
        assert_eq!(refused.status, 422, "{url}: {}", refused.text);
        assert!(refused.text.contains("id=\"url-error\"") && refused.text.contains(sentence), "{url}");
    }
    let none = admin.post("/booking/webhooks", &[("url", "https://8.8.8.8/a")]);
    assert_eq!(none.status, 422);
    assert!(none.text.contains("Please choose at least one event"));
    assert!(none.text.contains("value=\"https://8.8.8.8/a\""), "what was entered stays");
    let before = database.number("SELECT COUNT(*) FROM webhooks");
    admin.add("https://8.8.8.8/a");
    let twice = admin.post("/booking/webhooks", &[&[("url", "https://8.8.8.8/a")], &ALL[..]].concat());
    assert!(twice.status == 422 && twice.text.contains("with this address already"));
    for number in before + 1..20 {
        admin.add(&format!("https://8.8.8.8/{number}"));
    }
    let full = admin.post("/booking/webhooks", &[&[("url", "https://8.8.8.8/b")], &ALL[..]].concat());
    assert!(full.status == 422 && full.text.contains("can have 20 webhooks"));
    assert_eq!(database.number("SELECT COUNT(*) FROM webhooks"), 20);
}

fn webhooks_are_for_admins_of_their_own_workspace(database: Database) {
    World::named(&database, "one", 0, async |_, _| {});
    World::named(&database, "two", 0, async |_, _| {});
    let server = Server::start_with(&database, &ALLOWED);
    let (one, two) =
        (Member::new(&database, &server, "one", "admin"), Member::new(&database, &server, "two", "admin"));
    let (id, _) = one.add("http://127.0.0.1:4001/x");
    let form = [&[("url", "http://127.0.0.1:4009/")], &ALL[..]].concat();
    let page = page_of(&id);
    let posts = [
        (page.clone(), form.clone()),
        (format!("{page}/secret"), vec![("seen", "0")]),
        (format!("{page}/switch"), vec![("to", "off")]),
        (format!("{page}/again"), vec![("delivery", id.as_str())]),
        (format!("{page}/delete"), vec![]),
    ];
    for (path, fields) in &posts {
        assert_eq!(two.post(path, fields).status, 404, "{path}");
        let nobody = server.post_form(path, fields, &[]);
        assert_eq!(nobody.headers["location"], "/sign-in?next=/booking/webhooks", "{path}");
    }
    assert_eq!(two.get(&page).status, 404);
    assert_eq!(server.get(&page).headers["location"], "/sign-in?next=/booking/webhooks");
    assert!(!two.get("/booking/webhooks").text.contains("4001"));
    for role in ["staff", "manager"] {
        let member = Member::new(&database, &server, "one", role);
        for path in ["/booking/webhooks", page.as_str()] {
            assert_eq!(member.get(path).status, 403, "{role} {path}");
        }
        for (path, fields) in posts.iter().chain([&("/booking/webhooks".to_owned(), form.clone())]) {
            assert_eq!(member.post(path, fields).status, 403, "{role} {path}");
        }
    }
    for path in ["/booking/webhooks/x", "/booking/webhooks/0193b5a0-7c1e-7000-8000-000000000001"] {
        assert_eq!(one.get(path).status, 404, "{path}");
    }
    assert_eq!(one.post(&format!("{page}/again"), &[("delivery", "x")]).status, 404);
    assert_eq!(database.number("SELECT COUNT(*) FROM webhooks WHERE active AND url LIKE '%:4001/x'"), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM webhooks"), 1);
}

fn a_webhook_is_switched_off_and_on_and_deleted(database: Database) {
    World::make(&database, 0, async |_, _| {});
    let server = Server::start_with(&database, &ALLOWED);
    let admin = Member::new(&database, &server, "w", "admin");
    let (id, _) = admin.add("http://127.0.0.1:4001/x");
    let page = page_of(&id);
    let active = || database.number("SELECT COUNT(*) FROM webhooks WHERE active");
    for (to, count, word) in [("off", 0, "Switched off."), ("on", 1, "Switched on.")] {
        let done = admin.post(&format!("{page}/switch"), &[("to", to)]);
        assert_eq!((done.status, active()), (303, count));
        let shown = admin.get(done.headers["location"].to_str().unwrap());
        assert!(shown.text.contains(word), "{}", shown.text);
    }
    let changed = admin.post(&page, &[("url", "http://127.0.0.1:4002/y"), ("events", "reminder.sent")]);
    assert_eq!(changed.status, 303, "{}", changed.text);
    let list = admin.get("/booking/webhooks").text;
    assert!(list.contains("4002/y") && list.contains("1 event") && !list.contains("4001"), "{list}");
    let refused = admin.post(&page, &[("url", "nonsense"), ("events", "reminder.sent")]);
    assert!(refused.status == 422 && refused.text.contains("value=\"nonsense\""));
    assert_eq!(
        admin.post(&format!("{page}/delete"), &[]).headers["location"],
        "/booking/webhooks?done=deleted"
    );
    assert_eq!(admin.get(&page).status, 404);
    let actions =
        database.number("SELECT COUNT(DISTINCT action) FROM audit_log WHERE subject LIKE 'webhook:%'");
    assert_eq!(actions, 5, "created, disabled, enabled, changed, deleted");
}
