//! Our events as Graph is to have them.

use super::{
    mark,
    wire::{Event, Kind},
};
use crate::server::{
    calendars::{
        event::{Draft, Status, When},
        fault::Fault,
        windows_zones,
    },
    zones,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};

/// A time for Graph: on the wall of the zone that it is kept in where Windows has that zone and the wall tells the instant,
/// else in UTC.
fn edge(at: DateTime<Utc>, zone: &str) -> Value {
    let named = zones::rules(zone).zip(windows_zones::windows(zone)).and_then(|(rules, windows)| {
        let wall = rules.local(at);
        // The second time that a clock shows the same hour can't be written.
        (rules.first_instant(wall) == at).then_some((wall, windows))
    });
    let (wall, name) = named.unwrap_or((at.naive_utc(), "UTC"));
    local(wall, name)
}

fn local(wall: NaiveDateTime, zone: &str) -> Value {
    json!({ "dateTime": wall.format("%Y-%m-%dT%H:%M:%S%.f").to_string(), "timeZone": zone })
}

/// An all-day event has both ends at midnight of one zone.
fn times(when: &When, owner_zone: &str) -> (Value, Value, bool) {
    match when {
        When::Timed { start, end, zone } => (edge(*start, zone), edge(*end, zone), false),
        When::AllDay { start, end } => {
            let zone = windows_zones::windows(owner_zone).unwrap_or("UTC");
            let midnight = chrono::NaiveTime::MIN;
            (local(start.and_time(midnight), zone), local(end.and_time(midnight), zone), true)
        }
    }
}

fn shows(draft: &Draft) -> &'static str {
    match (draft.busy, draft.status) {
        (false, _) => "free",
        (true, Status::Tentative) => "tentative",
        (true, _) => "busy",
    }
}

fn common(draft: &Draft, owner_zone: &str) -> Map<String, Value> {
    let (start, end, all_day) = times(&draft.when, owner_zone);
    let mut body = Map::new();
    // More is refused.
    body.insert("subject".into(), draft.title.chars().take(255).collect::<String>().into());
    body.insert("start".into(), start);
    body.insert("end".into(), end);
    body.insert("isAllDay".into(), all_day.into());
    body.insert("showAs".into(), shows(draft).into());
    body.insert("location".into(), json!({ "displayName": draft.location }));
    if draft.meeting.is_some() {
        body.insert("isOnlineMeeting".into(), true.into());
        body.insert("onlineMeetingProvider".into(), "teamsForBusiness".into());
    }
    body
}

fn text(draft: &Draft) -> Value {
    json!({ "contentType": "text", "content": draft.description })
}

fn attendee(email: &str, name: &str) -> Value {
    let name = if name.is_empty() { email } else { name };
    json!({ "type": "required", "emailAddress": { "address": email, "name": name } })
}

/// The body of a POST. `generation`: one of [`mark::GENERATIONS`].
pub(super) fn new(draft: &Draft, owner_zone: &str, generation: char) -> Value {
    let mut body = common(draft, owner_zone);
    body.insert("body".into(), text(draft));
    body.insert("transactionId".into(), mark::transaction(generation, &draft.key, &draft.mark).into());
    body.insert(
        "singleValueExtendedProperties".into(),
        json!([{ "id": mark::PROPERTY, "value": draft.mark }]),
    );
    if !draft.invite.is_empty() {
        let attendees: Vec<_> = draft.invite.iter().map(|(name, email)| attendee(email, name)).collect();
        body.insert("attendees".into(), attendees.into());
    }
    body.into()
}

/// The body of a PATCH of `now`.
///
/// The text stays as it is when there is an online meeting: how to join is part of it, and a text without that ends the
/// meeting (learn.microsoft.com/graph/api/event-update). Attendees are added, and those whom someone invited outside stay.
pub(super) fn change(draft: &Draft, owner_zone: &str, now: &Event) -> Value {
    let mut body = common(draft, owner_zone);
    if draft.meeting.is_none() && now.is_online_meeting != Some(true) {
        body.insert("body".into(), text(draft));
    }
    let there: Vec<String> = now.attendees.iter().flatten().filter_map(|person| person.address()).collect();
    // What is written is once; somebody may have made a series of it.
    if now.kind() == Kind::Master {
        body.insert("recurrence".into(), Value::Null);
    }
    let mut missing =
        draft.invite.iter().filter(|(_, email)| !there.contains(&email.to_lowercase())).peekable();
    if missing.peek().is_some() {
        let kept = now.attendees.iter().flatten().filter_map(|person| {
            let email = person.address()?;
            Some(attendee(&email, person.name().unwrap_or_default()))
        });
        let attendees: Vec<_> = kept.chain(missing.map(|(name, email)| attendee(email, name))).collect();
        body.insert("attendees".into(), attendees.into());
    }
    body.into()
}

/// Does an event show what a draft says? A repeated POST is answered with what the first one made.
pub(super) fn resembles(draft: &Draft, event: &Event) -> Result<bool, Fault> {
    let neutral = event.neutral("")?;
    let same_time = match (&draft.when, &neutral.when) {
        (When::Timed { start, end, .. }, When::Timed { start: there, end: until, .. }) => {
            start == there && end == until
        }
        (ours, theirs) => ours == theirs,
    };
    let title: String = draft.title.chars().take(255).collect();
    Ok(same_time && event.subject.as_deref().unwrap_or_default() == title)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(when: When) -> Draft {
        Draft {
            key: "01890a5d-ac96-774b-bcce-b302099a8057".into(),
            uid: "u".into(),
            sequence: 0,
            title: "Haircut".into(),
            description: "One\nTwo".into(),
            location: "Studio".into(),
            when,
            status: Status::Confirmed,
            busy: true,
            invite: vec![(String::new(), "Kim@example.org".into())],
            meeting: None,
            mark: "booking:01890a5d-ac96-774b-bcce-b302099a8058".into(),
        }
    }

    fn timed(start: &str, end: &str, zone: &str) -> When {
        When::Timed { start: start.parse().unwrap(), end: end.parse().unwrap(), zone: zone.into() }
    }

    #[test]
    fn times_are_written_on_the_wall_of_their_zone() {
        let body =
            new(&draft(timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "Europe/Vienna")), "UTC", 'm');
        assert_eq!(
            body["start"],
            json!({ "dateTime": "2026-07-01T10:00:00", "timeZone": "W. Europe Standard Time" })
        );
        assert_eq!(body["end"]["dateTime"], "2026-07-01T11:30:00");
        assert_eq!(body["showAs"], "busy");
        assert_eq!(body["transactionId"].as_str().map(str::len), Some(46));
        assert_eq!(
            body["attendees"][0]["emailAddress"],
            json!({ "address": "Kim@example.org", "name": "Kim@example.org" })
        );
    }

    #[test]
    fn a_wall_that_shows_an_hour_twice_is_not_trusted() {
        let body =
            new(&draft(timed("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "Europe/Berlin")), "UTC", 'm');
        assert_eq!(body["start"]["timeZone"], "W. Europe Standard Time");
        assert_eq!(body["end"], json!({ "dateTime": "2026-10-25T01:30:00", "timeZone": "UTC" }));
        let nowhere = new(&draft(timed("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "")), "UTC", 'm');
        assert_eq!(nowhere["start"], json!({ "dateTime": "2026-10-25T00:30:00", "timeZone": "UTC" }));
    }

    #[test]
    fn whole_days_are_midnights_of_one_zone() {
        let when = When::AllDay { start: "2026-12-24".parse().unwrap(), end: "2026-12-27".parse().unwrap() };
        let body = new(&draft(when), "America/New_York", 'm');
        assert_eq!(
            body["start"],
            json!({ "dateTime": "2026-12-24T00:00:00", "timeZone": "Eastern Standard Time" })
        );
        assert_eq!(
            body["end"],
            json!({ "dateTime": "2026-12-27T00:00:00", "timeZone": "Eastern Standard Time" })
        );
        assert_eq!(body["isAllDay"], true);
    }

    #[test]
    fn a_change_keeps_the_meeting_and_those_who_were_invited_outside() {
        let there: Event = serde_json::from_value(json!({
            "id": "x", "isOnlineMeeting": true,
            "attendees": [{ "emailAddress": { "address": "Boss@example.org", "name": "Boss" } }],
        }))
        .unwrap();
        let draft = draft(timed("2026-07-01T08:00:00Z", "2026-07-01T09:30:00Z", "UTC"));
        let body = change(&draft, "UTC", &there);
        assert!(body.get("body").is_none() && body.get("transactionId").is_none());
        let addresses: Vec<_> = body["attendees"].as_array().unwrap().iter().collect();
        assert_eq!(addresses.len(), 2);
        assert_eq!(addresses[0]["emailAddress"]["address"], "boss@example.org");
        let everyone: Event = serde_json::from_value(json!({
            "id": "x", "attendees": [{ "emailAddress": { "address": "kim@EXAMPLE.org" } }],
        }))
        .unwrap();
        let body = change(&draft, "UTC", &everyone);
        assert!(body.get("attendees").is_none());
        assert_eq!(body["body"]["content"], "One\nTwo");
    }
}
