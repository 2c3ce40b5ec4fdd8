//! Builds the rows that compare a route with a baseline.

use std::time::Duration;

use anyhow::Result;

use super::test_bed::{Environment, TestBed, expects};
use crate::{
    bare::Bare,
    client::{Load, Pace, Request, Requests, Tally, Workload},
    figures::{exact, grouped, median, per_second, short},
    measure::{BARE, Comparison, Meter, Side, SideResult, compare},
    report::Row,
};

/// A side with the same load in each slice.
pub(crate) struct SteadyLoad(pub(crate) Load);

impl Side for SteadyLoad {
    async fn slice(&mut self, duration: Duration) -> Result<Tally> {
        self.0.run(Pace::Full, Some(duration)).await
    }
}

/// Returns the row of a cost: the processor time of program and stores per request, divided by that
/// of `process` per request of the baseline. The ratio of the rates is among the figures behind it.
pub(crate) fn cost(what: &str, reference: &str, process: &str, comparison: &Comparison) -> Row {
    let costs = comparison.costs(process);
    let row = Row::new(what, median(&costs))
        .less_is_better()
        .behind(format!("pairs: {}", list(&costs)));
    let row = match comparison.ratio() {
        Some(ratio) => row.behind(format!(
            "rate ÷ {reference}: {ratio:.2}, pairs: {}",
            list(&comparison.ratios())
        )),
        None => row,
    };
    with_sides(row, reference, comparison)
}

/// Returns the row of a ratio of rates.
pub(crate) fn rate(what: &str, reference: &str, comparison: &Comparison) -> Row {
    let row =
        Row::new(what, comparison.ratio()).behind(format!("pairs: {}", list(&comparison.ratios())));
    with_sides(row, reference, comparison)
}

/// Measures the row of a public route, compared with a bare route that answers a copy of its
/// answer. Each answer must contain `expected`.
pub(crate) async fn public_route(
    environment: &Environment,
    test_bed: &mut TestBed,
    what: &str,
    path: &str,
    expected: &'static str,
) -> Result<Row> {
    let answer = test_bed.program.client().get(path).await?;
    let text = answer.expect_status(200)?.text;
    let bare = Bare::start(&text).await?;
    let mut processes = vec![("program", test_bed.program.pid()), (BARE, bare.pid())];
    processes.extend(environment.stores.processes());
    let meter = Meter::of(&processes);
    let request = || Request::get(path);
    let workload = Workload::repeating([request()].into_iter().collect());
    let mut subject = SteadyLoad(test_bed.load(workload, expects(200, expected))?);
    let requests: Requests = [request().bare()].into_iter().collect();
    let mut reference = SteadyLoad(test_bed.load_on(
        bare.address(),
        Workload::repeating(requests),
        expects(200, expected),
    ));
    let comparison = compare(test_bed.plan(), &meter, &mut subject, &mut reference).await?;
    let bytes = grouped(exact(text.len() as u64));
    Ok(rate(what, "bare", &comparison).behind(format!("both answer {bytes} bytes")))
}

fn with_sides(row: Row, reference: &str, comparison: &Comparison) -> Row {
    row.behind(describe_side("program", &comparison.subject))
        .behind(describe_side(reference, &comparison.reference))
        .fault(unintended(&comparison.subject.tally))
        .fault(unintended(&comparison.reference.tally))
}

fn list(ratios: &[f64]) -> String {
    let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
    ratios.join(" ")
}

/// Returns the reason why a tally does not count. None if it counts.
pub(crate) fn unintended(tally: &Tally) -> Option<String> {
    let first = tally.first_unintended.as_deref().unwrap_or_default();
    (tally.unintended > 0).then(|| {
        format!(
            "{} of {} answers were not the intended ones, the first: {first}",
            tally.unintended,
            tally.answers(),
        )
    })
}

/// Formats the figures of one side.
pub(crate) fn describe_side(name: &str, result: &SideResult) -> String {
    let tally = &result.tally;
    format!(
        "{name}: {}, p50 {}, p99 {}; processor µs a request: {}",
        per_second(tally.rate()),
        short(tally.quantile(0.5)),
        short(tally.quantile(0.99)),
        result.cpu.per_request(tally.answers()),
    )
}
