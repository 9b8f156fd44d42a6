//! OAuth 2.0 with the providers: the consent page's address, and tokens (RFC 6749, RFC 7636 with S256, RFC 7009).
//!
//! Nothing here retries or waits: what happened is a [`Fault`], as everywhere among the adapters. Tokens, codes and secrets
//! are never part of a sentence, and what a provider says in its own words only decides which of ours is used.

use super::{
    access::{self, Endpoints, OAuth},
    fault::{self, Fault},
};
use crate::server::{crypto, outside};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponseType, BasicRequestTokenError, BasicTokenResponse},
    url::form_urlencoded,
};
use std::{borrow::Cow, future::Future};

/// How long an access token is taken to last when the provider does not say.
const USUAL_LIFE: TimeDelta = TimeDelta::hours(1);
/// No access token is believed to last longer.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(1);

/// How a provider knows this installation.
#[derive(Clone, PartialEq, Eq)]
pub struct Setup {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// Where the provider's things are.
    pub endpoints: Endpoints,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// Tokens as they were given.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For requests.
    pub access: String,
    /// For new ones; empty when none was given at a first exchange.
    pub refresh: String,
    /// When `access` ends.
    pub expires: DateTime<Utc>,
    /// What was granted; `None`: as asked for (RFC 6749 §5.1).
    pub scopes: Option<Vec<String>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("expires", &self.expires)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// 256 random bits as 43 URL-safe characters: a state, or a code verifier (RFC 7636 §4.1).
pub fn random_secret() -> String {
    URL_SAFE_NO_PAD.encode(crypto::random::<32>())
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// The address of a setting that is none. It is the operator's, who reads it in the page's sentence.
fn not_an_address(what: &str) -> Fault {
    Fault::Refused(format!("The {what} address of this provider is set to something that is no address."))
}

fn client(setup: &Setup) -> Result<Client, Fault> {
    let Endpoints { authorize, token, .. } = &setup.endpoints;
    Ok(BasicClient::new(ClientId::new(setup.client_id.clone()))
        .set_client_secret(ClientSecret::new(setup.client_secret.clone()))
        // Every provider takes them in the body; some take nothing else (RFC 6749 §2.3.1 allows both).
        .set_auth_type(AuthType::RequestBody)
        .set_auth_uri(AuthUrl::new(authorize.clone()).map_err(|_| not_an_address("authorization"))?)
        .set_token_uri(TokenUrl::new(token.clone()).map_err(|_| not_an_address("token"))?))
}

fn redirect_to(redirect: &str) -> Result<RedirectUrl, Fault> {
    RedirectUrl::new(redirect.to_owned()).map_err(|_| not_an_address("redirect"))
}

/// Where a member is sent to consent. `verifier` (from [`random_secret`]) stays here and is shown at the exchange.
pub fn authorize_url(
    setup: &Setup,
    oauth: &OAuth,
    redirect: &str,
    state: &str,
    verifier: &str,
    account: &str,
) -> Result<String, Fault> {
    if !(43..=128).contains(&verifier.len()) {
        return Err(Fault::Refused("The code verifier has the wrong length.".into()));
    }
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned()));
    let (client, state) = (client(setup)?, CsrfToken::new(state.to_owned()));
    let mut request = client
        .authorize_url(move || state)
        .add_scopes(oauth.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .set_pkce_challenge(challenge)
        .set_redirect_uri(Cow::Owned(redirect_to(redirect)?));
    for (name, value) in oauth.extra {
        request = request.add_extra_param(*name, *value);
    }
    if !account.is_empty() {
        request = request.add_extra_param("login_hint", account.to_owned());
    }
    Ok(request.url().0.into())
}

/// A fault on its way through `oauth2`, which wants an error of its own there.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Sent(#[from] Fault);

/// Sends a request; answers that say nothing of the grant are faults already.
async fn call(request: HttpRequest, now: DateTime<Utc>) -> Result<HttpResponse, Sent> {
    let unsendable = |_| Fault::Refused("The request to the provider could not be made.".into());
    let request = reqwest::Request::try_from(request).map_err(unsendable)?;
    let response = access::send(fault::provider_client()?, request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let wait = outside::retry_after(status, &headers, now).map(|wait| now + wait);
    if status == http::StatusCode::TOO_MANY_REQUESTS || wait.is_some() {
        return Err(Fault::Limited(wait).into());
    }
    if status.is_server_error() || status.is_redirection() {
        return Err(Fault::Temporary(format!("The provider answered {status}.")).into());
    }
    let mut answer = http::Response::new(access::read(response).await?);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// What a refusal was an answer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// For the first tokens, with a code.
    First,
    /// For new ones.
    New,
}

/// Microsoft's own number for what happened: `AADSTS700082: The refresh token has expired …`.
/// <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes>
fn aadsts(description: &str) -> Option<u32> {
    let rest = description.split_once("AADSTS")?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// Why the access ended, in words for its owner.
fn revoked(description: &str) -> Fault {
    let Some(code) = aadsts(description) else {
        return Fault::Revoked(
            "The provider no longer accepts our access. It was taken back, or has ended. Please connect the account \
             again."
                .into(),
        );
    };
    let why = match code {
        700_082 | 70_008 | 700_084 => {
            "The access ended because it was not used for a long time, or had reached its age."
        }
        50_173 => "The access ended because the password was changed, or all sign-ins were taken back.",
        50_076 | 50_078 | 50_079 | 50_074 => {
            "Your organisation asks for a second factor (MFA) to sign in, and did not before."
        }
        53_000..=53_004 | 50_005 | 50_097 | 530_003 => {
            "Your organisation's rules (conditional access) no longer let this sign-in through. Its administrator can tell \
             more."
        }
        65_001 | 65_004 => "The consent for this app was taken back, or an administrator has to give it.",
        50_057 => "The account is disabled in your organisation.",
        50_034 | 50_020 => "The account is not known in this organisation (any more).",
        _ => "Microsoft no longer accepts our access.",
    };
    Fault::Revoked(format!("{why} Please connect the account again. (AADSTS{code})"))
}

/// What is wrong with the app at the provider, for an admin.
fn app_refused(description: &str) -> Fault {
    let sentence = match aadsts(description) {
        Some(7_000_222) => {
            "The client secret has expired at Microsoft. An admin makes a new one there and enters it under Providers. \
             (AADSTS7000222)"
        }
        Some(7_000_215) => {
            "The client secret is wrong: Microsoft shows a secret's id and its value, and only the value works. An admin \
             can correct it under Providers. (AADSTS7000215)"
        }
        Some(700_016) => {
            "Microsoft does not know this client id in this directory. An admin can correct it, or the directory, under \
             Providers. (AADSTS700016)"
        }
        _ => {
            "The provider does not accept this server's client id or client secret. An admin can correct them under \
             Providers."
        }
    };
    Fault::Refused(sentence.into())
}

fn judged(error: BasicRequestTokenError<Sent>, asked: Asked) -> Fault {
    let refusal = match error {
        RequestTokenError::ServerResponse(refusal) => refusal,
        RequestTokenError::Request(Sent(fault)) => return fault,
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => return Fault::unreadable(),
    };
    let description = refusal.error_description().map_or("", String::as_str);
    match refusal.error() {
        BasicErrorResponseType::InvalidGrant if asked == Asked::First => Fault::Refused(
            "The provider did not accept what it had sent us: it was used already, is too old, or was altered on its way. \
             Please connect once more."
                .into(),
        ),
        BasicErrorResponseType::InvalidGrant => revoked(description),
        BasicErrorResponseType::InvalidClient | BasicErrorResponseType::UnauthorizedClient => {
            app_refused(description)
        }
        BasicErrorResponseType::InvalidScope => Fault::Permission(
            "The provider does not give the permissions that are needed. An admin can allow them for this app at the \
             provider."
                .into(),
        ),
        BasicErrorResponseType::Extension(word) => match word.as_str() {
            "interaction_required" | "consent_required" | "login_required" => revoked(description),
            "temporarily_unavailable" | "server_error" => {
                Fault::Temporary("The provider can't give access just now.".into())
            }
            "slow_down" | "rate_limit_exceeded" => Fault::Limited(None),
            "redirect_uri_mismatch" => Fault::Refused(
                "The provider does not know this server's redirect address. An admin finds the exact one under Providers \
                 and enters it at the provider. (redirect_uri_mismatch)"
                    .into(),
            ),
            "deleted_client" | "disabled_client" => app_refused(description),
            _ => Fault::Refused("The provider refused to give access.".into()),
        },
        BasicErrorResponseType::InvalidRequest | BasicErrorResponseType::UnsupportedGrantType => {
            Fault::Refused("The provider could not make sense of the request for access.".into())
        }
    }
}

fn taken(response: &BasicTokenResponse, former: &str, now: DateTime<Utc>) -> Tokens {
    let life = response.expires_in().and_then(|life| TimeDelta::from_std(life).ok());
    Tokens {
        access: response.access_token().secret().clone(),
        refresh: response.refresh_token().map_or(former, |token| token.secret()).to_owned(),
        expires: now + life.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE),
        scopes: response.scopes().map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect()),
    }
}

/// Exchanges a code for the first tokens. `redirect` and `verifier` are those that the consent was asked with.
pub async fn exchange(
    setup: &Setup,
    redirect: &str,
    code: &str,
    verifier: &str,
    now: DateTime<Utc>,
) -> Result<Tokens, Fault> {
    let client = client(setup)?;
    let http = caller(now);
    let request = client
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
        .set_redirect_uri(Cow::Owned(redirect_to(redirect)?));
    let response = request.request_async(&http).await.map_err(|error| judged(error, Asked::First))?;
    Ok(taken(&response, "", now))
}

/// Exchanges a refresh token for new tokens. Where the answer carries no new refresh token, the old one stays; where it
/// does, the old one may be worth nothing from then on: store the answer before using it. [`Fault::Revoked`] when the access
/// has ended for good.
pub async fn refresh(setup: &Setup, refresh_token: &str, now: DateTime<Utc>) -> Result<Tokens, Fault> {
    if refresh_token.is_empty() {
        return Err(revoked(""));
    }
    let client = client(setup)?;
    let (http, token) = (caller(now), RefreshToken::new(refresh_token.to_owned()));
    let request = client.exchange_refresh_token(&token);
    let response = request.request_async(&http).await.map_err(|error| judged(error, Asked::New))?;
    Ok(taken(&response, refresh_token, now))
}

fn caller(
    now: DateTime<Utc>,
) -> impl Fn(HttpRequest) -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, Sent>> + Send>> {
    move |request| Box::pin(call(request, now))
}

/// Takes an access back at the provider (RFC 7009), with all tokens that belong to it. A token that is unknown there counts
/// as taken back, and so does one of a provider that has no such endpoint.
pub async fn revoke(setup: &Setup, refresh_token: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    if setup.endpoints.revoke.is_empty() || refresh_token.is_empty() {
        return Ok(());
    }
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("token", refresh_token),
            ("token_type_hint", "refresh_token"),
            ("client_id", &setup.client_id),
            ("client_secret", &setup.client_secret),
        ])
        .finish();
    let request = http::Request::post(&setup.endpoints.revoke)
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into_bytes())
        .map_err(|_| not_an_address("revocation"))?;
    let answer = call(request, now).await.map_err(|Sent(fault)| fault)?;
    // Google says `invalid_token` of one that has ended; RFC 7009 §2.2 would have that be a success.
    let ended = || {
        let refusal = serde_json::from_slice::<serde_json::Value>(answer.body()).unwrap_or_default();
        refusal.get("error").and_then(serde_json::Value::as_str) == Some("invalid_token")
    };
    match answer.status() {
        status if status.is_success() => Ok(()),
        http::StatusCode::BAD_REQUEST if ended() => Ok(()),
        status => Err(Fault::status(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::calendars::access::StaticEndpoints;
    use oauth2::basic::BasicErrorResponse;

    const HERE: StaticEndpoints = StaticEndpoints { authorize: "", token: "", revoke: "", api: "" };

    fn setup() -> Setup {
        let endpoints = Endpoints {
            authorize: "https://accounts.example/auth?x=1".into(),
            token: "https://accounts.example/token".into(),
            revoke: String::new(),
            api: String::new(),
        };
        Setup { client_id: "me & you".into(), client_secret: "hunter2".into(), endpoints }
    }

    #[test]
    fn the_consent_page_is_asked_with_state_challenge_and_the_exact_redirect() {
        let oauth = OAuth {
            scopes: &["a/b", "c"],
            needed: &[],
            extra: &[("access_type", "offline")],
            endpoints: HERE,
        };
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let redirect = "https://book.example.com/api/v1/booking/calendars/callback/google";
        let url =
            authorize_url(&setup(), &oauth, redirect, "st ate", verifier, "ada@outside.example").unwrap();
        let url = oauth2::url::Url::parse(&url).unwrap();
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("x", "1"),
            ("response_type", "code"),
            ("client_id", "me & you"),
            ("state", "st ate"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
            ("redirect_uri", redirect),
            ("scope", "a/b c"),
            ("access_type", "offline"),
            ("login_hint", "ada@outside.example"),
        ] {
            let found: Vec<_> = pairs.iter().filter(|(key, _)| key == name).collect();
            assert_eq!(found, [&(name.to_owned(), value.to_owned())], "{url}");
        }
        assert!(!url.as_str().contains("hunter2") && !url.as_str().contains(verifier));
        assert!(authorize_url(&setup(), &oauth, redirect, "s", "short", "").is_err());
        let anyone = authorize_url(&setup(), &oauth, redirect, "s", verifier, "").unwrap();
        assert!(!anyone.contains("login_hint"), "{anyone}");
    }

    #[test]
    fn secrets_are_long_enough_and_never_the_same() {
        let (one, two) = (random_secret(), random_secret());
        assert_eq!((one.len(), two.len()), (43, 43));
        assert_ne!(one, two);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let tokens = Tokens {
            access: "hunter2".into(),
            refresh: "hunter2".into(),
            expires: DateTime::<Utc>::MAX_UTC,
            scopes: None,
        };
        assert!(!format!("{:?} {tokens:?}", setup()).contains("hunter2"));
    }

    fn refused(error: &str, description: &str, asked: Asked) -> Fault {
        let document = serde_json::json!({ "error": error, "error_description": description });
        let refusal: BasicErrorResponse = serde_json::from_value(document).unwrap();
        judged(RequestTokenError::ServerResponse(refusal), asked)
    }

    #[test]
    fn an_access_that_ended_says_why_as_far_as_the_provider_does() {
        for (description, part) in [
            ("Token has been expired or revoked.", "taken back, or has ended"),
            ("AADSTS700082: The refresh token has expired due to inactivity.", "not used for a long time"),
            ("AADSTS50173: The provided grant has expired due to it being revoked", "password was changed"),
            ("AADSTS50076: Due to a configuration change", "second factor"),
            ("AADSTS123: Something new", "(AADSTS123)"),
            ("AADSTS: ", "taken back"),
            ("AADSTS99999999999999999999", "taken back"),
        ] {
            let Fault::Revoked(sentence) = refused("invalid_grant", description, Asked::New) else {
                panic!("{description}");
            };
            assert!(sentence.contains(part) && sentence.contains("connect the account again"), "{sentence}");
        }
        assert!(matches!(refused("interaction_required", "AADSTS50076", Asked::New), Fault::Revoked(_)));
    }

    #[test]
    fn what_an_admin_must_mend_names_the_place() {
        for (error, description) in [
            ("invalid_client", ""),
            ("unauthorized_client", ""),
            ("invalid_client", "AADSTS7000222: expired"),
            ("invalid_client", "AADSTS7000215: Invalid client secret provided."),
            ("unauthorized_client", "AADSTS700016: Application not found"),
            ("redirect_uri_mismatch", "Bad Request"),
        ] {
            let Fault::Refused(sentence) = refused(error, description, Asked::New) else { panic!("{error}") };
            assert!(sentence.contains("admin") && sentence.contains("under Providers"), "{sentence}");
        }
    }

    #[test]
    fn a_used_code_is_no_ended_access_and_what_passes_may_pass() {
        assert!(matches!(refused("invalid_grant", "", Asked::First), Fault::Refused(_)));
        assert!(refused("temporarily_unavailable", "", Asked::New).may_pass());
        assert!(refused("rate_limit_exceeded", "", Asked::New).may_pass());
        assert!(matches!(refused("invalid_scope", "", Asked::New), Fault::Permission(_)));
        assert!(
            judged(RequestTokenError::Request(Sent(Fault::Limited(None))), Asked::New)
                == Fault::Limited(None)
        );
        assert_eq!(judged(RequestTokenError::Other("x".into()), Asked::New), Fault::unreadable());
    }

    #[test]
    fn an_old_refresh_token_stays_where_no_new_one_comes() {
        let now: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
        let read = |document: serde_json::Value| {
            let response: BasicTokenResponse = serde_json::from_value(document).unwrap();
            taken(&response, "old", now)
        };
        let tokens = read(serde_json::json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 3599, "scope": "x y", "id_token": "z",
        }));
        assert_eq!((tokens.refresh.as_str(), (tokens.expires - now).num_seconds()), ("old", 3_599));
        assert_eq!(tokens.scopes, Some(vec!["x".to_owned(), "y".to_owned()]));
        let tokens = read(serde_json::json!({
            "access_token": "a", "token_type": "bearer", "refresh_token": "new", "expires_in": 999_999_999_999_u64,
        }));
        assert_eq!((tokens.refresh.as_str(), tokens.expires), ("new", now + LONGEST_LIFE));
        assert_eq!(tokens.scopes, None);
        let tokens = read(serde_json::json!({ "access_token": "a", "token_type": "Bearer" }));
        assert_eq!(tokens.expires, now + USUAL_LIFE);
    }
}
