//! The serialized line statuses: one cache for all requests, and the pages that each worker thread
//! has served.

use std::{cell::RefCell, collections::HashMap, sync::Arc, time::Duration};

use frontrow_domain::{
    decorators::SharedSnapshot,
    model::{ConcertId, queue::LineStatus},
};
use jiff::Timestamp;
use moka::sync::Cache;

use super::{conditional::Tagged, shapes::LineBody};

/// The newest status of each requested line, as JSON.
pub(crate) struct LineStatusCache(Cache<ConcertId, Arc<SerializedLineStatus>>);

/// A status in JSON.
pub(crate) struct SerializedLineStatus {
    snapshot: SharedSnapshot,
    pub(crate) document: Tagged,
}

impl LineStatusCache {
    /// The maximum number of lines with a page.
    const MAX: u64 = 1_000;
    /// The time for which a page is kept. Pages of requested lines are replaced much earlier.
    const KEPT: Duration = Duration::from_mins(1);

    /// Returns the page of a snapshot that is fresh at `now`. None if there is none: the page must
    /// be [written](Self::write).
    fn fresh(&self, concert: ConcertId, now: Timestamp) -> Option<Arc<SerializedLineStatus>> {
        let page = self.0.get(&concert);
        page.filter(|page| page.is_fresh(now))
    }

    /// Returns the page of a snapshot, or a newer one that is fresh at `now`. Serializes `status`
    /// if there is none.
    pub(crate) fn write(
        &self,
        concert: ConcertId,
        snapshot: SharedSnapshot,
        status: &LineStatus,
        now: Timestamp,
    ) -> Arc<SerializedLineStatus> {
        // A slow request must not replace a newer page by an older one. After the clock has stepped
        // back, a page of the time before is not fresh.
        let found = self.fresh(concert, now);
        if let Some(page) = found.filter(|page| !snapshot.is_newer_than(&page.snapshot)) {
            return page;
        }
        let page = Arc::new(SerializedLineStatus::of(snapshot, status));
        self.0.insert(concert, Arc::clone(&page));
        page
    }
}

impl Default for LineStatusCache {
    fn default() -> Self {
        Self(
            Cache::builder()
                .max_capacity(Self::MAX)
                .time_to_live(Self::KEPT)
                .build(),
        )
    }
}

/// The fresh pages that one worker thread has served. A look-up here touches no memory that other
/// threads write, which costs less than the shared cache. For up to 500 ms, threads may serve
/// different pages of one line.
#[derive(Default)]
pub(super) struct WorkerLineStatuses(RefCell<HashMap<ConcertId, Arc<SerializedLineStatus>>>);

impl WorkerLineStatuses {
    /// The maximum number of pages.
    const MAX: usize = 100;

    /// Returns the page of a snapshot that is fresh at `now`, from here or from `shared`. None if
    /// neither has one.
    pub(super) fn fresh(
        &self,
        shared: &LineStatusCache,
        concert: ConcertId,
        now: Timestamp,
    ) -> Option<Arc<SerializedLineStatus>> {
        let mut pages = self.0.borrow_mut();
        if let Some(page) = pages.get(&concert) {
            if page.is_fresh(now) {
                return Some(Arc::clone(page));
            }
            // A clock that steps back must not make it fresh again.
            pages.remove(&concert);
        }
        let page = shared.fresh(concert, now)?;
        if pages.len() == Self::MAX {
            pages.retain(|_, page| page.is_fresh(now));
        }
        if pages.len() < Self::MAX {
            pages.insert(concert, Arc::clone(&page));
        }
        Some(page)
    }
}

impl SerializedLineStatus {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.snapshot.is_fresh(now)
    }

    fn of(snapshot: SharedSnapshot, status: &LineStatus) -> Self {
        // Two statuses of one generation and instant can differ only in the throughput and the
        // window, which are for display.
        let (generation, as_of) = (status.generation, status.as_of);
        let tag = format!("{generation}-{}", as_of.as_microsecond());
        // Serializing strings and numbers does not fail.
        let body = serde_json::to_vec(&LineBody::from(status)).unwrap_or_default();
        let document = Tagged::new(tag, body);
        Self { snapshot, document }
    }
}

#[cfg(test)]
mod tests {
    use frontrow_domain::{
        decorators::SnapshotQueue,
        model::queue::{Generation, HeartbeatPauses, PolicyState, QueueView, SaleState},
        ports::{MockClock, MockQueue, MockQueueSnapshots, SnapshotOutcome, Stamped},
    };
    use jiff::ToSpan as _;
    use uuid::Uuid;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn concert(number: usize) -> ConcertId {
        ConcertId(Uuid::from_u128(number as u128))
    }

    fn status(as_of: Timestamp) -> LineStatus {
        LineStatus {
            as_of,
            generation: Generation(1),
            queue: QueueView {
                state: PolicyState::Open,
                opens_at: None,
                recovering: false,
                sale: SaleState::OnSale,
            },
            admitted_up_to: None,
            passed: 0,
            waiting: 0,
            throughput: None,
            window: None,
            reentry_until: None,
            heartbeat_after: HeartbeatPauses::of(Duration::from_mins(5), None, 1),
        }
    }

    /// Takes a snapshot at `now` and writes its page.
    async fn write(shared: &LineStatusCache, concert: ConcertId, now: Timestamp) {
        let mut clock = MockClock::new();
        clock.expect_now().return_const(now);
        let mut line = MockQueueSnapshots::new();
        line.expect_snapshot().returning(move |_, _| {
            Ok(Stamped {
                as_of: now,
                value: SnapshotOutcome::NotSeeded,
            })
        });
        let snapshots = SnapshotQueue::new(
            Arc::new(MockQueue::new()),
            Arc::new(line),
            Arc::new(clock),
            10,
            Duration::from_secs(15),
        );
        let snapshot = snapshots.line(concert).await.unwrap();
        shared.write(concert, snapshot, &status(now), now);
    }

    fn tag(page: Option<Arc<SerializedLineStatus>>) -> Option<String> {
        page.map(|page| page.document.tag.tag().to_owned())
    }

    #[actix_web::test]
    async fn a_worker_takes_a_newer_page_once_its_own_is_not_fresh() {
        let (shared, worker) = (LineStatusCache::default(), WorkerLineStatuses::default());
        let fresh = |now| tag(worker.fresh(&shared, concert(1), now));
        assert_eq!(fresh(NOW), None);
        write(&shared, concert(1), NOW).await;
        let first = fresh(NOW);
        assert!(first.is_some());
        let later = NOW + 400.milliseconds();
        write(&shared, concert(1), later).await;
        assert_eq!(fresh(later), first, "its own page is fresh");
        let second = fresh(NOW + 600.milliseconds());
        assert!(second.is_some() && second != first);
        assert_eq!(fresh(NOW + 2.seconds()), None);
        let after_a_step_back = NOW + 500.milliseconds();
        assert_eq!(fresh(after_a_step_back), second, "the shared cache has it");
    }

    #[actix_web::test]
    async fn a_page_from_before_the_clock_stepped_back_is_replaced() {
        let shared = LineStatusCache::default();
        let later = NOW + 1.hour();
        write(&shared, concert(1), later).await;
        let before = tag(shared.fresh(concert(1), later));
        write(&shared, concert(1), NOW).await;
        let after = tag(shared.fresh(concert(1), NOW));
        assert!(after.is_some() && after != before);
    }

    #[actix_web::test]
    async fn a_worker_keeps_a_bounded_number_of_pages() {
        let (shared, worker) = (LineStatusCache::default(), WorkerLineStatuses::default());
        for number in 0..WorkerLineStatuses::MAX + 20 {
            write(&shared, concert(number), NOW).await;
            let page = worker.fresh(&shared, concert(number), NOW);
            assert!(page.is_some(), "{number}");
        }
        assert_eq!(worker.0.borrow().len(), WorkerLineStatuses::MAX);
        let later = NOW + 1.second();
        write(&shared, concert(9_999), later).await;
        assert!(worker.fresh(&shared, concert(9_999), later).is_some());
        assert_eq!(worker.0.borrow().len(), 1, "pages that are not fresh go");
    }
}
