//! Users who charge and pay while a disk fills up, and the answers to them.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Reply, eventually};
use serde_json::json;

use super::{SOON, check_unavailable_and_unchanged};
use crate::{
    buyer::Buyer,
    stores::{Stores, Totals},
    test_app::{PRICE, TestApp},
};

/// The number of users who hold a seat and have the points for it before the disk is full.
const BUYERS: usize = 40;
/// The amount that every other user charges.
const CHARGE: i64 = 7;
/// The number of refusals in a row that shows that the disk is full.
const IN_A_ROW: usize = 20;
/// More charges than fit on any of the disks after it was reported full.
const CHARGES_MAX: usize = 5_000;

/// A sale on one of the databases.
pub(super) struct SaleRun {
    stores: Stores,
    buyers: Vec<Buyer>,
    /// The users whose charge was acknowledged, and those whose charge was refused.
    charged: Vec<String>,
    refused: Vec<String>,
    /// The buyers who have paid.
    paid: Vec<bool>,
}

impl SaleRun {
    /// The number of rows that a run needs, and of seats in each.
    pub(super) const SEATS: (u16, u16) = (1, 40);

    /// Lets the buyers hold a seat each.
    pub(super) async fn begin(stores: Stores, test_app: &TestApp) -> Result<Self> {
        let mut buyers = Vec::new();
        for number in 1..=BUYERS {
            let (name, seat) = (format!("buyer-{number}"), format!("R1-{number}"));
            buyers.push(Buyer::at(test_app, &name, &seat).await?);
        }
        Ok(Self {
            stores,
            paid: vec![false; buyers.len()],
            buyers,
            charged: Vec::new(),
            refused: Vec::new(),
        })
    }

    /// Lets new users charge, one after the other, until charges are refused again and again.
    pub(super) async fn charge_until_refused(&mut self, test_app: &TestApp) -> Result<()> {
        let mut in_a_row = 0;
        while in_a_row < IN_A_ROW {
            let number = self.charged.len() + self.refused.len();
            ensure!(number < CHARGES_MAX, "the disk is never full");
            let user = format!("user-{number}");
            let answer = charge(test_app, &user).await?;
            if answer.status == 201 {
                self.charged.push(user);
                in_a_row = 0;
            } else {
                check_unavailable_and_unchanged(&answer)?;
                self.refused.push(user);
                in_a_row += 1;
            }
        }
        Ok(())
    }

    /// Lets every buyer pay. Errors if no payment is refused.
    pub(super) async fn pay_until_refused(&mut self) -> Result<()> {
        for (buyer, paid) in self.buyers.iter().zip(&mut self.paid) {
            let answer = buyer.pay(&long_key("payment")).await?;
            if answer.status == 200 {
                *paid = true;
            } else {
                check_unavailable_and_unchanged(&answer)?;
            }
        }
        ensure!(
            self.paid.contains(&false),
            "the disk has space for every payment"
        );
        Ok(())
    }

    /// Checks that catalogue, reservations and points are shown, and are correct.
    pub(super) async fn check_reads(&self, test_app: &TestApp) -> Result<()> {
        let catalogue = test_app.app.client().get("/v1/concerts").await?;
        catalogue.expect_status(200)?;
        for (buyer, &paid) in self.buyers.iter().zip(&self.paid) {
            let client = &buyer.visitor.client;
            let path = format!("/v1/reservations/{}", buyer.reservation);
            let shown = client.get(&path).await?.expect_status(200)?;
            let state = if paid { "confirmed" } else { "held" };
            assert_eq!(shown.text_at("/state")?, state, "{}", buyer.seat);
            let own = client.get("/v1/reservations").await?.expect_status(200)?;
            assert_eq!(own.text_at("/items/0/id")?, buyer.reservation);
            let spent = if paid { PRICE } else { 0 };
            assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - spent);
        }
        for (users, balance) in [(&self.charged, CHARGE), (&self.refused, 0)] {
            for user in users {
                let points = test_app.user(user).get("/v1/points").await?;
                let points = points.expect_status(200)?;
                assert_eq!(*points.at("/balance")?, balance, "{user}");
            }
        }
        Ok(())
    }

    /// Waits until writes succeed again by themselves. Then every refused user repeats the request,
    /// with the same key.
    pub(super) async fn repeat_refused_requests(&mut self, test_app: &TestApp) -> Result<()> {
        if let Some(user) = self.refused.first() {
            eventually("writes go on", SOON, async || {
                let answer = charge(test_app, user).await?;
                Ok((answer.status == 201).then_some(()))
            })
            .await?;
        }
        for user in self.refused.drain(..) {
            charge(test_app, &user).await?.expect_status(201)?;
            self.charged.push(user);
        }
        for (buyer, paid) in self.buyers.iter().zip(&mut self.paid) {
            let answer = buyer.pay(&long_key("payment")).await?;
            answer.expect_status(200)?;
            *paid = true;
        }
        Ok(())
    }

    /// Checks that the database has every acknowledged write, once, and nothing else.
    pub(super) async fn check_totals(&self, test_app: &TestApp) -> Result<()> {
        let sold = i64::try_from(self.paid.iter().filter(|&&paid| paid).count())?;
        let right = Totals {
            wrong_balances: 0,
            payments: sold,
            paid: sold * PRICE,
            seats_sold: sold,
        };
        assert_eq!(self.stores.totals(&test_app.app).await?, right);
        let ledgers = self.stores.ledgers(&test_app.app).await?;
        assert_eq!(ledgers.len(), self.buyers.len() + self.charged.len());
        for ledger in ledgers {
            assert_eq!(ledger.charges, 1, "{ledger:?}");
            let refused = self.refused.contains(&ledger.user_id);
            assert!(!refused, "{ledger:?}");
        }
        Ok(())
    }
}

async fn charge(test_app: &TestApp, user: &str) -> Result<Reply> {
    let client = test_app.user(user);
    let charge = client.post("/v1/points/charges");
    let charge = charge.idempotency_key(&long_key("charge"));
    charge.json(&json!({"amount": CHARGE})).await
}

/// A key of the largest length, which takes space.
fn long_key(name: &str) -> String {
    format!("{name:-<255}")
}
