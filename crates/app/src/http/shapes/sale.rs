//! The shapes of reservations, payments and points.

use frontrow_domain::{
    model::{Currency, Reservation, ReservationState},
    ports::Paid,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A reservation of seats for a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReservationBody {
    pub(crate) id: Uuid,
    pub(crate) state: ReservationStateBody,
    pub(crate) concert_id: Uuid,
    pub(crate) performance_id: Uuid,
    /// The labels of the seats.
    pub(crate) seats: Vec<String>,
    /// In whole minor units.
    pub(crate) total: i64,
    pub(crate) currency: String,
    /// The deadline of the hold; null unless held.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) held_until: Option<Timestamp>,
    /// The instant of the payment; null unless confirmed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) confirmed_at: Option<Timestamp>,
}

/// The state of a reservation.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReservationStateBody {
    Held,
    Confirmed,
    Cancelled,
    Expired,
}

/// A paid reservation, with the charged amount and the remaining balance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PaymentBody {
    #[serde(flatten)]
    pub(crate) reservation: ReservationBody,
    /// The charged amount, in whole minor units.
    pub(crate) charged: i64,
    /// The balance right after the payment, in whole minor units.
    pub(crate) balance: i64,
}

/// The balance of a user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PointsBody {
    /// The balance, in whole minor units.
    pub(crate) balance: i64,
    pub(crate) currency: String,
}

impl ReservationStateBody {
    /// Returns the name as in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl ReservationBody {
    /// Returns the shape of `reservation`, with its total in `currency`.
    pub(crate) fn new(reservation: &Reservation, currency: Currency) -> Self {
        let (state, held_until, confirmed_at) = match reservation.state {
            ReservationState::Held { until } => (ReservationStateBody::Held, Some(until), None),
            ReservationState::Confirmed { at } => (ReservationStateBody::Confirmed, None, Some(at)),
            ReservationState::Cancelled => (ReservationStateBody::Cancelled, None, None),
            ReservationState::Expired => (ReservationStateBody::Expired, None, None),
        };
        Self {
            id: reservation.id.0,
            state,
            concert_id: reservation.concert.0,
            performance_id: reservation.performance.0,
            seats: reservation
                .seats
                .iter()
                .map(|seat| seat.label.to_string())
                .collect(),
            total: reservation.total.minor_units(),
            currency: currency.to_string(),
            held_until,
            confirmed_at,
        }
    }
}

impl PaymentBody {
    /// Returns the shape of a payment, with its amounts in `currency`.
    pub(crate) fn new(paid: &Paid, currency: Currency) -> Self {
        Self {
            reservation: ReservationBody::new(&paid.reservation, currency),
            charged: paid.charged.minor_units(),
            balance: paid.balance.0.minor_units(),
        }
    }
}
