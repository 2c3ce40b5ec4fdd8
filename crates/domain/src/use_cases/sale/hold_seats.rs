use std::{sync::Arc, time::Duration};

use crate::{
    model::{HoldRequest, PerformanceId, SeatSelection, queue::ActivePlace},
    ports::{HoldOutcome, Ids, Reservations, StoreResult},
};

/// Holds seats for a user who passed the gate.
pub struct HoldSeats {
    /// Where the seats are.
    pub reservations: Arc<dyn Reservations>,
    /// Names the reservation.
    pub ids: Arc<dyn Ids>,
    /// How long seats are held. Less if the place ends sooner.
    pub hold_for: Duration,
}

/// The result of a request for seats.
#[derive(Debug, Clone, PartialEq)]
pub enum HoldAnswer {
    /// The outcome of the hold.
    Asked(HoldOutcome),
    /// The place ends too soon for the seats to be paid for.
    PlaceEnding,
}

impl HoldSeats {
    /// Holds `seats` of `performance` for the user of `place`: all of them or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn hold(
        &self,
        place: &ActivePlace,
        performance: PerformanceId,
        seats: SeatSelection,
    ) -> StoreResult<HoldAnswer> {
        let Some(time_left) = place.time_to_hold() else {
            return Ok(HoldAnswer::PlaceEnding);
        };
        let request = HoldRequest {
            id: self.ids.reservation(),
            user: place.user().clone(),
            concert: place.concert(),
            performance,
            seats,
            hold_for: self.hold_for.min(time_left),
            ticket: place.ticket().clone(),
        };
        self.reservations
            .hold(&request)
            .await
            .map(HoldAnswer::Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{HOLD_DEFAULT, HoldRefusal, ReservationState},
        ports::MockReservations,
        test_support::*,
    };

    fn seats() -> SeatSelection {
        SeatSelection::try_from(vec!["A-1".parse().unwrap()]).unwrap()
    }

    fn hold(reservations: MockReservations) -> HoldSeats {
        HoldSeats {
            reservations: Arc::new(reservations),
            ids: ids(),
            hold_for: HOLD_DEFAULT,
        }
    }

    #[tokio::test]
    async fn the_hold_is_for_the_user_and_concert_of_the_place() {
        let held = HoldOutcome::Held(reservation(ReservationState::Held { until: at(400) }));
        let answer = held.clone();
        let mut reservations = MockReservations::new();
        reservations
            .expect_hold()
            .withf(|request| {
                (&request.user, request.concert, request.id) == (&alice(), CONCERT, RESERVATION)
                    && request.ticket == ticket()
                    && request.hold_for == HOLD_DEFAULT
            })
            .return_once(move |_| Ok(answer));
        let place = ActivePlace::verified(ticket(), Duration::from_mins(10));
        assert_eq!(
            hold(reservations).hold(&place, PERFORMANCE, seats()).await,
            Ok(HoldAnswer::Asked(held))
        );
    }

    #[tokio::test]
    async fn a_place_that_ends_soon_gets_a_shorter_hold() {
        let mut reservations = MockReservations::new();
        reservations
            .expect_hold()
            .withf(|request| request.hold_for == Duration::from_secs(15))
            .return_once(|_| Ok(HoldOutcome::Refused(HoldRefusal::Started)));
        let place = ActivePlace::verified(ticket(), Duration::from_secs(45));
        let answer = hold(reservations).hold(&place, PERFORMANCE, seats()).await;
        let refused = HoldOutcome::Refused(HoldRefusal::Started);
        assert_eq!(answer, Ok(HoldAnswer::Asked(refused)));
    }

    #[tokio::test]
    async fn a_place_with_no_time_to_pay_holds_nothing() {
        let place = ActivePlace::verified(ticket(), Duration::from_secs(30));
        let answer = hold(MockReservations::new())
            .hold(&place, PERFORMANCE, seats())
            .await;
        assert_eq!(answer, Ok(HoldAnswer::PlaceEnding));
    }
}
