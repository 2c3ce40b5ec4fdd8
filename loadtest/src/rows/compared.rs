//! Compares queues on MySQL with queues on Redis, in turns.

use std::time::Duration;

use anyhow::Result;
use mysql_async::Conn;

use super::{
    against_bare::{Steady, side, unintended},
    lines::{FEW, Long, MANY},
    queues::{IS_SHOWN, IS_WAITING, Queue, look_ups},
    stage::{Stage, Stages, expects},
};
use crate::{
    cli::Backend,
    client::{Feed, Tally},
    figures::{exact, grouped},
    measure::{Compared, Meter, Plan, Side, compare},
    report::Row,
    stores::{Counters, MySql},
};

/// Measures all rows of the comparison.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let mysql = stages.stores.mysql()?;
    let mut on_mysql = stages.set_on(Backend::Mysql).await?;
    let mut on_redis = stages.set_on(Backend::Redis).await?;
    let mut processes = vec![
        ("program on MySQL", on_mysql.program.pid()),
        ("program on Redis", on_redis.program.pid()),
    ];
    processes.extend(stages.stores.processes());
    let turns = Turns {
        plan: on_mysql.plan(),
        meter: Meter::of(&processes),
        mysql,
    };

    let mut rows = Vec::new();
    let mut ours = Long::at(&on_mysql, KEEP_EVERY).await?;
    let mut theirs = Long::at(&on_redis, KEEP_EVERY).await?;
    let crowd = on_mysql.settings.crowd;
    for waiting in [FEW, MANY.min(crowd / 2), crowd] {
        // One after the other: both at once would only slow each other down.
        ours.grow_to(waiting).await?;
        theirs.grow_to(waiting).await?;
        let with = format!("with {} waiting", grouped(exact(waiting)));
        let mut looking = (asking(&on_mysql, &ours)?, asking(&on_redis, &theirs)?);
        let what = format!("look-up {with}");
        rows.push(turns.row(&what, &mut looking.0, &mut looking.1).await?);
        let count = (waiting / 2).min(ARRIVALS_MAX);
        let mut joining = (Arriving(&mut ours, count), Arriving(&mut theirs, count));
        let what = format!("join {with}");
        rows.push(turns.row(&what, &mut joining.0, &mut joining.1).await?);
    }

    let users = on_mysql.settings.users;
    let ours = Queue::active(&on_mysql, users).await?;
    let theirs = Queue::active(&on_redis, users).await?;
    ours.claim(&on_mysql).await?;
    theirs.claim(&on_redis).await?;
    let (mut ours, mut theirs) = (passing(&on_mysql, &ours)?, passing(&on_redis, &theirs)?);
    rows.push(
        turns
            .row("gate (performances)", &mut ours, &mut theirs)
            .await?,
    );
    Ok(rows)
}

/// Each user whose number is a multiple of this is looked up.
const KEEP_EVERY: u64 = 20;

/// The most joins in a slice.
const ARRIVALS_MAX: u64 = 5_000;

/// Lets this many users join a line in each slice, however long that takes.
struct Arriving<'a, 'b>(&'a mut Long<'b>, u64);

impl Side for Arriving<'_, '_> {
    async fn slice(&mut self, _: Duration) -> Result<Tally> {
        self.0.arrive(self.1).await
    }
}

/// Look-ups of users from all parts of a line.
fn asking(stage: &Stage, line: &Long) -> Result<Steady> {
    let feed = Feed::around(look_ups(&line.kept).collect());
    Ok(Steady(stage.load(feed, expects(200, IS_WAITING))?))
}

fn passing(stage: &Stage, queue: &Queue) -> Result<Steady> {
    let feed = Feed::around(queue.gate_requests());
    Ok(Steady(stage.load(feed, expects(200, IS_SHOWN))?))
}

/// How the two sides take turns, and what counts their processor time and statements.
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
        let mut ours = Counted::new(on_mysql, self.mysql).await?;
        let mut theirs = Counted::new(on_redis, self.mysql).await?;
        let compared = compare(self.plan, &self.meter, &mut ours, &mut theirs).await?;
        let Compared {
            subject, reference, ..
        } = &compared;
        Ok(Row::new(
            format!("{what}: queues on MySQL ÷ on Redis"),
            compared.ratio(),
        )
        .behind(side("on MySQL", subject))
        .behind(ours.describe())
        .behind(side("on Redis", reference))
        .behind(theirs.describe())
        .fault(unintended(&subject.tally))
        .fault(unintended(&reference.tally)))
    }
}

/// Counts the statements and commits of a side's requests. Those of the jobs in the same time are
/// included.
struct Counted<'a, S> {
    side: &'a mut S,
    connection: Conn,
    requests: u64,
    statements: u64,
    commits: u64,
}

impl<'a, S: Side> Counted<'a, S> {
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

impl<S: Side> Side for Counted<'_, S> {
    async fn slice(&mut self, lasts: Duration) -> Result<Tally> {
        let before = MySql::counters(&mut self.connection).await?;
        let tally = self.side.slice(lasts).await?;
        let after = MySql::counters(&mut self.connection).await?;
        self.add(before, after, tally.answers());
        Ok(tally)
    }
}
