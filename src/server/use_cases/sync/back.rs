//! What somebody did to a booking's entry outside comes back.
//!
//! The database is the authority for bookings: a change outside is a wish of the calendar's owner. Where they chose so it is
//! adopted, as if they had moved or called off the booking here; where it can't be, or they chose to look first, the
//! booking is flagged. Texts are ours, and are not read back.

use super::{
    Stop,
    outside::{self, Moved},
    own,
    tour::{Tour, reach},
};
use crate::{
    domain::{ids::MirrorId, interval::Interval},
    server::{
        calendars::{
            event::{Answer, Lost, RemoteEvent, Status, When},
            fault::Fault,
        },
        store::{
            Conn, StoreError, attendees, bookings, flags, instant, invitees,
            mirrors::{self, About, MirrorRow, Seen},
            sync::{self, CalendarRow},
        },
    },
};
use std::time::Duration;

/// How long an entry may be in no calendar while a program moves it from one to another. It is waited for once in a tour.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// The time that an entry shows, if it is one that a booking can have: once, between two instants.
fn time(event: &RemoteEvent) -> Option<Interval> {
    match &event.when {
        When::Timed { start, end, .. } if event.recurrence.is_none() => Interval::new(*start, *end),
        When::Timed { .. } | When::AllDay { .. } => None,
    }
}

fn stored(start: Option<i64>, end: Option<i64>) -> Option<Interval> {
    Interval::new(instant(start?), instant(end?))
}

/// What is known of a booking whose entry was seen.
struct Booking {
    time: Interval,
    holds_time: bool,
    is_over: bool,
    hosts: usize,
}

impl Booking {
    async fn load(conn: &mut Conn, tour: &Tour<'_>, mirror: &MirrorRow) -> Result<Option<Self>, StoreError> {
        let Some(row) = bookings::get(conn, &mirror.workspace_id, mirror.booking()?).await? else {
            return Ok(None);
        };
        let time = Interval::new(instant(row.start_at), instant(row.end_at));
        let time = time.ok_or(StoreError::Value("a booking without a time"))?;
        let hosts = attendees::names(conn, mirror.booking()?).await?;
        let attends = hosts.iter().any(|(member, _)| member == mirror.member_id.as_str());
        Ok(Some(Self {
            time,
            holds_time: row.status.holds_time() && attends,
            is_over: time.end() <= tour.now(),
            hosts: hosts.len(),
        }))
    }
}

/// The entry of a booking was read: `None` when it is not there. Returns whether it tells something else than its booking
/// now and did not before, or the other way round.
pub(super) async fn seen(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorId,
    event: Option<&RemoteEvent>,
) -> Result<bool, Stop> {
    let mut conn = tour.context.db.read().await?;
    let Some(mirror) = mirrors::by_id(&mut conn, mirror).await? else { return Ok(false) };
    if let About::Event(id) = &mirror.about {
        drop(conn);
        return own::seen(tour, calendar, &mirror, id, event).await;
    }
    let Some(booking) = Booking::load(&mut conn, tour, &mirror).await? else { return Ok(false) };
    drop(conn);
    match event {
        Some(event) => there(tour, calendar, &mirror, &booking, event).await?,
        // What is being written anew is made again.
        None if mirror.written < mirror.wanted && mirror.remote_id.is_none() => {}
        None => not_there(tour, calendar, &mirror, &booking).await?,
    }
    let mut conn = tour.context.db.read().await?;
    let after = mirrors::by_id(&mut conn, &mirror.id).await?;
    Ok(after.is_some_and(|after| after.state != mirror.state || after.remote_id != mirror.remote_id))
}

async fn there(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    booking: &Booking,
    event: &RemoteEvent,
) -> Result<(), Stop> {
    let now = tour.now();
    let shown = time(event);
    let mut remember =
        Seen { remote_id: Some(&event.id), etag: event.etag.as_deref(), state: "live", time: shown };
    if !booking.holds_time {
        // It was called off here: either its entry is just being taken away, or somebody brought it back.
        if mirror.state == "gone" && mirror.written >= mirror.wanted && !booking.is_over {
            remember.state = "apart";
            let detail = format!(
                "Its entry is in the calendar “{}” again. The booking stays called off; book it anew if it takes place.",
                calendar.name
            );
            let mut conn = tour.context.db.write().await?;
            mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
            outside::raise(&mut conn, mirror, "back_outside", &detail, now).await?;
            conn.commit().await?;
        }
        return Ok(());
    }
    answers(tour, calendar, mirror, booking, event).await?;
    if mirror.written < mirror.wanted {
        if mirror.remote_id.is_none() && shown != Some(booking.time) {
            // The answer to our own request was lost, and the booking was changed since: it is written again.
            let mut conn = tour.context.db.write().await?;
            mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
            conn.commit().await?;
            return Ok(());
        }
        if mirror.remote_id.is_some() {
            // Our own, newer change is on its way: it is made on what is there then.
            return Ok(());
        }
    }
    if shown == Some(booking.time) {
        let in_step = mirror.state == "live" && mirror.remote_id.as_deref() == Some(&event.id);
        if in_step && mirror.etag == event.etag && stored(mirror.start_at, mirror.end_at) == shown {
            return Ok(());
        }
        let mut conn = tour.context.db.write().await?;
        mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
        if mirror.remote_id.is_none() {
            // The answer to our own request was lost; this is it.
            mirrors::set_written(&mut conn, &mirror.id, mirror.wanted.min(mirror.written.max(1)), now)
                .await?;
        }
        outside::lower_times(&mut conn, mirror).await?;
        conn.commit().await?;
        return Ok(());
    }
    if shown.is_some() && stored(mirror.start_at, mirror.end_at) == shown {
        // Nobody moved it: it is flagged already, or it shows an older time of the booking, which is about to be written or
        // could not be.
        let mut conn = tour.context.db.write().await?;
        remember.state = if mirror.state == "apart" { "apart" } else { "live" };
        mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
        conn.commit().await?;
        return Ok(());
    }
    if booking.is_over {
        return Ok(());
    }
    if tour.rules_changed && event.etag.is_some() && event.etag == mirror.etag {
        // Nobody touched it: what it says in local time means another instant since the rules of its zone changed. A booking
        // is an instant.
        let mut conn = tour.context.db.write().await?;
        remember.state = if mirror.state == "apart" { "apart" } else { "live" };
        mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
        if mirror.state != "apart" {
            mirrors::want_all(&mut conn, mirror.booking()?, now).await?;
        }
        conn.commit().await?;
        return Ok(());
    }
    moved(tour, calendar, mirror, booking, event, remember).await
}

/// The entry shows another time than the booking has.
async fn moved(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    booking: &Booking,
    event: &RemoteEvent,
    mut remember: Seen<'_>,
) -> Result<(), Stop> {
    let now = tour.now();
    let name = &calendar.name;
    let (kind, detail) = match time(event) {
        None if event.recurrence.is_some() => (
            "changed_outside",
            format!("In the calendar “{name}” its entry was made into one that comes again."),
        ),
        None => ("changed_outside", format!("In the calendar “{name}” its entry was made into whole days.")),
        Some(time) => {
            let to = tour.words_for(time.start());
            let was_moved = format!("In the calendar “{name}” its entry was moved to {to}");
            if calendar.outside != "adopt" {
                ("moved_outside", format!("{was_moved}."))
            } else if booking.hosts > 1 {
                ("moved_outside", format!("{was_moved}. It was not moved here, because others take part."))
            } else {
                match outside::move_booking(tour.context, mirror, time, event.etag.as_deref(), now).await? {
                    Moved::Done => {
                        let sentence = format!("A booking was moved to {to}, as its entry was.");
                        return tour.log(name, &sentence, true).await;
                    }
                    Moved::Overlaps(other) => {
                        let detail = format!(
                            "In the calendar “{name}” another booking's entry was moved to {to}, onto this one."
                        );
                        let mut conn = tour.context.db.write().await?;
                        outside::raise_at(&mut conn, mirror, &other, "overlap", &detail, now).await?;
                        conn.commit().await?;
                        ("overlap", format!("{was_moved}, where another booking is. It was not moved here."))
                    }
                    Moved::TooLate => {
                        ("moved_outside", format!("{was_moved}, which is over. It was not moved here."))
                    }
                    Moved::NoMore => return Ok(()),
                }
            }
        }
    };
    remember.state = "apart";
    let mut conn = tour.context.db.write().await?;
    mirrors::set_seen(&mut conn, &mirror.id, &remember, now).await?;
    outside::raise(&mut conn, mirror, kind, &detail, now).await?;
    conn.commit().await?;
    tour.log(name, &detail, false).await
}

async fn not_there(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    booking: &Booking,
) -> Result<(), Stop> {
    if mirror.state == "gone" && mirror.remote_id.is_none() {
        return Ok(());
    }
    let now = tour.now();
    // As it is now: a calendar that no longer receives bookings has lost the entry by our own hand.
    let mut conn = tour.context.db.read().await?;
    let receives = sync::calendar(&mut conn, &calendar.id).await?.is_some_and(|row| row.receives);
    drop(conn);
    let asks = booking.holds_time && !booking.is_over && receives;
    let moved_to =
        if asks { in_another_calendar(tour, calendar, mirror, Some(booking.time)).await? } else { None };
    let (flag, sentence, went_well) = match (&moved_to, calendar.outside.as_str()) {
        _ if !asks => (None, None, true),
        (Some((other, _)), _) => {
            let detail =
                format!("Its entry was moved from the calendar “{}” to “{}”.", calendar.name, other.name);
            (
                Some(("deleted_outside", detail)),
                Some("The entry of a booking was moved to another calendar."),
                false,
            )
        }
        (None, "adopt") if booking.hosts > 1 => {
            // One of several took it out of their calendar: they don't come.
            outside::answer(tour.context, mirror, "declined", now).await?;
            (None, Some("The entry of a booking was deleted: declined."), true)
        }
        (None, "adopt") => {
            outside::call_off(tour.context, mirror, now).await?;
            (None, Some("A booking was called off, because its entry was deleted."), true)
        }
        (None, _) => {
            let detail = format!("Its entry was deleted in the calendar “{}”.", calendar.name);
            (Some(("deleted_outside", detail)), Some("The entry of a booking was deleted outside."), false)
        }
    };
    // Last: whoever dies before finds the entry missing again.
    let gone = Seen { remote_id: None, etag: None, state: "gone", time: None };
    let mut conn = tour.context.db.write().await?;
    mirrors::set_seen(&mut conn, &mirror.id, &gone, now).await?;
    mirrors::set_written(&mut conn, &mirror.id, mirror.wanted, now).await?;
    if let Some((kind, detail)) = flag {
        outside::raise(&mut conn, mirror, kind, &detail, now).await?;
    }
    conn.commit().await?;
    match sentence {
        Some(sentence) => tour.log(&calendar.name, sentence, went_well).await,
        None => Ok(()),
    }
}

/// Another calendar of the account that has the entry now, with the entry there. Where an event gets another id in another
/// programs move it in two steps, in either order: what is nowhere may be on its way, and is looked for once more.
pub(super) async fn in_another_calendar(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    time: Option<Interval>,
) -> Result<Option<(CalendarRow, RemoteEvent)>, Stop> {
    let Some(id) = &mirror.remote_id else { return Ok(None) };
    let mut others = tour.calendars().await?;
    others.retain(|other| other.id != calendar.id);
    if others.is_empty() {
        return Ok(None);
    }
    let mark = mirror.about.to_string();
    let time = stored(mirror.start_at, mirror.end_at).or(time);
    let lost = Lost { id, uid: mirror.about.id(), mark: &mark, time };
    loop {
        for other in &others {
            let found = reach!(tour, |access| tour.provider.find(&access, &other.remote_id, &lost));
            match found {
                Ok(Some(event)) if event.status != Status::Cancelled => {
                    return Ok(Some((other.clone(), event)));
                }
                Ok(_) | Err(Fault::NotFound | Fault::Refused(_) | Fault::Permission(_)) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        if tour.provider.keeps_ids() || !tour.may_wait() {
            return Ok(None);
        }
        tokio::time::sleep(ON_ITS_WAY).await;
    }
}

/// An entry that we were about to change shows another time than we last saw: it was moved outside, and our change is not
/// about the time. Returns whether that was so.
pub(super) async fn moved_before_change(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    event: &RemoteEvent,
    wanted: Interval,
) -> Result<bool, Stop> {
    let known = stored(mirror.start_at, mirror.end_at);
    if mirror.state != "live" || known != Some(wanted) || time(event) == known {
        return Ok(false);
    }
    let mut conn = tour.context.db.read().await?;
    let Some(booking) = Booking::load(&mut conn, tour, mirror).await? else { return Ok(false) };
    drop(conn);
    let seen =
        Seen { remote_id: Some(&event.id), etag: event.etag.as_deref(), state: "live", time: time(event) };
    moved(tour, calendar, mirror, &booking, event, seen).await?;
    Ok(true)
}

/// An entry that we were about to change is not there: it was deleted outside, before our change.
pub(super) async fn deleted_before_change(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
) -> Result<(), Stop> {
    if let About::Event(event) = &mirror.about {
        return own::deleted_before_change(tour, calendar, mirror, event).await;
    }
    let mut conn = tour.context.db.read().await?;
    let Some(booking) = Booking::load(&mut conn, tour, mirror).await? else { return Ok(()) };
    drop(conn);
    not_there(tour, calendar, mirror, &booking).await
}

/// What people answered outside.
async fn answers(
    tour: &mut Tour<'_>,
    calendar: &CalendarRow,
    mirror: &MirrorRow,
    booking: &Booking,
    event: &RemoteEvent,
) -> Result<(), Stop> {
    let now = tour.now();
    if booking.is_over {
        return Ok(());
    }
    // The host's own answer. Whoever organises an event counts as coming without ever saying so: only a "no", or a "yes"
    // after one, is news.
    let own = event.participants.iter().find(|participant| participant.is_self);
    let rsvp = match own.map(|own| own.answer) {
        Some(Answer::Declined) => Some("declined"),
        Some(Answer::Accepted) => Some("confirmed"),
        Some(Answer::None | Answer::Tentative) | None => None,
    };
    if let Some(rsvp) = rsvp {
        outside::answer(tour.context, mirror, rsvp, now).await?;
    }
    // Those whom the provider invited for us.
    if calendar.invites != "provider" {
        return Ok(());
    }
    let mut conn = tour.context.db.write().await?;
    let mut declined = Vec::new();
    for id in invitees::ids(&mut conn, &mirror.workspace_id, mirror.booking()?).await? {
        let Some(row) = invitees::by_id(&mut conn, &mirror.workspace_id, &id).await? else { continue };
        let answer = event.participants.iter().find(|one| one.email.eq_ignore_ascii_case(&row.email));
        if answer.is_some_and(|answer| answer.answer == Answer::Declined) {
            declined.push(row.name);
        }
    }
    if declined.is_empty() {
        flags::lower(&mut conn, mirror.booking()?, &mirror.member_id, "declined_outside").await?;
    } else {
        let detail = format!("{} declined in their calendar.", declined.join(", "));
        outside::raise(&mut conn, mirror, "declined_outside", &detail, now).await?;
    }
    conn.commit().await?;
    Ok(())
}
