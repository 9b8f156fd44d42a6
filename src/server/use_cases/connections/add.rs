//! Accounts that are connected with something that is entered here: a password for programs, or the address of a feed.

use super::{Kept, connection_id, file, find, keep, look, owner};
use crate::{
    api::{AppError, calendars::PasswordForm},
    domain::{ids::ConnectionId, questions::FieldError},
    server::{
        calendars::{
            self, Provider,
            access::{Connect, Credential, Preset},
            fault::Fault,
        },
        context::Context,
        outside::guard,
        store::{
            connections::{self as store, calendars as calendars_store},
            members::SignedIn,
            sync as sync_store,
        },
    },
};
use chrono::{DateTime, Utc};

/// The longest user name or password, in characters.
const LONGEST: usize = 500;

/// What `webcal://` means to everyone who offers it.
fn plain_scheme(url: &str) -> String {
    let url = url.trim();
    let rest = url.get(..9).filter(|scheme| scheme.eq_ignore_ascii_case("webcal://")).and(url.get(9..));
    rest.map_or_else(|| url.to_owned(), |rest| format!("https://{rest}"))
}

/// The address that was entered, or that of the well-known server; looked up, so that a mistake is told at once.
async fn address(context: &Context, entered: &str, preset: Option<&Preset>) -> Result<String, String> {
    let url = match preset {
        Some(preset) if entered.trim().is_empty() && !preset.url.is_empty() => preset.url.to_owned(),
        _ => plain_scheme(entered),
    };
    // People write down the host alone.
    let host_only = !url.is_empty() && !url.contains("://") && !url.contains(char::is_whitespace);
    let url = if host_only { format!("https://{url}") } else { url };
    let checked = guard::check_and_resolve(&url, context.config.allow_private_urls).await;
    checked.map(String::from).map_err(|refused| match refused {
        guard::Refused::NotAnAddress => {
            "Please enter the whole address, such as https://cloud.example.com.".to_owned()
        }
        other => other.to_string(),
    })
}

fn line(text: &str, field: &str, empty: &str, errors: &mut Vec<FieldError>) {
    let sentence = if text.is_empty() {
        empty
    } else if text.chars().count() > LONGEST {
        "This is too long: 500 characters at most."
    } else if text.chars().any(char::is_control) {
        "Line breaks and control characters can't be part of it."
    } else {
        return;
    };
    errors.push(FieldError::new(field, sentence));
}

/// The field beside which a provider's refusal belongs.
fn beside(fault: &Fault, secret: &'static str) -> AppError {
    let (field, sentence) = match fault {
        Fault::Unauthorized => (
            secret,
            "The server does not take this user name with this password. Many servers want a password for apps, made in \
             your account there."
                .to_owned(),
        ),
        Fault::Revoked(sentence) => (secret, sentence.clone()),
        Fault::NotFound => ("url", "There is no calendar at this address.".to_owned()),
        Fault::Limited(_) => {
            ("url", "The server limits how much may be asked just now. Please try again in some minutes.".to_owned())
        }
        Fault::CursorGone | Fault::Changed => ("url", Fault::unreadable().to_string()),
        Fault::Permission(sentence) | Fault::Temporary(sentence) | Fault::Refused(sentence) => {
            ("url", sentence.clone())
        }
    };
    AppError::field(field, sentence)
}

fn with_password(provider: &str) -> Option<(&'static dyn Provider, &'static [Preset])> {
    let provider = calendars::provider(provider)?;
    match provider.connect() {
        Connect::Password { presets } => Some((provider, presets)),
        Connect::OAuth(_) | Connect::Feed => None,
    }
}

/// Connects an account with a password, or gives a connected one a new password.
pub async fn password(
    context: &Context,
    me: &SignedIn,
    provider: &str,
    form: &PasswordForm,
    now: DateTime<Utc>,
) -> Result<Kept, AppError> {
    let (provider, presets) = with_password(provider).ok_or(AppError::UnknownPage)?;
    let preset = presets.iter().find(|preset| preset.key == form.preset);
    let mut errors = Vec::new();
    let url = address(context, &form.url, preset).await.map_err(|sentence| {
        errors.push(FieldError::new("url", sentence));
    });
    let user = form.user.trim();
    line(user, "user", "Please enter your user name there, often your e-mail address.", &mut errors);
    line(&form.password, "password", "Please enter the password for apps.", &mut errors);
    let Ok(url) = url else { return Err(AppError::Invalid { fields: errors }) };
    if !errors.is_empty() {
        return Err(AppError::Invalid { fields: errors });
    }
    let credential = Credential::Password { url, user: user.to_owned(), password: form.password.clone() };
    let found = match look(context, me, provider, credential, None, now).await? {
        Ok(found) => found,
        Err(fault) => return Err(beside(&fault, "password")),
    };
    if found.calendars.is_empty() {
        return Err(AppError::field("url", "There is no calendar in this account that holds events."));
    }
    let mut conn = context.db.write().await?;
    let kept = keep(&mut conn, context, me, &found, now).await.map_err(at_address("url"))?;
    conn.commit().await?;
    Ok(kept)
}

/// A refusal that belongs to no other field stands beside the address.
pub(super) fn at_address(field: &'static str) -> impl Fn(AppError) -> AppError {
    move |error| match error {
        AppError::BadRequest { hint } => AppError::field(field, hint),
        other => other,
    }
}

/// The provider that is reached through an address alone.
pub(super) fn feed_provider() -> Option<&'static dyn Provider> {
    calendars::provider("ical").filter(|provider| provider.connect() == Connect::Feed)
}

/// A feed's account of the member who is signed in, whose address is to be entered anew.
async fn subscribed(context: &Context, me: &SignedIn, of: &str) -> Result<ConnectionId, AppError> {
    let mut conn = context.db.read().await?;
    let row = find(&mut conn, me, &connection_id(of)?).await?;
    let is_feed = feed_provider().is_some_and(|feeds| feeds.key() == row.provider);
    if !is_feed || file::is_file(&row.provider, &row.account_key) {
        return Err(AppError::UnknownPage);
    }
    Ok(row.id)
}

/// Subscribes to a feed, or renews a subscription. `of`: the account whose feed has this address from now on, and keeps what
/// was chosen for it; empty for a new one.
pub async fn feed(
    context: &Context,
    me: &SignedIn,
    url: &str,
    of: &str,
    now: DateTime<Utc>,
) -> Result<Kept, AppError> {
    let provider = feed_provider().ok_or(AppError::UnknownPage)?;
    let former = if of.is_empty() { None } else { Some(subscribed(context, me, of).await?) };
    let refused = |sentence: String| AppError::field("feed", sentence);
    let url = address(context, url, None).await.map_err(&refused)?;
    let found = look(context, me, provider, Credential::Feed { url }, None, now).await?;
    let found = found.map_err(|fault| match (&fault, beside(&fault, "feed")) {
        // There was no "before" that the sentence for a known feed speaks of.
        (Fault::Revoked(_), _) => refused(
            "The server lets nobody read this address without signing in, or has withdrawn it. Look for the calendar's \
             secret or public address in iCal format."
                .to_owned(),
        ),
        (_, AppError::Invalid { fields }) => {
            refused(fields.into_iter().map(|field| field.message).collect::<String>())
        }
        (_, other) => other,
    })?;
    let mut conn = context.db.write().await?;
    if let Some(former) = former {
        calendars_store::lock(&mut conn, owner(me)).await?;
        let (workspace, member, key) = (&me.workspace_id, &me.member_id, &found.account.key);
        match store::by_account(&mut conn, workspace, member, provider.key(), key).await? {
            Some(other) if other != former => {
                return Err(AppError::field(
                    "feed",
                    "You have subscribed to this address already. You can disconnect this account here.",
                ));
            }
            Some(_) => {}
            None => {
                store::set_key(&mut conn, workspace, &former, key).await?;
                // Another server's cursor says nothing at this one.
                for calendar in sync_store::all_calendars(&mut conn, &former).await? {
                    sync_store::forget_cursor(&mut conn, &calendar).await?;
                }
            }
        }
    }
    let kept = keep(&mut conn, context, me, &found, now).await.map_err(at_address("feed"))?;
    conn.commit().await?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webcal_is_https() {
        assert_eq!(plain_scheme(" webcal://a.example/x.ics "), "https://a.example/x.ics");
        assert_eq!(plain_scheme("WEBCAL://a.example/x"), "https://a.example/x");
        assert_eq!(plain_scheme("https://a.example/x"), "https://a.example/x");
        assert_eq!(plain_scheme("webcal:/"), "webcal:/");
        assert_eq!(plain_scheme("ääääääääää"), "ääääääääää");
    }

    #[test]
    fn a_wrong_password_stands_beside_the_password_and_everything_else_beside_the_address() {
        for (fault, field) in [
            (Fault::Unauthorized, "password"),
            (Fault::Revoked("No.".into()), "password"),
            (Fault::NotFound, "url"),
            (Fault::Limited(None), "url"),
            (Fault::Temporary("Nobody listens.".into()), "url"),
            (Fault::Refused("This is no calendar server.".into()), "url"),
            (Fault::Permission("Not allowed.".into()), "url"),
            (Fault::CursorGone, "url"),
        ] {
            let error = beside(&fault, "password");
            let [one] = error.fields() else { panic!("{fault:?}") };
            assert_eq!(one.field, field);
            assert!(one.message.ends_with('.'), "{}", one.message);
        }
    }
}
