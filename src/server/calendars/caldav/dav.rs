//! Requests to a WebDAV server, and what its refusals mean.

use super::{
    super::{
        access::{self, Access, Credential, MOST_BYTES},
        fault::Fault,
    },
    href,
    xml::{self, Document, Node, Reply, Space},
};
use crate::server::outside::{retry_after, sentence};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::{Client, Url};
use std::time::Duration;

/// How long one request may take, in seconds: servers in PHP take their time over thousands of events.
const PATIENCE: Duration = Duration::from_secs(60);
/// Redirects that are followed.
const MOST_HOPS: usize = 5;
/// The media type of every body that is not a calendar object; one server takes no other.
const XML: HeaderValue = HeaderValue::from_static("application/xml; charset=utf-8");
const CALENDAR: HeaderValue = HeaderValue::from_static("text/calendar; charset=utf-8");
const KIND: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/></d:prop></d:propfind>"#;
const DEPTH: HeaderName = HeaderName::from_static("depth");

/// An account's server.
#[derive(Debug)]
pub struct Dav<'a> {
    access: &'a Access<'a>,
    client: &'static Client,
    authorization: HeaderValue,
}

/// An answer, read to its end or to [`MOST_BYTES`].
#[derive(Debug)]
pub struct Answer {
    /// Where it came from, after redirects.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// Is the body longer than what was read?
    pub cut: bool,
}

impl<'a> Dav<'a> {
    /// The server of an account that a user name and a password open.
    pub fn new(access: &'a Access<'a>) -> Result<Self, Fault> {
        let Credential::Password { user, password, .. } = access.credential else {
            return Err(Fault::Revoked("This account has no password.".into()));
        };
        let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let mut authorization = HeaderValue::try_from(credentials)
            .map_err(|_| Fault::Refused("This password can't be sent.".into()))?;
        authorization.set_sensitive(true);
        Ok(Self { access, client: access.guarded_client()?, authorization })
    }

    /// The account.
    pub fn access(&self) -> &Access<'a> {
        self.access
    }

    async fn once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &str,
    ) -> Result<Answer, Fault> {
        let url = self.access.check(url.as_str())?;
        let mut request = self.client.request(method.clone(), url.clone()).timeout(PATIENCE);
        request = request.headers(headers.clone()).header(header::AUTHORIZATION, &self.authorization);
        if !body.is_empty() {
            request = request.body(body.to_owned());
        }
        let request = request.build().map_err(|error| Fault::Refused(sentence(&error)))?;
        let mut response = access::send(self.client, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let (mut body, mut cut) = (Vec::new(), false);
        while let Some(chunk) = response.chunk().await.map_err(|error| Fault::Temporary(sentence(&error)))? {
            if body.len() + chunk.len() > MOST_BYTES {
                cut = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { url, status, headers, body, cut })
    }

    /// A request that only reads: redirects are followed, each one checked.
    async fn reading(&self, method: &str, url: &Url, depth: &str, body: &str) -> Result<Answer, Fault> {
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Fault::unreadable())?;
        let mut headers = HeaderMap::new();
        if let Ok(depth) = HeaderValue::from_str(depth)
            && !depth.is_empty()
        {
            headers.insert(DEPTH, depth);
        }
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, XML);
        }
        let mut url = url.clone();
        for _ in 0..=MOST_HOPS {
            let answer = self.once(&method, &url, &headers, body).await?;
            let Some(next) = answer.leads_to() else { return Ok(answer) };
            let next = self.access.check(next.as_str())?;
            if !href::may_carry_password(&answer.url, &next) {
                return Err(Fault::Refused(format!(
                    "The server leads to {} without encryption. The password is not sent there.",
                    next.host_str().unwrap_or("another address")
                )));
            }
            url = next;
        }
        Err(Fault::Refused("The server leads from one address to the next without end.".into()))
    }

    /// PROPFIND (RFC 4918 §9.1), of a resource alone (depth 0) or with its members (1).
    pub async fn propfind(&self, url: &Url, depth: &str, body: &str) -> Result<Answer, Fault> {
        self.reading("PROPFIND", url, depth, body).await
    }

    /// REPORT (RFC 3253 §3.6).
    pub async fn report(&self, url: &Url, depth: &str, body: &str) -> Result<Answer, Fault> {
        self.reading("REPORT", url, depth, body).await
    }

    /// GET.
    pub async fn get(&self, url: &Url) -> Result<Answer, Fault> {
        self.reading("GET", url, "", "").await
    }

    /// Does the server itself invite the attendees of events in this calendar (RFC 6638 §2)?
    pub async fn schedules(&self, url: &Url) -> Result<bool, Fault> {
        let answer = self.reading("OPTIONS", url, "", "").await?;
        let classes = answer.headers.get_all("dav").iter().filter_map(|value| value.to_str().ok());
        let mut classes = classes.flat_map(|value| value.split(','));
        Ok(classes.any(|class| class.trim().eq_ignore_ascii_case("calendar-auto-schedule")))
    }

    /// Is it certain that there is nothing at this address?
    pub async fn is_missing(&self, url: &Url) -> bool {
        // One server says it in a 207.
        let answer = self.propfind(url, "0", KIND).await;
        answer.is_ok_and(|answer| self.one(&answer) == Err(Fault::NotFound))
    }

    /// PUT of a calendar object, under a condition.
    pub async fn put(
        &self,
        url: &Url,
        condition: Option<(HeaderName, &str)>,
        object: &str,
    ) -> Result<Answer, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, CALENDAR);
        insert(&mut headers, condition)?;
        self.once(&Method::PUT, url, &headers, object).await
    }

    /// DELETE, under a condition. `tell`: the server may send what follows from it to others (RFC 6638 §8.1).
    pub async fn delete(
        &self,
        url: &Url,
        condition: Option<(HeaderName, &str)>,
        tell: bool,
    ) -> Result<Answer, Fault> {
        let mut headers = HeaderMap::new();
        insert(&mut headers, condition)?;
        if !tell {
            headers.insert(HeaderName::from_static("schedule-reply"), HeaderValue::from_static("F"));
        }
        self.once(&Method::DELETE, url, &headers, "").await
    }

    /// What an answer that is no success means.
    pub fn fault(&self, answer: &Answer) -> Fault {
        let status = answer.status;
        let wait = retry_after(status, &answer.headers, self.access.now).map(|wait| self.access.now + wait);
        match status {
            StatusCode::UNAUTHORIZED if answer.wants_only("digest") => Fault::Refused(
                "The server wants Digest authentication, which it should not. Set it to Basic over https.".into(),
            ),
            StatusCode::UNAUTHORIZED => Fault::Revoked(
                "The server does not take this user name and password. Many providers want a password for apps here, not \
                 the usual one."
                    .into(),
            ),
            StatusCode::FORBIDDEN => {
                Fault::Permission("The account may not do this in this calendar.".into())
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Fault::NotFound,
            StatusCode::PRECONDITION_FAILED => Fault::Changed,
            StatusCode::LOCKED => Fault::Temporary("Another program has locked the event.".into()),
            StatusCode::CONFLICT => {
                Fault::Temporary("The server says that this conflicts with something else.".into())
            }
            StatusCode::TOO_MANY_REQUESTS => Fault::Limited(wait),
            StatusCode::SERVICE_UNAVAILABLE if wait.is_some() => Fault::Limited(wait),
            StatusCode::INSUFFICIENT_STORAGE => {
                Fault::Temporary("The account has no space left at the provider.".into())
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                Fault::Refused("The event is larger than the server takes.".into())
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                Fault::Refused("There is no CalDAV calendar at this address.".into())
            }
            status => Fault::status(status),
        }
    }

    /// The replies of a 207 (RFC 4918 §13).
    pub fn multistatus(&self, answer: &Answer) -> Result<Document, Fault> {
        if answer.status != StatusCode::MULTI_STATUS {
            return Err(self.fault(answer));
        }
        if answer.cut {
            return Err(too_large());
        }
        let document = xml::read(&answer.body).map_err(|_| Fault::unreadable())?;
        if document.multistatus { Ok(document) } else { Err(Fault::unreadable()) }
    }

    /// What is said of the resource itself in an answer about it alone.
    pub fn one(&self, answer: &Answer) -> Result<Reply, Fault> {
        let reply = self.multistatus(answer)?.replies.into_iter().next().ok_or_else(Fault::unreadable)?;
        match reply.status {
            Some(404 | 410) => Err(Fault::NotFound),
            Some(403) => Err(Fault::Permission("The account may not read this calendar.".into())),
            _ => Ok(reply),
        }
    }
}

/// An answer beyond [`MOST_BYTES`].
pub fn too_large() -> Fault {
    Fault::Refused("The server's answer is larger than 16 MB.".into())
}

fn insert(headers: &mut HeaderMap, condition: Option<(HeaderName, &str)>) -> Result<(), Fault> {
    if let Some((name, value)) = condition {
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| Fault::Changed)?);
    }
    Ok(())
}

impl Answer {
    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a redirect leads that keeps the method (as all of them do for methods other than POST, RFC 9110 §15.4).
    fn leads_to(&self) -> Option<Url> {
        let redirects = [301, 302, 307, 308].contains(&self.status.as_u16());
        self.text(&header::LOCATION).filter(|_| redirects).and_then(|location| self.url.join(location).ok())
    }

    /// Does it ask for this scheme of authentication, and not for Basic as well?
    fn wants_only(&self, scheme: &str) -> bool {
        let asked: Vec<String> = self
            .headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .map(str::to_ascii_lowercase)
            .collect();
        asked.iter().any(|value| value.starts_with(scheme))
            && !asked.iter().any(|value| value.contains("basic"))
    }

    /// The ETag, if it can be used in a condition as it is: a weak one can't (RFC 9110 §13.1.1).
    pub fn strong_etag(&self) -> Option<String> {
        self.text(&header::ETAG).filter(|text| !text.trim().starts_with("W/")).and_then(etag)
    }

    /// The ETag, also made from a weak one: proxies that compress weaken what the server itself keeps strong.
    pub fn etag(&self) -> Option<String> {
        self.text(&header::ETAG).and_then(etag)
    }

    /// A condition that was not met (RFC 4918 §16).
    pub fn condition(&self, space: Space, name: &str) -> Option<Node> {
        self.conditions()?.condition(space, name).cloned()
    }

    /// Does its body say this, in any case?
    pub fn says(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.body).to_lowercase().contains(words)
    }

    fn conditions(&self) -> Option<Document> {
        xml::read(&self.body).ok().filter(|document| !document.multistatus && !self.cut)
    }
}

/// An ETag as conditions take it; some servers leave the quotes out in XML.
pub fn etag(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.strip_prefix("W/").unwrap_or(text).trim_matches('"');
    (!bare.is_empty()).then(|| format!("\"{bare}\""))
}

/// Text inside XML.
pub fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_written_as_conditions_take_them() {
        for (text, expected) in [
            ("\"1\"", Some("\"1\"")),
            ("1", Some("\"1\"")),
            ("W/\"1\"", Some("\"1\"")),
            (" \"a-b\" ", Some("\"a-b\"")),
            ("\"\"", None),
            ("", None),
        ] {
            assert_eq!(etag(text).as_deref(), expected, "{text}");
        }
    }
}
