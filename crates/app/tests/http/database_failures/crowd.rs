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

use super::ShakyStage;
use crate::{
    crash::{
        customer::{Customer, Ended, Show},
        lives::{Lives, nobody_overtook},
    },
    random::Random,
    sale::CHARGE,
    stores::{Books, Stores},
    test_app::{PRICE, TestApp},
};

/// The number of users admitted per second. It is so low that users are in every part of the
/// journey when something fails.
pub(super) const SLOWLY: fn() -> Value = || json!({"throughput": {"admit": 3, "interval_s": 0.25}});

/// Users on their way from the queue to the payment. There are seats for all of them.
pub(super) struct Crowd {
    show: Arc<Show>,
    random: Random,
    came: usize,
    people: JoinSet<Result<(String, Ended)>>,
    ended: BTreeMap<String, Ended>,
}

impl Crowd {
    /// A crowd without users.
    pub(super) fn at(test_app: &TestApp) -> Self {
        Self {
            show: Arc::new(Show {
                concert: test_app.concert.clone(),
                performance: test_app.performance.clone(),
                lives: Lives::default(),
                stays_up: true,
                repeats: AtomicUsize::new(0),
            }),
            random: Random::seeded(),
            came: 0,
            people: JoinSet::new(),
            ended: BTreeMap::new(),
        }
    }

    /// Lets this many more users come, all at once.
    pub(super) fn come(&mut self, test_app: &TestApp, count: usize) {
        for number in self.came..self.came + count {
            let user = format!("user-{number}");
            let show = Arc::clone(&self.show);
            let customer = Customer::new(number, show, test_app.user(&user), self.random.branch());
            self.people.spawn(async move {
                let ended = customer.evening().await;
                let ended = ended.with_context(|| user.clone())?;
                Ok((user, ended))
            });
        }
        self.came += count;
    }

    /// Waits until this many more users have bought.
    pub(super) async fn buy(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let bought = self.people.join_next().await;
            let (user, ended) = bought.context("all have bought before")???;
            self.ended.insert(user, ended);
        }
        Ok(())
    }

    /// Waits until a user has experienced the current failure.
    pub(super) async fn notices(&self) -> Result<()> {
        self.show.somebody_notices().await
    }

    /// Waits until all users have bought. Checks that each user has what they paid for and paid for
    /// what they have, as the answers to them said.
    pub(super) async fn goes_home_content(mut self, shaky: &mut ShakyStage) -> Result<()> {
        self.buy(self.people.len()).await?;
        shaky.is_up_again().await?;
        shaky.never_crashed()?;
        let test_app = &shaky.test_app;
        self.answers_are_so(&test_app.sales().await?)?;
        self.books_are_right(test_app).await?;
        let everybody = self.ended.values();
        let admissions = nobody_overtook(everybody.map(|ended| &ended.diary));
        let repeats = self.show.repeats.load(Ordering::Relaxed);
        println!("{repeats} requests were sent again, {admissions} admissions were in order");
        assert_eq!(admissions, self.came);
        Ok(())
    }

    /// Checks that the operator sees each payment as it was answered, and no other sale.
    fn answers_are_so(&self, sales: &[Value]) -> Result<()> {
        let confirmed = sales.iter().filter(|sale| sale["state"] == "confirmed");
        assert_eq!((sales.len(), confirmed.count()), (self.came, self.came));
        let mut seats = BTreeSet::new();
        for (user, ended) in &self.ended {
            let paid = ended.paid.as_ref().with_context(|| user.clone())?;
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
        assert_eq!(seats.len(), self.came);
        Ok(())
    }

    /// Checks that each user charged once, paid once, and got the correct balance in the answers.
    async fn books_are_right(&self, test_app: &TestApp) -> Result<()> {
        let sold = i64::try_from(self.came)?;
        let right = Books {
            wrong_balances: 0,
            payments: sold,
            paid: sold * PRICE,
            seats_sold: sold,
        };
        assert_eq!(Stores::MYSQL.books(&test_app.app).await?, right);
        let ledgers = Stores::MYSQL.ledgers(&test_app.app).await?;
        assert_eq!(ledgers.len(), self.came);
        for ledger in ledgers {
            let ended = self.ended.get(&ledger.user_id);
            let ended = ended.with_context(|| format!("{ledger:?} is nobody's"))?;
            assert_eq!((ledger.charges, ledger.payments), (1, 1), "{ledger:?}");
            assert_eq!(ledger.sum, CHARGE - PRICE, "{ledger:?}");
            assert_eq!(ledger.sum, ended.balance, "{ledger:?}");
        }
        Ok(())
    }
}
