//! Microsoft Outlook: calendars of Microsoft 365 and outlook.com, through Microsoft Graph v1.0.
//!
//! Events are addressed below `/me/events`, not below their calendar: a booking that its host drags to another calendar keeps
//! its (immutable) id, and is still there.

mod call;
mod delta;
mod draft;
mod mark;
mod push;
mod wire;

use super::{
    Provider, Push, PushRequest, Wish,
    access::{Access, Account, Connect, OAuth, StaticEndpoints},
    event::{Channel, Draft, From, Known, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
};
use async_trait::async_trait;
use call::Extras;
use chrono::TimeDelta;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use wire::{Event, Kind, SELECT};

/// Microsoft Outlook.
#[derive(Debug)]
pub struct Microsoft;

/// Pages of calendars that are read; each has a hundred.
const CALENDAR_PAGES: usize = 10;

/// How old an event may be that a POST has just made, with clocks that differ.
const JUST_NOW: TimeDelta = TimeDelta::minutes(1);

/// What is asked for. Which scopes were granted is answered without `offline_access`, and sometimes as addresses.
const OAUTH: OAuth = OAuth {
    scopes: &["offline_access", "User.Read", "Calendars.ReadWrite"],
    needed: &[(
        &["Calendars.ReadWrite", "https://graph.microsoft.com/Calendars.ReadWrite"],
        "reading your calendars and writing bookings into them",
    )],
    // Else whoever is signed in at Microsoft in this browser would be taken without a question.
    extra: &[("prompt", "select_account")],
    endpoints: StaticEndpoints {
        authorize: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        revoke: "",
        api: "https://graph.microsoft.com/v1.0",
    },
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    mail: Option<String>,
    user_principal_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Calendars {
    value: Vec<Calendar>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Calendar {
    id: String,
    name: Option<String>,
    can_edit: Option<bool>,
    is_default_calendar: Option<bool>,
}

impl Calendar {
    fn neutral(self) -> RemoteCalendar {
        RemoteCalendar {
            id: self.id,
            name: self.name.unwrap_or_default(),
            // Graph keeps one zone for the whole mailbox, behind a permission of its own.
            zone: String::new(),
            writable: self.can_edit == Some(true),
            primary: self.is_default_calendar == Some(true),
        }
    }
}

fn written(event: &Event, draft: &Draft) -> Written {
    Written {
        id: event.id.clone(),
        etag: event.etag.clone(),
        meeting: event.meeting(draft.meeting.is_some()),
    }
}

async fn event(access: &Access<'_>, id: &str, more: &str) -> Result<Event, Fault> {
    let query = format!("$select={SELECT}{more}");
    Event::read(call::fetch(access, call::url(access, &["me", "events", id], &query)?).await?)
}

/// Changes what was just read.
async fn patch(
    access: &Access<'_>,
    now: &Event,
    if_match: Option<&str>,
    draft: &Draft,
) -> Result<Written, Fault> {
    let body = draft::change(draft, access.zone, now);
    let url = call::url(access, &["me", "events", &now.id], "")?;
    let extras = Extras { body: Some(&body), if_match, ..Extras::default() };
    let changed: Event = call::ask(access, Method::PATCH, url, extras).await?;
    Ok(written(&changed, draft))
}

#[async_trait]
impl Provider for Microsoft {
    fn key(&self) -> &'static str {
        "microsoft"
    }

    fn name(&self) -> &'static str {
        "Microsoft Outlook"
    }

    fn connect(&self) -> Connect {
        Connect::OAuth(OAUTH)
    }

    /// [`Account::home`] is the owner's address, which tells them among attendees.
    async fn account(&self, access: &Access<'_>) -> Result<Account, Fault> {
        let url = call::url(access, &["me"], "$select=id,mail,userPrincipalName")?;
        let user: User = call::fetch(access, url).await?;
        let address = user.mail.filter(|mail| !mail.is_empty()).or(user.user_principal_name);
        let label = address.unwrap_or_else(|| user.id.clone());
        Ok(Account { key: user.id, home: label.to_lowercase(), label })
    }

    async fn calendars(&self, access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
        let query = "$select=id,name,canEdit,isDefaultCalendar&$top=100";
        let mut url = call::url(access, &["me", "calendars"], query)?;
        let mut calendars = Vec::new();
        for _ in 0..CALENDAR_PAGES {
            let found: Calendars = call::fetch(access, url).await?;
            calendars.extend(found.value.into_iter().map(Calendar::neutral));
            match found.next {
                Some(next) => url = call::link(access, &next)?,
                None => break,
            }
        }
        Ok(calendars)
    }

    async fn changes(&self, access: &Access<'_>, calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
        delta::changes(access, calendar, from).await
    }

    async fn get(
        &self,
        access: &Access<'_>,
        _calendar: &str,
        id: &str,
    ) -> Result<Option<RemoteEvent>, Fault> {
        let found = match event(access, id, &format!(",body&{}", mark::EXPAND)).await {
            Ok(found) if found.cancelled() => return Ok(None),
            Ok(found) if found.kind() == Kind::Master => delta::series(access, found).await,
            Ok(found) => found.neutral(access.home).map(Some),
            Err(fault) => Err(fault),
        };
        match found {
            Err(Fault::NotFound) => Ok(None),
            found => found,
        }
    }

    /// A repetition is recognised by its `transactionId`, and answered with what the first one made.
    async fn create(&self, access: &Access<'_>, calendar: &str, draft: &Draft) -> Result<Written, Fault> {
        for generation in mark::GENERATIONS {
            let body = draft::new(draft, access.zone, generation);
            let url = call::url(access, &["me", "calendars", calendar, "events"], "")?;
            let extras = Extras { body: Some(&body), ..Extras::default() };
            let mut made: Event = call::ask(access, Method::POST, url, extras).await?;
            // What an earlier attempt made may have changed since, or be gone.
            if made.created_date_time.is_none_or(|at| at < access.now - JUST_NOW) {
                match event(access, &made.id, "").await {
                    Ok(now) if !now.cancelled() => made = now,
                    Ok(_) | Err(Fault::NotFound) => continue,
                    Err(fault) => return Err(fault),
                }
            }
            if draft::resembles(draft, &made)? {
                return Ok(written(&made, draft));
            }
            return patch(access, &made, None, draft).await;
        }
        Err(Fault::Refused("Microsoft answers with events that were deleted instead of making one.".into()))
    }

    async fn update(
        &self,
        access: &Access<'_>,
        _calendar: &str,
        known: &Known,
        draft: &Draft,
    ) -> Result<Written, Fault> {
        let now = event(access, &known.id, "").await?;
        if now.cancelled() {
            return Err(Fault::NotFound);
        }
        if known.etag.is_some() && known.etag != now.etag {
            return Err(Fault::Changed);
        }
        patch(access, &now, known.etag.as_deref(), draft).await
    }

    /// Graph tells the attendees of a meeting that its organizer deletes, whether we want that or not
    /// (learn.microsoft.com/graph/api/event-delete); where we invite people, there are none.
    async fn delete(
        &self,
        access: &Access<'_>,
        _calendar: &str,
        known: &Known,
        _tell: bool,
    ) -> Result<(), Fault> {
        let url = call::url(access, &["me", "events", &known.id], "")?;
        let extras = Extras { if_match: known.etag.as_deref(), ..Extras::default() };
        match call::ask::<Option<Value>>(access, Method::DELETE, url, extras).await {
            Ok(_) | Err(Fault::NotFound) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    async fn watch(
        &self,
        access: &Access<'_>,
        calendar: &str,
        wish: &Wish<'_>,
    ) -> Result<Option<Channel>, Fault> {
        push::watch(access, calendar, wish).await.map(Some)
    }

    async fn unwatch(&self, access: &Access<'_>, channel: &Channel) -> Result<(), Fault> {
        push::end(access, &channel.id).await
    }

    fn read_push(&self, request: &PushRequest<'_>) -> Push {
        push::read(request)
    }
}
