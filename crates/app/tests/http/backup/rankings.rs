//! The ranking after a restore: of the restored sales, unless a cache has outlived them.

use anyhow::{Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::json;

use super::drill::{SOON, back_up, restore_from};
use crate::{buyer::Buyer, on_every_store, stage::Stage, stores::Stores};

on_every_store!(the_ranking_is_of_the_restored_sales_unless_redis_remembers_others);

/// How many seats yesterday's ranking says were sold.
async fn seats_sold(stage: &Stage) -> Result<i64> {
    let ranking = stage
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

async fn stop(stage: &mut Stage) -> Result<()> {
    stage.app.sigterm()?;
    let status = stage.app.wait_exit().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Dates what was sold back, and forgets what was ranked before.
async fn a_day_later(stores: Stores, stage: &mut Stage) -> Result<()> {
    stop(stage).await?;
    stores.a_day_earlier(&stage.app).await?;
    if stores.has_redis() {
        Stores::remove_redis_keys(&stage.app, "ranking:").await?;
    }
    stage.app.restart().await
}

async fn ranks(stage: &Stage, seats: i64) -> Result<()> {
    eventually("the ranking has it", SOON, async || {
        Ok((seats_sold(stage).await? == seats).then_some(()))
    })
    .await
}

async fn the_ranking_is_of_the_restored_sales_unless_redis_remembers_others(
    stores: Stores,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut stage = Stage::open(stores, 1, 3, json!({})).await?;
    let ann = Buyer::at(&stage, "ann", "R1-1").await?;
    ann.pay("payment").await?.expect_status(200)?;
    a_day_later(stores, &mut stage).await?;
    back_up(&stage, &folder).await?;
    for (name, seat) in [("bob", "R1-2"), ("carl", "R1-3")] {
        let buyer = Buyer::at(&stage, name, seat).await?;
        buyer.pay("payment").await?.expect_status(200)?;
    }
    a_day_later(stores, &mut stage).await?;
    ranks(&stage, 2).await?;
    stop(&mut stage).await?;

    restore_from(&stage, &folder).await?;
    stage.app.restart().await?;
    if stores.has_redis() {
        assert_eq!(seats_sold(&stage).await?, 2, "until the day is over");
        stop(&mut stage).await?;
        Stores::remove_redis_keys(&stage.app, "ranking:").await?;
        stage.app.restart().await?;
    }
    ranks(&stage, 1).await
}
