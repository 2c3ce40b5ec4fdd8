use std::sync::Arc;

use crate::{
    model::ConcertId,
    ports::{QueueTicks, StoreResult, TickOutcome},
};

/// Tidies a queue: removes the places that are past their end. Nobody sees them in any case.
pub struct ExpireTick {
    /// The queues.
    pub ticks: Arc<dyn QueueTicks>,
}

impl ExpireTick {
    /// How many places one call of the store removes at most.
    pub const CHUNK: u32 = 500;
    /// How many calls one tick makes at most; what is left is done by the next.
    const CHUNKS: usize = 400;

    /// Tidies one queue; gives how many places were removed. A queue that the store does not have is
    /// left to [`AdmitTick`](super::AdmitTick).
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn run(&self, concert: ConcertId) -> StoreResult<u64> {
        let mut removed = 0;
        for _ in 0..Self::CHUNKS {
            match self.ticks.expire(concert, Self::CHUNK).await?.value {
                TickOutcome::Ticked(report) => {
                    removed += u64::from(report.done);
                    if !report.more {
                        break;
                    }
                }
                TickOutcome::Skipped | TickOutcome::NotSeeded => break,
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::MockQueueTicks, use_cases::testing::*};

    #[tokio::test]
    async fn it_goes_on_while_there_is_more() {
        let mut ticks = MockQueueTicks::new();
        let mut left = 2;
        ticks.expect_expire().times(2).returning(move |_, _| {
            left -= 1;
            Ok(stamped(TickOutcome::Ticked(report(7, left > 0))))
        });
        let tick = ExpireTick {
            ticks: Arc::new(ticks),
        };
        assert_eq!(tick.run(CONCERT).await, Ok(14));
    }

    #[tokio::test]
    async fn it_leaves_a_lost_queue_alone() {
        let mut ticks = MockQueueTicks::new();
        ticks
            .expect_expire()
            .once()
            .returning(|_, _| Ok(stamped(TickOutcome::NotSeeded)));
        let tick = ExpireTick {
            ticks: Arc::new(ticks),
        };
        assert_eq!(tick.run(CONCERT).await, Ok(0));
    }
}
