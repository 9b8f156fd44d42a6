//! Rate limits: kept in memory where one process serves, in the database where several instances share it.

use super::{
    clock,
    store::{Db, StoreError, micros, rate_limits},
};
use crate::domain::rate::{Limit, Verdict};
use std::{collections::HashMap, sync::Mutex};

/// Reading: pages and slots.
pub const READ: Limit = Limit { name: "read", requests: 600, seconds: 60 };
/// Booking, moving and cancelling.
pub const WRITE: Limit = Limit { name: "write", requests: 30, seconds: 60 };
/// What calendar providers push.
pub const PUSH: Limit = Limit { name: "push", requests: 6_000, seconds: 60 };
/// Trying passwords and codes.
pub const SIGN_IN: Limit = Limit { name: "sign-in", requests: 10, seconds: 300 };

/// Trying passwords of one account.
pub const ACCOUNT: Limit = Limit { name: "account", requests: 20, seconds: 900 };

/// Keys that are kept in memory at most; beyond it those that are whole again are dropped.
const MOST_KEYS: usize = 50_000;

/// Judges requests by key.
#[derive(Debug, Default)]
pub struct Limiter {
    off: bool,
    memory: Mutex<HashMap<String, i64>>,
}

impl Limiter {
    /// A limiter; one that is `off` lets everything pass.
    pub fn new(off: bool) -> Self {
        Self { off, memory: Mutex::default() }
    }

    /// Judges one request of a client under a limit. Limits on writing are shared by all instances; those on
    /// reading are kept by each, as a write for every read would cost more than it protects.
    pub async fn judge(&self, db: &Db, limit: Limit, client: &str) -> Result<Option<Verdict>, StoreError> {
        if self.off {
            return Ok(None);
        }
        let now = micros(clock::now());
        let key = format!("{}:{client}", limit.name);
        if db.is_shared() && limit.name != READ.name {
            let mut conn = db.read().await?;
            let taken = rate_limits::take(&mut conn, &key, now, limit.cost(), limit.capacity()).await?;
            let state = match taken {
                Some(state) => state,
                None => rate_limits::state(&mut conn, &key).await?.unwrap_or(now),
            };
            return Ok(Some(limit.verdict(taken.is_some(), state, now)));
        }
        // A poisoned lock means that a thread panicked between two map operations: the map is still a map.
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if memory.len() >= MOST_KEYS {
            memory.retain(|_, arrival| *arrival > now);
        }
        let (verdict, state) = limit.judge(memory.get(&key).copied(), now);
        memory.insert(key, state);
        Ok(Some(verdict))
    }
}
