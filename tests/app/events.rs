//! The pages of a member's own events: what is entered, refused, and nobody else's business. How they are kept in step with
//! calendars outside is in `sync/own.rs` and `calendars/microsoft/engine.rs`; here, against a CalDAV server that nobody here wrote.

use crate::{
    calendars::{
        caldav::peer::{Kind, Peer},
        connect::{App, apps, wait_until},
    },
    harness::{Answer, Database, Server, both},
    world::{World, at, order, rules},
};

both!(
    an_event_is_entered_listed_changed_deleted_and_brought_back,
    what_makes_no_sense_is_refused_beside_its_field_and_nothing_is_lost,
    sent_twice_it_is_made_once,
    two_windows_do_not_overwrite_each_other,
    it_is_nobody_elses_business,
    an_appointment_at_the_same_time_is_pointed_out,
    long_lists_have_pages,
    it_goes_both_ways_on_a_caldav_server,
);

struct Stage {
    database: Database,
    server: Server,
    cookie: String,
}

const ID: &str = "0193b5a0-7c1e-7000-8000-0000000000e1";

impl Stage {
    fn new(database: Database) -> Self {
        World::make(&database, 1, async |world, db| {
            world.add(db, "talk", &rules(30)).await;
        });
        let server = Server::start(&database);
        let cookie = server.member(&database, "staff@w.example", "w", "staff");
        Self { database, server, cookie }
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.server.post_form(path, fields, &[("cookie", &self.cookie)])
    }

    fn get(&self, path: &str) -> Answer {
        let found = self.server.get_as(path, &self.cookie);
        assert_eq!(found.status, 200, "{}", found.text);
        found
    }

    fn count(&self) -> i64 {
        self.database.number("SELECT COUNT(*) FROM calendar_events")
    }
}

/// A form as it is entered, with some of it otherwise.
fn form<'a>(otherwise: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form = vec![
        ("id", ID),
        ("title", "Dentist"),
        ("from_date", "2090-12-01"),
        ("from_time", "10:00"),
        ("until_date", "2090-12-01"),
        ("until_time", "11:30"),
        ("busy", "on"),
        ("calendar", ""),
    ];
    for (name, value) in otherwise {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    form
}

fn an_event_is_entered_listed_changed_deleted_and_brought_back(database: Database) {
    let it = Stage::new(database);
    assert!(it.get("/booking/events").text.contains("Nothing is entered yet"));
    let new = it.get("/booking/events/new").text;
    assert!(new.contains("Only here") && new.contains("name=\"id\""), "{new}");
    let notes = "One\r\n</textarea><script>";
    let made = it.post("/booking/events", &form(&[("place", "Main <b>street</b>"), ("notes", notes)]));
    assert_eq!(
        (made.status, made.headers["location"].to_str().unwrap()),
        (303, "/booking/events?done=added")
    );
    let list = it.get("/booking/events?done=added").text;
    for words in ["Added.", "Friday, 1 December 2090", "10:00 – 11:30", "Main &lt;b&gt;street"] {
        assert!(list.contains(words), "{words}: {list}");
    }
    let page = it.get(&format!("/booking/events/{ID}")).text;
    assert!(
        page.contains("&lt;/textarea&gt;&lt;script&gt;") && !page.contains("</textarea><script>"),
        "{page}"
    );
    let changed = it.post(
        &format!("/booking/events/{ID}"),
        &form(&[("title", "Holiday"), ("whole", "on"), ("until_date", "2090-12-03"), ("version", "1")]),
    );
    assert_eq!(changed.status, 303, "{}", changed.text);
    let list = it.get("/booking/events").text;
    assert!(list.contains("Holiday") && list.contains("All day, until Sunday 3 December"), "{list}");
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    let gone = it.post(&format!("/booking/events/{ID}/delete"), &[]);
    assert_eq!(gone.headers["location"], "/booking/events?done=deleted");
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 0);
    assert!(it.get("/booking/events").text.contains("Bring back"));
    assert_eq!(it.server.get_as(&format!("/booking/events/{ID}"), &it.cookie).status, 404);
    assert_eq!(it.post(&format!("/booking/events/{ID}/delete"), &[]).status, 303, "twice is once");
    assert_eq!(it.post(&format!("/booking/events/{ID}/restore"), &[]).status, 303);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
    assert!(!it.get("/booking/events").text.contains("Bring back"));
    let done = it.database.texts("SELECT action FROM audit_log WHERE action LIKE 'event.%' ORDER BY at, id");
    assert_eq!(done, ["event.created", "event.changed", "event.deleted", "event.restored"]);
}

fn what_makes_no_sense_is_refused_beside_its_field_and_nothing_is_lost(database: Database) {
    let it = Stage::new(database);
    let long = "x".repeat(10_000);
    for (field, value) in [
        ("title", ""),
        ("title", long.as_str()),
        ("title", "a\0b"),
        ("place", long.as_str()),
        ("notes", "a\0b"),
        ("from_date", "yesterday"),
        ("from_date", "-1"),
        ("until_date", "2090-11-30"),
        ("until_date", "2095-12-01"),
        ("from_time", ""),
        ("until_time", "25:00"),
        ("until_time", "10:00"),
        ("calendar", "0193b5a0-7c1e-7000-8000-0000000000ca"),
        ("calendar", "' OR 1=1 --"),
    ] {
        let refused = it.post("/booking/events", &form(&[(field, value), ("place", "Kept"), (field, value)]));
        assert_eq!(refused.status, 422, "{field} {value}: {}", refused.text);
        let expected = if (field, value) == ("until_date", "2090-11-30") { "until_time" } else { field };
        assert!(
            refused.text.contains(&format!("id=\"{expected}-error\"")),
            "{field} {value}: {}",
            refused.text
        );
        assert!(refused.text.contains(&format!("name=\"id\" value=\"{ID}\"")), "{}", refused.text);
    }
    for id in ["", "x", "0193B5A0-7C1E-7000-8000-0000000000E1"] {
        let refused = it.post("/booking/events", &form(&[("id", id)]));
        assert!((400..500).contains(&refused.status), "{id}: {}", refused.status);
    }
    for path in ["/booking/events/x", "/booking/events/0193b5a0-7c1e-7000-8000-0000000000ff"] {
        assert_eq!(it.server.get_as(path, &it.cookie).status, 404);
        assert_eq!(it.post(path, &form(&[])).status, 404);
        assert_eq!(it.post(&format!("{path}/delete"), &[]).status, 404);
    }
    assert_eq!(it.get("/booking/events?after=nonsense&done=%3Cb%3E").status, 200);
    assert_eq!(it.count(), 0);
}

fn sent_twice_it_is_made_once(database: Database) {
    let it = Stage::new(database);
    for _ in 0..2 {
        assert_eq!(it.post("/booking/events", &form(&[])).status, 303);
    }
    assert_eq!(it.count(), 1);
    assert_eq!(it.database.number("SELECT COUNT(*) FROM busy_intervals"), 1);
}

fn two_windows_do_not_overwrite_each_other(database: Database) {
    let it = Stage::new(database);
    it.post("/booking/events", &form(&[]));
    let path = format!("/booking/events/{ID}");
    assert_eq!(it.post(&path, &form(&[("title", "First"), ("version", "1")])).status, 303);
    let late = it.post(&path, &form(&[("title", "Second"), ("version", "1")]));
    assert_eq!(late.status, 422);
    assert!(
        late.text.contains("changed meanwhile") && late.text.contains("value=\"Second\""),
        "{}",
        late.text
    );
    assert_eq!(it.database.texts("SELECT title FROM calendar_events"), ["First"]);
    // What they were told of, they may replace: the form carries the version as it is now.
    assert!(late.text.contains("name=\"version\" value=\"2\""), "{}", late.text);
    // What was refused for another reason says nothing of that.
    let other = it.post(&path, &form(&[("title", ""), ("version", "1")]));
    assert!(other.text.contains("name=\"version\" value=\"1\""), "{}", other.text);
    assert_eq!(it.post(&path, &form(&[("title", "Second"), ("version", "2")])).status, 303);
    assert_eq!(it.database.texts("SELECT title FROM calendar_events"), ["Second"]);
}

fn it_is_nobody_elses_business(database: Database) {
    let it = Stage::new(database);
    World::named(&it.database, "other", 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    it.post("/booking/events", &form(&[]));
    let path = format!("/booking/events/{ID}");
    for (email, workspace, role) in
        [("admin@w.example", "w", "admin"), ("admin@other.example", "other", "admin")]
    {
        let cookie = it.server.member(&it.database, email, workspace, role);
        let post =
            |path: &str| it.server.post_form(path, &form(&[("version", "1")]), &[("cookie", &cookie)]).status;
        assert_eq!(it.server.get_as(&path, &cookie).status, 404, "{email}");
        assert!(!it.server.get_as("/booking/events", &cookie).text.contains("Dentist"), "{email}");
        assert_eq!(
            [post(&path), post(&format!("{path}/delete")), post(&format!("{path}/restore"))],
            [404; 3]
        );
        // Its id is taken, and whoever tries it learns nothing more.
        assert_eq!(post("/booking/events"), 404, "{email}");
    }
    let nobody = it.server.post_form(&path, &form(&[]), &[]);
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking/events");
    assert_eq!(it.database.texts("SELECT title FROM calendar_events WHERE deleted_at IS NULL"), ["Dentist"]);
}

fn an_appointment_at_the_same_time_is_pointed_out(database: Database) {
    let it = Stage::new(database);
    it.database.execute(
        "UPDATE hosts SET member_id = (SELECT m.id FROM members m JOIN users u ON u.id = m.user_id
                                       WHERE u.email_key = 'staff@w.example')",
    );
    let booked = it.server.post("/api/v1/public/book/w/talk/book", &order(at(600), 1));
    assert_eq!(booked.status, 201, "{}", booked.text);
    let day = at(600).date_naive().to_string();
    let early =
        [("from_date", &*day), ("until_date", &*day), ("from_time", "09:00"), ("until_time", "10:00")];
    it.post("/booking/events", &form(&early));
    assert!(!it.get("/booking/events").text.contains("at the same time"));
    let later = [
        ("from_date", &*day),
        ("until_date", &*day),
        ("from_time", "10:15"),
        ("until_time", "11:00"),
        ("version", "1"),
    ];
    assert_eq!(it.post(&format!("/booking/events/{ID}"), &form(&later)).status, 303);
    assert!(it.get("/booking/events").text.contains("at the same time"));
    // It is taken: nobody is offered what comes after the appointment either.
    let taken = it.server.post("/api/v1/public/book/w/talk/book", &order(at(630), 2));
    assert_eq!(taken.status, 409, "{}", taken.text);
}

fn long_lists_have_pages(database: Database) {
    let it = Stage::new(database);
    it.post("/booking/events", &form(&[]));
    let copies = if it.database.is_postgres() {
        "generate_series(1, 60) AS n(i)"
    } else {
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) SELECT i FROM n) AS n"
    };
    it.database.execute(&format!(
        "INSERT INTO calendar_events (id, workspace_id, member_id, title, place, notes, start_at, end_at, busy, version,
                                      trouble, created_at, updated_at)
         SELECT '0193b5a0-7c1e-7000-8000-00000000' || CAST(1000 + n.i AS TEXT), workspace_id, member_id,
                'Copy ' || CAST(n.i AS TEXT) || '.', '', '', start_at, end_at, busy, 1, '', 0, 0
         FROM calendar_events, {copies}"
    ));
    let first = it.get("/booking/events").text;
    let next = first.split("href=\"/booking/events?after=").nth(1).unwrap().split('"').next().unwrap();
    let second = it.get(&format!("/booking/events?after={next}")).text;
    assert!(second.contains("Back to the next ones"));
    for number in 1..=60 {
        let copy = format!("Copy {number}.");
        assert_eq!(
            usize::from(first.contains(&copy)) + usize::from(second.contains(&copy)),
            1,
            "{copy} is on one of both pages"
        );
    }
}

fn it_goes_both_ways_on_a_caldav_server(database: Database) {
    World::named(&database, "w", 0, async |_, _| {});
    let app = App::start_with(database, &apps());
    let ada = app.member("w", "staff");
    let mut peer = Peer::start(Kind::Radicale);
    let connect = [
        ("provider", "caldav"),
        ("preset", "other"),
        ("url", &*peer.url.clone()),
        ("user", "rosa"),
        ("password", "secret"),
    ];
    assert_eq!(ada.post("/booking/calendars/password", &connect).status, 303);
    let calendar = app.database.texts("SELECT id FROM calendars WHERE receives").remove(0);
    let made = ada
        .post("/booking/events", &form(&[("calendar", &calendar), ("notes", "One\nTwo"), ("place", "A, b")]));
    assert_eq!(made.status, 303, "{}", made.text);
    let look = || {
        app.database.execute("UPDATE calendars SET next_at = 0");
        app.database.execute("UPDATE connections SET hints = hints + 1, next_at = 0");
    };
    wait_until("it is written", || peer.read(ID).is_some());
    let object = peer.read(ID).unwrap();
    for line in ["SUMMARY:Dentist", "DTSTART:20901201T100000Z", "DESCRIPTION:One\\nTwo", "LOCATION:A\\, b"] {
        assert!(object.contains(line), "{line}\n{object}");
    }
    let title = || app.database.texts("SELECT title || '|' || notes || '|' || place FROM calendar_events");
    peer.replace(ID, &["SUMMARY:Dentist", "SUMMARY:Dr. Ada", "20901201T113000Z", "20901201T120000Z"]);
    look();
    wait_until("it is renamed", || title() == ["Dr. Ada|One\nTwo|A, b"]);
    let version = app.database.number("SELECT version FROM calendar_events").to_string();
    let changed = ada.post(
        &format!("/booking/events/{ID}"),
        &form(&[
            ("title", "Dr. Ada"),
            ("until_time", "12:30"),
            ("calendar", &calendar),
            ("version", &version),
        ]),
    );
    assert_eq!(changed.status, 303, "{}", changed.text);
    wait_until("it is written again", || peer.read(ID).is_some_and(|object| object.contains("T123000Z")));
    peer.delete(&[ID]);
    look();
    wait_until("it is gone", || {
        app.database.number("SELECT COUNT(*) FROM calendar_events WHERE deleted_at IS NOT NULL") == 1
    });
    assert_eq!(ada.post(&format!("/booking/events/{ID}/restore"), &[]).status, 303);
    wait_until("it is back", || peer.read(ID).is_some());
}
