//! The queues to provision, and the back-off of those that failed.

use std::collections::{BTreeSet, HashMap, HashSet};

use frontrow_domain::{
    model::{ConcertId, queue::Pace},
    ports::StoreResult,
};
use tokio::time::Instant;

/// The queues to provision. Keeps no data about a provisioned queue.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// The consecutive failures of each waiting queue.
    waiting: HashMap<ConcertId, u32>,
    due: BTreeSet<(Instant, ConcertId)>,
    running: HashMap<ConcertId, u32>,
    /// Running queues that were requested again: the cause may have come too late for the running
    /// call.
    again: HashSet<ConcertId>,
    /// True while no call has succeeded since the last failure.
    fails: bool,
}

impl Backlog {
    /// Adds requested queues. A queue that waits for a retry continues to wait.
    pub(super) fn add(&mut self, requested: Vec<ConcertId>, now: Instant) {
        for concert in requested {
            if self.running.contains_key(&concert) {
                self.again.insert(concert);
            } else if !self.waiting.contains_key(&concert) {
                self.put(concert, 0, now);
            }
        }
    }

    /// Takes the queue that has been due for the longest time. None if no queue is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<ConcertId> {
        let (due, concert) = self.due.first().copied()?;
        if due > now {
            return None;
        }
        self.due.pop_first();
        let failures = self.waiting.remove(&concert)?;
        self.running.insert(concert, failures);
        Some(concert)
    }

    /// Records the result of provisioning a queue.
    pub(super) fn finish(&mut self, concert: ConcertId, result: StoreResult<()>, now: Instant) {
        let failures = self.running.remove(&concert).unwrap_or_default();
        let again = self.again.remove(&concert);
        match result {
            Ok(()) => {
                if std::mem::take(&mut self.fails) {
                    tracing::info!(%concert, "provisioning of queues succeeds again");
                }
                if again {
                    self.put(concert, 0, now);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(%concert, %error,
                        "provisioning of a queue failed; retrying with back-off");
                }
                let failures = failures.saturating_add(1);
                self.put(concert, failures, now + Pace::back_off(failures));
            }
        }
    }

    fn put(&mut self, concert: ConcertId, failures: u32, due: Instant) {
        self.waiting.insert(concert, failures);
        self.due.insert((due, concert));
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
            && self.due.is_empty()
            && self.running.is_empty()
            && self.again.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use frontrow_domain::ports::StoreError;
    use uuid::Uuid;

    use super::*;

    const A: ConcertId = ConcertId(Uuid::from_u128(1));
    const B: ConcertId = ConcertId(Uuid::from_u128(2));

    fn failed() -> StoreResult<()> {
        Err(StoreError::not_applied("down"))
    }

    #[test]
    fn a_queue_that_fails_waits_and_lets_others_go_first() {
        let now = super::super::now();
        let mut backlog = Backlog::default();
        backlog.add(vec![A], now);
        assert_eq!(backlog.take(now), Some(A));
        backlog.finish(A, failed(), now);
        backlog.add(vec![A, B], now);
        assert_eq!(backlog.take(now), Some(B));
        assert_eq!(backlog.take(now), None);
        let due = now + Pace::back_off(1);
        assert_eq!(backlog.take(due), Some(A));
        backlog.finish(A, failed(), due);
        assert_eq!(backlog.take(due + Pace::back_off(1)), None);
        assert_eq!(backlog.take(due + Pace::back_off(2)), Some(A));
        for concert in [A, B] {
            backlog.finish(concert, Ok(()), now);
        }
        assert!(backlog.is_empty());
    }

    /// The cause of the second request may have come after the call had read the database.
    #[test]
    fn a_queue_that_is_requested_while_it_is_provisioned_is_provisioned_again() {
        let now = super::super::now();
        let mut backlog = Backlog::default();
        backlog.add(vec![A], now);
        assert_eq!(backlog.take(now), Some(A));
        backlog.add(vec![A], now);
        assert_eq!(backlog.take(now + Duration::from_hours(1)), None);
        backlog.finish(A, Ok(()), now);
        assert_eq!(backlog.take(now), Some(A));
        backlog.finish(A, Ok(()), now);
        assert!(backlog.is_empty());
    }
}
