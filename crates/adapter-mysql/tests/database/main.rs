//! The adapter passes the contracts of a database on MySQL and MariaDB, and its own tests.
//!
//! The tests need a server, whose URL is in `FRONTROW_TEST_MYSQL_URL`. `cargo xtask test` starts
//! one.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know the tests themselves, and not what they call"
)]

mod audit;
mod contention;
mod counting;
#[path = "../earlier/mod.rs"]
mod earlier;
mod faults;
mod index;
mod keys;
mod one_database;
mod opening;
mod plans;
mod program;
mod restarts;
mod stampede;
mod sweeping;
mod turns;
mod upgrade;
#[path = "../wire/mod.rs"]
mod wire;

use one_database::OneDatabase;

mod contracts {
    use super::OneDatabase;

    frontrow_port_contracts::database_contracts!(OneDatabase::open().await);
}
