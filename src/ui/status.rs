//! The one place where a page talks to the web server: the status of its answer, and a header.

/// Answers with this HTTP status. Nothing happens in the browser.
#[cfg(feature = "ssr")]
pub fn set(status: u16) {
    use leptos::prelude::use_context;
    if let (Some(options), Ok(status)) =
        (use_context::<leptos_axum::ResponseOptions>(), http::StatusCode::from_u16(status))
    {
        options.set_status(status);
    }
}

/// Answers with this HTTP status. Nothing happens in the browser.
#[cfg(not(feature = "ssr"))]
pub fn set(_status: u16) {}

/// Keeps the page out of search engines: its address is a secret, or there is nothing to find.
#[cfg(feature = "ssr")]
pub fn hide() {
    use http::{HeaderName, HeaderValue};
    use leptos::prelude::use_context;
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>() {
        options.insert_header(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex"));
    }
}

/// Keeps the page out of search engines. Nothing happens in the browser.
#[cfg(not(feature = "ssr"))]
pub fn hide() {}
