//! `frontrow`: concert reservations behind a virtual waiting room.
//!
//! This crate reads the configuration ([`config`]), wires adapters to use cases ([`wiring`]),
//! serves them over HTTP ([`http`]), runs the jobs ([`jobs`]), and starts and stops the server
//! ([`lifecycle`]). The rules are in `frontrow-domain`.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod commands;
mod config;
mod http;
mod jobs;
mod lifecycle;
mod system;
mod telemetry;
mod wiring;

/// Each request makes many small allocations on its worker. The system's allocator took a fifth of
/// the time of a request.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: the failure, then its causes.
            eprintln!("frontrow: {error:#}");
            ExitCode::FAILURE
        }
    }
}
