//! Whether a store answers as the model does, with the latitude that the promises leave.

use frontrow_domain::{
    model::queue::{Place, Standing},
    ports::{GateOutcome, JoinOutcome, LookUpOutcome, TickOutcome, TickReport},
};
use jiff::Timestamp;

use super::{ModelQueue, steps::Positions};

impl ModelQueue {
    /// The place that the store told, with its position put right where promise 7 allows it to be
    /// over-stated: by those who stopped waiting without being admitted.
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
            Positions::Exact => (0, 0),
            Positions::OverStated => self.gone_around(&expected, now),
        };
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

    /// How many gave up ahead of a place, and behind it.
    pub(crate) fn gone_around(&self, place: &Place, now: Timestamp) -> (u64, u64) {
        let untidied = self.waiting.iter().filter(|other| !self.waits(other, now));
        let mut gone = (0, 0);
        for arrival in self
            .gave_up
            .iter()
            .copied()
            .chain(untidied.map(|other| other.arrival))
        {
            if arrival < place.ticket.arrival {
                gone.0 += 1;
            } else {
                gone.1 += 1;
            }
        }
        gone
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

    /// What a tick told, with what depends on when a store tidies up put right: it may have removed
    /// places past their end before this tick, or in it where the model leaves them.
    ///
    /// `over` is how many there were before the tick.
    pub(crate) fn ticked(
        &self,
        told: TickOutcome,
        expected: &TickReport,
        over: usize,
        now: Timestamp,
    ) -> TickOutcome {
        let TickOutcome::Ticked(mut report) = told else {
            return told;
        };
        let over = u32::try_from(over).unwrap_or(u32::MAX);
        let done = expected.done.saturating_sub(over)..=expected.done + over;
        if done.contains(&report.done) {
            report.done = expected.done;
        }
        let still_here = (self.waiting.len() - self.waiting_count(now)) as u64;
        let departed = expected.departed..=expected.departed + still_here;
        if departed.contains(&report.departed) {
            report.departed = expected.departed;
        }
        TickOutcome::Ticked(report)
    }
}
