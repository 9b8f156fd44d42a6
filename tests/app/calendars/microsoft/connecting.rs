//! From a member's consent to the first events, and to the end of the access.

use super::stage::{OUTLOOK, Stage, at, play};
use meridian::server::calendars::{
    access::{Access, Connect, Credential, Endpoints, OAuth},
    fault::Fault,
    oauth::{self, Setup, Tokens},
};
use serde_json::{Value, json};
use std::collections::HashMap;

const BACK: &str = "http://127.0.0.1/api/v1/booking/calendars/callback/microsoft";
const VERIFIER: &str = "0123456789-0123456789-0123456789-0123456789";

fn particular() -> OAuth {
    let Connect::OAuth(oauth) = OUTLOOK.connect() else { panic!("OAuth") };
    oauth
}

fn setup(stage: &Stage) -> Setup {
    let at = |path: &str| stage.standin.url(path);
    Setup {
        client_id: "meridian".into(),
        client_secret: "secret".into(),
        endpoints: Endpoints {
            authorize: at("/common/oauth2/v2.0/authorize"),
            token: at("/common/oauth2/v2.0/token"),
            revoke: String::new(),
            api: at("/v1.0"),
        },
    }
}

/// What the browser brings back.
fn consent(setup: &Setup) -> HashMap<String, String> {
    let url = oauth::authorize_url(setup, &particular(), BACK, "the-state", VERIFIER, "").unwrap();
    let agent: ureq::Agent =
        ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false).build().into();
    let answer = agent.get(&url).call().unwrap();
    assert_eq!(answer.status(), 302);
    let back = reqwest::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(BACK));
    back.query_pairs().into_owned().collect()
}

async fn connected(setup: &Setup) -> Tokens {
    let back = consent(setup);
    assert_eq!(back["state"], "the-state");
    oauth::exchange(setup, BACK, &back["code"], VERIFIER, at("2026-07-01T09:00:00Z")).await.unwrap()
}

async fn label(setup: &Setup, tokens: &Tokens) -> Result<String, Fault> {
    let credential = Credential::Tokens {
        access: tokens.access.clone(),
        refresh: tokens.refresh.clone(),
        expires: tokens.expires,
    };
    let access = Access {
        credential: &credential,
        endpoints: Some(&setup.endpoints),
        home: "",
        zone: "UTC",
        allow_private: true,
        now: at("2026-07-01T09:00:00Z"),
    };
    OUTLOOK.account(&access).await.map(|account| account.label)
}

/// Is everything granted that the account is of no use without?
fn is_enough(tokens: &Tokens) -> bool {
    let granted = tokens.scopes.as_ref().unwrap();
    let has = |group: &[&str]| group.iter().any(|scope| granted.iter().any(|given| given == scope));
    particular().needed.iter().all(|(group, _)| has(group))
}

#[test]
fn a_member_consents_and_the_access_is_renewed() {
    play(async |stage| {
        let setup = setup(stage);
        let first = connected(&setup).await;
        assert!(is_enough(&first));
        assert_eq!(first.expires, at("2026-07-01T09:59:59Z"));
        assert_eq!(label(&setup, &first).await.unwrap(), "rosa@studio.example");
        let second = oauth::refresh(&setup, &first.refresh, at("2026-07-01T10:00:00Z")).await.unwrap();
        assert_ne!((&second.access, &second.refresh), (&first.access, &first.refresh));
        // Should the answer be lost, the old one still serves.
        stage.fault(json!({ "path": "/token$", "cut": "after" }));
        let lost = oauth::refresh(&setup, &second.refresh, at("2026-07-01T10:00:00Z")).await;
        assert!(matches!(lost, Err(Fault::Temporary(_))));
        let third = oauth::refresh(&setup, &second.refresh, at("2026-07-01T10:00:00Z")).await.unwrap();
        assert_eq!(label(&setup, &third).await.unwrap(), "rosa@studio.example");
        stage.standin.post("/_/expire", json!({ "tokens": true }));
        assert_eq!(label(&setup, &third).await, Err(Fault::Unauthorized));
    });
}

#[test]
fn an_access_that_ended_says_why() {
    play(async |stage| {
        let setup = setup(stage);
        let tokens = connected(&setup).await;
        stage.standin.post("/_/expire", json!({ "refresh_tokens": true }));
        for code in [700_082, 50_173, 50_076] {
            stage.options(json!({ "invalid_grant": code }));
            let refused = oauth::refresh(&setup, &tokens.refresh, at("2026-07-01T10:00:00Z")).await;
            let Err(Fault::Revoked(why)) = refused else { panic!("{refused:?}") };
            assert!(why.contains(&format!("AADSTS{code}")), "{why}");
        }
    });
}

#[test]
fn less_than_was_asked_for_is_noticed() {
    play(async |stage| {
        let setup = setup(stage);
        stage.options(json!({ "granted_scopes": ["offline_access", "User.Read", "Calendars.Read"] }));
        assert!(!is_enough(&connected(&setup).await));
        stage.options(json!({ "granted_scopes": null, "consent": "deny" }));
        assert_eq!(consent(&setup)["error"], "access_denied");
        let mut unknown = setup.clone();
        unknown.client_secret = "wrong".into();
        let tokens = oauth::refresh(&unknown, "x", at("2026-07-01T10:00:00Z")).await;
        assert!(matches!(tokens, Err(Fault::Refused(why)) if why.contains("AADSTS7000215")));
        assert_eq!(stage.standin.violations(), Vec::<Value>::new());
    });
}
