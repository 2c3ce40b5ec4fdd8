//! What git knows of this repository.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The folder of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = ask(here, &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(root.trim_end()))
}

/// The files that are committed, or about to be, by their paths from the root.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let listed = ask(root, &["ls-files", "-z"])?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// What a git command prints.
pub(crate) fn ask(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .context("git cannot be started")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", arguments.join(" "), why.trim_end());
    }
    String::from_utf8(output.stdout).context("git prints what is no UTF-8")
}
