//! Whose turn it is to write into SQLite, which has one writer at a time.
//!
//! Requests come first: of all that goes on in the background one waits among them at most, so that a booking waits for one
//! transaction of a calendar that is being read, not for one of each. And after each of its transactions the background
//! leaves the file alone for a moment: another process looks for its chance only now and then, and would not find one between
//! two that follow each other at once.

use super::StoreError;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long something in the background waits: nobody looks at it.
const BACKGROUND_PATIENCE: Duration = Duration::from_secs(60);
/// How long the background leaves the file alone.
const PAUSE: Duration = Duration::from_millis(5);

/// The turns of one process.
#[derive(Debug, Clone)]
pub struct Turns {
    writer: Arc<Semaphore>,
    background: Arc<Semaphore>,
    is_background: bool,
}

impl Turns {
    pub(super) fn new() -> Self {
        let one = || Arc::new(Semaphore::new(1));
        Self { writer: one(), background: one(), is_background: false }
    }

    /// The same turns, for what nobody waits for.
    pub(super) fn in_background(&self) -> Self {
        Self { is_background: true, ..self.clone() }
    }

    /// How long whoever writes waits for the file.
    pub(super) fn patience(&self) -> Duration {
        if self.is_background { BACKGROUND_PATIENCE } else { super::PATIENCE }
    }

    /// Waits for one's turn.
    pub(super) async fn take(&self) -> Result<Turn, StoreError> {
        let both = async {
            let background = match self.is_background {
                true => Some(Arc::clone(&self.background).acquire_owned().await?),
                false => None,
            };
            Ok(Turn { writer: Arc::clone(&self.writer).acquire_owned().await?, background })
        };
        let taken: Result<_, tokio::sync::AcquireError> =
            timeout(self.patience(), both).await.map_err(|_| StoreError::Busy)?;
        taken.map_err(|_| StoreError::Busy)
    }
}

/// A turn. It ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    writer: OwnedSemaphorePermit,
    background: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Ends a turn in which something was written.
    pub(super) async fn end(self) {
        drop(self.writer);
        if self.background.is_some() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn a_request_waits_for_one_of_the_background_at_most() {
        let (turns, order) = (Turns::new(), Arc::new(Mutex::new(Vec::new())));
        let held = turns.in_background().take().await.unwrap();
        let queue = |turns: Turns, who: &'static str| {
            let order = Arc::clone(&order);
            tokio::spawn(async move {
                let turn = turns.take().await.unwrap();
                order.lock().unwrap().push(who);
                turn.end().await;
            })
        };
        let mut waiting: Vec<_> = (0..4).map(|_| queue(turns.in_background(), "background")).collect();
        // They are there first.
        tokio::task::yield_now().await;
        waiting.push(queue(turns.clone(), "request"));
        tokio::task::yield_now().await;
        held.end().await;
        for one in waiting {
            one.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert_eq!(order.len(), 5);
        assert!(order.iter().position(|who| *who == "request").unwrap() <= 1, "{order:?}");
    }

    #[tokio::test]
    async fn a_turn_that_is_given_up_is_the_next_ones() {
        let turns = Turns::new();
        drop(turns.in_background().take().await.unwrap());
        drop(turns.take().await.unwrap());
        turns.in_background().take().await.unwrap().end().await;
    }
}
