//! What the pages of webhooks show.

use super::{public::Echo, staff::Me};
use crate::domain::zone::ZoneRules;
use chrono::{DateTime, Utc};

/// Something that webhooks can be told of: its word, and a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventChoice {
    /// The word that bodies and forms use.
    pub word: &'static str,
    /// What happened.
    pub sentence: &'static str,
}

/// Is anything told?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch {
    /// Yes.
    On,
    /// An admin switched it off.
    Off,
    /// It was switched off by itself, for this reason.
    Failed(String),
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is to be sent, now or again.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryStatus {
    /// The status with the word that the database uses.
    pub fn parse(word: &str) -> Self {
        match word {
            "delivered" => Self::Delivered,
            "failed" => Self::Failed,
            _ => Self::Waiting,
        }
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A webhook in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedWebhook {
    /// Its id.
    pub id: String,
    /// Where it is told.
    pub url: String,
    /// How many of the events it is told of.
    pub events: usize,
    /// Is anything told?
    pub switch: Switch,
    /// The last delivery, and when what it tells happened.
    pub last: Option<(DeliveryStatus, DateTime<Utc>)>,
}

/// The list of webhooks, with a form for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhooksPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in: the workspace's.
    pub zone: ZoneRules,
    /// In the order they were made.
    pub webhooks: Vec<ListedWebhook>,
    /// What can be chosen.
    pub events: Vec<EventChoice>,
    /// Are there as many as there may be?
    pub full: bool,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// An attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownAttempt {
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub millis: i64,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// The beginning of the answer.
    pub response: String,
    /// What went wrong; empty when nothing did.
    pub error: String,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownDelivery {
    /// Its id: `webhook-id`.
    pub id: String,
    /// The event's word.
    pub event: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// When what it tells happened.
    pub created_at: DateTime<Utc>,
    /// The exact body.
    pub body: String,
    /// Oldest first.
    pub attempts: Vec<ShownAttempt>,
}

/// One webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in: the workspace's.
    pub zone: ZoneRules,
    /// Its id.
    pub id: String,
    /// Where it is told.
    pub url: String,
    /// The words of the events that it is told of.
    pub chosen: Vec<&'static str>,
    /// What can be chosen.
    pub events: Vec<EventChoice>,
    /// Is anything told?
    pub switch: Switch,
    /// Until when the secret before this one is valid too.
    pub old_secret_until: Option<DateTime<Utc>>,
    /// Which state of the webhook this is, so that a form that is sent twice does nothing the second time.
    pub seen: i64,
    /// Newest first.
    pub deliveries: Vec<ShownDelivery>,
    /// Where older ones begin, if there are more.
    pub older: Option<String>,
    /// Is this the list from some place on?
    pub later: bool,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// A secret, shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretPage {
    /// Who is signed in.
    pub me: Me,
    /// The webhook's id.
    pub id: String,
    /// Where it is told.
    pub url: String,
    /// `whsec_…`
    pub secret: String,
    /// Did it replace another one? Then that is valid for as many hours more.
    pub old_for_hours: Option<i64>,
}

impl std::fmt::Debug for SecretPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretPage").field("id", &self.id).finish_non_exhaustive()
    }
}
