//! One tour of one account: write what waits, read what changed, look after push channels, say how it went.

use super::{Stop, backoff, channel, jitter, read, write};
use crate::{
    domain::{
        ids::{ConnectionId, WorkspaceId},
        zone::ZoneRules,
    },
    server::{
        calendars::{
            self, Provider,
            access::{Access, Connect, Credential},
            fault::Fault,
            oauth::{self, Setup},
        },
        context::Context,
        store::{
            StoreError,
            holds::{self, Ended, HeldRow},
            instant,
            sync::{self, CalendarRow, Unlisted},
        },
        use_cases::{connections, post, providers},
        zones,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// How long an account is held before another worker may take it; extended while a tour goes on.
pub(crate) const LEASE: TimeDelta = TimeDelta::seconds(45);
/// A token that ends sooner is renewed first.
const ALMOST: TimeDelta = TimeDelta::seconds(90);
/// How often the list of an account's calendars is read.
const LIST: TimeDelta = TimeDelta::hours(12);
/// How long after a list that lacks a calendar another one is asked for: what was left out by mistake is there again by then.
const CERTAIN: TimeDelta = TimeDelta::minutes(5);
/// How often it is looked whether a calendar that is gone has come back.
const RETURN: TimeDelta = TimeDelta::hours(1);
/// How often an account is looked at that lacks a permission: what it still allows is done.
const PERMISSION: TimeDelta = TimeDelta::minutes(20);
/// A password that is refused so often in a row is wrong; less may be a server that restarts.
const WRONG_AFTER: i64 = 3;

/// A tour.
pub(super) struct Tour<'c> {
    pub(super) context: &'c Context,
    pub(super) row: HeldRow,
    pub(super) provider: &'static dyn Provider,
    /// The owner's zone: all-day and floating times are meant in it.
    pub(super) zone: Arc<ZoneRules>,
    setup: Option<Setup>,
    credential: Credential,
    holder: &'c str,
    clock: fn() -> DateTime<Utc>,
    /// Is a calendar read that was read by other rules of time zones before?
    pub(super) rules_changed: bool,
    /// Was something waited for?
    waited: bool,
    /// What the provider does not allow us any more, in words.
    lacking: Option<String>,
}

/// Asks a provider, with a token that is good; one that is refused all the same is renewed once.
macro_rules! reach {
    ($tour:expr, |$access:ident| $call:expr) => {{
        let mut renewed = false;
        loop {
            $tour.good_token().await?;
            let answer = {
                let $access = $tour.access();
                $call.await
            };
            match answer {
                Err($crate::server::calendars::fault::Fault::Unauthorized)
                    if !renewed && $tour.has_tokens() =>
                {
                    renewed = true;
                    $tour.renew().await?;
                }
                other => break other,
            }
        }
    }};
}
pub(super) use reach;

impl<'c> Tour<'c> {
    pub(super) async fn begin(
        context: &'c Context,
        row: HeldRow,
        holder: &'c str,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<Self, Stop> {
        let provider = calendars::provider(&row.provider)
            .ok_or_else(|| Fault::Refused("This version does not know the provider.".into()))?;
        let sealed = connections::sealed_for(&row.id);
        let credential = context
            .secret
            .open(&sealed, &row.credential)
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .ok_or_else(|| {
                Fault::Revoked("The stored access can't be opened with this server's secret.".into())
            })?;
        let mut conn = context.db.read().await?;
        let setup = match provider.connect() {
            Connect::OAuth(_) => {
                let setup = providers::setup(&mut conn, context, &row.workspace_id, provider).await?;
                Some(setup.ok_or_else(|| {
                    Fault::Temporary(format!(
                        "{} is not set up on this server any more. An admin of the workspace can do that under Calendars, \
                         Providers.",
                        provider.name()
                    ))
                })?)
            }
            Connect::Password { .. } | Connect::Feed => None,
        };
        let name = sync::owner_zone(&mut conn, &row.member_id).await?;
        let zone = zones::rules(&name).unwrap_or_else(|| Arc::new(ZoneRules::utc()));
        Ok(Self {
            context,
            row,
            provider,
            zone,
            setup,
            credential,
            holder,
            clock,
            rules_changed: false,
            waited: false,
            lacking: None,
        })
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    pub(super) fn access(&self) -> Access<'_> {
        Access {
            credential: &self.credential,
            endpoints: self.setup.as_ref().map(|setup| &setup.endpoints),
            home: &self.row.home,
            zone: self.zone.name(),
            allow_private: self.context.config.allow_private_urls,
            now: self.now(),
        }
    }

    /// May something be waited for? Once in a tour: what happens at one time needs no more.
    pub(super) fn may_wait(&mut self) -> bool {
        !std::mem::replace(&mut self.waited, true)
    }

    pub(super) fn has_tokens(&self) -> bool {
        matches!(self.credential, Credential::Tokens { .. })
    }

    /// Makes sure that the token lasts for the next request.
    pub(super) async fn good_token(&mut self) -> Result<(), Stop> {
        match &self.credential {
            Credential::Tokens { expires, .. } if *expires <= self.now() + ALMOST => self.renew().await,
            _ => Ok(()),
        }
    }

    /// Exchanges the refresh token, and keeps the answer before anything is done with it: where refresh tokens are for one
    /// use, an answer that is lost is an account that is lost.
    pub(super) async fn renew(&mut self) -> Result<(), Stop> {
        let (Credential::Tokens { refresh, .. }, Some(setup)) = (&self.credential, &self.setup) else {
            return Ok(());
        };
        let tokens = oauth::refresh(setup, refresh, self.now()).await?;
        self.lacking = lacking(self.provider, tokens.scopes.as_deref());
        let renewed =
            Credential::Tokens { access: tokens.access, refresh: tokens.refresh, expires: tokens.expires };
        let plain = serde_json::to_vec(&renewed).map_err(StoreError::from)?;
        let sealed = self.context.secret.seal(&connections::sealed_for(&self.row.id), &plain);
        let mut conn = self.context.db.write().await?;
        let kept =
            holds::set_credential(&mut conn, &self.row.id, self.holder, self.row.version, &sealed).await?;
        conn.commit().await?;
        if !kept {
            return Err(Stop::Lost);
        }
        self.row.version += 1;
        self.credential = renewed;
        Ok(())
    }

    /// An account that lacks permissions is asked for them again: its owner may have given them there.
    async fn ask_for_permissions(&mut self) -> Result<(), Stop> {
        if self.row.state == "permission" && self.has_tokens() { self.renew().await } else { Ok(()) }
    }

    /// Is the account still ours? Asked before what can't be taken back.
    pub(super) async fn still_ours(&self) -> Result<(), Stop> {
        let held = hold_on(self.context, &self.row.id, self.holder, self.now()).await?;
        if held { Ok(()) } else { Err(Stop::Lost) }
    }

    /// Writes down what was done, for the owner to read.
    pub(super) async fn log(&self, calendar: &str, sentence: &str, went_well: bool) -> Result<(), Stop> {
        let (workspace, connection) = (&self.row.workspace_id, &self.row.id);
        let mut conn = self.context.db.write().await?;
        super::log(&mut conn, workspace, connection, calendar, sentence, went_well, self.now()).await?;
        conn.commit().await?;
        Ok(())
    }

    pub(super) async fn calendars(&self) -> Result<Vec<CalendarRow>, Stop> {
        let mut conn = self.context.db.read().await?;
        Ok(sync::calendars(&mut conn, &self.row.id).await?)
    }

    /// When the list of calendars is to be read next.
    async fn list_due(&self) -> Result<DateTime<Utc>, Stop> {
        let Some(at) = self.row.listed_at.map(instant) else { return Ok(DateTime::UNIX_EPOCH) };
        let mut conn = self.context.db.read().await?;
        Ok(match sync::unlisted(&mut conn, &self.row.id).await? {
            Unlisted::Nothing => at + LIST,
            Unlisted::Gone => at + RETURN,
            Unlisted::Sought => at + CERTAIN,
        })
    }

    /// Reads the list of calendars when that is due.
    async fn list(&mut self) -> Result<(), Stop> {
        let now = self.now();
        if self.list_due().await? > now {
            return Ok(());
        }
        let found = reach!(self, |access| self.provider.calendars(&access))?;
        let mut conn = self.context.db.write().await?;
        let (workspace, member) = (&self.row.workspace_id, &self.row.member_id);
        connections::take_list(&mut conn, workspace, member, &self.row.id, self.provider, &found, now)
            .await?;
        sync::set_listed(&mut conn, &self.row.id, now).await?;
        conn.commit().await?;
        self.row.listed_at = Some(now.timestamp_micros());
        Ok(())
    }

    /// The whole of it. Returns when there is something to do next.
    async fn make(&mut self) -> Result<DateTime<Utc>, Stop> {
        self.ask_for_permissions().await?;
        match self.list().await {
            // Calendars that are known can be read and written all the same.
            Err(Stop::Fault(fault)) if !ends_tour(&fault) && !matches!(fault, Fault::Permission(_)) => {
                self.log("", &format!("The list of calendars was not read: {fault}"), false).await?;
            }
            listed => listed?,
        }
        write::all(self).await?;
        for calendar in self.calendars().await? {
            let due = calendar.syncs && (calendar.next_at <= self.now().timestamp_micros());
            if due {
                match read::calendar(self, &calendar).await {
                    Ok(()) => {}
                    Err(Stop::Fault(fault)) if !ends_tour(&fault) => {
                        if self.is_gone(&calendar, &fault) {
                            self.gone(&calendar).await?;
                            continue;
                        }
                        self.reading_failed(&calendar, &fault).await?;
                    }
                    Err(stop) => {
                        if let Stop::Fault(fault) = &stop {
                            self.reading_failed(&calendar, fault).await?;
                        }
                        return Err(stop);
                    }
                }
            }
            channel::look_after(self, &calendar).await?;
        }
        // What was read may have asked for writing.
        write::all(self).await?;
        self.may_all()?;
        self.next().await
    }

    /// Does the provider allow all that is needed? Asked at the end: what can be done without was done by then.
    pub(super) fn may_all(&self) -> Result<(), Stop> {
        match &self.lacking {
            Some(sentence) => Err(Fault::Permission(sentence.clone()).into()),
            None => Ok(()),
        }
    }

    /// Is it certain that a calendar is gone? A list may be short by mistake, and so may a server be that does not find a
    /// calendar for a moment: both must say so, and the list twice, some minutes apart. One that can still be read is there.
    fn is_gone(&self, calendar: &CalendarRow, fault: &Fault) -> bool {
        let unlisted = calendar.missing_since.zip(self.row.listed_at);
        matches!(fault, Fault::NotFound | Fault::Permission(_))
            && unlisted.is_some_and(|(since, listed)| instant(listed) - instant(since) >= CERTAIN)
    }

    /// A calendar is gone: it takes no time any more, and receives no bookings.
    async fn gone(&self, calendar: &CalendarRow) -> Result<(), Stop> {
        let (workspace, member, now) = (&self.row.workspace_id, &self.row.member_id, self.now());
        let mut conn = self.context.db.write().await?;
        connections::set_gone(&mut conn, workspace, member, &calendar.id, now).await?;
        let sentence = if calendar.receives {
            "It is no longer in the account: its events take no time any more, and your bookings are written to no calendar."
        } else {
            "It is no longer in the account: its events take no time any more."
        };
        super::log(&mut conn, workspace, &self.row.id, &calendar.name, sentence, false, now).await?;
        conn.commit().await?;
        Ok(())
    }

    /// Something was not found where a calendar should be. Whether it is gone with all that is in it, the account's list
    /// tells, in the next tour.
    pub(super) async fn not_there(&self) -> Result<Fault, Stop> {
        let mut conn = self.context.db.write().await?;
        sync::forget_list(&mut conn, &self.row.id).await?;
        conn.commit().await?;
        Ok(Fault::Temporary("The calendar is not in the account at the moment.".into()))
    }

    pub(super) async fn reading_failed(&self, calendar: &CalendarRow, fault: &Fault) -> Result<(), Stop> {
        let sentence = fault.to_string();
        let next = match fault {
            Fault::Limited(Some(until)) => *until,
            _ => self.now() + backoff(calendar.failures + 1),
        };
        let mut conn = self.context.db.write().await?;
        sync::set_failed(&mut conn, &calendar.id, &sentence, next).await?;
        if *fault == Fault::NotFound && calendar.missing_since.is_none() {
            sync::forget_list(&mut conn, &self.row.id).await?;
        }
        conn.commit().await?;
        self.log(&calendar.name, &format!("Not read: {sentence}"), false).await
    }

    /// When something is to be done next for this account.
    async fn next(&self) -> Result<DateTime<Utc>, Stop> {
        let (due, now) = (self.list_due().await?, self.now());
        // A list that could not be read is asked for again after a while.
        let mut next = if due > now { due } else { now + CERTAIN };
        for calendar in self.calendars().await? {
            if calendar.syncs {
                next = next.min(instant(calendar.next_at));
                if let Some(at) = calendar.channel_renew_at {
                    next = next.min(instant(at));
                }
            }
            if write::holds_back(&calendar) {
                continue;
            }
            let mut conn = self.context.db.read().await?;
            if let Some(at) = crate::server::store::mirrors::next_due(&mut conn, &calendar.id).await? {
                next = next.min(instant(at));
            }
        }
        Ok(next.max(self.now()))
    }
}

/// What is missing of the permissions that an account was connected with, as a sentence for its owner.
fn lacking(provider: &dyn Provider, granted: Option<&[String]>) -> Option<String> {
    let Connect::OAuth(oauth) = provider.connect() else { return None };
    let missing = oauth.missing(granted);
    let words: Vec<_> = missing.iter().map(|words| words.trim_end_matches('.')).collect();
    let sentence = || {
        format!(
            "A permission is missing at {}: {}. Please connect the account again, and allow everything.",
            provider.name(),
            words.join("; ")
        )
    };
    (!words.is_empty()).then(sentence)
}

/// Is a fault one of the whole account, so that going on with its other calendars makes no sense?
pub(super) fn ends_tour(fault: &Fault) -> bool {
    matches!(fault, Fault::Unauthorized | Fault::Revoked(_) | Fault::Limited(_))
}

/// Holds an account that is due, of another workspace than these.
pub(crate) async fn take(
    context: &Context,
    holder: &str,
    passing_over: &[WorkspaceId],
    now: DateTime<Utc>,
) -> Result<Option<HeldRow>, StoreError> {
    let mut conn = context.db.read().await?;
    // A glance first: whoever looks does not keep writers waiting.
    if holds::next_due(&mut conn).await?.is_none_or(|next| instant(next) > now) {
        return Ok(None);
    }
    drop(conn);
    let mut conn = context.db.write().await?;
    let held = holds::take(&mut conn, holder, now + LEASE, passing_over, now).await?;
    conn.commit().await?;
    Ok(held)
}

/// Holds an account longer. `false` when it is not held any more.
pub(crate) async fn hold_on(
    context: &Context,
    id: &ConnectionId,
    holder: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut conn = context.db.write().await?;
    let held = holds::extend(&mut conn, id, holder, now + LEASE).await?;
    conn.commit().await?;
    Ok(held)
}

/// Makes a tour of an account that is held, and lets go of it.
pub(crate) async fn run(context: &Context, row: HeldRow, holder: &str, clock: fn() -> DateTime<Utc>) {
    let made = match Tour::begin(context, row.clone(), holder, clock).await {
        Ok(mut tour) => tour.make().await,
        Err(stop) => Err(stop),
    };
    if let Err(error) = let_go(context, &row, holder, made, clock()).await {
        // Its lease runs out, and it is looked at again.
        tracing::warn!(%error, connection = %row.id, "how a tour ended could not be written down");
    }
}

/// Writes down how a tour ended, and lets go of the account.
pub(super) async fn let_go(
    context: &Context,
    row: &HeldRow,
    holder: &str,
    made: Result<DateTime<Utc>, Stop>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let failures = row.failures + 1;
    // What passes says nothing about what the owner has to do.
    let as_before = row.state.as_str();
    let has_password =
        calendars::provider(&row.provider).is_some_and(|found| !matches!(found.connect(), Connect::OAuth(_)));
    let (state, trouble, failures, next, limited_until) = match made {
        Ok(next) => ("ok", String::new(), 0, next, None),
        Err(Stop::Lost) => return Ok(()),
        Err(Stop::Store(error)) => {
            tracing::warn!(%error, connection = %row.id, "a tour met the database");
            (as_before, String::new(), failures, now + backoff(failures), None)
        }
        Err(Stop::Fault(fault)) => {
            let sentence = fault.to_string();
            match fault {
                // A server that has lost its directory for a minute refuses good passwords, too.
                Fault::Revoked(_) if has_password && failures < WRONG_AFTER => {
                    (as_before, sentence, failures, now + backoff(failures), None)
                }
                Fault::Revoked(_) => ("reconnect", sentence, failures, now + TimeDelta::days(3_650), None),
                Fault::Unauthorized if failures >= WRONG_AFTER => {
                    let sentence = "Our access is not taken any more.".to_owned();
                    ("reconnect", sentence, failures, now + TimeDelta::days(3_650), None)
                }
                Fault::Permission(_) => ("permission", sentence, failures, now + jitter(PERMISSION), None),
                Fault::Limited(until) => {
                    let until = until.unwrap_or(now + backoff(failures.max(2))).max(now);
                    let until = until.min(now + TimeDelta::days(1));
                    (as_before, String::new(), failures, until, Some(until))
                }
                _ => (as_before, sentence, failures, now + backoff(failures), None),
            }
        }
    };
    let ended = Ended { hints: row.hints, next, state, trouble: &trouble, failures, limited_until };
    let mut conn = context.db.write().await?;
    let released = holds::release(&mut conn, &row.id, holder, &ended, now).await?;
    if released && state != "ok" && holds::tell_once(&mut conn, &row.id, now).await? {
        post::account_needs_owner(&mut conn, &row.workspace_id, &row.id, &trouble, now).await?;
    }
    conn.commit().await
}

impl Tour<'_> {
    /// An instant in words, in the owner's zone: for sentences that they read.
    pub(super) fn words_for(&self, at: DateTime<Utc>) -> String {
        self.zone.local(at).format("%a %-d %b %Y, %H:%M").to_string()
    }
}
