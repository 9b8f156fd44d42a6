//! How OAuth providers know this server: the operator sets it for all workspaces, or an admin for theirs. Where a provider's
//! endpoints are only the operator can say, so that no form makes this server call an address.

use super::{
    mail_settings::{admin, shown},
    note,
};
use crate::{
    api::{
        AppError,
        calendars::{ProviderForm, ProviderPage, ProvidersPage, Source},
    },
    domain::{ids::WorkspaceId, questions::FieldError},
    server::{
        calendars::{
            self, Provider,
            access::{Connect, Endpoints, OAuth},
        },
        config::is_tenant,
        context::Context,
        store::{
            Conn, StoreError, connections,
            members::SignedIn,
            provider_settings::{self as store, SettingsRow},
        },
    },
};
use chrono::{DateTime, Utc};

pub use crate::server::calendars::oauth::Setup;

/// Accounts of every directory, and private ones.
const ANY_TENANT: &str = "common";
/// The longest client id or client secret, in characters.
const LONGEST: usize = 500;

/// What a workspace's client secret is sealed for.
pub(super) fn sealed_for(workspace: &WorkspaceId, provider: &str) -> String {
    format!("provider:{workspace}:{provider}")
}

/// Where a provider sends members back to. Providers compare it letter by letter.
pub fn redirect_uri(context: &Context, provider: &str) -> String {
    format!("{}/api/v1/booking/calendars/callback/{provider}", context.config.public_url)
}

/// A provider that is connected with OAuth, and how.
pub(super) fn oauth(provider: &str) -> Option<(&'static dyn Provider, OAuth)> {
    let provider = calendars::provider(provider)?;
    match provider.connect() {
        Connect::OAuth(oauth) => Some((provider, oauth)),
        Connect::Password { .. } | Connect::Feed => None,
    }
}

/// Where a provider's things are: its own places, unless the operator named others.
pub fn endpoints(context: &Context, provider: &str, tenant: &str) -> Option<Endpoints> {
    let (_, oauth) = oauth(provider)?;
    let app = context.config.apps.of(provider);
    let tenant = if tenant.is_empty() { ANY_TENANT } else { tenant };
    let place = |own: &str, other: Option<&String>| {
        other.map_or_else(|| own.replace("{tenant}", tenant), Clone::clone)
    };
    Some(Endpoints {
        authorize: place(oauth.endpoints.authorize, app.and_then(|app| app.authorize.as_ref())),
        token: place(oauth.endpoints.token, app.and_then(|app| app.token.as_ref())),
        revoke: place(oauth.endpoints.revoke, app.and_then(|app| app.revoke.as_ref())),
        api: place(oauth.endpoints.api, app.and_then(|app| app.api.as_ref())),
    })
}

fn opened(context: &Context, workspace: &WorkspaceId, provider: &str, row: &SettingsRow) -> Option<String> {
    let secret = context.secret.open(&sealed_for(workspace, provider), &row.client_secret)?;
    String::from_utf8(secret).ok()
}

/// How a provider knows this server, as far as one workspace goes. `None`: it is not set up, or its secret was kept with
/// another secret of this server and must be entered again.
pub async fn setup(
    conn: &mut Conn,
    context: &Context,
    workspace: &WorkspaceId,
    provider: &dyn Provider,
) -> Result<Option<Setup>, StoreError> {
    let provider = provider.key();
    let app = context.config.apps.of(provider);
    let operators = app.and_then(|app| app.tenant.clone()).unwrap_or_default();
    let (client, tenant) = match app.and_then(|app| app.client.clone()) {
        Some(client) => (Some(client), operators),
        None => match store::settings(conn, workspace, provider).await? {
            Some(row) => {
                let secret = opened(context, workspace, provider, &row);
                (secret.map(|secret| (row.client_id, secret)), row.tenant)
            }
            None => (None, operators),
        },
    };
    let endpoints = endpoints(context, provider, &tenant);
    Ok(client.zip(endpoints).map(|((client_id, client_secret), endpoints)| Setup {
        client_id,
        client_secret,
        endpoints,
    }))
}

/// The page of all OAuth providers, for admins.
pub async fn page(context: &Context, me: &SignedIn) -> Result<ProvidersPage, AppError> {
    admin(me)?;
    let workspace = &me.workspace_id;
    let mut conn = context.db.read().await?;
    let mut providers = Vec::new();
    for provider in calendars::ALL {
        let key = provider.key();
        if oauth(key).is_none() {
            continue;
        }
        let app = context.config.apps.of(key);
        let row = store::settings(&mut conn, workspace, key).await?;
        let source = match (app.is_some_and(|app| app.client.is_some()), &row) {
            (true, _) => Source::Operator,
            (false, Some(row)) if opened(context, workspace, key, row).is_none() => Source::Lost,
            (false, Some(_)) => Source::Admin,
            (false, None) => Source::Nowhere,
        };
        providers.push(ProviderPage {
            key,
            name: provider.name(),
            redirect: redirect_uri(context, key),
            source,
            client_id: row.as_ref().map(|row| row.client_id.clone()).unwrap_or_default(),
            tenant: has_tenant(key).then(|| row.map_or_else(|| ANY_TENANT.to_owned(), |row| row.tenant)),
            accounts: connections::count_at(&mut conn, workspace, key).await?,
        });
    }
    Ok(ProvidersPage { me: shown(me), providers, echo: None })
}

fn has_tenant(provider: &str) -> bool {
    provider == "microsoft"
}

/// A line of visible characters, without what was pasted around it.
fn line(text: &str, what: &str, errors: &mut Vec<FieldError>, field: &str) -> String {
    let text = text.trim();
    let sentence = if text.is_empty() {
        format!("Please enter the {what}.")
    } else if text.chars().count() > LONGEST {
        format!("The {what} is too long: {LONGEST} characters at most.")
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        format!("The {what} can't contain spaces or line breaks.")
    } else {
        return text.to_owned();
    };
    errors.push(FieldError::new(field, sentence));
    String::new()
}

/// Sets how a provider knows this server in a workspace. An empty secret keeps the one that is there, as long as the client id
/// stays the same. Accounts that waited for it go on at once.
pub async fn save(
    context: &Context,
    me: &SignedIn,
    provider: &str,
    form: &ProviderForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    oauth(provider).ok_or(AppError::UnknownPage)?;
    let workspace = &me.workspace_id;
    if context.config.apps.of(provider).is_some_and(|app| app.client.is_some()) {
        let sentence = "The operator of this server has set this provider up for all workspaces.";
        return Err(AppError::field(format!("{provider}-client_id"), sentence));
    }
    let field = |name: &str| format!("{provider}-{name}");
    let mut errors = Vec::new();
    let client_id = line(&form.client_id, "client id", &mut errors, &field("client_id"));
    let tenant = form.tenant.trim();
    let tenant = if tenant.is_empty() { ANY_TENANT } else { tenant };
    if has_tenant(provider) && !is_tenant(tenant) {
        let sentence = "Please enter common, organizations, consumers, or a directory's id or domain, such as example.com.";
        errors.push(FieldError::new(field("tenant"), sentence));
    }
    let mut conn = context.db.write().await?;
    let former = store::settings(&mut conn, workspace, provider).await?;
    let kept = former.filter(|row| {
        form.client_secret.trim().is_empty()
            && row.client_id == client_id
            && opened(context, workspace, provider, row).is_some()
    });
    let client_secret = match kept {
        Some(row) => row.client_secret,
        None => {
            let name = field("client_secret");
            let secret = line(&form.client_secret, "client secret", &mut errors, &name);
            context.secret.seal(&sealed_for(workspace, provider), secret.as_bytes())
        }
    };
    if !errors.is_empty() {
        return Err(AppError::Invalid { fields: errors });
    }
    let tenant = if has_tenant(provider) { tenant.to_owned() } else { String::new() };
    let row = SettingsRow { client_id, client_secret, tenant };
    store::put_settings(&mut conn, workspace, provider, &row, now).await?;
    connections::hurry_all(&mut conn, workspace, provider, now).await?;
    noted(&mut conn, me, "provider.set", provider, now).await?;
    Ok(conn.commit().await?)
}

/// Forgets it. Accounts that are connected stop working with their next refresh.
pub async fn forget(
    context: &Context,
    me: &SignedIn,
    provider: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    admin(me)?;
    oauth(provider).ok_or(AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    if store::delete_settings(&mut conn, &me.workspace_id, provider).await? {
        noted(&mut conn, me, "provider.unset", provider, now).await?;
    }
    Ok(conn.commit().await?)
}

async fn noted(
    conn: &mut Conn,
    me: &SignedIn,
    action: &str,
    provider: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (actor, subject) = (format!("member:{}", me.member_id), format!("provider:{provider}"));
    note(conn, &me.workspace_id, &actor, action, &subject, now).await
}
