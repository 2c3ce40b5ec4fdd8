//! The cost of a long line: look-ups and joins with a thousand and with a million users waiting,
//! and the memory of the store.

use std::time::Duration;

use anyhow::Result;

use super::{
    against_bare::unintended,
    growth::Growth,
    lines::{LongLine, MEDIUM_LENGTH, SHORT_LENGTH, short_line},
    queues::{IS_WAITING, look_ups as requests},
    test_bed::{Environment, TestBed, expects},
};
use crate::{
    cli::Backend,
    client::{Load, Pace, Tally, Workload},
    figures::{exact, grouped, ratio, short},
    report::{Bar, Due, Row},
    users::{Series, User},
};

/// The number of users of the long line who are looked up. They stand in all parts of it.
const USERS_LOOKED_UP: u64 = 5_000;
/// The number of look-ups in a round of first look-ups, each of another user.
const FIRST_LOOK_UPS: u64 = 1_000;
/// A moderate rate, so that the latency of one look-up does not depend on the others.
const FIRST_LOOK_UPS_PER_SECOND: f64 = 500.0;
/// Rounds of first look-ups are short, so there are more of them than pairs of slices.
const ROUNDS_A_PAIR: u32 = 3;
const LOOK_UPS_PER_SECOND: f64 = 1_000.0;

const SHORT_LINE: Series = Series(1);
const WARM_UP: Series = Series(2);

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mut lines = Lines::form(environment).await?;
    let mut rows = std::mem::take(&mut lines.rows);
    rows.push(lines.steady_look_ups(environment).await?);
    if environment.backend != Backend::Embedded {
        rows.push(lines.first_look_ups(environment).await?);
    }
    Ok(rows)
}

/// A short line, a long line, and one for the warm-up.
struct Lines {
    test_bed: TestBed,
    short_line_users: Vec<User>,
    warm_up_users: Vec<User>,
    long_line_users: Vec<User>,
    /// The rows that were measured while the lines formed.
    rows: Vec<Row>,
}

impl Lines {
    async fn form(environment: &Environment) -> Result<Self> {
        let test_bed = environment.start_program().await?;
        let short_line_users = short_line(&test_bed, "A short line", SHORT_LINE).await?;
        let warm_up_users = short_line(&test_bed, "Another short line", WARM_UP).await?;
        let before = memory(environment).await?;
        let keep_every = (test_bed.settings.crowd / USERS_LOOKED_UP).max(1);
        let mut long_line = LongLine::at(&test_bed, keep_every).await?;
        let mut rows = Vec::new();
        let crowd = test_bed.settings.crowd;
        let medium = MEDIUM_LENGTH.min(crowd / 2);
        for (waiting, joins) in [(SHORT_LENGTH, 2_000), (medium, 20_000), (crowd, 20_000)] {
            long_line.grow_to(waiting).await?;
            if waiting == crowd {
                rows.extend(memory_row(before, memory(environment).await?, crowd));
            }
            rows.push(joins_row(&mut long_line, joins).await?);
        }
        let long_line_users = long_line.kept;
        Ok(Self {
            test_bed,
            short_line_users,
            warm_up_users,
            long_line_users,
            rows,
        })
    }

    /// Measures look-ups as clients experience them: the instance looked up these users some
    /// seconds before.
    async fn steady_look_ups(&self, environment: &Environment) -> Result<Row> {
        let short_line = look_ups(
            &self.test_bed,
            Workload::repeating(requests(&self.short_line_users).collect()),
        )?;
        let long_line = look_ups(
            &self.test_bed,
            Workload::repeating(requests(&self.long_line_users).collect()),
        )?;
        short_line
            .run(Pace::Full, Some(self.test_bed.settings.slice()))
            .await?;
        long_line
            .run(Pace::Full, Some(self.test_bed.settings.slice()))
            .await?;
        let mut growth = Growth::new()?;
        for _ in 0..self.test_bed.settings.pairs {
            let pace = Pace::PerSecond(LOOK_UPS_PER_SECOND);
            let duration = Some(self.test_bed.settings.slice());
            let short = short_line.run(pace, duration).await?;
            growth.add(&short, &long_line.run(pace, duration).await?);
        }
        Ok(growth.row(environment, "look-up p50", SHORT_LENGTH))
    }

    /// Measures look-ups of users who are not in the cache of the instance, so that it must look up
    /// each of them in the store.
    async fn first_look_ups(&mut self, environment: &Environment) -> Result<Row> {
        let mut growth = Growth::new()?;
        for round in 0..self.test_bed.settings.pairs * ROUNDS_A_PAIR {
            self.test_bed.program.restart().await?;
            let warm_up = look_ups(
                &self.test_bed,
                Workload::repeating(requests(&self.warm_up_users).collect()),
            )?;
            warm_up
                .run(Pace::Full, Some(self.test_bed.settings.slice()))
                .await?;
            let short_line = self.first_look_ups_of(environment, &self.short_line_users);
            let (short, long) = if round % 2 == 0 {
                let short = short_line.await?;
                (
                    short,
                    self.first_look_ups_of(environment, &self.long_line_users)
                        .await?,
                )
            } else {
                let long = self
                    .first_look_ups_of(environment, &self.long_line_users)
                    .await?;
                (short_line.await?, long)
            };
            growth.add(&short.0, &long.0);
            if let (Some(short), Some(long)) = (short.1, long.1) {
                growth.add_cost(short, long);
            }
        }
        Ok(if environment.backend == Backend::Redis {
            let what = "flatness: Redis µs per first look-up";
            let row = growth.row_of_costs(environment, what, SHORT_LENGTH);
            row.bar(Bar::AtMost(1.2), Due::Plan(8))
        } else {
            growth.row(environment, "first look-up p50", SHORT_LENGTH)
        })
    }

    /// Runs one round. Returns the tally of the look-ups, and the run time of scripts on Redis per
    /// look-up, in µs.
    async fn first_look_ups_of(
        &self,
        environment: &Environment,
        users: &[User],
    ) -> Result<(Tally, Option<f64>)> {
        let apart = (users.len() as u64 / FIRST_LOOK_UPS).max(1);
        let selected = requests(users).step_by(usize::try_from(apart)?);
        let load = look_ups(&self.test_bed, Workload::once(selected.collect()))?;
        let before = script_time(environment).await?;
        let tally = load
            .run(Pace::PerSecond(FIRST_LOOK_UPS_PER_SECOND), None)
            .await?;
        let after = script_time(environment).await?;
        let taken = before
            .zip(after)
            .map(|(before, after)| after.saturating_sub(before));
        let each = taken.and_then(|taken| ratio(taken.as_secs_f64() * 1e6, exact(tally.answers())));
        Ok((tally, each))
    }
}

/// Returns the run time of scripts on Redis. None if the queues are elsewhere.
async fn script_time(environment: &Environment) -> Result<Option<Duration>> {
    match environment.backend {
        Backend::Redis => environment.stores.redis()?.script_time().await.map(Some),
        Backend::Embedded | Backend::Mysql => Ok(None),
    }
}

fn look_ups(test_bed: &TestBed, workload: Workload) -> Result<Load> {
    test_bed.load(workload, expects(200, IS_WAITING))
}

/// Measures the joins of the next `count` users.
async fn joins_row(line: &mut LongLine<'_>, count: u64) -> Result<Row> {
    let waiting = grouped(exact(line.waiting));
    let tally = line.join_more(count).await?;
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

/// Returns the memory that the store has allocated, in bytes. None unless the queues are on Redis.
async fn memory(environment: &Environment) -> Result<Option<u64>> {
    match environment.backend {
        Backend::Redis => environment.stores.redis()?.used_memory().await.map(Some),
        Backend::Embedded | Backend::Mysql => Ok(None),
    }
}

fn memory_row(before: Option<u64>, after: Option<u64>, users: u64) -> Option<Row> {
    let (before, after) = (exact(before?), exact(after?));
    let each = ratio(after - before, exact(users));
    let what = format!("store memory per waiting user at {}", grouped(exact(users)));
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
