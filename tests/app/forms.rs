//! Forms as browsers without JavaScript post them, and sessions.

use crate::{
    harness::{Answer, Database, Server, both},
    world::{World, at, rules},
};

both!(
    a_form_books_moves_and_cancels,
    a_refused_form_keeps_what_was_entered,
    getting_never_changes,
    sign_in_and_out,
    an_empty_server_is_set_up_once,
    forms_of_other_sites_are_refused,
);

fn world(database: &Database) -> Server {
    World::make(database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    Server::start(database)
}

fn minutes(of_day: i64) -> String {
    (at(of_day).timestamp() / 60).to_string()
}

fn fields(start: &str) -> Vec<(&str, &str)> {
    vec![
        ("start", start),
        ("length", "30"),
        ("zone", "Europe/Berlin"),
        ("name", "Ada </textarea><script>alert(1)</script>"),
        ("email", "ada@customer.example"),
        ("notes", "</textarea><script>alert(2)</script>"),
        ("form_key", "a key"),
    ]
}

fn location(answer: &Answer) -> String {
    answer.headers.get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn a_form_books_moves_and_cancels(database: Database) {
    let server = world(&database);
    let start = minutes(600);
    let booked = server.post_form("/book/w/talk", &fields(&start), &[]);
    assert_eq!(booked.status, 303, "{booked:?}");
    let page = location(&booked);
    assert!(page.starts_with("/appointment/") && page.ends_with("?new=1"), "{page}");
    // A second click sends the same form again: the same answer, and one booking.
    assert_eq!(location(&server.post_form("/book/w/talk", &fields(&start), &[])), page);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 1);
    let page = page.trim_end_matches("?new=1");
    let shown = server.get(page);
    assert_eq!(shown.status, 200);
    assert!(!shown.text.contains("<script>alert"), "what people type is text");
    let moved = server.post_form(&format!("{page}/move"), &[("start", &minutes(660))], &[]);
    assert_eq!((moved.status, location(&moved)), (303, format!("{page}?moved=1")));
    let cancelled = server.post_form(&format!("{page}/cancel"), &[("reason", "Ill")], &[]);
    assert_eq!((cancelled.status, location(&cancelled)), (303, format!("{page}?cancelled=1")));
    let again = server.post_form(&format!("{page}/cancel"), &[("reason", "Ill")], &[]);
    assert_eq!(again.status, 409);
    assert!(again.text.contains("already been cancelled"), "{}", again.text);
}

fn a_refused_form_keeps_what_was_entered(database: Database) {
    let server = world(&database);
    let start = minutes(600);
    server.post_form("/book/w/talk", &fields(&start), &[]);
    let mut second = fields(&start);
    second.retain(|(name, _)| *name != "form_key");
    let taken = server.post_form("/book/w/talk", &second, &[]);
    assert_eq!(taken.status, 409);
    assert!(taken.text.contains("ada@customer.example"), "the form keeps its input: {}", taken.text);
    assert!(taken.text.contains("took this time"), "{}", taken.text);
    assert!(!taken.text.contains("<script>alert"), "{}", taken.text);
    let mut wrong = fields(&start);
    wrong.retain(|(name, _)| !["email", "form_key"].contains(name));
    wrong.push(("email", "not an address"));
    let refused = server.post_form("/book/w/talk", &wrong, &[]);
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("not an address") && refused.text.contains("name@example.com"),
        "{}",
        refused.text
    );
    for path in ["/book/w/nothing", "/book/nobody/talk"] {
        assert_eq!(server.post_form(path, &fields(&start), &[]).status, 404, "{path}");
    }
    assert_eq!(server.post_form("/book/w/talk", &[], &[]).status, 422);
}

fn getting_never_changes(database: Database) {
    let server = world(&database);
    let start = minutes(600);
    let page = location(&server.post_form("/book/w/talk", &fields(&start), &[]));
    let page = page.trim_end_matches("?new=1");
    // A mail scanner follows every link that it finds.
    for path in ["", "/move", "/cancel", "/invite.ics", "/cancel?reason=x"] {
        assert_eq!(server.get(&format!("{page}{path}")).status, 200, "{path}");
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings WHERE status = 'confirmed'"), 1);
    for path in ["/appointment/unknown", "/appointment/unknown/move", "/appointment/unknown/cancel"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
}

const SET_UP: [(&str, &str); 13] = [
    ("workspace", "Café Zoë"),
    ("slug", "cafe"),
    ("name", "Zoë"),
    ("email", "Zoe@cafe.example"),
    ("password", "a long enough password"),
    ("zone", "Europe/Paris"),
    ("days", "mon"),
    ("days", "sat"),
    ("from", "09:00"),
    ("until", "17:30"),
    ("service", "Tasting"),
    ("length", "45"),
    ("code", ""),
];

fn cookie(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn sign_in_and_out(database: Database) {
    let server = Server::start(&database);
    server.post_form("/setup", &SET_UP, &[]);
    let sign_in = |email: &str, password: &str| {
        server.post_form("/sign-in", &[("email", email), ("password", password)], &[])
    };
    for (email, password) in
        [("zoe@cafe.example", "wrong"), ("nobody@cafe.example", "wrong"), ("", ""), ("x", "y")]
    {
        let refused = sign_in(email, password);
        assert_eq!(refused.status, 401, "{email}");
        assert!(refused.text.contains("e-mail address or the password is wrong"), "{}", refused.text);
    }
    let signed_in = sign_in("ZOE@cafe.example", "a long enough password");
    assert_eq!((signed_in.status, location(&signed_in)), (303, "/booking".into()));
    let cookie = cookie(&signed_in);
    let headers = [("cookie", cookie.as_str())];
    let page = crate::harness::answer(
        crate::harness::agent().get(format!("{}/booking", server.url)).header("cookie", &cookie).call(),
    )
    .unwrap();
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Tasting"), "{}", page.text);
    assert_eq!(server.get("/booking").status, 401);
    let out = server.post_form("/sign-out", &[], &headers);
    assert_eq!(out.status, 303);
    let after = crate::harness::answer(
        crate::harness::agent().get(format!("{}/booking", server.url)).header("cookie", &cookie).call(),
    )
    .unwrap();
    assert_eq!(after.status, 401, "a token that was signed out is worth nothing");
}

fn an_empty_server_is_set_up_once(database: Database) {
    let server = Server::start(&database);
    assert_eq!(location(&server.get("/")), "/setup");
    let mut wrong = SET_UP.to_vec();
    wrong.retain(|(name, _)| !["password", "days", "zone", "until"].contains(name));
    wrong.extend([("password", "short"), ("zone", "Mars/Olympus"), ("until", "25:00")]);
    let refused = server.post_form("/setup", &wrong, &[]);
    assert_eq!(refused.status, 422);
    for sentence in ["at least 12 characters", "time zone from the list", "time such as 09:00"] {
        assert!(refused.text.contains(sentence), "{sentence}: {}", refused.text);
    }
    assert!(refused.text.contains("Café Zoë") && !refused.text.contains("value=\"short\""));
    assert_eq!(database.number("SELECT COUNT(*) FROM workspaces"), 0);
    let done = server.post_form("/setup", &SET_UP, &[]);
    assert_eq!((done.status, location(&done)), (303, "/book/cafe/tasting".into()), "{done:?}");
    cookie(&done);
    assert_eq!(server.get("/book/cafe/tasting").status, 200);
    assert_eq!(location(&server.get("/")), "/book/cafe");
    assert_eq!(server.post_form("/setup", &SET_UP, &[]).status, 409);
    assert_eq!(database.number("SELECT COUNT(*) FROM workspaces"), 1);
}

fn forms_of_other_sites_are_refused(database: Database) {
    let server = world(&database);
    let start = minutes(600);
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(server.post_form("/book/w/talk", &fields(&start), &foreign).status, 403);
    let own = [("origin", server.url.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(server.post_form("/book/w/talk", &fields(&start), &own).status, 303);
}
