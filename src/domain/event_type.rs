//! Event types: what can be booked, apart from when (that is [`super::slots`]).

use super::{assignment::Assignment, questions::Question, slots::SlotRules};
use serde::{Deserialize, Serialize};

/// Who finds an event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Listed on the workspace's page.
    Listed,
    /// Not listed; whoever knows the address can book.
    Hidden,
    /// Not listed; the address carries a secret key.
    Private,
}

/// Where an appointment takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Location {
    /// At an address.
    InPerson {
        /// The address, on one line.
        address: String,
    },
    /// The host calls the number that the invitee gives.
    Phone,
    /// At a fixed link.
    Video {
        /// An `https` address.
        url: String,
    },
}

/// What an appointment costs. Shown only; payment is not taken here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Price {
    /// In the currency's smallest unit (ISO 4217 minor unit).
    pub minor: i64,
    /// The currency's three-letter code (ISO 4217).
    pub currency: String,
}

/// Until when an invitee may change an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangePolicy {
    /// Minutes before the start until which it can be cancelled; `None`: not at all by the invitee.
    pub cancel_until: Option<u32>,
    /// Minutes before the start until which it can be moved; `None`: not at all by the invitee.
    pub move_until: Option<u32>,
}

/// Whom a reminder goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemindWhom {
    /// The invitee.
    Invitee,
    /// Every host who takes part.
    Hosts,
    /// All of them.
    Both,
}

/// A mail before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// Minutes before the start, 1 to 43,200 (30 days).
    pub minutes: u32,
    /// Whom it goes to.
    pub to: RemindWhom,
}

/// Bookings wait for a member's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// How long a booking that nobody decided on holds its time, in minutes, 5 to 43,200; never past its start.
    pub hold_minutes: u32,
}

/// What the owner adds to mails about bookings of an event type. Both are templates; empty for none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MailTexts {
    /// Subject of confirmations, instead of ours.
    pub subject: String,
    /// A paragraph more.
    pub paragraph: String,
}

/// All that the owner decides about an event type. Stored as one JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTypeRules {
    /// Lengths to choose from, in minutes, at least one, ascending; the first is the default unless
    /// [`Self::default_length`] says otherwise.
    pub lengths: Vec<u32>,
    /// The length that is chosen at first, one of `lengths`.
    pub default_length: u32,
    /// When it can be booked.
    pub slots: SlotRules,
    /// Who gets the booking.
    pub assignment: Assignment,
    /// What is asked.
    pub questions: Vec<Question>,
    /// Where it takes place.
    pub location: Location,
    /// What it costs, if anything.
    pub price: Option<Price>,
    /// How many guests an invitee may bring, 0 to 50.
    pub guests: u32,
    /// Until when the invitee may change it.
    pub policy: ChangePolicy,
    /// Mails before the start, at most ten.
    #[serde(default)]
    pub reminders: Vec<Reminder>,
    /// Must bookings be approved? Not possible with shared seats.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// Must the invitee's address be verified before it is booked?
    #[serde(default)]
    pub verify_email: bool,
    /// What mails say besides.
    #[serde(default)]
    pub mail: MailTexts,
}

impl EventTypeRules {
    /// Is this a length that the owner offers?
    pub fn offers_length(&self, minutes: u32) -> bool {
        self.lengths.contains(&minutes)
    }
}

/// "1 hour 30 minutes", for people.
pub fn length_in_words(minutes: u32) -> String {
    fn many(n: u32, one: &str) -> String {
        if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
    }
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let mut parts = Vec::new();
    if days > 0 {
        parts.push(many(days, "day"));
    }
    if hours > 0 {
        parts.push(many(hours, "hour"));
    }
    if rest > 0 || parts.is_empty() {
        parts.push(many(rest, "minute"));
    }
    parts.join(" ")
}

impl Price {
    /// "€ 45.00" or "45.00 CHF": the amount with its minor units (most currencies have two; JPY, KRW … none).
    pub fn in_words(&self) -> String {
        let whole_only =
            matches!(self.currency.as_str(), "JPY" | "KRW" | "VND" | "CLP" | "ISK" | "XAF" | "XOF" | "UGX");
        let amount = if whole_only {
            self.minor.to_string()
        } else {
            format!("{}.{:02}", self.minor / 100, (self.minor % 100).abs())
        };
        match self.currency.as_str() {
            "EUR" => format!("€{amount}"),
            "USD" => format!("${amount}"),
            "GBP" => format!("£{amount}"),
            "JPY" => format!("¥{amount}"),
            other => format!("{amount} {other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_prices_read_well() {
        assert_eq!(length_in_words(45), "45 minutes");
        assert_eq!(length_in_words(60), "1 hour");
        assert_eq!(length_in_words(90), "1 hour 30 minutes");
        assert_eq!(length_in_words(1441), "1 day 1 minute");
        assert_eq!(Price { minor: 4550, currency: "EUR".into() }.in_words(), "€45.50");
        assert_eq!(Price { minor: 5000, currency: "JPY".into() }.in_words(), "¥5000");
        assert_eq!(Price { minor: 5, currency: "CHF".into() }.in_words(), "0.05 CHF");
    }
}
