//! "Delete my data": the right to erasure (GDPR, article 17), against which no policy of an event type stands.
//!
//! One transaction: what is coming is cancelled, what is past stays as a time without a person, and everything else that
//! names the address is deleted or rewritten. Announcements of the cancellations are jobs, so they are written when the
//! person is gone from the appointment, and go to the hosts only.
//!
//! Who is mentioned in the letters of others, in jobs and in webhooks' deliveries can only be found by reading all of
//! them. That is done page by page before the transaction, which then looks at what was found and at what was written
//! meanwhile, so that it holds its locks no longer than any other. What those documents say of others stays as it is.
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
        public::BookInput,
    },
    domain::ids::{EventTypeId, InviteeId, WorkspaceId},
    server::{
        context::Context,
        crypto,
        jobs::Job,
        mail::letter::{Content, Letter},
        store::{
            Conn, StoreError, document, event_types, instant, invitees, micros,
            portal::{
                everything::{self, WholeRow},
                traces::{self, Place, Trace},
            },
        },
        use_cases::{leave, note},
        webhooks::body::Envelope,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};

/// How often a transaction that met another one is run again.
const ROUNDS: u32 = 8;

/// Rows that are read at once.
const PAGE: i64 = 300;

/// How much older than its becoming visible a row's time may be: transactions wait, and clocks of instances differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(5);

/// How old something may be that is still being tried: longer than a mail or a delivery is (see `jobs::backoff`).
const TRIED_FOR: TimeDelta = TimeDelta::days(2);

/// What stands for something that the person said or was.
const REMOVED: &str = "Removed";

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
    let rows = everything::appointments(&mut conn, &visitor.workspace.id, &visitor.email_key).await?;
    let person = Person::load(&mut conn, visitor, &rows).await?;
    drop(conn);
    let before = Before { guest_of, mentions: mentions(context, visitor, &person, 0).await? };
    let mut rounds = 0;
    let (deleted, person) = loop {
        match erase_once(context, visitor, &before, now).await {
            Err(StoreError::Again) if rounds < ROUNDS => rounds += 1,
            done => break done?,
        }
    };
    // A mail server or a webhook may have answered meanwhile about something older. The person is gone by now, so nobody
    // is told if this fails but the log.
    if let Err(error) = sweep(context, visitor, &person, now).await {
        tracing::warn!(%error, workspace = %visitor.workspace.id, "the last answers were not searched for an erased address");
    }
    Ok(deleted)
}

/// What was found before the transaction.
#[derive(Debug)]
struct Before {
    /// Appointments of others that name the address as a guest.
    guest_of: Vec<InviteeId>,
    /// Rows that mention the person.
    mentions: Vec<(Place, String)>,
}

async fn erase_once(
    context: &Context,
    visitor: &Visitor,
    before: &Before,
    now: DateTime<Utc>,
) -> Result<(Deleted, Person), StoreError> {
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
    let person = Person::load(&mut conn, visitor, &rows).await?;

    // First: a worker that is writing letters about the person has either ended or loses what it wrote.
    traces::take_back_jobs(&mut conn, workspace, email_key, now).await?;
    traces::delete_messages(&mut conn, workspace, email_key).await?;
    traces::delete_deliveries(&mut conn, workspace, email_key).await?;
    traces::delete_orders(&mut conn, workspace, email_key).await?;
    traces::delete_portal(&mut conn, workspace, email_key).await?;
    for invitee in &before.guest_of {
        let Some(row) = invitees::by_id(&mut conn, workspace, invitee).await? else { continue };
        let guests = row.guests()?;
        let others: Vec<String> =
            guests.iter().filter(|guest| !is_address(guest, email_key)).cloned().collect();
        if others.len() < guests.len() {
            invitees::set_guests(&mut conn, invitee, &others, now).await?;
        }
    }
    scrub(&mut conn, workspace, &person, &before.mentions).await?;
    let mut walk = Walk::begin(&mut conn, workspace, micros(now - OVERLAP)).await?;
    while let Some((place, page)) = walk.next(&mut conn).await? {
        for row in &page {
            scrub_row(&mut conn, workspace, &person, place, row).await?;
        }
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
    Ok((Deleted { cancelled, kept: rows.len() - cancelled }, person))
}

/// Looks once more at what was still being tried while the person was deleted.
async fn sweep(
    context: &Context,
    visitor: &Visitor,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let late = mentions(context, visitor, person, micros(now - TRIED_FOR)).await?;
    if !late.is_empty() {
        let mut conn = context.db.write().await?;
        scrub(&mut conn, &visitor.workspace.id, person, &late).await?;
        conn.commit().await?;
    }
    Ok(())
}

/// The rows that mention the person, from a time on (epoch microseconds). Others get the connection between pages.
async fn mentions(
    context: &Context,
    visitor: &Visitor,
    person: &Person,
    from: i64,
) -> Result<Vec<(Place, String)>, StoreError> {
    let mut walk = Walk::begin(&mut context.db.read().await?, &visitor.workspace.id, from).await?;
    let mut found = Vec::new();
    while let Some((place, page)) = walk.next(&mut context.db.read().await?).await? {
        let mentioning = page.into_iter().filter(|row| person.taken_out_of(place, row).is_some());
        found.extend(mentioning.map(|row| (place, row.id)));
    }
    Ok(found)
}

/// Takes the person out of rows, as they are now.
async fn scrub(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    person: &Person,
    rows: &[(Place, String)],
) -> Result<(), StoreError> {
    for (place, id) in rows {
        if let Some(row) = traces::by_id(conn, *place, workspace, id).await? {
            scrub_row(conn, workspace, person, *place, &row).await?;
        }
    }
    Ok(())
}

async fn scrub_row(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    person: &Person,
    place: Place,
    row: &Trace,
) -> Result<(), StoreError> {
    match person.taken_out_of(place, row) {
        Some(rewritten) => traces::rewrite(conn, place, workspace, &rewritten).await,
        None => Ok(()),
    }
}

/// A walk through every place where someone may be mentioned, page by page.
#[derive(Debug)]
struct Walk<'a> {
    workspace: &'a WorkspaceId,
    from: i64,
    left: VecDeque<(Place, String)>,
    after: (i64, String),
}

impl<'a> Walk<'a> {
    async fn begin(conn: &mut Conn, workspace: &'a WorkspaceId, from: i64) -> Result<Self, StoreError> {
        let mut left = VecDeque::new();
        for place in Place::ALL {
            let shelves = traces::shelves(conn, place, workspace).await?;
            left.extend(shelves.into_iter().map(|shelf| (place, shelf)));
        }
        Ok(Self { workspace, from, left, after: (from, String::new()) })
    }

    async fn next(&mut self, conn: &mut Conn) -> Result<Option<(Place, Vec<Trace>)>, StoreError> {
        let Some((place, shelf)) = self.left.front() else { return Ok(None) };
        let (place, after) = (*place, (self.after.0, self.after.1.as_str()));
        let page = traces::page(conn, place, self.workspace, shelf, after, PAGE).await?;
        match page.last() {
            Some(last) => self.after = (last.at, last.key.clone()),
            None => {
                self.left.pop_front();
                self.after = (self.from, String::new());
            }
        }
        Ok(Some((place, page)))
    }
}

/// Whom to take out of what is written about others.
#[derive(Debug)]
struct Person {
    /// The address, in lower case.
    address: String,
    names: BTreeSet<String>,
    invitees: BTreeSet<InviteeId>,
    /// The bookings they have or had a seat in: only what is about these can name them without the address.
    bookings: BTreeSet<String>,
}

impl Person {
    async fn load(conn: &mut Conn, visitor: &Visitor, rows: &[WholeRow]) -> Result<Self, StoreError> {
        let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
        Ok(Self {
            address: email_key.to_owned(),
            names: rows.iter().map(|row| row.name.clone()).collect(),
            invitees: rows.iter().map(|row| row.id.clone()).collect(),
            bookings: traces::bookings(conn, workspace, email_key).await?.into_iter().collect(),
        })
    }

    /// A row without the person; nothing when it does not mention them.
    fn taken_out_of(&self, place: Place, row: &Trace) -> Option<Trace> {
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
                about
                    .participants
                    .retain(|name| !(is_theirs && self.names.contains(name)) && !self.is_mentioned(name));
                self.out_of_guests(&mut about.guests);
                self.cut(&mut about.notes);
                self.cut(&mut about.reason);
                about.answers.iter_mut().for_each(|answer| self.cut(&mut answer.value));
            }
            Content::WebhookDisabled { reason, .. } => self.cut(reason),
            Content::PortalLink { .. } | Content::Verify { .. } | Content::Test => {}
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
