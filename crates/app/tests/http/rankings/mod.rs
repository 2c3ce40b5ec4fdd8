//! The ranking of popular concerts, as clients see it, also while its stores fail.

mod answers;
mod counting;
mod crowd;
mod faulty_cache;
mod instances;
mod late_cache;
mod logging_server;
mod outage;
mod proxied;
mod queries;
mod readers;

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::{App, Reply, eventually};
use serde_json::json;

use crate::{
    buyer::Buyer,
    stores::Stores,
    test_app::{TestApp, on_sale},
};

const PERIODS: [&str; 4] = ["realtime", "daily", "weekly", "monthly"];

/// The limit for events that must happen, on a slow machine.
const SOON: Duration = Duration::from_mins(1);

/// The setting with the database's URL.
const DATABASE_URL: &str = "FRONTROW_DATABASE__URL";

/// Requests a ranking.
async fn ranking(app: &App, query: &str) -> Result<Reply> {
    app.client()
        .get(&format!("/v1/rankings/concerts{query}"))
        .await
}

/// Returns yesterday's ranking once it has this many concerts.
async fn ranking_of(app: &App, concerts: usize) -> Result<Reply> {
    eventually("all are ranked", SOON, async || {
        let ranking = ranking(app, "?period=daily").await?.expect_status(200)?;
        let ranked = ranking.at("/items")?.as_array().map_or(0, Vec::len);
        Ok((ranked == concerts).then_some(ranking))
    })
    .await
}

/// Sells this many seats of another concert. Returns its id.
async fn sell(test_app: &mut TestApp, seats: usize) -> Result<String> {
    let (concert, performance) = on_sale(&test_app.app, 1, 10, json!({})).await?;
    (test_app.concert, test_app.performance) = (concert.clone(), performance);
    for seat in 1..=seats {
        let (fan, seat) = (format!("fan-{concert}-{seat}"), format!("R1-{seat}"));
        let buyer = Buyer::at(test_app, &fan, &seat).await?;
        buyer.pay("payment").await?.expect_status(200)?;
    }
    Ok(concert)
}

/// Dates all sales back by a day, and restarts the program without anything cached from before.
async fn a_day_later(stores: Stores, test_app: &mut TestApp) -> Result<()> {
    stores.a_day_earlier(&test_app.app).await?;
    let config = Stores::with_new_keys(test_app.app.config().clone());
    test_app.app.restart_with(config).await
}
