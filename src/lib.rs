//! Meridian: a self-hosted appointment scheduler.
//!
//! Arrows run one way: `ui → api → server::use_cases → {store, domain}` and `server::http → use_cases`.
//! [`domain`] imports nothing of ours and compiles for both the server and the browser.
//! `docs/ARCHITECTURE.md` says what belongs where.

pub mod api;
pub mod domain;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

#[cfg(feature = "hydrate")]
mod browser {
    /// The browser's entry point: takes over the page that the server rendered.
    #[wasm_bindgen::prelude::wasm_bindgen]
    pub fn hydrate() {
        console_error_panic_hook::set_once();
        leptos::mount::hydrate_lazy(crate::ui::App);
    }
}
