//! Connecting accounts at calendar providers, through the pages.

mod accounts;
mod consent;
mod oauth;
mod scoping;
mod setup;

use super::standin::Standin;
use crate::harness::{Answer, Database, Server, agent, answer};
use std::time::{Duration, Instant};

/// How the outside reaches the server, as far as it knows: providers lead back there.
pub const PUBLIC: &str = "http://meridian.example";
/// The client secret at every provider.
pub const SECRET: &str = "hunter2-client-secret";
/// The client id at every provider.
pub const CLIENT: &str = "meridian-tests";

/// A server that knows a Google and a Microsoft, as far as stand-ins are these.
pub struct App {
    pub server: Server,
    pub google: Standin,
    pub microsoft: Standin,
    pub database: Database,
}

/// Where the stand-ins' things are.
pub fn places(google: &Standin, microsoft: &Standin) -> Vec<(&'static str, String)> {
    vec![
        ("MERIDIAN_PUBLIC_URL", PUBLIC.to_owned()),
        ("MERIDIAN_ALLOW_PRIVATE_URLS", "on".to_owned()),
        ("MERIDIAN_GOOGLE_AUTHORIZE_URL", google.url("/o/oauth2/v2/auth")),
        ("MERIDIAN_GOOGLE_TOKEN_URL", google.url("/token")),
        ("MERIDIAN_GOOGLE_REVOKE_URL", google.url("/revoke")),
        ("MERIDIAN_GOOGLE_API_URL", google.url("/calendar/v3")),
        ("MERIDIAN_MICROSOFT_AUTHORIZE_URL", microsoft.url("/common/oauth2/v2.0/authorize")),
        ("MERIDIAN_MICROSOFT_TOKEN_URL", microsoft.url("/common/oauth2/v2.0/token")),
        ("MERIDIAN_MICROSOFT_API_URL", microsoft.url("/v1.0")),
    ]
}

/// The operator's apps at both.
pub fn apps() -> Vec<(&'static str, String)> {
    vec![
        ("MERIDIAN_GOOGLE_CLIENT_ID", CLIENT.to_owned()),
        ("MERIDIAN_GOOGLE_CLIENT_SECRET", SECRET.to_owned()),
        ("MERIDIAN_MICROSOFT_CLIENT_ID", CLIENT.to_owned()),
        ("MERIDIAN_MICROSOFT_CLIENT_SECRET", SECRET.to_owned()),
    ]
}

pub fn borrowed<'s>(settings: &'s [(&'static str, String)]) -> Vec<(&'s str, &'s str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

impl App {
    /// Nobody works on accounts, so that they stay as they were connected.
    pub fn start(database: Database) -> Self {
        Self::start_with(database, &[apps(), vec![("MERIDIAN_WORKER", "off".to_owned())]].concat())
    }

    pub fn start_with(database: Database, settings: &[(&'static str, String)]) -> Self {
        let google = Standin::start("google.py", &[]);
        google.post("/_/options", serde_json::json!({"client_id": CLIENT, "client_secret": SECRET}));
        let microsoft = Standin::start("graph.py", &["--client-id", CLIENT, "--client-secret", SECRET]);
        let settings = [places(&google, &microsoft), settings.to_vec()].concat();
        let server = Server::start_with(&database, &borrowed(&settings));
        Self { server, google, microsoft, database }
    }

    pub fn member(&self, workspace: &str, role: &str) -> Member<'_> {
        let email =
            format!("{role}-{}@{workspace}.example", self.database.number("SELECT COUNT(*) FROM users"));
        Member { app: self, cookie: self.server.member(&self.database, &email, workspace, role) }
    }

    /// Every request and answer fitted the providers' schemas.
    pub fn assert_no_violations(&self) {
        assert_eq!(self.google.violations(), Vec::<serde_json::Value>::new());
        assert_eq!(self.microsoft.violations(), Vec::<serde_json::Value>::new());
    }
}

/// Somebody who is signed in.
pub struct Member<'a> {
    pub app: &'a App,
    pub cookie: String,
}

impl Member<'_> {
    pub fn get(&self, path: &str) -> Answer {
        self.app.server.get_as(path, &self.cookie)
    }

    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.app.server.post_form(path, fields, &[("cookie", &self.cookie)])
    }

    /// Presses the button; where it leads.
    pub fn begin(&self, provider: &str) -> String {
        let sent = self.post("/booking/calendars/connect", &[("provider", provider)]);
        assert_eq!(sent.status, 303, "{}", sent.text);
        sent.headers["location"].to_str().unwrap().to_owned()
    }

    /// Presses the button and agrees; the account's page.
    pub fn connect(&self, provider: &str) -> String {
        let back = consent(&self.begin(provider));
        let connected = self.get(&back);
        assert_eq!(connected.status, 303, "{}", connected.text);
        let page = connected.headers["location"].to_str().unwrap();
        assert!(page.starts_with("/booking/calendars/"), "{page}");
        page.split('?').next().unwrap().to_owned()
    }
}

/// What a person's browser asks of this server after they agreed (or not) at the provider.
pub fn consent(url: &str) -> String {
    let sent = answer(agent().get(url).call()).unwrap();
    assert!(matches!(sent.status, 302 | 303), "{}: {}", sent.status, sent.text);
    let back = sent.headers["location"].to_str().unwrap();
    back.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{back}")).to_owned()
}

/// A parameter of an address.
pub fn parameter(url: &str, name: &str) -> String {
    let query = url.split_once('?').unwrap().1;
    let found = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    found.unwrap_or_else(|| panic!("no {name} in {url}")).to_owned()
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
