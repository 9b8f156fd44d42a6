//! Pages and forms: webhooks.

use super::{
    AppState,
    fields::Fields,
    plain::{Staff, failed, respond},
};
use crate::{
    api::{AppError, webhooks::SecretPage},
    server::{
        clock,
        store::members::SignedIn,
        use_cases::webhooks::{self, WebhookForm},
    },
    ui::plain::webhooks as view,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

/// Where the list is.
const HERE: &str = "/booking/webhooks";

/// Pages, and where their forms are posted.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/booking/webhooks", get(list).post(create))
        .route("/booking/webhooks/{id}", get(page).post(change))
        .route("/booking/webhooks/{id}/secret", post(rotate))
        .route("/booking/webhooks/{id}/switch", post(switch))
        .route("/booking/webhooks/{id}/delete", post(delete))
        .route("/booking/webhooks/{id}/again", post(again))
}

type Asked = Query<BTreeMap<String, String>>;

fn form(fields: &Fields) -> WebhookForm {
    WebhookForm { url: fields.one("url"), events: fields.all("events") }
}

/// The page with a new secret: an answer of its own, which no address leads to.
fn secret(state: &AppState, status: StatusCode, page: SecretPage) -> Response {
    let mut response = respond(state, None, view::secret(page));
    *response.status_mut() = status;
    response
}

async fn list(State(state): State<AppState>, Query(asked): Asked, Staff(me): Staff) -> Response {
    match webhooks::list(&state.context, &me).await {
        Ok(page) => respond(&state, None, view::list(page, asked.get("done").map_or("", String::as_str))),
        Err(error) => failed(error, HERE),
    }
}

async fn create(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let error = match webhooks::create(&state.context, &me, &form(&fields), clock::now()).await {
        Ok(page) => return secret(&state, StatusCode::CREATED, page),
        Err(error) => error,
    };
    match webhooks::list(&state.context, &me).await {
        Ok(mut page) => {
            page.echo = Some(fields.echo(error.clone()));
            respond(&state, Some(&error), view::list(page, ""))
        }
        Err(error) => failed(error, HERE),
    }
}

async fn page(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(asked): Asked,
    Staff(me): Staff,
) -> Response {
    let asked = |name| asked.get(name).map_or("", String::as_str);
    match webhooks::page(&state.context, &me, &id, asked("before"), clock::now()).await {
        Ok(page) => respond(&state, None, view::one(page, asked("done"))),
        Err(error) => failed(error, HERE),
    }
}

/// The webhook's page again, with what was refused on it; or what happened, if it can't be shown.
async fn refused(state: &AppState, me: &SignedIn, id: &str, fields: &Fields, error: AppError) -> Response {
    if error.fields().is_empty() {
        return failed(error, HERE);
    }
    match webhooks::page(&state.context, me, id, "", clock::now()).await {
        Ok(mut page) => {
            page.echo = Some(fields.echo(error.clone()));
            respond(state, Some(&error), view::one(page, ""))
        }
        Err(error) => failed(error, HERE),
    }
}

/// After something was done with a webhook its page says so in a word.
async fn answer(
    state: &AppState,
    me: &SignedIn,
    id: &str,
    fields: &Fields,
    word: &str,
    done: Result<(), AppError>,
) -> Response {
    match done {
        Ok(()) => Redirect::to(&format!("{HERE}/{id}?done={word}")).into_response(),
        Err(error) => refused(state, me, id, fields, error).await,
    }
}

async fn change(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let done = webhooks::change(&state.context, &me, &id, &form(&fields), clock::now()).await;
    answer(&state, &me, &id, &fields, "changed", done).await
}

async fn rotate(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    match webhooks::rotate(&state.context, &me, &id, &fields.one("seen"), clock::now()).await {
        Ok(page) => secret(&state, StatusCode::OK, page),
        Err(error) => refused(&state, &me, &id, &fields, error).await,
    }
}

async fn switch(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let on = fields.one("to") == "on";
    let done = webhooks::set_active(&state.context, &me, &id, on, clock::now()).await;
    answer(&state, &me, &id, &fields, if on { "on" } else { "off" }, done).await
}

async fn delete(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    match webhooks::delete(&state.context, &me, &id, clock::now()).await {
        Ok(()) => Redirect::to(&format!("{HERE}?done=deleted")).into_response(),
        Err(error) => refused(&state, &me, &id, &fields, error).await,
    }
}

async fn again(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let done = webhooks::again(&state.context, &me, &id, &fields.one("delivery"), clock::now()).await;
    answer(&state, &me, &id, &fields, "again", done).await
}
