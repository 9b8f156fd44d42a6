//! Configuration: a file, then the environment, validated at start with a sentence for each fault.
//!
//! Everything is read at run time: the same binary serves any address.

mod calendars;
mod mail;

pub use calendars::{App, Apps, is_tenant};

use super::{
    crypto::{self, Secret},
    mail::{letter::Person, smtp::SmtpServer},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// What an operator can set, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the outside reaches us: scheme, host and port, no slash at the end.
    pub public_url: String,
    /// `sqlite:PATH` or `postgres://…`. May hold a password: never log it.
    pub database_url: String,
    /// Where the database file and the secret lie.
    pub data_dir: PathBuf,
    /// The built pages' scripts and styles.
    pub site_dir: PathBuf,
    /// What is logged, as `tracing` directives.
    pub log: String,
    /// One JSON object a line instead of text.
    pub log_json: bool,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Fill an empty database with the demo.
    pub demo: bool,
    /// No rate limits (for load tests on one's own machine).
    pub no_rate_limits: bool,
    /// PostgreSQL connections at most.
    pub database_connections: u32,
    /// Does the server process do the jobs of the queue, too?
    pub worker: bool,
    /// May webhooks go to, and calendars be at, addresses that are not public (for tests, and for programs on the same
    /// machine)?
    pub allow_private_urls: bool,
    /// The mail server of workspaces that have none of their own.
    pub smtp: Option<SmtpServer>,
    /// Whom its mails are from.
    pub mail_from: Option<Person>,
    /// How calendar providers know this server.
    pub apps: Apps,
}

/// The keys of the configuration file, and with `MERIDIAN_` before them and in capitals, of the environment.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    listen: Option<String>,
    public_url: Option<String>,
    database_url: Option<String>,
    data_dir: Option<String>,
    site_dir: Option<String>,
    log: Option<String>,
    log_format: Option<String>,
    trusted_proxies: Option<String>,
    demo: Option<String>,
    rate_limits: Option<String>,
    database_connections: Option<String>,
    worker: Option<String>,
    allow_private_urls: Option<String>,
    smtp_host: Option<String>,
    smtp_port: Option<String>,
    smtp_security: Option<String>,
    smtp_username: Option<String>,
    smtp_password: Option<String>,
    mail_from: Option<String>,
    google_client_id: Option<String>,
    google_client_secret: Option<String>,
    google_authorize_url: Option<String>,
    google_token_url: Option<String>,
    google_revoke_url: Option<String>,
    google_api_url: Option<String>,
    microsoft_client_id: Option<String>,
    microsoft_client_secret: Option<String>,
    microsoft_tenant: Option<String>,
    microsoft_authorize_url: Option<String>,
    microsoft_token_url: Option<String>,
    microsoft_revoke_url: Option<String>,
    microsoft_api_url: Option<String>,
}

const KEYS: [&str; 32] = [
    "listen",
    "public_url",
    "database_url",
    "data_dir",
    "site_dir",
    "log",
    "log_format",
    "trusted_proxies",
    "demo",
    "rate_limits",
    "database_connections",
    "worker",
    "allow_private_urls",
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "smtp_username",
    "smtp_password",
    "mail_from",
    "google_client_id",
    "google_client_secret",
    "google_authorize_url",
    "google_token_url",
    "google_revoke_url",
    "google_api_url",
    "microsoft_client_id",
    "microsoft_client_secret",
    "microsoft_tenant",
    "microsoft_authorize_url",
    "microsoft_token_url",
    "microsoft_revoke_url",
    "microsoft_api_url",
];

impl Settings {
    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "listen" => &mut self.listen,
            "public_url" => &mut self.public_url,
            "database_url" => &mut self.database_url,
            "data_dir" => &mut self.data_dir,
            "site_dir" => &mut self.site_dir,
            "log" => &mut self.log,
            "log_format" => &mut self.log_format,
            "trusted_proxies" => &mut self.trusted_proxies,
            "demo" => &mut self.demo,
            "rate_limits" => &mut self.rate_limits,
            "database_connections" => &mut self.database_connections,
            "worker" => &mut self.worker,
            "allow_private_urls" => &mut self.allow_private_urls,
            "smtp_host" => &mut self.smtp_host,
            "smtp_port" => &mut self.smtp_port,
            "smtp_security" => &mut self.smtp_security,
            "smtp_username" => &mut self.smtp_username,
            "smtp_password" => &mut self.smtp_password,
            "mail_from" => &mut self.mail_from,
            "google_client_id" => &mut self.google_client_id,
            "google_client_secret" => &mut self.google_client_secret,
            "google_authorize_url" => &mut self.google_authorize_url,
            "google_token_url" => &mut self.google_token_url,
            "google_revoke_url" => &mut self.google_revoke_url,
            "google_api_url" => &mut self.google_api_url,
            "microsoft_client_id" => &mut self.microsoft_client_id,
            "microsoft_client_secret" => &mut self.microsoft_client_secret,
            "microsoft_tenant" => &mut self.microsoft_tenant,
            "microsoft_authorize_url" => &mut self.microsoft_authorize_url,
            "microsoft_token_url" => &mut self.microsoft_token_url,
            "microsoft_revoke_url" => &mut self.microsoft_revoke_url,
            "microsoft_api_url" => &mut self.microsoft_api_url,
            _ => return None,
        })
    }
}

/// What is wrong with the configuration: one sentence for each fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

impl Faults {
    fn one(sentence: String) -> Self {
        Self(vec![sentence])
    }
}

fn yes_or_no(name: &str, text: &str, faults: &mut Vec<String>) -> bool {
    match text {
        "true" | "yes" | "on" | "1" => true,
        "false" | "no" | "off" | "0" => false,
        other => {
            faults.push(format!("{name} is “{other}”; it can be “true” or “false”."));
            false
        }
    }
}

impl Config {
    /// Reads a file (if one is named) and the environment, and checks both.
    pub fn load(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        let mut settings = match file {
            None => Settings::default(),
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    Faults::one(format!("The file {} can't be read: {error}.", path.display()))
                })?;
                // The parser's message may quote the line, which may hold a password: only the place is told.
                toml::from_str(&text).map_err(|error| {
                    let line = error
                        .span()
                        .map_or(1, |span| text.get(..span.start).unwrap_or("").lines().count().max(1));
                    let known = error.message().contains("unknown field");
                    let what = if known {
                        format!("has a key that is unknown; known are {}", KEYS.join(", "))
                    } else {
                        "is not `key = \"text\"`".into()
                    };
                    Faults::one(format!("In {}, line {line} {what}.", path.display()))
                })?
            }
        };
        for key in KEYS {
            if let (Some(slot), Some(value)) =
                (settings.slot(key), environment(&format!("MERIDIAN_{}", key.to_uppercase())))
            {
                *slot = Some(value);
            }
        }
        Self::check(settings)
    }

    fn check(settings: Settings) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let (smtp, mail_from) = mail::check(&settings, &mut faults);
        let apps = calendars::check(&settings, &mut faults);
        let listen = settings.listen.unwrap_or_else(|| "127.0.0.1:3000".into());
        let listen = listen.parse().unwrap_or_else(|_| {
            faults.push(format!(
                "MERIDIAN_LISTEN is “{listen}”; it takes an address and a port, such as 127.0.0.1:3000."
            ));
            SocketAddr::from((Ipv4Addr::LOCALHOST, 3000))
        });
        if listen.ip().is_unspecified() && settings.public_url.is_none() {
            faults.push(format!(
                "MERIDIAN_LISTEN is {listen}, which is no address to visit: MERIDIAN_PUBLIC_URL must say how the outside \
                 reaches this server, such as https://book.example.com."
            ));
        }
        let public_url = settings.public_url.unwrap_or_else(|| format!("http://{listen}"));
        let public_url = public_url.trim_end_matches('/').to_owned();
        let host = public_url.strip_prefix("https://").or_else(|| public_url.strip_prefix("http://"));
        if !host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' '])) {
            faults.push(format!(
                "MERIDIAN_PUBLIC_URL is “{public_url}”; it takes a scheme and a host, such as https://book.example.com."
            ));
        }
        let data_dir = PathBuf::from(settings.data_dir.unwrap_or_else(|| "data".into()));
        let database_url = settings
            .database_url
            .unwrap_or_else(|| format!("sqlite:{}", data_dir.join("meridian.sqlite").display()));
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme))
        {
            faults.push(
                "MERIDIAN_DATABASE_URL takes sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE.".into(),
            );
        }
        let log = settings.log.unwrap_or_else(|| "info".into());
        if log.parse::<tracing_subscriber::EnvFilter>().is_err() {
            faults.push(format!("MERIDIAN_LOG is “{log}”; it can be error, warn, info, debug or trace."));
        }
        let log_format = settings.log_format.unwrap_or_else(|| "text".into());
        if !["text", "json"].contains(&log_format.as_str()) {
            faults.push(format!("MERIDIAN_LOG_FORMAT is “{log_format}”; it can be text or json."));
        }
        let mut trusted_proxies = Vec::new();
        for part in settings
            .trusted_proxies
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            match part.parse() {
                Ok(address) => trusted_proxies.push(address),
                Err(_) => faults.push(format!(
                    "MERIDIAN_TRUSTED_PROXIES has “{part}”; it takes IP addresses separated by commas."
                )),
            }
        }
        let demo = yes_or_no("MERIDIAN_DEMO", &settings.demo.unwrap_or_else(|| "false".into()), &mut faults);
        let limits = settings.rate_limits.unwrap_or_else(|| "on".into());
        let limits = yes_or_no("MERIDIAN_RATE_LIMITS", &limits, &mut faults);
        let connections = settings.database_connections.unwrap_or_else(|| "10".into());
        let database_connections =
            connections.parse().ok().filter(|n| (2..=1000).contains(n)).unwrap_or_else(|| {
                faults.push(format!(
                    "MERIDIAN_DATABASE_CONNECTIONS is “{connections}”; it takes a number from 2 to 1000."
                ));
                10
            });
        let worker = settings.worker.unwrap_or_else(|| "on".into());
        let worker = yes_or_no("MERIDIAN_WORKER", &worker, &mut faults);
        let private = settings.allow_private_urls.unwrap_or_else(|| "off".into());
        let allow_private_urls = yes_or_no("MERIDIAN_ALLOW_PRIVATE_URLS", &private, &mut faults);
        let site_dir = settings.site_dir.map_or_else(default_site_dir, PathBuf::from);
        if faults.is_empty() {
            Ok(Self {
                listen,
                public_url,
                database_url,
                data_dir,
                site_dir,
                log,
                log_json: log_format == "json",
                trusted_proxies,
                demo,
                no_rate_limits: !limits,
                database_connections,
                worker,
                allow_private_urls,
                smtp,
                mail_from,
                apps,
            })
        } else {
            Err(Faults(faults))
        }
    }

    /// Is it reached over TLS?
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// Is it reached from this machine only, as far as its public address tells?
    pub fn is_local(&self) -> bool {
        let host = self.public_url.rsplit("://").next().unwrap_or_default();
        let name =
            host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
        let name = name.trim_matches(['[', ']']);
        name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Makes the data folder, for its owner only.
    pub fn make_data_dir(&self) -> io::Result<()> {
        if self.data_dir.is_dir() {
            return Ok(());
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir)
    }

    /// Secrets that were the current one before (`MERIDIAN_OLD_SECRETS`, separated by commas): they open what they sealed.
    pub fn with_old_secrets(&self, secret: Secret, given: Option<String>) -> Result<Secret, Faults> {
        let shape = || {
            let sentence = "MERIDIAN_OLD_SECRETS takes former secrets (base64), separated by commas.";
            Faults::one(sentence.to_owned())
        };
        let given = given.unwrap_or_default();
        given.split(',').map(str::trim).filter(|part| !part.is_empty()).try_fold(secret, |secret, old| {
            let bytes = STANDARD.decode(old).map_err(|_| shape())?;
            secret.with_old(bytes).ok_or_else(shape)
        })
    }

    /// The secret: `MERIDIAN_SECRET` (base64 of at least 32 bytes), else the file `secret` in the data folder, which
    /// is made when it is missing, readable by its owner only.
    pub fn secret(&self, given: Option<String>) -> Result<Secret, Faults> {
        const SHAPE: &str = "base64 of at least 32 random bytes, as from `openssl rand -base64 32`";
        let decode = |text: &str| STANDARD.decode(text.trim()).ok().and_then(Secret::new);
        if let Some(given) = given {
            return decode(&given).ok_or_else(|| Faults::one(format!("MERIDIAN_SECRET takes {SHAPE}.")));
        }
        let path = self.data_dir.join("secret");
        let fault = |error: io::Error| {
            Faults::one(format!("The secret in {} can't be kept: {error}.", path.display()))
        };
        if !path.exists() {
            // Written whole under another name, then linked: another process never reads half a secret, and of two
            // that start at once one wins.
            let draft = self.data_dir.join(format!(".secret-{}", std::process::id()));
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&draft)
                .map_err(fault)?;
            io::Write::write_all(&mut file, STANDARD.encode(crypto::random::<32>()).as_bytes())
                .map_err(fault)?;
            file.sync_all().map_err(fault)?;
            match fs::hard_link(&draft, &path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
                _ => fs::remove_file(&draft).map_err(fault)?,
            }
        }
        let text = fs::read_to_string(&path).map_err(fault)?;
        decode(&text).ok_or_else(|| Faults::one(format!("The file {} takes {SHAPE}.", path.display())))
    }
}

/// The folder `site` beside the program, else the one that a build leaves in the checkout.
fn default_site_dir() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("site")));
    beside.filter(|path| path.is_dir()).unwrap_or_else(|| PathBuf::from("target/site"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, Faults> {
        let pairs: Vec<(String, String)> =
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::load(None, move |key| {
            pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        })
    }

    #[test]
    fn nothing_has_to_be_set() {
        let config = load(&[]).unwrap();
        assert_eq!(config.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.database_url, "sqlite:data/meridian.sqlite");
    }

    #[test]
    fn only_loopback_addresses_are_local() {
        for (url, local) in [
            ("http://127.0.0.1:3000", true),
            ("http://localhost", true),
            ("http://[::1]:3000", true),
            ("http://[::1]", true),
            ("https://book.example.com", false),
            ("http://192.0.2.1:3000", false),
            ("http://localhost.example.com:3000", false),
        ] {
            assert_eq!(load(&[("MERIDIAN_PUBLIC_URL", url)]).unwrap().is_local(), local, "{url}");
        }
    }

    #[test]
    fn every_fault_has_its_sentence_and_no_secret_is_quoted() {
        let faults = load(&[
            ("MERIDIAN_LISTEN", "here"),
            ("MERIDIAN_PUBLIC_URL", "example.com"),
            ("MERIDIAN_DATABASE_URL", "mysql://root:hunter2@db"),
            ("MERIDIAN_DEMO", "maybe"),
            ("MERIDIAN_TRUSTED_PROXIES", "10.0.0.1, proxy"),
        ])
        .unwrap_err();
        assert_eq!(faults.0.len(), 5, "{faults}");
        assert!(!faults.to_string().contains("hunter2"));
    }

    #[test]
    fn the_environment_beats_the_file_and_unknown_keys_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("meridian.toml");
        fs::write(&file, "listen = \"127.0.0.1:4000\"\nlog = \"warn\"\n").unwrap();
        let config =
            Config::load(Some(&file), |key| (key == "MERIDIAN_LOG").then(|| "debug".to_owned())).unwrap();
        assert_eq!((config.listen.port(), config.log.as_str()), (4000, "debug"));
        fs::write(&file, "\nlisten_on = \"x\"\n").unwrap();
        let faults = Config::load(Some(&file), |_| None).unwrap_err();
        assert!(faults.to_string().contains("line"), "{faults}");
    }

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display().to_string();
        let config = load(&[("MERIDIAN_DATA_DIR", &path)]).unwrap();
        config.secret(None).unwrap();
        let file = dir.path().join("secret");
        let first = fs::read_to_string(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        config.secret(None).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        assert!(config.secret(Some("short".into())).is_err());
    }
}
