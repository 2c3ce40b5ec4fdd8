use std::{sync::Arc, time::Duration};

use super::shown_token::keep_or_sign;
use crate::read_models::{PlaceReport, QueueMissing, QueueStatuses};
use crate::{
    model::{
        ConcertId, UserId,
        queue::{ActivePlace, GatePurpose, Place, Standing},
    },
    ports::{GateOutcome, Queue, Stamped, StoreResult, TokenSigner},
};

/// Lets a request through to a protected route if its user's place is active.
///
/// The only maker of an [`ActivePlace`].
pub struct PassGate {
    /// Where the place is. The gate always asks the store.
    pub queue: Arc<dyn Queue>,
    /// Checks the token.
    pub signer: Arc<dyn TokenSigner>,
    /// Estimates the wait.
    pub statuses: Arc<QueueStatuses>,
    /// How long seats are held.
    pub hold_for: Duration,
}

/// The purpose of a route behind the gate. [`PassGate`] adds how long seats are held and passes it
/// on to the store as a [`GatePurpose`](crate::model::queue::GatePurpose).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateMode {
    /// It shows performances and seats.
    Browse,
    /// It holds seats: the place is extended first, so that they can be paid for.
    Hold,
    /// It pays.
    Pay,
}

/// The result of showing a token at the gate.
#[derive(Debug, Clone, PartialEq)]
pub enum GateAnswer {
    /// The request may go on, with this proof.
    Passed(ActivePlace),
    /// There is no token.
    NoToken,
    /// The token is not ours.
    Forged,
    /// The token belongs to another user.
    OtherUser,
    /// The token is for another concert's queue.
    OtherConcert,
    /// The place still waits.
    Waiting(PlaceReport),
    /// The place is gone.
    Gone,
    /// The queue is not ready yet.
    NotReady,
}

impl PassGate {
    /// Shows `token` at the gate for `user`, and for `concert` where the route names one.
    ///
    /// # Errors
    /// When the queue's store fails. Then no request passes.
    pub async fn pass(
        &self,
        user: &UserId,
        token: Option<&str>,
        concert: Option<ConcertId>,
        mode: GateMode,
    ) -> StoreResult<GateAnswer> {
        let Some(token) = token else {
            return Ok(GateAnswer::NoToken);
        };
        let Ok(ticket) = self.signer.verify(token) else {
            return Ok(GateAnswer::Forged);
        };
        if ticket.user != *user {
            return Ok(GateAnswer::OtherUser);
        }
        if concert.is_some_and(|concert| concert != ticket.concert) {
            return Ok(GateAnswer::OtherConcert);
        }
        let Stamped { as_of, value } = self.queue.pass_gate(&ticket, self.purpose(mode)).await?;
        Ok(match value {
            GateOutcome::Passed(Place {
                ticket,
                standing: Standing::Active { until, .. },
                queue,
            }) => {
                self.statuses.note_view(ticket.concert, queue);
                let ends_in = Duration::try_from(as_of.duration_until(until));
                GateAnswer::Passed(ActivePlace::verified(ticket, ends_in.unwrap_or_default()))
            }
            GateOutcome::Passed(place) | GateOutcome::Waiting(place) => {
                let token = keep_or_sign(&*self.signer, Some((token, &ticket)), &place.ticket);
                let place = Stamped {
                    as_of,
                    value: place,
                };
                GateAnswer::Waiting(self.statuses.report(token, place))
            }
            GateOutcome::Gone => GateAnswer::Gone,
            GateOutcome::NotSeeded => match self.statuses.missing_for_token(ticket.concert) {
                QueueMissing::NoSuchConcert => GateAnswer::Gone,
                QueueMissing::NotReady => GateAnswer::NotReady,
            },
        })
    }

    fn purpose(&self, mode: GateMode) -> GatePurpose {
        match mode {
            GateMode::Browse => GatePurpose::Browse,
            GateMode::Hold => GatePurpose::Hold {
                hold_for: self.hold_for,
            },
            GateMode::Pay => GatePurpose::Pay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::MockQueue, test_support::*};

    const HOLD: Duration = Duration::from_mins(5);

    fn gate(queue: MockQueue) -> PassGate {
        PassGate {
            queue: Arc::new(queue),
            signer: signer(),
            statuses: statuses(),
            hold_for: HOLD,
        }
    }

    fn answering(outcome: GateOutcome) -> PassGate {
        let mut queue = MockQueue::new();
        queue
            .expect_pass_gate()
            .return_once(move |_, _| Ok(stamped(outcome)));
        gate(queue)
    }

    #[tokio::test]
    async fn an_active_place_passes_with_its_remaining_time() {
        let gate = answering(GateOutcome::Passed(active(at(190))));
        let answer = gate
            .pass(&alice(), Some("token"), Some(CONCERT), GateMode::Browse)
            .await;
        let Ok(GateAnswer::Passed(place)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!((place.concert(), place.user()), (CONCERT, &alice()));
        assert_eq!(place.time_to_hold(), Some(Duration::from_mins(1)));
    }

    #[tokio::test]
    async fn a_hold_passes_its_length_to_the_store() {
        let mut queue = MockQueue::new();
        queue
            .expect_pass_gate()
            .withf(|_, purpose| *purpose == GatePurpose::Hold { hold_for: HOLD })
            .return_once(|_, _| Ok(stamped(GateOutcome::Gone)));
        let answer = gate(queue)
            .pass(&alice(), Some("token"), None, GateMode::Hold)
            .await;
        assert_eq!(answer, Ok(GateAnswer::Gone));
    }

    #[tokio::test]
    async fn a_token_that_is_refused_by_itself_never_reaches_the_store() {
        for (user, token, concert, expected) in [
            (alice(), None, None, GateAnswer::NoToken),
            (alice(), Some("forged"), None, GateAnswer::Forged),
            (bob(), Some("token"), None, GateAnswer::OtherUser),
            (
                alice(),
                Some("token"),
                Some(OTHER_CONCERT),
                GateAnswer::OtherConcert,
            ),
        ] {
            let gate = gate(MockQueue::new());
            let answer = gate.pass(&user, token, concert, GateMode::Pay).await;
            assert_eq!(answer, Ok(expected));
        }
    }

    #[tokio::test]
    async fn a_waiting_user_gets_their_position() {
        let gate = answering(GateOutcome::Waiting(waiting(4)));
        let answer = gate
            .pass(&alice(), Some("token"), None, GateMode::Browse)
            .await;
        let Ok(GateAnswer::Waiting(report)) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(report.place, waiting(4));
    }

    #[tokio::test]
    async fn no_user_passes_while_the_store_is_down_or_lacks_the_queue() {
        let gate_without_queue = answering(GateOutcome::NotSeeded);
        let answer = gate_without_queue
            .pass(&alice(), Some("token"), None, GateMode::Browse)
            .await;
        assert_eq!(answer, Ok(GateAnswer::NotReady));

        let mut queue = MockQueue::new();
        queue.expect_pass_gate().return_once(|_, _| Err(down()));
        let answer = gate(queue)
            .pass(&alice(), Some("token"), None, GateMode::Browse)
            .await;
        assert_eq!(answer, Err(down()));
    }
}
