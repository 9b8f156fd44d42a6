//! New ids: UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then randomness.

use crate::domain::ids::NotAnId;
use chrono::{DateTime, Utc};

/// A new id. Ids of one instant differ by 74 random bits.
pub fn new<T: TryFrom<String, Error = NotAnId>>(now: DateTime<Utc>) -> Result<T, NotAnId> {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &super::crypto::random()).into_uuid();
    T::try_from(uuid.hyphenated().to_string())
}
