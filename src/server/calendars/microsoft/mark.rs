//! How an event tells that it is ours.
//!
//! An extended property holds our mark, but delta leaves extended properties out; so `transactionId`, which is always
//! answered, holds it too, beside the key that makes a repeated POST the same POST. It has no documented limit; Outlook
//! itself writes 47 characters (`localevent:` and a UUID), and ours are 46.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

/// The extended property that holds our mark: a name in a set of our own
/// (learn.microsoft.com/graph/api/resources/extended-properties-overview).
pub(super) const PROPERTY: &str = "String {d7ba43e6-8d65-4b1a-9f2c-0e6a5c1d9b37} Name MeridianMark";

/// `$expand` for it, percent-encoded.
pub(super) const EXPAND: &str = "$expand=singleValueExtendedProperties($filter=id%20eq%20'\
    String%20%7Bd7ba43e6-8d65-4b1a-9f2c-0e6a5c1d9b37%7D%20Name%20MeridianMark')";

/// Kinds of mark, and the letter that stands for each.
const KINDS: [(&str, char); 2] = [("booking", 'b'), ("event", 'e')];

/// The first letter of a `transactionId`. Each but the first serves when an event under the one before was deleted, and Graph
/// still answers with that.
pub(super) const GENERATIONS: [char; 4] = ['m', 'n', 'o', 'p'];

fn short(uuid: &str) -> Option<String> {
    Some(URL_SAFE_NO_PAD.encode(Uuid::parse_str(uuid).ok()?.as_bytes()))
}

/// The `transactionId` of a draft: a letter, its key, and its mark.
pub(super) fn transaction(generation: char, key: &str, mark: &str) -> String {
    let short_mark = || {
        let (kind, id) = mark.split_once(':')?;
        let (_, letter) = KINDS.into_iter().find(|(word, _)| *word == kind)?;
        Some(format!("{generation}{}{letter}{}", short(key)?, short(id)?))
    };
    // Whatever else it may be, it must tell drafts apart.
    short_mark().unwrap_or_else(|| format!("{generation}{key}"))
}

/// The mark in a `transactionId`, if it is one of ours.
pub(super) fn of_transaction(transaction: &str) -> Option<String> {
    let rest = transaction.strip_prefix(GENERATIONS).filter(|rest| rest.len() == 45 && rest.is_ascii())?;
    let (_, mark) = rest.split_at_checked(22)?;
    let mut chars = mark.chars();
    let letter = chars.next()?;
    let (kind, _) = KINDS.into_iter().find(|(_, known)| *known == letter)?;
    let id = Uuid::from_slice(&URL_SAFE_NO_PAD.decode(chars.as_str()).ok()?).ok()?;
    Some(format!("{kind}:{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_its_transaction() {
        let key = "01890a5d-ac96-774b-bcce-b302099a8057";
        for mark in
            ["booking:01890a5d-ac96-774b-bcce-b302099a8058", "event:01890a5d-ac96-774b-bcce-b302099a8059"]
        {
            let mut made = GENERATIONS.map(|letter| transaction(letter, key, mark)).to_vec();
            for one in &made {
                assert_eq!(one.len(), 46);
                assert_eq!(of_transaction(one).as_deref(), Some(mark));
            }
            made.dedup();
            assert_eq!(made.len(), GENERATIONS.len());
        }
        let other = transaction('m', key, "other");
        assert!(other.ends_with(key) && of_transaction(&other).is_none());
    }

    #[test]
    fn what_others_write_is_no_mark() {
        for other in [
            "",
            "m",
            "localevent:01890a5d-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "mééééééééééééééééééééééé",
            &format!("m{}", "x".repeat(45)),
            &format!("m{}b{}", "A".repeat(22), "*".repeat(22)),
        ] {
            assert_eq!(of_transaction(other), None, "{other}");
        }
    }

    #[test]
    fn the_expression_asks_for_the_property() {
        let (_, encoded) = EXPAND.split_once("eq%20'").unwrap();
        let name = encoded.trim_end_matches("')").replace("%20", " ").replace("%7B", "{").replace("%7D", "}");
        assert_eq!(name, PROPERTY);
    }
}
