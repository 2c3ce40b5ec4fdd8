//! What keeps a second process away from queues that are in the memory of the first.

use std::fs::{File, TryLockError};

use anyhow::{Context, bail};

use super::database::make_folder_of;
use crate::config::{Backend, Config};

/// Keeps other processes from serving the same concerts, for as long as it is held. Two processes
/// with a queue each would admit twice as many people as the policies say. Nothing to keep where the
/// queues have a store that processes share.
pub(crate) fn lock(config: &Config) -> anyhow::Result<Option<File>> {
    if config.queue.backend != Backend::Embedded {
        return Ok(None);
    }
    let database = config.sqlite_path();
    let path = database.with_added_extension("lock");
    let what = || format!("cannot lock {}", path.display());
    make_folder_of(&path)?;
    let file = File::create(&path).with_context(what)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => bail!(
            "another frontrow serves the concerts of {}, and keeps their queues in its memory",
            database.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(what),
    }
}
