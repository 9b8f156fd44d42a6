//! Channels, and what they call with.

use super::*;
use meridian::server::{
    calendars::{Hint, News, Push, PushRequest, Wish, event::Channel},
    clock,
};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc,
    time::Duration,
};

/// A server that takes all pushes and passes their headers on.
fn receiver() -> (String, mpsc::Receiver<http::HeaderMap>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/webhook/calendar/google", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut headers = http::HeaderMap::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                match line.split_once(": ") {
                    Some((name, value)) => {
                        let name: http::HeaderName = name.parse().unwrap();
                        headers.insert(name, value.parse().unwrap());
                    }
                    None if line.is_empty() => break,
                    None => {}
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            if sender.send(headers).is_err() {
                return;
            }
        }
    });
    (address, received)
}

fn read(headers: &http::HeaderMap) -> Push {
    Google.read_push(&PushRequest { headers, query: "", body: b"" })
}

fn watch(world: &World, id: &str, address: &str) -> Result<Option<Channel>, Fault> {
    let wish = Wish { id, secret: "secret/1", address, former: None };
    block_on(Google.watch(&world.access(), &world.calendar, &wish))
}

#[test]
fn a_channel_is_opened_calls_and_is_ended() {
    let world = World::new();
    let (address, received) = receiver();
    let next = || read(&received.recv_timeout(Duration::from_secs(10)).unwrap());
    let hint = |channel: &str, news| Push {
        status: http::StatusCode::OK,
        body: String::new(),
        hints: vec![Hint { channel: channel.into(), secret: "secret/1".into(), news }],
    };
    let channel = watch(&world, "channel-1", &address).unwrap().unwrap();
    assert_eq!(channel.id, "channel-1");
    // The stand-in counts with the clock of the machine.
    let left = channel.expires - clock::now();
    assert!(left > chrono::TimeDelta::days(6) && left <= chrono::TimeDelta::days(7), "{left}");
    assert_eq!(next(), hint("channel-1", News::Nothing));
    let made = world.theirs(hour("03-01", "one"));
    assert_eq!(next(), hint("channel-1", News::Changed));
    // A later one takes its place before it ends.
    let later = watch(&world, "channel-2", &address).unwrap().unwrap();
    assert_eq!(next(), hint("channel-2", News::Nothing));
    block_on(Google.unwatch(&world.access(), &channel)).unwrap();
    world.their_delete(id(&made));
    assert_eq!(next(), hint("channel-2", News::Changed));
    // Ended twice, or ended by itself, is ended.
    block_on(Google.unwatch(&world.access(), &channel)).unwrap();
    world.google.post("/_/expire", json!({ "channels": true }));
    block_on(Google.unwatch(&world.access(), &later)).unwrap();
    world.theirs(hour("03-02", "two"));
    let sent: Vec<Value> = serde_json::from_value(world.google.get("/_/pushes")).unwrap();
    assert_eq!(sent.len(), 4, "{sent:?}");
    world.well();
}

#[test]
fn pushes_that_come_twice_say_the_same() {
    let world = World::new();
    let (address, received) = receiver();
    world.google.post("/_/push", json!({ "mode": "twice" }));
    watch(&world, "channel-1", &address).unwrap().unwrap();
    let next = || read(&received.recv_timeout(Duration::from_secs(10)).unwrap());
    assert_eq!(next(), next());
    world.well();
}

#[test]
fn calendars_without_push() {
    let world = World::new();
    world.options(json!({ "watch": false }));
    assert_eq!(watch(&world, "channel-1", "http://127.0.0.1:9/"), Ok(None));
    world.options(json!({ "watch": true }));
    let plain = watch(&world, "channel-1", "http://meridian.example/webhook/calendar/google");
    let Err(Fault::Refused(sentence)) = plain else { panic!("{plain:?}") };
    assert!(sentence.contains("HTTPS"), "{sentence}");
    world.well();
}
