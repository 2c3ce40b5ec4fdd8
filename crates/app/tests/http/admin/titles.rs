//! A changed title appears wherever it is shown.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::eventually;
use serde_json::json;

use super::concert_path;
use crate::{buyer::Buyer, on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(a_concert_is_ranked_under_its_new_title);

async fn a_concert_is_ranked_under_its_new_title(stores: Stores) -> Result<()> {
    // The cache is in the process, so a restart drops the cached ranking.
    let config = stores
        .config()
        .await?
        .env("FRONTROW_CACHE__BACKEND", "embedded");
    let mut test_app = TestApp::open_with(config, 1, 1, json!({})).await?;
    let buyer = Buyer::at(&test_app, "buyer", "R1-1").await?;
    buyer.pay("payment").await?.expect_status(200)?;
    // Only finished periods are ranked, so the sale is dated back to yesterday.
    stores.a_day_earlier(&test_app.app).await?;
    test_app.app.restart().await?;
    let ranking = async |title: &str| {
        let path = "/v1/rankings/concerts?period=daily";
        eventually(title, Duration::from_secs(30), async || {
            let ranking = test_app.app.client().get(path).await?.expect_status(200)?;
            let ranked = ranking.at("/items")?.as_array().map_or(0, Vec::len);
            Ok((ranked == 1 && ranking.text_at("/items/0/title")? == title).then_some(ranking))
        })
        .await
    };
    let before = ranking("A concert").await?;
    assert_eq!(before.text_at("/items/0/concert_id")?, test_app.concert);
    let path = concert_path(&test_app.concert);
    let edit = json!({"title": "Renamed"});
    test_app
        .admin()
        .patch(&path)
        .json(&edit)
        .await?
        .expect_status(200)?;
    let after = ranking("Renamed").await?;
    assert_eq!(
        after.at("/items/0/seats_sold")?,
        before.at("/items/0/seats_sold")?
    );
    Ok(())
}
