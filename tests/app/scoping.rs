//! What belongs to one workspace can't be reached from another.

use crate::{
    harness::{Database, Server, both},
    world::{World, at, order, rules},
};

both!(services_answer_to_their_own_workspace_only, an_owner_sees_and_cancels_their_own_bookings_only);

fn services_answer_to_their_own_workspace_only(database: Database) {
    World::named(&database, "one", 1, async |world, db| {
        world.add(db, "first", &rules(30)).await;
    });
    World::named(&database, "two", 1, async |world, db| {
        world.add(db, "second", &rules(30)).await;
    });
    let server = Server::start(&database);
    for (path, status) in [("one/first", 200), ("two/second", 200), ("one/second", 404), ("two/first", 404)] {
        assert_eq!(server.get(&format!("/api/v1/public/book/{path}")).status, status, "{path}");
        assert_eq!(server.get(&format!("/book/{path}")).status, status, "{path}");
        let booked = server.post(&format!("/api/v1/public/book/{path}/book"), &order(at(600), 1));
        assert_eq!(booked.status, if status == 200 { 201 } else { 404 }, "{path}");
    }
}

fn an_owner_sees_and_cancels_their_own_bookings_only(database: Database) {
    World::named(&database, "one", 1, async |world, db| {
        world.add(db, "first", &rules(30)).await;
    });
    World::named(&database, "two", 1, async |world, db| {
        world.add(db, "second", &rules(30)).await;
    });
    let server = Server::start(&database);
    let cookie = server.member(&database, "owner@two.example", "two", "admin");
    server.post("/api/v1/public/book/one/first/book", &order(at(600), 1));
    server.post("/api/v1/public/book/two/second/book", &order(at(600), 2));
    let page = || server.get_as("/booking", &cookie).text;
    assert!(page().contains("Invitee 2") && !page().contains("Invitee 1"));
    for (sql, status, left) in [
        (
            "SELECT id FROM bookings WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = 'one')",
            404,
            2,
        ),
        (
            "SELECT id FROM bookings WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = 'two')",
            303,
            1,
        ),
    ] {
        let booking = text(&database, sql);
        let sent = server.post_form("/booking/cancel", &[("booking", &booking)], &[("cookie", &cookie)]);
        assert_eq!(sent.status, status, "{}", sent.text);
        assert_eq!(database.number("SELECT COUNT(*) FROM claims"), left);
    }
    let nobody = server.post_form("/booking/cancel", &[("booking", "x")], &[]);
    assert_eq!(nobody.headers["location"], "/sign-in?next=/booking");
}

fn text(database: &Database, sql: &'static str) -> String {
    crate::harness::block_on(async {
        let db = database.open().await;
        let found = match &db {
            meridian::server::store::Db::Sqlite { read, .. } => {
                sqlx::query_scalar(sql).fetch_one(read).await.unwrap()
            }
            meridian::server::store::Db::Postgres { write: pool, .. } => {
                sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
            }
        };
        db.close().await;
        found
    })
}
