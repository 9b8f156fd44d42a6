//! Who works on an account: one worker at a time, and nothing that asks for attention meanwhile is lost.

use super::outside::{CALENDAR, CONNECTION, Options, Outside, uuid};
use crate::harness::{Database, block_on, both};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::ids::{CalendarId, ConnectionId, WorkspaceId},
    server::{
        clock,
        store::{
            Db,
            holds::{self, Ended, HeldRow},
            sync,
        },
    },
};

both!(
    one_worker_holds_an_account_until_its_lease_ends,
    what_is_asked_for_while_a_tour_ends_is_not_lost,
    who_is_limited_or_needs_its_owner_is_not_hurried,
    workspaces_that_have_their_share_are_passed_over,
    a_cursor_that_was_forgotten_meanwhile_stays_forgotten,
    a_reading_that_is_cut_off_stays_due,
);

/// A quiet account, and the store under it.
fn stage(database: Database, play: impl AsyncFnOnce(&Db, &WorkspaceId)) -> Outside {
    let it = Outside::start_with(database, &Options { works: false, ..Options::default() });
    it.database
        .execute("UPDATE connections SET next_at = 0, limited_until = NULL, holder = NULL, held_until = 0");
    block_on(async {
        let db = it.database.open().await;
        play(&db, &it.world.workspace).await;
        db.close().await;
    });
    it
}

fn connection() -> ConnectionId {
    ConnectionId::try_from(uuid(CONNECTION)).unwrap()
}

fn seconds(number: i64) -> TimeDelta {
    TimeDelta::seconds(number)
}

async fn take(db: &Db, holder: &str, past: &[WorkspaceId], now: DateTime<Utc>) -> Option<HeldRow> {
    let mut conn = db.write().await.unwrap();
    let held = holds::take(&mut conn, holder, now + seconds(45), past, now).await.unwrap();
    conn.commit().await.unwrap();
    held
}

fn ended(hints: i64, next: DateTime<Utc>) -> Ended<'static> {
    Ended { hints, next, state: "ok", trouble: "", failures: 0, limited_until: None }
}

async fn release(db: &Db, holder: &str, ended: &Ended<'_>, now: DateTime<Utc>) -> bool {
    let mut conn = db.write().await.unwrap();
    let released = holds::release(&mut conn, &connection(), holder, ended, now).await.unwrap();
    conn.commit().await.unwrap();
    released
}

async fn next_at(db: &Db) -> DateTime<Utc> {
    let mut conn = db.read().await.unwrap();
    DateTime::from_timestamp_micros(holds::next_due(&mut conn).await.unwrap().unwrap()).unwrap()
}

fn one_worker_holds_an_account_until_its_lease_ends(database: Database) {
    stage(database, async |db, _| {
        let now = clock::now();
        let first = take(db, "first", &[], now).await.unwrap();
        assert!(take(db, "second", &[], now + seconds(44)).await.is_none());
        let mut conn = db.write().await.unwrap();
        let one =
            holds::take_one(&mut conn, &connection(), "asking", now + seconds(99), now + seconds(44)).await;
        assert!(one.unwrap().is_none(), "nor is it taken while somebody books");
        // Its holder is alive, and says so.
        assert!(holds::extend(&mut conn, &connection(), "first", now + seconds(60)).await.unwrap());
        conn.commit().await.unwrap();
        assert!(take(db, "second", &[], now + seconds(59)).await.is_none());
        // It falls silent; from now on it has nothing to say.
        let second = take(db, "second", &[], now + seconds(60)).await.unwrap();
        assert_eq!(second.id, first.id);
        let mut conn = db.write().await.unwrap();
        assert!(!holds::extend(&mut conn, &connection(), "first", now + seconds(99)).await.unwrap());
        let stale = holds::set_credential(&mut conn, &connection(), "first", first.version, b"stale").await;
        assert!(!stale.unwrap());
        conn.commit().await.unwrap();
        assert!(!release(db, "first", &ended(first.hints, now), now).await);
        // Nor has whoever holds it, once it was connected again with other tokens.
        let mut conn = db.write().await.unwrap();
        let version = second.version;
        assert!(holds::set_credential(&mut conn, &connection(), "second", version, b"new").await.unwrap());
        assert!(!holds::set_credential(&mut conn, &connection(), "second", version, b"old").await.unwrap());
        conn.commit().await.unwrap();
        assert!(release(db, "second", &ended(second.hints, now), now).await);
    });
}

fn what_is_asked_for_while_a_tour_ends_is_not_lost(database: Database) {
    stage(database, async |db, _| {
        let now = clock::now();
        let later = now + TimeDelta::minutes(5);
        let held = take(db, "first", &[], now).await.unwrap();
        assert!(release(db, "first", &ended(held.hints, later), now).await);
        assert_eq!(next_at(db).await.timestamp(), later.timestamp(), "nothing is asked for");
        let held = {
            let mut conn = db.write().await.unwrap();
            let held = holds::take_one(&mut conn, &connection(), "first", now + seconds(45), now).await;
            conn.commit().await.unwrap();
            held.unwrap().unwrap()
        };
        // It has found out that there is nothing to do for five minutes; then a push comes.
        let mut conn = db.write().await.unwrap();
        let calendar = CalendarId::try_from(uuid(CALENDAR)).unwrap();
        sync::hint_calendar(&mut conn, &calendar, now).await.unwrap();
        conn.commit().await.unwrap();
        assert!(release(db, "first", &ended(held.hints, later), now).await);
        assert!(next_at(db).await <= now, "it is looked at again at once");
    });
}

fn who_is_limited_or_needs_its_owner_is_not_hurried(database: Database) {
    let it = stage(database, async |db, _| {
        let now = clock::now();
        let until = now + TimeDelta::minutes(30);
        let hint = async |db: &Db| {
            let mut conn = db.write().await.unwrap();
            sync::hint(&mut conn, &connection(), now).await.unwrap();
            conn.commit().await.unwrap();
        };
        let held = take(db, "first", &[], now).await.unwrap();
        hint(db).await;
        let limited = Ended { limited_until: Some(until), ..ended(held.hints, until) };
        assert!(release(db, "first", &limited, now).await);
        assert_eq!(next_at(db).await.timestamp(), until.timestamp(), "a hint meanwhile does not hurry it");
        hint(db).await;
        assert_eq!(next_at(db).await.timestamp(), until.timestamp(), "nor does one afterwards");
        let mut conn = db.write().await.unwrap();
        let asked = holds::take_one(&mut conn, &connection(), "asking", until, now).await.unwrap();
        assert!(asked.is_none(), "nor is it asked while somebody books");
        conn.commit().await.unwrap();
        let held = take(db, "first", &[], until).await.unwrap();
        let far = now + TimeDelta::days(365);
        let lost = Ended { state: "reconnect", trouble: "No.", ..ended(held.hints, far) };
        assert!(release(db, "first", &lost, now).await);
        hint(db).await;
        assert_eq!(next_at(db).await.timestamp(), far.timestamp());
        let mut conn = db.write().await.unwrap();
        assert!(holds::tell_once(&mut conn, &connection(), now).await.unwrap());
        assert!(!holds::tell_once(&mut conn, &connection(), now).await.unwrap(), "told once");
        conn.commit().await.unwrap();
    });
    assert_eq!(it.texts("SELECT state || trouble FROM connections"), ["reconnectNo."]);
}

fn workspaces_that_have_their_share_are_passed_over(database: Database) {
    stage(database, async |db, own| {
        let now = clock::now();
        let (own, other) = (own.clone(), WorkspaceId::try_from(uuid(1)).unwrap());
        for past in [vec![own.clone()], vec![other.clone(), own.clone()], vec![own, other.clone()]] {
            assert!(take(db, "first", &past, now).await.is_none(), "{past:?}");
        }
        assert!(take(db, "first", &[other], now).await.is_some());
    });
}

fn a_cursor_that_was_forgotten_meanwhile_stays_forgotten(database: Database) {
    stage(database, async |db, _| {
        let now = clock::now();
        let calendar = CalendarId::try_from(uuid(CALENDAR)).unwrap();
        let cursor = async || {
            let mut conn = db.read().await.unwrap();
            sync::calendar(&mut conn, &calendar).await.unwrap().unwrap().cursor
        };
        let was = cursor().await;
        assert!(was.is_some());
        let mut conn = db.write().await.unwrap();
        sync::end_reading(&mut conn, &calendar, was.as_deref(), "second", now, now, now).await.unwrap();
        conn.commit().await.unwrap();
        assert_eq!(cursor().await.as_deref(), Some("second"));
        // "You missed something", a provider says while a reading goes on: everything is read, whatever that one ends with.
        let mut conn = db.write().await.unwrap();
        sync::forget_cursor(&mut conn, &calendar).await.unwrap();
        sync::end_reading(&mut conn, &calendar, Some("second"), "third", now, now, now).await.unwrap();
        conn.commit().await.unwrap();
        assert_eq!(cursor().await, None);
    });
}

/// A worker that dies in the middle must not leave a calendar unread until the next time that it would be looked at anyway.
fn a_reading_that_is_cut_off_stays_due(database: Database) {
    stage(database, async |db, _| {
        let (began, minute) = (clock::now(), TimeDelta::minutes(1));
        let calendar = CalendarId::try_from(uuid(CALENDAR)).unwrap();
        let due = async || {
            let mut conn = db.read().await.unwrap();
            sync::calendar(&mut conn, &calendar).await.unwrap().unwrap().next_at
        };
        let mut conn = db.write().await.unwrap();
        sync::begin_reading(&mut conn, &calendar, began).await.unwrap();
        conn.commit().await.unwrap();
        assert!(due().await <= clock::now().timestamp_micros(), "it is due while it is not at its end");
        let next = began + minute * 5;
        let end = async || {
            let mut conn = db.write().await.unwrap();
            let was = sync::calendar(&mut conn, &calendar).await.unwrap().unwrap().cursor;
            sync::end_reading(&mut conn, &calendar, was.as_deref(), "next", began, next, began + minute)
                .await
                .unwrap();
            conn.commit().await.unwrap();
        };
        end().await;
        assert_eq!(due().await, next.timestamp_micros());
        // What was pushed while it was read asks for another one.
        let mut conn = db.write().await.unwrap();
        sync::begin_reading(&mut conn, &calendar, began).await.unwrap();
        sync::hint_calendar(&mut conn, &calendar, began + TimeDelta::seconds(1)).await.unwrap();
        conn.commit().await.unwrap();
        end().await;
        assert_eq!(due().await, (began + TimeDelta::seconds(1)).timestamp_micros());
    });
}
