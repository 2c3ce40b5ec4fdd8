//! The ports, one file each.

mod queue;
mod queue_control;
mod queue_ticks;
mod waiting_line;
