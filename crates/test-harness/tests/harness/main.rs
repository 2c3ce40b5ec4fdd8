//! Tests the harness with a stub server, shell scripts and a database server, without the app.

#![expect(clippy::unwrap_used, reason = "in a test a failure may end everything")]

mod app;
mod client;
mod fault_proxy;
mod mysql;
mod stub_server;
