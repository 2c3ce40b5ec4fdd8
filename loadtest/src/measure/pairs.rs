//! Two sides that take turns on one machine, and the ratio of what they do.

use std::time::Duration;

use anyhow::Result;

use super::{CpuTime, Meter};
use crate::{
    client::Tally,
    figures::{median, ratio},
};

/// One side of a ratio.
pub(crate) trait Side {
    /// Puts load on it for so long.
    async fn slice(&mut self, lasts: Duration) -> Result<Tally>;
}

/// How often and for how long both sides take turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) slice: Duration,
    pub(crate) pairs: u32,
}

/// What was seen of one side.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) tally: Tally,
    pub(crate) cpu: CpuTime,
}

/// What was seen of both sides.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    pub(crate) subject: Seen,
    pub(crate) reference: Seen,
    /// The subject's rate in one of the reference, for each pair of slices.
    pub(crate) ratios: Vec<f64>,
}

impl Compared {
    /// The median of the pairs' ratios; none where the reference did nothing.
    pub(crate) fn ratio(&self) -> Option<f64> {
        median(&self.ratios)
    }
}

/// Lets both sides take turns, subject first, after one slice each that does not count. So a machine that
/// becomes slower or faster does it to both, and one disturbed pair does not move the median.
pub(crate) async fn compare(
    plan: Plan,
    meter: &Meter,
    subject: &mut impl Side,
    reference: &mut impl Side,
) -> Result<Compared> {
    let mut compared = Compared {
        subject: Seen::nothing()?,
        reference: Seen::nothing()?,
        ratios: Vec::new(),
    };
    subject.slice(plan.slice).await?;
    reference.slice(plan.slice).await?;
    for _ in 0..plan.pairs {
        let ours = compared.subject.watch(meter, subject, plan.slice).await?;
        let theirs = compared
            .reference
            .watch(meter, reference, plan.slice)
            .await?;
        compared.ratios.extend(ratio(ours, theirs));
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

    /// Adds one slice and gives its rate.
    async fn watch(&mut self, meter: &Meter, side: &mut impl Side, lasts: Duration) -> Result<f64> {
        let before = meter.read()?;
        let tally = side.slice(lasts).await?;
        self.cpu.add_between(&before, &meter.read()?);
        self.tally.merge_after(&tally);
        Ok(tally.rate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does as many in a slice as it is told.
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
        assert_eq!(compared.ratios.len(), 3);
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
    }
}
