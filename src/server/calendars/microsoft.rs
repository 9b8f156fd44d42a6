//! Microsoft Outlook.

use super::{
    Provider,
    access::{Access, Account, Connect},
    event::{Draft, From, Known, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
};
use async_trait::async_trait;

/// Microsoft Outlook.
#[derive(Debug)]
pub struct Microsoft;

#[async_trait]
impl Provider for Microsoft {
    fn key(&self) -> &'static str {
        "microsoft"
    }

    fn name(&self) -> &'static str {
        "Microsoft Outlook"
    }

    fn connect(&self) -> Connect {
        Connect::Feed
    }

    async fn account(&self, _access: &Access<'_>) -> Result<Account, Fault> {
        Err(Fault::NotFound)
    }

    async fn calendars(&self, _access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
        Err(Fault::NotFound)
    }

    async fn changes(&self, _access: &Access<'_>, _calendar: &str, _from: &From<'_>) -> Result<Page, Fault> {
        Err(Fault::NotFound)
    }

    async fn get(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _id: &str,
    ) -> Result<Option<RemoteEvent>, Fault> {
        Err(Fault::NotFound)
    }

    async fn create(&self, _access: &Access<'_>, _calendar: &str, _draft: &Draft) -> Result<Written, Fault> {
        Err(Fault::NotFound)
    }

    async fn update(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _known: &Known,
        _draft: &Draft,
    ) -> Result<Written, Fault> {
        Err(Fault::NotFound)
    }

    async fn delete(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _known: &Known,
        _tell: bool,
    ) -> Result<(), Fault> {
        Err(Fault::NotFound)
    }
}
