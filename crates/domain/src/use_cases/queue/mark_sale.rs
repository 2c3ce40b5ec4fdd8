use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    model::{
        Concert, ConcertId,
        queue::{QueueView, SaleCount},
    },
    ports::{QueueControl, StoreResult},
};
use crate::{read_models::QueueStatuses, use_cases::Browse};

/// Records in the queues what is left to buy of their concerts. So users do not wait for seats that
/// are all sold, nor for performances that have started, until there are seats again.
///
/// The counts are from a snapshot, and another instance may have a newer one. So each count carries
/// its instant, and a queue ignores the older of two.
pub struct MarkSale {
    /// Counts seats and performances.
    pub browse: Arc<Browse>,
    /// The queues.
    pub control: Arc<dyn QueueControl>,
    /// Keeps the last known status of each queue.
    pub statuses: Arc<QueueStatuses>,
}

impl MarkSale {
    /// Updates every queue whose last known sale is out of date. Returns how many those were.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut updated = 0;
        let mut result = Ok(());
        let catalogue = self.browse.catalogue().await?;
        for concert in &catalogue.concerts {
            let Some(view) = self.statuses.view(concert.id) else {
                continue;
            };
            if view.sale != concert.sale() {
                match self.update(concert, catalogue.counted_at).await {
                    Ok(()) => updated += 1,
                    Err(error) => result = Err(error),
                }
            }
        }
        result.map(|()| updated)
    }

    /// Counts again what is left to buy of a concert whose performances an operator has changed,
    /// and updates its queue at once. If that fails, the next run does it.
    pub async fn performances_changed(&self, concert: ConcertId) {
        self.browse.forget(concert).await;
        if let Err(error) = self.count_again(concert).await {
            tracing::warn!(%error, %concert,
                "failed to record the sale of a concert in its queue; the sale job retries");
        }
    }

    async fn count_again(&self, id: ConcertId) -> StoreResult<()> {
        let catalogue = self.browse.count_again().await?;
        let Some(concert) = catalogue.concerts.iter().find(|concert| concert.id == id) else {
            return Ok(());
        };
        if self.statuses.view(id).is_none() {
            // The concert was over: provisioning puts it back into the statuses.
            self.statuses.want(id);
        }
        self.update(concert, catalogue.counted_at).await
    }

    async fn update(&self, concert: &Concert, counted_at: Timestamp) -> StoreResult<()> {
        let sale = concert.sale();
        let count = SaleCount { sale, counted_at };
        self.control.set_sale(concert.id, count).await?;
        if let Some(view) = self.statuses.view(concert.id) {
            self.statuses
                .note_view(concert.id, QueueView { sale, ..view });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        model::{ConcertTitle, queue::SaleState},
        ports::{Catalogue, MockConcerts, MockQueueControl},
        test_support::*,
    };

    /// Returns concerts with two seats each, counted at `second`.
    fn counted(seats_sold: u64, second: i64) -> Catalogue {
        let concerts = [CONCERT, OTHER_CONCERT].map(|id| Concert {
            id,
            title: ConcertTitle::try_from("A concert").unwrap(),
            seats_total: 2,
            seats_left: 0,
            seats_sold,
            next_performance_at: Some(at(1_000)),
            is_planned: true,
            policy: policy(1),
        });
        Catalogue {
            counted_at: at(second),
            ..catalogue(concerts)
        }
    }

    /// Returns an instance whose snapshot of the catalogue is always `snapshot`.
    fn mark(snapshot: Catalogue, control: MockQueueControl) -> MarkSale {
        let mut concerts = MockConcerts::new();
        concerts
            .expect_catalogue()
            .returning(move |_| Ok(snapshot.clone()));
        MarkSale {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
            control: Arc::new(control),
            statuses: statuses(),
        }
    }

    #[tokio::test]
    async fn a_queue_gets_a_changed_sale_once() {
        let mut ended = counted(0, 90);
        let mut unplanned = counted(0, 90);
        for concert in &mut ended.concerts {
            concert.next_performance_at = None;
        }
        for concert in &mut unplanned.concerts {
            concert.next_performance_at = None;
            concert.is_planned = false;
        }
        for (snapshot, sale) in [
            (counted(2, 90), SaleState::SoldOut),
            (ended, SaleState::Ended),
            (unplanned, SaleState::Unplanned),
        ] {
            let mut control = MockQueueControl::new();
            let expected = SaleCount {
                sale,
                counted_at: at(90),
            };
            control
                .expect_set_sale()
                .withf(move |concert, count| (*concert, *count) == (CONCERT, expected))
                .once()
                .return_once(|_, _| Ok(()));
            let mark = mark(snapshot, control);
            assert_eq!(mark.run().await, Ok(1));
            assert_eq!(mark.run().await, Ok(0));
        }
    }

    #[tokio::test]
    async fn a_concert_with_a_held_seat_is_not_sold_out() {
        let mark = mark(counted(1, 90), MockQueueControl::new());
        assert_eq!(mark.run().await, Ok(0));
    }

    /// Returns a store that keeps the newest count in `queue`. Several instances may share it.
    fn shared(queue: &Arc<Mutex<SaleCount>>) -> MockQueueControl {
        let queue = Arc::clone(queue);
        let mut control = MockQueueControl::new();
        control.expect_set_sale().returning(move |_, count| {
            let mut known = queue.lock().unwrap();
            *known = known.newer(count).unwrap_or(*known);
            Ok(())
        });
        control
    }

    #[tokio::test]
    async fn an_instance_with_an_older_snapshot_does_not_undo_a_newer_count() {
        let sale = |sold| match sold {
            2 => SaleState::SoldOut,
            _ => SaleState::OnSale,
        };
        // First a seat became free since, then the last seat was sold since.
        for (older, newer) in [(2, 1), (1, 2)] {
            let queue = Arc::new(Mutex::new(SaleCount {
                sale: sale(older),
                counted_at: at(90),
            }));
            let slow = mark(counted(older, 90), shared(&queue));
            let quick = mark(counted(newer, 91), shared(&queue));
            let tick = |instance: &MarkSale| {
                let view = QueueView {
                    sale: queue.lock().unwrap().sale,
                    ..open_queue()
                };
                instance.statuses.note_view(CONCERT, view);
            };
            for _ in 0..3 {
                for instance in [&quick, &slow] {
                    tick(instance);
                    instance.run().await.unwrap();
                    assert_eq!(queue.lock().unwrap().sale, sale(newer));
                }
            }
        }
    }

    #[tokio::test]
    async fn a_changed_concert_is_counted_again_and_its_queue_updated() {
        let mut concerts = MockConcerts::new();
        let counts = Mutex::new(vec![counted(2, 91), counted(1, 90)]);
        concerts
            .expect_catalogue()
            .times(2)
            .returning(move |_| Ok(counts.lock().unwrap().pop().unwrap()));
        let queue = Arc::new(Mutex::new(SaleCount::default()));
        let mark = MarkSale {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
            control: Arc::new(shared(&queue)),
            statuses: statuses(),
        };
        mark.performances_changed(CONCERT).await;
        assert_eq!(queue.lock().unwrap().counted_at, at(90));
        mark.performances_changed(CONCERT).await;
        assert_eq!(queue.lock().unwrap().sale, SaleState::SoldOut);
        assert_eq!(
            mark.statuses.view(CONCERT).unwrap().sale,
            SaleState::SoldOut
        );
    }

    #[tokio::test]
    async fn a_concert_that_was_over_returns_to_the_statuses() {
        let queue = Arc::new(Mutex::new(SaleCount::default()));
        let mut mark = mark(counted(0, 90), MockQueueControl::new());
        mark.control = Arc::new(shared(&queue));
        mark.statuses = empty_statuses();
        mark.performances_changed(CONCERT).await;
        assert_eq!(queue.lock().unwrap().counted_at, at(90));
        assert_eq!(mark.statuses.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn the_next_run_repeats_an_update_that_failed() {
        let mut control = MockQueueControl::new();
        control
            .expect_set_sale()
            .times(2)
            .returning(|_, _| Err(down()));
        let mark = mark(counted(2, 90), control);
        mark.performances_changed(CONCERT).await;
        assert_eq!(mark.run().await, Err(down()));
    }
}
