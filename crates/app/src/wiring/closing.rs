//! The last steps of a stop, after the last request and the last job.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::use_cases::{CleanRestart, CloseQueues, Run, Saved};

use super::database::Database;

/// The last steps of a stop. They have no time limit.
pub(crate) struct Closing {
    /// Present if the queues are in the memory of this process.
    pub(super) queues: Option<ClosingQueues>,
    pub(super) mysql_queue: Option<MySqlQueue>,
    pub(super) database: Database,
}

/// The closing of queues in the memory of this process.
pub(super) struct ClosingQueues {
    pub(super) close: CloseQueues,
    /// None if this run may not save them.
    pub(super) saving: Option<Saving>,
}

/// The saving of queues for the next start.
pub(super) struct Saving {
    pub(super) restart: CleanRestart,
    pub(super) run: Run,
}

impl Closing {
    /// Saves the queues for the next start, and closes the stores. `is_alone` is false if another
    /// process serves the queues already: records about the queues of this process would then be
    /// wrong about those of the other one.
    pub(crate) async fn run(self, is_alone: bool) {
        match self.queues {
            Some(queues) if is_alone => queues.run().await,
            Some(_) => tracing::warn!(
                "the queues are not saved because another process serves them already"
            ),
            None => {}
        }
        if let Some(queue) = self.mysql_queue {
            queue.close();
        }
        self.database.close().await;
    }
}

impl ClosingQueues {
    async fn run(self) {
        // First, in case the queues cannot be saved: then empty queues need not recover.
        let with_users = self.close.run().await;
        if !self.save().await {
            match with_users {
                Ok(0) => {}
                Ok(with_users) => tracing::warn!(
                    queues = with_users,
                    "users are still in line and their places are not saved; after the next start \
                     no user is admitted for queue.recovery_s, while users re-enter with their \
                     tokens"
                ),
                Err(error) => tracing::warn!(%error,
                    "failed to record which queues are empty; after the next start empty queues \
                     recover as well"),
            }
        }
    }

    async fn save(&self) -> bool {
        let Some(Saving { restart, run }) = &self.saving else {
            return false;
        };
        match restart.save(*run).await {
            Ok(Saved::Saved(_)) => return true,
            Ok(Saved::Replaced) => tracing::warn!(
                "the queues are not saved because another process serves them already"
            ),
            Err(error) => tracing::warn!(%error,
                "failed to save the queues; after the next start they recover and admit no user for \
                 queue.recovery_s"),
        }
        false
    }
}
