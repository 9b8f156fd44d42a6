//! What every public page does: load what it shows, show it, or say why not.
//!
//! One resource type for all of them: each further one would bring the whole machinery of loading into the browser
//! again.

use super::{
    appointment, browser,
    html::{El, Html, el},
    picker,
    query::Query,
    status, workspace,
};
use crate::api::{
    AppError,
    public::{Appointment, PickerOf, WorkspacePage, load_appointment, load_workspace},
};
use leptos::{
    prelude::*,
    serde_json,
    server::codee::{Decoder, Encoder},
};
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_url};
use serde::{Deserialize, Serialize};

/// A page, with what its address names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Workspace(String),
    Picker(PickerOf),
    Appointment(String),
    Cancel(String),
}

/// What a page is made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Loaded {
    Workspace(WorkspacePage),
    Picker(Box<picker::Loaded>),
    Appointment(Box<Appointment>),
}

/// `/book/{workspace}`.
#[component]
pub fn Workspace() -> impl IntoView {
    page(|param, _| Wanted::Workspace(param("workspace")))
}

/// `/book/{workspace}/{service}`.
#[component]
pub fn Book() -> impl IntoView {
    page(|param, query| {
        let key = query.prefilled("key").next().unwrap_or_default().to_owned();
        Wanted::Picker(PickerOf::Service { workspace: param("workspace"), service: param("service"), key })
    })
}

/// `/appointment/{token}`.
#[component]
pub fn Appointment() -> impl IntoView {
    page(|param, _| Wanted::Appointment(param("token")))
}

/// `/appointment/{token}/move`.
#[component]
pub fn Move() -> impl IntoView {
    page(|param, _| Wanted::Picker(PickerOf::Appointment { token: param("token") }))
}

/// `/appointment/{token}/cancel`.
#[component]
pub fn Cancel() -> impl IntoView {
    page(|param, _| Wanted::Cancel(param("token")))
}

/// Nothing is at this address.
pub fn unknown() -> AnyView {
    failure(&AppError::UnknownPage, None)
}

/// A function from the parameters and the query of the address to the page that they name.
type Naming = fn(&dyn Fn(&str) -> String, &Query) -> Wanted;

fn page(name: Naming) -> AnyView {
    let (params, url) = (use_params_map(), use_url());
    // The query changes with every choice. Only another page is a reason to load again.
    let query = move || Query::parse(url.read_untracked().search());
    let wanted = move || name(&|param| params.with(|params| params.get(param)).unwrap_or_default(), &query());
    let loaded = Resource::<_, Json>::new_with_options(wanted, move |wanted| load(wanted, query()), false);
    let content = move || {
        Suspend::new(async move {
            let loaded = loaded.await;
            show(wanted(), query(), loaded)
        })
    };
    view! { <Suspense fallback=loading>{content}</Suspense> }.into_any()
}

async fn load(wanted: Wanted, query: Query) -> Result<Loaded, AppError> {
    match wanted {
        Wanted::Workspace(slug) => load_workspace(slug).await.map(Loaded::Workspace),
        Wanted::Picker(of) => picker::load(of, query).await.map(|loaded| Loaded::Picker(Box::new(loaded))),
        Wanted::Appointment(token) | Wanted::Cancel(token) => {
            load_appointment(token).await.map(|booking| Loaded::Appointment(Box::new(booking)))
        }
    }
}

fn show(wanted: Wanted, query: Query, loaded: Result<Loaded, AppError>) -> AnyView {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return failure(&error, way_on(wanted, &error)),
    };
    browser::arrive();
    // An address with a secret in it is nothing to be found.
    let secret = !matches!(wanted, Wanted::Workspace(_) | Wanted::Picker(PickerOf::Service { .. }));
    let (title, view) = match (wanted, loaded) {
        (Wanted::Picker(of), Loaded::Picker(loaded)) => {
            (picker::title(&loaded), picker::view(of, query, *loaded))
        }
        (Wanted::Cancel(_), Loaded::Appointment(booking)) => appointment::cancel(&booking),
        (_, Loaded::Appointment(booking)) => appointment::view(&booking, &query),
        (_, Loaded::Workspace(page)) => workspace::view(page),
        // What is loaded is what was wanted.
        (_, Loaded::Picker(_)) => return unknown(),
    };
    let hide = secret.then(|| view! { <Meta name="robots" content="noindex"/> });
    view! { <Title text=title/> {hide} {view} }.into_any()
}

fn way_on(wanted: Wanted, error: &AppError) -> Option<(String, &'static str)> {
    match (wanted, error) {
        (
            Wanted::Picker(PickerOf::Service { workspace, .. }),
            AppError::UnknownService | AppError::ServiceClosed,
        ) => Some((format!("/book/{workspace}"), "See all services")),
        (
            Wanted::Picker(PickerOf::Appointment { token }),
            AppError::CantChange { .. } | AppError::ServiceClosed,
        ) => Some((format!("/appointment/{token}"), "Back to the appointment")),
        _ => None,
    }
}

/// A page that can't be shown: what happened, and a way on (an address and its words).
pub fn failure(error: &AppError, way_on: Option<(String, &'static str)>) -> AnyView {
    status::set(error.status());
    let again = matches!(error, AppError::Offline | AppError::Internal | AppError::TooMany { .. });
    let again = again.then(|| el("a").class("button").attr("rel", "external").href("").child("Try again"));
    let way_on = way_on.map(|(href, words)| el("a").class("button").href(href).child(words));
    let html = el("div")
        .class("failure")
        .child(el("h1").class("title").attr("tabindex", "-1").child(error.title()))
        .child(el("p").child(error.sentence()))
        .child(el("p").child(again).child(way_on));
    view! { <Title text=error.title()/> <Meta name="robots" content="noindex"/> {Html::from(html)} }
        .into_any()
}

/// While a page is on its way. Shows only when that takes long.
pub fn loading() -> Html {
    el("p").class("hint late").child("Loading…").into()
}

/// Why a form was refused, where it is read out at once.
pub fn alert(error: Option<&AppError>, lines: impl IntoIterator<Item = String>) -> El {
    let said = error.map(|error| {
        el("div")
            .class("alert-error")
            .child(el("p").child(el("strong").child(error.title())))
            .children(lines.into_iter().map(|line| el("p").child(line)))
    });
    el("div").attr("id", "refusal").attr("role", "alert").attr("tabindex", "-1").child(said)
}

/// JSON that is read the way server functions read theirs, so that the browser gets the code for it once.
struct Json;

impl<T: Serialize> Encoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: for<'de> Deserialize<'de>> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}
