//! A small world to test in: a workspace whose hosts are open around the clock, and event types as a test needs
//! them.

use crate::harness::{Database, SECRET, block_on};
use chrono::{DateTime, TimeDelta, Utc};
use meridian::{
    domain::{
        appointment::BookingStatus,
        assignment::Assignment,
        event_type::{ChangePolicy, EventTypeRules, Location, MailTexts},
        ids::{BookingId, EventTypeId, InviteeId, MemberId, ScheduleId, UserId, WorkspaceId},
        interval::Interval,
        questions::Question,
        schedule::{Schedule, WeeklyHours, Window},
        slots::SlotRules,
        text::{EmailAddress, Name, Slug},
    },
    server::{
        clock, crypto, ids,
        store::{Db, attendees, bookings, busy, event_types, invitees, members, workspaces},
    },
};
use serde_json::{Value, json};
use std::sync::LazyLock;

pub struct World {
    pub workspace: WorkspaceId,
    pub hosts: Vec<(MemberId, ScheduleId)>,
    now: DateTime<Utc>,
}

pub fn rules(length: u32) -> EventTypeRules {
    EventTypeRules {
        lengths: vec![length],
        default_length: length,
        slots: SlotRules::default(),
        assignment: Assignment::RoundRobin,
        questions: Vec::<Question>::new(),
        location: Location::Video { url: "https://meet.example/room".into() },
        price: None,
        guests: 2,
        policy: ChangePolicy { cancel_until: Some(0), move_until: Some(0) },
        reminders: Vec::new(),
        approval: None,
        verify_email: false,
        mail: MailTexts::default(),
    }
}

/// A day some weeks ahead, at midnight UTC: nothing in these tests is ever "too soon". It stays the same when a day begins while
/// they run.
pub fn day() -> DateTime<Utc> {
    static DAY: LazyLock<DateTime<Utc>> = LazyLock::new(|| {
        let ahead = clock::now() + TimeDelta::days(20);
        ahead.date_naive().and_time(chrono::NaiveTime::MIN).and_utc()
    });
    *DAY
}

/// A start on that day.
pub fn at(minutes: i64) -> DateTime<Utc> {
    day() + TimeDelta::minutes(minutes)
}

pub fn order(start: DateTime<Utc>, number: usize) -> Value {
    json!({
        "start": start, "timezone": "Europe/Berlin",
        "name": format!("Invitee {number}"), "email": format!("invitee{number}@customer.example"),
    })
}

impl World {
    /// Fills a database; `of` adds event types.
    pub fn make(database: &Database, hosts: usize, of: impl AsyncFnOnce(&mut Self, &Db)) -> Self {
        Self::named(database, "w", hosts, of)
    }

    pub fn named(
        database: &Database,
        slug: &str,
        hosts: usize,
        of: impl AsyncFnOnce(&mut Self, &Db),
    ) -> Self {
        block_on(async {
            let db = database.open().await;
            let now = clock::now();
            let mut conn = db.write().await.unwrap();
            let workspace: WorkspaceId = ids::new(now).unwrap();
            let new = workspaces::NewWorkspace {
                id: &workspace,
                slug: &Slug::parse(slug).unwrap(),
                name: &Name::parse("World").unwrap(),
                intro: "",
                zone: "UTC",
            };
            workspaces::insert(&mut conn, &new, now).await.unwrap();
            let mut world = Self { workspace, hosts: Vec::new(), now };
            let all_day = vec![Window::new(0, 1440).unwrap()];
            let hours = Schedule { weekly: WeeklyHours::every_day(all_day), overrides: Default::default() };
            for number in 0..hosts {
                let (user, member, schedule): (UserId, MemberId, ScheduleId) =
                    (ids::new(now).unwrap(), ids::new(now).unwrap(), ids::new(now).unwrap());
                let email = EmailAddress::parse(&format!("host{number}@{slug}.example")).unwrap();
                let name = Name::parse(&format!("Host {number}")).unwrap();
                members::insert_user(&mut conn, &user, &email, &name, "-", now).await.unwrap();
                members::insert_member(&mut conn, &member, &world.workspace, &user, "staff", &name, now)
                    .await
                    .unwrap();
                event_types::insert_schedule(
                    &mut conn,
                    &schedule,
                    &world.workspace,
                    &member,
                    "-",
                    "UTC",
                    &hours,
                    now,
                )
                .await
                .unwrap();
                world.hosts.push((member, schedule));
            }
            conn.commit().await.unwrap();
            of(&mut world, &db).await;
            db.close().await;
            world
        })
    }

    /// Adds an event type with all hosts.
    pub async fn add(&mut self, db: &Db, slug: &str, rules: &EventTypeRules) -> EventTypeId {
        self.add_as(db, slug, rules, "listed", true).await
    }

    pub async fn add_as(
        &mut self,
        db: &Db,
        slug: &str,
        rules: &EventTypeRules,
        visibility: &str,
        active: bool,
    ) -> EventTypeId {
        let mut conn = db.write().await.unwrap();
        let id: EventTypeId = ids::new(self.now).unwrap();
        let new = event_types::NewEventType {
            id: &id,
            workspace: &self.workspace,
            slug: &Slug::parse(slug).unwrap(),
            name: &Name::parse(slug).unwrap(),
            description: "",
            visibility,
            active,
            position: 1,
            rules,
        };
        event_types::insert(&mut conn, &new, self.now).await.unwrap();
        for (position, (member, schedule)) in (1..).zip(&self.hosts) {
            let host = event_types::NewHost {
                event_type: &id,
                member,
                workspace: &self.workspace,
                schedule,
                position,
                required: true,
                weight: 1,
                priority: 1,
            };
            event_types::insert_host(&mut conn, &host).await.unwrap();
        }
        conn.commit().await.unwrap();
        id
    }

    /// Puts a booking straight into the database, whatever the rules say of its time.
    pub async fn put_booking(
        &self,
        db: &Db,
        event_type: &EventTypeId,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> String {
        let mut conn = db.write().await.unwrap();
        let (booking, invitee): (BookingId, InviteeId) =
            (ids::new(self.now).unwrap(), ids::new(self.now).unwrap());
        let time = Interval::new(start, end).unwrap();
        let host = &self.hosts[0].0;
        let new = bookings::NewBooking {
            id: &booking,
            workspace: &self.workspace,
            event_type,
            status: BookingStatus::Confirmed,
            time,
            seats: 1,
        };
        bookings::insert(&mut conn, &new, self.now).await.unwrap();
        busy::insert_claim(&mut conn, &self.workspace, &booking, host, time).await.unwrap();
        attendees::insert(&mut conn, &self.workspace, &booking, host, "confirmed").await.unwrap();
        let secret = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, SECRET).unwrap();
        let token = crypto::Secret::new(secret).unwrap().appointment_token(&invitee);
        let new = invitees::NewInvitee {
            id: &invitee,
            workspace: &self.workspace,
            booking: &booking,
            name: "Past Invitee",
            email: "past@customer.example",
            email_key: "past@customer.example",
            phone: "",
            zone: "Europe/Berlin",
            notes: "",
            answers: &[],
            guests: &[],
            token_hash: &crypto::hash(&token),
        };
        invitees::insert(&mut conn, &new, self.now).await.unwrap();
        conn.commit().await.unwrap();
        token
    }
}
