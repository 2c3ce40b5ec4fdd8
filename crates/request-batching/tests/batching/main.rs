//! What the batcher promises, with an executor that each test directs.

mod adaptive;
mod bounds;
mod cost;
mod deaths;
mod in_flight;
mod late_boarding;
mod leaving;
mod priorities;
mod random;
mod runtimes;
mod sharing;
mod support;
mod time_outs;
mod users;
