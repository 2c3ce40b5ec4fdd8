//! Compares two sides that take turns on one machine.

use std::time::Duration;

use anyhow::Result;

use super::{CpuTime, Meter};
use crate::{
    client::Tally,
    figures::{exact, median, ratio},
};

/// One side of a ratio.
pub(crate) trait Side {
    /// Puts load on this side for `duration`.
    async fn slice(&mut self, duration: Duration) -> Result<Tally>;
}

/// The number and the length of the turns of the two sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) slice: Duration,
    pub(crate) pairs: u32,
}

/// The measurements of one side in all slices.
#[derive(Debug, Clone)]
pub(crate) struct SideResult {
    pub(crate) tally: Tally,
    pub(crate) cpu: CpuTime,
}

/// The measurements of both sides.
#[derive(Debug, Clone)]
pub(crate) struct Comparison {
    pub(crate) subject: SideResult,
    pub(crate) reference: SideResult,
    /// The slices of subject and reference, for each pair.
    pairs: Vec<(Slice, Slice)>,
}

/// The measurements of one side in one slice.
#[derive(Debug, Clone)]
struct Slice {
    answers: u64,
    rate: f64,
    cpu: CpuTime,
}

impl Comparison {
    /// Returns the rate of the subject divided by that of the reference, for each pair of slices.
    /// Leaves out pairs in which the reference did nothing.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        let pairs = self.pairs.iter();
        let ratios = pairs.filter_map(|(subject, reference)| ratio(subject.rate, reference.rate));
        ratios.collect()
    }

    /// Returns the median of the pairs' ratios. None if the reference did nothing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios())
    }

    /// Returns the cost of the subject divided by that of the reference, for each pair of slices.
    /// The cost of the subject is the processor time of program and stores per answer. The cost of
    /// the reference is the processor time of `process` per answer. Leaves out pairs in which the
    /// reference took none.
    pub(crate) fn costs(&self, process: &str) -> Vec<f64> {
        let cost = |(subject, reference): &(Slice, Slice)| {
            let whole = reference.each(reference.cpu.of(process)?)?;
            ratio(subject.each(subject.cpu.of_the_service())?, whole)
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

/// Lets the two sides take turns, the subject first. The first slice of each side does not count.
/// A machine that becomes slower or faster affects both sides, and one disturbed pair does not move
/// the median.
pub(crate) async fn compare(
    plan: Plan,
    meter: &Meter,
    subject: &mut impl Side,
    reference: &mut impl Side,
) -> Result<Comparison> {
    let mut comparison = Comparison {
        subject: SideResult::empty()?,
        reference: SideResult::empty()?,
        pairs: Vec::new(),
    };
    subject.slice(plan.slice).await?;
    reference.slice(plan.slice).await?;
    for _ in 0..plan.pairs {
        let subject_slice = comparison
            .subject
            .run_slice(meter, subject, plan.slice)
            .await?;
        let reference_slice = comparison
            .reference
            .run_slice(meter, reference, plan.slice)
            .await?;
        comparison.pairs.push((subject_slice, reference_slice));
    }
    Ok(comparison)
}

impl SideResult {
    fn empty() -> Result<Self> {
        Ok(Self {
            tally: Tally::new()?,
            cpu: CpuTime::default(),
        })
    }

    /// Runs one slice, adds it and returns it.
    async fn run_slice(
        &mut self,
        meter: &Meter,
        side: &mut impl Side,
        duration: Duration,
    ) -> Result<Slice> {
        let before = meter.read()?;
        let tally = side.slice(duration).await?;
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

    /// A side with a scripted number of requests per slice.
    struct Scripted(Vec<u64>);

    impl Side for Scripted {
        async fn slice(&mut self, duration: Duration) -> Result<Tally> {
            let mut tally = Tally::new()?;
            for _ in 0..self.0.remove(0) {
                tally.intended(Duration::from_millis(1));
            }
            tally.duration = duration;
            Ok(tally)
        }
    }

    #[tokio::test]
    async fn the_median_of_the_pairs_counts_without_the_first() {
        let plan = Plan {
            slice: Duration::from_secs(1),
            pairs: 3,
        };
        let mut subject = Scripted(vec![900, 50, 60, 1]);
        let mut reference = Scripted(vec![1, 100, 100, 100]);
        let comparison = compare(plan, &Meter::default(), &mut subject, &mut reference)
            .await
            .unwrap();
        assert_eq!(comparison.ratio(), Some(0.5));
        assert_eq!(comparison.ratios().len(), 3);
        assert_eq!(comparison.subject.tally.intended, 111);
        assert_eq!(comparison.reference.tally.duration, Duration::from_secs(3));
    }

    #[tokio::test]
    async fn an_idle_reference_has_no_ratio() {
        let plan = Plan {
            slice: Duration::from_secs(1),
            pairs: 1,
        };
        let mut subject = Scripted(vec![1, 1]);
        let mut reference = Scripted(vec![0, 0]);
        let comparison = compare(plan, &Meter::default(), &mut subject, &mut reference)
            .await
            .unwrap();
        assert_eq!(comparison.ratio(), None);
        assert!(comparison.costs("client").is_empty());
    }

    #[tokio::test]
    async fn a_cost_is_processor_time_per_request() {
        let slice = |answers, taken: &[(&'static str, f64)]| Slice {
            answers,
            rate: 0.0,
            cpu: CpuTime::with(taken),
        };
        let subject = slice(
            100,
            &[
                ("client", 9.0),
                ("program", 2.0),
                ("redis", 1.0),
                ("bare", 0.1),
            ],
        );
        let reference = slice(200, &[("client", 9.0), ("program", 0.5), ("bare", 3.0)]);
        let empty = SideResult::empty().unwrap();
        let comparison = Comparison {
            subject: empty.clone(),
            reference: empty,
            pairs: vec![(subject, reference)],
        };
        let costs = comparison.costs("bare");
        assert!((costs[0] - 2.0).abs() < 1e-9, "{costs:?}");
        assert!(comparison.costs("database").is_empty());
    }
}
