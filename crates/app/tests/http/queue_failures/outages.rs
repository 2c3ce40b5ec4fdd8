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

use super::ShakyQueue;
use crate::{
    crash::{
        customer::{Customer, Ended, Show},
        lives::{Lives, nobody_overtook},
    },
    random::Random,
    test_app::Visitor,
};

/// The number of users who buy, a few per second, so that they are in every part of the journey
/// when it happens.
const PEOPLE: usize = 60;

/// A sale in which no user gives up, and a guest who has an active place all the time.
struct Evening {
    shaky: ShakyQueue,
    show: Arc<Show>,
    guest: Visitor,
    people: JoinSet<Result<Ended>>,
    ended: Vec<Ended>,
}

impl Evening {
    async fn begin() -> Result<Self> {
        let policy = json!({"throughput": {"admit": 3, "interval_s": 0.25}});
        let shaky = ShakyQueue::open(policy, |config| config).await?;
        let test_app = &shaky.test_app;
        let guest = test_app.join("guest").await?;
        let gate = guest.client.get(&test_app.performances_path()).await?;
        gate.expect_status(200)?;
        let show = Arc::new(Show {
            concert: test_app.concert.clone(),
            performance: test_app.performance.clone(),
            lives: Lives::default(),
            stays_up: true,
            repeats: AtomicUsize::new(0),
        });
        let mut random = Random::seeded();
        let mut people = JoinSet::new();
        for number in 0..PEOPLE {
            let client = test_app.user(&format!("user-{number}"));
            let customer = Customer::new(number, Arc::clone(&show), client, random.branch());
            people.spawn(customer.evening());
        }
        Ok(Self {
            shaky,
            show,
            guest,
            people,
            ended: Vec::new(),
        })
    }

    /// Waits until this many more users have bought.
    async fn buy(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let bought = self.people.join_next().await;
            self.ended.push(bought.context("all have bought before")???);
        }
        Ok(())
    }

    /// Waits until the guest is refused at the gate, and another user has noticed the failure.
    async fn is_down(&self) -> Result<()> {
        self.shaky.is_down(&self.guest).await?;
        self.show.somebody_notices().await
    }

    async fn is_up_again(&self) -> Result<()> {
        self.shaky.is_up_again(&self.guest).await
    }

    /// Checks that all others buy too, that each has a seat of their own, and that no user was
    /// admitted out of order.
    async fn ends_well(mut self) -> Result<()> {
        self.buy(self.people.len()).await?;
        self.is_up_again().await?;
        self.shaky.never_crashed()?;
        let seats: BTreeSet<_> = self
            .ended
            .iter()
            .filter_map(|ended| Some(ended.paid.as_ref()?["seats"].to_string()))
            .collect();
        assert_eq!(seats.len(), PEOPLE);
        assert_eq!(self.shaky.test_app.sales().await?.len(), PEOPLE);
        let repeats = self.show.repeats.load(Ordering::Relaxed);
        let admissions = nobody_overtook(self.ended.iter().map(|ended| &ended.diary));
        println!("{repeats} requests were sent again, {admissions} admissions were in order");
        assert_eq!(admissions, PEOPLE);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_stopped_and_started_costs_nobody_their_place() -> Result<()> {
    let mut evening = Evening::begin().await?;
    for _ in 0..2 {
        evening.buy(5).await?;
        evening.shaky.server.stop().await?;
        evening.is_down().await?;
        evening.shaky.server.restart().await?;
        evening.is_up_again().await?;
    }
    evening.ends_well().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_again_and_again_costs_nobody_their_place() -> Result<()> {
    let mut evening = Evening::begin().await?;
    for _ in 0..3 {
        evening.buy(5).await?;
        evening.shaky.server.kill()?;
        evening.is_down().await?;
        evening.shaky.server.restart().await?;
        evening.is_up_again().await?;
    }
    evening.ends_well().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_for_a_while_costs_nobody_their_place() -> Result<()> {
    let mut evening = Evening::begin().await?;
    for _ in 0..2 {
        evening.buy(5).await?;
        evening.shaky.server.pause()?;
        evening.is_down().await?;
        evening.shaky.server.resume()?;
        evening.is_up_again().await?;
    }
    evening.ends_well().await
}

/// Lets users buy while this failure happens until the program has noticed it, and once more.
async fn lasts_for_a_while(fault: Fault) -> Result<()> {
    let mut evening = Evening::begin().await?;
    for _ in 0..2 {
        evening.buy(5).await?;
        evening.shaky.network.set(fault).await?;
        evening.is_down().await?;
        evening.shaky.network.set(Fault::Forward).await?;
        evening.is_up_again().await?;
    }
    evening.ends_well().await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_redis_that_are_reset_cost_nobody_their_place() -> Result<()> {
    lasts_for_a_while(Fault::Reset).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_redis_that_are_refused_cost_nobody_their_place() -> Result<()> {
    lasts_for_a_while(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_redis_that_are_lost_cost_nobody_their_place() -> Result<()> {
    lasts_for_a_while(Fault::LoseAnswers).await
}

/// Longer than every time-out of the program.
#[tokio::test(flavor = "multi_thread")]
async fn answers_of_redis_that_come_too_late_cost_nobody_their_place() -> Result<()> {
    lasts_for_a_while(Fault::Delay(Duration::from_secs(3))).await
}
