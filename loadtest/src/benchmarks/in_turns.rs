//! Runs a benchmark. With an earlier program, runs it on both programs in turns.

use std::collections::HashMap;

use anyhow::Result;

use super::test_bed::Environment;
use crate::report::{Against, Report, Row};

/// Measures the rows of a benchmark and adds them to the report. If comparison with the earlier
/// program judges one of them, measures all rows again on both programs, in short runs that take
/// turns.
pub(super) async fn measure(
    environment: &mut Environment,
    report: &mut Report,
    name: &str,
    benchmark: impl AsyncFn(&Environment) -> Result<Vec<Row>>,
) {
    let mut rows = match benchmark(environment).await {
        Ok(rows) => rows,
        Err(error) => vec![Row::failed(name, &error)],
    };
    let plan = environment.settings.due();
    let is_compared = |row: &Row| row.figure().is_some() && row.is_compared(plan);
    if environment.has_earlier() && rows.iter().any(is_compared) {
        let pairs = pairs(environment, name, &benchmark).await;
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
/// measured. Leaves out a pair if only the earlier program cannot be measured.
async fn pairs(
    environment: &mut Environment,
    name: &str,
    benchmark: &impl AsyncFn(&Environment) -> Result<Vec<Row>>,
) -> Result<HashMap<String, Vec<(f64, f64)>>> {
    let mut pairs = HashMap::<_, Vec<_>>::new();
    for pair in 0..Against::PAIRS {
        eprintln!("loadtest: {name}, pair {} of {}", pair + 1, Against::PAIRS);
        // The programs take turns in going first, since the first one may slow down the second.
        let (subject, earlier) = if pair % 2 == 0 {
            let subject = benchmark(environment.short_runs_of_subject()).await?;
            (
                subject,
                benchmark(environment.short_runs_of_earlier()).await,
            )
        } else {
            let earlier = benchmark(environment.short_runs_of_earlier()).await;
            (
                benchmark(environment.short_runs_of_subject()).await?,
                earlier,
            )
        };
        let earlier = earlier.unwrap_or_else(|error| {
            eprintln!("loadtest: the earlier program cannot be measured: {error:#}");
            Vec::new()
        });
        for row in subject {
            let same = earlier.iter().find(|other| other.what() == row.what());
            let figures = row.figure().zip(same.and_then(Row::figure));
            let of_row = pairs.entry(row.what().to_owned()).or_default();
            of_row.extend(figures);
        }
    }
    environment.full_runs_of_subject();
    Ok(pairs)
}
