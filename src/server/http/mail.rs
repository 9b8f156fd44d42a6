//! The doors of `/booking/mail` and `/booking/mailbox`.

use super::{
    AppState,
    fields::Fields,
    plain::{self, Staff},
};
use crate::{
    api::{
        AppError,
        mail::{MailForm, MailPage, MessagePage},
    },
    server::{
        clock,
        use_cases::{mail_settings, messages::mailbox},
    },
    ui::plain::mail as pages,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

const SETTINGS: &str = "/booking/mail";
const MAILBOX: &str = "/booking/mailbox";

/// Where they are.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(SETTINGS, get(settings).post(save))
        .route("/booking/mail/forget", post(forget))
        .route("/booking/mail/test", post(test))
        .route(MAILBOX, get(list))
        .route("/booking/mailbox/{message}", get(read))
        .route("/booking/mailbox/{message}/mail.eml", get(file))
        .route("/booking/mailbox/{message}/again", post(again))
}

/// A page that shows a mail's HTML in a frame. The frame takes over this page's policy (a document from `srcdoc` does),
/// and mails carry their styles in their tags. Nothing runs in either, and nothing is loaded from elsewhere.
pub fn with_mail(mut response: Response) -> Response {
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; form-action 'self'; \
         frame-ancestors 'self'; base-uri 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn shown(state: &AppState, refused: Option<&AppError>, page: Result<MailPage, AppError>) -> Response {
    match page {
        Ok(page) => plain::respond(state, refused, pages::settings(page)),
        Err(error) => plain::failed(error, SETTINGS),
    }
}

async fn settings(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let done = match query.get("done").map(String::as_str) {
        Some("saved") => Some("Saved. A test shows whether it works."),
        Some("forgotten") => Some("The server and its password are forgotten."),
        _ => None,
    };
    let page = mail_settings::page(&state.context, &me).await.map(|page| MailPage { done, ..page });
    shown(&state, None, page)
}

fn form(fields: &Fields) -> MailForm {
    MailForm {
        host: fields.one("host"),
        port: fields.one("port"),
        security: fields.one("security"),
        username: fields.one("username"),
        password: fields.one("password"),
        remove_password: fields.ticked("remove_password"),
        from_name: fields.one("from_name"),
        from_address: fields.one("from_address"),
    }
}

async fn save(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let form = form(&fields);
    match mail_settings::save(&state.context, &me, &form, clock::now()).await {
        Ok(()) => Redirect::to("/booking/mail?done=saved").into_response(),
        Err(error @ AppError::Invalid { .. }) => {
            let entered = MailForm { password: String::new(), ..form };
            let echo = Some(fields.echo(error.clone()));
            let page = mail_settings::page(&state.context, &me).await.map(|page| MailPage {
                form: entered,
                echo,
                ..page
            });
            shown(&state, Some(&error), page)
        }
        Err(error) => plain::failed(error, SETTINGS),
    }
}

async fn forget(State(state): State<AppState>, Staff(me): Staff) -> Response {
    match mail_settings::forget(&state.context, &me, clock::now()).await {
        Ok(()) => Redirect::to("/booking/mail?done=forgotten").into_response(),
        Err(error) => plain::failed(error, SETTINGS),
    }
}

/// Answers with the page itself: what the server said is nothing for an address.
async fn test(State(state): State<AppState>, Staff(me): Staff) -> Response {
    match mail_settings::test(&state.context, &me, clock::now()).await {
        Ok(tested) => {
            let page = mail_settings::page(&state.context, &me).await;
            shown(&state, None, page.map(|page| MailPage { tested: Some(tested), ..page }))
        }
        Err(error) => plain::failed(error, SETTINGS),
    }
}

async fn list(
    State(state): State<AppState>,
    Staff(me): Staff,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let asked = |name: &str| query.get(name).cloned().unwrap_or_default();
    match mailbox::list(&state.context, &me, &asked("address"), &asked("before")).await {
        Ok(page) => plain::respond(&state, None, pages::mailbox(page)),
        Err(error) => plain::failed(error, MAILBOX),
    }
}

async fn read(
    State(state): State<AppState>,
    Path(message): Path<String>,
    Staff(me): Staff,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    match mailbox::read(&state.context, &me, &message, clock::now()).await {
        Ok(page) => {
            let page = MessagePage { sent_again: query.contains_key("again"), ..page };
            with_mail(plain::respond(&state, None, pages::message(page)))
        }
        Err(error) => plain::failed(error, MAILBOX),
    }
}

async fn file(State(state): State<AppState>, Path(message): Path<String>, Staff(me): Staff) -> Response {
    match mailbox::file(&state.context, &me, &message, clock::now()).await {
        Ok(mail) => {
            let kind = [
                (header::CONTENT_TYPE, "message/rfc822"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"mail.eml\""),
            ];
            (kind, mail).into_response()
        }
        Err(error) => plain::failed(error, MAILBOX),
    }
}

async fn again(State(state): State<AppState>, Path(message): Path<String>, Staff(me): Staff) -> Response {
    match mailbox::send_again(&state.context, &me, &message, clock::now()).await {
        Ok(()) => Redirect::to(&format!("{MAILBOX}/{message}?again=1")).into_response(),
        Err(error) => plain::failed(error, MAILBOX),
    }
}
