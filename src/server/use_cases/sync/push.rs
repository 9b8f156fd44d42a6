//! Providers say that something changed. What they say is a hint: it is checked, kept, and answered at once; looking is the
//! workers' business.

use crate::{
    api::AppError,
    server::{
        calendars::{self, News, Push, PushRequest},
        context::Context,
        crypto,
        store::{channels, sync},
    },
};
use chrono::{DateTime, Utc};
use http::StatusCode;

/// How many hints of one push are looked at.
const MOST: usize = 500;

/// Takes what was posted to `/webhook/calendar/{provider}`. Hints about channels that nobody knows, or with another secret
/// than theirs, are passed over without a word: whoever guesses learns nothing.
pub async fn push(
    context: &Context,
    provider: &str,
    request: &PushRequest<'_>,
    now: DateTime<Utc>,
) -> Result<Push, AppError> {
    let Some(provider) = calendars::provider(provider) else {
        return Ok(Push::refused(StatusCode::NOT_FOUND));
    };
    let mut push = provider.read_push(request);
    // More than any provider says at once; and PostgreSQL refuses texts with NUL.
    push.hints.retain(|hint| !hint.channel.chars().any(char::is_control));
    push.hints.truncate(MOST);
    let mut believed = Vec::new();
    if !push.hints.is_empty() {
        let mut conn = context.db.read().await?;
        for hint in &push.hints {
            let found = channels::by_channel(&mut conn, provider.key(), &hint.channel).await?;
            // Hashes of secrets: how far they agree tells nobody anything.
            if let Some((calendar, hash)) = found
                && crypto::hash(&hint.secret) == hash
                && hint.news != News::Nothing
            {
                believed.push((calendar, hint.news));
            }
        }
    }
    if !believed.is_empty() {
        let mut conn = context.db.write().await?;
        for (calendar, news) in &believed {
            match news {
                News::Nothing | News::Changed => {}
                News::Renew => channels::postpone(&mut conn, calendar, now).await?,
                News::Removed => channels::clear(&mut conn, calendar, None).await?,
                News::Missed => sync::forget_cursor(&mut conn, calendar).await?,
            }
            sync::hint_calendar(&mut conn, calendar, now).await?;
        }
        conn.commit().await?;
    }
    Ok(push)
}
