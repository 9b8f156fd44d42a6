//! What people can do: one function for each thing. The only place that decides and writes.
//!
//! Use cases take the present as `now` and checked or unchecked input, and return what the doors show. They
//! don't know whether a page, the REST API or a command asked.

pub mod announce;
pub mod appointments;
pub mod approvals;
pub mod book;
pub mod bookings;
pub mod calendar_events;
pub mod connections;
pub mod feeds;
pub mod leave;
pub mod mail_settings;
pub mod messages;
pub mod operator;
pub mod order;
pub mod plan;
pub mod portal;
pub mod post;
pub mod providers;
pub mod queue;
pub mod reminders;
pub mod services;
pub mod set_up;
pub mod sign_in;
pub mod sync;
pub mod upkeep;
pub mod verify;
pub mod webhooks;

use crate::{
    api::AppError,
    domain::ids::{NotAnId, WorkspaceId},
    server::{
        ids,
        store::{Conn, StoreError, audit},
    },
};
use chrono::{DateTime, Utc};

/// The boundary at which a fault is logged, once; what leaves it says nothing about the inside.
impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Busy | StoreError::Again) {
            tracing::warn!("the database is busy; a request was turned away");
            return Self::Busy;
        }
        tracing::error!(error = %error, "storage failed");
        Self::Internal
    }
}

impl From<NotAnId> for AppError {
    fn from(_: NotAnId) -> Self {
        tracing::error!("a stored id is none");
        Self::Internal
    }
}

/// Adds an entry to the audit log, in the transaction of what it tells.
pub(crate) async fn note(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    actor: &str,
    action: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let id: crate::domain::ids::BookingId = ids::new(now)?;
    let entry = audit::Entry { workspace, actor, action, subject, detail: "" };
    audit::write(conn, id.as_str(), &entry, now).await
}
