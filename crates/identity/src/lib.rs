//! The authentication of requests: queue tokens, identities of users and admin keys, and the
//! secrets behind them.
//!
//! The app creates these from its configuration. They do not depend on HTTP: they take the text of
//! a header, and return a user, a ticket, the holder of a key or a refusal.

mod admin_keys;
mod data_folder_keys;
mod identities;
mod queue_tokens;
mod secret;
mod verified_tokens;

pub use admin_keys::AdminKeys;
pub use data_folder_keys::DataFolderKeys;
pub use identities::{IdentityRefusal, IdentityVerifier, development_identity};
pub use queue_tokens::QueueTokens;
pub use secret::{Secret, by_name};
