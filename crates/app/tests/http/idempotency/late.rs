//! Late repeats: after a day, after a month, and with a key that another user has used since.

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::{Client, Request, eventually};
use serde_json::json;

use super::{charge, operator_charge, totals_with};
use crate::{
    buyer::Buyer,
    reconcile::reconciled,
    stores::Stores,
    test_app::{PRICE, TestApp, admin},
};

const HOUR_S: i64 = 3_600;
/// The time limit for the purge that begins when the program starts.
const SOON: Duration = Duration::from_secs(30);

/// The key of a created concert is kept for 30 days.
fn concert(operator: &Client) -> Request {
    let concert = operator.post("/v1/admin/concerts");
    concert
        .idempotency_key("concert")
        .json(&json!({"title": "A concert"}))
}

/// The webhook of a payment provider is delivered again, which providers do for days.
#[tokio::test(flavor = "multi_thread")]
async fn charges_and_payments_repeated_a_day_and_a_month_later_have_no_effect() -> Result<()> {
    let stores = Stores::EMBEDDED;
    let mut test_app = TestApp::open(stores, 1, 10, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    let paid = buyer.pay("payment").await?.expect_status(200)?;
    let charged = charge(&test_app.user("ann"), 100, "own")
        .await?
        .expect_status(201)?;
    let event = operator_charge(&test_app.admin(), "ann", 1_000, "evt_1").await?;
    let event = event.expect_status(201)?;
    concert(&test_app.admin()).await?.expect_status(201)?;
    let config = test_app.app.config().clone();
    for (hours, purged) in [(25, false), (31 * 24, true)] {
        let later = config.clone().clock_off_by_s(hours * HOUR_S)?;
        test_app.app.restart_with(later).await?;
        eventually("the keys are purged that are due", SOON, async || {
            let created = concert(&admin(&test_app.app)).await?.expect_status(201)?;
            let replayed = created.header("idempotent-replayed").is_some();
            ensure!(purged || replayed, "the key is not due");
            Ok((replayed != purged).then_some(()))
        })
        .await?;
        for (repeat, first) in [
            (buyer.payment_by(&test_app.user("buyer"), "payment"), &paid),
            (charge(&test_app.user("ann"), 100, "own"), &charged),
            (
                operator_charge(&admin(&test_app.app), "ann", 1_000, "evt_1"),
                &event,
            ),
        ] {
            let repeat = repeat.await?;
            assert_eq!((repeat.status, &repeat.json), (first.status, &first.json));
            assert_eq!(repeat.header("idempotent-replayed"), Some("true"));
        }
        let points = test_app.user("ann").get("/v1/points").await?;
        assert_eq!(*points.at("/balance")?, 1_100, "{hours} hours later");
        assert_eq!(buyer.visitor.balance().await?, Buyer::POINTS - PRICE);
        assert_eq!(stores.totals(&test_app.app).await?, totals_with(1));
    }
    reconciled(&test_app.app).await
}
