//! Calls of a test sale, and the answers that they must get.

use frontrow_domain::{
    model::{
        Applied, HoldRefusal, HoldRequest, IdempotencyKey, Keyed, Reservation, ReservationId,
        ReservationState, SeatState,
        queue::{Arrival, Generation, Ticket},
    },
    ports::{
        Charge, ChargeOutcome, Charged, HoldOutcome, Paid, PayOutcome, PaymentRequest,
        ReleaseOutcome,
    },
};
use jiff::Timestamp;

use super::{DatabaseFixture, HOLD, TestSale, amount, label, seats, user};

impl<F: DatabaseFixture> TestSale<F> {
    /// Returns a request for seats of the test's performance, under a new id.
    pub(crate) fn request(&self, name: &str, labels: &[&str]) -> HoldRequest {
        HoldRequest {
            id: self.reservation_id(),
            user: user(name),
            concert: self.concert,
            performance: self.performance,
            seats: seats(labels),
            hold_for: HOLD,
            ticket: self.ticket(name),
        }
    }

    /// Returns the ticket of a user in the queue of the test's concert. It is the same for each
    /// request of a user.
    pub(crate) fn ticket(&self, name: &str) -> Ticket {
        Ticket {
            concert: self.concert,
            user: user(name),
            arrival: Arrival::from_micros(1_700_000_000_000_000),
            // Larger than a signed number can hold.
            generation: Generation(u64::MAX - 7),
        }
    }

    /// Requests a hold under a new id.
    pub(crate) async fn hold(&self, name: &str, labels: &[&str]) -> HoldOutcome {
        self.hold_as(&self.request(name, labels)).await
    }

    /// Sends this request for a hold.
    pub(crate) async fn hold_as(&self, request: &HoldRequest) -> HoldOutcome {
        self.ports.reservations.hold(request).await.expect("hold")
    }

    /// Requests a hold. Returns the refusal. Panics if the hold is made.
    pub(crate) async fn refusal(&self, name: &str, labels: &[&str]) -> HoldRefusal {
        self.refusal_of(&self.request(name, labels)).await
    }

    /// Sends this request for a hold. Returns the refusal. Panics if the hold is made.
    pub(crate) async fn refusal_of(&self, request: &HoldRequest) -> HoldRefusal {
        match self.hold_as(request).await {
            HoldOutcome::Refused(refusal) => refusal,
            other => panic!("{} should be refused: {other:?}", request.user),
        }
    }

    /// Requests a hold. Returns the reservation. Panics if the hold is refused.
    pub(crate) async fn held(&self, name: &str, labels: &[&str]) -> Reservation {
        self.held_by(&self.request(name, labels)).await
    }

    /// Sends this request for a hold. Returns the reservation. Panics if the hold is refused.
    pub(crate) async fn held_by(&self, request: &HoldRequest) -> Reservation {
        match self.hold_as(request).await {
            HoldOutcome::Held(reservation) => reservation,
            other => panic!("{} should get the seats: {other:?}", request.user),
        }
    }

    /// Releases held seats.
    pub(crate) async fn release(&self, name: &str, id: ReservationId) -> ReleaseOutcome {
        let released = self.ports.reservations.release(id, &user(name)).await;
        released.expect("release")
    }

    /// Returns a request to pay under a key.
    pub(crate) fn payment(&self, reservation: &Reservation, key: &str) -> PaymentRequest {
        PaymentRequest {
            reservation: reservation.id,
            user: reservation.user.clone(),
            concert: reservation.concert,
            entry: self.entry_id(),
            keyed: Keyed::payment(&reservation.user, reservation.id, self::key(key)),
        }
    }

    /// Pays under a key that is used once.
    pub(crate) async fn pay(&self, reservation: &Reservation) -> PayOutcome {
        self.pay_under(reservation, &format!("pay-{}", self.fresh_id()))
            .await
    }

    /// Pays under a key.
    pub(crate) async fn pay_under(&self, reservation: &Reservation, key: &str) -> PayOutcome {
        self.pay_as(&self.payment(reservation, key)).await
    }

    /// Sends this payment.
    pub(crate) async fn pay_as(&self, request: &PaymentRequest) -> PayOutcome {
        self.ports.reservations.pay(request).await.expect("pay")
    }

    /// Pays under a key that is used once. Panics if this is not a new payment.
    pub(crate) async fn paid(&self, reservation: &Reservation) -> Paid {
        newly_paid(self.pay(reservation).await)
    }

    /// Holds seats and pays for them.
    pub(crate) async fn bought(&self, name: &str, labels: &[&str]) -> Reservation {
        let held = self.held(name, labels).await;
        self.buy(held).await
    }

    /// Charges points, and pays for held seats with them.
    pub(crate) async fn buy(&self, held: Reservation) -> Reservation {
        let total = held.total.minor_units();
        if total > 0 {
            self.charged(held.user.as_str(), total).await;
        }
        self.paid(&held).await.reservation
    }

    /// Returns a request to charge under a key.
    pub(crate) fn charge(&self, name: &str, points: i64, key: &str) -> Charge {
        Charge {
            entry: self.entry_id(),
            user: user(name),
            amount: amount(points),
            keyed: Keyed::charge(&user(name), amount(points), self::key(key)),
            operator: None,
        }
    }

    /// Sends this charge.
    pub(crate) async fn charge_as(&self, charge: &Charge) -> ChargeOutcome {
        self.ports.points.charge(charge).await.expect("charge")
    }

    /// Charges points under a key.
    pub(crate) async fn charge_under(&self, name: &str, points: i64, key: &str) -> ChargeOutcome {
        self.charge_as(&self.charge(name, points, key)).await
    }

    /// Charges points under a key that is used once. Panics if this is not a new charge.
    pub(crate) async fn charged(&self, name: &str, points: i64) -> Charged {
        let key = format!("charge-{}", self.fresh_id());
        match self.charge_under(name, points, &key).await {
            ChargeOutcome::Charged(Applied {
                effect,
                replayed: false,
            }) => effect,
            other => panic!("{name} should be charged: {other:?}"),
        }
    }

    /// Returns the points that a user can spend.
    pub(crate) async fn balance(&self, name: &str) -> i64 {
        let balance = self.ports.points.balance(&user(name)).await;
        balance.expect("balance").0.minor_units()
    }

    /// Returns the state of a reservation.
    pub(crate) async fn state(&self, reservation: &Reservation) -> ReservationState {
        self.found(reservation).await.state
    }

    /// Returns a reservation. Panics if it does not exist.
    pub(crate) async fn found(&self, reservation: &Reservation) -> Reservation {
        let found = self
            .ports
            .reservations
            .find(reservation.id, &reservation.user)
            .await;
        found.expect("find").expect("the reservation")
    }

    /// Returns the state of a seat of the test's performance.
    pub(crate) async fn seat(&self, name: &str) -> SeatState {
        let map = self.ports.concerts.seat_map(self.performance).await;
        let seats = map.expect("seat map").expect("the performance").seats;
        let seat = seats.into_iter().find(|seat| seat.label == label(name));
        seat.expect("the seat").state
    }

    /// Returns how many seats of the test's performance are free.
    pub(crate) async fn seats_left(&self) -> u64 {
        let performances = self.ports.concerts.performances(self.concert).await;
        let performances = performances.expect("performances");
        let performance = performances.iter().find(|one| one.id == self.performance);
        performance.expect("the performance").seats_left
    }

    /// Sweeps at most `limit` expired holds. Returns the number of holds swept.
    pub(crate) async fn sweep(&self, limit: u32) -> u32 {
        self.ports.reservations.sweep(limit).await.expect("sweep")
    }
}

/// Returns the effect of a payment. Panics if it is not a new one.
pub(crate) fn newly_paid(outcome: PayOutcome) -> Paid {
    match outcome {
        PayOutcome::Paid(Applied {
            effect,
            replayed: false,
        }) => effect,
        other => panic!("should be paid just now: {other:?}"),
    }
}

/// Returns a client's idempotency key.
pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::try_from(text).expect("a key")
}

/// Returns the deadline of a hold.
pub(crate) fn end_of(reservation: &Reservation) -> Timestamp {
    match reservation.state {
        ReservationState::Held { until } => until,
        other => panic!("should be held: {other:?}"),
    }
}
