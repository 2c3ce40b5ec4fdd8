//! Frontrow's ports without another server to install: one SQLite file stores what must last, and
//! the memory of the process keeps the waiting rooms and computed rankings.

mod memory;
mod sqlite;

pub use memory::{MemoryQueue, MemoryRankingCache, QueueImageFile};
pub use sqlite::{
    BackupError, BackupKey, CheckedBackup, FreedPlace, SqliteDatabase, SqliteMigrationStatus,
    SqliteOpenError, back_up,
};
