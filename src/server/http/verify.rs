//! The door at which an invitee enters the code that was mailed to them. GET shows, POST books.

use super::{AppState, fields::Fields, plain, problem};
use crate::{
    api::AppError,
    server::{
        clock,
        use_cases::verify::{self, Found},
    },
    ui::plain::verify as pages,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use std::collections::BTreeMap;

/// Where it is.
pub fn router() -> Router<AppState> {
    Router::new().route("/verify/{token}", get(show).post(confirm))
}

async fn show(
    State(state): State<AppState>,
    Path(token): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let code = query.get("code").map_or("", String::as_str);
    page(&state, &token, code, None).await
}

async fn page(state: &AppState, token: &str, code: &str, refused: Option<&AppError>) -> Response {
    match verify::page(&state.context, token, clock::now()).await {
        Ok(Found::Booked(appointment)) => {
            Redirect::to(&format!("/appointment/{appointment}")).into_response()
        }
        Ok(Found::Waiting(order)) => {
            let verify::OrderPage { workspace, service, book, start, end, zone, email, expired } = *order;
            let zone = (*zone).clone();
            let order = pages::Order { workspace, service, book, start, end, zone, email, expired };
            plain::respond(state, refused, pages::order(order, code, refused))
        }
        Err(error) => problem::page(error),
    }
}

async fn confirm(State(state): State<AppState>, Path(token): Path<String>, fields: Fields) -> Response {
    let code = fields.one("code");
    let start = fields.one("start").parse().ok();
    match verify::confirm(&state.context, &token, &code, start, clock::now()).await {
        Ok(appointment) => Redirect::to(&format!("/appointment/{appointment}?new=1")).into_response(),
        Err(error @ AppError::UnknownPage) => problem::page(error),
        Err(error) => page(&state, &token, &code, Some(&error)).await,
    }
}
