//! The contract of [`SnapshotQueue`](frontrow_domain::decorators::SnapshotQueue) on a store: two
//! instances that answer from snapshots return only what was true a moment ago.
//!
//! The store and the instances have their own clocks, which run together and step apart. Every call
//! that an instance makes to the store is also made to the model, which therefore knows what was
//! true at any instant. An answer that did not come from the store at that moment must satisfy:
//!
//! - its content was true at its instant, at most 500 ms ago, except that a position may count
//!   users ahead who left;
//! - through one instance no position grows, and a user who has left there has no place at once;
//! - a place with a recent heartbeat lives on, and no place lives on without one.
//!
//! Answers of the store may be in flight while anything else happens, also a loss of the store.

mod checks;
mod history;
mod late_answers;
mod mirror;
mod run;
mod steps;
mod time;

use std::{cell::Cell, sync::Arc};

use proptest::test_runner::{TestCaseError, TestError};

pub use self::time::SteppingClock;
use self::{run::Run, steps::sequence};
use crate::{QueuePorts, model::runner, runtime};

/// Tries random sequences on stores from `make`, each on the clock that it is given, with the
/// environment variables that [`queue_model`](crate::model::queue_model) reads. Positions must be
/// exact.
///
/// # Panics
/// Panics if a promise is broken.
pub fn snapshot_queue_model(make: impl Fn(Arc<SteppingClock>) -> QueuePorts) {
    if let Err(failure) = try_snapshot_queue_model(make) {
        panic!("{failure}");
    }
}

/// As [`snapshot_queue_model`], but returns the failure as a value.
pub(crate) fn try_snapshot_queue_model(
    make: impl Fn(Arc<SteppingClock>) -> QueuePorts,
) -> Result<(), String> {
    let runtime = runtime::build();
    let from_snapshots = Cell::new(0);
    let tried = runner().run(&sequence(), |sequence| {
        let run = Run::new(&make, &from_snapshots);
        runtime
            .block_on(run.follow(&sequence))
            .map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) if from_snapshots.get() == 0 => {
            Err("no call was answered from a snapshot".to_owned())
        }
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, sequence)) => Err(format!("{why}\nin the sequence\n{sequence:?}")),
        Err(TestError::Abort(why)) => Err(format!("gave up: {why}")),
    }
}
