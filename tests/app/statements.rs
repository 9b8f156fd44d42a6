//! Every SQL statement of the store is valid on both databases, and none stands anywhere else.

use crate::harness::{Database, block_on};
use meridian::server::store::Db;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use std::{fs, path::Path};

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The string literals after `run!(`, `row!(` and `rows!(`: the statements, as the macros take nothing else.
fn statements(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for name in ["run!(", "row!(", "rows!("] {
        for (at, _) in text.match_indices(name) {
            // Not inside `macro_rules!` or another name that ends alike.
            if text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &text[at..];
            let Some(open) = rest.find('"') else { continue };
            let literal: String = rest[open + 1..].chars().take_while(|c| *c != '"').collect();
            if ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| literal.starts_with(verb)) {
                found.push(literal);
            }
        }
    }
    found
}

/// All of them.
fn of_the_store() -> Vec<String> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/store"), &mut files);
    files.push((
        "store.rs".into(),
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/store.rs")).unwrap(),
    ));
    let all: Vec<String> = files.iter().flat_map(|(_, text)| statements(text)).collect();
    assert!(all.len() >= 45, "found only {} statements: is the scan broken?", all.len());
    all
}

#[test]
fn every_statement_is_valid_on_both_databases() {
    let all = of_the_store();
    for database in [Database::sqlite(), Database::postgres()] {
        block_on(async {
            let db = database.open().await;
            for sql in &all {
                let text = AssertSqlSafe(sql.clone()).into_sql_str();
                let prepared = match &db {
                    Db::Sqlite { read, .. } => read.prepare(text).await.map(drop),
                    Db::Postgres { write: pool, .. } => pool.prepare(text).await.map(drop),
                };
                prepared.unwrap_or_else(|error| {
                    panic!("{}: {error}\n{sql}", database.url.split(':').next().unwrap())
                });
            }
            db.close().await;
        });
    }
}

/// A calendar has many thousand events, and the file is held while one of them is looked for.
#[test]
fn no_statement_reads_a_calendar_for_one_event() {
    let database = Database::sqlite();
    let about_events: Vec<String> =
        of_the_store().into_iter().filter(|sql| sql.contains("remote_events")).collect();
    assert!(about_events.len() >= 9, "{about_events:#?}");
    block_on(async {
        let db = database.open().await;
        let Db::Sqlite { read, .. } = &db else { unreachable!() };
        for sql in &about_events {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")).into_sql_str();
            // Values are not needed: nothing is looked up.
            let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(read).await.unwrap();
            for (.., step) in &plan {
                let whole = step.starts_with("SCAN remote_events") || step.ends_with("(calendar_id=?)");
                assert!(!(whole && step.contains("remote_events")), "{step}\n{sql}");
            }
        }
        db.close().await;
    });
}

#[test]
fn sql_stands_in_the_store_only() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let outside = files.iter().filter(|(name, text)| {
        !name.contains("server/store") && (text.contains("sqlx::query") || text.contains("SELECT "))
    });
    assert_eq!(outside.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
}
