//! How much longer look-ups take in a long line than in a short one.

use anyhow::Result;

use super::{against_bare::unintended, stage::Stages};
use crate::{
    client::Tally,
    figures::{exact, grouped, median, per_second, ratio, short},
    report::Row,
};

/// What look-ups took in a short and in a long line, in turns.
pub(crate) struct Growth {
    few: Tally,
    many: Tally,
    ratios: Vec<f64>,
}

impl Growth {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            few: Tally::new()?,
            many: Tally::new()?,
            ratios: Vec::new(),
        })
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, few: &Tally, many: &Tally) {
        let p50 = |tally: &Tally| tally.quantile(0.5).as_secs_f64();
        self.ratios.extend(ratio(p50(many), p50(few)));
        self.few.merge_after(few);
        self.many.merge_after(many);
    }

    /// The row of their median's growth; `fewest` wait in the short line.
    pub(crate) fn row(&self, stages: &Stages, what: &str, fewest: u64) -> Row {
        let crowd = grouped(exact(stages.settings.crowd));
        let what = format!(
            "{what} with {crowd} waiting ÷ with {}",
            grouped(exact(fewest))
        );
        let ratios: Vec<_> = self
            .ratios
            .iter()
            .map(|ratio| format!("{ratio:.2}"))
            .collect();
        Row::new(what, median(&self.ratios))
            .less_is_better()
            .behind(format!("rounds: {}", ratios.join(" ")))
            .behind(latencies("short line", &self.few))
            .behind(latencies("long line", &self.many))
            .fault(unintended(&self.few))
            .fault(unintended(&self.many))
    }
}

fn latencies(name: &str, tally: &Tally) -> String {
    format!(
        "{name}: {} look-ups, {}, p50 {}, p99 {}; {} were sent late",
        tally.answers(),
        per_second(tally.rate()),
        short(tally.quantile(0.5)),
        short(tally.quantile(0.99)),
        tally.late,
    )
}
