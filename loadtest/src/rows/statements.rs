//! The cost of queue requests for the database while the queues are on Redis: none.

use std::time::Duration;

use anyhow::Result;
use mysql_async::Conn;
use tokio::time::sleep;

use super::{
    against_bare::{Steady, unintended},
    joining::Joining,
    queues::{IS_ACTIVE, IS_SHOWN, IS_WAITING, Queue},
    stage::{Stage, Stages, expects},
};
use crate::{
    client::Feed,
    figures::{exact, grouped},
    measure::Side,
    report::{Bar, Due, Row},
    stores::MySql,
    watch,
};

/// For how long the statements of the background jobs are counted.
const IDLE: Duration = Duration::from_secs(10);

/// The number of users who send requests.
const PEOPLE: u64 = 20_000;

/// Measures the rows of this group.
pub(crate) async fn measure(stages: &Stages) -> Result<Vec<Row>> {
    let stage = stages.set().await?;
    let settings = &stage.settings;
    let people = settings.or_quick(PEOPLE, PEOPLE / 10);
    let waiting = Queue::waiting(&stage, people).await?;
    let active = Queue::active(&stage, people).await?;
    let idle = settings.or_quick(IDLE, IDLE / 5);
    let mut count = Count::while_idle(stages.stores.mysql()?, idle).await?;
    let lasts = stage.settings.slice() * stage.settings.pairs;

    let queue = [
        (
            "look-ups while waiting",
            looking(&stage, &waiting, IS_WAITING)?,
        ),
        (
            "look-ups while active",
            looking(&stage, &active, IS_ACTIVE)?,
        ),
    ];
    let mut total = Counted::default();
    let mut behind = vec![count.describe()];
    for (name, mut side) in queue {
        let counted = count.of(&mut side, lasts).await?;
        behind.push(counted.describe(name));
        total.add(&counted);
    }
    let mut joining = Joining::at(&stage, &waiting.concert);
    let counted = count.of(&mut joining, stage.settings.slice()).await?;
    behind.push(counted.describe("joins"));
    total.add(&counted);

    let shown = expects(200, IS_SHOWN);
    let mut gate = Steady(stage.load(Feed::around(active.gate_requests()), shown)?);
    let gate = count.of(&mut gate, lasts).await?;
    let row = total
        .row("database statements per queue request")
        .bar(Bar::AtMost(0.0), Due::Plan(8));
    Ok(vec![
        behind.into_iter().fold(row, Row::behind),
        gate.row("database statements per gate request (performances)")
            .behind(gate.describe("gate requests")),
    ])
}

fn looking(stage: &Stage, queue: &Queue, state: &'static str) -> Result<Steady> {
    let feed = Feed::around(queue.look_ups());
    Ok(Steady(stage.load(feed, expects(200, state))?))
}

/// Counts statements other than those of the jobs.
struct Count {
    connection: Conn,
    /// Statements per second without requests.
    idle_per_second: f64,
}

impl Count {
    async fn while_idle(mysql: &MySql, lasts: Duration) -> Result<Self> {
        let mut connection = mysql.connect("").await?;
        let began = watch::now();
        let before = MySql::counters(&mut connection).await?;
        sleep(lasts).await;
        let after = MySql::counters(&mut connection).await?;
        let own = 1; // the second reading
        let statements = after.statements.saturating_sub(before.statements + own);
        Ok(Self {
            connection,
            idle_per_second: exact(statements) / began.elapsed().as_secs_f64(),
        })
    }

    fn describe(&self) -> String {
        format!(
            "jobs: {:.1} statements/s without requests; these are subtracted",
            self.idle_per_second
        )
    }

    async fn of(&mut self, side: &mut impl Side, lasts: Duration) -> Result<Counted> {
        let began = watch::now();
        let before = MySql::counters(&mut self.connection).await?;
        let tally = side.slice(lasts).await?;
        let after = MySql::counters(&mut self.connection).await?;
        let own = 1; // the second reading
        let all = exact(after.statements.saturating_sub(before.statements + own));
        Ok(Counted {
            requests: tally.answers(),
            statements: all - self.idle_per_second * began.elapsed().as_secs_f64(),
            fault: unintended(&tally),
        })
    }
}

/// Requests, and statements other than those of the jobs.
#[derive(Debug, Clone, Default)]
struct Counted {
    requests: u64,
    statements: f64,
    fault: Option<String>,
}

impl Counted {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.statements += other.statements;
        if self.fault.is_none() {
            self.fault.clone_from(&other.fault);
        }
    }

    fn row(&self, what: &str) -> Row {
        let each = (self.requests > 0).then(|| self.statements / exact(self.requests));
        Row::new(what, each.map(whole_thousandths))
            .less_is_better()
            .fault(self.fault.clone())
    }

    fn describe(&self, name: &str) -> String {
        format!(
            "{name}: {} requests, {:.0} statements beyond those of the jobs",
            grouped(exact(self.requests)),
            self.statements
        )
    }
}

/// Rounds to thousandths, and to at least 0: the statements of the jobs are not spread evenly over
/// the seconds.
fn whole_thousandths(each: f64) -> f64 {
    // Adding 0 removes the sign of a negative zero.
    ((each * 1e3).round() / 1e3).max(0.0) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_uneven_pace_is_no_statement_of_a_request() {
        for each in [0.0004, -0.0004, -1.0] {
            assert_eq!(whole_thousandths(each).to_bits(), 0, "{each}");
        }
        assert!((whole_thousandths(0.0106) - 0.011).abs() < 1e-9);
        assert!((whole_thousandths(2.0) - 2.0).abs() < 1e-9);
    }
}
