use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    model::ConcertId,
    ports::{QueueControl, QueuePolicies, StoreResult},
};

/// Ends the service of queues whose store ends with this process: queues without a place need not
/// recover at the next start.
pub struct CloseQueues {
    /// The master copies.
    pub policies: Arc<dyn QueuePolicies>,
    /// The queues' store.
    pub control: Arc<dyn QueueControl>,
}

impl CloseQueues {
    /// Records that every empty queue loses nothing. Returns the number of queues with users. To be
    /// called when no request can come any more.
    ///
    /// # Errors
    /// When the database or the queues' store fails. Then the queues concerned recover without
    /// need.
    pub async fn run(&self) -> StoreResult<usize> {
        let mut with_people = 0;
        let mut result = Ok(());
        // Queues of concerts that are over too: tokens may have brought them back.
        for (concert, master) in self.policies.all(Timestamp::MIN).await? {
            if !master.seeded && master.reserved.is_none() {
                continue;
            }
            match self.close(concert, master.seeded).await {
                Ok(empty) => with_people += usize::from(!empty),
                Err(error) => result = result.and(Err(error)),
            }
        }
        result.map(|()| with_people)
    }

    /// Returns whether the queue is empty.
    async fn close(&self, concert: ConcertId, seeded: bool) -> StoreResult<bool> {
        let empty = self.control.is_empty(concert).await?;
        if empty {
            self.policies.forget_seeded(concert).await?;
        } else if !seeded {
            // The database could not record it when the queue was given to the store.
            self.policies.mark_seeded(concert).await?;
        }
        Ok(empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::queue::Generation,
        ports::{MasterPolicy, MockQueueControl, MockQueuePolicies},
        test_support::*,
    };

    #[tokio::test]
    async fn only_empty_queues_are_removed_from_the_record() {
        let master = |seeded, reserved: Option<u64>| MasterPolicy {
            policy: policy(1),
            seeded,
            reserved: reserved.map(Generation),
        };
        let never_seeded = ConcertId(uuid::Uuid::from_u128(77));
        let not_recorded = ConcertId(uuid::Uuid::from_u128(78));
        let mut policies = MockQueuePolicies::new();
        let mut control = MockQueueControl::new();
        policies.expect_all().return_once(move |_| {
            Ok(vec![
                (CONCERT, master(true, None)),
                (OTHER_CONCERT, master(true, Some(1))),
                (never_seeded, master(false, None)),
                (not_recorded, master(false, Some(2))),
            ])
        });
        control
            .expect_is_empty()
            .times(3)
            .returning(|concert| Ok(concert == OTHER_CONCERT));
        policies
            .expect_forget_seeded()
            .withf(|concert| *concert == OTHER_CONCERT)
            .once()
            .return_once(|_| Ok(()));
        policies
            .expect_mark_seeded()
            .withf(move |concert| *concert == not_recorded)
            .once()
            .return_once(|_| Ok(()));
        let close = CloseQueues {
            policies: Arc::new(policies),
            control: Arc::new(control),
        };
        assert_eq!(close.run().await, Ok(2));
    }
}
