//! The check that the seats, the reservations and the payments of a performance agree.

use std::collections::{HashMap, hash_map::Entry};

use super::{BookedPayment, Difference, PerformanceRecords, TakenSeat};
use crate::model::{Amount, Reservation, ReservationId, ReservationState};

impl PerformanceRecords {
    /// Returns the differences. Empty if all rows agree.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let by_id: HashMap<_, _> = self
            .reservations
            .iter()
            .map(|reservation| (reservation.id, reservation))
            .collect();
        let mut seats_of: HashMap<ReservationId, usize> = HashMap::new();
        let mut found = Vec::new();
        let mut sold = 0;
        for seat in &self.seats {
            *seats_of.entry(seat.reservation).or_default() += 1;
            sold += u64::from(seat.held_until.is_none());
            if let Some(why) = seat.contradicts(by_id.get(&seat.reservation).copied()) {
                found.push(Difference::Seat {
                    performance: self.id,
                    label: seat.label.clone(),
                    reservation: seat.reservation,
                    why,
                });
            }
        }
        let (payments, twice) = self.payments_by_reservation();
        let mut wrong = |reservation, why| {
            found.push(Difference::Reservation {
                performance: self.id,
                reservation,
                why,
            });
        };
        for reservation in twice {
            wrong(reservation, "is paid more than once");
        }
        for reservation in &self.reservations {
            let seats = seats_of.get(&reservation.id).copied().unwrap_or_default();
            let payment = payments.get(&reservation.id).copied();
            if let Some(why) = contradiction(reservation, seats, payment) {
                wrong(reservation.id, why);
            }
        }
        for payment in payments.values() {
            if !by_id.contains_key(&payment.reservation) {
                wrong(payment.reservation, "is paid and does not exist");
            }
        }
        if sold != self.seats_sold {
            found.push(Difference::Counter {
                performance: self.id,
                counted: self.seats_sold,
                sold,
            });
        }
        found
    }

    /// The payment of each reservation, and the reservations that have more than one.
    fn payments_by_reservation(
        &self,
    ) -> (HashMap<ReservationId, &BookedPayment>, Vec<ReservationId>) {
        let mut payments = HashMap::new();
        let mut twice = Vec::new();
        for payment in &self.payments {
            match payments.entry(payment.reservation) {
                Entry::Vacant(place) => {
                    place.insert(payment);
                }
                Entry::Occupied(_) => twice.push(payment.reservation),
            }
        }
        (payments, twice)
    }
}

impl TakenSeat {
    /// Returns how the seat contradicts its reservation. None if it does not.
    fn contradicts(&self, reservation: Option<&Reservation>) -> Option<&'static str> {
        let Some(reservation) = reservation else {
            return Some("its reservation does not exist");
        };
        if reservation.user != self.user {
            return Some("its reservation is another user's");
        }
        if !reservation
            .seats
            .iter()
            .any(|seat| seat.label == self.label)
        {
            return Some("its reservation is of other seats");
        }
        match (reservation.state, self.held_until) {
            (ReservationState::Held { until }, Some(held_until)) if until == held_until => None,
            (ReservationState::Held { .. }, Some(_)) => Some("is held until another instant"),
            (ReservationState::Confirmed { .. }, None) => None,
            (ReservationState::Confirmed { .. }, Some(_)) => Some("is held and paid"),
            (ReservationState::Held { .. }, None) => Some("is sold and not paid"),
            (ReservationState::Cancelled | ReservationState::Expired, _) => {
                Some("its reservation has ended")
            }
        }
    }
}

/// Returns how a reservation contradicts its seats and its payment. None if it does not.
fn contradiction(
    reservation: &Reservation,
    seats: usize,
    payment: Option<&BookedPayment>,
) -> Option<&'static str> {
    let prices = reservation.seats.iter().map(|seat| seat.price);
    if Amount::checked_sum(prices) != Some(reservation.total) {
        return Some("its total is not the sum of its seats");
    }
    let live = match reservation.state {
        ReservationState::Held { .. } | ReservationState::Confirmed { .. } => {
            reservation.seats.len()
        }
        ReservationState::Cancelled | ReservationState::Expired => 0,
    };
    // Seats of a reservation that ended are reported one by one.
    if live > seats {
        return Some("has lost a seat");
    }
    match (reservation.state, payment) {
        (ReservationState::Confirmed { .. }, None) => Some("is confirmed and not paid"),
        (ReservationState::Confirmed { .. }, Some(payment)) => {
            if payment.user != reservation.user {
                Some("is paid by another user")
            } else if payment.amount != reservation.total {
                Some("is paid with another amount")
            } else {
                None
            }
        }
        (_, Some(_)) => Some("is paid and not confirmed"),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::model::{ConcertId, PerformanceId, PricedSeat, SeatLabel, UserId};

    const PERFORMANCE: PerformanceId = PerformanceId(Uuid::from_u128(1));
    const RESERVATION: ReservationId = ReservationId(Uuid::from_u128(2));

    fn amount(minor_units: i64) -> Amount {
        Amount::try_from(minor_units).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn user(name: &str) -> UserId {
        UserId::try_from(name).unwrap()
    }

    fn label(name: &str) -> SeatLabel {
        name.parse().unwrap()
    }

    fn reservation(state: ReservationState) -> Reservation {
        Reservation {
            id: RESERVATION,
            user: user("ann"),
            concert: ConcertId(Uuid::nil()),
            performance: PERFORMANCE,
            seats: vec![PricedSeat {
                label: label("A-1"),
                price: amount(5),
            }],
            total: amount(5),
            state,
            ticket: None,
        }
    }

    fn records(state: ReservationState, held_until: Option<Timestamp>) -> PerformanceRecords {
        let paid = matches!(state, ReservationState::Confirmed { .. });
        let payment = BookedPayment {
            reservation: RESERVATION,
            user: user("ann"),
            amount: amount(5),
        };
        PerformanceRecords {
            id: PERFORMANCE,
            seats_sold: u64::from(held_until.is_none()),
            seats: vec![TakenSeat {
                label: label("A-1"),
                reservation: RESERVATION,
                user: user("ann"),
                held_until,
            }],
            reservations: vec![reservation(state)],
            payments: paid.then_some(payment).into_iter().collect(),
        }
    }

    fn confirmed() -> PerformanceRecords {
        records(ReservationState::Confirmed { at: at(1) }, None)
    }

    fn held() -> PerformanceRecords {
        records(ReservationState::Held { until: at(9) }, Some(at(9)))
    }

    /// Applies `spoil` to `records`. Returns the texts of the differences without ids.
    fn differences_after(
        mut records: PerformanceRecords,
        spoil: fn(&mut PerformanceRecords),
    ) -> Vec<String> {
        spoil(&mut records);
        let tail = |text: String| text.split_once(": ").unwrap().1.to_owned();
        let without_id = |text: String| text.split(" (").next().unwrap_or_default().to_owned();
        let differences = records.differences().into_iter();
        let texts = differences.map(|difference| difference.to_string());
        texts.map(tail).map(without_id).collect()
    }

    #[test]
    fn seats_reservations_and_payments_that_agree_are_not_named() {
        for agreeing in [confirmed(), held()] {
            assert_eq!(agreeing.differences(), []);
        }
    }

    #[test]
    fn every_contradiction_is_named() {
        type Case = (
            PerformanceRecords,
            fn(&mut PerformanceRecords),
            &'static [&'static str],
        );
        let cases: [Case; 13] = [
            (
                confirmed(),
                |it| it.payments.clear(),
                &["is confirmed and not paid"],
            ),
            (
                confirmed(),
                |it| it.payments.push(it.payments[0].clone()),
                &["is paid more than once"],
            ),
            (
                confirmed(),
                |it| it.payments[0].amount = amount(4),
                &["is paid with another amount"],
            ),
            (
                confirmed(),
                |it| it.payments[0].user = user("ben"),
                &["is paid by another user"],
            ),
            (
                confirmed(),
                |it| it.seats[0].held_until = Some(at(9)),
                &["is held and paid", "1 seats are counted as sold, 0 are"],
            ),
            (
                confirmed(),
                |it| it.seats.clear(),
                &["has lost a seat", "1 seats are counted as sold, 0 are"],
            ),
            (
                confirmed(),
                |it| it.seats_sold = 2,
                &["2 seats are counted as sold, 1 are"],
            ),
            (
                confirmed(),
                |it| it.reservations.clear(),
                &[
                    "its reservation does not exist",
                    "is paid and does not exist",
                ],
            ),
            (
                held(),
                |it| it.seats[0].held_until = Some(at(8)),
                &["is held until another instant"],
            ),
            (
                held(),
                |it| it.seats[0].user = user("ben"),
                &["its reservation is another user's"],
            ),
            (
                held(),
                |it| it.reservations[0].state = ReservationState::Expired,
                &["its reservation has ended"],
            ),
            (
                held(),
                |it| it.reservations[0].total = amount(6),
                &["its total is not the sum of its seats"],
            ),
            (
                held(),
                |it| {
                    it.payments = confirmed().payments;
                },
                &["is paid and not confirmed"],
            ),
        ];
        for (records, spoil, expected) in cases {
            assert_eq!(differences_after(records, spoil), expected);
        }
    }
}
