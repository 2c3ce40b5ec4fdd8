//! What users do with a place that changes at most its own row: look-ups and the gate.

mod gate;
mod look_up;
mod reads;

pub(super) use self::reads::{Reads, peek};
