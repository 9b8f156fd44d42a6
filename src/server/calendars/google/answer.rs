//! Requests, and what Google's answers mean.

use super::super::{
    access::{Access, read, send},
    fault::Fault,
};
use crate::server::outside::retry_after;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::Url;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// The longest part of a message of Google's that is passed on, in characters.
const MOST_MESSAGE: usize = 200;

/// An answer that was not what was hoped for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// An error in Google's form.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Google's word for it, or empty.
        reason: String,
        /// A sentence for developers, or empty.
        message: String,
        /// The parameter or header that it is about, or empty.
        location: String,
        /// When to come back, if it says.
        until: Option<DateTime<Utc>>,
    },
    /// There was no answer.
    Fault(Fault),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Error,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error {
    message: String,
    errors: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: String,
    location: String,
}

impl Problem {
    /// Reads an error: `{"error": {"errors": [{"reason", …}], "message"}}`.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Self {
        let Body { error } = serde_json::from_slice(body).unwrap_or_default();
        let detail = error.errors.into_iter().next().unwrap_or_default();
        // A limit comes as 403 too, and may say how long.
        let limit = if status == StatusCode::FORBIDDEN { StatusCode::TOO_MANY_REQUESTS } else { status };
        Self::Answer {
            status,
            reason: detail.reason,
            message: error.message.chars().take(MOST_MESSAGE).collect(),
            location: detail.location,
            until: retry_after(limit, headers, now).map(|wait| now + wait),
        }
    }

    /// Google's word, or empty.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Answer { reason, .. } => reason,
            Self::Fault(_) => "",
        }
    }

    /// Is a sync token or page token no longer any good? 410 says so of a token that is too old; one that it can't read it
    /// calls invalid.
    pub(super) fn is_lost_cursor(&self) -> bool {
        match self {
            Self::Answer { status: StatusCode::GONE, .. } => true,
            Self::Answer { status: StatusCode::BAD_REQUEST, location, .. } => {
                location == "syncToken" || location == "pageToken"
            }
            _ => false,
        }
    }

    /// Does the account not let programs make meetings? Google says `Invalid conference type value.`
    pub(super) fn is_about_meetings(&self) -> bool {
        matches!(self, Self::Answer { status: StatusCode::BAD_REQUEST, message, .. } if message.contains("conference"))
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let Problem::Answer { status, reason, message, until, .. } = problem else {
            let Problem::Fault(fault) = problem else { return Self::unreadable() };
            return fault;
        };
        match (status, reason.as_str()) {
            (StatusCode::UNAUTHORIZED, _) => Self::Unauthorized,
            (
                StatusCode::FORBIDDEN,
                "rateLimitExceeded"
                | "userRateLimitExceeded"
                | "quotaExceeded"
                | "dailyLimitExceeded"
                | "calendarUsageLimitsExceeded",
            )
            | (StatusCode::TOO_MANY_REQUESTS, _) => Self::Limited(until),
            (StatusCode::FORBIDDEN, "insufficientPermissions") => Self::Permission(
                "Google says that Meridian lacks a permission: connect the account again and leave every box ticked.".into(),
            ),
            (StatusCode::FORBIDDEN, "requiredAccessLevel") => {
                Self::Permission("You may see this Google calendar, but not write to it.".into())
            }
            (StatusCode::FORBIDDEN, "accessNotConfigured") => Self::Permission(
                "The Google Calendar API is not switched on in the Google Cloud project of this server: an admin can do that."
                    .into(),
            ),
            // One event, not the account: somebody else has become its organizer.
            (StatusCode::FORBIDDEN, "forbiddenForNonOrganizer" | "cannotChangeOrganizer") => {
                Self::Refused("Only the organizer of the event can change it at Google.".into())
            }
            (StatusCode::FORBIDDEN, _) => Self::Permission(said("Google does not allow it", &message)),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _) => Self::NotFound,
            (StatusCode::CONFLICT, _) => Self::Temporary(said("Google was changing the same thing", &message)),
            (StatusCode::PRECONDITION_FAILED, _) => Self::Changed,
            (StatusCode::SERVICE_UNAVAILABLE, _) if until.is_some() => Self::Limited(until),
            (StatusCode::BAD_REQUEST, _) => Self::Refused(said("Google did not take it", &message)),
            (status, _) => Self::status(status),
        }
    }
}

/// A sentence of ours, with Google's in brackets.
fn said(ours: &str, theirs: &str) -> String {
    if theirs.is_empty() { format!("{ours}.") } else { format!("{ours} (“{theirs}”).") }
}

/// The operator's address of the interface can't be read.
pub(super) fn bad_address() -> Fault {
    Fault::Refused("The address of Google's interface, as this server is set up, is not an address.".into())
}

/// An address below the interface's; ids are escaped.
pub(super) fn url(access: &Access<'_>, segments: &[&str]) -> Result<Url, Fault> {
    let mut url = Url::parse(access.api()).map_err(|_| bad_address())?;
    url.path_segments_mut().map_err(|()| bad_address())?.pop_if_empty().extend(segments);
    Ok(url)
}

/// Sends a request and reads a good answer.
pub(super) async fn call(
    access: &Access<'_>,
    method: Method,
    url: Url,
    if_match: Option<&str>,
    body: Option<&Value>,
) -> Result<Vec<u8>, Problem> {
    let client = access.provider_client()?;
    let mut request = client.request(method, url).bearer_auth(access.bearer()?);
    if let Some(etag) = if_match {
        request = request.header(header::IF_MATCH, etag);
    }
    if let Some(body) = body {
        request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
    }
    let response = send(client, request.build().map_err(|_| Fault::unreadable())?).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read(response).await?;
    if status.is_success() { Ok(body) } else { Err(Problem::read(status, &headers, &body, access.now)) }
}

/// What a good answer says.
pub(super) fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::unreadable())
}
