//! Randomness, hashes, and the tokens that stand in links.
//!
//! The token of an appointment is derived from the server's secret and the invitee's id (HMAC-SHA-256,
//! RFC 2104), so that it can be put into every later mail without being stored; the database holds its
//! SHA-256 only, which is also how it is looked up. See `docs/decisions/0002-derived-link-tokens.md`.

use crate::domain::ids::{EventTypeId, InviteeId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing secure could be done after that.
#[expect(clippy::expect_used, reason = "a server without randomness must not go on")]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// 128 random bits as 22 URL-safe characters.
pub fn random_token() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// SHA-256, the form in which tokens are kept.
pub fn hash(text: &str) -> Vec<u8> {
    Sha256::digest(text.as_bytes()).to_vec()
}

/// The server's secret. Never printed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// At least 32 bytes of key material, or `None`.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= 32).then_some(Self(bytes))
    }

    fn derive(&self, purpose: &str, subject: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length");
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(subject.as_bytes());
        let tag = mac.finalize().into_bytes();
        // 192 of the 256 bits: more than any guess can reach, and 32 characters in a link.
        URL_SAFE_NO_PAD.encode(tag.get(..24).unwrap_or_default())
    }

    /// The token in the links of one invitee's appointment.
    pub fn appointment_token(&self, invitee: &InviteeId) -> String {
        self.derive("appointment", invitee.as_str())
    }

    /// The key in the link of a private event type.
    pub fn event_type_key(&self, event_type: &EventTypeId) -> String {
        self.derive("event-type", event_type.as_str())
    }

    /// The code that a first visitor from afar must know.
    pub fn set_up_code(&self) -> String {
        self.derive("set-up", "").chars().filter(char::is_ascii_alphanumeric).take(12).collect()
    }
}

/// Compares without telling by its duration where two texts differ: their hashes are compared instead.
pub fn same(a: &str, b: &str) -> bool {
    hash(a) == hash(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_depend_on_secret_purpose_and_subject() {
        let id = |n: u8| InviteeId::try_from(format!("0193b5a0-7c1e-7000-8000-0000000000{n:02}")).unwrap();
        let one = Secret::new(vec![1; 32]).unwrap();
        let two = Secret::new(vec![2; 32]).unwrap();
        assert_eq!(one.appointment_token(&id(1)).len(), 32);
        assert_ne!(one.appointment_token(&id(1)), one.appointment_token(&id(2)));
        assert_ne!(one.appointment_token(&id(1)), two.appointment_token(&id(1)));
        assert!(Secret::new(vec![1; 31]).is_none());
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
