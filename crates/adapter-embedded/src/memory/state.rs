//! One queue, and what can be done with it.
//!
//! Everything here is told what time it is and touches nothing outside. What people do is in
//! `visits.rs`, what the jobs do in `moves.rs`.

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{Arrival, EffectiveState, Generation, Place, QueueSeed, QueueView, Standing, Ticket},
};
use jiff::Timestamp;

use super::{
    active::Active, admission::Admission, leavers::Leavers, recovery::Return, terms::Terms,
    waiting::Waiting,
};

/// A queue.
///
/// Its operations expect it to be *settled* at the instant that they are given: see
/// [`QueueState::settle`].
#[derive(Debug)]
pub(super) struct QueueState {
    pub(super) concert: ConcertId,
    pub(super) generation: Generation,
    pub(super) terms: Terms,
    pub(super) sold_out: bool,
    /// The latest arrival that was given out or, after a loss, taken back.
    pub(super) last_arrival: Option<Arrival>,
    pub(super) admission: Admission,
    pub(super) waiting: Waiting,
    pub(super) active: Active,
    /// How many have left the line.
    pub(super) departed: u64,
    /// How many of them were admitted.
    pub(super) admitted: u64,
    /// The latest arrival of those.
    pub(super) admitted_up_to: Option<Arrival>,
    /// Those of them who left by their own will.
    pub(super) leavers: Leavers,
    pub(super) comeback: Option<Return>,
}

/// What settling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// How many places it removed.
    pub(super) removed: u32,
    /// True when nothing is left that is past its end.
    pub(super) entirely: bool,
}

impl QueueState {
    /// The queue that `seed` describes, with nobody in it.
    pub(super) fn new(seed: &QueueSeed, now: Timestamp) -> Self {
        Self {
            concert: seed.concert,
            generation: seed.generation,
            terms: Terms::new(seed.policy.clone(), now),
            sold_out: false,
            last_arrival: None,
            admission: Admission::default(),
            waiting: Waiting::default(),
            active: Active::default(),
            departed: 0,
            admitted: 0,
            admitted_up_to: None,
            leavers: Leavers::default(),
            comeback: seed
                .recovery
                .map(|recovery| Return::begin(now, recovery, seed.policy.policy.waiting_ttl)),
        }
    }

    /// Removes places that are past their end at `now`, and what is remembered of a recovery that is
    /// over; at most `limit` of each.
    ///
    /// Each place is removed once, so over time this costs as much as joining does, whoever does it.
    pub(super) fn settle(&mut self, now: Timestamp, limit: u32) -> Settled {
        let mut removed = 0;
        while let Some(user) = self.past_end(now) {
            if removed == limit {
                return Settled {
                    removed,
                    entirely: false,
                };
            }
            self.end(&user, now);
            removed += 1;
        }
        Settled {
            removed,
            entirely: self.forget_recovery(now, limit),
        }
    }

    /// Ends the place of `user`, wherever it is.
    pub(super) fn end(&mut self, user: &UserId, now: Timestamp) {
        let waited = self.waiting.remove(user);
        self.departed += u64::from(waited);
        if waited || self.active.remove(user) {
            self.remember_end(user, now);
        }
    }

    /// What the queue is like.
    pub(super) fn view(&self, now: Timestamp) -> QueueView {
        let recovering = self
            .comeback
            .as_ref()
            .is_some_and(|comeback| comeback.recovering(now));
        QueueView::new(self.terms.policy(), recovering, self.sold_out)
    }

    /// How many may be admitted now, and in which state.
    pub(super) fn room(&mut self, now: Timestamp) -> (EffectiveState, u64) {
        let state = self.view(now).effective(now);
        let active = self.active.len();
        let room = self.admission.room(state, self.terms.policy(), active, now);
        (state, room)
    }

    /// When `user` arrived, if they have a place.
    pub(super) fn arrival_of(&self, user: &UserId) -> Option<Arrival> {
        self.waiting
            .arrival_of(user)
            .or_else(|| self.active.arrival_of(user))
    }

    /// The place of `user`.
    pub(super) fn place_of(&self, user: &UserId, now: Timestamp) -> Option<Place> {
        let (arrival, standing) = self
            .waiting
            .find(user, self.admitted)
            .or_else(|| self.active.find(user, &self.terms.lives(now)))?;
        Some(self.place(user.clone(), arrival, standing, now))
    }

    /// A place as its user is told of it.
    pub(super) fn place(
        &self,
        user: UserId,
        arrival: Arrival,
        standing: Standing,
        now: Timestamp,
    ) -> Place {
        Place {
            ticket: Ticket {
                concert: self.concert,
                user,
                arrival,
                generation: self.generation,
            },
            standing,
            queue: self.view(now),
        }
    }

    /// How many wait, and how many are active, settled or not.
    pub(super) fn counts(&self, now: Timestamp) -> (usize, usize) {
        let lives = self.terms.lives(now);
        (
            self.waiting.count(&lives, now),
            self.active.count(&lives, now),
        )
    }

    fn past_end(&self, now: Timestamp) -> Option<UserId> {
        let lives = self.terms.lives(now);
        self.waiting
            .past_end(&lives, now)
            .or_else(|| self.active.past_end(&lives, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use frontrow_domain::{
        model::queue::{PolicyState, PolicyVersion, QueuePolicy, Recovery, VersionedPolicy},
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

    /// A queue in which everybody waits, made at second 0.
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
    fn settling_goes_on_in_chunks_and_counts_are_right_meanwhile() {
        let mut queue = paused(None);
        for number in 0..10 {
            joined(&mut queue, number, 0);
        }
        joined(&mut queue, 10, 100);
        for second in (0..300).step_by(5) {
            queue.expire(0, at(second));
        }
        let report = queue.expire(4, at(300));
        assert_eq!((report.done, report.more, report.waiting), (4, true, 1));
        assert_eq!(
            queue.settle(at(300), 5),
            Settled {
                removed: 5,
                entirely: false
            }
        );
        assert_eq!(
            queue.settle(at(300), 5),
            Settled {
                removed: 1,
                entirely: true
            }
        );
        assert_eq!((queue.waiting.len(), queue.departed), (1, 10));
    }

    #[test]
    fn a_silent_queue_ends_nobody() {
        let mut queue = paused(None);
        let ticket = joined(&mut queue, 1, 0);
        assert!(queue.settle(at(10_000), 9).entirely);
        assert!(matches!(
            queue.look_up(&ticket, at(10_000)),
            LookUpOutcome::Found(_)
        ));
    }

    #[test]
    fn what_a_recovery_remembers_is_forgotten_after_it() {
        let mut queue = paused(Some(Recovery {
            lasts: Duration::from_mins(1),
        }));
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
        assert!(!queue.settle(at(360), 5).entirely);
        assert!(queue.settle(at(360), 9).entirely);
        assert!(queue.comeback.is_none());
        let late = Ticket {
            user: user(31),
            ..returned
        };
        assert_eq!(queue.look_up(&late, at(360)), LookUpOutcome::Gone);
        // Over is over, also where the clock steps back.
        assert_eq!(queue.look_up(&late, at(300)), LookUpOutcome::Gone);
    }
}
