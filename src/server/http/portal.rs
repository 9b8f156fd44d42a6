//! The customer portal: see [`portal`].

use super::{AppState, fields::Fields, plain, problem};
use crate::{
    api::{
        AppError,
        portal::{Deleted, DoorMark, PortalDoor},
        public::Echo,
    },
    server::{
        clock,
        context::Context,
        crypto, doors,
        use_cases::portal::{self, ABSOLUTE_DAYS, Visitor, data, erase, feed},
    },
    ui::plain::{Document, portal as pages},
};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

/// Its routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/my", get(first))
        .route("/my/{workspace}", get(show))
        // Whoever reloads the answer to a form comes back to the page.
        .route("/my/{workspace}/link", post(request_link).get(back))
        .route("/my/{workspace}/enter/{token}", get(door_step).post(enter))
        .route("/my/{workspace}/sign-out", post(sign_out).get(back))
        .route("/my/{workspace}/feed", post(create_feed).get(back))
        .route("/my/{workspace}/feed/revoke", post(revoke_feed).get(back))
        .route("/my/{workspace}/data.json", get(download))
        .route("/my/{workspace}/delete", get(ask_to_delete).post(delete))
        .route("/my/{workspace}/deleted", get(deleted))
        // `/my/feed/{token}.ics`. No page above ends like it, so a workspace may be called “feed”.
        .route("/my/{workspace}/{file}", get(read_feed))
}

type Texts = Query<BTreeMap<String, String>>;

fn cookie_name(context: &Context) -> &'static str {
    if context.config.is_https() { "__Host-portal" } else { "portal" }
}

fn cookie<'h>(state: &AppState, headers: &'h HeaderMap) -> &'h str {
    doors::cookie(headers, cookie_name(&state.context)).unwrap_or_default()
}

/// Leads on, with the session's cookie set (or ended, without a token).
fn with_session(state: &AppState, token: Option<&str>, to: &str) -> Response {
    let name = cookie_name(&state.context);
    let secure = if state.context.config.is_https() { "; Secure" } else { "" };
    let (value, age) = match token {
        Some(token) => (token, ABSOLUTE_DAYS * 24 * 3600),
        None => ("", 0),
    };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    let mut response = Redirect::to(to).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// What these pages have in common: nobody keeps them, nobody lists them, and their addresses stay here.
pub(super) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn page(state: &AppState, refused: Option<&AppError>, page: Document) -> Response {
    private(plain::respond(state, refused, page))
}

/// A page that can't be shown; whoever is not signed in is asked who they are.
fn failed(error: AppError, workspace: &str) -> Response {
    if error == AppError::SignInRequired {
        return Redirect::to(&format!("/my/{workspace}")).into_response();
    }
    private(problem::page(error))
}

async fn who(state: &AppState, workspace: &str, headers: &HeaderMap) -> Result<Visitor, AppError> {
    portal::who(&state.context, workspace, cookie(state, headers), clock::now()).await
}

async fn first(State(state): State<AppState>) -> Response {
    match portal::first_workspace(&state.context).await {
        Ok(Some(slug)) => Redirect::to(&format!("/my/{slug}")).into_response(),
        Ok(None) => Redirect::to("/setup").into_response(),
        Err(error) => problem::page(error),
    }
}

async fn back(Path(workspace): Path<String>) -> Response {
    // The name is a part of a path that was matched: it can't lead elsewhere, but it may be spelled oddly.
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let to = if workspace.chars().all(plain) { format!("/my/{workspace}") } else { "/my".to_owned() };
    Redirect::to(&to).into_response()
}

/// The page that asks for an address.
async fn door(state: &AppState, workspace: &str, mark: DoorMark, echo: Option<Echo>) -> Response {
    match portal::door(&state.context, workspace).await {
        Ok(workspace) => {
            let refused = echo.as_ref().and_then(|echo| echo.error.clone());
            let document = pages::door(PortalDoor { workspace, mark, echo });
            let mut response = page(state, refused.as_ref(), document);
            if mark == DoorMark::Stale {
                *response.status_mut() = StatusCode::GONE;
            }
            response
        }
        Err(error) => failed(error, workspace),
    }
}

async fn show(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    Query(query): Texts,
    headers: HeaderMap,
) -> Response {
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let shown = async {
        let visitor = who(&state, &workspace, &headers).await?;
        portal::page(&state.context, &visitor, text("after"), text("before"), clock::now()).await
    };
    match shown.await {
        Ok(mut shown) => {
            shown.hour12 = doors::cookie(&headers, "clock") == Some("12");
            page(&state, None, pages::page(shown))
        }
        Err(AppError::SignInRequired) => {
            let mark = match () {
                () if query.contains_key("sent") => DoorMark::Sent,
                () if query.contains_key("out") => DoorMark::SignedOut,
                () => DoorMark::None,
            };
            door(&state, &workspace, mark, None).await
        }
        Err(error) => failed(error, &workspace),
    }
}

async fn request_link(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    fields: Fields,
) -> Response {
    match portal::request_link(&state.context, &workspace, &fields.one("email"), clock::now()).await {
        Ok(()) => Redirect::to(&format!("/my/{workspace}?sent=1")).into_response(),
        Err(error @ AppError::Invalid { .. }) => {
            door(&state, &workspace, DoorMark::None, Some(fields.echo(error))).await
        }
        Err(error) => failed(error, &workspace),
    }
}

/// Where a mailed link leads: a page with a button, as whatever scans mails opens links too.
async fn door_step(
    State(state): State<AppState>,
    Path((workspace, token)): Path<(String, String)>,
) -> Response {
    let open = async {
        let open = portal::is_link_open(&state.context, &workspace, &token, clock::now()).await?;
        Ok((open, portal::door(&state.context, &workspace).await?))
    };
    match open.await {
        Ok((true, named)) => page(&state, None, pages::door_step(&named)),
        Ok((false, _)) => door(&state, &workspace, DoorMark::Stale, None).await,
        Err(error) => failed(error, &workspace),
    }
}

async fn enter(
    State(state): State<AppState>,
    Path((workspace, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let before = cookie(&state, &headers);
    match portal::enter(&state.context, &workspace, &token, before, clock::now()).await {
        Ok(Some(session)) => private(with_session(&state, Some(&session), &format!("/my/{workspace}"))),
        Ok(None) => door(&state, &workspace, DoorMark::Stale, None).await,
        Err(error) => failed(error, &workspace),
    }
}

async fn sign_out(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let everywhere = fields.ticked("everywhere");
    let cookie = cookie(&state, &headers);
    match portal::sign_out(&state.context, &workspace, cookie, everywhere, clock::now()).await {
        Ok(()) => with_session(&state, None, &format!("/my/{workspace}?out=1")),
        Err(error) => failed(error, &workspace),
    }
}

async fn create_feed(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Response {
    let created = async {
        let visitor = who(&state, &workspace, &headers).await?;
        feed::create(&state.context, &visitor, clock::now()).await
    };
    match created.await {
        Ok(()) => Redirect::to(&format!("/my/{workspace}#feed")).into_response(),
        Err(error) => failed(error, &workspace),
    }
}

async fn revoke_feed(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Response {
    let revoked = async {
        let visitor = who(&state, &workspace, &headers).await?;
        feed::revoke(&state.context, &visitor).await
    };
    match revoked.await {
        Ok(()) => Redirect::to(&format!("/my/{workspace}#feed")).into_response(),
        Err(error) => failed(error, &workspace),
    }
}

async fn download(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Response {
    let gathered = async {
        let visitor = who(&state, &workspace, &headers).await?;
        data::everything(&state.context, &visitor, clock::now()).await
    };
    match gathered.await {
        Ok(data) => {
            let name = [(header::CONTENT_DISPOSITION, "attachment; filename=\"my-data.json\"")];
            private((name, Json(data)).into_response())
        }
        Err(error) => failed(error, &workspace),
    }
}

async fn ask_to_delete(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = async {
        let visitor = who(&state, &workspace, &headers).await?;
        erase::preview(&state.context, &visitor, clock::now()).await
    };
    match asked.await {
        Ok(asked) => page(&state, None, pages::delete(asked)),
        Err(error) => failed(error, &workspace),
    }
}

async fn delete(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let now = clock::now();
    let visitor = match who(&state, &workspace, &headers).await {
        Ok(visitor) => visitor,
        Err(error) => return failed(error, &workspace),
    };
    match erase::erase(&state.context, &visitor, fields.ticked("confirm"), now).await {
        Ok(Deleted { cancelled, kept }) => {
            let to = format!("/my/{workspace}/deleted?cancelled={cancelled}&kept={kept}");
            with_session(&state, None, &to)
        }
        Err(error @ AppError::Invalid { .. }) => match erase::preview(&state.context, &visitor, now).await {
            Ok(mut asked) => {
                asked.echo = Some(fields.echo(error.clone()));
                page(&state, Some(&error), pages::delete(asked))
            }
            Err(error) => failed(error, &workspace),
        },
        Err(error) => failed(error, &workspace),
    }
}

/// What was done. Nobody is signed in here any more, so the numbers are in the address.
async fn deleted(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
    Query(query): Texts,
) -> Response {
    let number = |name: &str| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let done = Deleted { cancelled: number("cancelled"), kept: number("kept") };
    match portal::door(&state.context, &workspace).await {
        Ok(workspace) => page(&state, None, pages::deleted(&workspace, done)),
        Err(error) => failed(error, &workspace),
    }
}

/// Does the browser or calendar have these bytes already? (RFC 9110 §13.1.2: weak comparison.)
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

async fn read_feed(
    State(state): State<AppState>,
    Path((place, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (Some(token), "feed") = (file.strip_suffix(".ics"), place.as_str()) else {
        return private(problem::page(AppError::UnknownPage));
    };
    let calendar = match feed::read(&state.context, token, clock::now()).await {
        Ok(Some(calendar)) => calendar,
        Ok(None) => {
            let gone = "This calendar was ended by its owner, or never was.\n";
            return private((StatusCode::GONE, gone).into_response());
        }
        Err(error) => return private(problem::page(error)),
    };
    self::calendar(&headers, calendar, "appointments.ics")
}

/// A calendar that is subscribed to, or that it did not change since it was read last.
pub(super) fn calendar(headers: &HeaderMap, calendar: String, name: &str) -> Response {
    let hash: String = crypto::hash(&calendar).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    // Weak: the bytes may be compressed on their way.
    let tag = format!("W/\"{hash}\"");
    let known = has(headers, &tag);
    let head = [
        (header::ETAG, tag.as_str()),
        // Kept by whoever asks, and asked for again each time: that is what the tag is for.
        (header::CACHE_CONTROL, "private, no-cache"),
    ];
    private(if known {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        let kind = [
            (header::CONTENT_TYPE, "text/calendar; charset=utf-8".to_owned()),
            (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
        ];
        (head, kind, calendar).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_however_it_is_listed() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            headers
        };
        for known in ["W/\"a\"", "\"a\"", "\"b\", W/\"a\"", "*"] {
            assert!(has(&with(known), "W/\"a\""), "{known}");
        }
        for other in ["\"b\"", "", "a"] {
            assert!(!has(&with(other), "W/\"a\""), "{other}");
        }
        assert!(!has(&HeaderMap::new(), "W/\"a\""));
    }
}
