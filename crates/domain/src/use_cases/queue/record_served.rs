use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream};

use crate::read_models::QueueStatuses;
use crate::{
    model::{
        ConcertId,
        queue::{Arrival, Deadlines, ServedEntry},
    },
    ports::{QueuePolicies, QueueTicks, ServedArrivals, StoreResult},
};

/// Records in the database which users the queues have served, so that these users do not re-enter
/// a queue that its store loses. Every instance does it for every queue in use in its statuses.
pub struct RecordServed {
    ticks: Arc<dyn QueueTicks>,
    policies: Arc<dyn QueuePolicies>,
    served: Arc<dyn ServedArrivals>,
    statuses: Arc<QueueStatuses>,
    hold_for: Duration,
    /// The last arrival that was recorded of each queue in use.
    recorded: Mutex<HashMap<ConcertId, Arrival>>,
}

impl RecordServed {
    /// The number of queues that are asked at a time: fewer than the stores have connections for
    /// jobs.
    const CONCURRENT: usize = 2;

    /// Records in `served` what `ticks` returns for the queues in `statuses`. The service holds
    /// seats for `hold_for`.
    #[must_use]
    pub fn new(
        ticks: Arc<dyn QueueTicks>,
        policies: Arc<dyn QueuePolicies>,
        served: Arc<dyn ServedArrivals>,
        statuses: Arc<QueueStatuses>,
        hold_for: Duration,
    ) -> Self {
        Self {
            ticks,
            policies,
            served,
            statuses,
            hold_for,
            recorded: Mutex::default(),
        }
    }

    /// Adds an entry for each queue in use whose arrival has moved since the last entry of this
    /// instance. Returns the number of entries. A queue that fails does not hold up the others.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut busy = self.ticks.busy().await?;
        busy.retain(|concert| self.statuses.view(*concert).is_some());
        self.last(|recorded| recorded.retain(|concert, _| busy.contains(concert)));
        let mut recording = stream::iter(busy)
            .map(|concert| self.record(concert))
            .buffer_unordered(Self::CONCURRENT);
        let (mut moved, mut result) = (0, Ok(()));
        while let Some(recorded) = recording.next().await {
            match recorded {
                Ok(has_moved) => moved += usize::from(has_moved),
                Err(error) => result = Err(error),
            }
        }
        result.map(|()| moved)
    }

    /// Records one queue. Returns false if its arrival has not moved.
    async fn record(&self, concert: ConcertId) -> StoreResult<bool> {
        let answer = self.ticks.served(concert).await?;
        let Some(served) = answer.value else {
            return Ok(false);
        };
        let arrival = served.up_to;
        if self.last(|recorded| recorded.get(&concert).copied()) == Some(arrival) {
            return Ok(false);
        }
        let Some(master) = self.policies.find(concert).await? else {
            return Ok(false);
        };
        let entry = ServedEntry {
            at: answer.as_of,
            served,
            life: Deadlines::longest_active_life(&master.policy.policy, self.hold_for),
        };
        self.served.record(concert, &entry).await?;
        self.last(|recorded| recorded.insert(concert, arrival));
        Ok(true)
    }

    fn last<T>(&self, change: impl FnOnce(&mut HashMap<ConcertId, Arrival>) -> T) -> T {
        let recorded = self.recorded.lock();
        change(&mut recorded.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use mockall::predicate::eq;

    use super::*;
    use crate::{
        model::queue::Served,
        ports::{MasterPolicy, MockQueuePolicies, MockQueueTicks, MockServedArrivals},
        test_support::*,
    };

    const HOLD: Duration = Duration::from_mins(5);

    fn served_up_to(micros: i64) -> Served {
        Served {
            up_to: Arrival::from_micros(micros),
            serving_since: at(10),
        }
    }

    /// Returns a database with both concerts.
    fn policies() -> MockQueuePolicies {
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().returning(|_| {
            Ok(Some(MasterPolicy {
                policy: policy(1),
                seeded: true,
                reserved: None,
            }))
        });
        policies
    }

    fn recording(ticks: MockQueueTicks, served: MockServedArrivals) -> RecordServed {
        let statuses = statuses();
        for concert in [CONCERT, OTHER_CONCERT] {
            statuses.note_policy(concert, &policy(1));
        }
        RecordServed::new(
            Arc::new(ticks),
            Arc::new(policies()),
            Arc::new(served),
            statuses,
            HOLD,
        )
    }

    fn busy(concerts: &[ConcertId]) -> MockQueueTicks {
        let mut ticks = MockQueueTicks::new();
        let concerts = concerts.to_vec();
        ticks.expect_busy().returning(move || Ok(concerts.clone()));
        ticks
    }

    #[tokio::test]
    async fn an_arrival_that_moved_is_recorded_with_the_life_of_an_active_place() {
        let mut ticks = busy(&[CONCERT]);
        for micros in [5, 5, 7, 3] {
            ticks
                .expect_served()
                .once()
                .return_once(move |_| Ok(stamped(Some(served_up_to(micros)))));
        }
        let mut served = MockServedArrivals::new();
        let life = Deadlines::longest_active_life(&policy(1).policy, HOLD);
        for micros in [5, 7, 3] {
            let entry = ServedEntry {
                at: stamped(()).as_of,
                served: served_up_to(micros),
                life,
            };
            served
                .expect_record()
                .with(eq(CONCERT), eq(entry))
                .once()
                .returning(|_, _| Ok(()));
        }
        let recording = recording(ticks, served);
        for moved in [1, 0, 1, 1] {
            assert_eq!(recording.run().await, Ok(moved));
        }
    }

    #[tokio::test]
    async fn a_queue_without_served_users_or_concert_is_not_recorded() {
        let unknown = ConcertId(uuid::Uuid::from_u128(99));
        let mut ticks = busy(&[CONCERT, unknown]);
        ticks
            .expect_served()
            .with(eq(CONCERT))
            .once()
            .return_once(|_| Ok(stamped(None)));
        let recording = recording(ticks, MockServedArrivals::new());
        assert_eq!(recording.run().await, Ok(0));
    }

    #[tokio::test]
    async fn a_queue_that_fails_holds_up_no_other_and_is_tried_again() {
        let mut ticks = busy(&[CONCERT, OTHER_CONCERT]);
        ticks
            .expect_served()
            .returning(|_| Ok(stamped(Some(served_up_to(5)))));
        let mut served = MockServedArrivals::new();
        let mut fails = true;
        served
            .expect_record()
            .with(eq(CONCERT), mockall::predicate::always())
            .times(2)
            .returning(move |_, _| {
                if std::mem::take(&mut fails) {
                    Err(down())
                } else {
                    Ok(())
                }
            });
        served
            .expect_record()
            .with(eq(OTHER_CONCERT), mockall::predicate::always())
            .once()
            .returning(|_, _| Ok(()));
        let recording = recording(ticks, served);
        assert_eq!(recording.run().await, Err(down()));
        assert_eq!(recording.run().await, Ok(1));
        assert_eq!(recording.run().await, Ok(0));
    }
}
