//! The rules of Frontrow, a concert reservation service with a virtual waiting room, without I/O.
//!
//! A user joins the queue of a concert and waits in its line. A tick admits users from the head of
//! the line, as the policy of the queue allows. An admitted user passes the gate, holds seats, and
//! pays for them with points.
//!
//! An *instance* is one running process of the service. A *store* keeps data for the instances:
//!
//! - The *database* has the concerts, the seats, the money and the master copy of each policy.
//! - The *queues' store* has the places of users, and decides about them.
//!
//! `docs/ARCHITECTURE.md` shows how a request goes through the crates.
//!
//! Five modules, to be read in this order:
//!
//! - [`model`]: the types of the domain and the decisions about them, as pure functions. The
//!   waiting room is in [`model::queue`].
//! - [`ports`]: what the rules need from the outside, one trait per file. The doc of a trait is its
//!   contract. The crate `frontrow-port-contracts` tests the adapters of stores against it.
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
