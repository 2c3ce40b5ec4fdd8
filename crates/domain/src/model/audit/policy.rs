//! The policy of a queue as an audit note stores it.

use jiff::Timestamp;
use serde::Serialize;

use super::Change;
use crate::model::queue::VersionedPolicy;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    absent_after_s: Option<f64>,
    active_ttl_s: f64,
    capacity: Option<Capacity>,
    claim_ttl_s: f64,
    max_waiting: Option<u64>,
    opens_at: Option<Timestamp>,
    state: &'static str,
    throughput: Option<Throughput>,
    version: i64,
    waiting_ttl_s: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Capacity {
    max_active: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Throughput {
    admit: u32,
    interval_s: f64,
}

impl From<&VersionedPolicy> for Policy {
    fn from(VersionedPolicy { policy, version }: &VersionedPolicy) -> Self {
        Self {
            absent_after_s: policy.absent_after.map(|after| after.as_secs_f64()),
            active_ttl_s: policy.active_ttl.as_secs_f64(),
            capacity: policy.capacity.map(|capacity| Capacity {
                max_active: capacity.max_active,
            }),
            claim_ttl_s: policy.claim_ttl.as_secs_f64(),
            max_waiting: policy.max_waiting,
            opens_at: policy.opens_at,
            state: policy.state.as_str(),
            throughput: policy.throughput.map(|throughput| Throughput {
                admit: throughput.admit,
                interval_s: throughput.interval.as_secs_f64(),
            }),
            version: version.0,
            waiting_ttl_s: policy.waiting_ttl.as_secs_f64(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct PolicyChanges {
    #[serde(skip_serializing_if = "Option::is_none")]
    absent_after_s: Option<Change<Option<f64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_ttl_s: Option<Change<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Change<Option<Capacity>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_ttl_s: Option<Change<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_waiting: Option<Change<Option<u64>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_at: Option<Change<Option<Timestamp>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Change<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throughput: Option<Change<Option<Throughput>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<Change<i64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_ttl_s: Option<Change<f64>>,
}

impl PolicyChanges {
    pub(super) fn between(from: Policy, to: Policy) -> Self {
        Self {
            absent_after_s: Change::between(from.absent_after_s, to.absent_after_s),
            active_ttl_s: Change::between(from.active_ttl_s, to.active_ttl_s),
            capacity: Change::between(from.capacity, to.capacity),
            claim_ttl_s: Change::between(from.claim_ttl_s, to.claim_ttl_s),
            max_waiting: Change::between(from.max_waiting, to.max_waiting),
            opens_at: Change::between(from.opens_at, to.opens_at),
            state: Change::between(from.state, to.state),
            throughput: Change::between(from.throughput, to.throughput),
            version: Change::between(from.version, to.version),
            waiting_ttl_s: Change::between(from.waiting_ttl_s, to.waiting_ttl_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::queue::{PolicyState, PolicyVersion, QueuePolicy};

    #[test]
    fn only_the_fields_that_an_operator_changed_are_listed() {
        let before = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let mut after = before.clone();
        after.version = PolicyVersion(2);
        after.policy.state = PolicyState::Paused;
        let changes = PolicyChanges::between((&before).into(), (&after).into());
        let expected = PolicyChanges {
            state: Change::between("open", "paused"),
            version: Change::between(1, 2),
            ..PolicyChanges::between((&before).into(), (&before).into())
        };
        assert_eq!(changes, expected);
        assert_eq!(changes.throughput, None);
    }
}
