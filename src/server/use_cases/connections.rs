//! Accounts at calendar providers: their calendars as they come from there.
use crate::{
    domain::ids::{ConnectionId, MemberId, WorkspaceId},
    server::{
        calendars::{Provider, event::RemoteCalendar},
        store::{Conn, StoreError},
    },
};
use chrono::{DateTime, Utc};
pub(crate) fn sealed_for(connection: &ConnectionId) -> String {
    format!("connection:{connection}")
}
pub(crate) async fn take_list(
    _c: &mut Conn,
    _w: &WorkspaceId,
    _m: &MemberId,
    _id: &ConnectionId,
    _p: &dyn Provider,
    _l: &[RemoteCalendar],
    _n: DateTime<Utc>,
) -> Result<(), StoreError> {
    Ok(())
}
