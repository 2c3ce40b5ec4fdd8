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
        let mut told = 0;
        let mut result = Ok(());
        let catalogue = self.browse.catalogue().await?;
        for concert in &catalogue.concerts {
            let Some(view) = self.statuses.view(concert.id) else {
                continue;
            };
            if view.sale != concert.sale() {
                match self.tell(concert, catalogue.counted_at).await {
                    Ok(()) => told += 1,
                    Err(error) => result = Err(error),
                }
            }
        }
        result.map(|()| told)
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
        self.tell(concert, catalogue.counted_at).await
    }

    async fn tell(&self, concert: &Concert, counted_at: Timestamp) -> StoreResult<()> {
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

    /// Concerts with two seats each, counted at `second`.
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

    /// An instance whose snapshot stays this one.
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
    async fn a_queue_is_told_once_and_only_of_what_is_news() {
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
            let told = SaleCount {
                sale,
                counted_at: at(90),
            };
            control
                .expect_set_sale()
                .withf(move |concert, count| (*concert, *count) == (CONCERT, told))
                .once()
                .return_once(|_, _| Ok(()));
            let mark = mark(snapshot, control);
            assert_eq!(mark.run().await, Ok(1));
            assert_eq!(mark.run().await, Ok(0));
        }
    }

    #[tokio::test]
    async fn a_seat_that_is_held_may_still_come_free() {
        let mark = mark(counted(1, 90), MockQueueControl::new());
        assert_eq!(mark.run().await, Ok(0));
    }

    /// A queue's store that two instances share.
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
    async fn an_instance_with_an_older_snapshot_does_not_undo_what_a_newer_one_says() {
        let sale = |sold| match sold {
            2 => SaleState::SoldOut,
            _ => SaleState::OnSale,
        };
        // Seats that came free since, and the last seats that were sold since.
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
    async fn a_changed_concert_is_counted_and_told_whatever_was_known() {
        let mut concerts = MockConcerts::new();
        let counts = Mutex::new(vec![counted(2, 91), counted(1, 90)]);
        concerts
            .expect_catalogue()
            .times(2)
            .returning(move |_| Ok(counts.lock().unwrap().pop().unwrap()));
        let told = Arc::new(Mutex::new(SaleCount::default()));
        let mark = MarkSale {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
            control: Arc::new(shared(&told)),
            statuses: statuses(),
        };
        mark.performances_changed(CONCERT).await;
        assert_eq!(told.lock().unwrap().counted_at, at(90));
        mark.performances_changed(CONCERT).await;
        assert_eq!(told.lock().unwrap().sale, SaleState::SoldOut);
        assert_eq!(
            mark.statuses.view(CONCERT).unwrap().sale,
            SaleState::SoldOut
        );
    }

    #[tokio::test]
    async fn a_concert_that_was_over_is_put_back_on_the_board() {
        let told = Arc::new(Mutex::new(SaleCount::default()));
        let mut mark = mark(counted(0, 90), MockQueueControl::new());
        mark.control = Arc::new(shared(&told));
        mark.statuses = unknowing_statuses();
        mark.performances_changed(CONCERT).await;
        assert_eq!(told.lock().unwrap().counted_at, at(90));
        assert_eq!(mark.statuses.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn a_store_that_fails_is_told_by_the_next_run() {
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
