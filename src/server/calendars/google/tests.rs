use super::{
    super::{
        access::{Credential, Endpoints},
        event::{
            Answer, Change, Instance, Moment, Participant, Recurrence, Shows, Status, Texts, When, Zone,
        },
    },
    *,
};
use chrono::{NaiveDate, Utc};
use http::HeaderMap;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn event(json: Value) -> Event {
    serde_json::from_value(json).unwrap()
}

/// An event of an hour, with more.
fn timed(more: Value) -> Event {
    let mut json = json!({
        "id": "one", "status": "confirmed", "etag": "\"1\"", "iCalUID": "one@google.com", "summary": "One",
        "start": { "dateTime": "2027-03-01T09:00:00+01:00", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2027-03-01T10:00:00+01:00", "timeZone": "Europe/Berlin" },
    });
    json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event(json)
}

fn remote(event: Event) -> RemoteEvent {
    event.remote("America/New_York").unwrap()
}

fn draft() -> Draft {
    Draft {
        key: "0192f0c1-2345-7abc-8def-0123456789ab".into(),
        uid: "booking".into(),
        sequence: 3,
        title: "Haircut".into(),
        description: "With Ada\nPhone: 1".into(),
        location: "Here".into(),
        when: When::Timed {
            start: at("2027-03-01T08:00:00Z"),
            end: at("2027-03-01T09:00:00Z"),
            zone: "Europe/Berlin".into(),
        },
        status: Status::Confirmed,
        busy: true,
        invite: Vec::new(),
        meeting: None,
        mark: "booking:1".into(),
    }
}

#[test]
fn a_single_event_is_read() {
    let found = remote(timed(json!({
        "sequence": 4,
        "extendedProperties": { "private": { "meridian": "booking:1", "other": "x" } },
        "attendees": [
            { "email": "Host@Example.com", "self": true, "organizer": true, "responseStatus": "accepted" },
            { "email": "ada@example.com", "displayName": "Ada", "responseStatus": "declined" },
            { "email": "room@example.com", "resource": true, "responseStatus": "accepted" },
        ],
    })));
    let person = |email: &str, name: &str, answer, is_self| Participant {
        email: email.into(),
        name: name.into(),
        answer,
        is_self,
    };
    let expected = RemoteEvent {
        id: "one".into(),
        uid: "one@google.com".into(),
        etag: Some("\"1\"".into()),
        when: When::Timed {
            start: at("2027-03-01T08:00:00Z"),
            end: at("2027-03-01T09:00:00Z"),
            zone: "Europe/Berlin".into(),
        },
        recurrence: None,
        instance: None,
        status: Status::Confirmed,
        shows: Shows::Busy,
        title: "One".into(),
        participants: vec![
            person("host@example.com", "", Answer::Accepted, true),
            person("ada@example.com", "Ada", Answer::Declined, false),
        ],
        mark: Some("booking:1".into()),
        sequence: 4,
        meeting: Meeting::None,
        texts: Texts { place: Some(String::new()), notes: Some(String::new()) },
    };
    assert_eq!(found, expected);
}

#[test]
fn what_takes_time() {
    let own = |answer: &str| json!({ "attendees": [{ "email": "me@x.example", "self": true, "responseStatus": answer }] });
    for (more, shows) in [
        (json!({}), Shows::Busy),
        (json!({ "transparency": "transparent" }), Shows::Free),
        (json!({ "status": "tentative" }), Shows::Tentative),
        (own("accepted"), Shows::Busy),
        (own("needsAction"), Shows::Busy),
        (own("tentative"), Shows::Tentative),
        (own("declined"), Shows::Free),
        (json!({ "attendees": [{ "email": "you@x.example", "responseStatus": "declined" }] }), Shows::Busy),
        (json!({ "eventType": "default" }), Shows::Busy),
        (json!({ "eventType": "outOfOffice" }), Shows::Busy),
        (json!({ "eventType": "focusTime" }), Shows::Busy),
        (json!({ "eventType": "workingLocation" }), Shows::Free),
        (json!({ "eventType": "birthday" }), Shows::Free),
        (json!({ "eventType": "fromGmail" }), Shows::Free),
        // Unknown is not free.
        (json!({ "eventType": "somethingNew" }), Shows::Busy),
    ] {
        assert_eq!(remote(timed(more.clone())).shows, shows, "{more}");
    }
}

#[test]
fn private_events_have_no_title() {
    for visibility in ["private", "confidential"] {
        assert_eq!(remote(timed(json!({ "visibility": visibility }))).title, "");
    }
    assert_eq!(remote(timed(json!({ "visibility": "public" }))).title, "One");
}

#[test]
fn whole_days_and_odd_times() {
    let when = |start: Value, end: Value| remote(timed(json!({ "start": start, "end": end }))).when;
    let days = |start: &str, end: &str| When::AllDay { start: day(start), end: day(end) };
    let date = |text: &str| json!({ "date": text });
    assert_eq!(when(date("2027-03-01"), date("2027-03-03")), days("2027-03-01", "2027-03-03"));
    assert_eq!(when(date("2027-03-01"), date("2027-03-01")), days("2027-03-01", "2027-03-02"));
    assert_eq!(when(date("2027-03-01"), Value::Null), days("2027-03-01", "2027-03-02"));
    let time = |text: &str| json!({ "dateTime": text, "timeZone": "Mars/Olympus" });
    let nine = at("2027-03-01T09:00:00Z");
    let expected = When::Timed { start: nine, end: nine, zone: String::new() };
    assert_eq!(when(time("2027-03-01T09:00:00Z"), time("2027-03-01T08:00:00Z")), expected);
}

#[test]
fn what_is_gone() {
    for json in [
        json!({ "id": "x", "status": "cancelled" }),
        json!({ "id": "x" }),
        json!({ "id": "x", "status": "cancelled", "start": { "date": "2027-03-01" }, "end": { "date": "2027-03-02" } }),
        json!({ "id": "x", "status": "cancelled", "start": { "dateTime": "nonsense" } }),
        // An exception of a series that was deleted.
        json!({ "id": "x", "status": "cancelled", "recurringEventId": "series" }),
    ] {
        assert_eq!(event::change(json.clone(), "UTC"), Change::Gone { id: "x".into() }, "{json}");
    }
}

#[test]
fn what_is_there_and_makes_no_sense_is_not_gone() {
    for json in [
        json!({ "id": "x", "status": "confirmed" }),
        json!({ "id": "x", "status": "tentative", "start": { "timeZone": "UTC" } }),
        json!({ "id": "x", "start": { "dateTime": "yesterday" }, "end": { "dateTime": "2027-03-01T09:00:00Z" } }),
        json!({ "id": "x", "start": { "date": "2027-02-30" } }),
        json!({ "id": "x", "status": "confirmed", "attendees": "many" }),
        json!({ "id": "x", "status": "confirmed", "recurringEventId": "s", "originalStartTime": { "date": "2027-03-01" } }),
        json!({ "id": "x", "status": "cancelled", "recurringEventId": "s", "originalStartTime": { "date": 7 } }),
    ] {
        let Change::Unreadable { id, .. } = event::change(json.clone(), "UTC") else { panic!("{json}") };
        assert_eq!(id, "x");
    }
}

#[test]
fn instances_that_were_moved_or_do_not_take_place() {
    let moved = remote(timed(json!({
        "id": "s_20270301T080000Z", "recurringEventId": "s",
        "originalStartTime": { "dateTime": "2027-02-28T09:00:00+01:00", "timeZone": "Europe/Berlin" },
    })));
    let original = Moment::At(at("2027-02-28T08:00:00Z"));
    assert_eq!(moved.instance, Some(Instance { series: "s".into(), original: original.clone() }));
    assert_eq!((moved.status, moved.recurrence), (Status::Confirmed, None));
    let cancelled = remote(event(json!({
        "id": "s_20270228T080000Z", "status": "cancelled", "recurringEventId": "s",
        "originalStartTime": { "dateTime": "2027-02-28T09:00:00+01:00", "timeZone": "Europe/Berlin" },
    })));
    assert_eq!(cancelled.instance, Some(Instance { series: "s".into(), original }));
    assert_eq!(cancelled.status, Status::Cancelled);
    let whole = remote(event(json!({
        "id": "s_20270228", "status": "cancelled", "recurringEventId": "s", "originalStartTime": { "date": "2027-02-28" },
    })));
    assert_eq!(whole.instance.unwrap().original, Moment::Day(day("2027-02-28")));
}

#[test]
fn series_are_read() {
    let series = |more: Value| remote(timed(more)).recurrence.unwrap();
    let found = series(json!({ "recurrence": [
        "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20270601T215959Z",
        "EXDATE;TZID=Europe/Berlin:20270308T090000,20270405T090000",
        "EXDATE:20270315T080000Z",
        "EXDATE;VALUE=DATE:20270322",
        "RDATE;TZID=Asia/Tokyo:20270310T120000",
        "RDATE;VALUE=PERIOD:20270311T100000Z/PT1H",
        "EXRULE:FREQ=DAILY",
        "nonsense",
    ] }));
    let expected = Recurrence {
        start: day("2027-03-01").and_hms_opt(9, 0, 0).unwrap(),
        zone: Zone::Named("Europe/Berlin".into()),
        rules: vec!["FREQ=WEEKLY;BYDAY=MO;UNTIL=20270601T215959Z".into()],
        dates: ["2027-03-10T03:00:00Z", "2027-03-11T10:00:00Z"].map(|text| Moment::At(at(text))).to_vec(),
        // 5 April is in summer time.
        except: [
            "2027-03-08T08:00:00Z",
            "2027-04-05T07:00:00Z",
            "2027-03-15T08:00:00Z",
            "2027-03-22T08:00:00Z",
        ]
        .map(|text| Moment::At(at(text)))
        .to_vec(),
        lost: true,
    };
    assert_eq!(found, expected);
    let days = series(json!({
        "start": { "date": "2027-03-01" }, "end": { "date": "2027-03-02" },
        "recurrence": ["RRULE:FREQ=DAILY", "EXDATE;VALUE=DATE:20270302", "EXDATE:20270303T000000Z"],
    }));
    assert_eq!(days.start, day("2027-03-01").and_hms_opt(0, 0, 0).unwrap());
    assert_eq!(days.zone, Zone::Named("America/New_York".into()), "the owner's");
    assert_eq!(days.except, ["2027-03-02", "2027-03-03"].map(|text| Moment::Day(day(text))));
}

#[test]
fn meetings_on_their_way() {
    let meeting = |more: Value| remote(timed(more)).meeting;
    let request = |status: &str| json!({ "conferenceData": { "createRequest": { "requestId": "r", "status": { "statusCode": status } } } });
    assert_eq!(meeting(json!({})), Meeting::None);
    assert_eq!(meeting(request("pending")), Meeting::Pending);
    assert_eq!(meeting(request("failure")), Meeting::Failed);
    let points = json!([{ "entryPointType": "phone", "uri": "tel:1" }, { "entryPointType": "video", "uri": "https://meet.example/a" }]);
    assert_eq!(
        meeting(json!({ "conferenceData": { "entryPoints": points } })),
        Meeting::Link("https://meet.example/a".into())
    );
    let old = json!({ "hangoutLink": "https://meet.example/b" });
    assert_eq!(meeting(old), Meeting::Link("https://meet.example/b".into()));
}

#[test]
fn ids_are_those_of_the_key() {
    assert_eq!(
        draft::id("0192f0c1-2345-7abc-8def-0123456789ab").unwrap(),
        "0192f0c123457abc8def0123456789ab"
    );
    for wrong in ["", "abcd", "ABCDE", "wxyz0", "a b c d"] {
        assert!(draft::id(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_new_event_is_written() {
    let mut wanted = draft();
    assert_eq!(
        draft::whole(&wanted, "abcde"),
        json!({
            "id": "abcde", "summary": "Haircut", "description": "With Ada\nPhone: 1", "location": "Here",
            "status": "confirmed", "transparency": "opaque",
            "start": { "dateTime": "2027-03-01T08:00:00Z", "timeZone": "Europe/Berlin" },
            "end": { "dateTime": "2027-03-01T09:00:00Z", "timeZone": "Europe/Berlin" },
            "extendedProperties": { "private": { "meridian": "booking:1" } },
        })
    );
    wanted.invite = vec![("Ada".into(), "ada@example.com".into())];
    wanted.meeting = Some("r".into());
    wanted.status = Status::Tentative;
    wanted.busy = false;
    wanted.when = When::AllDay { start: day("2027-03-01"), end: day("2027-03-02") };
    let body = draft::whole(&wanted, "abcde");
    assert_eq!(body["start"], json!({ "date": "2027-03-01" }));
    assert_eq!((&body["status"], &body["transparency"]), (&json!("tentative"), &json!("transparent")));
    assert_eq!(
        body["attendees"],
        json!([{ "email": "ada@example.com", "displayName": "Ada", "responseStatus": "needsAction" }])
    );
    assert_eq!(body["conferenceData"]["createRequest"]["requestId"], "r");
    assert_eq!(body["extendedProperties"]["private"]["meridianInvited"], draft::short("Ada@example.com"));
}

#[test]
fn a_change_keeps_what_is_not_ours() {
    let ada = draft::short("ada@example.com");
    let found = timed(json!({
        "extendedProperties": { "private": { "meridian": "booking:1", "meridianInvited": ada } },
        "attendees": [
            { "email": "ada@example.com", "responseStatus": "accepted", "comment": "Yes", "optional": true },
            { "email": "friend@example.com", "displayName": "Friend", "responseStatus": "tentative" },
        ],
    }));
    let friend =
        json!({ "email": "friend@example.com", "displayName": "Friend", "responseStatus": "tentative" });
    // As before.
    let mut wanted = draft();
    wanted.invite = vec![(String::new(), "Ada@example.com".into())];
    let body = draft::changes(&wanted, &found);
    let yes = json!({ "email": "ada@example.com", "responseStatus": "accepted", "comment": "Yes", "optional": true });
    assert_eq!(body["attendees"], json!([yes, friend]));
    assert!(body.get("recurrence").is_none() && body.get("reminders").is_none());
    // Somebody else now.
    wanted.invite = vec![("Bob".into(), "bob@example.com".into())];
    let body = draft::changes(&wanted, &found);
    let bob = json!({ "email": "bob@example.com", "displayName": "Bob", "responseStatus": "needsAction" });
    assert_eq!(body["attendees"], json!([friend, bob]));
    // We invite.
    wanted.invite = Vec::new();
    let body = draft::changes(&wanted, &found);
    assert_eq!(body["attendees"], json!([friend]));
    assert_eq!(body["extendedProperties"]["private"]["meridianInvited"], Value::Null);
    // Nobody was ever invited by Google for us.
    let body = draft::changes(&wanted, &timed(json!({ "attendees": [{ "email": "friend@example.com" }] })));
    assert!(body.get("attendees").is_none());
    // A day where a time was.
    wanted.when = When::AllDay { start: day("2027-03-01"), end: day("2027-03-02") };
    let body = draft::changes(&wanted, &found);
    assert_eq!(body["start"], json!({ "date": "2027-03-01", "dateTime": null, "timeZone": null }));
}

#[test]
fn a_meeting_is_asked_for_once() {
    let mut wanted = draft();
    wanted.meeting = Some("r".into());
    assert!(draft::changes(&wanted, &timed(json!({}))).get("conferenceData").is_some());
    let there = timed(json!({ "conferenceData": { "createRequest": { "requestId": "other" } } }));
    assert!(draft::changes(&wanted, &there).get("conferenceData").is_none());
}

#[test]
fn what_answers_mean() {
    let now = at("2026-12-01T09:00:00Z");
    let fault = |status: u16, reason: &str, wait: &str| {
        let mut headers = HeaderMap::new();
        if !wait.is_empty() {
            headers.insert("retry-after", wait.parse().unwrap());
        }
        let body = json!({ "error": { "code": status, "message": "M", "errors": [{ "reason": reason, "message": "M" }] } });
        let status = StatusCode::from_u16(status).unwrap();
        Fault::from(Problem::read(status, &headers, body.to_string().as_bytes(), now))
    };
    assert_eq!(fault(401, "authError", ""), Fault::Unauthorized);
    for reason in
        ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "calendarUsageLimitsExceeded"]
    {
        assert_eq!(fault(403, reason, ""), Fault::Limited(None), "{reason}");
    }
    assert_eq!(fault(403, "rateLimitExceeded", "30"), Fault::Limited(Some(at("2026-12-01T09:00:30Z"))));
    assert_eq!(fault(429, "rateLimitExceeded", "60"), Fault::Limited(Some(at("2026-12-01T09:01:00Z"))));
    let date = "Tue, 01 Dec 2026 09:10:00 GMT";
    assert_eq!(fault(429, "rateLimitExceeded", date), Fault::Limited(Some(at("2026-12-01T09:10:00Z"))));
    assert_eq!(fault(503, "backendError", "60"), Fault::Limited(Some(at("2026-12-01T09:01:00Z"))));
    for reason in ["insufficientPermissions", "requiredAccessLevel", "accessNotConfigured", "forbidden", ""] {
        assert!(matches!(fault(403, reason, ""), Fault::Permission(_)), "{reason}");
    }
    assert!(matches!(fault(403, "forbiddenForNonOrganizer", ""), Fault::Refused(_)));
    assert_eq!(fault(404, "notFound", ""), Fault::NotFound);
    assert_eq!(fault(410, "deleted", ""), Fault::NotFound);
    assert_eq!(fault(412, "conditionNotMet", ""), Fault::Changed);
    for status in [409, 500, 502, 503, 504, 408] {
        assert!(matches!(fault(status, "x", ""), Fault::Temporary(_)), "{status}");
    }
    assert_eq!(fault(400, "invalid", ""), Fault::Refused("Google did not take it (“M”).".into()));
    assert!(matches!(fault(302, "", ""), Fault::Refused(_)));
    // Not in Google's form at all.
    for body in ["", "<html>", "[]", "{\"error\": 3}"] {
        let problem = Problem::read(StatusCode::BAD_GATEWAY, &HeaderMap::new(), body.as_bytes(), now);
        assert!(matches!(Fault::from(problem), Fault::Temporary(_)), "{body}");
    }
}

#[test]
fn lost_cursors() {
    let lost = |status: u16, location: &str| {
        let body = json!({ "error": { "errors": [{ "reason": "x", "location": location }] } });
        let status = StatusCode::from_u16(status).unwrap();
        Problem::read(status, &HeaderMap::new(), body.to_string().as_bytes(), at("2026-12-01T09:00:00Z"))
            .is_lost_cursor()
    };
    assert!(lost(410, "") && lost(410, "syncToken") && lost(400, "syncToken") && lost(400, "pageToken"));
    assert!(!lost(400, "timeMin") && !lost(400, "") && !lost(404, "syncToken"));
}

#[test]
fn pushes_are_read() {
    let push = |pairs: &[(&'static str, &str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        Google.read_push(&PushRequest { headers: &headers, query: "", body: b"" })
    };
    let hint = |secret: &str, news| Push {
        status: StatusCode::OK,
        body: String::new(),
        hints: vec![Hint { channel: "c".into(), secret: secret.into(), news }],
    };
    let (id, token, state) = ("x-goog-channel-id", "x-goog-channel-token", "x-goog-resource-state");
    assert_eq!(push(&[(id, "c"), (token, "t"), (state, "exists")]), hint("t", News::Changed));
    assert_eq!(push(&[(id, "c"), (token, "t"), (state, "not_exists")]), hint("t", News::Changed));
    assert_eq!(push(&[(id, "c"), (token, "t"), (state, "sync")]), hint("t", News::Nothing));
    // Without a secret nobody believes it.
    assert_eq!(push(&[(id, "c"), (state, "exists")]), hint("", News::Changed));
    for wrong in
        [vec![], vec![(id, "c")], vec![(state, "exists")], vec![(id, &*"c".repeat(65)), (state, "exists")]]
    {
        assert_eq!(push(&wrong), Push::refused(StatusCode::BAD_REQUEST));
    }
}

#[test]
fn addresses_are_escaped() {
    let endpoints = Endpoints {
        authorize: String::new(),
        token: String::new(),
        revoke: String::new(),
        api: "https://www.googleapis.com/calendar/v3".into(),
    };
    let access = Access {
        credential: &Credential::File,
        endpoints: Some(&endpoints),
        home: "",
        zone: "UTC",
        allow_private: false,
        now: at("2026-12-01T09:00:00Z"),
    };
    let url =
        url(&access, &["calendars", "en.german#holiday@group.v.calendar.google.com", "events", "a/b?c"])
            .unwrap();
    let expected = "https://www.googleapis.com/calendar/v3/calendars/en.german%23holiday@group.v.calendar.google.com/events/a%2Fb%3Fc";
    assert_eq!(url.as_str(), expected);
}
