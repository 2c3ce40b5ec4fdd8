//! Runs random sequences against a store, with the model beside it.

use std::{cell::RefCell, env, fmt::Debug, str::FromStr};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::{
    run_queue::Run,
    steps::{Positions, sequence},
};
use crate::{queue::QueueFixture, runtime};

/// The environment variable for the number of sequences.
const CASES: &str = "FRONTROW_MODEL_CASES";
/// How long a failing sequence is shortened, so that it is printed before the test is stopped (ms).
const SHRINK_MS_MAX: u32 = 30_000;
/// The environment variable that selects the sequences: another number, other sequences.
const SEED: &str = "FRONTROW_MODEL_SEED";

/// Checks that the store answers any calls in any order as the model does.
///
/// Tries `FRONTROW_MODEL_CASES` sequences (256 without it). They are the same for the same
/// `FRONTROW_MODEL_SEED`. All share one store, in which each has its own queue. A sequence for
/// which the store answers differently is shortened as far as possible and printed.
///
/// # Panics
/// Panics if the store answers differently.
pub fn queue_model<F, Fut>(make: impl FnOnce() -> Fut, positions: Positions)
where
    F: QueueFixture,
    Fut: Future<Output = F>,
{
    if let Err(failure) = try_queue_model(make, positions, 256) {
        panic!("{failure}");
    }
}

/// As [`queue_model`], but takes the number of sequences as an argument and returns the failure as
/// a value.
pub(crate) fn try_queue_model<F, Fut>(
    make: impl FnOnce() -> Fut,
    positions: Positions,
    sequences: u32,
) -> Result<(), String>
where
    F: QueueFixture,
    Fut: Future<Output = F>,
{
    let runtime = runtime::build();
    let fixture = RefCell::new(runtime.block_on(make()));
    let queues = RefCell::new(0);
    let mut runner = runner_of(from_env(CASES, sequences), 4_000);
    let tried = runner.run(&sequence(), |sequence| {
        *queues.borrow_mut() += 1;
        let mut fixture = fixture.borrow_mut();
        let run = Run::new(&mut *fixture, *queues.borrow(), positions);
        runtime
            .block_on(run.follow(&sequence))
            .map_err(TestCaseError::fail)
    });
    let outcome = tried.map_err(|error| match error {
        TestError::Fail(why, sequence) => format!("{why}\nin the sequence\n{sequence:?}"),
        TestError::Abort(why) => format!("gave up: {why}"),
    });
    // The fixture may need the runtime to end.
    let _in_runtime = runtime.enter();
    drop(fixture);
    outcome
}

/// Returns a runner for the number of cases that the environment sets.
pub(crate) fn runner() -> TestRunner {
    runner_of(from_env(CASES, 256), 4_000)
}

/// Returns a runner for this number of cases, and this number of shorter ones of a case that fails.
pub(super) fn runner_of(cases: u32, max_shrink_iters: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters,
        max_shrink_time: SHRINK_MS_MAX,
        ..Config::default()
    };
    let mut seed = [0_u8; 32];
    for (byte, from) in seed
        .iter_mut()
        .zip(from_env(SEED, 20_260_101_u64).to_le_bytes())
    {
        *byte = from;
    }
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

pub(super) fn from_env<T: FromStr<Err: Debug>>(name: &str, default: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => default,
    }
}
