//! The life of a reservation: held, then confirmed, cancelled or expired.

use jiff::Timestamp;

use super::{
    Amount, Balance, ConcertId, PerformanceId, PricedSeat, ReservationId, UserId, queue::Ticket,
};

/// A user's reservation of some seats of a performance.
///
/// ```text
///            pay, in time
///    held ────────────────▶ confirmed      (final)
///      │ release
///      ├──────────────────▶ cancelled      (final)
///      │ its deadline passes
///      └──────────────────▶ expired        (final)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// The user who has it.
    pub user: UserId,
    /// The concert of its performance.
    pub concert: ConcertId,
    /// The performance of its seats.
    pub performance: PerformanceId,
    /// Its seats, sorted by label, each with the price at which it was held.
    pub seats: Vec<PricedSeat>,
    /// The sum of those prices.
    pub total: Amount,
    /// Its state.
    pub state: ReservationState,
    /// The place with which it was made, which ends when the reservation is paid. None if it was
    /// made before places were stored.
    pub ticket: Option<Ticket>,
}

/// The state of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationState {
    /// Its seats are held until the deadline.
    Held {
        /// The deadline. At this instant the hold has expired.
        until: Timestamp,
    },
    /// It is paid. Final.
    Confirmed {
        /// When it was paid.
        at: Timestamp,
    },
    /// Its user released it. Final.
    Cancelled,
    /// Its deadline passed. Final.
    Expired,
}

/// The reservation is not held, or no longer: it cannot be paid or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reservation is not held but {now:?}")]
pub struct WrongState {
    /// The state that it is in.
    pub now: ReservationState,
}

/// Why a payment is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayRefusal {
    /// The reservation is no longer held.
    #[error(transparent)]
    NotHeld(#[from] WrongState),
    /// The payer has too few points.
    #[error("{balance} points are not enough to pay {total}")]
    NotEnoughPoints {
        /// The payer's points.
        balance: Amount,
        /// The price of the seats.
        total: Amount,
    },
}

/// A reservation that is held at a known instant: the only one that can be paid or released.
///
/// Only [`Reservation::held_at`] makes one, so a payment cannot forget to check the deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldReservation(Reservation);

impl Reservation {
    /// The reservation as a reader sees it at `now`: a hold past its deadline is expired for every
    /// reader, whether or not a sweep has marked it.
    #[must_use]
    pub fn seen_at(mut self, now: Timestamp) -> Self {
        if let ReservationState::Held { until } = self.state
            && until <= now
        {
            self.state = ReservationState::Expired;
        }
        self
    }

    /// Returns this reservation if it is held at `now`.
    ///
    /// # Errors
    /// [`WrongState`] with the state that it is in.
    pub fn held_at(self, now: Timestamp) -> Result<HeldReservation, WrongState> {
        let seen = self.seen_at(now);
        match seen.state {
            ReservationState::Held { .. } => Ok(HeldReservation(seen)),
            other => Err(WrongState { now: other }),
        }
    }
}

impl HeldReservation {
    /// The reservation itself.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.0
    }

    /// The reservation itself, no longer known to be held.
    #[must_use]
    pub fn into_reservation(self) -> Reservation {
        self.0
    }

    /// Pays it at `now` out of `balance`. Returns the confirmed reservation and the new balance.
    ///
    /// # Errors
    /// [`PayRefusal::NotEnoughPoints`].
    pub fn pay(
        self,
        balance: Balance,
        now: Timestamp,
    ) -> Result<(Reservation, Balance), PayRefusal> {
        let total = self.0.total;
        let left = balance.spent(total).ok_or(PayRefusal::NotEnoughPoints {
            balance: balance.0,
            total,
        })?;
        let confirmed = Reservation {
            state: ReservationState::Confirmed { at: now },
            ..self.0
        };
        Ok((confirmed, left))
    }

    /// Releases its seats.
    #[must_use]
    pub fn release(self) -> Reservation {
        Reservation {
            state: ReservationState::Cancelled,
            ..self.0
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn held_until(until: Timestamp) -> Reservation {
        Reservation {
            id: ReservationId(Uuid::nil()),
            user: UserId::try_from("alice").unwrap(),
            concert: ConcertId(Uuid::nil()),
            performance: PerformanceId(Uuid::nil()),
            seats: Vec::new(),
            total: amount(100),
            state: ReservationState::Held { until },
            ticket: None,
        }
    }

    #[test]
    fn a_hold_has_expired_at_its_deadline() {
        assert!(held_until(at(10)).held_at(at(9)).is_ok());
        assert_eq!(
            held_until(at(10)).held_at(at(10)),
            Err(WrongState {
                now: ReservationState::Expired
            })
        );
    }

    #[test]
    fn paying_takes_the_total_and_confirms() {
        let held = held_until(at(10)).held_at(at(1)).unwrap();
        let (confirmed, left) = held.pay(Balance(amount(130)), at(2)).unwrap();
        assert_eq!(confirmed.state, ReservationState::Confirmed { at: at(2) });
        assert_eq!(left, Balance(amount(30)));
        assert!(confirmed.held_at(at(3)).is_err());
    }

    #[test]
    fn a_payment_with_too_few_points_is_refused() {
        let held = held_until(at(10)).held_at(at(1)).unwrap();
        assert_eq!(
            held.pay(Balance(amount(99)), at(2)),
            Err(PayRefusal::NotEnoughPoints {
                balance: amount(99),
                total: amount(100)
            })
        );
    }

    #[test]
    fn a_released_hold_cannot_be_paid() {
        let released = held_until(at(10)).held_at(at(1)).unwrap().release();
        assert_eq!(
            released.held_at(at(2)),
            Err(WrongState {
                now: ReservationState::Cancelled
            })
        );
    }
}
