//! Refusals: problem documents (RFC 9457) for programs, a plain page for people where no other can be shown.

use crate::{api::AppError, domain::questions::FieldError};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use serde::Serialize;
use std::sync::OnceLock;

/// A problem document (RFC 9457 §3).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI reference that names the kind of problem; its last part is `code`.
    #[serde(rename = "type")]
    #[schema(example = "/problems/slot_taken")]
    pub kind: String,
    /// A heading of a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for a person.
    pub detail: String,
    /// The stable code.
    #[schema(example = "slot_taken")]
    pub code: String,
    /// One sentence for each field that needs mending; left out when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The nearest free starts when a time could not be had; left out when there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, example = json!(["2026-12-01T10:00:00Z"]))]
    pub nearest: Vec<chrono::DateTime<chrono::Utc>>,
}

fn status(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A refusal that answers a program.
#[derive(Debug)]
pub struct Refusal(pub AppError);

impl<E: Into<AppError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = self.0;
        let problem = Problem {
            kind: format!("/problems/{}", error.code()),
            title: error.title().to_owned(),
            status: error.status(),
            detail: error.sentence(),
            code: error.code().to_owned(),
            errors: error.fields().to_vec(),
            nearest: error
                .nearest()
                .iter()
                .filter_map(|minutes| chrono::DateTime::from_timestamp(minutes * 60, 0))
                .collect(),
        };
        let mut response = (status(&error), Json(problem)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let AppError::TooMany { retry_after } = error
            && let Ok(seconds) = HeaderValue::from_str(&retry_after.to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// The address of the styles, as soon as the server knows it.
static STYLES: OnceLock<String> = OnceLock::new();

/// Pages that say a refusal look like all others from now on.
pub fn dress(styles: String) {
    // Whoever comes second has read the same file.
    let _ = STYLES.set(styles);
}

/// A refusal that answers a person where the application's own page can't be rendered.
pub fn page(error: AppError) -> Response {
    with_way_out(error, "/", "Go to the start page")
}

/// The same for a member who is signed in.
pub fn staff_page(error: AppError) -> Response {
    with_way_out(error, "/booking", "Go to your bookings")
}

/// Texts are ours: no escaping is needed.
fn with_way_out(error: AppError, href: &str, words: &str) -> Response {
    let styles = STYLES
        .get()
        .map_or_else(String::new, |styles| format!("<link rel=\"stylesheet\" href=\"{styles}\">"));
    let body = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" \
         type=\"image/svg+xml\" href=\"/favicon.svg\">{styles}<title>{title}</title>\
         </head><body><main><div class=\"failure\"><h1 class=\"title\">{title}</h1><p>{sentence}</p>\
         <p><a class=\"button\" href=\"{href}\">{words}</a></p></div></main></body></html>",
        title = error.title(),
        sentence = error.sentence()
    );
    let mut response = (status(&error), Html(body)).into_response();
    if let AppError::TooMany { retry_after } = error
        && let Ok(seconds) = HeaderValue::from_str(&retry_after.to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}
