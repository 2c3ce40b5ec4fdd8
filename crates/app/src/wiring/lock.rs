//! The lock that prevents a second process from serving queues that are in the memory of the first
//! one, and a restore from replacing a database file that a server uses.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use anyhow::{Context, anyhow};
use frontrow_adapter_mysql::SoleUser;

use super::database::{database_name, make_folder_of, mysql_settings};
use crate::config::{Config, DatabaseKind, QueueBackend};

/// The lock of a process that serves. It is released when it is dropped.
pub(crate) enum Lock {
    /// A lock file beside the database file.
    File(#[expect(dead_code, reason = "the lock goes when it is dropped")] File),
    /// A named lock of the database server.
    Server {
        lock: Box<SoleUser>,
        database: String,
    },
}

impl Lock {
    /// Waits until another process has taken the lock, and returns that as an error. This can
    /// happen after an outage of the server or the network. The lock of a file is never lost.
    pub(crate) async fn lost(&mut self) -> anyhow::Error {
        match self {
            Self::File(_) => std::future::pending().await,
            Self::Server { lock, database } => {
                lock.lost().await;
                taken(database)
            }
        }
    }

    /// Returns whether this process has the lock at this moment. If not, another one may serve the
    /// queues.
    pub(crate) async fn is_held(&mut self) -> bool {
        match self {
            Self::File(_) => true,
            Self::Server { lock, .. } => lock.is_owner().await,
        }
    }
}

/// Takes the lock that prevents other processes from serving the same concerts. Two processes with
/// a queue each would admit twice as many users as the policies allow. If the processes share a
/// queue store, the lock of a file is shared and prevents only a restore.
pub(crate) async fn lock(config: &Config) -> anyhow::Result<Option<Lock>> {
    let alone = config.queue.backend == QueueBackend::Embedded;
    let lock = match config.database_kind() {
        DatabaseKind::Sqlite(path) => lock_file(&path, alone)?.map(Lock::File),
        DatabaseKind::MySql(_) if !alone => return Ok(None),
        DatabaseKind::MySql(url) => {
            let lock = SoleUser::of(url, &mysql_settings(config))
                .await
                .context("database.url")?;
            let database = database_name(config);
            lock.map(|lock| Lock::Server {
                lock: Box::new(lock),
                database,
            })
        }
    };
    lock.map_or_else(|| Err(taken(&database_name(config))), |lock| Ok(Some(lock)))
}

/// Prevents servers from using the file `database` while it is replaced.
pub(super) fn lock_for_restore(database: &Path) -> anyhow::Result<File> {
    let lock = lock_file(database, true)?;
    lock.with_context(|| {
        let database = database.display();
        format!("another frontrow serves the concerts of {database}; stop it first")
    })
}

fn taken(database: &str) -> anyhow::Error {
    anyhow!(
        "another frontrow serves the concerts of {database}, which only one may do while it keeps \
         their queues in its memory"
    )
}

/// Locks a file beside `database`, exclusively if `alone`, else shared. None if another process
/// holds a conflicting lock.
fn lock_file(database: &Path, alone: bool) -> anyhow::Result<Option<File>> {
    let path = database.with_added_extension("lock");
    let what = || format!("cannot lock {}", path.display());
    make_folder_of(&path)?;
    let file = File::create(&path).with_context(what)?;
    let locked = if alone {
        file.try_lock()
    } else {
        file.try_lock_shared()
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(what),
    }
}
