//! The doors of feeds: the page where members make and revoke them, the feeds themselves, and the file of one booking.

use super::{
    AppState,
    fields::Fields,
    plain::{Staff, failed, respond},
    portal::{calendar, private},
    problem,
};
use crate::{
    api::AppError,
    server::{
        clock,
        use_cases::feeds::{self, FeedForm},
    },
    ui::plain::feeds as view,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

const HERE: &str = "/booking/feeds";

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/booking/feeds/{id}/revoke", post(revoke))
        .route("/booking/{booking}/appointment.ics", get(booking))
        // `/feed/{token}.ics`
        .route("/feed/{file}", get(read))
}

async fn list(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    match feeds::page(&state.context, &me).await {
        Ok(page) => respond(&state, None, view::list(page, asked.contains_key("revoked"))),
        Err(error) => failed(error, HERE),
    }
}

async fn create(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let form = FeedForm { what: fields.one("what"), contacts: fields.ticked("contacts") };
    let error = match feeds::create(&state.context, &me, &form, clock::now()).await {
        Ok(made) => {
            // An answer of its own, which no address leads to: it is shown once.
            let mut response = respond(&state, None, view::made(made));
            *response.status_mut() = StatusCode::CREATED;
            return response;
        }
        Err(error) => error,
    };
    match feeds::page(&state.context, &me).await {
        Ok(mut page) if !error.fields().is_empty() => {
            page.echo = Some(fields.echo(error.clone()));
            respond(&state, Some(&error), view::list(page, false))
        }
        Ok(_) => failed(error, HERE),
        Err(error) => failed(error, HERE),
    }
}

async fn revoke(State(state): State<AppState>, Staff(me): Staff, Path(id): Path<String>) -> Response {
    match feeds::revoke(&state.context, &me, &id, clock::now()).await {
        Ok(()) => Redirect::to(&format!("{HERE}?revoked=1")).into_response(),
        Err(error) => failed(error, HERE),
    }
}

async fn booking(State(state): State<AppState>, Staff(me): Staff, Path(booking): Path<String>) -> Response {
    match feeds::booking_file(&state.context, &me, &booking).await {
        Ok(file) => {
            let kind = [
                (header::CONTENT_TYPE, "text/calendar; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"appointment.ics\""),
            ];
            private((kind, file).into_response())
        }
        Err(error) => failed(error, "/booking"),
    }
}

async fn read(State(state): State<AppState>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some(token) = file.strip_suffix(".ics") else {
        return private(problem::page(AppError::UnknownPage));
    };
    match feeds::read(&state.context, token, clock::now()).await {
        Ok(Some(found)) => calendar(&headers, found, "bookings.ics"),
        Ok(None) => {
            let gone = "This calendar was ended by its owner, or never was.\n";
            private((StatusCode::NOT_FOUND, gone).into_response())
        }
        Err(error) => private(problem::page(error)),
    }
}
