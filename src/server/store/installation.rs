//! Facts about the whole installation, and leases for what one process at a time does.

use super::{Conn, StoreError, micros, row, run};
use chrono::{DateTime, Utc};

/// A fact, or nothing.
pub async fn fact(conn: &mut Conn, name: &str) -> Result<Option<String>, StoreError> {
    let found = row!(conn, (String,), "SELECT value FROM installation WHERE name = $1", name)?;
    Ok(found.map(|(value,)| value))
}

/// Notes a fact, over what was noted before.
pub async fn set_fact(conn: &mut Conn, name: &str, value: &str) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2",
        name,
        value
    )?;
    Ok(())
}

/// Notes a fact unless one is noted already.
pub async fn set_first_fact(conn: &mut Conn, name: &str, value: &str) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        name,
        value
    )?;
    Ok(())
}

/// Takes or keeps a lease until `until`; `false` while another owner has it.
pub async fn lease(
    conn: &mut Conn,
    name: &str,
    owner: &str,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let taken = run!(
        conn,
        "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET owner = $2, until = $3
            WHERE leases.owner = $2 OR leases.until <= $4",
        name,
        owner,
        micros(until),
        micros(now)
    )?;
    Ok(taken > 0)
}

/// Gives a lease back.
pub async fn release(conn: &mut Conn, name: &str, owner: &str) -> Result<(), StoreError> {
    run!(conn, "DELETE FROM leases WHERE name = $1 AND owner = $2", name, owner)?;
    Ok(())
}
