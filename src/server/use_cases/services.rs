//! What can be booked, and when: the pages of a workspace and of a service.

use super::plan::{Address, Plan};
use crate::{
    api::{
        AppError,
        public::{FreeTimes, MonthOffer, ServiceCard, WorkspacePage, WorkspaceRef},
    },
    domain::{
        event_type::Visibility, interval::Interval, month::Month, slots::Offer, text::Slug, zone::ZoneRules,
    },
    server::{
        context::Context,
        store::{Conn, event_types, invitees, workspaces},
    },
};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use std::collections::HashMap;

/// The longest range that is answered at once, in days.
pub const MOST_DAYS: i64 = 62;

/// The page of a workspace: its listed services that take bookings.
pub async fn workspace_page(context: &Context, slug: &str) -> Result<WorkspacePage, AppError> {
    let mut conn = context.db.read().await?;
    if Slug::parse(slug).is_err() {
        return Err(AppError::UnknownWorkspace);
    }
    let workspace = workspaces::by_slug(&mut conn, slug).await?.ok_or(AppError::UnknownWorkspace)?;
    let mut names: HashMap<String, Vec<String>> = HashMap::new();
    for (event_type, name) in event_types::host_names(&mut conn, &workspace.id).await? {
        names.entry(event_type).or_default().push(name);
    }
    let mut services = Vec::new();
    for row in event_types::all(&mut conn, &workspace.id).await? {
        let hosts = names.remove(row.id.as_str()).unwrap_or_default();
        if row.visibility() != Visibility::Listed || !row.active || hosts.is_empty() {
            continue;
        }
        let rules = row.rules()?;
        services.push(ServiceCard {
            slug: row.slug,
            name: row.name,
            description: row.description,
            lengths: rules.lengths,
            price: rules.price,
            team: hosts.len() > 1,
            hosts,
            assignment: rules.assignment,
            seats: rules.slots.seats.max(1),
        });
    }
    services.sort_by_key(|service| !service.team);
    Ok(WorkspacePage {
        workspace: WorkspaceRef { slug: workspace.slug, name: workspace.name },
        intro: workspace.intro,
        zone: workspace.zone,
        services,
    })
}

/// Whose times are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// A service's.
    Service(Address<'a>),
    /// Those that an appointment can move to: by the hash of its token.
    Appointment(&'a [u8]),
}

/// A plan, and the booking whose own time counts as free.
#[derive(Debug)]
pub struct Asked {
    /// The plan.
    pub plan: Plan,
    /// The appointment that is being moved.
    pub moving: Option<invitees::AppointmentRow>,
}

impl Asked {
    /// Finds the plan that is asked about.
    pub async fn load(conn: &mut Conn, context: &Context, of: Of<'_>) -> Result<Self, AppError> {
        match of {
            Of::Service(address) => {
                let plan = Plan::load(conn, &context.secret, address).await?;
                if !plan.row.active {
                    return Err(AppError::ServiceClosed);
                }
                Ok(Self { plan, moving: None })
            }
            Of::Appointment(token_hash) => {
                let row = invitees::by_token(conn, token_hash).await?.ok_or(AppError::UnknownAppointment)?;
                let address = Address::Row { workspace: &row.workspace_id, event_type: &row.event_type_id };
                Ok(Self { plan: Plan::load(conn, &context.secret, address).await?, moving: Some(row) })
            }
        }
    }

    /// The booking whose time counts as free: an unshared one that is being moved.
    fn except(&self) -> &str {
        self.moving.as_ref().filter(|_| !self.plan.is_shared()).map_or("", |row| row.booking_id.as_str())
    }

    /// The lengths to offer: an appointment that moves keeps its own.
    pub fn lengths(&self) -> Vec<u32> {
        match &self.moving {
            Some(row) => vec![u32::try_from((row.end_at - row.start_at) / 60_000_000).unwrap_or(0)],
            None => self.plan.rules.lengths.clone(),
        }
    }

    fn free_times(&self, length: u32, offer: &Offer) -> FreeTimes {
        FreeTimes {
            length,
            starts: offer.starts().map(|start| start.timestamp().div_euclid(60)).collect(),
            seats: if self.plan.is_shared() {
                offer.iter().map(|slot| slot.seats_left).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// The free times of a month, with a day more on either side.
    pub async fn month(
        &self,
        conn: &mut Conn,
        month: Month,
        now: DateTime<Utc>,
    ) -> Result<MonthOffer, AppError> {
        let first = month.first().and_time(NaiveTime::MIN).and_utc() - TimeDelta::days(1);
        let last = month.last().and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(2);
        let lengths = self.lengths();
        let mut times = Vec::with_capacity(lengths.len());
        let mut next = vec![None; lengths.len()];
        // What lies before now is never on offer, so it is not computed either.
        match Interval::new(first.max(now), last) {
            None => {
                times = lengths
                    .iter()
                    .map(|length| FreeTimes { length: *length, starts: vec![], seats: vec![] })
                    .collect()
            }
            Some(range) => {
                let offers = self.plan.offers(conn, range, &lengths, self.except(), now).await?;
                times.extend(
                    lengths.iter().zip(&offers).map(|(length, offer)| self.free_times(*length, offer)),
                );
            }
        }
        // The part of the month that is the same month for everyone: a start at its edge may be last month's for some.
        let edge = TimeDelta::hours(24 + 14);
        let inside = |minutes: &i64| (first + edge..last - edge).contains(&from_minutes(*minutes));
        for ((free, next), length) in times.iter().zip(&mut next).zip(&lengths) {
            if !free.starts.iter().any(inside) {
                let start = self
                    .plan
                    .next_start(conn, last - TimeDelta::days(1), *length, self.except(), now)
                    .await?;
                *next = start.map(|start| start.timestamp().div_euclid(60));
            }
        }
        Ok(MonthOffer { month, lengths: times, next })
    }

    /// The month that a page opens with: the one asked for, else the first that has a free time.
    pub async fn first_month(
        &self,
        conn: &mut Conn,
        asked: Option<Month>,
        zone: &ZoneRules,
        now: DateTime<Utc>,
    ) -> Result<MonthOffer, AppError> {
        let this_month = Month::of(zone.date(now));
        if let Some(asked) = asked {
            return self.month(conn, asked.max(this_month), now).await;
        }
        let offer = self.month(conn, this_month, now).await?;
        let lengths = self.lengths();
        let default = self.plan.rules.default_length;
        let shown = lengths.iter().position(|length| *length == default).unwrap_or(0);
        let in_zone = offer.lengths.get(shown).is_some_and(|free| {
            free.starts.iter().any(|start| Month::of(zone.date(from_minutes(*start))) == this_month)
        });
        let next = offer.lengths.get(shown).and_then(|free| {
            free.starts.iter().copied().find(|start| Month::of(zone.date(from_minutes(*start))) > this_month)
        });
        match next.or(offer.next.get(shown).copied().flatten()) {
            Some(next) if !in_zone => self.month(conn, Month::of(zone.date(from_minutes(next))), now).await,
            _ => Ok(offer),
        }
    }
}

/// An instant from epoch minutes.
pub fn from_minutes(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(minutes.saturating_mul(60), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The starts of one length in a range, with the seats left at each: what the REST API asks.
pub async fn slots(
    context: &Context,
    address: Address<'_>,
    range: Interval,
    length: Option<u32>,
    now: DateTime<Utc>,
) -> Result<(u32, Vec<(DateTime<Utc>, u32)>), AppError> {
    // Days are counted by the door; one of them may have 25 hours.
    if range.duration() > TimeDelta::days(MOST_DAYS + 1) {
        return Err(AppError::field("to", format!("A range has {MOST_DAYS} days at most.")));
    }
    let mut conn = context.db.read().await?;
    let asked = Asked::load(&mut conn, context, Of::Service(address)).await?;
    let length = length.unwrap_or(asked.plan.rules.default_length);
    if !asked.plan.rules.offers_length(length) {
        let on_offer: Vec<String> = asked.plan.rules.lengths.iter().map(u32::to_string).collect();
        return Err(AppError::field(
            "duration",
            format!("This length is not on offer; {} is.", on_offer.join(", ")),
        ));
    }
    let Some(range) = Interval::new(range.start().max(now), range.end()) else {
        return Ok((length, Vec::new()));
    };
    let offers = asked.plan.offers(&mut conn, range, &[length], "", now).await?;
    let starts =
        offers.iter().flat_map(|offer| offer.iter().map(|slot| (slot.start, slot.seats_left))).collect();
    Ok((length, starts))
}
