//! What every public page does: load what it shows, show it, or say why not.

use super::{
    browser,
    html::{El, Html, el},
    query::Query,
    status,
};
use crate::api::AppError;
use leptos::{
    prelude::*,
    serde_json,
    server::codee::{Decoder, Encoder},
};
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_url};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A page, or several: what its address names. Each type of pages brings the machinery of loading with it, so there
/// are two: [`super::picker`], and those around it ([`super::around`]), which the browser fetches when it needs them.
pub trait Page: Clone + PartialEq + Send + Sync + Sized + 'static {
    /// What it is made from.
    type Data: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Loads that.
    fn load(self, query: Query) -> impl Future<Output = Result<Self::Data, AppError>> + Send;

    /// Makes the page, and its title.
    fn show(self, query: Query, data: Self::Data) -> (String, AnyView);

    /// Where to go on when it can't be shown: an address, and its words.
    fn way_on(self, error: &AppError) -> Option<(String, &'static str)>;

    /// Is its address a secret?
    fn is_secret(&self) -> bool;
}

/// The parameters of an address, by their names.
pub type Params<'a> = &'a dyn Fn(&str) -> String;

/// A page; `name` makes it from the parameters and the query of the address.
pub fn page<P: Page>(name: fn(Params, &Query) -> P) -> AnyView {
    let (params, url) = (use_params_map(), use_url());
    // The query changes with every choice. Only another page is a reason to load again.
    let query = move || Query::parse(url.read_untracked().search());
    let wanted = move || name(&|param| params.with(|params| params.get(param)).unwrap_or_default(), &query());
    let loaded = Resource::<_, Json>::new_with_options(wanted, move |wanted| wanted.load(query()), false);
    let content = move || {
        Suspend::new(async move {
            let wanted = wanted();
            match loaded.await {
                Ok(data) => {
                    browser::arrive();
                    if wanted.is_secret() {
                        status::hide();
                    }
                    let (title, view) = wanted.show(query(), data);
                    view! { <Title text=title/> {view} }.into_any()
                }
                Err(error) => failure(&error, wanted.way_on(&error)),
            }
        })
    };
    view! { <Suspense fallback=loading>{content}</Suspense> }.into_any()
}

/// Nothing is at this address.
pub fn unknown() -> AnyView {
    failure(&AppError::UnknownPage, None)
}

/// A page that can't be shown: what happened, and a way on (an address and its words).
pub fn failure(error: &AppError, way_on: Option<(String, &'static str)>) -> AnyView {
    status::set(error.status());
    status::hide();
    let again = matches!(error, AppError::Offline | AppError::Internal | AppError::TooMany { .. });
    let again = again.then(|| el("a").class("button").attr("rel", "external").href("").child("Try again"));
    let way_on = way_on.map(|(href, words)| el("a").class("button").href(href).child(words));
    let html = el("div")
        .class("failure")
        .child(el("h1").class("title").attr("tabindex", "-1").child(error.title()))
        .child(el("p").child(error.sentence()))
        .child(el("p").child(again).child(way_on));
    view! { <Title text=error.title()/> {Html::from(html).into_any()} }.into_any()
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
        // Only the server writes.
        if cfg!(feature = "ssr") { serde_json::to_string(value) } else { Ok(String::new()) }
    }
}

impl<T: for<'de> Deserialize<'de>> Decoder<T> for Json {
    type Error = serde_json::Error;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Self::Error> {
        serde_json::from_slice(text.as_bytes())
    }
}
