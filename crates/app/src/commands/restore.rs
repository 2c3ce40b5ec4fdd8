//! `frontrow restore`

use std::path::Path;

use super::print;
use frontrow_identity::DataFolderKeys;

use crate::{
    config::Config,
    wiring::{self, Restored},
};

/// Replaces the database by a backup, and prints the new paths.
pub(crate) fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    let done = wiring::restore(config, file)?;
    let mut lines = vec![format!(
        "restored {} from {}\n",
        done.database.display(),
        file.display()
    )];
    let mut add_line = |what: &str, line: &str| lines.push(format!("  {what:<9} {line}\n"));
    if let Some(old) = &done.old_database {
        add_line("moved", &format!("the old database to {}", old.display()));
    }
    for (name, old) in &done.keys {
        let path = done.key_folder.join(name);
        match old {
            None => add_line("key", &path.display().to_string()),
            Some(old) => add_line(
                "key",
                &format!("{}; the old one is now {}", path.display(), old.display()),
            ),
        }
    }
    if config.queue.token_keys.is_empty() && !carries_token_key(&done) {
        let line = format!(
            "the backup has no queue-token key: queue tokens are answered 401 unless {} is the key that signed them",
            done.key_folder.join(DataFolderKeys::QUEUE_TOKEN).display()
        );
        add_line("keys", &line);
    }
    add_line(
        "lost",
        "all changes after the backup; docs/OPERATIONS.md describes what to do about it",
    );
    print(&lines.concat())
}

fn carries_token_key(done: &Restored) -> bool {
    done.keys
        .iter()
        .any(|(name, _)| name == DataFolderKeys::QUEUE_TOKEN)
}
