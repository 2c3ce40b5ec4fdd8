//! The disk of the database is full. Requests that write are answered 503 with `Retry-After`,
//! requests that read are answered as usual, and once there is space everything continues. Every
//! acknowledged write is stored, and no refused one is.
//!
//! The tests mount small disks, so they must run as root.

mod binary_log;
mod log_lines;
mod mysql;
mod sale_run;
mod sqlite;

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::Reply;

use crate::database_failures::check_unavailable;

/// The limit for events that must happen, on a slow machine.
const SOON: Duration = Duration::from_secs(30);

/// Checks for the answer to a request that the full disk prevented.
fn check_unavailable_and_unchanged(reply: &Reply) -> Result<()> {
    check_unavailable(reply)?;
    let detail = reply.text_at("/detail")?;
    ensure!(detail.contains("Nothing was changed"), "{reply:?}");
    Ok(())
}
