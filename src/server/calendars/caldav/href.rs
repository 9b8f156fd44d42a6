//! Addresses of resources, in one spelling.
//!
//! Servers name a resource by a whole address or by a path, and spell the same one in several ways (`%40` and `@`). Ids
//! are paths on the host of the account's home, spelled in one way (RFC 3986 §6.2.2): unreserved characters and those that
//! may stand in a path segment (§3.3) are written as they are, all others as `%XX`. An encoded slash stays encoded.

use super::super::fault::Fault;
use reqwest::Url;

/// Characters that stand in a segment as they are (`pchar`, RFC 3986 §3.3).
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A path in the one spelling.
fn spelled(path: &str) -> String {
    let mut spelled = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escaped = match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                bytes = ahead;
                Some(high * 16 + low)
            }
            _ => None,
        };
        match escaped {
            None if byte == b'/' => spelled.push('/'),
            _ => {
                let byte = escaped.unwrap_or(byte);
                if is_plain(byte) {
                    spelled.push(char::from(byte));
                } else {
                    spelled.push_str(&format!("%{byte:02X}"));
                }
            }
        }
    }
    spelled
}

/// A segment as people read it.
pub fn readable(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        match (byte, ahead.next().and_then(hex), ahead.next().and_then(hex)) {
            (b'%', Some(high), Some(low)) => {
                rest = ahead;
                bytes.push(high * 16 + low);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What an href means that stands in an answer from `base`: without query and fragment, in the one spelling.
pub fn resolve(base: &Url, href: &str) -> Result<Url, Fault> {
    let mut url = base.join(href).map_err(|_| Fault::unreadable())?;
    let path = spelled(url.path());
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// The path of a resource that a server named; one on another host is refused, because its requests would carry the
/// password there.
pub fn path(base: &Url, href: &str) -> Result<String, Fault> {
    let url = resolve(base, href)?;
    if url.host() != base.host() {
        return Err(Fault::Refused(format!(
            "The server names addresses on another host ({}), which are not called.",
            url.host_str().unwrap_or("none")
        )));
    }
    Ok(url.path().to_owned())
}

/// The address of a path on the host of `base`.
pub fn at(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(path);
    url.set_query(None);
    url
}

/// May a request to `to`, which the server at `from` named, carry the password? To other hosts over an encrypted connection
/// only (iCloud's homes are on other hosts than the one that is entered), and never from an encrypted connection to one that
/// is not.
pub fn may_carry_password(from: &Url, to: &Url) -> bool {
    to.scheme() == "https" || from.scheme() == to.scheme() && from.host() == to.host()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn one_resource_has_one_id_however_it_is_spelled() {
        let base = url("https://dav.example/calendars/rosa/");
        for href in [
            "/calendars/rosa@example.com/caf%C3%A9%2F1.ics",
            "/calendars/rosa%40example.com/café%2f1.ics",
            "/calendars/%72osa%40example.com/caf%c3%a9%2F1.ics",
            "../rosa@example.com/café%2f1.ics",
            "/calendars/./x/../rosa@example.com/caf%C3%A9%2F1.ics",
            "https://dav.example/calendars/rosa%40example.com/caf%C3%A9%2F1.ics",
            "https://dav.example:443/calendars/rosa%40example.com/caf%C3%A9%2F1.ics",
            "//DAV.example/calendars/rosa%40example.com/caf%C3%A9%2F1.ics#1",
        ] {
            assert_eq!(path(&base, href).unwrap(), "/calendars/rosa@example.com/caf%C3%A9%2F1.ics", "{href}");
        }
        assert_eq!(path(&base, "a b.ics").unwrap(), "/calendars/rosa/a%20b.ics");
        assert_eq!(path(&base, "/100%.ics").unwrap(), "/100%25.ics");
        assert_eq!(path(&base, "/x%23y.ics").unwrap(), "/x%23y.ics", "an id's # is not the name's");
        assert_eq!(at(&base, "/x%23y.ics").as_str(), "https://dav.example/x%23y.ics");
    }

    #[test]
    fn resources_on_other_hosts_are_refused() {
        let base = url("https://dav.example/calendars/");
        for href in
            ["https://evil.example/1.ics", "//evil.example/1.ics", "http://127.0.0.1/1.ics", "file:///etc/x"]
        {
            assert!(matches!(path(&base, href), Err(Fault::Refused(_))), "{href}");
        }
        assert_eq!(path(&base, "https://"), Err(Fault::unreadable()));
    }

    #[test]
    fn the_password_goes_to_other_hosts_over_https_only() {
        let icloud = url("https://caldav.icloud.com/");
        assert!(may_carry_password(&icloud, &url("https://p34-caldav.icloud.com/1/calendars/")));
        assert!(!may_carry_password(&icloud, &url("http://p34-caldav.icloud.com/1/calendars/")));
        assert!(!may_carry_password(&icloud, &url("http://caldav.icloud.com/")), "nor back to plain text");
        let local = url("http://127.0.0.1:5232/");
        assert!(may_carry_password(&local, &url("http://127.0.0.1:5233/")));
        assert!(may_carry_password(&local, &url("https://127.0.0.1/")));
        assert!(!may_carry_password(&local, &url("http://localhost:5232/")));
    }

    #[test]
    fn names_can_be_read() {
        assert_eq!(readable("caf%C3%A9%20%"), "café %");
    }
}
