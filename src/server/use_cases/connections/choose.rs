//! What members choose for their calendars, and the way out.

use super::{
    actor, calendar_id, connection_id, farewell::Farewell, find, list::through, noted, opened, owner,
};
use crate::{
    api::{AppError, calendars::CalendarForm},
    domain::ids::{CalendarId, ConnectionId},
    server::{
        calendars::{self, Provider, access::Connect, event::Channel},
        context::Context,
        store::{
            Conn, channels,
            connections::{
                self as store, ConnectionRow,
                calendars::{self as calendars_store, CalendarRow, Choices},
            },
            instant,
            members::SignedIn,
        },
        use_cases::{providers, sync},
    },
};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// What became of our access at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disconnected {
    /// It was taken back there, or there was nothing to take back.
    Whole,
    /// Here everything is forgotten, but the provider could not be told.
    HereOnly,
    /// Here everything is forgotten; the provider is being told, and takes its time.
    Later,
}

/// How long somebody who disconnects an account waits for the provider: it is told, whether they wait or not.
const GOODBYE: Duration = Duration::from_secs(3);

/// A calendar of an account, both the member's own.
async fn calendar(
    conn: &mut Conn,
    me: &SignedIn,
    connection: &ConnectionId,
    id: &CalendarId,
) -> Result<(ConnectionRow, CalendarRow), AppError> {
    let row = find(conn, me, connection).await?;
    let found = calendars_store::by_id(conn, owner(me), id).await?;
    let found = found.filter(|found| found.connection_id == *connection).ok_or(AppError::UnknownPage)?;
    Ok((row, found))
}

fn provider(key: &str) -> Result<&'static dyn Provider, AppError> {
    calendars::provider(key).ok_or(AppError::UnknownPage)
}

fn refused(sentence: String) -> AppError {
    AppError::BadRequest { hint: sentence }
}

/// A calendar that is in use through another account stays off here, or its events would count twice. One that was and no
/// longer is becomes usable again.
async fn alone(
    conn: &mut Conn,
    me: &SignedIn,
    connection: &ConnectionRow,
    row: &CalendarRow,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let of = owner(me);
    let elsewhere = calendars_store::in_use_elsewhere(conn, of, &connection.provider, &connection.id).await?;
    let provider = provider(&connection.provider)?;
    if let Some(label) = through(provider, &connection.home, &row.remote_id, &elsewhere) {
        return Err(refused(format!(
            "This calendar is in use through {label}. Switch it off there first, so that its events don't count twice."
        )));
    }
    if row.twin {
        calendars_store::set_twin(conn, of, &row.id, false, now).await?;
    }
    Ok(())
}

fn gone() -> AppError {
    refused("This calendar is no longer in the account.".to_owned())
}

async fn set(
    conn: &mut Conn,
    me: &SignedIn,
    row: &CalendarRow,
    choices: &Choices<'_>,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    calendars_store::set_choices(conn, owner(me), &row.id, choices, now).await?;
    let derived =
        (row.syncs, row.conflicts, row.tentative) != (choices.syncs, choices.conflicts, choices.tentative);
    if derived {
        sync::choices_changed(conn, &row.id, now).await?;
    }
    Ok(())
}

fn choices_of(row: &CalendarRow) -> Choices<'_> {
    Choices {
        syncs: row.syncs,
        conflicts: row.conflicts,
        tentative: row.tentative,
        meetings: row.meetings,
        outside: &row.outside,
        silent: &row.silent,
        invites: &row.invites,
    }
}

/// Sets what is chosen for a calendar. One that receives bookings is read, whatever the form says: else nobody would notice
/// what becomes of them there.
pub async fn choose(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    calendar_text: &str,
    form: &CalendarForm,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (id, calendar_id) = (connection_id(connection)?, calendar_id(calendar_text)?);
    let one_of = |text: &str, words: [&'static str; 2]| {
        words.into_iter().find(|word| *word == text).ok_or_else(|| {
            refused("The form could not be read. Please reload the page and try again.".to_owned())
        })
    };
    let (outside, silent, invites) = (
        one_of(&form.outside, ["adopt", "flag"])?,
        one_of(&form.silent, ["book", "refuse"])?,
        one_of(&form.invites, ["us", "provider"])?,
    );
    let mut conn = context.db.write().await?;
    calendars_store::lock(&mut conn, owner(me)).await?;
    let (account, row) = calendar(&mut conn, me, &id, &calendar_id).await?;
    let provider = provider(&account.provider)?;
    let syncs = form.syncs || row.receives;
    if syncs && !row.syncs {
        if !row.present {
            return Err(gone());
        }
        alone(&mut conn, me, &account, &row, now).await?;
    }
    let choices = Choices {
        syncs,
        conflicts: syncs && form.conflicts,
        tentative: form.tentative,
        meetings: form.meetings && makes_meetings(provider),
        outside,
        silent,
        invites: if row.writable { invites } else { "us" },
    };
    set(&mut conn, me, &row, &choices, now).await?;
    noted(&mut conn, me, "calendar.changed", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Can links of online meetings be asked for there?
pub(super) fn makes_meetings(provider: &dyn Provider) -> bool {
    matches!(provider.connect(), Connect::OAuth(_))
}

/// Switches a calendar on (it is read and takes time) or off, with one click.
pub async fn use_calendar(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    calendar_text: &str,
    on: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (id, calendar_id) = (connection_id(connection)?, calendar_id(calendar_text)?);
    let mut conn = context.db.write().await?;
    calendars_store::lock(&mut conn, owner(me)).await?;
    let (account, row) = calendar(&mut conn, me, &id, &calendar_id).await?;
    if on {
        if !row.present {
            return Err(gone());
        }
        alone(&mut conn, me, &account, &row, now).await?;
    }
    let syncs = on || row.receives;
    set(&mut conn, me, &row, &Choices { syncs, conflicts: on, ..choices_of(&row) }, now).await?;
    noted(&mut conn, me, "calendar.changed", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Has bookings written to a calendar, and to no other one from then on; or to none.
pub async fn receive(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    calendar_text: &str,
    on: bool,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let (id, calendar_id) = (connection_id(connection)?, calendar_id(calendar_text)?);
    let mut conn = context.db.write().await?;
    calendars_store::lock(&mut conn, owner(me)).await?;
    let (account, row) = calendar(&mut conn, me, &id, &calendar_id).await?;
    let to = if on {
        if !row.present {
            return Err(gone());
        }
        if !row.writable {
            return Err(refused(
                "This calendar can only be read, so no bookings can be written to it.".to_owned(),
            ));
        }
        alone(&mut conn, me, &account, &row, now).await?;
        set(&mut conn, me, &row, &Choices { syncs: true, ..choices_of(&row) }, now).await?;
        Some(&row.id)
    } else if row.receives {
        None
    } else {
        // Another one receives by now: a form that is sent twice must not take that away.
        return Ok(());
    };
    if calendars_store::set_receiving(&mut conn, owner(me), to, now).await? {
        sync::receiver_changed(&mut conn, &me.workspace_id, &me.member_id, now).await?;
    }
    noted(&mut conn, me, "calendar.receiving", &id, now).await?;
    Ok(conn.commit().await?)
}

/// Has an account worked on now.
pub async fn sync_now(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    now: DateTime<Utc>,
) -> Result<(), AppError> {
    let id = connection_id(connection)?;
    let mut conn = context.db.write().await?;
    calendars_store::lock(&mut conn, owner(me)).await?;
    let row = find(&mut conn, me, &id).await?;
    if row.state == "reconnect" {
        return Err(refused("Please connect the account again: it can't be reached like this.".to_owned()));
    }
    if let Some(until) = row.limited_until.filter(|until| instant(*until) > now) {
        let minutes = (instant(until) - now).num_minutes() + 1;
        return Err(refused(format!(
            "The provider limits how much may be asked. It goes on by itself in about {minutes} min."
        )));
    }
    store::hurry(&mut conn, &me.workspace_id, &id, now).await?;
    Ok(conn.commit().await?)
}

/// Forgets an account with all that is known of it here, then tells the provider, beside the request: whoever disconnects
/// does not wait for it for long. What was written to its calendars stays there.
pub async fn disconnect(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    now: DateTime<Utc>,
) -> Result<Disconnected, AppError> {
    let id = connection_id(connection)?;
    let mut conn = context.db.write().await?;
    calendars_store::lock(&mut conn, owner(me)).await?;
    let row = find(&mut conn, me, &id).await?;
    let provider = provider(&row.provider)?;
    let setup = providers::setup(&mut conn, context, &me.workspace_id, provider).await?;
    let channels = channels::of_connection(&mut conn, &id, now).await?;
    sync::forget_connection(&mut conn, &me.workspace_id, &id, &actor(me), now).await?;
    let shared = store::is_connected(&mut conn, &row.provider, &row.account_key).await?;
    conn.commit().await?;
    let Some(credential) = opened(context, &row) else { return Ok(Disconnected::Whole) };
    let channel =
        |(id, resource, expires): (String, String, i64)| Channel { id, resource, expires: instant(expires) };
    let farewell = Farewell {
        provider,
        setup,
        credential,
        home: row.home,
        zone: me.zone.clone(),
        allow_private: context.config.allow_private_urls,
        channels: channels.into_iter().map(channel).collect(),
        shared,
        now,
    };
    // A task of its own: it comes to its end although nobody waits.
    let saying = tokio::spawn(async move {
        let said = farewell.say().await;
        if let Err(fault) = &said {
            let provider = provider.key();
            tracing::info!(%fault, provider, "an access could not be taken back at its provider");
        }
        said
    });
    Ok(match tokio::time::timeout(GOODBYE, saying).await {
        Ok(Ok(Ok(()))) => Disconnected::Whole,
        Ok(_) => Disconnected::HereOnly,
        Err(_) => Disconnected::Later,
    })
}
