//! The cost of queue requests for the database while the queues are on Redis: none.

use std::time::Duration;

use anyhow::Result;
use mysql_async::Conn;
use tokio::time::sleep;

use super::{
    against_bare::{SteadyLoad, unintended},
    joining::Joining,
    queues::{IS_ACTIVE, IS_SHOWN, IS_WAITING, Queue},
    test_bed::{Environment, TestBed, expects},
};
use crate::{
    client::Workload,
    figures::{exact, grouped},
    measure::Side,
    report::{Bar, Due, Row},
    stores::MySql,
    watch,
};

/// The time for which the statements of the background jobs are counted.
const IDLE: Duration = Duration::from_secs(10);

/// The number of users who send requests.
const USERS: u64 = 20_000;

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let test_bed = environment.start_program().await?;
    let settings = &test_bed.settings;
    let users = settings.or_quick(USERS, USERS / 10);
    let waiting = Queue::waiting(&test_bed, users).await?;
    let active = Queue::active(&test_bed, users).await?;
    let idle = settings.or_quick(IDLE, IDLE / 5);
    let mut counter = StatementCounter::while_idle(environment.stores.mysql()?, idle).await?;
    let duration = test_bed.settings.slice() * test_bed.settings.pairs;

    let queue = [
        (
            "look-ups while waiting",
            look_ups_of(&test_bed, &waiting, IS_WAITING)?,
        ),
        (
            "look-ups while active",
            look_ups_of(&test_bed, &active, IS_ACTIVE)?,
        ),
    ];
    let mut total = StatementCount::default();
    let mut behind = vec![counter.describe()];
    for (name, mut side) in queue {
        let count = counter.count_side(&mut side, duration).await?;
        behind.push(count.describe(name));
        total.add(&count);
    }
    let mut joining = Joining::at(&test_bed, &waiting.concert);
    let count = counter
        .count_side(&mut joining, test_bed.settings.slice())
        .await?;
    behind.push(count.describe("joins"));
    total.add(&count);

    let is_shown = expects(200, IS_SHOWN);
    let mut gate =
        SteadyLoad(test_bed.load(Workload::repeating(active.gate_requests()), is_shown)?);
    let gate = counter.count_side(&mut gate, duration).await?;
    let row = total
        .row("database statements per queue request")
        .bar(Bar::AtMost(0.0), Due::Plan(8));
    Ok(vec![
        behind.into_iter().fold(row, Row::behind),
        gate.row("database statements per gate request (performances)")
            .behind(gate.describe("gate requests")),
    ])
}

fn look_ups_of(test_bed: &TestBed, queue: &Queue, state: &'static str) -> Result<SteadyLoad> {
    let workload = Workload::repeating(queue.look_ups());
    Ok(SteadyLoad(test_bed.load(workload, expects(200, state))?))
}

/// Counts statements without those of the jobs.
struct StatementCounter {
    connection: Conn,
    /// Statements per second without requests.
    idle_per_second: f64,
}

impl StatementCounter {
    async fn while_idle(mysql: &MySql, duration: Duration) -> Result<Self> {
        let mut connection = mysql.connect("").await?;
        let began = watch::now();
        let before = MySql::counters(&mut connection).await?;
        sleep(duration).await;
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

    async fn count_side(
        &mut self,
        side: &mut impl Side,
        duration: Duration,
    ) -> Result<StatementCount> {
        let began = watch::now();
        let before = MySql::counters(&mut self.connection).await?;
        let tally = side.slice(duration).await?;
        let after = MySql::counters(&mut self.connection).await?;
        let own = 1; // the second reading
        let all = exact(after.statements.saturating_sub(before.statements + own));
        Ok(StatementCount {
            requests: tally.answers(),
            statements: all - self.idle_per_second * began.elapsed().as_secs_f64(),
            fault: unintended(&tally),
        })
    }
}

/// The number of requests, and of statements without those of the jobs.
#[derive(Debug, Clone, Default)]
struct StatementCount {
    requests: u64,
    statements: f64,
    fault: Option<String>,
}

impl StatementCount {
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

/// Rounds to thousandths and to at least 0, since the statements of the jobs are not spread evenly
/// over the seconds.
fn whole_thousandths(each: f64) -> f64 {
    // Adding 0 removes the sign of a negative zero.
    ((each * 1e3).round() / 1e3).max(0.0) + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_per_request_are_rounded_and_at_least_0() {
        for each in [0.0004, -0.0004, -1.0] {
            assert_eq!(whole_thousandths(each).to_bits(), 0, "{each}");
        }
        assert!((whole_thousandths(0.0106) - 0.011).abs() < 1e-9);
        assert!((whole_thousandths(2.0) - 2.0).abs() < 1e-9);
    }
}
