//! Bookings out to other programs: feeds of members and teams, and the file of one booking for each who may see it.

use crate::{
    harness::{Answer, Database, Server, agent, answer, both},
    peers,
    world::{World, at, order, rules},
};
use chrono::TimeDelta;

both!(
    a_feed_is_made_shown_once_and_revoked,
    everyone_gets_what_their_role_may_see,
    a_feed_follows_the_role_of_its_owner,
    nobody_reaches_the_feeds_of_another_workspace,
    other_programs_can_subscribe,
    a_booking_is_a_file_for_those_who_may_see_it,
    feeds_are_asked_for_no_more_often_than_anything_else,
);

/// Two event types with two hosts each, and who signs in: an admin, a manager, and a staff member who is the first host of
/// "talk".
struct Stage {
    database: Database,
    server: Server,
    admin: String,
    manager: String,
    staff: String,
}

impl Stage {
    fn new(database: Database) -> Self {
        Self::with(database, &[])
    }

    fn with(database: Database, settings: &[(&str, &str)]) -> Self {
        World::make(&database, 2, async |world, db| {
            world.add(db, "talk", &rules(30)).await;
            world.add(db, "visit", &rules(60)).await;
        });
        let server = Server::start_with(&database, settings);
        let admin = server.member(&database, "admin@w.example", "w", "admin");
        let manager = server.member(&database, "manager@w.example", "w", "manager");
        let staff = server.member(&database, "staff@w.example", "w", "staff");
        database.execute(
            "UPDATE hosts SET member_id = (SELECT m.id FROM members m JOIN users u ON u.id = m.user_id
                                           WHERE u.email_key = 'staff@w.example')
             WHERE position = 1 AND event_type_id = (SELECT id FROM event_types WHERE slug = 'talk')",
        );
        database.execute("DELETE FROM hosts WHERE position = 2 AND event_type_id = (SELECT id FROM event_types WHERE slug = 'talk')");
        Self { database, server, admin, manager, staff }
    }

    fn book(&self, service: &str, minutes: i64, number: usize) {
        let booked =
            self.server.post(&format!("/api/v1/public/book/w/{service}/book"), &order(at(minutes), number));
        assert_eq!(booked.status, 201, "{booked:?}");
    }

    fn make(&self, cookie: &str, what: &str, contacts: bool) -> Answer {
        let mut fields = vec![("what", what)];
        if contacts {
            fields.push(("contacts", "on"));
        }
        self.server.post_form("/booking/feeds", &fields, &[("cookie", cookie)])
    }

    /// The path of a new feed.
    fn feed(&self, cookie: &str, what: &str, contacts: bool) -> String {
        let made = self.make(cookie, what, contacts);
        assert_eq!(made.status, 201, "{}", made.text);
        let (_, rest) = made.text.split_once("<code id=\"address\">").unwrap();
        let url = rest.split('<').next().unwrap();
        format!("/feed/{}", url.rsplit('/').next().unwrap())
    }

    fn event_type(&self, slug: &str) -> String {
        let slugs = self.database.texts("SELECT slug FROM event_types ORDER BY id");
        let ids = self.database.texts("SELECT id FROM event_types ORDER BY id");
        ids[slugs.iter().position(|known| known == slug).unwrap()].clone()
    }

    fn read(&self, path: &str) -> String {
        let feed = self.server.get(path);
        assert_eq!(feed.status, 200, "{}", feed.text);
        feed.text.replace("\r\n ", "")
    }
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = agent().get(format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    answer(request.call()).unwrap()
}

fn a_feed_is_made_shown_once_and_revoked(database: Database) {
    let stage = Stage::new(database);
    stage.book("talk", 600, 1);
    let empty = stage.server.get_as("/booking/feeds", &stage.staff);
    assert!(
        empty.text.contains("There are no feeds yet") && !empty.text.contains("All bookings"),
        "{}",
        empty.text
    );
    let path = stage.feed(&stage.staff, "own", false);
    let token = path.trim_start_matches("/feed/").trim_end_matches(".ics").to_owned();
    let listed = stage.server.get_as("/booking/feeds", &stage.staff);
    assert!(listed.text.contains("Bookings of Some One") && !listed.text.contains(&token), "{}", listed.text);
    assert_eq!(stage.database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'feed.created'"), 1);

    let feed = stage.server.get(&path);
    assert_eq!(feed.status, 200);
    assert_eq!(feed.headers["content-type"], "text/calendar; charset=utf-8");
    assert_eq!(feed.headers["x-robots-tag"], "noindex");
    for line in
        ["METHOD:PUBLISH", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H", "SUMMARY:talk"]
    {
        assert!(feed.text.lines().any(|found| found == line), "{line}: {}", feed.text);
    }
    let tag = feed.headers["etag"].to_str().unwrap();
    let known = get(&stage.server, &path, &[("if-none-match", tag)]);
    assert_eq!((known.status, known.text.as_str()), (304, ""));
    stage.book("talk", 660, 2);
    let changed = get(&stage.server, &path, &[("if-none-match", tag)]);
    assert_eq!((changed.status, changed.text.matches("BEGIN:VEVENT").count()), (200, 2));
    let head = answer(agent().head(format!("{}{path}", stage.server.url)).call()).unwrap();
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(stage.server.post_form(&path, &[], &[]).status, 405, "feeds are read only");

    let id = stage.database.texts("SELECT id FROM feeds").remove(0);
    let revoke = format!("/booking/feeds/{id}/revoke");
    assert_eq!(stage.server.post_form(&revoke, &[], &[]).headers["location"], "/sign-in?next=/booking/feeds");
    let manager = stage.server.post_form(&revoke, &[], &[("cookie", &stage.manager)]);
    assert_eq!(manager.status, 404, "a manager revokes their own");
    let done = stage.server.post_form(&revoke, &[], &[("cookie", &stage.staff)]);
    assert_eq!(done.headers["location"], "/booking/feeds?revoked=1");
    assert_eq!(stage.server.get(&path).status, 404);
    assert_eq!(stage.server.post_form(&revoke, &[], &[("cookie", &stage.staff)]).status, 404);
    for unknown in ["/feed/", "/feed/x", "/feed/x.ics", "/feed/%00.ics"] {
        assert_eq!(stage.server.get(unknown).status, 404, "{unknown}");
    }
}

fn everyone_gets_what_their_role_may_see(database: Database) {
    let stage = Stage::new(database);
    stage.book("talk", 600, 1);
    stage.book("visit", 600, 2);
    let own = stage.read(&stage.feed(&stage.staff, "own", true));
    assert!(own.contains("SUMMARY:talk: Invitee 1") && !own.contains("Invitee 2"), "{own}");
    assert!(own.contains("invitee1@customer.example") && !own.contains("ATTENDEE"), "{own}");
    let bare = stage.read(&stage.feed(&stage.staff, "own", false));
    assert!(!bare.contains("Invitee") && !bare.contains("customer.example"), "{bare}");

    let visit = stage.event_type("visit");
    for what in ["all", visit.as_str(), "", "nothing"] {
        let refused = stage.make(&stage.staff, what, false);
        assert_eq!(refused.status, 422, "{what}");
        assert!(refused.text.contains("Please choose what is to be in the feed"), "{}", refused.text);
    }
    for cookie in [&stage.manager, &stage.admin] {
        let all = stage.read(&stage.feed(cookie, "all", true));
        assert!(
            all.contains("invitee1@customer.example") && all.contains("invitee2@customer.example"),
            "{all}"
        );
        let team = stage.read(&stage.feed(cookie, &visit, true));
        assert!(
            team.contains("Invitee 2") && !team.contains("Invitee 1") && team.contains("NAME:visit: World"),
            "{team}"
        );
        let own = stage.read(&stage.feed(cookie, "own", true));
        assert!(!own.contains("BEGIN:VEVENT"), "{own}");
    }
    let listed = stage.server.get_as("/booking/feeds", &stage.admin).text;
    assert!(listed.contains("made by Some One"), "admins see everyone's: {listed}");

    // What is called off, or declined by its host, leaves the feed.
    let path = stage.feed(&stage.manager, "all", false);
    let booking = stage.database.texts("SELECT id FROM bookings ORDER BY id").remove(0);
    stage.server.post_form("/booking/cancel", &[("booking", &booking)], &[("cookie", &stage.admin)]);
    assert_eq!(stage.read(&path).matches("BEGIN:VEVENT").count(), 1);
}

fn a_feed_follows_the_role_of_its_owner(database: Database) {
    let stage = Stage::new(database);
    stage.book("visit", 600, 1);
    let (all, own) = (stage.feed(&stage.manager, "all", true), stage.feed(&stage.manager, "own", true));
    assert!(stage.read(&all).contains("Invitee 1"));
    stage.database.execute("UPDATE members SET role = 'staff' WHERE role = 'manager'");
    assert_eq!((stage.server.get(&all).status, stage.server.get(&own).status), (404, 200));
    let full: Vec<u16> = (0..20).map(|_| stage.make(&stage.manager, "own", false).status).collect();
    assert_eq!((full[17], full[18]), (201, 422), "{full:?}: twenty feeds are enough");
}

fn nobody_reaches_the_feeds_of_another_workspace(database: Database) {
    World::named(&database, "other", 1, async |world, db| {
        world.add(db, "secret", &rules(30)).await;
    });
    let stage = Stage::new(database);
    let booked = stage.server.post("/api/v1/public/book/other/secret/book", &order(at(600), 7));
    assert_eq!(booked.status, 201, "{booked:?}");
    stage.book("talk", 600, 1);
    let stranger = stage.server.member(&stage.database, "admin@other.example", "other", "admin");
    stage.feed(&stage.admin, "all", true);
    let feed = stage.database.texts("SELECT id FROM feeds").remove(0);
    let revoke =
        stage.server.post_form(&format!("/booking/feeds/{feed}/revoke"), &[], &[("cookie", &stranger)]);
    assert_eq!(revoke.status, 404);
    assert_eq!(stage.make(&stranger, &stage.event_type("talk"), true).status, 422);
    let theirs = stage.read(&stage.feed(&stranger, "all", true));
    assert!(theirs.contains("Invitee 7") && !theirs.contains("Invitee 1"), "{theirs}");
    let listed = stage.server.get_as("/booking/feeds", &stranger).text;
    assert_eq!(listed.matches("/revoke\"").count(), 1, "{listed}");
}

fn other_programs_can_subscribe(database: Database) {
    let stage = Stage::new(database);
    stage.book("talk", 600, 1);
    stage.book("visit", 720, 2);
    let path = stage.feed(&stage.manager, "all", true);
    let folder = tempfile::tempdir().unwrap();
    let (from, until) = (at(0).date_naive(), (at(0) + TimeDelta::days(1)).date_naive());
    let subscribe = || {
        peers::subscribe(
            &format!("{}{path}", stage.server.url),
            folder.path(),
            &[&from.to_string(), &until.to_string(), "Asia/Tokyo"],
        )
    };
    let found = subscribe();
    assert_eq!((&found["files"], &found["refresh"]), (&2.into(), &"PT1H".into()), "{found}");
    assert_eq!(found["name"], "All bookings: World");
    assert_eq!(found["errors"].as_array().unwrap().len(), 0, "{found}");
    // Tokyo is nine hours ahead of UTC.
    let day = from.to_string();
    assert_eq!(
        found["khal"],
        serde_json::json!([
            [format!("{day} 19:00"), format!("{day} 19:30"), "talk: Invitee 1", "https://meet.example/room"],
            [format!("{day} 21:00"), format!("{day} 22:00"), "visit: Invitee 2", "https://meet.example/room"],
        ])
    );
    let uids: Vec<&str> =
        found["events"].as_array().unwrap().iter().map(|event| event["uid"].as_str().unwrap()).collect();
    assert_eq!(uids, stage.database.texts("SELECT id FROM bookings ORDER BY start_at"));

    let booking = stage.database.texts("SELECT id FROM bookings ORDER BY start_at").remove(0);
    stage.server.post_form("/booking/cancel", &[("booking", &booking)], &[("cookie", &stage.admin)]);
    let found = subscribe();
    assert_eq!((&found["files"], found["khal"].as_array().unwrap().len()), (&1.into(), 1), "{found}");
}

fn a_booking_is_a_file_for_those_who_may_see_it(database: Database) {
    let stage = Stage::new(database);
    stage.book("talk", 600, 1);
    stage.book("visit", 720, 2);
    let ids = stage.database.texts("SELECT id FROM bookings ORDER BY start_at");
    let file = |number: usize, cookie: &str| {
        stage.server.get_as(&format!("/booking/{}/appointment.ics", ids[number]), cookie)
    };
    for cookie in [&stage.staff, &stage.manager, &stage.admin] {
        let talk = file(0, cookie);
        assert_eq!(talk.status, 200, "{}", talk.text);
        assert_eq!(talk.headers["content-disposition"], "attachment; filename=\"appointment.ics\"");
        let read = peers::parse(talk.text.as_bytes());
        assert_eq!(read["defects"].as_array().map(Vec::len), Some(0), "{read}");
        assert!(
            talk.text.contains(&format!("UID:{}", ids[0])) && !talk.text.contains("METHOD"),
            "{}",
            talk.text
        );
        assert!(talk.text.replace("\r\n ", "").contains("invitee1@customer.example"), "{}", talk.text);
    }
    assert_eq!((file(1, &stage.staff).status, file(1, &stage.manager).status), (404, 200));
    let nobody = stage.server.get(&format!("/booking/{}/appointment.ics", ids[0]));
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking");
    World::named(&stage.database, "other", 1, async |_, _| {});
    let stranger = stage.server.member(&stage.database, "admin@other.example", "other", "admin");
    assert_eq!((file(0, &stranger).status, file(1, &stranger).status), (404, 404));
    assert_eq!(stage.server.get_as("/booking/x/appointment.ics", &stage.admin).status, 404);
}

fn feeds_are_asked_for_no_more_often_than_anything_else(database: Database) {
    let stage = Stage::with(database, &[("MERIDIAN_RATE_LIMITS", "on")]);
    let statuses: Vec<u16> = (0..700).map(|_| stage.server.get("/feed/guess.ics").status).collect();
    assert_eq!(statuses[0], 404);
    assert!(statuses.contains(&429), "guessing ends");
}
