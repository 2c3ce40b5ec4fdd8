//! Which candidates remain after an answer, and which are added after a call without one.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::run_queue::Stop,
    call::{Answer, Call},
    faulty_run::FaultyRun,
};
use crate::queue::ALL;

/// How much real time a sequence may take. Spans are whole seconds.
const LASTS_MAX: SignedDuration = SignedDuration::from_millis(900);
/// How many candidates may explain the answers. There are few, unless no call distinguishes them.
const CANDIDATES_MAX: usize = 256;

impl<F> FaultyRun<'_, F> {
    /// Keeps the candidates that explain an answer.
    pub(super) fn answered(
        &mut self,
        call: &Call,
        at: Option<Timestamp>,
        answer: &Answer,
    ) -> Result<(), Stop> {
        self.last = at.unwrap_or(self.last);
        self.check_limits()?;
        self.keep(answer);
        self.check_certainty()?;
        let now = self.last;
        let mut candidates = std::mem::take(&mut self.candidates);
        for candidate in &mut candidates {
            if let Call::Admit(..ALL) = call
                && candidate.has_expired(now)
            {
                return Err(Stop::Undecided);
            }
            self.candidates
                .extend(candidate.with_answer(call, now, answer));
        }
        self.remove_duplicates();
        if !self.candidates.is_empty() {
            return Ok(());
        }
        let expected: Vec<_> = candidates
            .iter()
            .filter_map(|candidate| Some(format!("{:?}", candidate.expected.as_ref()?.1)))
            .collect();
        Err(Stop::Wrong(format!(
            "at {now}, asked {call:?}\n  expected {}\n  but got  {answer:?}",
            expected.join("\n  or       "),
        )))
    }

    /// Adds a second version of each candidate, in which the call was applied.
    pub(super) fn unanswered(&mut self, call: &Call, before: Timestamp) -> Result<(), Stop> {
        self.check_limits()?;
        if call.is_read_only() {
            return Ok(());
        }
        self.check_certainty()?;
        let now = self.last;
        let mut done = Vec::new();
        for candidate in &mut self.candidates {
            if let Call::Admit(..ALL) = call
                && candidate.has_expired(now)
            {
                return Err(Stop::Undecided);
            }
            done.push(candidate.with_unanswered(call, before, now));
        }
        self.candidates.extend(done);
        self.remove_duplicates();
        Ok(())
    }

    /// Stops the sequence while it is uncertain what the store has recorded.
    fn check_certainty(&mut self) -> Result<(), Stop> {
        let now = self.last;
        let mut candidates = self.candidates.iter_mut();
        if candidates.any(|candidate| candidate.is_uncertain(now)) {
            return Err(Stop::Undecided);
        }
        Ok(())
    }

    /// Keeps one of the candidates that will give the same answers.
    fn remove_duplicates(&mut self) {
        if self.candidates.len() > 1 {
            let mut seen = BTreeSet::new();
            self.candidates
                .retain(|candidate| seen.insert(candidate.state_key()));
        }
    }

    /// Stops the sequence if it has taken too much real time, so that time passes by whole seconds
    /// only, or if there are too many candidates.
    pub(super) fn check_limits(&self) -> Result<(), Stop> {
        let real_time = self.last.duration_since(self.start) - self.shifted;
        if real_time > LASTS_MAX || self.candidates.len() > CANDIDATES_MAX {
            return Err(Stop::Undecided);
        }
        Ok(())
    }
}
