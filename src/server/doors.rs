//! The doors behind the server functions: session and cookies, one use case, the status of a refusal.

use super::{
    clock,
    context::Context,
    crypto,
    store::{instant, workspaces},
    use_cases::{
        self,
        plan::{Address, FARTHEST_YEARS},
        services::{Asked, Of, from_minutes},
    },
    zones,
};
use crate::{
    api::{
        AppError,
        public::{
            Appointment, BookInput, Booked, Echo, MonthOffer, Moving, Picker, PickerOf, WorkspacePage, Zones,
        },
        staff::{BookingsPage, SetUpPage, SignInPage},
    },
    domain::{month::Month, zone::ZoneRules},
};
use chrono::{DateTime, Months, NaiveTime, TimeDelta, Utc};
use http::{StatusCode, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use std::sync::Arc;

/// A cookie of a request, by its name.
pub fn cookie<'r>(headers: &'r http::HeaderMap, name: &str) -> Option<&'r str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// The session cookie's name: with the prefix that binds it to this host where TLS allows it (RFC 6265bis §4.1.3.2).
pub fn session_cookie(context: &Context) -> &'static str {
    if context.config.is_https() { "__Host-session" } else { "session" }
}

fn here() -> Result<Context, AppError> {
    use_context().ok_or(AppError::Internal)
}

fn parts() -> Option<Parts> {
    use_context()
}

/// Sets the status that a refusal answers with, on the page or on the server function's response.
fn answer<T>(result: Result<T, AppError>) -> Result<T, AppError> {
    if let (Err(error), Some(response)) = (&result, use_context::<ResponseOptions>())
        && let Ok(status) = StatusCode::from_u16(error.status())
    {
        response.set_status(status);
    }
    result
}

/// What a form sent that was refused just now (see `http::forms`).
fn echo() -> Option<Echo> {
    use_context::<Arc<Echo>>().map(|echo| (*echo).clone())
}

fn hour12() -> bool {
    parts().is_some_and(|parts| cookie(&parts.headers, "clock") == Some("12"))
}

/// A cookie's value with its percent-encoding undone, as far as zone names need it.
fn zone_from_cookie() -> Option<Arc<ZoneRules>> {
    let parts = parts()?;
    let value = cookie(&parts.headers, "zone")?.replace("%2F", "/").replace("%2f", "/").replace("%2B", "+");
    zones::rules(&value)
}

fn hashed(of: &PickerOf) -> Vec<u8> {
    match of {
        PickerOf::Service { .. } => Vec::new(),
        PickerOf::Appointment { token } => crypto::hash(token),
    }
}

fn of<'a>(of: &'a PickerOf, token_hash: &'a [u8]) -> Of<'a> {
    match of {
        PickerOf::Service { workspace, service, key } => {
            Of::Service(Address::Link { workspace, service, key })
        }
        PickerOf::Appointment { .. } => Of::Appointment(token_hash),
    }
}

/// From a month on, as far as anything can be booked: a page can walk there without asking for the rules again.
fn around(month: Month) -> (DateTime<Utc>, DateTime<Utc>) {
    let first = month.first().and_time(NaiveTime::MIN).and_utc();
    let last = first.checked_add_months(Months::new(12 * (FARTHEST_YEARS + 1))).unwrap_or(first);
    (first - TimeDelta::days(32), last)
}

/// See [`crate::api::public::load_workspace`].
pub async fn load_workspace(workspace: &str) -> Result<WorkspacePage, AppError> {
    answer(use_cases::services::workspace_page(&here()?, workspace).await)
}

/// See [`crate::api::public::load_picker`].
pub async fn load_picker(whose: PickerOf, month: &str, zone: &str) -> Result<Picker, AppError> {
    answer(picker(whose, month, zone).await)
}

async fn picker(whose: PickerOf, month: &str, zone: &str) -> Result<Picker, AppError> {
    let context = here()?;
    let now = clock::now();
    let token_hash = hashed(&whose);
    let mut conn = context.db.read().await?;
    let asked = Asked::load(&mut conn, &context, of(&whose, &token_hash)).await?;
    let chosen = zones::rules(zone).or_else(zone_from_cookie);
    let zone_chosen = chosen.is_some();
    let own = || zones::rules(&asked.plan.row.zone);
    let booked_in = || asked.moving.as_ref().and_then(|row| zones::rules(&row.zone));
    let rules =
        chosen.or_else(booked_in).or_else(own).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let offer = asked.first_month(&mut conn, month.parse().ok(), &rules, now).await?;
    if let Some(row) = &asked.moving {
        let policy = asked.plan.rules.policy;
        let change = crate::domain::appointment::Change::Move;
        policy
            .allows(change, row.status(), instant(row.start_at), now)
            .map_err(|reason| AppError::CantChange { change, reason })?;
    }
    let moving = match (&whose, &asked.moving) {
        (PickerOf::Appointment { token }, Some(row)) => Some(Moving {
            token: token.clone(),
            start: row.start_at.div_euclid(60_000_000),
            length: u32::try_from((row.end_at - row.start_at) / 60_000_000).unwrap_or(0),
        }),
        _ => None,
    };
    let (from, until) = around(Month::of(rules.date(now)).min(offer.month));
    Ok(Picker {
        service: asked.plan.service(),
        offer,
        zone: zones::cut(&rules, from, until),
        zone_chosen,
        now: now.timestamp(),
        hour12: hour12(),
        moving,
        echo: echo(),
        form_key: crypto::random_token(),
    })
}

/// See [`crate::api::public::load_month`].
pub async fn load_month(whose: PickerOf, month: Month) -> Result<MonthOffer, AppError> {
    answer(
        async {
            let context = here()?;
            let token_hash = hashed(&whose);
            let mut conn = context.db.read().await?;
            let asked = Asked::load(&mut conn, &context, of(&whose, &token_hash)).await?;
            asked.month(&mut conn, month, clock::now()).await
        }
        .await,
    )
}

/// See [`crate::api::public::load_zones`].
pub async fn load_zones(month: Month) -> Result<Zones, AppError> {
    let (from, until) = around(month);
    Ok(zones::names()
        .iter()
        .filter_map(|name| zones::rules(name))
        .map(|rules| zones::cut(&rules, from, until))
        .collect())
}

/// See [`crate::api::public::book`].
pub async fn book(whose: PickerOf, input: BookInput) -> Result<Booked, AppError> {
    answer(
        async {
            let PickerOf::Service { workspace, service, key } = &whose else {
                return Err(AppError::BadRequest { hint: "A booking needs a service.".into() });
            };
            let address = Address::Link { workspace, service, key };
            use_cases::book::book(&here()?, address, &input, clock::now()).await
        }
        .await,
    )
}

/// See [`crate::api::public::load_appointment`].
pub async fn load_appointment(token: &str) -> Result<Appointment, AppError> {
    answer(
        async {
            let mut view = use_cases::appointments::view(&here()?, token, clock::now()).await?;
            view.hour12 = hour12();
            view.echo = echo();
            Ok(view)
        }
        .await,
    )
}

/// See [`crate::api::public::move_appointment`].
pub async fn move_appointment(token: &str, start: i64) -> Result<Booked, AppError> {
    answer(async { use_cases::book::move_to(&here()?, token, from_minutes(start), clock::now()).await }.await)
}

/// See [`crate::api::public::cancel_appointment`].
pub async fn cancel_appointment(token: &str, reason: &str) -> Result<(), AppError> {
    answer(async { use_cases::leave::cancel(&here()?, token, reason, clock::now()).await }.await)
}

/// See [`crate::api::staff::load_set_up`].
pub async fn load_set_up() -> Result<SetUpPage, AppError> {
    let context = here()?;
    let mut conn = context.db.read().await?;
    Ok(SetUpPage {
        done: workspaces::count(&mut conn).await? > 0,
        zones: zones::names().to_vec(),
        server_zone: zones::server_zone(),
        needs_code: use_cases::set_up::needs_code(&context),
        echo: echo(),
    })
}

/// See [`crate::api::staff::load_sign_in`].
pub async fn load_sign_in() -> Result<SignInPage, AppError> {
    let context = here()?;
    let mut conn = context.db.read().await?;
    let shown = context.config.demo && !use_cases::set_up::needs_code(&context);
    Ok(SignInPage {
        empty_server: workspaces::count(&mut conn).await? == 0,
        demo: shown.then(|| (super::demo::EMAIL.to_owned(), super::demo::PASSWORD.to_owned())),
        echo: echo(),
    })
}

/// See [`crate::api::staff::load_bookings`].
pub async fn load_bookings(after: &str) -> Result<BookingsPage, AppError> {
    answer(
        async {
            let context = here()?;
            let now = clock::now();
            let token =
                parts().and_then(|parts| cookie(&parts.headers, session_cookie(&context)).map(str::to_owned));
            let me = use_cases::sign_in::who(&context, &token.unwrap_or_default(), now).await?;
            let mut page = use_cases::bookings::page(&context, &me, after, now).await?;
            page.echo = echo();
            Ok(page)
        }
        .await,
    )
}
