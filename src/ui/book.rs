//! The pages with a picker: booking a service, and moving an appointment.

use super::{browser, failure, picker, query::Query};
use crate::api::{AppError, public::PickerOf};
use leptos::prelude::*;
use leptos_meta::{Meta, Title};
use leptos_router::hooks::{use_params_map, use_url};

/// `/book/{workspace}/{service}`.
#[component]
pub fn Book() -> impl IntoView {
    let (params, url) = (use_params_map(), use_url());
    page(move || {
        let key = Query::parse(url.read_untracked().search())
            .prefilled("key")
            .next()
            .unwrap_or_default()
            .to_owned();
        let param = |name| params.with(|params| params.get(name)).unwrap_or_default();
        PickerOf::Service { workspace: param("workspace"), service: param("service"), key }
    })
}

/// `/appointment/{token}/move`.
#[component]
pub fn Move() -> impl IntoView {
    let params = use_params_map();
    page(move || PickerOf::Appointment {
        token: params.with(|params| params.get("token")).unwrap_or_default(),
    })
}

fn page(of: impl Fn() -> PickerOf + Copy + Send + Sync + 'static) -> AnyView {
    let url = use_url();
    // The address changes with every choice. Only another service or appointment is a reason to load again.
    let query = move || Query::parse(url.read_untracked().search());
    let loaded = Resource::new(of, move |of| picker::load(of, query()));
    let content = move || {
        Suspend::new(async move {
            match loaded.await {
                Ok((picker, zones)) => {
                    browser::arrive();
                    let refused = picker.echo.as_ref().is_some_and(|echo| echo.error.is_some());
                    let service = &picker.service;
                    let verb = if picker.moving.is_some() { "Move" } else { "Book" };
                    let error = if refused { "Error: " } else { "" };
                    let title = format!("{error}{verb} {} – {}", service.name, service.workspace.name);
                    let secret = picker.moving.is_some();
                    view! {
                        <Title text=title/>
                        {secret.then(|| view! { <Meta name="robots" content="noindex"/> })}
                        {picker::view(of(), query(), picker, zones)}
                    }
                    .into_any()
                }
                Err(error) => failure(&error, way_on(of(), &error)),
            }
        })
    };
    view! { <Suspense fallback=super::loading>{content}</Suspense> }.into_any()
}

fn way_on(of: PickerOf, error: &AppError) -> Option<(String, &'static str)> {
    match (of, error) {
        (PickerOf::Service { workspace, .. }, AppError::UnknownService | AppError::ServiceClosed) => {
            Some((format!("/book/{workspace}"), "See all services"))
        }
        (PickerOf::Appointment { token }, AppError::CantChange { .. } | AppError::ServiceClosed) => {
            Some((format!("/appointment/{token}"), "Back to the appointment"))
        }
        _ => None,
    }
}
