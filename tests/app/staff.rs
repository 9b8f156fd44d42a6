//! What members do with bookings on `/booking`: deciding, answering, noting who did not come; and who may.

use crate::{
    harness::{Answer, Database, Server, both},
    world::{World, at, order, rules},
};
use chrono::TimeDelta;
use meridian::{
    domain::{assignment::Assignment, event_type::Approval},
    server::clock,
};

both!(
    members_decide_on_what_they_may_see,
    hosts_of_several_answer_whether_they_come,
    who_did_not_come_is_noted_once_it_has_begun,
);

fn act(server: &Server, path: &str, fields: &[(&str, &str)], cookie: &str) -> Answer {
    server.post_form(path, fields, &[("cookie", cookie)])
}

fn id(database: &Database, sql: &'static str) -> String {
    database.texts(sql).first().unwrap().clone()
}

fn members_decide_on_what_they_may_see(database: Database) {
    World::named(&database, "w", 1, async |world, db| {
        let mut approved = rules(30);
        approved.approval = Some(Approval { hold_minutes: 120 });
        world.add(db, "visit", &approved).await;
    });
    World::named(&database, "other", 1, async |_, _| {});
    let server = Server::start(&database);
    for (number, minutes) in [(1, 600), (2, 660)] {
        let asked = server.post("/api/v1/public/book/w/visit/book", &order(at(minutes), number));
        assert_eq!(asked.status, 201, "{asked:?}");
    }
    let first = id(&database, "SELECT id FROM bookings ORDER BY start_at");
    let approve = [("booking", first.as_str()), ("decision", "approve")];
    for (email, workspace, role) in
        [("stranger@other.example", "other", "admin"), ("bystander@w.example", "w", "staff")]
    {
        let cookie = server.member(&database, email, workspace, role);
        for (path, fields) in [
            ("/booking/decide", approve.as_slice()),
            ("/booking/rsvp", &[("booking", &first), ("answer", "declined")]),
        ] {
            assert_eq!(act(&server, path, fields, &cookie).status, 404, "{email} {path}");
        }
    }
    let nobody = server.post_form("/booking/decide", &approve, &[]);
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking");
    let manager = server.member(&database, "manager@w.example", "w", "manager");
    let page = server.get_as("/booking", &manager);
    assert!(page.text.contains("Waiting for approval"), "{}", page.text);
    let done = act(&server, "/booking/decide", &approve, &manager);
    assert_eq!(done.headers["location"], "/booking?approved=1");
    assert!(server.get_as("/booking?approved=1", &manager).text.contains("Approved. Everyone is told."));
    let again = act(&server, "/booking/decide", &approve, &manager);
    assert!(again.status == 422 && again.text.contains("approved already"), "{}", again.text);
    let second = id(&database, "SELECT id FROM bookings WHERE status = 'pending'");
    let decline = [("booking", second.as_str()), ("decision", "decline"), ("reason", "Away")];
    assert_eq!(act(&server, "/booking/decide", &decline, &manager).status, 303);
    assert_eq!(database.number("SELECT COUNT(*) FROM bookings WHERE status = 'declined'"), 1);
    database.settle();
    let told = database.number("SELECT COUNT(*) FROM messages WHERE kind IN ('approved', 'declined')");
    assert_eq!(told, 4, "invitee and host, twice");
    database.assert_sound();
}

fn hosts_of_several_answer_whether_they_come(database: Database) {
    World::make(&database, 2, async |world, db| {
        let mut together = rules(30);
        together.assignment = Assignment::AllHands;
        world.add(db, "review", &together).await;
    });
    let server = Server::start(&database);
    let member = server.member(&database, "third@w.example", "w", "admin");
    // The member who signs in takes the first host's place.
    database.execute(
        "UPDATE hosts SET member_id = (SELECT m.id FROM members m JOIN users u ON u.id = m.user_id
                                       WHERE u.email_key = 'third@w.example') WHERE position = 1",
    );
    let booked = server.post("/api/v1/public/book/w/review/book", &order(at(600), 1));
    assert_eq!(booked.status, 201, "{booked:?}");
    let page = server.get_as("/booking", &member);
    assert!(page.text.contains("Will you be there?") && page.text.contains("no answer yet"), "{}", page.text);
    let booking = id(&database, "SELECT id FROM bookings");
    for (answer, shown) in [("declined", 1), ("confirmed", 0)] {
        let sent = act(&server, "/booking/rsvp", &[("booking", &booking), ("answer", answer)], &member);
        assert_eq!(sent.headers["location"], "/booking?answered=1");
        assert_eq!(database.number("SELECT COUNT(*) FROM attendees WHERE rsvp = 'declined'"), shown);
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM attendees WHERE rsvp = 'pending'"), 1);
}

fn who_did_not_come_is_noted_once_it_has_begun(database: Database) {
    World::make(&database, 1, async |world, db| {
        let talk = world.add(db, "talk", &rules(30)).await;
        let start = clock::now() - TimeDelta::minutes(90);
        world.put_booking(db, &talk, start, start + TimeDelta::minutes(30)).await;
    });
    let server = Server::start(&database);
    let admin = server.member(&database, "admin@w.example", "w", "admin");
    assert_eq!(server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1)).status, 201);
    let page = server.get_as("/booking", &admin);
    assert!(page.text.contains("The last seven days") && page.text.contains("Did not come"), "{}", page.text);
    let past = id(&database, "SELECT id FROM invitees WHERE name = 'Past Invitee'");
    let coming = id(&database, "SELECT id FROM invitees WHERE name = 'Invitee 1'");
    let missing = |invitee: &str, missing: &str| {
        act(&server, "/booking/no-show", &[("invitee", invitee), ("missing", missing)], &admin)
    };
    let early = missing(&coming, "yes");
    assert!(early.status == 422 && early.text.contains("not begun"), "{}", early.text);
    assert_eq!(missing(&past, "yes").headers["location"], "/booking?noted=1");
    assert_eq!(database.number("SELECT COUNT(*) FROM invitees WHERE no_show"), 1);
    assert!(server.get_as("/booking", &admin).text.contains("Came after all"));
    assert_eq!(missing(&past, "no").status, 303);
    assert_eq!(database.number("SELECT COUNT(*) FROM invitees WHERE no_show"), 0);
    assert_eq!(missing("nonsense", "yes").status, 404);
}
