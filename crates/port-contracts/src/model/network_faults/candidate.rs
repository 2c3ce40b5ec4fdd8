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
    instants::instants,
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
    answer: Option<Answer>,
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
    /// Returns a candidate in which no call was applied yet.
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

    /// Returns this candidate after a call that was applied by `before` without an answer.
    pub(super) fn with_unanswered(&self, call: &Call, after: Timestamp, before: Timestamp) -> Self {
        let mut then = self.clone();
        then.take(Done {
            call: call.clone(),
            at: before,
            within: Some((after.min(before), after.max(before))),
            answer: None,
        });
        then
    }

    /// Returns every candidate in which this call gets this answer after the calls that were
    /// applied. Empty if there is none. If the answer shows when an earlier call without an answer
    /// was applied, that instant is corrected. Leaves the expected answer in `self`.
    pub(super) fn with_answer(&mut self, call: &Call, at: Timestamp, answer: &Answer) -> Vec<Self> {
        let done = Done {
            call: call.clone(),
            at,
            within: None,
            answer: Some(answer.clone()),
        };
        let mut then = self.clone();
        if then.take(done) {
            return vec![then];
        }
        self.expected = then.expected;
        let calls = self.done.iter().map(|done| &done.call);
        let instants = instants(answer, calls.chain([call]));
        let mut found = Vec::new();
        for (number, done) in self.done.iter().enumerate() {
            let Some((first, last)) = done.within else {
                continue;
            };
            for &instant in &instants {
                if (first..=last).contains(&instant)
                    && let Some(mut moved) = self.moved(number, instant)
                {
                    found.extend(moved.with_answer(call, at, answer));
                }
            }
        }
        found
    }

    /// Returns this candidate, with a call without an answer applied at that instant. None if other
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
        let expired = match self.model.queue(self.concert) {
            Some(queue) => queue.expired(done.at).len(),
            None => 0,
        };
        let refused_as_full = matches!(
            &done.answer,
            Some(Answer::Join(JoinOutcome::Refused(JoinRefusal::Full, _)))
        );
        let forgotten = self.may_have_forgotten(&done.call);
        let expected = self.answer(&done.call, refused_as_full, done.at);
        let agrees = match &done.answer {
            Some(answer) => {
                if let Answer::Line(SnapshotOutcome::Seen(line)) = &expected {
                    self.marks.push(line.mark);
                }
                self.corrected(answer, &expected, expired, forgotten, done.at) == expected
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
                    .map(|heartbeat| queue.record_heartbeat(now, heartbeat));
                Answer::Heartbeats(found.collect())
            }
        }
    }

    /// Returns the answer, with a correction of the values that a store may choose.
    fn corrected(
        &mut self,
        answer: &Answer,
        expected: &Answer,
        expired: usize,
        forgotten: bool,
        now: Timestamp,
    ) -> Answer {
        let positions = self.positions;
        let queue = self.queue();
        match (answer.clone(), expected) {
            (Answer::Join(answer), _) => Answer::Join(queue.corrected_join(answer, positions, now)),
            (Answer::LookUp(answer), _) => {
                Answer::LookUp(queue.corrected_look_up(answer, positions, now))
            }
            (Answer::Heartbeats(answer), _) => {
                let answer = answer.into_iter();
                let answer = answer.map(|answer| queue.corrected_look_up(answer, positions, now));
                Answer::Heartbeats(answer.collect())
            }
            (Answer::Gate(answer), _) => Answer::Gate(queue.corrected_gate(answer, positions, now)),
            (Answer::Tick(mut answer), Answer::Tick(TickOutcome::Ticked(expected))) => {
                // The window may have begun with a call whose instant is unknown.
                if let TickOutcome::Ticked(TickReport {
                    window: Some(window),
                    ..
                }) = &mut answer
                    && let Some(expected) = expected.window
                {
                    window.start = expected.start;
                }
                Answer::Tick(queue.corrected_tick(answer, expected, expired, positions, now))
            }
            (
                Answer::Line(SnapshotOutcome::Seen(mut answer)),
                Answer::Line(SnapshotOutcome::Seen(expected)),
            ) => {
                if answer.left == Departures::Unknown && forgotten {
                    answer.left = expected.left.clone();
                }
                // How a store counts departures is not specified.
                if answer.mark.generation == expected.mark.generation {
                    answer.mark = expected.mark;
                }
                let answer = queue.corrected_snapshot(answer, expected, positions, now);
                Answer::Line(SnapshotOutcome::Seen(in_order(answer)))
            }
            (answer, _) => answer,
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

    /// See [`ModelQueue::is_uncertain`].
    pub(super) fn is_uncertain(&mut self, now: Timestamp) -> bool {
        let queue = self.model.queue(self.concert);
        queue.is_some_and(|queue| queue.is_uncertain(now))
    }

    /// Returns true if a place has expired and is not removed.
    pub(super) fn has_expired(&mut self, now: Timestamp) -> bool {
        !self.queue().expired(now).is_empty()
    }

    /// Returns all data that decides the later answers of this candidate, to find equal candidates.
    pub(super) fn state_key(&self) -> String {
        format!("{:?} {:?}", self.model, self.marks)
    }
}
