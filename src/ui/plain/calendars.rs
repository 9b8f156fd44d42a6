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

/// What was done just now, as the page's address says it.
#[derive(Debug, Default, Clone, Copy)]
pub struct Done<'a> {
    /// What.
    pub word: &'a str,
    /// With which account; empty for the page as a whole.
    pub at: &'a str,
}

fn done(word: &str, look: &str) -> Option<AnyView> {
    let sentence = match word {
        "connected" => "Connected. Its events are being read.",
        "renewed" => "Connected again. What was missed is being read.",
        "sync" => "It is being looked at now.",
        "saved" => "Saved.",
        "used" => "Its events count as busy from now on.",
        "unused" => "Its events don't count as busy any more.",
        "receives" => "Bookings are written there from now on. Those to come are moved there.",
        "receives-not" => "No bookings are written there any more. Those to come are taken out of it.",
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
    // What goes on by itself is worth another look.
    let look = matches!(word, "sync" | "connected" | "renewed").then(|| {
        view! { " " <a class="link" href=look.to_owned()>"Look how it went"</a> }
    });
    Some(view! { <p role="status" class="notice notice-good">{sentence} {look}</p> }.into_any())
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

/// How an account is, in a word; limited: until when.
fn in_a_word(health: &Health, zone: &ZoneRules) -> AnyView {
    let until = health.until.map(|until| view! { " until " {when(zone, until)} });
    view! { <span>{badge(health.word)} {until}</span> }.into_any()
}

/// When it was well last, when it is tried next, and what waits. `writes`: can it be written to at all?
fn in_figures(health: &Health, writes: bool, zone: &ZoneRules) -> AnyView {
    let last = health.last.map(|last| view! { <span>"Last success: " {when(zone, last)}</span> });
    let next = health.next.map(|next| view! { <span>"Next try: " {when(zone, next)}</span> });
    let waiting = match usize::try_from(health.waiting).unwrap_or_default() {
        0 => writes.then(|| "Nothing waits to be written".to_owned()),
        1 => Some("1 change waits to be written".to_owned()),
        many => Some(format!("{many} changes wait to be written")),
    };
    let waiting = waiting.map(|waiting| view! { <span>{waiting}</span> });
    view! { <p class="hint mt-1 flex flex-wrap gap-x-4 gap-y-1 empty:hidden">{last} {next} {waiting}</p> }
        .into_any()
}

/// How an account is, all of it.
fn shown_health(account: &Account, zone: &ZoneRules) -> AnyView {
    let health = &account.health;
    let sentence = (!health.sentence.is_empty()).then(|| {
        let class =
            if health.word.is_bad() { "alert-error mt-2 wrap-anywhere" } else { "hint mt-1 wrap-anywhere" };
        view! { <p class=class>{health.sentence.clone()}</p> }
    });
    view! {
        <p class="mt-1">{in_a_word(health, zone)}</p>
        {sentence}
        {in_figures(health, account.writes, zone)}
    }
    .into_any()
}

/// A button that says what it does to what, for those who hear it without its surroundings. `fields` go with it.
fn press(
    action: String,
    fields: &[(&'static str, &'static str)],
    words: &'static str,
    what: &str,
) -> AnyView {
    let fields = fields.iter().map(|(name, value)| view! { <input type="hidden" name=*name value=*value/> });
    let what = (!what.is_empty()).then(|| view! { <span class="sr-only">{format!(" ({what})")}</span> });
    view! {
        <form method="post" action=action class="shrink-0">
            {fields.collect_view()}
            <button type="submit" class="button button-small">{words} {what}</button>
        </form>
    }
    .into_any()
}

/// On the list, what is done is said there; else on the account's page.
fn on(list: bool) -> (&'static str, &'static str) {
    ("on", if list { "list" } else { "account" })
}

/// What a calendar is used for, in words.
fn uses(calendar: &ShownCalendar) -> Vec<&'static str> {
    let all = [
        (calendar.conflicts, "its events count as busy"),
        (calendar.receives, "bookings are written here"),
        (calendar.syncs && !calendar.conflicts, "its events don't count as busy"),
        (!calendar.syncs && !calendar.receives, "not used"),
        (!calendar.writable, "can only be read"),
        (calendar.pushed, "changes are pushed"),
    ];
    all.into_iter().filter_map(|(is_so, words)| is_so.then_some(words)).collect()
}

/// One calendar with its switches. `list`: on the list of all accounts.
fn listed(calendar: &ShownCalendar, account: &Account, list: bool) -> AnyView {
    let here = format!("{HERE}/{}/{}", account.id, calendar.id);
    let name = calendar.name.clone();
    let main = (calendar.main && account.calendars.len() > 1)
        .then(|| view! { " " <span class="badge badge-quiet">"main"</span> });
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
    // What concerns all of the account is said there.
    let trouble = (!calendar.trouble.is_empty()
        && calendar.trouble != account.health.sentence
        && calendar.present
        && calendar.syncs)
        .then(|| view! { <p class="hint wrap-anywhere">{calendar.trouble.clone()}</p> });
    let gaps = (!calendar.gaps.is_empty() && calendar.present && calendar.syncs)
        .then(|| view! { <p class="hint wrap-anywhere">{calendar.gaps.clone()}</p> });
    let usable = calendar.present && calendar.twin.is_none();
    let buttons = usable.then(|| {
        let (to, words) =
            if calendar.conflicts { ("off", "Don't count as busy") } else { ("on", "Count as busy") };
        let count = press(format!("{here}/use"), &[("to", to), on(list)], words, &name);
        let (to, words) = if calendar.receives {
            ("off", "Don't write bookings here")
        } else {
            ("on", "Write bookings here")
        };
        let write = calendar
            .writable
            .then(|| press(format!("{here}/receive"), &[("to", to), on(list)], words, &name));
        view! { <div class="flex flex-wrap gap-2 mt-2">{count} {write}</div> }
    });
    view! {
        <p class="wrap-anywhere"><strong>{calendar.name.clone()}</strong> {main}</p>
        <p class="hint wrap-anywhere">{about}</p>
        {trouble}
        {gaps}
        {buttons}
    }
    .into_any()
}

/// Must its owner connect it again?
fn needs_owner(account: &Account) -> bool {
    matches!(account.health.word, HealthWord::Reconnect | HealthWord::Permission)
}

/// Has an account worked on now. There is nothing to be had of a file, nor of an account that can't be reached.
fn sync_now(account: &Account, what: &str, list: bool) -> Option<AnyView> {
    let possible = !account.is_file && account.health.word != HealthWord::Reconnect;
    let action = format!("{HERE}/{}/sync", account.id);
    possible.then(|| press(action, &[on(list)], "Sync now", what))
}

fn card(account: Account, zone: &ZoneRules, just_now: Done<'_>) -> AnyView {
    let href = format!("{HERE}/{}", account.id);
    let heading = format!("account-{}", account.id);
    let said = if just_now.at == account.id {
        done(just_now.word, &format!("{HERE}#account-{}", account.id))
    } else {
        None
    };
    let said = said.map(|said| view! { <div class="mt-3 mb-2">{said}</div> });
    let again = needs_owner(&account).then(|| {
        view! {
            <p class="mt-3">
                <a class="button-primary" href=format!("{href}#again")>
                    "Connect it again" <span class="sr-only">{format!(": {}", account.label)}</span>
                </a>
            </p>
        }
    });
    let calendars = account.calendars.iter().map(|calendar| {
        view! { <li class="py-3">{listed(calendar, &account, true)}</li> }
    });
    let calendars = calendars.collect_view();
    view! {
        <li class="card min-w-0">
            <div class="flex items-start justify-between gap-3">
                <div class="min-w-0">
                    <h3 class="heading wrap-anywhere" id=heading.clone()>{account.label.clone()}</h3>
                    <p class="hint">{account.provider_name}</p>
                </div>
                {sync_now(&account, &account.label, true)}
            </div>
            {said}
            {shown_health(&account, zone)}
            {again}
            <ul class="mt-3 divide-y divide-line" aria-labelledby=heading>{calendars}</ul>
            <p class="mt-3">
                <a class="link inline-block py-1" href=href.clone()>
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
        "Your bookings are written to no calendar. Choose one with “Write bookings here”, if you want that.".to_owned()
    });
    Some(view! { <p class="notice mt-4 wrap-anywhere">{sentence}</p> }.into_any())
}

fn members(members: Vec<MemberAccount>, zone: &ZoneRules) -> AnyView {
    if members.is_empty() {
        return view! { <p class="notice mt-3">"Nobody has connected an account yet."</p> }.into_any();
    }
    let bad = members.iter().filter(|account| account.health.word.is_bad()).count();
    let sum = format::many(members.len(), "account");
    let sum = match bad {
        0 => format!("{sum}: all is well."),
        1 => format!("{sum}: 1 needs attention."),
        bad => format!("{sum}: {bad} need attention."),
    };
    let rows = members.into_iter().map(|account| {
        let MemberAccount { member, provider_name, writes, health } = account;
        let sentence = (!health.sentence.is_empty())
            .then(|| view! { <p class="mt-1 wrap-anywhere">{health.sentence.clone()}</p> });
        view! {
            <li class="py-3">
                <p class="flex flex-wrap gap-x-3 gap-y-1 items-baseline">
                    <strong class="wrap-anywhere">{member}</strong> <span>{provider_name}</span>
                    {in_a_word(&health, zone)}
                </p>
                {sentence}
                {in_figures(&health, writes, zone)}
            </li>
        }
    });
    view! {
        <p class="mt-3">{sum}</p>
        <ul class="card mt-3 py-2 divide-y divide-line">{rows.collect_view()}</ul>
    }
    .into_any()
}

/// The accounts of the member who is signed in.
pub fn list(page: CalendarsPage, just_now: Done<'_>) -> Document {
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
    let none_of_mine = accounts.is_empty();
    let all = all.map(|all| {
        view! {
            <section aria-labelledby="everyone" class="mt-10">
                <h2 id="everyone" class="heading">"Accounts of all members"</h2>
                <p class="hint">
                    "How they are; what is in them is seen by nobody but their owners. Who must connect an account again is told \
                     so by mail, once."
                </p>
                {none_of_mine.then(|| zone_hint(&zone))}
                {members(all, &zone)}
            </section>
        }
    });
    let told_there = accounts.iter().any(|account| account.id == just_now.at);
    let said = if told_there { None } else { done(just_now.word, HERE) };
    let cards = accounts.into_iter().map(|account| card(account, &zone, just_now)).collect_view();
    let body = view! {
        <h1 class="title" tabindex="-1">"Calendars"</h1>
        <p class="hint mt-1">"Your calendars elsewhere, in step with your bookings here."</p>
        <div class="mt-6 grid gap-4 empty:hidden">{alert(sentence)} {form.summary()} {said}</div>
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
