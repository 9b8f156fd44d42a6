//! Pages. Rendered whole on the server, and continued in the browser.
//!
//! Everything works without JavaScript: controls are links and forms, and what a page shows is in its address. Pages
//! know [`crate::api`] and [`crate::domain`], never the server.

mod appointment;
mod around;
mod browser;
pub mod format;
pub mod html;
mod page;
mod parts;
mod picker;
#[cfg(feature = "ssr")]
pub mod plain;
pub mod query;
pub mod staff;
mod status;
mod workspace;

pub(crate) use page::{failure, loading};

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, MetaTags, provide_meta_context};
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
                <FlatRoutes fallback=page::unknown>
                    <Route path=path!("/book/:workspace") view={Lazy::<around::Workspace>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/book/:workspace/:service") view=picker::Book ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token") view={Lazy::<around::Appointment>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token/move") view=picker::Move ssr=SsrMode::Async/>
                    <Route path=path!("/appointment/:token/cancel") view={Lazy::<around::Cancel>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/setup") view={Lazy::<staff::SetUp>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view={Lazy::<staff::SignIn>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    // Where a form was refused: the same page, at the form's address.
                    <Route path=path!("/booking/cancel") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking/decide") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking/rsvp") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking/no-show") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/booking/flag") view={Lazy::<staff::Bookings>::new()} ssr=SsrMode::Async/>
                </FlatRoutes>
            </main>
            <footer>"Scheduling by Meridian"</footer>
        </Router>
    }
}
