//! Limits a line to one snapshot at a time (single flight), with a back-off after a failure.

use futures_util::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{StoreError, StoreResult};

/// A snapshot that is under way, shared by all callers that wait for it.
pub(super) type UnderWay = Shared<BoxFuture<'static, StoreResult<()>>>;

/// The attempts to take a snapshot of one line. All instants are by this instance's clock.
#[derive(Default)]
pub(super) struct Attempts {
    under_way: Option<UnderWay>,
    /// When the last attempt began.
    begun_at: Option<Timestamp>,
    /// When and why the last attempt failed. None if it did not.
    failed: Option<(Timestamp, StoreError)>,
}

impl Attempts {
    /// The back-off after a failed snapshot. Each instance asks an overloaded store for a snapshot
    /// of a line at most twice a second.
    pub(super) const BACK_OFF: SignedDuration = SignedDuration::from_millis(500);

    /// How long after the last attempt a line counts as unused. While users wait in it and poll, an
    /// attempt is made every 500 ms.
    pub(super) const UNUSED_AFTER: SignedDuration = SignedDuration::from_mins(1);

    /// Returns the snapshot that is under way. None if there is none.
    pub(super) fn under_way(&self) -> Option<UnderWay> {
        let under_way = self.under_way.as_ref();
        under_way
            .filter(|attempt| attempt.peek().is_none())
            .cloned()
    }

    /// Begins `attempt` at `now`.
    ///
    /// Errors if the last attempt failed less than [`Attempts::BACK_OFF`] before `now`, with the
    /// error of that one.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        attempt: impl FnOnce() -> UnderWay,
    ) -> StoreResult<UnderWay> {
        if let Some((failed_at, error)) = &self.failed
            && *failed_at <= now
            && now.duration_since(*failed_at) < Self::BACK_OFF
        {
            return Err(error.clone());
        }
        self.begun_at = Some(now);
        Ok(self.under_way.insert(attempt()).clone())
    }

    /// Records the result of the last attempt.
    pub(super) fn ended(&mut self, now: Timestamp, result: &StoreResult<()>) {
        self.failed = result.clone().err().map(|error| (now, error));
    }

    /// True if the last attempt began at least [`Attempts::UNUSED_AFTER`] before `now`. Then an
    /// attempt that is under way is dropped: no caller waits for it any more.
    pub(super) fn is_unused(&mut self, now: Timestamp) -> bool {
        // If the clock stepped back, the time counts from now.
        let begun_at = self.begun_at.filter(|begun_at| *begun_at <= now);
        let begun_at = *self.begun_at.insert(begun_at.unwrap_or(now));
        let is_unused = now.duration_since(begun_at) >= Self::UNUSED_AFTER;
        if is_unused {
            self.under_way = None;
        }
        is_unused
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn attempt(result: StoreResult<()>) -> UnderWay {
        async { result }.boxed().shared()
    }

    #[test]
    fn a_failure_is_the_answer_for_half_a_second() {
        let down = StoreError::not_applied("down");
        let mut attempts = Attempts::default();
        attempts.ended(at(1_000), &Err(down.clone()));
        let begin = |attempts: &mut Attempts, millis| {
            let begun = attempts.begin(at(millis), || attempt(Ok(())));
            begun.map(drop)
        };
        assert_eq!(begin(&mut attempts, 1_000), Err(down.clone()));
        assert_eq!(begin(&mut attempts, 1_499), Err(down.clone()));
        assert_eq!(begin(&mut attempts, 999), Ok(())); // the clock stepped back
        assert_eq!(begin(&mut attempts, 1_500), Ok(()));
        attempts.ended(at(1_500), &Ok(()));
        assert_eq!(begin(&mut attempts, 1_500), Ok(()));
    }

    #[test]
    fn a_minute_after_the_last_attempt_a_line_is_unused() {
        let mut attempts = Attempts::default();
        assert!(!attempts.is_unused(at(0)));
        assert!(attempts.is_unused(at(60_000)));
        let begun = attempts.begin(at(60_000), || attempt(Ok(())));
        assert!(begun.is_ok());
        assert!(!attempts.is_unused(at(119_999)));
        assert!(attempts.is_unused(at(120_000)));
        assert!(!attempts.is_unused(at(0))); // the clock stepped back
        assert!(!attempts.is_unused(at(59_999)));
        assert!(attempts.is_unused(at(60_000)));
    }

    #[test]
    fn the_attempt_of_an_unused_line_is_dropped() {
        let mut attempts = Attempts::default();
        let begun = attempts.begin(at(0), || attempt(Ok(())));
        drop(begun);
        assert!(attempts.under_way().is_some());
        attempts.is_unused(at(59_999));
        assert!(attempts.under_way().is_some());
        attempts.is_unused(at(60_000));
        assert!(attempts.under_way().is_none());
    }
}
