//! Forms that pages post, with JavaScript off or on. Each calls one use case; a refusal shows the page again with
//! what was entered, and a success leads on with 303, so that reloading sends nothing twice.

use super::{AppState, fields::Fields, pages, problem};
use crate::{
    api::{AppError, public::BookInput},
    server::{
        clock, doors,
        store::members::SignedIn,
        use_cases::{
            self,
            approvals::Decision,
            plan::Address,
            services::from_minutes,
            set_up::SetUpForm,
            sign_in::ABSOLUTE_DAYS,
            sync::outside::{self, Settle},
        },
    },
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

/// Where forms are posted. Their pages answer GET at the same addresses.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/book/{workspace}/{service}", post(book))
        .route("/appointment/{token}/move", post(move_appointment))
        .route("/appointment/{token}/cancel", post(cancel_appointment))
        .route("/appointment/{token}/guests", post(change_guests))
        .route("/appointment/{token}/invite.ics", get(calendar_file))
        .route("/setup", post(set_up))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        // Each of these stands in `ui::App`, too: refused, it is answered with the list at its own address.
        .route("/booking/cancel", post(cancel_booking))
        .route("/booking/decide", post(decide))
        .route("/booking/rsvp", post(rsvp))
        .route("/booking/no-show", post(no_show))
        .route("/booking/flag", post(flag))
}

fn book_input(fields: &Fields) -> BookInput {
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fields.iter() {
        if let Some(key) = name.strip_prefix("q-") {
            answers.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
    BookInput {
        start: fields.one("start").parse().unwrap_or(i64::MIN),
        length: fields.one("length").parse().unwrap_or(0),
        zone: fields.one("zone"),
        name: fields.one("name"),
        email: fields.one("email"),
        phone: fields.one("phone"),
        notes: fields.one("notes"),
        guests: fields.one("guests"),
        answers,
        form_key: fields.one("form_key"),
    }
}

/// The address of a page, with the choices that the form carried, so that it opens where the person was.
fn with_choices(path: &str, query: Option<&str>, fields: &Fields) -> Uri {
    let mut pairs: Vec<String> = query
        .map(|query| {
            let kept =
                |pair: &&str| !["start=", "length=", "zone="].iter().any(|name| pair.starts_with(name));
            query.split('&').filter(|pair| !pair.is_empty()).filter(kept).map(str::to_owned).collect()
        })
        .unwrap_or_default();
    for name in ["start", "length", "zone"] {
        let value = fields.one(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        if !value.is_empty() && value.chars().all(plain) {
            pairs.push(format!("{name}={}", value.replace('+', "%2B").replace('/', "%2F")));
        }
    }
    format!("{path}?{}", pairs.join("&")).parse().unwrap_or_else(|_| Uri::from_static("/"))
}

async fn book(
    State(state): State<AppState>,
    Path((workspace, service)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let key = query.get("key").map_or("", String::as_str);
    let address = Address::Link { workspace: &workspace, service: &service, key };
    match use_cases::book::book(&state.context, address, &book_input(&fields), clock::now()).await {
        Ok(booked) if booked.verify => Redirect::to(&format!("/verify/{}", booked.token)).into_response(),
        Ok(booked) => Redirect::to(&format!("/appointment/{}?new=1", booked.token)).into_response(),
        Err(error) => {
            let page = with_choices(uri.path(), uri.query(), &fields);
            pages::refused(&state, page, &headers, fields.echo(error)).await
        }
    }
}

async fn move_appointment(
    State(state): State<AppState>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let moved = match fields.one("start").parse() {
        Ok(start) => {
            use_cases::book::move_to(&state.context, &token, from_minutes(start), clock::now()).await
        }
        Err(_) => Err(AppError::field("start", "Please choose a time.")),
    };
    match moved {
        Ok(_) => Redirect::to(&format!("/appointment/{token}?moved=1")).into_response(),
        Err(error) => {
            let page = with_choices(uri.path(), uri.query(), &fields);
            pages::refused(&state, page, &headers, fields.echo(error)).await
        }
    }
}

async fn cancel_appointment(
    State(state): State<AppState>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    match use_cases::leave::cancel(&state.context, &token, &fields.one("reason"), clock::now()).await {
        Ok(()) => Redirect::to(&format!("/appointment/{token}?cancelled=1")).into_response(),
        Err(error) => pages::refused(&state, uri, &headers, fields.echo(error)).await,
    }
}

async fn change_guests(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let guests = fields.one("guests");
    match use_cases::leave::change_guests(&state.context, &token, &guests, clock::now()).await {
        Ok(()) => Redirect::to(&format!("/appointment/{token}?guests=1")).into_response(),
        Err(error) => {
            let page = format!("/appointment/{token}").parse().unwrap_or_else(|_| Uri::from_static("/"));
            pages::refused(&state, page, &headers, fields.echo(error)).await
        }
    }
}

/// The appointment as a file for any calendar.
async fn calendar_file(State(state): State<AppState>, Path(token): Path<String>) -> Response {
    match use_cases::appointments::find(&state.context, &token).await {
        Ok(found) => {
            let file = crate::server::ics::file(&found, &state.context.config.public_url, &token);
            let kind = [
                (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"appointment.ics\""),
            ];
            (kind, file).into_response()
        }
        Err(error) => problem::page(error),
    }
}

/// Leads on, with the session's cookie set (or ended, without a token).
fn with_session(state: &AppState, token: Option<&str>, to: &str) -> Response {
    let name = doors::session_cookie(&state.context);
    let secure = if state.context.config.is_https() { "; Secure" } else { "" };
    let (value, age) = match token {
        Some(token) => (token, ABSOLUTE_DAYS * 24 * 3600),
        None => ("", 0),
    };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    let mut response = Redirect::to(to).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

async fn set_up(State(state): State<AppState>, uri: Uri, headers: HeaderMap, fields: Fields) -> Response {
    let form = SetUpForm {
        workspace: fields.one("workspace"),
        slug: fields.one("slug"),
        name: fields.one("name"),
        email: fields.one("email"),
        password: fields.one("password"),
        zone: fields.one("zone"),
        days: fields.all("days"),
        from: fields.one("from"),
        until: fields.one("until"),
        service: fields.one("service"),
        length: fields.one("length"),
        code: fields.one("code"),
    };
    match use_cases::set_up::set_up(&state.context, &form, clock::now()).await {
        Ok((path, token)) => with_session(&state, Some(&token), &path),
        Err(error) => pages::refused(&state, uri, &headers, fields.echo(error)).await,
    }
}

/// A path of ours to go on to; anything that could lead elsewhere leads to the owner's page.
fn onward(next: &str) -> &str {
    // Browsers drop tabs and line breaks from addresses, and read a backslash as a slash.
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || c == ':';
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(odd);
    if ours { next } else { "/booking" }
}

async fn sign_in(State(state): State<AppState>, uri: Uri, headers: HeaderMap, fields: Fields) -> Response {
    let (email, password) = (fields.one("email"), fields.one("password"));
    match use_cases::sign_in::sign_in(&state.context, &email, &password, clock::now()).await {
        Ok(token) => with_session(&state, Some(&token), onward(&fields.one("next"))),
        Err(error) => pages::refused(&state, uri, &headers, fields.echo(error)).await,
    }
}

fn session(state: &AppState, headers: &HeaderMap) -> String {
    doors::cookie(headers, doors::session_cookie(&state.context)).unwrap_or_default().to_owned()
}

async fn sign_out(State(state): State<AppState>, headers: HeaderMap) -> Response {
    match use_cases::sign_in::sign_out(&state.context, &session(&state, &headers)).await {
        Ok(()) => with_session(&state, None, "/sign-in"),
        Err(error) => problem::page(error),
    }
}

/// What a form on `/booking` came to: back to the list with a word of what was done, or the list with the refusal.
async fn done(
    state: &AppState,
    headers: &HeaderMap,
    fields: &Fields,
    mark: &str,
    did: Result<(), AppError>,
) -> Response {
    match did {
        Ok(()) => Redirect::to(&format!("/booking?{mark}=1")).into_response(),
        Err(AppError::SignInRequired) => Redirect::to("/sign-in?next=/booking").into_response(),
        Err(error) => {
            pages::refused(state, Uri::from_static("/booking/cancel"), headers, fields.echo(error)).await
        }
    }
}

async fn who(state: &AppState, headers: &HeaderMap) -> Result<SignedIn, AppError> {
    use_cases::sign_in::who(&state.context, &session(state, headers), clock::now()).await
}

async fn cancel_booking(State(state): State<AppState>, headers: HeaderMap, fields: Fields) -> Response {
    let (booking, reason) = (fields.one("booking"), fields.one("reason"));
    let did = async {
        let me = who(&state, &headers).await?;
        use_cases::bookings::cancel(&state.context, &me, &booking, &reason, clock::now()).await
    };
    done(&state, &headers, &fields, "cancelled", did.await).await
}

async fn decide(State(state): State<AppState>, headers: HeaderMap, fields: Fields) -> Response {
    let (booking, reason) = (fields.one("booking"), fields.one("reason"));
    let (decision, mark) = match fields.one("decision").as_str() {
        "approve" => (Decision::Approve, "approved"),
        "decline" => (Decision::Decline, "declined"),
        _ => {
            let error = AppError::field("booking", "Please choose one of the two.");
            return done(&state, &headers, &fields, "", Err(error)).await;
        }
    };
    let seen = fields.one("seen").parse().ok();
    let did = async {
        let me = who(&state, &headers).await?;
        let now = clock::now();
        use_cases::approvals::decide_in_app(&state.context, &me, &booking, decision, seen, &reason, now).await
    };
    done(&state, &headers, &fields, mark, did.await).await
}

async fn rsvp(State(state): State<AppState>, headers: HeaderMap, fields: Fields) -> Response {
    let (booking, coming) = (fields.one("booking"), fields.one("answer") == "confirmed");
    let did = async {
        let me = who(&state, &headers).await?;
        use_cases::bookings::answer(&state.context, &me, &booking, coming, clock::now()).await
    };
    done(&state, &headers, &fields, "answered", did.await).await
}

async fn no_show(State(state): State<AppState>, headers: HeaderMap, fields: Fields) -> Response {
    let (invitee, missing) = (fields.one("invitee"), fields.one("missing") == "yes");
    let did = async {
        let me = who(&state, &headers).await?;
        use_cases::bookings::no_show(&state.context, &me, &invitee, missing, clock::now()).await
    };
    done(&state, &headers, &fields, "noted", did.await).await
}

async fn flag(State(state): State<AppState>, headers: HeaderMap, fields: Fields) -> Response {
    let (how, mark) = match fields.one("how").as_str() {
        "put-back" => (Settle::PutBack, "put-back"),
        "follow" => (Settle::Follow, "followed"),
        _ => (Settle::Dismiss, "left"),
    };
    let did = async {
        let me = who(&state, &headers).await?;
        outside::settle(&state.context, &me, &fields.one("flag"), how, clock::now()).await
    };
    done(&state, &headers, &fields, mark, did.await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_sign_in_nobody_is_led_away() {
        for wrong in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/a\r\nb",
            "/\t/evil.example",
            "/\u{1}",
        ] {
            assert_eq!(onward(wrong), "/booking", "{wrong:?}");
        }
        assert_eq!(onward("/booking?after=1.x"), "/booking?after=1.x");
    }

    #[test]
    fn a_refused_form_opens_where_the_person_was() {
        let fields: Vec<_> =
            [("start", "29600000"), ("zone", "Europe/Berlin"), ("length", "30\"><script>"), ("name", "x")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .to_vec();
        let uri = with_choices("/book/demo/intro", Some("month=2026-12&start=1&key=k"), &fields.into());
        assert_eq!(
            uri.to_string(),
            "/book/demo/intro?month=2026-12&key=k&start=29600000&zone=Europe%2FBerlin"
        );
    }
}
