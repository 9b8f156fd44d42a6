//! What goes wrong, and who has access.

use super::*;
use chrono::TimeDelta;
use meridian::server::calendars::{
    access::{Connect, OAuth},
    oauth::{self, Setup},
};

fn oauth() -> OAuth {
    match Google.connect() {
        Connect::OAuth(oauth) => oauth,
        other => panic!("{other:?}"),
    }
}

/// Consents as a member does, with what the adapter asks for; returns the answer of the token endpoint.
fn consent(world: &World) -> Value {
    let oauth = oauth();
    let back = "http://127.0.0.1:9/api/v1/booking/calendars/callback/google";
    let scopes = oauth.scopes.join(" ");
    let mut query =
        vec![("response_type", "code"), ("client_id", "client"), ("redirect_uri", back), ("scope", &scopes)];
    query.extend(oauth.extra);
    let url = reqwest::Url::parse_with_params(&world.endpoints.authorize, &query).unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).build().into();
    let answer = agent.get(url.as_str()).call().unwrap();
    let location = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let (_, code) = location.query_pairs().find(|(key, _)| key == "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", back),
        ("client_id", "client"),
        ("client_secret", "secret"),
    ];
    agent.post(&world.endpoints.token).send_form(form).unwrap().body_mut().read_json().unwrap()
}

/// The same world, opened with tokens of a member.
fn connected(world: World) -> (World, Value) {
    let tokens = consent(&world);
    let text = |key: &str| tokens[key].as_str().unwrap().to_owned();
    let credential = Credential::Tokens {
        access: text("access_token"),
        refresh: text("refresh_token"),
        expires: now() + TimeDelta::hours(1),
    };
    (World { credential, ..world }, tokens)
}

#[test]
fn the_scopes_that_are_asked_for_are_enough_for_all() {
    let (world, tokens) = connected(World::new());
    assert_eq!(tokens["scope"], oauth().scopes.join(" "));
    block_on(Google.account(&world.access())).unwrap();
    block_on(Google.calendars(&world.access())).unwrap();
    let made = world.create(&draft()).unwrap();
    let (_, cursor, _) = world.round(None);
    world.round(Some(&cursor));
    world.get(&made.id).unwrap();
    world.update(&made.id, made.etag.as_deref(), &draft()).unwrap();
    let wish = meridian::server::calendars::Wish {
        id: "channel-1",
        secret: "secret",
        address: "http://127.0.0.1:9/",
        former: None,
    };
    let channel = block_on(Google.watch(&world.access(), &world.calendar, &wish)).unwrap().unwrap();
    block_on(Google.unwatch(&world.access(), &channel)).unwrap();
    world.delete(&made.id, None, false).unwrap();
    world.well();
}

#[test]
fn a_token_that_ended_and_one_with_too_little() {
    let (world, _) = connected(World::new());
    world.google.post("/_/expire", json!({ "tokens": true }));
    assert_eq!(world.page(None, None), Err(Fault::Unauthorized));
    assert_eq!(world.create(&draft()), Err(Fault::Unauthorized));
    let read = "https://www.googleapis.com/auth/calendar.readonly";
    world.options(json!({ "granted_scopes": [read] }));
    let (world, tokens) = connected(world);
    assert_eq!(tokens["scope"], read);
    world.round(None);
    assert!(matches!(world.create(&draft()), Err(Fault::Permission(_))));
    world.well();
}

#[test]
fn access_is_given_back() {
    let (world, tokens) = connected(World::new());
    world.round(None);
    let setup = Setup {
        client_id: "client".into(),
        client_secret: "secret".into(),
        endpoints: world.endpoints.clone(),
    };
    let revoke = || block_on(oauth::revoke(&setup, tokens["refresh_token"].as_str().unwrap(), now()));
    revoke().unwrap();
    assert_eq!(
        world.page(None, None),
        Err(Fault::Unauthorized),
        "the access token ends with the refresh token"
    );
    revoke().unwrap();
    world.fault(json!({ "path": "/revoke", "status": 503 }));
    assert!(matches!(revoke(), Err(Fault::Temporary(_))));
    world.well();
}

/// Each call meets each fault, and says the same of it.
#[test]
fn faults_are_told_apart() {
    let world = World::new();
    let made = world.create(&draft()).unwrap();
    let limited = |seconds: i64| Fault::Limited(Some(now() + TimeDelta::seconds(seconds)));
    let cases = [
        (json!({ "reason": "rateLimitExceeded" }), Some(Fault::Limited(None))),
        (json!({ "reason": "userRateLimitExceeded" }), Some(Fault::Limited(None))),
        (json!({ "reason": "quotaExceeded" }), Some(Fault::Limited(None))),
        (json!({ "reason": "tooManyRequests" }), Some(Fault::Limited(None))),
        (json!({ "reason": "tooManyRequests", "headers": { "Retry-After": "90" } }), Some(limited(90))),
        (
            json!({ "reason": "tooManyRequests", "headers": { "Retry-After": "Mon, 15 Feb 2027 12:05:00 GMT" } }),
            Some(limited(300)),
        ),
        (json!({ "reason": "authError" }), Some(Fault::Unauthorized)),
        (json!({ "reason": "backendError" }), None),
        (json!({ "reason": "internalError" }), None),
        (json!({ "status": 502, "body": "<html>Bad gateway</html>" }), None),
        (json!({ "status": 200, "body": "<html>A captive portal</html>" }), None),
        (json!({ "cut": "before" }), None),
    ];
    for (fault, expected) in cases {
        let answers = [
            {
                world.fault(fault.clone());
                world.page(None, None).unwrap_err()
            },
            {
                world.fault(fault.clone());
                block_on(Google.get(&world.access(), EMAIL, &made.id)).unwrap_err()
            },
            {
                world.fault(fault.clone());
                world.create(&draft()).unwrap_err()
            },
            {
                world.fault(fault.clone());
                world.update(&made.id, None, &draft()).unwrap_err()
            },
            {
                world.fault(fault.clone());
                block_on(Google.calendars(&world.access())).unwrap_err()
            },
            {
                world.fault(fault.clone());
                block_on(Google.account(&world.access())).unwrap_err()
            },
        ];
        for answer in answers {
            match &expected {
                Some(expected) => assert_eq!(&answer, expected, "{fault}"),
                None => assert!(matches!(answer, Fault::Temporary(_)), "{fault}: {answer:?}"),
            }
        }
    }
    for (reason, for_the_account) in
        [("forbidden", true), ("accessNotConfigured", true), ("forbiddenForNonOrganizer", false)]
    {
        world.fault(json!({ "method": "PATCH", "reason": reason }));
        let fault = world.update(&made.id, None, &draft()).unwrap_err();
        assert_eq!(matches!(fault, Fault::Permission(_)), for_the_account, "{reason}: {fault:?}");
        assert!(!fault.may_pass(), "{reason}");
    }
    assert_eq!(titles(&world.round(None).0), ["Haircut"], "in the end all is as it was");
    world.well();
}

#[test]
fn a_conflict_that_passes() {
    let world = World::new();
    // Google says 409 although there is nothing of that id: nothing was made, and it is tried again later.
    world.fault(json!({ "method": "POST", "reason": "conflict" }));
    assert!(matches!(world.create(&draft()), Err(Fault::Temporary(_))));
    world.create(&draft()).unwrap();
    world.well();
}

#[test]
fn a_storm_ends_with_one_event() {
    let world = World::new();
    for seed in 0..5 {
        world.google.post("/_/chaos", json!({ "rate": 0.5, "seed": seed }));
        let mut wanted = draft();
        wanted.key = format!("0192f0c1-2345-7abc-8def-00000000000{seed}");
        let done = |answer: Result<Written, Fault>| match answer {
            Ok(done) => Some(done),
            Err(fault) => {
                assert!(fault.may_pass(), "{fault:?}");
                None
            }
        };
        let made = (0..200).find_map(|_| done(world.create(&wanted))).unwrap();
        wanted.title = "Beard".into();
        (0..200).find_map(|_| done(world.update(&made.id, None, &wanted))).unwrap();
        if seed % 2 == 0 {
            (0..200).find(|_| world.delete(&made.id, None, false).is_ok()).unwrap();
        }
    }
    world.google.post("/_/chaos", json!({ "rate": 0, "seed": 0 }));
    assert_eq!(titles(&world.round(None).0), ["Beard", "Beard"]);
    world.well();
}

#[test]
fn a_limit_of_requests_is_seen() {
    let world = World::new();
    world.options(json!({ "per_minute": 2, "quota_reason": "userRateLimitExceeded" }));
    world.round(None);
    world.round(None);
    assert_eq!(world.page(None, None), Err(Fault::Limited(None)));
    assert_eq!(world.asked(), ["events.list"; 3], "an adapter asks once for each call");
    world.well();
}
