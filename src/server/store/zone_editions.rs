//! Which editions of the time-zone database were in use.

use super::{Conn, StoreError, row, run};
use crate::domain::ids::CalendarId;

/// The number of an edition: later ones have greater numbers. A new one gets the next.
pub async fn number(conn: &mut Conn, edition: &str) -> Result<i64, StoreError> {
    if let Some(number) = known(conn, edition).await? {
        return Ok(number);
    }
    run!(
        conn,
        "INSERT INTO zone_editions (number, edition)
         SELECT COALESCE(MAX(number), 0) + 1, $1 FROM zone_editions WHERE TRUE ON CONFLICT DO NOTHING",
        edition
    )?;
    // Another process may have come first, with this edition or with another one.
    known(conn, edition).await?.ok_or(StoreError::Again)
}

/// The number of an edition that is known.
pub async fn known(conn: &mut Conn, edition: &str) -> Result<Option<i64>, StoreError> {
    let found = row!(conn, (i64,), "SELECT number FROM zone_editions WHERE edition = $1", edition)?;
    Ok(found.map(|(number,)| number))
}

/// The edition by which a calendar was read; 0 for none.
pub async fn of_calendar(conn: &mut Conn, calendar: &CalendarId) -> Result<i64, StoreError> {
    let found = row!(conn, (i64,), "SELECT zone_edition FROM calendars WHERE id = $1", calendar.as_str())?;
    Ok(found.map_or(0, |(number,)| number))
}

/// Notes by which edition a calendar was read.
pub async fn set(conn: &mut Conn, calendar: &CalendarId, number: i64) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET zone_edition = $2 WHERE id = $1", calendar.as_str(), number)?;
    Ok(())
}
