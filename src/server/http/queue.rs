//! The doors of `/booking/queue`.

use super::{
    AppState,
    plain::{self, Staff},
};
use crate::{
    api::mail::QueuePage,
    server::{clock, use_cases::queue},
    ui::plain::queue as pages,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

const HERE: &str = "/booking/queue";

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(HERE, get(show))
        .route("/booking/queue/{job}/retry", post(retry))
        .route("/booking/queue/{job}/drop", post(drop))
}

async fn show(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let done = match query.get("done").map(String::as_str) {
        Some("retried") => Some("It is in line again."),
        Some("dropped") => Some("It is dropped."),
        _ => None,
    };
    let before = query.get("before").cloned().unwrap_or_default();
    match queue::page(&state.context, &me, &before, clock::now()).await {
        Ok(page) => plain::respond(&state, None, pages::queue(QueuePage { done, ..page })),
        Err(error) => plain::failed(error, HERE),
    }
}

async fn retry(State(state): State<AppState>, Path(job): Path<String>, Staff(me): Staff) -> Response {
    match queue::retry(&state.context, &me, &job, clock::now()).await {
        Ok(()) => Redirect::to("/booking/queue?done=retried").into_response(),
        Err(error) => plain::failed(error, HERE),
    }
}

async fn drop(State(state): State<AppState>, Path(job): Path<String>, Staff(me): Staff) -> Response {
    match queue::drop(&state.context, &me, &job, clock::now()).await {
        Ok(()) => Redirect::to("/booking/queue?done=dropped").into_response(),
        Err(error) => plain::failed(error, HERE),
    }
}
