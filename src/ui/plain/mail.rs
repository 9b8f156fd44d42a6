//! `/booking/mail` and `/booking/mailbox`.

use super::{Document, done, linked, mail_frame, pager, when, zone_hint};
use crate::{
    api::mail::{
        MailForm, MailPage, MailServer, MailboxPage, MessageLine, MessagePage, Tested, Trouble, Way, Written,
    },
    domain::zone::ZoneRules,
    ui::{format, query::encode, staff::form::Form},
};
use leptos::prelude::*;

/// How the workspace sends mail.
pub fn settings(page: MailPage) -> Document {
    let MailPage { me, zone, way, from, form, has_password, password_lost, trouble, my_address, .. } = page;
    let echo = Form::new(page.echo);
    let title = echo.title("Mail");
    let lost = password_lost.then(|| {
        let words = "The password of the mail server was kept with another secret of this server and can't be read \
                     any more. Please enter it again: until then, mail waits.";
        view! { <p class="alert-error">{words}</p> }
    });
    let forget = match &way {
        Way::Own(_) => Some(forget()),
        _ => None,
    };
    let body = view! {
        <h1 class="title" tabindex="-1">"Mail"</h1>
        <div class="mt-4 grid gap-4 empty:hidden">
            {echo.summary()} {done(page.done)} {page.tested.map(tested)} {lost}
            {trouble.map(|trouble| troubled(trouble, &zone))}
        </div>
        <div class="mt-6 grid gap-8 lg:grid-cols-[3fr_2fr] lg:items-start">
            <section aria-labelledby="server" class="card min-w-0">
                <h2 id="server" class="heading">"Mail server of this workspace"</h2>
                {editor(&form, &echo, has_password, matches!(way, Way::Own(_)))}
            </section>
            <div class="grid gap-6 min-w-0 max-lg:order-first">
                {now(&way, from)}
                <section aria-labelledby="test" class="card">
                    <h2 id="test" class="heading">"Does it work?"</h2>
                    <form method="post" action="/booking/mail/test" class="mt-2 grid justify-items-start gap-3">
                        <p class="hint wrap-anywhere">
                            "A short mail to " <strong>{my_address}</strong> ", with what is saved."
                        </p>
                        <button type="submit" class="button">"Send me a test"</button>
                    </form>
                </section>
                {forget}
            </div>
        </div>
    };
    Document { title, body: body.into_any(), staff: Some((me, "/booking/mail")) }
}

fn protection(security: &str) -> &'static str {
    match security {
        "tls" => "TLS",
        "none" => "no encryption",
        _ => "STARTTLS",
    }
}

fn server(server: &MailServer) -> AnyView {
    let MailServer { host, port, security, username } = server.clone();
    let user = if username.is_empty() { "nobody signs in".to_owned() } else { username };
    view! {
        <dl class="rows mt-3">
            <div><dt>"Server"</dt><dd class="wrap-anywhere">{host} ", port " {port.to_string()}</dd></div>
            <div><dt>"Protected by"</dt><dd>{protection(security)}</dd></div>
            <div><dt>"User"</dt><dd class="wrap-anywhere">{user}</dd></div>
        </dl>
    }
    .into_any()
}

/// How mail leaves at the moment, in words.
fn now(way: &Way, from: String) -> AnyView {
    let (words, server) = match way {
        Way::Own(own) => {
            (view! { "Mail is sent through the server that you set." }.into_any(), Some(server(own)))
        }
        Way::Operator(own) => {
            let words = "Mail is sent through the server that the operator set for everyone. You can set another one \
                         for this workspace.";
            (words.into_any(), Some(server(own)))
        }
        Way::Mailbox => {
            let words = view! {
                <strong>"Nothing leaves this machine"</strong> ": mail is kept in the "
                <a class="link" href="/booking/mailbox">"mailbox"</a> " until you set a mail server."
            };
            (words.into_any(), None)
        }
    };
    view! {
        <section aria-labelledby="now" class="card min-w-0">
            <h2 id="now" class="heading">"Now"</h2>
            <p class="mt-1">{words}</p>
            {server}
            <p class="hint mt-3 wrap-anywhere">"Mails come from " {from}</p>
        </section>
    }
    .into_any()
}

fn tested(tested: Tested) -> AnyView {
    match tested {
        Tested::Sent => {
            view! { <p role="status" class="notice notice-good">"The server took the test. Please look into your inbox."</p> }
                .into_any()
        }
        Tested::Kept => view! {
            <p role="status" class="notice">
                "The test is in the " <a class="link" href="/booking/mailbox">"mailbox"</a>
                ": no mail server is set, so nothing leaves this machine."
            </p>
        }
        .into_any(),
        Tested::Failed(sentence) => view! {
            <div role="alert" class="alert-error" id="test-failed">
                <p class="font-semibold">"The test did not get through"</p>
                <p class="wrap-anywhere">{sentence}</p>
            </div>
        }
        .into_any(),
    }
}

fn troubled(trouble: Trouble, zone: &ZoneRules) -> AnyView {
    let waiting = match trouble.waiting {
        0 => "No mail waits.".to_owned(),
        1 => "1 mail waits, and is tried again by itself.".to_owned(),
        many => format!("{many} mails wait, and are tried again by themselves."),
    };
    view! {
        <div class="alert-error">
            <p class="font-semibold">"Mail has not got through since " {when(zone, trouble.since)}</p>
            <p class="wrap-anywhere">{trouble.error}</p>
            <p>{waiting}</p>
        </div>
    }
    .into_any()
}

/// A field of one line.
struct Line {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    hint: Option<&'static str>,
    required: bool,
    most: &'static str,
}

/// The field, with what is set or was entered.
fn line(echo: &Form, value: &str, line: Line) -> AnyView {
    let Line { name, label, kind, hint, required, most } = line;
    let control = view! {
        <input
            class="input" id=name name=name type=kind value=value.to_owned() required=required maxlength=most
            autocomplete="off" autocapitalize="none" spellcheck="false"
            aria-describedby=echo.described(name, hint.is_some()) aria-invalid=echo.invalid(name)
        />
    };
    echo.field(name, label, hint.map(IntoAny::into_any), control.into_any())
}

fn security(echo: &Form, chosen: &str) -> AnyView {
    let choices = [
        ("starttls", "STARTTLS", "Begins in the open, then encrypts. Usual on port 587."),
        ("tls", "TLS", "Encrypted from the first byte. Usual on port 465."),
        (
            "none",
            "No encryption",
            "Everyone on the way can read the mails and the password. Only for a server on this machine or in a network \
             that you trust.",
        ),
    ];
    let choices = choices.map(|(value, words, hint)| {
        let id = if value == "starttls" { "security".to_owned() } else { format!("security-{value}") };
        let about = format!("security-{value}-about");
        view! {
            <div>
                <label class="tick tick-tight" for=id.clone()>
                    <input type="radio" id=id.clone() name="security" value=value checked=value == chosen aria-describedby=about.clone()/>
                    <span>{words}</span>
                </label>
                <p class="hint pl-8" id=about>{hint}</p>
            </div>
        }
    });
    view! {
        <fieldset class="field">
            <legend class="label">"Connection"</legend>
            {choices.into_iter().collect_view()}
            {echo.error("security")}
        </fieldset>
    }
    .into_any()
}

fn editor(form: &MailForm, echo: &Form, has_password: bool, own: bool) -> AnyView {
    let hint = if has_password {
        "A password is kept. Leave this empty to keep it; it is never shown."
    } else {
        "It is kept encrypted and never shown."
    };
    let password = view! {
        <input
            class="input" id="password" name="password" type="password" autocomplete="off" maxlength="500"
            aria-describedby=echo.described("password", true) aria-invalid=echo.invalid("password")
        />
    };
    let remove = has_password.then(|| {
        view! {
            <label class="tick">
                <input type="checkbox" name="remove_password" value="yes" checked=form.remove_password/>
                <span>"Remove the password"</span>
            </label>
        }
    });
    let needed = |name, label, kind, hint, most| Line { name, label, kind, hint, required: true, most };
    let optional = |name, label, hint, most| {
        let hint = Some(hint);
        Line { name, label, kind: "text", hint, required: false, most }
    };
    let host = needed("host", "Server", "text", None, "253");
    let port = needed("port", "Port", "text", None, "5");
    let user = optional("username", "User", "Leave this empty if the server asks for none.", "254");
    let name = optional("from_name", "Sender’s name", "Leave this empty for the workspace’s name.", "120");
    let hint_of_address = "Replies come here. The server must allow this sender.";
    let address = needed("from_address", "Sender’s address", "email", Some(hint_of_address), "254");
    view! {
        <form method="post" action="/booking/mail" class="mt-4 grid gap-5" novalidate>
            <div class="grid gap-5 sm:grid-cols-[1fr_9rem]">
                {line(echo, &form.host, host)} {line(echo, &form.port, port)}
            </div>
            {security(echo, &form.security)}
            {line(echo, &form.username, user)}
            <div>
                {echo.field("password", "Password", Some(hint.into_any()), password.into_any())}
                {remove}
            </div>
            {line(echo, &form.from_name, name)}
            {line(echo, &form.from_address, address)}
            <p><button type="submit" class="button-primary">{if own { "Save" } else { "Use this server" }}</button></p>
        </form>
    }
    .into_any()
}

/// Back to what was before.
fn forget() -> AnyView {
    view! {
        <section aria-labelledby="forget" class="card">
            <h2 id="forget" class="heading">"Back to the mailbox"</h2>
            <form method="post" action="/booking/mail/forget" class="mt-2 grid justify-items-start gap-3">
                <p class="hint">
                    "Forgets this server and its password. Mail then goes through the operator’s server if there is one, and "
                    "else stays in the mailbox."
                </p>
                <button type="submit" class="button">"Forget this server"</button>
            </form>
        </section>
    }
    .into_any()
}

/// A word for what a mail says.
fn kind(kind: &str) -> String {
    let words = match kind {
        "confirmed" => "Confirmation",
        "pending" => "Waits for approval",
        "approved" => "Approved",
        "declined" => "Declined",
        "expired" => "Not decided in time",
        "moved" => "Moved",
        "cancelled" => "Cancelled",
        "guests" => "Guests changed",
        "reminder" => "Reminder",
        "released" => "No longer takes part",
        "portal-link" => "Sign-in link",
        "verify" => "Address check",
        "webhook-disabled" => "Webhook switched off",
        "test" => "Test",
        other => return other.to_owned(),
    };
    words.to_owned()
}

fn status(status: &str) -> AnyView {
    let (class, words) = match status {
        "waiting" => ("badge", "Waiting"),
        "sent" => ("badge badge-good", "Sent"),
        "kept" => ("badge badge-quiet", "Kept here"),
        "refused" => ("badge badge-bad", "Refused"),
        _ => ("badge badge-bad", "Failed"),
    };
    view! { <span class=class>{words}</span> }.into_any()
}

/// All mails of the workspace.
pub fn mailbox(page: MailboxPage) -> Document {
    let MailboxPage { me, zone, leaves, address, messages, later, next } = page;
    let narrowed = !address.is_empty();
    let query = if narrowed { format!("address={}", encode(&address)) } else { String::new() };
    let about = if leaves {
        "What was sent to whom, and what became of it."
    } else {
        "Nothing leaves this machine: no mail server is set, so every mail is kept here."
    };
    let set = (!leaves).then(|| {
        view! { " " <a class="link" href="/booking/mail">"Set a mail server"</a> }
    });
    let none = messages.is_empty().then(|| {
        let words = match (narrowed, later) {
            (true, _) => "No mail went to this address.",
            (false, true) => "There are no older mails.",
            (false, false) => {
                "There is no mail yet. Book one of your services, and the confirmation appears here."
            }
        };
        view! { <p class="notice mt-4">{words}</p> }
    });
    let all = narrowed.then(|| view! { <a class="link self-center" href="/booking/mailbox">"Show all"</a> });
    let list = (!messages.is_empty()).then(|| {
        let lines = messages.into_iter().map(|line| message_line(line, &zone)).collect_view();
        view! { <ul class="card mt-4 divide-y divide-line py-1">{lines}</ul> }
    });
    let body = view! {
        <h1 class="title" tabindex="-1">"Mailbox"</h1>
        <p class="mt-2">{about} {set}</p>
        <form method="get" action="/booking/mailbox" class="mt-5 grid gap-1">
            <label class="label" for="address">"Mails to"</label>
            <div class="flex flex-wrap gap-3">
                <input
                    class="input sm:max-w-80" id="address" name="address" type="text" inputmode="email" value=address
                    maxlength="254" autocomplete="off" autocapitalize="none" spellcheck="false"
                />
                <button type="submit" class="button">"Find"</button>
                {all}
            </div>
        </form>
        <section aria-labelledby="mails" class="mt-8">
            <h2 id="mails" class="heading">{if later { "Older mails" } else { "Newest mails" }}</h2>
            {zone_hint(&zone)}
            {none} {list} {pager("/booking/mailbox", &query, later, next)}
        </section>
    };
    Document { title: "Mailbox".to_owned(), body: body.into_any(), staff: Some((me, "/booking/mailbox")) }
}

fn message_line(line: MessageLine, zone: &ZoneRules) -> AnyView {
    let href = format!("/booking/mailbox/{}", line.id);
    let error =
        (!line.error.is_empty()).then(|| view! { <p class="field-error wrap-anywhere">{line.error}</p> });
    view! {
        <li class="grid gap-x-4 gap-y-1 py-3 sm:grid-cols-[1fr_auto]">
            <div class="min-w-0">
                <h3 class="font-semibold wrap-anywhere"><a class="link" href=href>{line.subject}</a></h3>
                <p class="hint wrap-anywhere">"To " {line.recipient} " · " {kind(&line.kind)}</p>
                {error}
            </div>
            <p class="hint flex flex-wrap items-center gap-x-3 gap-y-1 sm:flex-col sm:items-end">
                {status(&line.status)} {when(zone, line.at)}
            </p>
        </li>
    }
    .into_any()
}

/// One mail.
pub fn message(page: MessagePage) -> Document {
    let MessagePage { me, zone, line, settled, written, can_send, sent_again } = page;
    let here = format!("/booking/mailbox/{}", line.id);
    let again = can_send.then(|| {
        view! {
            <form method="post" action=format!("{here}/again")>
                <button type="submit" class="button-primary">"Send again"</button>
            </form>
        }
    });
    let file = written.is_some().then(|| {
        view! { <a class="button" download href=format!("{here}/mail.eml")>"Download the mail"</a> }
    });
    let settled = settled.map(|at| {
        let words = match line.status.as_str() {
            "sent" => "Sent",
            "kept" => "Kept here",
            "refused" => "Refused",
            _ => "Given up",
        };
        view! { <div><dt>{words}</dt><dd>{when(&zone, at)}</dd></div> }
    });
    let error = (!line.error.is_empty()).then(
        || view! { <div><dt>"What happened"</dt><dd class="wrap-anywhere">{line.error.clone()}</dd></div> },
    );
    let from = written.as_ref().map(|written| written.from.clone());
    let content = match written {
        Some(written) => contents(written),
        None => view! { <p class="notice">"This mail can’t be written out any more."</p> }.into_any(),
    };
    let body = view! {
        <p class="mb-3"><a class="back" href="/booking/mailbox">"Mailbox"</a></p>
        <h1 class="title wrap-anywhere" tabindex="-1">{line.subject.clone()}</h1>
        <div class="mt-4 grid gap-4 empty:hidden">
            {done(sent_again.then_some("The mail is in line again."))}
        </div>
        <dl class="rows mt-4">
            {from.map(|from| view! { <div><dt>"From"</dt><dd class="wrap-anywhere">{from}</dd></div> })}
            <div><dt>"To"</dt><dd class="wrap-anywhere">{line.recipient.clone()}</dd></div>
            <div><dt>"About"</dt><dd>{kind(&line.kind)}</dd></div>
            <div><dt>"Status"</dt><dd>{status(&line.status)}</dd></div>
            <div><dt>"Written"</dt><dd>{when(&zone, line.at)}</dd></div>
            {settled} {error}
        </dl>
        <p class="hint mt-2">{format!("Times in {}.", format::zone_name(zone.name()))}</p>
        <p class="notice mt-4">
            "Whoever reads a mail can follow its links as if they were its reader. Only admins see this page, and that you "
            "opened it is in the audit log."
        </p>
        <div class="buttons">{again} {file}</div>
        {content}
    };
    Document { title: line.subject, body: body.into_any(), staff: Some((me, "/booking/mailbox")) }
}

fn contents(written: Written) -> AnyView {
    let Written { headers, text, html, calendar, .. } = written;
    let calendar = calendar.map(|calendar| {
        view! {
            <section aria-labelledby="calendar" class="mt-8">
                <h2 id="calendar" class="heading">"Calendar entry"</h2>
                <details class="mt-3">
                    <summary class="button button-small">"Show the calendar entry"</summary>
                    <pre class="source mt-3">{calendar}</pre>
                </details>
            </section>
        }
    });
    view! {
        <section aria-labelledby="html" class="mt-8">
            <h2 id="html" class="heading">"As HTML"</h2>
            {mail_frame(&html)}
        </section>
        <section aria-labelledby="text" class="mt-8">
            <h2 id="text" class="heading">"As plain text"</h2>
            <div class="mt-3">{linked(&text)}</div>
        </section>
        {calendar}
        <section aria-labelledby="headers" class="mt-8">
            <h2 id="headers" class="heading">"Headers"</h2>
            <details class="mt-3">
                <summary class="button button-small">"Show the headers"</summary>
                <pre class="source mt-3">{headers}</pre>
            </details>
        </section>
    }
    .into_any()
}
