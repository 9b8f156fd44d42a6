//! The page of an appointment: what was booked, how to keep it, move it, or cancel it. Opening it changes nothing.

use super::{
    browser, format,
    html::{El, Html, el},
    page,
    parts::{hidden, icon, linked, policy, row},
    query::Query,
};
use crate::{
    api::{
        AppError,
        public::{Appointment, CalendarLinks, cancel_appointment},
    },
    domain::{
        appointment::{BookingStatus, CantChange, Change},
        assignment::Assignment,
    },
};
use leptos::{prelude::*, task::spawn_local, web_sys};
use leptos_router::hooks::use_navigate;

/// What has just happened, as the address says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    New,
    Moved,
    Cancelled,
    Guests,
}

impl Mark {
    fn of(query: &Query) -> Self {
        let has = |name| query.prefilled(name).next().is_some();
        match () {
            () if has("new") => Self::New,
            () if has("moved") => Self::Moved,
            () if has("cancelled") => Self::Cancelled,
            () if has("guests") => Self::Guests,
            () => Self::None,
        }
    }
}

fn headline(booking: &Appointment, mark: Mark) -> &'static str {
    match (booking.status, mark) {
        (BookingStatus::Cancelled, _) => "This appointment is cancelled",
        (BookingStatus::Declined, _) => "This appointment was declined",
        (BookingStatus::Pending, Mark::New) => "Your request has been sent",
        (BookingStatus::Pending, _) => "Waiting for approval",
        (BookingStatus::Confirmed, Mark::New) => "You're booked",
        (BookingStatus::Confirmed, Mark::Moved) => "Your appointment has moved",
        (BookingStatus::Confirmed, _) => "Your appointment",
    }
}

fn lead(booking: &Appointment, mark: Mark) -> String {
    match (booking.status, mark) {
        (BookingStatus::Cancelled, Mark::Cancelled) => "The time is free again. Nothing more to do.".into(),
        (BookingStatus::Pending, _) => {
            let until = booking.expires.map(|expires| {
                let at = format::clock(booking.zone.local(expires), booking.hour12);
                format!(", at most until {}, {at}", format::day(booking.zone.date(expires)))
            });
            format!(
                "The time is held for you until someone has looked at it{}. You will get a mail.",
                until.unwrap_or_default()
            )
        }
        (BookingStatus::Confirmed, Mark::New | Mark::Moved) => {
            format!("A mail with all of it is on its way to {}.", booking.email)
        }
        (BookingStatus::Confirmed, Mark::Guests) => "Your guests are told by mail.".into(),
        _ => String::new(),
    }
}

fn heading(text: &'static str) -> El {
    el("h1").class("title").attr("tabindex", "-1").child(text)
}

/// The page and its title.
pub fn view(booking: &Appointment, query: &Query) -> (String, AnyView) {
    let mark = Mark::of(query);
    let (headline, lead) = (headline(booking, mark), lead(booking, mark));
    // Only the form for guests is refused on this page.
    let refused = booking.echo.as_ref().and_then(|echo| echo.error.as_ref());
    let holds = booking.status.holds_time();
    let again = format!("/book/{}/{}", booking.workspace.slug, booking.service_slug);
    // A page of the server's own, which the router does not know.
    let all = el("a").class("link").attr("rel", "external").href(format!("/my/{}", booking.workspace.slug));
    let ahead = booking.start.timestamp() > booking.now;
    let head = el("div")
        .class("receipt-head")
        .child(holds.then(|| el("span").class("seal").child(icon("tick"))))
        .child(heading(headline))
        .child((!lead.is_empty()).then(|| el("p").child(lead)))
        .child(page::alert(refused, refused.map(AppError::sentence)));
    let html = el("div")
        .class("receipt")
        .child(head)
        .child(facts(booking))
        .child((holds && ahead).then(|| keep(&booking.links)))
        .child((holds && ahead && booking.most_guests > 0).then(|| guests(booking)))
        .child(holds.then(|| change(booking)))
        .child(el("p").child(el("a").class("link").href(again).child("Book another appointment")))
        .child(el("p").child(all.child("All your appointments")));
    (format!("{headline} – {}", booking.service_name), Html::from(html).into_any())
}

fn text_row(name: &'static str, value: String) -> Option<El> {
    (!value.is_empty()).then(|| row(name, el("dd").class("kept").child(value)))
}

fn when(booking: &Appointment, start: chrono::DateTime<chrono::Utc>, tag: &'static str) -> El {
    let zone = &booking.zone;
    let end = start + (booking.end - booking.start);
    let day = format!("{}, ", format::day(zone.date(start)));
    let span = el("span").class("together").child(format::span(zone, start, end, booking.hour12));
    el(tag).child(day).child(span)
}

fn facts(booking: &Appointment) -> El {
    let tag = if booking.status.holds_time() { "strong" } else { "s" };
    let before = booking
        .moved_from
        .map(|start| el("p").class("before").child(hidden("Before: ")).child(when(booking, start, "s")));
    let time = el("dd")
        .child(before)
        .child(el("p").child(when(booking, booking.start, tag)))
        .child(el("p").class("hint").child(format::zone(&booking.zone, booking.start)));
    let place = &booking.place;
    let detail = (!place.detail.is_empty()).then(|| el("p").child(linked(&place.detail)));
    let who = el("dd").child(booking.name.clone()).child(el("p").class("hint").child(booking.email.clone()));
    let answers = booking
        .answers
        .iter()
        .map(|answer| row(answer.label.clone(), el("dd").class("kept").child(answer.value.clone())));
    el("dl")
        .class("rows")
        .child(text_row("What", format!("{}, {}", booking.service_name, booking.workspace.name)))
        .child(row("When", time))
        .child(text_row("With", format::people(&booking.hosts, Assignment::AllHands)))
        .child(row("Where", el("dd").child(place.label.clone()).child(detail)))
        .child(booking.price.as_ref().map(|price| row("Price", el("dd").child(price.in_words()))))
        .child(row("Booked by", who))
        .child(text_row("Guests", booking.guests.join(", ")))
        .children(answers)
        .child(text_row("Notes", booking.notes.clone()))
        .child(text_row("Reason", booking.cancel_reason.clone()))
}

/// Whom they bring along. A plain form: it works the same without scripts.
fn guests(booking: &Appointment) -> El {
    let sent = booking.echo.as_ref().and_then(|echo| echo.value("guests"));
    let value = sent.map_or_else(|| booking.guests.join(", "), str::to_owned);
    let hint = format!(
        "At most {}, separated by commas. Whoever is new gets an invitation, whoever is gone a cancellation.",
        booking.most_guests
    );
    let input = el("input").class("input").attr("id", "guests").attr("name", "guests").attr("type", "text");
    let input =
        input.attr("value", value).attr("aria-describedby", "guests-hint").attr("autocomplete", "off");
    let field = el("div")
        .class("field")
        .child(el("label").class("label").attr("for", "guests").child("E-mail addresses"))
        .child(el("p").class("hint").attr("id", "guests-hint").child(hint))
        .child(input);
    let form = el("form")
        .attr("method", "post")
        .attr("action", format!("/appointment/{}/guests", booking.token))
        .child(field)
        .child(el("p").child(el("button").class("button").attr("type", "submit").child("Save guests")));
    el("details")
        .attr("open", sent.map(|_| ""))
        .child(el("summary").class("button").child("Guests"))
        .child(form)
}

/// Into the person's own calendar.
fn keep(links: &CalendarLinks) -> El {
    let online = [("Google", &links.google), ("Outlook", &links.outlook), ("Office 365", &links.office)];
    let online = online.map(|(name, href)| {
        el("a")
            .class("button")
            .attr("rel", "noopener noreferrer external")
            .attr("target", "_blank")
            .href(href.clone())
            .child(name)
            .child(hidden(" (opens a new tab)"))
    });
    let file = el("a").class("button").attr("rel", "external").flag("download", true).href(links.ics.clone());
    el("section")
        .attr("aria-labelledby", "keep")
        .child(el("h2").class("heading").attr("id", "keep").child("Add to your calendar"))
        .child(el("div").class("buttons").children(online).child(file.child("Apple and others (.ics)")))
}

fn why_not(change: Change, reason: CantChange) -> El {
    el("p").child(AppError::CantChange { change, reason }.sentence())
}

/// Moving and cancelling, or why not.
fn change(booking: &Appointment) -> El {
    let (cant_move, cant_cancel) = (booking.cant_move, booking.cant_cancel);
    let link = |path: &str, words: &'static str| {
        el("a").class("button").href(format!("/appointment/{}/{path}", booking.token)).child(words)
    };
    let links = el("div")
        .class("buttons")
        .child(cant_move.is_none().then(|| link("move", "Move")))
        .child(cant_cancel.is_none().then(|| link("cancel", "Cancel")));
    let past = cant_move == Some(CantChange::Past);
    el("section")
        .attr("aria-labelledby", "change")
        .child(el("h2").class("heading").attr("id", "change").child("Change of plans?"))
        .child((cant_move.is_none() || cant_cancel.is_none()).then_some(links))
        .child(cant_move.map(|reason| why_not(Change::Move, reason)))
        .child(cant_cancel.filter(|_| !past).map(|reason| why_not(Change::Cancel, reason)))
        .child((!past).then(|| policy(&booking.policy)))
}

/// The page that asks for a reason, and its title.
pub fn cancel(booking: &Appointment) -> (String, AnyView) {
    let sent = booking.echo.as_ref();
    let refusal = RwSignal::new(sent.and_then(|echo| echo.error.clone()));
    let pending = RwSignal::new(false);
    let reason = sent.and_then(|echo| echo.value("reason")).unwrap_or_default().to_owned();
    let time = el("dd")
        .child(when(booking, booking.start, "strong"))
        .child(el("p").class("hint").child(format::zone(&booking.zone, booking.start)));
    let what =
        el("dl").class("rows").child(text_row("What", booking.service_name.clone())).child(row("When", time));
    let (cant, token) = (booking.cant_cancel, booking.token.clone());
    let html = move || {
        let ask = match cant {
            Some(reason) => why_not(Change::Cancel, reason),
            None => form(refusal.get().as_ref(), &reason, pending.get()),
        };
        let back = el("a").class("link").href(format!("/appointment/{token}")).child("Keep the appointment");
        let receipt = el("div")
            .class("receipt")
            .child(el("div").class("receipt-head").child(heading("Cancel this appointment?")))
            .child(what.clone())
            .child(ask)
            .child(el("p").child(back));
        Html::from(receipt)
    };
    let html: Box<dyn FnMut() -> Html + Send> = Box::new(html);
    let navigate = use_navigate();
    let token = booking.token.clone();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if pending.get_untracked() {
            return;
        }
        pending.set(true);
        let (token, navigate) = (token.clone(), navigate.clone());
        let reason =
            browser::form(&event).and_then(|form| form.get("reason").as_string()).unwrap_or_default();
        spawn_local(async move {
            match cancel_appointment(token.clone(), reason).await {
                Ok(()) => navigate(&format!("/appointment/{token}?cancelled=1"), Default::default()),
                Err(error) => {
                    refusal.try_set(Some(error));
                    browser::focus("#refusal");
                }
            }
            pending.try_set(false);
        });
    };
    (format!("Cancel {}", booking.service_name), view! { <div on:submit=submit>{html}</div> }.into_any())
}

fn form(refused: Option<&AppError>, reason: &str, pending: bool) -> El {
    let waiting = pending.then_some("true");
    let optional = el("span").class("optional").child(" (optional)");
    let area = el("textarea").class("input").attr("id", "reason").attr("name", "reason").attr("rows", "3");
    let area =
        area.attr("maxlength", "1000").attr("aria-describedby", "reason-hint").child(reason.to_owned());
    let field = el("div")
        .class("field")
        .child(el("label").class("label").attr("for", "reason").child("Reason").child(optional))
        .child(
            el("p").class("hint").attr("id", "reason-hint").child("Whoever you were to meet will read it."),
        )
        .child(area);
    let send = el("button").class("button-danger send").attr("type", "submit");
    el("form")
        .attr("method", "post")
        .child(page::alert(refused, refused.map(AppError::sentence)))
        .child(field)
        .child(
            send.attr("aria-disabled", waiting).attr("data-waiting", waiting).child("Cancel the appointment"),
        )
}
