use std::sync::Arc;

use crate::{
    model::{Amount, Applied, Balance, IdempotencyKey, Keyed, UserId},
    ports::{
        Charge, ChargeOutcome, EffectOf, Idempotency, Ids, KeyUse, Operator, Points, StoreResult,
    },
};

/// Adds points to a user's balance.
pub struct ChargePoints {
    /// Where the balances are.
    pub points: Arc<dyn Points>,
    /// The effects of earlier calls, by their keys.
    pub idempotency: Arc<dyn Idempotency>,
    /// Names the ledger row.
    pub ids: Arc<dyn Ids>,
    /// Whether users may charge their own points. If points are money, they may not: an operator's
    /// system charges them when money has come in.
    pub self_charge: bool,
}

/// The result of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAnswer {
    /// The outcome in the database.
    Asked(ChargeOutcome),
    /// Users may not charge their own points here.
    SelfChargeOff,
    /// The amount is zero.
    Nothing,
}

impl ChargePoints {
    /// Returns the balance of `user`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn balance(&self, user: &UserId) -> StoreResult<Balance> {
        self.points.balance(user).await
    }

    /// Charges a user's own points.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn charge_own(
        &self,
        user: &UserId,
        amount: Amount,
        key: IdempotencyKey,
    ) -> StoreResult<ChargeAnswer> {
        let keyed = Keyed::charge(user, amount, key);
        if self.self_charge {
            return self.charge(user, amount, keyed, None).await;
        }
        // Self-charging may have been allowed when the first request with this key came.
        Ok(match self.idempotency.find(&keyed).await? {
            KeyUse::Replayed(EffectOf::Charge(effect)) => {
                let replayed = Applied::replayed(effect);
                ChargeAnswer::Asked(ChargeOutcome::Charged(replayed))
            }
            _ => ChargeAnswer::SelfChargeOff,
        })
    }

    /// Charges a user's points on behalf of an operator.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn charge_by_operator(
        &self,
        user: &UserId,
        amount: Amount,
        key: IdempotencyKey,
        operator: Operator,
    ) -> StoreResult<ChargeAnswer> {
        let keyed = Keyed::operator_charge(&operator.name, user, amount, key);
        self.charge(user, amount, keyed, Some(operator)).await
    }

    async fn charge(
        &self,
        user: &UserId,
        amount: Amount,
        keyed: Keyed,
        operator: Option<Operator>,
    ) -> StoreResult<ChargeAnswer> {
        if amount == Amount::ZERO {
            return Ok(ChargeAnswer::Nothing);
        }
        let charge = Charge {
            entry: self.ids.ledger_entry(),
            user: user.clone(),
            amount,
            keyed,
            operator,
        };
        self.points.charge(&charge).await.map(ChargeAnswer::Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ports::{Charged, MockIdempotency, MockPoints},
        test_support::*,
    };

    fn charged() -> ChargeOutcome {
        ChargeOutcome::Charged(Applied {
            effect: Charged {
                amount: amount(100),
                balance: Balance(amount(100)),
            },
            replayed: false,
        })
    }

    fn charging(points: MockPoints, self_charge: bool) -> ChargePoints {
        let mut idempotency = MockIdempotency::new();
        idempotency.expect_find().returning(|_| Ok(KeyUse::New));
        ChargePoints {
            points: Arc::new(points),
            idempotency: Arc::new(idempotency),
            ids: ids(),
            self_charge,
        }
    }

    #[tokio::test]
    async fn users_charge_their_own_points_if_that_is_allowed() {
        let mut points = MockPoints::new();
        points
            .expect_charge()
            .withf(|charge| {
                charge.user == alice()
                    && charge.operator.is_none()
                    && charge.keyed == Keyed::charge(&alice(), amount(100), key())
            })
            .return_once(|_| Ok(charged()));
        let answer = charging(points, true)
            .charge_own(&alice(), amount(100), key())
            .await;
        assert_eq!(answer, Ok(ChargeAnswer::Asked(charged())));
    }

    #[tokio::test]
    async fn only_operators_charge_points_if_self_charging_is_off() {
        let mut points = MockPoints::new();
        points
            .expect_charge()
            .withf(|charge| {
                let keyed = Keyed::operator_charge("ops", &alice(), amount(100), key());
                charge.operator == Some(operator()) && charge.keyed == keyed
            })
            .return_once(|_| Ok(charged()));
        let charging = charging(points, false);
        assert_eq!(
            charging.charge_own(&alice(), amount(100), key()).await,
            Ok(ChargeAnswer::SelfChargeOff)
        );
        assert_eq!(
            charging
                .charge_by_operator(&alice(), amount(100), key(), operator())
                .await,
            Ok(ChargeAnswer::Asked(charged()))
        );
    }

    #[tokio::test]
    async fn a_repeated_charge_is_replayed_even_if_self_charging_is_off_now() {
        let charged = Charged {
            amount: amount(100),
            balance: Balance(amount(100)),
        };
        let effect = EffectOf::Charge(charged);
        let mut idempotency = MockIdempotency::new();
        idempotency
            .expect_find()
            .withf(|keyed| *keyed == Keyed::charge(&alice(), amount(100), key()))
            .return_once(|_| Ok(KeyUse::Replayed(effect)));
        let charging = ChargePoints {
            idempotency: Arc::new(idempotency),
            ..charging(MockPoints::new(), false)
        };
        let again = ChargeOutcome::Charged(Applied::replayed(charged));
        assert_eq!(
            charging.charge_own(&alice(), amount(100), key()).await,
            Ok(ChargeAnswer::Asked(again))
        );
    }

    #[tokio::test]
    async fn a_charge_of_zero_is_refused() {
        let answer = charging(MockPoints::new(), true)
            .charge_own(&alice(), Amount::ZERO, key())
            .await;
        assert_eq!(answer, Ok(ChargeAnswer::Nothing));
    }

    #[tokio::test]
    async fn a_balance_is_returned_as_the_database_has_it() {
        let mut points = MockPoints::new();
        points
            .expect_balance()
            .return_once(|_| Ok(Balance(amount(7))));
        let balance = charging(points, true).balance(&alice()).await;
        assert_eq!(balance, Ok(Balance(amount(7))));
    }
}
