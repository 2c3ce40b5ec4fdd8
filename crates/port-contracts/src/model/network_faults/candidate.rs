//! One possible history that explains all answers so far.

use std::fmt::Debug;

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{DepartureCursor, Departures, JoinRefusal},
    },
    ports::{JoinOutcome, SnapshotOutcome, TickOutcome, TickReport},
};
use jiff::Timestamp;

use super::{
    super::{Model, ModelQueue, run_line::in_order, steps::Positions},
    call::{Answer, Call},
    told::instants,
};
use crate::queue::ALL;

/// A call that was applied.
#[derive(Debug, Clone)]
struct Done {
    call: Call,
    at: Timestamp,
    /// When the call may have been applied, both ends included, if no answer has said it.
    within: Option<(Timestamp, Timestamp)>,
    /// The answer, if there was one.
    told: Option<Answer>,
}

/// A model, and the calls that led to it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    concert: ConcertId,
    positions: Positions,
    done: Vec<Done>,
    model: Model,
    /// The cursors of the model's snapshots that were answered.
    marks: Vec<DepartureCursor>,
    /// The model's last answer, and its instant. Used in messages.
    pub(super) expected: Option<(Timestamp, Answer)>,
}

impl Candidate {
    /// A candidate in which no call was applied yet.
    pub(super) fn new(concert: ConcertId, positions: Positions) -> Self {
        Self {
            concert,
            positions,
            done: Vec::new(),
            model: Model::default(),
            marks: Vec::new(),
            expected: None,
        }
    }

    /// The same candidate after a call that was applied by `before` without an answer.
    pub(super) fn with_unanswered(&self, call: &Call, after: Timestamp, before: Timestamp) -> Self {
        let mut then = self.clone();
        then.take(Done {
            call: call.clone(),
            at: before,
            within: Some((after.min(before), after.max(before))),
            told: None,
        });
        then
    }

    /// Returns every candidate in which this call gets this answer after the calls that were
    /// applied. Empty if there is none. If the answer shows when an earlier call without an answer
    /// was applied, that instant is corrected. Leaves the expected answer in `self`.
    pub(super) fn with_answer(&mut self, call: &Call, at: Timestamp, told: &Answer) -> Vec<Self> {
        let done = Done {
            call: call.clone(),
            at,
            within: None,
            told: Some(told.clone()),
        };
        let mut then = self.clone();
        if then.take(done) {
            return vec![then];
        }
        self.expected = then.expected;
        let calls = self.done.iter().map(|done| &done.call);
        let instants = instants(told, calls.chain([call]));
        let mut found = Vec::new();
        for (number, done) in self.done.iter().enumerate() {
            let Some((first, last)) = done.within else {
                continue;
            };
            for &instant in &instants {
                if (first..=last).contains(&instant)
                    && let Some(mut moved) = self.moved(number, instant)
                {
                    found.extend(moved.with_answer(call, at, told));
                }
            }
        }
        found
    }

    /// The same candidate, with a call without an answer applied at that instant. None if other
    /// calls would have been answered differently then.
    fn moved(&self, number: usize, at: Timestamp) -> Option<Self> {
        let mut again = Self::new(self.concert, self.positions);
        for (other, done) in self.done.iter().enumerate() {
            let mut done = done.clone();
            if other == number {
                done.at = at;
                done.within = None;
            }
            if !again.take(done) {
                return None;
            }
        }
        Some(again)
    }

    /// Applies a call. Returns false if its answer differs from the model's.
    fn take(&mut self, done: Done) -> bool {
        let over = match self.model.queue(self.concert) {
            Some(queue) => queue.over(done.at).len(),
            None => 0,
        };
        let refused_as_full = matches!(
            &done.told,
            Some(Answer::Join(JoinOutcome::Refused(JoinRefusal::Full, _)))
        );
        let forgotten = self.may_have_forgotten(&done.call);
        let expected = self.answer(&done.call, refused_as_full, done.at);
        let agrees = match &done.told {
            Some(told) => {
                if let Answer::Line(SnapshotOutcome::Seen(line)) = &expected {
                    self.marks.push(line.mark);
                }
                self.put_right(told, &expected, over, forgotten, done.at) == expected
            }
            None => true,
        };
        self.expected = Some((done.at, expected));
        self.done.push(done);
        agrees
    }

    fn queue(&mut self) -> &mut ModelQueue {
        let queue = self.model.queue(self.concert);
        queue.expect("a sequence begins with its policy")
    }

    /// Returns the model's answer. A store may find a line full in which expired places still
    /// count.
    fn answer(&mut self, call: &Call, refused_as_full: bool, now: Timestamp) -> Answer {
        match call {
            Call::Seed(seed) => Answer::Seed(self.model.seed(now, seed)),
            Call::Join(user, shown) => {
                let positions = self.positions;
                let queue = self.queue();
                if refused_as_full && queue.may_seem_full(positions, now) {
                    queue.try_room(now);
                    let view = queue.view(now);
                    return Answer::Join(JoinOutcome::Refused(JoinRefusal::Full, view));
                }
                Answer::Join(queue.join(now, user, shown.as_ref()))
            }
            Call::LookUp(ticket) => Answer::LookUp(self.queue().look_up(now, ticket)),
            Call::Gate(ticket, purpose) => {
                Answer::Gate(self.queue().pass_gate(now, ticket, *purpose))
            }
            Call::Leave(ticket) => Answer::Leave(self.queue().leave(now, ticket)),
            Call::Admit(limit) => {
                Answer::Tick(TickOutcome::Ticked(self.queue().admit(now, *limit)))
            }
            Call::Expire => Answer::Tick(TickOutcome::Ticked(self.queue().expire(now, ALL))),
            Call::Sale(sale) => {
                self.queue().sale.sale = *sale;
                Answer::SaleSet
            }
            Call::Version => Answer::Version(Some(self.queue().policy.version)),
            Call::Look(mark) => {
                let mark = mark.and_then(|(number, _)| self.marks.get(number).copied());
                let line = self.queue().snapshot(now, mark);
                Answer::Line(SnapshotOutcome::Seen(in_order(line)))
            }
            Call::RecordHeartbeats(heartbeats) => {
                let queue = self.queue();
                let found = heartbeats
                    .iter()
                    .map(|heartbeat| queue.heard_from(now, heartbeat));
                Answer::Heard(found.collect())
            }
        }
    }

    /// Returns the answer, with a correction of what is left to the store.
    fn put_right(
        &mut self,
        told: &Answer,
        expected: &Answer,
        over: usize,
        forgotten: bool,
        now: Timestamp,
    ) -> Answer {
        let positions = self.positions;
        let queue = self.queue();
        match (told.clone(), expected) {
            (Answer::Join(told), _) => Answer::Join(queue.joined(told, positions, now)),
            (Answer::LookUp(told), _) => Answer::LookUp(queue.looked_up(told, positions, now)),
            (Answer::Heard(told), _) => {
                let told = told.into_iter();
                let told = told.map(|told| queue.looked_up(told, positions, now));
                Answer::Heard(told.collect())
            }
            (Answer::Gate(told), _) => Answer::Gate(queue.passed(told, positions, now)),
            (Answer::Tick(mut told), Answer::Tick(TickOutcome::Ticked(expected))) => {
                // The window may have begun with a call whose instant is unknown.
                if let TickOutcome::Ticked(TickReport {
                    window: Some(told), ..
                }) = &mut told
                    && let Some(expected) = expected.window
                {
                    told.start = expected.start;
                }
                Answer::Tick(queue.ticked(told, expected, over, positions, now))
            }
            (
                Answer::Line(SnapshotOutcome::Seen(mut told)),
                Answer::Line(SnapshotOutcome::Seen(expected)),
            ) => {
                if told.left == Departures::Unknown && forgotten {
                    told.left = expected.left.clone();
                }
                // How a store counts departures is not specified.
                if told.mark.generation == expected.mark.generation {
                    told.mark = expected.mark;
                }
                let told = queue.looked_at(told, expected, positions, now);
                Answer::Line(SnapshotOutcome::Seen(in_order(told)))
            }
            (told, _) => told,
        }
    }

    /// Returns true if a snapshot may have missed departures.
    fn may_have_forgotten(&mut self, call: &Call) -> bool {
        let Call::Look(Some((number, _))) = call else {
            return false;
        };
        let mark = self.marks.get(*number).copied();
        self.queue().may_have_forgotten(mark)
    }

    /// See [`ModelQueue::is_unsure`].
    pub(super) fn is_unsure(&mut self, now: Timestamp) -> bool {
        let queue = self.model.queue(self.concert);
        queue.is_some_and(|queue| queue.is_unsure(now))
    }

    /// Returns true if a place has expired and is not removed.
    pub(super) fn has_over(&mut self, now: Timestamp) -> bool {
        !self.queue().over(now).is_empty()
    }

    /// Returns all that decides the later answers of this candidate, to find equal candidates.
    pub(super) fn nature(&self) -> String {
        format!("{:?} {:?}", self.model, self.marks)
    }
}
