//! The rules of Frontrow, a concert reservation service with a virtual waiting room, without I/O.
//!
//! Five modules, to be read in this order:
//!
//! - [`model`]: the types of the domain and the decisions about them, as pure functions. The
//!   waiting room is in [`model::queue`].
//! - [`ports`]: what the rules need from the outside, one trait per file. The doc of a trait is its
//!   contract. The crate `frontrow-port-contracts` tests every adapter against it.
//! - [`use_cases`]: the steps behind each request and each job, one per file.
//! - [`read_models`]: data that many requests read, kept in memory.
//! - [`decorators`]: implementations of ports that wrap another implementation of the same port.
//!
//! `docs/GLOSSARY.md` defines the terms that code and docs use.
//!
//! This crate does not know HTTP, SQL, Redis, or an async runtime. Time, ids, randomness and
//! secrets come in through ports, so that a test runs in microseconds and sets the time itself.
//!
//! # Adding a use case
//!
//! 1. Put its rule, if it has one, into [`model`] as a pure function or a transition, with its
//!    tests.
//! 2. If it needs something from the outside that no port provides, add that to the port that it
//!    belongs to, and a test of it to `frontrow-port-contracts`.
//! 3. Write the steps in one file of [`use_cases`], with tests against the mocked ports.

pub mod decorators;
pub mod model;
pub mod ports;
pub mod read_models;
pub mod use_cases;

#[cfg(test)]
mod test_support;
