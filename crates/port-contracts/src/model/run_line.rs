//! The calls of a sequence that read the line as a whole.

use frontrow_domain::{
    model::queue::{Departures, Heartbeat, LineSnapshot},
    ports::{LookUpOutcome, SnapshotOutcome},
};
use jiff::SignedDuration;

use super::{
    run_queue::{Run, Stop},
    steps::Shown,
};
use crate::queue::QueueFixture;

impl<F: QueueFixture> Run<'_, F> {
    pub(super) async fn snapshot(&mut self, since: Option<usize>) -> Result<(), Stop> {
        let mark = since.and_then(|age| self.marks.iter().rev().nth(age).copied());
        let stores = mark.map(|(stores, _)| stores);
        let answer = self.ports.line.snapshot(self.concert, stores).await?;
        let (now, positions) = (answer.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree(&SnapshotOutcome::NotSeeded, &answer.value);
        };
        let models = mark.map(|(_, models)| models);
        let expected = in_order(queue.snapshot(now, models));
        let answer = match answer.value {
            SnapshotOutcome::Seen(mut answer) => {
                answer = queue.corrected_snapshot(answer, &expected, positions, now);
                if answer.left == Departures::Unknown && queue.may_have_forgotten(models) {
                    answer.left = expected.left.clone();
                }
                self.marks.push((answer.mark, expected.mark));
                // How a store counts departures is not specified.
                let same_life = answer.mark.generation == expected.mark.generation;
                let mark = if same_life {
                    expected.mark
                } else {
                    answer.mark
                };
                SnapshotOutcome::Seen(in_order(LineSnapshot { mark, ..answer }))
            }
            SnapshotOutcome::NotSeeded => SnapshotOutcome::NotSeeded,
        };
        self.agree(&SnapshotOutcome::Seen(expected), &answer)
    }

    pub(super) async fn record_heartbeats(&mut self, shown: &[(Shown, i64)]) -> Result<(), Stop> {
        let heartbeats: Vec<_> = shown
            .iter()
            .map(|(ticket, millis_ago)| self.heartbeat(*ticket, *millis_ago))
            .collect();
        let found = self
            .ports
            .line
            .record_heartbeats(self.concert, &heartbeats)
            .await?;
        assert_eq!(found.len(), heartbeats.len());
        for (heartbeat, found) in heartbeats.iter().zip(found) {
            let (now, positions) = (found.as_of, self.positions);
            self.arrive(now)?;
            let Some(queue) = self.queue() else {
                self.agree(&LookUpOutcome::NotSeeded, &found.value)?;
                continue;
            };
            let expected = queue.record_heartbeat(now, heartbeat);
            let found = queue.corrected_look_up(found.value, positions, now);
            self.agree(&expected, &found)?;
        }
        Ok(())
    }

    fn heartbeat(&self, shown: Shown, millis_ago: i64) -> Heartbeat {
        let ticket = self.ticket_of(shown.user, shown.age);
        Heartbeat {
            user: ticket.user,
            arrival: ticket.arrival,
            at: self.last() - SignedDuration::from_millis(millis_ago),
        }
    }
}

/// Returns a snapshot with sorted departures, because their order has no meaning.
pub(super) fn in_order(mut line: LineSnapshot) -> LineSnapshot {
    if let Departures::These(arrivals) = &mut line.left {
        arrivals.sort_unstable();
    }
    line
}
