//! OAuth against servers that nobody here wrote: a strict one (`oidc-provider`), and one that behaves like Google and
//! Microsoft (`emulate`).

use crate::calendars::standin::Standin;
use chrono::{DateTime, Utc};
use meridian::server::{
    calendars::{
        access::{Endpoints, OAuth, StaticEndpoints},
        fault::Fault,
        oauth::{self, Setup, Tokens},
    },
    clock,
};
use std::{collections::BTreeMap, sync::OnceLock};
use tokio::runtime::Runtime;

const REDIRECT: &str = "http://127.0.0.1:9/api/v1/booking/calendars/callback/google";
const NOWHERE: StaticEndpoints = StaticEndpoints { authorize: "", token: "", revoke: "", api: "" };

fn asks(scopes: &'static [&'static str]) -> OAuth {
    OAuth { scopes, needed: &[], extra: &[("access_type", "offline")], endpoints: NOWHERE }
}

fn setup(server: &Standin, [authorize, token, revoke]: [&str; 3]) -> Setup {
    let revoke = if revoke.is_empty() { String::new() } else { server.url(revoke) };
    let endpoints =
        Endpoints { authorize: server.url(authorize), token: server.url(token), revoke, api: String::new() };
    Setup { client_id: "meridian".into(), client_secret: "hunter2".into(), endpoints }
}

/// All on one runtime: the client keeps connections, which belong to it.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap()).block_on(future)
}

/// A browser: it keeps cookies, and goes where it is led, as long as that is at the provider.
struct Browser {
    agent: ureq::Agent,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new() -> Self {
        Self { agent: crate::harness::agent(), cookies: BTreeMap::new() }
    }

    /// The address at [`REDIRECT`] that a page led to in the end, or the page that it stopped at.
    fn go(&mut self, mut url: String, mut form: Option<Vec<(String, String)>>) -> Result<String, String> {
        for _ in 0..10 {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let sent = match form.take() {
                None => self.agent.get(&url).header("cookie", cookies.join("; ")).call(),
                Some(form) => self.agent.post(&url).header("cookie", cookies.join("; ")).send_form(form),
            };
            let answer = crate::harness::answer(sent).unwrap();
            for cookie in answer.headers.get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(next) = answer.headers.get("location") else { return Err(answer.text) };
            let next = next.to_str().unwrap();
            if next.starts_with(REDIRECT) {
                return Ok(next.to_owned());
            }
            let base = url.split('/').take(3).collect::<Vec<_>>().join("/");
            url = if next.starts_with('/') { format!("{base}{next}") } else { next.to_owned() };
        }
        panic!("led in circles at {url}");
    }
}

/// Goes to the consent page; the address that it leads back to.
fn agree(setup: &Setup, oauth: &OAuth, verifier: &str) -> String {
    let url = oauth::authorize_url(setup, oauth, REDIRECT, "the-state", verifier, "").unwrap();
    let mut browser = Browser::new();
    match browser.go(url.clone(), None) {
        Ok(back) => back,
        // A page with a button for each account; the last one is ours.
        Err(page) => {
            let form = page.rsplit("<form").next().unwrap();
            let attribute = |text: &str, name: &str| {
                let found =
                    text.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("{name} in {text}"));
                found.split('"').next().unwrap().replace("&amp;", "&")
            };
            let inputs = form
                .split("<input")
                .skip(1)
                .map(|input| (attribute(input, "name"), attribute(input, "value")));
            let action = attribute(form, "action");
            let base = url.split('/').take(3).collect::<Vec<_>>().join("/");
            browser.go(format!("{base}{action}"), Some(inputs.collect())).unwrap()
        }
    }
}

fn code(back: &str) -> String {
    assert_eq!(super::parameter(back, "state"), "the-state");
    let code = super::parameter(back, "code");
    code.replace("%2F", "/").replace("%2D", "-")
}

fn exchange(setup: &Setup, code: &str, verifier: &str) -> Result<Tokens, Fault> {
    block_on(oauth::exchange(setup, REDIRECT, code, verifier, clock::now()))
}

fn refresh(setup: &Setup, token: &str) -> Result<Tokens, Fault> {
    block_on(oauth::refresh(setup, token, clock::now()))
}

#[test]
fn a_strict_server_gives_tokens_for_the_right_verifier_once() {
    let server = Standin::start("oidc.mjs", &[REDIRECT]);
    let (setup, asks) =
        (setup(&server, ["/auth", "/token", "/token/revocation"]), asks(&["openid", "calendar"]));
    let verifier = oauth::random_secret();
    let first = code(&agree(&setup, &asks, &verifier));
    let now: DateTime<Utc> = clock::now();
    let tokens = exchange(&setup, &first, &verifier).unwrap();
    assert!(!tokens.access.is_empty() && !tokens.refresh.is_empty());
    assert!((3_500..=3_700).contains(&(tokens.expires - now).num_seconds()), "{}", tokens.expires);
    assert!(tokens.scopes.unwrap().contains(&"calendar".to_owned()));
    // A code that comes twice was stolen: what it gave is void.
    assert!(matches!(exchange(&setup, &first, &verifier), Err(Fault::Refused(_))));
    assert!(matches!(refresh(&setup, &tokens.refresh), Err(Fault::Revoked(_))));
    // Another verifier, an altered code, another redirect address, another secret.
    let second = code(&agree(&setup, &asks, &verifier));
    assert!(matches!(exchange(&setup, &second, &oauth::random_secret()), Err(Fault::Refused(_))));
    let third = code(&agree(&setup, &asks, &verifier));
    assert!(matches!(exchange(&setup, &format!("{third}x"), &verifier), Err(Fault::Refused(_))));
    let elsewhere = block_on(oauth::exchange(&setup, "http://127.0.0.1:9/", &third, &verifier, now));
    assert!(matches!(elsewhere, Err(Fault::Refused(_))));
    let fourth = code(&agree(&setup, &asks, &verifier));
    let wrong = Setup { client_secret: "wrong".into(), ..setup.clone() };
    let Err(Fault::Refused(sentence)) = exchange(&wrong, &fourth, &verifier) else { panic!("taken") };
    assert!(sentence.contains("An admin can correct them"), "{sentence}");
    assert!(exchange(&setup, &fourth, &verifier).is_ok(), "a wrong secret does not use up a code");
}

#[test]
fn a_strict_server_rotates_refresh_tokens_and_takes_them_back() {
    let server = Standin::start("oidc.mjs", &[REDIRECT]);
    let (setup, asks) =
        (setup(&server, ["/auth", "/token", "/token/revocation"]), asks(&["openid", "calendar"]));
    let verifier = oauth::random_secret();
    let first = exchange(&setup, &code(&agree(&setup, &asks, &verifier)), &verifier).unwrap();
    let second = refresh(&setup, &first.refresh).unwrap();
    assert_ne!((&second.access, &second.refresh), (&first.access, &first.refresh));
    // The old one comes again, as after a crash between the answer and its commit: the grant is void.
    let Err(Fault::Revoked(sentence)) = refresh(&setup, &first.refresh) else { panic!("taken") };
    assert!(sentence.contains("connect the account again"), "{sentence}");
    assert!(matches!(refresh(&setup, &second.refresh), Err(Fault::Revoked(_))));

    let third = exchange(&setup, &code(&agree(&setup, &asks, &verifier)), &verifier).unwrap();
    block_on(oauth::revoke(&setup, &third.refresh, clock::now())).unwrap();
    let ended = refresh(&setup, &third.refresh);
    assert!(matches!(ended, Err(Fault::Revoked(_))), "{ended:?}");
    block_on(oauth::revoke(&setup, "unknown", clock::now())).unwrap();
    assert!(matches!(refresh(&setup, ""), Err(Fault::Revoked(_))));
}

#[test]
fn accounts_are_connected_and_disconnected_as_at_google() {
    let server = Standin::start("emulate.mjs", &["google", REDIRECT]);
    let setup = setup(&server, ["/o/oauth2/v2/auth", "/oauth2/token", "/oauth2/revoke"]);
    let asks = asks(&["openid", "https://www.googleapis.com/auth/calendar.events"]);
    let verifier = oauth::random_secret();
    let tokens = exchange(&setup, &code(&agree(&setup, &asks, &verifier)), &verifier).unwrap();
    assert!(!tokens.refresh.is_empty());
    let again = refresh(&setup, &tokens.refresh).unwrap();
    assert_eq!(again.refresh, tokens.refresh, "no new one comes: the old one stays");
    assert!(exchange(&setup, "invented", &verifier).is_err());
    block_on(oauth::revoke(&setup, &again.refresh, clock::now())).unwrap();
    assert!(matches!(refresh(&setup, &again.refresh), Err(Fault::Revoked(_))));
}

#[test]
fn accounts_are_connected_as_at_microsoft() {
    let server = Standin::start("emulate.mjs", &["microsoft", REDIRECT]);
    let setup = setup(&server, ["/oauth2/v2.0/authorize", "/oauth2/v2.0/token", ""]);
    let asks = asks(&["offline_access", "User.Read", "Calendars.ReadWrite"]);
    let verifier = oauth::random_secret();
    let back = agree(&setup, &asks, &verifier);
    let tokens = exchange(&setup, &code(&back), &verifier).unwrap();
    assert!(!tokens.refresh.is_empty());
    let again = refresh(&setup, &tokens.refresh).unwrap();
    assert!(!again.access.is_empty() && !again.refresh.is_empty());
    assert!(exchange(&setup, &code(&back), &verifier).is_err(), "a code works once");
    // There is nowhere to take it back.
    block_on(oauth::revoke(&setup, &again.refresh, clock::now())).unwrap();
    assert!(refresh(&setup, &again.refresh).is_ok());
}
