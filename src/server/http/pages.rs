//! The application's pages, as Leptos renders them.

use super::{AppState, problem};
use crate::{
    api::{AppError, public::Echo},
    ui::shell,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use leptos::{nonce::use_nonce, prelude::provide_context};
use leptos_axum::ResponseOptions;
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// What the application finds in its context while it renders for one request.
pub fn context(state: &AppState, echo: Option<Echo>) -> impl Fn() + Clone + Send + Sync + 'static {
    let context = state.context.clone();
    let echo = echo.map(Arc::new);
    move || {
        provide_context(context.clone());
        if let Some(echo) = &echo {
            provide_context(Arc::clone(echo));
        }
        let (Some(nonce), Some(response)) = (use_nonce(), leptos::prelude::use_context::<ResponseOptions>())
        else {
            return;
        };
        // WebAssembly is compiled, which CSP counts as evaluation of its own kind.
        let policy = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
             img-src 'self' data:; connect-src 'self'{}; form-action 'self'; frame-ancestors 'self'; \
             base-uri 'none'; object-src 'none'",
            // The development server's reload socket.
            if std::env::var_os("LEPTOS_WATCH").is_some() { " ws:" } else { "" }
        );
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// Renders the page at an address as an answer to a form that was refused: same page, what was entered, and why.
pub async fn refused(state: &AppState, uri: Uri, headers: &HeaderMap, echo: Echo) -> Response {
    let status = echo.error.as_ref().map_or(200, AppError::status);
    let options = state.leptos.clone();
    let handler = leptos_axum::render_app_async_with_context(context(state, Some(echo)), move || {
        shell(options.clone())
    });
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    for name in [header::COOKIE, header::HOST, header::ACCEPT_LANGUAGE, header::USER_AGENT] {
        if let Some(value) = headers.get(&name) {
            request.headers_mut().insert(name, value.clone());
        }
    }
    let mut response = handler(request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    }
    response
}

/// The server functions' own routes.
pub fn server_functions() -> Router<AppState> {
    async fn call(State(state): State<AppState>, request: Request) -> Response {
        leptos_axum::handle_server_fns_with_context(context(&state, None), request).await.into_response()
    }
    Router::new().route("/api/ui/{name}", get(call).post(call))
}

/// A file of the site folder (icon, robots.txt), else the application's "nothing here".
pub async fn file_or_not_found(State(state): State<AppState>, request: Request) -> Response {
    if super::is_api(&request) {
        return problem::Refusal(AppError::UnknownPage).into_response();
    }
    let headers = request.headers().clone();
    let uri = request.uri().clone();
    let files = ServeDir::new(&state.context.config.site_dir).append_index_html_on_directories(false);
    match files.oneshot(request).await {
        Ok(response) if response.status() != StatusCode::NOT_FOUND && uri.path() != "/" => {
            response.into_response()
        }
        _ => {
            refused(&state, uri, &headers, Echo { values: Vec::new(), error: Some(AppError::UnknownPage) })
                .await
        }
    }
}
