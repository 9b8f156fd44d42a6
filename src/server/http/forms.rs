//! Forms that pages post, with JavaScript off or on. Each calls one use case; a refusal shows the page again with
//! what was entered, and a success leads on with 303, so that reloading sends nothing twice.

use super::{AppState, pages, problem};
use crate::{
    api::{
        AppError,
        public::{BookInput, Echo},
    },
    server::{
        clock, doors,
        use_cases::{self, plan::Address, services::from_minutes, set_up::SetUpForm, sign_in::ABSOLUTE_DAYS},
    },
};
use axum::{
    Form, Router,
    extract::{Path, Query, State, rejection::FormRejection},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

/// A form's fields in the order they were sent.
type Fields = Vec<(String, String)>;
type Sent = Result<Form<Fields>, FormRejection>;

/// Where forms are posted. Their pages answer GET at the same addresses.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/book/{workspace}/{service}", post(book))
        .route("/appointment/{token}/move", post(move_appointment))
        .route("/appointment/{token}/cancel", post(cancel_appointment))
        .route("/appointment/{token}/invite.ics", get(calendar_file))
        .route("/setup", post(set_up))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
        .route("/booking/cancel", post(cancel_booking))
}

fn fields(sent: Sent) -> Result<Fields, Box<Response>> {
    sent.map(|Form(fields)| fields).map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Box::new(problem::page(AppError::TooLarge));
        }
        let hint = "The form could not be read. Please go back, reload the page and try again.".to_owned();
        Box::new(problem::page(AppError::BadRequest { hint }))
    })
}

fn one(fields: &Fields, name: &str) -> String {
    fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default()
}

fn all(fields: &Fields, name: &str) -> Vec<String> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
}

/// A form that was refused: fields without passwords, and the reason.
fn echo(fields: Fields, error: AppError) -> Echo {
    let values = fields.into_iter().filter(|(name, _)| name != "password").collect();
    Echo { values, error: Some(error) }
}

fn book_input(fields: &Fields) -> BookInput {
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in fields {
        if let Some(key) = name.strip_prefix("q-") {
            answers.entry(key.to_owned()).or_default().push(value.clone());
        }
    }
    BookInput {
        start: one(fields, "start").parse().unwrap_or(i64::MIN),
        length: one(fields, "length").parse().unwrap_or(0),
        zone: one(fields, "zone"),
        name: one(fields, "name"),
        email: one(fields, "email"),
        phone: one(fields, "phone"),
        notes: one(fields, "notes"),
        guests: one(fields, "guests"),
        answers,
        form_key: one(fields, "form_key"),
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
        let value = one(fields, name);
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
    sent: Sent,
) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    let key = query.get("key").map_or("", String::as_str);
    let address = Address::Link { workspace: &workspace, service: &service, key };
    match use_cases::book::book(&state.context, address, &book_input(&fields), clock::now()).await {
        Ok(booked) => Redirect::to(&format!("/appointment/{}?new=1", booked.token)).into_response(),
        Err(error) => {
            let page = with_choices(uri.path(), uri.query(), &fields);
            pages::refused(&state, page, &headers, echo(fields, error)).await
        }
    }
}

async fn move_appointment(
    State(state): State<AppState>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    sent: Sent,
) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    let moved = match one(&fields, "start").parse() {
        Ok(start) => {
            use_cases::book::move_to(&state.context, &token, from_minutes(start), clock::now()).await
        }
        Err(_) => Err(AppError::field("start", "Please choose a time.")),
    };
    match moved {
        Ok(_) => Redirect::to(&format!("/appointment/{token}?moved=1")).into_response(),
        Err(error) => {
            let page = with_choices(uri.path(), uri.query(), &fields);
            pages::refused(&state, page, &headers, echo(fields, error)).await
        }
    }
}

async fn cancel_appointment(
    State(state): State<AppState>,
    Path(token): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    sent: Sent,
) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    match use_cases::book::cancel(&state.context, &token, &one(&fields, "reason"), clock::now()).await {
        Ok(()) => Redirect::to(&format!("/appointment/{token}?cancelled=1")).into_response(),
        Err(error) => pages::refused(&state, uri, &headers, echo(fields, error)).await,
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

async fn set_up(State(state): State<AppState>, uri: Uri, headers: HeaderMap, sent: Sent) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    let form = SetUpForm {
        workspace: one(&fields, "workspace"),
        slug: one(&fields, "slug"),
        name: one(&fields, "name"),
        email: one(&fields, "email"),
        password: one(&fields, "password"),
        zone: one(&fields, "zone"),
        days: all(&fields, "days"),
        from: one(&fields, "from"),
        until: one(&fields, "until"),
        service: one(&fields, "service"),
        length: one(&fields, "length"),
        code: one(&fields, "code"),
    };
    match use_cases::set_up::set_up(&state.context, &form, clock::now()).await {
        Ok((path, token)) => with_session(&state, Some(&token), &path),
        Err(error) => pages::refused(&state, uri, &headers, echo(fields, error)).await,
    }
}

/// A path of ours to go on to; anything that could lead elsewhere leads to the owner's page.
fn onward(next: &str) -> &str {
    // Browsers drop tabs and line breaks from addresses, and read a backslash as a slash.
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || c == ':';
    let ours = next.starts_with('/') && !next.starts_with("//") && !next.contains(odd);
    if ours { next } else { "/booking" }
}

async fn sign_in(State(state): State<AppState>, uri: Uri, headers: HeaderMap, sent: Sent) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    let (email, password) = (one(&fields, "email"), one(&fields, "password"));
    match use_cases::sign_in::sign_in(&state.context, &email, &password, clock::now()).await {
        Ok(token) => with_session(&state, Some(&token), onward(&one(&fields, "next"))),
        Err(error) => pages::refused(&state, uri, &headers, echo(fields, error)).await,
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

async fn cancel_booking(State(state): State<AppState>, headers: HeaderMap, sent: Sent) -> Response {
    let fields = match fields(sent) {
        Ok(fields) => fields,
        Err(response) => return *response,
    };
    let now = clock::now();
    let cancelled = async {
        let me = use_cases::sign_in::who(&state.context, &session(&state, &headers), now).await?;
        use_cases::bookings::cancel(
            &state.context,
            &me,
            &one(&fields, "booking"),
            &one(&fields, "reason"),
            now,
        )
        .await
    };
    match cancelled.await {
        Ok(()) => Redirect::to("/booking?cancelled=1").into_response(),
        Err(AppError::SignInRequired) => Redirect::to("/sign-in?next=/booking").into_response(),
        Err(error) => {
            pages::refused(&state, Uri::from_static("/booking/cancel"), &headers, echo(fields, error)).await
        }
    }
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
        let fields: Fields =
            [("start", "29600000"), ("zone", "Europe/Berlin"), ("length", "30\"><script>"), ("name", "x")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .to_vec();
        let uri = with_choices("/book/demo/intro", Some("month=2026-12&start=1&key=k"), &fields);
        assert_eq!(
            uri.to_string(),
            "/book/demo/intro?month=2026-12&key=k&start=29600000&zone=Europe%2FBerlin"
        );
    }
}
