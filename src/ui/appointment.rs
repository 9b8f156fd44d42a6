//! The page of an appointment: what was booked, how to keep it, move it, or cancel it. Opening it changes nothing.

use super::{browser, failure, format, icon, linked, query::Query};
use crate::{
    api::{
        AppError,
        public::{Appointment as Booking, CalendarLinks, cancel_appointment, load_appointment},
    },
    domain::{
        appointment::{BookingStatus, CantChange, Change},
        assignment::Assignment,
    },
};
use leptos::{prelude::*, task::spawn_local, web_sys};
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_navigate, use_params_map, use_url};

/// `/appointment/{token}`.
#[component]
pub fn Appointment() -> impl IntoView {
    page(|booking, mark| view(booking, mark))
}

/// `/appointment/{token}/cancel`.
#[component]
pub fn Cancel() -> impl IntoView {
    page(|booking, _| cancel(booking))
}

fn page(show: fn(Booking, Mark) -> AnyView) -> AnyView {
    let (params, url) = (use_params_map(), use_url());
    let token = move || params.with(|params| params.get("token")).unwrap_or_default();
    let loaded = Resource::new(token, load_appointment);
    let content = move || {
        Suspend::new(async move {
            match loaded.await {
                Ok(booking) => {
                    browser::arrive();
                    show(booking, Mark::of(&Query::parse(url.read_untracked().search())))
                }
                Err(error) => failure(&error, None),
            }
        })
    };
    view! { <Meta name="robots" content="noindex"/> <Suspense fallback=super::loading>{content}</Suspense> }
        .into_any()
}

/// What has just happened, as the address says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    New,
    Moved,
    Cancelled,
}

impl Mark {
    fn of(query: &Query) -> Self {
        let has = |name| query.prefilled(name).next().is_some();
        match () {
            () if has("new") => Self::New,
            () if has("moved") => Self::Moved,
            () if has("cancelled") => Self::Cancelled,
            () => Self::None,
        }
    }
}

fn headline(booking: &Booking, mark: Mark) -> &'static str {
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

fn lead(booking: &Booking, mark: Mark) -> &'static str {
    match (booking.status, mark) {
        (BookingStatus::Cancelled, Mark::Cancelled) => "The time is free again. Nothing more to do.",
        (BookingStatus::Pending, _) => "The time is held for you until someone has looked at it.",
        (BookingStatus::Confirmed, Mark::New | Mark::Moved) => {
            "Keep the link of this page: with it you can see, move or cancel the appointment."
        }
        _ => "",
    }
}

fn view(booking: Booking, mark: Mark) -> AnyView {
    let (headline, lead) = (headline(&booking, mark), lead(&booking, mark));
    let holds = booking.status.holds_time();
    let tone = if holds { "done" } else { "over" };
    let again = format!("/book/{}/{}", booking.workspace.slug, booking.service_slug);
    let ahead = booking.start.timestamp() > booking.now;
    view! {
        <Title text=format!("{headline} – {}", booking.service_name)/>
        <div class="receipt">
            <div class="receipt-head" data-tone=tone>
                {holds.then(|| view! { <span class="seal">{icon("tick")}</span> })}
                <h1 class="title" tabindex="-1">{headline}</h1>
                {(!lead.is_empty()).then(|| view! { <p>{lead}</p> })}
            </div>
            {facts(&booking)}
            {(holds && ahead).then(|| keep(&booking.links))}
            {change(&booking)}
            <p><a class="link" href=again>"Book another appointment"</a></p>
        </div>
    }
    .into_any()
}

fn row(label: &'static str, value: AnyView) -> AnyView {
    view! { <div><dt>{label}</dt><dd>{value}</dd></div> }.into_any()
}

fn text_row(label: &'static str, value: &str) -> AnyView {
    if value.is_empty() {
        ().into_any()
    } else {
        row(label, view! { <span class="kept">{value.to_owned()}</span> }.into_any())
    }
}

/// "Tuesday, 3 March 2026, 14:30 – 15:00", and the zone.
fn when(booking: &Booking) -> (AnyView, String) {
    let zone = &booking.zone;
    let day = format::day(zone.date(booking.start));
    let span = format::span(zone, booking.start, booking.end, booking.hour12);
    let time = view! { {day} ", " <span class="together">{span}</span> };
    (time.into_any(), format::zone(zone, booking.start))
}

fn facts(booking: &Booking) -> AnyView {
    let (time, zone) = when(booking);
    let time = if booking.status.holds_time() {
        view! { <strong>{time}</strong> }.into_any()
    } else {
        view! { <s>{time}</s> }.into_any()
    };
    let before = booking.moved_from.map(|start| {
        let end = start + (booking.end - booking.start);
        let day = format::day(booking.zone.date(start));
        let span = format::span(&booking.zone, start, end, booking.hour12);
        view! { <p class="before"><span class="sr-only">"Before: "</span><s>{day} ", " {span}</s></p> }
    });
    let place = &booking.place;
    let detail = (!place.detail.is_empty()).then(|| view! { <br/> {linked(&place.detail)} });
    let answers = booking.answers.iter().map(|answer| {
        view! { <div><dt>{answer.label.clone()}</dt><dd class="kept">{answer.value.clone()}</dd></div> }
            .into_any()
    });
    let answers = answers.collect::<Vec<_>>();
    let service = format!("{}, {}", booking.service_name, booking.workspace.name);
    let price = booking.price.as_ref().map(|price| price.in_words()).unwrap_or_default();
    view! {
        <dl class="rows">
            {text_row("What", &service)}
            {row("When", view! { {before} <p>{time}</p> <p class="hint">{zone}</p> }.into_any())}
            {text_row("With", &format::people(&booking.hosts, Assignment::AllHands))}
            {row("Where", view! { {place.label.clone()} {detail} }.into_any())}
            {text_row("Price", &price)}
            {row("Booked by", view! { {booking.name.clone()} <br/> <span class="hint">{booking.email.clone()}</span> }.into_any())}
            {text_row("Guests", &booking.guests.join(", "))}
            {answers}
            {text_row("Notes", &booking.notes)}
            {text_row("Why cancelled", &booking.cancel_reason)}
        </dl>
    }
    .into_any()
}

/// Into the person's own calendar.
fn keep(links: &CalendarLinks) -> AnyView {
    let other = [("Google", &links.google), ("Outlook", &links.outlook), ("Office 365", &links.office)];
    let other = other.map(|(name, href)| {
        view! { <a class="button" rel="noopener noreferrer external" target="_blank" href=href.clone()>{name}<span class="sr-only">" (opens a new tab)"</span></a> }.into_any()
    });
    view! {
        <section aria-labelledby="keep">
            <h2 id="keep" class="heading">"Add to your calendar"</h2>
            <div class="buttons">
                {other}
                <a class="button" rel="external" download href=links.ics.clone()>"Apple and others (.ics)"</a>
            </div>
        </section>
    }
    .into_any()
}

fn sentence(change: Change, reason: CantChange) -> AnyView {
    view! { <p>{AppError::CantChange { change, reason }.sentence()}</p> }.into_any()
}

/// Moving and cancelling, or why not.
fn change(booking: &Booking) -> AnyView {
    if !booking.status.holds_time() {
        return ().into_any();
    }
    let base = format!("/appointment/{}", booking.token);
    let (cant_move, cant_cancel) = (booking.cant_move, booking.cant_cancel);
    let links = view! {
        <div class="buttons">
            {cant_move.is_none().then(|| view! { <a class="button" href=format!("{base}/move")>"Move"</a> })}
            {cant_cancel.is_none().then(|| view! { <a class="button" href=format!("{base}/cancel")>"Cancel"</a> })}
        </div>
    };
    let past = cant_move == Some(CantChange::Past);
    let policy = (!past).then(|| {
        let lines = booking.policy.iter().map(|line| view! { <li>{line.clone()}</li> }).collect_view();
        view! { <ul class="policy">{lines}</ul> }
    });
    let refused_move = cant_move.map(|reason| sentence(Change::Move, reason));
    let refused_cancel = cant_cancel.filter(|_| !past).map(|reason| sentence(Change::Cancel, reason));
    view! {
        <section aria-labelledby="change">
            <h2 id="change" class="heading">"Change of plans?"</h2>
            {links}
            {refused_move}
            {refused_cancel}
            {policy}
        </section>
    }
    .into_any()
}

fn cancel(booking: Booking) -> AnyView {
    let back = format!("/appointment/{}", booking.token);
    let (time, zone) = when(&booking);
    let refused = booking.echo.as_ref().and_then(|echo| echo.error.clone());
    let reason = booking.echo.as_ref().and_then(|echo| echo.value("reason")).unwrap_or_default();
    let form = match booking.cant_cancel {
        Some(reason) => sentence(Change::Cancel, reason),
        None => cancel_form(booking.token.clone(), reason, refused),
    };
    view! {
        <Title text=format!("Cancel {}", booking.service_name)/>
        <div class="receipt">
            <div class="receipt-head"><h1 class="title" tabindex="-1">"Cancel this appointment?"</h1></div>
            <dl class="rows">
                {text_row("What", &booking.service_name)}
                {row("When", view! { <strong>{time}</strong> <br/> <span class="hint">{zone}</span> }.into_any())}
            </dl>
            {form}
            <p><a class="link" href=back>"Keep the appointment"</a></p>
        </div>
    }
    .into_any()
}

fn cancel_form(token: String, reason: &str, refused: Option<AppError>) -> AnyView {
    let refusal = RwSignal::new(refused);
    let pending = RwSignal::new(false);
    let input = NodeRef::<leptos::html::Textarea>::new();
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if pending.get_untracked() {
            return;
        }
        pending.set(true);
        let reason = input.get_untracked().map(|input| input.value()).unwrap_or_default();
        let (token, navigate) = (token.clone(), navigate.clone());
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
    let waiting = move || pending.get().then_some("true");
    let message = move || {
        refusal.get().map(|error| view! {
            <div class="alert-error"><p><strong>{error.title()}</strong></p><p>{error.sentence()}</p></div>
        })
    };
    view! {
        <form method="post" on:submit=submit>
            <div id="refusal" role="alert" tabindex="-1">{message}</div>
            <div class="field">
                <label class="label" for="reason">"Reason"<span class="optional">" (optional)"</span></label>
                <p class="hint" id="reason-hint">"Whoever you were to meet will read it."</p>
                <textarea
                    class="input" id="reason" name="reason" rows="3" maxlength="1000" node_ref=input
                    aria-describedby="reason-hint" inner_html=super::escape(reason)
                ></textarea>
            </div>
            <button type="submit" class="button-danger send" aria-disabled=waiting data-waiting=waiting>"Cancel the appointment"</button>
        </form>
    }
    .into_any()
}
