//! The form for the time that was chosen, and sending it: to book, or to move.

use super::{Picking, State, View, aside, browser, field::Field, shown};
use crate::{
    api::{
        AppError,
        public::{BookInput, Booked, Moving, PickerOf, Service, book, move_appointment},
    },
    domain::questions::QuestionKind,
    ui::{
        format,
        html::{El, el},
        page,
        parts::{policy, row},
    },
};
use leptos::{prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys};
use std::collections::BTreeMap;

pub fn view(view: &View) -> El {
    let state = view.state;
    let (moving, refusal) = (state.sent.moving.as_ref(), state.refusal.as_ref());
    let (heading, action) = match moving {
        Some(_) => ("Move it here?", "Move appointment"),
        None => ("Your details", "Book this time"),
    };
    let asked = state.asked();
    let waiting = state.pending.then_some("true");
    let nearest = refusal.map(AppError::nearest).unwrap_or_default();
    let send = el("button").class("button-primary send").attr("type", "submit");
    let form = el("form")
        .attr("id", "details")
        .attr("method", "post")
        // The browser's own checks speak first only where a time must be chosen; everything else is answered in place.
        // Posted to where it stands: the address carries the key of a private service.
        .flag("novalidate", nearest.is_empty())
        .child(alert(refusal, &asked))
        .child(start(view, nearest))
        .child(hidden("form_key", state.sent.form_key.clone()))
        .child(hidden("length", view.length.to_string()))
        .child(hidden("zone", state.zone.name().to_owned()))
        .child(moving.map(|moving| from_to(state, moving)))
        .children(asked.iter().map(|field| field.view(state)))
        .child(send.attr("aria-disabled", waiting).attr("data-waiting", waiting).child(action));
    let heading = el("h2").class("heading").attr("id", "form-title").attr("tabindex", "-1").child(heading);
    el("section")
        .class("details")
        .attr("aria-labelledby", "form-title")
        .child(heading)
        .child(form)
        .child(policy(&state.sent.service.policy))
}

/// A form that lacked its time (nobody's page sends that) is answered above the times to choose from.
pub fn refusal_without_form(state: &State) -> Option<El> {
    state.refusal.as_ref().map(|error| alert(Some(error), &[]))
}

/// The time that is given up, and the one that is taken.
fn from_to(state: &State, moving: &Moving) -> El {
    let long = |start| aside::long(state, start, moving.length);
    el("dl")
        .class("rows")
        .child(row("From", el("dd").child(el("s").child(long(moving.start)))))
        .child(row("To", el("dd").child(el("strong").child(state.query.start.map(long)))))
}

fn hidden(name: &'static str, value: String) -> El {
    el("input").attr("type", "hidden").attr("name", name).attr("value", value)
}

/// The time: settled, or, when it has gone, one of the nearest to choose.
fn start(view: &View, nearest: &[i64]) -> El {
    if nearest.is_empty() {
        let start = view.state.query.start.map(|start| start.to_string());
        return hidden("start", start.unwrap_or_default());
    }
    let options = nearest.iter().map(|start| {
        let input = el("input")
            .attr("type", "radio")
            .attr("name", "start")
            .attr("value", start.to_string())
            .flag("required", true);
        let words = el("span").child(aside::long(view.state, *start, view.length));
        el("label").class("tick").child(input).child(words)
    });
    el("fieldset")
        .class("field nearest")
        .child(el("legend").class("label").child("The nearest free times"))
        .children(options)
}

/// Why it was refused. What stands beside a field is not repeated here.
fn alert(error: Option<&AppError>, asked: &[Field]) -> El {
    let fields = error.map(AppError::fields).unwrap_or_default();
    let beside = fields.iter().filter(|entry| asked.iter().any(|field| field.name == entry.field)).count();
    let mut lines = Vec::new();
    match beside {
        0 => {}
        1 => lines.push("One field needs your attention.".to_owned()),
        many => lines.push(format!("{many} fields need your attention.")),
    }
    if fields.is_empty() {
        lines.extend(error.map(AppError::sentence));
    }
    let elsewhere = fields.iter().filter(|entry| asked.iter().all(|field| field.name != entry.field));
    lines.extend(elsewhere.map(|entry| entry.message.clone()));
    page::alert(error, lines)
}

/// Everything that the form asks, in its order.
fn fields(service: &Service) -> Vec<Field> {
    use QuestionKind::{Email, LongText, Phone, ShortText};
    let mut fields = vec![
        Field::new("name", "Name", ShortText, true).filled_by("name"),
        Field::new("email", "E-mail", Email, true)
            .filled_by("email")
            .with_help("So that we can reach you about it."),
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

impl State {
    /// What the form asks. Who moves an appointment has answered everything before.
    fn asked(&self) -> Vec<Field> {
        if self.sent.moving.is_some() { Vec::new() } else { fields(&self.sent.service) }
    }

    /// What was entered into a field before: sent and refused, or given by the address.
    pub fn entered(&self, field: &str) -> Vec<String> {
        match &self.sent.echo {
            Some(echo) => {
                let values = echo.values.iter().filter(|(name, _)| name == field);
                values.map(|(_, value)| value.clone()).collect()
            }
            None => self.query.prefilled(field).map(str::to_owned).collect(),
        }
    }
}

/// Reads the form as the server would without JavaScript.
fn read(state: &State, form: &web_sys::FormData) -> BookInput {
    let text = |name: &str| form.get(name).as_string().unwrap_or_default();
    let mut answers = BTreeMap::new();
    for question in &state.sent.service.questions {
        let values = form.get_all(&question.field());
        let values: Vec<String> = values.iter().filter_map(|value| value.as_string()).collect();
        if !values.is_empty() {
            answers.insert(question.key.clone(), values);
        }
    }
    BookInput {
        start: text("start").parse().unwrap_or_default(),
        length: state.length(),
        zone: text("zone"),
        name: text("name"),
        email: text("email"),
        phone: text("phone"),
        notes: text("notes"),
        guests: text("guests"),
        answers,
        form_key: text("form_key"),
    }
}

/// Sends the form (not the one that searches zones), and goes on to the appointment.
pub fn send(picking: Picking, event: &web_sys::SubmitEvent, go: Box<dyn Fn(&str)>) {
    let form = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let data = form.filter(|form| form.id() == "details").and_then(|_| browser::form(event));
    let Some(data) = data else { return };
    let mut state = picking.0.write();
    // A second click while the first is under way changes nothing.
    if state.pending {
        return;
    }
    state.pending = true;
    state.said = "Sending…".to_owned();
    let (input, of) = (read(&state, &data), state.of.clone());
    drop(state);
    spawn_local(async move {
        let start = input.start;
        let (answer, mark) = match of {
            PickerOf::Appointment { token } => (move_appointment(token, start).await, "moved"),
            of @ PickerOf::Service { .. } => (book(of, input).await, "new"),
        };
        match answer {
            // A page of the server's own, which the router does not know.
            Ok(Booked { token, verify: true }) => browser::visit(&format!("/verify/{token}")),
            Ok(Booked { token, .. }) => go(&format!("/appointment/{token}?{mark}=1")),
            Err(error) => refused(picking, start, error),
        }
    });
}

/// Keeps the form, says why, and takes the person to what needs mending.
fn refused(picking: Picking, start: i64, error: AppError) {
    let Some(mut state) = picking.0.try_write() else { return };
    state.pending = false;
    state.said.clear();
    let asked = state.asked();
    let first = error.fields().iter().find(|entry| asked.iter().any(|field| field.name == entry.field));
    let target = match first {
        // Names come from the owner: quotes would end the selector.
        Some(entry) if !entry.field.contains(['\'', '\\']) => format!("[id='{}']", entry.field),
        _ => "#refusal".to_owned(),
    };
    let gone = matches!(error, AppError::SlotTaken { .. } | AppError::PastTime { .. });
    if gone {
        shown::forget(&mut state.offers, start);
    }
    state.refusal = Some(error);
    let month = state.shown().month;
    drop(state);
    if gone {
        picking.refresh(month);
    }
    browser::focus(target);
}
