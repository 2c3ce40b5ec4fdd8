//! Queues on MySQL and on Redis, in turns.

use std::time::Duration;

use anyhow::Result;
use mysql_async::Conn;

use super::{
    against_bare::{Steady, side, unintended},
    joining::Joining,
    queues::{IS_SHOWN, IS_WAITING, Queue},
    stage::{Stage, Stages, expects},
};
use crate::{
    cli::Backend,
    client::{Feed, Tally},
    figures::exact,
    measure::{Compared, Meter, Plan, Side, compare},
    report::Row,
    stores::{Counters, MySql},
};

/// Measures all.
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

    let users = on_mysql.settings.users;
    let waiting = [
        Queue::waiting(&on_mysql, users).await?,
        Queue::waiting(&on_redis, users).await?,
    ];
    let [ours, theirs] = &waiting;
    tokio::try_join!(ours.settle(&on_mysql), theirs.settle(&on_redis))?;
    let (mut ours, mut theirs) = (looking(&on_mysql, ours)?, looking(&on_redis, theirs)?);
    let mut rows = vec![
        turns
            .row("look-up while waiting", &mut ours, &mut theirs)
            .await?,
    ];

    let [ours, theirs] = &waiting;
    let mut ours = Joining::at(&on_mysql, &ours.concert);
    let mut theirs = Joining::at(&on_redis, &theirs.concert);
    rows.push(turns.row("join", &mut ours, &mut theirs).await?);

    let ours = Queue::active(&on_mysql, users).await?;
    let theirs = Queue::active(&on_redis, users).await?;
    let (mut ours, mut theirs) = (passing(&on_mysql, &ours)?, passing(&on_redis, &theirs)?);
    rows.push(
        turns
            .row("gate (performances)", &mut ours, &mut theirs)
            .await?,
    );
    Ok(rows)
}

fn looking(stage: &Stage, queue: &Queue) -> Result<Steady> {
    let feed = Feed::around(queue.look_ups());
    Ok(Steady(stage.load(feed, expects(200, IS_WAITING))?))
}

fn passing(stage: &Stage, queue: &Queue) -> Result<Steady> {
    let feed = Feed::around(queue.gate_requests());
    Ok(Steady(stage.load(feed, expects(200, IS_SHOWN))?))
}

/// How both take turns, and who counts.
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

/// Counts what a side's requests make of statements and commits, those of the jobs in the same time
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
