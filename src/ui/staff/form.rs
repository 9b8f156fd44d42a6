//! What the owner's forms have in common: values that come back, and sentences beside their fields.

use crate::{
    api::{AppError, public::Echo},
    domain::questions::FieldError,
    ui::{browser, failure, loading},
};
use leptos::{html, prelude::*};

/// A form as it was sent and refused; empty on the first visit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Echo);

impl Form {
    pub(crate) fn new(echo: Option<Echo>) -> Self {
        Self(echo.unwrap_or_default())
    }

    /// Was it sent before?
    pub(crate) fn refused(&self) -> bool {
        self.0.error.is_some()
    }

    /// What was sent for a field; the given value on the first visit.
    pub(crate) fn value(&self, field: &str, first: &str) -> String {
        let sent = self.0.value(field).unwrap_or_default();
        if self.refused() { sent.to_owned() } else { first.to_owned() }
    }

    /// Was this box ticked? On the first visit: as given.
    pub(crate) fn ticked(&self, field: &str, value: &str, first: bool) -> bool {
        if self.refused() { self.0.has(field, value) } else { first }
    }

    /// For `aria-invalid`: nothing at all on a field that is well.
    pub(crate) fn invalid(&self, field: &str) -> Option<&'static str> {
        self.0.message(field).map(|_| "true")
    }

    /// For `aria-describedby`: the ids of the field's hint and its error.
    pub(crate) fn described(&self, field: &str, hint: bool) -> Option<String> {
        let hint = hint.then(|| format!("{field}-hint"));
        let error = self.0.message(field).map(|_| format!("{field}-error"));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// What a page's title starts with, so that a refusal is the first thing that is read out.
    pub(crate) fn title(&self, title: &str) -> String {
        if self.refused() { format!("Error: {title}") } else { title.to_owned() }
    }

    /// What was refused, with a link to each field that needs mending. Takes the focus once there is JavaScript.
    pub(crate) fn summary(&self) -> Option<AnyView> {
        let error = self.0.error.clone()?;
        Effect::new(|| browser::focus("#refused"));
        let link = |field: &FieldError| {
            let target = format!("#{}", field.field);
            // The browser itself moves the focus into the field, which the router would not.
            view! { <li><a class="link" rel="external" href=target>{field.message.clone()}</a></li> }
        };
        let what = match error.fields() {
            [] => view! { <p>{error.sentence()}</p> }.into_any(),
            fields => view! { <ul>{fields.iter().map(link).collect_view()}</ul> }.into_any(),
        };
        let summary = view! {
            <div id="refused" tabindex="-1" role="alert" class="alert-error">
                <p class="font-semibold">{error.title()}</p>
                {what}
            </div>
        };
        Some(summary.into_any())
    }

    /// A label, a hint, an error, and the control that they belong to. The control's id is the field's name.
    pub(crate) fn field(
        &self,
        name: &'static str,
        label: &'static str,
        hint: Option<AnyView>,
        control: AnyView,
    ) -> AnyView {
        view! {
            <div class="field">
                <label class="label" for=name>{label}</label>
                {hint.map(|hint| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
                {control}
                {self.error(name)}
            </div>
        }
        .into_any()
    }

    /// A field of one line.
    pub(crate) fn line(&self, line: Line) -> AnyView {
        let Line { name, label, kind, autocomplete, first, hint, most, required, node } = line;
        // A password never comes back.
        let value = (kind != "password").then(|| self.value(name, first));
        let (min, max) =
            if kind == "number" { (Some("5"), most.map(|most| most.to_string())) } else { (None, None) };
        let maxlength = if kind == "number" { None } else { most.map(|most| most.to_string()) };
        let verbatim = matches!(autocomplete, "off" | "one-time-code");
        let control = view! {
            <input
                node_ref=node class="input" id=name name=name type=kind required=required
                autocomplete=autocomplete value=value min=min max=max maxlength=maxlength
                minlength=(autocomplete == "new-password").then_some("12")
                autocapitalize=verbatim.then_some("none") spellcheck=verbatim.then_some("false")
                aria-describedby=self.described(name, hint.is_some()) aria-invalid=self.invalid(name)
            />
        };
        self.field(name, label, hint, control.into_any())
    }

    /// The sentence beside a field, if it needs mending.
    pub(crate) fn error(&self, name: &'static str) -> Option<AnyView> {
        let message = self.0.message(name)?.to_owned();
        Some(view! { <p class="field-error" id=format!("{name}-error")>{message}</p> }.into_any())
    }
}

/// A field of one line.
pub(crate) struct Line {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    first: &'static str,
    hint: Option<AnyView>,
    most: Option<u32>,
    required: bool,
    node: NodeRef<html::Input>,
}

impl Line {
    pub(crate) fn new(name: &'static str, label: &'static str, kind: &'static str) -> Self {
        let node = NodeRef::new();
        Self {
            name,
            label,
            kind,
            autocomplete: "off",
            first: "",
            hint: None,
            most: None,
            required: true,
            node,
        }
    }

    /// What the browser may fill in.
    pub(crate) fn filled_by(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    /// What stands in it on the first visit.
    pub(crate) fn first(self, first: &'static str) -> Self {
        Self { first, ..self }
    }

    pub(crate) fn hint(self, hint: impl IntoAny) -> Self {
        Self { hint: Some(hint.into_any()), ..self }
    }

    /// The most characters, or the largest number.
    pub(crate) fn most(self, most: u32) -> Self {
        Self { most: Some(most), ..self }
    }

    pub(crate) fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// For those who read what is typed.
    pub(crate) fn at(self, node: NodeRef<html::Input>) -> Self {
        Self { node, ..self }
    }
}

/// A page once it is loaded; else what happened, and a way on.
pub(crate) fn loaded<T>(
    page: Resource<Result<T, AppError>>,
    here: &'static str,
    show: impl Fn(T) -> AnyView + Copy + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    let content = move || {
        Suspend::new(async move {
            match page.await {
                Ok(page) => {
                    browser::arrive();
                    show(page)
                }
                Err(error) => {
                    let sign_in = (error == AppError::SignInRequired)
                        .then(|| (format!("/sign-in?next={here}"), "Sign in"));
                    failure(&error, sign_in)
                }
            }
        })
    };
    view! { <Suspense fallback=loading>{content}</Suspense> }
}
