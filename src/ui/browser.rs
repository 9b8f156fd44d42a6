//! What the pages ask of the browser. Called from effects and event handlers only: the server never gets here.

use leptos::{
    prelude::*,
    wasm_bindgen::{JsCast, JsValue},
    web_sys::{
        self, Element, HtmlElement,
        js_sys::{Function, Reflect},
    },
};
use std::sync::atomic::{AtomicBool, Ordering};

fn property(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

fn call(of: &JsValue, name: &str) -> Option<JsValue> {
    let function: Function = property(of, name)?.dyn_into().ok()?;
    function.call0(of).ok()
}

/// The zone that the browser runs in: `Intl.DateTimeFormat().resolvedOptions().timeZone`.
pub fn zone() -> Option<String> {
    let intl = property(&window(), "Intl")?;
    let format = call(&intl, "DateTimeFormat")?;
    property(&call(&format, "resolvedOptions")?, "timeZone")?.as_string()
}

/// Remembers something for a year, for the server to read as well.
pub fn remember(name: &str, value: &str) {
    let secure = if window().location().protocol().is_ok_and(|protocol| protocol == "https:") {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax{secure}");
    // A browser that takes no cookies asks for the zone again next time; that is all.
    Reflect::set(&document(), &"cookie".into(), &cookie.into()).unwrap_or_default();
}

/// Leaves for another page, which the server makes.
pub fn visit(href: &str) {
    // It fails for addresses that are none.
    window().location().set_href(href).unwrap_or_default();
}

/// Writes the address without asking the server, as a step back or in place of the last one.
pub fn set_address(href: &str, replace: bool) {
    if let Ok(history) = window().history() {
        let href =
            if href == "?" { window().location().pathname().unwrap_or_default() } else { href.to_owned() };
        let written = if replace {
            history.replace_state_with_url(&JsValue::NULL, "", Some(&href))
        } else {
            history.push_state_with_url(&JsValue::NULL, "", Some(&href))
        };
        // Browsers limit how often an address may change; the page goes on without.
        written.unwrap_or_default();
    }
}

/// The part of the address after the path.
pub fn search() -> String {
    window().location().search().unwrap_or_default()
}

/// The path of the address.
pub fn path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The first element that matches, once what was changed just now is on the page.
fn soon(selector: String, then: fn(&HtmlElement)) {
    request_animation_frame(move || {
        let found = document().query_selector(&selector).ok().flatten();
        if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            then(&element);
        }
    });
}

/// Moves the focus, after the page has changed.
pub fn focus(selector: impl Into<String>) {
    soon(selector.into(), |element| element.focus().unwrap_or_default());
}

/// On a narrow page, where things stand below each other: scrolls there. The style sheet says how fast.
pub fn scroll_on_phones(selector: impl Into<String>) {
    let wide = window().match_media("(min-width: 48rem)").ok().flatten().is_some_and(|query| query.matches());
    if !wide {
        soon(selector.into(), |element| element.scroll_into_view());
    }
}

/// The link that was clicked, if it only changes this page's state and the click asks for nothing special
/// (a new tab, a download).
pub fn own_link(event: &web_sys::MouseEvent) -> Option<Element> {
    let special = event.default_prevented()
        || event.button() != 0
        || event.meta_key()
        || event.ctrl_key()
        || event.shift_key()
        || event.alt_key();
    let target: Element = event.target().filter(|_| !special)?.dyn_into().ok()?;
    target.closest("a[href^='?']").ok().flatten()
}

/// Whether a page was shown before in this visit.
static VISITED: AtomicBool = AtomicBool::new(false);

/// Call in every page: after a step from another page, reading goes on at the heading. The browser itself sees to it
/// when it loads a page.
pub fn arrive() {
    Effect::new(|| {
        if VISITED.swap(true, Ordering::Relaxed) {
            focus("h1");
        }
    });
}

/// The fields of the form that is being sent.
pub fn form(event: &web_sys::SubmitEvent) -> Option<web_sys::FormData> {
    let form: web_sys::HtmlFormElement = event.target()?.dyn_into().ok()?;
    web_sys::FormData::new_with_form(&form).ok()
}
