//! A workspace with an admin, webhooks and deliveries, without a server around them.

use super::receiver::Receiver;
use crate::{
    harness::{Database, SECRET},
    world::World,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::{
        appointment::BookingStatus,
        ids::{DeliveryId, MemberId, SessionId, UserId, WebhookId},
        text::{EmailAddress, Name},
    },
    server::{
        clock,
        config::Config,
        context::Context,
        crypto, ids,
        jobs::Outcome,
        limits::Limiter,
        store::{Db, members, members::SignedIn, webhooks as store},
        use_cases::webhooks::{self as use_case, WebhookForm},
        webhooks::{self, Event, body},
    },
};
use std::sync::Arc;

pub struct Stage {
    pub context: Context,
    pub me: SignedIn,
}

pub fn config(database: &Database, private: &str) -> Arc<Config> {
    let config = Config::load(None, |key| match key {
        "MERIDIAN_DATABASE_URL" => Some(database.url.clone()),
        "MERIDIAN_DATA_DIR" => Some(database.dir.path().display().to_string()),
        "MERIDIAN_ALLOW_PRIVATE_URLS" => Some(private.to_owned()),
        _ => None,
    });
    Arc::new(config.unwrap())
}

/// A booking as it is told.
pub fn booking(invitee: &str) -> body::BookingData {
    let start: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
    body::BookingData {
        id: "0193b5a0-7c1e-7000-8000-000000000001".to_owned(),
        status: BookingStatus::Confirmed,
        workspace: "w".to_owned(),
        event_type: body::EventTypeRef { slug: "talk".to_owned(), name: "Talk".to_owned() },
        start,
        end: start + TimeDelta::minutes(30),
        previous_start: None,
        timezone: "Europe/Berlin".to_owned(),
        hosts: vec![body::HostData {
            name: "Ada".to_owned(),
            email: "ada@w.example".to_owned(),
            rsvp: "confirmed".to_owned(),
        }],
        invitee: body::InviteeData {
            id: invitee.to_owned(),
            name: "Jürgen „Jupp“ <b>\u{1F600}".to_owned(),
            email: "j@customer.example".to_owned(),
            phone: String::new(),
            timezone: "Europe/Berlin".to_owned(),
            guests: vec![],
            notes: "two\nlines".to_owned(),
            answers: vec![],
        },
        place: body::PlaceData { label: "Video call".to_owned(), detail: "https://meet.example".to_owned() },
        price: None,
        reason: None,
        by: "invitee".to_owned(),
        reminder_minutes: None,
        no_show: None,
    }
}

impl Stage {
    /// A world of its own, with two admins.
    pub async fn new(database: &Database, world: &World) -> Self {
        let db = database.open().await;
        let now = clock::now();
        let mut conn = db.write().await.unwrap();
        let mut member: Option<MemberId> = None;
        for (name, email) in [("Ada", "ada@w.example"), ("Grace", "grace@w.example")] {
            let (user, id): (UserId, MemberId) = (ids::new(now).unwrap(), ids::new(now).unwrap());
            let (email, name) = (EmailAddress::parse(email).unwrap(), Name::parse(name).unwrap());
            members::insert_user(&mut conn, &user, &email, &name, "-", now).await.unwrap();
            members::insert_member(&mut conn, &id, &world.workspace, &user, "admin", &name, now)
                .await
                .unwrap();
            member = Some(id);
        }
        conn.commit().await.unwrap();
        let me = SignedIn {
            session_id: ids::new::<SessionId>(now).unwrap(),
            member_id: member.unwrap(),
            workspace_id: world.workspace.clone(),
            role: "admin".to_owned(),
            name: "Grace".to_owned(),
            workspace_slug: "w".to_owned(),
            workspace_name: "World".to_owned(),
            zone: "UTC".to_owned(),
            created_at: 0,
            seen_at: 0,
        };
        let secret = crypto::Secret::new(STANDARD.decode(SECRET).unwrap()).unwrap();
        let config = config(database, "on");
        let limiter = Arc::new(Limiter::new(false));
        Self { context: Context { db, config, secret, limiter }, me }
    }

    /// Adds a webhook for everything; its id and secret.
    pub async fn webhook(&self, receiver: &Receiver, now: DateTime<Utc>) -> (WebhookId, String) {
        self.webhook_for(&receiver.url, &Event::ALL.map(Event::as_str), now).await
    }

    pub async fn webhook_for(&self, url: &str, events: &[&str], now: DateTime<Utc>) -> (WebhookId, String) {
        let events = events.iter().map(|word| (*word).to_owned()).collect();
        let form = WebhookForm { url: url.to_owned(), events };
        let page = use_case::create(&self.context, &self.me, &form, now).await.unwrap();
        (page.id.try_into().unwrap(), page.secret)
    }

    pub async fn emit(&self, event: Event, now: DateTime<Utc>) {
        let mut conn = self.context.db.write().await.unwrap();
        let data = booking("0193b5a0-7c1e-7000-8000-000000000002");
        webhooks::emit(&mut conn, &self.me.workspace_id, event, &data, now).await.unwrap();
        conn.commit().await.unwrap();
    }

    /// Tells a webhook of a booking; the delivery that it is to get.
    pub async fn told(&self, webhook: &WebhookId, now: DateTime<Utc>) -> DeliveryId {
        let before = self.deliveries(webhook).await;
        self.emit(Event::BookingCreated, now).await;
        let mut after = self.deliveries(webhook).await;
        after.retain(|row| !before.contains(row));
        after.remove(0).id
    }

    /// Newest first.
    pub async fn deliveries(&self, webhook: &WebhookId) -> Vec<store::DeliveryRow> {
        let mut conn = self.context.db.read().await.unwrap();
        store::deliveries(&mut conn, &self.me.workspace_id, webhook, (i64::MAX, ""), 100).await.unwrap()
    }

    pub async fn deliver(&self, delivery: &DeliveryId, attempt: i64, now: DateTime<Utc>) -> Outcome {
        webhooks::deliver(&self.context, delivery, attempt, now).await
    }

    pub async fn status(&self, delivery: &DeliveryId) -> String {
        let mut conn = self.context.db.read().await.unwrap();
        store::delivery(&mut conn, delivery).await.unwrap().unwrap().status
    }

    pub async fn row(&self, webhook: &WebhookId) -> store::WebhookRow {
        let mut conn = self.context.db.read().await.unwrap();
        store::by_id(&mut conn, &self.me.workspace_id, webhook).await.unwrap().unwrap()
    }

    /// Status and error of a webhook's attempts, oldest first.
    pub async fn attempts(&self, webhook: &WebhookId) -> Vec<(Option<i64>, String)> {
        let mut conn = self.context.db.read().await.unwrap();
        let found = store::attempts(&mut conn, &self.me.workspace_id, webhook, 0, i64::MAX).await.unwrap();
        found.into_iter().map(|row| (row.status, row.error)).collect()
    }

    /// What is kept of the receiver's answers.
    pub async fn answers(&self, webhook: &WebhookId) -> Vec<String> {
        let mut conn = self.context.db.read().await.unwrap();
        let found = store::attempts(&mut conn, &self.me.workspace_id, webhook, 0, i64::MAX).await.unwrap();
        found.into_iter().map(|row| row.response).collect()
    }

    pub fn db(&self) -> &Db {
        &self.context.db
    }
}
