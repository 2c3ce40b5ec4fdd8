//! What is done when no request and no job can come any more.

use frontrow_adapter_mysql::MySqlQueue;
use frontrow_domain::use_cases::{CleanRestart, CloseQueues, Run, Saved};

use super::database::Database;

/// What is done last of all, whatever time it takes.
pub(crate) struct Closing {
    /// Where the queues are in the memory of this process.
    pub(super) queues: Option<ClosingQueues>,
    pub(super) mysql_queue: Option<MySqlQueue>,
    pub(super) database: Database,
}

/// How queues in the memory of this process end.
pub(super) struct ClosingQueues {
    pub(super) close: CloseQueues,
    /// None where this run may not save them.
    pub(super) saving: Option<Saving>,
}

/// How they are saved for the next start.
pub(super) struct Saving {
    pub(super) restart: CleanRestart,
    pub(super) run: Run,
}

impl Closing {
    /// Leaves everything as the next start likes it best. `is_alone` is false where another process
    /// serves the queues by now: what this one would note of its own would be wrong of those.
    pub(crate) async fn run(self, is_alone: bool) {
        match self.queues {
            Some(queues) if is_alone => queues.run().await,
            Some(_) => tracing::warn!(
                "the queues are not saved, since another process has begun to serve them"
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
        // First, for the case that the queues cannot be saved: empty ones then need not recover.
        let with_users = self.close.run().await;
        if !self.save().await {
            match with_users {
                Ok(0) => {}
                Ok(with_users) => tracing::warn!(
                    queues = with_users,
                    "users are still in line; they get their places back after the next start by \
                     showing their tokens, and nobody is admitted for queue.recovery_s"
                ),
                Err(error) => tracing::warn!(%error,
                    "the database does not know which queues are empty: after the next start those \
                     recover, too"),
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
                "the queues are not saved, since another process has begun to serve them"
            ),
            Err(error) => tracing::warn!(%error,
                "the queues could not be saved: the next start recovers them for queue.recovery_s"),
        }
        false
    }
}
