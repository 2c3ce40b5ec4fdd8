//! Compares queues on MySQL with queues on Redis, in turns.

use std::time::Duration;

use anyhow::Result;
use mysql_async::Conn;

use super::{
    against_bare::{SteadyLoad, describe_side, unintended},
    lines::{LongLine, MEDIUM_LENGTH, SHORT_LENGTH},
    queues::{IS_SHOWN, IS_WAITING, Queue, look_ups},
    test_bed::{Environment, TestBed, expects},
};
use crate::{
    cli::Backend,
    client::{Tally, Workload},
    figures::{exact, grouped},
    measure::{Comparison, Meter, Plan, Side, compare},
    report::Row,
    stores::{Counters, MySql},
};

/// Measures all rows of the comparison.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mysql = environment.stores.mysql()?;
    let mut on_mysql = environment.start_program_on(Backend::Mysql).await?;
    let mut on_redis = environment.start_program_on(Backend::Redis).await?;
    let mut processes = vec![
        ("program on MySQL", on_mysql.program.pid()),
        ("program on Redis", on_redis.program.pid()),
    ];
    processes.extend(environment.stores.processes());
    let turns = Turns {
        plan: on_mysql.plan(),
        meter: Meter::of(&processes),
        mysql,
    };

    let mut rows = Vec::new();
    let mut mysql_line = LongLine::at(&on_mysql, KEEP_EVERY).await?;
    let mut redis_line = LongLine::at(&on_redis, KEEP_EVERY).await?;
    let longest = on_mysql.settings.crowd;
    for waiting in [SHORT_LENGTH, MEDIUM_LENGTH.min(longest / 2), longest] {
        // One after the other: at once they would only slow each other down.
        mysql_line.grow_to(waiting).await?;
        redis_line.grow_to(waiting).await?;
        let with = format!("with {} waiting", grouped(exact(waiting)));
        let mut subject = look_ups_of(&on_mysql, &mysql_line)?;
        let mut reference = look_ups_of(&on_redis, &redis_line)?;
        let what = format!("look-up {with}");
        rows.push(turns.row(&what, &mut subject, &mut reference).await?);
        let count = (waiting / 2).min(JOINS_MAX);
        let mut subject = JoinSlices(&mut mysql_line, count);
        let mut reference = JoinSlices(&mut redis_line, count);
        let what = format!("join {with}");
        rows.push(turns.row(&what, &mut subject, &mut reference).await?);
    }

    let users = on_mysql.settings.users;
    let mysql_queue = Queue::active(&on_mysql, users).await?;
    let redis_queue = Queue::active(&on_redis, users).await?;
    mysql_queue.claim(&on_mysql).await?;
    redis_queue.claim(&on_redis).await?;
    let mut subject = gate_requests_of(&on_mysql, &mysql_queue)?;
    let mut reference = gate_requests_of(&on_redis, &redis_queue)?;
    rows.push(
        turns
            .row("gate (performances)", &mut subject, &mut reference)
            .await?,
    );
    Ok(rows)
}

/// Each user whose number is a multiple of this is looked up.
const KEEP_EVERY: u64 = 20;

/// The most joins in a slice.
const JOINS_MAX: u64 = 5_000;

/// A side in which this number of users join a line in each slice, whatever the time.
struct JoinSlices<'a, 'b>(&'a mut LongLine<'b>, u64);

impl Side for JoinSlices<'_, '_> {
    async fn slice(&mut self, _: Duration) -> Result<Tally> {
        self.0.join_more(self.1).await
    }
}

/// Creates a side with look-ups of users from all parts of a line.
fn look_ups_of(test_bed: &TestBed, line: &LongLine) -> Result<SteadyLoad> {
    let workload = Workload::repeating(look_ups(&line.kept).collect());
    Ok(SteadyLoad(
        test_bed.load(workload, expects(200, IS_WAITING))?,
    ))
}

/// Creates a side with requests that pass the gate.
fn gate_requests_of(test_bed: &TestBed, queue: &Queue) -> Result<SteadyLoad> {
    let workload = Workload::repeating(queue.gate_requests());
    Ok(SteadyLoad(test_bed.load(workload, expects(200, IS_SHOWN))?))
}

/// The plan of the comparisons, and the meters of processor time and statements.
struct Turns<'a> {
    plan: Plan,
    meter: Meter,
    mysql: &'a MySql,
}

impl Turns<'_> {
    async fn row(
        &self,
        what: &str,
        on_mysql: &mut impl Side,
        on_redis: &mut impl Side,
    ) -> Result<Row> {
        let mut mysql_side = CountedSide::new(on_mysql, self.mysql).await?;
        let mut redis_side = CountedSide::new(on_redis, self.mysql).await?;
        let comparison = compare(self.plan, &self.meter, &mut mysql_side, &mut redis_side).await?;
        let Comparison {
            subject, reference, ..
        } = &comparison;
        Ok(Row::new(
            format!("{what}: queues on MySQL ÷ on Redis"),
            comparison.ratio(),
        )
        .behind(describe_side("on MySQL", subject))
        .behind(mysql_side.describe())
        .behind(describe_side("on Redis", reference))
        .behind(redis_side.describe())
        .fault(unintended(&subject.tally))
        .fault(unintended(&reference.tally)))
    }
}

/// A side, and the counts of statements and commits during its slices. They include those of the
/// jobs.
struct CountedSide<'a, S> {
    side: &'a mut S,
    connection: Conn,
    requests: u64,
    statements: u64,
    commits: u64,
}

impl<'a, S: Side> CountedSide<'a, S> {
    async fn new(side: &'a mut S, mysql: &MySql) -> Result<Self> {
        Ok(Self {
            side,
            connection: mysql.connect("").await?,
            requests: 0,
            statements: 0,
            commits: 0,
        })
    }

    fn add(&mut self, before: Counters, after: Counters, requests: u64) {
        let own = 1; // the second reading
        let statements = after.statements.saturating_sub(before.statements + own);
        self.statements += statements;
        self.commits += after.commits.saturating_sub(before.commits);
        self.requests += requests;
    }

    fn describe(&self) -> String {
        let each = |count: u64| exact(count) / exact(self.requests.max(1));
        format!(
            "    database: {:.3} statements and {:.3} commits a request",
            each(self.statements),
            each(self.commits)
        )
    }
}

impl<S: Side> Side for CountedSide<'_, S> {
    async fn slice(&mut self, duration: Duration) -> Result<Tally> {
        let before = MySql::counters(&mut self.connection).await?;
        let tally = self.side.slice(duration).await?;
        let after = MySql::counters(&mut self.connection).await?;
        self.add(before, after, tally.answers());
        Ok(tally)
    }
}
