//! Ids: UUIDs in their 36-character text form, one type for each kind of row.
//!
//! They are made by the server (version 7, RFC 9562 §5.7, so that they sort by time); the domain only knows
//! what one looks like.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A text that is not a UUID in its hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id")]
pub struct NotAnId;

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as the 36 characters that the database holds.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                if is_uuid(&text) { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// A workspace: the tenant that every other row belongs to.
    WorkspaceId,
    /// A person who can sign in.
    UserId,
    /// A user in a workspace. Hosts are members.
    MemberId,
    /// A schedule: weekly hours and overrides in one zone.
    ScheduleId,
    /// Something that can be booked.
    EventTypeId,
    /// An appointment that was made.
    BookingId,
    /// One invitee's place in a booking.
    InviteeId,
    /// A signed-in browser.
    SessionId,
    /// Something to do later.
    JobId,
    /// A mail to one person.
    MessageId,
    /// An order that waits for its address to be verified.
    OrderId,
    /// A member's account at a calendar provider.
    ConnectionId,
    /// A calendar in such an account.
    CalendarId,
    /// An event of a member's own.
    CalendarEventId,
    /// A booking or an event of a member's own in a calendar outside.
    MirrorId,
    /// A place to tell other programs what happened.
    WebhookId,
    /// What is told to one of them.
    DeliveryId,
    /// A row that nothing else names, such as an entry of a log.
    RowId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hyphenated_lower_case_uuids_are_ids() {
        assert!(BookingId::try_from("0193b5a0-7c1e-7000-8000-000000000001".to_owned()).is_ok());
        for wrong in
            ["", "0193b5a07c1e70008000000000000001", "0193B5A0-7C1E-7000-8000-000000000001", "x' OR 1=1 --"]
        {
            assert_eq!(BookingId::try_from(wrong.to_owned()), Err(NotAnId), "{wrong}");
        }
    }
}
