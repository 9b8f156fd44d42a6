//! What the page of feeds shows.

use super::{public::Echo, staff::Me};
use crate::domain::zone::ZoneRules;
use chrono::{DateTime, Utc};

/// A feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFeed {
    /// Its id.
    pub id: String,
    /// What is in it, in words.
    pub what: String,
    /// Whose it is, if it is not the reader's own.
    pub owner: Option<String>,
    /// With what invitees said of themselves?
    pub contacts: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Something that a feed can be of: the form's word for it, and a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedChoice {
    /// The form's word.
    pub word: String,
    /// What is in it, in words.
    pub what: String,
}

/// The list of feeds, with a form for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedsPage {
    /// Who is signed in.
    pub me: Me,
    /// The zone that times are shown in: the workspace's.
    pub zone: ZoneRules,
    /// In the order they were made.
    pub feeds: Vec<ListedFeed>,
    /// What can be chosen.
    pub choices: Vec<FeedChoice>,
    /// Are there as many as there may be?
    pub full: bool,
    /// What was entered and refused.
    pub echo: Option<Echo>,
}

/// A feed that was made just now, with its address, which is not shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFeed {
    /// Who is signed in.
    pub me: Me,
    /// What is in it, in words.
    pub what: String,
    /// Its address.
    pub url: String,
    /// With what invitees said of themselves?
    pub contacts: bool,
}
