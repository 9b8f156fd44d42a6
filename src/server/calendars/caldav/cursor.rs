//! Where a reading of a calendar stands.
//!
//! Two kinds of cursor, both JSON. A *token* is what the server calls its state (RFC 6578), with its ctag and how many
//! resources there were at least. A *listing* names every resource with a digest of its ETag, some 55 bytes for each
//! (5 KB for 100 events, 270 KB for 5,000): a comparison finds what is new, changed and gone, whatever the server
//! remembers. Small calendars are listed even where tokens are known, because a listing can't be wrong.

use super::super::fault::Fault;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What the server says of a calendar's state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// `DAV:sync-token` (RFC 6578 §4).
    pub token: Option<String>,
    /// `getctag`: it changes whenever something in the calendar does.
    pub ctag: Option<String>,
}

/// Resources: paths, and ETags where the server tells them.
pub type Listing = BTreeMap<String, Option<String>>;

/// A cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Cursor {
    /// By the server's token.
    Token {
        /// It.
        token: String,
        /// The ctag at that time or earlier.
        ctag: Option<String>,
        /// How many resources there were at least.
        least: usize,
        /// Resources that could not be had, as [`short`] writes them: they are asked for again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
    /// By a listing.
    Listing {
        /// The ctag before the listing.
        ctag: Option<String>,
        /// The token before the listing.
        token: Option<String>,
        /// One line for each resource: its path (its name, if it is in the calendar's own folder), a space, and a digest of
        /// its ETag.
        listed: String,
        /// Resources that could not be had, as [`short`] writes them: they are asked for again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<String>,
    },
}

impl Cursor {
    /// Reads a cursor; one that can't be read is unknown.
    pub fn read(text: &str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|_| Fault::CursorGone)
    }

    /// As it is kept.
    pub fn written(&self) -> Result<String, Fault> {
        serde_json::to_string(self).map_err(|_| Fault::unreadable())
    }

    /// A listing of a calendar.
    pub fn of(calendar: &str, state: &State, listing: &Listing) -> Self {
        let lines = listing.iter().map(|(path, etag)| {
            let digest = etag.as_deref().map(digest).unwrap_or_default();
            format!("{} {digest}\n", short(calendar, path))
        });
        let (ctag, token) = (state.ctag.clone(), state.token.clone());
        Self::Listing { ctag, token, listed: lines.collect(), again: Vec::new() }
    }

    /// What could not be had.
    pub fn again(&self) -> &[String] {
        let (Self::Token { again, .. } | Self::Listing { again, .. }) = self;
        again
    }

    /// Asks for a resource again in the next round, as [`short`] writes it.
    pub fn ask_again(&mut self, path: String) {
        let (Self::Token { again, .. } | Self::Listing { again, .. }) = self;
        if !again.contains(&path) {
            again.push(path);
        }
    }
}

/// 66 bits of SHA-256: nobody gains anything by a collision of ETags in their own calendar.
fn digest(etag: &str) -> String {
    let mut digest = URL_SAFE_NO_PAD.encode(Sha256::digest(etag.as_bytes()));
    digest.truncate(11);
    digest
}

/// A path as it is kept: the calendar's own is left out.
pub fn short<'p>(calendar: &str, path: &'p str) -> &'p str {
    match path.strip_prefix(calendar) {
        Some(name) if !name.is_empty() && !name.starts_with('/') => name,
        _ => path,
    }
}

/// The path that [`short`] shortened.
pub fn long(calendar: &str, short: &str) -> String {
    if short.starts_with('/') { short.to_owned() } else { format!("{calendar}{short}") }
}

/// What differs between a listing that was kept and one that was just made: paths that are new or changed, and paths that
/// are gone. A resource without an ETag counts as changed.
pub fn compare(calendar: &str, listed: &str, now: &Listing) -> (Vec<String>, Vec<String>) {
    let before: BTreeMap<String, &str> = listed
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, digest)| (long(calendar, name), digest))
        .collect();
    let is_same = |path: &String, etag: &Option<String>| match (before.get(path), etag) {
        (Some(before), Some(etag)) => *before == digest(etag),
        _ => false,
    };
    let changed =
        now.iter().filter(|(path, etag)| !is_same(path, etag)).map(|(path, _)| path.clone()).collect();
    let gone = before.into_keys().filter(|path| !now.contains_key(path)).collect();
    (changed, gone)
}

/// What is left of a round after a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// What the round ends with.
    pub cursor: Cursor,
    /// What is still to be fetched, as [`short`] writes it.
    pub rest: Vec<String>,
    /// The server told only a part of what changed: it goes on from the cursor's token (RFC 6578 §3.6).
    pub more: bool,
}

impl Rest {
    /// Asks for these, too, as [`short`] writes them.
    pub fn add(&mut self, again: &[String]) {
        for path in again {
            if !self.rest.contains(path) {
                self.rest.push(path.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(entries: &[(&str, Option<&str>)]) -> Listing {
        entries.iter().map(|(path, etag)| ((*path).to_owned(), etag.map(str::to_owned))).collect()
    }

    #[test]
    fn a_listing_finds_what_is_new_changed_and_gone() {
        let before = [
            ("/c/same.ics", Some("\"1\"")),
            ("/c/old.ics", Some("\"1\"")),
            ("/c/gone%20.ics", Some("\"1\"")),
        ];
        let cursor = Cursor::of("/c/", &State::default(), &listing(&before));
        let Cursor::Listing { listed, .. } = Cursor::read(&cursor.written().unwrap()).unwrap() else {
            panic!()
        };
        let now = [
            ("/c/same.ics", Some("\"1\"")),
            ("/c/old.ics", Some("\"2\"")),
            ("/c/new.ics", Some("\"1\"")),
            ("/else/alias.ics", None),
        ];
        let (changed, gone) = compare("/c/", &listed, &listing(&now));
        assert_eq!(changed, ["/c/new.ics", "/c/old.ics", "/else/alias.ics"]);
        assert_eq!(gone, ["/c/gone%20.ics"]);
    }

    #[test]
    fn a_cursor_of_another_kind_is_unknown() {
        for text in ["", "{}", "http://example.com/sync/7", "{\"by\":\"guess\"}"] {
            assert_eq!(Cursor::read(text), Err(Fault::CursorGone), "{text}");
        }
    }

    #[test]
    fn the_size_of_a_cursor_is_what_the_module_says() {
        let listing: Listing = (0..5_000)
            .map(|n| {
                (
                    format!("/calendars/rosa/work/{n:08}-5a1c-7d3e-9f10-aabbccddeeff.ics"),
                    Some(format!("\"{n}\"")),
                )
            })
            .collect();
        let written = Cursor::of("/calendars/rosa/work/", &State::default(), &listing).written().unwrap();
        assert!((250_000..290_000).contains(&written.len()), "{}", written.len());
    }
}
