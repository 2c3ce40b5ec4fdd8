//! The routes of operators: concerts, performances, queue policies, reservations and charges.

pub(crate) mod concerts;
mod edited;
mod fields;
pub(crate) mod performances;
pub(crate) mod policy_shape;
pub(crate) mod queue_policy;
pub(crate) mod sales;
mod seat_plan_shape;
