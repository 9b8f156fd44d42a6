//! How OAuth providers know this server, for admins.

use super::{HERE, done as done_word};
use crate::{
    api::calendars::{ProviderPage, ProvidersPage, Source},
    ui::{format, plain::Document, staff::form::Form},
};
use leptos::prelude::*;

/// A field of one line; its name begins with the provider's key, because the page has one form for each.
struct Line {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    kind: &'static str,
    value: String,
    required: bool,
}

/// The names of a provider's fields: ids on one page differ.
fn names(key: &str) -> Option<[&'static str; 3]> {
    match key {
        "google" => Some(["google-client_id", "google-client_secret", "google-tenant"]),
        "microsoft" => Some(["microsoft-client_id", "microsoft-client_secret", "microsoft-tenant"]),
        _ => None,
    }
}

fn line(form: &Form, line: Line) -> AnyView {
    let Line { name, label, hint, kind, value, required } = line;
    let value = (kind != "password").then_some(value);
    let control = view! {
        <input
            class="input" id=name name=name type=kind value=value required=required maxlength="500" autocomplete="off"
            autocapitalize="none" spellcheck="false" aria-describedby=form.described(name, true)
            aria-invalid=form.invalid(name)
        />
    };
    form.field(name, label, Some(hint.into_any()), control.into_any())
}

fn source(provider: &ProviderPage) -> AnyView {
    let (class, words) = match provider.source {
        Source::Nowhere => ("badge badge-quiet", "Not set up"),
        Source::Operator => ("badge badge-good", "Set up by the operator"),
        Source::Admin => ("badge badge-good", "Set up"),
        Source::Lost => ("badge badge-bad", "Secret lost"),
    };
    let accounts = format::many(usize::try_from(provider.accounts).unwrap_or_default(), "account");
    view! { <p><span class=class>{words}</span> " " <span class="hint">{accounts} " connected"</span></p> }
        .into_any()
}

fn one(provider: ProviderPage, form: &Form) -> AnyView {
    let ProviderPage { key, name, redirect, source: from, client_id, tenant, .. } = provider.clone();
    let Some([id, secret, directory]) = names(key) else { return ().into_any() };
    let action = format!("{HERE}/providers/{key}");
    // What was refused in the other form leaves this one as it is stored.
    let mine = form.refused() && !form.value(id, "").is_empty() || form.invalid(id).is_some();
    let values = if mine { form.clone() } else { Form::default() };
    let known = from == Source::Admin;
    let secret_hint = if known {
        "One is kept, encrypted, and never shown again. Leave this empty to keep it."
    } else {
        "Kept encrypted, and never shown again."
    };
    let lost = (from == Source::Lost).then(|| {
        view! {
            <p class="alert-error">
                "The client secret was kept with another secret of this server and can't be read any more. Please enter it \
                 again: until then, accounts are not in step."
            </p>
        }
    });
    let tenant = tenant.map(|tenant| {
        let hint = "common for everyone, organizations, consumers, or your directory's id or domain.";
        let value = values.value(directory, &tenant);
        line(
            &values,
            Line { name: directory, label: "Directory (tenant)", hint, kind: "text", value, required: true },
        )
    });
    let editor = (from != Source::Operator).then(|| {
        let value = values.value(id, &client_id);
        let hint = "From the provider's console.";
        let id =
            line(&values, Line { name: id, label: "Client id", hint, kind: "text", value, required: true });
        let secret = line(
            &values,
            Line {
                name: secret,
                label: "Client secret",
                hint: secret_hint,
                kind: "password",
                value: String::new(),
                required: !known,
            },
        );
        view! {
            <form method="post" action=action.clone() class="mt-4 grid gap-5">
                {id} {secret} {tenant}
                <p><button type="submit" class="button-primary">
                    "Save" <span class="sr-only">{format!(" {name}")}</span>
                </button></p>
            </form>
        }
    });
    let operators = (from == Source::Operator).then(|| {
        view! { <p class="mt-3">"The operator of this server has set it for all workspaces, so there is nothing to enter here."</p> }
    });
    let forget = matches!(from, Source::Admin | Source::Lost).then(|| {
        view! {
            <details class="mt-4">
                <summary class="link cursor-pointer">"Forget it …" <span class="sr-only">{name}</span></summary>
                <form method="post" action=format!("{action}/forget") class="mt-3 grid gap-3">
                    <p>"Accounts that are connected stay, but are no longer in step until it is set up again."</p>
                    <p><button type="submit" class="button-danger">"Forget client id and secret"</button></p>
                </form>
            </details>
        }
    });
    let heading = format!("provider-{key}");
    view! {
        <section class="card min-w-0" aria-labelledby=heading.clone()>
            <h2 id=heading.clone() class="heading">{name}</h2>
            <div class="mt-1">{source(&provider)}</div>
            {lost}
            <p class="mt-3">"Redirect address, to be entered at the provider letter by letter:"</p>
            <p class="notice mt-1 wrap-anywhere select-all"><code>{redirect}</code></p>
            {operators}
            {editor}
            {forget}
        </section>
    }
    .into_any()
}

/// The page on which admins set providers up. `word`: what was done just now.
pub fn providers(page: ProvidersPage, word: &str) -> Document {
    let ProvidersPage { me, providers, echo } = page;
    let form = Form::new(echo);
    let saved = (word == "saved").then(|| {
        view! { <p role="status" class="notice notice-good">"Saved. Connect an account to see whether it works."</p> }
    });
    let said = done_word(word, "").filter(|_| word == "forgotten");
    let title = form.title("Calendar providers");
    let cards = providers.into_iter().map(|provider| one(provider, &form)).collect_view();
    let body = view! {
        <p><a class="back" href=HERE>"All calendars"</a></p>
        <h1 class="title mt-2" tabindex="-1">"Calendar providers"</h1>
        <p class="hint mt-1">
            "Google and Microsoft must know this server before members can connect their accounts. The manual shows the way \
             through their consoles step by step (docs/calendars.md)."
        </p>
        <div class="mt-6 grid gap-4 empty:hidden">{form.summary()} {saved} {said}</div>
        <div class="mt-6 grid gap-4 lg:grid-cols-2 lg:items-start">{cards}</div>
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}
