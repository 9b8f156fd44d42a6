//! The doors behind links in mails: deciding on a pending booking, and ending reminders. GET shows, POST does: mail
//! scanners follow links.

use super::{AppState, fields::Fields, plain, problem};
use crate::{
    api::AppError,
    server::{
        clock,
        use_cases::{
            approvals::{self, Decision},
            reminders,
        },
    },
    ui::plain::approval as pages,
};
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/approval/{token}", get(show).post(decide))
        .route("/unsubscribe/{token}", get(show_unsubscribe).post(unsubscribe))
}

async fn show(State(state): State<AppState>, Path(token): Path<String>) -> Response {
    page(&state, &token, None).await
}

async fn page(state: &AppState, token: &str, refused: Option<&AppError>) -> Response {
    match approvals::decision_page(&state.context, token).await {
        Ok(booking) => {
            let page = pages::Decision {
                workspace: booking.workspace,
                service: booking.service,
                start: booking.start,
                end: booking.end,
                zone: (*booking.zone).clone(),
                invitees: booking.invitees,
                status: booking.status,
                expires: booking.expires,
                sequence: booking.sequence,
            };
            plain::respond(state, refused, pages::decision(page, refused))
        }
        Err(error) => problem::page(error),
    }
}

async fn decide(State(state): State<AppState>, Path(token): Path<String>, fields: Fields) -> Response {
    let decision = match fields.one("decision").as_str() {
        "approve" => Decision::Approve,
        "decline" => Decision::Decline,
        _ => {
            let error = AppError::field("booking", "Please choose one of the two.");
            return page(&state, &token, Some(&error)).await;
        }
    };
    let (reason, seen) = (fields.one("reason"), fields.one("seen").parse().ok());
    match approvals::decide_by_link(&state.context, &token, decision, seen, &reason, clock::now()).await {
        Ok(()) => Redirect::to(&format!("/approval/{token}")).into_response(),
        Err(error @ AppError::Invalid { .. }) => page(&state, &token, Some(&error)).await,
        Err(error) => problem::page(error),
    }
}

async fn show_unsubscribe(State(state): State<AppState>, Path(token): Path<String>) -> Response {
    match reminders::unsubscribe_page(&state.context, &token).await {
        Ok(found) => plain::respond(&state, None, pages::unsubscribe(&found.service, found.reminders)),
        Err(error) => problem::page(error),
    }
}

/// By the button, or by a mail program's own (RFC 8058), which sends one field and shows no answer.
async fn unsubscribe(State(state): State<AppState>, Path(token): Path<String>, fields: Fields) -> Response {
    let by_program = fields.one("List-Unsubscribe") == "One-Click";
    match reminders::unsubscribe(&state.context, &token, clock::now()).await {
        // Nothing that answers one of them redirects (RFC 8058 §3.1).
        Ok(()) if by_program => show_unsubscribe(State(state), Path(token)).await,
        Ok(()) => Redirect::to(&format!("/unsubscribe/{token}")).into_response(),
        Err(error) => problem::page(error),
    }
}
