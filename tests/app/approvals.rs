//! Bookings that wait for a member's word: approved, declined, or left alone.

use crate::{
    harness::{Database, SECRET, Server, both},
    world::{World, at, order, rules},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use meridian::{
    domain::{
        event_type::Approval,
        ids::{BookingId, MemberId},
    },
    server::crypto::Secret,
};
use serde_json::json;

both!(
    the_link_in_the_mail_shows_and_the_button_decides,
    whoever_declines_says_why_and_frees_the_time,
    a_request_that_nobody_decides_on_ends,
    a_moved_booking_is_approved_again,
    links_of_others_decide_nothing,
    nobody_approves_a_time_that_they_have_not_seen,
    guests_hear_nothing_before_it_is_approved,
);

fn world(database: &Database) -> Server {
    World::make(database, 2, async |world, db| {
        let mut approved = rules(30);
        approved.approval = Some(Approval { hold_minutes: 120 });
        // Everyone takes part, so that it is known whose link is whose.
        approved.assignment = meridian::domain::assignment::Assignment::AllHands;
        world.add(db, "visit", &approved).await;
    });
    Server::start(database)
}

const BOOK: &str = "/api/v1/public/book/w/visit/book";

fn request(server: &Server, number: usize) -> String {
    let asked = server.post(BOOK, &order(at(600), number));
    assert_eq!((asked.status, asked.json["status"].as_str()), (201, Some("pending")), "{asked:?}");
    asked.json["token"].as_str().unwrap().to_owned()
}

/// The link in a host's mail.
fn link(database: &Database) -> String {
    let secret = Secret::new(STANDARD.decode(SECRET).unwrap()).unwrap();
    let ids = database.texts(
        "SELECT a.booking_id || ' ' || a.member_id FROM attendees a JOIN bookings b ON b.id = a.booking_id
         WHERE b.status IN ('pending', 'confirmed') ORDER BY a.member_id",
    );
    let (booking, member) = ids.first().unwrap().split_once(' ').unwrap();
    let ids =
        (BookingId::try_from(booking.to_owned()).unwrap(), MemberId::try_from(member.to_owned()).unwrap());
    format!("/approval/{booking}.{member}.{}", secret.decision_token(&ids.0, &ids.1))
}

fn kinds(database: &Database, recipient: &str) -> Vec<String> {
    database.settle();
    let all = database.texts("SELECT recipient || ' ' || kind FROM messages ORDER BY id");
    let of = |mail: String| mail.strip_prefix(recipient).map(|kind| kind.trim().to_owned());
    all.into_iter().filter_map(of).collect()
}

fn status(server: &Server, token: &str) -> String {
    let shown = server.get(&format!("/api/v1/public/appointments/{token}"));
    shown.json["status"].as_str().unwrap().to_owned()
}

fn the_link_in_the_mail_shows_and_the_button_decides(database: Database) {
    let server = world(&database);
    let mut body = order(at(600), 1);
    body["guests"] = json!(["guest@customer.example"]);
    let token = server.post(BOOK, &body).json["token"].as_str().unwrap().to_owned();
    assert_eq!(kinds(&database, "invitee1@customer.example"), ["pending"]);
    assert_eq!(kinds(&database, "host0@w.example"), ["pending"]);
    assert!(kinds(&database, "guest@customer.example").is_empty(), "there is nothing to come to yet");
    let taken = server.post(BOOK, &order(at(600), 2));
    assert_eq!(taken.status, 409, "it holds its time");
    let link = link(&database);
    let page = server.get(&link);
    assert!(page.status == 200 && page.text.contains("Approve this booking?"), "{}", page.text);
    assert_eq!(status(&server, &token), "pending", "looking at it changes nothing");
    assert_eq!(server.post_form(&link, &[("decision", "maybe")], &[]).status, 422);
    let approved = server.post_form(&link, &[("decision", "approve"), ("reason", "")], &[]);
    assert_eq!(approved.status, 303);
    assert_eq!(status(&server, &token), "confirmed");
    assert_eq!(kinds(&database, "invitee1@customer.example"), ["pending", "approved"]);
    assert_eq!(kinds(&database, "guest@customer.example"), ["confirmed"]);
    assert_eq!(kinds(&database, "host1@w.example"), ["pending", "approved"]);
    let again = server.post_form(&link, &[("decision", "decline")], &[]);
    assert!(again.status == 422 && again.text.contains("approved already"), "{}", again.text);
    assert_eq!(status(&server, &token), "confirmed");
    // Its hold has no end any more.
    database.execute("UPDATE jobs SET run_at = 0 WHERE kind = 'expire'");
    database.wait_for("SELECT COUNT(*) FROM jobs WHERE kind = 'expire' AND status = 'queued'", 0);
    assert_eq!(status(&server, &token), "confirmed");
    database.assert_sound();
}

fn whoever_declines_says_why_and_frees_the_time(database: Database) {
    let server = world(&database);
    let token = request(&server, 1);
    let link = link(&database);
    let long = "x".repeat(1_001);
    assert_eq!(server.post_form(&link, &[("decision", "decline"), ("reason", &long)], &[]).status, 422);
    assert_eq!(status(&server, &token), "pending");
    let declined = server.post_form(&link, &[("decision", "decline"), ("reason", "We are away")], &[]);
    assert_eq!(declined.status, 303);
    let page = server.get(&format!("/appointment/{token}"));
    assert!(page.text.contains("This appointment was declined") && page.text.contains("We are away"));
    assert_eq!(kinds(&database, "invitee1@customer.example"), ["pending", "declined"]);
    database.assert_sound();
    request(&server, 2);
}

fn a_request_that_nobody_decides_on_ends(database: Database) {
    let server = world(&database);
    let token = request(&server, 1);
    let link = link(&database);
    // Two hours pass.
    database.execute("UPDATE bookings SET expires_at = 1");
    let late = server.post_form(&link, &[("decision", "approve")], &[]);
    assert!(late.status == 422 && late.text.contains("time for deciding is over"), "{}", late.text);
    database.execute("UPDATE jobs SET run_at = 0 WHERE kind = 'expire'");
    database.wait_for("SELECT COUNT(*) FROM bookings WHERE status = 'declined'", 1);
    assert_eq!(status(&server, &token), "declined");
    assert_eq!(kinds(&database, "invitee1@customer.example"), ["pending", "expired"]);
    assert_eq!(kinds(&database, "host0@w.example"), ["pending", "expired"]);
    database.assert_sound();
    request(&server, 2);
}

fn a_moved_booking_is_approved_again(database: Database) {
    let server = world(&database);
    let token = request(&server, 1);
    let link = link(&database);
    server.post_form(&link, &[("decision", "approve")], &[]);
    let path = format!("/api/v1/public/appointments/{token}/reschedule");
    let moved = server.post(&path, &json!({"start": at(720)}));
    assert_eq!((moved.status, moved.json["status"].as_str()), (200, Some("pending")), "{moved:?}");
    server.post_form(&link, &[("decision", "approve")], &[]);
    assert_eq!(status(&server, &token), "confirmed");
    assert_eq!(kinds(&database, "invitee1@customer.example"), ["pending", "approved", "moved", "approved"]);
    database.assert_sound();
}

fn links_of_others_decide_nothing(database: Database) {
    let server = world(&database);
    let token = request(&server, 1);
    let link = link(&database);
    let (rest, mac) = link.rsplit_once('.').unwrap();
    let members = database.texts("SELECT member_id FROM attendees ORDER BY member_id");
    let other = link.replace(&members[0], &members[1]);
    for wrong in [format!("{rest}."), format!("{rest}.{}", mac.to_lowercase()), other, "/approval/x".into()] {
        assert_eq!(server.get(&wrong).status, 404, "{wrong}");
        assert_eq!(server.post_form(&wrong, &[("decision", "approve")], &[]).status, 404, "{wrong}");
    }
    // A host who was taken off decides no more.
    database.execute(&format!("DELETE FROM attendees WHERE member_id = '{}'", members[0]));
    assert_eq!(server.post_form(&link, &[("decision", "approve")], &[]).status, 404);
    assert_eq!(status(&server, &token), "pending");
}

fn nobody_approves_a_time_that_they_have_not_seen(database: Database) {
    let server = world(&database);
    let token = request(&server, 1);
    let link = link(&database);
    let page = server.get(&link).text;
    let (_, rest) = page.split_once("name=\"seen\" value=\"").unwrap();
    let seen = rest.split('"').next().unwrap().to_owned();
    let moved =
        server.post(&format!("/api/v1/public/appointments/{token}/reschedule"), &json!({"start": at(720)}));
    assert_eq!(moved.status, 200, "{moved:?}");
    let sent = [("decision", "approve"), ("seen", seen.as_str())];
    let refused = server.post_form(&link, &sent, &[]);
    assert!(refused.status == 422 && refused.text.contains("changed meanwhile"), "{}", refused.text);
    assert_eq!(status(&server, &token), "pending");
    // Moving back and forth holds a time no longer than asking for it once.
    let ends = |sql| database.texts(sql);
    let first = ends("SELECT CAST(expires_at AS TEXT) FROM bookings");
    server.post(&format!("/api/v1/public/appointments/{token}/reschedule"), &json!({"start": at(600)}));
    assert_eq!(ends("SELECT CAST(expires_at AS TEXT) FROM bookings"), first);
}

fn guests_hear_nothing_before_it_is_approved(database: Database) {
    let server = world(&database);
    let mut body = order(at(600), 1);
    body["guests"] = json!(["first@customer.example"]);
    let token = server.post(BOOK, &body).json["token"].as_str().unwrap().to_owned();
    let page = format!("/appointment/{token}");
    let path = format!("/api/v1/public/appointments/{token}");
    let guests = [("guests", "second@customer.example")];
    assert_eq!(server.post_form(&format!("{page}/guests"), &guests, &[]).status, 303);
    assert_eq!(server.post(&format!("{path}/reschedule"), &json!({"start": at(720)})).status, 200);
    database.settle();
    let told = "SELECT COUNT(*) FROM messages WHERE recipient IN ('first@customer.example', 'second@customer.example')";
    assert_eq!(database.number(told), 0);
    assert_eq!(server.post(&format!("{path}/cancel"), &json!({})).status, 200);
    database.settle();
    assert_eq!(database.number(told), 0, "there is nothing to take back either");
}
