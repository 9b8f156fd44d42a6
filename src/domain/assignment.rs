//! Who gets the booking.
//!
//! [`rank`] only orders people; whether a host is free at a start is [`super::slots`]' business. The booking
//! transaction asks both again, so that two people who book at once see the same rotation one after the
//! other.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How the hosts of an event type share its bookings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub enum Assignment {
    /// Fair rotation among those who are free.
    #[default]
    RoundRobin,
    /// Whoever is free, by priority. (Elsewhere the word means that everyone attends; that is
    /// [`Self::AllHands`] here.)
    Collective,
    /// Everyone attends.
    AllHands,
}

/// One host, as the rotation sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Whether they could take this booking.
    pub available: bool,
    /// Their share of the bookings relative to the other weights; with 0 they are asked only when nobody else
    /// is free.
    pub weight: u32,
    /// Higher ones are asked first (collective only).
    pub priority: u32,
    /// How many bookings the rotation has given them so far.
    pub booked: u64,
    /// When they were last given one; `None` when never.
    pub last_booked: Option<DateTime<Utc>>,
}

/// The positions of the available candidates, best first.
///
/// - Round robin: largest shortfall first. A host's shortfall is what their weight would have given them of
///   all bookings so far, minus what they got: `total · weight / weights − booked`, counted over all
///   candidates, available or not, so that a host who was away catches up and nobody's turn is lost by asking
///   in another order. Then whoever was booked longest ago (never comes first), then by position. Hosts with
///   weight 0 stand behind all others, fewest bookings first.
/// - Collective: highest priority, then booked longest ago, then by position.
/// - All hands: by position.
#[must_use]
pub fn rank(assignment: Assignment, candidates: &[Candidate]) -> Vec<usize> {
    let mut ranked: Vec<(usize, &Candidate)> =
        candidates.iter().enumerate().filter(|(_, candidate)| candidate.available).collect();
    // The sorts are stable: equals stay in order of position. `None` sorts before every `Some`: never is
    // longest ago.
    match assignment {
        Assignment::RoundRobin => {
            let total: i128 = candidates.iter().map(|candidate| i128::from(candidate.booked)).sum();
            let weights: i128 = candidates.iter().map(|candidate| i128::from(candidate.weight)).sum();
            // Multiplied by the sum of weights, the shortfall stays a whole number. Where nobody has a
            // weight, the fewest bookings come first.
            let shortfall =
                |host: &Candidate| total * i128::from(host.weight) - i128::from(host.booked) * weights.max(1);
            ranked.sort_by_key(|(_, host)| (host.weight == 0, Reverse(shortfall(host)), host.last_booked));
        }
        Assignment::Collective => ranked.sort_by_key(|(_, host)| (Reverse(host.priority), host.last_booked)),
        Assignment::AllHands => {}
    }
    ranked.into_iter().map(|(position, _)| position).collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn host(weight: u32, booked: u64) -> Candidate {
        Candidate { available: true, weight, priority: 0, booked, last_booked: None }
    }

    fn day(number: i64) -> Option<DateTime<Utc>> {
        Some(DateTime::UNIX_EPOCH + TimeDelta::days(number))
    }

    #[test]
    fn with_equal_weights_whoever_has_fewest_is_next() {
        assert_eq!(rank(Assignment::RoundRobin, &[host(1, 3), host(1, 1), host(1, 2)]), [1, 2, 0]);
    }

    #[test]
    fn the_rotation_approaches_the_weights_and_never_strays_far() {
        let mut hosts = [host(5, 0), host(3, 0), host(2, 0)];
        for turn in 1..=1000 {
            let next = rank(Assignment::RoundRobin, &hosts)[0];
            hosts[next].booked += 1;
            hosts[next].last_booked = day(turn);
            for host in &hosts {
                let ten_times_fair = i128::from(turn) * i128::from(host.weight);
                let off = ten_times_fair - i128::from(host.booked) * 10;
                assert!(off.abs() <= 20, "turn {turn}: {hosts:?}");
            }
        }
        assert_eq!(hosts.map(|host| host.booked), [500, 300, 200]);
    }

    #[test]
    fn those_who_are_away_are_not_ranked_but_count() {
        let away = Candidate { available: false, ..host(1, 0) };
        // Both fall behind the one who is away; of the two, the heavier one's share is larger.
        assert_eq!(rank(Assignment::RoundRobin, &[away, host(1, 6), host(3, 12)]), [2, 1]);
    }

    #[test]
    fn at_equal_shortfall_never_booked_comes_first_then_longest_ago_then_position() {
        let mut hosts = [host(1, 4), host(1, 4), host(1, 4), host(1, 4)];
        hosts[0].last_booked = day(9);
        hosts[1].last_booked = day(3);
        assert_eq!(rank(Assignment::RoundRobin, &hosts), [2, 3, 1, 0]);
    }

    #[test]
    fn weight_zero_is_asked_only_when_nobody_else_is_free() {
        assert_eq!(rank(Assignment::RoundRobin, &[host(0, 0), host(1, 900), host(1, 0)]), [2, 1, 0]);
        assert_eq!(rank(Assignment::RoundRobin, &[host(0, 5), host(0, 2), host(0, 3)]), [1, 2, 0]);
    }

    #[test]
    fn a_collective_goes_by_priority_then_longest_ago() {
        let mut hosts = [host(1, 0), host(1, 50), host(1, 2), host(1, 2)];
        hosts[1].priority = 7;
        hosts[0].last_booked = day(2);
        hosts[2].last_booked = day(1);
        assert_eq!(rank(Assignment::Collective, &hosts), [1, 3, 2, 0]);
    }

    #[test]
    fn all_hands_keep_their_order() {
        let mut hosts = [host(1, 9), host(8, 0), host(1, 0)];
        hosts[1].available = false;
        assert_eq!(rank(Assignment::AllHands, &hosts), [0, 2]);
    }

    #[test]
    fn absurd_numbers_do_not_overflow() {
        let hosts = vec![host(u32::MAX, u64::MAX); 1000];
        assert_eq!(rank(Assignment::RoundRobin, &hosts).len(), 1000);
        assert!(rank(Assignment::RoundRobin, &[]).is_empty());
    }
}
