//! Making, changing, deleting and finding events.
//!
//! A new event's address follows from its key, so that a repetition meets what the first attempt left: servers need not find
//! anything by UID, which iCloud can't. Every write names the state that it replaces.

use super::{
    super::{
        event::{Draft, Known, Lost, Meeting, RemoteEvent, Written},
        fault::Fault,
    },
    dav::{Answer, Dav, escaped},
    href, object,
    xml::Space,
};
use crate::domain::interval::Interval;
use chrono::{DateTime, Utc};
use http::{HeaderName, StatusCode, header};
use reqwest::Url;
use std::collections::BTreeSet;

/// Resources that are looked at after a search.
const MOST_FOUND: usize = 50;

/// A resource as it is now.
#[derive(Debug)]
struct Current {
    url: Url,
    path: String,
    etag: Option<String>,
    text: Vec<u8>,
}

/// The resource that an event is in, and whether the event is one instance of a series in it.
fn resource(id: &str) -> (&str, bool) {
    id.split_once('#').map_or((id, false), |(path, _)| (path, true))
}

async fn current(dav: &Dav<'_>, base: &Url, path: &str) -> Result<Option<Current>, Fault> {
    let url = href::at(base, path);
    let answer = dav.get(&url).await?;
    match answer.status {
        StatusCode::OK if answer.cut => Err(Fault::Refused("The event is larger than 16 MB.".into())),
        StatusCode::OK => {
            Ok(Some(Current { url, path: path.to_owned(), etag: answer.etag(), text: answer.body }))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
        _ => Err(dav.fault(&answer)),
    }
}

/// An event as it is now: [`super::super::Provider::get`].
pub async fn get(dav: &Dav<'_>, base: &Url, id: &str) -> Result<Option<RemoteEvent>, Fault> {
    let (path, _) = resource(id);
    let Some(found) = current(dav, base, path).await? else { return Ok(None) };
    let contents = object::read(dav.access(), path, found.etag, &found.text)?;
    let event = contents.events.into_iter().find(|event| event.id == id);
    match (event, contents.unread.into_iter().next()) {
        (None, Some(unread)) => Err(Fault::Refused(unread.why)),
        (event, _) => Ok(event),
    }
}

/// What a successful PUT left; asks for the ETag where the server did not tell a usable one: some tell none because they
/// changed what they were given (RFC 4791 §5.3.4), and one tells a weak one.
async fn written(dav: &Dav<'_>, base: &Url, path: &str, answer: &Answer) -> Result<Written, Fault> {
    let etag = match answer.strong_etag() {
        Some(etag) => Some(etag),
        None => current(dav, base, path).await?.and_then(|now| now.etag),
    };
    Ok(Written { id: path.to_owned(), etag, meeting: Meeting::None })
}

/// Refuses a draft with people to invite where the server would not invite them (RFC 6638 §2).
async fn can_invite(dav: &Dav<'_>, base: &Url, calendar: &str, draft: &Draft) -> Result<(), Fault> {
    if draft.invite.is_empty()
        || object::organizer(dav.access()).is_some() && dav.schedules(&href::at(base, calendar)).await?
    {
        return Ok(());
    }
    Err(Fault::Refused("This server sends no invitations. Let Meridian send them.".into()))
}

/// Makes an event: [`super::super::Provider::create`].
pub async fn create(dav: &Dav<'_>, base: &Url, calendar: &str, draft: &Draft) -> Result<Written, Fault> {
    can_invite(dav, base, calendar, draft).await?;
    let path = href::path(base, &format!("{calendar}{}.ics", draft.key))?;
    let object = object::write(dav.access(), draft);
    let answer = dav.put(&href::at(base, &path), Some((header::IF_NONE_MATCH, "*")), &object).await?;
    if answer.status.is_success() {
        return written(dav, base, &path, &answer).await;
    }
    match conflict(&answer) {
        Conflict::None if answer.status == StatusCode::PRECONDITION_FAILED => {
            // An earlier attempt, whose answer was lost.
            match current(dav, base, &path).await? {
                Some(found) => replace(dav, base, &found, draft).await,
                None => Err(Fault::Temporary(
                    "The server says that the event exists, and does not have it.".into(),
                )),
            }
        }
        Conflict::None => Err(refused(dav, base, calendar, &answer).await),
        Conflict::Uid(named) => {
            let found = match named.and_then(|named| href::path(&answer.url, &named).ok()) {
                Some(path) if path.starts_with(calendar) => current(dav, base, &path).await?,
                Some(_) => None,
                None => by_uid(dav, base, calendar, &draft.uid).await?,
            };
            match found {
                Some(found) => replace(dav, base, &found, draft).await,
                // It passes when the event is moved from one of the account's calendars to another.
                None => Err(Fault::Temporary(
                    "The server has this event in another of the account's calendars, or in its bin.".into(),
                )),
            }
        }
        Conflict::Unclear => match by_uid(dav, base, calendar, &draft.uid).await {
            Ok(Some(found)) => replace(dav, base, &found, draft).await,
            _ => Err(refused(dav, base, calendar, &answer).await),
        },
    }
}

/// What a refusal of a new object means. Where the calendar itself is gone, servers say so in several ways (409 by
/// RFC 4918 §9.7.1, 403 by Cyrus, 404 and 405 by others).
async fn refused(dav: &Dav<'_>, base: &Url, calendar: &str, answer: &Answer) -> Fault {
    let unclear = [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED, StatusCode::CONFLICT];
    if unclear.contains(&answer.status) && dav.is_missing(&href::at(base, calendar)).await {
        return Fault::NotFound;
    }
    dav.fault(answer)
}

/// Why a new object was not taken.
#[derive(Debug)]
enum Conflict {
    /// Not because of another one with the same UID.
    None,
    /// Because of that one, at this address where the server says so.
    Uid(Option<String>),
    /// It may be.
    Unclear,
}

/// The precondition counts, not the status: 403, 409 and 412 are in use for the same. Nextcloud says it in words
/// (from memory: not seen on a server).
fn conflict(answer: &Answer) -> Conflict {
    let conditions = ["no-uid-conflict", "unique-scheduling-object-resource"];
    let named = conditions.iter().find_map(|name| answer.condition(Space::CalDav, name));
    match named {
        Some(condition) => Conflict::Uid(condition.hrefs().next().map(str::to_owned)),
        None if answer.status == StatusCode::BAD_REQUEST && answer.says("uid already exists") => {
            Conflict::Uid(None)
        }
        None if answer.status == StatusCode::CONFLICT => Conflict::Unclear,
        None => Conflict::None,
    }
}

/// Asks for the resources with events that a filter matches (RFC 4791 §7.8).
async fn query(dav: &Dav<'_>, base: &Url, calendar: &str, filter: &str) -> Result<Answer, Fault> {
    let body = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/></d:prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">{filter}</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"#
    );
    dav.report(&href::at(base, calendar), "1", &body).await
}

/// Matches a UID (RFC 4791 §7.8.6).
fn uid_filter(uid: &str) -> String {
    format!(
        r#"<c:prop-filter name="UID"><c:text-match collation="i;octet">{}</c:text-match></c:prop-filter>"#,
        escaped(uid)
    )
}

/// Matches what takes place at a time (RFC 4791 §7.8.5).
fn time_filter(time: Interval) -> String {
    let text = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ");
    format!(r#"<c:time-range start="{}" end="{}"/>"#, text(time.start()), text(time.end()))
}

/// An event of ours that is in another calendar now than it was: [`super::super::Provider::find`].
///
/// Programs move an object with MOVE or COPY, and it keeps its name, or they make another object with the same UID. The
/// names that it may have are tried first, then a search by UID, then, since one large server has no such search, one by the
/// time that it was seen at.
pub async fn find(
    dav: &Dav<'_>,
    base: &Url,
    calendar: &str,
    lost: &Lost<'_>,
) -> Result<Option<RemoteEvent>, Fault> {
    let (path, _) = resource(lost.id);
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut tried = BTreeSet::new();
    for name in [name, &format!("{}.ics", lost.uid)] {
        tried.insert(href::path(base, &format!("{calendar}{name}"))?);
    }
    for path in &tried {
        if let Some(event) = ours(dav, base, path, lost).await? {
            return Ok(Some(event));
        }
    }
    for filter in [Some(uid_filter(lost.uid)), lost.time.map(time_filter)].into_iter().flatten() {
        let answer = query(dav, base, calendar, &filter).await?;
        let found = match dav.multistatus(&answer) {
            Ok(found) => found.replies,
            // It has no such search.
            Err(Fault::Refused(_) | Fault::Permission(_) | Fault::Changed) => continue,
            Err(_) if answer.status == StatusCode::INTERNAL_SERVER_ERROR => continue,
            Err(fault) => return Err(fault),
        };
        for reply in found.into_iter().take(MOST_FOUND) {
            let path = href::path(&answer.url, &reply.href)?;
            if tried.insert(path.clone())
                && let Some(event) = ours(dav, base, &path, lost).await?
            {
                return Ok(Some(event));
            }
        }
    }
    Ok(None)
}

/// The event in a resource, if it is the one that is looked for.
async fn ours(dav: &Dav<'_>, base: &Url, path: &str, lost: &Lost<'_>) -> Result<Option<RemoteEvent>, Fault> {
    let found = match current(dav, base, path).await {
        Ok(Some(found)) => found,
        Ok(None) | Err(Fault::Refused(_) | Fault::Permission(_)) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let Ok(contents) = object::read(dav.access(), path, found.etag, &found.text) else { return Ok(None) };
    let is_it = |event: &RemoteEvent| event.uid == lost.uid || event.mark.as_deref() == Some(lost.mark);
    Ok(contents.events.into_iter().find(|event| event.instance.is_none() && is_it(event)))
}

/// The resource with this UID in a calendar.
async fn by_uid(dav: &Dav<'_>, base: &Url, calendar: &str, uid: &str) -> Result<Option<Current>, Fault> {
    let answer = query(dav, base, calendar, &uid_filter(uid)).await?;
    for reply in dav.multistatus(&answer)?.replies {
        let path = href::path(&answer.url, &reply.href)?;
        let Some(found) = current(dav, base, &path).await? else { continue };
        // A text match is a match of parts.
        let contents = object::read(dav.access(), &path, None, &found.text)?;
        if contents.events.iter().any(|event| event.uid == uid) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Makes a resource look like the draft, keeping what we don't know of it.
async fn replace(dav: &Dav<'_>, base: &Url, now: &Current, draft: &Draft) -> Result<Written, Fault> {
    let object = object::merge(dav.access(), &now.text, draft);
    let condition: Option<(HeaderName, &str)> = now.etag.as_deref().map(|etag| (header::IF_MATCH, etag));
    let answer = dav.put(&now.url, condition, &object).await?;
    if answer.status.is_success() {
        return written(dav, base, &now.path, &answer).await;
    }
    Err(dav.fault(&answer))
}

/// Changes an event: [`super::super::Provider::update`].
pub async fn update(
    dav: &Dav<'_>,
    base: &Url,
    calendar: &str,
    known: &Known,
    draft: &Draft,
) -> Result<Written, Fault> {
    let (path, one_of_series) = resource(&known.id);
    if one_of_series {
        return Err(Fault::Refused("One instance of a series can't be changed from here.".into()));
    }
    can_invite(dav, base, calendar, draft).await?;
    let now = current(dav, base, path).await?.ok_or(Fault::NotFound)?;
    if known.etag.is_some() && now.etag.is_some() && known.etag != now.etag {
        return Err(Fault::Changed);
    }
    replace(dav, base, &now, draft).await
}

/// Deletes an event: [`super::super::Provider::delete`]. Without a known ETag there is no condition: `If-Match: *` means the
/// opposite at iCloud, and nothing at others.
pub async fn delete(dav: &Dav<'_>, base: &Url, known: &Known, tell: bool) -> Result<(), Fault> {
    let (path, one_of_series) = resource(&known.id);
    if one_of_series {
        return Err(Fault::Refused("One instance of a series can't be deleted from here.".into()));
    }
    let condition = known.etag.as_deref().map(|etag| (header::IF_MATCH, etag));
    let answer = dav.delete(&href::at(base, path), condition, tell).await?;
    match answer.status {
        status if status.is_success() && status != StatusCode::MULTI_STATUS => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
        // RFC 4918 §9.6.1 allows it where a part could not be deleted.
        StatusCode::MULTI_STATUS => Err(Fault::Temporary("The server could not delete the event.".into())),
        _ => Err(dav.fault(&answer)),
    }
}
