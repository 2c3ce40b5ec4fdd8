//! Compares a store's answers with those of the model, within the latitude that the promises leave.

use frontrow_domain::{
    model::queue::{Arrival, LineSnapshot, Place, Standing},
    ports::{GateOutcome, JoinOutcome, LookUpOutcome, TickOutcome, TickReport},
};
use jiff::Timestamp;

use super::{ModelQueue, steps::Positions};

impl ModelQueue {
    /// Returns the place that the store answered. Its position is corrected where promise 7 allows
    /// it to be overstated: by users who stopped waiting without being admitted.
    fn put_right(&self, told: Place, positions: Positions, now: Timestamp) -> Place {
        let expected = self.place_of(&told.ticket.user, now);
        let Standing::Waiting {
            position,
            behind,
            admitted,
        } = told.standing
        else {
            return told;
        };
        let Some(expected) = expected else {
            return told;
        };
        let Standing::Waiting {
            position: true_position,
            behind: true_behind,
            admitted: truly_admitted,
        } = expected.standing
        else {
            return told;
        };
        let (gone_ahead, gone_behind) = match positions {
            Positions::Exact => self.over_around(&expected, now),
            Positions::OverStated => self.gone_around(&expected, now),
        };
        // While a queue takes re-entries, and until those users are admitted, positions may be
        // overstated by all users who wait. The same holds for positions of users who stood aside.
        let passed = |arrival: Arrival| Some(arrival) <= self.passed_to;
        let others = match positions {
            Positions::OverStated if self.reentered => {
                (self.waiting.len() + self.gave_up.len()) as u64
            }
            Positions::OverStated if passed(told.ticket.arrival) => {
                let others = self.waiting.iter().filter(|other| passed(other.arrival));
                (others.count() + self.gave_up.len()) as u64
            }
            Positions::OverStated | Positions::Exact => 0,
        };
        let (gone_ahead, gone_behind) = (gone_ahead + others, gone_behind + others);
        let close_enough = admitted == truly_admitted
            && (true_position..=true_position + gone_ahead).contains(&position)
            && (true_behind..=true_behind + gone_behind).contains(&behind);
        if close_enough {
            Place {
                standing: expected.standing,
                ..told
            }
        } else {
            told
        }
    }

    /// How many users stopped waiting without being admitted, ahead of a place and behind it.
    pub(crate) fn gone_around(&self, place: &Place, now: Timestamp) -> (u64, u64) {
        let gone = self.gave_up.iter().copied();
        around(place, gone.chain(self.over_arrivals(now)))
    }

    /// How many expired places are not removed yet, ahead of a place and behind it.
    fn over_around(&self, place: &Place, now: Timestamp) -> (u64, u64) {
        around(place, self.over_arrivals(now))
    }

    fn over_arrivals(&self, now: Timestamp) -> impl Iterator<Item = Arrival> {
        let over = self
            .waiting
            .iter()
            .filter(move |other| !self.waits(other, now));
        over.map(|other| other.arrival)
    }

    /// Returns true if a shown number of waiting users may be `told`. It may include expired places
    /// that no tick has removed or, in a store that overstates, that admission has passed.
    pub(crate) fn may_show_waiting(&self, told: u64, positions: Positions, now: Timestamp) -> bool {
        let waiting = self.waiting_count(now) as u64;
        let passed = self.passed_over(positions);
        (waiting..=self.waiting.len() as u64 + passed).contains(&told)
    }

    /// How many expired places a store may have passed and not removed.
    fn passed_over(&self, positions: Positions) -> u64 {
        match positions {
            Positions::Exact => 0,
            Positions::OverStated => self.gave_up.len() as u64,
        }
    }

    /// A snapshot, with a correction of the counts that may include expired places.
    pub(crate) fn looked_at(
        &self,
        told: LineSnapshot,
        expected: &LineSnapshot,
        positions: Positions,
        now: Timestamp,
    ) -> LineSnapshot {
        let mut told = told;
        if self.may_show_waiting(told.waiting, positions, now) {
            told.waiting = expected.waiting;
        }
        let near = self.rules().near_positions();
        if self.may_show_aside(told.near_positions.saturating_sub(near), positions, now) {
            told.near_positions = expected.near_positions;
        }
        told
    }

    /// Returns true if a shown number of users who stand aside may be `told`.
    fn may_show_aside(&self, told: u64, positions: Positions, now: Timestamp) -> bool {
        let over = self.over_arrivals(now).count() as u64;
        let aside = self.waiting.iter().filter(|place| place.is_aside).count() as u64;
        // A store that overstates may have passed expired places.
        let over = match positions {
            Positions::Exact => 0,
            Positions::OverStated => over + self.passed_over(positions),
        };
        (self.aside_count(now) as u64..=aside + over).contains(&told)
    }

    /// Returns true if a store may find the line full though the model does not.
    pub(crate) fn may_seem_full(&self, positions: Positions, now: Timestamp) -> bool {
        let most = self.rules().max_waiting;
        most.is_some_and(|most| {
            // A shown number above the limit also means full.
            (self.waiting_count(now) as u64) < most
                && (most..=most + self.waiting.len() as u64 + self.gave_up.len() as u64)
                    .any(|told| self.may_show_waiting(told, positions, now))
        })
    }

    pub(crate) fn joined(
        &self,
        told: JoinOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> JoinOutcome {
        match told {
            JoinOutcome::Joined(place) => {
                JoinOutcome::Joined(self.put_right(place, positions, now))
            }
            JoinOutcome::Held(place) => JoinOutcome::Held(self.put_right(place, positions, now)),
            other => other,
        }
    }

    pub(crate) fn looked_up(
        &self,
        told: LookUpOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> LookUpOutcome {
        match told {
            LookUpOutcome::Found(place) => {
                LookUpOutcome::Found(self.put_right(place, positions, now))
            }
            other => other,
        }
    }

    pub(crate) fn passed(
        &self,
        told: GateOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> GateOutcome {
        match told {
            GateOutcome::Waiting(place) => {
                GateOutcome::Waiting(self.put_right(place, positions, now))
            }
            other => other,
        }
    }

    /// Returns a tick's answer, with a correction of what depends on when a store removes expired
    /// places. It may have removed them before this tick, or in it where the model leaves them.
    ///
    /// `over` is how many expired places there were before the tick.
    pub(crate) fn ticked(
        &self,
        told: TickOutcome,
        expected: &TickReport,
        over: usize,
        positions: Positions,
        now: Timestamp,
    ) -> TickOutcome {
        let TickOutcome::Ticked(mut report) = told else {
            return told;
        };
        // Ticks also remove rows that remember users whose place ended.
        let (passed_over, remembered, lingering) = match positions {
            Positions::Exact => (0, 0, 0),
            Positions::OverStated => (self.gave_up.len(), self.ended.len(), self.lingering),
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let over = count(over + passed_over);
        let done = expected.done.saturating_sub(over)..=expected.done + over + count(remembered);
        if done.contains(&report.done) {
            report.done = expected.done;
        }
        if self.may_show_waiting(report.waiting, positions, now) {
            report.waiting = expected.waiting;
        }
        if self.may_show_aside(report.aside, positions, now) {
            report.aside = expected.aside;
        }
        let active = (self.active.len() + lingering) as u64;
        if (expected.active..=active).contains(&report.active) {
            report.active = expected.active;
        }
        let still_here = (self.waiting.len() - self.waiting_count(now)) as u64;
        let passed = self.passed_over(positions);
        let departed = expected.departed.saturating_sub(passed)..=expected.departed + still_here;
        if departed.contains(&report.departed) {
            report.departed = expected.departed;
        }
        TickOutcome::Ticked(report)
    }
}

/// How many of these arrivals are ahead of a place, and behind it.
fn around(place: &Place, arrivals: impl Iterator<Item = Arrival>) -> (u64, u64) {
    let (ahead, behind): (Vec<_>, Vec<_>) =
        arrivals.partition(|arrival| *arrival < place.ticket.arrival);
    (ahead.len() as u64, behind.len() as u64)
}
