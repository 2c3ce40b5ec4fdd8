//! Frontrow's ports on MySQL and MariaDB.
//!
//! [`MySqlDatabase`] has what must last: concerts, reservations, points. [`MySqlQueue`] has the waiting rooms,
//! for those who want no other store. Several instances of the service share one database.
//!
//! # The two engines
//! Everything here runs on MySQL 8.0.16 or later and on MariaDB 10.6 or later, and is tested on both. What
//! differs, as far as it is known:
//!
//! - MariaDB ends any statement that takes longer than [`MySqlSettings::statement_timeout`], MySQL only a
//!   `SELECT`; on both the adapter stops waiting then.
//! - A broken `CHECK` is error 4025 on MariaDB, which the driver does not know, and 3819 on MySQL. None is
//!   expected, so both become a failure that changed nothing.
//! - `LOCK IN SHARE MODE`, `VALUES(column)` after `ON DUPLICATE KEY UPDATE` and `CREATE TABLE IF NOT EXISTS`
//!   are what both understand; MySQL has newer words for the first two, which MariaDB does not know.
//! - Texts compare by `utf8mb4_bin` in both, which takes spaces at the end for nothing. What may have any
//!   (idempotency keys) is `VARBINARY`; user ids and seat labels have none.
//! - The binary log must not be `STATEMENT`, which goes with READ COMMITTED on neither. The defaults (MySQL
//!   `ROW`, MariaDB `MIXED`) are fine.
//! - MySQL takes about ten times as long as MariaDB for a change of a table.
//!
//! # Files
//! - `settings`, `pool`, `session`: how to connect, and what a connection begins with.
//! - `calls`: how a call of a port runs, is tried again, and ends in time.
//! - `clock`: what time it is. `statement`: SQL that is prepared once a connection.
//! - `sole_user`: a lock for what one process at a time may do.
//! - `migrations`, `open_error`: from any database to the schema that this program knows.
//! - `errors`: the one place where a driver's error becomes a store's.
//! - `database/`: one file for each port.
//! - `queue/`: the waiting rooms, one file for each thing that can be done in them.

mod clock;
mod database;
mod errors;
mod migrations;
mod open_error;
mod pool;
mod queue;
mod session;
mod settings;
mod sole_user;
mod statement;
mod transactions;

pub use clock::TimeOffset;
pub use database::MySqlDatabase;
pub use migrations::MigrationStatus;
pub use open_error::OpenError;
pub use queue::MySqlQueue;
pub use settings::{MySqlSettings, OlderSchema, TlsMode};
pub use sole_user::SoleUser;
