//! iCalendar.

use super::{
    Provider,
    access::{Access, Account, Connect},
    event::{Draft, From, Known, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
};
use async_trait::async_trait;

/// iCalendar.
#[derive(Debug)]
pub struct Feed;

#[async_trait]
impl Provider for Feed {
    fn key(&self) -> &'static str {
        "ical"
    }

    fn name(&self) -> &'static str {
        "iCalendar"
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
