//! The replaced words, and where they stay.

/// A word that is not used any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaced {
    /// In lower case, words separated by spaces.
    pub(super) phrase: &'static str,
    /// What is written instead.
    pub(super) instead: &'static str,
    pub(super) exceptions: &'static [Exception],
}

/// A file in which a word stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exception {
    /// From the root of the repository.
    pub(super) path: &'static str,
    /// Why it stays there.
    pub(super) reason: &'static str,
}

impl Exception {
    pub(super) fn is_for(&self, path: &str) -> bool {
        self.path == path
    }
}

const THIS: Exception = Exception {
    path: "crates/xtask/src/words/list.rs",
    reason: "it has the list",
};
const TESTS: Exception = Exception {
    path: "crates/xtask/src/words/mod.rs",
    reason: "its tests need an example",
};
const fn word(
    phrase: &'static str,
    instead: &'static str,
    exceptions: &'static [Exception],
) -> Replaced {
    Replaced {
        phrase,
        instead,
        exceptions,
    }
}

pub(super) const REPLACED: &[Replaced] = &[
    word("sign of life", "heartbeat", &[THIS, TESTS]),
    word("signs of life", "heartbeats", &[THIS]),
    word("heard of", "last heartbeat, record a heartbeat", &[THIS]),
    word("sighting", "cached place", &[THIS, TESTS]),
    word("sightings", "cached places", &[THIS]),
    word("shared look", "snapshot queue, SnapshotQueue", &[THIS]),
    word("queue board", "queue statuses, QueueStatuses", &[THIS]),
    word("mishap", "fault", &[THIS]),
    word("mishaps", "faults", &[THIS]),
    word("yardstick", "baseline", &[THIS]),
    word("turnstile", "statement gate", &[THIS]),
    word("ambush", "interleave", &[THIS]),
    word("how manieth", "number, counted from 0", &[THIS]),
    word("somebody", "a user, a caller", &[THIS]),
    word("anybody", "any user, any caller", &[THIS]),
    word("whoever", "the user who, the caller that", &[THIS]),
    word("so many", "the number itself", &[THIS]),
    word("anew", "again", &[THIS]),
];
