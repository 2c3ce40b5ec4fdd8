//! The adapter passes the contracts of a queue on MySQL and MariaDB, and its own tests.
//!
//! The tests need a server, whose URL is in `FRONTROW_TEST_MYSQL_URL`. `cargo xtask test` starts
//! one.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the lints know the tests themselves, and not what they call"
)]

mod cost;
#[path = "../earlier/mod.rs"]
mod earlier;
mod expired;
mod heartbeats;
mod instances;
mod interleave;
mod keys;
mod locks;
mod long_line;
mod lossy_network;
mod one_queue;
mod snapshots;
mod upgrade;
#[path = "../wire/mod.rs"]
mod wire;
mod workers;

use one_queue::OneQueue;

mod contracts {
    use super::OneQueue;

    frontrow_port_contracts::queue_contracts!(OneQueue::open);
}
