//! Doing the same for one queue after the other.

use std::{cell::RefCell, collections::HashSet};

use frontrow_domain::{
    model::ConcertId,
    ports::{StoreError, StoreResult},
};

/// Does the work of a job for each queue. One that fails neither keeps the others from being served nor
/// slows them down: it is logged once, and tried again with the others.
pub(super) struct EachQueue {
    job: &'static str,
    failing: RefCell<HashSet<ConcertId>>,
}

impl EachQueue {
    pub(super) fn new(job: &'static str) -> Self {
        Self {
            job,
            failing: RefCell::default(),
        }
    }

    /// Fails only where there was no queue that it could serve: then it is the store that fails.
    pub(super) async fn serve(
        &self,
        concerts: impl IntoIterator<Item = ConcertId>,
        work: impl AsyncFn(ConcertId) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let (mut served, mut failed) = (Vec::new(), Vec::new());
        for concert in concerts {
            match work(concert).await {
                Ok(()) => served.push(concert),
                Err(error) => failed.push((concert, error)),
            }
        }
        if served.is_empty()
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        self.note(&served, failed);
        Ok(())
    }

    fn note(&self, served: &[ConcertId], failed: Vec<(ConcertId, StoreError)>) {
        let mut failing = self.failing.borrow_mut();
        for concert in served {
            if failing.remove(concert) {
                tracing::info!(job = self.job, %concert, "a queue is served again");
            }
        }
        for (concert, error) in failed {
            if failing.insert(concert) {
                tracing::warn!(job = self.job, %concert, %error, "a queue fails, the others are served");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const GOOD: ConcertId = ConcertId(Uuid::from_u128(1));
    const BAD: ConcertId = ConcertId(Uuid::from_u128(2));

    async fn only_good(concert: ConcertId) -> StoreResult<()> {
        if concert == GOOD {
            Ok(())
        } else {
            Err(StoreError::not_applied("bad"))
        }
    }

    #[tokio::test]
    async fn one_that_fails_slows_nobody_down() {
        let each = EachQueue::new("test");
        assert_eq!(each.serve([BAD, GOOD], only_good).await, Ok(()));
        assert_eq!(*each.failing.borrow(), HashSet::from([BAD]));
        let all_good = async |_| Ok(());
        assert_eq!(each.serve([BAD, GOOD], all_good).await, Ok(()));
        assert!(each.failing.borrow().is_empty());
    }

    #[tokio::test]
    async fn a_store_that_serves_none_fails() {
        let each = EachQueue::new("test");
        assert!(each.serve([BAD], only_good).await.is_err());
        assert_eq!(each.serve([], only_good).await, Ok(()));
    }
}
