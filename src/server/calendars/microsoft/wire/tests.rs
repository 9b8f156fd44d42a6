use super::*;
use serde_json::{Value, json};

fn event(more: Value) -> Event {
    let mut whole = json!({
        "@odata.etag": "W/\"1\"", "id": "AAkA=", "iCalUId": "0400", "subject": "Haircut", "type": "singleInstance",
        "start": { "dateTime": "2026-07-01T08:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-07-01T09:30:00.0000000", "timeZone": "UTC" },
        "originalStartTimeZone": "W. Europe Standard Time", "isAllDay": false, "showAs": "busy",
    });
    for (name, value) in more.as_object().unwrap() {
        whole[name] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

fn neutral(more: Value) -> RemoteEvent {
    event(more).neutral("rosa@studio.example").unwrap()
}

#[test]
fn a_time_is_kept_in_its_zone() {
    let When::Timed { start, end, zone } = neutral(json!({})).when else { panic!("timed") };
    assert_eq!(start.to_rfc3339(), "2026-07-01T08:00:00+00:00");
    assert_eq!(end.to_rfc3339(), "2026-07-01T09:30:00+00:00");
    assert_eq!(zone, "Europe/Berlin");
    for (theirs, ours) in [
        ("Europe/Paris", "Europe/Paris"),
        ("UTC", ""),
        ("tzone://Microsoft/Utc", ""),
        ("tzone://Microsoft/Custom", ""),
        ("Customized Time Zone", ""),
        ("Middle/Earth", ""),
    ] {
        let When::Timed { zone, .. } = neutral(json!({ "originalStartTimeZone": theirs })).when else {
            panic!("timed")
        };
        assert_eq!(zone, ours, "{theirs}");
    }
}

#[test]
fn an_answer_in_another_zone_is_understood() {
    let more = json!({
        "start": { "dateTime": "2026-07-01T10:00:00.0000000", "timeZone": "W. Europe Standard Time" },
    });
    let When::Timed { start, .. } = neutral(more).when else { panic!("timed") };
    assert_eq!(start.to_rfc3339(), "2026-07-01T08:00:00+00:00");
}

#[test]
fn days_are_days_and_an_end_is_never_before_its_start() {
    let more = json!({
        "isAllDay": true,
        "start": { "dateTime": "2026-12-24T00:00:00.0000000", "timeZone": "UTC" },
        "end": { "dateTime": "2026-12-27T00:00:00.0000000", "timeZone": "UTC" },
    });
    let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
    assert_eq!(neutral(more).when, When::AllDay { start, end });
    let backwards =
        neutral(json!({ "end": { "dateTime": "2026-07-01T07:00:00.0000000", "timeZone": "UTC" } }));
    let When::Timed { start, end, .. } = backwards.when else { panic!("timed") };
    assert_eq!(start, end);
}

#[test]
fn what_takes_time_is_what_graph_shows_as_taken() {
    for (show_as, response, shows) in [
        ("busy", "organizer", Shows::Busy),
        ("oof", "accepted", Shows::Busy),
        ("unknown", "none", Shows::Busy),
        ("something new", "none", Shows::Busy),
        ("tentative", "notResponded", Shows::Tentative),
        ("free", "none", Shows::Free),
        ("workingElsewhere", "none", Shows::Free),
        ("busy", "declined", Shows::Free),
    ] {
        let found = neutral(json!({ "showAs": show_as, "responseStatus": { "response": response } }));
        assert_eq!(found.shows, shows, "{show_as} {response}");
    }
}

#[test]
fn people_are_known_with_their_answers() {
    let found = neutral(json!({
        "isOrganizer": false,
        "organizer": { "emailAddress": { "address": "Boss@studio.example", "name": "Boss" } },
        "attendees": [
            { "emailAddress": { "address": "Rosa@studio.example", "name": "Rosa" }, "status": { "response": "accepted" } },
            { "emailAddress": { "address": "kim@example.org", "name": "kim@example.org" }, "status": { "response": "declined" } },
            { "emailAddress": { "address": "boss@studio.example" }, "status": { "response": "organizer" } },
            { "emailAddress": {} },
        ],
    }));
    let told: Vec<_> = found
        .participants
        .iter()
        .map(|person| (&person.email[..], &person.name[..], person.answer, person.is_self))
        .collect();
    assert_eq!(
        told,
        [
            ("boss@studio.example", "Boss", Answer::Accepted, false),
            ("rosa@studio.example", "Rosa", Answer::Accepted, true),
            ("kim@example.org", "", Answer::Declined, false),
        ]
    );
    assert_eq!(neutral(json!({ "attendees": [] })).participants, []);
}

#[test]
fn a_mark_is_in_the_property_or_in_the_transaction() {
    let mark = "booking:01890a5d-ac96-774b-bcce-b302099a8058";
    let transaction = mark::transaction('m', "01890a5d-ac96-774b-bcce-b302099a8057", mark);
    assert_eq!(neutral(json!({ "transactionId": transaction })).mark.as_deref(), Some(mark));
    let property =
        json!([{ "id": mark::PROPERTY.to_uppercase().replace("STRING", "String"), "value": mark }]);
    assert_eq!(neutral(json!({ "singleValueExtendedProperties": property })).mark.as_deref(), Some(mark));
    assert_eq!(neutral(json!({ "transactionId": "localevent:x" })).mark, None);
}

#[test]
fn a_meeting_is_awaited() {
    let meeting = |more: Value, asked: bool| event(more).meeting(asked);
    let link = json!({ "isOnlineMeeting": true, "onlineMeeting": { "joinUrl": "https://teams.example/x" } });
    assert_eq!(meeting(link, true), Meeting::Link("https://teams.example/x".into()));
    assert_eq!(meeting(json!({ "isOnlineMeeting": true, "onlineMeeting": null }), true), Meeting::Pending);
    assert_eq!(meeting(json!({ "isOnlineMeeting": false }), true), Meeting::Failed);
    assert_eq!(meeting(json!({ "isOnlineMeeting": false }), false), Meeting::None);
}

#[test]
fn private_events_have_no_title() {
    assert_eq!(neutral(json!({ "sensitivity": "private" })).title, "");
    assert_eq!(neutral(json!({ "sensitivity": "personal" })).title, "Haircut");
}

#[test]
fn a_changed_occurrence_knows_where_it_would_have_been() {
    let found = neutral(json!({
        "type": "exception", "seriesMasterId": "M", "originalStart": "2026-06-30T08:00:00Z",
    }));
    let original = Moment::At("2026-06-30T08:00:00Z".parse().unwrap());
    assert_eq!(found.instance, Some(Instance { series: "M".into(), original }));
}

#[test]
fn a_series_takes_place_when_the_service_says() {
    let master = event(json!({ "type": "seriesMaster" }));
    let at = |text: &str| Moment::At(text.parse().unwrap());
    let later = at("2026-07-08T08:00:00Z");
    let recurrence = master.recurrence(vec![later.clone()]).unwrap();
    assert_eq!(recurrence.start.to_string(), "2026-07-01 10:00:00");
    assert_eq!(recurrence.zone, Zone::Named("Europe/Berlin".into()));
    assert_eq!(recurrence.dates, [later]);
    assert_eq!(recurrence.except, [at("2026-07-01T08:00:00Z")], "the first one is not among them");
    assert_eq!(master.recurrence(vec![at("2026-07-01T08:00:00Z")]).unwrap().except, []);
}

#[test]
fn what_can_t_be_read_is_a_fault_and_not_free_time() {
    let nothing: Event = serde_json::from_value(json!({ "id": "x" })).unwrap();
    assert_eq!(nothing.neutral(""), Err(unclear()));
    let odd = event(json!({ "start": { "dateTime": "soon", "timeZone": "UTC" } }));
    assert_eq!(odd.neutral(""), Err(unclear()));
}

#[test]
fn notes_are_what_is_said_as_plain_text() {
    let notes = |more: Value| neutral(more).texts.notes;
    let body = json!({ "contentType": "text", "content": "Bring the card\r\n" });
    assert_eq!(notes(json!({ "body": body })).as_deref(), Some("Bring the card\r\n"));
    let markup = json!({ "contentType": "html", "content": "<p>Bring the card</p>" });
    assert_eq!(notes(json!({ "body": markup })), None);
    assert_eq!(notes(json!({ "body": body, "isOnlineMeeting": true })), None);
    assert_eq!(notes(json!({ "body": body, "sensitivity": "private" })), None);
    assert_eq!(notes(json!({})), None);
}
