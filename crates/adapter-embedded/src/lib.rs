//! Implements Frontrow's ports without another server. One SQLite file stores the durable data, and
//! the memory of the process has the queues and the computed rankings.

mod memory;
mod sqlite;

pub use memory::{MemoryQueue, MemoryRankingCache, QueueImageFile};
pub use sqlite::{
    BackupError, BackupKey, CheckedBackup, FreedPlace, SqliteDatabase, SqliteMigrationStatus,
    SqliteOpenError, back_up,
};
