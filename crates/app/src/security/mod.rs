//! Authentication: queue tokens, identities of users, admin keys, and the keys behind them.

mod admin_keys;
mod data_folder_keys;
mod identity;
mod queue_tokens;
mod verified_tokens;

pub(crate) use admin_keys::AdminKeys;
pub(crate) use data_folder_keys::DataFolderKeys;
pub(crate) use identity::{IdentityRefusal, IdentityVerifier, development_identity};
pub(crate) use queue_tokens::QueueTokens;
