//! The one clock.

use chrono::{DateTime, Utc};

/// The present. Use cases take it as an argument; only doors and start-up call this.
#[expect(clippy::disallowed_methods, reason = "this is the one clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
