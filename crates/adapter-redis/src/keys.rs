//! Every key that the adapter uses.
//!
//! All keys of a queue contain its concert in braces. A cluster hashes only that part (the *hash
//! tag*), so they are in one slot, as the keys of a script must be. Different queues spread over
//! the slots. Keys that do not belong to one queue (the format, the list of busy queues, the
//! rankings and the leases to compute them) are never used in one script with a queue.

use frontrow_domain::model::{ConcertId, Period};
use jiff::Timestamp;

/// The number of keys of a queue.
pub(crate) const QUEUE_KEYS: usize = 9;

/// The names of a queue's keys, in the order in which scripts take them (`lua/parts/queue.lua`).
const QUEUE_PARTS: [&str; QUEUE_KEYS] = [
    "queue",
    "waiting",
    "heard",
    "active",
    "unclaimed",
    "places",
    "ended_at",
    "left",
    "returned",
];

/// The keys of one store.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// Returns keys that all begin with `prefix`.
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Returns all keys of the queue of `concert`, in the order in which scripts take them.
    pub(crate) fn queue(&self, concert: ConcertId) -> [String; QUEUE_KEYS] {
        QUEUE_PARTS.map(|part| format!("{}{{{concert}}}:{part}", self.prefix))
    }

    /// Returns the key of the hash with the terms, the state and the counters of the queue of
    /// `concert`: the first of its keys.
    pub(crate) fn queue_hash(&self, concert: ConcertId) -> String {
        let [hash, ..] = self.queue(concert);
        hash
    }

    /// Returns the key of the format number (`scripts::FORMAT`).
    pub(crate) fn format(&self) -> String {
        format!("{}format", self.prefix)
    }

    /// Returns the key of the list of busy queues: a sorted set of concerts.
    pub(crate) fn busy(&self) -> String {
        format!("{}busy", self.prefix)
    }

    /// Returns the key of the ranking of a period.
    pub(crate) fn ranking(&self, period: Period) -> String {
        format!("{}ranking:{}", self.prefix, period.as_str())
    }

    /// Returns the key of the lease for computing the ranking of a period that follows the one as
    /// of `after`. None if the period has no ranking yet.
    pub(crate) fn ranking_claim(&self, period: Period, after: Option<Timestamp>) -> String {
        let after = after.map_or(0, Timestamp::as_microsecond);
        format!("{}:claim:{after}", self.ranking(period))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;

    const CONCERT: ConcertId = ConcertId(Uuid::from_u128(0x0198_c0de_0000));

    #[test]
    fn every_key_is_unique_and_begins_with_the_prefix() {
        let keys = Keys::new("test:");
        let mut all: Vec<_> = keys.queue(CONCERT).into();
        all.extend([keys.busy(), keys.format()]);
        all.extend(Period::ALL.map(|period| keys.ranking(period)));
        for after in [None, Some(Timestamp::constant(1, 0))] {
            all.extend(Period::ALL.map(|period| keys.ranking_claim(period, after)));
        }
        assert!(all.iter().all(|key| key.starts_with("test:")), "{all:?}");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn the_keys_of_a_queue_share_its_hash_tag() {
        for key in Keys::new("a{b:").queue(CONCERT) {
            // Only what is between the first brace and the next closing one is hashed.
            assert!(key.contains(&format!("{{{CONCERT}}}")), "{key}");
        }
        assert_eq!(
            Keys::new("frontrow:").queue_hash(CONCERT),
            "frontrow:{00000000-0000-0000-0000-0198c0de0000}:queue"
        );
    }
}
