//! Pages. Rendered whole on the server, and continued in the browser.
//!
//! Everything works without JavaScript: controls are links and forms, and what a page shows is in its address. Pages
//! know [`crate::api`] and [`crate::domain`], never the server.

mod appointment;
mod book;
mod browser;
pub mod format;
mod picker;
pub mod query;
pub mod staff;
mod status;
mod workspace;

use crate::api::AppError;
use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, Meta, MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{FlatRoutes, Route, Router},
    path,
};

/// The document around every page.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <HashedStylesheet id="leptos" options=options.clone()/>
                <AutoReload options=options.clone()/>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// All pages.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <a class="skip" rel="external" href="#main">"Skip to the content"</a>
            <main id="main" tabindex="-1">
                <FlatRoutes fallback=|| failure(&AppError::UnknownPage, None)>
                    <Route path=path!("/book/:workspace") view=workspace::Workspace ssr=SsrMode::Async/>
                    <Route path=path!("/book/:workspace/:service") view=book::Book ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token") view=appointment::Appointment ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token/move") view=book::Move ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token/cancel") view=appointment::Cancel ssr=SsrMode::Async/>
                    <Route path=path!("/setup") view={Lazy::<staff::SetUp>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view={Lazy::<staff::SignIn>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking/cancel") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                </FlatRoutes>
            </main>
            <footer>"Scheduling by Meridian"</footer>
        </Router>
    }
}

/// A page that can't be shown: what happened, and a way on (an address and its words).
fn failure(error: &AppError, way_on: Option<(String, &'static str)>) -> AnyView {
    status::set(error.status());
    let again = matches!(error, AppError::Offline | AppError::Internal | AppError::TooMany { .. });
    view! {
        <Title text=error.title()/>
        <Meta name="robots" content="noindex"/>
        <div class="failure">
            <h1 class="title">{error.title()}</h1>
            <p>{error.sentence()}</p>
            {again.then(|| view! { <p><a class="button" rel="external" href="">"Try again"</a></p> })}
            {way_on.map(|(href, words)| view! { <p><a class="button" href=href>{words}</a></p> })}
        </div>
    }
    .into_any()
}

/// Text that may be a link: a place's address on the web is one.
fn linked(text: &str) -> AnyView {
    if text.starts_with("https://") {
        let href = text.to_owned();
        view! { <a class="link" rel="noopener noreferrer external" href=href>{text.to_owned()}</a> }
            .into_any()
    } else {
        view! { <span>{text.to_owned()}</span> }.into_any()
    }
}

/// While a page is on its way. Shows only when that takes long.
fn loading() -> AnyView {
    view! { <p class="hint late">"Loading…"</p> }.into_any()
}

/// A drawing of one line, for those who see it; words stand beside each.
fn icon(name: &'static str) -> AnyView {
    let path = match name {
        "clock" => "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18",
        "price" => "M4 12V4h8l8 8-8 8zM8.5 8.5h.01",
        "place" => {
            "M12 21s7-6.2 7-11a7 7 0 0 0-14 0c0 4.8 7 11 7 11M12 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5"
        }
        "people" => {
            "M3 20a6 6 0 0 1 12 0M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14.5a6 6 0 0 1 3 5.5"
        }
        "calendar" => "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
        "globe" => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
        _ => "m5 13 4 4L19 7",
    };
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=path/></svg> }.into_any()
}

/// Text that HTML can't mistake for anything else. The first line break in a `textarea` is dropped by browsers, so
/// one that belongs to the text is doubled.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    if text.starts_with(['\n', '\r']) {
        escaped.push('\n');
    }
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escape("</textarea><script>alert(1)</script>"),
            "&lt;/textarea&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
        );
        assert_eq!(escape("&lt; \"'"), "&amp;lt; \"'");
        assert_eq!(escape("\nfirst"), "\n\nfirst");
    }
}
