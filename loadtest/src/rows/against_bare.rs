//! Rows that compare a route with the bare one.

use std::time::Duration;

use anyhow::Result;

use crate::{
    client::{Load, Pace, Tally},
    figures::{median, per_second, short},
    measure::{Compared, Seen, Side},
    report::Row,
};

/// The same requests slice after slice.
pub(crate) struct Steady(pub(crate) Load);

impl Side for Steady {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        self.0.run(Pace::Full, Some(lasts)).await
    }
}

/// The row of a cost: the processor time of program and stores for a request, in that of `process`
/// for one of the yardstick's. The ratio of the rates is behind it.
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

/// The row of a ratio of rates to something else.
pub(crate) fn rate(what: &str, reference: &str, compared: &Compared) -> Row {
    let row =
        Row::new(what, compared.ratio()).behind(format!("pairs: {}", listed(&compared.ratios())));
    sides(row, reference, compared)
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

/// Why a tally does not count, if it does not.
pub(crate) fn unintended(tally: &Tally) -> Option<String> {
    let first = tally.first_unintended.as_deref().unwrap_or_default();
    (tally.unintended > 0).then(|| {
        format!(
            "{} of {} answers were others than meant, the first: {first}",
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
