//! Randomness, hashes, and the tokens that stand in links.
//!
//! The token of an appointment is derived from the server's secret and the invitee's id (HMAC-SHA-256,
//! RFC 2104), so that it can be put into every later mail without being stored; the database holds its
//! SHA-256 only, which is also how it is looked up. See `docs/decisions/0002-derived-link-tokens.md`. The tokens of
//! other links are derived the same way, each with its purpose.
//!
//! Secrets of others (passwords of mail servers, keys of webhooks) are sealed with XChaCha20-Poly1305; see
//! [`Secret::seal`].

use crate::domain::ids::{BookingId, EventTypeId, InviteeId, MemberId, OrderId, RowId};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
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

/// The server's secret, and those that came before it, which only open what they sealed. Never printed.
#[derive(Clone)]
pub struct Secret {
    current: Vec<u8>,
    old: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// At least 32 bytes of key material, or `None`.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= 32).then_some(Self { current: bytes, old: Vec::new() })
    }

    /// Adds a secret that was the current one before.
    pub fn with_old(mut self, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() >= 32).then(|| {
            self.old.push(bytes);
            self
        })
    }

    fn derive(&self, purpose: &str, subject: &str) -> String {
        let tag = mac(&self.current, purpose, subject);
        // 192 of the 256 bits: more than any guess can reach, and 32 characters in a link.
        URL_SAFE_NO_PAD.encode(tag.get(..24).unwrap_or_default())
    }

    /// Tells secrets apart without telling anything of them.
    pub fn fingerprint(&self) -> String {
        self.derive("fingerprint", "")
    }

    /// Those of the old ones.
    pub fn old_fingerprints(&self) -> Vec<String> {
        let of = |old: &Vec<u8>| Self { current: old.clone(), old: Vec::new() }.fingerprint();
        self.old.iter().map(of).collect()
    }

    /// Encrypts a secret of someone else's: `1‖key id (4 bytes)‖nonce (24 bytes)‖ciphertext`. `row` names where it is
    /// kept; it opens nowhere else.
    pub fn seal(&self, row: &str, plain: &[u8]) -> Vec<u8> {
        let nonce = random::<24>();
        let mut sealed = vec![1];
        sealed.extend(key_id(&self.current));
        sealed.extend(nonce);
        let payload = Payload { msg: plain, aad: row.as_bytes() };
        #[expect(clippy::expect_used, reason = "only texts of more than 256 GB can't be sealed")]
        sealed.extend(cipher(&self.current).encrypt(&XNonce::from(nonce), payload).expect("a short text"));
        sealed
    }

    /// Opens what was sealed for this row by this secret or an old one.
    pub fn open(&self, row: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (head, ciphertext) = sealed.split_at_checked(29)?;
        let (version, rest) = head.split_first()?;
        let (id, nonce) = rest.split_at_checked(4)?;
        let nonce: [u8; 24] = nonce.try_into().ok()?;
        let key = std::iter::once(&self.current).chain(&self.old).find(|key| key_id(key) == id)?;
        let payload = Payload { msg: ciphertext, aad: row.as_bytes() };
        (*version == 1).then(|| cipher(key).decrypt(&XNonce::from(nonce), payload).ok())?
    }

    /// The token in the links of one invitee's appointment.
    pub fn appointment_token(&self, invitee: &InviteeId) -> String {
        self.derive("appointment", invitee.as_str())
    }

    /// The token in the link that signs in to the portal.
    pub fn portal_token(&self, link: &RowId) -> String {
        self.derive("portal", link.as_str())
    }

    /// The token in the address of a feed.
    pub fn feed_token(&self, feed: &RowId) -> String {
        self.derive("feed", feed.as_str())
    }

    /// The token in the address of an order that is to be verified.
    pub fn order_token(&self, order: &OrderId) -> String {
        self.derive("order", order.as_str())
    }

    /// The six digits that verify an order's address.
    pub fn order_code(&self, order: &OrderId) -> String {
        let tag = mac(&self.current, "order-code", order.as_str());
        let number = tag.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:06}", number % 1_000_000)
    }

    /// The token in the link with which a member decides on a pending booking.
    pub fn decision_token(&self, booking: &BookingId, member: &MemberId) -> String {
        self.derive("decision", &format!("{booking}/{member}"))
    }

    /// The token in the link that ends the reminders of an appointment.
    pub fn unsubscribe_token(&self, invitee: &InviteeId) -> String {
        self.derive("unsubscribe", invitee.as_str())
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

fn mac(key: &[u8], purpose: &str, subject: &str) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length");
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(subject.as_bytes());
    mac.finalize().into_bytes().into()
}

fn cipher(key: &[u8]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&mac(key, "seal", "").into())
}

fn key_id(key: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = mac(key, "key-id", "");
    [a, b, c, d]
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

    #[test]
    fn what_is_sealed_opens_only_where_it_was_kept_and_with_the_key_that_sealed_it() {
        let (one, two) = (Secret::new(vec![1; 32]).unwrap(), Secret::new(vec![2; 32]).unwrap());
        let sealed = one.seal("mail:w", b"hunter2");
        assert_eq!(one.open("mail:w", &sealed).as_deref(), Some(b"hunter2".as_slice()));
        assert!(one.open("mail:x", &sealed).is_none(), "another row");
        assert!(two.open("mail:w", &sealed).is_none(), "another key");
        let rotated = two.with_old(vec![1; 32]).unwrap();
        assert_eq!(rotated.open("mail:w", &sealed).as_deref(), Some(b"hunter2".as_slice()), "an old key");
        for at in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[at] ^= 1;
            assert!(one.open("mail:w", &forged).is_none(), "byte {at} was changed");
            assert!(one.open("mail:w", &sealed[..at]).is_none(), "cut at {at}");
        }
        assert_ne!(one.seal("mail:w", b"hunter2"), sealed, "a nonce is used once");
    }

    #[test]
    fn codes_have_six_digits() {
        let secret = Secret::new(vec![1; 32]).unwrap();
        for n in 0..50_u8 {
            let id = OrderId::try_from(format!("0193b5a0-7c1e-7000-8000-0000000000{n:02}")).unwrap();
            let code = secret.order_code(&id);
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        }
    }
}
