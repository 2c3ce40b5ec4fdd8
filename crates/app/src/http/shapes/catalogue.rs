//! Concerts, performances and seats.

use frontrow_domain::model::{Concert, Currency, Performance, Seat, queue::QueueView};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{QueueBody, same_names};

/// A concert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConcertBody {
    pub(crate) id: Uuid,
    pub(crate) title: String,
    /// The free seats of all future performances. Up to one second old.
    pub(crate) seats_left: u64,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub(crate) next_performance_at: Option<Timestamp>,
    pub(crate) queue: QueueBody,
}

/// A performance of a concert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PerformanceBody {
    pub(crate) id: Uuid,
    pub(crate) concert_id: Uuid,
    #[schema(value_type = String, format = DateTime)]
    pub(crate) starts_at: Timestamp,
    pub(crate) venue: String,
    pub(crate) seats_total: u64,
    /// The free seats. Up to one second old.
    pub(crate) seats_left: u64,
}

/// A seat of a performance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SeatBody {
    pub(crate) label: String,
    pub(crate) section: String,
    /// In whole minor units.
    pub(crate) price: i64,
    pub(crate) currency: String,
    pub(crate) state: SeatStateBody,
}

/// Whether a seat is free.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SeatStateBody {
    Available,
    Held,
    Sold,
}

same_names!(frontrow_domain::model::SeatState => SeatStateBody { Available, Held, Sold });

impl ConcertBody {
    /// Returns the shape of `concert`, whose queue was last reported as `queue`.
    pub(crate) fn new(concert: &Concert, queue: QueueView) -> Self {
        Self {
            id: concert.id.0,
            title: concert.title.to_string(),
            seats_left: concert.seats_left,
            next_performance_at: concert.next_performance_at,
            queue: queue.into(),
        }
    }
}

impl From<Performance> for PerformanceBody {
    fn from(performance: Performance) -> Self {
        Self {
            id: performance.id.0,
            concert_id: performance.concert.0,
            starts_at: performance.starts_at,
            venue: performance.venue.to_string(),
            seats_total: performance.seats_total,
            seats_left: performance.seats_left,
        }
    }
}

impl SeatBody {
    /// Returns the shape of `seat`, with its price in `currency`.
    pub(crate) fn new(seat: &Seat, currency: Currency) -> Self {
        Self {
            label: seat.label.to_string(),
            section: seat.section.clone(),
            price: seat.price.minor_units(),
            currency: currency.to_string(),
            state: seat.state.into(),
        }
    }
}
