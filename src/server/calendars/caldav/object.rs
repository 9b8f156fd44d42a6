//! Calendar objects (RFC 4791 §4.1): one UID in each, with all its instances.

use super::{
    super::{
        access::{Access, Credential},
        event::Draft,
        fault::Fault,
        ics::{self, Contents},
    },
    discovery,
};

/// The owner's addresses: those that the server named, and the user name where it is one.
fn owner(access: &Access<'_>) -> Vec<String> {
    let mut owner = discovery::owner(access.home);
    if let Credential::Password { user, .. } = access.credential
        && user.contains('@')
        && !owner.contains(&user.to_lowercase())
    {
        owner.push(user.to_lowercase());
    }
    owner
}

/// The address that the owner invites with, if the server named one or the user name is one.
pub fn organizer(access: &Access<'_>) -> Option<String> {
    owner(access).into_iter().next()
}

/// What an object holds: ids are its path, and for instances `path#RECURRENCE-ID`.
pub fn read(access: &Access<'_>, path: &str, etag: Option<String>, text: &[u8]) -> Result<Contents, Fault> {
    let owner = owner(access);
    let how = ics::Reading { origin: ics::Origin::Object(path), zone: access.zone, owner: &owner };
    let mut contents = ics::read(text, &how)?;
    for event in &mut contents.events {
        event.etag.clone_from(&etag);
    }
    Ok(contents)
}

/// A draft as an object. Where we invite, no attendees stand in it: a server has nobody to send anything to (RFC 6638 §3.2.1),
/// and SCHEDULE-AGENT=CLIENT (§7.1) is not needed.
pub fn write(access: &Access<'_>, draft: &Draft) -> String {
    ics::write(draft, access.now, organizer(access).as_deref())
}

/// An object with its event as in the draft. What we don't know of it stays, attendees that its owner added among it: whom
/// the owner invited, the owner's server tells.
pub fn merge(access: &Access<'_>, existing: &[u8], draft: &Draft) -> String {
    ics::merge(&String::from_utf8_lossy(existing), draft, access.now, organizer(access).as_deref())
}
