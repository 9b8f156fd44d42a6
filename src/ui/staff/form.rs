//! What the owner's forms have in common: values that come back, and sentences beside their fields.

use crate::api::{AppError, public::Echo};
use leptos::{html, prelude::*};
use leptos_meta::Title;

/// A form as it was sent and refused; empty on the first visit.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(Echo);

impl Form {
    pub(super) fn new(echo: Option<Echo>) -> Self {
        Self(echo.unwrap_or_default())
    }

    /// Was it sent before?
    pub(super) fn refused(&self) -> bool {
        self.0.error.is_some()
    }

    /// What was sent for a field; the given value on the first visit.
    pub(super) fn value(&self, field: &str, first: &str) -> String {
        let sent = self.0.value(field).unwrap_or_default();
        if self.refused() { sent.to_owned() } else { first.to_owned() }
    }

    /// Was this box ticked? On the first visit: as given.
    pub(super) fn ticked(&self, field: &str, value: &str, first: bool) -> bool {
        if self.refused() { self.0.has(field, value) } else { first }
    }

    /// The sentence beside a field.
    pub(super) fn message(&self, field: &str) -> Option<String> {
        self.0.message(field).map(str::to_owned)
    }

    /// For `aria-invalid`: nothing at all on a field that is well.
    pub(super) fn invalid(&self, field: &str) -> Option<&'static str> {
        self.0.message(field).map(|_| "true")
    }

    /// For `aria-describedby`: the ids of the field's hint and its error.
    pub(super) fn described(&self, field: &str, hint: bool) -> Option<String> {
        let hint = hint.then(|| format!("{field}-hint"));
        let error = self.0.message(field).map(|_| format!("{field}-error"));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    /// What a page's title starts with, so that a refusal is the first thing that is read out.
    pub(super) fn title(&self, title: &str) -> String {
        if self.refused() { format!("Error: {title}") } else { title.to_owned() }
    }

    /// What was refused, with a link to each field that needs mending. Takes the focus once there is JavaScript.
    pub(super) fn summary(&self) -> impl IntoView + use<> {
        self.0.error.clone().map(|error| {
            let here = NodeRef::<html::Div>::new();
            Effect::new(move || {
                if let Some(summary) = here.get() {
                    // A browser that can't focus has lost nothing: the sentence is read out as an alert.
                    drop(summary.focus());
                }
            });
            let links = error.fields().iter().map(|field| {
                let target = format!("#{}", field.field);
                view! { <li><a class="link" href=target>{field.message.clone()}</a></li> }
            });
            let links = links.collect_view();
            let listed = error.fields().is_empty();
            view! {
                <div node_ref=here tabindex="-1" role="alert" class="alert-error mb-6">
                    <p class="font-semibold">{error.title()}</p>
                    {listed.then(|| view! { <p>{error.sentence()}</p> })}
                    {(!listed).then(|| view! { <ul class="mt-1 list-disc pl-5">{links}</ul> })}
                </div>
            }
        })
    }

    /// A label, a hint, an error, and the control that they belong to. The control's id is the field's name.
    pub(super) fn field(
        &self,
        name: &'static str,
        label: &'static str,
        hint: Option<AnyView>,
        control: AnyView,
    ) -> impl IntoView + use<> {
        view! {
            <div>
                <label class="label" for=name>{label}</label>
                {hint.map(|hint| view! { <p class="hint" id=format!("{name}-hint")>{hint}</p> })}
                {self.error(name)}
                {control}
            </div>
        }
    }

    /// A field of one line.
    pub(super) fn line(&self, line: Line) -> impl IntoView + use<> {
        let Line { name, label, kind, autocomplete, first, hint, most, node } = line;
        // A password never comes back.
        let value = (kind != "password").then(|| self.value(name, first));
        let (min, max) = if kind == "number" { (Some("5"), most.map(|most| most.to_string())) } else { (None, None) };
        let maxlength = if kind == "number" { None } else { most.map(|most| most.to_string()) };
        let verbatim = matches!(autocomplete, "off" | "one-time-code");
        let control = view! {
            <input
                node_ref=node class="input" id=name name=name type=kind required
                autocomplete=autocomplete value=value min=min max=max maxlength=maxlength
                minlength=(autocomplete == "new-password").then_some("12")
                autocapitalize=verbatim.then_some("none") spellcheck=verbatim.then_some("false")
                aria-describedby=self.described(name, hint.is_some()) aria-invalid=self.invalid(name)
            />
        };
        self.field(name, label, hint, control.into_any())
    }

    /// The sentence beside a field, if it needs mending.
    pub(super) fn error(&self, name: &'static str) -> impl IntoView + use<> {
        self.message(name).map(|message| view! { <p class="field-error" id=format!("{name}-error")>{message}</p> })
    }
}

/// A field of one line; all of them are required.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    /// What stands in it on the first visit.
    pub(super) first: &'static str,
    pub(super) hint: Option<AnyView>,
    /// The most characters, or the largest number.
    pub(super) most: Option<u32>,
    pub(super) node: NodeRef<html::Input>,
}

impl Line {
    pub(super) fn new(name: &'static str, label: &'static str, kind: &'static str) -> Self {
        let node = NodeRef::new();
        Self { name, label, kind, autocomplete: "off", first: "", hint: None, most: None, node }
    }
}

/// A page once it is loaded; else what happened, and a way on.
pub(super) fn loaded<T>(
    page: Resource<Result<T, AppError>>,
    title: &'static str,
    here: &'static str,
    show: impl Fn(T) -> AnyView + Copy + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
{
    let refused = move |error: AppError| {
        let way_on = match error {
            AppError::SignInRequired => {
                let href = format!("/sign-in?next={here}");
                view! { <a class="button-primary" href=href>"Sign in"</a> }.into_any()
            }
            _ => view! { <a class="link" rel="external" href=here>"Try again"</a> }.into_any(),
        };
        view! {
            <Title text=title/>
            <h1 class="title">{error.title()}</h1>
            <p class="mt-2 mb-6">{error.sentence()}</p>
            {way_on}
        }
    };
    view! {
        <Suspense fallback=|| view! { <p class="hint">"Loading…"</p> }>
            {move || Suspend::new(async move {
                match page.await {
                    Ok(page) => show(page),
                    Err(error) => refused(error).into_any(),
                }
            })}
        </Suspense>
    }
}
