//! The configuration: built-in defaults, then `frontrow.toml`, then the environment.
//!
//! One typed struct. Unknown keys are refused, and so is what cannot work, before anything starts.

mod database;
mod load;
mod secret;
mod sections;
mod validate;

use database::Database;
pub(crate) use database::{DatabaseKind, OlderSchema, Tls};
pub(crate) use secret::Secret;
pub(crate) use sections::{Backend, Config, LogFormat};
