//! Push channels of calendars: one for each calendar at most, in its own row.

use super::{Conn, StoreError, micros, row, rows, run};
use crate::domain::ids::{CalendarId, ConnectionId};
use chrono::{DateTime, Utc};

/// A push channel to keep.
#[derive(Debug)]
pub struct NewChannel<'a> {
    /// Its id at the provider.
    pub id: &'a str,
    /// What else ends it.
    pub resource: &'a str,
    /// The hash of the secret that pushes carry; `None`: as before.
    pub secret: Option<&'a [u8]>,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// When it is to be renewed.
    pub renew: DateTime<Utc>,
}

/// Keeps a push channel, in place of the one before.
pub async fn set(conn: &mut Conn, id: &CalendarId, channel: &NewChannel<'_>) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET channel_id = $2, channel_resource = $3, channel_secret = COALESCE($4, channel_secret),
                channel_expires_at = $5, channel_renew_at = $6
         WHERE id = $1",
        id.as_str(),
        channel.id,
        channel.resource,
        channel.secret,
        micros(channel.expires),
        micros(channel.renew)
    )?;
    Ok(())
}

/// Forgets a push channel, and asks for another no sooner than `retry`.
pub async fn clear(conn: &mut Conn, id: &CalendarId, retry: Option<DateTime<Utc>>) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendars SET channel_id = NULL, channel_resource = '', channel_secret = NULL, channel_expires_at = NULL,
                channel_renew_at = $2
         WHERE id = $1",
        id.as_str(),
        retry.map(micros)
    )?;
    Ok(())
}

/// The calendar and the secret's hash of a push channel.
pub async fn by_channel(
    conn: &mut Conn,
    provider: &str,
    channel: &str,
) -> Result<Option<(CalendarId, Vec<u8>)>, StoreError> {
    let found = row!(
        conn,
        (String, Vec<u8>),
        "SELECT k.id, k.channel_secret FROM calendars k JOIN connections c ON c.id = k.connection_id
         WHERE k.channel_id = $2 AND c.provider = $1 AND k.channel_secret IS NOT NULL",
        provider,
        channel
    )?;
    found.map(|(id, hash)| Ok((CalendarId::try_from(id)?, hash))).transpose()
}

/// The push channels of an account that have not ended: their ids at the provider, what else ends them, and when they end;
/// epoch microseconds.
pub async fn of_connection(
    conn: &mut Conn,
    connection: &ConnectionId,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String, i64)>, StoreError> {
    rows!(
        conn,
        (String, String, i64),
        "SELECT channel_id, channel_resource, channel_expires_at FROM calendars
         WHERE connection_id = $1 AND channel_id IS NOT NULL AND channel_expires_at > $2 ORDER BY id",
        connection.as_str(),
        micros(now)
    )
}

/// Has a push channel that still works renewed later.
pub async fn postpone(conn: &mut Conn, id: &CalendarId, renew: DateTime<Utc>) -> Result<(), StoreError> {
    run!(conn, "UPDATE calendars SET channel_renew_at = $2 WHERE id = $1", id.as_str(), micros(renew))?;
    Ok(())
}
