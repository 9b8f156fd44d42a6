//! Webhooks out: receivers of every temper, and an independent implementation of the specification.

mod pages;
pub mod receiver;
mod stage;

use crate::{
    harness::{Database, block_on, both},
    world::World,
};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::server::{clock, jobs::Outcome, use_cases::webhooks as use_case, webhooks::Event};
use receiver::{Reaction, Receiver};
use stage::{Stage, config};
use standardwebhooks::Webhook;
use std::time::Duration;

both!(
    an_independent_implementation_verifies_what_is_sent,
    an_old_secret_signs_for_a_day_and_no_longer,
    only_those_are_told_who_asked_for_it,
    what_failed_is_sent_again_and_what_arrived_is_not,
    every_bad_receiver_is_told_apart,
    a_receiver_that_hangs_holds_up_nobody_else,
    patience_ends_after_fifteen_seconds,
    a_receiver_that_is_gone_is_told_nothing_more,
    a_day_of_failures_switches_off_and_tells_every_admin_once,
    whoever_got_something_or_was_changed_since_stays_on,
    a_private_address_is_not_called_whatever_was_saved,
    a_busy_receiver_is_given_the_time_that_it_asks_for,
);

fn on_stage(database: &Database, play: impl AsyncFnOnce(Stage)) {
    let world = World::make(database, 0, async |_, _| {});
    block_on(async {
        let stage = Stage::new(database, &world).await;
        let db = stage.db().clone();
        play(stage).await;
        db.close().await;
    });
}

fn verifies(secret: &str, request: &receiver::Received) -> bool {
    Webhook::new(secret).unwrap().verify(&request.body, &request.headers).is_ok()
}

fn retries(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

fn an_independent_implementation_verifies_what_is_sent(database: Database) {
    on_stage(&database, async |stage| {
        let (receiver, now) = (Receiver::friendly(), clock::now());
        let (webhook, secret) = stage.webhook(&receiver, now).await;
        let delivery = stage.told(&webhook, now).await;
        assert_eq!(stage.deliver(&delivery, 1, now).await, Outcome::Done);
        let [request] = &receiver.received()[..] else { panic!("one request") };
        assert!(verifies(&secret, request));
        assert_eq!(request.path, "/hook");
        assert_eq!(request.header("webhook-id"), delivery.as_str());
        assert_eq!(request.header("webhook-timestamp"), now.timestamp().to_string());
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.header("user-agent").starts_with("Meridian/"));
        let body = request.json();
        assert_eq!(body["type"], "booking.created");
        assert_eq!(body["version"], 1);
        let timestamp: DateTime<Utc> = body["timestamp"].as_str().unwrap().parse().unwrap();
        assert_eq!(timestamp.timestamp_millis(), now.timestamp_millis());
        assert_eq!(body["data"]["invitee"]["name"], "Jürgen „Jupp“ <b>\u{1F600}");
        assert_eq!(body["data"]["status"], "confirmed");
        assert!(body["data"].get("previous_start").is_none());

        let mut forged = request.clone();
        forged.body.push(b' ');
        assert!(!verifies(&secret, &forged));
        let mut other = request.clone();
        other.headers.insert("webhook-id", "another".parse().unwrap());
        assert!(!verifies(&secret, &other));
        assert!(!verifies("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", request));
    });
}

fn an_old_secret_signs_for_a_day_and_no_longer(database: Database) {
    on_stage(&database, async |stage| {
        let now = clock::now();
        for (hours_ago, old_is_valid) in [(23, true), (25, false)] {
            let (receiver, then) = (Receiver::friendly(), now - TimeDelta::hours(hours_ago));
            let (webhook, old) = stage.webhook(&receiver, then - TimeDelta::days(1)).await;
            let seen = stage.row(&webhook).await.updated_at.to_string();
            let id = webhook.as_str();
            let new = use_case::rotate(&stage.context, &stage.me, id, &seen, then).await.unwrap().secret;
            let twice = use_case::rotate(&stage.context, &stage.me, id, &seen, then).await;
            assert_eq!(twice.unwrap_err().fields()[0].field, "secret");
            let delivery = stage.told(&webhook, now).await;
            assert_eq!(stage.deliver(&delivery, 1, now).await, Outcome::Done);
            let request = &receiver.received()[0];
            assert!(verifies(&new, request));
            assert_eq!(verifies(&old, request), old_is_valid);
            let signatures = request.header("webhook-signature").split(' ').count();
            assert_eq!(signatures, if old_is_valid { 2 } else { 1 });
        }
    });
}

fn only_those_are_told_who_asked_for_it(database: Database) {
    let world = World::named(&database, "other", 0, async |_, _| {});
    on_stage(&database, async |mut stage| {
        let now = clock::now();
        let (all, _) = stage.webhook_for("http://127.0.0.1:4001/", &Event::ALL.map(Event::as_str), now).await;
        let (one, _) = stage.webhook_for("http://127.0.0.1:4002/", &["booking.cancelled"], now).await;
        let (off, _) = stage.webhook_for("http://127.0.0.1:4003/", &["booking.cancelled"], now).await;
        use_case::set_active(&stage.context, &stage.me, off.as_str(), false, now).await.unwrap();
        stage.emit(Event::BookingCreated, now).await;
        stage.emit(Event::BookingCancelled, now).await;
        let counts =
            [stage.deliveries(&all).await, stage.deliveries(&one).await, stage.deliveries(&off).await];
        assert_eq!(counts.map(|list| list.len()), [2, 1, 0]);
        let mine = std::mem::replace(&mut stage.me.workspace_id, world.workspace);
        stage.emit(Event::BookingCreated, now).await;
        stage.me.workspace_id = mine;
        assert_eq!(stage.deliveries(&all).await.len(), 2);
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE kind = 'webhook' AND lane = 'webhook'"), 3);
}

fn what_failed_is_sent_again_and_what_arrived_is_not(database: Database) {
    on_stage(&database, async |stage| {
        let receiver = Receiver::start(|number| match number {
            0 => Reaction::Answer(500, "", "no\0t \x1b[31mtoday"),
            _ => Reaction::Answer(204, "", ""),
        });
        let now = clock::now();
        let (webhook, secret) = stage.webhook(&receiver, now).await;
        let delivery = stage.told(&webhook, now).await;
        assert!(retries(&stage.deliver(&delivery, 1, now).await));
        assert_eq!(stage.status(&delivery).await, "waiting");
        let later = now + TimeDelta::seconds(5);
        assert_eq!(stage.deliver(&delivery, 2, later).await, Outcome::Done);
        assert_eq!(stage.status(&delivery).await, "delivered");
        // As after a crash between the answer and the end of the job.
        assert_eq!(stage.deliver(&delivery, 3, later).await, Outcome::Done);
        let requests = receiver.received();
        assert_eq!(requests.len(), 2);
        assert!(requests.iter().all(|request| verifies(&secret, request)));
        assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
        assert_eq!(requests[0].body, requests[1].body);
        assert_ne!(requests[0].header("webhook-timestamp"), requests[1].header("webhook-timestamp"));
        let attempts = stage.attempts(&webhook).await;
        assert_eq!(attempts.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [Some(500), Some(204)]);
        assert!(stage.row(&webhook).await.succeeded_at.is_some());

        // Sent again by hand: the same once more.
        let id = webhook.as_str();
        use_case::again(&stage.context, &stage.me, id, delivery.as_str(), later).await.unwrap();
        assert_eq!(stage.status(&delivery).await, "waiting");
        assert_eq!(stage.deliver(&delivery, 1, later).await, Outcome::Done);
        assert_eq!(receiver.received()[2].header("webhook-id"), delivery.as_str());
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM jobs WHERE kind = 'webhook'"), 1, "one job at a time");
    assert_eq!(
        database.number("SELECT COUNT(*) FROM delivery_attempts WHERE response = 'not [31mtoday'"),
        1,
        "what can't be shown is not kept"
    );
}

fn every_bad_receiver_is_told_apart(database: Database) {
    on_stage(&database, async |stage| {
        let now = clock::now();
        let elsewhere = Receiver::friendly();
        let to = Box::leak(format!("location: {}\r\n", elsewhere.url).into_boxed_str());
        let cases: [(Receiver, Option<i64>, &str, bool); 8] = [
            (Receiver::start(|_| Reaction::Answer(500, "", "")), Some(500), "answered 500", false),
            (
                Receiver::start(|_| Reaction::Answer(301, to, "")),
                Some(301),
                "Redirects are not followed",
                false,
            ),
            (
                Receiver::start(|_| Reaction::Answer(308, to, "")),
                Some(308),
                "Redirects are not followed",
                false,
            ),
            (Receiver::start(|_| Reaction::Close), None, "connection ended", false),
            (Receiver::start(|_| Reaction::Endless(200)), Some(200), "", true),
            (Receiver::start(|_| Reaction::Endless(500)), Some(500), "answered 500", false),
            (Receiver::start(|_| Reaction::Big(200, 10_000_000)), Some(200), "", true),
            (Receiver::start(|_| Reaction::Big(503, 10_000_000)), Some(503), "answered 503", false),
        ];
        for (receiver, status, error, arrived) in cases {
            let (webhook, _) = stage.webhook(&receiver, now).await;
            let delivery = stage.told(&webhook, now).await;
            let outcome = stage.deliver(&delivery, 1, now).await;
            assert_eq!(outcome == Outcome::Done, arrived, "{outcome:?}");
            assert_eq!(stage.status(&delivery).await, if arrived { "delivered" } else { "waiting" });
            let [(seen, sentence)] = &stage.attempts(&webhook).await[..] else { panic!("one attempt") };
            assert_eq!(*seen, status, "{sentence}");
            assert!(sentence.contains(error) && sentence.is_empty() == error.is_empty(), "{sentence}");
            assert!(stage.answers(&webhook).await.iter().all(|answer| [0, 2_048].contains(&answer.len())));
            assert_eq!(receiver.received().len(), 1);
            use_case::delete(&stage.context, &stage.me, webhook.as_str(), now).await.unwrap();
            // Deleted while it waited.
            assert_eq!(stage.deliver(&delivery, 2, now).await, Outcome::Done);
            assert_eq!(receiver.received().len(), 1);
        }
        assert_eq!(elsewhere.received().len(), 0);

        // Nobody listens; and somebody who does not speak TLS.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let plain = elsewhere.url.replace("http://", "https://");
        for (url, error) in [(format!("http://{gone}/"), "nobody listens"), (plain, "No secure connection")] {
            let (webhook, _) = stage.webhook_for(&url, &["booking.created"], now).await;
            let delivery = stage.told(&webhook, now).await;
            assert!(retries(&stage.deliver(&delivery, 1, now).await));
            let [(None, sentence)] = &stage.attempts(&webhook).await[..] else { panic!("one attempt") };
            assert!(sentence.contains(error), "{sentence}");
        }
    });
}

fn a_receiver_that_hangs_holds_up_nobody_else(database: Database) {
    on_stage(&database, async |stage| {
        let (slow, quick, now) = (Receiver::start(|_| Reaction::Hang), Receiver::friendly(), clock::now());
        let (slow_one, _) = stage.webhook(&slow, now).await;
        let (quick_one, _) = stage.webhook(&quick, now).await;
        for _ in 0..10 {
            stage.emit(Event::BookingCreated, now).await;
        }
        let waiting = stage.deliveries(&slow_one).await;
        let (one, two) = (stage.deliver(&waiting[0].id, 1, now), stage.deliver(&waiting[1].id, 1, now));
        let rest = async {
            while slow.received().len() < 2 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            for delivery in &waiting[2..] {
                let outcome = stage.deliver(&delivery.id, 1, now).await;
                assert!(matches!(outcome, Outcome::Postpone(_)), "{outcome:?}");
            }
            for delivery in stage.deliveries(&quick_one).await {
                assert_eq!(stage.deliver(&delivery.id, 1, now).await, Outcome::Done);
            }
            assert_eq!(quick.received().len(), 10);
            slow.let_go();
        };
        let (one, two, ()) = tokio::join!(one, two, rest);
        assert!(retries(&one) && retries(&two));
        assert_eq!(slow.received().len(), 2);
        // The places are free again.
        let outcome = stage.deliver(&waiting[2].id, 1, now).await;
        assert!(retries(&outcome), "{outcome:?}");
    });
}

fn patience_ends_after_fifteen_seconds(database: Database) {
    on_stage(&database, async |stage| {
        let now = clock::now();
        let silent = Receiver::start(|_| Reaction::Hang);
        let (drips, refuses) =
            (Receiver::start(|_| Reaction::Drip(200)), Receiver::start(|_| Reaction::Drip(500)));
        let mut deliveries = Vec::new();
        for receiver in [&silent, &drips, &refuses] {
            let (webhook, _) = stage.webhook(receiver, now).await;
            deliveries.push((stage.told(&webhook, now).await, webhook));
        }
        let [(a, silent_one), (b, _), (c, _)] = &deliveries[..] else { panic!("three") };
        let (a, b, c) =
            tokio::join!(stage.deliver(a, 1, now), stage.deliver(b, 1, now), stage.deliver(c, 1, now));
        assert!(retries(&a) && retries(&c), "{a:?} {c:?}");
        assert_eq!(b, Outcome::Done, "the status came in time, and it decides");
        let [(None, sentence)] = &stage.attempts(silent_one).await[..] else { panic!("one attempt") };
        assert_eq!(sentence, "No answer came in time.");
    });
}

fn a_receiver_that_is_gone_is_told_nothing_more(database: Database) {
    on_stage(&database, async |stage| {
        let (receiver, now) = (Receiver::start(|_| Reaction::Answer(410, "", "")), clock::now());
        let (webhook, _) = stage.webhook(&receiver, now).await;
        let (first, second) = (stage.told(&webhook, now).await, stage.told(&webhook, now).await);
        assert_eq!(stage.deliver(&first, 1, now).await, Outcome::Done);
        let later = now + TimeDelta::seconds(1);
        assert_eq!(stage.deliver(&second, 1, later).await, Outcome::Done);
        assert_eq!(receiver.received().len(), 1);
        assert_eq!([stage.status(&first).await, stage.status(&second).await], ["failed", "failed"]);
        let row = stage.row(&webhook).await;
        assert!(!row.active && row.disabled_reason.contains("410"), "{row:?}");
        let attempts = stage.attempts(&webhook).await;
        assert_eq!(attempts[1], (None, "Not sent: the webhook is switched off.".to_owned()));
        stage.emit(Event::BookingCreated, now).await;
        assert_eq!(stage.deliveries(&webhook).await.len(), 2);
        let again = use_case::again(&stage.context, &stage.me, webhook.as_str(), first.as_str(), now).await;
        assert_eq!(again.unwrap_err().fields()[0].field, "switch");
        use_case::set_active(&stage.context, &stage.me, webhook.as_str(), true, now).await.unwrap();
        use_case::again(&stage.context, &stage.me, webhook.as_str(), second.as_str(), now).await.unwrap();
        assert_eq!(stage.status(&second).await, "waiting");
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE kind = 'webhook-disabled'"), 2);
}

fn a_day_of_failures_switches_off_and_tells_every_admin_once(database: Database) {
    on_stage(&database, async |stage| {
        let (receiver, now) = (Receiver::start(|_| Reaction::Answer(500, "", "")), clock::now());
        let (webhook, _) = stage.webhook(&receiver, now).await;
        let (first, second) = (stage.told(&webhook, now).await, stage.told(&webhook, now).await);
        let mut attempt = 1;
        let mut later = now;
        let last = loop {
            match stage.deliver(&first, attempt, later).await {
                Outcome::Retry { after, .. } => later += after,
                outcome => break outcome,
            }
            assert!(stage.row(&webhook).await.active);
            attempt += 1;
        };
        assert!(matches!(last, Outcome::Dead(ref error) if error.contains("500")), "{last:?}");
        assert!(later - now > TimeDelta::hours(19), "{}", later - now);
        assert_eq!(stage.attempts(&webhook).await.len(), 12);
        let row = stage.row(&webhook).await;
        assert!(!row.active && row.disabled_reason.contains("for a day"), "{row:?}");
        assert_eq!([stage.status(&first).await, stage.status(&second).await], ["failed", "waiting"]);
        assert_eq!(stage.deliver(&second, 12, later).await, Outcome::Done);
        assert_eq!(receiver.received().len(), 12);
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM messages WHERE kind = 'webhook-disabled'"), 2);
    assert_eq!(database.number("SELECT COUNT(DISTINCT recipient) FROM messages"), 2);
    assert_eq!(database.number("SELECT COUNT(*) FROM audit_log WHERE action = 'webhook.disabled'"), 1);
}

fn whoever_got_something_or_was_changed_since_stays_on(database: Database) {
    on_stage(&database, async |stage| {
        let receiver =
            Receiver::start(|number| Reaction::Answer(if number == 1 { 200 } else { 500 }, "", ""));
        let now = clock::now();
        let (webhook, _) = stage.webhook(&receiver, now).await;
        let first = stage.told(&webhook, now).await;
        let second = stage.told(&webhook, now + TimeDelta::hours(1)).await;
        assert!(retries(&stage.deliver(&first, 11, now + TimeDelta::hours(20)).await));
        assert_eq!(stage.deliver(&second, 1, now + TimeDelta::hours(21)).await, Outcome::Done);
        let last = stage.deliver(&first, 12, now + TimeDelta::hours(25)).await;
        assert!(matches!(last, Outcome::Dead(_)), "{last:?}");
        assert!(stage.row(&webhook).await.active, "another delivery got through");

        let third = stage.told(&webhook, now + TimeDelta::hours(30)).await;
        let seen = stage.row(&webhook).await.updated_at.to_string();
        let then = now + TimeDelta::hours(40);
        use_case::rotate(&stage.context, &stage.me, webhook.as_str(), &seen, then).await.unwrap();
        stage.deliver(&third, 12, now + TimeDelta::hours(55)).await;
        assert!(stage.row(&webhook).await.active, "an admin mended something meanwhile");
    });
    assert_eq!(database.number("SELECT COUNT(*) FROM messages"), 0);
}

fn a_private_address_is_not_called_whatever_was_saved(database: Database) {
    on_stage(&database, async |mut stage| {
        let (receiver, now) = (Receiver::friendly(), clock::now());
        let port = receiver.url.rsplit(':').next().unwrap().to_owned();
        let events = ["booking.created"];
        // As if the name had meant a public address when it was saved.
        let by_name = stage.webhook_for(&format!("https://localhost:{port}"), &events, now).await.0;
        let by_number = stage.webhook_for(&format!("https://127.0.0.1:{port}"), &events, now).await.0;
        stage.context.config = config(&database, "off");
        for webhook in [by_name, by_number] {
            let delivery = stage.told(&webhook, now).await;
            assert!(retries(&stage.deliver(&delivery, 1, now).await));
            let [(None, sentence)] = &stage.attempts(&webhook).await[..] else { panic!("one attempt") };
            assert!(sentence.contains("private network"), "{sentence}");
        }
        assert_eq!(receiver.received().len(), 0);
    });
}

fn a_busy_receiver_is_given_the_time_that_it_asks_for(database: Database) {
    on_stage(&database, async |stage| {
        let now = clock::now();
        for (receiver, least, most) in [
            (Receiver::start(|_| Reaction::Answer(429, "retry-after: 900\r\n", "")), 900, 900),
            (Receiver::start(|_| Reaction::Answer(503, "retry-after: 86400\r\n", "")), 3_600, 3_600),
            (Receiver::start(|_| Reaction::Answer(500, "retry-after: 86400\r\n", "")), 4, 6),
        ] {
            let (webhook, _) = stage.webhook(&receiver, now).await;
            let delivery = stage.told(&webhook, now).await;
            let outcome = stage.deliver(&delivery, 1, now).await;
            let Outcome::Retry { after, .. } = outcome else { panic!("{outcome:?}") };
            assert!((least..=most).contains(&after.num_seconds()), "{after}");
        }
    });
}
