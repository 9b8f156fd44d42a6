//! The form for the time that was chosen, and sending it: to book, or to move.

use super::{Picking, aside, browser, field::Field, shown};
use crate::{
    api::{
        AppError,
        public::{BookInput, Booked, Moving, PickerOf, Service, book, move_appointment},
    },
    domain::questions::QuestionKind,
    ui::format,
};
use leptos::{prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys};
use leptos_router::hooks::use_navigate;
use std::collections::BTreeMap;

pub fn view(picking: Picking) -> AnyView {
    let moving = picking.sent.with_value(|sent| sent.moving.clone());
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let navigate = navigate.clone();
        send(picking, &event, move |to| navigate(to, Default::default()));
    };
    // The address of the page carries the key of a private service, and the form is posted to where it stands.
    let (heading, action) = match &moving {
        Some(_) => ("Move it here?", "Move appointment"),
        None => ("Your details", "Book this time"),
    };
    let fields = moving.is_none().then(|| fields(picking));
    let from_to = moving.map(|moving| move || from_to(picking, &moving));
    let policy = picking.sent.with_value(|sent| sent.service.policy.clone());
    let policy = policy.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
    let waiting = move || picking.pending.get().then_some("true");
    // The browser's own checks speak first only where a time must be chosen; everything else is answered in place.
    let novalidate =
        move || picking.refusal.with(|refusal| refusal.as_ref().is_none_or(|e| e.nearest().is_empty()));
    view! {
        <section class="details" aria-labelledby="form-title">
            <h2 id="form-title" class="heading" tabindex="-1">{heading}</h2>
            <form method="post" novalidate=novalidate on:submit=submit>
                <div id="refusal" role="alert" tabindex="-1">{move || refusal(picking)}</div>
                {move || start(picking)}
                {hidden(picking)}
                {from_to}
                {fields}
                <button type="submit" class="button-primary send" aria-disabled=waiting data-waiting=waiting>{action}</button>
            </form>
            <ul class="policy">{policy}</ul>
        </section>
    }
    .into_any()
}

/// The time that is given up, and the one that is taken.
fn from_to(picking: Picking, moving: &Moving) -> AnyView {
    let before = aside::long(picking, moving.start, moving.length);
    let after =
        picking.query.with(|query| query.start).map(|start| aside::long(picking, start, moving.length));
    view! {
        <dl class="rows">
            <div><dt>"From"</dt><dd><s>{before}</s></dd></div>
            <div><dt>"To"</dt><dd><strong>{after}</strong></dd></div>
        </dl>
    }
    .into_any()
}

/// What goes along unseen.
fn hidden(picking: Picking) -> AnyView {
    let form_key = picking.sent.with_value(|sent| sent.form_key.clone());
    view! {
        <input type="hidden" name="form_key" value=form_key/>
        <input type="hidden" name="length" value=move || picking.length()/>
        <input type="hidden" name="zone" value=move || picking.zone.with(|zone| zone.name().to_owned())/>
    }
    .into_any()
}

/// The time: settled, or, when it has gone, one of the nearest to choose.
fn start(picking: Picking) -> AnyView {
    let nearest =
        picking.refusal.with(|refusal| refusal.as_ref().map(|e| e.nearest().to_vec())).unwrap_or_default();
    if nearest.is_empty() {
        let start = picking.query.with(|query| query.start).map(|start| start.to_string());
        return view! { <input type="hidden" name="start" value=start/> }.into_any();
    }
    let length = picking.length();
    let options = nearest.into_iter().enumerate().map(|(at, start)| {
        let id = if at == 0 { "start".to_owned() } else { format!("start-{at}") };
        let take = move |_| {
            let query = picking.query.with_untracked(|query| query.to_start(start));
            browser::set_address(&query.href(), true);
            picking.enter(query);
        };
        view! {
            <label class="tick">
                <input type="radio" id=id name="start" value=start.to_string() required on:change=take/>
                <span>{aside::long(picking, start, length)}</span>
            </label>
        }
        .into_any()
    });
    view! {
        <fieldset class="field nearest">
            <legend class="label">"The nearest free times"</legend>
            {options.collect::<Vec<_>>()}
        </fieldset>
    }
    .into_any()
}

fn refusal(picking: Picking) -> AnyView {
    picking
        .refusal
        .with(|refusal| {
            refusal.as_ref().map(|error| {
                let page_wide = error.fields().iter().filter(|entry| !picking.asks(&entry.field));
                let lines = page_wide.map(|entry| view! { <p>{entry.message.clone()}</p> }).collect_view();
                view! {
                    <div class="alert-error">
                        <p><strong>{error.title()}</strong></p>
                        <p>{error.sentence()}</p>
                        {lines}
                    </div>
                }
            })
        })
        .into_any()
}

fn fields(picking: Picking) -> AnyView {
    picking
        .sent
        .with_value(|sent| asked(&sent.service))
        .into_iter()
        .map(|field| field.view(picking))
        .collect_view()
        .into_any()
}

/// Everything that the form asks, in its order.
fn asked(service: &Service) -> Vec<Field> {
    use QuestionKind::{Email, LongText, Phone, ShortText};
    let mut fields = vec![
        Field::new("name", "Name", ShortText, true).filled_by("name"),
        Field::new("email", "E-mail", Email, true)
            .filled_by("email")
            .with_help("For the confirmation, and to move or cancel it later."),
    ];
    if service.place.needs_phone {
        let phone = Field::new("phone", "Telephone", Phone, true).filled_by("tel");
        fields.push(
            phone.with_help("With the country code, such as +49 30 123456. We call you on this number."),
        );
    }
    fields.extend(service.questions.iter().map(|question| Field {
        name: question.field(),
        label: question.label.clone(),
        kind: question.kind,
        required: question.required,
        options: question.options.clone(),
        help: question.help.clone(),
        autocomplete: "off",
    }));
    if service.guests > 0 {
        let help = format!(
            "Up to {}, separated by commas.",
            format::many(usize::try_from(service.guests).unwrap_or(0), "e-mail address")
                .replace("addresss", "addresses")
        );
        fields.push(Field::new("guests", "Guests", ShortText, false).with_help(&help));
    }
    fields.push(Field::new("notes", "Anything else?", LongText, false));
    fields
}

impl Picking {
    /// What was entered into a field before: sent and refused, or given by the address.
    pub fn entered(self, field: &str) -> Vec<String> {
        self.sent.with_value(|sent| match &sent.echo {
            Some(echo) => {
                let values = echo.values.iter().filter(|(name, _)| name == field);
                values.map(|(_, value)| value.clone()).collect()
            }
            None => self.query.with_untracked(|query| query.prefilled(field).map(str::to_owned).collect()),
        })
    }

    /// The sentence beside a field.
    pub fn message(self, field: &str) -> Option<String> {
        self.refusal.with(|refusal| {
            let fields = refusal.as_ref()?.fields();
            fields.iter().find(|entry| entry.field == field).map(|entry| entry.message.clone())
        })
    }

    /// Does the form ask this?
    fn asks(self, field: &str) -> bool {
        self.sent.with_value(|sent| {
            sent.moving.is_none() && asked(&sent.service).iter().any(|known| known.name == field)
        })
    }
}

/// Reads the form as the server would without JavaScript.
fn read(picking: Picking, form: &web_sys::FormData) -> BookInput {
    let text = |name: &str| form.get(name).as_string().unwrap_or_default();
    let all =
        |name: &str| form.get_all(name).iter().filter_map(|value| value.as_string()).collect::<Vec<_>>();
    let questions = picking.sent.with_value(|sent| sent.service.questions.clone());
    let answers = questions.into_iter().map(|question| {
        let values = all(&question.field());
        (question.key, values)
    });
    BookInput {
        start: text("start").parse().unwrap_or_default(),
        length: picking.length(),
        zone: text("zone"),
        name: text("name"),
        email: text("email"),
        phone: text("phone"),
        notes: text("notes"),
        guests: text("guests"),
        answers: answers.filter(|(_, values)| !values.is_empty()).collect::<BTreeMap<_, _>>(),
        form_key: text("form_key"),
    }
}

fn send(picking: Picking, event: &web_sys::SubmitEvent, go: impl Fn(&str) + 'static) {
    // A second click while the first is under way changes nothing.
    if picking.pending.get_untracked() {
        return;
    }
    let form = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlFormElement>().ok());
    let Some(data) = form.and_then(|form| web_sys::FormData::new_with_form(&form).ok()) else { return };
    let input = read(picking, &data);
    let of = picking.of.get_value();
    picking.pending.set(true);
    picking.said.set("Sending…".to_owned());
    spawn_local(async move {
        let start = input.start;
        let (answer, mark) = match of {
            PickerOf::Appointment { token } => (move_appointment(token, start).await, "moved"),
            of @ PickerOf::Service { .. } => (book(of, input).await, "new"),
        };
        match answer {
            Ok(Booked { token }) => go(&format!("/appointment/{token}?{mark}=1")),
            Err(error) => refused(picking, start, error),
        }
        picking.pending.try_set(false);
    });
}

/// Keeps the form, says why, and takes the person to what needs mending.
fn refused(picking: Picking, start: i64, error: AppError) {
    if picking.refusal.is_disposed() {
        return;
    }
    picking.said.set(String::new());
    if matches!(error, AppError::SlotTaken { .. } | AppError::PastTime { .. }) {
        picking.offers.update(|offers| shown::forget(offers, start));
        picking.refresh(picking.shown.get_untracked().month);
    }
    let first = error.fields().iter().map(|entry| entry.field.as_str()).find(|field| picking.asks(field));
    let target = match first {
        // Names come from the owner: quotes would end the selector.
        Some(field) if !field.contains(['\'', '\\']) => format!("[id='{field}']"),
        _ => "#refusal".to_owned(),
    };
    picking.refusal.set(Some(error));
    browser::focus(target);
}
