//! The public REST API. Documented from the handlers themselves at `/api/openapi.json`.

use super::{
    AppState,
    problem::{Problem, Refusal},
    rest_types::{
        AppointmentBody, BookBody, CancelBody, KeyQuery, RescheduleBody, SlotBody, SlotsBody, SlotsQuery,
        VerifyBody,
    },
};
use crate::{
    api::{
        AppError,
        public::{Service, WorkspacePage},
    },
    domain::interval::Interval,
    server::{
        clock,
        use_cases::{
            self,
            plan::{Address, Plan},
        },
        zones,
    },
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, QueryRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{NaiveDate, NaiveTime};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use utoipa::{OpenApi, openapi::OpenApi as Document};
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Meridian",
        description = "Book, read, move and cancel appointments. Refusals are problem documents (RFC 9457) with a \
                       stable `code`. Requests are limited; `RateLimit-Policy`, `RateLimit` and `Retry-After` say how. \
                       Instants are RFC 3339 in UTC.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "public", description = "What customers can do, without signing in."),
        (name = "webhooks", description = "What is sent to your own programs.")
    )
)]
struct Api;

/// The routes and the document that describes them.
pub fn router() -> (Router<AppState>, Document) {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(workspace))
        .routes(routes!(service))
        .routes(routes!(slots))
        .routes(routes!(book))
        .routes(routes!(appointment))
        .routes(routes!(cancel))
        .routes(routes!(reschedule))
        .split_for_parts()
}

/// The document with what webhooks are sent.
pub fn with_webhooks(document: &Document) -> serde_json::Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let more = crate::server::webhooks::openapi_webhooks();
    for path in ["/components/schemas", ""] {
        let place = document.pointer_mut(path).and_then(serde_json::Value::as_object_mut);
        let more = if path.is_empty() { Some(&more) } else { more.pointer(path) };
        let (Some(place), Some(more)) = (place, more.and_then(serde_json::Value::as_object)) else {
            continue;
        };
        for (name, value) in more {
            place.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    document
}

type Answer<T> = Result<T, Refusal>;
type Body = Result<Bytes, BytesRejection>;

/// Reads a JSON body, with a sentence that says where it is wrong. An empty body reads as `{}`.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, AppError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLarge,
        _ => AppError::BadRequest { hint: "The request broke off before its end.".into() },
    })?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let bytes: &[u8] = if body.is_empty() { b"{}" } else { &body };
    if !body.is_empty() && !kind.starts_with("application/json") {
        return Err(AppError::BadRequest {
            hint: "Send a JSON document with Content-Type: application/json.".into(),
        });
    }
    serde_json::from_slice(bytes)
        .map_err(|error| AppError::BadRequest { hint: format!("The document can't be read: {error}.") })
}

fn query<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, AppError> {
    query.map(|Query(query)| query).map_err(|_| AppError::BadRequest {
        hint: "The query can't be read; each parameter may come once.".into(),
    })
}

/// A workspace and its listed services.
#[utoipa::path(
    get, path = "/api/v1/public/book/{workspace}", tag = "public",
    params(("workspace" = String, Path, description = "The workspace's slug")),
    responses(
        (status = 200, body = WorkspacePage),
        (status = 404, description = "`unknown_workspace`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn workspace(
    State(state): State<AppState>,
    Path(workspace): Path<String>,
) -> Answer<Json<WorkspacePage>> {
    Ok(Json(use_cases::services::workspace_page(&state.context, &workspace).await?))
}

/// A service: lengths, questions, place, policy.
#[utoipa::path(
    get, path = "/api/v1/public/book/{workspace}/{event}", tag = "public",
    params(
        ("workspace" = String, Path, description = "The workspace's slug"),
        ("event" = String, Path, description = "The service's slug"),
        KeyQuery
    ),
    responses(
        (status = 200, body = Service),
        (status = 404, description = "`unknown_workspace`, `unknown_service`", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`service_closed`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn service(
    State(state): State<AppState>,
    Path((workspace, event)): Path<(String, String)>,
    asked: Result<Query<KeyQuery>, QueryRejection>,
) -> Answer<Json<Service>> {
    let asked = query(asked)?;
    let key = asked.key.unwrap_or_default();
    let address = Address::Link { workspace: &workspace, service: &event, key: &key };
    let mut conn = state.context.db.read().await?;
    let plan = Plan::load(&mut conn, &state.context.secret, address).await?;
    if !plan.row.active {
        return Err(AppError::ServiceClosed.into());
    }
    Ok(Json(plan.service()))
}

fn date(field: &str, text: Option<String>) -> Result<NaiveDate, AppError> {
    let text = text.unwrap_or_default();
    // Stricter than chrono, which takes "+2026-12-1" and blanks for a date.
    text.parse()
        .ok()
        .filter(|date: &NaiveDate| date.to_string() == text)
        .ok_or_else(|| AppError::field(field, "Please give a day, such as 2026-12-01."))
}

/// The free starts of a service, grouped by day.
#[utoipa::path(
    get, path = "/api/v1/public/book/{workspace}/{event}/slots", tag = "public",
    params(
        ("workspace" = String, Path, description = "The workspace's slug"),
        ("event" = String, Path, description = "The service's slug"),
        SlotsQuery
    ),
    responses(
        (status = 200, body = SlotsBody),
        (status = 404, description = "`unknown_workspace`, `unknown_service`", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`service_closed`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn slots(
    State(state): State<AppState>,
    Path((workspace, event)): Path<(String, String)>,
    asked: Result<Query<SlotsQuery>, QueryRejection>,
) -> Answer<Json<SlotsBody>> {
    let asked = query(asked)?;
    let (from, to) = (date("from", asked.from)?, date("to", asked.to)?);
    if to < from {
        return Err(AppError::field("to", "The last day lies before the first.").into());
    }
    if (to - from).num_days() >= use_cases::services::MOST_DAYS {
        return Err(AppError::field(
            "to",
            format!("Ask for {} days at most.", use_cases::services::MOST_DAYS),
        )
        .into());
    }
    let length = match asked.duration {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|_| AppError::field("duration", "Please give a length in minutes."))?)
        }
    };
    let key = asked.key.unwrap_or_default();
    let address = Address::Link { workspace: &workspace, service: &event, key: &key };
    let zone = match asked.tz {
        Some(name) => zones::rules(&name)
            .ok_or_else(|| AppError::field("tz", "This is not an IANA time zone, such as Europe/Berlin."))?,
        None => {
            let page = use_cases::services::workspace_page(&state.context, &workspace).await?;
            zones::rules(&page.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?
        }
    };
    let start = zone.first_instant(from.and_time(NaiveTime::MIN));
    let end = zone.first_instant(to.succ_opt().unwrap_or(to).and_time(NaiveTime::MIN));
    let Some(range) = Interval::new(start, end) else {
        return Err(AppError::field("to", "These days can't be asked for.").into());
    };
    let (duration, starts) =
        use_cases::services::slots(&state.context, address, range, length, clock::now()).await?;
    let mut days: BTreeMap<String, Vec<SlotBody>> = BTreeMap::new();
    for (start, seats_left) in starts {
        days.entry(zone.date(start).to_string()).or_default().push(SlotBody { start, seats_left });
    }
    Ok(Json(SlotsBody { timezone: zone.name().to_owned(), duration, days }))
}

/// Books a start. Send an `Idempotency-Key` (up to 255 characters) and a retry within 48 hours returns the first
/// answer instead of booking twice.
#[utoipa::path(
    post, path = "/api/v1/public/book/{workspace}/{event}/book", tag = "public",
    params(
        ("workspace" = String, Path, description = "The workspace's slug"),
        ("event" = String, Path, description = "The service's slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "Any text that is new for each booking"),
        KeyQuery
    ),
    request_body = BookBody,
    responses(
        (status = 201, description = "Booked", body = AppointmentBody,
            headers(("Location" = String, description = "Where the appointment can be read"))),
        (status = 202, description = "Nothing is booked yet: the invitee was mailed a code, which they enter at this address", body = VerifyBody),
        (status = 400, description = "`bad_request`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown_workspace`, `unknown_service`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`slot_taken`, `past_time`: with the nearest free starts", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "`service_closed`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`, `key_reused`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`calendar_silent`: a host's own calendar does not answer, and they don't want to be booked then; `busy`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn book(
    State(state): State<AppState>,
    Path((workspace, event)): Path<(String, String)>,
    asked: Result<Query<KeyQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let asked = query(asked)?;
    let body: BookBody = read(&headers, body)?;
    let key = asked.key.unwrap_or_default();
    let address = Address::Link { workspace: &workspace, service: &event, key: &key };
    let retry_key = match headers.get("idempotency-key") {
        None => String::new(),
        Some(key) => key
            .to_str()
            .ok()
            .filter(|key| (1..=255).contains(&key.len()))
            .ok_or_else(|| AppError::field("Idempotency-Key", "A key has 1 to 255 ASCII characters."))?
            .to_owned(),
    };
    let mut conn = state.context.db.read().await?;
    let default_length = Plan::load(&mut conn, &state.context.secret, address).await?.rules.default_length;
    drop(conn);
    let input = body.into_input(default_length, retry_key)?;
    let now = clock::now();
    let booked = use_cases::book::book(&state.context, address, &input, now).await?;
    if booked.verify {
        let verify = format!("{}/verify/{}", state.context.config.public_url, booked.token);
        return Ok((StatusCode::ACCEPTED, Json(VerifyBody { verify })).into_response());
    }
    let view = use_cases::appointments::view(&state.context, &booked.token, now).await?;
    let location = format!("/api/v1/public/appointments/{}", booked.token);
    let body = AppointmentBody::new(view, &state.context.config.public_url);
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// An appointment.
#[utoipa::path(
    get, path = "/api/v1/public/appointments/{token}", tag = "public",
    params(("token" = String, Path, description = "The appointment's secret token")),
    responses(
        (status = 200, body = AppointmentBody),
        (status = 404, description = "`unknown_appointment`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn appointment(
    State(state): State<AppState>,
    Path(token): Path<String>,
) -> Answer<Json<AppointmentBody>> {
    let view = use_cases::appointments::view(&state.context, &token, clock::now()).await?;
    Ok(Json(AppointmentBody::new(view, &state.context.config.public_url)))
}

/// Cancels an appointment, as far as its policy allows.
#[utoipa::path(
    post, path = "/api/v1/public/appointments/{token}/cancel", tag = "public",
    params(("token" = String, Path, description = "The appointment's secret token")),
    request_body = CancelBody,
    responses(
        (status = 200, description = "Cancelled", body = AppointmentBody),
        (status = 400, description = "`bad_request`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown_appointment`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`cant_change`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn cancel(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<AppointmentBody>> {
    let body: CancelBody = read(&headers, body)?;
    use_cases::leave::cancel(&state.context, &token, &body.reason, clock::now()).await?;
    appointment(State(state), Path(token)).await
}

/// Moves an appointment to another start, as far as its policy allows. Its length stays.
#[utoipa::path(
    post, path = "/api/v1/public/appointments/{token}/reschedule", tag = "public",
    params(("token" = String, Path, description = "The appointment's secret token")),
    request_body = RescheduleBody,
    responses(
        (status = 200, description = "Moved", body = AppointmentBody),
        (status = 400, description = "`bad_request`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`unknown_appointment`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`slot_taken`, `past_time`, `cant_change`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`too_large`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too_many`", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`calendar_silent`: a host's own calendar does not answer, and they don't want to be booked then; `busy`", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn reschedule(
    State(state): State<AppState>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<AppointmentBody>> {
    let body: RescheduleBody = read(&headers, body)?;
    use_cases::book::move_to(&state.context, &token, body.start, clock::now()).await?;
    appointment(State(state), Path(token)).await
}
