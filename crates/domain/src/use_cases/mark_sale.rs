use std::sync::Arc;

use super::{Browse, QueueBoard};
use crate::{
    model::queue::SaleCount,
    ports::{QueueControl, StoreResult},
};

/// Tells the queues what is left to buy of their concerts: users do not wait for seats that are all
/// sold, nor for performances that have started, until there are seats again.
///
/// The counts are from a snapshot, and another instance may have a newer one. So each count carries
/// its instant, and a queue ignores the older of two.
pub struct MarkSale {
    /// Counts seats and performances.
    pub browse: Arc<Browse>,
    /// The queues.
    pub control: Arc<dyn QueueControl>,
    /// Knows what the queues were last said to be like.
    pub board: Arc<QueueBoard>,
}

impl MarkSale {
    /// Tells every queue that does not know it yet; gives how many those were.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut told = 0;
        let mut result = Ok(());
        let catalogue = self.browse.catalogue().await?;
        for concert in &catalogue.concerts {
            let Some(mut view) = self.board.view(concert.id) else {
                continue;
            };
            if view.sale != concert.sale() {
                view.sale = concert.sale();
                let count = SaleCount {
                    sale: view.sale,
                    counted_at: catalogue.counted_at,
                };
                match self.control.set_sale(concert.id, count).await {
                    Ok(()) => {
                        self.board.note_view(concert.id, view);
                        told += 1;
                    }
                    Err(error) => result = Err(error),
                }
            }
        }
        result.map(|()| told)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        model::{
            Concert, ConcertTitle,
            queue::{QueueView, SaleState},
        },
        ports::{Catalogue, MockConcerts, MockQueueControl},
        use_cases::testing::*,
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

    /// An instance whose snapshot is this one for ever.
    fn mark(snapshot: Catalogue, control: MockQueueControl) -> MarkSale {
        let mut concerts = MockConcerts::new();
        concerts
            .expect_catalogue()
            .returning(move |_| Ok(snapshot.clone()));
        MarkSale {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
            control: Arc::new(control),
            board: board(),
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
                instance.board.note_view(CONCERT, view);
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
}
