//! Runs a program with a wrong system clock.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::AppConfig;

/// The folders in which systems keep the library, which Debian calls `libfaketime`. `*` is a folder
/// for an architecture.
const FOLDERS: [&str; 3] = ["/usr/lib", "/usr/local/lib", "/usr/lib64"];
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

impl AppConfig {
    /// Makes the program's clock run `seconds` ahead, or behind if negative. Durations stay right:
    /// the monotonic clock is not changed.
    pub fn clock_off_by_s(self, seconds: i64) -> Result<Self> {
        let library = library().context("install libfaketime, which makes clocks wrong")?;
        Ok(self
            .env("LD_PRELOAD", library)
            .env("FAKETIME", format!("{seconds:+}"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            // The files of a process that is killed would stay behind.
            .env("FAKETIME_DISABLE_SHM", "1"))
    }
}

fn library() -> Option<PathBuf> {
    FOLDERS.into_iter().find_map(|folder| {
        let folder = PathBuf::from(folder);
        let inner = folder.read_dir().into_iter().flatten().flatten();
        let mut folders = inner.map(|entry| entry.path()).chain([folder.clone()]);
        folders.find_map(|folder| Some(folder.join(LIBRARY)).filter(|file| file.is_file()))
    })
}
