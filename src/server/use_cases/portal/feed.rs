//! The feed of all appointments of an address: an iCalendar file (RFC 5545) at a secret address, for calendars that
//! subscribe to it.
//!
//! Times are in UTC, which needs no VTIMEZONE and is right in every calendar. There is nobody to invite: METHOD is PUBLISH,
//! and no ATTENDEE is named. Entries have the UID of the appointment's own file, so that a calendar that knows both shows
//! one; what was cancelled stays in the feed as such, so that calendars take it out.

use super::Visitor;
use crate::{
    api::AppError,
    domain::{appointment::BookingStatus, ids::RowId},
    server::{
        context::Context,
        crypto, ids,
        store::{
            Conn, StoreError, instant,
            portal::{self, ItemRow},
        },
        use_cases::plan::place,
    },
};
use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus,
        ICalendarValue, Uri,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// How far back a feed reaches, in days.
const PAST_DAYS: i64 = 366;
/// Appointments in a feed at most; beyond it the oldest are left out.
const MOST: i64 = 2_000;

/// The feed of an address whose URL can be shown: one that was made with another secret of the server's still works, but
/// nobody knows its URL any more.
pub(super) async fn current(
    conn: &mut Conn,
    context: &Context,
    visitor: &Visitor,
) -> Result<Option<RowId>, StoreError> {
    let feed = portal::feed(conn, &visitor.workspace.id, &visitor.email_key).await?;
    let is_current =
        |feed: &portal::KeptFeed| crypto::hash(&context.secret.feed_token(&feed.id)) == feed.token_hash;
    Ok(feed.filter(is_current).map(|feed| feed.id))
}

/// Makes the feed of an address, unless it has one.
pub async fn create(context: &Context, visitor: &Visitor, now: DateTime<Utc>) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    if current(&mut conn, context, visitor).await?.is_some() {
        return Ok(());
    }
    let id: RowId = ids::new(now)?;
    let token_hash = crypto::hash(&context.secret.feed_token(&id));
    let (workspace, email_key) = (&visitor.workspace.id, &visitor.email_key);
    portal::put_feed(&mut conn, &id, workspace, email_key, &token_hash, now).await?;
    conn.commit().await?;
    Ok(())
}

/// Revokes the feed of an address; its URL opens nothing any more, and the next one has another.
pub async fn revoke(context: &Context, visitor: &Visitor) -> Result<(), AppError> {
    let mut conn = context.db.write().await?;
    portal::delete_feed(&mut conn, &visitor.workspace.id, &visitor.email_key).await?;
    conn.commit().await?;
    Ok(())
}

/// The feed behind a token; `None` when there is none, or none any more. The same appointments give the same bytes.
pub async fn read(context: &Context, token: &str, now: DateTime<Utc>) -> Result<Option<String>, AppError> {
    let mut conn = context.db.read().await?;
    let Some(feed) = portal::feed_by_token(&mut conn, &crypto::hash(token)).await? else { return Ok(None) };
    let (workspace, email_key) = (&feed.workspace_id, feed.email_key.as_str());
    let from = now - TimeDelta::days(PAST_DAYS);
    let mut rows = portal::since(&mut conn, workspace, email_key, from, MOST).await?;
    rows.reverse();
    let mut hosts: HashMap<String, Vec<String>> = HashMap::new();
    for (booking, name) in portal::hosts(&mut conn, workspace, email_key).await? {
        hosts.entry(booking).or_default().push(name);
    }
    let mut calendar =
        crate::server::mail::calendar::published_head(&format!("Appointments: {}", feed.workspace_name));
    let mut components = Vec::with_capacity(rows.len() + 1);
    for (row, number) in rows.into_iter().zip(1..) {
        let with = hosts.get(&row.booking_id).map(|names| names.join(", ")).unwrap_or_default();
        components.push(event(context, &row, &with, &feed.workspace_name)?);
        calendar.component_ids.push(number);
    }
    components.insert(0, calendar);
    Ok(Some(ICalendar { components }.to_string()))
}

fn text(text: impl Into<String>) -> ICalendarValue {
    ICalendarValue::Text(text.into())
}

fn event(
    context: &Context,
    row: &ItemRow,
    with: &str,
    workspace: &str,
) -> Result<ICalendarComponent, StoreError> {
    let time = |micros: i64| {
        let at = PartialDateTime::from_utc_timestamp(instant(micros).timestamp());
        ICalendarValue::PartialDateTime(Box::new(at))
    };
    let page = super::links(context).appointment(&row.invitee_id);
    let place = place(&row.rules()?.location, true, &row.phone, &row.meeting);
    let status = match row.status() {
        BookingStatus::Confirmed => ICalendarStatus::Confirmed,
        BookingStatus::Pending => ICalendarStatus::Tentative,
        BookingStatus::Cancelled | BookingStatus::Declined => ICalendarStatus::Cancelled,
    };
    let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
    event.add_property(ICalendarProperty::Uid, text(row.invitee_id.as_str()));
    // When it was last changed, not when it was asked for: the feed changes only when an appointment does.
    event.add_property(ICalendarProperty::Dtstamp, time(row.changed_at));
    event.add_property(ICalendarProperty::LastModified, time(row.changed_at));
    event.add_property(ICalendarProperty::Sequence, ICalendarValue::Integer(row.sequence));
    event.add_property(ICalendarProperty::Dtstart, time(row.start_at));
    event.add_property(ICalendarProperty::Dtend, time(row.end_at));
    event.add_property(ICalendarProperty::Summary, text(row.service.clone()));
    let with = if with.is_empty() { workspace.to_owned() } else { format!("{with} ({workspace})") };
    event.add_property(
        ICalendarProperty::Description,
        text(format!("With {with}.\nSee, move or cancel: {page}")),
    );
    event.add_property(ICalendarProperty::Location, text(place.detail));
    event.add_property(ICalendarProperty::Url, ICalendarValue::Uri(Uri::Location(page)));
    event.add_property(ICalendarProperty::Status, ICalendarValue::Status(status));
    Ok(event)
}
