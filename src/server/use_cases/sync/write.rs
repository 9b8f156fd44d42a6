//! Bookings and members' own events go out.
//!
//! What is written follows from how things stand, not from what happened: a booking that was moved twice while a provider
//! was away is written once, one that was cancelled before its entry was made never is. An entry's id follows from its
//! mirror, so that a request whose answer was lost can be repeated; changes are made on condition that the entry is as it was
//! seen.

use super::{
    Stop, back, backoff,
    mirror::inviting,
    outside, own,
    tour::{Tour, reach},
};
use crate::{
    domain::{
        appointment::BookingStatus,
        calendar_event,
        event_type::Location,
        ids::{BookingId, MemberId, MirrorId},
        interval::Interval,
    },
    server::{
        calendars::{
            event::{Draft, Known, Meeting, Status, When, Written},
            fault::Fault,
        },
        links::Links,
        mail::{calendar as calendar_mail, letter::Content},
        store::{
            Conn, StoreError, calendar_events, flags, instant,
            mirrors::{self, About, MirrorRow, Seen},
            sync::{self, CalendarRow},
        },
        use_cases::announce::Facts,
    },
};
use chrono::TimeDelta;

/// How often a change is tried again because the entry was changed meanwhile.
const ROUNDS: usize = 3;
/// How long a meeting that the provider is making is waited for, and how often it is looked at.
const MEETING: TimeDelta = TimeDelta::minutes(30);
const LOOK: TimeDelta = TimeDelta::seconds(10);

/// An entry as it should be.
pub(super) struct Wanted {
    pub(super) draft: Draft,
    pub(super) time: Interval,
    /// Of an event of a member's own: what it says.
    pub(super) content: Option<calendar_event::Content>,
}

/// Is a calendar to be read before anything is written to it? Entries from before may be there, of an account that was
/// disconnected and connected again: they are found first. And one that a list does not show may be gone.
pub(super) fn holds_back(calendar: &CalendarRow) -> bool {
    calendar.syncs && calendar.synced_at.is_none() && calendar.failures < 3 || calendar.is_sought()
}

/// Writes everything that waits and is due in this account's calendars. Returns whether there was anything.
pub(super) async fn all(tour: &mut Tour<'_>) -> Result<bool, Stop> {
    let mut any = false;
    for calendar in tour.calendars().await? {
        if holds_back(&calendar) {
            continue;
        }
        let due = {
            let mut conn = tour.context.db.read().await?;
            mirrors::due(&mut conn, &calendar.id, tour.now()).await?
        };
        for mirror in due {
            any = true;
            match one(tour, &mirror.id).await {
                Ok(()) => {}
                Err(Stop::Fault(fault)) => failed(tour, &calendar, &mirror, fault).await?,
                Err(stop) => return Err(stop),
            }
        }
    }
    Ok(any)
}

/// Notes that an entry could not be written; passes on what concerns the whole account.
async fn failed(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    fault: Fault,
) -> Result<(), Stop> {
    let sentence = fault.to_string();
    let now = tour.now();
    let for_good = match fault {
        Fault::Refused(_) | Fault::NotFound => true,
        // What the whole account lacks its owner can give back; then it is written.
        Fault::Permission(_) => tour.may_all().is_ok(),
        _ => false,
    };
    let mut conn = tour.context.db.write().await?;
    if for_good {
        mirrors::give_up(&mut conn, &mirror.id, mirror.wanted, &sentence, now).await?;
        let detail =
            format!("Its entry could not be written to the calendar “{}”. {sentence}", calendar.name);
        match &mirror.about {
            About::Booking(_) => outside::raise(&mut conn, mirror, "unwritten", &detail, now).await?,
            About::Event(event) => calendar_events::set_trouble(&mut conn, event, &detail).await?,
        }
    } else {
        let wait = match fault {
            Fault::Limited(Some(until)) => until,
            _ => now + backoff(mirror.failures + 1),
        };
        mirrors::set_failed(&mut conn, &mirror.id, &sentence, wait).await?;
    }
    conn.commit().await?;
    tour.log(&calendar.name, &format!("An entry was not written: {sentence}"), false).await?;
    // A server that does not answer need not be asked for each entry.
    let whole =
        matches!(fault, Fault::Unauthorized | Fault::Revoked(_) | Fault::Limited(_) | Fault::Temporary(_));
    if whole { Err(fault.into()) } else { Ok(()) }
}

/// An entry as it should be; `None` when there should be none.
async fn wanted(
    conn: &mut Conn,
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
) -> Result<Option<Wanted>, StoreError> {
    match &mirror.about {
        About::Booking(id) => booking(conn, tour, calendar, mirror, id).await,
        About::Event(id) => own::wanted(conn, tour, mirror, id).await,
    }
}

/// A booking's entry as it should be; `None` when there should be none.
async fn booking(
    conn: &mut Conn,
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    id: &BookingId,
) -> Result<Option<Wanted>, StoreError> {
    let (context, workspace) = (tour.context, &mirror.workspace_id);
    let Some(facts) = Facts::load(conn, context, workspace, id).await? else {
        return Ok(None);
    };
    let attends = |member: &MemberId| facts.hosts.iter().any(|host| host.member_id == *member);
    if !facts.status.holds_time() || !attends(&mirror.member_id) || !calendar.receives {
        return Ok(None);
    }
    let Some(time) = Interval::new(facts.start, facts.end) else { return Ok(None) };
    let Some(letter) = facts.to_host_now(conn, &mirror.member_id).await? else { return Ok(None) };
    let Content::Booking(about) = &letter.content else { return Ok(None) };
    let links = Links { public_url: &context.config.public_url, secret: &context.secret };
    let entry = calendar_mail::entry(&letter, about, links, tour.now());
    let mut hosts: Vec<MemberId> = facts.hosts.iter().map(|host| host.member_id.clone()).collect();
    hosts.sort();
    // Of several hosts one invites, and one has the meeting made.
    let invites = inviting(conn, &hosts).await?.as_ref() == Some(&mirror.member_id);
    let invite =
        if calendar.invites == "provider" && invites { facts.invitees(conn).await? } else { Vec::new() };
    let by_video = matches!(facts.rules.location, Location::Video { .. });
    let wants_meeting = calendar.meetings
        && by_video
        && mirror.meeting.is_empty()
        && facts.meeting.is_empty()
        && hosts.first() == Some(&mirror.member_id);
    let draft = Draft {
        key: mirror.id.to_string(),
        uid: id.to_string(),
        sequence: entry.sequence,
        title: entry.summary,
        description: entry.description,
        location: entry.location,
        when: When::Timed { start: facts.start, end: facts.end, zone: tour.zone.name().to_owned() },
        status: match facts.status {
            BookingStatus::Pending => Status::Tentative,
            _ => Status::Confirmed,
        },
        busy: true,
        invite,
        meeting: wants_meeting.then(|| mirror.id.to_string()),
        mark: mirror.about.to_string(),
    };
    Ok(Some(Wanted { draft, time, content: None }))
}

async fn one(tour: &mut Tour<'_>, mirror: &MirrorId) -> Result<(), Stop> {
    // Reading names the organizer of a booking's first entry, which is writing.
    let mut conn = tour.context.db.write().await?;
    let Some(mirror) = mirrors::by_id(&mut conn, mirror).await? else { return Ok(()) };
    // As its owner chose by now: what is written to a calendar that no longer receives anything would stay there.
    let Some(calendar) = &sync::calendar(&mut conn, &mirror.calendar_id).await? else { return Ok(()) };
    let wanted = wanted(&mut conn, tour, calendar, &mirror).await?;
    if wanted.is_some() && mirror.remote_id.is_none() {
        mirrors::set_tried(&mut conn, &mirror.id).await?;
    }
    conn.commit().await?;
    if mirror.written >= mirror.wanted {
        return meeting(tour, calendar, &mirror).await;
    }
    match wanted {
        Some(wanted) => put(tour, calendar, mirror, wanted).await,
        None => take_away(tour, calendar, mirror).await,
    }
}

/// Makes or changes an entry.
async fn put(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mut mirror: MirrorRow,
    mut wanted: Wanted,
) -> Result<(), Stop> {
    let remote = &calendar.remote_id;
    for _ in 0..ROUNDS {
        tour.still_ours().await?;
        let draft = &wanted.draft;
        let answer = match &mirror.remote_id {
            None => reach!(tour, |access| tour.provider.create(&access, remote, draft)),
            Some(id) => {
                let known = Known { id: id.clone(), etag: mirror.etag.clone() };
                reach!(tour, |access| tour.provider.update(&access, remote, &known, draft))
            }
        };
        let Some(id) = mirror.remote_id.clone() else {
            return match answer {
                // It is the calendar that is not there.
                Err(Fault::NotFound) => Err(tour.not_there().await?.into()),
                made => written(tour, calendar, &mirror, &wanted, made?, "Made").await,
            };
        };
        match answer {
            Ok(done) => return written(tour, calendar, &mirror, &wanted, done, "Changed").await,
            // Somebody was there first. Ours is the newer decision: it is made again on what is there now.
            Err(Fault::Changed) => match reach!(tour, |access| tour.provider.get(&access, remote, &id))? {
                Some(event) => match &mirror.about {
                    About::Booking(_) => {
                        if back::moved_before_change(tour, calendar, &mirror, &event, wanted.time).await? {
                            return Ok(());
                        }
                        mirror.etag = event.etag;
                    }
                    About::Event(own) => {
                        own::changed_meanwhile(tour, calendar, &mirror, own, &event).await?;
                        let mut conn = tour.context.db.read().await?;
                        let again = self::wanted(&mut conn, tour, calendar, &mirror).await?;
                        drop(conn);
                        // Deleted here since then: taken away in the next round.
                        let Some(again) = again else { return Ok(()) };
                        wanted = again;
                        mirror.etag = event.etag;
                    }
                },
                None => return missing(tour, calendar, &mirror).await,
            },
            Err(Fault::NotFound) => return missing(tour, calendar, &mirror).await,
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Fault::Temporary("The entry is being changed again and again.".into()).into())
}

/// An entry is not there. Whether it was deleted, or its calendar is gone with all that is in it, the account tells.
async fn missing(tour: &mut Tour<'_>, calendar: &CalendarRow, mirror: &MirrorRow) -> Result<(), Stop> {
    let listed = reach!(tour, |access| tour.provider.calendars(&access))?;
    if listed.iter().any(|listed| listed.id == calendar.remote_id) {
        return back::deleted_before_change(tour, calendar, mirror).await;
    }
    Err(tour.not_there().await?.into())
}

async fn written(
    tour: &Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    wanted: &Wanted,
    done: Written,
    what: &str,
) -> Result<(), Stop> {
    let now = tour.now();
    let time = wanted.time;
    let mut conn = tour.context.db.write().await?;
    let seen =
        Seen { remote_id: Some(&done.id), etag: done.etag.as_deref(), state: "live", time: Some(time) };
    mirrors::set_seen(&mut conn, &mirror.id, &seen, now).await?;
    mirrors::set_written(&mut conn, &mirror.id, mirror.wanted, now).await?;
    match &mirror.about {
        About::Booking(booking) => {
            flags::lower(&mut conn, booking, &mirror.member_id, "").await?;
            note_meeting(&mut conn, mirror, wanted.draft.meeting.is_some(), &done.meeting, now).await?;
        }
        About::Event(event) => own::written(&mut conn, mirror, event, wanted.content.as_ref()).await?,
    }
    conn.commit().await?;
    let sentence = format!("{what} the entry of {} on {}.", called(mirror), tour.words_for(time.start()));
    tour.log(&calendar.name, &sentence, true).await
}

/// What an entry is of, in a log that others than its people may read.
pub(super) fn called(mirror: &MirrorRow) -> &'static str {
    match mirror.about {
        About::Booking(_) => "a booking",
        About::Event(_) => "an event",
    }
}

/// Takes an entry away.
async fn take_away(tour: &mut Tour<'_>, calendar: &CalendarRow, mut mirror: MirrorRow) -> Result<(), Stop> {
    let remote = &calendar.remote_id;
    let tell = calendar.invites == "provider";
    if mirror.remote_id.is_none() && mirror.tried {
        // It may be there although nobody heard so. To find out, it is made once more: the same request finds the same entry.
        let draft = blank(&mirror);
        let done = reach!(tour, |access| tour.provider.create(&access, remote, &draft))?;
        mirror.remote_id = Some(done.id);
        mirror.etag = done.etag;
    }
    if let Some(id) = &mirror.remote_id {
        let mut known = Known { id: id.clone(), etag: mirror.etag.clone() };
        let mut rounds = 0;
        loop {
            match reach!(tour, |access| tour.provider.delete(&access, remote, &known, tell)) {
                Ok(()) | Err(Fault::NotFound) => break,
                Err(Fault::Changed) if rounds < ROUNDS => {
                    rounds += 1;
                    match reach!(tour, |access| tour.provider.get(&access, remote, &known.id))? {
                        Some(event) => known.etag = event.etag,
                        None => break,
                    }
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    }
    let now = tour.now();
    let mut conn = tour.context.db.write().await?;
    // How it looked last is kept of an event: an answer that is older than its end does not bring it back.
    let etag = mirror.etag.as_deref().filter(|_| matches!(mirror.about, About::Event(_)));
    let seen = Seen { remote_id: None, etag, state: "gone", time: None };
    mirrors::set_seen(&mut conn, &mirror.id, &seen, now).await?;
    mirrors::set_written(&mut conn, &mirror.id, mirror.wanted, now).await?;
    if let About::Booking(booking) = &mirror.about {
        flags::lower(&mut conn, booking, &mirror.member_id, "").await?;
    }
    conn.commit().await?;
    if mirror.remote_id.is_some() {
        tour.log(&calendar.name, &format!("Took the entry of {} away.", called(&mirror)), true).await?;
    }
    Ok(())
}

/// An entry that is made only to be found and taken away.
fn blank(mirror: &MirrorRow) -> Draft {
    let start = mirror.start_at.map_or(chrono::DateTime::UNIX_EPOCH, instant);
    Draft {
        key: mirror.id.to_string(),
        uid: mirror.about.id().to_owned(),
        sequence: 0,
        title: String::new(),
        description: String::new(),
        location: String::new(),
        when: When::Timed { start, end: start + TimeDelta::minutes(1), zone: String::new() },
        status: Status::Tentative,
        busy: false,
        invite: Vec::new(),
        meeting: None,
        mark: mirror.about.to_string(),
    }
}

/// Notes how far the meeting of an entry has come.
async fn note_meeting(
    conn: &mut Conn,
    mirror: &MirrorRow,
    asked: bool,
    meeting: &Meeting,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    match meeting {
        Meeting::Link(link) => {
            mirrors::set_meeting(conn, &mirror.id, link, None, now).await?;
            outside::meeting_arrived(conn, mirror, link, now).await
        }
        Meeting::Pending => {
            let until = mirror.meeting_until.map_or(now + MEETING, instant);
            mirrors::set_meeting(conn, &mirror.id, "", Some(until), now + LOOK).await
        }
        Meeting::Failed if asked || mirror.meeting_until.is_some() => {
            mirrors::set_meeting(conn, &mirror.id, "", None, now).await?;
            let detail =
                "The provider could not make a link for the online meeting. Please send one yourself.";
            outside::raise(conn, mirror, "no_meeting", detail, now).await
        }
        Meeting::None | Meeting::Failed => {
            if mirror.meeting_until.is_some() {
                mirrors::set_meeting(conn, &mirror.id, "", None, now).await?;
            }
            Ok(())
        }
    }
}

/// Looks whether a meeting that was asked for has its link by now.
async fn meeting(tour: &mut Tour<'_>, calendar: &CalendarRow, mirror: &MirrorRow) -> Result<(), Stop> {
    let (Some(id), Some(until)) = (&mirror.remote_id, mirror.meeting_until) else { return Ok(()) };
    let found = reach!(tour, |access| tour.provider.get(&access, &calendar.remote_id, id))?;
    let now = tour.now();
    let meeting = match found.map(|event| event.meeting) {
        Some(Meeting::Pending | Meeting::None) if instant(until) <= now => Meeting::Failed,
        Some(Meeting::None) => Meeting::Pending,
        Some(meeting) => meeting,
        None => Meeting::None,
    };
    let mut conn = tour.context.db.write().await?;
    note_meeting(&mut conn, mirror, true, &meeting, now).await?;
    conn.commit().await?;
    Ok(())
}
