//! Redis is stopped, killed, hangs, or is cut off, while users wait and buy.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use frontrow_test_harness::Fault;
use serde_json::json;
use tokio::task::JoinSet;

use super::FaultyQueue;
use crate::{
    crash::{
        observations::{RunCounter, check_admission_order},
        retrying_user::{RetryingUser, SharedSale, UserResult},
    },
    random::Random,
    test_app::Visitor,
};

/// The number of users who buy. They are admitted slowly, so that users are at every step of a
/// purchase when something fails.
const USERS: usize = 60;

/// A sale in which no user gives up, and a visitor who has an active place all the time.
struct SaleRun {
    fixture: FaultyQueue,
    sale: Arc<SharedSale>,
    visitor: Visitor,
    tasks: JoinSet<Result<UserResult>>,
    results: Vec<UserResult>,
}

impl SaleRun {
    async fn begin() -> Result<Self> {
        let policy = json!({"throughput": {"admit": 3, "interval_s": 0.25}});
        let fixture = FaultyQueue::open(policy, |config| config).await?;
        let test_app = &fixture.test_app;
        let visitor = test_app.join("visitor").await?;
        let gate = visitor.client.get(&test_app.performances_path()).await?;
        gate.expect_status(200)?;
        let sale = Arc::new(SharedSale {
            concert: test_app.concert.clone(),
            performance: test_app.performance.clone(),
            runs: RunCounter::default(),
            is_never_killed: true,
            repeats: AtomicUsize::new(0),
        });
        let mut random = Random::seeded();
        let mut tasks = JoinSet::new();
        for number in 0..USERS {
            let client = test_app.user(&format!("user-{number}"));
            let user = RetryingUser::new(number, Arc::clone(&sale), client, random.branch());
            tasks.spawn(user.run());
        }
        Ok(Self {
            fixture,
            sale,
            visitor,
            tasks,
            results: Vec::new(),
        })
    }

    /// Waits until `count` more users have bought.
    async fn wait_for_purchases(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let bought = self.tasks.join_next().await;
            self.results
                .push(bought.context("all have bought before")???);
        }
        Ok(())
    }

    /// Waits until the gate refuses the visitor, and another user repeats a request.
    async fn wait_until_down(&self) -> Result<()> {
        self.fixture.wait_until_down(&self.visitor).await?;
        self.sale.wait_for_a_repeat().await
    }

    async fn wait_until_up(&self) -> Result<()> {
        self.fixture.wait_until_up(&self.visitor).await
    }

    /// Waits until all users have bought. Checks that each has a seat of their own, and that no
    /// user was admitted out of order.
    async fn finish_and_check(mut self) -> Result<()> {
        self.wait_for_purchases(self.tasks.len()).await?;
        self.wait_until_up().await?;
        self.fixture.check_never_crashed()?;
        let seats: BTreeSet<_> = self
            .results
            .iter()
            .filter_map(|result| Some(result.paid.as_ref()?["seats"].to_string()))
            .collect();
        assert_eq!(seats.len(), USERS);
        assert_eq!(self.fixture.test_app.sales().await?.len(), USERS);
        let repeats = self.sale.repeats.load(Ordering::Relaxed);
        let admissions = check_admission_order(self.results.iter().map(|result| &result.log));
        println!("{repeats} requests were sent again, {admissions} admissions were in order");
        assert_eq!(admissions, USERS);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_stopped_and_started_costs_no_user_their_place() -> Result<()> {
    let mut run = SaleRun::begin().await?;
    for _ in 0..2 {
        run.wait_for_purchases(5).await?;
        run.fixture.server.stop().await?;
        run.wait_until_down().await?;
        run.fixture.server.restart().await?;
        run.wait_until_up().await?;
    }
    run.finish_and_check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_again_and_again_costs_no_user_their_place() -> Result<()> {
    let mut run = SaleRun::begin().await?;
    for _ in 0..3 {
        run.wait_for_purchases(5).await?;
        run.fixture.server.kill()?;
        run.wait_until_down().await?;
        run.fixture.server.restart().await?;
        run.wait_until_up().await?;
    }
    run.finish_and_check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_for_a_while_costs_no_user_their_place() -> Result<()> {
    let mut run = SaleRun::begin().await?;
    for _ in 0..2 {
        run.wait_for_purchases(5).await?;
        run.fixture.server.pause()?;
        run.wait_until_down().await?;
        run.fixture.server.resume()?;
        run.wait_until_up().await?;
    }
    run.finish_and_check().await
}

/// Lets users buy during this failure until the program has noticed it, twice.
async fn check_with_fault(fault: Fault) -> Result<()> {
    let mut run = SaleRun::begin().await?;
    for _ in 0..2 {
        run.wait_for_purchases(5).await?;
        run.fixture.network.set(fault).await?;
        run.wait_until_down().await?;
        run.fixture.network.set(Fault::Forward).await?;
        run.wait_until_up().await?;
    }
    run.finish_and_check().await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_redis_that_are_reset_cost_no_user_their_place() -> Result<()> {
    check_with_fault(Fault::Reset).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_redis_that_are_refused_cost_no_user_their_place() -> Result<()> {
    check_with_fault(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_redis_that_are_lost_cost_no_user_their_place() -> Result<()> {
    check_with_fault(Fault::LoseAnswers).await
}

/// The delay is longer than every time-out of the program.
#[tokio::test(flavor = "multi_thread")]
async fn answers_of_redis_that_come_too_late_cost_no_user_their_place() -> Result<()> {
    check_with_fault(Fault::Delay(Duration::from_secs(3))).await
}
