//! The promise of [`SnapshotQueue`](frontrow_domain::decorators::SnapshotQueue) before a store: whatever
//! happens, two instances that answer from looks tell nobody what was not true a moment ago.
//!
//! The store and the instances have clocks of their own, which go on together and step apart. Every
//! call that an instance makes of the store is made to the model, too, which so knows at any instant
//! what was true. Of an answer that did not come from the store just then, this is asked:
//!
//! - what it tells was true at its instant, at most 500 ms ago, but for a position that counts people
//!   ahead who left;
//! - through one instance nobody's position grows, and who has left there is told so at once;
//! - a place with a recent heartbeat lives on, and no other.
//!
//! Answers of the store may be on their way while anything else happens, also a loss of the store.

mod checks;
mod mirror;
mod run;
mod steps;
mod time;
mod truth;

use std::{cell::Cell, sync::Arc};

use proptest::test_runner::{TestCaseError, TestError};

pub use self::time::SteppingClock;
use self::{run::Run, steps::sequence};
use crate::{QueuePorts, model::runner, runtime};

/// Tries random sequences on stores that `make` makes, each on the clock that it is given, with the
/// environment that [`queue_model`](crate::model::queue_model) reads. Positions must be exact.
///
/// # Panics
/// Where a promise is broken.
pub fn snapshot_queue_model(make: impl Fn(Arc<SteppingClock>) -> QueuePorts) {
    if let Err(failure) = try_snapshot_queue_model(make) {
        panic!("{failure}");
    }
}

/// As [`snapshot_queue_model`], with the failure as a value.
pub(crate) fn try_snapshot_queue_model(
    make: impl Fn(Arc<SteppingClock>) -> QueuePorts,
) -> Result<(), String> {
    let runtime = runtime::build();
    let from_looks = Cell::new(0);
    let tried = runner().run(&sequence(), |sequence| {
        let run = Run::new(&make, &from_looks);
        runtime
            .block_on(run.follow(&sequence))
            .map_err(TestCaseError::fail)
    });
    match tried {
        Ok(()) if from_looks.get() == 0 => Err("nobody was answered from a look".to_owned()),
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, sequence)) => Err(format!("{why}\nin the sequence\n{sequence:?}")),
        Err(TestError::Abort(why)) => Err(format!("gave up: {why}")),
    }
}
