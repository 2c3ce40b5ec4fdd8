//! The calls of a sequence that see the line as a whole.

use frontrow_domain::{
    model::queue::{Left, Line, SignOfLife},
    ports::{LineOutcome, LookUpOutcome},
};
use jiff::SignedDuration;

use super::{
    run_queue::{Run, Stop},
    steps::Shown,
};
use crate::queue::QueueFixture;

impl<F: QueueFixture> Run<'_, F> {
    pub(super) async fn look(&mut self, since: Option<usize>) -> Result<(), Stop> {
        let mark = since.and_then(|age| self.marks.iter().rev().nth(age).copied());
        let stores = mark.map(|(stores, _)| stores);
        let told = self.ports.line.look(self.concert, stores).await?;
        let (now, positions) = (told.as_of, self.positions);
        self.arrive(now)?;
        let Some(queue) = self.queue() else {
            return self.agree(&LineOutcome::NotSeeded, &told.value);
        };
        let models = mark.map(|(_, models)| models);
        let expected = in_order(queue.look(now, models));
        let told = match told.value {
            LineOutcome::Seen(mut told) => {
                told = queue.looked_at(told, &expected, positions, now);
                if told.left == Left::Anybody && queue.may_have_forgotten(models) {
                    told.left = expected.left.clone();
                }
                self.marks.push((told.mark, expected.mark));
                // How a store counts those who left is its own affair.
                let same_life = told.mark.generation == expected.mark.generation;
                let mark = if same_life { expected.mark } else { told.mark };
                LineOutcome::Seen(in_order(Line { mark, ..told }))
            }
            LineOutcome::NotSeeded => LineOutcome::NotSeeded,
        };
        self.agree(&LineOutcome::Seen(expected), &told)
    }

    pub(super) async fn tell(&mut self, heard: &[(Shown, i64)]) -> Result<(), Stop> {
        let signs: Vec<_> = heard
            .iter()
            .map(|(who, ago)| self.sign(*who, *ago))
            .collect();
        let found = self.ports.line.heard_of(self.concert, &signs).await?;
        assert_eq!(found.len(), signs.len());
        for (sign, found) in signs.iter().zip(found) {
            let (now, positions) = (found.as_of, self.positions);
            self.arrive(now)?;
            let Some(queue) = self.queue() else {
                self.agree(&LookUpOutcome::NotSeeded, &found.value)?;
                continue;
            };
            let expected = queue.heard_from(now, sign);
            let found = queue.looked_up(found.value, positions, now);
            self.agree(&expected, &found)?;
        }
        Ok(())
    }

    fn sign(&self, shown: Shown, millis_ago: i64) -> SignOfLife {
        let ticket = self.ticket_of(shown.who, shown.age);
        SignOfLife {
            user: ticket.user,
            arrival: ticket.arrival,
            at: self.last() - SignedDuration::from_millis(millis_ago),
        }
    }
}

/// The order in which those who left are told says nothing.
pub(super) fn in_order(mut line: Line) -> Line {
    if let Left::These(arrivals) = &mut line.left {
        arrivals.sort_unstable();
    }
    line
}
