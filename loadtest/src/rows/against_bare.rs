//! Rows that compare a route with the bare one.

use std::time::Duration;

use anyhow::Result;

use crate::{
    client::{Load, Pace, Tally},
    figures::{per_second, short},
    measure::{Compared, Seen, Side},
    report::{Bar, Row},
};

/// The same requests slice after slice.
pub(crate) struct Steady(pub(crate) Load);

impl Side for Steady {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        self.0.run(Pace::Full, Some(lasts)).await
    }
}

/// The row of a ratio to the bare route, with the figures of both sides behind it.
pub(crate) fn row(what: &str, least: f64, compared: &Compared) -> Row {
    row_beside(what, "bare", least, compared)
}

/// The row of a ratio to something else.
pub(crate) fn row_beside(what: &str, reference: &str, least: f64, compared: &Compared) -> Row {
    let ratios: Vec<_> = compared
        .ratios
        .iter()
        .map(|ratio| format!("{ratio:.3}"))
        .collect();
    Row::new(what, compared.ratio())
        .bar(Bar::AtLeast(least))
        .behind(format!("pairs: {}", ratios.join(" ")))
        .behind(side("program", &compared.subject))
        .behind(side(reference, &compared.reference))
        .fault(unintended(&compared.subject.tally))
        .fault(unintended(&compared.reference.tally))
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
