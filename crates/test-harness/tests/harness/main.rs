//! The harness against a stub server and shell scripts: it needs no program of ours.

#![expect(clippy::unwrap_used, reason = "in a test a failure may end everything")]

mod app;
mod client;
mod fault_proxy;
mod stub_server;
