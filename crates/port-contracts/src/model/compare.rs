//! Comparison of a store's answers with those of the model, within the tolerance of the promises.

use frontrow_domain::{
    model::queue::{Arrival, LineSnapshot, Place, Standing},
    ports::{GateOutcome, JoinOutcome, LookUpOutcome, TickOutcome, TickReport},
};
use jiff::Timestamp;

use super::{ModelQueue, steps::Positions};

impl ModelQueue {
    /// Returns the place that the store answered. Its position is corrected where promise 7 allows
    /// it to be overstated: by users who stopped waiting without being admitted.
    fn corrected(&self, answer: Place, positions: Positions, now: Timestamp) -> Place {
        let expected = self.place_of(&answer.ticket.user, now);
        let Standing::Waiting {
            position,
            behind,
            admitted,
        } = answer.standing
        else {
            return answer;
        };
        let Some(expected) = expected else {
            return answer;
        };
        let Standing::Waiting {
            position: true_position,
            behind: true_behind,
            admitted: truly_admitted,
        } = expected.standing
        else {
            return answer;
        };
        let (gone_ahead, gone_behind) = match positions {
            Positions::Exact => self.expired_around(&expected, now),
            Positions::OverStated => self.gone_around(&expected, now),
        };
        // While a queue takes re-entries, and until those users are admitted, positions may be
        // overstated by all users who wait. The same holds for positions of users who stood aside.
        let passed = |arrival: Arrival| Some(arrival) <= self.admitted_up_to;
        let others = match positions {
            Positions::OverStated if self.reentered => {
                (self.waiting.len() + self.stopped_waiting.len()) as u64
            }
            Positions::OverStated if passed(answer.ticket.arrival) => {
                let others = self.waiting.iter().filter(|other| passed(other.arrival));
                (others.count() + self.stopped_waiting.len()) as u64
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
                ..answer
            }
        } else {
            answer
        }
    }

    /// Returns how many users stopped waiting without being admitted, ahead of a place and behind
    /// it.
    pub(crate) fn gone_around(&self, place: &Place, now: Timestamp) -> (u64, u64) {
        let gone = self.stopped_waiting.iter().copied();
        around(place, gone.chain(self.expired_arrivals(now)))
    }

    /// Returns how many expired places are not removed yet, ahead of a place and behind it.
    fn expired_around(&self, place: &Place, now: Timestamp) -> (u64, u64) {
        around(place, self.expired_arrivals(now))
    }

    fn expired_arrivals(&self, now: Timestamp) -> impl Iterator<Item = Arrival> {
        let expired = self
            .waiting
            .iter()
            .filter(move |other| !self.waits(other, now));
        expired.map(|other| other.arrival)
    }

    /// Returns true if a store may report `shown` waiting users. The number may include expired
    /// places that no tick has removed or, in a store that overstates, that admission has passed.
    pub(crate) fn may_show_waiting(
        &self,
        shown: u64,
        positions: Positions,
        now: Timestamp,
    ) -> bool {
        let waiting = self.waiting_count(now) as u64;
        let passed = self.passed_over(positions);
        (waiting..=self.waiting.len() as u64 + passed).contains(&shown)
    }

    /// Returns how many expired places a store may have passed and not removed.
    fn passed_over(&self, positions: Positions) -> u64 {
        match positions {
            Positions::Exact => 0,
            Positions::OverStated => self.stopped_waiting.len() as u64,
        }
    }

    /// Returns a snapshot, with a correction of the counts that may include expired places.
    pub(crate) fn corrected_snapshot(
        &self,
        answer: LineSnapshot,
        expected: &LineSnapshot,
        positions: Positions,
        now: Timestamp,
    ) -> LineSnapshot {
        let mut answer = answer;
        if self.may_show_waiting(answer.waiting, positions, now) {
            answer.waiting = expected.waiting;
        }
        let near = self.rules().near_positions();
        if self.may_show_aside(answer.near_positions.saturating_sub(near), positions, now) {
            answer.near_positions = expected.near_positions;
        }
        answer
    }

    /// Returns true if a store may report `shown` users who stand aside.
    fn may_show_aside(&self, shown: u64, positions: Positions, now: Timestamp) -> bool {
        let expired = self.expired_arrivals(now).count() as u64;
        let aside = self.waiting.iter().filter(|place| place.is_aside).count() as u64;
        // A store that overstates may have passed expired places.
        let expired = match positions {
            Positions::Exact => 0,
            Positions::OverStated => expired + self.passed_over(positions),
        };
        (self.aside_count(now) as u64..=aside + expired).contains(&shown)
    }

    /// Returns true if a store may find the line full though the model does not.
    pub(crate) fn may_seem_full(&self, positions: Positions, now: Timestamp) -> bool {
        let most = self.rules().max_waiting;
        most.is_some_and(|most| {
            // A shown number above the limit also means full.
            (self.waiting_count(now) as u64) < most
                && (most..=most + self.waiting.len() as u64 + self.stopped_waiting.len() as u64)
                    .any(|shown| self.may_show_waiting(shown, positions, now))
        })
    }

    pub(crate) fn corrected_join(
        &self,
        answer: JoinOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> JoinOutcome {
        match answer {
            JoinOutcome::Joined(place) => {
                JoinOutcome::Joined(self.corrected(place, positions, now))
            }
            JoinOutcome::Held(place) => JoinOutcome::Held(self.corrected(place, positions, now)),
            other => other,
        }
    }

    pub(crate) fn corrected_look_up(
        &self,
        answer: LookUpOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> LookUpOutcome {
        match answer {
            LookUpOutcome::Found(place) => {
                LookUpOutcome::Found(self.corrected(place, positions, now))
            }
            other => other,
        }
    }

    pub(crate) fn corrected_gate(
        &self,
        answer: GateOutcome,
        positions: Positions,
        now: Timestamp,
    ) -> GateOutcome {
        match answer {
            GateOutcome::Waiting(place) => {
                GateOutcome::Waiting(self.corrected(place, positions, now))
            }
            other => other,
        }
    }

    /// Returns a tick's answer, with a correction of the values that depend on when a store removes
    /// expired places. It may have removed them before this tick, or in it where the model leaves
    /// them.
    ///
    /// `expired` is the number of expired places before the tick.
    pub(crate) fn corrected_tick(
        &self,
        answer: TickOutcome,
        expected: &TickReport,
        expired: usize,
        positions: Positions,
        now: Timestamp,
    ) -> TickOutcome {
        let TickOutcome::Ticked(mut report) = answer else {
            return answer;
        };
        // Ticks also remove rows that remember users whose place ended.
        let (passed_over, remembered, replaced_active) = match positions {
            Positions::Exact => (0, 0, 0),
            Positions::OverStated => (
                self.stopped_waiting.len(),
                self.ended.len(),
                self.replaced_active,
            ),
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let expired = count(expired + passed_over);
        let done =
            expected.done.saturating_sub(expired)..=expected.done + expired + count(remembered);
        if done.contains(&report.done) {
            report.done = expected.done;
        }
        if self.may_show_waiting(report.waiting, positions, now) {
            report.waiting = expected.waiting;
        }
        if self.may_show_aside(report.aside, positions, now) {
            report.aside = expected.aside;
        }
        let active = (self.active.len() + replaced_active) as u64;
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

/// Returns how many of these arrivals are ahead of a place, and behind it.
fn around(place: &Place, arrivals: impl Iterator<Item = Arrival>) -> (u64, u64) {
    let (ahead, behind): (Vec<_>, Vec<_>) =
        arrivals.partition(|arrival| *arrival < place.ticket.arrival);
    (ahead.len() as u64, behind.len() as u64)
}
