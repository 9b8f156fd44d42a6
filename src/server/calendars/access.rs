//! What an adapter is given to reach an account, and how accounts are connected.

use super::fault::Fault;
use crate::server::outside::{guard, sentence};
use chrono::{DateTime, Utc};
use reqwest::{Client, Request, Response};
use serde::{Deserialize, Serialize};

/// The largest answer that is read, in bytes.
pub const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How a member connects an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connect {
    /// They consent at the provider (RFC 6749, RFC 7636).
    OAuth(OAuth),
    /// They enter an address, a user name and a password for programs.
    Password {
        /// Well-known servers: a name, an address, and where to get such a password.
        presets: &'static [Preset],
    },
    /// They enter the secret address of a feed, or upload a file.
    Feed,
}

/// What is particular to a provider's OAuth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OAuth {
    /// The scopes that are asked for.
    pub scopes: &'static [&'static str],
    /// Of these at least one of each group must be granted, or the account is of no use; with what is missing without it,
    /// for people.
    pub needed: &'static [(&'static [&'static str], &'static str)],
    /// Further parameters of the authorization request.
    pub extra: &'static [(&'static str, &'static str)],
    /// Where things are, unless the operator says otherwise.
    pub endpoints: StaticEndpoints,
}

impl OAuth {
    /// What is missing of the permissions that an account is of no use without, in words.
    pub fn missing(&self, granted: Option<&[String]>) -> Vec<&'static str> {
        let Some(granted) = granted else { return Vec::new() };
        // Microsoft names its scopes with and without their resource, in any case.
        let plain = |scope: &str| {
            let scope = scope.to_ascii_lowercase();
            scope.strip_prefix("https://graph.microsoft.com/").unwrap_or(&scope).to_owned()
        };
        let granted: Vec<String> = granted.iter().map(|scope| plain(scope)).collect();
        let has = |scope: &&str| granted.contains(&plain(scope));
        self.needed.iter().filter(|(group, _)| !group.iter().any(&has)).map(|(_, words)| *words).collect()
    }
}

/// [`Endpoints`] that are compiled in. `{tenant}` stands for the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaticEndpoints {
    /// Where people consent.
    pub authorize: &'static str,
    /// Where tokens are given.
    pub token: &'static str,
    /// Where they are taken back; empty: nowhere.
    pub revoke: &'static str,
    /// Where the API begins; no slash at its end.
    pub api: &'static str,
}

/// Where a provider's things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Where people consent.
    pub authorize: String,
    /// Where tokens are given.
    pub token: String,
    /// Where they are taken back; empty: nowhere.
    pub revoke: String,
    /// Where the API begins; no slash at its end.
    pub api: String,
}

/// A well-known server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its word in forms.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its address; empty when everyone has their own.
    pub url: &'static str,
    /// What to enter, in a sentence.
    pub hint: &'static str,
}

/// What opens an account. Sealed in the database; never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credential {
    /// OAuth tokens.
    Tokens {
        /// For requests.
        access: String,
        /// For new ones.
        refresh: String,
        /// When `access` ends.
        expires: DateTime<Utc>,
    },
    /// A user name and a password for programs, at an address.
    Password {
        /// What was entered: where discovery begins.
        url: String,
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// The secret address of a feed.
    Feed {
        /// It.
        url: String,
    },
    /// A file that was uploaded: nothing to ask anyone.
    File,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

/// What an adapter is given with every call.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// What opens the account.
    pub credential: &'a Credential,
    /// Where the provider is (OAuth providers).
    pub endpoints: Option<&'a Endpoints>,
    /// Where the account's calendars are, as [`Account::home`] told; empty at the first time.
    pub home: &'a str,
    /// The owner's zone (IANA), in which all-day and floating times are meant.
    pub zone: &'a str,
    /// May addresses lead into the machine's own network?
    pub allow_private: bool,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Access<'_> {
    /// The bearer token of an OAuth account.
    pub fn bearer(&self) -> Result<&str, Fault> {
        match self.credential {
            Credential::Tokens { access, .. } => Ok(access),
            _ => Err(Fault::Revoked("This account has no token.".into())),
        }
    }

    /// Where the API of an OAuth provider begins.
    pub fn api(&self) -> &str {
        self.endpoints.map_or("", |endpoints| &endpoints.api)
    }

    /// What requests to the provider's own, fixed addresses are sent with. It keeps connections.
    pub fn provider_client(&self) -> Result<&'static Client, Fault> {
        super::fault::provider_client()
    }

    /// What requests to addresses that a person entered are sent with: through the guard, no redirects followed. Check each
    /// address (also each that a redirect names) with [`Access::check`] first.
    pub fn guarded_client(&self) -> Result<&'static Client, Fault> {
        guard::client(self.allow_private).map_err(|error| Fault::Temporary(sentence(&error)))
    }

    /// An address that a person or a server named, if it may be called.
    pub fn check(&self, url: &str) -> Result<reqwest::Url, Fault> {
        guard::check(url, self.allow_private).map_err(|refused| Fault::Refused(refused.to_string()))
    }
}

/// Sends a request; failures of the connection are temporary.
pub async fn send(client: &Client, request: Request) -> Result<Response, Fault> {
    client.execute(request).await.map_err(|error| match guard::refusal(&error) {
        Some(refused) => Fault::Refused(refused.to_string()),
        None => Fault::Temporary(sentence(&error)),
    })
}

/// The whole of an answer, up to [`MOST_BYTES`].
pub async fn read(mut response: Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Fault::Temporary(sentence(&error)))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(Fault::Refused("The answer is larger than 16 MB.".into()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What tells it from others at the provider; never changes. Connecting the same one again renews it.
    pub key: String,
    /// What its owner knows it by: usually an e-mail address.
    pub label: String,
    /// Where its calendars are, for [`Access::home`]; empty where that needs no finding out.
    pub home: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const OAUTH: OAuth = OAuth {
        scopes: &[],
        needed: &[
            (&["https://x.example/read", "https://x.example/all"], "seeing your events"),
            (&["Calendars.ReadWrite"], "changing your events"),
        ],
        extra: &[],
        endpoints: StaticEndpoints { authorize: "", token: "", revoke: "", api: "" },
    };

    #[test]
    fn one_scope_of_each_group_is_enough_and_what_is_missing_is_named() {
        let granted = |scopes: &[&str]| {
            let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            OAUTH.missing(Some(&scopes))
        };
        assert_eq!(granted(&["https://x.example/all", "calendars.readwrite", "openid"]), Vec::<&str>::new());
        assert_eq!(
            granted(&["https://x.example/read", "https://graph.microsoft.com/Calendars.ReadWrite"]),
            Vec::<&str>::new()
        );
        assert_eq!(granted(&["Calendars.Read"]), ["seeing your events", "changing your events"]);
        assert_eq!(granted(&["https://x.example/read"]), ["changing your events"]);
        assert_eq!(OAUTH.missing(None), Vec::<&str>::new(), "as asked (RFC 6749 §5.1)");
    }
}
