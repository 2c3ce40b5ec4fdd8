//! Several processes that sell the same seats, and users who send requests to all of them.

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{AppConfig, PROCESS_LIST, eventually};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{crowd::in_step, records::Records, unguarded::Unguarded};
use crate::{
    lives::SOON,
    reconcile::reconciled,
    stores::{Stores, WritesHeldUp},
    test_app::{PRICE, TestApp, Visitor, start},
};

/// The stores that the processes share.
const STORES: Stores = Stores::MYSQL_AND_REDIS;
/// The number of processes.
pub(super) const DESKS: usize = 3;
/// The number of connections to the database for each process.
const CONNECTIONS_A_DESK: usize = 16;

/// Processes with the same configuration, on one database and one queue that admits every user
/// immediately.
pub(super) struct BoxOffice {
    /// One app for each process, with the same concert.
    desks: Vec<TestApp>,
}

/// A user who sends requests to all desks.
pub(super) struct Customer {
    pub(super) name: String,
    /// The user at each desk, with the same place.
    visitors: Vec<Visitor>,
}

/// A customer who holds a seat.
pub(super) struct Holder {
    pub(super) customer: Customer,
    pub(super) reservation: String,
    pub(super) seat: String,
}

/// A configuration in which no answer depends on the load of the machine: a request that must wait
/// for others waits, and is not refused. The number of retries of a transaction is unchanged.
pub(super) async fn patient() -> Result<AppConfig> {
    let connections = CONNECTIONS_A_DESK.to_string();
    let config = STORES.config().await?;
    Ok(config
        .env("FRONTROW_DATABASE__POOL_SIZE", connections)
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "25000")
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "30000")
        .env("FRONTROW_DATABASE__LOCK_TIMEOUT_S", "25"))
}

/// The policy of a queue in which no user waits.
pub(super) fn open_doors() -> Value {
    json!({"state": "bypass"})
}

impl BoxOffice {
    /// Sells a row of `seats` seats, `R1-1` and so on.
    pub(super) async fn open(seats: u16) -> Result<Self> {
        Self::open_with(patient().await?, seats).await
    }

    /// The same with a configuration of its own.
    pub(super) async fn open_with(config: AppConfig, seats: u16) -> Result<Self> {
        let first = TestApp::open_with(config.clone(), 1, seats, open_doors()).await?;
        let others = try_join_all((1..DESKS).map(|_| start(config.clone()))).await?;
        let others = others.into_iter().map(|app| TestApp {
            app,
            concert: first.concert.clone(),
            performance: first.performance.clone(),
        });
        let others: Vec<_> = others.collect();
        Ok(Self {
            desks: std::iter::once(first).chain(others).collect(),
        })
    }

    /// Fails unless the records are sound and `frontrow reconcile` finds no difference.
    pub(super) async fn ensure_sound(&self, records: &Records) -> Result<()> {
        records.ensure_sound()?;
        reconciled(&self.desks[0].app).await
    }

    /// One of the processes, another one for each number.
    pub(super) fn desk(&self, number: usize) -> &TestApp {
        &self.desks[number % DESKS]
    }

    /// A user with an active place, who joined at the desk with that number.
    async fn visitor(&self, number: usize, name: &str) -> Result<Customer> {
        let joined = self.desk(number).join(name).await?;
        ensure!(joined.is_active(), "{}", joined.place);
        let token = joined.place["queue_token"].as_str().unwrap_or_default();
        let at = |desk: &TestApp| Visitor {
            client: desk.user(name).queue_token(token),
            place: joined.place.clone(),
        };
        Ok(Customer {
            name: name.to_owned(),
            visitors: self.desks.iter().map(at).collect(),
        })
    }

    /// Such a user with the points for one seat.
    pub(super) async fn customer(&self, number: usize, name: &str) -> Result<Customer> {
        let customer = self.visitor(number, name).await?;
        let charged = customer.at(number).charge(PRICE, "first charge").await?;
        charged.expect_status(201)?;
        Ok(customer)
    }

    /// This many users with active places: `NAME-0` and so on.
    pub(super) async fn visitors(&self, name: &str, count: usize) -> Result<Vec<Customer>> {
        let coming = (0..count)
            .map(|number| async move { self.visitor(number, &format!("{name}-{number}")).await });
        in_step(coming).await
    }

    /// This many users with active places and the points for one seat.
    pub(super) async fn customers(&self, name: &str, count: usize) -> Result<Vec<Customer>> {
        let coming = (0..count)
            .map(|number| async move { self.customer(number, &format!("{name}-{number}")).await });
        in_step(coming).await
    }

    /// Lets each customer hold one seat. The first customer gets the first seat after `skipped`
    /// others, and so on.
    pub(super) async fn each_holds(
        &self,
        customers: Vec<Customer>,
        skipped: usize,
    ) -> Result<Vec<Holder>> {
        let holding = customers.into_iter().enumerate().map(|(number, customer)| {
            let seat = format!("R1-{}", skipped + number + 1);
            async move {
                let held = customer
                    .at(number)
                    .hold(self.desk(number), &[&seat])
                    .await?;
                Ok(Holder {
                    reservation: held.expect_status(201)?.text_at("/id")?.to_owned(),
                    customer,
                    seat,
                })
            }
        });
        in_step(holding).await
    }

    /// A customer who holds a seat.
    pub(super) async fn holder(&self, name: &str, seat: usize) -> Result<Holder> {
        let customer = self.customer(seat, name).await?;
        let holder = self.each_holds(vec![customer], seat - 1).await?.pop();
        holder.ok_or_else(|| anyhow::anyhow!("nobody holds"))
    }

    /// The records in the database at this moment.
    pub(super) async fn records(&self) -> Result<Records> {
        Records::read(&mut self.database().await?).await
    }

    /// A program that works on the same database without a guard.
    pub(super) async fn careless(&self, number: u64) -> Result<Unguarded> {
        let desk = self.desk(0);
        let (concert, performance) = (desk.concert.parse()?, desk.performance.parse()?);
        let database = self.database().await?;
        Ok(Unguarded::new(number, database, concert, performance))
    }

    /// A connection to the database.
    pub(super) async fn database(&self) -> Result<AsyncMysqlConnection> {
        STORES.mysql(&self.desk(0).app).await
    }

    /// Blocks all writes until the result is dropped. Requests read meanwhile, and then all write
    /// at the same time.
    pub(super) async fn hold_up_writes(&self) -> Result<WritesHeldUp> {
        STORES.hold_up_writes(&self.desk(0).app).await
    }

    /// Waits until this many requests, which went to the desks in turn, or as many as there are
    /// connections, have read and wait to write. A sweep of each desk waits as well.
    pub(super) async fn all_have_looked(&self, requests: usize) -> Result<()> {
        let at_desk = |desk| (requests + DESKS - 1 - desk) / DESKS;
        let lines = (0..DESKS).map(|desk| CONNECTIONS_A_DESK.min(at_desk(desk) + 1));
        self.becomes(lines.sum(), "Waiting for table%").await
    }

    /// Waits until this many requests wait for a row lock of another connection.
    pub(super) async fn wait_for_rows(&self, requests: usize) -> Result<()> {
        self.becomes(requests, "updating%").await
    }

    /// Waits until this many connections are in a state like `state`.
    async fn becomes(&self, wanted: usize, state: &str) -> Result<()> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = BigInt)]
            length: i64,
        }
        let wanted = i64::try_from(wanted)?;
        let database = &mut self.database().await?;
        eventually("enough requests stand in line", SOON, async || {
            let length = sql_query(format!(
                "SELECT COUNT(*) AS length FROM {PROCESS_LIST}
                 WHERE db = DATABASE() AND state LIKE '{state}'"
            ));
            let line: Line = length.get_result(database).await?;
            Ok((line.length >= wanted).then_some(()))
        })
        .await
    }
}

impl Customer {
    /// The user at the desk with this number, modulo the number of desks.
    pub(super) fn at(&self, number: usize) -> &Visitor {
        &self.visitors[number % self.visitors.len()]
    }
}
