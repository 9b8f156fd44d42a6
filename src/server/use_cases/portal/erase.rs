//! "Delete my data": the right to erasure (GDPR, article 17), against which no policy of an event type stands.
//!
//! One transaction: what is coming is cancelled, what is past stays as a time without a person, and everything else that
//! names the address is deleted or rewritten. Announcements of the cancellations are jobs, so they are written when the
//! person is gone from the appointment, and go to the hosts only.
//!
//! What stays: start, end, service and hosts of each appointment, under the name "Removed", because the workspace's books,
//! limits and fair turns are counted from them; and the audit log, which holds ids and no personal data. An account that
//! the same address may have as a member of the workspace is another matter and is not touched.

use super::{
    Visitor,
    data::{guest_of, is_address},
};
use crate::{
    api::{
        AppError,
        portal::{DeletePage, Deleted},
    },
    domain::ids::{EventTypeId, InviteeId},
    server::{
        context::Context,
        crypto,
        store::{
            Conn, StoreError, event_types, instant, invitees,
            portal::{
                everything::{self, WholeRow},
                traces::{self, Place},
            },
        },
        use_cases::{leave, note},
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeSet;

/// How often a transaction that met another one is run again.
const ROUNDS: u32 = 8;

/// What the hosts read as the reason.
const REASON: &str = "Their data was deleted at their own request.";

/// What deleting would do.
pub async fn preview(
    context: &Context,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<DeletePage, AppError> {
    let mut conn = context.db.read().await?;
    let (all, coming) = everything::counts(&mut conn, &visitor.workspace.id, &visitor.email_key, now).await?;
    let count = |number: i64| usize::try_from(number).unwrap_or(0);
    Ok(DeletePage {
        workspace: super::named(&visitor.workspace),
        email: visitor.email_key.clone(),
        coming: count(coming),
        kept: count(all - coming),
        echo: None,
    })
}

/// Deletes what the workspace holds about the visitor's address, all of it or nothing. `confirmed`: the person said so.
pub async fn erase(
    context: &Context,
    visitor: &Visitor,
    confirmed: bool,
    now: DateTime<Utc>,
) -> Result<Deleted, AppError> {
    if !confirmed {
        return Err(AppError::field("confirm", "Please tick this box if you want your data deleted."));
    }
    // Looking for guests reads every list of guests; the transaction then looks at those it found again.
    let mut conn = context.db.read().await?;
    let guest_of: Vec<InviteeId> =
        guest_of(&mut conn, visitor).await?.into_iter().map(|row| row.id).collect();
    drop(conn);
    let mut rounds = 0;
    loop {
        match erase_once(context, visitor, &guest_of, now).await {
            Err(StoreError::Again) if rounds < ROUNDS => rounds += 1,
            other => return Ok(other?),
        }
    }
}

async fn erase_once(
    context: &Context,
    visitor: &Visitor,
    guest_of: &[InviteeId],
    now: DateTime<Utc>,
) -> Result<Deleted, StoreError> {
    let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
    let mut conn = context.db.write().await?;
    // Always in the order of their ids, so that two transactions wait for each other instead of locking each other out.
    let rows = everything::appointments(&mut conn, workspace, email_key).await?;
    let event_types: BTreeSet<&EventTypeId> = rows.iter().map(|row| &row.event_type_id).collect();
    for event_type in event_types {
        event_types::lock(&mut conn, event_type).await?;
    }
    // Again, under the locks: a move may have come between.
    let rows = everything::appointments(&mut conn, workspace, email_key).await?;
    let person = Person::of(email_key, &rows);

    // First: a worker that is writing letters about the person has either ended or loses what it wrote.
    traces::take_back_jobs(&mut conn, workspace, email_key, now).await?;
    traces::delete_messages(&mut conn, workspace, email_key).await?;
    traces::delete_deliveries(&mut conn, workspace, email_key).await?;
    traces::delete_orders(&mut conn, workspace, email_key).await?;
    traces::delete_portal(&mut conn, workspace, email_key).await?;
    for invitee in guest_of {
        let Some(row) = invitees::by_id(&mut conn, workspace, invitee).await? else { continue };
        let before = row.guests()?;
        let after: Vec<String> =
            before.iter().filter(|guest| !is_address(guest, email_key)).cloned().collect();
        if after.len() < before.len() {
            invitees::set_guests(&mut conn, invitee, &after, now).await?;
        }
    }
    for place in Place::ALL {
        scrub(&mut conn, visitor, place, &person).await?;
    }

    for row in &rows {
        let nobody = crypto::hash(&crypto::random_token());
        traces::anonymise(&mut conn, workspace, &row.id, &nobody, now).await?;
        let subject = format!("invitee:{}", row.id);
        note(&mut conn, workspace, &subject, "invitee.erased", &subject, now).await?;
    }
    let is_coming = |row: &&WholeRow| row.status().holds_time() && instant(row.start_at) > now;
    let mut cancelled = 0;
    for row in rows.iter().filter(is_coming) {
        leave::withdraw(&mut conn, workspace, &row.id, REASON, now).await?;
        cancelled += 1;
    }
    conn.commit().await?;
    Ok(Deleted { cancelled, kept: rows.len() - cancelled })
}

/// What is looked for in texts that mention someone in passing.
#[derive(Debug)]
struct Person {
    /// Spellings of the address, in lower case.
    addresses: BTreeSet<String>,
    /// Whole texts that are about the person: names, numbers, notes, reasons.
    texts: BTreeSet<String>,
}

impl Person {
    fn of(email_key: &str, rows: &[WholeRow]) -> Self {
        // The database lowers ASCII letters only, where it is SQLite.
        let mut addresses: BTreeSet<String> =
            rows.iter().flat_map(|row| [row.email.to_lowercase(), row.email.to_ascii_lowercase()]).collect();
        addresses.insert(email_key.to_owned());
        let texts = rows.iter().flat_map(|row| [&row.name, &row.phone, &row.notes, &row.cancel_reason]);
        Self { addresses, texts: texts.filter(|text| !text.is_empty()).cloned().collect() }
    }

    fn is_mentioned(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.addresses.iter().any(|address| text.contains(&address.to_lowercase()))
    }

    fn is_meant(&self, text: &str) -> bool {
        self.texts.contains(text) || self.is_mentioned(text)
    }

    /// A text without the address. A JSON document stays one: out of lists the person is taken whole.
    fn taken_out_of(&self, text: &str) -> String {
        match serde_json::from_str::<Value>(text) {
            Ok(document @ (Value::Object(_) | Value::Array(_))) => {
                let mut left = document.clone();
                self.take_out_of(&mut left);
                if left == document { text.to_owned() } else { left.to_string() }
            }
            _ => self.cut_out_of(text),
        }
    }

    fn take_out_of(&self, value: &mut Value) {
        match value {
            Value::String(text) if self.texts.contains(text) => "Removed".clone_into(text),
            Value::String(text) => *text = self.cut_out_of(text),
            Value::Array(list) => {
                list.retain(|entry| !entry.as_str().is_some_and(|text| self.is_meant(text)));
                list.iter_mut().for_each(|entry| self.take_out_of(entry));
            }
            Value::Object(fields) => fields.values_mut().for_each(|field| self.take_out_of(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn cut_out_of(&self, text: &str) -> String {
        if !self.is_mentioned(text) {
            return text.to_owned();
        }
        // Letters of some scripts change their length with their case: then only the whole text is safe to cut.
        let lower = text.to_lowercase();
        if lower.len() != text.len() {
            return "Removed".to_owned();
        }
        let mut text = text.to_owned();
        for address in &self.addresses {
            while let Some(at) = text.to_lowercase().find(address.as_str()) {
                let end = at + address.len();
                if !(text.is_char_boundary(at) && text.is_char_boundary(end)) {
                    return "Removed".to_owned();
                }
                text.replace_range(at..end, "");
            }
        }
        text
    }
}

/// Rewrites the texts of one place that mention the person.
async fn scrub(conn: &mut Conn, visitor: &Visitor, place: Place, person: &Person) -> Result<(), StoreError> {
    let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
    for address in &person.addresses {
        let pattern = format!("%{address}%");
        for found in traces::mentions(conn, place, workspace, email_key, &pattern).await? {
            let (id, first, second, third) = &found;
            let rewritten = (
                id.clone(),
                person.taken_out_of(first),
                person.taken_out_of(second),
                person.taken_out_of(third),
            );
            if rewritten != found {
                traces::rewrite(conn, place, workspace, &rewritten).await?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grace() -> Person {
        let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Person { addresses: set(&["grace@example.org"]), texts: set(&["Grace Hopper", "+49 30 1"]) }
    }

    #[test]
    fn a_person_leaves_lists_whole_and_texts_without_their_address() {
        let letter = r#"{"guests":["GRACE@example.org","bob@example.org"],"participants":["Grace Hopper","Bob"],
            "who":{"name":"Bob"},"notes":"bring Grace@Example.org, please","reason":"Grace Hopper"}"#;
        let left: Value = serde_json::from_str(&grace().taken_out_of(letter)).unwrap();
        let expected = serde_json::json!({
            "guests": ["bob@example.org"], "participants": ["Bob"], "who": {"name": "Bob"},
            "notes": "bring , please", "reason": "Removed",
        });
        assert_eq!(left, expected);
        assert_eq!(grace().taken_out_of("550 <grace@example.org> unknown"), "550 <> unknown");
        assert_eq!(grace().taken_out_of("nothing of hers"), "nothing of hers");
    }

    #[test]
    fn letters_that_grow_in_lower_case_are_not_cut_in_the_middle() {
        assert_eq!(grace().taken_out_of("İİİ grace@example.org"), "Removed");
        assert_eq!(grace().taken_out_of("äöü GRACE@example.org"), "äöü ");
    }
}
