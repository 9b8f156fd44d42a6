//! What was answered stays, whatever happens to the process.

use crate::{
    harness::{Database, Server, agent, answer, both},
    world::{World, day, order, rules},
};
use chrono::TimeDelta;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

both!(killed_in_the_middle_of_five_hundred_bookings, told_to_stop_under_load);

/// Books 500 different times with ten writers while `meanwhile` happens once a third is through. Returns the
/// tokens that were answered 201, and how many requests got no answer.
fn book_meanwhile(server: &Server, meanwhile: impl FnOnce() + Send) -> (Vec<String>, usize) {
    let (next, lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tokens = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let agent = agent();
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= 500 {
                        break;
                    }
                    let start = day() + TimeDelta::minutes(30 * i64::try_from(number).unwrap());
                    let request = agent.post(format!("{}/api/v1/public/book/w/talk/book", server.url));
                    match answer(request.send_json(order(start, number))) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 201, "{answer:?}");
                            tokens.lock().unwrap().push(answer.json["token"].as_str().unwrap().to_owned());
                        }
                        Err(_) => {
                            lost.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                }
            });
        }
        while tokens.lock().unwrap().len() < 150 {
            std::thread::sleep(Duration::from_millis(1));
        }
        meanwhile();
    });
    (tokens.into_inner().unwrap(), lost.into_inner())
}

fn assert_kept(database: &Database, tokens: &[String]) {
    database.assert_sound();
    let server = Server::start(database);
    for token in tokens {
        let kept = server.get(&format!("/api/v1/public/appointments/{token}"));
        assert_eq!((kept.status, kept.json["status"].as_str()), (200, Some("confirmed")), "{kept:?}");
        assert_eq!(kept.json["hosts"].as_array().map(Vec::len), Some(1), "{kept:?}");
    }
}

fn killed_in_the_middle_of_five_hundred_bookings(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let server = Server::start(&database);
    let (tokens, lost) = book_meanwhile(&server, || server.signal("KILL"));
    assert!(tokens.len() >= 150 && lost > 0, "{} answered, {lost} not", tokens.len());
    drop(server);
    assert_kept(&database, &tokens);
}

fn told_to_stop_under_load(database: Database) {
    World::make(&database, 1, async |world, db| {
        world.add(db, "talk", &rules(30)).await;
    });
    let mut server = Server::start(&database);
    let (tokens, _) = book_meanwhile(&server, || server.signal("TERM"));
    assert!(server.wait(), "a clean end");
    // Requests that were in flight got their answer: no booking is there that nobody was told of.
    let booked = database.number("SELECT COUNT(*) FROM bookings");
    assert_eq!(usize::try_from(booked).unwrap(), tokens.len());
    assert_kept(&database, &tokens);
}
