use std::sync::Arc;

use crate::{
    model::{Applied, IdempotencyKey, Keyed, ReservationId, UserId, queue::ActivePlace},
    ports::{
        EffectOf, Idempotency, Ids, KeyUse, Paid, PayOutcome, PaymentRequest, Queue, Reservations,
        StoreResult,
    },
};

/// Pays a hold with the user's points, and ends the place that made the hold, so that the next user
/// in the line can have its slot.
pub struct PayReservation {
    /// Where the hold is.
    pub reservations: Arc<dyn Reservations>,
    /// Knows what earlier calls with the same key did.
    pub idempotency: Arc<dyn Idempotency>,
    /// Where the place is.
    pub queue: Arc<dyn Queue>,
    /// Names the ledger row.
    pub ids: Arc<dyn Ids>,
}

/// The effect of an earlier call with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// No such call: go on to the gate.
    First,
    /// It paid this.
    Paid(Applied<Paid>),
    /// Its key was used for a different request.
    KeyReused,
}

impl PayReservation {
    /// Checks whether the payment was made before, and if so ends the place that made its hold: the
    /// first call may have died before it did. To be called before the gate, because a payment ends
    /// the place that it went through: its repeat could not pass again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay(
        &self,
        user: &UserId,
        reservation: ReservationId,
        key: &IdempotencyKey,
    ) -> StoreResult<Replay> {
        let keyed = Keyed::payment(user, reservation, key.clone());
        Ok(match self.idempotency.find(&keyed).await? {
            KeyUse::New => Replay::First,
            KeyUse::Replayed(EffectOf::Payment(paid)) => {
                self.end_place(&paid).await;
                Replay::Paid(Applied::replayed(paid))
            }
            KeyUse::Replayed(_) | KeyUse::OtherRequest => Replay::KeyReused,
        })
    }

    /// Pays `reservation` for the user of `place`. Once it is paid, the place that made the hold
    /// ends. If that fails, the payment still stands, and the place ends at its deadline.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pay(
        &self,
        place: &ActivePlace,
        reservation: ReservationId,
        key: IdempotencyKey,
    ) -> StoreResult<PayOutcome> {
        let request = PaymentRequest {
            reservation,
            user: place.user().clone(),
            concert: place.concert(),
            entry: self.ids.ledger_entry(),
            keyed: Keyed::payment(place.user(), reservation, key),
        };
        let mut outcome = self.reservations.pay(&request).await?;
        if let PayOutcome::Paid(paid) = &mut outcome {
            // A hold from before places were stored with holds: the place that the payment used
            // stands for it.
            let ticket = &mut paid.effect.reservation.ticket;
            if !paid.replayed && ticket.is_none() {
                *ticket = Some(place.ticket().clone());
            }
            self.end_place(&paid.effect).await;
        }
        Ok(outcome)
    }

    /// Ends the place that made a hold which is paid now. Leaves a place of another arrival alone.
    async fn end_place(&self, paid: &Paid) {
        if let Some(ticket) = &paid.reservation.ticket
            && let Err(error) = self.queue.leave(ticket).await
        {
            tracing::warn!(%error, reservation = %paid.reservation.id,
                "failed to end the place of a paid reservation; it ends at its deadline");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mockall::Sequence;

    use super::*;
    use crate::{
        model::{Balance, ReservationState},
        ports::{Charged, LeaveOutcome, MockIdempotency, MockQueue, MockReservations},
        test_support::*,
    };

    fn paid() -> Paid {
        Paid {
            reservation: reservation(ReservationState::Confirmed { at: at(100) }),
            charged: amount(100),
            balance: Balance(amount(5)),
        }
    }

    fn place() -> ActivePlace {
        ActivePlace::verified(ticket(), Duration::from_mins(1))
    }

    fn pay(
        reservations: MockReservations,
        idempotency: MockIdempotency,
        queue: MockQueue,
    ) -> PayReservation {
        PayReservation {
            reservations: Arc::new(reservations),
            idempotency: Arc::new(idempotency),
            queue: Arc::new(queue),
            ids: ids(),
        }
    }

    fn outcome() -> PayOutcome {
        PayOutcome::Paid(Applied {
            effect: paid(),
            replayed: false,
        })
    }

    #[tokio::test]
    async fn the_place_ends_after_the_payment() {
        let mut order = Sequence::new();
        let mut reservations = MockReservations::new();
        let mut queue = MockQueue::new();
        reservations
            .expect_pay()
            .withf(|request| {
                (
                    request.reservation,
                    &request.user,
                    request.concert,
                    request.entry,
                ) == (RESERVATION, &alice(), CONCERT, ENTRY)
                    && request.keyed == Keyed::payment(&alice(), RESERVATION, key())
            })
            .once()
            .in_sequence(&mut order)
            .return_once(|_| Ok(outcome()));
        queue
            .expect_leave()
            .withf(|left| *left == ticket())
            .once()
            .in_sequence(&mut order)
            .return_once(|_| Ok(stamped(LeaveOutcome::Left)));
        let answer = pay(reservations, MockIdempotency::new(), queue)
            .pay(&place(), RESERVATION, key())
            .await;
        assert_eq!(answer, Ok(outcome()));
    }

    #[tokio::test]
    async fn a_place_that_cannot_be_given_back_does_not_undo_the_payment() {
        let mut reservations = MockReservations::new();
        let mut queue = MockQueue::new();
        reservations.expect_pay().return_once(|_| Ok(outcome()));
        queue.expect_leave().once().return_once(|_| Err(down()));
        let answer = pay(reservations, MockIdempotency::new(), queue)
            .pay(&place(), RESERVATION, key())
            .await;
        assert_eq!(answer, Ok(outcome()));
    }

    #[tokio::test]
    async fn a_refused_payment_keeps_the_place() {
        let mut reservations = MockReservations::new();
        reservations
            .expect_pay()
            .return_once(|_| Ok(PayOutcome::NotFound));
        let answer = pay(reservations, MockIdempotency::new(), MockQueue::new())
            .pay(&place(), RESERVATION, key())
            .await;
        assert_eq!(answer, Ok(PayOutcome::NotFound));
    }

    #[tokio::test]
    async fn a_payment_for_a_hold_without_a_place_ends_the_place_that_paid() {
        for replayed in [false, true] {
            let mut unplaced = paid();
            unplaced.reservation.ticket = None;
            let answer = PayOutcome::Paid(Applied {
                effect: unplaced,
                replayed,
            });
            let mut reservations = MockReservations::new();
            reservations.expect_pay().return_once(move |_| Ok(answer));
            let mut queue = MockQueue::new();
            queue
                .expect_leave()
                .withf(|left| *left == ticket())
                .times(usize::from(!replayed))
                .returning(|_| Ok(stamped(LeaveOutcome::Left)));
            let paying = pay(reservations, MockIdempotency::new(), queue);
            paying.pay(&place(), RESERVATION, key()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_repeat_returns_the_effect_of_the_first_call_and_ends_its_place() {
        let replay = |found: KeyUse, leaves: usize| async move {
            let mut idempotency = MockIdempotency::new();
            idempotency
                .expect_find()
                .withf(|keyed| *keyed == Keyed::payment(&alice(), RESERVATION, key()))
                .return_once(move |_| Ok(found));
            let mut queue = MockQueue::new();
            queue
                .expect_leave()
                .withf(|left| *left == ticket())
                .times(leaves)
                .returning(|_| Err(down()));
            pay(MockReservations::new(), idempotency, queue)
                .replay(&alice(), RESERVATION, &key())
                .await
                .unwrap()
        };
        let charged = Charged {
            amount: amount(1),
            balance: Balance(amount(1)),
        };
        assert_eq!(replay(KeyUse::New, 0).await, Replay::First);
        assert_eq!(
            replay(KeyUse::Replayed(EffectOf::Payment(paid())), 1).await,
            Replay::Paid(Applied::replayed(paid()))
        );
        for other in [
            KeyUse::OtherRequest,
            KeyUse::Replayed(EffectOf::Charge(charged)),
        ] {
            assert_eq!(replay(other, 0).await, Replay::KeyReused);
        }
    }
}
