//! `frontrow backup`

use std::path::Path;

use super::print;
use crate::{
    config::{Config, QueueBackend},
    security::DataFolderKeys,
    wiring::{self, BackedUp},
};

/// Copies the database, and says what the copy has and what it lacks.
pub(crate) fn backup(config: &Config, file: &Path, with_keys: bool) -> anyhow::Result<()> {
    let done = wiring::back_up(config, file, with_keys)?;
    let mut lines = vec![format!(
        "wrote {}, a copy of {}\n",
        file.display(),
        done.database.display()
    )];
    let mut say = |what: &str, line: &str| lines.push(format!("  {what:<9} {line}\n"));
    let folder = done.key_folder.display();
    let names = done.keys.join(", ");
    match (done.keys.is_empty(), with_keys) {
        (true, _) => {}
        (false, true) => {
            say("with", &format!("the keys in {folder}: {names}"));
            say(
                "secret",
                &format!("keep {} as secret as these keys are", file.display()),
            );
        }
        (false, false) => {
            say(
                "left out",
                &format!("the keys in {folder}: {names}; --with-keys copies them too"),
            );
            if signs_tokens(config, &done) {
                say(
                    "",
                    "without the key queue-token every queue token is answered 401 after a restore",
                );
            }
        }
    }
    let configured = configured_keys(config);
    if !configured.is_empty() {
        let line = format!(
            "the keys in the configuration: {}; keep a copy of it",
            configured.join(", ")
        );
        say("left out", &line);
    }
    say("left out", queues(config));
    say(
        "restore",
        "frontrow restore FILE, while no server runs; docs/OPERATIONS.md says more",
    );
    print(&lines.concat())
}

/// Whether the data folder's key is the one that signs queue tokens.
fn signs_tokens(config: &Config, done: &BackedUp) -> bool {
    config.queue.token_keys.is_empty()
        && done
            .keys
            .iter()
            .any(|name| name == DataFolderKeys::QUEUE_TOKEN)
}

/// The settings that hold keys.
fn configured_keys(config: &Config) -> Vec<&'static str> {
    let identity = &config.identity;
    [
        (!config.queue.token_keys.is_empty(), "queue.token_keys"),
        (!config.admin.keys.is_empty(), "admin.keys"),
        (identity.hs256_secret.is_some(), "identity.hs256_secret"),
        (identity.jwks_file.is_some(), "identity.jwks_file"),
    ]
    .into_iter()
    .filter_map(|(is_set, setting)| is_set.then_some(setting))
    .collect()
}

fn queues(config: &Config) -> &'static str {
    match config.queue.backend {
        QueueBackend::Redis => {
            "the queues, which are in Redis; after a restore it is ahead of the database"
        }
        QueueBackend::Embedded | QueueBackend::MySql => {
            "the queues, which are in the server's memory; after a restore people show their tokens \
             and get their places back"
        }
    }
}
