//! Lines that hardly move, of a thousand and of a million users.

use anyhow::Result;
use serde_json::json;

use super::{
    queues::IS_WAITING,
    stage::{Stage, expects},
};
use crate::{
    client::{Feed, Pace, Tally},
    people::{self, Crowd, Person, Series},
};

/// The length of a short line.
pub(crate) const FEW: u64 = 1_000;
/// The length of a line in between.
pub(crate) const MANY: u64 = 100_000;
const LONG_LINE: Series = Series(3);

/// A line that grows.
pub(crate) struct Long<'a> {
    stage: &'a Stage,
    pub(crate) concert: String,
    /// The number of users who wait.
    pub(crate) waiting: u64,
    /// Some of these users, from all parts of the line.
    pub(crate) kept: Vec<Person>,
    keep_every: u64,
}

/// Creates a concert that admits one user per hour. Users who poll rarely keep their places.
async fn concert(stage: &Stage, title: &str) -> Result<String> {
    let policy = json!({
        "throughput": { "admit": 1, "interval_s": 3_600 },
        "waiting_ttl_s": 3_600,
    });
    let concert = stage.program.concert(title, policy).await?;
    // The first user is admitted immediately.
    let first = Crowd {
        series: Series(u32::MAX),
        first: 0,
        count: 1,
        keep_every: 0,
        state: "active",
    };
    stage.join(&concert, first).await?;
    Ok(concert)
}

/// Creates a short line. Returns all of its users.
pub(crate) async fn short_line(stage: &Stage, title: &str, series: Series) -> Result<Vec<Person>> {
    let concert = concert(stage, title).await?;
    let crowd = Crowd {
        series,
        first: 0,
        count: FEW,
        keep_every: 1,
        state: "waiting",
    };
    stage.join(&concert, crowd).await
}

impl<'a> Long<'a> {
    /// Creates an empty line. Every `keep_every`-th user who joins is kept.
    pub(crate) async fn at(stage: &'a Stage, keep_every: u64) -> Result<Self> {
        Ok(Self {
            concert: concert(stage, "A long line").await?,
            stage,
            waiting: 0,
            kept: Vec::new(),
            keep_every,
        })
    }

    /// The users who make the line this long.
    fn up_to(&self, waiting: u64) -> Crowd {
        Crowd {
            series: LONG_LINE,
            first: self.waiting,
            count: waiting.saturating_sub(self.waiting),
            keep_every: self.keep_every,
            state: "waiting",
        }
    }

    /// Lets users join until `waiting` users wait.
    pub(crate) async fn grow_to(&mut self, waiting: u64) -> Result<()> {
        let joined = self.stage.join(&self.concert, self.up_to(waiting)).await?;
        self.kept.extend(joined);
        self.waiting = self.waiting.max(waiting);
        Ok(())
    }

    /// Lets `count` more users join as fast as they can. Returns their latencies.
    pub(crate) async fn arrive(&mut self, count: u64) -> Result<Tally> {
        let crowd = self.up_to(self.waiting + count);
        let identities = people::identities(&self.stage.program.provider, crowd)?;
        let feed = Feed::once(people::joins(&self.concert, &identities));
        let joining = expects(201, IS_WAITING);
        let tally = self
            .stage
            .load(feed, joining)?
            .run(Pace::Full, None)
            .await?;
        self.waiting += count;
        Ok(tally)
    }
}
