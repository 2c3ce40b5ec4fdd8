//! Runs git in this repository.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Returns the root folder of the repository.
pub(crate) fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().context("the repository has moved")
}

/// Returns the paths, from the root, of the files in git's index. If git does not know the folder,
/// as in an unpacked archive, returns the paths of all files except those that a build creates.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let Ok(listed) = ask(root, &["ls-files", "-z"]) else {
        let mut files = Vec::new();
        walk(root, Path::new(""), &mut files)?;
        return Ok(files);
    };
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// Adds the files below `folder`, by their paths from the root.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    for entry in root.join(folder).read_dir()? {
        let entry = entry?;
        let name = entry.file_name();
        let path = folder.join(&name);
        if entry.file_type()?.is_file() {
            files.extend(path.to_str().map(str::to_owned));
        } else if entry.file_type()?.is_dir() && name != "target" && name != ".git" {
            walk(root, &path, files)?;
        }
    }
    Ok(())
}

/// Returns the output of a git command.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_without_git_too() {
        let root = root().unwrap();
        let mut walked = Vec::new();
        walk(&root, Path::new(""), &mut walked).unwrap();
        for path in ["Cargo.toml", "crates/xtask/src/git.rs", ".ci/run"] {
            assert!(walked.iter().any(|one| one == path), "{path}");
            assert!(
                files(&root).unwrap().iter().any(|one| one == path),
                "{path}"
            );
        }
        assert!(!walked.iter().any(|path| path.starts_with("target/")));
    }
}
