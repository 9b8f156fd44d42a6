//! What members and admins see of accounts.

use super::{
    choose::makes_meetings,
    connection_id, file, find,
    health::{Facts, health},
    list::through,
    opened, owner,
};
use crate::{
    api::{
        AppError,
        calendars::{
            Account, AccountPage, Again, CalendarsPage, Choice, LogLine, MemberAccount, PresetChoice,
            ShownCalendar, Way,
        },
    },
    domain::ids::RowId,
    server::{
        calendars::{
            self, Provider,
            access::{Connect, Credential},
        },
        context::Context,
        store::{
            Conn,
            connections::{
                self as store, ConnectionRow, HealthRow,
                calendars::{self as calendars_store, CalendarRow},
            },
            gaps, instant,
            members::SignedIn,
        },
        use_cases::{
            mail_settings::{shown, zone},
            providers,
        },
    },
};
use chrono::{DateTime, Utc};

/// Lines of the log on one page.
const PAGE: usize = 50;

/// What is not fully known of a calendar, in words.
fn gaps_of(gaps: &[(String, i64, String)], calendar: &str) -> String {
    match gaps.iter().find(|(id, _, _)| id == calendar) {
        None => String::new(),
        Some((_, 1, sentence)) => sentence.clone(),
        Some((_, number, sentence)) => {
            format!(
                "{number} of its entries are not fully known; the log of the account names them. One: {sentence}"
            )
        }
    }
}

fn named(provider: &dyn Provider, is_file: bool) -> &'static str {
    if is_file { "Calendar file" } else { provider.name() }
}

fn shown_calendar(
    provider: &dyn Provider,
    row: CalendarRow,
    twin: Option<String>,
    gaps: &[(String, i64, String)],
    now: DateTime<Utc>,
) -> ShownCalendar {
    ShownCalendar {
        gaps: gaps_of(gaps, row.id.as_str()),
        id: row.id.to_string(),
        name: row.name,
        writable: row.writable,
        main: row.main,
        present: row.present,
        twin,
        syncs: row.syncs,
        conflicts: row.conflicts,
        receives: row.receives,
        tentative: row.tentative,
        meetings: (makes_meetings(provider) && row.writable).then_some(row.meetings),
        outside: row.outside,
        silent: row.silent,
        invites: row.invites,
        last: row.synced_at.map(instant),
        pushed: row.channel_expires_at.is_some_and(|until| instant(until) > now),
        trouble: row.trouble,
    }
}

async fn shown_account(
    conn: &mut Conn,
    me: &SignedIn,
    row: &ConnectionRow,
    rows: Vec<CalendarRow>,
    now: DateTime<Utc>,
) -> Result<Option<Account>, AppError> {
    // An account of a provider that this version does not know.
    let Some(provider) = calendars::provider(&row.provider) else { return Ok(None) };
    let elsewhere = calendars_store::in_use_elsewhere(conn, owner(me), &row.provider, &row.id).await?;
    let in_use = |calendar: &&CalendarRow| calendar.present && (calendar.syncs || calendar.receives);
    let calendar_trouble = rows.iter().filter(in_use).map(|calendar| calendar.trouble.as_str());
    let calendar_trouble = calendar_trouble.into_iter().find(|trouble| !trouble.is_empty());
    let gaps = gaps::of_member(conn, &me.workspace_id, &me.member_id).await?;
    let is_file = file::is_file(&row.provider, &row.account_key);
    let health = health(
        &Facts {
            is_file,
            state: &row.state,
            trouble: &row.trouble,
            calendar_trouble: calendar_trouble.unwrap_or_default(),
            limited_until: row.limited_until.map(instant),
            reading: row.reading,
            unread: row.unread,
            receives: rows.iter().any(|calendar| calendar.receives),
            last: row.synced_at.map(instant),
            next: Some(instant(row.next_at)),
            waiting: row.waiting,
        },
        now,
    );
    let calendars = rows.into_iter().map(|calendar| {
        let off = !(calendar.syncs || calendar.receives);
        let twin = through(provider, &row.home, &calendar.remote_id, &elsewhere).filter(|_| off);
        let twin = twin.map(str::to_owned);
        shown_calendar(provider, calendar, twin, &gaps, now)
    });
    Ok(Some(Account {
        id: row.id.to_string(),
        provider: provider.key(),
        provider_name: named(provider, is_file),
        label: row.label.clone(),
        writes: provider.writes(),
        is_file,
        health,
        calendars: calendars.collect(),
    }))
}

async fn choices(conn: &mut Conn, context: &Context, me: &SignedIn) -> Result<Vec<Choice>, AppError> {
    let mut choices = Vec::new();
    for provider in calendars::ALL {
        let way = match provider.connect() {
            Connect::OAuth(_) => {
                let setup = providers::setup(conn, context, &me.workspace_id, provider).await?;
                Way::Consent { ready: setup.is_some() }
            }
            Connect::Password { presets } => {
                let choice = |preset: &calendars::access::Preset| PresetChoice {
                    key: preset.key,
                    name: preset.name,
                    needs_url: preset.url.is_empty(),
                    hint: preset.hint,
                };
                Way::Password { presets: presets.iter().map(choice).collect() }
            }
            Connect::Feed => Way::Feed,
        };
        choices.push(Choice { key: provider.key(), name: provider.name(), way });
    }
    Ok(choices)
}

fn member_account(row: HealthRow, now: DateTime<Utc>) -> Option<MemberAccount> {
    let provider = calendars::provider(&row.provider)?;
    let is_file = file::is_file(&row.provider, &row.account_key);
    let health = health(
        &Facts {
            is_file,
            state: &row.state,
            trouble: &row.trouble,
            calendar_trouble: &row.calendar_trouble,
            limited_until: row.limited_until.map(instant),
            reading: row.reading,
            unread: row.unread,
            receives: row.receives,
            last: row.synced_at.map(instant),
            next: Some(instant(row.next_at)),
            waiting: row.waiting,
        },
        now,
    );
    Some(MemberAccount {
        member: row.member,
        provider_name: named(provider, is_file),
        writes: provider.writes(),
        health,
    })
}

/// The page of the accounts of the member who is signed in.
pub async fn overview(
    context: &Context,
    me: &SignedIn,
    now: DateTime<Utc>,
) -> Result<CalendarsPage, AppError> {
    let mut conn = context.db.read().await?;
    let mut rows = calendars_store::of_member(&mut conn, owner(me)).await?;
    let mut accounts = Vec::new();
    for row in store::of_member(&mut conn, &me.workspace_id, &me.member_id).await? {
        let (mine, others) = rows.into_iter().partition(|calendar| calendar.connection_id == row.id);
        rows = others;
        accounts.extend(shown_account(&mut conn, me, &row, mine, now).await?);
    }
    let members = if me.role == "admin" {
        let rows = store::health(&mut conn, &me.workspace_id).await?;
        Some(rows.into_iter().filter_map(|row| member_account(row, now)).collect())
    } else {
        None
    };
    Ok(CalendarsPage {
        me: shown(me),
        zone: zone(me)?,
        accounts,
        choices: choices(&mut conn, context, me).await?,
        members,
        alert: None,
        echo: None,
    })
}

/// The page of one account, with its log from a place on.
pub async fn account(
    context: &Context,
    me: &SignedIn,
    connection: &str,
    before: &str,
    now: DateTime<Utc>,
) -> Result<AccountPage, AppError> {
    let id = connection_id(connection)?;
    let mut conn = context.db.read().await?;
    let row = find(&mut conn, me, &id).await?;
    let mut rows = calendars_store::of_member(&mut conn, owner(me)).await?;
    rows.retain(|calendar| calendar.connection_id == id);
    let account = shown_account(&mut conn, me, &row, rows, now).await?.ok_or(AppError::UnknownPage)?;
    let cursor = before
        .split_once('.')
        .filter(|(_, id)| RowId::try_from((*id).to_owned()).is_ok())
        .and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)));
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let from = cursor.unwrap_or((i64::MAX, ""));
    let mut log = store::log(&mut conn, &me.workspace_id, &id, from, most).await?;
    let more = log.len() > PAGE;
    log.truncate(PAGE);
    let older = log.last().filter(|_| more).map(|line| format!("{}.{}", line.at, line.id));
    let again = match opened(context, &row) {
        Some(Credential::Password { url, user, .. }) => Again::Password { url, user },
        Some(Credential::Feed { .. }) => Again::Feed,
        Some(Credential::File) => Again::File,
        Some(Credential::Tokens { .. }) => Again::Consent,
        None => match calendars::provider(&row.provider).map(Provider::connect) {
            Some(Connect::OAuth(_)) => Again::Consent,
            Some(Connect::Password { .. }) => Again::Password { url: String::new(), user: String::new() },
            _ if account.is_file => Again::File,
            _ => Again::Feed,
        },
    };
    Ok(AccountPage {
        me: shown(me),
        zone: zone(me)?,
        since: instant(row.created_at),
        account,
        again,
        log: log
            .into_iter()
            .map(|line| LogLine {
                at: instant(line.at),
                calendar: line.calendar,
                sentence: line.sentence,
                went_well: line.went_well,
            })
            .collect(),
        older,
        later: cursor.is_some(),
        alert: None,
        echo: None,
    })
}
