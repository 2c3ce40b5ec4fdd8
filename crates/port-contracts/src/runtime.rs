//! The runtime in which contracts run.

use tokio::runtime::{Builder, Runtime};

/// Builds a runtime with two workers, so that tasks of a contract run in parallel.
pub(crate) fn build() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Runs a contract to its end. The generated tests call this, so that an adapter's tests need not
/// create a runtime.
pub fn run<Contract: Future<Output = ()>>(contract: Contract) {
    build().block_on(contract);
}
