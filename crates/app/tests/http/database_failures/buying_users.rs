//! Users who buy during a failure, and the guarantees for them afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::FaultyDatabase;
use crate::{
    crash::{
        observations::{RunCounter, check_admission_order},
        retrying_user::{RetryingUser, SharedSale, UserResult},
    },
    random::Random,
    sale::CHARGE,
    stores::{Stores, Totals},
    test_app::{PRICE, TestApp},
};

/// Returns a policy that admits 12 users per second. That is slow enough to have users at every
/// step of a purchase when something fails.
pub(super) fn slow_admission() -> Value {
    json!({"throughput": {"admit": 3, "interval_s": 0.25}})
}

/// Users on their way from the queue to the payment. There are seats for all of them.
pub(super) struct BuyingUsers {
    sale: Arc<SharedSale>,
    random: Random,
    started: usize,
    tasks: JoinSet<Result<(String, UserResult)>>,
    results: BTreeMap<String, UserResult>,
}

impl BuyingUsers {
    /// A sale without users yet.
    pub(super) fn new(test_app: &TestApp) -> Self {
        Self {
            sale: Arc::new(SharedSale {
                concert: test_app.concert.clone(),
                performance: test_app.performance.clone(),
                runs: RunCounter::default(),
                is_never_killed: true,
                repeats: AtomicUsize::new(0),
            }),
            random: Random::seeded(),
            started: 0,
            tasks: JoinSet::new(),
            results: BTreeMap::new(),
        }
    }

    /// Starts `count` more users, all at once.
    pub(super) fn add_users(&mut self, test_app: &TestApp, count: usize) {
        for number in self.started..self.started + count {
            let user = format!("user-{number}");
            let sale = Arc::clone(&self.sale);
            let retrying_user =
                RetryingUser::new(number, sale, test_app.user(&user), self.random.branch());
            self.tasks.spawn(async move {
                let result = retrying_user.run().await;
                let result = result.with_context(|| user.clone())?;
                Ok((user, result))
            });
        }
        self.started += count;
    }

    /// Waits until `count` more users have bought.
    pub(super) async fn wait_for_purchases(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let bought = self.tasks.join_next().await;
            let (user, result) = bought.context("all have bought before")???;
            self.results.insert(user, result);
        }
        Ok(())
    }

    /// Waits until a user repeats a request because of the current failure.
    pub(super) async fn wait_for_a_repeat(&self) -> Result<()> {
        self.sale.wait_for_a_repeat().await
    }

    /// Waits until all users have bought. Checks that seats and payments of each user agree with
    /// each other and with the answers.
    pub(super) async fn finish_and_check(mut self, fixture: &mut FaultyDatabase) -> Result<()> {
        self.wait_for_purchases(self.tasks.len()).await?;
        fixture.wait_until_up().await?;
        fixture.check_never_crashed()?;
        let test_app = &fixture.test_app;
        self.check_answers(&test_app.sales().await?)?;
        self.check_totals(test_app).await?;
        let all = self.results.values();
        let admissions = check_admission_order(all.map(|result| &result.log));
        let repeats = self.sale.repeats.load(Ordering::Relaxed);
        println!("{repeats} requests were sent again, {admissions} admissions were in order");
        assert_eq!(admissions, self.started);
        Ok(())
    }

    /// Checks that the operator sees each payment as it was answered, and no other sale.
    fn check_answers(&self, sales: &[Value]) -> Result<()> {
        let confirmed = sales.iter().filter(|sale| sale["state"] == "confirmed");
        assert_eq!(
            (sales.len(), confirmed.count()),
            (self.started, self.started)
        );
        let mut seats = BTreeSet::new();
        for (user, result) in &self.results {
            let paid = result.paid.as_ref().with_context(|| user.clone())?;
            let sale = sales.iter().find(|sale| sale["id"] == paid["id"]);
            let sale = sale.with_context(|| format!("{user} paid {paid}"))?;
            assert_eq!(sale["user_id"], user.as_str());
            for field in ["state", "seats", "total", "confirmed_at", "performance_id"] {
                assert_eq!(sale[field], paid[field], "{user}: {field}");
            }
            assert!(
                seats.insert(sale["seats"].to_string()),
                "sold twice: {sale}"
            );
        }
        assert_eq!(seats.len(), self.started);
        Ok(())
    }

    /// Checks that each user charged once, paid once, and got the correct balance in the answers.
    async fn check_totals(&self, test_app: &TestApp) -> Result<()> {
        let sold = i64::try_from(self.started)?;
        let right = Totals {
            wrong_balances: 0,
            payments: sold,
            paid: sold * PRICE,
            seats_sold: sold,
        };
        assert_eq!(Stores::MYSQL.totals(&test_app.app).await?, right);
        let ledgers = Stores::MYSQL.ledgers(&test_app.app).await?;
        assert_eq!(ledgers.len(), self.started);
        for ledger in ledgers {
            let result = self.results.get(&ledger.user_id);
            let result = result.with_context(|| format!("{ledger:?} is of no user"))?;
            assert_eq!((ledger.charges, ledger.payments), (1, 1), "{ledger:?}");
            assert_eq!(ledger.sum, CHARGE - PRICE, "{ledger:?}");
            assert_eq!(ledger.sum, result.balance, "{ledger:?}");
        }
        Ok(())
    }
}
