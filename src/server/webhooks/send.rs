//! One attempt: the request, and what came of it.

use super::{
    guard,
    signature::{self, Key},
};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header};
use std::{
    error::Error,
    io,
    time::{Duration, Instant},
};

/// How long the whole of it may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How much of an answer is read, in bytes.
const READ: usize = 64 * 1024;
/// How much of it is kept, in bytes.
const KEPT: usize = 2 * 1024;
/// The longest wait that a receiver can ask for.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

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

/// How long a receiver that has too much to do asks us to wait (RFC 9110 §10.2.3), an hour at most.
fn retry_after(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(i64::from(seconds)),
        Err(_) => DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc) - now,
    };
    Some(wait.clamp(TimeDelta::zero(), LONGEST_WAIT))
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

/// The I/O error that another one is made of, which does not count it among its sources.
fn within<'e>(error: &&'e io::Error) -> Option<&'e io::Error> {
    error.get_ref().and_then(|inside| inside.downcast_ref())
}

/// What went wrong, for the person who can mend it. Never with the address, which may hold a key.
fn sentence(error: &reqwest::Error) -> String {
    if let Some(refused) = guard::refusal(error) {
        return refused.to_string();
    }
    let causes = || std::iter::successors(error.source(), |error| (*error).source());
    let outer = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    let io = std::iter::successors(outer, within).last();
    let inside = io.and_then(io::Error::get_ref).and_then(|inside| inside.downcast_ref::<rustls::Error>());
    let tls = inside.or_else(|| causes().find_map(|cause| cause.downcast_ref()));
    let ended = matches!(
        io.map(io::Error::kind),
        Some(
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
        )
    );
    match tls {
        Some(tls) => format!("No secure connection came about: {tls}."),
        None if error.is_connect() && error.is_timeout() => {
            "No connection came about within 5 seconds.".into()
        }
        None if error.is_connect() && !ended => {
            "No connection came about: nobody listens there, or the network is down.".into()
        }
        None if error.is_timeout() => "No answer came within 15 seconds.".into(),
        None if error.is_builder() => "The request could not be made.".into(),
        None => "The connection ended before an answer came.".into(),
    }
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

    #[test]
    fn a_receiver_can_ask_for_an_hour_at_most() {
        let now: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
        let asked = |status: u16, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            let wait = retry_after(StatusCode::from_u16(status).unwrap(), &headers, now);
            wait.map(|wait| wait.num_seconds())
        };
        assert_eq!(asked(429, "120"), Some(120));
        assert_eq!(asked(503, "4000000"), Some(3_600));
        assert_eq!(asked(503, "Tue, 01 Dec 2026 09:10:00 GMT"), Some(600));
        assert_eq!(asked(503, "Tue, 01 Dec 2020 09:10:00 GMT"), Some(0));
        for wrong in ["", "-5", "soon", "99999999999999999999"] {
            assert_eq!(asked(503, wrong), None, "{wrong}");
        }
        assert_eq!(asked(500, "120"), None);
        assert_eq!(retry_after(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), now), None);
    }
}
