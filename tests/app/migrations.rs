//! The migrations of both databases make the same tables, and can be applied twice.

use crate::harness::{Database, block_on};
use meridian::server::store::Db;
use std::collections::BTreeSet;

/// `table.column` for each column that is ours.
fn columns(database: &Database) -> BTreeSet<String> {
    block_on(async {
        let db = database.open().await;
        db.migrate().await.unwrap();
        let names: Vec<(String, String)> = match &db {
            Db::Sqlite { read, .. } => sqlx::query_as(
                "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
            )
            .fetch_all(read)
            .await
            .unwrap(),
            Db::Postgres { write: pool, .. } => sqlx::query_as(
                "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'",
            )
            .fetch_all(pool)
            .await
            .unwrap(),
        };
        db.close().await;
        names
            .into_iter()
            .filter(|(table, _)| table != "_sqlx_migrations")
            .map(|(t, c)| format!("{t}.{c}"))
            .collect()
    })
}

#[test]
fn both_databases_have_the_same_tables_and_columns() {
    let (sqlite, postgres) = (columns(&Database::sqlite()), columns(&Database::postgres()));
    assert!(sqlite.len() > 90, "{}", sqlite.len());
    assert_eq!(sqlite, postgres);
}

#[test]
fn the_database_itself_refuses_an_overlap() {
    for database in [Database::sqlite(), Database::postgres()] {
        let claim = |from: i64, until: i64| {
            block_on(async {
                let db = database.open().await;
                let sql = sqlx::AssertSqlSafe(format!(
                    "INSERT INTO claims (booking_id, member_id, workspace_id, busy_from, busy_until)
                     SELECT b.id, 'm', 'w', {from}, {until} FROM bookings b WHERE b.start_at = {from}"
                ));
                let booking = sqlx::AssertSqlSafe(format!(
                    "INSERT INTO bookings (id, workspace_id, event_type_id, status, start_at, end_at, sequence, seats,
                                           created_at, updated_at)
                     VALUES ('b{from}', 'w', 'e', 'confirmed', {from}, {until}, 0, 1, 0, 0)"
                ));
                let done = match &db {
                    Db::Sqlite { write, .. } => {
                        sqlx::query(booking).execute(write).await.unwrap();
                        sqlx::query(sql).execute(write).await.map(|done| done.rows_affected())
                    }
                    Db::Postgres { write: pool, .. } => {
                        sqlx::query(booking).execute(pool).await.unwrap();
                        sqlx::query(sql).execute(pool).await.map(|done| done.rows_affected())
                    }
                };
                db.close().await;
                done
            })
        };
        block_on(async {
            let db = database.open().await;
            for sql in [
                "INSERT INTO workspaces (id, slug, name, intro, zone, created_at) VALUES ('w', 'w', 'w', '', 'UTC', 0)",
                "INSERT INTO users (id, email, email_key, name, password_hash, created_at) VALUES ('u', 'e', 'e', 'n', '-', 0)",
                "INSERT INTO members (id, workspace_id, user_id, role, name, created_at) VALUES ('m', 'w', 'u', 'staff', 'n', 0)",
                "INSERT INTO event_types (id, workspace_id, slug, name, description, visibility, active, position, rules,
                                          created_at) VALUES ('e', 'w', 'e', 'e', '', 'listed', true, 1, '{}', 0)",
            ] {
                match &db {
                    Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(|_| ()).unwrap(),
                    Db::Postgres { write: pool, .. } => sqlx::query(sql).execute(pool).await.map(|_| ()).unwrap(),
                }
            }
            db.close().await;
        });
        assert_eq!(claim(100, 200).unwrap(), 1);
        assert_eq!(claim(200, 300).unwrap(), 1, "touching is not overlapping");
        for (from, until) in [(150, 250), (99, 101), (120, 180), (50, 400), (299, 301)] {
            assert!(claim(from, until).is_err(), "{from}–{until} on {}", database.url);
        }
        assert_eq!(claim(300, 301).unwrap(), 1);
    }
}
