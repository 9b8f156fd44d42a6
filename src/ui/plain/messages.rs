//! `/booking/messages`: what mails say and when, for each event type; and a member's own reminders.

use super::{Document, REMINDERS, UNITS, done, linked, mail_frame, select};
use crate::{
    api::mail::{EditorPage, EventTypeMails, MessagesForm, MessagesPage, ReminderRow},
    domain::event_type::{RemindWhom, length_in_words},
    ui::{
        html::{Html, el},
        staff::form::Form,
    },
};
use leptos::prelude::*;

/// Rows to fill in beside those that are set: nothing adds any while the page is open.
const EMPTY_ROWS: usize = 2;

/// All event types, and the member's own reminders.
pub fn overview(page: MessagesPage) -> Document {
    let MessagesPage { me, may_edit, event_types, mode, own, .. } = page;
    let echo = Form::new(page.echo);
    let title = echo.title("Messages");
    let about = if may_edit {
        "What mails say, when people are reminded, and whether bookings wait for approval."
    } else {
        "What is set for the event types that you host. Managers and admins can change it."
    };
    let list = if event_types.is_empty() {
        let words = if may_edit {
            "There are no event types yet."
        } else {
            "You host no event type yet. A manager or an admin can add you to one."
        };
        view! { <p class="notice mt-4">{words}</p> }.into_any()
    } else {
        let rows = event_types.into_iter().map(|row| event_type(row, may_edit)).collect_view();
        view! { <ul class="card mt-4 divide-y divide-line py-1">{rows}</ul> }.into_any()
    };
    let body = view! {
        <h1 class="title" tabindex="-1">"Messages"</h1>
        <div class="mt-4 grid gap-4 empty:hidden">{echo.summary()} {done(page.done)}</div>
        <div class="mt-6 grid gap-10 lg:grid-cols-[3fr_2fr] lg:items-start">
            <section aria-labelledby="event-types" class="min-w-0">
                <h2 id="event-types" class="heading">"Event types"</h2>
                <p class="hint">{about}</p>
                {list}
            </section>
            <section aria-labelledby="own" class="card min-w-0">
                <h2 id="own" class="heading">"My own reminders"</h2>
                {own_reminders(&mode, &own, &echo)}
            </section>
        </div>
    };
    Document { title, body: body.into_any(), staff: Some((me, "/booking/messages")) }
}

fn whom(to: RemindWhom) -> &'static str {
    match to {
        RemindWhom::Invitee => "to the invitee",
        RemindWhom::Hosts => "to the hosts",
        RemindWhom::Both => "to invitee and hosts",
    }
}

fn event_type(row: EventTypeMails, may_edit: bool) -> AnyView {
    let EventTypeMails { slug, name, active, reminders, approval, verify_email, own_words } = row;
    let mut facts: Vec<String> = reminders
        .into_iter()
        .map(|(minutes, to)| format!("Reminder {} before, {}", length_in_words(minutes), whom(to)))
        .collect();
    if facts.is_empty() {
        facts.push("No reminders".to_owned());
    }
    facts.extend(approval.map(|minutes| format!("Waits for approval, {} at most", length_in_words(minutes))));
    facts.extend(verify_email.then(|| "Addresses are verified".to_owned()));
    facts.extend(own_words.then(|| "Own words in mails".to_owned()));
    let facts = facts.into_iter().map(|fact| view! { <li>{fact}</li> }).collect_view();
    let edit = may_edit.then(|| {
        let href = format!("/booking/messages/{slug}");
        view! {
            <p><a class="button button-small" href=href>"Edit"<span class="sr-only">" "{name.clone()}</span></a></p>
        }
    });
    let closed = (!active).then(|| view! { " " <span class="badge badge-quiet">"Closed"</span> });
    view! {
        <li class="flex flex-wrap items-start justify-between gap-x-4 gap-y-2 py-3">
            <div class="min-w-0 flex-1">
                <h3 class="font-semibold wrap-anywhere">{name.clone()} {closed}</h3>
                <ul class="hint">{facts}</ul>
            </div>
            {edit}
        </li>
    }
    .into_any()
}

/// An amount of time and its unit, side by side.
fn amount(
    echo: &Form,
    row: (&'static str, &'static str),
    label: String,
    amount: &str,
    unit: &str,
) -> AnyView {
    let (name, unit_name) = row;
    view! {
        <input
            class="input" id=name name=name type="text" inputmode="numeric" maxlength="6" autocomplete="off"
            value=amount.to_owned() aria-describedby=echo.described(name, false) aria-invalid=echo.invalid(name)
        />
        {select(unit_name, label, &UNITS, unit, None, None)}
    }
    .into_any()
}

fn own_reminders(mode: &str, own: &[(String, String)], echo: &Form) -> AnyView {
    let choices = [
        ("default", "As the event types say"),
        ("none", "None at all"),
        ("own", "Always these, whatever the event type says"),
    ];
    let choices = choices.map(|(value, words)| {
        let id = if value == "default" { "mode".to_owned() } else { format!("mode-{value}") };
        view! {
            <label class="tick tick-tight" for=id.clone()>
                <input type="radio" id=id.clone() name="mode" value=value checked=value == mode/>
                <span>{words}</span>
            </label>
        }
    });
    let rows = REMINDERS.iter().take(own.len() + EMPTY_ROWS).zip(1..).map(|((name, unit_name, _), number)| {
        let (value, unit) = own.get(number - 1).cloned().unwrap_or_default();
        let unit = if unit.is_empty() { "hours".to_owned() } else { unit };
        view! {
            <div class="field">
                <label class="label" for=*name>{format!("Reminder {number}")}</label>
                <div class="amounts">
                    {amount(echo, (*name, *unit_name), format!("Unit of reminder {number}"), &value, &unit)}
                    <span>"before"</span>
                </div>
                {echo.error(name)}
            </div>
        }
    });
    view! {
        <p class="hint mt-1">"Which reminders of the bookings that you host come to you?"</p>
        <form method="post" action="/booking/messages" class="mt-3 grid gap-4">
            <fieldset>
                <legend class="sr-only">"Which reminders you get"</legend>
                {choices.into_iter().collect_view()}
                {echo.error("mode")}
            </fieldset>
            <div class="grid gap-3">{rows.collect_view()}</div>
            <p><button type="submit" class="button">"Save my reminders"</button></p>
        </form>
    }
    .into_any()
}

/// The editor of one event type.
pub fn editor(page: EditorPage) -> Document {
    let EditorPage { me, slug, name, shared, form, variables, preview, .. } = page;
    let echo = Form::new(page.echo);
    let title = echo.title(&format!("Messages: {name}"));
    let here = format!("/booking/messages/{slug}");
    let body = view! {
        <p class="mb-3"><a class="back" href="/booking/messages">"Messages"</a></p>
        <h1 class="title wrap-anywhere" tabindex="-1">{name}</h1>
        <div class="mt-4 grid gap-4 empty:hidden">{echo.summary()}</div>
        <form method="post" action=here.clone() class="mt-6 grid max-w-3xl gap-6">
            {reminders(&form.reminders, &echo)}
            {rules(&form, shared, &echo)}
            {words(&form, variables, &echo)}
            <div class="buttons">
                <button type="submit" class="button-primary">"Save"</button>
                <button type="submit" class="button" name="preview" value="yes" formaction=format!("{here}#preview")>
                    "Preview"
                </button>
            </div>
        </form>
        {preview.map(example)}
    };
    Document { title, body: body.into_any(), staff: Some((me, "/booking/messages")) }
}

fn reminders(entered: &[ReminderRow], echo: &Form) -> AnyView {
    let people = [("invitee", "the invitee"), ("hosts", "the hosts"), ("both", "invitee and hosts")];
    let rows = REMINDERS.iter().take(entered.len() + EMPTY_ROWS).zip(1..).map(|((name, unit_name, to_name), number)| {
        let row = entered.get(number - 1).cloned().unwrap_or_default();
        let unit = if row.unit.is_empty() { "hours" } else { &row.unit };
        let whose = format!("Who gets reminder {number}");
        view! {
            <div class="field">
                <label class="label" for=*name>{format!("Reminder {number}")}</label>
                <div class="amounts amounts-whom">
                    {amount(echo, (*name, *unit_name), format!("Unit of reminder {number}"), &row.amount, unit)}
                    <span>"before, to"</span>
                    {select(to_name, whose, &people, &row.to, echo.invalid(to_name), echo.described(to_name, false))}
                </div>
                {echo.error(name)} {echo.error(to_name)}
            </div>
        }
    });
    view! {
        <section aria-labelledby="reminders" class="card">
            <h2 id="reminders" class="heading">"Reminders"</h2>
            <p class="hint">
                "Up to ten mails before the start, 30 days at most. Empty lines don’t count. Save to get more lines."
            </p>
            <div class="mt-4 grid gap-4">{rows.collect_view()}</div>
        </section>
    }
    .into_any()
}

fn rules(form: &MessagesForm, shared: bool, echo: &Form) -> AnyView {
    let approval = if shared {
        let words =
            "Bookings can’t wait for approval here, because people share the seats of this event type.";
        view! { <p class="notice">{words}</p> }.into_any()
    } else {
        let (value, unit) = &form.hold;
        view! {
            <div class="field">
                <label class="tick">
                    <input
                        type="checkbox" id="approval" name="approval" value="yes" checked=form.approval
                        aria-describedby="approval-hint" aria-invalid=echo.invalid("approval")
                    />
                    <span>"Bookings wait for approval"</span>
                </label>
                <p class="hint" id="approval-hint">
                    "A booking holds its time until one of its hosts, a manager or an admin approves or declines it."
                </p>
                {echo.error("approval")}
            </div>
            <div class="field">
                <label class="label" for="hold">"If nobody decides, free the time after"</label>
                <div class="amounts">
                    {amount(echo, ("hold", "hold_unit"), "Unit of the time that a booking waits".to_owned(), value, unit)}
                </div>
                {echo.error("hold")}
            </div>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="rules" class="card">
            <h2 id="rules" class="heading">"Before a booking is made"</h2>
            <div class="mt-3 grid gap-4">
                {approval}
                <div class="field">
                    <label class="tick">
                        <input
                            type="checkbox" id="verify_email" name="verify_email" value="yes" checked=form.verify_email
                            aria-describedby="verify-hint"
                        />
                        <span>"Invitees verify their e-mail address"</span>
                    </label>
                    <p class="hint" id="verify-hint">
                        "They get a code and a link by mail. The booking is made once one of them is used."
                    </p>
                </div>
            </div>
        </section>
    }
    .into_any()
}

fn words(form: &MessagesForm, variables: Vec<(String, String)>, echo: &Form) -> AnyView {
    let subject = view! {
        <input
            class="input" id="subject" name="subject" type="text" maxlength="200" autocomplete="off"
            value=form.subject.clone() aria-describedby=echo.described("subject", true) aria-invalid=echo.invalid("subject")
        />
    };
    let paragraph = el("textarea")
        .class("input")
        .attr("id", "paragraph")
        .attr("name", "paragraph")
        .attr("rows", "5")
        .attr("maxlength", "2000")
        .attr("aria-describedby", echo.described("paragraph", true))
        .attr("aria-invalid", echo.invalid("paragraph"))
        .child(form.paragraph.clone());
    let rows = variables.into_iter().map(|(name, what)| {
        view! { <div><dt><code>{format!("{{{{{name}}}}}")}</code></dt><dd>{what}</dd></div> }
    });
    let subject_hint = "Of confirmations, instead of ours. Empty: ours.";
    let paragraph_hint =
        "One more paragraph in mails to invitees and guests: how to get there, what to bring.";
    view! {
        <section aria-labelledby="words" class="card">
            <h2 id="words" class="heading">"Own words in mails"</h2>
            <div class="mt-3 grid gap-4">
                {echo.field("subject", "Subject", Some(subject_hint.into_any()), subject.into_any())}
                {echo.field("paragraph", "Paragraph", Some(paragraph_hint.into_any()), Html::from(paragraph).into_any())}
                <details>
                    <summary class="button button-small">"What can be filled in"</summary>
                    <dl class="rows mt-3">{rows.collect_view()}</dl>
                </details>
            </div>
        </section>
    }
    .into_any()
}

fn example((subject, text, html): (String, String, String)) -> AnyView {
    view! {
        <section id="preview" aria-labelledby="example" class="mt-10 max-w-3xl scroll-mt-4">
            <h2 id="example" class="heading">"Example: a confirmation, to the invitee"</h2>
            <p class="hint">"Nothing is saved yet. The links of the example lead nowhere."</p>
            <p class="mt-3 wrap-anywhere"><span class="text-muted">"Subject: "</span> <strong>{subject}</strong></p>
            {mail_frame(&html)}
            <h2 class="heading mt-6">"As plain text"</h2>
            <div class="mt-2">{linked(&text)}</div>
        </section>
    }
    .into_any()
}
