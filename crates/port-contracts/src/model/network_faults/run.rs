//! Tries sequences on a faulty network.

use std::cell::{Cell, RefCell};

use proptest::test_runner::{TestCaseError, TestError};

#[cfg(test)]
use super::sequence::FaultySequence;
use super::{
    super::{
        run::{from_env, runner_of},
        steps::Positions,
    },
    faulty_run::FaultyRun,
    sequence::faulty_sequence,
};
use crate::{FaultyFixture, queue::QueueFixture, runtime};

/// The environment variable for the number of sequences.
const CASES: &str = "FRONTROW_FAULT_CASES";
/// How many shorter sequences are tried of one that fails. Each may have to wait for answers that
/// never come.
const SHRINKS_MAX: u32 = 500;

/// Checks that the store is honest for any calls in any order on a faulty network.
///
/// Tries `FRONTROW_FAULT_CASES` sequences, or `sequences` without it. They are the same for the
/// same `FRONTROW_MODEL_SEED`. A sequence that no model explains is shortened and printed.
///
/// # Panics
/// Panics if no model explains the store's answers.
pub fn queue_model_with_faults<F, Fut>(
    make: impl FnOnce() -> Fut,
    positions: Positions,
    sequences: u32,
) where
    F: QueueFixture + FaultyFixture,
    Fut: Future<Output = F>,
{
    match try_queue_model_with_faults(make, positions, from_env(CASES, sequences)) {
        Ok(tally) => println!("{tally:?}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// The number of sequences by result.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(super) sequences: u32,
    /// Not followed to their end.
    pub(crate) undecided: u32,
    pub(super) answers: u32,
    pub(super) not_applied: u32,
    pub(super) unknown: u32,
}

/// As [`queue_model_with_faults`], but takes the number of sequences as an argument and returns the
/// failure as a value.
pub(crate) fn try_queue_model_with_faults<F, Fut>(
    make: impl FnOnce() -> Fut,
    positions: Positions,
    sequences: u32,
) -> Result<Tally, String>
where
    F: QueueFixture + FaultyFixture,
    Fut: Future<Output = F>,
{
    let runtime = runtime::build();
    let fixture = RefCell::new(runtime.block_on(make()));
    let tally = Cell::new(Tally::default());
    let mut runner = runner_of(sequences, SHRINKS_MAX);
    let tried = runner.run(&faulty_sequence(), |sequence| {
        let mut fixture = fixture.borrow_mut();
        let mut so_far = tally.get();
        so_far.sequences += 1;
        let run = FaultyRun::new(&mut *fixture, so_far, positions);
        let (so_far, outcome) = runtime.block_on(run.follow(&sequence));
        tally.set(so_far);
        outcome.map_err(TestCaseError::fail)
    });
    let outcome = tried.map_err(|error| match error {
        TestError::Fail(why, sequence) => format!("{why}\nin the sequence\n{sequence:?}"),
        TestError::Abort(why) => format!("gave up: {why}"),
    });
    // The fixture may need the runtime to end.
    let _in_runtime = runtime.enter();
    drop(fixture);
    outcome.map(|()| tally.get())
}

/// Follows one sequence. Errors if no model explains the store's answers.
#[cfg(test)]
pub(crate) fn follow_with_faults<F, Fut>(
    make: impl FnOnce() -> Fut,
    sequence: &FaultySequence,
) -> Result<(), String>
where
    F: QueueFixture + FaultyFixture,
    Fut: Future<Output = F>,
{
    runtime::build().block_on(async {
        let mut fixture = make().await;
        let run = FaultyRun::new(&mut fixture, Tally::default(), Positions::Exact);
        let (tally, outcome) = run.follow(sequence).await;
        assert_eq!(
            tally.undecided, 0,
            "it is known what the store has recorded"
        );
        outcome
    })
}
