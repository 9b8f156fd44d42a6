//! Access: tokens that end, are renewed, are lost, or allow less than they did.

use super::outside::{Outside, secret, serve, time};
use crate::{
    harness::{Database, SECRET, at_once, both},
    world::at,
};
use base64::Engine as _;
use chrono::TimeDelta;
use meridian::server::{clock, crypto::Secret};
use serde_json::json;
use std::net::TcpListener;

both!(
    taken_back_in_the_middle_of_a_reading,
    unauthorised_then_well_again,
    two_workers_renew_at_once,
    a_crash_before_renewed_tokens_are_kept,
    a_crash_before_tokens_for_one_use_are_kept,
    fewer_permissions_than_asked,
    a_secret_that_was_changed_with_old_ciphertext,
    a_clock_that_is_off_by_ten_minutes,
);

fn lunch(it: &Outside, minute: i64) {
    it.insert(json!({"summary": "Lunch", "start": time(at(minute)), "end": time(at(minute + 30))}));
}

/// The host connects the account again, with all that this needs.
fn connect_again(it: &Outside) {
    it.keep(&it.consent(), clock::now() + TimeDelta::hours(1));
    it.hurry();
    it.in_step();
}

/// The subjects of the mails that asked the host to do something.
fn asked(it: &Outside) -> Vec<String> {
    it.texts("SELECT subject FROM messages WHERE kind = 'account'")
}

fn taken_back_in_the_middle_of_a_reading(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    let booked = it.book(at(600));
    it.google.post("/_/options", json!({"max_page": 2}));
    for number in 0..6 {
        lunch(&it, 60 * number);
    }
    let fault = json!({"method": "GET", "path": "/events", "skip": 1, "times": 1000, "status": 401});
    it.google.post("/_/faults", fault);
    // The first page is still answered.
    it.keep(
        &json!({"access_token": it.token, "refresh_token": "taken back"}),
        clock::now() + TimeDelta::hours(1),
    );
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE state = 'reconnect' AND holder IS NULL", 1);
    assert!(!it.offers(at(0)), "what was read stays known");
    assert!(it.health(&host).contains("Needs reconnecting"));
    it.database.settle();
    assert_eq!(asked(&it), ["Please connect Google Calendar again"]);
    it.google.delete("/_/faults");
    connect_again(&it);
    assert!((0..6).all(|number| !it.offers(at(60 * number))) && it.offers(at(360)));
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 6);
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.events().len(), 7);
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn unauthorised_then_well_again(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    it.with_tokens();
    // The access token ends sooner than was said; the refresh token works.
    it.google.post("/_/expire", json!({"tokens": true}));
    it.google.delete("/_/log");
    let booked = it.book(at(600));
    it.event();
    assert_eq!(it.answers("POST", "/token"), [200], "renewed once");
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(it.health(&host).contains("In step"));
    assert_eq!(it.texts("SELECT trouble FROM connections"), [""]);
    it.assert_sound();
}

/// Refresh tokens that serve once: whoever renews with one that another worker has used loses the account.
fn two_workers_renew_at_once(database: Database) {
    let it = Outside::start(database);
    let other = it.another_server();
    it.google.post("/_/options", json!({"rotate_refresh_tokens": true}));
    it.with_tokens();
    let times = 4;
    for round in 0..times {
        it.google.post("/_/expire", json!({"tokens": true}));
        it.database.execute("UPDATE calendars SET synced_at = 0");
        it.look();
        let answers = at_once(4, |thread| {
            let server = if thread % 2 == 0 { &it.server } else { &other };
            let start = at(30 * i64::try_from(4 * round + thread).unwrap());
            let body = crate::world::order(start, 4 * round + thread);
            let answer = server.post("/api/v1/public/book/w/talk/book", &body);
            (answer.status, answer.text)
        });
        assert!(answers.iter().all(|(status, _)| *status == 201), "{answers:?}");
        it.in_step();
    }
    let renewed = it.answers("POST", "/token");
    assert!(renewed.len() >= times, "{renewed:?}");
    assert!(renewed.iter().all(|status| *status == 200), "{renewed:?}");
    it.hurry();
    it.in_step();
    assert_eq!(it.texts("SELECT state || trouble FROM connections"), ["ok"]);
    assert_eq!(it.events().len(), 4 * times);
    it.assert_sound();
}

/// The provider's answer came, and its reader died before it was kept.
fn crash(it: &Outside) {
    it.google.post("/_/expire", json!({"tokens": true}));
    it.google.delete("/_/log");
    it.refuse("UPDATE OF credential ON connections");
    it.fails();
    assert!(it.answers("POST", "/token").contains(&json!(200)), "the answer came");
    it.allow("connections");
}

fn a_crash_before_renewed_tokens_are_kept(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    it.with_tokens();
    let booked = it.book(at(600));
    crash(&it);
    // The former refresh token still works: renewing again is all that is needed.
    lunch(&it, 720);
    it.hurry();
    it.in_step();
    assert_eq!(it.texts("SELECT state || trouble FROM connections"), ["ok"]);
    assert!(!it.offers(at(720)));
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(asked(&it), Vec::<String>::new());
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn a_crash_before_tokens_for_one_use_are_kept(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    it.google.post("/_/options", json!({"rotate_refresh_tokens": true}));
    it.with_tokens();
    let first = it.book(at(600));
    lunch(&it, 720);
    it.sync();
    crash(&it);
    // The former refresh token is void, the new one was lost: only the owner can help, and is told so, once.
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE state = 'reconnect' AND holder IS NULL", 1);
    assert_eq!(it.try_book(at(690), 2).status, 201, "bookings go on");
    it.look();
    it.in_step();
    assert_eq!(asked(&it), ["Please connect Google Calendar again"]);
    assert!(it.health(&host).contains("Needs reconnecting"));
    assert!(!it.offers(at(720)), "unknown is not free");
    connect_again(&it);
    assert_eq!(it.events().len(), 3, "{:?}", it.log());
    assert_eq!(it.booking(&first), ("confirmed".into(), at(600)));
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn fewer_permissions_than_asked(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    // Connected with all of them; by the next renewal the host has taken one back at the provider.
    let scope = |name: &str| format!("https://www.googleapis.com/auth/calendar.{name}");
    let reads = [scope("calendarlist.readonly"), scope("readonly")];
    it.google.post("/_/options", json!({"granted_scopes": reads}));
    let tokens = it.consent();
    it.keep(&tokens, clock::now());
    lunch(&it, 720);
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE state = 'permission' AND holder IS NULL", 1);
    assert_eq!(it.try_book(at(600), 1).status, 201, "bookings go on");
    it.database.settle();
    assert!(!it.offers(at(720)), "what is allowed is done: {:?}", it.log());
    let page = it.health(&host);
    assert!(page.contains("Permission missing") && page.contains("allow everything"), "{page}");
    // The next look finds it no better, and tells nobody twice.
    let again = "UPDATE connections SET next_at = 0, trouble = 'old' WHERE state = 'permission'";
    it.database.execute(again);
    it.database
        .wait_for("SELECT COUNT(*) FROM connections WHERE state = 'permission' AND trouble <> 'old'", 1);
    it.in_step();
    assert_eq!(asked(&it).len(), 1, "{:?}", asked(&it));
    assert!(it.answers("POST", "/events").contains(&json!(403)), "it was tried");
    assert_eq!(it.flags(), Vec::<String>::new(), "not given up, as one that is refused for ever is");
    it.google.post("/_/options", json!({"granted_scopes": null}));
    connect_again(&it);
    assert_eq!(it.events().len(), 2, "the booking that waited is written: {:?}", it.log());
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

const NEW: &str = "bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyBuZXc=";

fn a_secret_that_was_changed_with_old_ciphertext(database: Database) {
    let mut it = Outside::start(database);
    let host = it.host();
    it.with_tokens();
    let booked = it.book(at(600));
    let restart = |it: &mut Outside, settings: &[(&str, &str)]| {
        it.server.signal("KILL");
        it.server.wait();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        it.server = serve(&it.database, &it.google, port, false, settings);
        it.database.execute("UPDATE connections SET holder = NULL, held_until = 0");
    };
    restart(&mut it, &[("MERIDIAN_SECRET", NEW), ("MERIDIAN_OLD_SECRETS", SECRET)]);
    it.sync();
    assert!(it.health(&host).contains("In step"));
    // An instance that was still running sealed this with the former secret; it is renewed, and sealed with the new one.
    it.keep_sealed(&it.consent(), clock::now(), &secret());
    lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)), "{:?}", it.log());
    restart(&mut it, &[("MERIDIAN_SECRET", NEW)]);
    assert_eq!(it.try_book(at(690), 2).status, 201);
    it.sync();
    assert_eq!(it.events().len(), 3, "{:?}", it.log());
    assert!(it.health(&host).contains("In step"));
    // One that no secret opens: its owner is told, once.
    it.keep_sealed(&it.consent(), clock::now(), &secret());
    it.look();
    it.database.wait_for("SELECT COUNT(*) FROM connections WHERE state = 'reconnect' AND holder IS NULL", 1);
    assert_eq!(it.try_book(at(810), 3).status, 201);
    it.in_step();
    assert_eq!(asked(&it), ["Please connect Google Calendar again"]);
    assert!(it.health(&host).contains("Needs reconnecting") && !it.offers(at(720)));
    let new = Secret::new(base64::engine::general_purpose::STANDARD.decode(NEW).unwrap()).unwrap();
    it.keep_sealed(&it.consent(), clock::now() + TimeDelta::hours(1), &new);
    it.hurry();
    it.in_step();
    assert_eq!(it.events().len(), 4, "{:?}", it.log());
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}

fn a_clock_that_is_off_by_ten_minutes(database: Database) {
    let it = Outside::start(database);
    let host = it.host();
    let (now, ten) = (clock::now(), TimeDelta::minutes(10));
    // Behind: a token is taken for good that has ended.
    let tokens = it.consent();
    it.google.post("/_/expire", json!({"tokens": true}));
    it.keep(&tokens, now + ten);
    it.google.delete("/_/log");
    lunch(&it, 720);
    it.sync();
    assert!(!it.offers(at(720)));
    assert_eq!(it.answers("POST", "/token"), [200]);
    // Ahead: one that is good is taken for one that has ended. It is renewed before anything is asked.
    it.keep(&it.consent(), now - ten);
    it.google.delete("/_/log");
    let booked = it.book(at(600));
    let refused = it.answers("GET", "/calendar/v3").into_iter().filter(|status| *status == 401);
    assert_eq!((it.answers("POST", "/token"), refused.count()), (vec![json!(200)], 0));
    // The provider's clock is ahead of ours, or behind it: a limit ends all the same.
    for off in [ten, -ten] {
        let date = (now + off).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let limit = json!({"path": "/calendar/v3", "status": 429, "headers": {"Retry-After": date}});
        it.google.post("/_/faults", limit);
        it.google.delete("/_/log");
        it.sync();
        assert!(it.answers("GET", "/calendar/v3").contains(&json!(429)));
        let until = it.database.number("SELECT COALESCE(MAX(limited_until), 0) FROM connections");
        assert!(until <= (clock::now() + ten).timestamp_micros(), "{off}");
        it.hurry();
        it.in_step();
    }
    assert_eq!(it.booking(&booked), ("confirmed".into(), at(600)));
    assert_eq!(it.events().len(), 2);
    assert!(it.health(&host).contains("In step"));
    it.assert_sound();
}
