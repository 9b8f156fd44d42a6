//! What can go wrong at a provider, in the words that the engine acts on.

use chrono::{DateTime, Utc};
use reqwest::Client;
use std::{sync::OnceLock, time::Duration};

/// Why a call came to nothing. The texts are sentences for the account's owner; no secrets, no addresses with secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The access token is not taken (401): refresh it and try once more.
    #[error("The provider does not take the access token.")]
    Unauthorized,
    /// The account must be connected again (`invalid_grant`, a changed password): nothing else helps.
    #[error("{0}")]
    Revoked(String),
    /// A permission is missing, for good (403).
    #[error("{0}")]
    Permission(String),
    /// The provider limits us until then, or, when it doesn't say, for a while.
    #[error("The provider limits how much may be asked.")]
    Limited(Option<DateTime<Utc>>),
    /// The cursor is no longer known: everything must be read again.
    #[error("The provider no longer knows where we were.")]
    CursorGone,
    /// The event is not as it was seen (412 and the like).
    #[error("It was changed meanwhile.")]
    Changed,
    /// What was asked for is not there (any more).
    #[error("It is not there any more.")]
    NotFound,
    /// It may work later: no connection, 5xx, a conflict that passes.
    #[error("{0}")]
    Temporary(String),
    /// It will not work like this: a malformed request, an address that may not be called.
    #[error("{0}")]
    Refused(String),
}

impl Fault {
    /// An answer that can't be understood.
    pub fn unreadable() -> Self {
        Self::Temporary("The provider's answer can't be understood.".into())
    }

    /// A status that nothing more is known of.
    pub fn status(status: http::StatusCode) -> Self {
        let sentence = format!("The provider answered {status}.");
        if status.is_server_error() || status == http::StatusCode::REQUEST_TIMEOUT {
            Self::Temporary(sentence)
        } else {
            Self::Refused(sentence)
        }
    }

    /// Is there any point in trying again without anyone doing anything?
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unauthorized | Self::Limited(_) | Self::Temporary(_) | Self::Changed)
    }
}

/// One client for the providers' own addresses; see [`super::access::Access::provider_client`].
pub(super) fn provider_client() -> Result<&'static Client, Fault> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    // Fails when there is one already, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .user_agent(concat!("Meridian/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|error| Fault::Temporary(crate::server::outside::sentence(&error)))?;
    Ok(CLIENT.get_or_init(|| client))
}
