//! What is not fully known of a calendar, and how its owner learns of it.
//!
//! Unknown is not free: what was known of something stays when it can't be read any more, and of a series that can't be
//! followed everywhere too much is taken rather than too little. That must not go on without a word: each such thing is
//! written into the account's log once, and stands at the calendar until it is known again.

use super::{Stop, tour::Tour};
use crate::{
    domain::ids::{CalendarId, WorkspaceId},
    server::{
        calendars::{
            event::{RemoteEvent, When},
            recurrence::Lost,
        },
        store::{
            Conn, StoreError,
            gaps::{self, Kind, NewGap},
            remote_events, sync,
            sync::CalendarRow,
        },
    },
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashSet};

/// Lines that one reading adds to the log for what could not be read; what is more is counted.
const MOST_LINES: usize = 5;
/// How much of an id is shown, in characters.
const LONGEST_NAME: usize = 60;

/// Does an event that is known stay, although its resource came without it (`Change::Resource::unread`)?
pub(crate) fn stays(id: &str, root: &str, unread: &[String]) -> bool {
    unread.iter().any(|kept| id.starts_with(kept.as_str()) || root.starts_with(kept.as_str()))
}

/// The end of an id, which is what people can find something by.
fn name(id: &str) -> String {
    let end = id.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    end.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
}

/// Notes that something in a calendar can't be read.
pub(crate) async fn note_unreadable(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    calendar: &CalendarId,
    id: &str,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = !remote_events::under(conn, calendar, id).await?.is_empty();
    let so = if known {
        "What was known of it still takes time."
    } else {
        "When it is is not known, so it takes no time."
    };
    let sentence = format!("One entry of the calendar could not be read ({}): {why} {so}", name(id));
    let gap = NewGap { calendar, workspace, kind: Kind::Unreadable, about: id, sentence: &sentence };
    gaps::note(conn, &gap, now).await
}

/// The gaps of a calendar that are known, for some changes on their way into the database.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    unreadable: BTreeSet<String>,
    series: HashSet<String>,
}

impl Gaps {
    pub(super) async fn load(conn: &mut Conn, calendar: &CalendarId) -> Result<Self, StoreError> {
        Ok(Self {
            unreadable: gaps::of_calendar(conn, calendar, Kind::Unreadable).await?.into_iter().collect(),
            series: gaps::of_calendar(conn, calendar, Kind::Series).await?.into_iter().collect(),
        })
    }

    /// Something was read, or is gone: it is unreadable no more, but for what `unread` names.
    pub(super) async fn is_known(
        &mut self,
        conn: &mut Conn,
        calendar: &CalendarId,
        id: &str,
        unread: &[String],
    ) -> Result<(), StoreError> {
        let of_it = |about: &&String| {
            let rest = about.strip_prefix(id);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '#']))
                && !stays(about, about, unread)
        };
        let known: Vec<String> = self.unreadable.iter().filter(of_it).cloned().collect();
        for about in known {
            gaps::forget(conn, calendar, Kind::Unreadable, &about).await?;
            self.unreadable.remove(&about);
        }
        Ok(())
    }

    /// After everything was read: what was not met again is gone.
    pub(super) async fn sweep(
        conn: &mut Conn,
        calendar: &CalendarId,
        seen: &HashSet<String>,
    ) -> Result<(), StoreError> {
        for about in gaps::of_calendar(conn, calendar, Kind::Unreadable).await? {
            if !seen.contains(&about) {
                gaps::forget(conn, calendar, Kind::Unreadable, &about).await?;
            }
        }
        Ok(())
    }

    /// Notes what is not known of a series, or that all of it is.
    pub(super) async fn series(
        &self,
        conn: &mut Conn,
        tour: &Tour<'_>,
        calendar: &CalendarRow,
        root: &str,
        lost: Option<(&RemoteEvent, &Lost)>,
    ) -> Result<(), StoreError> {
        let Some((master, lost)) = lost else {
            if self.series.contains(root) {
                gaps::forget(conn, &calendar.id, Kind::Series, root).await?;
            }
            return Ok(());
        };
        let start = match &master.when {
            When::Timed { start, .. } => tour.words_for(*start),
            When::AllDay { start, .. } => start.format("%a %-d %b %Y").to_string(),
        };
        let what = match lost {
            Lost::Unclear => {
                "comes again in a way that can't be understood. What is known of it takes time, and so does \
                              what was known before; there may be more of it."
                    .to_owned()
            }
            Lost::Dense { from } => format!(
                "comes again more often than can be followed. From {} on, all time is taken.",
                tour.words_for(*from)
            ),
            Lost::Uncounted => {
                "comes again so often that it can't be told whether it is over. It is taken to go on."
                    .to_owned()
            }
        };
        let sentence = format!("A series that begins on {start} {what}");
        let (workspace, kind) = (&calendar.workspace_id, Kind::Series);
        let gap = NewGap { calendar: &calendar.id, workspace, kind, about: root, sentence: &sentence };
        gaps::note(conn, &gap, tour.now()).await
    }
}

/// Tells the calendar's owner of what was found and not told yet.
pub(super) async fn tell(tour: &Tour<'_>, calendar: &CalendarRow) -> Result<(), Stop> {
    // A glance first: whoever looks does not keep writers waiting.
    let mut conn = tour.context.db.read().await?;
    if gaps::untold(&mut conn, &calendar.id).await?.is_empty() {
        return Ok(());
    }
    drop(conn);
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    let untold = gaps::untold(&mut conn, &calendar.id).await?;
    let more = untold.len().saturating_sub(MOST_LINES);
    let mut lines: Vec<String> = untold.into_iter().take(MOST_LINES).collect();
    if more > 0 {
        lines.push(format!("{more} more entries of the calendar could not be read, or are not fully known."));
    }
    for sentence in &lines {
        let id = super::row_id(now)?;
        let line = sync::NewLine {
            id: id.as_str(),
            workspace: &calendar.workspace_id,
            connection: &calendar.connection_id,
            calendar: &calendar.name,
            sentence,
            went_well: false,
        };
        sync::log(&mut conn, &line, now).await?;
    }
    gaps::set_told(&mut conn, &calendar.id).await?;
    conn.commit().await?;
    Ok(())
}
