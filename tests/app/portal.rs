//! The customer portal: signing in by a mailed link, appointments, the feed, and what one can do with one's data.

mod data;

use crate::{
    harness::{Answer, Database, SECRET, Server, agent, answer, block_on, both},
    world::{World, at, day, order, rules},
};
use chrono::TimeDelta;
use meridian::{
    domain::ids::RowId,
    server::{crypto::Secret, store::Db},
};
use serde_json::json;

both!(
    a_link_signs_in_once_and_opening_it_changes_nothing,
    an_old_link_does_not_work_and_offers_a_new_one,
    whether_an_address_is_known_is_never_revealed,
    a_session_is_for_one_address_in_one_workspace,
    sessions_end,
    the_past_is_shown_in_pages,
    what_can_be_done_depends_on_the_service,
    a_feed_is_secret_and_can_be_revoked,
);

const GRACE: &str = "grace.hopper@customer.example";

fn world(database: &Database) -> Server {
    World::make(database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    Server::start(database)
}

fn by(email: &str, minutes: i64) -> serde_json::Value {
    let mut order = order(at(minutes), 1);
    order["email"] = json!(email);
    order["name"] = json!("Grace Hopper");
    order
}

fn book(server: &Server, workspace: &str, service: &str, order: &serde_json::Value) -> String {
    let booked = server.post(&format!("/api/v1/public/book/{workspace}/{service}/book"), order);
    assert_eq!(booked.status, 201, "{}", booked.text);
    booked.json["token"].as_str().or(booked.json["id"].as_str()).unwrap_or_default().to_owned()
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().get(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.call()).unwrap()
}

fn location(answer: &Answer) -> String {
    answer.headers.get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// One text from the database.
fn text(database: &Database, sql: String) -> String {
    block_on(async {
        let db = database.open().await;
        let sql = sqlx::AssertSqlSafe(sql);
        let found = match &db {
            Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
            Db::Postgres { write, .. } => sqlx::query_scalar(sql).fetch_one(write).await.unwrap(),
        };
        db.close().await;
        found
    })
}

fn execute(database: &Database, sql: &'static str) {
    block_on(async {
        let db = database.open().await;
        match &db {
            Db::Sqlite { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
            Db::Postgres { write, .. } => drop(sqlx::query(sql).execute(write).await.unwrap()),
        }
        db.close().await;
    });
}

fn secret() -> Secret {
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, SECRET).unwrap();
    Secret::new(bytes).unwrap()
}

/// Asks for a link and returns its path, as the mail would say it.
fn ask(database: &Database, server: &Server, workspace: &str, email: &str) -> String {
    let sent = server.post_form(&format!("/my/{workspace}/link"), &[("email", email)], &[]);
    assert_eq!((sent.status, location(&sent)), (303, format!("/my/{workspace}?sent=1")), "{}", sent.text);
    let newest = format!(
        "SELECT l.id FROM portal_links l JOIN workspaces w ON w.id = l.workspace_id
         WHERE w.slug = '{workspace}' AND l.email_key = '{}' ORDER BY l.expires_at DESC, l.id DESC LIMIT 1",
        email.to_lowercase()
    );
    let link = RowId::try_from(text(database, newest)).unwrap();
    format!("/my/{workspace}/enter/{}", secret().portal_token(&link))
}

fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/;", "portal="] {
        assert!(cookie.contains(wanted), "{wanted}: {cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

/// Signs in and returns the cookie.
fn sign_in(database: &Database, server: &Server, workspace: &str, email: &str) -> String {
    let path = ask(database, server, workspace, email);
    let entered = server.post_form(&path, &[], &[]);
    assert_eq!((entered.status, location(&entered)), (303, format!("/my/{workspace}")), "{}", entered.text);
    cookie(&entered)
}

fn a_link_signs_in_once_and_opening_it_changes_nothing(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by("Grace.Hopper@Customer.example", 600));
    assert_eq!(location(&server.get("/my")), "/my/w");
    let door = server.get("/my/w");
    assert_eq!(door.status, 200);
    assert!(door.text.contains("name=\"email\"") && !door.text.contains("<script"), "{}", door.text);
    let path = ask(&database, &server, "w", GRACE);
    let (kind, to) = (
        "SELECT kind FROM messages WHERE kind = 'portal-link'",
        "SELECT recipient FROM messages WHERE kind = 'portal-link'",
    );
    assert_eq!(text(&database, kind.into()), "portal-link");
    assert_eq!(text(&database, to.into()), GRACE);
    let stored = text(&database, "SELECT letter FROM messages WHERE kind = 'portal-link'".into());
    assert!(!stored.contains(path.rsplit('/').next().unwrap()), "the token is in the database: {stored}");
    // A mail scanner opens it, again and again, from elsewhere.
    for _ in 0..3 {
        let step = server.get(&path);
        assert_eq!(step.status, 200, "{}", step.text);
        assert!(step.text.contains("Show my appointments") && step.headers.get("set-cookie").is_none());
        assert_eq!(step.headers["cache-control"], "no-store");
        assert_eq!(step.headers["x-robots-tag"], "noindex");
        assert_eq!(step.headers["referrer-policy"], "same-origin");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_links WHERE used_at IS NULL"), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_sessions"), 0);
    let entered = server.post_form(&path, &[], &[]);
    let session = cookie(&entered);
    let page = get(&server, "/my/w", &[("cookie", &session)]);
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["cache-control"], "no-store");
    for shown in [
        "Coming up",
        "talk",
        "Host 0",
        "Video call",
        "Europe/Berlin",
        "/move\"",
        "/cancel\"",
        "invite.ics",
        "/book/w/talk",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    // The appointment's own page is where the link says.
    let own = page.text.split("href=\"/appointment/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(server.get(&format!("/appointment/{own}")).status, 200);
    for (method, again) in [("GET", server.get(&path)), ("POST", server.post_form(&path, &[], &[]))] {
        assert_eq!(again.status, 410, "{method}");
        assert!(
            again.text.contains("doesn't work any more") && again.text.contains("name=\"email\""),
            "{method}"
        );
        assert!(again.headers.get("set-cookie").is_none());
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_sessions"), 1);
    let out = server.post_form("/my/w/sign-out", &[], &[("cookie", &session)]);
    assert_eq!((out.status, location(&out)), (303, "/my/w?out=1".into()));
    assert!(get(&server, "/my/w", &[("cookie", &session)]).text.contains("name=\"email\""));
}

fn an_old_link_does_not_work_and_offers_a_new_one(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    let path = ask(&database, &server, "w", GRACE);
    execute(&database, "UPDATE portal_links SET expires_at = 1");
    for old in [&path, "/my/w/enter/nothing", "/my/w/enter/%00"] {
        for refused in [server.get(old), server.post_form(old, &[], &[])] {
            assert_eq!(refused.status, 410, "{old}: {}", refused.text);
            assert!(refused.text.contains("name=\"email\""), "{}", refused.text);
        }
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_sessions"), 0);
    for unknown in ["/my/nobody", "/my/nobody/enter/x", "/my/No%00", "/my/w/nothing", "/my/w/nothing.ics"] {
        assert_eq!(server.get(unknown).status, 404, "{unknown}");
    }
}

/// All that a client can see of an answer, but what differs between any two.
fn whole(answer: Answer) -> (u16, String, Vec<(String, String)>) {
    let headers =
        answer.headers.iter().filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status, answer.text, headers.collect())
}

fn whether_an_address_is_known_is_never_revealed(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    let ask = |email: &str| whole(server.post_form("/my/w/link", &[("email", email)], &[]));
    let mails = || database.number("SELECT COUNT(*) FROM messages WHERE kind = 'portal-link'");
    let known = ask(GRACE);
    assert_eq!(known.0, 303);
    assert_eq!((ask("nobody@customer.example"), mails()), (known.clone(), 1));
    // The limit is silent, and holds for the known and the unknown.
    for sent in [2, 3, 3, 3] {
        assert_eq!((ask("GRACE.hopper@customer.example"), mails()), (known.clone(), sent));
        assert_eq!(ask("nobody@customer.example"), known);
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_links"), 6);
    let refused = ask("not an address");
    assert_eq!(refused.0, 422);
    assert!(
        refused.1.contains("name@example.com") && refused.1.contains("value=\"not an address\""),
        "{}",
        refused.1
    );
    // A quarter of an hour later there is another one.
    execute(&database, "UPDATE portal_links SET expires_at = expires_at - 960000000");
    assert_eq!((ask(GRACE), mails()), (known, 4));
}

fn a_session_is_for_one_address_in_one_workspace(database: Database) {
    for (name, service) in [("one", "first"), ("two", "second")] {
        World::named(&database, name, 1, async |world, db| {
            world.add(db, service, &rules(30)).await;
        });
    }
    let server = Server::start(&database);
    book(&server, "one", "first", &by(GRACE, 600));
    book(&server, "two", "second", &by(GRACE, 600));
    let mut stranger = by("stranger@customer.example", 720);
    stranger["notes"] = json!("a stranger's note");
    book(&server, "one", "first", &stranger);
    let session = sign_in(&database, &server, "one", GRACE);
    let headers = [("cookie", session.as_str())];
    let page = get(&server, "/my/one", &headers).text;
    assert!(page.contains("first") && !page.contains("second"), "{page}");
    assert_eq!(page.matches("<li class=\"card").count(), 1, "{page}");
    let other = get(&server, "/my/two", &headers);
    assert!(other.text.contains("name=\"email\"") && !other.text.contains("second"), "{}", other.text);
    for path in ["/my/two/data.json", "/my/two/delete", "/my/one/data.json?x=1"] {
        let sent = get(&server, path, &headers);
        if path.starts_with("/my/two") {
            assert_eq!((sent.status, location(&sent)), (303, "/my/two".into()), "{path}");
        } else {
            assert!(!sent.text.contains("stranger") && !sent.text.contains("second"), "{}", sent.text);
        }
    }
    for path in ["/my/two/feed", "/my/two/feed/revoke", "/my/two/delete"] {
        let sent = server.post_form(path, &[("confirm", "yes")], &headers);
        assert_eq!((sent.status, location(&sent)), (303, "/my/two".into()), "{path}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM portal_feeds"), 0);
    assert_eq!(
        database.number("SELECT COUNT(*) FROM invitees WHERE email_key = 'grace.hopper@customer.example'"),
        2
    );
    // A link for one workspace opens no other.
    let path = ask(&database, &server, "one", GRACE).replace("/my/one/", "/my/two/");
    assert_eq!(server.post_form(&path, &[], &[]).status, 410);
}

fn sessions_end(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    let (first, second) = (sign_in(&database, &server, "w", GRACE), sign_in(&database, &server, "w", GRACE));
    let is_in =
        |session: &str| !get(&server, "/my/w", &[("cookie", session)]).text.contains("name=\"email\"");
    assert!(is_in(&first) && is_in(&second));
    execute(&database, "UPDATE portal_sessions SET seen_at = seen_at - 8 * 86400000000");
    assert!(!is_in(&first), "idle for more than a week");
    execute(&database, "UPDATE portal_sessions SET seen_at = seen_at + 6 * 86400000000");
    assert!(is_in(&first));
    // The visit was noted.
    execute(&database, "UPDATE portal_sessions SET seen_at = seen_at - 6 * 86400000000");
    assert!(is_in(&first) && !is_in(&second));
    execute(&database, "UPDATE portal_sessions SET created_at = created_at - 31 * 86400000000");
    assert!(!is_in(&first), "older than a month");
    let (first, second) =
        (sign_in(&database, &server, "w", GRACE), "portal=0000000000000000000000".to_owned());
    assert!(is_in(&first) && !is_in(&second));
    execute(&database, "UPDATE portal_links SET expires_at = expires_at - 960000000");
    let second = sign_in(&database, &server, "w", GRACE);
    let out = server.post_form("/my/w/sign-out", &[("everywhere", "1")], &[("cookie", &first)]);
    assert_eq!(out.status, 303);
    assert!(!is_in(&first) && !is_in(&second), "signed out everywhere");
}

fn the_past_is_shown_in_pages(database: Database) {
    World::make(&database, 1, async |world, db| {
        let talk = world.add(db, "talk", &rules(30)).await;
        for number in 1..=45 {
            let start = day() - TimeDelta::days(100 + number);
            world.put_booking(db, &talk, start, start + TimeDelta::minutes(30)).await;
        }
    });
    let server = Server::start(&database);
    let session = sign_in(&database, &server, "w", "past@customer.example");
    let (mut path, mut seen) = ("/my/w".to_owned(), Vec::new());
    loop {
        let page = get(&server, &path, &[("cookie", &session)]).text;
        seen.extend(page.split("datetime=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        assert_eq!(page.contains("Nothing is coming up"), path == "/my/w");
        let Some(next) = page.split("href=\"/my/w?before=").nth(1) else { break };
        path = format!("/my/w?before={}", next.split('"').next().unwrap());
    }
    assert_eq!(seen.len(), 45);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first: {seen:?}");
    for odd in ["x", "1.x", "99999999999999999999.0193b5a0-7c1e-7000-8000-000000000001", "%00"] {
        assert_eq!(
            get(&server, &format!("/my/w?before={odd}&after={odd}"), &[("cookie", &session)]).status,
            200
        );
    }
}

fn what_can_be_done_depends_on_the_service(database: Database) {
    World::make(&database, 1, async |world, db| {
        let mut fixed = rules(30);
        fixed.policy.cancel_until = None;
        fixed.policy.move_until = None;
        for (slug, visibility, active, minutes) in
            [("fixed", "hidden", true, 0), ("secret", "private", true, 60), ("closed", "listed", false, 120)]
        {
            let id = world.add_as(db, slug, &fixed, visibility, active).await;
            world.put_booking(db, &id, at(minutes), at(minutes + 30)).await;
        }
    });
    let server = Server::start(&database);
    let session = sign_in(&database, &server, "w", "past@customer.example");
    let page = get(&server, "/my/w", &[("cookie", &session)]).text;
    assert_eq!(page.matches("<li class=\"card").count(), 3);
    assert!(
        page.contains("/book/w/fixed")
            && !page.contains("/book/w/secret")
            && !page.contains("/book/w/closed")
    );
    assert!(
        !page.contains("/move\"") && !page.contains("/cancel\""),
        "the policy leaves it to the hosts: {page}"
    );
    execute(&database, "UPDATE invitees SET active = false");
    let page = get(&server, "/my/w", &[("cookie", &session)]).text;
    assert!(page.contains("Nothing is coming up") && page.matches("Cancelled</span>").count() == 3, "{page}");
}

fn a_feed_is_secret_and_can_be_revoked(database: Database) {
    let server = world(&database);
    book(&server, "w", "talk", &by(GRACE, 600));
    book(&server, "w", "talk", &by(GRACE, 660));
    book(&server, "w", "talk", &by("stranger@customer.example", 720));
    let session = sign_in(&database, &server, "w", GRACE);
    let headers = [("cookie", session.as_str())];
    let url = || {
        let page = get(&server, "/my/w", &headers).text;
        let at = page.find("/my/feed/")?;
        Some(page[at..].split('"').next().unwrap().to_owned())
    };
    assert_eq!(url(), None);
    assert_eq!(server.post_form("/my/w/feed", &[], &headers).status, 303);
    let path = url().unwrap();
    server.post_form("/my/w/feed", &[], &headers);
    assert_eq!(url().as_ref(), Some(&path), "it is shown again, and made once");

    let feed = server.get(&path);
    assert_eq!(feed.status, 200);
    assert_eq!(feed.headers["content-type"], "text/calendar; charset=utf-8");
    assert_eq!(feed.headers["x-robots-tag"], "noindex");
    let unfolded = feed.text.replace("\r\n ", "");
    for line in [
        "METHOD:PUBLISH",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",
        "NAME:Appointments: World",
        "X-WR-CALNAME:Appointments: World",
        "STATUS:CONFIRMED",
        "SEQUENCE:0",
        "SUMMARY:talk",
    ] {
        assert!(unfolded.lines().any(|found| found == line), "{line}: {unfolded}");
    }
    assert!(!unfolded.contains("ATTENDEE") && !unfolded.contains("customer.example"), "{unfolded}");
    assert_eq!(unfolded.matches("BEGIN:VEVENT").count(), 2);
    let id =
        text(&database, format!("SELECT id FROM invitees WHERE email_key = '{GRACE}' ORDER BY id LIMIT 1"));
    assert!(unfolded.lines().any(|line| line == format!("UID:{id}")), "{unfolded}");
    let start = at(600).format("DTSTART:%Y%m%dT%H%M%SZ").to_string();
    assert!(unfolded.lines().any(|line| line == start), "{start}: {unfolded}");

    // The same appointments: the same bytes, and nothing to send.
    let tag = feed.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(server.get(&path).text, feed.text);
    let known = get(&server, &path, &[("if-none-match", &tag)]);
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    assert_eq!(known.headers["etag"], tag.as_str());
    let head = answer(agent().head(format!("{}{path}", server.url)).call()).unwrap();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.headers["etag"], tag.as_str());

    // Cancelled ones stay, so that calendars drop them.
    let page = get(&server, "/my/w", &headers).text;
    let first = page.split("href=\"/appointment/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(server.post_form(&format!("/appointment/{first}/cancel"), &[("reason", "")], &[]).status, 303);
    let changed = get(&server, &path, &[("if-none-match", &tag)]);
    assert_eq!(changed.status, 200);
    assert!(
        changed.text.contains("STATUS:CANCELLED") && changed.text.contains("SEQUENCE:1"),
        "{}",
        changed.text
    );

    assert_eq!(server.post_form("/my/w/feed/revoke", &[], &headers).status, 303);
    assert_eq!((server.get(&path).status, url()), (410, None));
    server.post_form("/my/w/feed", &[], &headers);
    let new = url().unwrap();
    assert_ne!(new, path);
    assert_eq!((server.get(&new).status, server.get(&path).status), (200, 410));
}
