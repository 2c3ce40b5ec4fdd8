//! Tries sequences on a broken way.

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

/// How many sequences are tried.
const CASES: &str = "FRONTROW_FAULT_CASES";
/// How many shorter ones are tried of one that fails: each may have to wait for answers that never come.
const SHRINKS_MAX: u32 = 500;

/// Whatever happens to a queue on a broken way, in whatever order, the store is honest.
///
/// Tries `FRONTROW_FAULT_CASES` sequences, or so many without it, the same ones for the same
/// `FRONTROW_MODEL_SEED`. A sequence that no model explains is made shorter and printed.
///
/// # Panics
/// Where no model explains what the store answered.
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

/// What came of all sequences.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(super) sequences: u32,
    /// Not followed to their end.
    pub(crate) undecided: u32,
    pub(super) answers: u32,
    pub(super) not_applied: u32,
    pub(super) unknown: u32,
}

/// As [`queue_model_with_faults`] with so many sequences, and with the failure as a value.
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

/// Follows one sequence. Errors where no model explains what the store answered.
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
