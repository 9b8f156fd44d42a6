//! The calendar file of an appointment.

use super::{
    mail::calendar::{self, Entry},
    store::instant,
    use_cases::{appointments::Found, plan::place},
    zones,
};
use crate::domain::zone::ZoneRules;
use std::sync::Arc;

/// An appointment as an entry of the invitee's calendar: the same entry as in the mails about it, so that a file and a
/// mail don't make two. Whatever the server's address, the UID stays.
pub fn entry(found: &Found, public_url: &str, token: &str) -> Entry {
    let row = &found.row;
    let page = format!("{public_url}/appointment/{token}");
    let (service, workspace) = (&found.event_type.name, &found.event_type.workspace_name);
    Entry {
        uid: row.invitee_id.to_string(),
        sequence: row.sequence,
        stamp: instant(row.updated_at),
        start: instant(row.start_at),
        end: instant(row.end_at),
        zone: zones::rules(&row.zone).unwrap_or_else(|| Arc::new(ZoneRules::utc())),
        summary: format!("{service}: {workspace}"),
        description: format!("With {} ({workspace}).\nMove or cancel: {page}", found.hosts.join(", ")),
        location: place(&found.rules.location, true, &row.phone, &row.meeting).detail,
        url: Some(page),
        status: row.status(),
        organizer: None,
        attendees: Vec::new(),
    }
}

/// An appointment as a file to download. Importing a newer one replaces the older entry.
pub fn file(found: &Found, public_url: &str, token: &str) -> String {
    calendar::file(&[entry(found, public_url, token)])
}
