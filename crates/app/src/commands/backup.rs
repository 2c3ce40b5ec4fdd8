//! `frontrow backup`

use std::path::Path;

use super::print;
use frontrow_identity::DataFolderKeys;

use crate::{
    config::{Config, QueueBackend},
    wiring::{self, BackedUp},
};

/// Copies the database, and prints the contents of the copy and the parts that it lacks.
pub(crate) fn backup(config: &Config, file: &Path, with_keys: bool) -> anyhow::Result<()> {
    let done = wiring::back_up(config, file, with_keys)?;
    let (database, file) = (done.database.display(), file.display());
    let mut text = format!("wrote {file}, a copy of {database}\n");
    let folder_keys = keys_in_folder(config, &done, with_keys);
    let rest = [
        configured_keys(config),
        Some(("left out", queues(config).to_owned())),
        Some((
            "restore",
            format!("frontrow restore {file}, while no server runs; see docs/OPERATIONS.md"),
        )),
    ];
    for (what, line) in folder_keys.into_iter().chain(rest.into_iter().flatten()) {
        text.extend(["  ", &format!("{what:<9}"), " ", &line, "\n"]);
    }
    print(&text)
}

/// Returns the lines about the keys of the data folder.
fn keys_in_folder(
    config: &Config,
    done: &BackedUp,
    with_keys: bool,
) -> Vec<(&'static str, String)> {
    if done.keys.is_empty() {
        return Vec::new();
    }
    let keys = format!(
        "the keys in {}: {}",
        done.key_folder.display(),
        done.keys.join(", ")
    );
    if with_keys {
        let secret = format!("a reader of this file {}", power_of(&done.keys));
        return vec![("with", keys), ("secret", secret)];
    }
    let mut lines = vec![("left out", format!("{keys}; --with-keys copies them too"))];
    if signs_tokens(config, done) {
        let line = "without the key queue-token every queue token is answered 401 after a restore";
        lines.push(("", line.to_owned()));
    }
    lines
}

/// Describes the power of a holder of these keys.
fn power_of(keys: &[String]) -> &'static str {
    let is_admin = |name: &String| name == DataFolderKeys::ADMIN;
    match (keys.iter().any(is_admin), keys.iter().all(is_admin)) {
        (false, _) => "can make tokens",
        (true, false) => "can make tokens, and is an operator",
        (true, true) => "is an operator",
    }
}

/// True if the data folder's key is the one that signs queue tokens.
fn signs_tokens(config: &Config, done: &BackedUp) -> bool {
    config.queue.token_keys.is_empty()
        && done
            .keys
            .iter()
            .any(|name| name == DataFolderKeys::QUEUE_TOKEN)
}

/// Returns the line about the configured keys. None without any.
fn configured_keys(config: &Config) -> Option<(&'static str, String)> {
    let identity = &config.identity;
    let settings: Vec<_> = [
        (!config.queue.token_keys.is_empty(), "queue.token_keys"),
        (!config.admin.keys.is_empty(), "admin.keys"),
        (identity.hs256_secret.is_some(), "identity.hs256_secret"),
        (identity.jwks_file.is_some(), "identity.jwks_file"),
    ]
    .into_iter()
    .filter_map(|(is_set, setting)| is_set.then_some(setting))
    .collect();
    let line = format!(
        "the keys in the configuration: {}; keep a copy of it",
        settings.join(", ")
    );
    (!settings.is_empty()).then_some(("left out", line))
}

fn queues(config: &Config) -> &'static str {
    match config.queue.backend {
        QueueBackend::Redis => {
            "the queues, which are in Redis; after a restore it is ahead of the database"
        }
        QueueBackend::Embedded | QueueBackend::MySql => {
            "the queues, which are in the memory of the server; after a restore users re-enter with \
             their tokens"
        }
    }
}
