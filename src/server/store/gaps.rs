//! What is not fully known of calendars.

use super::{Conn, StoreError, micros, rows, run};
use crate::domain::ids::{CalendarId, MemberId, WorkspaceId};
use chrono::{DateTime, Utc};

/// What kind of gap it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that can't be read.
    Unreadable,
    /// A series of which not every time can be told.
    Series,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Series => "series",
        }
    }
}

/// A gap to note.
#[derive(Debug)]
pub struct NewGap<'a> {
    /// The calendar.
    pub calendar: &'a CalendarId,
    /// Its workspace.
    pub workspace: &'a WorkspaceId,
    /// What kind it is.
    pub kind: Kind,
    /// Its id at the provider.
    pub about: &'a str,
    /// What its owner reads of it.
    pub sentence: &'a str,
}

/// Notes a gap. One that is known keeps its place, and is not told of again.
pub async fn note(conn: &mut Conn, gap: &NewGap<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    run!(
        conn,
        "INSERT INTO calendar_gaps (calendar_id, kind, about, workspace_id, sentence, told, at)
         VALUES ($1, $2, $3, $4, $5, FALSE, $6)
         ON CONFLICT (calendar_id, kind, about) DO UPDATE SET sentence = excluded.sentence",
        gap.calendar.as_str(),
        gap.kind.word(),
        gap.about,
        gap.workspace.as_str(),
        gap.sentence,
        micros(now)
    )?;
    Ok(())
}

/// Forgets a gap.
pub async fn forget(
    conn: &mut Conn,
    calendar: &CalendarId,
    kind: Kind,
    about: &str,
) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM calendar_gaps WHERE calendar_id = $1 AND kind = $2 AND about = $3",
        calendar.as_str(),
        kind.word(),
        about
    )?;
    Ok(())
}

/// Forgets all that could not be read.
pub async fn forget_unreadable(conn: &mut Conn, calendar: &CalendarId) -> Result<(), StoreError> {
    run!(
        conn,
        "DELETE FROM calendar_gaps WHERE calendar_id = $1 AND kind = 'unreadable'",
        calendar.as_str()
    )?;
    Ok(())
}

/// What the gaps of a kind in a calendar are about.
pub async fn of_calendar(
    conn: &mut Conn,
    calendar: &CalendarId,
    kind: Kind,
) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT about FROM calendar_gaps WHERE calendar_id = $1 AND kind = $2",
        calendar.as_str(),
        kind.word()
    )?;
    Ok(found.into_iter().map(|(about,)| about).collect())
}

/// What the owner of a calendar has not read of yet, in the order in which it was found.
pub async fn untold(conn: &mut Conn, calendar: &CalendarId) -> Result<Vec<String>, StoreError> {
    let found = rows!(
        conn,
        (String,),
        "SELECT sentence FROM calendar_gaps WHERE calendar_id = $1 AND NOT told ORDER BY at, kind, about",
        calendar.as_str()
    )?;
    Ok(found.into_iter().map(|(sentence,)| sentence).collect())
}

/// Notes that the owner of a calendar can read of all of them now.
pub async fn set_told(conn: &mut Conn, calendar: &CalendarId) -> Result<(), StoreError> {
    run!(
        conn,
        "UPDATE calendar_gaps SET told = TRUE WHERE calendar_id = $1 AND NOT told",
        calendar.as_str()
    )?;
    Ok(())
}

/// Of each calendar of a member that has gaps: its id, how many they are, and what one of them says.
pub async fn of_member(
    conn: &mut Conn,
    workspace: &WorkspaceId,
    member: &MemberId,
) -> Result<Vec<(String, i64, String)>, StoreError> {
    rows!(
        conn,
        (String, i64, String),
        "SELECT g.calendar_id, CAST(COUNT(*) AS BIGINT), MIN(g.sentence)
         FROM calendar_gaps g JOIN calendars k ON k.id = g.calendar_id
         WHERE k.workspace_id = $1 AND k.member_id = $2 GROUP BY g.calendar_id",
        workspace.as_str(),
        member.as_str()
    )
}
