use std::sync::Arc;

use crate::{
    model::{
        Applied, IdempotencyKey, Keyed, RequestDigest, ReservationId, UserId, queue::ActivePlace,
    },
    ports::{
        EffectOf, Idempotency, Ids, Paid, PayOutcome, PaymentRequest, Queue, Reservations,
        StoreResult,
    },
};

/// Pays a hold with the payer's points, and gives the payer's place to the next in line.
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

/// What an earlier call with the same key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// Nothing: go on to the gate.
    First,
    /// It paid this.
    Paid(Applied<Paid>),
    /// It asked for something else.
    KeyReused,
}

impl PayReservation {
    /// Looks whether the payment was made before. Asked ahead of the gate, because a payment ends the
    /// place that it went through: its repeat could not pass again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn replay(
        &self,
        user: &UserId,
        reservation: ReservationId,
        key: &IdempotencyKey,
    ) -> StoreResult<Replay> {
        let Some(remembered) = self.idempotency.find(user, key).await? else {
            return Ok(Replay::First);
        };
        let same = remembered.digest == RequestDigest::payment(reservation);
        Ok(match remembered.effect {
            EffectOf::Payment(paid) if same => Replay::Paid(Applied {
                effect: paid,
                replayed: true,
            }),
            _ => Replay::KeyReused,
        })
    }

    /// Pays `reservation` for the user of `place`. Once it is paid the place ends; if that fails, the
    /// payment stands all the same and the place ends by itself.
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
            keyed: Keyed {
                key,
                digest: RequestDigest::payment(reservation),
            },
        };
        let outcome = self.reservations.pay(&request).await?;
        if matches!(outcome, PayOutcome::Paid(_))
            && let Err(error) = self.queue.leave(place.ticket()).await
        {
            tracing::warn!(%error, "a paid place was not given back; it ends by itself");
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mockall::Sequence;

    use super::*;
    use crate::{
        model::{Balance, ReservationState},
        ports::{Charged, LeaveOutcome, MockIdempotency, MockQueue, MockReservations, Remembered},
        use_cases::testing::*,
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
                    && request.keyed.digest == RequestDigest::payment(RESERVATION)
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
    async fn a_refused_payment_leaves_the_place() {
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
    async fn a_repeat_is_told_what_the_first_call_did() {
        let replay = |remembered: Option<Remembered>| async {
            let mut idempotency = MockIdempotency::new();
            idempotency
                .expect_find()
                .return_once(move |_, _| Ok(remembered));
            pay(MockReservations::new(), idempotency, MockQueue::new())
                .replay(&alice(), RESERVATION, &key())
                .await
                .unwrap()
        };
        let payment = |digest| Remembered {
            digest,
            effect: EffectOf::Payment(paid()),
        };
        let other = ReservationId(uuid::Uuid::from_u128(99));
        assert_eq!(replay(None).await, Replay::First);
        assert_eq!(
            replay(Some(payment(RequestDigest::payment(RESERVATION)))).await,
            Replay::Paid(Applied {
                effect: paid(),
                replayed: true
            })
        );
        assert_eq!(
            replay(Some(payment(RequestDigest::payment(other)))).await,
            Replay::KeyReused
        );
        let charge = Remembered {
            digest: RequestDigest::charge(amount(1)),
            effect: EffectOf::Charge(Charged {
                amount: amount(1),
                balance: Balance(amount(1)),
            }),
        };
        assert_eq!(replay(Some(charge)).await, Replay::KeyReused);
    }
}
