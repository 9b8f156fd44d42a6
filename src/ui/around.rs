//! The public pages around the picker. Whoever comes to book needs none of them at first, so their code is fetched
//! when it is needed.

use super::{
    appointment,
    page::{self, page},
    query::Query,
    workspace,
};
use crate::api::{
    AppError,
    public::{self, WorkspacePage, load_appointment, load_workspace},
};
use leptos::prelude::*;
use leptos_router::{LazyRoute, lazy_route};
use serde::{Deserialize, Serialize};

/// What an address names: a workspace by its slug, an appointment by its token.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Around {
    Workspace(String),
    Appointment(String),
    Cancel(String),
}

/// What these pages are made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Data {
    Workspace(WorkspacePage),
    Appointment(Box<public::Appointment>),
}

impl page::Page for Around {
    type Data = Data;

    async fn load(self, _: Query) -> Result<Data, AppError> {
        match self {
            Self::Workspace(slug) => load_workspace(slug).await.map(Data::Workspace),
            Self::Appointment(token) | Self::Cancel(token) => {
                load_appointment(token).await.map(|booking| Data::Appointment(Box::new(booking)))
            }
        }
    }

    fn show(self, query: Query, data: Data) -> (String, AnyView) {
        match (self, data) {
            (_, Data::Workspace(page)) => workspace::view(page),
            (Self::Cancel(_), Data::Appointment(booking)) => appointment::cancel(&booking),
            (_, Data::Appointment(booking)) => appointment::view(&booking, &query),
        }
    }

    fn way_on(self, _: &AppError) -> Option<(String, &'static str)> {
        None
    }

    fn is_secret(&self) -> bool {
        !matches!(self, Self::Workspace(_))
    }
}

/// `/book/{workspace}`.
#[derive(Debug)]
pub struct Workspace;

#[lazy_route]
impl LazyRoute for Workspace {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        page(|param, _| Around::Workspace(param("workspace")))
    }
}

/// `/appointment/{token}`.
#[derive(Debug)]
pub struct Appointment;

#[lazy_route]
impl LazyRoute for Appointment {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        page(|param, _| Around::Appointment(param("token")))
    }
}

/// `/appointment/{token}/cancel`.
#[derive(Debug)]
pub struct Cancel;

#[lazy_route]
impl LazyRoute for Cancel {
    fn data() -> Self {
        Self
    }

    fn view(_this: Self) -> AnyView {
        page(|param, _| Around::Cancel(param("token")))
    }
}
