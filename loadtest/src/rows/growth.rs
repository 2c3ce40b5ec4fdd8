//! How much longer look-ups take in a long line than in a short one.

use anyhow::Result;

use super::{against_bare::unintended, stage::Stages};
use crate::{
    client::Tally,
    figures::{exact, grouped, median, per_second, ratio, short},
    report::Row,
};

/// Latencies of look-ups in a short and in a long line, in turns.
pub(crate) struct Growth {
    few: Tally,
    many: Tally,
    ratios: Vec<f64>,
    /// The cost of a look-up for the store in the short and in the long line, in µs, for each
    /// round.
    costs: Vec<(f64, f64)>,
}

impl Growth {
    /// No rounds yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            few: Tally::new()?,
            many: Tally::new()?,
            ratios: Vec::new(),
            costs: Vec::new(),
        })
    }

    /// Adds the latencies of a round.
    pub(crate) fn add(&mut self, few: &Tally, many: &Tally) {
        let p50 = |tally: &Tally| tally.quantile(0.5).as_secs_f64();
        self.ratios.extend(ratio(p50(many), p50(few)));
        self.few.merge_after(few);
        self.many.merge_after(many);
    }

    /// Adds the costs of a look-up for the store in a round, in µs.
    pub(crate) fn add_cost(&mut self, few: f64, many: f64) {
        self.costs.push((few, many));
    }

    /// The row of the growth of the store's cost per look-up. `fewest` users wait in the short
    /// line.
    pub(crate) fn row_of_costs(&self, stages: &Stages, what: &str, fewest: u64) -> Row {
        let ratios = self.costs.iter();
        let ratios: Vec<_> = ratios.filter_map(|&(few, many)| ratio(many, few)).collect();
        let costs = self.costs.iter();
        let costs: Vec<_> = costs
            .map(|(few, many)| format!("{few:.1}:{many:.1}"))
            .collect();
        self.row_of(stages, what, fewest, &ratios)
            .behind(format!("µs, short:long line: {}", costs.join(" ")))
    }

    /// The row of the growth of the median latency. `fewest` users wait in the short line.
    pub(crate) fn row(&self, stages: &Stages, what: &str, fewest: u64) -> Row {
        self.row_of(stages, what, fewest, &self.ratios)
    }

    fn row_of(&self, stages: &Stages, what: &str, fewest: u64, ratios: &[f64]) -> Row {
        let crowd = grouped(exact(stages.settings.crowd));
        let what = format!(
            "{what} with {crowd} waiting ÷ with {}",
            grouped(exact(fewest))
        );
        let listed: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        Row::new(what, median(ratios))
            .less_is_better()
            .behind(format!("rounds: {}", listed.join(" ")))
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
