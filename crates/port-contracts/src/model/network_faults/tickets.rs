//! The tickets and cursors that the users and callers of a sequence keep.

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{
            Arrival, DepartureCursor, Generation, Heartbeat, PolicyVersion, QueueSeed, Ticket,
            VersionedPolicy,
        },
    },
    ports::{GateOutcome, JoinOutcome, LookUpOutcome, SnapshotOutcome},
};
use jiff::SignedDuration;

use super::{
    super::{
        run_queue::user_id,
        steps::{Rules, Shown, USERS},
    },
    call::{Answer, Call},
    faulty_run::FaultyRun,
};

impl<F> FaultyRun<'_, F> {
    /// Keeps the ticket in an answer for its user, and the cursor of a snapshot.
    pub(super) fn keep(&mut self, answer: &Answer) {
        match answer {
            Answer::Join(JoinOutcome::Joined(place) | JoinOutcome::Held(place))
            | Answer::LookUp(LookUpOutcome::Found(place))
            | Answer::Gate(GateOutcome::Passed(place) | GateOutcome::Waiting(place)) => {
                let ticket = &place.ticket;
                let number = (0..USERS).find(|number| user_id(*number) == ticket.user);
                if let Some(kept) = number.and_then(|number| self.tickets.get_mut(number))
                    && kept.last() != Some(ticket)
                {
                    kept.push(ticket.clone());
                }
            }
            Answer::Line(SnapshotOutcome::Seen(line)) => self.marks.push(line.mark),
            _ => {}
        }
    }

    pub(super) fn seed(&self, rules: &Rules, version: i64) -> Call {
        Call::Seed(Box::new(QueueSeed {
            concert: self.concert,
            policy: VersionedPolicy {
                policy: rules.policy(self.last),
                version: PolicyVersion(version),
            },
            generation: Generation(0),
            recovery: None,
        }))
    }

    pub(super) fn mark(&self, age: usize) -> Option<(usize, DepartureCursor)> {
        let number = self.marks.len().checked_sub(1 + age)?;
        Some((number, *self.marks.get(number)?))
    }

    pub(super) fn heartbeat(&self, (shown, millis_ago): (Shown, i64)) -> Heartbeat {
        let ticket = self.ticket_of(shown);
        Heartbeat {
            user: ticket.user,
            arrival: ticket.arrival,
            at: self.last - SignedDuration::from_secs(millis_ago / 1_000),
        }
    }

    /// Returns a ticket that a user has kept, or one that was never given out.
    pub(super) fn ticket_of(&self, shown: Shown) -> Ticket {
        let kept = self.tickets.get(shown.user).and_then(|kept| {
            let number = kept.len().checked_sub(1 + shown.age)?;
            kept.get(number).cloned()
        });
        kept.unwrap_or_else(|| never_given_out(self.concert, user_id(shown.user).as_str()))
    }
}

/// Returns a ticket that was never given out.
pub(super) fn never_given_out(concert: ConcertId, user: &str) -> Ticket {
    Ticket {
        concert,
        user: UserId::try_from(user).expect("a good name"),
        arrival: Arrival::from_micros(1),
        generation: Generation(0),
    }
}
