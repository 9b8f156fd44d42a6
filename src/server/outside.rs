//! What all that calls other people's servers shares: which addresses may be called, how long to wait when a server asks
//! for it, and what a failure is called.

pub mod guard;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header};
use std::{error::Error, io};

/// The longest wait that a server can ask for.
const LONGEST_WAIT: TimeDelta = TimeDelta::hours(1);

/// How long a receiver that has too much to do asks us to wait (RFC 9110 §10.2.3), an hour at most.
pub fn retry_after(status: StatusCode, headers: &HeaderMap, now: DateTime<Utc>) -> Option<TimeDelta> {
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

/// The I/O error that another one is made of, which does not count it among its sources.
fn within<'e>(error: &&'e io::Error) -> Option<&'e io::Error> {
    error.get_ref().and_then(|inside| inside.downcast_ref())
}

/// What went wrong, for the person who can mend it. Never with the address, which may hold a key.
pub fn sentence(error: &reqwest::Error) -> String {
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
        None if error.is_timeout() => "No answer came in time.".into(),
        None if error.is_builder() => "The request could not be made.".into(),
        None => "The connection ended before an answer came.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
