//! Sales are counted gradually, which no answer shows.

use anyhow::Result;
use frontrow_test_harness::eventually;
use serde_json::json;

use super::{SOON, a_day_later, ranking_of, sell};
use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(
    sales_are_counted_while_the_program_runs,
    seats_sold_before_a_crash_are_ranked_after_it,
);

async fn sales_are_counted_while_the_program_runs(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    sell(&mut test_app, 3).await?;
    eventually("all is counted", SOON, async || {
        Ok((stores.counted(&test_app.app).await? == 3).then_some(()))
    })
    .await?;
    a_day_later(stores, &mut test_app).await?;
    eventually("all is counted again", SOON, async || {
        Ok((stores.counted(&test_app.app).await? == 3).then_some(()))
    })
    .await?;
    let ranking = ranking_of(&test_app.app, 1).await?;
    assert_eq!(ranking.at("/items/0/seats_sold")?, 3);
    Ok(())
}

async fn seats_sold_before_a_crash_are_ranked_after_it(stores: Stores) -> Result<()> {
    let mut test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    sell(&mut test_app, 2).await?;
    test_app.app.sigkill()?;
    a_day_later(stores, &mut test_app).await?;
    let ranking = ranking_of(&test_app.app, 1).await?;
    assert_eq!(ranking.at("/items/0/seats_sold")?, 2);
    Ok(())
}
