//! A program whose system clock is wrong.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::AppConfig;

/// Where systems keep the library, which Debian calls `libfaketime`; `*` is a folder for an architecture.
const FOLDERS: [&str; 3] = ["/usr/lib", "/usr/local/lib", "/usr/lib64"];
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

impl AppConfig {
    /// The program takes it to be so many seconds later than it is, or earlier where that is negative.
    /// How long something takes it knows as everybody does: the monotonic clock stays right.
    pub fn clock_off_by_s(self, seconds: i64) -> Result<Self> {
        let library = library().context("install libfaketime, which makes clocks wrong")?;
        Ok(self
            .env("LD_PRELOAD", library)
            .env("FAKETIME", format!("{seconds:+}"))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            // Files of a process that is killed would stay behind.
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
