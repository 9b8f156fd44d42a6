//! Rate limits that several instances share: one number for each key.

use super::{Conn, StoreError, row, run};

/// Takes one request out of a key's allowance, atomically. Returns the new state, or `None` when there was no
/// room. Times are epoch microseconds; see [`crate::domain::rate`].
pub async fn take(
    conn: &mut Conn,
    key: &str,
    now: i64,
    cost: i64,
    capacity: i64,
) -> Result<Option<i64>, StoreError> {
    let state = row!(
        conn,
        (i64,),
        "INSERT INTO rate_limits (key, arrival) VALUES ($1, $2)
         ON CONFLICT (key) DO UPDATE
            SET arrival = CASE WHEN rate_limits.arrival > $3 THEN rate_limits.arrival + $4 ELSE $2 END
            WHERE rate_limits.arrival <= $5
         RETURNING arrival",
        key,
        now.saturating_add(cost),
        now,
        cost,
        now.saturating_add(capacity).saturating_sub(cost)
    )?;
    Ok(state.map(|(arrival,)| arrival))
}

/// The state of a key.
pub async fn state(conn: &mut Conn, key: &str) -> Result<Option<i64>, StoreError> {
    Ok(row!(conn, (i64,), "SELECT arrival FROM rate_limits WHERE key = $1", key)?.map(|(arrival,)| arrival))
}

/// Forgets keys whose allowance is whole again.
pub async fn forget(conn: &mut Conn, now: i64) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM rate_limits WHERE arrival < $1", now)?;
    Ok(())
}
