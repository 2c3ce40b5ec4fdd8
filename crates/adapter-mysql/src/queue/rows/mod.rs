//! The rows of the queue's tables: what they mean, and how they are locked, read and written.

pub(super) mod columns;
pub(super) mod departures;
pub(super) mod places;
mod queue_fields;
pub(super) mod queue_row;
pub(super) mod units;
