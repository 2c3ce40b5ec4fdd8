//! The growth of look-up times from a short line to a long one.

use anyhow::Result;

use super::{against_bare::unintended, test_bed::Environment};
use crate::{
    client::Tally,
    figures::{exact, grouped, median, per_second, ratio, short},
    report::Row,
};

/// Latencies of look-ups in a short and in a long line, in turns.
pub(crate) struct Growth {
    short_line: Tally,
    long_line: Tally,
    ratios: Vec<f64>,
    /// The cost of a look-up for the store in the short and in the long line, in µs, for each
    /// round.
    costs: Vec<(f64, f64)>,
}

impl Growth {
    /// Creates the figures of no round.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            short_line: Tally::new()?,
            long_line: Tally::new()?,
            ratios: Vec::new(),
            costs: Vec::new(),
        })
    }

    /// Adds the latencies of a round.
    pub(crate) fn add(&mut self, short_line: &Tally, long_line: &Tally) {
        let p50 = |tally: &Tally| tally.quantile(0.5).as_secs_f64();
        self.ratios.extend(ratio(p50(long_line), p50(short_line)));
        self.short_line.merge_after(short_line);
        self.long_line.merge_after(long_line);
    }

    /// Adds the costs of a look-up for the store in a round, in µs.
    pub(crate) fn add_cost(&mut self, short_line: f64, long_line: f64) {
        self.costs.push((short_line, long_line));
    }

    /// Returns the row of the growth of the store's cost per look-up. `short_length` users wait in
    /// the short line.
    pub(crate) fn row_of_costs(
        &self,
        environment: &Environment,
        what: &str,
        short_length: u64,
    ) -> Row {
        let ratios = self.costs.iter();
        let ratios: Vec<_> = ratios
            .filter_map(|&(short_line, long_line)| ratio(long_line, short_line))
            .collect();
        let costs = self.costs.iter();
        let costs: Vec<_> = costs
            .map(|(short_line, long_line)| format!("{short_line:.1}:{long_line:.1}"))
            .collect();
        self.row_of(environment, what, short_length, &ratios)
            .behind(format!("µs, short:long line: {}", costs.join(" ")))
    }

    /// Returns the row of the growth of the median latency. `short_length` users wait in the short
    /// line.
    pub(crate) fn row(&self, environment: &Environment, what: &str, short_length: u64) -> Row {
        self.row_of(environment, what, short_length, &self.ratios)
    }

    fn row_of(
        &self,
        environment: &Environment,
        what: &str,
        short_length: u64,
        ratios: &[f64],
    ) -> Row {
        let crowd = grouped(exact(environment.settings.crowd));
        let what = format!(
            "{what} with {crowd} waiting ÷ with {}",
            grouped(exact(short_length))
        );
        let list: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        Row::new(what, median(ratios))
            .less_is_better()
            .behind(format!("rounds: {}", list.join(" ")))
            .behind(latencies("short line", &self.short_line))
            .behind(latencies("long line", &self.long_line))
            .fault(unintended(&self.short_line))
            .fault(unintended(&self.long_line))
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
