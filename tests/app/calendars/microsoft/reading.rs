//! Reading: rounds, windows, cursors, series, times.

use super::stage::{Kept, OUTLOOK, Stage, at, graph_event, play, timed, window};
use chrono::TimeDelta;
use meridian::{
    domain::interval::Interval,
    server::calendars::{
        event::{Answer, Change, From, Next, When, Zone},
        fault::Fault,
    },
};
use serde_json::{Value, json};

const BERLIN: &str = "W. Europe Standard Time";

#[test]
fn an_account_and_its_calendars_are_found() {
    play(async |stage| {
        let account = OUTLOOK.account(&stage.access()).await.unwrap();
        assert_eq!(account.label, "rosa@studio.example");
        assert_eq!(account.home, "rosa@studio.example");
        assert_eq!(account.key.len(), 36);
        let calendars = OUTLOOK.calendars(&stage.access()).await.unwrap();
        let told: Vec<_> = calendars
            .iter()
            .map(|calendar| (&calendar.name[..], calendar.writable, calendar.primary))
            .collect();
        assert_eq!(told, [("Calendar", true, true), ("Studio", true, false), ("Holidays", false, false)]);
        assert_eq!(calendars[1].id, stage.calendar);
    });
}

fn many(stage: &Stage, number: u32) {
    let events: Vec<Value> = (0..number)
        .map(|number| {
            let day = format!("2026-{:02}-{:02}", 6 + number % 6, 1 + number / 6);
            graph_event(
                &format!("No {number}"),
                &format!("{day}T09:00:00"),
                &format!("{day}T10:00:00"),
                BERLIN,
            )
        })
        .collect();
    let all = json!({ "account": "rosa@studio.example", "calendar": stage.calendar, "events": events });
    stage.standin.post("/_/bulk", all);
}

#[test]
fn a_round_reads_everything_and_the_next_only_what_changed() {
    play(async |stage| {
        many(stage, 50);
        stage.options(json!({ "max_page_size": 7, "empty_pages": true, "repeat_items": true }));
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        assert!(kept.pages > 8, "{}", kept.pages);
        assert_eq!(kept.holds(window()).len(), 50);
        assert_eq!(kept.holds(window()), stage.holds(window()));
        kept.round(stage, window()).await;
        assert_eq!((kept.told.len(), kept.pages), (0, 1));
        let new =
            stage.made_outside(graph_event("New", "2026-07-01T12:00:00", "2026-07-01T13:00:00", BERLIN));
        kept.round(stage, window()).await;
        let [Change::Event(event)] = &kept.told[..] else { panic!("{:?}", kept.told) };
        assert_eq!((&event.id, &event.title[..]), (&new, "New"));
        assert_eq!(event.when, timed("2026-07-01T10:00:00Z", "2026-07-01T11:00:00Z"));
    });
}

#[test]
fn a_window_is_frozen_and_a_larger_one_begins_again() {
    play(async |stage| {
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        let later = |days: i64| {
            let more = TimeDelta::days(days);
            Interval::new(window().start() + more, window().end() + more).unwrap()
        };
        for (wanted, known) in [(later(30), true), (later(31), false), (later(-1), false)] {
            let from = From { cursor: kept.cursor.as_deref(), page: None, window: wanted, known: false };
            let told = stage.page(&from).await;
            assert_eq!(told.is_ok(), known);
            assert!(known || told == Err(Fault::CursorGone));
        }
        let from = From { cursor: Some("nonsense"), page: None, window: window(), known: false };
        assert_eq!(stage.page(&from).await, Err(Fault::CursorGone));
    });
}

#[test]
fn a_lost_cursor_is_noticed_however_graph_says_it_also_on_page_two() {
    play(async |stage| {
        many(stage, 20);
        stage.options(json!({ "max_page_size": 5 }));
        for way in ["410", "resync", "400", "404"] {
            stage.options(json!({ "expired_cursor": way }));
            let mut kept = Kept::default();
            kept.round(stage, window()).await;
            let from = From { cursor: None, page: None, window: window(), known: false };
            let Next::Page(second) = stage.page(&from).await.unwrap().next else { panic!("a second page") };
            stage.standin.post("/_/expire", json!({ "cursors": true }));
            let on_two = From { page: Some(&second), ..from };
            assert_eq!(stage.page(&on_two).await, Err(Fault::CursorGone), "{way}");
            let next = From { cursor: kept.cursor.as_deref(), ..from };
            assert_eq!(stage.page(&next).await, Err(Fault::CursorGone), "{way}");
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), stage.holds(window()));
        }
    });
}

#[test]
fn what_left_the_window_is_not_gone() {
    play(async |stage| {
        let moved =
            stage.made_outside(graph_event("A", "2026-07-01T12:00:00", "2026-07-01T13:00:00", BERLIN));
        let dragged =
            stage.made_outside(graph_event("B", "2026-07-02T12:00:00", "2026-07-02T13:00:00", BERLIN));
        let deleted =
            stage.made_outside(graph_event("C", "2026-07-03T12:00:00", "2026-07-03T13:00:00", BERLIN));
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        assert_eq!(kept.holds(window()).len(), 3);
        let far = graph_event("A", "2028-07-01T12:00:00", "2028-07-01T13:00:00", BERLIN);
        stage.changed_outside(&moved, far);
        let to = json!({ "account": "rosa@studio.example", "event": dragged, "calendar": stage.other });
        stage.standin.post("/_/move", to);
        stage.deleted_outside(&deleted);
        kept.round(stage, window()).await;
        let mut left: Vec<_> = kept
            .told
            .iter()
            .map(|change| {
                let Change::Left { id } = change else { panic!("{change:?}") };
                id.clone()
            })
            .collect();
        left.sort();
        let mut expected = [moved.clone(), dragged.clone(), deleted.clone()];
        expected.sort();
        assert_eq!(left, expected);
        assert_eq!(
            stage.get(&moved).await.unwrap().when,
            timed("2028-07-01T10:00:00Z", "2028-07-01T11:00:00Z")
        );
        assert_eq!(stage.get(&dragged).await.unwrap().title, "B");
        assert_eq!(stage.get(&deleted).await, None);
        assert_eq!(kept.holds(window()), []);
    });
}

fn weekly(range: Value) -> Value {
    let mut event = graph_event("Stand-up", "2026-10-05T09:00:00", "2026-10-05T09:15:00", BERLIN);
    event["recurrence"] = json!({
        "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["monday", "thursday"] },
        "range": range,
    });
    event
}

/// The occurrences of a series from the outside.
fn instances(stage: &Stage, id: &str) -> Vec<Value> {
    let path = format!(
        "/v1.0/me/events/{id}/instances?startDateTime=2026-06-01T00:00:00Z&endDateTime=2026-12-31T00:00:00Z&$top=100"
    );
    stage.standin.outside(&stage.outside, "GET", &path, Value::Null)["value"].as_array().unwrap().clone()
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

#[test]
fn a_series_takes_place_when_graph_says_however_it_tells() {
    for told in [
        json!({}),
        json!({ "masters": false }),
        json!({ "removed_occurrences": true }),
        json!({ "masters": false, "removed_occurrences": true, "max_page_size": 1, "repeat_items": true }),
    ] {
        play(async |stage| {
            stage.options(told);
            let master = stage.made_outside(weekly(json!({ "type": "noEnd", "startDate": "2026-10-05" })));
            let mut kept = Kept::default();
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), stage.holds(window()));
            let event = kept.event(&master).unwrap().clone();
            assert_eq!(event.title, "Stand-up");
            let recurrence = event.recurrence.unwrap();
            assert_eq!(recurrence.zone, Zone::Named("Europe/Berlin".into()));
            assert_eq!(recurrence.start.to_string(), "2026-10-05 09:00:00");
            // Summer time ends on the 25th: the hour on the wall stays.
            let starts: Vec<_> = kept.holds(window()).into_iter().map(|(start, ..)| start).collect();
            assert!(starts.contains(&"2026-10-22T07:00:00Z".to_owned()), "{starts:?}");
            assert!(starts.contains(&"2026-10-26T08:00:00Z".to_owned()), "{starts:?}");

            let seen = instances(stage, &master);
            // One cancelled (the first at that), one moved, one moved and then cancelled, one made free.
            stage.deleted_outside(id(&seen[0]));
            let moved = graph_event("Moved", "2026-10-09T15:00:00", "2026-10-09T16:00:00", BERLIN);
            stage.changed_outside(id(&seen[1]), moved.clone());
            stage.changed_outside(id(&seen[2]), moved);
            stage.deleted_outside(id(&seen[2]));
            stage.changed_outside(id(&seen[3]), json!({ "showAs": "free" }));
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), stage.holds(window()));

            // The whole series moves, which forgets what was special; then it ends, and then it goes.
            stage.changed_outside(
                &master,
                graph_event("Stand-up", "2026-10-05T10:00:00", "2026-10-05T10:15:00", BERLIN),
            );
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), stage.holds(window()));
            let end =
                weekly(json!({ "type": "numbered", "startDate": "2026-10-05", "numberOfOccurrences": 3 }));
            stage.changed_outside(&master, end);
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), stage.holds(window()));
            assert_eq!(kept.holds(window()).len(), 3);
            let read = stage.get(&master).await.unwrap();
            assert_eq!(read.recurrence.unwrap().dates.len(), 3);
            stage.deleted_outside(&master);
            kept.round(stage, window()).await;
            assert_eq!(kept.holds(window()), []);
            assert_eq!(stage.get(&master).await, None);
        });
    }
}

#[test]
fn a_single_event_can_become_a_series_and_back() {
    play(async |stage| {
        let id = stage.made_outside(graph_event("A", "2026-10-05T09:00:00", "2026-10-05T09:15:00", BERLIN));
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        assert!(kept.event(&id).unwrap().recurrence.is_none());
        stage.changed_outside(&id, weekly(json!({ "type": "noEnd", "startDate": "2026-10-05" })));
        kept.round(stage, window()).await;
        assert!(kept.event(&id).unwrap().recurrence.is_some());
        assert!(stage.get(&id).await.unwrap().recurrence.is_some());
        assert_eq!(kept.holds(window()), stage.holds(window()));
        stage.changed_outside(&id, json!({ "recurrence": null }));
        kept.round(stage, window()).await;
        assert!(kept.event(&id).unwrap().recurrence.is_none());
        assert_eq!(kept.holds(window()), stage.holds(window()));
    });
}

#[test]
fn every_pattern_of_graph_is_followed() {
    play(async |stage| {
        for pattern in [
            json!({ "type": "daily", "interval": 3 }),
            json!({ "type": "weekly", "interval": 2, "daysOfWeek": ["wednesday", "sunday"], "firstDayOfWeek": "monday" }),
            json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 }),
            json!({ "type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday"], "index": "last" }),
            json!({ "type": "absoluteYearly", "interval": 1, "dayOfMonth": 24, "month": 12 }),
            json!({ "type": "relativeYearly", "interval": 1, "daysOfWeek": ["thursday"], "index": "fourth", "month": 11 }),
        ] {
            let mut event = graph_event("Series", "2020-07-01T23:00:00", "2020-07-02T01:00:00", BERLIN);
            event["recurrence"] =
                json!({ "pattern": pattern, "range": { "type": "noEnd", "startDate": "2020-07-01" } });
            stage.made_outside(event);
        }
        let mut days = graph_event("Days", "2026-07-01T00:00:00", "2026-07-03T00:00:00", BERLIN);
        days["isAllDay"] = true.into();
        days["recurrence"] = json!({
            "pattern": { "type": "weekly", "interval": 4, "daysOfWeek": ["wednesday"] },
            "range": { "type": "endDate", "startDate": "2026-07-01", "endDate": "2026-11-30" },
        });
        stage.made_outside(days);
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        let holds = kept.holds(window());
        assert_eq!(holds, stage.holds(window()));
        assert!(holds.len() > 100, "{}", holds.len());
    });
}

#[test]
fn times_are_read_in_every_way_that_outlook_keeps_them() {
    play(async |stage| {
        let mut all_day =
            graph_event("Trip", "2026-07-04T00:00:00", "2026-07-06T00:00:00", "Tokyo Standard Time");
        all_day["isAllDay"] = true.into();
        let days = stage.made_outside(all_day);
        let custom = stage.made_outside(graph_event(
            "Custom",
            "2026-07-07T10:00:00",
            "2026-07-07T11:00:00",
            "tzone://Microsoft/Custom",
        ));
        let overlap = stage.made_outside(graph_event(
            "Twice",
            "2026-10-25T02:30:00.1234567",
            "2026-10-25T04:00:00",
            "Europe/Vienna",
        ));
        let mut kept = Kept::default();
        kept.round(stage, window()).await;
        let (start, end) = ("2026-07-04".parse().unwrap(), "2026-07-06".parse().unwrap());
        assert_eq!(kept.event(&days).unwrap().when, When::AllDay { start, end });
        let utc = When::Timed {
            start: at("2026-07-07T10:00:00Z"),
            end: at("2026-07-07T11:00:00Z"),
            zone: String::new(),
        };
        assert_eq!(kept.event(&custom).unwrap().when, utc);
        let When::Timed { start, zone, .. } = &kept.event(&overlap).unwrap().when else { panic!("timed") };
        assert_eq!((start.timestamp(), &zone[..]), (at("2026-10-25T00:30:00Z").timestamp(), "Europe/Vienna"));
        assert_eq!(stage.get(&days).await.as_ref(), kept.event(&days));
    });
}

#[test]
fn an_invitation_is_answered_called_off_and_gone() {
    play(async |stage| {
        let mut meeting = graph_event("Supplier", "2026-07-09T10:00:00", "2026-07-09T11:00:00", BERLIN);
        meeting["attendees"] = json!([
            { "emailAddress": { "address": "rosa@studio.example" } }, { "emailAddress": { "address": "x@y.example" } },
        ]);
        let sent = stage.standin.outside(&stage.kim, "POST", "/v1.0/me/events", meeting);
        // Invitations arrive in the default calendar.
        let mine = Stage::access(stage);
        let read = async |cursor: Option<&str>| {
            let from = From { cursor, page: None, window: window(), known: false };
            let page = OUTLOOK.changes(&mine, &stage.other, &from).await.unwrap();
            let Next::Cursor(next) = page.next else { panic!("one page") };
            (page.changes, next)
        };
        let (changes, cursor) = read(None).await;
        let [Change::Event(event)] = &changes[..] else { panic!("{changes:?}") };
        let people: Vec<_> =
            event.participants.iter().map(|one| (&one.email[..], one.answer, one.is_self)).collect();
        assert_eq!(
            people,
            [
                ("kim@example.org", Answer::Accepted, false),
                ("rosa@studio.example", Answer::None, true),
                ("x@y.example", Answer::None, false)
            ]
        );
        let path = format!("/v1.0/me/events/{}/cancel", id(&sent));
        stage.standin.outside(&stage.kim, "POST", &path, json!({ "comment": "Ill" }));
        let (changes, _) = read(Some(&cursor)).await;
        assert_eq!(changes, [Change::Gone { id: event.id.clone() }]);
        assert_eq!(stage.get(&event.id).await, None);
    });
}

#[test]
fn limits_and_failures_are_told_apart() {
    play(async |stage| {
        let from = From { cursor: None, page: None, window: window(), known: false };
        let limit = json!({ "error": { "code": "ApplicationThrottled", "message": "" } });
        stage.fault(json!({ "status": 429, "headers": { "Retry-After": "120" }, "body": limit }));
        assert_eq!(stage.page(&from).await, Err(Fault::Limited(Some(at("2026-07-01T09:02:00Z")))));
        let date = "Wed, 01 Jul 2026 09:10:00 GMT";
        stage.fault(json!({ "status": 429, "headers": { "Retry-After": date }, "body": limit }));
        assert_eq!(stage.page(&from).await, Err(Fault::Limited(Some(at("2026-07-01T09:10:00Z")))));
        for status in [500, 502, 503, 504] {
            stage.fault(json!({ "status": status, "body": "<html>" }));
            assert!(matches!(stage.page(&from).await, Err(Fault::Temporary(_))), "{status}");
        }
        for cut in ["before", "after"] {
            stage.fault(json!({ "cut": cut }));
            assert!(matches!(stage.page(&from).await, Err(Fault::Temporary(_))), "{cut}");
        }
        stage.fault(json!({ "status": 200, "body": { "value": [] } }));
        assert_eq!(stage.page(&from).await, Err(Fault::unreadable()));
        let elsewhere = json!({ "value": [], "@odata.nextLink": "https://evil.example/v1.0/me" });
        stage.fault(json!({ "status": 200, "body": elsewhere }));
        let Next::Page(next) = stage.page(&from).await.unwrap().next else { panic!("a page") };
        let on = From { page: Some(&next), ..from };
        assert_eq!(stage.page(&on).await, Err(Fault::unreadable()), "the token goes to nobody else");
        stage.fault(
            json!({ "status": 403, "body": { "error": { "code": "ErrorAccessDenied", "message": "" } } }),
        );
        assert!(matches!(stage.page(&from).await, Err(Fault::Permission(_))));
        let unknown = OUTLOOK.changes(&stage.access(), "AAMkNothing=", &from).await;
        assert_eq!(unknown, Err(Fault::NotFound));
        stage.standin.post("/_/expire", json!({ "tokens": true }));
        assert_eq!(stage.page(&from).await, Err(Fault::Unauthorized));
    });
}

/// Whatever happens outside and on the way, a round later both sides agree.
#[test]
fn after_any_changes_and_failures_both_sides_agree() {
    play(async |stage| {
        many(stage, 30);
        stage.options(json!({ "max_page_size": 4, "repeat_items": true, "empty_pages": true }));
        let mut kept = Kept::default();
        let mut ids: Vec<String> = Vec::new();
        let mut seed: u64 = 20_260_701;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        let index = |number: u64| usize::try_from(number).unwrap();
        for round in 0..40 {
            stage.standin.post("/_/chaos", json!({ "rate": 0.0 }));
            for _ in 0..5 {
                let (day, hour) = (1 + random(28), random(20));
                let month = if random(5) == 0 { 2 } else { 6 + random(7) };
                let (start, end) = (
                    format!("2026-{month:02}-{day:02}T{hour:02}:00:00"),
                    format!("2026-{month:02}-{day:02}T{:02}:30:00", hour + random(3)),
                );
                let event = graph_event("Any", &start, &end, BERLIN);
                let series = |mut event: Value| {
                    let date = start.split('T').next();
                    event["recurrence"] = json!({
                        "pattern": { "type": "daily", "interval": 5 },
                        "range": { "type": "numbered", "startDate": date, "numberOfOccurrences": 6 },
                    });
                    event
                };
                match (random(8), ids.len()) {
                    (0..=2, _) | (_, 0) => ids.push(stage.made_outside(event)),
                    (3, _) => ids.push(stage.made_outside(series(event))),
                    (4, known) => {
                        let id = ids.swap_remove(index(random(u64::try_from(known).unwrap())));
                        stage.deleted_outside(&id);
                    }
                    (choice, known) => {
                        let id = &ids[index(random(u64::try_from(known).unwrap()))];
                        let path = format!("/v1.0/me/events/{id}");
                        let now = stage.standin.outside(&stage.outside, "GET", &path, Value::Null);
                        let some =
                            if now["type"] == "seriesMaster" { instances(stage, id) } else { Vec::new() };
                        match (choice, some.first()) {
                            (5, Some(one)) => stage.deleted_outside(super::reading::id(one)),
                            (6, Some(one)) => {
                                stage.changed_outside(super::reading::id(one), event);
                            }
                            (_, _) if now["type"] == "seriesMaster" => {
                                stage.changed_outside(id, series(event));
                            }
                            _ => {
                                stage.changed_outside(id, event);
                            }
                        }
                    }
                }
            }
            if round % 13 == 12 {
                stage.standin.post("/_/expire", json!({ "cursors": true }));
            }
            stage.standin.post("/_/chaos", json!({ "rate": 0.2, "seed": round }));
            kept.round(stage, window()).await;
            stage.standin.post("/_/chaos", json!({ "rate": 0.0 }));
            assert_eq!(kept.holds(window()), stage.holds(window()), "round {round}");
        }
    });
}
