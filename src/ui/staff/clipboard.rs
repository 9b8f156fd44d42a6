//! Links that can be copied. Without JavaScript, or without a clipboard, there is no button: the link can be selected.

use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::js_sys::{Function, Promise, Reflect, futures::JsFuture},
};
use std::time::Duration;

/// What the copy buttons of a page share: the sentence that is read out, and whether there is a clipboard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copying {
    ready: RwSignal<bool>,
    said: RwSignal<String>,
}

impl Copying {
    pub(super) fn new() -> Self {
        let ready = RwSignal::new(false);
        Effect::new(move || ready.set(clipboard().is_some()));
        Self { ready, said: RwSignal::new(String::new()) }
    }

    /// Where it is said that something was copied. One for each page.
    pub(super) fn status(self) -> impl IntoView {
        view! { <p role="status" class="sr-only">{self.said}</p> }
    }

    /// A button that copies a link; `what` names the link to those who don't see what is beside it.
    pub(super) fn button(self, link: String, what: String) -> AnyView {
        let copied = RwSignal::new(false);
        let label = move || if copied.get() { "Copied" } else { "Copy" };
        let of = format!(" link to {what}");
        let copy = move |_| {
            let (link, what) = (link.clone(), what.clone());
            spawn_local(async move {
                if copy(&link).await {
                    self.said.set(format!("Copied the link to {what}."));
                    copied.set(true);
                } else {
                    self.said
                        .set("The browser refused to copy. Please select the link and copy it.".to_owned());
                }
                // Silence in between, so that the same sentence is read out again the next time.
                let quiet = move || {
                    self.said.set(String::new());
                    copied.set(false);
                };
                set_timeout(quiet, Duration::from_secs(3));
            });
        };
        view! {
            <button type="button" class="button button-small" hidden=move || !self.ready.get() on:click=copy>
                {label}<span class="sr-only">{of}</span>
            </button>
        }
        .into_any()
    }
}

async fn copy(text: &str) -> bool {
    match write_text(text) {
        Some(written) => JsFuture::from(written).await.is_ok(),
        None => false,
    }
}

/// The browser's clipboard, which there is on `https` and on this machine only.
fn clipboard() -> Option<JsValue> {
    property(&property(&window(), "navigator")?, "clipboard")
}

fn write_text(text: &str) -> Option<Promise> {
    let clipboard = clipboard()?;
    let write: Function = property(&clipboard, "writeText")?.dyn_into().ok()?;
    write.call1(&clipboard, &text.into()).ok()?.dyn_into().ok()
}

fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_undefined())
}
