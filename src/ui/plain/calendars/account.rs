//! The page of one account.

use super::{
    HERE, alert,
    connect::{self, Filled, password_fields},
    done, press, shown_health,
};
use crate::{
    api::calendars::{AccountPage, Again, LogLine, ShownCalendar},
    domain::zone::ZoneRules,
    ui::{
        plain::{Document, pager, when, zone_hint},
        staff::form::Form,
    },
};
use leptos::prelude::*;

fn tick(name: &'static str, words: &'static str, hint: &'static str, on: bool) -> AnyView {
    view! {
        <label class="tick">
            <input type="checkbox" name=name checked=on/>
            <span class="min-w-0">{words} <span class="hint block">{hint}</span></span>
        </label>
    }
    .into_any()
}

fn choice(
    name: &'static str,
    legend: &'static str,
    choices: [(&'static str, &'static str); 2],
    chosen: &str,
) -> AnyView {
    let boxes = choices.map(|(value, words)| {
        view! {
            <label class="tick tick-tight">
                <input type="radio" name=name value=value checked=value == chosen/>
                <span>{words}</span>
            </label>
        }
    });
    view! {
        <fieldset class="field">
            <legend class="label">{legend}</legend>
            {boxes.into_iter().collect_view()}
        </fieldset>
    }
    .into_any()
}

/// What is chosen for a calendar.
fn settings(calendar: &ShownCalendar, here: &str) -> AnyView {
    let action = format!("{here}/{}", calendar.id);
    let meetings = calendar.meetings.map(|on| {
        tick(
            "meetings",
            "Ask for a link to an online meeting",
            "The provider makes one for each booking whose place is an online meeting.",
            on,
        )
    });
    let written = calendar.writable.then(|| {
        view! {
            {choice(
                "outside",
                "When the entry of a booking is moved or deleted there",
                [
                    ("adopt", "move or cancel the booking, if the new time can be booked; else show it to me"),
                    ("flag", "leave the booking as it is, and show it to me"),
                ],
                &calendar.outside,
            )}
            {choice(
                "invites",
                "Who writes to the invitee",
                [("us", "this server, by mail"), ("provider", "the provider, as with any other event of mine")],
                &calendar.invites,
            )}
            {meetings}
        }
    });
    // A form needs every choice, whether it can be made or not.
    let kept = (!calendar.writable).then(|| {
        view! {
            <input type="hidden" name="outside" value=calendar.outside.clone()/>
            <input type="hidden" name="invites" value=calendar.invites.clone()/>
        }
    });
    view! {
        <form method="post" action=action class="mt-4 grid gap-5">
            {tick(
                "syncs",
                "Read this calendar",
                "A calendar that bookings are written to is always read.",
                calendar.syncs,
            )}
            {tick("conflicts", "Its events take time", "Nobody can book you while one of them goes on.", calendar.conflicts)}
            {tick(
                "tentative",
                "Tentative events take time, too",
                "Those that you have not accepted for certain.",
                calendar.tentative,
            )}
            {choice(
                "silent",
                "When somebody books, and the calendar does not answer",
                [
                    ("book", "book, going by what was read last"),
                    ("refuse", "refuse, and ask to try again in a moment"),
                ],
                &calendar.silent,
            )}
            {written}
            {kept}
            <p><button type="submit" class="button-primary">
                "Save" <span class="sr-only">{format!(" {}", calendar.name)}</span>
            </button></p>
        </form>
    }
    .into_any()
}

fn calendar(calendar: &ShownCalendar, here: &str, zone: &ZoneRules) -> AnyView {
    let usable = calendar.present && calendar.twin.is_none();
    let last = calendar.last.filter(|_| calendar.syncs).map(|last| {
        view! { <p class="hint">"Read last: " {when(zone, last)}</p> }
    });
    let settings = usable.then(|| {
        let label = format!(" of {}", calendar.name);
        view! {
            <details class="mt-2">
                <summary class="link cursor-pointer">"Settings" <span class="sr-only">{label}</span></summary>
                {settings(calendar, here)}
            </details>
        }
    });
    let account = here.rsplit('/').next().unwrap_or_default();
    view! {
        <div class="card min-w-0">
            <ul>{super::listed(calendar, account)}</ul>
            {last}
            {settings}
        </div>
    }
    .into_any()
}

fn again(again: Again, provider: &'static str, name: &'static str) -> AnyView {
    match again {
        Again::Consent => view! {
            <p class="mb-3">
                {format!("When {name} no longer accepts our access, or permissions are missing. Nothing that you chose is lost.")}
            </p>
            {connect::consent(provider, format!("Connect it again at {name}"))}
        }
        .into_any(),
        Again::Password { url, user } => {
            let form = Form::default();
            view! {
                <form method="post" action="/booking/calendars/password" class="grid gap-5">
                    <p>"When the password was changed. Nothing that you chose is lost."</p>
                    <input type="hidden" name="provider" value=provider/>
                    {password_fields(&form, &Filled { url, user })}
                    <p><button type="submit" class="button">"Connect it again"</button></p>
                </form>
            }
            .into_any()
        }
        Again::Feed => view! {
            <p>
                "Enter the feed's address, or upload the file, once more under "
                <a class="link" href=format!("{HERE}#connect")>"Connect an account"</a> "."
            </p>
        }
        .into_any(),
    }
}

fn log(lines: Vec<LogLine>, zone: &ZoneRules, later: bool) -> AnyView {
    if lines.is_empty() {
        let sentence = if later { "There is nothing older." } else { "Nothing was done yet." };
        return view! { <p class="notice mt-3">{sentence}</p> }.into_any();
    }
    let rows = lines.into_iter().map(|line| {
        let LogLine { at, calendar, sentence, went_well } = line;
        let failed = (!went_well).then(|| view! { <span class="badge badge-bad">"Failed"</span> " " });
        let calendar = (!calendar.is_empty()).then(|| view! { <span class="hint">{calendar} ": "</span> });
        view! {
            <li class="py-2">
                <span class="hint">{when(zone, at)}</span> " " {failed} {calendar}
                <span class="wrap-anywhere">{sentence}</span>
            </li>
        }
    });
    view! { <ol class="card mt-3 divide-y divide-line">{rows.collect_view()}</ol> }.into_any()
}

/// One account. `word`: what was done just now.
pub fn one(page: AccountPage, word: &str) -> Document {
    let AccountPage {
        me,
        zone,
        account,
        since,
        again: way,
        writes,
        log: lines,
        older,
        later,
        alert: sentence,
    } = page;
    let here = format!("{HERE}/{}", account.id);
    let refused = sentence.is_some();
    let title = format!("{}{}", if refused { "Error: " } else { "" }, account.label);
    let calendars = account.calendars.iter().map(|one| calendar(one, &here, &zone)).collect_view();
    let stays = if writes {
        "Events that were written to its calendars stay there. Everything that is known of it here is forgotten: its events \
         take no time any more, and changes that wait are not written. Our access is taken back at the provider."
    } else {
        "Everything that is known of it here is forgotten, and its events take no time any more."
    };
    let body = view! {
        <p><a class="back" href=HERE>"All calendars"</a></p>
        <h1 class="title mt-2 wrap-anywhere" tabindex="-1">{account.label.clone()}</h1>
        <p class="hint mt-1">{account.provider_name} ", connected " {when(&zone, since)}</p>
        <div class="mt-6 grid gap-4 empty:hidden">{alert(sentence)} {done(word)}</div>
        <section aria-labelledby="health" class="card mt-6">
            <div class="flex flex-wrap items-start justify-between gap-3">
                <h2 id="health" class="heading">"How it is"</h2>
                {press(format!("{here}/sync"), None, "Sync now", "")}
            </div>
            {shown_health(&account.health, &zone)}
        </section>
        <section aria-labelledby="calendars" class="mt-8">
            <h2 id="calendars" class="heading">"Calendars"</h2>
            {zone_hint(&zone)}
            <div class="mt-3 grid gap-4">{calendars}</div>
        </section>
        <section aria-labelledby="again" class="mt-8">
            <h2 id="again" class="heading mb-3" tabindex="-1">"Connect again"</h2>
            <div class="card">{again(way, account.provider, account.provider_name)}</div>
        </section>
        <section aria-labelledby="log" class="mt-8">
            <h2 id="log" class="heading" tabindex="-1">"What was done"</h2>
            {log(lines, &zone, later)}
            {pager(&here, "", later, older)}
        </section>
        <section aria-labelledby="disconnect" class="mt-8">
            <h2 id="disconnect" class="heading mb-3">"Disconnect"</h2>
            <details class="card">
                <summary class="button">"Disconnect this account …"</summary>
                <form method="post" action=format!("{here}/disconnect") class="mt-4 grid gap-3">
                    <p>{stays}</p>
                    <p><button type="submit" class="button-danger">"Disconnect"</button></p>
                </form>
            </details>
        </section>
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}
