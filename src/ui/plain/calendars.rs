//! Pages: external calendars.

mod account;
mod connect;
mod setup;

pub use account::one;
pub use setup::providers;

use super::{Document, when, zone_hint};
use crate::{
    api::calendars::{Account, CalendarsPage, Health, HealthWord, MemberAccount, ShownCalendar},
    domain::zone::ZoneRules,
    ui::{format, staff::form::Form},
};
use leptos::prelude::*;

/// Where the list is.
const HERE: &str = "/booking/calendars";

/// What was done just now, from the word in the page's address.
fn done(word: &str) -> Option<AnyView> {
    let sentence = match word {
        "connected" => "Connected. Its events are being read.",
        "renewed" => "Connected again. What was missed is being read.",
        "sync" => "It is being looked at now. Reload this page in a moment to see how that went.",
        "saved" => "Saved.",
        "used" => "Its events take time from now on.",
        "unused" => "Its events take no time any more.",
        "receives" => "Bookings are written there from now on. Those to come are moved there.",
        "receives-not" => "Bookings are written to no calendar from now on.",
        "disconnected" => {
            "Disconnected. Everything that was known of it here is forgotten, and our access there has ended."
        }
        "disconnected-here" => {
            "Disconnected: everything that was known of it here is forgotten. The provider could not be told, so please \
             remove this app in your account there, too."
        }
        "disconnected-later" => {
            "Disconnected: everything that was known of it here is forgotten. The provider takes its time: please see in your \
             account there in a while that this app has no access any more."
        }
        "forgotten" => "The client id and secret are forgotten.",
        _ => return None,
    };
    Some(view! { <p role="status" class="notice notice-good">{sentence}</p> }.into_any())
}

fn alert(sentence: Option<String>) -> Option<AnyView> {
    let sentence = sentence?;
    Some(view! { <p role="alert" id="alert" class="alert-error wrap-anywhere">{sentence}</p> }.into_any())
}

fn badge(word: HealthWord) -> AnyView {
    let class = match word {
        HealthWord::InStep => "badge badge-good",
        HealthWord::Starting | HealthWord::Limited => "badge",
        HealthWord::Unused => "badge badge-quiet",
        HealthWord::Delayed | HealthWord::Reconnect | HealthWord::Permission => "badge badge-bad",
    };
    view! { <span class=class>{word.words()}</span> }.into_any()
}

/// How an account is, all of it.
fn shown_health(health: &Health, zone: &ZoneRules) -> AnyView {
    let Health { word, sentence, until, last, next, waiting } = health.clone();
    let until = until.map(|until| view! { " until " {when(zone, until)} });
    let sentence = (!sentence.is_empty()).then(|| {
        let class = if word.is_bad() { "alert-error mt-2 wrap-anywhere" } else { "hint mt-1 wrap-anywhere" };
        view! { <p class=class>{sentence}</p> }
    });
    let last = last.map(|last| view! { <span>"Last success: " {when(zone, last)}</span> });
    let next = next.map(|next| view! { <span>"Next try: " {when(zone, next)}</span> });
    let waiting = match waiting {
        0 => "Nothing waits to be written".to_owned(),
        many => {
            format!("{} to be written", format::many(usize::try_from(many).unwrap_or_default(), "change"))
        }
    };
    view! {
        <p class="mt-1">{badge(word)} {until}</p>
        {sentence}
        <p class="hint mt-1 flex flex-wrap gap-x-4 gap-y-1">{last} {next} <span>{waiting}</span></p>
    }
    .into_any()
}

/// A button that says what it does to what, for those who hear it without its surroundings.
fn press(
    action: String,
    field: Option<(&'static str, &'static str)>,
    words: &'static str,
    what: &str,
) -> AnyView {
    let field = field.map(|(name, value)| view! { <input type="hidden" name=name value=value/> });
    let what = (!what.is_empty()).then(|| view! { <span class="sr-only">{format!(" {what}")}</span> });
    view! {
        <form method="post" action=action>
            {field}
            <button type="submit" class="button button-small">{words} {what}</button>
        </form>
    }
    .into_any()
}

/// What a calendar is used for, in words.
fn uses(calendar: &ShownCalendar) -> Vec<&'static str> {
    let all = [
        (calendar.conflicts, "its events take time"),
        (calendar.receives, "bookings are written here"),
        (calendar.syncs && !calendar.conflicts && !calendar.receives, "read, but its events take no time"),
        (!calendar.syncs && !calendar.receives, "not used"),
        (!calendar.writable, "can only be read"),
        (calendar.pushed, "changes are pushed"),
    ];
    all.into_iter().filter_map(|(is_so, words)| is_so.then_some(words)).collect()
}

/// One calendar with its switches.
fn listed(calendar: &ShownCalendar, account: &str) -> AnyView {
    let here = format!("{HERE}/{account}/{}", calendar.id);
    let name = calendar.name.clone();
    let main = calendar.main.then(|| view! { " " <span class="badge badge-quiet">"main"</span> });
    let about = match (&calendar.twin, calendar.present) {
        (_, false) => "No longer in the account.".to_owned(),
        (Some(label), _) => {
            format!("In use through {label}, so it is off here: its events would count twice.")
        }
        _ => {
            let mut words = uses(calendar).join(", ");
            if let Some(first) = words.get(..1).map(str::to_uppercase) {
                words.replace_range(..1, &first);
            }
            format!("{words}.")
        }
    };
    let trouble = (!calendar.trouble.is_empty() && calendar.present && calendar.syncs)
        .then(|| view! { <p class="hint wrap-anywhere">{calendar.trouble.clone()}</p> });
    let usable = calendar.present && calendar.twin.is_none();
    let buttons = usable.then(|| {
        let (to, words) = if calendar.conflicts { ("off", "Take no time") } else { ("on", "Take time") };
        let take = press(format!("{here}/use"), Some(("to", to)), words, &format!("from events in {name}"));
        let (to, words) =
            if calendar.receives { ("off", "Don't write bookings") } else { ("on", "Write bookings here") };
        let write = calendar
            .writable
            .then(|| press(format!("{here}/receive"), Some(("to", to)), words, &format!("({name})")));
        view! { <div class="flex flex-wrap gap-2 mt-2">{take} {write}</div> }
    });
    view! {
        <li class="py-3">
            <p class="wrap-anywhere"><strong>{calendar.name.clone()}</strong> {main}</p>
            <p class="hint wrap-anywhere">{about}</p>
            {trouble}
            {buttons}
        </li>
    }
    .into_any()
}

fn card(account: Account, zone: &ZoneRules) -> AnyView {
    let href = format!("{HERE}/{}", account.id);
    let heading = format!("account-{}", account.id);
    let sync = press(format!("{href}/sync"), None, "Sync now", &account.label);
    let again = (account.health.word == HealthWord::Reconnect || account.health.word == HealthWord::Permission)
        .then(|| view! { <p class="mt-3"><a class="button" href=format!("{href}#again")>"Connect it again"</a></p> });
    let calendars = account.calendars.iter().map(|calendar| listed(calendar, &account.id)).collect_view();
    view! {
        <li class="card min-w-0">
            <div class="flex flex-wrap items-start justify-between gap-3">
                <div class="min-w-0">
                    <h3 class="heading wrap-anywhere" id=heading.clone()>{account.label.clone()}</h3>
                    <p class="hint">{account.provider_name}</p>
                </div>
                {sync}
            </div>
            {shown_health(&account.health, zone)}
            {again}
            <ul class="mt-3 divide-y divide-line" aria-labelledby=heading>{calendars}</ul>
            <p class="mt-3">
                <a class="link" href=href.clone()>
                    "Settings, log, disconnect" <span class="sr-only">{format!(": {}", account.label)}</span>
                </a>
            </p>
        </li>
    }
    .into_any()
}

/// Where bookings are written, or that they are written nowhere.
fn receiving(accounts: &[Account]) -> Option<AnyView> {
    let writable = |calendar: &&ShownCalendar| calendar.writable && calendar.present;
    if !accounts.iter().any(|account| account.calendars.iter().any(|calendar| writable(&calendar))) {
        return None;
    }
    let found = accounts.iter().find_map(|account| {
        let calendar = account.calendars.iter().find(|calendar| calendar.receives)?;
        Some(format!("Your bookings are written to {} ({}).", calendar.name, account.label))
    });
    let sentence = found.unwrap_or_else(|| {
        "Your bookings are written to no calendar. Choose one with “Write bookings here” if you want that.".to_owned()
    });
    Some(view! { <p class="notice mt-4 wrap-anywhere">{sentence}</p> }.into_any())
}

fn members(members: Vec<MemberAccount>, zone: &ZoneRules) -> AnyView {
    if members.is_empty() {
        return view! { <p class="notice mt-3">"Nobody has connected an account yet."</p> }.into_any();
    }
    let rows = members.into_iter().map(|account| {
        let MemberAccount { member, provider_name, health } = account;
        let sentence =
            (!health.sentence.is_empty()).then(|| view! { <p class="hint wrap-anywhere">{health.sentence.clone()}</p> });
        let last = health.last.map(|last| when(zone, last));
        let waiting = (health.waiting > 0).then(|| format!(" · {} to be written", health.waiting));
        view! {
            <li class="py-3">
                <p class="flex flex-wrap gap-x-3 gap-y-1 items-baseline">
                    <strong class="wrap-anywhere">{member}</strong> <span>{provider_name}</span> {badge(health.word)}
                    <span class="hint">{last} {waiting}</span>
                </p>
                {sentence}
            </li>
        }
    });
    view! { <ul class="card mt-3 divide-y divide-line">{rows.collect_view()}</ul> }.into_any()
}

/// The accounts of the member who is signed in. `word`: what was done just now.
pub fn list(page: CalendarsPage, word: &str) -> Document {
    let CalendarsPage { me, zone, accounts, choices, members: all, alert: sentence, echo } = page;
    let form = Form::new(echo);
    let refused = form.refused() || sentence.is_some();
    let title = if refused { "Error: Calendars".to_owned() } else { "Calendars".to_owned() };
    let none = accounts.is_empty().then(|| {
        view! {
            <p class="notice mt-4">
                "No account is connected yet. Connect one below: its events keep your time free of bookings, and your \
                 bookings appear in it."
            </p>
        }
    });
    let writes = receiving(&accounts);
    let hint = (!accounts.is_empty()).then(|| zone_hint(&zone));
    let is_admin = all.is_some();
    let all = all.map(|all| {
        view! {
            <section aria-labelledby="everyone" class="mt-10">
                <h2 id="everyone" class="heading">"Accounts of all members"</h2>
                <p class="hint">"How they are; what is in them is seen by nobody but their owners."</p>
                {members(all, &zone)}
            </section>
        }
    });
    let cards = accounts.into_iter().map(|account| card(account, &zone)).collect_view();
    let body = view! {
        <h1 class="title" tabindex="-1">"Calendars"</h1>
        <p class="hint mt-1">"Your calendars elsewhere, in step with your bookings here."</p>
        <div class="mt-6 grid gap-4 empty:hidden">{alert(sentence)} {form.summary()} {done(word)}</div>
        <section aria-labelledby="accounts" class="mt-6">
            <h2 id="accounts" class="heading">"Your accounts"</h2>
            {hint}
            {none}
            {writes}
            <ul class="mt-4 grid gap-4 empty:hidden">{cards}</ul>
        </section>
        {connect::section(choices, &form, is_admin)}
        {all}
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}
