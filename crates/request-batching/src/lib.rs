//! Concurrent requests to a store share a call.
//!
//! A call costs the store and its driver much more than one request in it, and calls about the same
//! thing often wait for each other's locks anyway. So for each key one call is in flight at a time.
//! Requests that come meanwhile are *pending*; the next call takes all of them, up to a bound. A
//! request that comes alone waits for no other; among many, each waits for about one call before
//! its own. Where a whole batch is pending, because the store is far away or slow, further calls
//! may be made beside it.
//!
//! The crate knows keys, users and priorities, and nothing of stores: [`Execute`] makes the calls.
//!
//! # Guarantees
//!
//! - **Bounds.** The requests that are pending (in total and of a user), in a call, and in flight
//!   are bounded by [`Limits`] for the whole process, and so is the time until a call begins. A
//!   request beyond a bound is refused with [`SubmitError::Overloaded`], and then had no effect.
//! - **One at a time.** Requests of a user at the same key are executed one after the other, in the
//!   order in which they came. Only the first of them takes part in priorities.
//! - **Order.** Within a key, higher priorities join a call first, then those that came first.
//!   Between keys, calls begin in the order of their highest pending priority, and in turn among
//!   equals.
//! - **Load shedding.** Where no more may be pending, a request takes the room of the newest of the
//!   lowest priority, if that is lower than its own.
//! - **A slow store gets less.** [`InFlight::Adaptive`] lowers the number of requests in flight
//!   when calls get slower than the way to the store explains.
//! - **Callers who leave.** A request whose caller is gone is not executed if its call has not
//!   begun, and is executed like all others if it has.
//! - **Calls that die.** Where the task of a call panics or ends with its runtime, its requests are
//!   [`Lost`](SubmitError::Lost) and the next call begins.
//! - **Nothing is left behind.** A key without requests and calls has no entry.
//!
//! # Cost
//!
//! A request costs the same however many are pending. One lock protects the pending requests of the
//! process. It is held for well below a microsecond at a time; nothing is woken, executed or
//! dropped under it.

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
