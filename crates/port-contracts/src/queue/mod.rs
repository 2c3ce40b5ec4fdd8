//! The contracts of a queue: one file for each subject, one function for each promise.
//!
//! [`queue_contracts!`](crate::queue_contracts) makes a test of each of them. Real time goes on
//! while a contract runs, so spans are chosen such that a few seconds more change nothing. Where a
//! deadline matters, the queue is ticked as often as a running service would tick it. If the
//! machine stands still for so long that the queue counts as out of service, the instants of the
//! answers show it. The contract then does not check what would have expired otherwise.

pub mod active_ends;
pub mod aside;
pub mod at_once;
pub mod between;
pub mod capacity;
pub mod control;
pub mod departures;
pub mod heartbeats;
pub mod last_writes;
pub mod line;
pub mod loss;
pub mod one_place;
pub mod order;
pub mod peeks;
pub mod position;
pub mod rate;
pub mod reentry;
pub mod served;
pub mod service;
pub mod states;
pub mod ticks;
pub mod unknown;
pub mod waiting_ends;
pub mod windows;

mod calls;
mod contract_queue;
mod crowd;

pub(crate) use contract_queue::{ContractQueue, RECOVERY};
pub(crate) use crowd::{crowd, in_order_of_arrival};
use frontrow_domain::model::queue::GatePurpose;

use crate::{Fixture, QueuePorts};

/// A fixture of a queue's store.
pub trait QueueFixture: Fixture<Ports = QueuePorts> {}

impl<F: Fixture<Ports = QueuePorts>> QueueFixture for F {}

/// A limit that no tick of a contract reaches.
pub(crate) const ALL: u32 = 10_000;

/// Returns a span of `count` minutes.
pub(crate) fn minutes(count: u64) -> std::time::Duration {
    std::time::Duration::from_mins(count)
}

/// Returns a span of `count` seconds.
pub(crate) fn seconds(count: u64) -> std::time::Duration {
    std::time::Duration::from_secs(count)
}

/// Returns the purpose of holding seats for `count` seconds.
pub(crate) fn hold_for(count: u64) -> GatePurpose {
    GatePurpose::Hold {
        hold_for: seconds(count),
    }
}
