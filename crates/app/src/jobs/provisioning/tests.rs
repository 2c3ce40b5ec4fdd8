//! Tests of the job under a paused clock, which advances only while all tasks wait.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
};

use uuid::Uuid;

use super::*;

/// A store in which `work` decides how long provisioning a queue takes, and its result.
struct Fake<F> {
    requested: RefCell<HashSet<ConcertId>>,
    work: F,
    began: Instant,
    provisioned: RefCell<Vec<(ConcertId, Duration)>>,
    running: Cell<usize>,
    most_running: Cell<usize>,
}

impl<F: AsyncFn(ConcertId) -> StoreResult<()>> Fake<F> {
    fn new(requested: impl IntoIterator<Item = u128>, work: F) -> Self {
        Self {
            requested: RefCell::new(requested.into_iter().map(concert).collect()),
            work,
            began: now(),
            provisioned: RefCell::default(),
            running: Cell::default(),
            most_running: Cell::default(),
        }
    }

    async fn run(&self, span: Duration) {
        let stop = CancellationToken::new();
        let stopping = async {
            sleep(span).await;
            stop.cancel();
        };
        tokio::join!(provision(self, stop.clone()), stopping);
    }

    /// Returns the times at which a queue was provisioned, since the start.
    fn provisioned(&self, number: u128) -> Vec<Duration> {
        let provisioned = self.provisioned.borrow();
        let of_it = provisioned
            .iter()
            .filter(|(provisioned, _)| *provisioned == concert(number));
        of_it.map(|(_, at)| *at).collect()
    }
}

struct Running<'a>(&'a Cell<usize>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<F: AsyncFn(ConcertId) -> StoreResult<()>> Provisioning for Fake<F> {
    fn take_wanted(&self) -> Vec<ConcertId> {
        self.requested.take().into_iter().collect()
    }

    async fn provision_one(&self, concert: ConcertId) -> StoreResult<()> {
        self.running.set(self.running.get() + 1);
        let _running = Running(&self.running);
        let most = self.most_running.get().max(self.running.get());
        self.most_running.set(most);
        (self.work)(concert).await?;
        self.provisioned
            .borrow_mut()
            .push((concert, now() - self.began));
        Ok(())
    }
}

fn concert(number: u128) -> ConcertId {
    ConcertId(Uuid::from_u128(number))
}

#[tokio::test(start_paused = true)]
async fn every_requested_queue_is_provisioned_once() {
    let fake = Fake::new(1..=100, async |_| Ok(()));
    fake.run(Duration::from_secs(5)).await;
    assert_eq!(fake.provisioned.borrow().len(), 100);
    let last = fake.provisioned.borrow().iter().map(|(_, at)| *at).max();
    assert!(last < Some(Duration::from_millis(100)));
}

#[tokio::test(start_paused = true)]
async fn queues_that_hang_hold_up_the_others_for_no_longer_than_the_limit() {
    let fake = Fake::new(1..=8, async |queue| {
        if queue.0.as_u128() < 8 {
            sleep(Duration::from_hours(1)).await;
        }
        Ok(())
    });
    fake.run(Duration::from_mins(1)).await;
    assert_eq!(fake.most_running.get(), CONCURRENT);
    let provisioned = fake.provisioned(8);
    assert_eq!(provisioned.len(), 1);
    assert!(provisioned[0] <= LIMIT * 2, "{provisioned:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_is_retried_until_it_succeeds() {
    let began = now();
    let tries = Cell::new(0);
    let fake = Fake::new([1], async |_| {
        tries.set(tries.get() + 1);
        if now() - began < Duration::from_mins(1) {
            return Err(StoreError::not_applied("down"));
        }
        Ok(())
    });
    fake.run(Duration::from_secs(70)).await;
    let provisioned = fake.provisioned(1);
    assert_eq!(provisioned.len(), 1);
    assert!(provisioned[0] <= Duration::from_secs(63), "{provisioned:?}");
    assert!((20..40).contains(&tries.get()), "{}", tries.get());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_requested_later_is_provisioned_soon() {
    let fake = Fake::new([], async |_| Ok(()));
    let want = async {
        sleep(Duration::from_secs(10)).await;
        fake.requested.borrow_mut().insert(concert(1));
    };
    tokio::join!(fake.run(Duration::from_secs(20)), want);
    let provisioned = fake.provisioned(1);
    assert_eq!(provisioned.len(), 1);
    assert!(
        provisioned[0] <= Duration::from_millis(10_300),
        "{provisioned:?}"
    );
}
