//! Policies for tests.
//!
//! Windows last an hour, so that real time does not end one during a test. Lifetimes are short, so
//! that a test that shifts the clock of a store needs few ticks.

use std::time::Duration;

use frontrow_domain::model::queue::{Capacity, PolicyState, QueuePolicy, Throughput};

/// How long a user may wait without a heartbeat. Contracts leave 20 s and more to both sides.
pub const WAITING_TTL: Duration = Duration::from_mins(1);
/// How long a user may leave an admission unclaimed.
pub const CLAIM_TTL: Duration = Duration::from_mins(1);
/// The lifetime of a claimed place.
pub const ACTIVE_TTL: Duration = Duration::from_mins(10);

/// Returns a policy that admits `admit` users an hour.
#[must_use]
pub fn throughput(admit: u32) -> QueuePolicy {
    QueuePolicy {
        state: PolicyState::Open,
        opens_at: None,
        throughput: Some(Throughput {
            admit,
            interval: Duration::from_hours(1),
        }),
        capacity: None,
        waiting_ttl: WAITING_TTL,
        claim_ttl: CLAIM_TTL,
        active_ttl: ACTIVE_TTL,
        max_waiting: None,
        // No user stands aside: the place expires first.
        absent_after: Some(WAITING_TTL),
    }
}

/// Returns a policy with at most `max_active` active users, and without a throughput.
#[must_use]
pub fn capacity(max_active: u32) -> QueuePolicy {
    QueuePolicy {
        throughput: None,
        capacity: Some(Capacity { max_active }),
        ..throughput(1)
    }
}

/// Returns a policy under which every user waits.
#[must_use]
pub fn paused() -> QueuePolicy {
    in_state(PolicyState::Paused)
}

/// Returns a policy under which every user is admitted.
#[must_use]
pub fn bypass() -> QueuePolicy {
    in_state(PolicyState::Bypass)
}

/// Returns a policy in this state, with a rate that no test reaches.
#[must_use]
pub fn in_state(state: PolicyState) -> QueuePolicy {
    QueuePolicy {
        state,
        ..throughput(1_000)
    }
}
