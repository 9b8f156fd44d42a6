//! What can be connected, and the forms for it.

use super::HERE;
use crate::{
    api::calendars::{Choice, PresetChoice, Way},
    ui::staff::form::Form,
};
use leptos::prelude::*;

/// A button that leads to a provider's consent page. `account`: the one that is to be connected again, if it is one.
pub(super) fn consent(key: &'static str, account: &str, words: String) -> AnyView {
    let account = (!account.is_empty())
        .then(|| view! { <input type="hidden" name="account" value=account.to_owned()/> });
    view! {
        <form method="post" action="/booking/calendars/connect">
            <input type="hidden" name="provider" value=key/>
            {account}
            <button type="submit" class="button-primary">{words}</button>
        </form>
    }
    .into_any()
}

/// A provider with a consent page; or who can set it up.
fn by_consent(choice: &Choice, ready: bool, is_admin: bool) -> AnyView {
    let heading = format!("connect-{}", choice.key);
    let inside = if ready {
        let hint =
            format!("You choose the account at {}, and allow what this server may do there.", choice.name);
        view! {
            <p class="hint mt-1 mb-3">{hint}</p>
            {consent(choice.key, "", format!("Connect {}", choice.name))}
        }
        .into_any()
    } else if is_admin {
        let words = format!("{} is not set up on this server. You can do that under ", choice.name);
        view! {
            <p class="mt-1">
                {words}
                <a class="link" href="/booking/calendars/providers">"Providers"</a> "."
            </p>
        }
        .into_any()
    } else {
        let words =
            format!("{} is not set up on this server. An admin of your workspace can do that.", choice.name);
        view! { <p class="mt-1">{words}</p> }.into_any()
    };
    view! {
        <section class="card min-w-0" aria-labelledby=heading.clone()>
            <h3 class="heading" id=heading.clone()>{choice.name}</h3>
            {inside}
        </section>
    }
    .into_any()
}

/// What stands in the fields of an account with a password on the first visit.
#[derive(Debug, Default)]
pub(super) struct Filled {
    /// The address.
    pub(super) url: String,
    /// The user.
    pub(super) user: String,
}

/// Address, user and password. `presets`: for some servers the address is known.
pub(super) fn password_fields(form: &Form, filled: &Filled, presets: bool) -> AnyView {
    let url = view! {
        <input
            class="input" id="url" name="url" type="text" inputmode="url" maxlength="2000" value=form.value("url", &filled.url)
            autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby=form.described("url", true)
            aria-invalid=form.invalid("url")
        />
    };
    let user = view! {
        <input
            class="input" id="user" name="user" type="text" required maxlength="500" value=form.value("user", &filled.user)
            autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby=form.described("user", false)
            aria-invalid=form.invalid("user")
        />
    };
    // The browser's own passwords are those for this server.
    let password = view! {
        <input
            class="input" id="password" name="password" type="password" required maxlength="500" autocomplete="off"
            aria-describedby=form.described("password", true) aria-invalid=form.invalid("password")
        />
    };
    let url_hint = if presets {
        "Such as https://cloud.example.com. For iCloud and Fastmail it can stay empty."
    } else {
        "Where it was found the last time."
    };
    let password_hint =
        "Made in your account there, for one app. It is kept encrypted and never shown again.";
    view! {
        {form.field("url", "Address of the server", Some(url_hint.into_any()), url.into_any())}
        {form.field("user", "User name", None, user.into_any())}
        {form.field("password", "Password for apps", Some(password_hint.into_any()), password.into_any())}
    }
    .into_any()
}

/// A server with a password.
fn by_password(choice: &Choice, presets: &[PresetChoice], form: &Form) -> AnyView {
    let heading = format!("connect-{}", choice.key);
    let chosen = form.value("preset", presets.first().map_or("", |preset| preset.key));
    let boxes = presets.iter().enumerate().map(|(number, preset)| {
        let id = if number == 0 { "preset".to_owned() } else { format!("preset-{}", preset.key) };
        let about = format!("preset-{}-about", preset.key);
        view! {
            <div class="preset">
                <label class="tick tick-tight" for=id.clone()>
                    <input
                        type="radio" id=id.clone() name="preset" value=preset.key checked=preset.key == chosen
                        aria-describedby=about.clone()
                    />
                    <span>{preset.name}</span>
                </label>
                <p class="hint pl-8" id=about>{preset.hint}</p>
            </div>
        }
    });
    view! {
        <section class="card min-w-0" aria-labelledby=heading.clone()>
            <h3 class="heading" id=heading.clone()>{choice.name}</h3>
            <form method="post" action="/booking/calendars/password" class="mt-3 grid gap-5">
                <input type="hidden" name="provider" value=choice.key/>
                <fieldset class="field">
                    <legend class="label">"Where is it?"</legend>
                    {boxes.collect_view()}
                </fieldset>
                {password_fields(form, &Filled::default(), true)}
                <p><button type="submit" class="button-primary">{format!("Connect {}", choice.name)}</button></p>
            </form>
        </section>
    }
    .into_any()
}

/// The address of a feed.
pub(super) fn feed_field(form: &Form, label: &'static str, hint: &'static str) -> AnyView {
    let feed = view! {
        <input
            class="input" id="feed" name="feed" type="text" inputmode="url" required maxlength="2000"
            value=form.value("feed", "") autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-describedby=form.described("feed", true) aria-invalid=form.invalid("feed")
        />
    };
    form.field("feed", label, Some(hint.into_any()), feed.into_any())
}

/// A feed or a file.
fn by_feed(choice: &Choice, form: &Form) -> AnyView {
    let heading = format!("connect-{}", choice.key);
    let feed_hint = "Its events count as busy. Nothing is written to it. Such as https://calendar.example.com/secret.ics.";
    let file = view! {
        <input
            class="input" id="file" name="file" type="file" required accept=".ics,text/calendar"
            aria-describedby=form.described("file", true) aria-invalid=form.invalid("file")
        />
    };
    let file_hint = "10 MB at most. A file of the same name replaces the one before.";
    view! {
        <section class="card min-w-0" aria-labelledby=heading.clone()>
            <h3 class="heading" id=heading.clone()>"Feed or file"</h3>
            <form method="post" action="/booking/calendars/feed" class="mt-3 grid gap-4">
                {feed_field(form, "Address of a feed", feed_hint)}
                <p><button type="submit" class="button-primary">"Subscribe"</button></p>
            </form>
            <form method="post" action="/booking/calendars/file" enctype="multipart/form-data" class="mt-6 grid gap-4">
                {form.field("file", "A calendar file", Some(file_hint.into_any()), file.into_any())}
                <p><button type="submit" class="button">"Upload"</button></p>
            </form>
        </section>
    }
    .into_any()
}

/// Everything that can be connected.
pub(super) fn section(choices: Vec<Choice>, form: &Form, is_admin: bool) -> AnyView {
    let cards = choices.iter().map(|choice| match &choice.way {
        Way::Consent { ready } => by_consent(choice, *ready, is_admin),
        Way::Password { presets } => by_password(choice, presets, form),
        Way::Feed => by_feed(choice, form),
    });
    let cards = cards.collect_view();
    let providers = is_admin.then(|| {
        view! {
            <p class="mt-4">
                <a class="link inline-block py-1" href=format!("{HERE}/providers")>"Providers"</a>
                ": how Google and Microsoft know this server."
            </p>
        }
    });
    view! {
        <section aria-labelledby="connect" class="mt-10">
            <h2 id="connect" class="heading">"Connect an account"</h2>
            <div class="mt-4 grid gap-4 lg:grid-cols-2 lg:items-start">{cards}</div>
            {providers}
        </section>
    }
    .into_any()
}
