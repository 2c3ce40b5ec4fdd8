//! Compares two sides that take turns on one machine, and computes the ratio of what they do.

use std::time::Duration;

use anyhow::Result;

use super::{CpuTime, Meter};
use crate::{
    client::Tally,
    figures::{exact, median, ratio},
};

/// One side of a ratio.
pub(crate) trait Side {
    /// Puts load on it for this time.
    async fn slice(&mut self, lasts: Duration) -> Result<Tally>;
}

/// How often, and for how long, the two sides take turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) slice: Duration,
    pub(crate) pairs: u32,
}

/// The measurements of one side.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) tally: Tally,
    pub(crate) cpu: CpuTime,
}

/// The measurements of both sides.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    pub(crate) subject: Seen,
    pub(crate) reference: Seen,
    /// Subject and reference, for each pair of slices.
    pairs: Vec<(Slice, Slice)>,
}

/// The measurements of one side in one slice.
#[derive(Debug, Clone)]
struct Slice {
    answers: u64,
    rate: f64,
    cpu: CpuTime,
}

impl Compared {
    /// The rate of the subject divided by that of the reference, for each pair of slices. Leaves
    /// out pairs in which the reference did nothing.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let pairs = self.pairs.iter();
        let ratios = pairs.filter_map(|(ours, theirs)| ratio(ours.rate, theirs.rate));
        ratios.collect()
    }

    /// The median of the pairs' ratios. None if the reference did nothing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }

    /// The cost of the subject divided by that of the reference, for each pair of slices. The cost
    /// of the subject is the processor time of program and stores per answer, that of the reference
    /// the processor time of `process` per answer. Leaves out pairs in which the reference took
    /// none.
    pub(crate) fn costs(&self, process: &str) -> Vec<f64> {
        let cost = |(ours, theirs): &(Slice, Slice)| {
            let whole = theirs.each(theirs.cpu.of(process)?)?;
            ratio(ours.each(ours.cpu.of_the_service())?, whole)
        };
        self.pairs.iter().filter_map(cost).collect()
    }
}

impl Slice {
    /// Divides `seconds` by the number of answers. None without answers.
    fn each(&self, seconds: f64) -> Option<f64> {
        ratio(seconds, exact(self.answers))
    }
}

/// Lets the two sides take turns, the subject first. One slice of each before that does not count.
/// A machine that becomes slower or faster affects both sides, and one disturbed pair does not move
/// the median.
pub(crate) async fn compare(
    plan: Plan,
    meter: &Meter,
    subject: &mut impl Side,
    reference: &mut impl Side,
) -> Result<Compared> {
    let mut compared = Compared {
        subject: Seen::nothing()?,
        reference: Seen::nothing()?,
        pairs: Vec::new(),
    };
    subject.slice(plan.slice).await?;
    reference.slice(plan.slice).await?;
    for _ in 0..plan.pairs {
        let ours = compared.subject.watch(meter, subject, plan.slice).await?;
        let theirs = compared
            .reference
            .watch(meter, reference, plan.slice)
            .await?;
        compared.pairs.push((ours, theirs));
    }
    Ok(compared)
}

impl Seen {
    fn nothing() -> Result<Self> {
        Ok(Self {
            tally: Tally::new()?,
            cpu: CpuTime::default(),
        })
    }

    /// Runs one slice, adds it and returns it.
    async fn watch(
        &mut self,
        meter: &Meter,
        side: &mut impl Side,
        lasts: Duration,
    ) -> Result<Slice> {
        let before = meter.read()?;
        let tally = side.slice(lasts).await?;
        let after = meter.read()?;
        self.cpu.add_between(&before, &after);
        self.tally.merge_after(&tally);
        let mut cpu = CpuTime::default();
        cpu.add_between(&before, &after);
        Ok(Slice {
            answers: tally.answers(),
            rate: tally.rate(),
            cpu,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does a scripted number of requests per slice.
    struct Scripted(Vec<u64>);

    impl Side for Scripted {
        async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
            let mut tally = Tally::new()?;
            for _ in 0..self.0.remove(0) {
                tally.intended(Duration::from_millis(1));
            }
            tally.lasted = lasts;
            Ok(tally)
        }
    }

    #[tokio::test]
    async fn the_median_of_the_pairs_counts_without_the_first() {
        let plan = Plan {
            slice: Duration::from_secs(1),
            pairs: 3,
        };
        let mut ours = Scripted(vec![900, 50, 60, 1]);
        let mut theirs = Scripted(vec![1, 100, 100, 100]);
        let compared = compare(plan, &Meter::default(), &mut ours, &mut theirs)
            .await
            .unwrap();
        assert_eq!(compared.ratio(), Some(0.5));
        assert_eq!(compared.ratios().len(), 3);
        assert_eq!(compared.subject.tally.intended, 111);
        assert_eq!(compared.reference.tally.lasted, Duration::from_secs(3));
    }

    #[tokio::test]
    async fn an_idle_reference_has_no_ratio() {
        let plan = Plan {
            slice: Duration::from_secs(1),
            pairs: 1,
        };
        let mut ours = Scripted(vec![1, 1]);
        let mut theirs = Scripted(vec![0, 0]);
        let compared = compare(plan, &Meter::default(), &mut ours, &mut theirs)
            .await
            .unwrap();
        assert_eq!(compared.ratio(), None);
        assert!(compared.costs("client").is_empty());
    }

    #[tokio::test]
    async fn a_cost_is_processor_time_for_a_request() {
        let slice = |answers, taken: &[(&'static str, f64)]| Slice {
            answers,
            rate: 0.0,
            cpu: CpuTime::with(taken),
        };
        let ours = slice(
            100,
            &[
                ("client", 9.0),
                ("program", 2.0),
                ("redis", 1.0),
                ("bare", 0.1),
            ],
        );
        let theirs = slice(200, &[("client", 9.0), ("program", 0.5), ("bare", 3.0)]);
        let nothing = Seen::nothing().unwrap();
        let compared = Compared {
            subject: nothing.clone(),
            reference: nothing,
            pairs: vec![(ours, theirs)],
        };
        let costs = compared.costs("bare");
        assert!((costs[0] - 2.0).abs() < 1e-9, "{costs:?}");
        assert!(compared.costs("database").is_empty());
    }
}
