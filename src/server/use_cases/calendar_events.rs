//! A member's own events: what they enter in their calendar beside appointments. Kept in a calendar outside if they choose
//! one, and in step with it ([`super::sync`]).

use super::{mail_settings::shown, note, sync::reflect_event};
use crate::{
    api::{
        AppError,
        calendar_events::{
            CalendarChoice, DeletedEvent, EventForm, EventPage, EventsPage, ListedEvent, When,
        },
    },
    domain::{
        calendar_event::{Content, EventInput, EventTime},
        ids::{CalendarEventId, CalendarId, RowId},
        interval::Interval,
        zone::ZoneRules,
    },
    server::{
        context::Context,
        ids,
        store::{
            Conn, StoreError, busy,
            calendar_events::{self as store, EventRow, ListedRow, Owner, Said},
            connections as connections_store,
            connections::calendars as calendars_store,
            instant,
            members::SignedIn,
            sync as sync_store,
        },
        zones,
    },
};
use chrono::{DateTime, Days, DurationRound, TimeDelta, Utc};
use std::sync::Arc;

/// Events on one page.
const PAGE: usize = 50;
/// Events that a member can have before them.
const MOST: i64 = 5_000;
/// Deleted events that are offered to be brought back.
const MOST_DELETED: i64 = 10;
/// How long a deleted event can be brought back, in days.
pub(crate) const KEPT_DAYS: i64 = 30;

fn owner(me: &SignedIn) -> Owner<'_> {
    Owner { workspace: &me.workspace_id, member: &me.member_id }
}

fn event_id(text: &str) -> Result<CalendarEventId, AppError> {
    CalendarEventId::try_from(text.to_owned()).map_err(|_| AppError::UnknownPage)
}

async fn zone(conn: &mut Conn, me: &SignedIn) -> Result<Arc<ZoneRules>, AppError> {
    let name = sync_store::owner_zone(conn, &me.member_id).await?;
    Ok(zones::rules(&name).unwrap_or_else(|| Arc::new(ZoneRules::utc())))
}

fn when(content: &Content) -> When {
    match content.time {
        EventTime::Timed { start, end } => When::Timed(start, end),
        EventTime::Days { first, until } => When::Days(first, until.pred_opt().unwrap_or(first)),
    }
}

async fn listed(conn: &mut Conn, me: &SignedIn, rows: Vec<ListedRow>) -> Result<Vec<ListedEvent>, AppError> {
    let time = |row: &EventRow| Interval::new(instant(row.start_at), instant(row.end_at));
    let times: Vec<Interval> = rows.iter().filter_map(|row| time(&row.event)).collect();
    let from = times.iter().map(|time| time.start()).min();
    let until = times.iter().map(|time| time.end()).max();
    let taken = match from.zip(until).and_then(|(from, until)| Interval::new(from, until)) {
        Some(range) => busy::claims_of(conn, &me.workspace_id, &me.member_id, range).await?,
        None => Vec::new(),
    };
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let overlaps = time(&row.event)
            .is_some_and(|time| row.event.busy && taken.iter().any(|claim| claim.overlaps(time)));
        let content = row.event.content()?;
        events.push(ListedEvent {
            id: row.event.id.to_string(),
            when: when(&content),
            title: content.title,
            place: content.place,
            busy: content.busy,
            calendar: row.calendar,
            waiting: row.waiting,
            overlaps,
            trouble: row.event.trouble,
        });
    }
    Ok(events)
}

/// The events of the member who is signed in that are not over, from a place in the list on.
pub async fn list(
    context: &Context,
    me: &SignedIn,
    after: &str,
    now: DateTime<Utc>,
) -> Result<EventsPage, AppError> {
    let from = after.split_once('.').and_then(|(at, id)| {
        let id = CalendarEventId::try_from(id.to_owned()).ok()?;
        Some((at.parse::<i64>().ok()?, id))
    });
    let (at, id) = from.as_ref().map_or((i64::MIN, ""), |(at, id)| (*at, id.as_str()));
    let mut conn = context.db.read().await?;
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut rows = store::list(&mut conn, owner(me), now, (at, id), most).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.event.start_at, last.event.id));
    let deleted = store::deleted(&mut conn, owner(me), now, MOST_DELETED).await?;
    let deleted: Result<Vec<DeletedEvent>, StoreError> = deleted
        .into_iter()
        .map(|row| {
            let content = row.content()?;
            Ok(DeletedEvent { id: row.id.to_string(), when: when(&content), title: content.title })
        })
        .collect();
    Ok(EventsPage {
        me: shown(me),
        zone: ZoneRules::clone(&*zone(&mut conn, me).await?),
        events: listed(&mut conn, me, rows).await?,
        next,
        later: from.is_some(),
        deleted: deleted?,
    })
}

/// The calendars that events of a member can be kept in, and the one that receives their bookings.
async fn calendars(
    conn: &mut Conn,
    me: &SignedIn,
) -> Result<(Vec<CalendarChoice>, Option<String>), AppError> {
    let of = calendars_store::Owner { workspace: &me.workspace_id, member: &me.member_id };
    let accounts = connections_store::of_member(conn, &me.workspace_id, &me.member_id).await?;
    let rows = calendars_store::of_member(conn, of).await?;
    let receives = rows.iter().find(|row| row.receives && row.present && !row.twin);
    let receives = receives.map(|row| row.id.to_string());
    let usable = rows.into_iter().filter(|row| row.writable && row.present && !row.twin && row.syncs);
    let choice = |row: calendars_store::CalendarRow| {
        let account = accounts.iter().find(|account| account.id == row.connection_id);
        let account = account.map_or("", |account| account.label.as_str());
        CalendarChoice { id: row.id.to_string(), words: format!("{} ({account})", row.name) }
    };
    Ok((usable.map(choice).collect(), receives))
}

/// The form of a new event: the next hour.
pub async fn new_form(context: &Context, me: &SignedIn, now: DateTime<Utc>) -> Result<EventPage, AppError> {
    let mut conn = context.db.read().await?;
    let zone = zone(&mut conn, me).await?;
    let (calendars, receives) = calendars(&mut conn, me).await?;
    let hour = now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now) + TimeDelta::hours(1);
    let (start, end) = (zone.local(hour), zone.local(hour + TimeDelta::hours(1)));
    let chosen = receives.filter(|id| calendars.iter().any(|choice| choice.id == *id));
    let id: CalendarEventId = ids::new(now)?;
    Ok(EventPage {
        me: shown(me),
        id: id.to_string(),
        is_new: true,
        form: EventForm {
            from_date: start.date().to_string(),
            from_time: start.format("%H:%M").to_string(),
            until_date: end.date().to_string(),
            until_time: end.format("%H:%M").to_string(),
            busy: true,
            calendar: chosen.unwrap_or_default(),
            ..EventForm::default()
        },
        zone: ZoneRules::clone(&zone),
        calendars,
        trouble: String::new(),
        echo: None,
    })
}

/// The form of an event of the member who is signed in.
pub async fn form(context: &Context, me: &SignedIn, id: &str) -> Result<EventPage, AppError> {
    let id = event_id(id)?;
    let mut conn = context.db.read().await?;
    let row = store::of_owner(&mut conn, owner(me), &id).await?;
    let row = row.filter(|row| row.deleted_at.is_none()).ok_or(AppError::UnknownPage)?;
    let zone = zone(&mut conn, me).await?;
    let (mut calendars, _) = calendars(&mut conn, me).await?;
    if let Some(kept) = &row.calendar_id
        && !calendars.iter().any(|choice| choice.id == *kept)
    {
        let name = sync_store::calendar(&mut conn, &CalendarId::try_from(kept.clone())?).await?;
        let words = name.map_or_else(String::new, |calendar| calendar.name);
        calendars
            .push(CalendarChoice { id: kept.clone(), words: format!("{words} (not in use at the moment)") });
    }
    let content = row.content()?;
    let (start, end) = (zone.local(instant(row.start_at)), zone.local(instant(row.end_at)));
    let (from, until, whole) = match content.time {
        EventTime::Timed { .. } => (start.date(), end.date(), false),
        EventTime::Days { first, until } => {
            (first, until.checked_sub_days(Days::new(1)).unwrap_or(first), true)
        }
    };
    let clock = |local: chrono::NaiveDateTime| {
        if whole { String::new() } else { local.format("%H:%M").to_string() }
    };
    Ok(EventPage {
        me: shown(me),
        id: id.to_string(),
        is_new: false,
        form: EventForm {
            title: content.title,
            place: content.place,
            notes: content.notes,
            whole,
            from_date: from.to_string(),
            from_time: clock(start),
            until_date: until.to_string(),
            until_time: clock(end),
            busy: content.busy,
            calendar: row.calendar_id.clone().unwrap_or_default(),
            version: row.version,
        },
        zone: ZoneRules::clone(&zone),
        calendars,
        trouble: row.trouble,
        echo: None,
    })
}

/// What was entered, checked, and the calendar that it is to be kept in.
async fn checked(
    conn: &mut Conn,
    me: &SignedIn,
    form: &EventForm,
    kept: Option<&str>,
) -> Result<(Content, Interval, Option<CalendarId>), AppError> {
    let zone = zone(conn, me).await?;
    let input = EventInput {
        title: form.title.clone(),
        place: form.place.clone(),
        notes: form.notes.clone(),
        whole: form.whole,
        from_date: form.from_date.clone(),
        from_time: form.from_time.clone(),
        until_date: form.until_date.clone(),
        until_time: form.until_time.clone(),
        busy: form.busy,
    };
    let content = input.check(&zone).map_err(|fields| AppError::Invalid { fields })?;
    let calendar = match form.calendar.as_str() {
        "" => None,
        chosen => {
            let (choices, _) = calendars(conn, me).await?;
            if kept != Some(chosen) && !choices.iter().any(|choice| choice.id == chosen) {
                return Err(AppError::field("calendar", "Please choose one of the calendars in the list."));
            }
            Some(CalendarId::try_from(chosen.to_owned())?)
        }
    };
    let time = content.time.interval(&zone).ok_or_else(|| {
        AppError::field("from_date", "This day does not exist in your time zone. Please choose another.")
    })?;
    Ok((content, time, calendar))
}

/// What an event takes of its owner's time, and where it is written: as it is now.
async fn follow(conn: &mut Conn, id: &CalendarEventId, now: DateTime<Utc>) -> Result<(), AppError> {
    let Some(row) = store::by_id(conn, id).await? else { return Ok(()) };
    let time = Interval::new(instant(row.start_at), instant(row.end_at));
    let takes = time.filter(|_| row.busy && row.deleted_at.is_none());
    let interval: RowId = ids::new(now)?;
    store::set_busy(conn, &interval, &row, takes).await?;
    reflect_event(conn, &row, now).await?;
    Ok(())
}

async fn noted(
    conn: &mut Conn,
    me: &SignedIn,
    action: &str,
    id: &CalendarEventId,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (actor, subject) = (format!("member:{}", me.member_id), format!("event:{id}"));
    Ok(note(conn, &me.workspace_id, &actor, action, &subject, now).await?)
}

/// Makes an event. The same one sent twice is made once.
pub async fn create(
    context: &Context,
    me: &SignedIn,
    id: &str,
    form: &EventForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let id = event_id(id)?;
    let mut conn = context.db.write().await?;
    let (content, time, calendar) = checked(&mut conn, me, form, None).await?;
    if store::count(&mut conn, owner(me), now).await? >= MOST {
        return Err(AppError::field("title", "You have 5,000 events before you. Please delete some first."));
    }
    let said = Said { content: &content, time };
    match store::insert(&mut conn, &id, owner(me), calendar.as_ref(), said, now).await {
        Err(StoreError::Duplicate) => {
            drop(conn);
            let mut conn = context.db.read().await?;
            let known = store::of_owner(&mut conn, owner(me), &id).await?;
            return known.map(drop).ok_or(AppError::UnknownPage);
        }
        made => made?,
    }
    follow(&mut conn, &id, now).await?;
    noted(&mut conn, me, "event.created", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Changes an event, if it is still as it was looked at.
pub async fn change(
    context: &Context,
    me: &SignedIn,
    id: &str,
    form: &EventForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let id = event_id(id)?;
    let mut conn = context.db.write().await?;
    store::lock(&mut conn, &id).await?;
    let row = store::of_owner(&mut conn, owner(me), &id).await?;
    let row = row.filter(|row| row.deleted_at.is_none()).ok_or(AppError::UnknownPage)?;
    let (content, time, calendar) = checked(&mut conn, me, form, row.calendar_id.as_deref()).await?;
    if row.version != form.version {
        return Err(AppError::field(
            "version",
            "This event was changed meanwhile, in your calendar or in another window. Here is what you entered: save it again \
             to replace the other change.",
        ));
    }
    if calendar.as_ref().map(CalendarId::as_str) != row.calendar_id.as_deref() {
        store::set_calendar(&mut conn, &id, calendar.as_ref()).await?;
    }
    store::set(&mut conn, &id, Said { content: &content, time }, now).await?;
    follow(&mut conn, &id, now).await?;
    noted(&mut conn, me, "event.changed", &id, now).await?;
    Ok(conn.commit().await?)
}

async fn set_deleted(
    context: &Context,
    me: &SignedIn,
    id: &str,
    deleted: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let id = event_id(id)?;
    let mut conn = context.db.write().await?;
    store::lock(&mut conn, &id).await?;
    let row = store::of_owner(&mut conn, owner(me), &id).await?.ok_or(AppError::UnknownPage)?;
    if row.deleted_at.is_some() == deleted {
        return Ok(());
    }
    store::set_deleted(&mut conn, &id, deleted.then_some(now)).await?;
    follow(&mut conn, &id, now).await?;
    let action = if deleted { "event.deleted" } else { "event.restored" };
    noted(&mut conn, me, action, &id, now).await?;
    Ok(conn.commit().await?)
}

/// Deletes an event. It can be brought back for a while.
pub async fn delete(context: &Context, me: &SignedIn, id: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    set_deleted(context, me, id, true, now).await
}

/// Brings an event back that was deleted.
pub async fn restore(context: &Context, me: &SignedIn, id: &str, now: DateTime<Utc>) -> Result<(), AppError> {
    set_deleted(context, me, id, false, now).await
}
