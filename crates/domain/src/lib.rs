//! The rules of Frontrow, without I/O.
//!
//! Three folders, read in this order:
//!
//! - [`model`]: what things are, and which changes of them are allowed. Pure functions and types.
//! - [`ports`]: what the rules need from the outside, one trait a file. The doc of a trait is its
//!   contract; the crate `frontrow-port-contracts` holds every adapter to it.
//! - [`use_cases`]: the order of steps behind each thing that a caller can ask for, one a file.
//!
//! `docs/GLOSSARY.md` defines the words that code and docs use.
//!
//! Nothing here knows HTTP, SQL, Redis, or an async runtime. Time, ids, randomness and secrets come
//! in through ports, so that everything here can be tested in microseconds and told what time it is.
//!
//! # Adding a use case
//!
//! 1. Put its rule, if it has one, into [`model`] as a pure function or a transition, with its tests.
//! 2. If it needs something from the outside that no port gives, add that to the port that it
//!    belongs to (and a test of it to `frontrow-port-contracts`).
//! 3. Write the steps in one file of [`use_cases`], with tests against the mocked ports.

pub mod model;
pub mod ports;
pub mod use_cases;
