//! Joins, each of a new user.

use std::time::Duration;

use anyhow::Result;

use super::test_bed::{TestBed, expects};
use crate::{
    client::{Load, Pace, Requests, Tally, Workload},
    measure::Side,
    users::{self, Cohort, Series},
};

/// More joins per second than are possible.
const JOINS_PER_SECOND_MAX: u64 = 40_000;

/// Users who do not appear in any other series.
const NEWCOMERS: Series = Series(0x1000);

/// A side in which new users join a queue.
pub(crate) struct Joining<'a> {
    test_bed: &'a TestBed,
    concert: &'a str,
    /// The number of the next user.
    first: u64,
}

impl<'a> Joining<'a> {
    /// Creates a side whose users join the queue of this concert.
    pub(crate) fn at(test_bed: &'a TestBed, concert: &'a str) -> Self {
        Self {
            test_bed,
            concert,
            first: 0,
        }
    }

    /// Returns requests to the bare route with the headers of the joins of a slice.
    pub(crate) fn bare(&self) -> Result<Requests> {
        let identities = self.identities(self.cohort(self.test_bed.settings.slice()))?;
        let identities = identities.iter();
        let requests = identities.map(|identity| users::join_request("", identity).bare());
        Ok(requests.collect())
    }

    /// Returns enough users for a slice.
    fn cohort(&self, duration: Duration) -> Cohort {
        Cohort {
            series: NEWCOMERS,
            first: self.first,
            count: JOINS_PER_SECOND_MAX * duration.as_secs().max(1),
            keep_every: 0,
            state: "waiting",
        }
    }

    fn identities(&self, cohort: Cohort) -> Result<Vec<String>> {
        users::identities(&self.test_bed.program.provider, cohort)
    }

    fn load(&self, cohort: Cohort) -> Result<Load> {
        let workload = Workload::once(users::join_requests(
            self.concert,
            &self.identities(cohort)?,
        ));
        self.test_bed
            .load(workload, expects(201, r#""state":"waiting""#))
    }
}

impl Side for Joining<'_> {
    async fn slice(&mut self, duration: Duration) -> Result<Tally> {
        let cohort = self.cohort(duration);
        self.first += cohort.count;
        self.load(cohort)?.run(Pace::Full, Some(duration)).await
    }
}
