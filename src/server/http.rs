//! HTTP: routes, and what every request passes through.

pub mod approval;
pub mod calendars;
mod events;
mod feeds;
pub mod fields;
pub mod forms;
pub mod guard;
pub mod mail;
pub mod messages;
pub mod pages;
pub mod plain;
pub mod portal;
pub mod problem;
pub mod queue;
pub mod rest;
pub mod rest_types;
pub mod verify;
pub mod webhooks;

use super::{context::Context, store::workspaces};
use crate::ui::{App, plain::styles, shell};
use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef, State},
    http::{HeaderValue, Request, StatusCode, header},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use leptos::prelude::LeptosOptions;
use leptos_axum::{LeptosRoutes, generate_route_list};
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, csrf::CsrfLayer, services::ServeDir,
};

/// What handlers are given.
#[derive(Debug, Clone)]
pub struct AppState {
    /// For use cases.
    pub context: Context,
    /// For pages.
    pub leptos: LeptosOptions,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for Context {
    fn from_ref(state: &AppState) -> Self {
        state.context.clone()
    }
}

/// The largest request body: every form and document of ours is far smaller.
pub(crate) const MOST_BYTES: usize = 256 * 1024;

/// The whole program as a service.
pub fn router(state: AppState) -> Router {
    problem::dress(styles(&state.leptos));
    let pages = Router::new()
        .leptos_routes_with_context(&state, generate_route_list(App), pages::context(&state, None), {
            let options = state.leptos.clone();
            move || shell(options.clone())
        })
        .merge(forms::router())
        .merge(approval::router())
        .merge(calendars::router())
        .merge(events::router())
        .merge(feeds::router())
        .merge(mail::router())
        .merge(messages::router())
        .merge(portal::router())
        .merge(queue::router())
        .merge(verify::router())
        .merge(webhooks::router())
        .route("/", get(home));
    let (rest, document) = rest::router();
    let document = rest::with_webhooks(&document);
    let app = Router::new()
        .merge(pages)
        .merge(pages::server_functions())
        .merge(rest)
        .route("/api/openapi.json", get(move || async move { axum::Json(document) }))
        .fallback(pages::file_or_not_found)
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(from_fn_with_state(state.clone(), guard::limit_rate))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .nest_service("/pkg", files(&state, "pkg"))
        .layer(from_fn(guard::whole_body))
        .layer(DefaultBodyLimit::max(MOST_BYTES));
    let mut csrf = CsrfLayer::new()
        .with_insecure_bypass(|_, uri| calendars::is_push(uri))
        .with_rejection_response(guard::foreign_form);
    csrf = match csrf.clone().add_trusted_origin(&state.context.config.public_url) {
        Ok(trusting) => trusting,
        Err(_) => csrf,
    };
    app.layer(csrf)
        .layer(from_fn(guard::in_time))
        .layer(CompressionLayer::new().br(true).gzip(true).quality(tower_http::CompressionLevel::Precise(4)))
        .layer(CatchPanicLayer::custom(guard::panicked))
        .layer(from_fn_with_state(state.clone(), guard::headers))
        .layer(from_fn(guard::log))
        .with_state(state)
}

/// Built scripts and styles. Where their names carry a hash of their content they are kept for ever.
fn files(state: &AppState, folder: &str) -> Router {
    let lifetime = if state.leptos.hash_files { "public, max-age=31536000, immutable" } else { "no-cache" };
    let dir =
        ServeDir::new(state.context.config.site_dir.join(folder)).precompressed_br().precompressed_gzip();
    Router::new().fallback_service(dir).layer(axum::middleware::map_response(
        move |mut response: Response| async move {
            if response.status().is_success() {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(lifetime));
            }
            response
        },
    ))
}

/// The door step: an empty server leads to its set-up, another one to the first workspace's page.
async fn home(State(context): State<Context>) -> Response {
    let first = async {
        let mut conn = context.db.read().await?;
        workspaces::first(&mut conn).await
    };
    match first.await {
        Ok(None) => Redirect::to("/setup").into_response(),
        Ok(Some(workspace)) => Redirect::to(&format!("/book/{}", workspace.slug)).into_response(),
        Err(error) => problem::page(crate::api::AppError::from(error)),
    }
}

/// Ready when the database answers.
async fn ready(State(context): State<Context>) -> Response {
    match tokio::time::timeout(std::time::Duration::from_secs(2), context.db.ping()).await {
        Ok(Ok(())) => "ready\n".into_response(),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database is slow\n").into_response(),
    }
}

/// Is this a request of a program, which wants problem documents, or of a person?
pub(crate) fn is_api<B>(request: &Request<B>) -> bool {
    request.uri().path().starts_with("/api/")
}
