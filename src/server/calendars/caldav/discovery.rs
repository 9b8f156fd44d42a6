//! Where an account's calendars are: from the address that was entered to the principal and its homes (RFC 6764,
//! RFC 5397, RFC 4791 §6.2.1), and what stands in those.
//!
//! [`Account::home`] lists places, divided by spaces. A place is the address of a collection whose members are calendars;
//! one that begins with `=` is a calendar itself: somebody else's, for example, which its owner shares. All are on the
//! host of the first. After them come the owner's addresses (`mailto:`), by which they are known among those who take part.

use super::{
    super::{access::Account, access::Credential, event::RemoteCalendar, fault::Fault},
    dav::Dav,
    href,
    xml::{Node, Reply, Space},
};
use crate::server::zones;
use http::StatusCode;
use reqwest::Url;
use std::collections::BTreeSet;

/// Who is asking, and what is here?
const WHO: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:resourcetype/><d:current-user-principal/><c:calendar-home-set/><c:calendar-user-address-set/></d:prop></d:propfind>"#;

/// What calendars are here?
const CALENDARS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:resourcetype/><d:displayname/><d:current-user-privilege-set/><c:supported-calendar-component-set/><c:calendar-timezone/><c:calendar-timezone-id/><c:schedule-default-calendar-URL/></d:prop></d:propfind>"#;

/// Calendars of one account at most: more is a mistake or malice.
const MOST_CALENDARS: usize = 500;
/// Addresses of one owner that are kept.
const MOST_EMAILS: usize = 20;

const MAILTO: &str = "mailto:";

/// A place in [`Account::home`].
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    url: Url,
    is_calendar: bool,
}

impl Place {
    fn written(&self) -> String {
        format!("{}{}", if self.is_calendar { "=" } else { "" }, self.url)
    }

    fn read(text: &str) -> Option<Self> {
        if text.starts_with(MAILTO) {
            return None;
        }
        let (is_calendar, url) = text.strip_prefix('=').map_or((false, text), |url| (true, url));
        Some(Self { url: Url::parse(url).ok()?, is_calendar })
    }
}

/// The owner's e-mail addresses.
pub fn owner(home: &str) -> Vec<String> {
    home.split(' ').filter_map(|entry| entry.strip_prefix(MAILTO)).map(str::to_owned).collect()
}

fn places(home: &str) -> impl Iterator<Item = Place> {
    home.split(' ').filter_map(Place::read)
}

/// The host of an account's calendars, on which their paths are.
pub fn base(dav: &Dav<'_>) -> Result<Url, Fault> {
    let first = places(dav.access().home).next();
    first
        .map(|place| place.url)
        .ok_or_else(|| Fault::Refused("It is not known where the account's calendars are.".into()))
}

/// Whose account it is: [`super::super::Provider::account`].
///
/// [`Fault::Revoked`] speaks of the user name and the password, [`Fault::Refused`] of the address.
pub async fn account(dav: &Dav<'_>) -> Result<Account, Fault> {
    let Credential::Password { url, user, .. } = dav.access().credential else {
        return Err(Fault::Revoked("This account has no password.".into()));
    };
    let entered = match url.trim() {
        url if url.contains("://") => dav.access().check(url)?,
        url => dav.access().check(&format!("https://{url}"))?,
    };
    let well_known = href::at(&entered, "/.well-known/caldav");
    let root = href::at(&entered, "/");
    // What was entered comes first, unless it is only the name of a host.
    let candidates = match entered.path() {
        "/" => vec![well_known, root],
        _ => vec![entered, well_known, root],
    };
    for candidate in candidates {
        if let Some(found) = look(dav, &candidate).await? {
            let places = found.places.iter().map(Place::written);
            let emails = found.emails.iter().map(|email| format!("{MAILTO}{email}"));
            return Ok(Account {
                key: found.key,
                label: label(user, found.emails.first(), &candidate),
                home: places.chain(emails).collect::<Vec<_>>().join(" "),
            });
        }
    }
    Err(Fault::Refused(
        "No CalDAV server answers at this address. Enter the address that your provider gives for CalDAV."
            .into(),
    ))
}

fn label(user: &str, email: Option<&String>, at: &Url) -> String {
    match email {
        _ if user.contains('@') => user.to_owned(),
        Some(email) => email.clone(),
        None => format!("{user} ({})", at.host_str().unwrap_or_default()),
    }
}

#[derive(Debug)]
struct Found {
    key: String,
    places: Vec<Place>,
    emails: Vec<String>,
}

/// A resource that was asked about.
#[derive(Debug)]
struct Seen {
    url: Url,
    about: Reply,
}

/// `None`: nothing that speaks WebDAV is there.
async fn ask(dav: &Dav<'_>, url: &Url) -> Result<Option<Seen>, Fault> {
    let answer = dav.propfind(url, "0", WHO).await?;
    match answer.status {
        StatusCode::MULTI_STATUS => {
            Ok(dav.one(&answer).ok().map(|about| Seen { url: answer.url.clone(), about }))
        }
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => Err(dav.fault(&answer)),
        status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            Err(dav.fault(&answer))
        }
        _ => Ok(None),
    }
}

/// An address that a server named in an answer, as one that may be sent the password.
fn named(dav: &Dav<'_>, from: &Url, named: &str) -> Result<Url, Fault> {
    let url = dav.access().check(href::resolve(from, named)?.as_str())?;
    if href::may_carry_password(from, &url) {
        Ok(url)
    } else {
        Err(Fault::Refused(format!(
            "The server says that the calendars are at {}, without encryption. The password is not sent there.",
            url.host_str().unwrap_or("another address")
        )))
    }
}

impl Seen {
    fn principal(&self, dav: &Dav<'_>) -> Result<Option<Url>, Fault> {
        let Some(principal) = self.about.property(Space::Dav, "current-user-principal") else {
            return Ok(None);
        };
        if principal.child(Space::Dav, "unauthenticated").is_some() {
            return Err(Fault::Revoked("The server does not know this user name and password.".into()));
        }
        principal.hrefs().next().map(|href| named(dav, &self.url, href)).transpose()
    }

    fn homes(&self, dav: &Dav<'_>) -> Result<Vec<Url>, Fault> {
        let Some(set) = self.about.property(Space::CalDav, "calendar-home-set") else {
            return Ok(Vec::new());
        };
        set.hrefs().map(|href| named(dav, &self.url, href)).collect()
    }

    /// RFC 6638 §2.4.1.
    fn emails(&self) -> Vec<String> {
        let addresses = self.about.property(Space::CalDav, "calendar-user-address-set");
        let hrefs = addresses.into_iter().flat_map(Node::hrefs);
        let emails = hrefs
            .filter_map(|href| href.strip_prefix(MAILTO))
            .map(|email| href::readable(email).to_lowercase());
        emails.filter(|email| !email.contains(char::is_whitespace)).take(MOST_EMAILS).collect()
    }

    fn is_calendar(&self) -> bool {
        is_calendar(&self.about)
    }
}

fn is_calendar(reply: &Reply) -> bool {
    let kind = reply.property(Space::Dav, "resourcetype");
    kind.is_some_and(|kind| kind.child(Space::CalDav, "calendar").is_some())
}

async fn look(dav: &Dav<'_>, candidate: &Url) -> Result<Option<Found>, Fault> {
    let Some(here) = ask(dav, candidate).await? else { return Ok(None) };
    let principal = match here.principal(dav)? {
        Some(url) if url != here.url => ask(dav, &url).await?,
        _ => None,
    };
    let who = principal.as_ref().unwrap_or(&here);
    let homes = who.homes(dav)?;
    let emails = who.emails();
    let mut places: Vec<Place> = homes.into_iter().map(|url| Place { url, is_calendar: false }).collect();
    let key = match &principal {
        _ if places.is_empty() => here.url.to_string(),
        Some(principal) => principal.url.to_string(),
        None => here.url.to_string(),
    };
    // Somebody else's calendar, entered by its own address, or a server that knows no principals.
    let covered = places.iter().any(|place| here.url.as_str().starts_with(place.url.as_str()));
    if here.is_calendar() && !covered {
        places.push(Place { url: here.url.clone(), is_calendar: true });
    } else if places.is_empty() {
        let place = Place { url: here.url.clone(), is_calendar: false };
        if members(dav, &place).await.is_ok_and(|members| members.iter().any(|(_, reply)| is_calendar(reply)))
        {
            places.push(place);
        }
    }
    let Some(first) = places.first().map(|place| place.url.clone()) else { return Ok(None) };
    places.retain(|place| place.url.host() == first.host());
    Ok(Some(Found { key, places, emails }))
}

/// What stands in a place, with paths.
async fn members(dav: &Dav<'_>, place: &Place) -> Result<Vec<(String, Reply)>, Fault> {
    let depth = if place.is_calendar { "0" } else { "1" };
    let answer = dav.propfind(&place.url, depth, CALENDARS).await?;
    let replies = dav.multistatus(&answer)?.replies;
    replies.into_iter().map(|reply| Ok((href::path(&answer.url, &reply.href)?, reply))).collect()
}

/// The calendars of an account: [`super::super::Provider::calendars`].
pub async fn calendars(dav: &Dav<'_>) -> Result<Vec<RemoteCalendar>, Fault> {
    base(dav)?;
    let mut calendars: Vec<RemoteCalendar> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut default = None;
    for place in places(dav.access().home) {
        for (id, reply) in members(dav, &place).await? {
            // RFC 6638 §9.2; it is a property of the inbox for invitations, which stands among the calendars.
            if let Some(main) = reply.property(Space::CalDav, "schedule-default-calendar-URL") {
                default = main.hrefs().next().and_then(|main| href::path(&place.url, main).ok()).or(default);
            }
            if is_calendar(&reply) && takes_events(&reply) && seen.insert(id.clone()) {
                calendars.push(calendar(id, &reply));
            }
            if calendars.len() > MOST_CALENDARS {
                return Err(Fault::Refused("The account has more than 500 calendars.".into()));
            }
        }
    }
    let main = calendars
        .iter()
        .position(|calendar| default.as_ref() == Some(&calendar.id))
        .or_else(|| calendars.iter().position(|calendar| calendar.writable));
    if let Some(main) = main.and_then(|main| calendars.get_mut(main)) {
        main.primary = true;
    }
    Ok(calendars)
}

/// RFC 4791 §5.2.3: where the property is missing, all kinds are taken.
fn takes_events(reply: &Reply) -> bool {
    let kinds = reply.property(Space::CalDav, "supported-calendar-component-set");
    kinds.is_none_or(|kinds| {
        let named = |name: &str| kinds.children.iter().any(|kind| kind.named.eq_ignore_ascii_case(name));
        kinds.children.is_empty() || named("VEVENT")
    })
}

fn calendar(id: String, reply: &Reply) -> RemoteCalendar {
    let segment = id.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = reply.text(Space::Dav, "displayname").map_or_else(|| href::readable(segment), str::to_owned);
    RemoteCalendar {
        name,
        zone: zone(reply).unwrap_or_default(),
        writable: reply.property(Space::Dav, "current-user-privilege-set").is_none_or(writable),
        primary: false,
        id,
    }
}

/// May events be made, changed and deleted (RFC 3744 §3)?
fn writable(privileges: &Node) -> bool {
    let has = |name: &str| {
        let granted = |privilege: &Node| privilege.child(Space::Dav, name).is_some();
        privileges.children.iter().any(granted)
    };
    has("all") || has("write") || has("bind") && has("write-content")
}

/// The calendar's zone (RFC 4791 §5.2.2, RFC 7809 §5.2), if its name is known here.
fn zone(reply: &Reply) -> Option<String> {
    let from_object = reply.text(Space::CalDav, "calendar-timezone").and_then(|object| {
        let unfolded = object.replace("\r\n ", "").replace("\n ", "");
        let name = unfolded.lines().find_map(|line| line.strip_prefix("TZID:"))?.trim().to_owned();
        Some(name)
    });
    let name = reply.text(Space::CalDav, "calendar-timezone-id").map(str::to_owned).or(from_object)?;
    // `/freeassociation.sourceforge.net/Europe/Berlin` and the like.
    let tails = name.match_indices('/').map(|(at, _)| name.get(at + 1..).unwrap_or_default());
    std::iter::once(name.as_str()).chain(tails).find(|name| zones::rules(name).is_some()).map(str::to_owned)
}
