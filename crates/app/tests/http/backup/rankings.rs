//! The ranking after a restore: it is computed from the restored sales, unless a cache still has
//! the old one.

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::json;

use super::drill::{SOON, back_up, restore_from};
use crate::{buyer::Buyer, on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(the_ranking_is_of_the_restored_sales_unless_redis_remembers_others);

/// The number of sold seats in yesterday's ranking.
async fn seats_sold(test_app: &TestApp) -> Result<i64> {
    let ranking = test_app
        .app
        .client()
        .get("/v1/rankings/concerts?period=daily")
        .await?
        .expect_status(200)?;
    let items = ranking.at("/items")?.as_array();
    Ok(items
        .into_iter()
        .flatten()
        .filter_map(|item| item["seats_sold"].as_i64())
        .sum())
}

async fn stop(test_app: &mut TestApp) -> Result<()> {
    test_app.app.sigterm()?;
    let status = test_app.app.wait_exit().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Dates the sales back, and removes earlier rankings.
async fn a_day_later(stores: Stores, test_app: &mut TestApp) -> Result<()> {
    stop(test_app).await?;
    stores.a_day_earlier(&test_app.app).await?;
    if stores.has_redis() {
        Stores::remove_redis_keys(&test_app.app, "ranking:").await?;
    }
    test_app.app.restart().await
}

async fn ranks(test_app: &TestApp, seats: i64) -> Result<()> {
    eventually("the ranking has it", SOON, async || {
        Ok((seats_sold(test_app).await? == seats).then_some(()))
    })
    .await
}

async fn the_ranking_is_of_the_restored_sales_unless_redis_remembers_others(
    stores: Stores,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut test_app = TestApp::open(stores, 1, 3, json!({})).await?;
    let ann = Buyer::at(&test_app, "ann", "R1-1").await?;
    ann.pay("payment").await?.expect_status(200)?;
    a_day_later(stores, &mut test_app).await?;
    back_up(&test_app, &folder).await?;
    for (name, seat) in [("bob", "R1-2"), ("carl", "R1-3")] {
        let buyer = Buyer::at(&test_app, name, seat).await?;
        buyer.pay("payment").await?.expect_status(200)?;
    }
    a_day_later(stores, &mut test_app).await?;
    ranks(&test_app, 2).await?;
    stop(&mut test_app).await?;

    restore_from(&test_app, &folder).await?;
    test_app.app.restart().await?;
    if stores.has_redis() {
        assert_eq!(seats_sold(&test_app).await?, 2, "until the day is over");
        stop(&mut test_app).await?;
        Stores::remove_redis_keys(&test_app.app, "ranking:").await?;
        test_app.app.restart().await?;
    }
    ranks(&test_app, 1).await
}
