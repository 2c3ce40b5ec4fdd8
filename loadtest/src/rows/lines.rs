//! Lines that hardly move, of a thousand people and of a million.

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

/// A short line.
pub(crate) const FEW: u64 = 1_000;
/// A line in between.
pub(crate) const MANY: u64 = 100_000;
const LONG_LINE: Series = Series(3);

/// A line that grows.
pub(crate) struct Long<'a> {
    stage: &'a Stage,
    pub(crate) concert: String,
    /// How many wait.
    pub(crate) waiting: u64,
    /// Some of them, from all over the line.
    pub(crate) kept: Vec<Person>,
    keep_every: u64,
}

/// A concert that lets in one person an hour, and nobody who asks seldom loses their place.
async fn concert(stage: &Stage, title: &str) -> Result<String> {
    let policy = json!({
        "throughput": { "admit": 1, "interval_s": 3_600 },
        "waiting_ttl_s": 3_600,
    });
    let concert = stage.program.concert(title, policy).await?;
    // Who comes first need not wait.
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

/// Everybody in a short line.
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
    /// One in which nobody is yet, and of which every so manyth is kept.
    pub(crate) async fn at(stage: &'a Stage, keep_every: u64) -> Result<Self> {
        Ok(Self {
            concert: concert(stage, "A long line").await?,
            stage,
            waiting: 0,
            kept: Vec::new(),
            keep_every,
        })
    }

    /// Those who make it so long.
    fn up_to(&self, waiting: u64) -> Crowd {
        Crowd {
            series: LONG_LINE,
            first: self.waiting,
            count: waiting.saturating_sub(self.waiting),
            keep_every: self.keep_every,
            state: "waiting",
        }
    }

    /// Has people join until so many wait.
    pub(crate) async fn grow_to(&mut self, waiting: u64) -> Result<()> {
        let joined = self.stage.join(&self.concert, self.up_to(waiting)).await?;
        self.kept.extend(joined);
        self.waiting = self.waiting.max(waiting);
        Ok(())
    }

    /// Has so many more join as fast as they can, and tells how long that took each.
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
