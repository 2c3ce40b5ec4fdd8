//! Rows that compare a route with the bare route.

use std::time::Duration;

use anyhow::Result;

use super::stage::{Stage, Stages, expects};
use crate::{
    bare::Bare,
    client::{Feed, Load, Pace, Request, Requests, Tally},
    figures::{exact, grouped, median, per_second, short},
    measure::{BARE, Compared, Meter, Seen, Side, compare},
    report::Row,
};

/// The same load in each slice.
pub(crate) struct Steady(pub(crate) Load);

impl Side for Steady {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        self.0.run(Pace::Full, Some(lasts)).await
    }
}

/// The row of a cost: the processor time of program and stores per request, divided by that of
/// `process` per request of the baseline. The ratio of the rates is among the figures behind it.
pub(crate) fn cost(what: &str, reference: &str, process: &str, compared: &Compared) -> Row {
    let costs = compared.costs(process);
    let row = Row::new(what, median(&costs))
        .less_is_better()
        .behind(format!("pairs: {}", listed(&costs)));
    let row = match compared.ratio() {
        Some(ratio) => row.behind(format!(
            "rate ÷ {reference}: {ratio:.2}, pairs: {}",
            listed(&compared.ratios())
        )),
        None => row,
    };
    sides(row, reference, compared)
}

/// The row of a ratio of rates.
pub(crate) fn rate(what: &str, reference: &str, compared: &Compared) -> Row {
    let row =
        Row::new(what, compared.ratio()).behind(format!("pairs: {}", listed(&compared.ratios())));
    sides(row, reference, compared)
}

/// The row of a public route, compared with a bare route that answers a copy of its answer. `meant`
/// is a part of each answer.
pub(crate) async fn public_route(
    stages: &Stages,
    stage: &mut Stage,
    what: &str,
    path: &str,
    meant: &'static str,
) -> Result<Row> {
    let answer = stage.program.client().get(path).await?;
    let text = answer.expect_status(200)?.text;
    let bare = Bare::start(&text).await?;
    let mut processes = vec![("program", stage.program.pid()), (BARE, bare.pid())];
    processes.extend(stages.stores.processes());
    let meter = Meter::of(&processes);
    let asked = || Request::get(path);
    let feed = Feed::around([asked()].into_iter().collect());
    let mut ours = Steady(stage.load(feed, expects(200, meant))?);
    let requests: Requests = [asked().bare()].into_iter().collect();
    let mut theirs =
        Steady(stage.load_on(bare.address(), Feed::around(requests), expects(200, meant)));
    let compared = compare(stage.plan(), &meter, &mut ours, &mut theirs).await?;
    let bytes = grouped(exact(text.len() as u64));
    Ok(rate(what, "bare", &compared).behind(format!("both answer {bytes} bytes")))
}

fn sides(row: Row, reference: &str, compared: &Compared) -> Row {
    row.behind(side("program", &compared.subject))
        .behind(side(reference, &compared.reference))
        .fault(unintended(&compared.subject.tally))
        .fault(unintended(&compared.reference.tally))
}

fn listed(ratios: &[f64]) -> String {
    let ratios: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.3}")).collect();
    ratios.join(" ")
}

/// Why a tally does not count. None if it does.
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

/// The figures of one side.
pub(crate) fn side(name: &str, seen: &Seen) -> String {
    let tally = &seen.tally;
    format!(
        "{name}: {}, p50 {}, p99 {}; processor µs a request: {}",
        per_second(tally.rate()),
        short(tally.quantile(0.5)),
        short(tally.quantile(0.99)),
        seen.cpu.per_request(tally.answers()),
    )
}
