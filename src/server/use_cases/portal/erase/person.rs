//! Whom an erasure takes out of what is written about others, and how.

use super::{REASON, Visitor, is_address};
use crate::{
    api::public::BookInput,
    domain::ids::InviteeId,
    server::{
        jobs::Job,
        mail::letter::{Content, Letter},
        store::{
            Conn, StoreError, document,
            portal::{
                everything::WholeRow,
                traces::{self, Place, Trace},
            },
        },
        webhooks::body::Envelope,
    },
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What stands for something that the person said.
const REMOVED: &str = "Removed";

/// Whom to take out of what is written about others.
#[derive(Debug)]
pub(super) struct Person {
    /// The address, in lower case.
    address: String,
    names: BTreeSet<String>,
    invitees: BTreeSet<InviteeId>,
    /// The bookings they have or had a seat in: only what is about these can name them without the address.
    bookings: BTreeSet<String>,
}

impl Person {
    pub(super) async fn load(
        conn: &mut Conn,
        visitor: &Visitor,
        rows: &[WholeRow],
    ) -> Result<Self, StoreError> {
        let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
        Ok(Self {
            address: email_key.to_owned(),
            names: rows.iter().map(|row| row.name.clone()).collect(),
            invitees: rows.iter().map(|row| row.id.clone()).collect(),
            bookings: traces::bookings(conn, workspace, email_key).await?.into_iter().collect(),
        })
    }

    /// A row without the person; nothing when it does not mention them.
    pub(super) fn taken_out_of(&self, place: Place, row: &Trace) -> Option<Trace> {
        let texts = [&row.first, &row.second, &row.third];
        if !self.bookings.contains(&row.booking) && !texts.iter().any(|text| self.is_mentioned(text)) {
            return None;
        }
        let first = match place {
            Place::Messages => self.out_of_document(&row.first, Self::out_of_letter),
            Place::Jobs => self.out_of_document(&row.first, Self::out_of_job),
            Place::Deliveries => self.out_of_document(&row.first, Self::out_of_envelope),
            Place::Orders => self.out_of_document(&row.first, Self::out_of_order),
            Place::Attempts | Place::Troubles => self.cut_out_of(&row.first),
        };
        let (second, third) = (self.cut_out_of(&row.second), self.cut_out_of(&row.third));
        let left = Trace { first, second, third, ..row.clone() };
        (left != *row).then_some(left)
    }

    /// A stored document without the person. Only what people write is looked at, or a name that is also a word of ours
    /// would make it unreadable. One that this version does not know loses the address wherever it stands.
    fn out_of_document<T>(&self, text: &str, take_out: fn(&Self, &mut T)) -> String
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Clone + PartialEq,
    {
        if let Ok(known) = serde_json::from_str::<T>(text) {
            let mut left = known.clone();
            take_out(self, &mut left);
            let written = (left != known).then(|| document(&left).ok()).flatten();
            return written.unwrap_or_else(|| text.to_owned());
        }
        match serde_json::from_str::<Value>(text) {
            Ok(unknown) => {
                let mut left = unknown.clone();
                self.out_of_value(&mut left);
                if left == unknown { text.to_owned() } else { left.to_string() }
            }
            Err(_) => self.cut_out_of(text),
        }
    }

    /// What is said about someone else's appointment: those about the person's own are deleted. Hosts and the organizer
    /// are the workspace's, also where one of them is the same person.
    fn out_of_letter(&self, letter: &mut Letter) {
        match &mut letter.content {
            Content::Booking(about) => {
                let is_theirs = self.bookings.contains(about.booking.as_str());
                let is_meant = |name: &str| is_theirs && self.names.contains(name) || self.is_mentioned(name);
                about.participants.retain(|name| !is_meant(name));
                self.out_of_guests(&mut about.guests);
                self.cut(&mut about.notes);
                self.cut(&mut about.reason);
                about.answers.iter_mut().for_each(|answer| self.cut(&mut answer.value));
            }
            Content::WebhookDisabled { reason, .. } => self.cut(reason),
            Content::PortalLink { .. } | Content::Verify { .. } | Content::Account { .. } | Content::Test => {
            }
        }
    }

    fn out_of_job(&self, job: &mut Job) {
        let Job::Announce(change) = job else { return };
        let is_theirs = |(id, _): &(InviteeId, i64)| self.invitees.contains(id);
        if !change.invitees.is_empty() && change.invitees.iter().all(is_theirs) {
            change.former_guests.clear();
            if !change.reason.is_empty() && change.reason != REASON {
                REMOVED.clone_into(&mut change.reason);
            }
        }
        self.out_of_guests(&mut change.former_guests);
        self.cut(&mut change.reason);
    }

    fn out_of_envelope(&self, envelope: &mut Envelope) {
        let invitee = &mut envelope.data.invitee;
        self.out_of_guests(&mut invitee.guests);
        self.cut(&mut invitee.notes);
        invitee.answers.iter_mut().for_each(|answer| self.cut(&mut answer.value));
        if let Some(reason) = &mut envelope.data.reason {
            self.cut(reason);
        }
    }

    fn out_of_order(&self, input: &mut BookInput) {
        self.cut(&mut input.guests);
        self.cut(&mut input.notes);
        input.answers.values_mut().flatten().for_each(|value| self.cut(value));
    }

    fn out_of_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.cut(text),
            Value::Array(list) => {
                list.retain(|entry| !entry.as_str().is_some_and(|text| is_address(text, &self.address)));
                list.iter_mut().for_each(|entry| self.out_of_value(entry));
            }
            Value::Object(fields) => fields.values_mut().for_each(|field| self.out_of_value(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn out_of_guests(&self, guests: &mut Vec<String>) {
        guests.retain(|guest| !is_address(guest, &self.address));
    }

    fn is_mentioned(&self, text: &str) -> bool {
        self.find(&text.to_lowercase(), 0).is_some()
    }

    /// Where the address stands in a text in lower case, from a place on. As a part of a longer address it is someone
    /// else's.
    fn find(&self, lower: &str, from: usize) -> Option<usize> {
        let is_part = |c: char| matches!(c, '.' | '_' | '+' | '-');
        let mut places = lower.get(from..)?.match_indices(&self.address).map(|(at, _)| from + at);
        places.find(|at| {
            let (before, after) = (lower.get(..*at), lower.get(at + self.address.len()..));
            let before = before.unwrap_or_default().trim_end_matches(is_part);
            let after = after.unwrap_or_default().trim_start_matches(['.', '-']);
            !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
        })
    }

    fn cut(&self, text: &mut String) {
        if let Some(left) = self.without(text) {
            *text = left;
        }
    }

    fn cut_out_of(&self, text: &str) -> String {
        self.without(text).unwrap_or_else(|| text.to_owned())
    }

    /// A text without the address; nothing when it does not hold it.
    fn without(&self, text: &str) -> Option<String> {
        let lower = text.to_lowercase();
        let mut at = self.find(&lower, 0)?;
        // Letters of some scripts change their length with their case: then only the whole text is safe to cut.
        let (mut left, mut from) = (String::new(), 0);
        if lower.len() != text.len() {
            return Some(REMOVED.to_owned());
        }
        loop {
            let Some(kept) = text.get(from..at) else { return Some(REMOVED.to_owned()) };
            left.push_str(kept);
            from = at + self.address.len();
            match self.find(&lower, from) {
                Some(next) => at = next,
                None => break,
            }
        }
        let Some(rest) = text.get(from..) else { return Some(REMOVED.to_owned()) };
        left.push_str(rest);
        Some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const BOOKING: &str = "0193b5a0-7c1e-7000-8000-000000000001";
    const HERS: &str = "0193b5a0-7c1e-7000-8000-000000000002";
    const OTHER: &str = "0193b5a0-7c1e-7000-8000-000000000003";

    /// Her name is a word of ours.
    fn grace() -> Person {
        Person {
            address: "grace@example.org".into(),
            names: ["booked".to_owned()].into(),
            invitees: [InviteeId::try_from(HERS.to_owned()).unwrap()].into(),
            bookings: [BOOKING.to_owned()].into(),
        }
    }

    fn left(place: Place, document: &Value) -> Value {
        let row = Trace {
            id: String::new(),
            at: 0,
            key: String::new(),
            booking: BOOKING.into(),
            first: document.to_string(),
            second: String::new(),
            third: String::new(),
        };
        let first = grace().taken_out_of(place, &row).map_or(row.first, |left| left.first);
        serde_json::from_str(&first).unwrap()
    }

    fn announcement(invitee: &str) -> Value {
        json!({
            "kind": "announce", "what": "booked", "by": "invitee", "booking": BOOKING, "invitees": [[invitee, 0]],
            "sequence": 0, "status": "confirmed", "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z",
            "was": null, "hosts": [], "former_hosts": [], "left": null, "tell_invitees": true,
            "former_guests": ["GRACE@example.org", "mygrace@example.org"], "reason": "booked by Grace@example.org",
        })
    }

    #[test]
    fn words_of_ours_in_jobs_stay_whoever_is_called_like_them() {
        let mut expected = announcement(OTHER);
        expected["former_guests"] = json!(["mygrace@example.org"]);
        expected["reason"] = json!("booked by ");
        assert_eq!(left(Place::Jobs, &announcement(OTHER)), expected);
        // What she said herself goes whole.
        expected = announcement(HERS);
        expected["former_guests"] = json!([]);
        expected["reason"] = json!("Removed");
        assert_eq!(left(Place::Jobs, &announcement(HERS)), expected);
        let mut withdrawn = announcement(HERS);
        withdrawn["former_guests"] = json!([]);
        withdrawn["reason"] = json!(REASON);
        assert_eq!(left(Place::Jobs, &withdrawn), withdrawn);
    }

    #[test]
    fn deliveries_about_others_lose_the_guest_and_nothing_else() {
        let body = |guests: Value, notes: &str| {
            json!({
                "type": "booking.created", "timestamp": "2026-12-01T09:00:00Z", "version": 1,
                "data": {
                    "id": BOOKING, "status": "confirmed", "workspace": "booked",
                    "event_type": { "slug": "booked", "name": "booked" },
                    "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T09:30:00Z", "timezone": "Europe/Berlin",
                    "hosts": [{ "name": "booked", "email": "grace@example.org", "rsvp": "confirmed" }],
                    "invitee": {
                        "id": OTHER, "name": "booked", "email": "bob@example.org", "phone": "", "timezone": "UTC",
                        "guests": guests, "notes": notes,
                        "answers": [{ "key": "booked", "label": "Who?", "value": notes }],
                    },
                    "place": { "label": "booked", "detail": "" }, "reason": notes, "by": "invitee",
                },
            })
        };
        let before = body(json!(["grace@example.org", "c@example.org"]), "booked, says Grace@example.org");
        assert_eq!(left(Place::Deliveries, &before), body(json!(["c@example.org"]), "booked, says "));
    }

    #[test]
    fn documents_that_are_not_known_lose_the_address_only() {
        let unknown = json!({
            "what": "booked", "guests": ["GRACE@example.org", "bob@example.org"], "n": 1,
            "deep": { "notes": "bring Grace@Example.org, please" },
        });
        let expected = json!({
            "what": "booked", "guests": ["bob@example.org"], "n": 1, "deep": { "notes": "bring , please" },
        });
        for place in [Place::Messages, Place::Jobs, Place::Deliveries, Place::Orders] {
            assert_eq!(left(place, &unknown), expected);
        }
    }

    #[test]
    fn an_address_is_cut_out_and_longer_ones_are_not() {
        for (text, expected) in [
            ("550 <grace@example.org> unknown", "550 <> unknown"),
            ("grace@example.org, GRACE@example.org.", ", ."),
            ("-grace@example.org", "-"),
            ("nothing of hers", "nothing of hers"),
            ("mygrace@example.org, my.grace@example.org", "mygrace@example.org, my.grace@example.org"),
            ("grace@example.org.uk, grace@example.orgy", "grace@example.org.uk, grace@example.orgy"),
            // Letters that grow in lower case are not cut in the middle.
            ("İİİ grace@example.org", "Removed"),
            ("äöü GRACE@example.org", "äöü "),
        ] {
            assert_eq!(grace().cut_out_of(text), expected);
        }
    }
}
