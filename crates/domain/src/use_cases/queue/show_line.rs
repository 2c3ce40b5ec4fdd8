use std::sync::Arc;

use crate::{
    decorators::{SharedSnapshot, SnapshotQueue},
    read_models::{QueueMissing, QueueStatuses},
    use_cases::Browse,
};
use crate::{
    model::{ConcertId, queue::LineStatus},
    ports::StoreResult,
};

/// Returns the public state of a line.
pub struct ShowLine {
    /// Takes the snapshots of the lines, shared by all requests.
    pub look: Arc<SnapshotQueue>,
    /// Knows the throughput limits of the policies and the admission windows.
    pub statuses: Arc<QueueStatuses>,
    /// Knows which concerts there are.
    pub browse: Arc<Browse>,
}

/// The result of a request for a line.
#[derive(Debug, Clone)]
pub enum LineAnswer {
    /// Its newest snapshot.
    Seen(SharedSnapshot),
    /// The store has no such queue.
    Missing(QueueMissing),
}

impl ShowLine {
    /// Returns a snapshot of the line of `concert`, shared by all requests.
    ///
    /// # Errors
    /// When the queues' store fails. If this instance does not know the concert, when the database
    /// fails.
    pub async fn snapshot(&self, concert: ConcertId) -> StoreResult<LineAnswer> {
        if self.statuses.view(concert).is_none() {
            if self.browse.concert(concert).await?.is_none() {
                return Ok(LineAnswer::Missing(QueueMissing::NoSuchConcert));
            }
            // The concert is over, or another instance has just made it.
            self.statuses.want(concert);
            return Ok(LineAnswer::Missing(QueueMissing::NotReady));
        }
        let snapshot = self.look.line(concert).await?;
        Ok(if snapshot.line().is_some() {
            LineAnswer::Seen(snapshot)
        } else {
            LineAnswer::Missing(self.statuses.missing(concert))
        })
    }

    /// Returns the line status that a snapshot shows. None if the store had no such queue.
    #[must_use]
    pub fn status(&self, concert: ConcertId, snapshot: &SharedSnapshot) -> Option<LineStatus> {
        let line = snapshot.line()?;
        let (throughput, window) = self.statuses.pace(concert);
        Some(LineStatus::of(line, snapshot.as_of(), throughput, window))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        ports::{MockConcerts, MockQueue, MockQueueSnapshots, SnapshotOutcome, StoreError},
        test_support::*,
    };

    /// Returns a use case whose store answers exactly one snapshot, with `outcome`.
    fn show(outcome: StoreResult<SnapshotOutcome>) -> ShowLine {
        let mut line = MockQueueSnapshots::new();
        line.expect_snapshot()
            .once()
            .return_once(move |_, _| outcome.map(stamped));
        show_line(line)
    }

    fn show_line(line: MockQueueSnapshots) -> ShowLine {
        let mut concerts = MockConcerts::new();
        concerts.expect_catalogue().returning(|_| Ok(catalogue([])));
        concerts.expect_concert().returning(|_, _| Ok(None));
        ShowLine {
            look: Arc::new(SnapshotQueue::new(
                Arc::new(MockQueue::new()),
                Arc::new(line),
                clock(100),
                10,
                Duration::from_secs(15),
            )),
            statuses: statuses(),
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
        }
    }

    #[tokio::test]
    async fn many_requests_share_one_snapshot() {
        let show = show(Ok(SnapshotOutcome::Seen(line())));
        for _ in 0..3 {
            let LineAnswer::Seen(snapshot) = show.snapshot(CONCERT).await.unwrap() else {
                panic!("the store has the queue");
            };
            let status = show.status(CONCERT, &snapshot).unwrap();
            assert_eq!(status.as_of, snapshot.as_of());
            assert_eq!(status.waiting, line().waiting);
            assert_eq!(status.passed, line().admitted);
        }
    }

    #[tokio::test]
    async fn a_missing_queue_is_requested_from_provisioning() {
        let show = show(Ok(SnapshotOutcome::NotSeeded));
        let answer = show.snapshot(CONCERT).await.unwrap();
        assert!(matches!(
            answer,
            LineAnswer::Missing(QueueMissing::NotReady)
        ));
        assert_eq!(show.statuses.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn the_store_is_not_asked_about_an_unknown_concert() {
        let mut show = show_line(MockQueueSnapshots::new());
        show.statuses = empty_statuses();
        let answer = show.snapshot(CONCERT).await.unwrap();
        assert!(matches!(
            answer,
            LineAnswer::Missing(QueueMissing::NoSuchConcert)
        ));
    }

    #[tokio::test]
    async fn a_store_that_fails_is_an_error() {
        let down = StoreError::not_applied("down");
        let show = show(Err(down.clone()));
        assert_eq!(show.snapshot(CONCERT).await.unwrap_err(), down);
    }
}
