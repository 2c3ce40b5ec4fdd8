//! The line status, requested without a cache in front of the program.

use anyhow::Result;

use super::{against_bare, queues::Queue, stage::Stages};
use crate::{
    figures::{exact, grouped},
    program::line_path,
    report::{Bar, Due, Row},
};

/// A part of each line status.
const IS_A_LINE: &str = r#""admitted_up_to_us":"#;

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mut stage = stages.set().await?;
    let queue = Queue::waiting(&stage, stage.settings.users).await?;
    let path = line_path(&queue.concert);
    let what = "line status: rate ÷ bare route";
    let row = against_bare::public_route(stages, &mut stage, what, &path, IS_A_LINE).await?;
    let waiting = stage.program.waiting(&queue.concert).await?;
    let behind = format!("{} waited at the end", grouped(exact(waiting)));
    Ok(vec![
        row.bar(Bar::AtLeast(0.95), Due::Plan(9)).behind(behind),
    ])
}
