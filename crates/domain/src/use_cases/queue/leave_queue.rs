use std::sync::Arc;

use crate::ports::{LeaveOutcome, Queue, StoreResult, TokenSigner};
use crate::read_models::{QueueMissing, QueueStatuses};

/// Gives a place back.
///
/// Seats that the user holds stay theirs until the hold is over: they may join again and pay, or
/// release them.
pub struct LeaveQueue {
    /// Where the place is.
    pub queue: Arc<dyn Queue>,
    /// Checks the token.
    pub signer: Arc<dyn TokenSigner>,
    /// Records a queue that the store lacks, for provisioning.
    pub statuses: Arc<QueueStatuses>,
}

/// The result of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveAnswer {
    /// The place has ended.
    Left,
    /// The token is not ours.
    Forged,
    /// The place was gone before.
    Gone,
    /// The queue's store lacks the queue, and provisioning is about to give it one. If the concert
    /// was deleted, the place is gone from then on.
    NotReady,
}

impl LeaveQueue {
    /// Ends the place of `token`. The token is enough: it names its user.
    ///
    /// # Errors
    /// When the queue's store fails.
    pub async fn leave(&self, token: &str) -> StoreResult<LeaveAnswer> {
        let Ok(ticket) = self.signer.verify(token) else {
            return Ok(LeaveAnswer::Forged);
        };
        Ok(match self.queue.leave(&ticket).await?.value {
            LeaveOutcome::Left => LeaveAnswer::Left,
            LeaveOutcome::Gone => LeaveAnswer::Gone,
            LeaveOutcome::NotSeeded => match self.statuses.missing_for_token(ticket.concert) {
                QueueMissing::NoSuchConcert => LeaveAnswer::Gone,
                QueueMissing::NotReady => LeaveAnswer::NotReady,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::MockQueue, test_support::*};

    #[tokio::test]
    async fn every_outcome_has_its_answer() {
        for (outcome, expected) in [
            (LeaveOutcome::Left, LeaveAnswer::Left),
            (LeaveOutcome::Gone, LeaveAnswer::Gone),
            (LeaveOutcome::NotSeeded, LeaveAnswer::NotReady),
        ] {
            let mut queue = MockQueue::new();
            queue
                .expect_leave()
                .withf(|shown| *shown == ticket())
                .return_once(move |_| Ok(stamped(outcome)));
            let leave = LeaveQueue {
                queue: Arc::new(queue),
                signer: signer(),
                statuses: empty_statuses(),
            };
            assert_eq!(leave.leave("token").await, Ok(expected));
            let wanted = leave.statuses.take_wanted().contains(&CONCERT);
            assert_eq!(wanted, expected == LeaveAnswer::NotReady);
        }
    }

    #[tokio::test]
    async fn a_forged_token_ends_no_place() {
        let leave = LeaveQueue {
            queue: Arc::new(MockQueue::new()),
            signer: signer(),
            statuses: statuses(),
        };
        assert_eq!(leave.leave("forged").await, Ok(LeaveAnswer::Forged));
    }
}
