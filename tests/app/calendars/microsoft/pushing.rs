//! Being told: subscriptions that really call back.

use super::stage::{OUTLOOK, Stage, graph_event, play};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::post,
};
use meridian::server::{
    calendars::{Hint, News, PushRequest, Wish, access::Access, event::Channel, fault::Fault},
    clock,
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// Our end: it reads and answers as the adapter says.
#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Hint>>>,
    deaf: Arc<Mutex<bool>>,
    address: String,
}

async fn hear(
    State(ear): State<Ear>,
    headers: HeaderMap,
    uri: Uri,
    body: axum::body::Bytes,
) -> (StatusCode, String) {
    let request = PushRequest { headers: &headers, query: uri.query().unwrap_or_default(), body: &body };
    if *ear.deaf.lock().unwrap() {
        return (StatusCode::BAD_REQUEST, String::new());
    }
    let push = OUTLOOK.read_push(&request);
    ear.heard.lock().unwrap().extend(push.hints);
    (push.status, push.body)
}

impl Ear {
    async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/webhook/calendar/microsoft", listener.local_addr().unwrap());
        let ear = Self { address, ..Self::default() };
        let routes = Router::new().route("/webhook/calendar/microsoft", post(hear)).with_state(ear.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        ear
    }

    async fn watch(&self, stage: &Stage, secret: &str, former: Option<&Channel>) -> Result<Channel, Fault> {
        let wish =
            Wish { id: "01890a5d-ac96-774b-bcce-b302099a8060", secret, address: &self.address, former };
        // The stand-in's clock is the real one.
        let access = Access { now: clock::now(), ..stage.access() };
        OUTLOOK.watch(&access, &stage.calendar, &wish).await.map(Option::unwrap)
    }

    /// Waits for a number of hints, and takes them.
    async fn take(&self, number: usize) -> Vec<Hint> {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            if self.heard.lock().unwrap().len() >= number {
                return std::mem::take(&mut *self.heard.lock().unwrap());
            }
            assert!(Instant::now() < until, "nobody told us");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn subscriptions(stage: &Stage) -> Vec<Value> {
    stage.standin.get("/_/subscriptions").as_array().unwrap().clone()
}

fn busy(number: u32) -> Value {
    graph_event(
        "New",
        &format!("2026-07-{number:02}T12:00:00"),
        &format!("2026-07-{number:02}T13:00:00"),
        "UTC",
    )
}

const SECRET: &str = "a-secret-of-thirty-two-characters";

#[test]
fn a_change_outside_is_told_to_whom_it_concerns() {
    play(async |stage| {
        let ear = Ear::open().await;
        let channel = ear.watch(stage, SECRET, None).await.unwrap();
        let [held] = &subscriptions(stage)[..] else { panic!("one subscription") };
        assert_eq!(held["lifecycleNotificationUrl"], ear.address);
        assert_eq!(held["changeType"], "created,updated,deleted");
        assert_eq!(held["expirationDateTime"].as_str().unwrap()[..16], channel.expires.to_rfc3339()[..16]);
        let made = stage.made_outside(busy(1));
        let hint = Hint { channel: channel.id.clone(), secret: SECRET.into(), news: News::Changed };
        assert_eq!(ear.take(1).await, std::slice::from_ref(&hint));
        stage.standin.post("/_/push", json!({ "mode": "twice" }));
        stage.deleted_outside(&made);
        assert_eq!(ear.take(2).await, [hint.clone(), hint]);
        // Another calendar's news are not ours.
        stage.standin.post("/_/push", json!({ "mode": "on" }));
        stage.standin.outside(&stage.outside, "POST", "/v1.0/me/events", busy(2));
        stage.made_outside(busy(3));
        assert_eq!(ear.take(1).await.len(), 1);
    });
}

#[test]
fn lifecycle_notifications_say_what_to_do() {
    play(async |stage| {
        let ear = Ear::open().await;
        let channel = ear.watch(stage, SECRET, None).await.unwrap();
        for (event, news) in [
            ("reauthorizationRequired", News::Renew),
            ("missed", News::Missed),
            ("subscriptionRemoved", News::Removed),
        ] {
            stage.standin.post("/_/lifecycle", json!({ "event": event }));
            let hint = Hint { channel: channel.id.clone(), secret: SECRET.into(), news };
            assert_eq!(ear.take(1).await, [hint], "{event}");
        }
        // It is no more; a new one takes its place.
        let next = ear.watch(stage, SECRET, Some(&channel)).await.unwrap();
        assert_ne!(next.id, channel.id);
        OUTLOOK.unwatch(&stage.access(), &channel).await.unwrap();
        OUTLOOK.unwatch(&stage.access(), &next).await.unwrap();
        assert_eq!(subscriptions(stage), Vec::<Value>::new());
    });
}

#[test]
fn a_batch_mixes_subscriptions_and_strangers() {
    play(async |stage| {
        let ear = Ear::open().await;
        let channel = ear.watch(stage, SECRET, None).await.unwrap();
        stage.options(json!({ "notification_batch_ms": 100 }));
        let strange = json!({ "subscriptionId": "other", "clientState": "x", "changeType": "updated" });
        stage.standin.post("/_/notify", json!({ "url": ear.address, "value": [strange] }));
        stage.made_outside(busy(1));
        let told: Vec<_> = ear.take(2).await.into_iter().map(|hint| (hint.channel, hint.secret)).collect();
        assert_eq!(told, [("other".into(), "x".into()), (channel.id, SECRET.to_owned())]);
        let pushes = stage.standin.get("/_/pushes");
        assert_eq!(pushes.as_array().unwrap().len(), 1, "{pushes}");
        assert_eq!(pushes[0]["status"], 202);
    });
}

#[test]
fn a_channel_is_renewed_and_never_doubled() {
    play(async |stage| {
        let ear = Ear::open().await;
        stage.options(json!({ "max_subscription_minutes": 60 }));
        let short = ear.watch(stage, SECRET, None).await.unwrap();
        stage.options(json!({ "max_subscription_minutes": 10_080 }));
        let renewed = ear.watch(stage, "another-secret", Some(&short)).await.unwrap();
        assert_eq!(renewed.id, short.id);
        assert!(renewed.expires > short.expires);
        assert_eq!(subscriptions(stage).len(), 1);
        // The answer is lost, so nobody knows of the second one.
        stage.fault(json!({ "method": "POST", "path": "/subscriptions$", "cut": "after" }));
        OUTLOOK.unwatch(&stage.access(), &renewed).await.unwrap();
        assert!(matches!(ear.watch(stage, SECRET, None).await, Err(Fault::Temporary(_))));
        assert_eq!(subscriptions(stage).len(), 1);
        let known = ear.watch(stage, SECRET, None).await.unwrap();
        let [held] = &subscriptions(stage)[..] else { panic!("one subscription") };
        assert_eq!(held["id"], known.id);
    });
}

#[test]
fn a_service_that_refuses_a_long_life_is_asked_for_a_shorter_one() {
    play(async |stage| {
        let ear = Ear::open().await;
        stage.options(json!({ "subscription_over_max": "refuse", "max_subscription_minutes": 4_230 }));
        ear.watch(stage, SECRET, None).await.unwrap();
        assert_eq!(subscriptions(stage).len(), 1);
    });
}

#[test]
fn nobody_is_subscribed_whose_address_does_not_answer() {
    play(async |stage| {
        let ear = Ear::open().await;
        *ear.deaf.lock().unwrap() = true;
        assert!(matches!(ear.watch(stage, SECRET, None).await, Err(Fault::Refused(_))));
        assert_eq!(subscriptions(stage), Vec::<Value>::new());
    });
}
