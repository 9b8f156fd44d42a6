//! An appointment as its invitee sees it.

use super::plan::place;
use crate::{
    api::{
        AppError,
        public::{Appointment, CalendarLinks, WorkspaceRef},
    },
    domain::{
        appointment::{BookingStatus, Change},
        event_type::EventTypeRules,
        interval::Interval,
    },
    server::{
        context::Context,
        crypto,
        store::{attendees, bookings, event_types, instant, invitees},
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// A text inside a URL's query (RFC 3986 §2.1).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Links that open a calendar's own form, filled in. Shapes: Google's `calendar/render?action=TEMPLATE`, and the
/// `deeplink/compose` of Outlook on the web, which takes the same words for private and company accounts.
fn links(token: &str, title: &str, details: &str, place: &str, time: Interval) -> CalendarLinks {
    let compact = |at: DateTime<Utc>| at.format("%Y%m%dT%H%M%SZ").to_string();
    let full = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (title, details, place) = (encoded(title), encoded(details), encoded(place));
    let (start, end) = (time.start(), time.end());
    let outlook = |host: &str| {
        format!(
            "https://{host}/calendar/0/deeplink/compose?path=%2Fcalendar%2Faction%2Fcompose&rru=addevent&subject={title}\
             &startdt={}&enddt={}&body={details}&location={place}",
            encoded(&full(start)),
            encoded(&full(end))
        )
    };
    CalendarLinks {
        google: format!(
            "https://calendar.google.com/calendar/render?action=TEMPLATE&text={title}&dates={}/{}&details={details}&location={place}",
            compact(start),
            compact(end)
        ),
        outlook: outlook("outlook.live.com"),
        office: outlook("outlook.office.com"),
        ics: format!("/appointment/{token}/invite.ics"),
    }
}

/// A row with what belongs to it, for the page and for the calendar file.
#[derive(Debug)]
pub struct Found {
    /// The appointment.
    pub row: invitees::AppointmentRow,
    /// The event type and workspace.
    pub event_type: event_types::EventTypeRow,
    /// What the owner decided.
    pub rules: EventTypeRules,
    /// The hosts' names.
    pub hosts: Vec<String>,
    /// Until when a pending booking holds its time.
    pub expires: Option<DateTime<Utc>>,
}

/// Finds the appointment behind a token.
pub async fn find(context: &Context, token: &str) -> Result<Found, AppError> {
    let mut conn = context.db.read().await?;
    let row =
        invitees::by_token(&mut conn, &crypto::hash(token)).await?.ok_or(AppError::UnknownAppointment)?;
    let event_type = event_types::by_id(&mut conn, &row.workspace_id, &row.event_type_id)
        .await?
        .ok_or(AppError::UnknownAppointment)?;
    let rules = event_type.rules()?;
    let hosts =
        attendees::names(&mut conn, &row.booking_id).await?.into_iter().map(|(_, name)| name).collect();
    let booking = bookings::get(&mut conn, &row.workspace_id, &row.booking_id).await?;
    let expires = booking.and_then(|booking| booking.expires_at).map(instant);
    Ok(Found { row, event_type, rules, hosts, expires })
}

/// The page of an appointment.
pub async fn view(context: &Context, token: &str, now: DateTime<Utc>) -> Result<Appointment, AppError> {
    let Found { row, event_type, rules, hosts, expires } = find(context, token).await?;
    let time = row.time()?;
    let place = place(&rules.location, true, &row.phone, &row.meeting);
    let page = format!("{}/appointment/{token}", context.config.public_url);
    let details = format!("With {}.\nMove or cancel: {page}", hosts.join(", "));
    let zone = zones::rules(&row.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    let policy = rules.policy;
    let status = row.status();
    let month = TimeDelta::days(31);
    Ok(Appointment {
        token: token.to_owned(),
        links: links(token, &event_type.name, &details, &place.detail, time),
        workspace: WorkspaceRef { slug: event_type.workspace_slug, name: event_type.workspace_name },
        service_slug: event_type.slug,
        service_name: event_type.name,
        status,
        start: time.start(),
        end: time.end(),
        zone: zones::cut(
            &zone,
            time.start().min(row.moved_from.map_or(time.start(), instant)) - month,
            time.end() + month,
        ),
        moved_from: row.moved_from.map(instant),
        hosts,
        place,
        price: rules.price,
        cant_move: policy.allows(Change::Move, status, time.start(), now).err(),
        cant_cancel: policy.allows(Change::Cancel, status, time.start(), now).err(),
        policy: policy.in_words(),
        guests: row.guests()?,
        most_guests: rules.guests,
        expires: expires.filter(|_| status == BookingStatus::Pending),
        answers: row.answers()?,
        name: row.name,
        email: row.email,
        notes: row.notes,
        cancel_reason: row.cancel_reason,
        hour12: false,
        now: now.timestamp(),
        echo: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_links_carry_any_text_safely() {
        let time =
            Interval::new("2026-12-01T10:00:00Z".parse().unwrap(), "2026-12-01T10:30:00Z".parse().unwrap())
                .unwrap();
        let made = links("TOKEN", "Q&A = \"fun\" #1", "a\nb", "Straße 1", time);
        assert!(
            made.google
                .contains("text=Q%26A%20%3D%20%22fun%22%20%231&dates=20261201T100000Z/20261201T103000Z"),
            "{}",
            made.google
        );
        assert!(made.outlook.contains("startdt=2026-12-01T10%3A00%3A00Z"));
        assert!(made.office.starts_with("https://outlook.office.com/"));
    }
}
