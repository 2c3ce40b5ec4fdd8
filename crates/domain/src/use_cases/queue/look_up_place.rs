use std::sync::Arc;

use super::shown_token::keep_or_sign;
use crate::ports::{LookUpOutcome, Queue, Stamped, StoreResult, TokenSigner};
use crate::read_models::{PlaceReport, QueueMissing, QueueStatuses};

/// Returns the place of the bearer of a token.
pub struct LookUpPlace {
    /// Where the place is.
    pub queue: Arc<dyn Queue>,
    /// Checks the token, and signs the one that proves the place from now on.
    pub signer: Arc<dyn TokenSigner>,
    /// Estimates the wait.
    pub statuses: Arc<QueueStatuses>,
}

/// The result of a look-up.
#[derive(Debug, Clone, PartialEq)]
pub enum LookUpAnswer {
    /// The place.
    Found(PlaceReport),
    /// The token is not ours.
    Forged,
    /// The place is gone.
    Gone,
    /// The queue's store lacks the queue, and provisioning is about to give it one. If the concert
    /// was deleted, the place is gone from then on.
    NotReady,
}

impl LookUpPlace {
    /// Looks up the place of `token`. The token is enough: it names its user.
    ///
    /// # Errors
    /// When the queue's store fails.
    pub async fn look_up(&self, token: &str) -> StoreResult<LookUpAnswer> {
        let Ok(ticket) = self.signer.verify(token) else {
            return Ok(LookUpAnswer::Forged);
        };
        let Stamped { as_of, value } = self.queue.look_up(&ticket).await?;
        Ok(match value {
            LookUpOutcome::Found(place) => {
                let token = keep_or_sign(&*self.signer, Some((token, &ticket)), &place.ticket);
                let place = Stamped {
                    as_of,
                    value: place,
                };
                LookUpAnswer::Found(self.statuses.report(token, place))
            }
            LookUpOutcome::Gone => LookUpAnswer::Gone,
            LookUpOutcome::NotSeeded => match self.statuses.missing_for_token(ticket.concert) {
                QueueMissing::NoSuchConcert => LookUpAnswer::Gone,
                QueueMissing::NotReady => LookUpAnswer::NotReady,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::MockQueue, test_support::*};

    fn look_up(outcome: LookUpOutcome) -> LookUpPlace {
        let mut queue = MockQueue::new();
        queue
            .expect_look_up()
            .withf(|shown| *shown == ticket())
            .return_once(move |_| Ok(stamped(outcome)));
        LookUpPlace {
            queue: Arc::new(queue),
            signer: signer(),
            statuses: statuses(),
        }
    }

    #[tokio::test]
    async fn a_place_is_found_by_its_token() {
        let answer = look_up(LookUpOutcome::Found(waiting(2)))
            .look_up("token")
            .await;
        let Ok(LookUpAnswer::Found(report)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(report.place, waiting(2));
    }

    #[tokio::test]
    async fn a_forged_token_never_reaches_the_store() {
        let look_up = LookUpPlace {
            queue: Arc::new(MockQueue::new()),
            signer: signer(),
            statuses: statuses(),
        };
        assert_eq!(look_up.look_up("forged").await, Ok(LookUpAnswer::Forged));
    }

    #[tokio::test]
    async fn a_place_that_ended_and_a_missing_queue_have_different_answers() {
        assert_eq!(
            look_up(LookUpOutcome::Gone).look_up("token").await,
            Ok(LookUpAnswer::Gone)
        );
        // This instance does not know the concert yet.
        let mut missing = look_up(LookUpOutcome::NotSeeded);
        missing.statuses = empty_statuses();
        let answer = missing.look_up("token").await;
        assert_eq!(answer, Ok(LookUpAnswer::NotReady));
        assert_eq!(missing.statuses.take_wanted(), [CONCERT].into());
    }
}
