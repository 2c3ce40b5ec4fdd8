//! The use cases: one file for each operation that a caller can request, with the order of its
//! steps.
//!
//! A use case is a struct of the ports that it needs. It returns an enum of all outcomes, refusals
//! included. `Err` is a failure of a store.

mod catalogue;
mod queue;
mod ranking;
mod sale;

pub use catalogue::*;
pub use queue::*;
pub use ranking::*;
pub use sale::*;
