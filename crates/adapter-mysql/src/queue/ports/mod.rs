//! The implementations of the ports, one file each.

mod queue;
mod queue_control;
mod queue_snapshots;
mod queue_ticks;
