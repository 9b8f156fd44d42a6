//! What stands before every handler: limits, headers, the log, and the last net for panics.

use super::{AppState, MOST_BYTES, calendars, is_api, problem};
use crate::{
    api::AppError,
    domain::rate::{Limit, Verdict},
    server::{crypto, limits},
};
use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response as HttpResponse, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use std::{
    any::Any,
    net::{IpAddr, SocketAddr},
    time::Instant,
};
use tracing::Instrument;

/// The address that a request comes from. `X-Forwarded-For` counts only as far as proxies are trusted: its last
/// entry that is not one of them.
pub fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        return peer;
    }
    // Some proxies add the port.
    let address = |entry: &str| {
        let entry = entry.trim();
        let plain = entry.parse::<IpAddr>().ok();
        plain
            .or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
            .map(|ip| ip.to_canonical())
    };
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    // From the right: what is left of an entry that can't be read may be the client's own invention.
    for entry in entries.into_iter().rev() {
        match address(entry) {
            None => return peer,
            Some(address) if trusted.contains(&address) => {}
            Some(address) => return address,
        }
    }
    peer
}

/// One client's key: an IPv6 client owns its whole /64 (RFC 6177 §2 gives a site no less).
fn key(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
    }
}

fn which(request: &Request) -> Limit {
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/sign-in" | "/setup") => limits::SIGN_IN,
        // A provider speaks for many calendars from few addresses.
        (&Method::POST, path) if path.starts_with("/webhook/calendar/") => limits::PUSH,
        (&Method::GET | &Method::HEAD | &Method::OPTIONS, _) => limits::READ,
        _ => limits::WRITE,
    }
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).
fn tell(headers: &mut HeaderMap, limit: Limit, verdict: Verdict) {
    let policy = format!("\"{}\";q={};w={}", limit.name, limit.requests, limit.seconds);
    let state = format!("\"{}\";r={};t={}", limit.name, verdict.remaining, verdict.reset);
    for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// Refuses clients that ask for more than their share.
pub async fn limit_rate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let limit = which(&request);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Some(peer) = peer else { return next.run(request).await };
    let address = client(request.headers(), peer, &state.context.config.trusted_proxies);
    match state.context.limiter.judge(&state.context.db, limit, &key(address)).await {
        Ok(None) => next.run(request).await,
        Ok(Some(verdict)) => {
            let mut response = if verdict.allowed {
                next.run(request).await
            } else {
                refuse(&request, AppError::TooMany { retry_after: verdict.retry_after.max(1) })
            };
            tell(response.headers_mut(), limit, verdict);
            response
        }
        Err(error) => refuse(&request, error.into()),
    }
}

fn refuse(request: &Request, error: AppError) -> Response {
    if is_api(request) { problem::Refusal(error).into_response() } else { problem::page(error) }
}

/// Takes a request's body whole before anyone answers it: a connection on which a body is left unread is closed, and the
/// request that follows on it, which nobody can send again for the client, would get no answer.
pub async fn whole_body(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let most = calendars::most_bytes(parts.uri.path()).unwrap_or(MOST_BYTES);
    match read(body, most).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(AppError::TooLarge) if calendars::tells_of_size(parts.uri.path()) => {
            parts.extensions.insert(TooLong);
            next.run(Request::from_parts(parts, Body::empty())).await
        }
        Err(error) => refuse(&Request::from_parts(parts, Body::empty()), error),
    }
}

/// On a request whose body was longer than anything that is taken, and thrown away.
#[derive(Debug, Clone, Copy)]
pub struct TooLong;

/// More than this beyond the limit is not taken in even to be thrown away.
const THROWN_AWAY: usize = 32 * 1024 * 1024;

/// A body up to a limit. What is longer is taken in and thrown away, within reason: whoever is cut off while they send sees
/// a broken connection instead of the answer.
async fn read(mut body: Body, most: usize) -> Result<Vec<u8>, AppError> {
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(AppError::BadRequest { hint: "The request broke off before its end.".to_owned() });
        };
        let Some(data) = frame.data_ref() else { continue };
        length += data.len();
        if length <= most {
            kept.extend_from_slice(data);
        } else if length > most + THROWN_AWAY {
            break;
        }
    }
    if length > most { Err(AppError::TooLarge) } else { Ok(kept) }
}

/// An address of ours, but not for this method.
pub async fn wrong_method(request: Request) -> Response {
    refuse(&request, AppError::WrongMethod)
}

/// A form that another site sent.
pub fn foreign_form(_: tower_http::csrf::ProtectionError) -> HttpResponse<Body> {
    problem::Refusal(AppError::Forbidden).into_response()
}

/// The last net: a panic is a bug of ours, and answers like any other fault.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> HttpResponse<Body> {
    tracing::error!("a handler panicked");
    problem::page(AppError::Internal)
}

/// Longer than this nobody waits for a page; whatever holds it up is given up.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(28);

/// Refuses in words what takes too long.
pub async fn in_time(request: Request, next: Next) -> Response {
    let is_api = is_api(&request);
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) if is_api => problem::Refusal(AppError::Busy).into_response(),
        Err(_) => problem::page(AppError::Busy),
    }
}

/// Headers of every response.
pub async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // Addresses that are secrets, or pages that hold them.
    const SECRET: [&str; 6] =
        ["/appointment/", "/approval/", "/verify/", "/unsubscribe/", "/my", "/api/v1/public/appointments/"];
    let private = SECRET.iter().any(|own| path.starts_with(own));
    let secret = private || path.starts_with("/booking");
    let built = path.starts_with("/pkg/");
    let https = state.context.config.is_https();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &'static str| {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    };
    set("x-content-type-options", "nosniff");
    // The token of an appointment stands in its address, and must not travel to another site with a click.
    set("referrer-policy", "same-origin");
    set("permissions-policy", "camera=(), geolocation=(), microphone=()");
    set("cross-origin-opener-policy", "same-origin");
    set(
        "content-security-policy",
        "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'",
    );
    if secret {
        set("cache-control", "no-store");
    } else if !built {
        // Pages depend on cookies and on the moment.
        set("cache-control", "private, no-cache");
    }
    if private {
        set("x-robots-tag", "noindex");
    }
    if https {
        set("strict-transport-security", "max-age=31536000");
    }
    response
}

/// A path without the tokens that can stand in it.
fn without_tokens(path: &str) -> String {
    const BEFORE_TOKEN: [&str; 7] =
        ["appointment", "appointments", "approval", "verify", "unsubscribe", "enter", "feed"];
    let mut hide = false;
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| {
            let shown = if hide { "…" } else { part };
            hide = BEFORE_TOKEN.contains(&part);
            shown
        })
        .collect();
    parts.join("/")
}

/// One line for each request, with the id that the response carries too. Queries are left out: they hold what
/// people typed.
pub async fn log(mut request: Request, next: Next) -> Response {
    const ID: HeaderName = HeaderName::from_static("x-request-id");
    let given = request.headers().get(&ID).and_then(|id| id.to_str().ok());
    let sound = |id: &&str| {
        !id.is_empty()
            && id.len() <= 64
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    let id = given.filter(sound).map_or_else(crypto::random_token, str::to_owned);
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(ID, value);
    }
    let span = tracing::info_span!("request", id, method = %request.method(), path = without_tokens(request.uri().path()));
    async move {
        let begun = Instant::now();
        let mut response = next.run(request).await;
        let millis = begun.elapsed().as_secs_f64() * 1000.0;
        if response.status() >= StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(status = response.status().as_u16(), millis, "answered");
        } else {
            tracing::debug!(status = response.status().as_u16(), millis, "answered");
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(ID, value);
        }
        response.headers_mut().remove(header::SERVER);
        response
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_from_trusted_proxies() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 203.0.113.7, 10.0.0.2"));
        assert_eq!(client(&headers, ip("198.51.100.1"), &[]), ip("198.51.100.1"));
        assert_eq!(client(&headers, ip("10.0.0.1"), &[ip("10.0.0.1"), ip("10.0.0.2")]), ip("203.0.113.7"));
        assert_eq!(client(&HeaderMap::new(), ip("10.0.0.1"), &[ip("10.0.0.1")]), ip("10.0.0.1"));
        assert_eq!(client(&headers, ip("::ffff:10.0.0.2"), &[ip("10.0.0.2")]), ip("203.0.113.7"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, 203.0.113.7:51234"));
        assert_eq!(client(&headers, ip("10.0.0.1"), &[ip("10.0.0.1")]), ip("203.0.113.7"));
        headers.insert("x-forwarded-for", HeaderValue::from_static("6.6.6.6, unknown"));
        assert_eq!(client(&headers, ip("10.0.0.1"), &[ip("10.0.0.1")]), ip("10.0.0.1"));
    }

    #[test]
    fn a_logged_path_shows_no_token() {
        assert_eq!(without_tokens("/appointment/SECRET/move"), "/appointment/…/move");
        assert_eq!(
            without_tokens("/api/v1/public/appointments/SECRET/cancel"),
            "/api/v1/public/appointments/…/cancel"
        );
        for (path, shown) in [
            ("/approval/SECRET", "/approval/…"),
            ("/verify/SECRET", "/verify/…"),
            ("/unsubscribe/SECRET", "/unsubscribe/…"),
            ("/my/demo/enter/SECRET", "/my/demo/enter/…"),
            ("/my/feed/SECRET.ics", "/my/feed/…"),
            ("/feed/SECRET.ics", "/feed/…"),
            ("/booking/feeds", "/booking/feeds"),
        ] {
            assert_eq!(without_tokens(path), shown);
        }
        assert_eq!(without_tokens("/book/demo/intro"), "/book/demo/intro");
    }
}
