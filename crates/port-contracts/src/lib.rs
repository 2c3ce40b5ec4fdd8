//! What every adapter of a port must pass.
//!
//! The contracts are plain async functions over a [`Fixture`], which each adapter's tests supply: it
//! gives the ports on a store of its own, moves that store's time, loses its data, and opens it
//! again. A contract never reads a clock of its own: what time it is, the store's answers say.

mod fixture;

pub use fixture::{DatabasePorts, Fixture, QueuePorts};
