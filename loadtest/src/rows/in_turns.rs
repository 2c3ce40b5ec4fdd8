//! Measures a group of rows. With an earlier program, measures both programs in turns.

use std::collections::HashMap;

use anyhow::Result;

use super::stage::Stages;
use crate::report::{Against, Report, Row};

/// Measures the rows of a group and adds them to the report. Rows that are judged by comparison
/// with the earlier program are measured again on both programs, in short runs that take turns.
pub(super) async fn measure(
    stages: &mut Stages,
    report: &mut Report,
    name: &str,
    group: impl AsyncFn(&Stages) -> Result<Vec<Row>>,
) {
    let mut rows = match group(stages).await {
        Ok(rows) => rows,
        Err(error) => vec![Row::failed(name, &error)],
    };
    let plan = stages.settings.due();
    let is_compared = |row: &Row| row.figure().is_some() && row.is_compared(plan);
    if stages.has_earlier() && rows.iter().any(is_compared) {
        let pairs = pairs(stages, name, &group).await;
        rows = rows
            .into_iter()
            .map(|row| match &pairs {
                Err(error) => row.fault(Some(format!("not measured again: {error:#}"))),
                Ok(pairs) if is_compared(&row) => {
                    let pairs = pairs.get(row.what()).map_or(&[][..], Vec::as_slice);
                    row.against(pairs)
                }
                Ok(_) => row,
            })
            .collect();
    }
    for row in rows {
        report.row(row);
    }
}

/// Returns the figures of both programs for each row, pair by pair. Errors if the program cannot be
/// measured. If only the earlier one cannot be measured, the pair is left out.
async fn pairs(
    stages: &mut Stages,
    name: &str,
    group: &impl AsyncFn(&Stages) -> Result<Vec<Row>>,
) -> Result<HashMap<String, Vec<(f64, f64)>>> {
    let mut pairs = HashMap::<_, Vec<_>>::new();
    for pair in 0..Against::PAIRS {
        eprintln!("loadtest: {name}, pair {} of {}", pair + 1, Against::PAIRS);
        // The programs take turns in going first, so that both suffer from what the first one
        // leaves behind.
        let (ours, earlier) = if pair % 2 == 0 {
            let ours = group(stages.short_runs_of_subject()).await?;
            (ours, group(stages.short_runs_of_earlier()).await)
        } else {
            let earlier = group(stages.short_runs_of_earlier()).await;
            (group(stages.short_runs_of_subject()).await?, earlier)
        };
        let earlier = earlier.unwrap_or_else(|error| {
            eprintln!("loadtest: the earlier program cannot be measured: {error:#}");
            Vec::new()
        });
        for row in ours {
            let same = earlier.iter().find(|other| other.what() == row.what());
            let figures = row.figure().zip(same.and_then(Row::figure));
            let of_row = pairs.entry(row.what().to_owned()).or_default();
            of_row.extend(figures);
        }
    }
    stages.full_runs_of_subject();
    Ok(pairs)
}
