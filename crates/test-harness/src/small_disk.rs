use std::{
    ffi::OsStr,
    fs::File,
    io::{ErrorKind, Write},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// The name of the file that takes up the rest of the disk.
const BALLAST: &str = "ballast";

/// The unit of writing. A disk without room for one more block is full.
const BLOCK: [u8; 4_096] = [0; 4_096];

/// A disk of a fixed size, in memory (`tmpfs`), which a test fills. Only root can create one.
/// Dropping this unmounts it and removes everything on it.
#[derive(Debug)]
pub struct SmallDisk {
    /// The folder on which it is mounted.
    folder: TempDir,
}

impl SmallDisk {
    /// Creates an empty disk of `mib` MiB. Errors if the caller is not root.
    pub fn mount(mib: u32) -> Result<Self> {
        let root = nix::unistd::geteuid().is_root();
        ensure!(
            root,
            "this test mounts a small disk (tmpfs) and needs root: run it as root"
        );
        let folder = TempDir::with_prefix("frontrow-small-disk-")?;
        let size = format!("size={mib}m");
        let options = ["-t", "tmpfs", "-o", &size, "tmpfs"].map(OsStr::new);
        run("mount", &options, folder.path())?;
        Ok(Self { folder })
    }

    /// Returns its root folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it up. Space that other files free meanwhile can be used.
    pub fn fill(&self) -> Result<()> {
        let ballast = self.path().join(BALLAST);
        let mut ballast = File::options().create(true).append(true).open(ballast)?;
        loop {
            match ballast.write_all(&BLOCK) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Frees all the space that [`SmallDisk::fill`] has taken.
    pub fn make_room(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path().join(BALLAST))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // This works also while a process, such as a server that is about to end, has a file open.
        let lazily = [OsStr::new("-l")];
        if let Err(error) = run("umount", &lazily, self.path()) {
            eprintln!("{} is still mounted: {error:#}", self.path().display());
        }
    }
}

fn run(program: &str, options: &[&OsStr], folder: &Path) -> Result<()> {
    let output = Command::new(program).args(options).arg(folder).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    ensure!(
        output.status.success(),
        "{program} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_full_disk_takes_nothing_until_there_is_room_again() {
        let disk = SmallDisk::mount(1).unwrap();
        let file = disk.path().join("file");
        fs::write(&file, BLOCK).unwrap();
        disk.fill().unwrap();
        let refused = fs::write(disk.path().join("another"), BLOCK).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read(&file).unwrap(), BLOCK);
        disk.make_room().unwrap();
        fs::write(disk.path().join("another"), BLOCK).unwrap();
    }

    #[test]
    fn dropping_it_removes_its_folder() {
        let disk = SmallDisk::mount(1).unwrap();
        let folder = disk.path().to_owned();
        let _open = File::create(folder.join("file")).unwrap();
        drop(disk);
        assert!(!folder.exists());
    }
}
