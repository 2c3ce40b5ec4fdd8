//! Lines that hardly move, of a thousand and of a million users.

use anyhow::Result;
use serde_json::json;

use super::{
    queues::IS_WAITING,
    test_bed::{TestBed, expects},
};
use crate::{
    client::{Pace, Tally, Workload},
    users::{self, Cohort, Series, User},
};

/// The length of a short line.
pub(crate) const SHORT_LENGTH: u64 = 1_000;
/// The length of a medium line.
pub(crate) const MEDIUM_LENGTH: u64 = 100_000;
const LONG_LINE: Series = Series(3);

/// A line that grows.
pub(crate) struct LongLine<'a> {
    test_bed: &'a TestBed,
    pub(crate) concert: String,
    /// The number of users who wait.
    pub(crate) waiting: u64,
    /// Some of these users, from all parts of the line.
    pub(crate) kept: Vec<User>,
    keep_every: u64,
}

/// Creates a concert that admits one user per hour. Users keep their places although they poll
/// rarely.
async fn concert(test_bed: &TestBed, title: &str) -> Result<String> {
    let policy = json!({
        "throughput": { "admit": 1, "interval_s": 3_600 },
        "waiting_ttl_s": 3_600,
    });
    let concert = test_bed.program.concert(title, policy).await?;
    // The queue admits its first user immediately.
    let first = Cohort {
        series: Series(u32::MAX),
        first: 0,
        count: 1,
        keep_every: 0,
        state: "active",
    };
    test_bed.join(&concert, first).await?;
    Ok(concert)
}

/// Creates a short line. Returns all of its users.
pub(crate) async fn short_line(
    test_bed: &TestBed,
    title: &str,
    series: Series,
) -> Result<Vec<User>> {
    let concert = concert(test_bed, title).await?;
    let cohort = Cohort {
        series,
        first: 0,
        count: SHORT_LENGTH,
        keep_every: 1,
        state: "waiting",
    };
    test_bed.join(&concert, cohort).await
}

impl<'a> LongLine<'a> {
    /// Creates an empty line. It keeps every `keep_every`-th user who joins.
    pub(crate) async fn at(test_bed: &'a TestBed, keep_every: u64) -> Result<Self> {
        Ok(Self {
            concert: concert(test_bed, "A long line").await?,
            test_bed,
            waiting: 0,
            kept: Vec::new(),
            keep_every,
        })
    }

    /// Returns the users who must join to make the line this long.
    fn up_to(&self, waiting: u64) -> Cohort {
        Cohort {
            series: LONG_LINE,
            first: self.waiting,
            count: waiting.saturating_sub(self.waiting),
            keep_every: self.keep_every,
            state: "waiting",
        }
    }

    /// Lets users join until `waiting` users wait.
    pub(crate) async fn grow_to(&mut self, waiting: u64) -> Result<()> {
        let joined = self
            .test_bed
            .join(&self.concert, self.up_to(waiting))
            .await?;
        self.kept.extend(joined);
        self.waiting = self.waiting.max(waiting);
        Ok(())
    }

    /// Lets `count` more users join as fast as possible. Returns the tally of their joins.
    pub(crate) async fn join_more(&mut self, count: u64) -> Result<Tally> {
        let cohort = self.up_to(self.waiting + count);
        let identities = users::identities(&self.test_bed.program.provider, cohort)?;
        let workload = Workload::once(users::join_requests(&self.concert, &identities));
        let is_joined = expects(201, IS_WAITING);
        let tally = self
            .test_bed
            .load(workload, is_joined)?
            .run(Pace::Full, None)
            .await?;
        self.waiting += count;
        Ok(tally)
    }
}
