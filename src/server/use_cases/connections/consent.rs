//! Accounts that are connected by consent at the provider (OAuth).
//!
//! Who goes there gets a state that only their session can come back with, once, within ten minutes; the code that comes back
//! is worth nothing without the verifier that stayed here (RFC 7636).

use super::{Found, Kept, connection_id, find, in_time, keep, look};
use crate::{
    api::AppError,
    server::{
        calendars::{access::Credential, fault::Fault, oauth},
        context::Context,
        crypto,
        store::{
            instant,
            members::SignedIn,
            micros,
            provider_settings::{self as store, StateRow},
        },
        use_cases::providers,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long somebody may take at the provider's page.
const LIFE: TimeDelta = TimeDelta::minutes(10);

/// What a provider sent somebody back with.
#[derive(Clone, Default)]
pub struct Came {
    /// The state.
    pub state: String,
    /// The code; empty when there is none.
    pub code: String,
    /// What went wrong there; empty when nothing did.
    pub error: String,
}

impl std::fmt::Debug for Came {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Came").field("error", &self.error).finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Debug)]
pub enum Answer {
    /// The account is connected.
    Connected(Kept),
    /// It is not, for this reason.
    Not(String),
}

fn sealed_for(state_hash: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("oauth_state:{}", URL_SAFE_NO_PAD.encode(state_hash))
}

fn not_set_up(provider: &str) -> AppError {
    AppError::ProviderNotSetUp { provider: provider.to_owned() }
}

/// Where a member is sent to consent. `account`: the one that is to be connected again, which the provider then suggests;
/// empty for any.
pub async fn begin(
    context: &Context,
    me: &SignedIn,
    provider: &str,
    account: &str,
    now: DateTime<Utc>,
) -> Result<String, AppError> {
    let (provider, oauth) = providers::oauth(provider).ok_or(AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    let setup = providers::setup(&mut conn, context, &me.workspace_id, provider).await?;
    let setup = setup.ok_or_else(|| not_set_up(provider.name()))?;
    let (state, verifier) = (oauth::random_secret(), oauth::random_secret());
    let redirect = providers::redirect_uri(context, provider.key());
    let known = match account {
        "" => String::new(),
        id => find(&mut conn, me, &connection_id(id)?).await?.label,
    };
    let hint = if known.contains('@') { known.as_str() } else { "" };
    let url = oauth::authorize_url(&setup, &oauth, &redirect, &state, &verifier, hint)
        .map_err(|fault| AppError::BadRequest { hint: fault.to_string() })?;
    let hash = crypto::hash(&state);
    let row = StateRow {
        workspace_id: me.workspace_id.clone(),
        session_id: me.session_id.clone(),
        member_id: me.member_id.clone(),
        provider: provider.key().to_owned(),
        verifier: context.secret.seal(&sealed_for(&hash), verifier.as_bytes()),
        expires_at: micros(now + LIFE),
    };
    store::forget_states(&mut conn, now).await?;
    store::insert_state(&mut conn, &hash, &row).await?;
    conn.commit().await?;
    Ok(url)
}

/// The origins of the consent pages that a form of ours may lead to.
pub async fn consent_origins(context: &Context, me: &SignedIn) -> Result<Vec<String>, AppError> {
    let mut conn = context.db.read().await?;
    let mut origins = Vec::new();
    for provider in crate::server::calendars::ALL {
        if providers::oauth(provider.key()).is_some()
            && let Some(setup) = providers::setup(&mut conn, context, &me.workspace_id, provider).await?
            && let Ok(url) = reqwest::Url::parse(&setup.endpoints.authorize)
        {
            origins.push(url.origin().ascii_serialization());
        }
    }
    Ok(origins)
}

/// Why the provider sent somebody back with an error (RFC 6749 §4.1.2.1, and the vendors' own).
fn refused_there(name: &str, error: &str) -> String {
    match error {
        "access_denied" => {
            format!("You did not agree at {name}, so nothing was connected. You can try again at any time.")
        }
        "admin_policy_enforced" | "org_internal" => {
            format!(
                "Your organisation does not let this app use accounts at {name}. Its administrator can allow it."
            )
        }
        "consent_required" | "interaction_required" | "login_required" => {
            format!("{name} needs the consent of your organisation's administrator for this app.")
        }
        "temporarily_unavailable" | "server_error" => {
            format!("{name} can't do this just now. Please try again in a moment.")
        }
        "invalid_client" | "unauthorized_client" | "invalid_scope" | "redirect_uri_mismatch" => format!(
            "{name} does not accept this server as it is set up there. An admin of your workspace can look under Providers."
        ),
        _ => format!("{name} did not connect the account. Please try again."),
    }
}

/// Somebody came back from a provider's consent page.
pub async fn callback(
    context: &Context,
    me: &SignedIn,
    provider: &str,
    came: &Came,
    now: DateTime<Utc>,
) -> Result<Answer, AppError> {
    let (provider, oauth) = providers::oauth(provider).ok_or(AppError::UnknownPage)?;
    let name = provider.name();
    let hash = crypto::hash(&came.state);
    let mut conn = context.db.write().await?;
    let setup = providers::setup(&mut conn, context, &me.workspace_id, provider).await?;
    let setup = setup.ok_or_else(|| not_set_up(name))?;
    // Whoever comes with it, it has served.
    let state = store::take_state(&mut conn, &hash).await?;
    conn.commit().await?;
    let mine = |state: &StateRow| {
        state.session_id == me.session_id
            && state.member_id == me.member_id
            && state.workspace_id == me.workspace_id
            && state.provider == provider.key()
            && instant(state.expires_at) > now
    };
    let Some(state) = state.filter(mine) else {
        return Ok(Answer::Not(
            "This answer does not belong to anything that you began here in the last ten minutes, or was used already. \
             Please connect once more."
                .into(),
        ));
    };
    if !came.error.is_empty() {
        return Ok(Answer::Not(refused_there(name, &came.error)));
    }
    if came.code.is_empty() {
        return Ok(Answer::Not(refused_there(name, "")));
    }
    let verifier = context.secret.open(&sealed_for(&hash), &state.verifier);
    let Some(verifier) = verifier.and_then(|plain| String::from_utf8(plain).ok()) else {
        return Ok(Answer::Not(
            "This server's secret was changed meanwhile. Please connect once more.".into(),
        ));
    };
    let redirect = providers::redirect_uri(context, provider.key());
    let tokens = match in_time(oauth::exchange(&setup, &redirect, &came.code, &verifier, now)).await {
        Ok(tokens) => tokens,
        Err(fault) => return Ok(Answer::Not(not_connected(name, &fault))),
    };
    let missing = oauth.missing(tokens.scopes.as_deref());
    if !missing.is_empty() {
        return Ok(Answer::Not(format!(
            "Nothing was connected, because of what was not allowed: {}. Please connect once more, and tick every box on \
             {name}'s page.",
            missing.iter().map(|words| words.trim_end_matches('.')).collect::<Vec<_>>().join("; ")
        )));
    }
    if tokens.refresh.is_empty() {
        return Ok(Answer::Not(format!(
            "{name} gave access for an hour only (no refresh token). Please remove this app from the apps with access to \
             your account at {name}, then connect once more."
        )));
    }
    let credential =
        Credential::Tokens { access: tokens.access, refresh: tokens.refresh, expires: tokens.expires };
    let found: Found = match look(context, me, provider, credential, Some(&setup.endpoints), now).await? {
        Ok(found) => found,
        Err(fault) => return Ok(Answer::Not(not_connected(name, &fault))),
    };
    let mut conn = context.db.write().await?;
    let kept = keep(&mut conn, context, me, &found, now).await?;
    conn.commit().await?;
    Ok(Answer::Connected(kept))
}

fn not_connected(name: &str, fault: &Fault) -> String {
    match fault {
        Fault::Limited(_) => {
            format!("{name} limits how much may be asked just now. Please try again in some minutes.")
        }
        fault => format!("{name} could not be connected. {fault}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_a_provider_becomes_a_sentence_and_is_never_repeated() {
        assert!(refused_there("Google", "access_denied").contains("You did not agree"));
        assert!(!refused_there("Google", "<script>").contains("script"));
    }
}
