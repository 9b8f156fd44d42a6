//! How calendar providers know this server, where the operator sets that for all workspaces, and where they are.

use super::Settings;

/// The apps of all OAuth providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Apps {
    google: App,
    microsoft: App,
}

impl Apps {
    /// That of a provider, by its key; `None` for providers without OAuth.
    pub fn of(&self, provider: &str) -> Option<&App> {
        match provider {
            "google" => Some(&self.google),
            "microsoft" => Some(&self.microsoft),
            _ => None,
        }
    }
}

/// A provider's app, and other endpoints than its own. Everything may be left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct App {
    /// Client id and client secret.
    pub client: Option<(String, String)>,
    /// The directory whose accounts may connect (Microsoft).
    pub tenant: Option<String>,
    /// Where people consent.
    pub authorize: Option<String>,
    /// Where tokens are given.
    pub token: Option<String>,
    /// Where they are taken back.
    pub revoke: Option<String>,
    /// Where the API begins; no slash at its end.
    pub api: Option<String>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("is_set", &self.client.is_some()).finish_non_exhaustive()
    }
}

/// Is this a directory as Microsoft names them: an id, a domain, or a word such as `common`?
pub fn is_tenant(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn given(setting: &Option<String>) -> Option<String> {
    setting.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn endpoint(name: &str, setting: &Option<String>, faults: &mut Vec<String>) -> Option<String> {
    let text = given(setting)?;
    let parsed = reqwest::Url::parse(&text).ok();
    if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        faults.push(format!("{name} takes a whole address, such as https://accounts.example.com/token."));
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

fn client(
    name: &str,
    id: &Option<String>,
    secret: &Option<String>,
    faults: &mut Vec<String>,
) -> Option<(String, String)> {
    match (given(id), given(secret)) {
        (Some(id), Some(secret)) => Some((id, secret)),
        (None, None) => None,
        _ => {
            faults.push(format!("MERIDIAN_{name}_CLIENT_ID and MERIDIAN_{name}_CLIENT_SECRET go together."));
            None
        }
    }
}

/// Checks the settings that belong together.
pub(super) fn check(settings: &Settings, faults: &mut Vec<String>) -> Apps {
    let tenant = given(&settings.microsoft_tenant).filter(|text| {
        let sound = is_tenant(text);
        if !sound {
            faults.push(
                "MERIDIAN_MICROSOFT_TENANT takes common, organizations, consumers, or a directory's id or domain."
                    .into(),
            );
        }
        sound
    });
    let Settings {
        google_client_id, google_client_secret, microsoft_client_id, microsoft_client_secret, ..
    } = settings;
    Apps {
        google: App {
            client: client("GOOGLE", google_client_id, google_client_secret, faults),
            tenant: None,
            authorize: endpoint("MERIDIAN_GOOGLE_AUTHORIZE_URL", &settings.google_authorize_url, faults),
            token: endpoint("MERIDIAN_GOOGLE_TOKEN_URL", &settings.google_token_url, faults),
            revoke: endpoint("MERIDIAN_GOOGLE_REVOKE_URL", &settings.google_revoke_url, faults),
            api: endpoint("MERIDIAN_GOOGLE_API_URL", &settings.google_api_url, faults),
        },
        microsoft: App {
            client: client("MICROSOFT", microsoft_client_id, microsoft_client_secret, faults),
            tenant,
            authorize: endpoint(
                "MERIDIAN_MICROSOFT_AUTHORIZE_URL",
                &settings.microsoft_authorize_url,
                faults,
            ),
            token: endpoint("MERIDIAN_MICROSOFT_TOKEN_URL", &settings.microsoft_token_url, faults),
            revoke: endpoint("MERIDIAN_MICROSOFT_REVOKE_URL", &settings.microsoft_revoke_url, faults),
            api: endpoint("MERIDIAN_MICROSOFT_API_URL", &settings.microsoft_api_url, faults),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_sentence_and_no_secret_is_quoted_or_printed() {
        let settings = Settings {
            google_client_secret: Some("hunter2".into()),
            google_token_url: Some("accounts.example.com".into()),
            microsoft_client_id: Some("id".into()),
            microsoft_client_secret: Some(" ".into()),
            microsoft_tenant: Some("common/../x".into()),
            ..Settings::default()
        };
        let mut faults = Vec::new();
        let apps = check(&settings, &mut faults);
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert!(!faults.join("").contains("hunter2"));
        assert_eq!(apps, Apps::default());
    }

    #[test]
    fn an_app_needs_no_more_than_its_id_and_secret() {
        let settings = Settings {
            microsoft_client_id: Some("id".into()),
            microsoft_client_secret: Some("hunter2".into()),
            microsoft_api_url: Some("http://127.0.0.1:4000/v1.0/".into()),
            google_client_id: Some(String::new()),
            ..Settings::default()
        };
        let mut faults = Vec::new();
        let apps = check(&settings, &mut faults);
        assert_eq!(faults, Vec::<String>::new());
        let app = apps.of("microsoft").unwrap();
        assert_eq!(app.client, Some(("id".into(), "hunter2".into())));
        assert_eq!(app.api.as_deref(), Some("http://127.0.0.1:4000/v1.0"));
        assert_eq!(apps.of("google").unwrap().client, None);
        assert!(apps.of("caldav").is_none());
        assert!(!format!("{apps:?}").contains("hunter2"));
    }
}
