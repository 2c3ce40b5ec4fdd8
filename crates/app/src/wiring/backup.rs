//! Backups of the embedded database, and of the keys in the data folder.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use frontrow_adapter_embedded::{self as embedded, BackupKey, CheckedBackup, FreedPlace};
use frontrow_domain::ports::Clock;

use super::{database::make_folder_of, lock::lock_for_restore};
use crate::{
    config::{Config, DatabaseKind, Secret},
    security::DataFolderKeys,
    system::SystemClock,
};

/// What a backup has of a data folder, and what it lacks.
pub(crate) struct BackedUp {
    pub(crate) database: PathBuf,
    /// Where keys are that nobody configured.
    pub(crate) key_folder: PathBuf,
    /// The names of those that are there.
    pub(crate) keys: Vec<String>,
}

/// What a restore has put where.
pub(crate) struct Restored {
    pub(crate) database: PathBuf,
    /// Where the database is that was there before.
    pub(crate) old_database: Option<PathBuf>,
    pub(crate) key_folder: PathBuf,
    /// The names of the keys that the backup carried, and where those are that they replaced.
    pub(crate) keys: Vec<(String, Option<PathBuf>)>,
}

/// The names of the keys that a data folder can have.
const KEYS: [&str; 3] = [
    DataFolderKeys::ADMIN,
    DataFolderKeys::IDENTITY,
    DataFolderKeys::QUEUE_TOKEN,
];

/// Copies the configured database into the new file `file`, and the keys of the data folder with it if
/// it is to carry them.
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

/// Puts the backup `file` in the place of the configured database, and its keys into the data folder.
///
/// The database comes last: until then a restore that was cut short can be run again.
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
             docs/OPERATIONS.md tells how to do it on MySQL and MariaDB"
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

/// Puts the keys into the folder, and notes each that is there in `done`.
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

/// What a restore that fails has changed already, if anything.
fn keys_in_place(keys: &[(String, Option<PathBuf>)], folder: &DataFolderKeys) -> Option<String> {
    if keys.is_empty() {
        return None;
    }
    let names: Vec<_> = keys.iter().map(|(name, _)| name.as_str()).collect();
    let mut text = format!(
        "the keys in {} are those of the backup already: {}",
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

/// Their names become those of files.
fn refuse_strange_keys(keys: &[BackupKey], file: &Path) -> anyhow::Result<()> {
    for key in keys {
        if !KEYS.contains(&key.name.as_str()) || key.secret.len() < Secret::MIN_LEN {
            bail!(
                "{} carries a key that is none of this program's",
                file.display()
            );
        }
    }
    Ok(())
}
