//! Calendars that are published as a file: feeds that are subscribed to, and files that were uploaded. They can be read only.
//!
//! A feed is asked whether it changed (RFC 9110 §13: its ETag and its date are the cursor), and read whole when it did. It
//! comes in [`BUCKETS`] parts by the hash of each event's UID, so that what is not in it any more is noticed part by part and
//! no write holds up a booking for the length of a large feed.

use super::{
    Provider,
    access::{self, Access, Account, Connect, Credential},
    event::{Change, Draft, From, Known, Next, Page, RemoteCalendar, RemoteEvent, Written},
    fault::Fault,
    ics::{self, Contents, Unread},
};
use crate::server::{crypto, outside::retry_after};
use async_trait::async_trait;
use reqwest::{
    Method, Request, Response, StatusCode, Url,
    header::{self, HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};

/// Feeds and files.
#[derive(Debug)]
pub struct Feed;

/// Into how many parts events are put. It never changes: parts are what the database knows events by.
const BUCKETS: u16 = 512;

/// How many events of a part that can't be read are told apart. Where there are more, all that is known of the part stays.
const MOST_UNREAD: usize = 50;

/// How many redirects are followed.
const MOST_HOPS: usize = 5;

/// How long a feed may take, all redirects included.
const DEADLINE: Duration = Duration::from_secs(45);

/// The id of the only calendar in a feed.
const CALENDAR: &str = "feed";

/// What is known of the feed as it was read last.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    /// ETag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    /// Last-Modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<String>,
    /// The hash of what it held, for servers that say neither.
    hash: String,
    /// The owner's zone: times without one mean something else in another.
    zone: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// `webcal:` is what people are given to click on; it means `https:`.
fn plain_scheme(url: &str) -> String {
    let url = url.trim();
    match url.get(..9) {
        Some(scheme) if scheme.eq_ignore_ascii_case("webcal://") => {
            format!("https://{}", url.get(9..).unwrap_or_default())
        }
        _ => url.to_owned(),
    }
}

fn address<'a>(access: &Access<'a>) -> Result<&'a str, Fault> {
    match access.credential {
        Credential::Feed { url } => Ok(url),
        _ => Err(Fault::Revoked("This calendar has no address. Please subscribe to it again.".into())),
    }
}

/// What a feed answered.
enum Answer {
    /// It is as it was.
    Same,
    /// It is this.
    Whole(Vec<u8>, Cursor),
}

fn copied(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    // What is longer is no validator but a burden.
    (value.len() <= 200).then(|| value.to_owned())
}

/// Asks for the feed, and follows redirects.
async fn fetch(access: &Access<'_>, known: Option<&Cursor>) -> Result<Answer, Fault> {
    let mut url = access.check(&plain_scheme(address(access)?))?;
    for _ in 0..=MOST_HOPS {
        let mut request = Request::new(Method::GET, url.clone());
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/calendar, */*;q=0.5"));
        for (name, value) in [
            (header::IF_NONE_MATCH, known.and_then(|cursor| cursor.etag.as_ref())),
            (header::IF_MODIFIED_SINCE, known.and_then(|cursor| cursor.modified.as_ref())),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        let response = access::send(access.guarded_client()?, request).await?;
        let status = response.status();
        if let Some(next) = redirect(&response, &url) {
            url = access.check(&plain_scheme(&next?))?;
        } else if status == StatusCode::NOT_MODIFIED && known.is_some() {
            return Ok(Answer::Same);
        } else if status == StatusCode::OK {
            let mut cursor = Cursor {
                etag: copied(&response, header::ETAG),
                modified: copied(&response, header::LAST_MODIFIED),
                hash: String::new(),
                zone: access.zone.to_owned(),
            };
            let body = access::read(response).await?;
            cursor.hash = hex(&crypto::hash(&String::from_utf8_lossy(&body)));
            return Ok(Answer::Whole(body, cursor));
        } else {
            return Err(fault(&response, access));
        }
    }
    Err(Fault::Refused("The feed's address leads from one address to the next without an end.".into()))
}

/// Where an answer leads on to, if it does.
fn redirect(response: &Response, from: &Url) -> Option<Result<String, Fault>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let next = response
        .headers()
        .get(header::LOCATION)
        .and_then(|to| to.to_str().ok())
        .and_then(|to| from.join(&plain_scheme(to)).ok());
    Some(next.map(String::from).ok_or_else(Fault::unreadable))
}

fn fault(response: &Response, access: &Access<'_>) -> Fault {
    let status = response.status();
    match status.as_u16() {
        401 | 403 => Fault::Revoked(
            "The feed's server does not let us in any more. Please subscribe to it again with its new address.".into(),
        ),
        410 => Fault::Revoked(
            "The feed is not there any more. Please subscribe to it again with its new address.".into(),
        ),
        // Servers answer so for a while when they are being worked on.
        404 => Fault::Temporary("There is no calendar at the feed's address (404).".into()),
        429 | 503 => {
            let wait = retry_after(status, response.headers(), access.now);
            Fault::Limited(wait.map(|wait| access.now + wait))
        }
        _ => Fault::status(status),
    }
}

async fn in_time(access: &Access<'_>, known: Option<&Cursor>) -> Result<Answer, Fault> {
    tokio::time::timeout(DEADLINE, fetch(access, known))
        .await
        .unwrap_or_else(|_| Err(Fault::Temporary("The feed did not come in time.".into())))
}

/// The events of a file, away from the threads that answer requests: a large one takes a while.
async fn read(body: Vec<u8>, zone: &str) -> Result<Contents, Fault> {
    let zone = zone.to_owned();
    let reading =
        move || ics::read(&body, &ics::Reading { origin: ics::Origin::Feed, zone: &zone, owner: &[] });
    tokio::task::spawn_blocking(reading).await.unwrap_or_else(|_| Err(Fault::unreadable()))
}

fn bucket(root: &str) -> u16 {
    match *crypto::hash(root).as_slice() {
        [first, second, ..] => u16::from_be_bytes([first, second]) % BUCKETS,
        _ => 0,
    }
}

/// All parts of a file, empty ones too: whatever was in them is gone, unless it is there and can't be read.
fn parts(contents: Contents) -> Vec<Change> {
    let name = |number: u16| format!("{number:03}");
    let mut parts: Vec<Vec<RemoteEvent>> = (0..BUCKETS).map(|_| Vec::new()).collect();
    let mut unread: HashMap<u16, Vec<String>> = HashMap::new();
    let mut changes = Vec::new();
    for Unread { id, why } in contents.unread {
        let own = bucket(&id);
        changes.push(Change::Unreadable { id: format!("{}/{id}", name(own)), why });
        // One without a UID can have been in any part.
        let those = if id == ics::NAMELESS { 0..BUCKETS } else { own..own + 1 };
        for number in those {
            let kept = unread.entry(number).or_default();
            let id = format!("{}/{id}", name(number));
            if kept.len() >= MOST_UNREAD {
                *kept = vec![name(number)];
            } else if !kept.contains(&id) {
                kept.push(id);
            }
        }
    }
    for mut event in contents.events {
        let root = event.instance.as_ref().map_or(&event.id, |instance| &instance.series);
        let number = bucket(root);
        event.id = format!("{}/{}", name(number), event.id);
        if let Some(instance) = &mut event.instance {
            instance.series = format!("{}/{}", name(number), instance.series);
        }
        if let Some(part) = parts.get_mut(usize::from(number)) {
            part.push(event);
        }
    }
    changes.extend((0..BUCKETS).zip(parts).map(|(number, events)| {
        let unread = unread.remove(&number).unwrap_or_default();
        Change::Resource { id: name(number), events, unread }
    }));
    changes
}

/// What an uploaded file holds, as changes to keep; its calendar's name, if it has one. Uploading another file takes the
/// place of the former one. `zone` is the owner's (IANA).
///
/// [`Fault::Refused`] with a sentence for whoever uploaded it.
pub async fn upload(body: Vec<u8>, zone: &str) -> Result<(Option<String>, Vec<Change>), Fault> {
    let name = ics::name(&body);
    Ok((name, parts(read(body, zone).await?)))
}

fn cursor(text: Option<&str>, zone: &str) -> Option<Cursor> {
    text.and_then(|text| serde_json::from_str(text).ok()).filter(|cursor: &Cursor| cursor.zone == zone)
}

#[async_trait]
impl Provider for Feed {
    fn key(&self) -> &'static str {
        "ical"
    }

    fn name(&self) -> &'static str {
        "iCalendar feed"
    }

    fn connect(&self) -> Connect {
        Connect::Feed
    }

    fn writes(&self) -> bool {
        false
    }

    /// Reads the feed once, so that a mistake in its address is told at once. It is known by the hash of its address, which
    /// is a secret; `home` is the calendar's name.
    async fn account(&self, access: &Access<'_>) -> Result<Account, Fault> {
        if *access.credential == Credential::File {
            return Ok(Account { key: "file".into(), label: "Uploaded file".into(), home: String::new() });
        }
        let url = plain_scheme(address(access)?);
        let Answer::Whole(body, _) = in_time(access, None).await? else { return Err(Fault::unreadable()) };
        let named = ics::name(&body);
        read(body, access.zone).await?;
        let host = access.check(&url)?.host_str().unwrap_or_default().to_owned();
        let home = named.unwrap_or_else(|| host.clone());
        let label = if home == host { host } else { format!("{home} ({host})") };
        Ok(Account { key: hex(&crypto::hash(&url)), label, home })
    }

    async fn calendars(&self, access: &Access<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
        let name = match access.home {
            "" if *access.credential == Credential::File => "Uploaded file".to_owned(),
            "" => self.account(access).await?.home,
            home => home.to_owned(),
        };
        let (id, zone) = (CALENDAR.to_owned(), String::new());
        Ok(vec![RemoteCalendar { id, name, zone, writable: false, primary: true }])
    }

    async fn changes(&self, access: &Access<'_>, _calendar: &str, from: &From<'_>) -> Result<Page, Fault> {
        let same = |cursor: &str| Page {
            changes: Vec::new(),
            next: Next::Cursor(cursor.to_owned()),
            unchanged: true,
        };
        if *access.credential == Credential::File {
            return Ok(same(from.cursor.unwrap_or("file")));
        }
        let known = cursor(from.cursor, access.zone);
        let (body, cursor) = match in_time(access, known.as_ref()).await? {
            Answer::Same => return Ok(same(from.cursor.unwrap_or_default())),
            Answer::Whole(body, cursor) => (body, cursor),
        };
        let next = serde_json::to_string(&cursor).map_err(|_| Fault::unreadable())?;
        if known.is_some_and(|known| known.hash == cursor.hash) {
            return Ok(same(&next));
        }
        let contents = read(body, access.zone).await?;
        Ok(Page { changes: parts(contents), next: Next::Cursor(next), unchanged: false })
    }

    /// Feeds are read whole, which nobody does for one event of them.
    async fn get(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _id: &str,
    ) -> Result<Option<RemoteEvent>, Fault> {
        Err(only_read())
    }

    async fn create(&self, _access: &Access<'_>, _calendar: &str, _draft: &Draft) -> Result<Written, Fault> {
        Err(only_read())
    }

    async fn update(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _known: &Known,
        _draft: &Draft,
    ) -> Result<Written, Fault> {
        Err(only_read())
    }

    async fn delete(
        &self,
        _access: &Access<'_>,
        _calendar: &str,
        _known: &Known,
        _tell: bool,
    ) -> Result<(), Fault> {
        Err(only_read())
    }
}

fn only_read() -> Fault {
    Fault::Refused("A feed can be read only.".into())
}
