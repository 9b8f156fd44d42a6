//! `/setup`: one page, sensible defaults, and at its end a booking page that takes bookings.

use super::form::{Form, Line, loaded};
use crate::{
    api::staff::{SetUpPage, load_set_up},
    domain::text::Slug,
    ui::browser,
};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use std::collections::BTreeMap;

const DAYS: [(&str, &str, &str); 7] = [
    ("mon", "Mon", "Monday"),
    ("tue", "Tue", "Tuesday"),
    ("wed", "Wed", "Wednesday"),
    ("thu", "Thu", "Thursday"),
    ("fri", "Fri", "Friday"),
    ("sat", "Sat", "Saturday"),
    ("sun", "Sun", "Sunday"),
];

/// A day to tick, the whole of it.
const DAY: &str = "inline-flex min-h-11 cursor-pointer items-center justify-center gap-1.5 rounded-control border border-edge \
    has-checked:border-accent has-checked:bg-tint";

pub(super) fn page() -> impl IntoView {
    let page = Resource::new_blocking(|| (), |()| load_set_up());
    loaded(page, "/setup", |page| if page.done { done() } else { form(page) })
}

fn done() -> AnyView {
    view! {
        <Title text="Set up"/>
        <div class="failure">
            <h1 class="title" tabindex="-1">"This server is set up"</h1>
            <p>"Sign in to see your bookings and the links to your booking pages."</p>
            <p><a class="button-primary" href="/sign-in">"Sign in"</a></p>
        </div>
    }
    .into_any()
}

fn form(page: SetUpPage) -> AnyView {
    let SetUpPage { zones, server_zone, needs_code, echo, .. } = page;
    let form = Form::new(echo);
    view! {
        <Title text=form.title("Set up")/>
        <div class="mx-auto grid w-full max-w-xl gap-6">
            <h1 class="title" tabindex="-1">"Set up your booking page"</h1>
            <p class="prose">"One page, about a minute. At its end people can book you."</p>
            {form.summary()}
            <form method="post" action="/setup" class="grid gap-6">
                {needs_code.then(|| code(&form))}
                {workspace(&form)}
                {account(&form)}
                {hours(&form, zones, &server_zone)}
                {service(&form)}
                <div>
                    <button type="submit" class="button-primary w-full sm:w-auto">"Create the booking page"</button>
                    <p class="hint mt-2">"You will see it as your customers do, ready to be booked."</p>
                </div>
            </form>
        </div>
    }
    .into_any()
}

/// A group of fields under a heading.
fn group(heading: &'static str, fields: impl IntoView) -> AnyView {
    view! {
        <fieldset class="card min-w-0">
            <legend class="heading float-left mb-4 w-full">{heading}</legend>
            <div class="clear-both grid gap-5">{fields.into_any()}</div>
        </fieldset>
    }
    .into_any()
}

/// Proof that whoever sets the server up can read its log.
fn code(form: &Form) -> AnyView {
    let hint =
        "The code that the server printed to its log when it started. It shows that the server is yours.";
    let code = Line::new("code", "Set-up code", "text").filled_by("one-time-code").hint(hint);
    group("Is this your server?", form.line(code))
}

fn workspace(form: &Form) -> AnyView {
    let name = NodeRef::<html::Input>::new();
    let slug = NodeRef::<html::Input>::new();
    let sent = form.value("slug", "");
    // The address follows the name until somebody types an address of their own.
    let own = RwSignal::new(!sent.is_empty());
    let address = RwSignal::new(sent);
    let follow = move || {
        if let (false, Some(name), Some(slug)) =
            (own.get_untracked(), name.get_untracked(), slug.get_untracked())
        {
            let typed = name.value();
            let made =
                if typed.trim().is_empty() { String::new() } else { Slug::from_name(&typed).to_string() };
            slug.set_value(&made);
            address.set(made);
        }
    };
    let typed = move || {
        if let Some(slug) = slug.get_untracked() {
            let typed = slug.value();
            own.set(!typed.is_empty());
            address.set(typed);
        }
    };
    Effect::new(move || {
        // What was typed before the page came to life counts as well.
        if name.get().is_some() && slug.get().is_some() {
            typed();
            follow();
        }
    });
    let preview =
        move || address.with(|address| if address.is_empty() { "your-name".into() } else { address.clone() });
    let hint = view! {
        "It is going to be "
        <strong class="font-mono wrap-anywhere">"/book/"{preview}</strong>
        ": small letters, digits and hyphens. Left empty, it is made from the name."
    };
    let name_line = Line::new("workspace", "Name of your business or team", "text").at(name).most(120);
    let name_line =
        name_line.filled_by("organization").hint("Customers see it at the top of your booking page.");
    let slug_line =
        Line::new("slug", "Address of your booking page", "text").at(slug).most(64).optional().hint(hint);
    let fields = view! {
        <div on:input=move |_| follow()>{form.line(name_line)}</div>
        <div on:input=move |_| typed()>{form.line(slug_line)}</div>
    };
    group("Your business", fields)
}

fn account(form: &Form) -> AnyView {
    let name = Line::new("name", "Your name", "text").filled_by("name").most(120);
    let name = name.hint("Customers see whom they meet.");
    let email = Line::new("email", "E-mail address", "email").filled_by("username").most(254);
    let email = email.hint("You sign in with it.");
    let again = if form.refused() {
        "At least 12 characters. Please enter it again."
    } else {
        "At least 12 characters."
    };
    let password = Line::new("password", "Password", "password").filled_by("new-password").hint(again);
    group("You", (form.line(name), form.line(email), form.line(password)))
}

fn hours(form: &Form, zones: Vec<String>, server_zone: &str) -> AnyView {
    let chosen = form.value("zone", server_zone);
    let select = NodeRef::<html::Select>::new();
    let detected = RwSignal::new(false);
    if !form.refused() {
        let known = zones.clone();
        let first = chosen.clone();
        Effect::new(move || {
            let Some(select) = select.get() else { return };
            let Some(zone) = browser::zone() else { return };
            if select.value() == first && zone != first && known.contains(&zone) {
                select.set_value(&zone);
                detected.set(true);
            }
        });
    }
    let hint = view! {
        "Your hours are kept in this zone. "
        {move || detected.get().then_some("Taken from your browser.")}
    };
    let zone = view! {
        <select
            node_ref=select class="input" id="zone" name="zone" required on:change=move |_| detected.set(false)
            aria-describedby=form.described("zone", true) aria-invalid=form.invalid("zone")
        >
            {zone_options(zones, &chosen)}
        </select>
    };
    let days = DAYS.map(|(value, short, long)| {
        let ticked = form.ticked("days", value, !matches!(value, "sat" | "sun"));
        view! {
            <label class=DAY>
                <input
                    class="size-4.5 accent-accent" type="checkbox" name="days" value=value checked=ticked aria-label=long
                    id=(value == "mon").then_some("days")
                />
                <span aria-hidden="true">{short}</span>
            </label>
        }
    });
    group(
        "When can people book?",
        (
            form.field("zone", "Time zone", Some(hint.into_any()), zone.into_any()),
            view! {
                <fieldset aria-describedby=form.described("days", false)>
                    <legend class="label mb-1">"Days"</legend>
                    <div class="grid grid-cols-4 gap-2 sm:grid-cols-7">{days}</div>
                    {form.error("days")}
                </fieldset>
            },
            view! {
                <div class="grid grid-cols-2 gap-4">
                    {form.line(Line::new("from", "From", "time").first("09:00"))}
                    {form.line(Line::new("until", "Until", "time").first("17:00"))}
                </div>
            },
        ),
    )
}

fn service(form: &Form) -> AnyView {
    let name = Line::new("service", "Name", "text").first("30-minute meeting").most(120);
    let length = Line::new("length", "Length in minutes", "number").first("30").most(720);
    group("What can they book first?", (form.line(name), form.line(length)))
}

/// The zones under their continents, by city, so that typing "ber" finds Berlin.
fn zone_options(mut zones: Vec<String>, chosen: &str) -> AnyView {
    if !zones.iter().any(|zone| zone == chosen) {
        zones.push(chosen.to_owned());
    }
    let mut regions: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for zone in zones {
        let (region, city) = zone.split_once('/').unwrap_or(("Other", &zone));
        let city = match city.rsplit_once('/') {
            Some((state, city)) => format!("{city} ({state})"),
            None => city.to_owned(),
        };
        let entry = (city.replace('_', " "), zone.clone());
        regions.entry(region.to_owned()).or_default().push(entry);
    }
    let region = |(region, mut cities): (String, Vec<(String, String)>)| {
        cities.sort();
        let options = cities.into_iter().map(|(city, zone)| {
            let selected = zone == chosen;
            view! { <option value=zone selected=selected>{city}</option> }
        });
        view! { <optgroup label=region>{options.collect_view()}</optgroup> }
    };
    regions.into_iter().map(region).collect_view().into_any()
}
