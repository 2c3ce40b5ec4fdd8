//! The decision about a join.

use jiff::Timestamp;

use super::{Admission, JoinRefusal, QueueTerms};

/// The facts about a join, as of one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinFacts {
    /// True if the user has a place that has not expired.
    pub has_place: bool,
    /// True if the ticket that came with the request re-enters the line ([`QueueTerms::reenters`])
    /// and no place of the user has ended since the loss.
    pub reenters: bool,
    /// True if a user waits whose place has not expired.
    pub line: bool,
    /// Number of waiting users. It may include expired places that no tick has removed.
    pub waiting: u64,
    /// Number of active places without the expired ones.
    pub active: u64,
}

/// The outcome of a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinDecision {
    /// The user keeps the place that they have.
    Keep,
    /// The user re-enters the line at the arrival of their ticket.
    Reenter,
    /// The user becomes active at once.
    Admit,
    /// The user waits at the end of the line.
    Wait,
    /// The queue takes no new user now.
    Refuse(JoinRefusal),
}

impl JoinFacts {
    /// Decides a join at `now`. Counts an immediate admission in `admission`.
    ///
    /// The order of the rules:
    ///
    /// 1. A place that exists is kept, in every state.
    /// 2. A lost place re-enters, in every state.
    /// 3. The state may refuse.
    /// 4. A user who finds no line is admitted if there is room.
    /// 5. The line may be full.
    pub fn decide(
        &self,
        terms: &QueueTerms,
        admission: &mut Admission,
        now: Timestamp,
    ) -> JoinDecision {
        if self.has_place {
            return JoinDecision::Keep;
        }
        if self.reenters {
            return JoinDecision::Reenter;
        }
        let state = terms.state(now);
        if let Some(refusal) = state.refuses_joins() {
            return JoinDecision::Refuse(refusal);
        }
        // Computes the room only if no user waits: that is an attempt to admit a user, which starts
        // the first window.
        if !self.line && admission.room(state, terms.policy(), self.active, now) > 0 {
            admission.record(state, terms.policy(), 1);
            return JoinDecision::Admit;
        }
        let full = terms.policy().max_waiting;
        if full.is_some_and(|most| self.waiting >= most) {
            return JoinDecision::Refuse(JoinRefusal::Full);
        }
        JoinDecision::Wait
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::queue::{
        Capacity, Generation, PolicyState, PolicyVersion, QueuePolicy, Recovery, SaleCount,
        SaleState, Throughput, VersionedPolicy,
    };

    const NEW_USER: JoinFacts = JoinFacts {
        has_place: false,
        reenters: false,
        line: false,
        waiting: 0,
        active: 0,
    };
    const IN_LINE: JoinFacts = JoinFacts {
        line: true,
        waiting: 3,
        ..NEW_USER
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn terms(state: PolicyState) -> QueueTerms {
        let policy = QueuePolicy {
            state,
            throughput: Some(Throughput {
                admit: 2,
                interval: Duration::from_secs(10),
            }),
            capacity: Some(Capacity { max_active: 5 }),
            max_waiting: Some(4),
            ..QueuePolicy::default()
        };
        let policy = VersionedPolicy {
            policy,
            version: PolicyVersion(1),
        };
        QueueTerms::new(policy, Generation(1), None, None, at(0))
    }

    fn decide(facts: JoinFacts, terms: &QueueTerms) -> JoinDecision {
        facts.decide(terms, &mut Admission::default(), at(1))
    }

    #[test]
    fn every_state_decides_about_a_new_user() {
        use JoinDecision::{Admit, Refuse, Wait};
        let with_sale = |sale| QueueTerms {
            sale: SaleCount {
                sale,
                counted_at: at(0),
            },
            ..terms(PolicyState::Open)
        };
        let recovering = QueueTerms::new(
            terms(PolicyState::Bypass).policy,
            Generation(1),
            Some(Recovery::lasting(Duration::from_mins(1))),
            None,
            at(0),
        );
        for (terms, alone, in_line) in [
            (terms(PolicyState::Open), Admit, Wait),
            (terms(PolicyState::Bypass), Admit, Wait),
            (terms(PolicyState::Paused), Wait, Wait),
            (recovering, Wait, Wait),
            (
                terms(PolicyState::Closed),
                Refuse(JoinRefusal::Closed),
                Refuse(JoinRefusal::Closed),
            ),
            (
                with_sale(SaleState::SoldOut),
                Refuse(JoinRefusal::SoldOut),
                Refuse(JoinRefusal::SoldOut),
            ),
            (
                with_sale(SaleState::Ended),
                Refuse(JoinRefusal::Ended),
                Refuse(JoinRefusal::Ended),
            ),
            (with_sale(SaleState::Unplanned), Wait, Wait),
        ] {
            assert_eq!(decide(NEW_USER, &terms), alone, "{terms:?}");
            assert_eq!(decide(IN_LINE, &terms), in_line, "{terms:?}");
        }
    }

    #[test]
    fn a_place_is_kept_and_a_lost_one_reenters_in_every_state() {
        for state in [
            PolicyState::Open,
            PolicyState::Paused,
            PolicyState::Bypass,
            PolicyState::Closed,
        ] {
            let has_place = JoinFacts {
                has_place: true,
                reenters: true,
                waiting: 4,
                ..IN_LINE
            };
            assert_eq!(decide(has_place, &terms(state)), JoinDecision::Keep);
            let reenters = JoinFacts {
                has_place: false,
                ..has_place
            };
            assert_eq!(decide(reenters, &terms(state)), JoinDecision::Reenter);
        }
    }

    #[test]
    fn a_full_line_refuses_only_users_who_would_wait() {
        let full = JoinFacts {
            waiting: 4,
            ..IN_LINE
        };
        let refused = JoinDecision::Refuse(JoinRefusal::Full);
        assert_eq!(decide(full, &terms(PolicyState::Open)), refused);
        assert_eq!(decide(full, &terms(PolicyState::Paused)), refused);
        // Expired places are counted until a tick removes them. They do not prevent an admission.
        let over = JoinFacts {
            line: false,
            ..full
        };
        assert_eq!(decide(over, &terms(PolicyState::Open)), JoinDecision::Admit);
    }

    #[test]
    fn immediate_admissions_count_and_capacity_limits_them() {
        let mut admission = Admission::default();
        let terms = terms(PolicyState::Open);
        for expected in [JoinDecision::Admit, JoinDecision::Admit, JoinDecision::Wait] {
            assert_eq!(NEW_USER.decide(&terms, &mut admission, at(1)), expected);
        }
        let at_capacity = JoinFacts {
            active: 5,
            ..NEW_USER
        };
        assert_eq!(decide(at_capacity, &terms), JoinDecision::Wait);
    }

    #[test]
    fn a_line_starts_no_window() {
        let mut admission = Admission::default();
        IN_LINE.decide(&terms(PolicyState::Open), &mut admission, at(1));
        assert_eq!(admission, Admission::default());
    }
}
