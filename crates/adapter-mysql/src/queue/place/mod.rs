//! Requests that change at most the row of their own place: look-ups and the gate.

mod gate;
mod look_up;
mod reads;

pub(super) use self::reads::{Reads, peek};
