//! A database that goes away: the last answer is shown, and nobody gets an error.

use anyhow::{Result, ensure};
use frontrow_test_harness::{App, Fault, eventually};

use super::{SOON, proxied::behind_a_proxy, ranking};
use crate::{stage, stores::Stores};

const PERIODS: [&str; 4] = ["realtime", "daily", "weekly", "monthly"];
const DATABASE_URL: &str = "FRONTROW_DATABASE__URL";

/// Asks for every period; fails unless all are answered. Gives whether any is stale.
async fn all_are_answered(app: &App) -> Result<bool> {
    let mut stale = false;
    for period in PERIODS {
        let answer = ranking(app, &format!("?period={period}")).await?;
        let answer = answer.expect_status(200)?;
        if answer.at("/stale")? == true {
            stale = true;
            ensure!(answer.header("cache-control") == Some("public, max-age=1"));
        }
    }
    Ok(stale)
}

/// With the cache in the program: what has finished is in it, and the last hour grows old.
async fn without_its_database(fault: Fault) -> Result<()> {
    let (config, proxy) = behind_a_proxy(Stores::MYSQL.config().await?, DATABASE_URL)?;
    let config = config
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "500")
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "500")
        .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "500");
    let app = stage::start(config).await?;
    all_are_answered(&app).await?;
    proxy.set(fault).await?;
    let stale = eventually("the last hour is stale", SOON, async || {
        Ok(all_are_answered(&app).await?.then_some(()))
    });
    stale.await?;
    proxy.set(Fault::Forward).await?;
    let fresh = eventually("the last hour is fresh again", SOON, async || {
        Ok((!all_are_answered(&app).await?).then_some(()))
    });
    fresh.await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_costs_nobody_an_answer() -> Result<()> {
    without_its_database(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_costs_nobody_an_answer() -> Result<()> {
    without_its_database(Fault::LoseAnswers).await
}
