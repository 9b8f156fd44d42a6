//! The pages of staff about mail: settings, mailbox, messages of event types, queue.

mod messages;

use crate::{
    harness::{Answer, Database, Server, Worker, agent, answer, both},
    peers::{self, Smtp},
    world::{World, at, order, rules},
};
use std::net::TcpListener;

both!(
    settings_are_checked_at_each_field_and_nothing_is_half_written,
    a_password_never_comes_back_and_goes_to_no_other_server,
    a_test_says_what_came_of_it,
    mails_that_wait_go_out_once_the_server_is_mended,
    the_mailbox_shows_what_was_said_to_whom,
    a_mail_that_was_refused_is_sent_again,
    what_is_for_admins_is_refused_to_others,
    what_belongs_to_another_workspace_is_not_there,
    stuck_jobs_are_tried_again_or_dropped,
);

/// A member in a browser.
struct Member<'a> {
    server: &'a Server,
    cookie: String,
}

impl<'a> Member<'a> {
    fn new(database: &Database, server: &'a Server, role: &str, workspace: &str) -> Self {
        let email = format!("{role}@{workspace}.example");
        Self { server, cookie: server.member(database, &email, workspace, role) }
    }

    fn sign_in(server: &'a Server, role: &str, workspace: &str) -> Self {
        let email = format!("{role}@{workspace}.example");
        let form = [("email", email.as_str()), ("password", "a long enough password")];
        let signed_in = server.post_form("/sign-in", &form, &[]);
        let cookie = signed_in.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        Self { server, cookie }
    }

    fn get(&self, path: &str) -> Answer {
        let request = agent().get(format!("{}{path}", self.server.url)).header("cookie", &self.cookie);
        answer(request.call()).unwrap()
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.server.post_form(path, fields, &[("cookie", &self.cookie)])
    }

    /// Posts a form that is taken.
    fn does(&self, path: &str, fields: &[(&str, &str)]) {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    }
}

/// The sentence beside a field.
fn beside(page: &str, field: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("id=\"{field}-error\""))?;
    let (_, rest) = rest.split_once('>')?;
    rest.split_once("</p>").map(|(sentence, _)| sentence.to_owned())
}

fn world(database: &Database, slug: &str) {
    World::named(database, slug, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
}

/// Settings that are taken, for a server that signs in.
fn settings(port: &str) -> Vec<(&'static str, String)> {
    [
        ("host", "localhost"),
        ("port", port),
        ("security", "none"),
        ("username", "rosa"),
        ("password", "pa55 word"),
        ("from_name", "Studio Rosa"),
        ("from_address", "hello@studio.example"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// The same with another value for some fields.
fn with<'a>(
    settings: &'a [(&'static str, String)],
    changed: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let other = |name: &str| changed.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
    settings.iter().map(|(name, value)| (*name, other(name).unwrap_or(value))).collect()
}

/// The first address of a mail on the mailbox's page.
fn first_mail(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"/booking/mailbox/").expect("a mail is listed");
    format!("/booking/mailbox/{}", rest.split('"').next().unwrap())
}

fn settings_are_checked_at_each_field_and_nothing_is_half_written(database: Database) {
    world(&database, "w");
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "admin", "w");
    let page = admin.get("/booking/mail").text;
    assert!(page.contains("Nothing leaves this machine"), "{page}");
    let sound = settings("587");
    let long = "x".repeat(501);
    for (field, wrong) in [
        ("host", ""),
        ("host", "https://smtp.example.com"),
        ("host", "smtp.example.com:587"),
        ("host", "a\r\nb"),
        ("port", "0"),
        ("port", "65536"),
        ("port", "-1"),
        ("security", "rot13"),
        ("username", "a\u{0}b"),
        ("password", "a\nb"),
        ("password", &long),
        ("password", ""),
        ("from_name", "a\r\nBcc: x@y.example"),
        ("from_name", &long),
        ("from_address", "nobody"),
        ("from_address", "a@b.example\r\nBcc: x@y.example"),
    ] {
        let refused = admin.post("/booking/mail", &with(&sound, &[(field, wrong)]));
        assert_eq!(refused.status, 422, "{field} {wrong:?}");
        assert!(beside(&refused.text, field).is_some(), "{field} {wrong:?}: {}", refused.text);
        // What was entered is kept, but for the password.
        assert!(refused.text.contains("rosa") || field == "username", "{field}");
        assert!(!refused.text.contains("pa55 word"));
    }
    let refused = admin.post("/booking/mail", &with(&sound, &[("username", "")]));
    assert!(beside(&refused.text, "username").is_some(), "a password without a user: {}", refused.text);
    let refused = admin.post("/booking/mail", &[]);
    assert_eq!(refused.status, 422, "an empty form");
    assert_eq!(database.number("SELECT COUNT(*) FROM mail_settings"), 0);
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action LIKE 'mail.%'"), 0);
}

fn a_password_never_comes_back_and_goes_to_no_other_server(database: Database) {
    const KEPT: &str = "SELECT COUNT(*) FROM mail_settings WHERE LENGTH(password) > 0";
    world(&database, "w");
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "admin", "w");
    let sound = settings("1");
    admin.does("/booking/mail", &with(&sound, &[]));
    assert_eq!(database.number(KEPT), 1);
    let page = admin.get("/booking/mail").text;
    assert!(
        page.contains("localhost") && page.contains("rosa") && page.contains("A password is kept"),
        "{page}"
    );
    assert!(!page.contains("pa55 word"));
    // Empty: the one that is kept stays.
    admin.does("/booking/mail", &with(&sound, &[("password", ""), ("from_name", "Rosa")]));
    assert_eq!(database.number(KEPT), 1);
    // Another server, or one that could be listened to, does not get it.
    let elsewhere = [("password", ""), ("host", "mail.attacker.example")];
    let refused = admin.post("/booking/mail", &with(&sound, &elsewhere));
    assert_eq!(refused.status, 422);
    assert!(beside(&refused.text, "password").unwrap().contains("another server"), "{}", refused.text);
    admin.does("/booking/mail", &with(&sound, &[("security", "tls")]));
    let refused = admin.post("/booking/mail", &with(&sound, &[("password", ""), ("security", "none")]));
    assert!(beside(&refused.text, "password").unwrap().contains("encryption"), "{}", refused.text);
    // Removed together with its user only.
    let mut removing = with(&sound, &[("password", ""), ("security", "tls")]);
    removing.push(("remove_password", "yes"));
    assert!(beside(&admin.post("/booking/mail", &removing).text, "password").is_some());
    assert_eq!(database.number(KEPT), 1);
    admin.does("/booking/mail", &with(&sound, &[("password", ""), ("username", "")]));
    assert_eq!(database.number(KEPT), 0);
    // Back to the mailbox.
    admin.does("/booking/mail/forget", &[]);
    assert!(admin.get("/booking/mail").text.contains("Nothing leaves this machine"));
    assert_eq!(database.number("SELECT COUNT(*) FROM mail_settings"), 0);
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'mail.unset'"), 1);
}

fn a_test_says_what_came_of_it(database: Database) {
    world(&database, "w");
    let operator = Smtp::start();
    let configured = operator.settings();
    let configured: Vec<_> = configured.iter().map(|(name, value)| (*name, value.as_str())).collect();
    {
        let server = Server::start(&database);
        let admin = Member::new(&database, &server, "admin", "w");
        let kept = admin.post("/booking/mail/test", &[]);
        assert!(kept.text.contains("The test is in the"), "{}", kept.text);
        database.wait_for("SELECT COUNT(*) FROM messages WHERE kind = 'test' AND status = 'kept'", 1);
    }
    let server = Server::start_with(&database, &configured);
    let admin = Member::sign_in(&server, "admin", "w");
    let page = admin.get("/booking/mail").text;
    assert!(page.contains("the operator set") && page.contains("hello@studio.example"), "{page}");
    assert!(admin.post("/booking/mail/test", &[]).text.contains("The server took the test"));
    let mails = operator.wait_for(1);
    assert_eq!(mails[0].to(), "admin@w.example");
    // The workspace's own server comes first.
    let own = Smtp::start_with(&["--auth", "rosa:pa55 word"]);
    let sound = settings(&own.port.to_string());
    admin.does("/booking/mail", &with(&sound, &[("password", "wrong")]));
    let refused = admin.post("/booking/mail/test", &[]);
    assert_eq!(refused.status, 200);
    assert!(refused.text.contains("The test did not get through"), "{}", refused.text);
    assert!(refused.text.contains("535"), "what the server said: {}", refused.text);
    admin.does("/booking/mail", &with(&sound, &[]));
    assert!(admin.post("/booking/mail/test", &[]).text.contains("The server took the test"));
    let mails = own.wait_for(1);
    assert_eq!(mails[0].envelope["user"], "rosa");
    assert_eq!(mails[0].envelope["from"], "hello@studio.example");
    assert_eq!(operator.count(), 1);
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    admin.does("/booking/mail", &with(&sound, &[("port", &closed)]));
    assert!(admin.post("/booking/mail/test", &[]).text.contains("The test did not get through"));
}

fn mails_that_wait_go_out_once_the_server_is_mended(database: Database) {
    world(&database, "w");
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "admin", "w");
    let mut sound = settings("1");
    sound.retain(|(name, _)| !matches!(*name, "username" | "password"));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    admin.does("/booking/mail", &with(&sound, &[("port", &closed)]));
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1)).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'waiting' AND error <> ''", 2);
    let page = admin.get("/booking/mail").text;
    assert!(page.contains("has not got through since") && page.contains("2 mails wait"), "{page}");
    let mended = Smtp::start();
    admin.does("/booking/mail", &with(&sound, &[("port", &mended.port.to_string())]));
    let mails = mended.wait_for(2);
    assert!(mails.iter().any(|mail| mail.to() == "invitee1@customer.example"));
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'sent'", 2);
    database.wait_for("SELECT COUNT(*) FROM mail_troubles", 0);
    assert!(!admin.get("/booking/mail").text.contains("has not got through"));
}

fn the_mailbox_shows_what_was_said_to_whom(database: Database) {
    const READ: &str = "SELECT COUNT(*) FROM audit_log WHERE action = 'message.read'";
    world(&database, "w");
    let server = Server::start(&database);
    let admin = Member::new(&database, &server, "admin", "w");
    assert!(admin.get("/booking/mailbox").text.contains("There is no mail yet"));
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1)).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'kept'", 2);
    let page = admin.get("/booking/mailbox").text;
    assert!(page.contains("Nothing leaves this machine"), "{page}");
    for shown in ["invitee1@customer.example", "host0@w.example", "Kept here"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let found = admin.get("/booking/mailbox?address=%20INVITEE1@customer.example").text;
    assert!(found.contains("invitee1@customer.example") && !found.contains("host0@w.example"), "{found}");
    let none = admin.get("/booking/mailbox?address=%00%25&before=nonsense").text;
    assert!(none.contains("No mail went to this address"), "{none}");
    assert_eq!(database.number(READ), 0);
    let path = first_mail(&found);
    let mail = admin.get(&path);
    assert_eq!(mail.status, 200);
    for shown in ["Invitee 1", "/appointment/", "srcdoc=", "BEGIN:VCALENDAR", "Message-ID"] {
        assert!(mail.text.contains(shown), "{shown}: {}", mail.text);
    }
    assert!(!mail.headers["content-security-policy"].to_str().unwrap().contains("script"));
    assert_eq!(mail.headers["cache-control"], "no-store");
    let file = admin.get(&format!("{path}/mail.eml"));
    assert_eq!(file.headers["content-type"], "message/rfc822");
    let read = peers::parse(file.text.as_bytes());
    assert!(read["text"].as_str().unwrap().contains("/appointment/"), "{read}");
    assert_eq!(database.number(READ), 2);
    for unknown in ["x", "0193b5a0-7c1e-7000-8000-000000000001", "..%2Fmail"] {
        assert_eq!(admin.get(&format!("/booking/mailbox/{unknown}")).status, 404, "{unknown}");
    }
}

fn a_mail_that_was_refused_is_sent_again(database: Database) {
    const AGAIN: &str = "SELECT COUNT(*) FROM audit_log WHERE action = 'message.sent_again'";
    world(&database, "w");
    let operator = Smtp::start();
    let configured = operator.settings();
    let configured: Vec<_> = configured.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::start_with(&database, &configured);
    let admin = Member::new(&database, &server, "admin", "w");
    let mut body = order(at(600), 1);
    body["email"] = "refuse-me@customer.example".into();
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &body).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'refused'", 1);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'sent'", 1);
    let page = admin.get("/booking/mailbox?address=refuse-me@customer.example").text;
    assert!(page.contains("Refused") && page.contains("There is nobody of that name here"), "{page}");
    let path = first_mail(&page);
    assert!(admin.get(&path).text.contains("Send again"));
    // The world changed: the address exists now.
    database.execute(
        "UPDATE messages SET letter = REPLACE(letter, 'refuse-me@', 'welcome@') WHERE status = 'refused'",
    );
    admin.does(&format!("{path}/again"), &[]);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'sent'", 2);
    assert_eq!(database.number(AGAIN), 1);
    assert!(!admin.get(&path).text.contains("Send again"));
    // What was sent is not sent twice.
    admin.does(&format!("{path}/again"), &[]);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE status = 'sent'"), 2);
    assert_eq!(database.number(AGAIN), 1);
}

fn what_is_for_admins_is_refused_to_others(database: Database) {
    world(&database, "w");
    let server = Server::start(&database);
    let id = "0193b5a0-7c1e-7000-8000-000000000001";
    let shown = ["/booking/mail", "/booking/mailbox", "/booking/queue"].map(str::to_owned);
    let shown =
        [&shown[..], &[format!("/booking/mailbox/{id}"), format!("/booking/mailbox/{id}/mail.eml")]].concat();
    let done = [
        "/booking/mail".to_owned(),
        "/booking/mail/test".to_owned(),
        "/booking/mail/forget".to_owned(),
        format!("/booking/mailbox/{id}/again"),
        format!("/booking/queue/{id}/retry"),
        format!("/booking/queue/{id}/drop"),
    ];
    for path in &shown {
        let answer = server.get(path);
        assert_eq!(answer.status, 303, "{path}");
        assert!(
            answer.headers["location"].to_str().unwrap().starts_with("/sign-in?next=/booking/"),
            "{path}"
        );
    }
    for path in &done {
        assert_eq!(server.post_form(path, &[], &[]).status, 303, "{path}");
    }
    for role in ["staff", "manager"] {
        let member = Member::new(&database, &server, role, "w");
        for path in &shown {
            assert_eq!(member.get(path).status, 403, "{role} {path}");
        }
        for path in &done {
            assert_eq!(member.post(path, &with(&settings("587"), &[])).status, 403, "{role} {path}");
        }
        let menu = member.get("/booking/messages").text;
        assert!(menu.contains("href=\"/booking\"") && !menu.contains("/booking/mailbox"), "{role}: {menu}");
        let editor = if role == "manager" { 200 } else { 403 };
        assert_eq!(member.get("/booking/messages/talk").status, editor, "{role}");
        let saved = if role == "manager" { 303 } else { 403 };
        assert_eq!(member.post("/booking/messages/talk", &[]).status, saved, "{role}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM mail_settings"), 0);
}

fn what_belongs_to_another_workspace_is_not_there(database: Database) {
    world(&database, "one");
    World::named(&database, "two", 1, async |world, db| {
        world.add(db, "other", &rules(30)).await;
    });
    let server = Server::start(&database);
    let (one, two) =
        (Member::new(&database, &server, "admin", "one"), Member::new(&database, &server, "admin", "two"));
    assert_eq!(server.post("/api/v1/public/book/two/other/book", &order(at(600), 1)).status, 201);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'kept'", 2);
    let path = first_mail(&two.get("/booking/mailbox").text);
    assert_eq!(two.get(&path).status, 200);
    assert!(one.get("/booking/mailbox").text.contains("There is no mail yet"));
    assert_eq!(one.get(&path).status, 404);
    assert_eq!(one.get(&format!("{path}/mail.eml")).status, 404);
    assert_eq!(one.post(&format!("{path}/again"), &[]).status, 404);
    assert_eq!(two.get("/booking/messages/other").status, 200);
    assert_eq!(one.get("/booking/messages/other").status, 404);
    assert_eq!(one.post("/booking/messages/other", &[]).status, 404);
    assert!(!one.get("/booking/messages").text.contains("/booking/messages/other"));
    let job = put_dead_job(&database, "two");
    assert!(two.get("/booking/queue").text.contains("It fell over"));
    assert!(one.get("/booking/queue").text.contains("Nothing is stuck"));
    assert_eq!(one.post(&format!("/booking/queue/{job}/retry"), &[]).status, 404);
    assert_eq!(one.post(&format!("/booking/queue/{job}/drop"), &[]).status, 404);
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE status = 'dead'"), 1);
    // One workspace's settings are not another's.
    one.does("/booking/mail", &with(&settings("1"), &[]));
    assert!(two.get("/booking/mail").text.contains("Nothing leaves this machine"));
}

/// A job of a workspace that was given up.
fn put_dead_job(database: &Database, workspace: &str) -> String {
    let id = "0193b5a0-7c1e-7000-8000-00000000000b";
    database.execute(&format!(
        "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error,
                           created_at, updated_at)
         SELECT '{id}', id, 'event', 'dance', 'booking:x', '{{\"kind\":\"dance\"}}', 'dead', 1, 12,
                'It fell over <b>', 1, 2
         FROM workspaces WHERE slug = '{workspace}'"
    ));
    id.to_owned()
}

fn stuck_jobs_are_tried_again_or_dropped(database: Database) {
    const DEAD: &str = "SELECT COUNT(*) FROM jobs WHERE status = 'dead'";
    world(&database, "w");
    let server = Server::start_with(&database, &[("MERIDIAN_WORKER", "off")]);
    let admin = Member::new(&database, &server, "admin", "w");
    assert!(admin.get("/booking/queue").text.contains("Nothing is stuck"));
    let job = put_dead_job(&database, "w");
    let page = admin.get("/booking/queue").text;
    assert!(page.contains("It fell over &lt;b&gt;") && page.contains("Tried 12 times"), "{page}");
    admin.does(&format!("/booking/queue/{job}/retry"), &[]);
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND attempts = 0"), 1);
    assert!(admin.get("/booking/queue").text.contains("Nothing is stuck"));
    database.execute("UPDATE jobs SET status = 'dead'");
    admin.does(&format!("/booking/queue/{job}/drop"), &[]);
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs"), 0);
    assert_eq!(admin.post(&format!("/booking/queue/{job}/drop"), &[]).status, 404);
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action LIKE 'job.%'"), 2);
    // A mail that was given up waits again together with its job.
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1)).status, 201);
    let worker = Worker::start(&database);
    database.wait_for("SELECT COUNT(*) FROM messages WHERE status = 'kept'", 2);
    database.settle();
    drop(worker);
    database.execute("UPDATE messages SET status = 'failed', error = 'No answer' WHERE kind = 'confirmed'");
    database.execute(
        "INSERT INTO jobs (id, workspace_id, lane, kind, subject, payload, status, run_at, attempts, last_error,
                           created_at, updated_at)
         SELECT id, workspace_id, 'mail', 'mail', 'message:' || id, '{}', 'dead', 1, 12, 'No answer', 1, 2
         FROM messages WHERE recipient = 'invitee1@customer.example'",
    );
    let page = admin.get("/booking/queue").text;
    assert!(page.contains("Send a mail") && page.contains("The mail</a>"), "{page}");
    let id = database.texts("SELECT id FROM jobs WHERE status = 'dead'").remove(0);
    admin.does(&format!("/booking/queue/{id}/retry"), &[]);
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE status = 'waiting'"), 1);
    assert_eq!(database.number(DEAD), 0);
}
