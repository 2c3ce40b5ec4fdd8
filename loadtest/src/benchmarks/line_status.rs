//! The line status, requested without a cache in front of the program.

use anyhow::Result;

use super::{against_bare, queues::Queue, test_bed::Environment};
use crate::{
    figures::{exact, grouped},
    program::line_path,
    report::{Bar, Due, Row},
};

/// A part of each line status.
const IS_LINE_STATUS: &str = r#""admitted_up_to_us":"#;

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mut test_bed = environment.start_program().await?;
    let queue = Queue::waiting(&test_bed, test_bed.settings.users).await?;
    let path = line_path(&queue.concert);
    let what = "line status: rate ÷ bare route";
    let row =
        against_bare::public_route(environment, &mut test_bed, what, &path, IS_LINE_STATUS).await?;
    let waiting = test_bed.program.waiting(&queue.concert).await?;
    let behind = format!("{} waited at the end", grouped(exact(waiting)));
    Ok(vec![
        row.bar(Bar::AtLeast(0.95), Due::Plan(9)).behind(behind),
    ])
}
