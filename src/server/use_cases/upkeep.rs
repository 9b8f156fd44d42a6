//! What has served its time is forgotten.

use super::sign_in::{ABSOLUTE_DAYS, IDLE_DAYS};
use crate::{
    api::AppError,
    server::{
        context::Context,
        store::{bookings, members, micros, rate_limits},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long a retry with the same `Idempotency-Key` finds its answer, in hours.
pub const RETRY_HOURS: i64 = 48;

/// Forgets expired sessions, answers that no retry will ask for, and full rate limits.
pub async fn forget_the_old(context: &Context, now: DateTime<Utc>) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    bookings::forget_answers(&mut conn, now - TimeDelta::hours(RETRY_HOURS)).await?;
    members::delete_old_sessions(
        &mut conn,
        now - TimeDelta::days(ABSOLUTE_DAYS),
        now - TimeDelta::days(IDLE_DAYS),
    )
    .await?;
    rate_limits::forget(&mut conn, micros(now)).await?;
    conn.commit().await?;
    Ok(())
}
