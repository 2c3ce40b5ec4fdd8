//! Starts the real program for tests and talks to it as its clients do.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use frontrow_test_harness::{App, AppConfig};
//! use serde_json::json;
//!
//! # async fn joins() -> anyhow::Result<()> {
//! // In a test of the app: `env!("CARGO_BIN_EXE_frontrow")`.
//! let binary = Path::new("target/debug/frontrow");
//! let config = AppConfig::default().env("FRONTROW_QUEUE__RECOVERY_S", "1");
//! let mut app = App::start(binary, config).await?;
//!
//! let alice = app.client().user("alice");
//! let place = alice
//!     .post("/v1/queue/tokens")
//!     .json(&json!({ "concert_id": "0198c0de-0000-7000-8000-000000000001" }))
//!     .await?
//!     .expect_status(201)?;
//! let token = place.text_at("/queue_token")?;
//!
//! app.sigkill()?;
//! app.restart().await?;
//! let found = alice.get("/v1/queue/token").queue_token(token).await?;
//! assert_eq!(found.status, 200, "{}", found.text);
//! # Ok(())
//! # }
//! ```
//!
//! - [`App`] is one running program with its own folder. [`AppConfig`] is its configuration.
//! - [`Client`] sends HTTP requests as one user. A [`Reply`] is the answer.
//! - [`Process`] is a child process with a log file, for the program and for any server that a test
//!   needs.
//! - [`MySqlServer`] is a MariaDB or MySQL server for tests alone. [`MySqlTestDatabase`] is one
//!   test's database on it. [`PROCESS_LIST`] lists the connections of either.
//! - [`Nginx`] is a cache in front of a program.
//! - [`RedisServer`] is a Redis server for tests alone. [`RedisKeyspace`] is one test's keys on a
//!   shared one.
//! - [`FaultProxy`] breaks the network between a client and a server, the program or any other.
//! - [`SmallDisk`] is a disk that a test can fill.
//! - [`eventually`] waits for something to become true, without guessing how long it takes.

#![expect(
    clippy::missing_errors_doc,
    reason = "every error here ends a test, and its text is the documentation"
)]

mod app;
mod app_config;
mod client;
mod eventually;
mod fault_proxy;
mod mysql;
mod nginx;
mod process;
mod redis;
mod reply;
mod small_disk;
mod wrong_clock;

pub use app::App;
pub use app_config::AppConfig;
pub use client::{Client, Request};
pub use eventually::eventually;
pub use fault_proxy::{Fault, FaultProxy};
pub use mysql::{MySqlOptions, MySqlServer, MySqlTestDatabase, PROCESS_LIST};
pub use nginx::Nginx;
pub use process::Process;
pub use redis::{RedisKeyspace, RedisOptions, RedisServer};
pub use reply::Reply;
pub use reqwest::{Method, Response};
pub use small_disk::SmallDisk;
