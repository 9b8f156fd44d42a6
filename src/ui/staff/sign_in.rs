//! `/sign-in`.

use super::form::{Form, Line, loaded};
use crate::api::staff::{SignInPage, load_sign_in};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

pub(super) fn page() -> impl IntoView {
    let page = Resource::new_blocking(|| (), |()| load_sign_in());
    let query = use_query_map();
    loaded(page, "/sign-in", move |page| {
        let next = query.with_untracked(|query| query.get("next")).unwrap_or_default();
        form(page, &next).into_any()
    })
}

/// `next` is where to go afterwards; the server takes nothing but a path of its own.
fn form(page: SignInPage, next: &str) -> impl IntoView {
    let SignInPage { empty_server, demo, echo } = page;
    let form = Form::new(echo);
    let email = Line::new("email", "E-mail address", "email").filled_by("username").most(254);
    let password = Line::new("password", "Password", "password").filled_by("current-password");
    view! {
        <Title text=form.title("Sign in")/>
        <div class="mx-auto grid w-full max-w-sm gap-6 md:mt-8">
            <h1 class="title" tabindex="-1">"Sign in"</h1>
            {empty_server.then(|| view! {
                <p class="notice">
                    "This server is new: nobody can sign in yet. "
                    <a class="link" href="/setup">"Set it up"</a>
                </p>
            })}
            {form.summary()}
            <form method="post" action="/sign-in" class="card grid gap-5">
                <input type="hidden" name="next" value=form.value("next", next)/>
                {form.line(email)}
                {form.line(password)}
                <button type="submit" class="button-primary w-full">"Sign in"</button>
            </form>
            {demo.map(|(email, password)| view! {
                <aside class="notice border border-line text-sm" aria-label="Demo">
                    <p>"This is a demo. Sign in with:"</p>
                    <dl class="mt-1 grid grid-cols-[auto_1fr] gap-x-3">
                        <dt>"E-mail"</dt><dd class="font-mono wrap-anywhere">{email}</dd>
                        <dt>"Password"</dt><dd class="font-mono wrap-anywhere">{password}</dd>
                    </dl>
                </aside>
            })}
        </div>
    }
}
