//! The customer portal: `/my/{workspace}` and what lies below it.

use super::Document;
use crate::{
    api::{
        portal::{DeletePage, Deleted, DoorMark, PortalDoor, PortalItem, PortalPage},
        public::WorkspaceRef,
    },
    domain::{appointment::BookingStatus, assignment::Assignment},
    ui::{format, query::encode, staff::form::Form},
};
use leptos::prelude::*;

fn document(title: String, body: AnyView) -> Document {
    Document { title, body, staff: None }
}

/// A page of one thing to do.
fn receipt(workspace: &WorkspaceRef, title: &'static str, rest: AnyView) -> AnyView {
    view! {
        <div class="receipt">
            <div class="receipt-head">
                <p class="hint">{workspace.name.clone()}</p>
                <h1 class="title" tabindex="-1">{title}</h1>
            </div>
            {rest}
        </div>
    }
    .into_any()
}

/// The page that asks for an address.
pub fn door(page: PortalDoor) -> Document {
    let PortalDoor { workspace, mark, echo } = page;
    let form = Form::new(echo);
    let (title, said) = match mark {
        DoorMark::None => ("Your appointments", None),
        DoorMark::Sent => (
            "Look into your mailbox",
            Some(
                "If there are appointments under the address that you entered, a mail with a link is on its way to it. \
                 The link works for 30 minutes, and once.",
            ),
        ),
        DoorMark::Stale => (
            "This link doesn't work any more",
            Some("It was used before, or is older than 30 minutes. Here you can get a new one."),
        ),
        DoorMark::SignedOut => ("You are signed out", None),
    };
    let lead = match mark {
        DoorMark::Sent => {
            "Nothing there after a few minutes? Look among the unwanted mails, or try another address that you may have \
             booked with."
        }
        _ => {
            "See, move and cancel what you have booked. Enter the address that you booked with, and we mail you a link \
             that signs you in. There is no password."
        }
    };
    let button = if mark == DoorMark::Sent { "Send another link" } else { "Send me a link" };
    let control = view! {
        <input
            class="input" id="email" name="email" type="email" required=true autocomplete="email" maxlength="254"
            value=form.value("email", "") aria-invalid=form.invalid("email")
            aria-describedby=form.described("email", false)
        />
    };
    let rest = view! {
        {form.summary()}
        {said.map(|said| view! { <p role="status" class="notice">{said}</p> })}
        <p>{lead}</p>
        <form method="post" action=format!("/my/{}/link", workspace.slug) class="grid justify-items-start gap-4">
            <div class="w-full">{form.field("email", "E-mail address", None, control.into_any())}</div>
            <button type="submit" class="button-primary">{button}</button>
        </form>
        <p><a class="link" href=format!("/book/{}", workspace.slug)>"Book an appointment"</a></p>
    };
    let full = form.title(&format!("{title} – {}", workspace.name));
    document(full, receipt(&workspace, title, rest.into_any()))
}

/// Where a mailed link leads.
pub fn door_step(workspace: &WorkspaceRef) -> Document {
    let rest = view! {
        <p>"Your address is confirmed. This browser stays signed in until you sign out, or for a week without a visit."</p>
        <form method="post">
            <button type="submit" class="button-primary">"Show my appointments"</button>
        </form>
        <p class="hint">"On a device that others use, remember to sign out."</p>
    };
    let title = "One more step";
    document(format!("{title} – {}", workspace.name), receipt(workspace, title, rest.into_any()))
}

/// The appointments, and what else there is to do.
pub fn page(page: PortalPage) -> Document {
    let home = format!("/my/{}", page.workspace.slug);
    let book = format!("/book/{}", page.workspace.slug);
    let coming = (!page.is_earlier).then(|| coming(&page, &home, &book));
    let has_past = page.is_earlier || !page.past.is_empty();
    let past = (has_past && !page.is_later).then(|| past(&page, &home));
    let rest = (!page.is_later && !page.is_earlier).then(|| {
        view! { {feed(&page, &home)} {own_data(&home)} {sign_out(&home)} }
    });
    let title = match (page.is_later, page.is_earlier) {
        (false, false) => "Your appointments",
        (true, _) => "Later appointments",
        (_, true) => "Earlier appointments",
    };
    let body = view! {
        <div class="front">
            <p class="hint">{page.workspace.name.clone()}</p>
            <h1 class="title" tabindex="-1">{title}</h1>
            <p class="hint wrap-anywhere">"Signed in as " <strong>{page.email.clone()}</strong></p>
            {coming}
            {past}
            {rest}
        </div>
    };
    document(format!("{title} – {}", page.workspace.name), body.into_any())
}

fn coming(page: &PortalPage, home: &str, book: &str) -> AnyView {
    let nothing = page.coming.is_empty().then(|| {
        view! {
            <p class="notice mt-3">
                "Nothing is coming up. " <a class="link" href=book.to_owned()>"Book an appointment"</a>
            </p>
        }
    });
    let items = page.coming.iter().map(|item| entry(item, page.hour12, true)).collect_view();
    let list = (!page.coming.is_empty()).then(|| view! { <ul class="mt-3 grid gap-4">{items}</ul> });
    let back =
        page.is_later.then(|| view! { <a class="link" href=home.to_owned()>"Back to the next ones"</a> });
    let later = page.later.as_ref().map(|later| {
        let href = format!("{home}?after={}", encode(later));
        view! { <a class="link" href=href>"Later"<span class="sr-only">" appointments"</span></a> }
    });
    view! {
        <section aria-labelledby="coming">
            <h2 id="coming" class="heading">"Coming up"</h2>
            {nothing}
            {list}
            <p class="mt-4 flex flex-wrap gap-4 empty:hidden">{back} {later}</p>
        </section>
    }
    .into_any()
}

fn past(page: &PortalPage, home: &str) -> AnyView {
    let nothing =
        page.past.is_empty().then(|| view! { <p class="notice mt-3">"There is nothing earlier."</p> });
    let items = page.past.iter().map(|item| entry(item, page.hour12, false)).collect_view();
    let list = (!page.past.is_empty()).then(|| view! { <ul class="mt-3 grid gap-4">{items}</ul> });
    let back =
        page.is_earlier.then(|| view! { <a class="link" href=home.to_owned()>"Back to the newest"</a> });
    let earlier = page.earlier.as_ref().map(|earlier| {
        let href = format!("{home}?before={}", encode(earlier));
        view! { <a class="link" href=href>"Earlier"<span class="sr-only">" appointments"</span></a> }
    });
    view! {
        <section aria-labelledby="past">
            <h2 id="past" class="heading">"Past and cancelled"</h2>
            {nothing}
            {list}
            <p class="mt-4 flex flex-wrap gap-4 empty:hidden">{back} {earlier}</p>
        </section>
    }
    .into_any()
}

/// One appointment.
fn entry(item: &PortalItem, hour12: bool, coming: bool) -> AnyView {
    let date = item.zone.date(item.start);
    let day = format::day(date);
    let span = format::span(&item.zone, item.start, item.end, hour12);
    let zone = format::zone(&item.zone, item.start);
    let badge = match item.status {
        BookingStatus::Confirmed => None,
        BookingStatus::Pending => Some("Waiting for approval"),
        BookingStatus::Cancelled => Some("Cancelled"),
        BookingStatus::Declined => Some("Declined"),
    };
    let when = view! {
        <time datetime=item.start.to_rfc3339()>{day} ", " <span class="together">{span}</span></time>
    };
    let when = if item.status.holds_time() {
        view! { <strong>{when}</strong> }.into_any()
    } else {
        view! { <s>{when}</s> }.into_any()
    };
    let with = (!item.hosts.is_empty())
        .then(|| view! { <p>"With " {format::people(&item.hosts, Assignment::AllHands)}</p> });
    let place = coming.then(|| view! { <p>{item.place.label.clone()}{detail(&item.place.detail)}</p> });
    // Each link says whose it is to those who hear it without what stands around it.
    let about = format!(" {} on {}", item.service, format::day_spoken(date));
    let link = |href: String, words: &'static str| {
        view! { <a class="button button-small" href=href>{words} <span class="sr-only">{about.clone()}</span></a> }
    };
    let page = &item.page;
    let links = view! {
        {link(page.clone(), "Details")}
        {item.can_move.then(|| link(format!("{page}/move"), "Move"))}
        {item.can_cancel.then(|| link(format!("{page}/cancel"), "Cancel"))}
        {coming.then(|| link(format!("{page}/invite.ics"), "Calendar file"))}
        {item.again.clone().map(|again| link(again, "Book again"))}
    };
    view! {
        <li class="card grid gap-3">
            <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                <h3 class="font-semibold">{item.service.clone()}</h3>
                {badge.map(|badge| view! { <span class="badge">{badge}</span> })}
            </div>
            <div class="min-w-0">
                <p>{when}</p>
                <p class="hint">{zone}</p>
                {with}
                {place}
            </div>
            <div class="flex flex-wrap gap-2">{links}</div>
        </li>
    }
    .into_any()
}

fn detail(text: &str) -> AnyView {
    let text = text.to_owned();
    if text.is_empty() {
        ().into_any()
    } else if text.starts_with("https://") {
        view! { ": " <a class="link wrap-anywhere" rel="noopener noreferrer" href=text.clone()>{text.clone()}</a> }
            .into_any()
    } else {
        view! { ": " {text} }.into_any()
    }
}

fn feed(page: &PortalPage, home: &str) -> AnyView {
    let rest = match &page.feed {
        None => view! {
            <p class="mt-2">
                "Subscribe to all your appointments: your calendar then shows each new one by itself, and moves and removes \
                 what was changed."
            </p>
            <form method="post" action=format!("{home}/feed") class="mt-3">
                <button type="submit" class="button">"Make a calendar address"</button>
            </form>
        }
        .into_any(),
        Some(url) => view! {
            <label class="label mt-2" for="feed-url">"Your secret calendar address"</label>
            <p class="hint" id="feed-hint">
                "Copy it and add it as a calendar by its address: “From URL” in Google Calendar, “Subscribe from web” in \
                 Outlook, “New Calendar Subscription” in Apple Calendar. Whoever has it can see and change your \
                 appointments: treat it like a password."
            </p>
            <input
                class="input mt-2 font-mono" id="feed-url" type="text" readonly=true value=url.clone() autocomplete="off"
                spellcheck="false" aria-describedby="feed-hint"
            />
            <form method="post" action=format!("{home}/feed/revoke") class="mt-3">
                <p class="hint">"Ending it stops every calendar that uses it. You can make a new one at any time."</p>
                <button type="submit" class="button mt-2">"End this address"</button>
            </form>
        }
        .into_any(),
    };
    view! {
        <section aria-labelledby="feed">
            <h2 id="feed" class="heading">"In your own calendar"</h2>
            {rest}
        </section>
    }
    .into_any()
}

fn own_data(home: &str) -> AnyView {
    view! {
        <section aria-labelledby="data">
            <h2 id="data" class="heading">"Your data"</h2>
            <p class="mt-2">"Everything that is kept here about your address is yours to take along, and to have deleted."</p>
            <div class="buttons">
                <a class="button" download=true href=format!("{home}/data.json")>"Download my data"</a>
                <a class="button" href=format!("{home}/delete")>"Delete my data…"</a>
            </div>
        </section>
    }
    .into_any()
}

fn sign_out(home: &str) -> AnyView {
    view! {
        <section aria-labelledby="out">
            <h2 id="out" class="heading">"Done?"</h2>
            <form method="post" action=format!("{home}/sign-out") class="buttons">
                <button type="submit" class="button">"Sign out"</button>
                <button type="submit" class="button" name="everywhere" value="1">"Sign out everywhere"</button>
            </form>
        </section>
    }
    .into_any()
}

fn appointments(n: usize) -> String {
    format::many(n, "appointment")
}

/// What deleting does, and the button.
pub fn delete(page: DeletePage) -> Document {
    let DeletePage { workspace, email, coming, kept, echo } = page;
    let form = Form::new(echo);
    let cancelled = match coming {
        0 => "You have no coming appointments that would have to be cancelled.".to_owned(),
        n => format!(
            "{} that you have before you will be cancelled. The time becomes free, and whoever you were to meet is told. \
             This happens even where it would be too late for cancelling.",
            appointments(n)
        ),
    };
    let nameless = "without anything that says whose: our books and hours are counted from them.";
    let stays = match kept {
        0 => format!("Times and services of appointments stay, {nameless}"),
        1 => {
            format!("The time of 1 appointment that is past or cancelled, with service and host, {nameless}")
        }
        n => format!(
            "The times of {} that are past or cancelled, with service and host, {nameless}",
            appointments(n)
        ),
    };
    let guests = (coming > 0).then(|| {
        view! { <li>"Guests that you invited are not told that you won't come: please tell them yourself."</li> }
    });
    let home = format!("/my/{}", workspace.slug);
    let rest = view! {
        {form.summary()}
        <p class="wrap-anywhere">
            "This concerns everything that " {workspace.name.clone()} " keeps here about " <strong>{email}</strong> ". \
             It can't be undone. You may want to "
            <a class="link" download=true href=format!("{home}/data.json")>"download your data"</a> " first."
        </p>
        <section aria-labelledby="happens">
            <h2 id="happens" class="heading">"What happens"</h2>
            <ul class="mt-2 grid list-disc gap-2 pl-5">
                <li>{cancelled}</li>
                <li>"Your name, address, telephone number, notes, answers, guests and reasons are removed from all appointments."</li>
                {guests}
                <li>"You are taken off the guest lists of other people's appointments. They are not told."</li>
                <li>"The mails that were sent to you or about you are deleted from our records."</li>
                <li>"Links in earlier mails, your calendar address and all your sign-ins end."</li>
            </ul>
        </section>
        <section aria-labelledby="stays">
            <h2 id="stays" class="heading">"What stays, and why"</h2>
            <ul class="mt-2 grid list-disc gap-2 pl-5">
                <li>{stays}</li>
                <li>"A log of what was done to each appointment and when, without names or addresses, so that misuse can be traced."</li>
                <li>
                    "Mails that have reached a mailbox, entries in other people's calendars, and backups until they are \
                     replaced: they are out of this program's reach."
                </li>
            </ul>
        </section>
        <form method="post" class="grid justify-items-start gap-4">
            <div class="field w-full">
                <label class="tick" for="confirm">
                    <input
                        type="checkbox" id="confirm" name="confirm" value="yes" required=true
                        aria-invalid=form.invalid("confirm") aria-describedby=form.described("confirm", false)
                    />
                    "Yes, delete my data for good"
                </label>
                {form.error("confirm")}
            </div>
            <button type="submit" class="button-danger">"Delete my data"</button>
        </form>
        <p><a class="link" href=home.clone()>"Keep everything as it is"</a></p>
    };
    let title = "Delete your data?";
    let full = form.title(&format!("{title} – {}", workspace.name));
    document(full, receipt(&workspace, title, rest.into_any()))
}

/// What deleting did.
pub fn deleted(workspace: &WorkspaceRef, done: Deleted) -> Document {
    let cancelled = (done.cancelled > 0).then(|| {
        let were = if done.cancelled == 1 { "was" } else { "were" };
        let sentence = format!("{} {were} cancelled, and the hosts are told.", appointments(done.cancelled));
        view! { <li>{sentence}</li> }
    });
    let kept = (done.kept > 0).then(|| {
        let stays = if done.kept == 1 { "stays as a time" } else { "stay as times" };
        let sentence = format!("{} {stays} without a name.", appointments(done.kept));
        view! { <li>{sentence}</li> }
    });
    let rest = view! {
        <ul class="grid list-disc gap-2 pl-5">
            <li>"Your name, address and everything else that you entered are removed."</li>
            {cancelled}
            {kept}
            <li>"You are signed out everywhere, and no earlier link works any more."</li>
        </ul>
        <p>"No mail follows: there is no address left to send it to."</p>
        <p><a class="link" href=format!("/book/{}", workspace.slug)>"Book an appointment"</a></p>
    };
    let title = "Your data is deleted";
    document(format!("{title} – {}", workspace.name), receipt(workspace, title, rest.into_any()))
}
