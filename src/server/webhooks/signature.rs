//! Secrets and signatures as Standard Webhooks 1.0 describes them.

use crate::server::crypto;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// What stands before a secret's base64, so that people and scanners recognise one.
const PREFIX: &str = "whsec_";

/// The key that a webhook's bodies are signed with. Never printed but by [`Key::shown`].
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A new one: 256 random bits.
    pub fn random() -> Self {
        Self(crypto::random::<32>().to_vec())
    }

    /// One that was kept.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to keep, sealed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The form in which a person copies it into the receiver: `whsec_` and base64.
    pub fn shown(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`; the timestamp in epoch seconds.
    fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("any length");
        mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: a signature with each key that is valid, with spaces between.
pub fn header(keys: &[Key], id: &str, timestamp: i64, body: &str) -> String {
    keys.iter().map(|key| key.sign(id, timestamp, body)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use standardwebhooks::Webhook;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_known_body_has_its_known_signature() {
        let key = Key(STANDARD.decode("C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap());
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        let signed = header(&[key], "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
        assert_eq!(signed, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    fn headers(keys: &[Key], body: &str) -> HeaderMap {
        let now = crate::server::clock::now().timestamp();
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "d1".parse().unwrap());
        headers.insert("webhook-timestamp", now.into());
        headers.insert("webhook-signature", header(keys, "d1", now, body).parse().unwrap());
        headers
    }

    #[test]
    fn the_independent_implementation_accepts_either_key_while_both_are_valid_and_nothing_else() {
        let (old, new) = (Key::random(), Key::random());
        let sees = |key: &Key| Webhook::new(&key.shown()).unwrap();
        let both = headers(&[new.clone(), old.clone()], "{}");
        assert!(sees(&old).verify(b"{}", &both).is_ok());
        assert!(sees(&new).verify(b"{}", &both).is_ok());
        assert!(sees(&Key::random()).verify(b"{}", &both).is_err());
        assert!(sees(&old).verify(b"{ }", &both).is_err());
        let alone = headers(std::slice::from_ref(&new), "{}");
        assert!(sees(&old).verify(b"{}", &alone).is_err());
        assert!(sees(&new).verify(b"{}", &alone).is_ok());
        let mut other = alone.clone();
        other.insert("webhook-id", "d2".parse().unwrap());
        assert!(sees(&new).verify(b"{}", &other).is_err());
    }

    #[test]
    fn secrets_are_not_printed_by_accident() {
        let key = Key::random();
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(STANDARD.decode(key.shown().strip_prefix("whsec_").unwrap()).unwrap().len(), 32);
    }
}
