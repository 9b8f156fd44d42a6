//! What changed in a calendar: which resources (by token or by listing), and then their contents, some at a time.

use super::{
    super::{
        event::{Change, From, Next, Page},
        fault::Fault,
        ics::{Contents, Unread},
    },
    cursor::{self, Cursor, Listing, Rest, State},
    dav::{self, Dav, escaped, etag},
    href, object,
    xml::{Reply, Space},
};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use reqwest::Url;
use std::collections::{BTreeMap, BTreeSet};

/// How many resources are fetched for one page.
const BATCH: usize = 50;
/// Calendars with more resources than this are followed by token; smaller ones are listed.
const FEW: usize = 100;
/// When so many resources in a row can't be had, it is not because of them.
const FAILING: usize = 10;
/// At a first reading of a calendar with more resources than this, what is over for good is left out.
const MANY: usize = 300;

const STATE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:s="http://calendarserver.org/ns/"><d:prop><d:sync-token/><s:getctag/></d:prop></d:propfind>"#;

const MEMBERS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>"#;

/// One page: [`super::super::Provider::changes`].
pub async fn changes(dav: &Dav<'_>, base: &Url, calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
    let reading = Reading { dav, calendar, url: href::at(base, calendar) };
    match (from.page, from.cursor) {
        (Some(page), _) => {
            let rest = serde_json::from_str(page).map_err(|_| Fault::CursorGone)?;
            reading.resume(rest).await
        }
        (None, None) => reading.everything((!from.known).then_some(from.window.start())).await,
        (None, Some(cursor)) => reading.since(Cursor::read(cursor)?).await,
    }
}

/// A calendar that is read.
#[derive(Debug)]
struct Reading<'r, 'a> {
    dav: &'r Dav<'a>,
    calendar: &'r str,
    url: Url,
}

/// What a sync-collection told.
#[derive(Debug)]
struct Told {
    token: String,
    changed: Vec<String>,
    gone: Vec<String>,
    /// There is more.
    more: bool,
}

fn unchanged(cursor: &Cursor) -> Result<Page, Fault> {
    Ok(Page { changes: Vec::new(), next: Next::Cursor(cursor.written()?), unchanged: true })
}

impl Reading<'_, '_> {
    async fn state(&self) -> Result<State, Fault> {
        let answer = self.dav.propfind(&self.url, "0", STATE).await?;
        let reply = self.dav.one(&answer)?;
        Ok(State {
            token: reply.text(Space::Dav, "sync-token").map(str::to_owned),
            ctag: reply.text(Space::Server, "getctag").map(str::to_owned),
        })
    }

    /// The first reading, which leaves out what was over before then, or one after the cursor was lost: of what is known
    /// nothing is taken to be gone because a server can't tell when it is.
    async fn everything(&self, from: Option<DateTime<Utc>>) -> Result<Page, Fault> {
        // The state first: what changes between the two is told twice, and nothing is missed.
        let state = self.state().await?;
        let listing = self.listing().await?;
        let mut wanted: Vec<&String> = listing.keys().collect();
        let current = match from.filter(|_| listing.len() > MANY) {
            Some(from) => self.not_over(from).await?,
            None => None,
        };
        if let Some(current) = current {
            wanted.retain(|path| current.contains(*path));
        }
        let rest = wanted.into_iter().map(|path| cursor::short(self.calendar, path).to_owned()).collect();
        let cursor = self.cursor(&state, &listing).await?;
        self.go_on(Rest { cursor, rest, more: false }, Vec::new()).await
    }

    /// The cursor for a calendar that was listed. A token is only relied upon when the server takes it the moment it was
    /// given: some advertise them and then refuse all.
    async fn cursor(&self, state: &State, listing: &Listing) -> Result<Cursor, Fault> {
        if let Some(token) = state.token.as_ref().filter(|_| listing.len() > FEW)
            && self.sync(token).await.is_ok()
        {
            return Ok(Cursor::Token {
                token: token.clone(),
                ctag: state.ctag.clone(),
                least: listing.len(),
                again: Vec::new(),
            });
        }
        Ok(Cursor::of(self.calendar, state, listing))
    }

    async fn since(&self, cursor: Cursor) -> Result<Page, Fault> {
        let state = self.state().await?;
        let again = cursor.again();
        match &cursor {
            Cursor::Token { token, ctag, least, .. } => {
                if state.token.as_ref() == Some(token) && again.is_empty() {
                    return unchanged(&cursor);
                }
                let told = self.sync(token).await?;
                let least = self.believe(&told, &state, ctag.as_ref(), *least).await?;
                if told.changed.is_empty() && told.gone.is_empty() && !told.more && again.is_empty() {
                    let (token, ctag, again) = (told.token, state.ctag, Vec::new());
                    return unchanged(&Cursor::Token { token, ctag, least, again });
                }
                let (mut rest, gone) = self.told(told, state.ctag, least);
                rest.add(again);
                self.go_on(rest, gone).await
            }
            Cursor::Listing { ctag, token, listed, .. } => {
                let same = |before: &Option<String>, now: &Option<String>| now.is_some() && before == now;
                let is_same = same(token, &state.token) || state.token.is_none() && same(ctag, &state.ctag);
                if is_same && again.is_empty() {
                    return unchanged(&cursor);
                }
                let listing = self.listing().await?;
                let (changed, gone) = cursor::compare(self.calendar, listed, &listing);
                let next = self.cursor(&state, &listing).await?;
                if changed.is_empty() && gone.is_empty() && again.is_empty() {
                    return unchanged(&next);
                }
                let rest = changed.iter().map(|path| cursor::short(self.calendar, path).to_owned()).collect();
                let gone = gone.into_iter().map(|id| Change::Gone { id }).collect();
                let mut rest = Rest { cursor: next, rest, more: false };
                rest.add(again);
                self.go_on(rest, gone).await
            }
        }
    }

    fn told(&self, told: Told, ctag: Option<String>, least: usize) -> (Rest, Vec<Change>) {
        let gone: Vec<Change> = told.gone.into_iter().map(|id| Change::Gone { id }).collect();
        let least = least.saturating_sub(gone.len());
        let cursor = Cursor::Token { token: told.token, ctag, least, again: Vec::new() };
        let rest = told.changed.iter().map(|path| cursor::short(self.calendar, path).to_owned()).collect();
        (Rest { cursor, rest, more: told.more }, gone)
    }

    /// What changed since a token (RFC 6578 §3.2). `DAV:limit` is never sent: two servers cut the answer there and lose
    /// the rest.
    async fn sync(&self, token: &str) -> Result<Told, Fault> {
        let body = format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<d:sync-collection xmlns:d="DAV:"><d:sync-token>{}</d:sync-token><d:sync-level>1</d:sync-level><d:prop><d:getetag/></d:prop></d:sync-collection>"#,
            escaped(token)
        );
        let answer = self.dav.report(&self.url, "0", &body).await?;
        if is_lost(&answer) {
            return Err(Fault::CursorGone);
        }
        let document = self.dav.multistatus(&answer)?;
        let token = document.sync_token.ok_or_else(Fault::unreadable)?;
        let mut told = Told { token, changed: Vec::new(), gone: Vec::new(), more: false };
        for reply in document.replies {
            let path = href::path(&answer.url, &reply.href)?;
            match reply.status {
                Some(507) => told.more = true,
                Some(404 | 410) => told.gone.push(path),
                _ if self.is_collection(&path) => {}
                _ => told.changed.push(path),
            }
        }
        // A resource that was deleted and made again can be told of as both.
        let changed: BTreeSet<&String> = told.changed.iter().collect();
        told.gone.retain(|path| !changed.contains(path));
        Ok(told)
    }

    fn is_collection(&self, path: &str) -> bool {
        path.ends_with('/') || path == self.calendar.trim_end_matches('/')
    }

    /// DAViCal and SOGo answer a token that they don't know like any other: with everything that there is, or with
    /// nothing, and say nothing of what was deleted. Nothing can't be right when the ctag changed; everything may be less than
    /// there was, so half of that is suspicious, and is compared with a listing. Returns how many resources there are at
    /// least.
    async fn believe(
        &self,
        told: &Told,
        state: &State,
        ctag: Option<&String>,
        least: usize,
    ) -> Result<usize, Fault> {
        if told.more || !told.gone.is_empty() {
            return Ok(least);
        }
        if told.changed.is_empty() {
            let moved_on = state.ctag.is_some() && ctag.is_some() && state.ctag.as_ref() != ctag;
            return if moved_on { Err(Fault::CursorGone) } else { Ok(least) };
        }
        if told.changed.len() < least / 2 {
            return Ok(least);
        }
        let listing = self.listing().await?;
        let changed: BTreeSet<&String> = told.changed.iter().collect();
        if listing.keys().all(|path| changed.contains(path)) {
            Err(Fault::CursorGone)
        } else {
            Ok(listing.len())
        }
    }

    /// Every resource with events, with its ETag: by a query where the server takes it, else by looking into the folder.
    async fn listing(&self) -> Result<Listing, Fault> {
        match self.query("").await? {
            Some(listing) => Ok(listing),
            None => {
                let answer = self.dav.propfind(&self.url, "1", MEMBERS).await?;
                let replies = self.dav.multistatus(&answer)?.replies;
                self.listed(&answer.url, replies)?.ok_or_else(dav::too_large)
            }
        }
    }

    /// `None`: the server told only a part.
    fn listed(&self, from: &Url, replies: Vec<Reply>) -> Result<Option<Listing>, Fault> {
        let mut listing = Listing::new();
        for reply in replies {
            let path = href::path(from, &reply.href)?;
            let kind = reply.property(Space::Dav, "resourcetype");
            let is_collection = self.is_collection(&path)
                || kind.is_some_and(|kind| kind.child(Space::Dav, "collection").is_some());
            match reply.status {
                Some(507) => return Ok(None),
                Some(404 | 410) => {}
                _ if is_collection => {}
                _ => drop(listing.insert(path, reply.text(Space::Dav, "getetag").and_then(etag))),
            }
        }
        Ok(Some(listing))
    }

    /// The resources with events that a filter matches (RFC 4791 §7.8); `None` when the server does not take it, or tells only
    /// a part.
    async fn query(&self, filter: &str) -> Result<Option<Listing>, Fault> {
        let body = format!(
            r#"<?xml version="1.0" encoding="utf-8"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">{filter}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"#
        );
        let answer = self.dav.report(&self.url, "1", &body).await?;
        match answer.status {
            StatusCode::MULTI_STATUS => self.listed(&answer.url, self.dav.multistatus(&answer)?.replies),
            StatusCode::UNAUTHORIZED
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(self.dav.fault(&answer)),
            _ => Ok(None),
        }
    }

    /// The resources of a large calendar that may still matter: those with a time after `from`, and every series. Servers
    /// should find series by a time range too (RFC 4791 §9.9), but not all do; so they are asked for by themselves, and left
    /// out is only what the server calls neither a series nor later. The range has no end: what lies ahead comes nearer.
    /// `None`: it can't be told, and everything is read.
    async fn not_over(&self, from: DateTime<Utc>) -> Result<Option<BTreeSet<String>>, Fault> {
        // All-day events and floating times are meant in some zone.
        let start = (from - TimeDelta::days(2)).format("%Y%m%dT%H%M%SZ");
        let mut current = BTreeSet::new();
        for filter in [
            format!(r#"<c:time-range start="{start}"/>"#),
            r#"<c:prop-filter name="RRULE"/>"#.to_owned(),
            r#"<c:prop-filter name="RDATE"/>"#.to_owned(),
        ] {
            match self.query(&filter).await? {
                Some(found) => current.extend(found.into_keys()),
                None => return Ok(None),
            }
        }
        Ok(Some(current))
    }

    /// Goes on with a round, after what was told so far is fetched with the next part of an answer that the server divided.
    async fn resume(&self, left: Rest) -> Result<Page, Fault> {
        if !left.rest.is_empty() || !left.more {
            return self.go_on(left, Vec::new()).await;
        }
        let Cursor::Token { token, ctag, least, again } = left.cursor else { return Err(Fault::CursorGone) };
        let told = self.sync(&token).await?;
        if told.more && told.token == token {
            return Err(Fault::Temporary("The server repeats the same part of the calendar.".into()));
        }
        let (mut rest, gone) = self.told(told, ctag, least);
        again.into_iter().for_each(|path| rest.cursor.ask_again(path));
        self.go_on(rest, gone).await
    }

    /// Fetches the next resources of a round.
    async fn go_on(&self, mut left: Rest, mut changes: Vec<Change>) -> Result<Page, Fault> {
        let paths: Vec<String> =
            left.rest.iter().take(BATCH).map(|short| cursor::long(self.calendar, short)).collect();
        if !paths.is_empty() {
            let fetched = self.fetch(&paths).await?;
            // A server that gives nothing out is broken as a whole, and has its time to be mended.
            if fetched.len() >= FAILING
                && let Some(fault) = fetched.iter().map(|one| one.broken.clone()).collect::<Option<Vec<_>>>()
                && let Some(fault) = fault.into_iter().next()
            {
                return Err(fault);
            }
            for (short, one) in left.rest.drain(..fetched.len().min(left.rest.len())).zip(fetched) {
                if one.again {
                    left.cursor.ask_again(short);
                }
                changes.extend(one.changes);
            }
        }
        let next = if left.rest.is_empty() && !left.more {
            Next::Cursor(left.cursor.written()?)
        } else {
            Next::Page(serde_json::to_string(&left).map_err(|_| Fault::unreadable())?)
        };
        Ok(Page { changes, next, unchanged: false })
    }

    /// The contents of resources, one entry for each, in order; fewer than were asked for when they are too large together.
    async fn fetch(&self, paths: &[String]) -> Result<Vec<Fetched>, Fault> {
        let mut paths = paths;
        loop {
            let answer = self.dav.report(&self.url, "1", &multiget(paths)).await?;
            if answer.status == StatusCode::MULTI_STATUS && answer.cut && paths.len() > 1 {
                paths = paths.get(..paths.len() / 2).unwrap_or_default();
                continue;
            }
            let mut told: BTreeMap<String, Reply> = BTreeMap::new();
            match answer.status {
                StatusCode::MULTI_STATUS if !answer.cut => {
                    for reply in self.dav.multistatus(&answer)?.replies {
                        told.insert(href::path(&answer.url, &reply.href)?, reply);
                    }
                }
                // Asked for one by one below.
                StatusCode::MULTI_STATUS
                | StatusCode::BAD_REQUEST
                | StatusCode::FORBIDDEN
                | StatusCode::METHOD_NOT_ALLOWED
                | StatusCode::UNSUPPORTED_MEDIA_TYPE
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::NOT_IMPLEMENTED => {}
                _ => return Err(self.dav.fault(&answer)),
            }
            let mut fetched = Vec::with_capacity(paths.len());
            for path in paths {
                fetched.push(self.resource(path, told.remove(path)).await?);
            }
            return Ok(fetched);
        }
    }

    /// What became of a resource. Servers leave some out of their answers, or spell them in a way that no one else does:
    /// these are asked for alone. What is refused for one resource is no reason to stop, but one to ask again.
    async fn resource(&self, path: &str, told: Option<Reply>) -> Result<Fetched, Fault> {
        let gone = || Ok(Fetched::of(Change::Gone { id: path.to_owned() }));
        if let Some(reply) = &told {
            match (reply.status, reply.text(Space::CalDav, "calendar-data")) {
                (Some(404 | 410), _) => return gone(),
                (_, Some(data)) => {
                    let etag = reply.text(Space::Dav, "getetag").and_then(etag);
                    return Ok(self.read(path, etag, data.as_bytes()));
                }
                _ => {}
            }
        }
        let answer = self.dav.get(&href::at(&self.url, path)).await?;
        match answer.status {
            StatusCode::OK if answer.cut => Ok(Fetched::unreadable(path, "It is larger than 16 MB.".into())),
            StatusCode::OK => Ok(self.read(path, answer.etag(), &answer.body)),
            StatusCode::NOT_FOUND | StatusCode::GONE => gone(),
            StatusCode::UNAUTHORIZED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(self.dav.fault(&answer)),
            status => Ok(Fetched {
                again: true,
                broken: status.is_server_error().then(|| self.dav.fault(&answer)),
                ..Fetched::unreadable(path, format!("The server answered {status} when it was asked for."))
            }),
        }
    }

    /// An object that can't be read says nothing about its events: what is known of them stays.
    fn read(&self, path: &str, etag: Option<String>, text: &[u8]) -> Fetched {
        let Contents { events, unread } = match object::read(self.dav.access(), path, etag, text) {
            Ok(contents) => contents,
            Err(fault) => return Fetched::unreadable(path, fault.to_string()),
        };
        let (id, kept) = (path.to_owned(), unread.iter().take(1).map(|one| one.id.clone()).collect());
        let mut fetched = Fetched::of(Change::Resource { id, events, unread: kept });
        // One sentence is enough to look at an object.
        fetched
            .changes
            .extend(unread.into_iter().take(1).map(|Unread { id, why }| Change::Unreadable { id, why }));
        fetched
    }
}

/// What came of asking for a resource.
#[derive(Debug, Default)]
struct Fetched {
    changes: Vec<Change>,
    /// It was not had, and may be later.
    again: bool,
    /// The server failed over it.
    broken: Option<Fault>,
}

impl Fetched {
    fn of(change: Change) -> Self {
        Self { changes: vec![change], ..Self::default() }
    }

    fn unreadable(path: &str, why: String) -> Self {
        Self::of(Change::Unreadable { id: path.to_owned(), why })
    }
}

/// Does the server say that it doesn't know the token? The precondition counts, whatever the status (RFC 6578 §3.2). Where
/// there is none, an answer that no other fault explains is taken for it: one server answers 500 to tokens of another
/// make, others 400, 409, 410 or 412; 405, 415 and 501 come from one that no longer knows such reports at all. The reading
/// that follows tries the new token before it relies upon it.
fn is_lost(answer: &dav::Answer) -> bool {
    matches!(answer.status.as_u16(), 400 | 405 | 409 | 410 | 412 | 415 | 500 | 501)
        || answer.status != StatusCode::MULTI_STATUS
            && answer.condition(Space::Dav, "valid-sync-token").is_some()
}

/// RFC 4791 §7.9.
fn multiget(paths: &[String]) -> String {
    let hrefs: String = paths.iter().map(|path| format!("<d:href>{}</d:href>", escaped(path))).collect();
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<c:calendar-multiget xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/><c:calendar-data/></d:prop>{hrefs}</c:calendar-multiget>"#
    )
}
