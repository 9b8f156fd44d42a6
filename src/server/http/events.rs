//! The doors of a member's own events.

use super::{
    AppState,
    fields::Fields,
    plain::{Staff, failed, respond},
};
use crate::{
    api::{
        AppError,
        calendar_events::{EventForm, EventPage},
    },
    server::{clock, use_cases::calendar_events},
    ui::plain::events as view,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

const HERE: &str = "/booking/events";

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(HERE, get(list).post(create))
        .route("/booking/events/new", get(new))
        .route("/booking/events/{id}", get(one).post(change))
        .route("/booking/events/{id}/delete", post(delete))
        .route("/booking/events/{id}/restore", post(restore))
}

async fn list(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let one = |name: &str| asked.get(name).map_or("", String::as_str);
    match calendar_events::list(&state.context, &me, one("after"), clock::now()).await {
        Ok(page) => respond(&state, None, view::list(page, one("done"))),
        Err(error) => failed(error, HERE),
    }
}

async fn new(State(state): State<AppState>, Staff(me): Staff) -> Response {
    match calendar_events::new_form(&state.context, &me, clock::now()).await {
        Ok(page) => respond(&state, None, view::form(page)),
        Err(error) => failed(error, HERE),
    }
}

async fn one(State(state): State<AppState>, Staff(me): Staff, Path(id): Path<String>) -> Response {
    match calendar_events::form(&state.context, &me, &id).await {
        Ok(page) => respond(&state, None, view::form(page)),
        Err(error) => failed(error, HERE),
    }
}

fn entered(fields: &Fields) -> EventForm {
    EventForm {
        title: fields.one("title"),
        place: fields.one("place"),
        notes: fields.one("notes"),
        whole: fields.ticked("whole"),
        from_date: fields.one("from_date"),
        from_time: fields.one("from_time"),
        until_date: fields.one("until_date"),
        until_time: fields.one("until_time"),
        busy: fields.ticked("busy"),
        calendar: fields.one("calendar"),
        version: fields.one("version").parse().unwrap_or(0),
    }
}

fn led_back(word: &str) -> Response {
    Redirect::to(&format!("{HERE}?done={word}")).into_response()
}

/// The form once more, as it was sent, with what is wrong beside it.
fn refused(
    state: &AppState,
    page: Result<EventPage, AppError>,
    fields: &Fields,
    error: AppError,
) -> Response {
    if error.fields().is_empty() {
        return failed(error, HERE);
    }
    match page {
        Ok(mut page) => {
            // Whoever was told that it had changed has seen that; else the version stays the one that they looked at.
            if !error.fields().iter().any(|field| field.field == "version") {
                page.form.version = entered(fields).version;
            }
            page.echo = Some(fields.echo(error.clone()));
            respond(state, Some(&error), view::form(page))
        }
        Err(error) => failed(error, HERE),
    }
}

async fn create(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let (id, form) = (fields.one("id"), entered(&fields));
    match calendar_events::create(&state.context, &me, &id, &form, clock::now()).await {
        Ok(()) => led_back("added"),
        Err(error) => {
            let page = calendar_events::new_form(&state.context, &me, clock::now()).await;
            refused(&state, page.map(|page| EventPage { id, ..page }), &fields, error)
        }
    }
}

async fn change(
    State(state): State<AppState>,
    Staff(me): Staff,
    Path(id): Path<String>,
    fields: Fields,
) -> Response {
    match calendar_events::change(&state.context, &me, &id, &entered(&fields), clock::now()).await {
        Ok(()) => led_back("saved"),
        Err(error) => {
            let page = calendar_events::form(&state.context, &me, &id).await;
            refused(&state, page, &fields, error)
        }
    }
}

fn done(word: &str, done: Result<(), AppError>) -> Response {
    match done {
        Ok(()) => led_back(word),
        Err(error) => failed(error, HERE),
    }
}

async fn delete(State(state): State<AppState>, Staff(me): Staff, Path(id): Path<String>) -> Response {
    done("deleted", calendar_events::delete(&state.context, &me, &id, clock::now()).await)
}

async fn restore(State(state): State<AppState>, Staff(me): Staff, Path(id): Path<String>) -> Response {
    done("restored", calendar_events::restore(&state.context, &me, &id, clock::now()).await)
}
