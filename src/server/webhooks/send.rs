//! One attempt: the request, and what came of it.

use super::signature::{self, Key};
use crate::server::outside::{guard, retry_after, sentence};
use chrono::{DateTime, TimeDelta, Utc};
use http::header;
use std::time::{Duration, Instant};

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const READ: usize = 64 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 2 * 1024;

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// How long it took, in milliseconds.
    pub(super) millis: i64,
    /// The HTTP status, if there was an answer.
    pub(super) status: Option<u16>,
    /// The beginning of the answer, readable.
    pub(super) response: String,
    /// What went wrong, for a person; empty when nothing did.
    pub(super) error: String,
    /// How long the receiver asked us to wait at least.
    pub(super) wait: Option<TimeDelta>,
}

impl Attempt {
    /// One that got nowhere.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self { millis: 0, status: None, response: String::new(), error: error.into(), wait: None }
    }
}

/// Sends a body to an address, signed with each of the keys.
pub(super) async fn send(
    url: &str,
    allow_private: bool,
    keys: &[Key],
    id: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Attempt {
    let began = Instant::now();
    let attempt = try_send(url, allow_private, keys, id, body, now).await;
    let millis = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    Attempt { millis, ..attempt.unwrap_or_else(Attempt::failed) }
}

async fn try_send(
    url: &str,
    allow_private: bool,
    keys: &[Key],
    id: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Result<Attempt, String> {
    let url = guard::check(url, allow_private).map_err(|refused| refused.to_string())?;
    let client = guard::client(allow_private).map_err(|error| sentence(&error))?;
    let request = client
        .post(url)
        .timeout(PATIENCE)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", now.timestamp())
        .header("webhook-signature", signature::header(keys, id, now.timestamp(), body))
        .body(body.to_owned());
    let mut response = request.send().await.map_err(|error| sentence(&error))?;
    let status = response.status();
    let wait = retry_after(status, response.headers(), now);
    // The status decides; what follows it is for people to read, as far as it comes.
    let mut read = 0;
    let mut start = Vec::new();
    while read < READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read += chunk.len();
        start.extend(chunk.iter().take(KEPT.saturating_sub(start.len())));
    }
    let error = if status.is_success() {
        String::new()
    } else if status.is_redirection() {
        format!("The receiver answered {status}. Redirects are not followed: enter the address it leads to.")
    } else {
        format!("The receiver answered {status}.")
    };
    Ok(Attempt { millis: 0, status: Some(status.as_u16()), response: readable(&start), error, wait })
}

/// Bytes as text that can be shown and kept.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = |c: &char| *c == '\n' || !c.is_control();
    let mut text: String = text.chars().filter(shown).collect();
    let end = (0..=KEPT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_answer_is_short_and_readable() {
        assert_eq!(readable(b"a\0b\x1b[31m\r\nc\xff"), "ab[31m\nc\u{fffd}");
        assert_eq!(readable(&[0xff; KEPT]).len(), KEPT / 3 * 3);
        assert_eq!(readable("ä".repeat(KEPT).as_bytes()).len(), KEPT);
    }
}
