//! The life of a booking, and what its invitee may still do with it.

use super::event_type::{ChangePolicy, length_in_words};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Where a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BookingStatus {
    /// It takes place. Holds its time.
    Confirmed,
    /// It waits for approval. Holds its time.
    Pending,
    /// Called off by the invitee or a host. Holds no time.
    Cancelled,
    /// Refused by a host. Holds no time.
    Declined,
}

impl BookingStatus {
    /// Does a booking in this state take time from its hosts?
    pub fn holds_time(self) -> bool {
        matches!(self, Self::Confirmed | Self::Pending)
    }

    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Pending => "pending",
            Self::Cancelled => "cancelled",
            Self::Declined => "declined",
        }
    }
}

impl TryFrom<String> for BookingStatus {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        [Self::Confirmed, Self::Pending, Self::Cancelled, Self::Declined]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownWord)
    }
}

/// A word that none of ours is spelled like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

/// Something that an invitee can do to an appointment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Call it off.
    Cancel,
    /// Take another time.
    Move,
}

/// Why a change is not possible. Each has its own sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CantChange {
    /// It was cancelled or declined already.
    Ended,
    /// It has begun.
    Past,
    /// The policy's limit has passed.
    TooLate,
    /// The policy leaves it to the hosts.
    NotOffered,
}

impl ChangePolicy {
    fn until(self, change: Change) -> Option<u32> {
        match change {
            Change::Cancel => self.cancel_until,
            Change::Move => self.move_until,
        }
    }

    /// The last instant at which an invitee may make this change; `None` when they never may.
    pub fn deadline(self, change: Change, start: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let minutes = self.until(change)?;
        start.checked_sub_signed(TimeDelta::minutes(i64::from(minutes)))
    }

    /// May the invitee make this change now?
    pub fn allows(
        self,
        change: Change,
        status: BookingStatus,
        start: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), CantChange> {
        if !status.holds_time() {
            return Err(CantChange::Ended);
        }
        if now >= start {
            return Err(CantChange::Past);
        }
        match self.deadline(change, start) {
            None => Err(CantChange::NotOffered),
            Some(deadline) if now > deadline => Err(CantChange::TooLate),
            Some(_) => Ok(()),
        }
    }

    /// The policy in words, one sentence for moving and one for cancelling.
    pub fn in_words(self) -> Vec<String> {
        [(Change::Move, "move"), (Change::Cancel, "cancel")]
            .into_iter()
            .map(|(change, verb)| match self.until(change) {
                None => format!("Only we can {verb} this appointment. Please contact us."),
                Some(0) => format!("You can {verb} it until it starts."),
                Some(minutes) => {
                    format!("You can {verb} it until {} before it starts.", length_in_words(minutes))
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_holds_to_the_second() {
        let start: DateTime<Utc> = "2026-12-01T10:00:00Z".parse().unwrap();
        let policy = ChangePolicy { cancel_until: Some(60), move_until: None };
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let cancel = |status, now| policy.allows(Change::Cancel, status, start, at(now));
        assert_eq!(cancel(BookingStatus::Confirmed, "2026-12-01T09:00:00Z"), Ok(()));
        assert_eq!(cancel(BookingStatus::Confirmed, "2026-12-01T09:00:01Z"), Err(CantChange::TooLate));
        assert_eq!(cancel(BookingStatus::Confirmed, "2026-12-01T10:00:00Z"), Err(CantChange::Past));
        assert_eq!(cancel(BookingStatus::Cancelled, "2026-11-01T10:00:00Z"), Err(CantChange::Ended));
        assert_eq!(
            policy.allows(Change::Move, BookingStatus::Pending, start, at("2026-11-01T10:00:00Z")),
            Err(CantChange::NotOffered)
        );
    }
}
