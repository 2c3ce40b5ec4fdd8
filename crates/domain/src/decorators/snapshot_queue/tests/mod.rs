//! A snapshot queue on mocks of its store.

mod answers;
mod counts;
mod failures;
mod heartbeats;
mod memory;
mod slow_answers;
mod snapshots;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::SnapshotQueue;
use crate::{
    model::queue::{
        Arrival, DepartureCursor, Departures, Generation, LineSnapshot, Place, PolicyVersion,
        QueueView, Standing, Ticket,
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, MockQueue,
        MockQueueSnapshots, Queue, QueueSnapshots, SnapshotOutcome, Stamped, StoreResult,
    },
    test_support::*,
};

/// The answers of the store, to be changed by the test.
pub(super) struct Store {
    /// The time by both clocks.
    pub(super) now: Timestamp,
    pub(super) line: LineSnapshot,
    pub(super) place: Place,
    pub(super) snapshots_fail: bool,
}

/// A store, and a snapshot queue on it.
pub(super) struct TestSnapshots {
    pub(super) store: Arc<Mutex<Store>>,
    clock: Arc<AtomicI64>,
    pub(super) shared: SnapshotQueue,
}

struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

impl TestSnapshots {
    /// Returns a fixture whose store expects `look_ups` look-ups and `snapshots` snapshots.
    pub(super) fn new(look_ups: usize, snapshots: usize) -> Self {
        Self::with_capacity(look_ups, snapshots, SnapshotQueue::MOST_USERS)
    }

    pub(super) fn with_capacity(look_ups: usize, snapshots: usize, most_users: usize) -> Self {
        let store = Arc::new(Mutex::new(Store {
            now: at(100),
            line: line(),
            place: waiting(5),
            snapshots_fail: false,
        }));
        let mut queue = MockQueue::new();
        let looked_up = Arc::clone(&store);
        queue
            .expect_look_up()
            .times(look_ups)
            .returning(move |ticket| {
                let store = looked_up.lock().unwrap();
                let place = Place {
                    ticket: ticket.clone(),
                    ..store.place.clone()
                };
                store.answer(LookUpOutcome::Found(place))
            });
        let mut line = MockQueueSnapshots::new();
        let taken = Arc::clone(&store);
        line.expect_snapshot()
            .times(snapshots)
            .returning(move |_, _| {
                let store = taken.lock().unwrap();
                if store.snapshots_fail {
                    return Err(down());
                }
                store.answer(SnapshotOutcome::Seen(store.line.clone()))
            });
        Self::of(store, queue, line, most_users)
    }

    pub(super) fn of(
        store: Arc<Mutex<Store>>,
        mut queue: MockQueue,
        line: impl QueueSnapshots + 'static,
        most_users: usize,
    ) -> Self {
        let state = Arc::clone(&store);
        queue.expect_join().returning(move |_, _, _| {
            let store = state.lock().unwrap();
            store.answer(JoinOutcome::Joined(store.place.clone()))
        });
        let state = Arc::clone(&store);
        queue.expect_pass_gate().returning(move |_, _| {
            let store = state.lock().unwrap();
            let place = store.place.clone();
            store.answer(match place.standing {
                Standing::Waiting { .. } => GateOutcome::Waiting(place),
                Standing::Active { .. } => GateOutcome::Passed(place),
            })
        });
        let state = Arc::clone(&store);
        queue
            .expect_leave()
            .returning(move |_| state.lock().unwrap().answer(LeaveOutcome::Left));
        let clock = Arc::new(AtomicI64::new(at(100).as_microsecond()));
        let test_clock = Arc::new(TestClock(Arc::clone(&clock)));
        Self {
            store,
            clock,
            shared: SnapshotQueue::new(
                Arc::new(queue),
                Arc::new(line),
                test_clock,
                most_users,
                Duration::from_secs(30),
            ),
        }
    }

    /// Makes `queue` the store's queue.
    pub(super) fn with_queue(mut self, queue: MockQueue) -> Self {
        self.shared.queue = Arc::new(queue);
        self
    }

    /// Moves both clocks forward by `millis` ms.
    pub(super) fn advance(&self, millis: i64) {
        self.store.lock().unwrap().now += SignedDuration::from_millis(millis);
        self.step_clock(millis);
    }

    /// Moves only this instance's clock, by `millis` ms.
    pub(super) fn step_clock(&self, millis: i64) {
        self.clock.fetch_add(millis * 1_000, Ordering::Relaxed);
    }

    /// Changes the line of the store.
    pub(super) fn change_line(&self, change: impl FnOnce(&mut LineSnapshot)) {
        change(&mut self.store.lock().unwrap().line);
    }

    pub(super) async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        self.shared.look_up(ticket).await
    }

    /// Looks up the user of [`ticket`]. Returns the position and the instant of the answer.
    pub(super) async fn position(&self) -> (u64, Timestamp) {
        let found = self.found().await;
        match found.value.standing {
            Standing::Waiting { position, .. } => (position, found.as_of),
            other @ Standing::Active { .. } => panic!("{other:?}"),
        }
    }

    /// Takes a snapshot unless the newest one is fresh.
    pub(super) async fn refresh(&self) {
        let cache = self.shared.cache(CONCERT);
        cache.freshen(&self.shared.source).await.unwrap();
    }

    /// Looks up the user of [`ticket`]. Returns the view of the queue.
    pub(super) async fn queue(&self) -> QueueView {
        self.found().await.value.queue
    }

    async fn found(&self) -> Stamped<Place> {
        let found = self.look_up(&ticket()).await.unwrap();
        found.map(|found| match found {
            LookUpOutcome::Found(place) => place,
            other => panic!("{other:?}"),
        })
    }
}

/// Returns a ticket of Bob for the same concert.
pub(super) fn other(arrival: i64) -> Ticket {
    Ticket {
        user: bob(),
        arrival: Arrival::from_micros(arrival),
        ..ticket()
    }
}

impl Store {
    #[expect(clippy::unnecessary_wraps, reason = "a store returns a result")]
    pub(super) fn answer<T>(&self, value: T) -> StoreResult<Stamped<T>> {
        Ok(Stamped {
            as_of: self.now,
            value,
        })
    }
}
