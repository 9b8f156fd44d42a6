//! Everything about one event type that slots are computed from, read in a handful of queries.

use crate::{
    api::{
        AppError,
        public::{Place, Service, WorkspaceRef},
    },
    domain::{
        assignment::Candidate,
        event_type::{Approval, EventTypeRules, Location, Visibility},
        ids::{BookingId, EventTypeId, MemberId, WorkspaceId},
        interval::{Interval, IntervalSet},
        schedule::Schedule,
        slots::{self, HostTime, Offer, Session},
        text::Slug,
        zone::ZoneRules,
    },
    server::{
        crypto::{self, Secret},
        store::{Conn, StoreError, bookings, busy, event_types, instant, workspaces},
        zones,
    },
};
use chrono::{DateTime, Months, TimeDelta, Utc};
use std::sync::Arc;

/// Nothing can be booked further ahead than this, whatever an event type's window says: zone rules beyond are
/// guesses, and arithmetic on dates needs an end.
pub const FARTHEST_YEARS: u32 = 5;

/// A host who can be booked.
#[derive(Debug, Clone)]
pub struct Host {
    /// The member.
    pub member: MemberId,
    /// The name that customers read.
    pub name: String,
    required: bool,
    weight: u32,
    priority: u32,
    booked: u64,
    last_booked: Option<DateTime<Utc>>,
    schedule: Schedule,
    zone: Arc<ZoneRules>,
}

/// An event type with its hosts.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The event type and its workspace.
    pub row: event_types::EventTypeRow,
    /// What the owner decided.
    pub rules: EventTypeRules,
    /// The hosts, in the owner's order.
    pub hosts: Vec<Host>,
}

/// What is taken from each host of a plan, in the same order, around a range.
#[derive(Debug)]
struct Taken {
    open: IntervalSet,
    busy: IntervalSet,
    booked: Vec<Interval>,
    sessions: Vec<Session>,
}

/// How to find a plan.
#[derive(Debug, Clone, Copy)]
pub enum Address<'a> {
    /// As a customer does, by the words in the link. Private ones open to their key only.
    Link {
        /// The workspace's slug.
        workspace: &'a str,
        /// The service's slug.
        service: &'a str,
        /// The key of a private one.
        key: &'a str,
    },
    /// Through a row that names it.
    Row {
        /// The workspace.
        workspace: &'a WorkspaceId,
        /// The event type.
        event_type: &'a EventTypeId,
    },
}

fn count(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

impl Plan {
    /// Reads the plan at an address.
    pub async fn load(conn: &mut Conn, secret: &Secret, address: Address<'_>) -> Result<Self, AppError> {
        let found = match address {
            Address::Link { workspace, service, key } => {
                // Before the database is asked: PostgreSQL refuses texts with NUL.
                if Slug::parse(workspace).is_err() {
                    return Err(AppError::UnknownWorkspace);
                }
                if Slug::parse(service).is_err() {
                    return Err(AppError::UnknownService);
                }
                let Some(found) = event_types::plan_by_slugs(conn, workspace, service).await? else {
                    let known = workspaces::by_slug(conn, workspace).await?.is_some();
                    return Err(if known { AppError::UnknownService } else { AppError::UnknownWorkspace });
                };
                let row = &found.0;
                if row.visibility() == Visibility::Private
                    && !crypto::same(key, &secret.event_type_key(&row.id))
                {
                    return Err(AppError::UnknownService);
                }
                found
            }
            Address::Row { workspace, event_type } => {
                event_types::plan_by_id(conn, workspace, event_type).await?.ok_or(AppError::UnknownService)?
            }
        };
        Ok(Self::complete(found)?)
    }

    fn complete(
        (row, found): (event_types::EventTypeRow, Vec<event_types::HostRow>),
    ) -> Result<Self, StoreError> {
        let rules = row.rules()?;
        let mut hosts = Vec::new();
        for host in found {
            let schedule = host.schedule()?;
            // A zone that the database no longer knows: the host has no hours that anyone could agree on.
            let Some(zone) = zones::rules(&host.zone) else {
                tracing::warn!(zone = host.zone, "a schedule's zone is unknown; its host can't be booked");
                continue;
            };
            hosts.push(Host {
                member: host.member_id,
                name: host.name,
                required: host.required,
                weight: count(host.weight),
                priority: count(host.priority),
                booked: u64::try_from(host.booked).unwrap_or(0),
                last_booked: host.last_booked_at.map(instant),
                schedule,
                zone,
            });
        }
        Ok(Self { row, rules, hosts })
    }

    /// Does it need to know its bookings one by one?
    fn counts_bookings(&self) -> bool {
        self.rules.slots.seats > 1 || self.rules.slots.limits != slots::Limits::default()
    }

    async fn taken(
        &self,
        conn: &mut Conn,
        range: Interval,
        length: u32,
        except: &str,
    ) -> Result<Vec<Taken>, StoreError> {
        let pad = slots::lookaround(&self.rules.slots, length);
        let around = range.pad(pad, pad);
        let mut busy: Vec<Vec<Interval>> = vec![Vec::new(); self.hosts.len()];
        for (member, times) in busy::taken(conn, &self.row.id, around, except).await? {
            let host = self.hosts.iter().position(|host| host.member == member);
            if let Some(list) = host.and_then(|host| busy.get_mut(host)) {
                list.extend(times);
            }
        }
        let booked = if self.counts_bookings() {
            // A month and two weeks on either side hold every day, week and month that touches the range.
            let wide = range.pad(TimeDelta::days(45), TimeDelta::days(45));
            bookings::of_event_type(conn, &self.row.id, wide, except).await?
        } else {
            Vec::new()
        };
        Ok(self
            .hosts
            .iter()
            .zip(busy)
            .map(|(host, busy)| {
                let of_host = || booked.iter().filter(|row| row.member_id == host.member);
                Taken {
                    open: host.schedule.open_time(&host.zone, around),
                    busy: busy.into_iter().collect(),
                    booked: of_host()
                        .filter_map(|row| Interval::new(instant(row.start_at), instant(row.end_at)))
                        .collect(),
                    sessions: of_host()
                        .map(|row| Session {
                            start: instant(row.start_at),
                            end: instant(row.end_at),
                            // A session keeps the seats that it was made with, should the owner offer more now.
                            taken: count(row.taken)
                                .saturating_add(self.rules.slots.seats.saturating_sub(count(row.seats))),
                        })
                        .collect(),
                }
            })
            .collect())
    }

    /// What can be booked with a start in `range`, for each of the `lengths`; `except` names a booking whose own
    /// time counts as free (empty for none).
    pub async fn offers(
        &self,
        conn: &mut Conn,
        range: Interval,
        lengths: &[u32],
        except: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<Offer>, StoreError> {
        // What lies before now is never on offer; looking at it would mean reading all of the past.
        let farthest = now.checked_add_months(Months::new(12 * FARTHEST_YEARS)).unwrap_or(now);
        let Some(range) = Interval::new(range.start().max(now), range.end().min(farthest)) else {
            let nothing = |length: &u32| {
                let beginning = Interval::new(now, now + TimeDelta::seconds(1))?;
                Some(slots::offer(&self.rules.slots, self.rules.assignment, *length, &[], beginning, now))
            };
            return Ok(lengths.iter().filter_map(nothing).collect());
        };
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let taken = self.taken(conn, range, longest, except).await?;
        let hosts: Vec<HostTime<'_>> = self
            .hosts
            .iter()
            .zip(&taken)
            .map(|(host, taken)| HostTime {
                open: &taken.open,
                busy: &taken.busy,
                booked: &taken.booked,
                sessions: &taken.sessions,
                zone: &host.zone,
                required: host.required,
            })
            .collect();
        Ok(lengths
            .iter()
            .map(|length| slots::offer(&self.rules.slots, self.rules.assignment, *length, &hosts, range, now))
            .collect())
    }

    /// The first start after `from` that can be booked, looking at most fourteen months ahead.
    pub async fn next_start(
        &self,
        conn: &mut Conn,
        from: DateTime<Utc>,
        length: u32,
        except: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut from = from.max(now);
        for _ in 0..7 {
            let until = from + TimeDelta::days(62);
            let Some(range) = Interval::new(from, until) else { break };
            let offers = self.offers(conn, range, &[length], except, now).await?;
            if let Some(start) = offers.first().and_then(|offer| offer.starts().next()) {
                return Ok(Some(start));
            }
            from = until;
        }
        Ok(None)
    }

    /// The three free times nearest to a start that can't be had, in order; epoch minutes.
    pub async fn nearest(
        &self,
        conn: &mut Conn,
        to: DateTime<Utc>,
        length: u32,
        except: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, StoreError> {
        let week = TimeDelta::days(7);
        let to = to.clamp(now, now + TimeDelta::days(800));
        let near = Interval::new(to - week, to + week);
        let mut found = Vec::new();
        if let Some(range) = near {
            let offers = self.offers(conn, range, &[length], except, now).await?;
            found = offers.first().map(|offer| slots::nearest(offer, to, 3)).unwrap_or_default();
        }
        if found.is_empty() {
            found = self.next_start(conn, to, length, except, now).await?.into_iter().collect();
        }
        Ok(found.into_iter().map(|start| start.timestamp().div_euclid(60)).collect())
    }

    /// Candidates for a start, in the order of [`Self::hosts`].
    pub fn candidates(&self, is_free: impl Fn(usize) -> bool) -> Vec<Candidate> {
        self.hosts
            .iter()
            .enumerate()
            .map(|(index, host)| Candidate {
                available: is_free(index),
                weight: host.weight,
                priority: host.priority,
                booked: host.booked,
                last_booked: host.last_booked,
            })
            .collect()
    }

    /// The time that a booking takes from a host: its own, with the buffers.
    pub fn claim(&self, time: Interval) -> Interval {
        let minutes = |n: u32| TimeDelta::minutes(i64::from(n));
        time.pad(minutes(self.rules.slots.buffer_before), minutes(self.rules.slots.buffer_after))
    }

    /// As the booking page shows it.
    pub fn service(&self) -> Service {
        Service {
            workspace: WorkspaceRef {
                slug: self.row.workspace_slug.clone(),
                name: self.row.workspace_name.clone(),
            },
            slug: self.row.slug.clone(),
            name: self.row.name.clone(),
            description: self.row.description.clone(),
            lengths: self.rules.lengths.clone(),
            default_length: self.rules.default_length,
            price: self.rules.price.clone(),
            hosts: self.hosts.iter().map(|host| host.name.clone()).collect(),
            assignment: self.rules.assignment,
            seats: self.rules.slots.seats.max(1),
            place: place(&self.rules.location, false, "", ""),
            questions: self.rules.questions.clone(),
            guests: self.rules.guests,
            policy: self.rules.policy.in_words(),
        }
    }

    /// How bookings are approved, if they must be. Seats of a shared session are not: one of them would hold up the others.
    pub fn approval(&self) -> Option<Approval> {
        self.rules.approval.filter(|_| !self.is_shared())
    }

    /// Is this booking one of a shared session?
    pub fn is_shared(&self) -> bool {
        self.rules.slots.seats > 1
    }
}

/// A location in words. The link of a video call is for those who booked; one that a provider made for this booking goes
/// before the service's own.
pub fn place(location: &Location, booked: bool, phone: &str, meeting: &str) -> Place {
    match location {
        Location::InPerson { address } => {
            Place { label: "In person".into(), detail: address.clone(), needs_phone: false }
        }
        Location::Phone => Place {
            label: "Phone call".into(),
            detail: if booked { format!("We call {phone}") } else { "We call you".into() },
            needs_phone: true,
        },
        Location::Video { url } => Place {
            label: "Video call".into(),
            detail: match (booked, meeting) {
                (false, _) => "You get the link when you have booked".into(),
                (true, "") => url.clone(),
                (true, meeting) => meeting.to_owned(),
            },
            needs_phone: false,
        },
    }
}

/// The session that a seat at this start would join: the booking of an event type with one of these hosts.
pub async fn session_at(
    conn: &mut Conn,
    plan: &Plan,
    host: &MemberId,
    time: Interval,
) -> Result<Option<BookingId>, StoreError> {
    let Some(second) = Interval::new(time.start(), time.start() + TimeDelta::seconds(1)) else {
        return Ok(None);
    };
    let found = bookings::of_event_type(conn, &plan.row.id, second, "").await?;
    Ok(found
        .into_iter()
        .find(|row| {
            row.member_id == *host
                && instant(row.end_at) == time.end()
                && count(row.taken) < plan.rules.slots.seats.min(count(row.seats))
        })
        .map(|row| row.booking_id))
}
