//! Batches concurrent requests to a store into shared calls.
//!
//! A call costs the store and its driver much more than one request in it, and calls about the same
//! thing often wait for each other's locks anyway. So for each key one call is in flight at a time.
//! Requests that arrive meanwhile are *pending*. The next call takes all of them, up to a bound. A
//! single request waits for no other. Among many, each waits for about one call before its own. If
//! a whole batch is pending, because the store is far away or slow, further calls may be made
//! concurrently.
//!
//! The crate handles keys, users and priorities and does not depend on a store: [`Execute`] makes
//! the calls.
//!
//! # Guarantees
//!
//! - **Bounds.** [`Limits`] bounds the pending requests (in total and per user), the requests in a
//!   call and those in flight, and the time until a call begins. The bounds hold for the whole
//!   process. A request beyond a bound is refused with [`SubmitError::Overloaded`] and had no
//!   effect.
//! - **One at a time.** Requests of a user at the same key are executed one after the other, in the
//!   order in which they arrived. Only the first of them takes part in priorities.
//! - **Order.** Within a key, requests of higher priorities join a call first, and within a
//!   priority the oldest. Between keys, calls begin in the order of their highest pending priority,
//!   and in turn among equals.
//! - **Load shedding.** When the most requests are pending, a new request displaces the newest one
//!   of the lowest priority, if that priority is lower than its own.
//! - **A slow store gets less.** [`InFlight::Adaptive`] lowers the in-flight limit when calls get
//!   slower than the distance to the store explains.
//! - **Callers that leave.** A request whose caller dropped its future is not executed if its call
//!   has not begun. It is executed like all others if the call has begun.
//! - **Calls that fail.** If the task of a call panics or ends with its runtime, its requests are
//!   [`Lost`](SubmitError::Lost) and the next call begins.
//! - **No leaks.** A key without requests and calls has no entry.
//!
//! # Cost
//!
//! The cost of a request does not depend on how many are pending. One lock protects the pending
//! requests of the process. It is held for well below 1 µs at a time. No task is woken, and no
//! request executed or dropped, under it.

mod batch;
mod batcher;
mod call;
mod error;
mod execute;
mod limiter;
mod limits;
mod pending;
mod priority;
mod slab;
mod state;
mod stats;
mod steps;

pub use self::{
    batch::Batch,
    batcher::Batcher,
    error::{Overload, SubmitError},
    execute::Execute,
    limits::{Adaptive, InFlight, Limits},
    priority::Priority,
    stats::{ShedCounts, Stats},
};
