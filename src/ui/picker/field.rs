//! One field of the form: label, help, control, and the sentence beside it when it needs mending.

use super::State;
use crate::{
    api::AppError,
    domain::questions::QuestionKind,
    ui::html::{El, el},
};
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
    pub fn view(&self, state: &State) -> El {
        let entered = state.entered(&self.name);
        let fields = state.refusal.as_ref().map(AppError::fields).unwrap_or_default();
        let message = fields.iter().find(|entry| entry.field == self.name).map(|entry| entry.message.clone());
        let context = Context {
            // Without JavaScript, the browser itself takes the person to the first field that needs mending.
            first: fields.first().is_some_and(|entry| entry.field == self.name),
            wrong: message.is_some(),
            entered,
        };
        let message =
            message.map(|message| el("p").class("field-error").attr("id", self.id("error")).child(message));
        match self.kind {
            QuestionKind::Choice if self.options.len() < LONG_CHOICE => self.group("radio", &context),
            QuestionKind::Choices => self.group("checkbox", &context),
            QuestionKind::Checkbox => {
                let ticked =
                    context.entered.iter().any(|value| matches!(value.as_str(), "yes" | "on" | "true"));
                let input = self.control("input", &context).attr("type", "checkbox").attr("value", "yes");
                let words = el("span").child(self.label.clone()).child(self.mark());
                let label = el("label").class("tick").child(input.flag("checked", ticked)).child(words);
                el("div").class("field").child(label).child(self.helping())
            }
            _ => {
                let label = el("label").class("label").attr("for", self.name.clone());
                el("div")
                    .class("field")
                    .child(label.child(self.label.clone()).child(self.mark()))
                    .child(self.helping())
                    .child(self.line(&context))
            }
        }
        .child(message)
    }

    fn id(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.name)
    }

    fn mark(&self) -> Option<El> {
        (!self.required).then(|| el("span").class("optional").child(" (optional)"))
    }

    fn helping(&self) -> Option<El> {
        (!self.help.is_empty())
            .then(|| el("p").class("hint").attr("id", self.id("hint")).child(self.help.clone()))
    }

    /// For `aria-describedby`: the ids of the help and the error.
    fn described(&self, context: &Context) -> Option<String> {
        match (!self.help.is_empty(), context.wrong) {
            (true, true) => Some(format!("{} {}", self.id("hint"), self.id("error"))),
            (true, false) => Some(self.id("hint")),
            (false, true) => Some(self.id("error")),
            (false, false) => None,
        }
    }

    /// What all controls have in common.
    fn control(&self, tag: &'static str, context: &Context) -> El {
        el(tag)
            .attr("id", self.name.clone())
            .attr("name", self.name.clone())
            .flag("required", self.required)
            .flag("autofocus", context.first)
            .attr("aria-invalid", context.wrong.then_some("true"))
            .attr("aria-describedby", self.described(context))
    }

    /// A control with a label above it.
    fn line(&self, context: &Context) -> El {
        let value = context.entered.first().cloned().unwrap_or_default();
        let (kind, mode) = match self.kind {
            QuestionKind::LongText => {
                return self.control("textarea", context).class("input").attr("rows", "3").child(value);
            }
            QuestionKind::Choice => {
                let none = el("option").attr("value", "").child("Please choose");
                let options = self.options.iter().map(|option| {
                    let chosen = context.entered.contains(option);
                    el("option").attr("value", option.clone()).flag("selected", chosen).child(option.clone())
                });
                return self.control("select", context).class("input").child(none).children(options);
            }
            QuestionKind::Email => ("email", "email"),
            QuestionKind::Phone => ("tel", "tel"),
            // Not `number`: it swallows a comma, and scrolling changes it.
            QuestionKind::Number => ("text", "decimal"),
            _ => ("text", "text"),
        };
        self.control("input", context)
            .class("input")
            .attr("type", kind)
            .attr("inputmode", mode)
            .attr("autocomplete", self.autocomplete)
            .attr("value", value)
    }

    /// Several controls with a legend above them.
    fn group(&self, kind: &'static str, context: &Context) -> El {
        // A browser would hold `required` against every box of a group, so only radio buttons say it.
        let required = self.required && kind == "radio";
        let options = self.options.iter().enumerate().map(|(at, option)| {
            let id = if at == 0 { self.name.clone() } else { self.id(&at.to_string()) };
            let input = el("input")
                .attr("type", kind)
                .attr("id", id)
                .attr("name", self.name.clone())
                .attr("value", option.clone())
                .flag("checked", context.entered.contains(option))
                .flag("required", required)
                .flag("autofocus", context.first && at == 0);
            el("label").class("tick").child(input).child(el("span").child(option.clone()))
        });
        let legend = el("legend").class("label").child(self.label.clone()).child(self.mark());
        el("fieldset")
            .class("field")
            .attr("aria-describedby", self.described(context))
            .child(legend)
            .child(self.helping())
            .children(options)
    }
}

/// What a field knows of the form around it.
struct Context {
    entered: Vec<String>,
    /// Does it need mending, and is it the first that does?
    wrong: bool,
    first: bool,
}
