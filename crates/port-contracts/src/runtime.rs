//! The runtime in which contracts run.

use tokio::runtime::{Builder, Runtime};

/// Builds a runtime with two workers, so that tasks of a contract really run side by side.
pub(crate) fn build() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Runs a contract to its end. The generated tests call this, so that an adapter's tests need no
/// runtime of their own.
pub fn run<Contract: Future<Output = ()>>(contract: Contract) {
    build().block_on(contract);
}
