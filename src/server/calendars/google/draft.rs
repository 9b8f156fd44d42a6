//! Our events, as Google takes them.

use super::{
    super::{
        event::{Draft, Status, When},
        fault::Fault,
    },
    event::{Event, INVITED, MARK},
};
use crate::server::crypto;
use chrono::SecondsFormat;
use reqwest::Url;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The longest description that Google keeps, in characters (8,192), with some room.
const MOST_DESCRIPTION: usize = 8_000;

/// The most guests that are remembered as ours.
const MOST_INVITED: usize = 110;

/// The id of a draft's event. Google takes 5 to 1,024 of the digits of base32hex (RFC 4648 §7: `a` to `v`, `0` to `9`); those
/// of a UUID are among them.
pub(super) fn id(key: &str) -> Result<String, Fault> {
    let id: String = key.chars().filter(|digit| *digit != '-').collect();
    let fits =
        (5..=1024).contains(&id.len()) && id.bytes().all(|digit| matches!(digit, b'a'..=b'v' | b'0'..=b'9'));
    if fits { Ok(id) } else { Err(Fault::Refused("The entry's key is no UUID.".into())) }
}

/// What is said beside an event when it is written: whom Google tells, and that we understand meetings.
pub(super) fn ask(url: &mut Url, draft: &Draft) {
    let tell = if draft.invite.is_empty() { "none" } else { "all" };
    url.query_pairs_mut().append_pair("sendUpdates", tell).append_pair("conferenceDataVersion", "1");
}

/// A guest in few characters, to tell them from others again.
pub(super) fn short(email: &str) -> String {
    crypto::hash(&email.to_lowercase()).iter().take(4).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An event that is new.
pub(super) fn whole(draft: &Draft, id: &str) -> Value {
    let mut body = common(draft);
    body.insert("id".into(), id.into());
    let (start, end) = times(&draft.when, false);
    body.insert("start".into(), start);
    body.insert("end".into(), end);
    let mut private = json!({ MARK: draft.mark });
    if !draft.invite.is_empty() {
        body.insert(
            "attendees".into(),
            draft.invite.iter().map(|(name, email)| guest(email, name)).collect(),
        );
        if let Some(private) = private.as_object_mut() {
            private.insert(INVITED.into(), invited(draft).into());
        }
    }
    body.insert("extendedProperties".into(), json!({ "private": private }));
    if let Some(request) = &draft.meeting {
        body.insert("conferenceData".into(), meeting(request));
    }
    body.into()
}

/// What must be patched so that an event looks like the draft. All else stays as it is.
pub(super) fn changes(draft: &Draft, found: &Event) -> Value {
    let mut body = common(draft);
    let (start, end) = times(&draft.when, true);
    body.insert("start".into(), start);
    body.insert("end".into(), end);
    let mut private = Map::new();
    private.insert(MARK.into(), draft.mark.clone().into());
    let former = found.extended_properties.private.get(INVITED);
    if !draft.invite.is_empty() || former.is_some() {
        body.insert("attendees".into(), guests(draft, found, former.map_or("", String::as_str)));
        let list = invited(draft);
        private.insert(INVITED.into(), if list.is_empty() { Value::Null } else { list.into() });
    }
    body.insert("extendedProperties".into(), json!({ "private": private }));
    // What is written is once; somebody may have made a series of it.
    if found.comes_again() {
        body.insert("recurrence".into(), json!([]));
    }
    // The same request again would be passed over; a meeting that is there already, whoever made it, is kept.
    if let (Some(request), None) = (&draft.meeting, &found.conference_data) {
        body.insert("conferenceData".into(), meeting(request));
    }
    body.into()
}

fn common(draft: &Draft) -> Map<String, Value> {
    let description: String = draft.description.chars().take(MOST_DESCRIPTION).collect();
    let mut body = Map::new();
    body.insert("summary".into(), draft.title.clone().into());
    body.insert("description".into(), description.into());
    body.insert("location".into(), draft.location.clone().into());
    let status = if draft.status == Status::Tentative { "tentative" } else { "confirmed" };
    body.insert("status".into(), status.into());
    body.insert("transparency".into(), if draft.busy { "opaque" } else { "transparent" }.into());
    body
}

/// `start` and `end`. In a patch what was there before must be taken away: a day and a time can't stand side by side.
fn times(when: &When, patch: bool) -> (Value, Value) {
    let side = |json: Value, gone: &[&str]| match json {
        Value::Object(mut json) if patch => {
            json.extend(gone.iter().map(|key| ((*key).to_owned(), Value::Null)));
            Value::Object(json)
        }
        json => json,
    };
    match when {
        When::Timed { start, end, zone } => {
            let time = |at: &chrono::DateTime<chrono::Utc>| {
                let mut json = json!({ "dateTime": at.to_rfc3339_opts(SecondsFormat::Secs, true) });
                let zone = if zone.is_empty() { "UTC" } else { zone };
                if let Some(json) = json.as_object_mut() {
                    json.insert("timeZone".into(), zone.into());
                }
                side(json, &["date"])
            };
            (time(start), time(end))
        }
        When::AllDay { start, end } => {
            let day =
                |day: &chrono::NaiveDate| side(json!({ "date": day.to_string() }), &["dateTime", "timeZone"]);
            (day(start), day(end))
        }
    }
}

fn guest(email: &str, name: &str) -> Value {
    let mut json = json!({ "email": email, "responseStatus": "needsAction" });
    if let (false, Some(json)) = (name.is_empty(), json.as_object_mut()) {
        json.insert("displayName".into(), name.into());
    }
    json
}

fn meeting(request: &str) -> Value {
    json!({ "createRequest": { "requestId": request, "conferenceSolutionKey": { "type": "hangoutsMeet" } } })
}

/// Whom Google invites for us, in short. A property has 1,024 characters at most.
fn invited(draft: &Draft) -> String {
    draft.invite.iter().take(MOST_INVITED).map(|(_, email)| short(email)).collect::<Vec<_>>().join(" ")
}

/// The guests: those who are there keep their answers, those whom we invited before and no longer do go, others stay.
fn guests(draft: &Draft, found: &Event, former: &str) -> Value {
    let wanted = |email: &str| draft.invite.iter().any(|(_, wanted)| wanted.eq_ignore_ascii_case(email));
    let ours = |email: &str| former.split(' ').any(|one| one == short(email));
    let kept = found.attendees.iter().filter(|guest| wanted(&guest.email) || !ours(&guest.email));
    let there = |email: &str| found.attendees.iter().any(|guest| guest.email.eq_ignore_ascii_case(email));
    let new = draft.invite.iter().filter(|(_, email)| !there(email));
    kept.map(super::event::Attendee::json).chain(new.map(|(name, email)| guest(email, name))).collect()
}
