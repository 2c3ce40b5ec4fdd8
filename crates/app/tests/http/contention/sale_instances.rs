//! Several instances of the program that sell the same seats, and users who send requests to all of
//! them.

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{AppConfig, PROCESS_LIST, eventually};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::{crowd::in_step, records::Records, unguarded::Unguarded};
use crate::{
    lifetimes::SOON,
    reconcile::reconciled,
    stores::{Stores, WritesHeldUp},
    test_app::{PRICE, TestApp, Visitor, start},
};

/// The stores that the instances share.
const STORES: Stores = Stores::MYSQL_AND_REDIS;
/// The number of instances.
pub(super) const INSTANCES: usize = 3;
/// The number of connections to the database for each instance.
const CONNECTIONS_PER_INSTANCE: usize = 16;

/// Instances with the same configuration, on one database and one queue that admits every user
/// immediately.
pub(super) struct SaleInstances {
    /// One app for each instance, with the same concert.
    instances: Vec<TestApp>,
}

/// A user who sends requests to all instances.
pub(super) struct SaleUser {
    pub(super) name: String,
    /// The user's client for each instance, with the same place.
    visitors: Vec<Visitor>,
}

/// A customer who holds a seat.
pub(super) struct UserWithHold {
    pub(super) user: SaleUser,
    pub(super) reservation: String,
    pub(super) seat: String,
}

/// A configuration in which no answer depends on the load of the machine: a request that must wait
/// for others waits, and is not refused. The number of retries of a transaction is unchanged.
pub(super) async fn with_long_timeouts() -> Result<AppConfig> {
    let connections = CONNECTIONS_PER_INSTANCE.to_string();
    let config = STORES.config().await?;
    Ok(config
        .env("FRONTROW_DATABASE__POOL_SIZE", connections)
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "25000")
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "30000")
        .env("FRONTROW_DATABASE__LOCK_TIMEOUT_S", "25"))
}

/// The policy of a queue in which no user waits.
pub(super) fn bypass_policy() -> Value {
    json!({"state": "bypass"})
}

impl SaleInstances {
    /// Sells a row of `seats` seats, `R1-1` and so on.
    pub(super) async fn open(seats: u16) -> Result<Self> {
        Self::open_with(with_long_timeouts().await?, seats).await
    }

    /// The same with a configuration of its own.
    pub(super) async fn open_with(config: AppConfig, seats: u16) -> Result<Self> {
        let first = TestApp::open_with(config.clone(), 1, seats, bypass_policy()).await?;
        let others = try_join_all((1..INSTANCES).map(|_| start(config.clone()))).await?;
        let others = others.into_iter().map(|app| TestApp {
            app,
            concert: first.concert.clone(),
            performance: first.performance.clone(),
        });
        let others: Vec<_> = others.collect();
        Ok(Self {
            instances: std::iter::once(first).chain(others).collect(),
        })
    }

    /// Fails unless the records are sound and `frontrow reconcile` finds no difference.
    pub(super) async fn ensure_sound(&self, records: &Records) -> Result<()> {
        records.ensure_sound()?;
        reconciled(&self.instances[0].app).await
    }

    /// The instance with this number, modulo the number of instances.
    pub(super) fn instance(&self, number: usize) -> &TestApp {
        &self.instances[number % INSTANCES]
    }

    /// A user with an active place, who joined at the instance with this number.
    async fn user_with_place(&self, number: usize, name: &str) -> Result<SaleUser> {
        let joined = self.instance(number).join(name).await?;
        ensure!(joined.is_active(), "{}", joined.place);
        let token = joined.place["queue_token"].as_str().unwrap_or_default();
        let at = |instance: &TestApp| Visitor {
            client: instance.user(name).queue_token(token),
            place: joined.place.clone(),
        };
        Ok(SaleUser {
            name: name.to_owned(),
            visitors: self.instances.iter().map(at).collect(),
        })
    }

    /// A user with an active place and the points for one seat.
    pub(super) async fn user_with_points(&self, number: usize, name: &str) -> Result<SaleUser> {
        let user = self.user_with_place(number, name).await?;
        let charged = user.at(number).charge(PRICE, "first charge").await?;
        charged.expect_status(201)?;
        Ok(user)
    }

    /// `count` users with active places: `NAME-0` and so on.
    pub(super) async fn users_with_places(
        &self,
        name: &str,
        count: usize,
    ) -> Result<Vec<SaleUser>> {
        let coming = (0..count).map(|number| async move {
            self.user_with_place(number, &format!("{name}-{number}"))
                .await
        });
        in_step(coming).await
    }

    /// `count` users with active places and the points for one seat.
    pub(super) async fn users_with_points(
        &self,
        name: &str,
        count: usize,
    ) -> Result<Vec<SaleUser>> {
        let coming = (0..count).map(|number| async move {
            self.user_with_points(number, &format!("{name}-{number}"))
                .await
        });
        in_step(coming).await
    }

    /// Lets each user hold one seat, from the first seat after `skipped` others on.
    pub(super) async fn hold_one_seat_each(
        &self,
        users: Vec<SaleUser>,
        skipped: usize,
    ) -> Result<Vec<UserWithHold>> {
        let holding = users.into_iter().enumerate().map(|(number, user)| {
            let seat = format!("R1-{}", skipped + number + 1);
            async move {
                let held = user
                    .at(number)
                    .hold(self.instance(number), &[&seat])
                    .await?;
                Ok(UserWithHold {
                    reservation: held.expect_status(201)?.text_at("/id")?.to_owned(),
                    user,
                    seat,
                })
            }
        });
        in_step(holding).await
    }

    /// A customer who holds a seat.
    pub(super) async fn user_with_hold(&self, name: &str, seat: usize) -> Result<UserWithHold> {
        let user = self.user_with_points(seat, name).await?;
        let holder = self.hold_one_seat_each(vec![user], seat - 1).await?.pop();
        holder.ok_or_else(|| anyhow::anyhow!("no user holds a seat"))
    }

    /// The records in the database at this moment.
    pub(super) async fn records(&self) -> Result<Records> {
        Records::read(&mut self.database().await?).await
    }

    /// A program that works on the same database without a guard.
    pub(super) async fn unguarded(&self, number: u64) -> Result<Unguarded> {
        let instance = self.instance(0);
        let (concert, performance) = (instance.concert.parse()?, instance.performance.parse()?);
        let database = self.database().await?;
        Ok(Unguarded::new(number, database, concert, performance))
    }

    /// A connection to the database.
    pub(super) async fn database(&self) -> Result<AsyncMysqlConnection> {
        STORES.mysql(&self.instance(0).app).await
    }

    /// Blocks all writes until the result is dropped. Requests read meanwhile, and then all write
    /// at the same time.
    pub(super) async fn hold_up_writes(&self) -> Result<WritesHeldUp> {
        STORES.hold_up_writes(&self.instance(0).app).await
    }

    /// Waits until `requests` requests, which went to the instances in turn, have read and wait to
    /// write. If there are fewer connections, waits for all connections. A sweep of each instance
    /// waits as well.
    pub(super) async fn all_have_read(&self, requests: usize) -> Result<()> {
        let at_instance = |instance| (requests + INSTANCES - 1 - instance) / INSTANCES;
        let lines =
            (0..INSTANCES).map(|instance| CONNECTIONS_PER_INSTANCE.min(at_instance(instance) + 1));
        self.wait_for_connections(lines.sum(), "Waiting for table%")
            .await
    }

    /// Waits until `requests` requests wait for a row lock of another connection.
    pub(super) async fn wait_for_rows(&self, requests: usize) -> Result<()> {
        self.wait_for_connections(requests, "updating%").await
    }

    /// Waits until `wanted` connections are in a state like `state`.
    async fn wait_for_connections(&self, wanted: usize, state: &str) -> Result<()> {
        #[derive(QueryableByName)]
        struct Line {
            #[diesel(sql_type = BigInt)]
            length: i64,
        }
        let wanted = i64::try_from(wanted)?;
        let database = &mut self.database().await?;
        eventually("enough requests wait", SOON, async || {
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

impl SaleUser {
    /// The user's client for the instance with this number, modulo the number of instances.
    pub(super) fn at(&self, number: usize) -> &Visitor {
        &self.visitors[number % self.visitors.len()]
    }
}
