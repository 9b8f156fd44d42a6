//! Addresses as mail carries them.

use lettre::Address;
use reqwest::Url;

/// A domain in the letters that every mail server knows (RFC 5891): `bücher.example` is `xn--bcher-kva.example`.
fn ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    if !domain.chars().all(plain) {
        return None;
    }
    let url = Url::parse(&format!("http://{domain}/")).ok()?;
    url.domain().map(str::to_owned)
}

/// An address whose domain is in ASCII. `None` for what is no address.
pub(super) fn address(email: &str) -> Option<Address> {
    if email.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let (user, domain) = email.rsplit_once('@')?;
    Address::new(user, ascii(domain)?).ok()
}

/// The domain of an address, for ids that have to have one.
pub(super) fn domain(email: &str) -> String {
    address(email).map_or_else(|| "localhost".to_owned(), |address| address.domain().to_owned())
}

/// `mailto:` and an address (RFC 6068 §2), as calendars name people.
pub(super) fn mailto(email: &str) -> String {
    let email = address(email).map_or_else(|| email.to_owned(), |address| address.to_string());
    let mut uri = String::from("mailto:");
    for byte in email.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'*+@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_of_every_script_become_ascii() {
        assert_eq!(address("ada@bücher.example").unwrap().to_string(), "ada@xn--bcher-kva.example");
        assert_eq!(address("josé@example.com").unwrap().to_string(), "josé@example.com");
        assert_eq!(domain("ada@bücher.example"), "xn--bcher-kva.example");
    }

    #[test]
    fn what_could_end_a_header_or_a_command_is_no_address() {
        for wrong in
            ["", "a", "a@b.c\r\nBcc: d@e.f", "a@b.c>\r\nDATA", "a b@c.d", "<a@b.c>", "a@b c.d", "a@ü/x.d"]
        {
            assert!(address(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn people_in_calendars_are_uris() {
        assert_eq!(mailto("o'neil+a@example.com"), "mailto:o'neil+a@example.com");
        assert_eq!(mailto("a&b?c%d@example.com"), "mailto:a%26b%3Fc%25d@example.com");
        assert_eq!(mailto("josé@bücher.example"), "mailto:jos%C3%A9@xn--bcher-kva.example");
    }
}
