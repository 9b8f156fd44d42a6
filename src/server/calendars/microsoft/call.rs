//! Requests to Microsoft Graph, and what its refusals mean.

use crate::server::{
    calendars::{
        access::{self, Access},
        fault::Fault,
    },
    outside::retry_after,
};
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::{Request, Url};
use serde::{Deserialize, de::DeserializeOwned};

/// Ids that stay when an event moves to another folder; asked for with every request, for both kinds exist side by side
/// (learn.microsoft.com/graph/outlook-immutable-id). And descriptions as plain text: they are HTML there, whatever they were
/// written as (learn.microsoft.com/graph/api/event-get).
const ALWAYS: &str = r#"IdType="ImmutableId", outlook.body-content-type="text""#;

/// What a call may carry.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extras<'a> {
    /// A body.
    pub(super) body: Option<&'a serde_json::Value>,
    /// Do it only if the event is still like this.
    pub(super) if_match: Option<&'a str>,
    /// How many items a page of delta may have.
    pub(super) page_size: Option<u16>,
}

/// The address of something below the API's beginning. `query` is taken as it is, but for what no address may hold.
pub(super) fn url(access: &Access<'_>, path: &[&str], query: &str) -> Result<Url, Fault> {
    let no_address = || Fault::Refused("The address of Microsoft Graph is not one.".into());
    let mut url = Url::parse(access.api()).map_err(|_| no_address())?;
    url.path_segments_mut().map_err(|()| no_address())?.pop_if_empty().extend(path);
    if !query.is_empty() {
        url.set_query(Some(query));
    }
    Ok(url)
}

/// A link that an answer named, if it leads to where the API is: the token goes nowhere else.
pub(super) fn link(access: &Access<'_>, link: &str) -> Result<Url, Fault> {
    let (api, url) = (url(access, &[], "")?, Url::parse(link).map_err(|_| Fault::unreadable())?);
    let within = url.path().strip_prefix(api.path()).is_some_and(|rest| rest.starts_with('/'));
    if url.origin() == api.origin() && within { Ok(url) } else { Err(Fault::unreadable()) }
}

/// Sends a request and reads what is answered; an empty answer is null.
pub(super) async fn ask<T: DeserializeOwned>(
    access: &Access<'_>,
    method: Method,
    url: Url,
    extras: Extras<'_>,
) -> Result<T, Fault> {
    let request = request(access, method, url, extras)?;
    let response = access::send(access.provider_client()?, request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = access::read(response).await;
    if !status.is_success() {
        return Err(refusal(status, &headers, &code(&body.unwrap_or_default()), access.now));
    }
    let body = body?;
    let body = if body.is_empty() { b"null" } else { &body[..] };
    serde_json::from_slice(body).map_err(|_| Fault::unreadable())
}

/// [`ask`] with nothing but an address.
pub(super) async fn fetch<T: DeserializeOwned>(access: &Access<'_>, url: Url) -> Result<T, Fault> {
    ask(access, Method::GET, url, Extras::default()).await
}

fn request(access: &Access<'_>, method: Method, url: Url, extras: Extras<'_>) -> Result<Request, Fault> {
    let prefer = match extras.page_size {
        Some(size) => format!("odata.maxpagesize={size}, {ALWAYS}"),
        None => ALWAYS.to_owned(),
    };
    let mut request =
        access.provider_client()?.request(method, url).bearer_auth(access.bearer()?).header("prefer", prefer);
    if let Some(etag) = extras.if_match {
        request = request.header(header::IF_MATCH, etag);
    }
    if let Some(body) = extras.body {
        request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
    }
    request.build().map_err(|_| Fault::Refused("The request to Microsoft Graph could not be made.".into()))
}

/// The word that an error is told by (learn.microsoft.com/graph/errors), harmless whatever was sent.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Outer {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: String,
    }
    let code = serde_json::from_slice(body).map(|Outer { error: Inner { code } }| code).unwrap_or_default();
    code.chars().filter(|char| char.is_ascii_alphanumeric() || "_.".contains(*char)).take(60).collect()
}

/// Is this word one of these? Graph writes some with a capital and some without.
fn is(code: &str, words: &[&str]) -> bool {
    words.iter().any(|word| code.eq_ignore_ascii_case(word))
}

fn refusal(status: StatusCode, headers: &HeaderMap, code: &str, now: DateTime<Utc>) -> Fault {
    let until = retry_after(status, headers, now).map(|wait| now + wait);
    if status == StatusCode::GONE
        || status.is_client_error()
            && is(
                code,
                &["syncStateNotFound", "syncStateInvalid", "resyncRequired", "resyncApplyDifferences"],
            )
    {
        return Fault::CursorGone;
    }
    match status {
        StatusCode::UNAUTHORIZED => Fault::Unauthorized,
        StatusCode::TOO_MANY_REQUESTS => Fault::Limited(until),
        StatusCode::SERVICE_UNAVAILABLE if until.is_some() => Fault::Limited(until),
        StatusCode::FORBIDDEN
            if is(code, &["TooManyRequests", "ApplicationThrottled", "activityLimitReached"]) =>
        {
            Fault::Limited(None)
        }
        StatusCode::FORBIDDEN => Fault::Permission(
            "Microsoft does not let us do this: the account or its organisation has not allowed it.".into(),
        ),
        StatusCode::NOT_FOUND if is(code, &["MailboxNotEnabledForRESTAPI"]) => {
            Fault::Permission("This account has no mailbox at Microsoft, so it has no calendar.".into())
        }
        StatusCode::NOT_FOUND => Fault::NotFound,
        StatusCode::PRECONDITION_FAILED => Fault::Changed,
        StatusCode::CONFLICT | StatusCode::LOCKED => {
            Fault::Temporary("The calendar was changed by someone else at the same moment.".into())
        }
        status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT && !code.is_empty() => {
            Fault::Refused(format!("Microsoft refused this ({code})."))
        }
        status => Fault::status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::calendars::access::{Credential, Endpoints};

    fn on(status: u16, code: &str, retry: Option<&str>) -> Fault {
        let mut headers = HeaderMap::new();
        if let Some(retry) = retry {
            headers.insert(header::RETRY_AFTER, retry.parse().unwrap());
        }
        let now = "2026-12-01T09:00:00Z".parse().unwrap();
        refusal(StatusCode::from_u16(status).unwrap(), &headers, code, now)
    }

    #[test]
    fn refusals_are_told_apart() {
        let at = |text: &str| Some(text.parse().unwrap());
        assert_eq!(on(401, "InvalidAuthenticationToken", None), Fault::Unauthorized);
        assert_eq!(on(429, "ApplicationThrottled", Some("30")), Fault::Limited(at("2026-12-01T09:00:30Z")));
        assert_eq!(
            on(429, "", Some("Tue, 01 Dec 2026 09:05:00 GMT")),
            Fault::Limited(at("2026-12-01T09:05:00Z"))
        );
        assert_eq!(on(429, "", None), Fault::Limited(None));
        assert_eq!(on(503, "", Some("10")), Fault::Limited(at("2026-12-01T09:00:10Z")));
        assert!(matches!(on(503, "", None), Fault::Temporary(_)));
        assert!(matches!(on(504, "UnknownError", None), Fault::Temporary(_)));
        assert_eq!(on(403, "ApplicationThrottled", None), Fault::Limited(None));
        assert!(matches!(on(403, "ErrorAccessDenied", None), Fault::Permission(_)));
        assert_eq!(on(404, "ErrorItemNotFound", None), Fault::NotFound);
        assert!(matches!(on(404, "MailboxNotEnabledForRESTAPI", None), Fault::Permission(_)));
        assert!(matches!(on(409, "ErrorConcurrentItemSave", None), Fault::Temporary(_)));
        assert_eq!(on(412, "ErrorIrresolvableConflict", None), Fault::Changed);
        assert_eq!(
            on(400, "ErrorPropertyValidationFailure", None),
            Fault::Refused("Microsoft refused this (ErrorPropertyValidationFailure).".into())
        );
    }

    #[test]
    fn a_lost_cursor_is_told_in_many_ways() {
        for (status, code) in [
            (410, "SyncStateNotFound"),
            (410, "resyncRequired"),
            (410, ""),
            (400, "syncStateNotFound"),
            (404, "SyncStateNotFound"),
            (403, "syncStateInvalid"),
        ] {
            assert_eq!(on(status, code, None), Fault::CursorGone, "{status} {code}");
        }
    }

    #[test]
    fn the_word_of_an_error_is_harmless() {
        assert_eq!(code(br#"{"error":{"code":"Error<b>X</b>","message":"m"}}"#), "ErrorbXb");
        assert_eq!(code(b"<html>"), "");
    }

    #[test]
    fn the_token_goes_to_the_api_alone() {
        let endpoints = Endpoints {
            authorize: String::new(),
            token: String::new(),
            revoke: String::new(),
            api: "https://graph.microsoft.com/v1.0".into(),
        };
        let access = Access {
            credential: &Credential::File,
            endpoints: Some(&endpoints),
            home: "",
            zone: "UTC",
            allow_private: false,
            now: DateTime::UNIX_EPOCH,
        };
        let verbatim = "https://graph.microsoft.com/v1.0/me/calendarview/delta?$skiptoken=a-_.b%3d%3d";
        assert_eq!(link(&access, verbatim).unwrap().as_str(), verbatim);
        for wrong in [
            "https://graph.microsoft.com.evil.example/v1.0/me",
            "http://graph.microsoft.com/v1.0/me",
            "https://graph.microsoft.com/v1.00/me",
            "/v1.0/me",
        ] {
            assert_eq!(link(&access, wrong), Err(Fault::unreadable()), "{wrong}");
        }
        let calendar = url(&access, &["me", "calendars", "AA/b+c=", "events"], "a=b").unwrap();
        assert_eq!(calendar.as_str(), "https://graph.microsoft.com/v1.0/me/calendars/AA%2Fb+c=/events?a=b");
    }
}
