//! The effect of jobs' and operators' calls on a queue.

use frontrow_domain::{
    model::queue::{EffectiveState, HeadDecision, QueueSeed, SaleCount},
    ports::{SeedOutcome, TickReport},
};
use jiff::Timestamp;

use super::state::QueueState;

impl QueueState {
    /// Maximum number of absent users who stand aside in one call.
    const PASSED_MAX: u32 = 2_000;

    /// Admits at most `limit` users from the head of the line, as state and policy allow. Also
    /// removes at most `limit` expired places from the head, and makes absent users stand aside.
    pub(super) fn admit(&mut self, limit: u32, now: Timestamp) -> TickReport {
        self.terms.find_losses(None, now);
        self.terms.tick(now);
        let (waiting, _) = self.counts(now);
        let state = self.terms.state(now);
        // In *bypass* users who stand aside are admitted too.
        let with_aside = state == EffectiveState::Bypass;
        let deadlines = self.terms.deadlines(now);
        if waiting == 0 || !(with_aside || self.waiting.has_line(&deadlines, now)) {
            return self.report(0, false, now);
        }
        let active = self.occupied(now);
        let room = self.admission.room(state, self.terms.policy(), active, now);
        let (mut admitted, mut removed, mut passed) = (0, 0, 0);
        while admitted < limit
            && removed < limit
            && passed < Self::PASSED_MAX
            && u64::from(admitted) < room
        {
            let Some((arrival, user, heartbeat)) = self.waiting.head(with_aside) else {
                break;
            };
            match HeadDecision::of(heartbeat, &self.terms.deadlines(now), state, now) {
                HeadDecision::Remove => {
                    self.remove(&user, now);
                    removed += 1;
                    continue;
                }
                HeadDecision::StandAside => {
                    self.waiting.stand_aside(&user);
                    passed += 1;
                }
                HeadDecision::Admit => {
                    // The user becomes active before they leave the line.
                    self.active.admit(user.clone(), arrival, now);
                    self.waiting.remove(&user);
                    admitted += 1;
                }
            }
            self.passed_to = self.passed_to.max(Some(arrival));
        }
        self.admission.record(state, self.terms.policy(), admitted);
        self.departed += u64::from(admitted);
        self.admitted += u64::from(admitted);
        let more = u64::from(admitted) < room
            && waiting > u64::from(admitted)
            && self.waiting.head(with_aside).is_some();
        self.report(admitted, more, now)
    }

    /// Removes at most `limit` expired places, and at most `limit` remembered ends that are no
    /// longer needed.
    pub(super) fn expire(&mut self, limit: u32, now: Timestamp) -> TickReport {
        self.terms.find_losses(None, now);
        self.terms.tick(now);
        let mut removed = 0;
        let more = loop {
            let deadlines = self.terms.deadlines(now);
            let over = self
                .waiting
                .past_end(&deadlines, now)
                .or_else(|| self.active.past_end(&deadlines, now));
            match over {
                None => break false,
                Some(_) if removed == limit => break true,
                Some(user) => self.remove(&user, now),
            }
            removed += 1;
        };
        let forgotten = self.forget_ends(limit, now);
        self.report(removed, more || !forgotten, now)
    }

    /// Removes at most `limit` remembered ends once no user can re-enter. Returns true if none is
    /// left that is no longer needed.
    fn forget_ends(&mut self, limit: u32, now: Timestamp) -> bool {
        if self.terms.accepts_reentry(now) {
            return true;
        }
        for _ in 0..limit {
            if self.ended.pop_first().is_none() {
                break;
            }
        }
        self.ended.is_empty()
    }

    /// Puts the policy of `seed` in force, if it is newer.
    pub(super) fn reseed(&mut self, seed: &QueueSeed, now: Timestamp) -> SeedOutcome {
        if !self.terms.take(&seed.policy) {
            return SeedOutcome::HasNewer(self.terms.version());
        }
        self.admission.change(self.terms.policy(), now);
        SeedOutcome::Taken { recovering: false }
    }

    /// Records a count of the seats, unless a newer one is known.
    pub(super) fn set_sale(&mut self, count: SaleCount) {
        if let Some(newer) = self.terms.sale.newer(count) {
            self.terms.sale = newer;
        }
    }

    fn report(&self, done: u32, more: bool, now: Timestamp) -> TickReport {
        let (waiting, active) = self.counts(now);
        let throughput = self.terms.policy().throughput;
        TickReport {
            done,
            more,
            waiting,
            aside: self.waiting.aside() as u64,
            active,
            departed: self.departed,
            admitted: self.admitted,
            policy_version: self.terms.version(),
            throughput,
            window: self.admission.window.filter(|_| throughput.is_some()),
            queue: self.terms.view(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use frontrow_domain::{
        model::{
            ConcertId, UserId,
            queue::{
                Arrival, Generation, PolicyState, PolicyVersion, QueuePolicy, Recovery, Ticket,
                VersionedPolicy,
            },
        },
        ports::{JoinOutcome, LeaveOutcome, LookUpOutcome},
    };
    use uuid::Uuid;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn user(number: u32) -> UserId {
        UserId::try_from(format!("user-{number}").as_str()).unwrap()
    }

    /// Returns a paused queue, created at second 0.
    fn paused(recovery: Option<Recovery>) -> QueueState {
        let policy = QueuePolicy {
            state: PolicyState::Paused,
            ..QueuePolicy::default()
        };
        let seed = QueueSeed {
            concert: ConcertId(Uuid::nil()),
            policy: VersionedPolicy {
                policy,
                version: PolicyVersion(1),
            },
            generation: Generation(7),
            recovery,
        };
        QueueState::new(&seed, at(0))
    }

    fn joined(queue: &mut QueueState, number: u32, second: i64) -> Ticket {
        match queue.join(&user(number), None, at(second)) {
            JoinOutcome::Joined(place) | JoinOutcome::Held(place) => place.ticket,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn expired_places_are_removed_in_chunks_and_do_not_count_meanwhile() {
        let mut queue = paused(None);
        for number in 0..10 {
            joined(&mut queue, number, 0);
        }
        let last = joined(&mut queue, 10, 100);
        for second in (0..300).step_by(5) {
            queue.expire(0, at(second));
        }
        let report = queue.expire(4, at(300));
        assert_eq!((report.done, report.more, report.waiting), (4, true, 1));
        // A request neither removes them nor waits for their removal.
        assert!(matches!(
            queue.look_up(&last, at(300)),
            LookUpOutcome::Found(_)
        ));
        assert_eq!(queue.waiting.len(), 7);
        let report = queue.expire(5, at(300));
        assert_eq!((report.done, report.more), (5, true));
        let report = queue.expire(5, at(300));
        assert_eq!((report.done, report.more), (1, false));
        assert_eq!((queue.waiting.len(), queue.departed), (1, 10));
    }

    #[test]
    fn an_outage_ends_no_place() {
        let mut queue = paused(None);
        let ticket = joined(&mut queue, 1, 0);
        assert!(!queue.expire(9, at(10_000)).more);
        assert!(matches!(
            queue.look_up(&ticket, at(10_000)),
            LookUpOutcome::Found(_)
        ));
    }

    #[test]
    fn remembered_ends_are_removed_after_the_reentry_period() {
        let mut queue = paused(Some(Recovery::lasting(Duration::from_mins(1))));
        for number in 0..10 {
            let ticket = joined(&mut queue, number, 1);
            assert_eq!(queue.leave(&ticket, at(1)), LeaveOutcome::Left);
        }
        let old = Ticket {
            generation: Generation(6),
            arrival: Arrival::from_micros(5),
            ..joined(&mut queue, 20, 1)
        };
        let returned = Ticket {
            user: user(30),
            ..old.clone()
        };
        let ended = Ticket {
            user: user(3),
            ..old
        };
        assert_eq!(queue.look_up(&ended, at(2)), LookUpOutcome::Gone);
        assert!(matches!(
            queue.look_up(&returned, at(359)),
            LookUpOutcome::Found(_)
        ));
        assert!(queue.expire(5, at(360)).more);
        assert!(!queue.expire(9, at(360)).more);
        assert!(queue.ended.is_empty());
        let late = Ticket {
            user: user(31),
            ..returned
        };
        assert_eq!(queue.look_up(&late, at(360)), LookUpOutcome::Gone);
        // The re-entry period stays over when the clock steps back.
        assert_eq!(queue.look_up(&late, at(300)), LookUpOutcome::Gone);
    }
}
