use std::sync::Arc;

use super::{Browse, QueueBoard};
use crate::{
    model::queue::SoldOut,
    ports::{QueueControl, StoreResult},
};

/// Tells the queues which concerts are sold out, so that nobody waits for seats that are not there,
/// and takes it back when seats come free.
pub struct MarkSoldOut {
    /// Counts the seats.
    pub browse: Arc<Browse>,
    /// The queues.
    pub control: Arc<dyn QueueControl>,
    /// Knows what the queues were last said to be like.
    pub board: Arc<QueueBoard>,
}

impl MarkSoldOut {
    /// Tells every queue that does not know it yet; gives how many those were.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut told = 0;
        let mut result = Ok(());
        for concert in self.browse.catalogue().await?.iter() {
            if concert.seats_total == 0 {
                continue; // all over, or not yet planned: the queue stays as it is
            }
            let Some(mut view) = self.board.view(concert.id) else {
                continue;
            };
            if view.sold_out != concert.sold_out() {
                view.sold_out = concert.sold_out();
                let count = SoldOut {
                    flag: view.sold_out,
                    ..SoldOut::default()
                };
                match self.control.set_sold_out(concert.id, count).await {
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
    use super::*;
    use crate::{
        model::{Concert, ConcertTitle},
        ports::{MockConcerts, MockQueueControl},
        use_cases::testing::*,
    };

    fn mark(seats_sold: u64, control: MockQueueControl) -> MarkSoldOut {
        let mut concerts = MockConcerts::new();
        concerts.expect_catalogue().returning(move |_| {
            Ok([CONCERT, OTHER_CONCERT]
                .map(|id| Concert {
                    id,
                    title: ConcertTitle::try_from("A concert").unwrap(),
                    seats_total: 2,
                    seats_left: 0,
                    seats_sold,
                    next_performance_at: None,
                    policy: policy(1),
                })
                .into())
        });
        MarkSoldOut {
            browse: Arc::new(Browse::new(Arc::new(concerts), clock(100))),
            control: Arc::new(control),
            board: board(),
        }
    }

    #[tokio::test]
    async fn a_queue_is_told_once_and_only_of_what_is_news() {
        let mut control = MockQueueControl::new();
        control
            .expect_set_sold_out()
            .withf(|concert, sold_out| (*concert, sold_out.flag) == (CONCERT, true))
            .once()
            .return_once(|_, _| Ok(()));
        let mark = mark(2, control);
        assert_eq!(mark.run().await, Ok(1));
        assert_eq!(mark.run().await, Ok(0));
    }

    #[tokio::test]
    async fn a_seat_that_is_held_may_still_come_free() {
        let mark = mark(1, MockQueueControl::new());
        assert_eq!(mark.run().await, Ok(0));
    }
}
