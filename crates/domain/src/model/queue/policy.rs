//! The policy of a queue: what its operator sets, and which values are valid.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Invalid, planned};

/// The limit of a queue like that of an amusement park: at most `admit` users per window of
/// `interval`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throughput {
    /// Number of users per window, 1 or more.
    pub admit: u32,
    /// Length of a window, from 100 ms to one hour.
    pub interval: Duration,
}

/// The limit of a queue like that of a bank counter: at most `max_active` active places at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Number of places that may be active at once, 1 or more.
    pub max_active: u32,
}

/// The state that an operator sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PolicyState {
    /// Users join, wait and are admitted.
    #[default]
    Open,
    /// Users join and wait. No user is admitted.
    Paused,
    /// The limits are off: waiting users are admitted in chunks. The gate still requires a token.
    Bypass,
    /// Joins are refused and no user is admitted. Active places run until their deadlines.
    Closed,
}

impl PolicyState {
    /// The name of the state in the API, in audit notes and in digests.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Bypass => "bypass",
            Self::Closed => "closed",
        }
    }
}

/// The policy of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePolicy {
    /// The state that an operator has set.
    pub state: PolicyState,
    /// Before this instant no user is admitted. Users may join and wait.
    pub opens_at: Option<Timestamp>,
    /// The limit on admissions per window. At least one of this and `capacity` is set.
    pub throughput: Option<Throughput>,
    /// The limit on active places at once.
    pub capacity: Option<Capacity>,
    /// A waiting place expires after this time without a heartbeat.
    pub waiting_ttl: Duration,
    /// An active place expires if it is not claimed within this time after its admission.
    pub claim_ttl: Duration,
    /// An active place expires this long after it was claimed.
    pub active_ttl: Duration,
    /// Joins are refused while this many users wait. None stands for no limit.
    pub max_waiting: Option<u64>,
    /// A waiting user is absent after this time without a heartbeat. None stands for the default:
    /// [`QueuePolicy::absence`].
    pub absent_after: Option<Duration>,
}

/// The version of a policy, which decides which of two copies is newer: microseconds since 1970,
/// but always at least one more than any version before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyVersion(pub i64);

impl PolicyVersion {
    /// The version of a change made at `now` after `previous`.
    #[must_use]
    pub fn after(previous: Self, now: Timestamp) -> Self {
        Self(now.as_microsecond().max(previous.0 + 1))
    }

    /// The version of the first policy of a queue made at `now`.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self(now.as_microsecond())
    }
}

/// A policy and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionedPolicy {
    /// The policy.
    pub policy: QueuePolicy,
    /// Its version.
    pub version: PolicyVersion,
}

/// Limits on policies that follow from the configuration of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRules {
    /// The longest pause between two look-ups that an answer asks for. A place must outlive four of
    /// them, so that one lost request does not end it.
    pub longest_poll: Duration,
}

impl Default for QueuePolicy {
    /// Open, with 500 users per 3 s.
    fn default() -> Self {
        Self {
            state: PolicyState::Open,
            opens_at: None,
            throughput: Some(Throughput {
                admit: 500,
                interval: Duration::from_secs(3),
            }),
            capacity: None,
            waiting_ttl: Duration::from_mins(5),
            claim_ttl: Duration::from_mins(2),
            active_ttl: Duration::from_mins(10),
            max_waiting: None,
            absent_after: None,
        }
    }
}

impl QueuePolicy {
    /// The range of the length of an admission window.
    pub const INTERVALS: std::ops::RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_hours(1);

    /// The largest value of `waiting_ttl`, `claim_ttl` and `active_ttl`.
    pub const MAX_TTL: Duration = Duration::from_hours(24);

    /// The default time without a heartbeat after which a waiting user is absent.
    pub const ABSENT_AFTER: Duration = Duration::from_secs(45);

    /// Number of longest polls that fit into the time until a user is absent, so that two lost
    /// requests cost no turn.
    const POLLS_UNTIL_ABSENT: u32 = 3;

    /// The highest `max_waiting`: 2^53 − 1, the largest whole number that every JSON reader keeps
    /// exactly.
    pub const MAX_WAITING: u64 = 9_007_199_254_740_991;

    /// The policy of a queue for which an operator has set nothing. If polls may be so long that
    /// the default [absence](Self::absence) is less than three of them, it sets a longer one.
    #[must_use]
    pub fn usual(rules: &PolicyRules) -> Self {
        let shortest = rules.longest_poll * Self::POLLS_UNTIL_ABSENT;
        Self {
            absent_after: Some(shortest).filter(|shortest| *shortest > Self::ABSENT_AFTER),
            ..Self::default()
        }
    }

    /// Returns the time without a heartbeat after which a user whose turn comes is absent and
    /// stands aside. None if users do not stand aside, because the default is more than half of a
    /// short `waiting_ttl`.
    #[must_use]
    pub fn absence(&self) -> Option<Duration> {
        let usual = Some(Self::ABSENT_AFTER).filter(|usual| *usual <= self.waiting_ttl / 2);
        self.absent_after.or(usual)
    }

    /// Returns the last near position: its turn comes within twice the [absence](Self::absence) if
    /// no user ahead leaves. It is the number of users whom the throughput admits until then, or
    /// twice the capacity if there is no throughput. 0 if users do not stand aside.
    #[must_use]
    pub fn near_positions(&self) -> u64 {
        let Some(absence) = self.absence() else {
            return 0;
        };
        let in_time = self.throughput.map(|throughput| {
            let windows = (2 * absence).as_micros() / throughput.interval.as_micros().max(1);
            // Plus the running window, and the one that has begun when the time is over.
            let windows = u64::try_from(windows).unwrap_or(u64::MAX).saturating_add(2);
            windows.saturating_mul(throughput.admit.into())
        });
        let by_capacity = self
            .capacity
            .map(|capacity| 2 * u64::from(capacity.max_active));
        in_time.or(by_capacity).unwrap_or(u64::MAX)
    }

    /// Returns all faults of this policy, each as the name of the field and the reason. Empty if
    /// the policy is valid.
    #[must_use]
    pub fn faults(&self, rules: &PolicyRules) -> Vec<(&'static str, Invalid)> {
        let mut faults = Vec::new();
        let mut fault = |field, why: String| faults.push((field, Invalid(why)));
        if self.throughput.is_none() && self.capacity.is_none() {
            fault(
                "throughput",
                "set throughput, capacity or both; to admit all users, use the state bypass".into(),
            );
        }
        if let Some(throughput) = self.throughput {
            if throughput.admit == 0 {
                fault(
                    "throughput.admit",
                    "at least 1; to stop, use the state paused".into(),
                );
            }
            if !Self::INTERVALS.contains(&throughput.interval) {
                fault("throughput.interval_s", "from 0.1 to 3600 seconds".into());
            }
        }
        if self
            .capacity
            .is_some_and(|capacity| capacity.max_active == 0)
        {
            fault(
                "capacity.max_active",
                "at least 1; to stop, use the state paused".into(),
            );
        }
        if let Some(Err(why)) = self.opens_at.map(planned) {
            fault("opens_at", why.0);
        }
        if self.max_waiting.is_some_and(|max| max > Self::MAX_WAITING) {
            fault("max_waiting", format!("at most {}", Self::MAX_WAITING));
        }
        let shortest = rules.longest_poll * Self::POLLS_UNTIL_ABSENT;
        if let Some(absence) = self.absent_after
            && (absence < shortest || absence > self.waiting_ttl / 2)
        {
            let shortest = shortest.as_secs_f64();
            let why = format!(
                "at least {shortest} seconds, three longest polls, and at most half of waiting_ttl_s"
            );
            fault("absent_after_s", why);
        }
        let shortest = rules.longest_poll * 4;
        for (field, ttl, polled) in [
            ("waiting_ttl_s", self.waiting_ttl, true),
            ("claim_ttl_s", self.claim_ttl, true),
            ("active_ttl_s", self.active_ttl, false),
        ] {
            if ttl.is_zero() || ttl > Self::MAX_TTL {
                fault(field, "more than 0 and at most 86400 seconds".into());
            } else if polled && ttl < shortest {
                fault(
                    field,
                    format!(
                        "at least {} seconds: four times the longest poll",
                        shortest.as_secs_f64()
                    ),
                );
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PolicyRules = PolicyRules {
        longest_poll: Duration::from_secs(15),
    };

    fn fields(policy: &QueuePolicy) -> Vec<&'static str> {
        policy
            .faults(&RULES)
            .into_iter()
            .map(|(field, _)| field)
            .collect()
    }

    #[test]
    fn the_default_policy_is_valid() {
        assert_eq!(fields(&QueuePolicy::default()), Vec::<&str>::new());
    }

    #[test]
    fn every_fault_is_named() {
        let policy = QueuePolicy {
            state: PolicyState::Open,
            throughput: Some(Throughput {
                admit: 0,
                interval: Duration::ZERO,
            }),
            capacity: Some(Capacity { max_active: 0 }),
            opens_at: Some(Timestamp::MIN),
            max_waiting: Some(u64::MAX),
            waiting_ttl: Duration::from_secs(59),
            claim_ttl: Duration::from_secs(59),
            active_ttl: Duration::ZERO,
            absent_after: Some(Duration::from_secs(30)),
        };
        assert_eq!(
            fields(&policy),
            [
                "throughput.admit",
                "throughput.interval_s",
                "capacity.max_active",
                "opens_at",
                "max_waiting",
                "absent_after_s",
                "waiting_ttl_s",
                "claim_ttl_s",
                "active_ttl_s",
            ]
        );
    }

    #[test]
    fn users_are_absent_after_three_polls_and_well_before_their_place_ends() {
        // `waiting_ttl`, `absent_after` and the resulting absence, in seconds, and whether the
        // policy is valid.
        let seconds = Duration::from_secs;
        for (ttl, given, absence, is_good) in [
            (300, None, Some(45), true),
            (90, None, Some(45), true),
            (89, None, None, true),
            (90, Some(45), Some(45), true),
            (89, Some(45), Some(45), false),
            (300, Some(44), Some(44), false),
            (300, Some(150), Some(150), true),
            (300, Some(151), Some(151), false),
        ] {
            let policy = QueuePolicy {
                waiting_ttl: seconds(ttl),
                absent_after: given.map(seconds),
                ..QueuePolicy::default()
            };
            assert_eq!(policy.absence(), absence.map(seconds), "{ttl} {given:?}");
            assert_eq!(fields(&policy).is_empty(), is_good, "{ttl} {given:?}");
        }
    }

    /// The default absence would be less than three polls. An existing policy with it stays valid.
    #[test]
    fn where_polls_are_long_a_new_policy_sets_a_longer_absence() {
        let rules = PolicyRules {
            longest_poll: Duration::from_secs(20),
        };
        assert_eq!(QueuePolicy::default().faults(&rules), []);
        let usual = QueuePolicy::usual(&rules);
        assert_eq!(usual.absent_after, Some(Duration::from_mins(1)));
        assert_eq!(usual.faults(&rules), []);
        assert_eq!(QueuePolicy::usual(&RULES), QueuePolicy::default());
    }

    #[test]
    fn near_positions_may_be_admitted_within_twice_the_absence() {
        let by_time = QueuePolicy::default();
        assert_eq!(by_time.near_positions(), 32 * 500);
        let by_capacity = QueuePolicy {
            throughput: None,
            capacity: Some(Capacity { max_active: 100 }),
            ..QueuePolicy::default()
        };
        assert_eq!(by_capacity.near_positions(), 200);
        let without_absence = QueuePolicy {
            waiting_ttl: Duration::from_mins(1),
            ..QueuePolicy::default()
        };
        assert_eq!(without_absence.near_positions(), 0);
    }

    #[test]
    fn a_queue_without_any_limit_is_refused() {
        let policy = QueuePolicy {
            throughput: None,
            ..QueuePolicy::default()
        };
        assert_eq!(fields(&policy), ["throughput"]);
    }

    #[test]
    fn versions_grow_even_when_the_clock_steps_back() {
        let now = Timestamp::from_microsecond(1_000).unwrap();
        let first = PolicyVersion::first(now);
        let second = PolicyVersion::after(first, Timestamp::from_microsecond(10).unwrap());
        assert!(second > first);
    }
}
