//! Booking and moving: the transactions that decide who gets a time.
//!
//! Everything that was true on the page is asked again inside the transaction. The database refuses an overlap
//! whatever this code believes; then the transaction is run again, and finds either another host or the answer
//! "taken".

use super::{
    announce::{Actor, BookingChange, Happened},
    approvals,
    leave::{end_if_empty, too_many_mails},
    note,
    order::Order,
    plan::{Address, Host, Plan, session_at},
    sync::fresh::Asked,
    verify,
};
use crate::{
    api::{
        AppError,
        public::{BookInput, Booked},
    },
    domain::{
        appointment::{BookingStatus, Change},
        assignment::{Assignment, rank},
        ids::{BookingId, InviteeId, MemberId},
        interval::Interval,
    },
    server::{
        context::Context,
        crypto, ids,
        store::{Conn, StoreError, answers, attendees, bookings, busy, event_types, instant, invitees},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How often a transaction that met another one is run again. Each round means that someone else got ahead, so
/// the number is bounded by the hosts and transactions in flight, not by luck.
const ROUNDS: u32 = 12;

/// What one run of a transaction came to.
enum Outcome<T> {
    Done(T),
    Refused(AppError),
    /// The time can't be had.
    Taken,
    /// The calendars of these hosts must be asked first.
    Ask(Vec<MemberId>),
}

/// Runs a transaction until it is through, or refused for good. A macro, for want of async closures that borrow.
macro_rules! until_through {
    ($round:expr) => {{
        let mut rounds = 0;
        loop {
            match $round {
                Err(StoreError::Overlap | StoreError::Again | StoreError::Duplicate) if rounds < ROUNDS => {
                    rounds += 1
                }
                Err(StoreError::Overlap) => break Outcome::Taken,
                Err(error) => return Err(error.into()),
                Ok(outcome) => break outcome,
            }
        }
    }};
}

/// Books, or returns the answer to an earlier request with the same key. Where the invitee's address is to be verified
/// first, the order is kept until it is; see [`super::verify`].
pub async fn book(
    context: &Context,
    address: Address<'_>,
    input: &BookInput,
    now: DateTime<Utc>,
) -> Result<Booked, AppError> {
    book_as(context, address, input, false, now).await
}

/// [`book`], for an address that is `verified` or not.
pub(super) async fn book_as(
    context: &Context,
    address: Address<'_>,
    input: &BookInput,
    verified: bool,
    now: DateTime<Utc>,
) -> Result<Booked, AppError> {
    if input.form_key.len() > 255 {
        return Err(AppError::field("form_key", "A key has 255 characters at most."));
    }
    let mut conn = context.db.read().await?;
    let plan = Plan::load(&mut conn, &context.secret, address).await?;
    let request = Request::new(&plan, input);
    // Before anything is checked: a retry gets its answer, whatever has changed since.
    if let Some(outcome) = request.answered(&mut conn, context, &plan).await? {
        return outcome;
    }
    drop(conn);
    if !plan.row.active {
        return Err(AppError::ServiceClosed);
    }
    let order = Order::check(&plan.rules, input)?;
    let length = TimeDelta::minutes(i64::from(order.length));
    let Some(time) = order.start.checked_add_signed(length).and_then(|end| Interval::new(order.start, end))
    else {
        return Err(AppError::field("start", "Please choose a time."));
    };
    if plan.rules.verify_email && !verified {
        let mut conn = context.db.read().await?;
        if let Some(known) = verify::known(&mut conn, context, &plan, &order, input, now).await? {
            return Ok(known);
        }
        if choose(&mut conn, &plan, time, order.length, "", &[], &Asked::default(), now).await?.is_none() {
            drop(conn);
            return Err(taken(context, &plan, order.start, order.length, "", now).await?);
        }
        drop(conn);
        return verify::begin(context, &plan, &order, input, time, now).await;
    }
    let mut asked = ask_likely(context, &plan, time, order.length, "", &[], now).await?;
    loop {
        match until_through!(book_once(context, &plan, &order, time, &request, &asked, now).await) {
            Outcome::Done(booked) => return Ok(booked),
            Outcome::Refused(error) => return Err(error),
            Outcome::Taken if asked.anyone_silent() => return Err(AppError::CalendarSilent),
            Outcome::Taken => return Err(taken(context, &plan, order.start, order.length, "", now).await?),
            // Each round asks hosts who were not asked before.
            Outcome::Ask(hosts) => asked.ask(context, &hosts, now).await?,
        }
    }
}

/// Asks the calendars of those who would be given a time as things stand, before any transaction is open.
async fn ask_likely(
    context: &Context,
    plan: &Plan,
    time: Interval,
    length: u32,
    except: &str,
    stay: &[MemberId],
    now: DateTime<Utc>,
) -> Result<Asked, AppError> {
    let mut conn = context.db.read().await?;
    let mut asked = Asked::load(&mut conn, &plan.row.id).await?;
    if asked.has_none() {
        return Ok(asked);
    }
    let likely = choose(&mut conn, plan, time, length, except, stay, &asked, now).await?;
    drop(conn);
    let likely: Vec<MemberId> = likely.into_iter().flatten().map(|host| host.member.clone()).collect();
    asked.ask(context, &likely, now).await?;
    Ok(asked)
}

/// What makes a retry known: hashes of its key, if it has one, and of its content.
struct Request {
    key: Option<Vec<u8>>,
    content: Vec<u8>,
}

impl Request {
    fn new(plan: &Plan, input: &BookInput) -> Self {
        let key = (!input.form_key.is_empty()).then(|| crypto::hash(&input.form_key));
        Self { key, content: crypto::hash(&format!("{}\n{input:?}", plan.row.id)) }
    }

    /// The answer to an earlier request with this key.
    async fn answered(
        &self,
        conn: &mut Conn,
        context: &Context,
        plan: &Plan,
    ) -> Result<Option<Result<Booked, AppError>>, StoreError> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some((content, invitee)) = answers::find(conn, &plan.row.workspace_id, key).await? else {
            return Ok(None);
        };
        if content != self.content {
            return Ok(Some(Err(AppError::KeyReused)));
        }
        let token = context.secret.appointment_token(&InviteeId::try_from(invitee)?);
        Ok(Some(Ok(Booked { token, verify: false })))
    }
}

/// The refusal that goes with a time that can't be had.
async fn taken(
    context: &Context,
    plan: &Plan,
    start: DateTime<Utc>,
    length: u32,
    except: &str,
    now: DateTime<Utc>,
) -> Result<AppError, AppError> {
    let mut conn = context.db.read().await?;
    let nearest = plan.nearest(&mut conn, start, length, except, now).await?;
    let earliest = now + TimeDelta::seconds(plan.rules.slots.notice.max(0));
    Ok(if start < earliest { AppError::PastTime { nearest } } else { AppError::SlotTaken { nearest } })
}

async fn book_once(
    context: &Context,
    plan: &Plan,
    order: &Order,
    time: Interval,
    request: &Request,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Result<Outcome<Booked>, StoreError> {
    let mut conn = context.db.write().await?;
    event_types::lock(&mut conn, &plan.row.id).await?;
    let workspace = &plan.row.workspace_id;
    if let Some(outcome) = request.answered(&mut conn, context, plan).await? {
        return Ok(outcome.map_or_else(Outcome::Refused, Outcome::Done));
    }
    // The hosts' counters and hours as they are now, under the lock.
    let address = Address::Row { workspace, event_type: &plan.row.id };
    let plan = match Plan::load(&mut conn, &context.secret, address).await {
        Ok(plan) => plan,
        Err(error) => return Ok(Outcome::Refused(error)),
    };
    if !plan.row.active || !plan.rules.offers_length(order.length) {
        return Ok(Outcome::Refused(AppError::ServiceClosed));
    }
    let Some(hosts) = choose(&mut conn, &plan, time, order.length, "", &[], asked, now).await? else {
        return Ok(Outcome::Taken);
    };
    if let Some(unasked) = unasked(&hosts, asked) {
        return Ok(Outcome::Ask(unasked));
    }
    let invitee: InviteeId = ids::new(now)?;
    let booking = join_or_make(&mut conn, &plan, time, &hosts, now).await?;
    let token = context.secret.appointment_token(&invitee);
    let new = invitees::NewInvitee {
        id: &invitee,
        workspace,
        booking: &booking,
        name: order.name.as_str(),
        email: order.email.as_str(),
        email_key: &order.email.key(),
        phone: &order.phone,
        zone: &order.zone,
        notes: &order.notes,
        answers: &order.answers,
        guests: &order.guests,
        token_hash: &crypto::hash(&token),
    };
    invitees::insert(&mut conn, &new, now).await?;
    if let Some(key) = &request.key {
        answers::remember(&mut conn, workspace, key, &request.content, &invitee, now).await?;
    }
    let (actor, subject) = (format!("invitee:{invitee}"), format!("booking:{booking}"));
    note(&mut conn, workspace, &actor, "booking.created", &subject, now).await?;
    let change = if plan.is_shared() {
        let invitees = [invitee];
        BookingChange::now(&mut conn, workspace, Happened::Booked, Actor::Invitee, &booking, &invitees)
            .await?
    } else {
        // All of it is known here: most bookings are made without reading anything back.
        BookingChange {
            what: Happened::Booked,
            by: Actor::Invitee,
            booking: booking.clone(),
            invitees: vec![(invitee, 0)],
            sequence: 0,
            status: first_status(&plan),
            start: time.start(),
            end: time.end(),
            was: None,
            hosts: hosts.iter().map(|host| host.member.clone()).collect(),
            former_hosts: Vec::new(),
            former_guests: Vec::new(),
            left: None,
            reason: String::new(),
            tell_invitees: true,
        }
    };
    change.enqueue(&mut conn, workspace, now).await?;
    hold(&mut conn, &plan, &booking, time, now).await?;
    conn.commit().await?;
    Ok(Outcome::Done(Booked { token, verify: false }))
}

/// Where a booking of this event type stands at first.
fn first_status(plan: &Plan) -> BookingStatus {
    if plan.approval().is_some() { BookingStatus::Pending } else { BookingStatus::Confirmed }
}

/// Lets a booking that waits for approval hold its time for as long as the owner said.
async fn hold(
    conn: &mut Conn,
    plan: &Plan,
    booking: &BookingId,
    time: Interval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(approval) = plan.approval() else { return Ok(()) };
    let expires = (now + TimeDelta::minutes(i64::from(approval.hold_minutes))).min(time.start());
    approvals::hold_until(conn, &plan.row.workspace_id, booking, expires, now).await
}

/// The hosts who take this time: one for round robin and collective, everyone who can for all hands. `None` when
/// it is not on offer. `stay` names hosts to keep if they can (when an appointment is moved).
#[expect(clippy::too_many_arguments, reason = "each is one fact of the choice")]
async fn choose<'p>(
    conn: &mut Conn,
    plan: &'p Plan,
    time: Interval,
    length: u32,
    except: &str,
    stay: &[MemberId],
    asked: &Asked,
    now: DateTime<Utc>,
) -> Result<Option<Vec<&'p Host>>, StoreError> {
    let Some(second) = Interval::new(time.start(), time.start() + TimeDelta::seconds(1)) else {
        return Ok(None);
    };
    let offers = plan.offers(conn, second, &[length], except, now).await?;
    let Some(slot) = offers.first().and_then(|offer| offer.find(time.start())) else { return Ok(None) };
    let mut free: Vec<usize> = slot.hosts().collect();
    if asked.anyone_silent() {
        let is_silent =
            |index: &usize| plan.hosts.get(*index).is_some_and(|host| asked.is_silent(&host.member));
        // Everyone is needed for all hands: one who can't be booked is one too many.
        if plan.rules.assignment == Assignment::AllHands && free.iter().any(is_silent) {
            return Ok(None);
        }
        free.retain(|index| !is_silent(index));
    }
    // Whoever has a session with a place left is asked before another one opens.
    let in_session: Vec<usize> =
        free.iter().copied().filter(|host| slot.session_seats(*host).is_some()).collect();
    let eligible = |host: usize| {
        if in_session.is_empty() { free.contains(&host) } else { in_session.contains(&host) }
    };
    let mut order = match plan.rules.assignment {
        Assignment::AllHands => free,
        one => rank(one, &plan.candidates(eligible)),
    };
    if plan.rules.assignment != Assignment::AllHands {
        // Sorting is stable: hosts to keep come first, the rest stay in their order.
        order.sort_by_key(|index| plan.hosts.get(*index).is_none_or(|host| !stay.contains(&host.member)));
        order.truncate(1);
    }
    let hosts: Vec<&Host> = order.into_iter().filter_map(|index| plan.hosts.get(index)).collect();
    Ok((!hosts.is_empty()).then_some(hosts))
}

/// Those of the chosen hosts whose calendars must be asked first, if there are any.
fn unasked(hosts: &[&Host], asked: &Asked) -> Option<Vec<MemberId>> {
    let unasked: Vec<MemberId> =
        hosts.iter().map(|host| &host.member).filter(|member| asked.must_ask(member)).cloned().collect();
    (!unasked.is_empty()).then_some(unasked)
}

/// The session at this time if there is one with a place left; else a new booking with its claims.
async fn join_or_make(
    conn: &mut Conn,
    plan: &Plan,
    time: Interval,
    hosts: &[&Host],
    now: DateTime<Utc>,
) -> Result<BookingId, StoreError> {
    if plan.is_shared() {
        for host in hosts {
            if let Some(session) = session_at(conn, plan, &host.member, time).await? {
                bookings::bump(conn, &plan.row.workspace_id, &session, now).await?;
                return Ok(session);
            }
        }
    }
    let booking: BookingId = ids::new(now)?;
    let new = bookings::NewBooking {
        id: &booking,
        workspace: &plan.row.workspace_id,
        event_type: &plan.row.id,
        status: first_status(plan),
        time,
        seats: plan.rules.slots.seats.max(1),
    };
    bookings::insert(conn, &new, now).await?;
    attend(conn, plan, &booking, hosts, time, now).await?;
    Ok(booking)
}

/// Gives a booking its hosts and takes their time, always in the order of their ids, so that two transactions
/// wait for each other instead of locking each other out.
async fn attend(
    conn: &mut Conn,
    plan: &Plan,
    booking: &BookingId,
    hosts: &[&Host],
    time: Interval,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let workspace = &plan.row.workspace_id;
    let rsvp = if plan.rules.assignment == Assignment::AllHands { "pending" } else { "confirmed" };
    let mut members: Vec<_> = hosts.iter().map(|host| &host.member).collect();
    members.sort();
    for member in members {
        busy::insert_claim(conn, workspace, booking, member, plan.claim(time)).await?;
        attendees::insert(conn, workspace, booking, member, rsvp).await?;
        event_types::count_booking(conn, &plan.row.id, member, now).await?;
    }
    Ok(())
}

/// Moves an invitee's appointment to another start.
pub async fn move_to(
    context: &Context,
    token: &str,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Booked, AppError> {
    let token_hash = crypto::hash(token);
    let mut conn = context.db.read().await?;
    let row = invitees::by_token(&mut conn, &token_hash).await?.ok_or(AppError::UnknownAppointment)?;
    let address = Address::Row { workspace: &row.workspace_id, event_type: &row.event_type_id };
    let plan = Plan::load(&mut conn, &context.secret, address).await?;
    drop(conn);
    let length = u32::try_from((row.end_at - row.start_at) / 60_000_000).unwrap_or(0);
    let except = if row.seats > 1 { "" } else { row.booking_id.as_str() };
    let time = Interval::new(start, start + (instant(row.end_at) - instant(row.start_at)));
    let mut asked = match time {
        Some(time) => ask_likely(context, &plan, time, length, except, &[], now).await?,
        None => Asked::default(),
    };
    loop {
        match until_through!(move_once(context, &plan, &token_hash, start, &asked, now).await) {
            Outcome::Done(()) => return Ok(Booked { token: token.to_owned(), verify: false }),
            Outcome::Refused(error) => return Err(error),
            Outcome::Taken if asked.anyone_silent() => return Err(AppError::CalendarSilent),
            Outcome::Taken => return Err(taken(context, &plan, start, length, except, now).await?),
            Outcome::Ask(hosts) => asked.ask(context, &hosts, now).await?,
        }
    }
}

async fn move_once(
    context: &Context,
    plan: &Plan,
    token_hash: &[u8],
    start: DateTime<Utc>,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Result<Outcome<()>, StoreError> {
    let mut conn = context.db.write().await?;
    event_types::lock(&mut conn, &plan.row.id).await?;
    let Some(row) = invitees::by_token(&mut conn, token_hash).await? else {
        return Ok(Outcome::Refused(AppError::UnknownAppointment));
    };
    let workspace = &row.workspace_id;
    let plan = match Plan::load(
        &mut conn,
        &context.secret,
        Address::Row { workspace, event_type: &row.event_type_id },
    )
    .await
    {
        Ok(plan) => plan,
        Err(error) => return Ok(Outcome::Refused(error)),
    };
    if let Err(error) = too_many_mails(&mut conn, &row.invitee_id, now).await {
        return Ok(Outcome::Refused(error));
    }
    let old = row.time()?;
    if let Err(reason) = plan.rules.policy.allows(Change::Move, row.status(), old.start(), now) {
        return Ok(Outcome::Refused(AppError::CantChange { change: Change::Move, reason }));
    }
    if start == old.start() {
        return Ok(Outcome::Done(()));
    }
    let Some(time) = start.checked_add_signed(old.duration()).and_then(|end| Interval::new(start, end))
    else {
        return Ok(Outcome::Taken);
    };
    let length = u32::try_from(old.duration().num_minutes()).unwrap_or(0);
    let subject = format!("booking:{}", row.booking_id);
    note(&mut conn, workspace, &format!("invitee:{}", row.invitee_id), "booking.moved", &subject, now)
        .await?;
    if row.seats > 1 {
        let Some(hosts) = choose(&mut conn, &plan, time, length, "", &[], asked, now).await? else {
            return Ok(Outcome::Taken);
        };
        if let Some(unasked) = unasked(&hosts, asked) {
            return Ok(Outcome::Ask(unasked));
        }
        let former = members_of(&mut conn, &row.booking_id).await?;
        let target = join_or_make(&mut conn, &plan, time, &hosts, now).await?;
        invitees::move_to(&mut conn, &row.invitee_id, &target, old.start(), now).await?;
        let goes_on = !end_if_empty(&mut conn, &row, now).await?;
        let left = bookings::get(&mut conn, workspace, &row.booking_id).await?;
        let invitees = [row.invitee_id.clone()];
        let mut change =
            BookingChange::now(&mut conn, workspace, Happened::Moved, Actor::Invitee, &target, &invitees)
                .await?;
        change.was = Some(old.start());
        change.former_hosts = former;
        change.left = left.map(|left| (row.booking_id.clone(), left.sequence, goes_on));
        change.enqueue(&mut conn, workspace, now).await?;
    } else {
        let stay = members_of(&mut conn, &row.booking_id).await?;
        let except = row.booking_id.as_str();
        let Some(hosts) = choose(&mut conn, &plan, time, length, except, &stay, asked, now).await? else {
            return Ok(Outcome::Taken);
        };
        if let Some(unasked) = unasked(&hosts, asked) {
            return Ok(Outcome::Ask(unasked));
        }
        event_types::uncount_booking(&mut conn, except).await?;
        busy::delete_claims(&mut conn, &row.booking_id).await?;
        attendees::delete_all(&mut conn, &row.booking_id).await?;
        bookings::set_time(&mut conn, workspace, &row.booking_id, time, now).await?;
        attend(&mut conn, &plan, &row.booking_id, &hosts, time, now).await?;
        invitees::move_to(&mut conn, &row.invitee_id, &row.booking_id, old.start(), now).await?;
        // Whoever approved the old time has not approved the new one.
        if plan.approval().is_some() && row.status() == BookingStatus::Confirmed {
            bookings::set_status(&mut conn, workspace, &row.booking_id, BookingStatus::Pending, now).await?;
        }
        // Moving back and forth holds a time no longer than asking for it once.
        let held = bookings::get(&mut conn, workspace, &row.booking_id).await?;
        match held.and_then(|held| held.expires_at).map(instant) {
            Some(expires) => {
                let expires = expires.min(time.start());
                approvals::hold_until(&mut conn, workspace, &row.booking_id, expires, now).await?;
            }
            None => hold(&mut conn, &plan, &row.booking_id, time, now).await?,
        }
        let invitees = [row.invitee_id.clone()];
        let booking = &row.booking_id;
        let mut change =
            BookingChange::now(&mut conn, workspace, Happened::Moved, Actor::Invitee, booking, &invitees)
                .await?;
        change.was = Some(old.start());
        change.former_hosts = stay;
        change.enqueue(&mut conn, workspace, now).await?;
    }
    conn.commit().await?;
    Ok(Outcome::Done(()))
}

/// The hosts of a booking.
async fn members_of(conn: &mut Conn, booking: &BookingId) -> Result<Vec<MemberId>, StoreError> {
    let attendees = attendees::names(conn, booking).await?;
    attendees.into_iter().map(|(member, _)| Ok(MemberId::try_from(member)?)).collect()
}
