//! The doors of `/booking/messages`.

use super::{
    AppState,
    fields::Fields,
    mail::with_mail,
    plain::{self, Staff},
};
use crate::{
    api::{
        AppError,
        mail::{EditorPage, MessagesForm, MessagesPage, ReminderRow},
    },
    server::{
        clock,
        use_cases::messages::{self, MOST_REMINDERS},
    },
    ui::plain::messages as pages,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use std::collections::BTreeMap;

const HERE: &str = "/booking/messages";

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(HERE, get(overview).post(own_reminders))
        .route("/booking/messages/{event_type}", get(editor).post(save))
}

async fn overview(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let done = match query.get("done").map(String::as_str) {
        Some("saved") => Some("Saved. It holds for bookings that are made or moved from now on."),
        Some("own") => Some("Your reminders are saved."),
        _ => None,
    };
    match messages::page(&state.context, &me).await {
        Ok(page) => plain::respond(&state, None, pages::overview(MessagesPage { done, ..page })),
        Err(error) => plain::failed(error, HERE),
    }
}

/// Amount and unit of each reminder that was sent.
fn amounts(fields: &Fields) -> Vec<(String, String)> {
    let sent = (1..=MOST_REMINDERS)
        .map(|number| (fields.one(&format!("amount-{number}")), fields.one(&format!("unit-{number}"))));
    let mut sent: Vec<_> = sent.collect();
    // What was left empty at the end is no part of the answer.
    let last = sent.iter().rposition(|(amount, _)| !amount.trim().is_empty());
    sent.truncate(last.map_or(0, |last| last + 1));
    sent
}

async fn own_reminders(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let (mode, own) = (fields.one("mode"), amounts(&fields));
    match messages::set_own_reminders(&state.context, &me, &mode, &own, clock::now()).await {
        Ok(()) => Redirect::to("/booking/messages?done=own").into_response(),
        Err(error @ AppError::Invalid { .. }) => {
            let echo = Some(fields.echo(error.clone()));
            match messages::page(&state.context, &me).await {
                Ok(page) => {
                    let page = MessagesPage { mode, own, echo, ..page };
                    plain::respond(&state, Some(&error), pages::overview(page))
                }
                Err(error) => plain::failed(error, HERE),
            }
        }
        Err(error) => plain::failed(error, HERE),
    }
}

async fn editor(State(state): State<AppState>, Path(slug): Path<String>, Staff(me): Staff) -> Response {
    match messages::editor(&state.context, &me, &slug).await {
        Ok(page) => plain::respond(&state, None, pages::editor(page)),
        Err(error) => plain::failed(error, HERE),
    }
}

fn form(fields: &Fields) -> MessagesForm {
    let row = |(number, (amount, unit)): (usize, (String, String))| ReminderRow {
        amount,
        unit,
        to: fields.one(&format!("to-{number}")),
    };
    MessagesForm {
        reminders: (1..).zip(amounts(fields)).map(row).collect(),
        approval: fields.ticked("approval"),
        hold: (fields.one("hold"), fields.one("hold_unit")),
        verify_email: fields.ticked("verify_email"),
        subject: fields.one("subject"),
        paragraph: fields.one("paragraph"),
    }
}

/// Saves, or shows what was entered with an example.
async fn save(
    State(state): State<AppState>,
    Path(slug): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let form = form(&fields);
    let saved = async {
        if fields.ticked("preview") {
            return messages::preview(&state.context, &me, &slug, &form, clock::now()).await.map(Some);
        }
        messages::save(&state.context, &me, &slug, &form, clock::now()).await.map(|()| None)
    };
    let (refused, echo, preview) = match saved.await {
        Ok(None) => return Redirect::to("/booking/messages?done=saved").into_response(),
        Ok(preview) => (None, None, preview),
        Err(error @ AppError::Invalid { .. }) => (Some(error.clone()), Some(fields.echo(error)), None),
        Err(error) => return plain::failed(error, HERE),
    };
    match messages::editor(&state.context, &me, &slug).await {
        Ok(page) => {
            let page = EditorPage { form, echo, preview, ..page };
            with_mail(plain::respond(&state, refused.as_ref(), pages::editor(page)))
        }
        Err(error) => plain::failed(error, HERE),
    }
}
