//! Addresses that are verified before a booking.

use crate::{
    harness::{Answer, Database, SECRET, Server, both},
    world::{World, at, order, rules},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use meridian::{domain::ids::OrderId, server::crypto::Secret};

both!(
    nothing_is_booked_before_the_code_is_entered,
    codes_can_be_tried_a_few_times_and_for_half_an_hour,
    a_time_that_was_taken_meanwhile_has_others_beside_it,
    an_address_gets_only_so_many_codes,
);

const BOOK: &str = "/api/v1/public/book/w/talk/book";

fn world(database: &Database) -> Server {
    World::make(database, 1, async |world, db| {
        let mut verified = rules(30);
        verified.verify_email = true;
        world.add(db, "talk", &verified).await;
        world.add(db, "plain", &rules(30)).await;
    });
    Server::start(database)
}

/// The path of an order's page.
fn ask(server: &Server, number: usize) -> String {
    let asked = server.post(BOOK, &order(at(600), number));
    assert_eq!(asked.status, 202, "{asked:?}");
    let verify = asked.json["verify"].as_str().unwrap();
    verify.get(verify.find("/verify/").unwrap()..).unwrap().to_owned()
}

/// The code in the newest mail.
fn code(database: &Database) -> String {
    let orders = database.texts("SELECT id FROM orders ORDER BY id DESC");
    let order = OrderId::try_from(orders.first().unwrap().clone()).unwrap();
    Secret::new(STANDARD.decode(SECRET).unwrap()).unwrap().order_code(&order)
}

fn enter(server: &Server, path: &str, code: &str) -> Answer {
    server.post_form(path, &[("code", code)], &[])
}

fn nothing_is_booked_before_the_code_is_entered(database: Database) {
    let server = world(&database);
    let path = ask(&server, 1);
    database.settle();
    assert_eq!(
        database.texts("SELECT recipient || ' ' || kind FROM messages"),
        ["invitee1@customer.example verify"]
    );
    let code = code(&database);
    let page = server.get(&format!("{path}?code={code}"));
    assert!(page.status == 200 && page.text.contains(&format!("value=\"{code}\"")), "{}", page.text);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 0, "looking at it books nothing");
    let booked = enter(&server, &path, &format!(" {code} "));
    assert_eq!(booked.status, 303, "{}", booked.text);
    let to = booked.headers["location"].to_str().unwrap().to_owned();
    assert!(server.get(&to).text.contains("You're booked"));
    // Twice, from another tab, and by looking again: the same appointment.
    assert_eq!(enter(&server, &path, &code).headers["location"], booked.headers["location"]);
    let again = server.get(&path);
    assert!(to.starts_with(again.headers["location"].to_str().unwrap()), "{again:?}");
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 1);
    assert_eq!(database.texts("SELECT input FROM orders"), [""], "what was entered is not kept twice");
    database.assert_sound();
}

fn codes_can_be_tried_a_few_times_and_for_half_an_hour(database: Database) {
    let server = world(&database);
    let path = ask(&server, 1);
    let right = code(&database);
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for code in [wrong, "", "<script>"] {
        let refused = enter(&server, &path, code);
        assert!(refused.status == 422 && refused.text.contains("not the code"), "{}", refused.text);
    }
    for _ in 0..3 {
        assert_eq!(enter(&server, &path, wrong).status, 422);
    }
    let refused = enter(&server, &path, &right);
    assert!(refused.status == 422 && refused.text.contains("no longer good"), "{}", refused.text);
    let path = ask(&server, 2);
    database.execute("UPDATE orders SET expires_at = 1");
    assert_eq!(enter(&server, &path, &code(&database)).status, 422);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 0);
    assert_eq!(enter(&server, "/verify/nonsense", "1").status, 404);
}

fn a_time_that_was_taken_meanwhile_has_others_beside_it(database: Database) {
    let server = world(&database);
    let path = ask(&server, 1);
    let code = code(&database);
    assert_eq!(server.post("/api/v1/public/book/w/plain/book", &order(at(600), 2)).status, 201);
    let taken = enter(&server, &path, &code);
    assert!(taken.status == 409 && taken.text.contains("name=\"start\""), "{}", taken.text);
    let other = at(630).timestamp() / 60;
    assert!(taken.text.contains(&format!("value=\"{other}\"")), "{}", taken.text);
    let booked = server.post_form(&path, &[("code", &code), ("start", &other.to_string())], &[]);
    assert_eq!(booked.status, 303, "{}", booked.text);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings"), 2);
    // The same request again leads to the same booking.
    let again = server.post(BOOK, &order(at(600), 1));
    assert_eq!(
        (again.status, again.json["verify"].as_str().map(|url| url.ends_with(&path))),
        (202, Some(true))
    );
    assert_eq!(database.number("SELECT COUNT(*) FROM orders"), 1);
    // And one that was taken before the code was even asked for.
    assert_eq!(server.post(BOOK, &order(at(600), 3)).status, 409);
}

fn an_address_gets_only_so_many_codes(database: Database) {
    let server = world(&database);
    let mut paths: Vec<String> = Vec::new();
    for step in 0..5 {
        let mut body = order(at(600 + 30 * step), 1);
        body["email"] = "Victim@customer.example".into();
        // The same order twice is one mail.
        for _ in 0..2 {
            let asked = server.post(BOOK, &body);
            assert_eq!(asked.status, 202, "{asked:?}");
            paths.push(asked.json["verify"].as_str().unwrap().to_owned());
        }
    }
    paths.dedup();
    assert_eq!(paths.len(), 5);
    let mut body = order(at(900), 1);
    body["email"] = "victim@customer.example".into();
    assert_eq!(server.post(BOOK, &body).status, 429);
    database.settle();
    assert_eq!(database.number("SELECT COUNT(*) FROM messages"), 5);
}
