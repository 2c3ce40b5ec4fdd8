//! The configuration: built-in defaults, then `frontrow.toml`, then the environment.
//!
//! The result is one typed struct. Unknown keys and values that cannot work are refused before
//! anything starts.

mod database;
mod load;
mod redis;
mod sections;
mod store_url;
mod validate;

use database::Database;
pub(crate) use database::{DatabaseKind, OlderSchema, Tls};
pub(crate) use frontrow_identity::Secret;
use redis::Redis;
pub(crate) use sections::{CacheBackend, Config, LogFormat, QueueBackend};
pub(crate) use store_url::StoreUrl;
