use std::sync::Arc;

use super::shown_token::keep_or_sign;
use crate::{
    model::{
        ConcertId, UserId,
        queue::{JoinRefusal, Place, QueueView},
    },
    ports::{JoinOutcome, Queue, Stamped, StoreResult, TokenSigner},
};
use crate::{
    read_models::{PlaceReport, QueueMissing, QueueStatuses},
    use_cases::Browse,
};

/// Takes a place in a queue for a user, or returns the one that the user has.
pub struct JoinQueue {
    /// Where the place is.
    pub queue: Arc<dyn Queue>,
    /// Makes the token that proves it.
    pub signer: Arc<dyn TokenSigner>,
    /// Estimates the wait.
    pub statuses: Arc<QueueStatuses>,
    /// Knows which concerts there are.
    pub browse: Arc<Browse>,
}

/// The result of joining.
#[derive(Debug, Clone, PartialEq)]
pub enum JoinAnswer {
    /// A new place.
    Joined(PlaceReport),
    /// The place that the user had already, or has re-entered.
    Held(PlaceReport),
    /// The queue takes no user now.
    Refused(JoinRefusal, QueueView),
    /// There is no such concert, or its queue is not ready yet.
    Missing(QueueMissing),
}

impl JoinQueue {
    /// Joins the queue of `concert`. `shown` is the token of the request, if any: with it, a place
    /// re-enters that the queue's store has lost. A token that is not this user's for this queue is
    /// ignored, because the user asks for a place and not for proof of one.
    ///
    /// # Errors
    /// When the queue's store fails. If it has no such queue, also when the database fails.
    pub async fn join(
        &self,
        user: &UserId,
        concert: ConcertId,
        shown: Option<&str>,
    ) -> StoreResult<JoinAnswer> {
        let shown = shown
            .and_then(|token| Some((token, self.signer.verify(token).ok()?)))
            .filter(|(_, ticket)| ticket.user == *user && ticket.concert == concert);
        let ticket = shown.as_ref().map(|(_, ticket)| ticket.clone());
        let Stamped { as_of, value } = self.queue.join(concert, user, ticket).await?;
        let report = |place: Place| {
            let shown = shown.as_ref().map(|(token, ticket)| (*token, ticket));
            let token = keep_or_sign(&*self.signer, shown, &place.ticket);
            let place = Stamped {
                as_of,
                value: place,
            };
            self.statuses.report(token, place)
        };
        Ok(match value {
            JoinOutcome::Joined(place) => JoinAnswer::Joined(report(place)),
            JoinOutcome::Held(place) => JoinAnswer::Held(report(place)),
            JoinOutcome::Refused(why, queue) => {
                self.statuses.note_view(concert, queue);
                JoinAnswer::Refused(why, queue)
            }
            JoinOutcome::NotSeeded if shown.is_some() => {
                JoinAnswer::Missing(self.statuses.missing_for_token(concert))
            }
            JoinOutcome::NotSeeded => JoinAnswer::Missing(self.missing(concert).await?),
        })
    }

    /// Returns why the store has no queue of a concert, which may be any id that a client has sent.
    /// Another instance may have created the concert a moment ago, so the database is asked before
    /// the answer is that there is no such concert.
    async fn missing(&self, concert: ConcertId) -> StoreResult<QueueMissing> {
        let missing = self.statuses.missing(concert);
        if missing == QueueMissing::NoSuchConcert && self.browse.concert(concert).await?.is_some() {
            self.statuses.want(concert);
            return Ok(QueueMissing::NotReady);
        }
        Ok(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::queue::Ticket, ports::MockQueue, test_support::*};

    async fn join(
        outcome: JoinOutcome,
        user: UserId,
        concert: ConcertId,
        token: Option<&str>,
        expected: Option<Ticket>,
    ) -> JoinAnswer {
        let mut queue = MockQueue::new();
        queue
            .expect_join()
            .withf(move |_, _, shown| *shown == expected)
            .return_once(move |_, _, _| Ok(stamped(outcome)));
        let join = JoinQueue {
            queue: Arc::new(queue),
            signer: signer(),
            statuses: statuses(),
            browse: browse(&[]),
        };
        join.join(&user, concert, token).await.unwrap()
    }

    #[tokio::test]
    async fn a_new_place_comes_with_its_token() {
        let answer = join(
            JoinOutcome::Joined(waiting(1)),
            alice(),
            CONCERT,
            None,
            None,
        )
        .await;
        let JoinAnswer::Joined(report) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((report.token.as_str(), report.as_of), ("token", at(100)));
    }

    #[tokio::test]
    async fn a_token_in_the_request_reaches_the_store() {
        let outcome = JoinOutcome::Held(waiting(1));
        let answer = join(outcome, alice(), CONCERT, Some("token"), Some(ticket())).await;
        assert!(matches!(answer, JoinAnswer::Held(_)));
    }

    #[tokio::test]
    async fn a_token_of_another_user_or_concert_and_a_forged_token_are_ignored() {
        for (user, concert, token) in [
            (bob(), CONCERT, "token"),
            (alice(), OTHER_CONCERT, "token"),
            (alice(), CONCERT, "forged"),
        ] {
            let outcome = JoinOutcome::Joined(waiting(1));
            let answer = join(outcome, user, concert, Some(token), None).await;
            assert!(matches!(answer, JoinAnswer::Joined(_)));
        }
    }

    #[tokio::test]
    async fn a_refusal_and_a_missing_queue_have_different_answers() {
        let refused = JoinOutcome::Refused(JoinRefusal::Full, open_queue());
        assert_eq!(
            join(refused, alice(), CONCERT, None, None).await,
            JoinAnswer::Refused(JoinRefusal::Full, open_queue())
        );
        assert_eq!(
            join(JoinOutcome::NotSeeded, alice(), OTHER_CONCERT, None, None).await,
            JoinAnswer::Missing(QueueMissing::NoSuchConcert)
        );
        assert_eq!(
            join(JoinOutcome::NotSeeded, alice(), CONCERT, None, None).await,
            JoinAnswer::Missing(QueueMissing::NotReady)
        );
    }

    /// Another instance may have created the concert a moment ago.
    #[tokio::test]
    async fn the_database_is_asked_before_a_concert_is_reported_as_missing() {
        for (existing, expected) in [
            (&[CONCERT][..], QueueMissing::NotReady),
            (&[], QueueMissing::NoSuchConcert),
        ] {
            let mut queue = MockQueue::new();
            queue
                .expect_join()
                .return_once(|_, _, _| Ok(stamped(JoinOutcome::NotSeeded)));
            let join = JoinQueue {
                queue: Arc::new(queue),
                signer: signer(),
                statuses: empty_statuses(),
                browse: browse(existing),
            };
            let answer = join.join(&alice(), CONCERT, None).await;
            assert_eq!(answer, Ok(JoinAnswer::Missing(expected)));
            assert_eq!(
                join.statuses.take_wanted(),
                existing.iter().copied().collect()
            );
        }
    }

    /// Another instance may have created the concert since this one last read the catalogue.
    #[tokio::test]
    async fn a_token_proves_that_there_is_such_a_concert() {
        let mut queue = MockQueue::new();
        queue
            .expect_join()
            .return_once(|_, _, _| Ok(stamped(JoinOutcome::NotSeeded)));
        let join = JoinQueue {
            queue: Arc::new(queue),
            signer: signer(),
            statuses: empty_statuses(),
            browse: browse(&[]),
        };
        let answer = join.join(&alice(), CONCERT, Some("token")).await;
        let missing = JoinAnswer::Missing(QueueMissing::NotReady);
        assert_eq!(answer, Ok(missing));
        assert_eq!(join.statuses.take_wanted(), [CONCERT].into());
    }

    #[tokio::test]
    async fn a_store_that_is_down_is_an_error() {
        let mut queue = MockQueue::new();
        queue.expect_join().return_once(|_, _, _| Err(down()));
        let join = JoinQueue {
            queue: Arc::new(queue),
            signer: signer(),
            statuses: statuses(),
            browse: browse(&[]),
        };
        assert_eq!(join.join(&alice(), CONCERT, None).await, Err(down()));
    }
}
