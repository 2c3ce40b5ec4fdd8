//! What a queue goes by: its policy, and since when it is served.

use frontrow_domain::model::queue::{Lives, PolicyVersion, QueuePolicy, VersionedPolicy};
use jiff::Timestamp;

/// The policy in force and the record of the ticks.
#[derive(Debug)]
pub(super) struct Terms {
    current: VersionedPolicy,
    serving_since: Timestamp,
    last_tick: Timestamp,
}

impl Terms {
    /// The terms of a queue that is served from `now`.
    pub(super) fn new(policy: VersionedPolicy, now: Timestamp) -> Self {
        Self {
            current: policy,
            serving_since: now,
            last_tick: now,
        }
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> &QueuePolicy {
        &self.current.policy
    }

    /// Its version.
    pub(super) fn version(&self) -> PolicyVersion {
        self.current.version
    }

    /// Puts `policy` in force, if it is newer; true where it was.
    pub(super) fn take(&mut self, policy: &VersionedPolicy) -> bool {
        let newer = policy.version > self.current.version;
        if newer {
            self.current = policy.clone();
        }
        newer
    }

    /// How long places live at `now`.
    pub(super) fn lives(&self, now: Timestamp) -> Lives<'_> {
        Lives::at(now, self.policy(), self.serving_since, self.last_tick)
    }

    /// Records a tick.
    pub(super) fn tick(&mut self, now: Timestamp) {
        self.serving_since = self.lives(now).serving_since();
        self.last_tick = now;
    }
}
