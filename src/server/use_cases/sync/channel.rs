//! Push channels: asked for, renewed before they end, ended when they are no longer wanted. Polling goes on behind them.

use super::{
    Stop, jitter, row_id,
    tour::{Tour, reach},
};
use crate::server::{
    calendars::{Wish, event::Channel, fault::Fault},
    crypto,
    store::{
        channels::{self, NewChannel},
        instant,
        sync::{self, CalendarRow},
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long until a provider that has no push for a calendar, or refuses it, is asked again.
const NOT_NOW: TimeDelta = TimeDelta::days(1);
/// How long until a failure is tried again.
const SOON: TimeDelta = TimeDelta::minutes(10);

/// The channel that a calendar has.
fn channel(calendar: &CalendarRow) -> Option<Channel> {
    Some(Channel {
        id: calendar.channel_id.clone()?,
        resource: calendar.channel_resource.clone(),
        expires: instant(calendar.channel_expires_at?),
    })
}

/// When a channel is renewed: after half to three quarters of its life, at random, so that those that began together don't
/// all come back together.
fn renewal(now: DateTime<Utc>, expires: DateTime<Utc>) -> DateTime<Utc> {
    let [share] = crypto::random::<1>();
    let life = (expires - now).num_milliseconds();
    now + TimeDelta::milliseconds(life / 2 + life / 4 * i64::from(share) / 255)
}

/// Sees to a calendar's push channel.
pub(super) async fn look_after(tour: &mut Tour<'_>, calendar: &CalendarRow) -> Result<(), Stop> {
    let former = channel(calendar);
    let now = tour.now();
    if !calendar.syncs {
        if let Some(former) = former {
            end(tour, &former).await?;
            let mut conn = tour.context.db.write().await?;
            channels::clear(&mut conn, &calendar.id, None).await?;
            conn.commit().await?;
        }
        return Ok(());
    }
    let config = &tour.context.config;
    // Providers call public addresses over TLS only; a server that may call private ones is one that is tried out.
    if !config.is_https() && !config.allow_private_urls {
        if calendar.channel_renew_at.is_some() {
            let mut conn = tour.context.db.write().await?;
            channels::clear(&mut conn, &calendar.id, None).await?;
            conn.commit().await?;
        }
        return Ok(());
    }
    if calendar.channel_renew_at.is_some_and(|at| instant(at) > now) {
        return Ok(());
    }
    let id = row_id(now)?;
    let secret = crypto::random_token() + &crypto::random_token();
    let secret = secret.get(..32).unwrap_or(&secret).to_owned();
    // Each calendar has its own: an adapter that ends what an earlier attempt left behind must not end the channels of
    // somebody else here who has connected the same account.
    let address =
        format!("{}/webhook/calendar/{}?of={}", config.public_url, tour.provider.key(), calendar.id);
    let wish = Wish { id: id.as_str(), secret: &secret, address: &address, former: former.as_ref() };
    let remote = &calendar.remote_id;
    let made = match reach!(tour, |access| tour.provider.watch(&access, remote, &wish)) {
        Ok(made) => made,
        Err(fault @ (Fault::Limited(_) | Fault::Revoked(_) | Fault::Unauthorized)) => {
            return Err(fault.into());
        }
        Err(fault) => {
            let wait = if fault.may_pass() { SOON } else { NOT_NOW };
            let sentence = format!(
                "The provider sends no news of changes: {fault} The calendar is looked at every few minutes."
            );
            tour.log(&calendar.name, &sentence, false).await?;
            // One that still works is kept until it ends.
            let keep = former.is_some_and(|former| former.expires > now);
            let mut conn = tour.context.db.write().await?;
            if keep {
                channels::postpone(&mut conn, &calendar.id, now + jitter(wait)).await?;
            } else {
                channels::clear(&mut conn, &calendar.id, Some(now + jitter(wait))).await?;
            }
            conn.commit().await?;
            return Ok(());
        }
    };
    let Some(made) = made else {
        let mut conn = tour.context.db.write().await?;
        channels::clear(&mut conn, &calendar.id, Some(now + jitter(NOT_NOW))).await?;
        conn.commit().await?;
        return Ok(());
    };
    let same = former.as_ref().is_some_and(|former| former.id == made.id);
    let hash = crypto::hash(&secret);
    let new = NewChannel {
        id: &made.id,
        resource: &made.resource,
        secret: (!same).then_some(hash.as_slice()),
        expires: made.expires,
        renew: renewal(now, made.expires),
    };
    let mut conn = tour.context.db.write().await?;
    channels::set(&mut conn, &calendar.id, &new).await?;
    if !same {
        // What changed between the last reading and now was told to nobody.
        sync::hint_calendar(&mut conn, &calendar.id, now).await?;
    }
    conn.commit().await?;
    if let Some(former) = former.filter(|_| !same) {
        end(tour, &former).await?;
    }
    Ok(())
}

/// Ends a channel; one that can't be ended ends by itself.
async fn end(tour: &mut Tour<'_>, channel: &Channel) -> Result<(), Stop> {
    match reach!(tour, |access| tour.provider.unwatch(&access, channel)) {
        Ok(()) | Err(Fault::NotFound | Fault::Refused(_) | Fault::Permission(_) | Fault::Temporary(_)) => {
            Ok(())
        }
        Err(fault) => Err(fault.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_renewed_between_half_and_three_quarters_of_their_life() {
        let now: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
        for _ in 0..200 {
            let at = renewal(now, now + TimeDelta::hours(100));
            assert!(at >= now + TimeDelta::hours(50) && at <= now + TimeDelta::hours(75), "{at}");
        }
    }
}
