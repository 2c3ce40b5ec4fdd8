//! Makes callers that change the same policy wait for each other.

use std::{sync::Arc, time::Duration};

use futures_util::lock::{Mutex, OwnedMutexGuard};
use moka::future::Cache;

use crate::model::ConcertId;

/// Runs changes of the same policy one after the other within this instance.
///
/// That avoids tries that fail, but it is no guarantee: if two changes run at the same time, the
/// database refuses one.
pub struct PolicyTurns(Cache<ConcertId, Arc<Mutex<()>>>);

impl PolicyTurns {
    /// The maximum number of concerts with a lock. A change without a shared lock only takes more
    /// tries.
    const KEPT: u64 = 1_000;
    /// How long a lock is kept that no caller asks for.
    const IDLE: Duration = Duration::from_mins(1);

    /// Waits until no other change of the policy of `concert` runs. The turn lasts until the guard
    /// is dropped.
    pub(super) async fn take(&self, concert: ConcertId) -> OwnedMutexGuard<()> {
        let lock = self.0.get_with(concert, async { Arc::default() }).await;
        lock.lock_owned().await
    }
}

impl Default for PolicyTurns {
    fn default() -> Self {
        let locks = Cache::builder()
            .max_capacity(Self::KEPT)
            .time_to_idle(Self::IDLE)
            .build();
        Self(locks)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::test_support::{CONCERT, OTHER_CONCERT};

    #[tokio::test]
    async fn changes_of_one_policy_run_one_after_the_other() {
        let turns = PolicyTurns::default();
        let first = turns.take(CONCERT).await;
        let mut second = Box::pin(turns.take(CONCERT));
        assert!(second.as_mut().now_or_never().is_none());
        let other = turns.take(OTHER_CONCERT).now_or_never();
        assert!(other.is_some(), "another policy has its own lock");
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_dropped_caller_blocks_no_other_caller() {
        let turns = PolicyTurns::default();
        let first = turns.take(CONCERT).await;
        let mut second = Box::pin(turns.take(CONCERT));
        assert!(second.as_mut().now_or_never().is_none());
        drop(second);
        drop(first);
        assert!(turns.take(CONCERT).now_or_never().is_some());
    }
}
