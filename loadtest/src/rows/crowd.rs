//! What a long line costs: look-ups and joins with a thousand and with a million people waiting, and the
//! store's memory.

use anyhow::Result;
use serde_json::json;

use super::{
    against_bare::unintended,
    growth::Growth,
    queues::{IS_WAITING, look_ups as requests},
    stage::{Stage, Stages, expects},
};
use crate::{
    cli::Backend,
    client::{Feed, Load, Pace, Tally},
    figures::{exact, grouped, ratio, short},
    people::{self, Crowd, Person, Series},
    report::{Bar, Row},
};

/// The short line.
const FEW: u64 = 1_000;
/// A line in between, for joins.
const MANY: u64 = 100_000;
/// How many people of the long line are asked for; they stand all over it.
const ASKED: u64 = 5_000;
/// How many look-ups a round of first look-ups has, each of somebody else.
const FIRST_LOOK_UPS: u64 = 1_000;
/// Moderate: what it takes does not depend on what others take.
const FIRST_LOOK_UPS_PER_SECOND: f64 = 500.0;
const LOOK_UPS_PER_SECOND: f64 = 1_000.0;

const SHORT_LINE: Series = Series(1);
const WARM_UP: Series = Series(2);
const LONG_LINE: Series = Series(3);

/// Measures this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mut lines = Lines::form(stages).await?;
    let mut rows = std::mem::take(&mut lines.rows);
    rows.push(lines.steady_look_ups(stages).await?);
    if stages.backend != Backend::Embedded {
        rows.push(lines.first_look_ups(stages).await?);
    }
    Ok(rows)
}

/// A short and a long line, and one to warm up on.
struct Lines {
    stage: Stage,
    few: Vec<Person>,
    warm_up: Vec<Person>,
    many: Vec<Person>,
    /// What was measured while they formed.
    rows: Vec<Row>,
}

/// How many there are, of whom.
struct Long<'a> {
    stage: &'a Stage,
    concert: String,
    waiting: u64,
    kept: Vec<Person>,
    keep_every: u64,
}

impl Lines {
    async fn form(stages: &Stages) -> Result<Self> {
        let stage = stages.set().await?;
        let few = line(&stage, "A short line", SHORT_LINE).await?;
        let warm_up = line(&stage, "Another short line", WARM_UP).await?;
        let before = memory(stages).await?;
        let mut long = Long {
            concert: concert(&stage, "A long line").await?,
            stage: &stage,
            waiting: 0,
            kept: Vec::new(),
            keep_every: (stage.settings.crowd / ASKED).max(1),
        };
        let mut rows = Vec::new();
        let crowd = stage.settings.crowd;
        for (waiting, joins) in [(FEW, 2_000), (MANY, 20_000), (crowd, 20_000)] {
            long.grow_to(waiting).await?;
            if waiting == crowd {
                rows.extend(memory_row(before, memory(stages).await?, crowd));
            }
            rows.push(long.joins(joins).await?);
        }
        let many = long.kept;
        Ok(Self {
            stage,
            few,
            warm_up,
            many,
            rows,
        })
    }

    /// As clients see it: the instance has seen these people some seconds ago.
    async fn steady_look_ups(&self, stages: &Stages) -> Result<Row> {
        let few = look_ups(&self.stage, Feed::around(requests(&self.few).collect()))?;
        let many = look_ups(&self.stage, Feed::around(requests(&self.many).collect()))?;
        few.run(Pace::Full, Some(self.stage.settings.slice()))
            .await?;
        many.run(Pace::Full, Some(self.stage.settings.slice()))
            .await?;
        let mut compared = Growth::new()?;
        for _ in 0..self.stage.settings.pairs {
            let pace = Pace::PerSecond(LOOK_UPS_PER_SECOND);
            let lasts = Some(self.stage.settings.slice());
            let short = few.run(pace, lasts).await?;
            compared.add(&short, &many.run(pace, lasts).await?);
        }
        Ok(compared.row(stages, "look-up p50", FEW))
    }

    /// The instance has never heard of these people, so that it must ask the store for each.
    async fn first_look_ups(&mut self, stages: &Stages) -> Result<Row> {
        let mut compared = Growth::new()?;
        for round in 0..self.stage.settings.pairs {
            self.stage.program.restart().await?;
            let warm_up = look_ups(&self.stage, Feed::around(requests(&self.warm_up).collect()))?;
            warm_up
                .run(Pace::Full, Some(self.stage.settings.slice()))
                .await?;
            let few = self.first_look_up_of(&self.few);
            let (short, long) = if round % 2 == 0 {
                let short = few.await?;
                (short, self.first_look_up_of(&self.many).await?)
            } else {
                let long = self.first_look_up_of(&self.many).await?;
                (few.await?, long)
            };
            compared.add(&short, &long);
        }
        Ok(compared.row(stages, "first look-up p50", FEW))
    }

    async fn first_look_up_of(&self, people: &[Person]) -> Result<Tally> {
        let apart = (people.len() as u64 / FIRST_LOOK_UPS).max(1);
        let asked = requests(people).step_by(usize::try_from(apart)?);
        let load = look_ups(&self.stage, Feed::once(asked.collect()))?;
        load.run(Pace::PerSecond(FIRST_LOOK_UPS_PER_SECOND), None)
            .await
    }
}

fn look_ups(stage: &Stage, feed: Feed) -> Result<Load> {
    stage.load(feed, expects(200, IS_WAITING))
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

async fn line(stage: &Stage, title: &str, series: Series) -> Result<Vec<Person>> {
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

impl Long<'_> {
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

    async fn grow_to(&mut self, waiting: u64) -> Result<()> {
        let joined = self.stage.join(&self.concert, self.up_to(waiting)).await?;
        self.kept.extend(joined);
        self.waiting = self.waiting.max(waiting);
        Ok(())
    }

    /// Measures the next joins.
    async fn joins(&mut self, count: u64) -> Result<Row> {
        let waiting = self.waiting;
        let crowd = self.up_to(waiting + count);
        let identities = people::identities(&self.stage.program.provider, crowd)?;
        let feed = Feed::once(people::joins(&self.concert, &identities));
        let joining = expects(201, IS_WAITING);
        let tally = self
            .stage
            .load(feed, joining)?
            .run(Pace::Full, None)
            .await?;
        self.waiting += count;
        let waiting = grouped(exact(waiting));
        Ok(
            Row::new(format!("joins with {waiting} waiting"), Some(tally.rate()))
                .unit("/s")
                .behind(format!(
                    "{count} joins: p50 {}, p99 {}",
                    short(tally.quantile(0.5)),
                    short(tally.quantile(0.99))
                ))
                .fault(unintended(&tally)),
        )
    }
}

/// All that the store has taken, in bytes, where it says so.
async fn memory(stages: &Stages) -> Result<Option<u64>> {
    match stages.backend {
        Backend::Redis => stages.stores.redis()?.used_memory().await.map(Some),
        Backend::Embedded | Backend::Mysql => Ok(None),
    }
}

fn memory_row(before: Option<u64>, after: Option<u64>, people: u64) -> Option<Row> {
    let (before, after) = (exact(before?), exact(after?));
    let each = ratio(after - before, exact(people));
    let what = format!(
        "store memory per waiting user at {}",
        grouped(exact(people))
    );
    Some(
        Row::new(what, each)
            .unit("bytes")
            .bar(Bar::AtMost(256.0))
            .behind(format!(
                "used_memory: {} bytes before, {} bytes after",
                grouped(before),
                grouped(after)
            )),
    )
}
