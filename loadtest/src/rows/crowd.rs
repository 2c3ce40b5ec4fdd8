//! The cost of a long line: look-ups and joins with a thousand and with a million users waiting,
//! and the memory of the store.

use std::time::Duration;

use anyhow::Result;

use super::{
    against_bare::unintended,
    growth::Growth,
    lines::{FEW, Long, MANY, short_line},
    queues::{IS_WAITING, look_ups as requests},
    stage::{Stage, Stages, expects},
};
use crate::{
    cli::Backend,
    client::{Feed, Load, Pace, Tally},
    figures::{exact, grouped, ratio, short},
    people::{Person, Series},
    report::{Bar, Due, Row},
};

/// The number of users of the long line who are looked up. They stand in all parts of it.
const ASKED: u64 = 5_000;
/// The number of look-ups in a round of first look-ups, each of another user.
const FIRST_LOOK_UPS: u64 = 1_000;
/// A moderate rate, so that the latency of one look-up does not depend on the others.
const FIRST_LOOK_UPS_PER_SECOND: f64 = 500.0;
/// Rounds of first look-ups are short. Therefore there are more of them than pairs of slices.
const ROUNDS_A_PAIR: u32 = 3;
const LOOK_UPS_PER_SECOND: f64 = 1_000.0;

const SHORT_LINE: Series = Series(1);
const WARM_UP: Series = Series(2);

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mut lines = Lines::form(stages).await?;
    let mut rows = std::mem::take(&mut lines.rows);
    rows.push(lines.steady_look_ups(stages).await?);
    if stages.backend != Backend::Embedded {
        rows.push(lines.first_look_ups(stages).await?);
    }
    Ok(rows)
}

/// A short line, a long line, and one for the warm-up.
struct Lines {
    stage: Stage,
    few: Vec<Person>,
    warm_up: Vec<Person>,
    many: Vec<Person>,
    /// The rows that were measured while the lines formed.
    rows: Vec<Row>,
}

impl Lines {
    async fn form(stages: &Stages) -> Result<Self> {
        let stage = stages.set().await?;
        let few = short_line(&stage, "A short line", SHORT_LINE).await?;
        let warm_up = short_line(&stage, "Another short line", WARM_UP).await?;
        let before = memory(stages).await?;
        let keep_every = (stage.settings.crowd / ASKED).max(1);
        let mut long = Long::at(&stage, keep_every).await?;
        let mut rows = Vec::new();
        let crowd = stage.settings.crowd;
        let many = MANY.min(crowd / 2);
        for (waiting, joins) in [(FEW, 2_000), (many, 20_000), (crowd, 20_000)] {
            long.grow_to(waiting).await?;
            if waiting == crowd {
                rows.extend(memory_row(before, memory(stages).await?, crowd));
            }
            rows.push(joins_row(&mut long, joins).await?);
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

    /// Look-ups as clients experience them: the instance saw these users some seconds before.
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

    /// Look-ups of users whom the instance does not remember, so that it must ask the store for
    /// each of them.
    async fn first_look_ups(&mut self, stages: &Stages) -> Result<Row> {
        let mut compared = Growth::new()?;
        for round in 0..self.stage.settings.pairs * ROUNDS_A_PAIR {
            self.stage.program.restart().await?;
            let warm_up = look_ups(&self.stage, Feed::around(requests(&self.warm_up).collect()))?;
            warm_up
                .run(Pace::Full, Some(self.stage.settings.slice()))
                .await?;
            let few = self.first_look_up_of(stages, &self.few);
            let (short, long) = if round % 2 == 0 {
                let short = few.await?;
                (short, self.first_look_up_of(stages, &self.many).await?)
            } else {
                let long = self.first_look_up_of(stages, &self.many).await?;
                (few.await?, long)
            };
            compared.add(&short.0, &long.0);
            if let (Some(short), Some(long)) = (short.1, long.1) {
                compared.add_cost(short, long);
            }
        }
        Ok(if stages.backend == Backend::Redis {
            let what = "flatness: Redis µs per first look-up";
            let row = compared.row_of_costs(stages, what, FEW);
            row.bar(Bar::AtMost(1.2), Due::Plan(8))
        } else {
            compared.row(stages, "first look-up p50", FEW)
        })
    }

    /// Runs one round. Returns the look-ups, and the run time of scripts on Redis for each, in µs.
    async fn first_look_up_of(
        &self,
        stages: &Stages,
        people: &[Person],
    ) -> Result<(Tally, Option<f64>)> {
        let apart = (people.len() as u64 / FIRST_LOOK_UPS).max(1);
        let asked = requests(people).step_by(usize::try_from(apart)?);
        let load = look_ups(&self.stage, Feed::once(asked.collect()))?;
        let before = script_time(stages).await?;
        let tally = load
            .run(Pace::PerSecond(FIRST_LOOK_UPS_PER_SECOND), None)
            .await?;
        let after = script_time(stages).await?;
        let taken = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        let each = taken.and_then(|taken| ratio(taken.as_secs_f64() * 1e6, exact(tally.answers())));
        Ok((tally, each))
    }
}

/// The run time of scripts on Redis. None if the queues are elsewhere.
async fn script_time(stages: &Stages) -> Result<Option<Duration>> {
    match stages.backend {
        Backend::Redis => stages.stores.redis()?.script_time().await.map(Some),
        Backend::Embedded | Backend::Mysql => Ok(None),
    }
}

fn look_ups(stage: &Stage, feed: Feed) -> Result<Load> {
    stage.load(feed, expects(200, IS_WAITING))
}

/// Measures the joins of the next `count` users.
async fn joins_row(line: &mut Long<'_>, count: u64) -> Result<Row> {
    let waiting = grouped(exact(line.waiting));
    let tally = line.arrive(count).await?;
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

/// The memory that the store has allocated, in bytes. None unless the queues are on Redis.
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
            .bar(Bar::AtMost(225.0), Due::Plan(8))
            .behind("later: at most 200 bytes")
            .behind(format!(
                "used_memory: {} bytes before, {} bytes after",
                grouped(before),
                grouped(after)
            )),
    )
}
