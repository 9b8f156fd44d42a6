//! Sessions: made at sign-in, renewed by use, ended by sign-out or age.

use crate::{
    api::AppError,
    domain::text::EmailAddress,
    server::{
        context::Context,
        crypto, ids, limits, passwords,
        store::members::{self, SignedIn},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// A session that is not used ends after this many days.
pub const IDLE_DAYS: i64 = 14;
/// However much it is used, a session ends after this many days.
pub const ABSOLUTE_DAYS: i64 = 60;

/// Signs in; returns the session's token for the cookie.
pub async fn sign_in(
    context: &Context,
    email: &str,
    password: &str,
    now: DateTime<Utc>,
) -> Result<String, AppError> {
    let mut login = None;
    if let Ok(email) = EmailAddress::parse(email) {
        // Guesses at one account count together, wherever they come from.
        let verdict = context.limiter.judge(&context.db, limits::ACCOUNT, &email.key()).await?;
        if let Some(verdict) = verdict.filter(|verdict| !verdict.allowed) {
            return Err(AppError::TooMany { retry_after: verdict.retry_after });
        }
        let mut conn = context.db.read().await?;
        login = members::login(&mut conn, &email).await?;
    }
    if password.len() > passwords::MOST {
        return Err(AppError::SignInFailed);
    }
    let stored = login.as_ref().map(|login| login.password_hash.clone());
    match passwords::verify(password.to_owned(), stored).await {
        Ok(true) => {}
        Ok(false) => return Err(AppError::SignInFailed),
        Err(passwords::Busy) => return Err(AppError::TooMany { retry_after: 5 }),
    }
    let login = login.ok_or(AppError::SignInFailed)?;
    let token = crypto::random_token();
    let mut conn = context.db.write().await?;
    members::insert_session(&mut conn, &ids::new(now)?, &login, &crypto::hash(&token), now).await?;
    conn.commit().await?;
    Ok(token)
}

/// The member behind a session's token.
pub async fn who(context: &Context, token: &str, now: DateTime<Utc>) -> Result<SignedIn, AppError> {
    let mut conn = context.db.read().await?;
    let member = members::session(&mut conn, &crypto::hash(token)).await?.ok_or(AppError::SignInRequired)?;
    drop(conn);
    let age = |micros: i64| now - crate::server::store::instant(micros);
    if age(member.created_at) > TimeDelta::days(ABSOLUTE_DAYS)
        || age(member.seen_at) > TimeDelta::days(IDLE_DAYS)
    {
        return Err(AppError::SignInRequired);
    }
    // Once an hour is often enough for a limit in days, and spares a write at every click.
    if age(member.seen_at) > TimeDelta::hours(1) {
        let mut conn = context.db.write().await?;
        members::touch_session(&mut conn, &member.session_id, now).await?;
        conn.commit().await?;
    }
    Ok(member)
}

/// Signs out.
pub async fn sign_out(context: &Context, token: &str) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    members::delete_session(&mut conn, &crypto::hash(token)).await?;
    conn.commit().await?;
    Ok(())
}
