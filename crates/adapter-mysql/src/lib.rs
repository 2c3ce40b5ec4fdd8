//! Frontrow's ports on MySQL and MariaDB.
//!
//! [`MySqlDatabase`] stores what must last: concerts, reservations, points. [`MySqlQueue`] keeps
//! the waiting rooms, for operators who want no other store. Several instances of the service share
//! one database.
//!
//! # The two engines
//! All code here runs on MySQL 8.0.16 or later and on MariaDB 10.6 or later, and is tested on both.
//! The known differences:
//!
//! - MariaDB ends any statement that takes longer than [`MySqlSettings::statement_timeout`]. MySQL
//!   ends only a `SELECT`. On both, the adapter stops waiting after that time.
//! - A violated `CHECK` is error 4025 on MariaDB, which the driver does not know, and 3819 on
//!   MySQL. No violation is expected, so both become a failure that changed nothing.
//! - `LOCK IN SHARE MODE`, `VALUES(column)` after `ON DUPLICATE KEY UPDATE` and `CREATE TABLE IF
//!   NOT EXISTS` are understood by both. MySQL has newer syntax for the first two, which MariaDB
//!   does not know.
//! - Texts compare by `utf8mb4_bin` on both, which ignores trailing spaces. Columns that may have
//!   trailing spaces (idempotency keys) are `VARBINARY`. User ids and seat labels never have any.
//! - The binary log format must not be `STATEMENT`, which neither allows with READ COMMITTED. The
//!   defaults (MySQL `ROW`, MariaDB `MIXED`) are fine.
//! - MySQL takes about ten times as long as MariaDB to change a table.
//!
//! # Files
//! - `settings`, `pool`, `session`: how to connect, and how a connection is initialised.
//! - `transactions`: how a call of a port runs, is retried, and is limited in time.
//! - `clock`: the store's time. `statement`: SQL that is prepared once per connection.
//! - `sole_user`: a lock for work that one process at a time may do.
//! - `migrations`, `open_error`: bring any database to the schema that this program knows.
//! - `errors`: the one place that converts a driver's error into a store's.
//! - `database/`: one file for each port.
//! - `queue/`: the waiting rooms, one file for each operation.

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

pub use database::MySqlDatabase;
pub use frontrow_domain::ports::TimeOffset;
pub use migrations::MySqlMigrationStatus;
pub use open_error::MySqlOpenError;
pub use queue::MySqlQueue;
pub use settings::{MySqlSettings, OlderSchema, TlsMode};
pub use sole_user::SoleUser;
