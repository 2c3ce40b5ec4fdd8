//! Data that many requests read, kept in memory: computed once, and again when it is too old.

mod queue_statuses;
mod seat_map_view;
mod top_concerts;

pub use queue_statuses::{PlaceReport, QueueMissing, QueueStatuses};
pub use seat_map_view::SeatMapView;
pub use top_concerts::{RankingAnswer, TopConcerts};
