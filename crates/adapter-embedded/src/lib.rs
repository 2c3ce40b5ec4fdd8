//! Frontrow's ports with nothing to install: on one SQLite file what must last, in the memory of the
//! process what need not.

mod memory;
mod sqlite;

pub use memory::{MemoryQueue, MemoryRankingCache, QueueImageFile};
pub use sqlite::{
    BackupError, BackupKey, CheckedBackup, FreedPlace, MigrationStatus, OpenError, SqliteDatabase,
    back_up,
};
