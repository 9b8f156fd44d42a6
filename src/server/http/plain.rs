//! Pages that are forms and text, rendered here without any script; see `docs/decisions/0004-pages-without-scripts.md`.

use super::{AppState, problem};
use crate::{
    api::AppError,
    domain::ids::BookingId,
    server::{clock, doors, store::members::SignedIn, use_cases},
    ui::plain::{Document, document},
};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
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
async fn who(state: &AppState, headers: &HeaderMap) -> Result<SignedIn, AppError> {
    let token = doors::cookie(headers, doors::session_cookie(&state.context)).unwrap_or_default();
    use_cases::sign_in::who(&state.context, token, clock::now()).await
}

/// Whoever is signed in. A handler that takes it is called for nobody else: they are led to sign in, and from there to the
/// page of the menu that the address belongs to.
#[derive(Debug)]
pub struct Staff(pub SignedIn);

impl FromRequestParts<AppState> for Staff {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        who(state, &parts.headers)
            .await
            .map(Self)
            .map_err(|error| failed(error, &page_of_the_menu(parts.uri.path())))
    }
}

/// `/booking/webhooks` of `/booking/webhooks/ID/secret`, wherever that stands.
fn page_of_the_menu(path: &str) -> String {
    let below = path.split_once("/booking/").map_or("", |(_, below)| below);
    match below.split('/').next() {
        None | Some("") => "/booking".to_owned(),
        // Something about one booking.
        Some(id) if BookingId::try_from(id.to_owned()).is_ok() => "/booking".to_owned(),
        Some(page) => format!("/booking/{page}"),
    }
}

/// A page that can't be shown: to sign-in if that helps, else what happened.
pub fn failed(error: AppError, here: &str) -> Response {
    if error == AppError::SignInRequired {
        return Redirect::to(&format!("/sign-in?next={here}")).into_response();
    }
    problem::staff_page(error)
}

#[cfg(test)]
mod tests {
    use super::page_of_the_menu;

    #[test]
    fn signing_in_leads_back_to_a_page_that_can_be_shown() {
        for (path, page) in [
            ("/booking/webhooks/0193b5a0/secret", "/booking/webhooks"),
            ("/booking/webhooks", "/booking/webhooks"),
            ("/api/v1/booking/calendars/callback/google", "/booking/calendars"),
            ("/booking/0193b5a0-7c1e-7000-8000-000000000001/appointment.ics", "/booking"),
            ("/booking", "/booking"),
            ("/booking/", "/booking"),
            ("/", "/booking"),
        ] {
            assert_eq!(page_of_the_menu(path), page);
        }
    }
}
