//! The in-process queues over a clean stop: file, record and queues together.

mod cost;
mod histories;
mod steps;
mod world;
