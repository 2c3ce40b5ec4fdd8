//! Runs git in this repository.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// The root folder of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = ask(here, &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(root.trim_end()))
}

/// The paths, from the root, of the files in git's index.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let listed = ask(root, &["ls-files", "-z"])?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// The output of a git command.
pub(crate) fn ask(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("git {}: {}", arguments.join(" "), why.trim_end());
    }
    String::from_utf8(output.stdout).context("the output of git is not UTF-8")
}
