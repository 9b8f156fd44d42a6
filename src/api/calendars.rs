//! What the pages of external calendars show, and what their forms carry.

use super::{public::Echo, staff::Me};
use crate::domain::zone::ZoneRules;
use chrono::{DateTime, Utc};

/// How an account is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthWord {
    /// What is here and what is there agree.
    InStep,
    /// It is being read for the first time.
    Starting,
    /// Nothing of it is used.
    Unused,
    /// It was not heard from for longer than usual, or something failed.
    Delayed,
    /// The provider limits how much may be asked.
    Limited,
    /// Its owner must connect it again.
    Reconnect,
    /// A permission is missing.
    Permission,
}

impl HealthWord {
    /// For badges.
    pub fn words(self) -> &'static str {
        match self {
            Self::InStep => "In step",
            Self::Starting => "Being read",
            Self::Unused => "Not in use",
            Self::Delayed => "Delayed",
            Self::Limited => "Limited by the provider",
            Self::Reconnect => "Needs reconnecting",
            Self::Permission => "Permission missing",
        }
    }

    /// Must somebody do something?
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Delayed | Self::Reconnect | Self::Permission)
    }
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub word: HealthWord,
    /// What that means; empty when the word says it all.
    pub sentence: String,
    /// Limited until then.
    pub until: Option<DateTime<Utc>>,
    /// Everything that is read was read at that time or later.
    pub last: Option<DateTime<Utc>>,
    /// When it is tried or looked at next, if that goes by itself.
    pub next: Option<DateTime<Utc>>,
    /// Changes that are still to be written.
    pub waiting: i64,
}

/// How accounts of a provider are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By consent, at the provider. `ready`: it is set up.
    Consent {
        /// Is it set up?
        ready: bool,
    },
    /// With an address, a user name and a password for programs.
    Password {
        /// Well-known servers.
        presets: Vec<PresetChoice>,
    },
    /// With the address of a feed, or a file.
    Feed,
}

/// A well-known server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresetChoice {
    /// Its word in the form.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Must an address be entered?
    pub needs_url: bool,
    /// What to enter, in a sentence.
    pub hint: &'static str,
}

/// A provider in the list of those that can be connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its key.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// How it is connected.
    pub way: Way,
}

/// A calendar in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCalendar {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// May events be written?
    pub writable: bool,
    /// Is it the account's main one?
    pub main: bool,
    /// Is it still there?
    pub present: bool,
    /// It is in use through this other account.
    pub twin: Option<String>,
    /// Is it read?
    pub syncs: bool,
    /// Do its events take time?
    pub conflicts: bool,
    /// Are bookings written to it?
    pub receives: bool,
    /// Do tentative events take time?
    pub tentative: bool,
    /// Are links of online meetings asked for? `None`: this provider makes none.
    pub meetings: Option<bool>,
    /// `adopt` or `flag`.
    pub outside: String,
    /// `book` or `refuse`.
    pub silent: String,
    /// `us` or `provider`.
    pub invites: String,
    /// When it was read last.
    pub last: Option<DateTime<Utc>>,
    /// Does the provider push its changes?
    pub pushed: bool,
    /// What is wrong; empty when nothing is.
    pub trouble: String,
    /// What is not fully known of it; empty when all is.
    pub gaps: String,
}

/// An account with its calendars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: String,
    /// The provider's key.
    pub provider: &'static str,
    /// The provider's name.
    pub provider_name: &'static str,
    /// What its owner knows it by.
    pub label: String,
    /// Can its provider be written to at all?
    pub writes: bool,
    /// Is it a file that was uploaded? Nobody is asked for it again.
    pub is_file: bool,
    /// How it is.
    pub health: Health,
    /// Them.
    pub calendars: Vec<ShownCalendar>,
}

/// The account of some member, as admins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAccount {
    /// Whose it is.
    pub member: String,
    /// The provider's name.
    pub provider_name: &'static str,
    /// Can its provider be written to at all?
    pub writes: bool,
    /// How it is.
    pub health: Health,
}

/// The page of a member's accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarsPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// In the order in which they were connected.
    pub accounts: Vec<Account>,
    /// What can be connected.
    pub choices: Vec<Choice>,
    /// The accounts of all members; `None` for those who are no admins.
    pub members: Option<Vec<MemberAccount>>,
    /// What went wrong just now, outside of any form.
    pub alert: Option<String>,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// Something that was done for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// The calendar's name, or empty.
    pub calendar: String,
    /// What was done.
    pub sentence: String,
    /// Did it go well?
    pub went_well: bool,
}

/// How an account can be connected again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// By consent.
    Consent,
    /// With the password for this user at this address.
    Password {
        /// The address.
        url: String,
        /// The user.
        user: String,
    },
    /// With the feed's address, which may be another one by now.
    Feed,
    /// With the file, in the form for new ones.
    File,
}

/// The page of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in.
    pub zone: ZoneRules,
    /// The account.
    pub account: Account,
    /// When it was connected.
    pub since: DateTime<Utc>,
    /// How it can be connected again.
    pub again: Again,
    /// What was done for it, newest first.
    pub log: Vec<LogLine>,
    /// Where older lines begin, if there are more.
    pub older: Option<String>,
    /// Is this the log from some place on?
    pub later: bool,
    /// What went wrong just now, outside of any form.
    pub alert: Option<String>,
    /// What was entered to connect it again, and refused.
    pub echo: Option<Echo>,
}

/// Where a provider's client id and secret come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From nowhere: it is not set up.
    Nowhere,
    /// From the operator, for all workspaces.
    Operator,
    /// From an admin of this workspace.
    Admin,
    /// From an admin, but the secret can't be read any more.
    Lost,
}

/// How one provider knows this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderPage {
    /// Its key.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The exact redirect address that it must know.
    pub redirect: String,
    /// Where the client id and secret come from.
    pub source: Source,
    /// The client id that an admin set; empty when none did.
    pub client_id: String,
    /// The directory; `None` where a provider has none.
    pub tenant: Option<String>,
    /// Accounts of this workspace's members.
    pub accounts: i64,
}

/// The page on which admins set providers up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvidersPage {
    /// Who is signed in.
    pub me: Me,
    /// All that are connected by consent.
    pub providers: Vec<ProviderPage>,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// How a provider knows this server, as an admin entered it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProviderForm {
    /// The client id.
    pub client_id: String,
    /// The client secret; empty keeps the one that is there.
    pub client_secret: String,
    /// The directory.
    pub tenant: String,
}

impl std::fmt::Debug for ProviderForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderForm").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// An account with a password, as its owner entered it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PasswordForm {
    /// The well-known server.
    pub preset: String,
    /// The address.
    pub url: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for PasswordForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordForm").field("preset", &self.preset).finish_non_exhaustive()
    }
}

/// What is chosen for a calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarForm {
    /// Is it read?
    pub syncs: bool,
    /// Do its events take time?
    pub conflicts: bool,
    /// Do tentative events take time?
    pub tentative: bool,
    /// Are links of online meetings asked for?
    pub meetings: bool,
    /// `adopt` or `flag`.
    pub outside: String,
    /// `book` or `refuse`.
    pub silent: String,
    /// `us` or `provider`.
    pub invites: String,
}
