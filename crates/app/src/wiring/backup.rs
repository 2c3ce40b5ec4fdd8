//! Backup and restore of the embedded database and of the keys in the data folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use frontrow_adapter_embedded::{self as embedded, BackupKey, CheckedBackup, FreedPlace};
use frontrow_domain::ports::Clock;

use super::{database::make_folder_of, lock::lock_for_restore};
use frontrow_identity::DataFolderKeys;

use crate::{
    config::{Config, DatabaseKind, Secret},
    system::SystemClock,
};

/// The result of a backup.
pub(crate) struct BackedUp {
    pub(crate) database: PathBuf,
    /// The folder of the generated keys.
    pub(crate) key_folder: PathBuf,
    /// The names of the keys that exist there.
    pub(crate) keys: Vec<String>,
}

/// The result of a restore.
pub(crate) struct Restored {
    pub(crate) database: PathBuf,
    /// The path of the replaced database.
    pub(crate) old_database: Option<PathBuf>,
    pub(crate) key_folder: PathBuf,
    /// The names of the keys in the backup, each with the path of the key that it replaced.
    pub(crate) keys: Vec<(String, Option<PathBuf>)>,
}

/// The names of all keys of a data folder.
const KEYS: [&str; 3] = [
    DataFolderKeys::ADMIN,
    DataFolderKeys::IDENTITY,
    DataFolderKeys::QUEUE_TOKEN,
];

/// Copies the configured database to the new file `file`, with the keys of the data folder if
/// `with_keys`.
pub(crate) fn back_up(config: &Config, file: &Path, with_keys: bool) -> anyhow::Result<BackedUp> {
    let database = embedded_database(config)?;
    let folder = DataFolderKeys::of(&config.data_dir);
    let carried = if with_keys {
        keys_in(&folder)?
    } else {
        Vec::new()
    };
    embedded::back_up(&database, file, &carried)?;
    let keys = if with_keys {
        carried.into_iter().map(|key| key.name).collect()
    } else {
        let there = KEYS.into_iter().filter(|name| folder.has(name));
        there.map(str::to_owned).collect()
    };
    Ok(BackedUp {
        database,
        key_folder: folder.folder().to_owned(),
        keys,
    })
}

/// Replaces the configured database by the backup `file`, and writes its keys to the data folder.
///
/// The database is replaced last. A restore that is interrupted before that can be run again.
pub(crate) fn restore(config: &Config, file: &Path) -> anyhow::Result<Restored> {
    let database = embedded_database(config)?;
    let missing = || format!("cannot read {}", file.display());
    std::fs::metadata(file).with_context(missing)?;
    make_folder_of(&database)?;
    let _lock = lock_for_restore(&database)?;
    let backup = CheckedBackup::of(file, &database)?;
    refuse_strange_keys(backup.keys(), file)?;
    let place = FreedPlace::at(&database)?;
    let suffix = format!(
        ".before-{}",
        SystemClock.now().strftime("%Y%m%dT%H%M%S.%6fZ")
    );
    let folder = DataFolderKeys::of(&config.data_dir);
    let mut keys = Vec::new();
    let put = replace_keys(backup.keys(), &folder, &suffix, &mut keys)
        .and_then(|()| Ok(place.put(backup, &suffix)?));
    let old_database = put.map_err(|error| match keys_in_place(&keys, &folder) {
        Some(so_far) => error.context(so_far),
        None => error,
    })?;
    Ok(Restored {
        database,
        old_database,
        key_folder: folder.folder().to_owned(),
        keys,
    })
}

fn embedded_database(config: &Config) -> anyhow::Result<PathBuf> {
    match config.database_kind() {
        DatabaseKind::Sqlite(path) => Ok(path),
        DatabaseKind::MySql(_) => bail!(
            "database.url: only the embedded database is backed up and restored by this program; \
             docs/OPERATIONS.md describes how to do it on MySQL and MariaDB"
        ),
    }
}

fn keys_in(folder: &DataFolderKeys) -> anyhow::Result<Vec<BackupKey>> {
    let mut keys = Vec::new();
    for name in KEYS {
        if let Some(secret) = folder.find(name)? {
            keys.push(BackupKey {
                name: name.to_owned(),
                secret: secret.expose().to_owned(),
            });
        }
    }
    Ok(keys)
}

/// Writes the keys to the folder. Adds each written key to `done`.
fn replace_keys(
    keys: &[BackupKey],
    folder: &DataFolderKeys,
    suffix: &str,
    done: &mut Vec<(String, Option<PathBuf>)>,
) -> anyhow::Result<()> {
    for key in keys {
        let secret = Secret::from(key.secret.clone());
        let old = folder.replace(&key.name, &secret, suffix)?;
        done.push((key.name.clone(), old));
    }
    Ok(())
}

/// Describes the keys that a failed restore has already replaced. None without any.
fn keys_in_place(keys: &[(String, Option<PathBuf>)], folder: &DataFolderKeys) -> Option<String> {
    if keys.is_empty() {
        return None;
    }
    let names: Vec<_> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!(
        "the keys in {} are already those of the backup: {}",
        folder.folder().display(),
        names.join(", ")
    );
    let old: Vec<_> = keys
        .iter()
        .filter_map(|(_, old)| Some(old.as_ref()?.display().to_string()))
        .collect();
    if !old.is_empty() {
        text.extend(["; the old ones are ", &old.join(", ")]);
    }
    Some(text)
}

/// Refuses unknown names, because names become file names, and short keys.
fn refuse_strange_keys(keys: &[BackupKey], file: &Path) -> anyhow::Result<()> {
    for key in keys {
        if !KEYS.contains(&key.name.as_str()) || key.secret.len() < Secret::MIN_LEN {
            bail!(
                "{} contains a key that does not belong to this program",
                file.display()
            );
        }
    }
    Ok(())
}
