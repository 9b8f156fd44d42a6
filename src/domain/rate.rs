//! Rate limits by the generic cell rate algorithm: one number of state for each key.
//!
//! The state is the "theoretical arrival time": the instant at which the bucket will be empty again. It fits
//! into one database column, so that several instances can share a limit.

/// So many requests in a period; they may come all at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The limit's name in the `RateLimit-Policy` header.
    pub name: &'static str,
    /// Requests allowed in one period.
    pub requests: u32,
    /// The period in seconds.
    pub seconds: u32,
}

/// What a limit says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// May the request go on?
    pub allowed: bool,
    /// How many more could follow at once.
    pub remaining: u32,
    /// Seconds until one more request will be allowed (0 when one is allowed now), rounded up.
    pub retry_after: u32,
    /// Seconds until the whole allowance is back, rounded up.
    pub reset: u32,
}

impl Limit {
    /// What one request costs, in microseconds of bucket time.
    pub fn cost(&self) -> i64 {
        i64::from(self.seconds) * 1_000_000 / i64::from(self.requests.max(1))
    }

    /// How far the bucket can run ahead of the clock, in microseconds.
    pub fn capacity(&self) -> i64 {
        self.cost() * i64::from(self.requests.max(1))
    }

    /// Judges a request at `now` (epoch microseconds) against the state, and returns the next state.
    pub fn judge(&self, state: Option<i64>, now: i64) -> (Verdict, i64) {
        let before = state.unwrap_or(now).max(now);
        let after = before.saturating_add(self.cost());
        let allowed = after.saturating_sub(now) <= self.capacity();
        let kept = if allowed { after } else { before };
        (self.verdict(allowed, kept, now), kept)
    }

    /// The verdict that goes with a state.
    pub fn verdict(&self, allowed: bool, state: i64, now: i64) -> Verdict {
        let used = state.saturating_sub(now).max(0);
        let free = (self.capacity() - used).max(0);
        let remaining = u32::try_from(free / self.cost().max(1)).unwrap_or(u32::MAX);
        let wait = (self.cost() - free).max(0);
        let seconds =
            |micros: i64| u32::try_from(micros.saturating_add(999_999) / 1_000_000).unwrap_or(u32::MAX);
        Verdict { allowed, remaining, retry_after: seconds(wait), reset: seconds(used) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_requests_pass_at_the_rate() {
        let limit = Limit { name: "test", requests: 5, seconds: 10 };
        let mut state = None;
        let mut ask = |now: i64| {
            let (verdict, next) = limit.judge(state, now);
            state = Some(next);
            verdict
        };
        for left in (0..5).rev() {
            assert_eq!(
                ask(0),
                Verdict {
                    allowed: true,
                    remaining: left,
                    retry_after: if left == 0 { 2 } else { 0 },
                    reset: (5 - left) * 2
                }
            );
        }
        assert!(!ask(0).allowed);
        assert!(!ask(1_999_999).allowed);
        assert!(ask(2_000_000).allowed);
        assert!(!ask(2_000_001).allowed);
    }
}
