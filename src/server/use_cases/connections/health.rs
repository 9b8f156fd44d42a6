//! How an account is, in words. Pure: what is known of it goes in, a word and a sentence come out.

use crate::api::calendars::{Health, HealthWord};
use chrono::{DateTime, TimeDelta, Utc};

/// A calendar is read every few minutes; when that did not succeed for so long, its owner should know.
const LATE: TimeDelta = TimeDelta::minutes(45);

/// What is known of an account.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts<'a> {
    /// Is it a file that was uploaded?
    pub(super) is_file: bool,
    /// `ok`, `reconnect` or `permission`.
    pub(super) state: &'a str,
    /// What is wrong with the account; empty when nothing is.
    pub(super) trouble: &'a str,
    /// What is wrong with one of its calendars; empty when nothing is.
    pub(super) calendar_trouble: &'a str,
    /// Limited until then.
    pub(super) limited_until: Option<DateTime<Utc>>,
    /// Calendars that are read.
    pub(super) reading: i64,
    /// Those of them that never were.
    pub(super) unread: i64,
    /// Does one receive bookings?
    pub(super) receives: bool,
    /// The oldest last reading.
    pub(super) last: Option<DateTime<Utc>>,
    /// When it is looked at next.
    pub(super) next: Option<DateTime<Utc>>,
    /// Changes that are still to be written.
    pub(super) waiting: i64,
}

fn first<'a>(texts: &[&'a str]) -> &'a str {
    texts.iter().copied().find(|text| !text.is_empty()).unwrap_or_default()
}

/// How the account is.
pub(super) fn health(facts: &Facts<'_>, now: DateTime<Utc>) -> Health {
    let Facts { state, trouble, calendar_trouble, limited_until, reading, unread, .. } = *facts;
    let until = limited_until.filter(|until| *until > now);
    let late = facts.last.is_some_and(|last| now - last > LATE);
    let (word, sentence) = match state {
        "reconnect" => (
            HealthWord::Reconnect,
            first(&[trouble, "The provider no longer accepts our access. Please connect the account again."]),
        ),
        "permission" => (
            HealthWord::Permission,
            first(&[
                trouble,
                "A permission is missing. Please connect the account again and allow everything.",
            ]),
        ),
        _ if until.is_some() => {
            (HealthWord::Limited, "The provider limits how much may be asked. It goes on by itself.")
        }
        _ if reading == 0 && !facts.receives => (HealthWord::Unused, "None of its calendars is used."),
        _ if !trouble.is_empty() || !calendar_trouble.is_empty() => {
            (HealthWord::Delayed, first(&[trouble, calendar_trouble]))
        }
        _ if unread > 0 => (HealthWord::Starting, "Its events are being read for the first time."),
        _ if facts.is_file => {
            (HealthWord::InStep, "It is as it was uploaded. Upload it again when it has changed.")
        }
        _ if late => (HealthWord::Delayed, "It was not read for longer than usual."),
        _ => (HealthWord::InStep, ""),
    };
    Health {
        word,
        sentence: sentence.to_owned(),
        until,
        last: facts.last.filter(|_| unread == 0 && !facts.is_file),
        // What waits for its owner is tried by nobody, and a file is asked of nobody.
        next: facts.next.filter(|_| word != HealthWord::Reconnect && !facts.is_file),
        waiting: facts.waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-12-01T09:00:00Z".parse().unwrap()
    }

    fn well() -> Facts<'static> {
        Facts {
            state: "ok",
            reading: 2,
            receives: true,
            last: Some(now() - TimeDelta::minutes(5)),
            next: Some(now() + TimeDelta::minutes(5)),
            ..Facts::default()
        }
    }

    fn word(facts: &Facts<'_>) -> HealthWord {
        health(facts, now()).word
    }

    #[test]
    fn all_is_well_when_everything_was_read_lately() {
        let found = health(&well(), now());
        assert_eq!((found.word, found.sentence.as_str()), (HealthWord::InStep, ""));
        assert_eq!(found.last, well().last);
        assert!(!found.word.is_bad());
    }

    #[test]
    fn what_its_owner_must_do_comes_before_everything_else() {
        let ended = Facts {
            state: "reconnect",
            trouble: "The password was changed.",
            limited_until: Some(now() + TimeDelta::hours(1)),
            ..well()
        };
        let found = health(&ended, now());
        assert_eq!(found.word, HealthWord::Reconnect);
        assert_eq!(found.sentence, "The password was changed.");
        assert_eq!(found.next, None, "nobody tries it");
        let silent = Facts { state: "permission", ..well() };
        let found = health(&silent, now());
        assert!(found.word == HealthWord::Permission && found.sentence.contains("connect the account again"));
    }

    #[test]
    fn a_limit_is_no_fault_and_ends() {
        let limited = Facts { limited_until: Some(now() + TimeDelta::minutes(3)), trouble: "old", ..well() };
        let found = health(&limited, now());
        assert_eq!((found.word, found.until), (HealthWord::Limited, limited.limited_until));
        assert!(!found.word.is_bad());
        let over = Facts { limited_until: Some(now() - TimeDelta::seconds(1)), ..well() };
        assert_eq!((word(&over), health(&over, now()).until), (HealthWord::InStep, None));
    }

    #[test]
    fn trouble_and_silence_are_delays() {
        assert_eq!(word(&Facts { trouble: "No connection came about.", ..well() }), HealthWord::Delayed);
        let one = Facts { calendar_trouble: "It is not there any more.", ..well() };
        assert_eq!(health(&one, now()).sentence, "It is not there any more.");
        let old = Facts { last: Some(now() - TimeDelta::minutes(46)), ..well() };
        assert_eq!(word(&old), HealthWord::Delayed);
        let just = Facts { last: Some(now() - TimeDelta::minutes(45)), ..well() };
        assert_eq!(word(&just), HealthWord::InStep);
    }

    #[test]
    fn a_new_account_is_being_read_and_an_unused_one_is_not_late() {
        let new = Facts { unread: 1, ..well() };
        let found = health(&new, now());
        assert_eq!((found.word, found.last), (HealthWord::Starting, None));
        let unused = Facts { reading: 0, receives: false, last: Some(now() - TimeDelta::days(9)), ..well() };
        assert_eq!(word(&unused), HealthWord::Unused);
        let written = Facts { reading: 0, last: None, ..well() };
        assert_eq!(word(&written), HealthWord::InStep);
    }

    #[test]
    fn a_file_stays_as_it_was_uploaded_and_is_never_late() {
        let file = Facts { is_file: true, last: Some(now() - TimeDelta::days(30)), ..well() };
        let found = health(&file, now());
        assert!(found.word == HealthWord::InStep && found.sentence.contains("Upload it again"));
        assert_eq!((found.last, found.next), (None, None));
        let new = Facts { is_file: true, unread: 1, ..well() };
        assert_eq!(word(&new), HealthWord::Starting);
    }

    #[test]
    fn what_waits_is_counted_whatever_the_word() {
        assert_eq!(health(&Facts { waiting: 3, ..well() }, now()).waiting, 3);
        assert_eq!(health(&Facts { waiting: 3, state: "reconnect", ..well() }, now()).waiting, 3);
    }
}
