//! The keys: the configured ones, or those in the data folder.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use frontrow_domain::ports::Clock;

use frontrow_identity::{DataFolderKeys, IdentityVerifier, QueueTokens};

use crate::config::{Config, Secret};

/// The source of the keys.
pub(crate) struct Keys {
    folder: DataFolderKeys,
}

impl Keys {
    /// The name of generated keys.
    const MADE: &str = "data-folder";

    /// Returns the keys of `config`. Creates the data folder if it does not exist.
    pub(crate) fn of(config: &Config) -> anyhow::Result<Self> {
        let folder = &config.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the data folder {}", folder.display()))?;
        Ok(Self {
            folder: DataFolderKeys::of(folder),
        })
    }

    /// Returns the signer of queue tokens.
    pub(super) fn queue_tokens(&self, config: &Config) -> anyhow::Result<QueueTokens> {
        let mut keys = config.queue.token_keys.clone();
        if keys.is_empty() {
            keys.insert(Self::MADE.into(), self.folder.queue_token()?);
        }
        let only = keys.keys().next().cloned();
        let signing = config.queue.signing_key.clone().or(only);
        QueueTokens::new(&keys, &signing.unwrap_or_default())
    }

    /// Returns the verifier of identities.
    pub(super) fn identities(
        &self,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<IdentityVerifier> {
        let identity = &config.identity;
        // With the public keys of a provider, the key in the data folder is not accepted: a reader
        // of the folder could sign any identity.
        let secret = match (&identity.hs256_secret, &identity.jwks_file) {
            (None, Some(_)) => None,
            _ => Some(self.identity_secret(config)?),
        };
        IdentityVerifier::new(
            secret.as_ref(),
            identity.jwks_file.as_deref(),
            identity.issuer.as_deref(),
            identity.audience.as_deref(),
            clock,
        )
    }

    /// Returns the secret that signs development identities.
    pub(crate) fn identity_secret(&self, config: &Config) -> anyhow::Result<Secret> {
        match &config.identity.hs256_secret {
            Some(secret) => Ok(secret.clone()),
            None => self.folder.identity(),
        }
    }

    /// Returns the admin keys.
    pub(super) fn admin_keys(&self, config: &Config) -> anyhow::Result<BTreeMap<String, Secret>> {
        if config.admin.keys.is_empty() {
            return Ok(BTreeMap::from([(Self::MADE.into(), self.folder.admin()?)]));
        }
        Ok(config.admin.keys.clone())
    }

    /// Describes the location of the admin key.
    pub(crate) fn admin_hint(&self, config: &Config) -> String {
        match config.admin.keys.keys().next() {
            Some(_) => "the keys configured as admin.keys".into(),
            None => format!("the key in {}", self.folder.admin_path().display()),
        }
    }
}
