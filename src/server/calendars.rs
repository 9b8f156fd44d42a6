//! External calendars: what every provider can do for us, and the providers.
//!
//! An adapter translates between one provider's protocol and the neutral words of [`event`]; it holds no state and knows no
//! database. What follows from a change, when to ask again and what to do after a failure is decided by the engine
//! ([`super::use_cases::sync`]), which calls adapters from jobs only. To add a provider: one file that implements
//! [`Provider`], and a line in [`ALL`]; `docs/adding-a-provider.md` goes through it.

pub mod access;
pub mod caldav;
pub mod event;
pub mod fault;
pub mod google;
pub mod ical;
pub mod ics;
pub mod microsoft;
pub mod oauth;
pub mod recurrence;
pub mod windows_zones;

use access::{Access, Account, Connect};
use async_trait::async_trait;
use event::{Channel, Draft, From, Known, Lost, Page, RemoteCalendar, RemoteEvent, Written};
use fault::Fault;
use http::{HeaderMap, StatusCode};

/// Every provider, in the order in which they are offered.
pub static ALL: [&dyn Provider; 4] = [&google::Google, &microsoft::Microsoft, &caldav::CalDav, &ical::Feed];

/// The provider with this key.
pub fn provider(key: &str) -> Option<&'static dyn Provider> {
    ALL.into_iter().find(|provider| provider.key() == key)
}

/// One kind of calendar server.
///
/// Calls are single steps: an adapter does not retry, does not sleep and does not refresh tokens; it says what happened as
/// a [`Fault`], and the engine does the rest. Every call may be repeated after a crash.
#[async_trait]
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its word in the database and in addresses: `google`. Never changes.
    fn key(&self) -> &'static str;

    /// Its name for people.
    fn name(&self) -> &'static str;

    /// How a member connects an account.
    fn connect(&self) -> Connect;

    /// Can calendars be written? A feed can't.
    fn writes(&self) -> bool {
        true
    }

    /// Whose account this is. Finds out, at the first time, where its calendars are (discovery).
    async fn account(&self, access: &Access<'_>) -> Result<Account, Fault>;

    /// The calendars in the account.
    async fn calendars(&self, access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault>;

    /// One page of what changed since a cursor, or, without one, of everything. [`Fault::CursorGone`] when the cursor is
    /// no longer known, in whatever way the provider says that. One item that can't be made sense of is
    /// [`event::Change::Unreadable`], and the rest is read all the same.
    async fn changes(&self, access: &Access<'_>, calendar: &str, from: &From<'_>) -> Result<Page, Fault>;

    /// An event as it is now; `None` when it is gone (a cancelled one is gone). [`Fault::Refused`] when it is there and can't
    /// be made sense of.
    async fn get(&self, access: &Access<'_>, calendar: &str, id: &str) -> Result<Option<RemoteEvent>, Fault>;

    /// Does an event keep its id when its owner moves it to another calendar of the account?
    fn keeps_ids(&self) -> bool {
        true
    }

    /// Looks whether an event of ours that is no longer in its calendar is in this other one of the account now.
    async fn find(
        &self,
        access: &Access<'_>,
        calendar: &str,
        lost: &Lost<'_>,
    ) -> Result<Option<RemoteEvent>, Fault> {
        self.get(access, calendar, lost.id).await
    }

    /// Makes an event. Its id follows from `draft.key` wherever the provider lets clients choose, else a repetition is
    /// recognised by it: the same draft twice is one event. Where it exists already (also as a deleted one), it is made to
    /// look like the draft and counts as made.
    async fn create(&self, access: &Access<'_>, calendar: &str, draft: &Draft) -> Result<Written, Fault>;

    /// Changes an event if it is still as it was seen (`known.etag`): else [`Fault::Changed`]; [`Fault::NotFound`] when it
    /// is gone. Properties that we don't know are kept.
    async fn update(
        &self,
        access: &Access<'_>,
        calendar: &str,
        known: &Known,
        draft: &Draft,
    ) -> Result<Written, Fault>;

    /// Deletes an event if it is still as it was seen; one that is gone already counts as deleted. `tell`: the provider
    /// lets attendees know, where it invited them.
    async fn delete(
        &self,
        access: &Access<'_>,
        calendar: &str,
        known: &Known,
        tell: bool,
    ) -> Result<(), Fault>;

    /// Asks to be told of changes in a calendar, or, given a channel that is about to end, to be told on. `None`: this
    /// provider or this calendar has no push.
    async fn watch(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _wish: &Wish<'_>,
    ) -> Result<Option<Channel>, Fault> {
        Ok(None)
    }

    /// Ends a channel; one that is unknown counts as ended.
    async fn unwatch(&self, _access: &Access<'_>, _channel: &Channel) -> Result<(), Fault> {
        Ok(())
    }

    /// Reads what was posted to `/webhook/calendar/{key}`.
    fn read_push(&self, _request: &PushRequest<'_>) -> Push {
        Push::refused(StatusCode::NOT_FOUND)
    }
}

/// What a push channel should be like.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// An id for it (a UUID).
    pub id: &'a str,
    /// A secret that each push must carry; 32 URL-safe characters.
    pub secret: &'a str,
    /// Where pushes go: a public `https` address, which no other calendar has.
    pub address: &'a str,
    /// The channel that it continues, if there is one.
    pub former: Option<&'a Channel>,
}

/// What was posted by a provider.
#[derive(Debug, Clone, Copy)]
pub struct PushRequest<'a> {
    /// Headers.
    pub headers: &'a HeaderMap,
    /// The query, undecoded; empty for none.
    pub query: &'a str,
    /// The body.
    pub body: &'a [u8],
}

/// What is to be answered to a push at once, and which channels it speaks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Push {
    /// The status.
    pub status: StatusCode,
    /// The body, as `text/plain`.
    pub body: String,
    /// What it says, not yet believed: the engine compares each secret.
    pub hints: Vec<Hint>,
}

impl Push {
    /// Nothing that we understand.
    pub fn refused(status: StatusCode) -> Self {
        Self { status, body: String::new(), hints: Vec::new() }
    }
}

/// One channel's news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The channel's id at the provider.
    pub channel: String,
    /// The secret that came with it.
    pub secret: String,
    /// What it says.
    pub news: News,
}

/// What a push says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Something changed.
    Changed,
    /// The channel works; nothing changed.
    Nothing,
    /// The channel must be renewed now (Graph: `reauthorizationRequired`).
    Renew,
    /// The channel is no more (Graph: `subscriptionRemoved`): make another and look.
    Removed,
    /// Pushes were lost (Graph: `missed`): look at everything.
    Missed,
}
