//! The calendar file of an appointment (RFC 5545), written with `calcard`.

use super::{
    store::instant,
    use_cases::{appointments::Found, plan::place},
};
use crate::domain::appointment::BookingStatus;
use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarProperty,
        ICalendarStatus, ICalendarValue,
    },
};
use chrono::{DateTime, Utc};

fn utc(at: DateTime<Utc>) -> PartialDateTime {
    PartialDateTime::from_utc_timestamp(at.timestamp())
}

/// An appointment as a file to download: UTC times, a UID that never changes, and the SEQUENCE of the booking, so
/// that importing a newer file replaces the older entry.
pub fn file(found: &Found, public_url: &str, token: &str) -> String {
    let row = &found.row;
    let mut event = ICalendarComponent::new(ICalendarComponentType::VEvent);
    let mut add = |name: ICalendarProperty, value: ICalendarValue| {
        event.entries.push(ICalendarEntry::new(name).with_value(value));
    };
    let time = |at: DateTime<Utc>| ICalendarValue::PartialDateTime(Box::new(utc(at)));
    let text = |text: String| ICalendarValue::Text(text);
    let host = public_url.rsplit("://").next().unwrap_or("meridian").split(':').next().unwrap_or("meridian");
    add(ICalendarProperty::Uid, text(format!("{}@{host}", row.invitee_id)));
    add(ICalendarProperty::Dtstamp, time(instant(row.updated_at)));
    add(ICalendarProperty::Sequence, ICalendarValue::Integer(row.sequence));
    add(ICalendarProperty::Dtstart, time(instant(row.start_at)));
    add(ICalendarProperty::Dtend, time(instant(row.end_at)));
    add(ICalendarProperty::Summary, text(found.event_type.name.clone()));
    let page = format!("{public_url}/appointment/{token}");
    add(
        ICalendarProperty::Description,
        text(format!(
            "With {} ({}).\nMove or cancel: {page}",
            found.hosts.join(", "),
            found.event_type.workspace_name
        )),
    );
    let place = place(&found.rules.location, true, &row.phone);
    add(ICalendarProperty::Location, text(place.detail));
    add(ICalendarProperty::Url, text(page));
    let status = match row.status() {
        BookingStatus::Confirmed => ICalendarStatus::Confirmed,
        BookingStatus::Pending => ICalendarStatus::Tentative,
        BookingStatus::Cancelled | BookingStatus::Declined => ICalendarStatus::Cancelled,
    };
    add(ICalendarProperty::Status, ICalendarValue::Status(status));
    let mut calendar = ICalendarComponent::new(ICalendarComponentType::VCalendar);
    calendar.add_property(ICalendarProperty::Version, ICalendarValue::Text("2.0".into()));
    calendar
        .add_property(ICalendarProperty::Prodid, ICalendarValue::Text("-//Meridian//Meridian//EN".into()));
    calendar.component_ids.push(1);
    ICalendar { components: vec![calendar, event] }.to_string()
}
