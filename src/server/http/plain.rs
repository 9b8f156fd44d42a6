//! Pages that are forms and text, rendered here without any script; see `docs/decisions/0004-pages-without-scripts.md`.

use super::{AppState, problem};
use crate::{
    api::AppError,
    server::{clock, doors, store::members::SignedIn, use_cases},
    ui::plain::{Document, document},
};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
};

/// Nothing but our own styles is loaded, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                      frame-ancestors 'self'; base-uri 'none'";

/// A page, with its status: that of what was refused on it, if something was.
pub fn respond(state: &AppState, refused: Option<&AppError>, page: Document) -> Response {
    let status = refused.map_or(StatusCode::OK, |error| {
        StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST)
    });
    let mut response = (status, Html(document(&state.leptos, page))).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Who is signed in.
pub async fn who(state: &AppState, headers: &HeaderMap) -> Result<SignedIn, AppError> {
    let token = doors::cookie(headers, doors::session_cookie(&state.context)).unwrap_or_default();
    use_cases::sign_in::who(&state.context, token, clock::now()).await
}

/// A page that can't be shown: to sign-in if that helps, else what happened.
pub fn failed(error: AppError, here: &str) -> Response {
    if error == AppError::SignInRequired {
        return Redirect::to(&format!("/sign-in?next={here}")).into_response();
    }
    problem::page(error)
}
