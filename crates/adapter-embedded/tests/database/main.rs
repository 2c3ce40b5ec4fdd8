//! The SQLite file keeps the promises of a database, and those of its own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the lints know the tests themselves, and not what they call"
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
