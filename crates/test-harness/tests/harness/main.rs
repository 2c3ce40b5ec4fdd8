//! The harness against a stub server, shell scripts and a database server: it needs no program of ours.

#![expect(clippy::unwrap_used, reason = "in a test a failure may end everything")]

mod app;
mod client;
mod fault_proxy;
mod mysql;
mod stub_server;
