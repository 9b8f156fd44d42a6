//! CalDAV (RFC 4791): iCloud, Nextcloud, Fastmail, and every other server that speaks it.
//!
//! A calendar's id is its path on the host of the account's home, and a resource's id is its path (see [`href`]); an event's is
//! that of its resource, with `#RECURRENCE-ID` for an instance of a series. Servers are told apart by what they answer, never
//! by name: refusals are recognised by the precondition that they name (RFC 4918 §16), since servers disagree about statuses.

mod changes;
mod cursor;
mod dav;
mod discovery;
mod href;
mod object;
mod write;
mod xml;

use super::{
    Provider,
    access::{Access, Account, Connect, Preset},
    event::{Draft, From, Known, Lost, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
};
use async_trait::async_trait;
use dav::Dav;

/// CalDAV.
#[derive(Debug)]
pub struct CalDav;

/// Servers that many people use. Addresses and names of menus are from memory, not from the vendors' pages: confirm them with
/// an account of each before a release.
static PRESETS: [Preset; 4] = [
    Preset {
        key: "icloud",
        name: "Apple iCloud",
        url: "https://caldav.icloud.com/",
        hint: "Enter your Apple Account's e-mail address and an app-specific password: account.apple.com, Sign-In and \
               Security, App-Specific Passwords. Your usual password does not work here.",
    },
    Preset {
        key: "nextcloud",
        name: "Nextcloud",
        url: "",
        hint: "Enter your Nextcloud's address with /remote.php/dav at its end, your user name, and an app password: Settings, \
               Security, Devices & sessions, Create new app password.",
    },
    Preset {
        key: "fastmail",
        name: "Fastmail",
        url: "https://caldav.fastmail.com/",
        hint: "Enter your Fastmail address and an app password with access to calendars: Settings, Privacy & Security, Manage \
               app passwords.",
    },
    Preset {
        key: "other",
        name: "Another CalDAV server",
        url: "",
        hint: "Enter the server's address, or that of one calendar, your user name, and a password; if the provider offers \
               passwords for apps, one of those.",
    },
];

#[async_trait]
impl Provider for CalDav {
    fn key(&self) -> &'static str {
        "caldav"
    }

    fn name(&self) -> &'static str {
        "CalDAV"
    }

    fn connect(&self) -> Connect {
        Connect::Password { presets: &PRESETS }
    }

    async fn account(&self, access: &Access<'_>) -> Result<Account, Fault> {
        discovery::account(&Dav::new(access)?).await
    }

    async fn calendars(&self, access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
        discovery::calendars(&Dav::new(access)?).await
    }

    async fn changes(&self, access: &Access<'_>, calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
        let dav = Dav::new(access)?;
        changes::changes(&dav, &discovery::base(&dav)?, calendar, from).await
    }

    async fn get(
        &self,
        access: &Access<'_>,
        _calendar: &str,
        id: &str,
    ) -> Result<Option<RemoteEvent>, Fault> {
        let dav = Dav::new(access)?;
        write::get(&dav, &discovery::base(&dav)?, id).await
    }

    /// An id is an address in a calendar.
    fn keeps_ids(&self) -> bool {
        false
    }

    async fn find(
        &self,
        access: &Access<'_>,
        calendar: &str,
        lost: &Lost<'_>,
    ) -> Result<Option<RemoteEvent>, Fault> {
        let dav = Dav::new(access)?;
        write::find(&dav, &discovery::base(&dav)?, calendar, lost).await
    }

    async fn create(&self, access: &Access<'_>, calendar: &str, draft: &Draft) -> Result<Written, Fault> {
        let dav = Dav::new(access)?;
        write::create(&dav, &discovery::base(&dav)?, calendar, draft).await
    }

    async fn update(
        &self,
        access: &Access<'_>,
        calendar: &str,
        known: &Known,
        draft: &Draft,
    ) -> Result<Written, Fault> {
        let dav = Dav::new(access)?;
        write::update(&dav, &discovery::base(&dav)?, calendar, known, draft).await
    }

    async fn delete(
        &self,
        access: &Access<'_>,
        _calendar: &str,
        known: &Known,
        tell: bool,
    ) -> Result<(), Fault> {
        let dav = Dav::new(access)?;
        write::delete(&dav, &discovery::base(&dav)?, known, tell).await
    }
}
