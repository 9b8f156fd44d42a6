//! "Download my data": everything that a workspace holds about an address (GDPR, articles 15 and 20).

use super::Visitor;
use crate::{
    api::{
        AppError,
        portal::{
            DataAppointment, DataGuestOf, DataLink, DataLogEntry, DataMessage, DataOrder, DataSession,
            PortalData,
        },
    },
    domain::{rate::Limit, text::EmailAddress},
    server::{
        context::Context,
        crypto,
        store::{
            Conn, StoreError, instant,
            portal::{
                self,
                everything::{self, GuestsRow, WholeRow},
            },
        },
        use_cases::plan::place,
    },
};
use chrono::{DateTime, Utc};

/// Putting it together reads more than any page: so often for one address.
const LIMIT: Limit = Limit { name: "portal-data", requests: 10, seconds: 300 };

/// Appointments that are looked through at once.
const CHUNK: i64 = 500;

/// Puts everything together.
pub async fn everything(
    context: &Context,
    visitor: &Visitor,
    now: DateTime<Utc>,
) -> Result<PortalData, AppError> {
    let (workspace, email_key) = (&visitor.workspace.id, visitor.email_key.as_str());
    // A hash, as the key of a limit may be kept in the database.
    let client: String =
        crypto::hash(&format!("{workspace}/{email_key}")).iter().map(|byte| format!("{byte:02x}")).collect();
    let verdict = context.limiter.judge(&context.db, LIMIT, &client).await?;
    if let Some(verdict) = verdict.filter(|verdict| !verdict.allowed) {
        return Err(AppError::TooMany { retry_after: verdict.retry_after.max(1) });
    }
    let mut conn = context.db.read().await?;
    let hosts = super::hosts(&mut conn, visitor).await?;
    let appointments = everything::appointments(&mut conn, workspace, email_key).await?;
    let appointments = appointments
        .into_iter()
        .map(|row| {
            let hosts = hosts.get(&row.booking_id).cloned().unwrap_or_default();
            appointment(row, hosts)
        })
        .collect::<Result<_, _>>()?;
    let guest_of = guest_of(&mut conn, visitor).await?.into_iter().map(|row| DataGuestOf {
        service: row.service,
        start: instant(row.start_at),
        end: instant(row.end_at),
    });
    let guest_of = guest_of.collect();
    let orders = everything::orders(&mut conn, workspace, email_key).await?;
    let messages = everything::messages(&mut conn, workspace, email_key).await?;
    let log = everything::log(&mut conn, workspace, email_key).await?;
    let sessions = everything::sessions(&mut conn, workspace, email_key).await?;
    let links = everything::links(&mut conn, workspace, email_key).await?;
    let feed = portal::feed(&mut conn, workspace, email_key).await?;
    Ok(PortalData {
        version: 1,
        made_at: now,
        workspace: visitor.workspace.name.clone(),
        email: visitor.email_key.clone(),
        appointments,
        guest_of,
        orders: orders
            .into_iter()
            .map(|(service, created_at, expires_at)| DataOrder {
                service,
                created_at: instant(created_at),
                expires_at: instant(expires_at),
            })
            .collect(),
        messages: messages
            .into_iter()
            .map(|row| DataMessage {
                kind: row.kind,
                subject: row.subject,
                status: row.status,
                created_at: instant(row.created_at),
                settled_at: row.settled_at.map(instant),
            })
            .collect(),
        log: log
            .into_iter()
            .map(|(at, actor, action)| DataLogEntry { at: instant(at), by: by(&actor), action })
            .collect(),
        sessions: sessions
            .into_iter()
            .map(|(created_at, seen_at)| DataSession {
                created_at: instant(created_at),
                seen_at: instant(seen_at),
            })
            .collect(),
        links: links
            .into_iter()
            .map(|(expires_at, used_at)| DataLink {
                expires_at: instant(expires_at),
                used_at: used_at.map(instant),
            })
            .collect(),
        feed_created_at: feed.map(|feed| instant(feed.created_at)),
    })
}

/// Who did something, without naming anyone else.
fn by(actor: &str) -> &'static str {
    match actor.split_once(':') {
        Some(("invitee", _)) => "you",
        Some(("member", _)) => "a member",
        _ => "the system",
    }
}

fn appointment(row: WholeRow, hosts: Vec<String>) -> Result<DataAppointment, StoreError> {
    let rules = row.rules()?;
    let place = place(&rules.location, true, &row.phone, &row.meeting);
    Ok(DataAppointment {
        status: row.status(),
        answers: row.answers()?,
        guests: row.guests()?,
        id: row.id.into(),
        service: row.service,
        start: instant(row.start_at),
        end: instant(row.end_at),
        moved_from: row.moved_from.map(instant),
        hosts,
        place: place.label,
        place_detail: place.detail,
        price: rules.price,
        name: row.name,
        email: row.email,
        phone: row.phone,
        timezone: row.zone,
        notes: row.notes,
        cancel_reason: row.cancel_reason,
        reminders: row.reminders,
        no_show: row.no_show,
        sequence: row.sequence,
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
    })
}

/// Is this spelling the address?
pub(super) fn is_address(text: &str, email_key: &str) -> bool {
    EmailAddress::parse(text).is_ok_and(|address| address.key() == email_key)
}

/// The appointments of others that name the address as a guest.
pub(super) async fn guest_of(conn: &mut Conn, visitor: &Visitor) -> Result<Vec<GuestsRow>, StoreError> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let rows = everything::with_guests(conn, &visitor.workspace.id, &after, CHUNK).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.id.to_string();
        for row in rows {
            if row.guests()?.iter().any(|guest| is_address(guest, &visitor.email_key)) {
                found.push(row);
            }
        }
    }
}
