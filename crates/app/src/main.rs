//! `frontrow`: concert reservations behind a virtual waiting room.
//!
//! This crate is thin: it reads the configuration, wires adapters to use cases ([`wiring`]), serves
//! them over HTTP ([`http`]), runs the jobs ([`jobs`]), and starts and stops ([`lifecycle`]). The
//! rules are in `frontrow-domain`.

use std::process::ExitCode;

use clap::Parser;

mod cli;
mod commands;
mod config;
mod http;
mod jobs;
mod lifecycle;
mod security;
mod system;
mod telemetry;
mod wiring;

/// Requests are made of many small allocations, each worker's its own. With the system's allocator they took
/// a fifth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line: what failed, and why, from the outside in.
            eprintln!("frontrow: {error:#}");
            ExitCode::FAILURE
        }
    }
}
