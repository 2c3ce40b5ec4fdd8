//! The SQLite adapter passes the contracts of a database, and its own tests.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints allow these in test functions, but not in their helpers"
)]

mod abandoned;
mod audit;
mod files;
mod full_disk;
mod instants;
mod keys;
mod one_file;
mod plans;
mod program;
mod turns;
mod upgrade;

use one_file::OneFile;

mod contracts {
    use super::OneFile;

    frontrow_port_contracts::database_contracts!(OneFile::open().await);
}
