//! What a provider is told when an account is disconnected: that our push channels end, and then our access. Here everything
//! is forgotten by then, whatever comes of it: a channel that could not be ended ends by itself, and what it pushes until
//! then is passed over.

use super::PATIENCE;
use crate::server::calendars::{
    Provider,
    access::{Access, Credential},
    event::Channel,
    fault::Fault,
    oauth::{self, Setup},
};
use chrono::{DateTime, Utc};

/// All that is needed to take leave of a provider.
pub(super) struct Farewell {
    pub(super) provider: &'static dyn Provider,
    pub(super) setup: Option<Setup>,
    pub(super) credential: Credential,
    pub(super) home: String,
    pub(super) zone: String,
    pub(super) allow_private: bool,
    pub(super) channels: Vec<Channel>,
    /// Has somebody else here connected the same account? Taking our access back would end theirs, too.
    pub(super) shared: bool,
    pub(super) now: DateTime<Utc>,
}

impl Farewell {
    /// Says it. Channels first: without access nobody can end them.
    pub(super) async fn say(mut self) -> Result<(), Fault> {
        // However slow that is, the access is to end, too.
        if tokio::time::timeout(PATIENCE, self.end_channels()).await.is_err() {
            tracing::info!(provider = self.provider.key(), "push channels could not be ended in time");
        }
        match (&self.credential, &self.setup) {
            (Credential::Tokens { refresh, .. }, Some(setup)) if !self.shared => {
                oauth::revoke(setup, refresh, self.now).await
            }
            _ => Ok(()),
        }
    }

    async fn end_channels(&mut self) {
        for channel in std::mem::take(&mut self.channels) {
            let mut ended = self.end(&channel).await;
            if ended == Err(Fault::Unauthorized) && self.renew().await.is_ok() {
                ended = self.end(&channel).await;
            }
            if let Err(fault) = ended {
                tracing::info!(%fault, provider = self.provider.key(), "a push channel could not be ended");
            }
        }
    }

    async fn end(&self, channel: &Channel) -> Result<(), Fault> {
        let access = Access {
            credential: &self.credential,
            endpoints: self.setup.as_ref().map(|setup| &setup.endpoints),
            home: &self.home,
            zone: &self.zone,
            allow_private: self.allow_private,
            now: self.now,
        };
        self.provider.unwatch(&access, channel).await
    }

    /// Nobody else uses these tokens any more: the new ones need to be kept nowhere but here.
    async fn renew(&mut self) -> Result<(), Fault> {
        let (Credential::Tokens { refresh, .. }, Some(setup)) = (&self.credential, &self.setup) else {
            return Err(Fault::Unauthorized);
        };
        let tokens = oauth::refresh(setup, refresh, self.now).await?;
        self.credential =
            Credential::Tokens { access: tokens.access, refresh: tokens.refresh, expires: tokens.expires };
        Ok(())
    }
}
