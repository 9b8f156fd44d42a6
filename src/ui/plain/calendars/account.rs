//! The page of one account.

use super::{
    HERE, alert,
    connect::{self, Filled, feed_field, password_fields},
    done, needs_owner, shown_health, sync_now,
};
use crate::{
    api::calendars::{Account, AccountPage, Again, LogLine, ShownCalendar},
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
            {tick(
                "conflicts",
                "Count its events as busy",
                "Nobody can book you while one of them goes on.",
                calendar.conflicts,
            )}
            {tick(
                "tentative",
                "Count tentative events as busy, too",
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

fn calendar(calendar: &ShownCalendar, account: &Account, zone: &ZoneRules) -> AnyView {
    let here = format!("{HERE}/{}", account.id);
    let usable = calendar.present && calendar.twin.is_none();
    let last = calendar.last.filter(|_| calendar.syncs).map(|last| {
        view! { <p class="hint mt-2">"Read last: " {when(zone, last)}</p> }
    });
    let settings = usable.then(|| {
        let label = format!(" of {}", calendar.name);
        view! {
            <details class="mt-2">
                <summary class="link cursor-pointer">"Settings" <span class="sr-only">{label}</span></summary>
                {settings(calendar, &here)}
            </details>
        }
    });
    view! {
        <li class="card min-w-0">
            {super::listed(calendar, account, false)}
            {last}
            {settings}
        </li>
    }
    .into_any()
}

/// The way to connect an account again, with what was refused of it.
fn again(again: Again, account: &Account, form: &Form) -> AnyView {
    let (provider, name, id) = (account.provider, account.provider_name, account.id.clone());
    match again {
        Again::Consent => view! {
            <p class="mb-3">
                {format!("When {name} no longer accepts our access, or permissions are missing. Nothing that you chose is lost.")}
            </p>
            {connect::consent(provider, &id, format!("Connect it again at {name}"))}
        }
        .into_any(),
        Again::Password { url, user } => view! {
            <form method="post" action="/booking/calendars/password" class="grid gap-5">
                <p>"When the password was changed. Nothing that you chose is lost."</p>
                <input type="hidden" name="provider" value=provider/>
                <input type="hidden" name="account" value=id/>
                {password_fields(form, &Filled { url, user }, false)}
                <p><button type="submit" class="button-primary">"Connect it again"</button></p>
            </form>
        }
        .into_any(),
        Again::Feed => view! {
            <form method="post" action="/booking/calendars/feed" class="grid gap-5">
                <p>"When the feed has another address. Nothing that you chose is lost."</p>
                <input type="hidden" name="account" value=id/>
                {feed_field(form, "Its address now", "The one before is not shown again: it is a secret.")}
                <p><button type="submit" class="button-primary">"Subscribe again"</button></p>
            </form>
        }
        .into_any(),
        Again::File => view! {
            <p>
                "Upload the file under its name once more, at "
                <a class="link" href=format!("{HERE}#connect-ical")>"Connect an account"</a>
                ". Nothing that you chose is lost."
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
            <li class="py-2 grid gap-x-4 sm:grid-cols-[14rem_1fr]">
                <span class="hint">{when(zone, at)}</span>
                <p class="min-w-0 wrap-anywhere">{failed} {calendar} {sentence}</p>
            </li>
        }
    });
    view! { <ol class="card mt-3 py-2 divide-y divide-line">{rows.collect_view()}</ol> }.into_any()
}

/// One account. `word`: what was done just now.
pub fn one(page: AccountPage, word: &str) -> Document {
    let AccountPage { me, zone, account, since, again: way, log: lines, older, later, alert: sentence, echo } =
        page;
    let here = format!("{HERE}/{}", account.id);
    let form = Form::new(echo);
    let refused = sentence.is_some() || form.refused();
    let title = format!("{}{}", if refused { "Error: " } else { "" }, account.label);
    let calendars = account.calendars.iter().map(|one| calendar(one, &account, &zone)).collect_view();
    let stays = if account.writes {
        "Events that were written to its calendars stay there. Everything that is known of it here is forgotten: its events \
         take no time any more, and changes that wait are not written. Our access is taken back at the provider."
    } else {
        "Everything that is known of it here is forgotten, and its events take no time any more."
    };
    let words = if way == Again::File { "Upload it again" } else { "Connect it again" };
    let way = again(way, &account, &form);
    // Whoever has to do it finds it before everything else.
    let (before, after) = if needs_owner(&account) || form.refused() {
        let first = view! {
            <section aria-labelledby="again" class="mt-8">
                <h2 id="again" class="heading mb-3" tabindex="-1">{words}</h2>
                <div class="card">{way}</div>
            </section>
        };
        (Some(first), None)
    } else {
        let folded = view! {
            <details id="again" class="card">
                <summary class="button">{words} " …"</summary>
                <div class="mt-4">{way}</div>
            </details>
        };
        (None, Some(folded))
    };
    let body = view! {
        <p><a class="back" href=HERE>"All calendars"</a></p>
        <h1 class="title mt-2 wrap-anywhere" tabindex="-1">{account.label.clone()}</h1>
        <p class="hint mt-1">{account.provider_name} ", connected " {when(&zone, since)}</p>
        <div class="mt-6 grid gap-4 empty:hidden">{alert(sentence)} {form.summary()} {done(word, &here)}</div>
        <section aria-labelledby="health" class="card mt-6">
            <div class="flex items-start justify-between gap-3">
                <h2 id="health" class="heading">"How it is"</h2>
                {sync_now(&account, "", false)}
            </div>
            {shown_health(&account, &zone)}
        </section>
        {before}
        <section aria-labelledby="calendars" class="mt-8">
            <h2 id="calendars" class="heading">"Calendars"</h2>
            {zone_hint(&zone)}
            <ul class="mt-3 grid gap-4">{calendars}</ul>
        </section>
        <section aria-labelledby="log" class="mt-8">
            <h2 id="log" class="heading" tabindex="-1">"What was done"</h2>
            {log(lines, &zone, later)}
            {pager(&here, "", later, older)}
        </section>
        <section aria-labelledby="access" class="mt-8">
            <h2 id="access" class="heading mb-3">"Access"</h2>
            <div class="grid gap-4">
                {after}
                <details class="card">
                    <summary class="button">"Disconnect this account …"</summary>
                    <form method="post" action=format!("{here}/disconnect") class="mt-4 grid gap-3">
                        <p>{stays}</p>
                        <p><button type="submit" class="button-danger">"Disconnect"</button></p>
                    </form>
                </details>
            </div>
        </section>
    };
    Document { title, body: body.into_any(), staff: Some((me, HERE)) }
}
