//! The shape of a queue policy.

use std::time::Duration;

use frontrow_domain::model::{
    micros,
    queue::{Capacity, QueuePolicy, Throughput},
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::fields::Change;
use crate::http::{json::Object, shapes::QueueState};

/// A duration in seconds. Whole seconds are written without a decimal point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.subsec_nanos() == 0 {
            serializer.serialize_u64(self.0.as_secs())
        } else {
            serializer.serialize_f64(self.0.as_secs_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        // Stores keep whole microseconds.
        let micros = (seconds * 1e6).round() / 1e6;
        Duration::try_from_secs_f64(micros)
            .map(Self)
            .map_err(|_| serde::de::Error::custom("must be a number of seconds from 0"))
    }
}

/// At most `admit` users in each window of `interval_s` seconds.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThroughputBody {
    #[schema(value_type = u64, minimum = 1, maximum = 4_294_967_295_u64)]
    admit: u32,
    #[schema(value_type = f64)]
    interval_s: Seconds,
}

/// At most `max_active` active users at once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CapacityBody {
    #[schema(value_type = u64, minimum = 1, maximum = 4_294_967_295_u64)]
    max_active: u32,
}

/// The policy of a queue.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PolicyBody {
    state: QueueState,
    #[schema(value_type = Option<String>, format = DateTime, required)]
    opens_at: Option<Timestamp>,
    #[schema(required)]
    throughput: Option<ThroughputBody>,
    #[schema(required)]
    capacity: Option<CapacityBody>,
    #[schema(value_type = f64)]
    waiting_ttl_s: Seconds,
    #[schema(value_type = f64)]
    claim_ttl_s: Seconds,
    #[schema(value_type = f64)]
    active_ttl_s: Seconds,
    #[schema(required)]
    max_waiting: Option<u64>,
    /// `null` means 45 seconds. If `waiting_ttl_s` is below 90, `null` means that no user stands
    /// aside.
    #[schema(value_type = Option<f64>, required)]
    absent_after_s: Option<Seconds>,
}

/// A change of a policy. Missing fields stay unchanged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyChange {
    #[serde(default)]
    #[schema(value_type = QueueState)]
    state: Change<QueueState>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    opens_at: Change<Option<Timestamp>>,
    #[serde(default)]
    #[schema(value_type = Option<ThroughputBody>)]
    throughput: Change<Option<Object<ThroughputBody>>>,
    #[serde(default)]
    #[schema(value_type = Option<CapacityBody>)]
    capacity: Change<Option<Object<CapacityBody>>>,
    #[serde(default)]
    #[schema(value_type = f64)]
    waiting_ttl_s: Change<Seconds>,
    #[serde(default)]
    #[schema(value_type = f64)]
    claim_ttl_s: Change<Seconds>,
    #[serde(default)]
    #[schema(value_type = f64)]
    active_ttl_s: Change<Seconds>,
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    max_waiting: Change<Option<u64>>,
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    absent_after_s: Change<Option<Seconds>>,
    /// Whether the queue may open after the last performance has started. It has no effect for a
    /// new concert, which has no performance yet.
    #[serde(default)]
    pub(crate) allow_past: bool,
}

impl PolicyChange {
    /// Applies the change to `policy`.
    pub(crate) fn apply(&self, policy: &mut QueuePolicy) {
        if let Change::To(state) = self.state {
            policy.state = state.into();
        }
        if let Change::To(opens_at) = self.opens_at {
            policy.opens_at = opens_at.map(micros);
        }
        if let Change::To(throughput) = &self.throughput {
            policy.throughput = throughput.as_ref().map(|Object(body)| Throughput {
                admit: body.admit,
                interval: body.interval_s.0,
            });
        }
        if let Change::To(capacity) = &self.capacity {
            policy.capacity = capacity.as_ref().map(|Object(body)| Capacity {
                max_active: body.max_active,
            });
        }
        for (ttl, change) in [
            (&mut policy.waiting_ttl, &self.waiting_ttl_s),
            (&mut policy.claim_ttl, &self.claim_ttl_s),
            (&mut policy.active_ttl, &self.active_ttl_s),
        ] {
            if let Change::To(Seconds(changed)) = change {
                *ttl = *changed;
            }
        }
        if let Change::To(max_waiting) = self.max_waiting {
            policy.max_waiting = max_waiting;
        }
        if let Change::To(absent_after) = &self.absent_after_s {
            policy.absent_after = absent_after.as_ref().map(|Seconds(after)| *after);
        }
    }
}

impl From<&QueuePolicy> for PolicyBody {
    fn from(policy: &QueuePolicy) -> Self {
        Self {
            state: policy.state.into(),
            opens_at: policy.opens_at,
            throughput: policy.throughput.map(|throughput| ThroughputBody {
                admit: throughput.admit,
                interval_s: Seconds(throughput.interval),
            }),
            capacity: policy.capacity.map(|capacity| CapacityBody {
                max_active: capacity.max_active,
            }),
            waiting_ttl_s: Seconds(policy.waiting_ttl),
            claim_ttl_s: Seconds(policy.claim_ttl),
            active_ttl_s: Seconds(policy.active_ttl),
            max_waiting: policy.max_waiting,
            absent_after_s: policy.absent_after.map(Seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;

    fn changed(change: serde_json::Value) -> QueuePolicy {
        let change: PolicyChange = serde_json::from_value(change).unwrap();
        let mut policy = QueuePolicy::default();
        change.apply(&mut policy);
        policy
    }

    #[test]
    fn a_missing_field_stays_unchanged_and_null_removes_a_limit() {
        assert_eq!(changed(json!({})), QueuePolicy::default());
        let policy = changed(json!({"throughput": null, "capacity": {"max_active": 3}}));
        assert_eq!(policy.throughput, None);
        assert_eq!(policy.capacity, Some(Capacity { max_active: 3 }));
        assert_eq!(policy.active_ttl, QueuePolicy::default().active_ttl);
    }

    #[test]
    fn seconds_may_have_fractions_but_no_sign() {
        let policy = changed(json!({"throughput": {"admit": 1, "interval_s": 0.25}}));
        assert_eq!(
            policy.throughput.unwrap().interval,
            Duration::from_millis(250)
        );
        for bad in [json!(-1), json!(1e300), json!("3")] {
            let change = json!({ "active_ttl_s": bad });
            assert!(serde_json::from_value::<PolicyChange>(change).is_err());
        }
    }

    #[test]
    fn the_shape_shows_every_field() {
        let shape = serde_json::to_value(PolicyBody::from(&QueuePolicy::default())).unwrap();
        assert_eq!(
            shape,
            json!({
                "state": "open", "opens_at": null,
                "throughput": {"admit": 500, "interval_s": 3}, "capacity": null,
                "waiting_ttl_s": 300, "claim_ttl_s": 120, "active_ttl_s": 600,
                "max_waiting": null, "absent_after_s": null,
            })
        );
    }

    #[test]
    fn the_document_states_the_range_of_numbers() {
        for (schema, name) in [
            (ThroughputBody::schema(), "admit"),
            (CapacityBody::schema(), "max_active"),
        ] {
            let number = &serde_json::to_value(schema).unwrap()["properties"][name];
            assert_eq!(number["minimum"], 1, "{name}");
            assert_eq!(number["maximum"], u32::MAX, "{name}");
            assert_ne!(number["format"], "int32", "{name}");
        }
    }
}
