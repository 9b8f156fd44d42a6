//! Google Calendar v3.
//!
//! The reference is the discovery document (`calendar.v3.json` in the `google-api-python-client` wheel) and the guides at
//! <https://developers.google.com/workspace/calendar/api/guides>. Series come as masters and exceptions
//! (`singleEvents=false`): the engine expands them. `tests/peers/google.py` is the stand-in that this is tested against.

mod answer;
mod draft;
mod event;

use super::{
    Hint, News, Provider, Push, PushRequest, Wish,
    access::{Access, Account, Connect, OAuth, StaticEndpoints},
    event::{Channel, Draft, From, Known, Meeting, Next, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
};
use answer::{Problem, call, parsed, url};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use event::{CalendarList, CalendarListEntry, Event, Events, WatchedChannel};
use http::{Method, StatusCode};
use reqwest::Url;
use serde_json::{Value, json};

/// Events in a page. Google gives up to 2,500, but an answer of ours has at most 16 MB, and an event with all its guests
/// and text can have 30 KB.
const PAGE: &str = "500";
/// How long a channel is taken to live when the answer does not say: long enough to be of use, soon renewed.
const UNTOLD: TimeDelta = TimeDelta::hours(6);

/// Google Calendar.
#[derive(Debug)]
pub struct Google;

const LIST: &str = "https://www.googleapis.com/auth/calendar.calendarlist.readonly";
const EVENTS: &str = "https://www.googleapis.com/auth/calendar.events";
const READ: &str = "https://www.googleapis.com/auth/calendar.readonly";
const ALL: &str = "https://www.googleapis.com/auth/calendar";

static CONNECT: OAuth = OAuth {
    scopes: &[LIST, EVENTS],
    needed: &[
        (&[LIST, READ, ALL], "Meridian may not see which calendars you have."),
        (&[EVENTS, ALL], "Meridian may not see when you are busy, nor write appointments to your calendar."),
    ],
    // `offline` and `consent`: else there is a refresh token on the very first consent only.
    extra: &[
        ("access_type", "offline"),
        ("prompt", "select_account consent"),
        ("include_granted_scopes", "true"),
    ],
    endpoints: StaticEndpoints {
        authorize: "https://accounts.google.com/o/oauth2/v2/auth",
        token: "https://oauth2.googleapis.com/token",
        revoke: "https://oauth2.googleapis.com/revoke",
        api: "https://www.googleapis.com/calendar/v3",
    },
};

#[async_trait]
impl Provider for Google {
    fn key(&self) -> &'static str {
        "google"
    }

    fn name(&self) -> &'static str {
        "Google Calendar"
    }

    fn connect(&self) -> Connect {
        Connect::OAuth(CONNECT)
    }

    async fn account(&self, access: &Access<'_>) -> Result<Account, Fault> {
        // The id of somebody's main calendar is their address.
        let url = url(access, &["users", "me", "calendarList", "primary"])?;
        let primary: CalendarListEntry = parsed(&call(access, Method::GET, url, None, None).await?)?;
        Ok(Account { key: primary.id.clone(), label: primary.id, home: String::new() })
    }

    async fn calendars(&self, access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
        let mut calendars = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let mut url = url(access, &["users", "me", "calendarList"])?;
            url.query_pairs_mut().append_pair("maxResults", "250");
            if let Some(page) = &page {
                url.query_pairs_mut().append_pair("pageToken", page);
            }
            let list: CalendarList = parsed(&call(access, Method::GET, url, None, None).await?)?;
            calendars.extend(list.items.into_iter().filter_map(CalendarListEntry::calendar));
            match list.next_page_token {
                Some(next) if page.as_ref() != Some(&next) => page = Some(next),
                _ => return Ok(calendars),
            }
        }
    }

    /// The first round leaves out what ended before the window: as the guide to synchronisation does it, later rounds tell of
    /// all changes, wherever they are. The page that is named carries `timeMin` with it, because a page must be asked for
    /// with the parameters of the first, and the window may have moved on.
    async fn changes(&self, access: &Access<'_>, calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
        let mut url = url(access, &["calendars", calendar, "events"])?;
        let (time_min, page) = match (from.cursor, from.page) {
            (None, None) => (from.window.start().to_rfc3339_opts(SecondsFormat::Secs, true), ""),
            (None, Some(page)) => {
                let (time_min, page) = page.split_once(' ').ok_or(Fault::CursorGone)?;
                (time_min.to_owned(), page)
            }
            (Some(_), page) => (String::new(), page.unwrap_or_default()),
        };
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("maxResults", PAGE);
            match from.cursor {
                Some(cursor) => query.append_pair("syncToken", cursor),
                None => query.append_pair("timeMin", &time_min),
            };
            if !page.is_empty() {
                query.append_pair("pageToken", page);
            }
        }
        let events: Events = match call(access, Method::GET, url, None, None).await {
            Ok(body) => parsed(&body)?,
            Err(problem) if problem.is_lost_cursor() => return Err(Fault::CursorGone),
            Err(problem) => return Err(problem.into()),
        };
        let next = match (events.next_page_token, events.next_sync_token) {
            (Some(next), _) if from.cursor.is_some() => Next::Page(next),
            (Some(next), _) => Next::Page(format!("{time_min} {next}")),
            (None, Some(cursor)) => Next::Cursor(cursor),
            (None, None) => return Err(Fault::unreadable()),
        };
        let changes = events.items.into_iter().map(|item| event::change(item, access.zone)).collect();
        Ok(Page { changes, next, unchanged: false })
    }

    async fn get(&self, access: &Access<'_>, calendar: &str, id: &str) -> Result<Option<RemoteEvent>, Fault> {
        let Some(found) = find(access, calendar, id).await?.filter(Event::is_there) else { return Ok(None) };
        found.remote(access.zone).map(Some).ok_or_else(unclear)
    }

    async fn create(&self, access: &Access<'_>, calendar: &str, draft: &Draft) -> Result<Written, Fault> {
        let id = draft::id(&draft.key)?;
        let mut url = url(access, &["calendars", calendar, "events"])?;
        draft::ask(&mut url, draft);
        let body = draft::whole(draft, &id);
        match write(access, Method::POST, url, None, body).await {
            Err(Problem::Answer { status: StatusCode::CONFLICT, .. }) => {
                // It was made before, by a request whose answer was lost, or it was deleted since: a deleted event keeps its
                // id, and comes back when it is confirmed.
                let found = find(access, calendar, &id).await?.ok_or_else(|| {
                    Fault::Temporary("Google says that the entry exists, and that it does not.".into())
                })?;
                change(access, calendar, &found, draft).await
            }
            done => Ok(done?),
        }
    }

    async fn update(
        &self,
        access: &Access<'_>,
        calendar: &str,
        known: &Known,
        draft: &Draft,
    ) -> Result<Written, Fault> {
        // What guests answered must be sent again, and a deleted event would take the change without a word.
        let found = find(access, calendar, &known.id).await?.filter(|event| !event.is_cancelled());
        let found = found.ok_or(Fault::NotFound)?;
        if known.etag.is_some() && known.etag != found.etag {
            return Err(Fault::Changed);
        }
        change(access, calendar, &found, draft).await
    }

    async fn delete(
        &self,
        access: &Access<'_>,
        calendar: &str,
        known: &Known,
        tell: bool,
    ) -> Result<(), Fault> {
        let mut url = url(access, &["calendars", calendar, "events", &known.id])?;
        url.query_pairs_mut().append_pair("sendUpdates", if tell { "all" } else { "none" });
        match call(access, Method::DELETE, url, known.etag.as_deref(), None).await {
            Ok(_) => Ok(()),
            Err(problem) => match Fault::from(problem) {
                Fault::NotFound => Ok(()),
                // Deleting changes it too.
                Fault::Changed => match self.get(access, calendar, &known.id).await? {
                    None => Ok(()),
                    Some(_) => Err(Fault::Changed),
                },
                fault => Err(fault),
            },
        }
    }

    /// Google renews nothing: a new channel is opened, and the engine ends the former one.
    async fn watch(
        &self,
        access: &Access<'_>,
        calendar: &str,
        wish: &Wish<'_>,
    ) -> Result<Option<Channel>, Fault> {
        let url = url(access, &["calendars", calendar, "events", "watch"])?;
        let body =
            json!({ "id": wish.id, "type": "web_hook", "address": wish.address, "token": wish.secret });
        let made: WatchedChannel = match call(access, Method::POST, url, None, Some(&body)).await {
            Ok(body) => parsed(&body)?,
            // Calendars of holidays and the like.
            Err(problem) if problem.reason() == "pushNotSupportedForRequestedResource" => return Ok(None),
            Err(problem) => return Err(problem.into()),
        };
        let expires = made.expiration.and_then(|text| text.parse().ok());
        let expires = expires.and_then(DateTime::from_timestamp_millis).unwrap_or(access.now + UNTOLD);
        Ok(Some(Channel { id: made.id, resource: made.resource_id, expires }))
    }

    async fn unwatch(&self, access: &Access<'_>, channel: &Channel) -> Result<(), Fault> {
        let url = url(access, &["channels", "stop"])?;
        let body = json!({ "id": channel.id, "resourceId": channel.resource });
        match call(access, Method::POST, url, None, Some(&body)).await.map_err(Fault::from) {
            Ok(_) | Err(Fault::NotFound) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// All is in headers; there is no body.
    fn read_push(&self, request: &PushRequest<'_>) -> Push {
        let header = |name: &str, most: usize| {
            let value = request.headers.get(name)?.to_str().ok()?;
            (value.len() <= most).then(|| value.to_owned())
        };
        let (Some(channel), Some(state)) =
            (header("x-goog-channel-id", 64), header("x-goog-resource-state", 32))
        else {
            return Push::refused(StatusCode::BAD_REQUEST);
        };
        let secret = header("x-goog-channel-token", 256).unwrap_or_default();
        let news = if state == "sync" { News::Nothing } else { News::Changed };
        Push { status: StatusCode::OK, body: String::new(), hints: vec![Hint { channel, secret, news }] }
    }
}

/// An event as it is now, cancelled ones too; `None` when Google knows none of that id (any more).
async fn find(access: &Access<'_>, calendar: &str, id: &str) -> Result<Option<Event>, Fault> {
    let url = url(access, &["calendars", calendar, "events", id])?;
    match call(access, Method::GET, url, None, None).await.map_err(Fault::from) {
        // What is no answer of Google's says nothing about the event.
        Ok(body) => serde_json::from_value(parsed(&body)?).map(Some).map_err(|_| unclear()),
        Err(Fault::NotFound) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn unclear() -> Fault {
    Fault::Refused(event::UNCLEAR.into())
}

/// Makes an event look like the draft, if it is still as it was found.
async fn change(access: &Access<'_>, calendar: &str, found: &Event, draft: &Draft) -> Result<Written, Fault> {
    let mut url = url(access, &["calendars", calendar, "events", &found.id])?;
    draft::ask(&mut url, draft);
    let body = draft::changes(draft, found);
    Ok(write(access, Method::PATCH, url, found.etag.as_deref(), body).await?)
}

/// Sends an event. Where an account may have no meetings, it goes without.
async fn write(
    access: &Access<'_>,
    method: Method,
    url: Url,
    if_match: Option<&str>,
    mut body: Value,
) -> Result<Written, Problem> {
    let mut answer = call(access, method.clone(), url.clone(), if_match, Some(&body)).await;
    let mut refused = false;
    if answer.as_ref().is_err_and(Problem::is_about_meetings)
        && body.as_object_mut().is_some_and(|body| body.remove("conferenceData").is_some())
    {
        refused = true;
        answer = call(access, method, url, if_match, Some(&body)).await;
    }
    let event: Event = parsed(&answer?)?;
    let meeting = if refused { Meeting::Failed } else { event.meeting() };
    Ok(Written { id: event.id, etag: event.etag, meeting })
}

#[cfg(test)]
mod tests;
