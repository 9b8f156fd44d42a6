//! The doors of `/booking/calendars`, the address that OAuth providers send people back to, and that to which they push.

use super::{
    AppState,
    fields::Fields,
    guard::TooLong,
    plain::{Staff, failed, respond},
};
use crate::{
    api::{
        AppError,
        calendars::{AccountPage, CalendarForm, CalendarsPage, PasswordForm, ProviderForm},
        public::Echo,
    },
    server::{
        calendars::{Push, PushRequest},
        clock,
        store::members::SignedIn,
        use_cases::{
            connections::{self, Answer, Came, Disconnected, Kept},
            providers, sync,
        },
    },
    ui::plain::calendars as view,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use std::collections::BTreeMap;

/// Where a member's accounts are.
const HERE: &str = "/booking/calendars";
/// Where files are uploaded.
const FILE: &str = "/booking/calendars/file";
/// Under this providers push.
const PUSHES: &str = "/webhook/calendar/";
/// The largest calendar file, in bytes.
pub(super) const MOST_FILE: usize = 10 * 1024 * 1024;
/// What stands around a file in a form, at most.
const AROUND: usize = 16 * 1024;
/// The largest push, in bytes: batches are of a few hundred notifications.
const MOST_PUSH: usize = 1024 * 1024;

/// Pages, where their forms are posted, and where providers come.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(HERE, get(list))
        .route("/booking/calendars/connect", post(connect).get(back_to_list))
        .route("/booking/calendars/password", post(password).get(back_to_list))
        .route("/booking/calendars/feed", post(feed).get(back_to_list))
        .route(FILE, post(file).get(back_to_list).layer(DefaultBodyLimit::max(MOST_FILE + AROUND)))
        .route("/booking/calendars/providers", get(settings))
        .route("/booking/calendars/providers/{provider}", post(save).get(back_to_settings))
        .route("/booking/calendars/providers/{provider}/forget", post(forget))
        .route("/booking/calendars/{id}", get(account))
        .route("/booking/calendars/{id}/sync", post(sync_now))
        .route("/booking/calendars/{id}/disconnect", post(disconnect))
        .route("/booking/calendars/{id}/{calendar}", post(choose))
        .route("/booking/calendars/{id}/{calendar}/use", post(use_calendar))
        .route("/booking/calendars/{id}/{calendar}/receive", post(receive))
        .route("/api/v1/booking/calendars/callback/{provider}", get(callback))
        .route("/webhook/calendar/{provider}", post(push).layer(DefaultBodyLimit::max(MOST_PUSH)))
}

/// How large a body may be at this address, where that is more than elsewhere.
pub(super) fn most_bytes(path: &str) -> Option<usize> {
    if path == FILE {
        return Some(MOST_FILE + AROUND);
    }
    path.starts_with(PUSHES).then_some(MOST_PUSH)
}

/// Does the page at this address say itself that what was sent is too large?
pub(super) fn tells_of_size(path: &str) -> bool {
    path == FILE
}

/// Is this where providers come, and not browsers? What they send is believed for the secret that it carries.
pub(super) fn is_push(uri: &Uri) -> bool {
    uri.path().starts_with(PUSHES)
}

type Asked = Query<BTreeMap<String, String>>;

fn asked<'q>(query: &'q BTreeMap<String, String>, name: &str) -> &'q str {
    query.get(name).map_or("", String::as_str)
}

/// The page of all accounts. Its buttons lead on to consent pages, which a browser counts as the form's own target.
async fn show(
    state: &AppState,
    me: &SignedIn,
    refused: Option<&AppError>,
    done: view::Done<'_>,
    with: impl FnOnce(CalendarsPage) -> CalendarsPage,
) -> Response {
    let page = async {
        let page = connections::overview(&state.context, me, clock::now()).await?;
        Ok::<_, AppError>((page, connections::consent_origins(&state.context, me).await?))
    };
    match page.await {
        Ok((page, origins)) => with_consent(respond(state, refused, view::list(with(page), done)), &origins),
        Err(error) => failed(error, HERE),
    }
}

fn with_consent(mut response: Response, origins: &[String]) -> Response {
    let policy =
        response.headers().get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let wider = policy.map(|policy| {
        policy.replace("form-action 'self'", format!("form-action 'self' {}", origins.join(" ")).trim_end())
    });
    if let Some(policy) = wider.and_then(|policy| HeaderValue::from_str(&policy).ok()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn list(State(state): State<AppState>, Staff(me): Staff, Query(query): Asked) -> Response {
    let done = view::Done { word: asked(&query, "done"), at: asked(&query, "at") };
    show(&state, &me, None, done, |page| page).await
}

/// What was refused: beside its field, else in a sentence above everything.
async fn refused(state: &AppState, me: &SignedIn, fields: Option<&Fields>, error: AppError) -> Response {
    let in_place = matches!(
        &error,
        AppError::Invalid { .. } | AppError::BadRequest { .. } | AppError::ProviderNotSetUp { .. }
    );
    if !in_place {
        return failed(error, HERE);
    }
    let echo = match (&error, fields) {
        (AppError::Invalid { .. }, Some(fields)) => Some(fields.echo(error.clone())),
        (AppError::Invalid { .. }, None) => Some(Fields::default().echo(error.clone())),
        _ => None,
    };
    let alert = echo.is_none().then(|| error.sentence());
    show(state, me, Some(&error), view::Done::default(), |page| CalendarsPage { echo, alert, ..page }).await
}

fn connected(kept: &Kept) -> Response {
    let word = if kept.renewed { "renewed" } else { "connected" };
    Redirect::to(&format!("{HERE}/{}?done={word}", kept.id)).into_response()
}

async fn connect(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let (provider, account) = (fields.one("provider"), fields.one("account"));
    match connections::begin(&state.context, &me, &provider, &account, clock::now()).await {
        Ok(url) => {
            let mut response = Redirect::to(&url).into_response();
            // The provider needs to know nothing of where they come from.
            response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            response
        }
        Err(error) => refused(&state, &me, None, error).await,
    }
}

/// Where a provider sends people back to. Refusals are shown here and not led to another address, so that the sentence can
/// say whatever has to be said.
async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    Staff(me): Staff,
    Query(query): Asked,
) -> Response {
    let one = |name| asked(&query, name).to_owned();
    let came = Came { state: one("state"), code: one("code"), error: one("error") };
    match connections::callback(&state.context, &me, &provider, &came, clock::now()).await {
        Ok(Answer::Connected(kept)) => connected(&kept),
        Ok(Answer::Not(sentence)) => {
            refused(&state, &me, None, AppError::BadRequest { hint: sentence }).await
        }
        Err(error) => refused(&state, &me, None, error).await,
    }
}

async fn password(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let form = PasswordForm {
        preset: fields.one("preset"),
        url: fields.one("url"),
        user: fields.one("user"),
        password: fields.one("password"),
    };
    let provider = fields.one("provider");
    match connections::password(&state.context, &me, &provider, &form, clock::now()).await {
        Ok(kept) => connected(&kept),
        Err(error) => refused_where_it_was_sent(&state, &me, &fields, error).await,
    }
}

async fn feed(State(state): State<AppState>, Staff(me): Staff, fields: Fields) -> Response {
    let (url, of) = (fields.one("feed"), fields.one("account"));
    match connections::feed(&state.context, &me, &url, &of, clock::now()).await {
        Ok(kept) => connected(&kept),
        Err(error) => refused_where_it_was_sent(&state, &me, &fields, error).await,
    }
}

/// The form for a new account stands on the list; that for one that is known, on its own page.
async fn refused_where_it_was_sent(
    state: &AppState,
    me: &SignedIn,
    fields: &Fields,
    error: AppError,
) -> Response {
    let account = fields.one("account");
    match &error {
        AppError::Invalid { .. } if !account.is_empty() => {
            let echo = fields.echo(error.clone());
            show_account(state, me, &account, &BTreeMap::new(), Some(&error), Some(echo)).await
        }
        _ => refused(state, me, Some(fields), error).await,
    }
}

/// The name and the bytes of the file in a form.
async fn uploaded(mut form: Multipart) -> Result<(String, Bytes), AppError> {
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            larger()
        } else {
            AppError::BadRequest { hint: "The form could not be read. Please try again.".to_owned() }
        }
    };
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            let name = field.file_name().unwrap_or_default().to_owned();
            return Ok((name, field.bytes().await.map_err(unreadable)?));
        }
    }
    Ok((String::new(), Bytes::new()))
}

async fn file(State(state): State<AppState>, Staff(me): Staff, request: Request) -> Response {
    if request.extensions().get::<TooLong>().is_some() {
        return too_long(&state, &me).await;
    }
    let kept = async {
        let form = Multipart::from_request(request, &state).await;
        let form = form.map_err(|_| AppError::BadRequest {
            hint: "The form could not be read. Please try again.".to_owned(),
        })?;
        let (name, bytes) = uploaded(form).await?;
        connections::file(&state.context, &me, &name, &bytes, clock::now()).await
    };
    match kept.await {
        Ok(kept) => connected(&kept),
        Err(error) => refused(&state, &me, None, error).await,
    }
}

fn larger() -> AppError {
    AppError::field("file", "The file is larger than 10 MB.")
}

async fn too_long(state: &AppState, me: &SignedIn) -> Response {
    let echo = Fields::default().echo(larger());
    let with = |page| CalendarsPage { echo: Some(echo), ..page };
    show(state, me, Some(&AppError::TooLarge), view::Done::default(), with).await
}

/// Reloading a page on which something was refused leads back to what it stands on.
async fn back_to_list() -> Redirect {
    Redirect::to(HERE)
}

async fn back_to_settings() -> Redirect {
    Redirect::to(SETTINGS)
}

/// The page of one account.
async fn show_account(
    state: &AppState,
    me: &SignedIn,
    id: &str,
    query: &BTreeMap<String, String>,
    refused: Option<&AppError>,
    echo: Option<Echo>,
) -> Response {
    let page = async {
        let page = connections::account(&state.context, me, id, asked(query, "before"), clock::now()).await?;
        Ok::<_, AppError>((page, connections::consent_origins(&state.context, me).await?))
    };
    match page.await {
        Ok((page, origins)) => {
            let alert = refused.filter(|_| echo.is_none()).map(AppError::sentence);
            let page = AccountPage { alert, echo, ..page };
            with_consent(respond(state, refused, view::one(page, asked(query, "done"))), &origins)
        }
        Err(error) => failed(error, HERE),
    }
}

async fn account(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    Query(query): Asked,
) -> Response {
    show_account(&state, &me, &id, &query, None, None).await
}

/// After something was done with an account the page on which it was done says so in a word.
async fn answer(
    state: &AppState,
    me: &SignedIn,
    id: &str,
    fields: &Fields,
    word: &str,
    done: Result<(), AppError>,
) -> Response {
    let on_the_list = fields.one("on") == "list";
    match done {
        // The use case has found the id to be one.
        Ok(()) if on_the_list => {
            Redirect::to(&format!("{HERE}?done={word}&at={id}#account-{id}")).into_response()
        }
        Ok(()) => Redirect::to(&format!("{HERE}/{id}?done={word}")).into_response(),
        Err(error @ AppError::BadRequest { .. }) if on_the_list => refused(state, me, None, error).await,
        Err(error @ AppError::BadRequest { .. }) => {
            show_account(state, me, id, &BTreeMap::new(), Some(&error), None).await
        }
        Err(error) => failed(error, HERE),
    }
}

async fn sync_now(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let done = connections::sync_now(&state.context, &me, &id, clock::now()).await;
    answer(&state, &me, &id, &fields, "sync", done).await
}

async fn disconnect(State(state): State<AppState>, Path(id): Path<String>, Staff(me): Staff) -> Response {
    let word = match connections::disconnect(&state.context, &me, &id, clock::now()).await {
        Ok(Disconnected::Whole) => "disconnected",
        Ok(Disconnected::HereOnly) => "disconnected-here",
        Ok(Disconnected::Later) => "disconnected-later",
        Err(error) => return failed(error, HERE),
    };
    Redirect::to(&format!("{HERE}?done={word}")).into_response()
}

async fn choose(
    State(state): State<AppState>,
    Path((id, calendar)): Path<(String, String)>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let form = CalendarForm {
        syncs: fields.ticked("syncs"),
        conflicts: fields.ticked("conflicts"),
        tentative: fields.ticked("tentative"),
        meetings: fields.ticked("meetings"),
        outside: fields.one("outside"),
        silent: fields.one("silent"),
        invites: fields.one("invites"),
    };
    let done = connections::choose(&state.context, &me, &id, &calendar, &form, clock::now()).await;
    answer(&state, &me, &id, &fields, "saved", done).await
}

async fn use_calendar(
    State(state): State<AppState>,
    Path((id, calendar)): Path<(String, String)>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let on = fields.one("to") == "on";
    let done = connections::use_calendar(&state.context, &me, &id, &calendar, on, clock::now()).await;
    answer(&state, &me, &id, &fields, if on { "used" } else { "unused" }, done).await
}

async fn receive(
    State(state): State<AppState>,
    Path((id, calendar)): Path<(String, String)>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let on = fields.one("to") == "on";
    let done = connections::receive(&state.context, &me, &id, &calendar, on, clock::now()).await;
    answer(&state, &me, &id, &fields, if on { "receives" } else { "receives-not" }, done).await
}

const SETTINGS: &str = "/booking/calendars/providers";

async fn settings(State(state): State<AppState>, Staff(me): Staff, Query(query): Asked) -> Response {
    match providers::page(&state.context, &me).await {
        Ok(page) => respond(&state, None, view::providers(page, asked(&query, "done"))),
        Err(error) => failed(error, SETTINGS),
    }
}

async fn save(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    Staff(me): Staff,
    fields: Fields,
) -> Response {
    let one = |name: &str| fields.one(&format!("{provider}-{name}"));
    let form = ProviderForm {
        client_id: one("client_id"),
        client_secret: one("client_secret"),
        tenant: one("tenant"),
    };
    match providers::save(&state.context, &me, &provider, &form, clock::now()).await {
        Ok(()) => Redirect::to(&format!("{SETTINGS}?done=saved")).into_response(),
        Err(error @ AppError::Invalid { .. }) => match providers::page(&state.context, &me).await {
            Ok(mut page) => {
                page.echo = Some(fields.echo(error.clone()));
                respond(&state, Some(&error), view::providers(page, ""))
            }
            Err(error) => failed(error, SETTINGS),
        },
        Err(error) => failed(error, SETTINGS),
    }
}

async fn forget(State(state): State<AppState>, Path(provider): Path<String>, Staff(me): Staff) -> Response {
    match providers::forget(&state.context, &me, &provider, clock::now()).await {
        Ok(()) => Redirect::to(&format!("{SETTINGS}?done=forgotten")).into_response(),
        Err(error) => failed(error, SETTINGS),
    }
}

/// What a provider pushes: taken, stored and answered at once.
async fn push(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = PushRequest { headers: &headers, query: uri.query().unwrap_or_default(), body: &body };
    match sync::push(&state.context, &provider, &request, clock::now()).await {
        Ok(Push { status, body, .. }) => {
            (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body).into_response()
        }
        // Told in a status that providers understand: they push again.
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
