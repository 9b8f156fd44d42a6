//! The fields of a form that a page posted.

use super::problem;
use crate::api::{AppError, public::Echo};
use axum::{
    Form,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};

/// A form's fields in the order they were sent. A handler that takes them is only called for a form that could be
/// read; any other is answered here, with a page that says so.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match Form::<Vec<(String, String)>>::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(problem::page(AppError::TooLarge))
            }
            Err(rejection) => {
                tracing::debug!(status = %rejection.into_response().status(), "a form could not be read");
                let hint = "The form could not be read. Please go back, reload the page and try again.";
                Err(problem::page(AppError::BadRequest { hint: hint.to_owned() }))
            }
        }
    }
}

impl Fields {
    /// The first value of a field, or nothing.
    pub fn one(&self, name: &str) -> String {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
    }

    /// Was this box ticked?
    pub fn ticked(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What goes back into the form when it was refused: everything but passwords and the like.
    pub fn echo(&self, error: AppError) -> Echo {
        let secret = |name: &str| name == "password" || name.ends_with("client_secret");
        let values = self.0.iter().filter(|(name, _)| !secret(name)).cloned().collect();
        Echo { values, error: Some(error) }
    }
}

impl From<Vec<(String, String)>> for Fields {
    fn from(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }
}
