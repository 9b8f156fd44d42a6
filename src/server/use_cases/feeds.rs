//! Bookings out to other programs: feeds that calendars subscribe to, and the file of one booking.
//!
//! A feed is read by whoever has its address, with nobody signed in; what is in it is what its owner may see at that moment.
//! Who is no manager any more has no feed of others' bookings any more. Times in feeds are in UTC, which needs no VTIMEZONE
//! and is right in every calendar; METHOD is PUBLISH, so nobody is named as ATTENDEE (RFC 5546 §3.2.1). The UID is that of
//! the entry in hosts' mails and connected calendars, so that a calendar that knows both shows one.

use super::{mail_settings::shown, note, plan::place};
use crate::{
    api::{
        AppError,
        feeds::{FeedChoice, FeedsPage, ListedFeed, MadeFeed},
    },
    domain::{
        appointment::BookingStatus,
        ids::{BookingId, EventTypeId, RowId},
        zone::ZoneRules,
    },
    server::{
        context::Context,
        crypto, ids,
        mail::calendar::{self, Entry},
        store::{
            Conn, StoreError, event_types,
            feeds::{self, EntryRow, InviteeRow, NewFeed, Which},
            instant,
            members::SignedIn,
        },
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{collections::HashMap, sync::Arc};

/// Feeds that a member can have.
const MOST: usize = 20;
/// How far back a feed reaches, in days.
const PAST_DAYS: i64 = 90;
/// Bookings in a feed at most; beyond it the oldest are left out.
const MOST_ENTRIES: i64 = 2_000;

/// A feed as a person asked for it.
#[derive(Debug, Clone, Default)]
pub struct FeedForm {
    /// `own`, `all`, or the id of an event type.
    pub what: String,
    /// With what invitees said of themselves?
    pub contacts: bool,
}

fn sees_all(role: &str) -> bool {
    matches!(role, "manager" | "admin")
}

/// Whose feeds a member sees and revokes: an admin everyone's (empty).
fn only(me: &SignedIn) -> &str {
    if me.role == "admin" { "" } else { me.member_id.as_str() }
}

fn words(scope: &str, member: &str, service: Option<&str>, workspace: &str) -> String {
    match scope {
        "own" => format!("Bookings of {member}"),
        "event_type" => format!("{}: {workspace}", service.unwrap_or_default()),
        _ => format!("All bookings: {workspace}"),
    }
}

async fn choices(conn: &mut Conn, me: &SignedIn) -> Result<Vec<FeedChoice>, StoreError> {
    let own = words("own", &me.name, None, &me.workspace_name);
    let mut choices = vec![FeedChoice { word: "own".into(), what: own }];
    if sees_all(&me.role) {
        let all = words("all", "", None, &me.workspace_name);
        choices.push(FeedChoice { word: "all".into(), what: all });
        for row in event_types::all(conn, &me.workspace_id).await? {
            let what = words("event_type", "", Some(&row.name), &me.workspace_name);
            choices.push(FeedChoice { word: row.id.to_string(), what });
        }
    }
    Ok(choices)
}

/// The list of feeds.
pub async fn page(context: &Context, me: &SignedIn) -> Result<FeedsPage, AppError> {
    let mut conn = context.db.read().await?;
    let rows = feeds::list(&mut conn, &me.workspace_id, only(me)).await?;
    let own = |member: &str| member == me.member_id.as_str();
    let full = rows.iter().filter(|row| own(&row.member_id)).count() >= MOST;
    let listed = rows.into_iter().map(|row| ListedFeed {
        what: words(&row.scope, &row.member, row.service.as_deref(), &me.workspace_name),
        owner: (!own(&row.member_id)).then_some(row.member),
        id: row.id,
        contacts: row.contacts,
        created_at: instant(row.created_at),
    });
    let zone = zones::rules(&me.zone).or_else(|| zones::rules("UTC")).ok_or(AppError::Internal)?;
    Ok(FeedsPage {
        me: shown(me),
        zone: ZoneRules::clone(&zone),
        feeds: listed.collect(),
        choices: choices(&mut conn, me).await?,
        full,
        echo: None,
    })
}

/// Makes a feed. Its address is in the answer and nowhere else: only the hash of its token is kept.
pub async fn create(
    context: &Context,
    me: &SignedIn,
    form: &FeedForm,
    now: DateTime<Utc>,
) -> Result<MadeFeed, AppError> {
    let mut conn = context.db.write().await?;
    let offered = choices(&mut conn, me).await?;
    let chosen = offered
        .into_iter()
        .find(|choice| choice.word == form.what)
        .ok_or_else(|| AppError::field("what", "Please choose what is to be in the feed."))?;
    let mine = feeds::list(&mut conn, &me.workspace_id, me.member_id.as_str()).await?;
    if mine.len() >= MOST {
        return Err(AppError::field(
            "what",
            "You have as many feeds as there can be. Revoke one to add another.",
        ));
    }
    let (scope, event_type) = match chosen.word.as_str() {
        word @ ("own" | "all") => (word, None),
        id => ("event_type", Some(EventTypeId::try_from(id.to_owned())?)),
    };
    let (id, token): (RowId, _) = (ids::new(now)?, crypto::random_token());
    let new = NewFeed {
        id: &id,
        workspace: &me.workspace_id,
        member: &me.member_id,
        scope,
        event_type: event_type.as_ref(),
        contacts: form.contacts,
        token_hash: &crypto::hash(&token),
    };
    feeds::insert(&mut conn, &new, now).await?;
    let (actor, subject) = (format!("member:{}", me.member_id), format!("feed:{id}"));
    note(&mut conn, &me.workspace_id, &actor, "feed.created", &subject, now).await?;
    conn.commit().await?;
    let url = format!("{}/feed/{token}.ics", context.config.public_url);
    Ok(MadeFeed { me: shown(me), what: chosen.what, url, contacts: form.contacts })
}

/// Revokes a feed: its address opens nothing any more.
pub async fn revoke(context: &Context, me: &SignedIn, id: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    let id = RowId::try_from(id.to_owned()).map_err(|_| AppError::UnknownPage)?;
    let mut conn = context.db.write().await?;
    if !feeds::delete(&mut conn, &me.workspace_id, &id, only(me)).await? {
        return Err(AppError::UnknownPage);
    }
    let (actor, subject) = (format!("member:{}", me.member_id), format!("feed:{id}"));
    note(&mut conn, &me.workspace_id, &actor, "feed.revoked", &subject, now).await?;
    conn.commit().await?;
    Ok(())
}

/// The feed behind a token; `None` when there is none, none any more, or its owner may not see it any more. The same
/// bookings give the same bytes.
pub async fn read(context: &Context, token: &str, now: DateTime<Utc>) -> Result<Option<String>, AppError> {
    let mut conn = context.db.read().await?;
    let Some(feed) = feeds::by_token(&mut conn, &crypto::hash(token)).await? else { return Ok(None) };
    if feed.scope != "own" && !sees_all(&feed.role) {
        return Ok(None);
    }
    // Whole days, so that the feed stays the same from one minute to the next.
    let since = (now - TimeDelta::days(PAST_DAYS)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let which = Which {
        workspace: &feed.workspace_id,
        member: if feed.scope == "own" { &feed.member_id } else { "" },
        event_type: feed.event_type_id.as_deref().unwrap_or_default(),
        booking: "",
        from: since,
    };
    let utc = Arc::new(ZoneRules::utc());
    let entries = gather(&mut conn, context, &which, feed.contacts, &utc).await?;
    let name = words(&feed.scope, &feed.member, feed.service.as_deref(), &feed.workspace);
    Ok(Some(calendar::published(&name, &entries)))
}

/// One booking as a file, for a member who may see it.
pub async fn booking_file(context: &Context, me: &SignedIn, booking: &str) -> Result<String, AppError> {
    let booking = BookingId::try_from(booking.to_owned()).map_err(|_| AppError::UnknownAppointment)?;
    let mut conn = context.db.read().await?;
    let which = Which {
        workspace: &me.workspace_id,
        member: if sees_all(&me.role) { "" } else { me.member_id.as_str() },
        event_type: "",
        booking: booking.as_str(),
        from: DateTime::UNIX_EPOCH,
    };
    let zone = zones::rules(&me.zone).unwrap_or_else(|| Arc::new(ZoneRules::utc()));
    let entries = gather(&mut conn, context, &which, true, &zone).await?;
    if entries.is_empty() {
        return Err(AppError::UnknownAppointment);
    }
    Ok(calendar::file(&entries))
}

async fn gather(
    conn: &mut Conn,
    context: &Context,
    which: &Which<'_>,
    contacts: bool,
    zone: &Arc<ZoneRules>,
) -> Result<Vec<Entry>, StoreError> {
    let mut rows = feeds::entries(conn, which, MOST_ENTRIES).await?;
    rows.reverse();
    let mut invitees: HashMap<String, Vec<InviteeRow>> = HashMap::new();
    for row in feeds::invitees(conn, which).await? {
        invitees.entry(row.booking_id.clone()).or_default().push(row);
    }
    let mut hosts: HashMap<String, Vec<String>> = HashMap::new();
    for (booking, name) in feeds::hosts(conn, which).await? {
        hosts.entry(booking).or_default().push(name);
    }
    rows.into_iter()
        .map(|row| {
            let invitees = invitees.remove(&row.id).unwrap_or_default();
            let hosts = hosts.remove(&row.id).unwrap_or_default();
            entry(context, row, &invitees, &hosts, contacts, zone)
        })
        .collect()
}

/// A booking as an entry, in the words of the entry that its hosts get by mail.
fn entry(
    context: &Context,
    row: EntryRow,
    invitees: &[InviteeRow],
    hosts: &[String],
    contacts: bool,
    zone: &Arc<ZoneRules>,
) -> Result<Entry, StoreError> {
    let page = format!("{}/booking", context.config.public_url);
    let shared = row.seats > 1;
    let one = invitees.first().filter(|_| !shared && contacts);
    let summary = one.map_or_else(|| row.service.clone(), |one| format!("{}: {}", row.service, one.name));
    let mut lines = Vec::new();
    if !hosts.is_empty() {
        lines.push(format!("With {}.", hosts.join(", ")));
    }
    if shared {
        lines.push(format!("{} of {} seats are taken.", invitees.len(), row.seats));
    }
    if contacts && shared {
        lines.extend(invitees.iter().map(|invitee| format!("{}, {}", invitee.name, invitee.email)));
    }
    if let Some(one) = one {
        lines.extend([&one.name, &one.email, &one.phone, &one.notes].map(String::clone));
        lines.extend(one.answers()?.into_iter().map(|answer| format!("{}: {}", answer.label, answer.value)));
    }
    lines.push(page.clone());
    lines.retain(|line| !line.is_empty());
    let place = place(
        &row.rules()?.location,
        row.status == BookingStatus::Confirmed,
        one.map_or("", |one| &one.phone),
        &row.meeting,
    );
    // Without a number to call there is nothing to say but that there is a call.
    let location = if place.needs_phone && one.is_none() { place.label } else { place.detail };
    Ok(Entry {
        uid: row.id,
        sequence: row.sequence,
        // When it was last changed, not when it was asked for: the feed changes only when a booking does.
        stamp: instant(row.updated_at),
        start: instant(row.start_at),
        end: instant(row.end_at),
        zone: Arc::clone(zone),
        summary,
        description: lines.join("\n"),
        location,
        url: Some(page),
        status: row.status,
        organizer: None,
        attendees: Vec::new(),
    })
}
