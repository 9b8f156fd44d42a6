//! What a lane works on just now, and for whom.

use crate::domain::ids::WorkspaceId;
use std::{collections::HashMap, future::Future};
use tokio::task::{self, JoinError, JoinSet};

/// The work of a lane that runs, and whose it is.
#[derive(Default)]
pub(super) struct Running {
    tasks: JoinSet<()>,
    of: HashMap<task::Id, WorkspaceId>,
}

impl Running {
    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Each in a task of its own, so that one that panics takes nothing else down.
    pub(super) fn begin(&mut self, workspace: WorkspaceId, work: impl Future<Output = ()> + Send + 'static) {
        self.of.insert(self.tasks.spawn(work).id(), workspace);
    }

    fn ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "work panicked; it is done again when its lease ends");
                error.id()
            }
        };
        self.of.remove(&id);
    }

    /// Takes note of those that have ended.
    pub(super) fn sweep(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    /// Waits until one has ended.
    pub(super) async fn next(&mut self) {
        if let Some(ended) = self.tasks.join_next_with_id().await {
            self.ended(ended);
        }
    }

    /// Waits until all have ended.
    pub(super) async fn rest(&mut self) {
        while self.len() > 0 {
            self.next().await;
        }
    }

    /// The workspaces that fill their share.
    pub(super) fn full(&self, share: usize) -> Vec<WorkspaceId> {
        let mut counts: HashMap<&WorkspaceId, usize> = HashMap::new();
        for workspace in self.of.values() {
            *counts.entry(workspace).or_default() += 1;
        }
        counts
            .into_iter()
            .filter(|(_, count)| *count >= share)
            .map(|(workspace, _)| workspace.clone())
            .collect()
    }
}
