//! Keys that are not configured: generated in the data folder at the first start, and kept there.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use uuid::Uuid;

use crate::Secret;

/// The keys in a data folder. Only their owner can read the files.
pub struct DataFolderKeys {
    folder: PathBuf,
}

impl DataFolderKeys {
    /// Returns the keys of `data_dir`, which must exist.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self {
            folder: data_dir.join("keys"),
        }
    }

    /// The name of the key that signs queue tokens.
    pub const QUEUE_TOKEN: &str = "queue-token";
    /// The name of the key that signs development identities.
    pub const IDENTITY: &str = "identity";
    /// The name of the key that opens the admin API.
    pub const ADMIN: &str = "admin";

    /// Returns the key that signs queue tokens. Creates it if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn queue_token(&self) -> anyhow::Result<Secret> {
        self.read_or_make(Self::QUEUE_TOKEN)
    }

    /// Returns the key that signs development identities. Creates it if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn identity(&self) -> anyhow::Result<Secret> {
        self.read_or_make(Self::IDENTITY)
    }

    /// Returns the key that opens the admin API. Creates it if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn admin(&self) -> anyhow::Result<Secret> {
        self.read_or_make(Self::ADMIN)
    }

    /// Returns the path of the admin key, for messages.
    #[must_use]
    pub fn admin_path(&self) -> PathBuf {
        self.path(Self::ADMIN)
    }

    /// Returns the folder of the key files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// True if the file of the key `name` exists, with any content.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Reads the key `name`. None if it does not exist. Does not create it.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn find(&self, name: &str) -> anyhow::Result<Option<Secret>> {
        let path = self.path(name);
        let what = || format!("the key file {}", path.display());
        match fs::read_to_string(&path) {
            Ok(text) if text.trim().len() >= Secret::MIN_LEN => {
                Ok(Some(text.trim().to_owned().into()))
            }
            Ok(_) => anyhow::bail!(
                "{} is too short; remove it to have a new one generated",
                what()
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", what())),
        }
    }

    /// Makes `secret` the key `name`. If the key exists with another value, its file is kept, with
    /// `suffix` added to its name, and its new path is returned.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn replace(
        &self,
        name: &str,
        secret: &Secret,
        suffix: &str,
    ) -> anyhow::Result<Option<PathBuf>> {
        let path = self.path(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.trim() == secret.expose() {
            return Ok(None);
        }
        let mut aside = path.clone().into_os_string();
        aside.push(suffix);
        let aside = PathBuf::from(aside);
        self.put(&path, secret, &aside)
            .with_context(|| format!("cannot write the key file {}", path.display()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces the file at `path`. An existing file gets the name `aside` before, so that no crash
    /// loses it. Returns that name.
    fn put(&self, path: &Path, secret: &Secret, aside: &Path) -> std::io::Result<Option<PathBuf>> {
        let unfinished = self.write_unfinished(path, secret.expose())?;
        let was_there = path.exists();
        let renamed = if was_there {
            fs::hard_link(path, aside).and_then(|()| fs::rename(&unfinished, path))
        } else {
            fs::rename(&unfinished, path)
        };
        if renamed.is_err() {
            fs::remove_file(&unfinished)?;
        }
        renamed?;
        File::open(&self.folder)?.sync_all()?;
        Ok(was_there.then(|| aside.to_owned()))
    }

    fn read_or_make(&self, name: &str) -> anyhow::Result<Secret> {
        if let Some(secret) = self.find(name)? {
            return Ok(secret);
        }
        let path = self.path(name);
        let what = || format!("the key file {}", path.display());
        self.make(&path)
            .with_context(|| format!("cannot create {}", what()))?;
        // Another process may have created it first, so it is read back.
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", what()))?;
        Ok(text.trim().to_owned().into())
    }

    /// Creates a key at `path` if there is none. It is written to another file first and then
    /// linked, so that no reader gets a partial key, and one of two concurrent creators wins.
    fn make(&self, path: &Path) -> std::io::Result<()> {
        let unfinished = self.write_unfinished(path, &random_text())?;
        let linked = fs::hard_link(&unfinished, path);
        fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        File::open(&self.folder)?.sync_all()
    }

    /// Writes a key to a file beside `path`. Creates the folder if it does not exist.
    fn write_unfinished(&self, path: &Path, key: &str) -> std::io::Result<PathBuf> {
        fs::create_dir_all(&self.folder)?;
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        let unfinished = path.with_extension(random_text());
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(key.as_bytes())?;
        file.sync_all()?;
        Ok(unfinished)
    }
}

/// Returns 64 hexadecimal digits, with 244 bits from the system's secure source of randomness.
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
    fn a_key_is_created_once_and_only_its_owner_can_read_it() {
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
    fn a_replaced_key_is_kept_under_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DataFolderKeys::of(folder.path());
        let old = keys.admin().unwrap();
        let replace = |secret: &Secret| {
            let replaced = keys.replace(DataFolderKeys::ADMIN, secret, ".old");
            replaced.unwrap()
        };
        assert_eq!(replace(&old), None, "the key is the same");
        let new = Secret::from(random_text());
        let aside = replace(&new).unwrap();
        assert_eq!(fs::read_to_string(aside).unwrap(), old.expose());
        assert_eq!(keys.admin().unwrap(), new);
        let permissions = fs::metadata(keys.admin_path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(permissions & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_key_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let keys = DataFolderKeys::of(folder.path());
        keys.admin().unwrap();
        fs::write(keys.admin_path(), "short").unwrap();
        assert!(keys.admin().is_err());
    }
}
