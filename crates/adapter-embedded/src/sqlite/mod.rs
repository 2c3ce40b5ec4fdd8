//! Stores concerts, reservations and points in one SQLite file.
//!
//! [`SqliteDatabase`] has one file here for each port. Below them are:
//!
//! - `database`: the open file. Every port call is one closure that runs in one transaction on one
//!   blocking thread, so a call costs one hop, independent of the number of its statements.
//! - `pools`: one connection that writes and a few that read. SQLite has one writer at a time, and
//!   the write-ahead log lets readers read meanwhile.
//! - `migrations`, `open_error`: migrate any file, or a new one, to the schema that this program
//!   knows.
//! - `schema`, `columns`, `rows`: the tables for diesel, and the conversion of rows to domain
//!   values.
//! - `performance_edits`, `seat_rows`, `slots`, `deletions`: how the catalogue's editor changes a
//!   performance and its seats.
//! - `backup`, `restore`, `inspection`, `backup_keys`, `backup_error`: copying the file while the
//!   service runs on it, and restoring the copy.
//! - `audit`: the log of what operators change.
//! - `errors`: the one place that converts a driver's error into a store's.

mod audit;
mod backup;
mod backup_error;
mod backup_keys;
mod books;
mod clean_stops;
mod columns;
mod concert_editor;
mod concerts;
mod database;
mod deletions;
mod errors;
mod idempotency;
mod inspection;
mod migrations;
mod open_error;
mod performance_edits;
mod points;
mod pools;
mod queue_policies;
mod ranking_counters;
mod ranking_source;
mod reservations;
mod restore;
mod rows;
mod schema;
mod seat_rows;
mod served_arrivals;
mod slots;
mod stored_currency;

pub use backup::{BackupKey, back_up};
pub use backup_error::BackupError;
pub use database::SqliteDatabase;
pub use migrations::SqliteMigrationStatus;
pub use open_error::SqliteOpenError;
pub use restore::{CheckedBackup, FreedPlace};
