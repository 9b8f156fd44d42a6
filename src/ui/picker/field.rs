//! One field of the form: label, help, control, and the sentence beside it when it needs mending.

use super::Picking;
use crate::domain::questions::QuestionKind;
use leptos::prelude::*;

/// From this many options on, a choice is a list to open.
const LONG_CHOICE: usize = 7;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The form field's name, and the control's id.
    pub name: String,
    pub label: String,
    pub kind: QuestionKind,
    pub required: bool,
    pub options: Vec<String>,
    pub help: String,
    /// What the browser may fill in.
    pub autocomplete: &'static str,
}

impl Field {
    pub fn new(name: &str, label: &str, kind: QuestionKind, required: bool) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            required,
            options: Vec::new(),
            help: String::new(),
            autocomplete: "off",
        }
    }

    pub fn filled_by(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    pub fn with_help(self, help: &str) -> Self {
        Self { help: help.to_owned(), ..self }
    }

    /// The field, with what was entered before: sent and refused, or prefilled by the address.
    pub fn view(self, picking: Picking) -> AnyView {
        let entered = picking.entered(&self.name);
        match self.kind {
            QuestionKind::Choice if self.options.len() < LONG_CHOICE => {
                self.group(picking, &entered, "radio")
            }
            QuestionKind::Choices => self.group(picking, &entered, "checkbox"),
            QuestionKind::Checkbox => self.checkbox(picking, &entered),
            QuestionKind::Choice => {
                self.labelled(picking, |described| self.list(picking, &entered, described))
            }
            QuestionKind::LongText => {
                self.labelled(picking, |described| self.text_area(picking, &entered, described))
            }
            _ => self.labelled(picking, |described| self.input(picking, &entered, described)),
        }
    }

    fn labelled(&self, picking: Picking, control: impl FnOnce(Described) -> AnyView) -> AnyView {
        view! {
            <div class="field">
                <label class="label" for=self.name.clone()>{self.label.clone()}{self.mark()}</label>
                {self.helping()}
                {control(self.described(picking))}
                {self.error(picking)}
            </div>
        }
        .into_any()
    }

    fn mark(&self) -> AnyView {
        if self.required {
            ().into_any()
        } else {
            view! { <span class="optional">" (optional)"</span> }.into_any()
        }
    }

    fn helping(&self) -> AnyView {
        let id = format!("{}-hint", self.name);
        (!self.help.is_empty()).then(|| view! { <p class="hint" id=id>{self.help.clone()}</p> }).into_any()
    }

    fn error(&self, picking: Picking) -> AnyView {
        let name = self.name.clone();
        let error = move || {
            let message = picking.message(&name)?;
            let id = format!("{name}-error");
            Some(view! { <p class="field-error" id=id>{message}</p> })
        };
        error.into_any()
    }

    fn described(&self, picking: Picking) -> Described {
        Described { picking, name: self.name.clone(), help: !self.help.is_empty() }
    }

    fn input(&self, _picking: Picking, entered: &[String], described: Described) -> AnyView {
        let (kind, mode) = match self.kind {
            QuestionKind::Email => ("email", "email"),
            QuestionKind::Phone => ("tel", "tel"),
            // Not `number`: it swallows a comma, and scrolling changes it.
            QuestionKind::Number => ("text", "decimal"),
            _ => ("text", "text"),
        };
        let again = described.clone();
        view! {
            <input
                class="input" id=self.name.clone() name=self.name.clone() type=kind inputmode=mode
                autocomplete=self.autocomplete value=entered.first().cloned().unwrap_or_default()
                required=self.required autofocus=described.first() aria-invalid=move || described.invalid()
                aria-describedby=move || again.ids()
            />
        }
        .into_any()
    }

    fn text_area(&self, _picking: Picking, entered: &[String], described: Described) -> AnyView {
        let again = described.clone();
        // Leptos writes the children of a `textarea` as they are, so the text is escaped here.
        let text = crate::ui::escape(entered.first().map(String::as_str).unwrap_or_default());
        view! {
            <textarea
                class="input" id=self.name.clone() name=self.name.clone() rows="3" required=self.required
                autofocus=described.first() aria-invalid=move || described.invalid()
                aria-describedby=move || again.ids() inner_html=text
            ></textarea>
        }
        .into_any()
    }

    fn list(&self, _picking: Picking, entered: &[String], described: Described) -> AnyView {
        let again = described.clone();
        let options = self.options.iter().map(|option| {
            let chosen = entered.contains(option);
            view! { <option value=option.clone() selected=chosen>{option.clone()}</option> }.into_any()
        });
        let options = options.collect::<Vec<_>>();
        view! {
            <select
                class="input" id=self.name.clone() name=self.name.clone() required=self.required
                autofocus=described.first() aria-invalid=move || described.invalid()
                aria-describedby=move || again.ids()
            >
                <option value="">"Please choose"</option>
                {options}
            </select>
        }
        .into_any()
    }

    fn group(&self, picking: Picking, entered: &[String], kind: &'static str) -> AnyView {
        let described = self.described(picking);
        let invalid = described.clone();
        let focus = described.first();
        // A browser would hold `required` against every box of a group, so only radio buttons say it.
        let required = self.required && kind == "radio";
        let options = self.options.iter().enumerate().map(|(at, option)| {
            let id = if at == 0 { self.name.clone() } else { format!("{}-{at}", self.name) };
            view! {
                <label class="tick">
                    <input
                        type=kind id=id name=self.name.clone() value=option.clone()
                        checked=entered.contains(option) required=required autofocus=focus && at == 0
                    />
                    <span>{option.clone()}</span>
                </label>
            }
            .into_any()
        });
        let options = options.collect::<Vec<_>>();
        view! {
            <fieldset class="field" aria-describedby=move || described.ids() data-invalid=move || invalid.invalid()>
                <legend class="label">{self.label.clone()}{self.mark()}</legend>
                {self.helping()}
                {options}
                {self.error(picking)}
            </fieldset>
        }
        .into_any()
    }

    fn checkbox(&self, picking: Picking, entered: &[String]) -> AnyView {
        let described = self.described(picking);
        let again = described.clone();
        let ticked = entered.iter().any(|value| matches!(value.as_str(), "yes" | "on" | "true"));
        view! {
            <div class="field">
                <label class="tick">
                    <input
                        type="checkbox" id=self.name.clone() name=self.name.clone() value="yes" checked=ticked
                        required=self.required autofocus=described.first()
                        aria-invalid=move || described.invalid() aria-describedby=move || again.ids()
                    />
                    <span>{self.label.clone()}{self.mark()}</span>
                </label>
                {self.helping()}
                {self.error(picking)}
            </div>
        }
        .into_any()
    }
}

/// What a control says about itself to those who don't see what is around it.
#[derive(Debug, Clone)]
struct Described {
    picking: Picking,
    name: String,
    help: bool,
}

impl Described {
    fn invalid(&self) -> Option<&'static str> {
        self.picking.message(&self.name).map(|_| "true")
    }

    fn ids(&self) -> Option<String> {
        let error = self.picking.message(&self.name).map(|_| format!("{}-error", self.name));
        let help = self.help.then(|| format!("{}-hint", self.name));
        match (help, error) {
            (Some(help), Some(error)) => Some(format!("{help} {error}")),
            (help, error) => help.or(error),
        }
    }

    /// Without JavaScript, the browser itself takes the person to the first field that needs mending.
    fn first(&self) -> bool {
        let first = self.picking.refusal.with_untracked(|error| {
            error.as_ref().and_then(|error| error.fields().first().map(|field| field.field.clone()))
        });
        first.as_ref() == Some(&self.name)
    }
}
