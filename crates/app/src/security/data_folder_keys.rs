//! Keys that nobody configured: made at random in the data folder on the first start, and kept there.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use uuid::Uuid;

use crate::config::Secret;

/// The keys in a data folder. Readable by their owner alone.
pub(crate) struct DataFolderKeys {
    folder: PathBuf,
}

impl DataFolderKeys {
    /// The keys of `data_dir`, which is there.
    pub(crate) fn of(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("keys"),
        }
    }

    /// Signs queue tokens.
    pub(crate) fn queue_token(&self) -> anyhow::Result<Secret> {
        self.read_or_make("queue-token")
    }

    /// Signs development identities.
    pub(crate) fn identity(&self) -> anyhow::Result<Secret> {
        self.read_or_make("identity")
    }

    /// Opens the admin API.
    pub(crate) fn admin(&self) -> anyhow::Result<Secret> {
        self.read_or_make("admin")
    }

    /// Where the admin key is, for people to look it up.
    pub(crate) fn admin_path(&self) -> PathBuf {
        self.folder.join("admin")
    }

    fn read_or_make(&self, name: &str) -> anyhow::Result<Secret> {
        let path = self.folder.join(name);
        let what = || format!("the key file {}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= Secret::MIN_LEN => {
                return Ok(text.trim().to_owned().into());
            }
            Ok(_) => anyhow::bail!("{} is too short; remove it to have a new one made", what()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", what())),
        }
        self.make(&path)
            .with_context(|| format!("cannot make {}", what()))?;
        // Another process may have been first: what counts is what is there now.
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", what()))?;
        Ok(text.trim().to_owned().into())
    }

    /// Makes a key at `path`, if there is none. Written elsewhere first and then linked, so that
    /// nobody ever reads half of a key, and of two who make it at once one wins.
    fn make(&self, path: &Path) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        let unfinished = path.with_extension(random_text());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(random_text().as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        File::open(&self.folder)?.sync_all()
    }
}

/// 64 hexadecimal digits, 244 bits of them from the system's secure source of randomness.
fn random_text() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "keys are made once, at the edge, and never tested for their value"
    )]
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    format!("{}{}", one.simple(), two.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DataFolderKeys::of(folder.path());
        let made = keys.admin().unwrap();
        assert!(made.expose().len() >= Secret::MIN_LEN);
        assert_eq!(keys.admin().unwrap(), made);
        assert_ne!(keys.identity().unwrap(), made);
        let permissions = fs::metadata(keys.admin_path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(permissions & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_not_replaced_in_silence() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DataFolderKeys::of(folder.path());
        keys.admin().unwrap();
        fs::write(keys.admin_path(), "short").unwrap();
        assert!(keys.admin().is_err());
    }
}
