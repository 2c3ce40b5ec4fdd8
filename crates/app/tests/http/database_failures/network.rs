//! The network to the server is cut, closed, slow, or loses answers.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::{AppConfig, Fault};
use futures_util::future::try_join_all;
use serde_json::json;

use super::{Crowd, SLOWLY, ShakyStage};

const PEOPLE: usize = 40;

/// Lets users buy while this failure happens until the program has noticed it, and once more.
async fn lasts_for_a_while(fault: Fault) -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    for _ in 0..2 {
        crowd.come(&shaky.test_app, PEOPLE / 2);
        crowd.buy(5).await?;
        shaky.network.set(fault).await?;
        shaky.is_down().await?;
        crowd.notices().await?;
        shaky.network.set(Fault::Forward).await?;
        shaky.is_up_again().await?;
    }
    crowd.goes_home_content(&mut shaky).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_cost_nobody_anything() -> Result<()> {
    lasts_for_a_while(Fault::Reset).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_refused_cost_nobody_anything() -> Result<()> {
    lasts_for_a_while(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_cost_nobody_anything() -> Result<()> {
    lasts_for_a_while(Fault::LoseAnswers).await
}

/// Longer than every time-out of the program.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_too_late_cost_nobody_anything() -> Result<()> {
    lasts_for_a_while(Fault::Delay(Duration::from_secs(5))).await
}

/// Too short for a user to be refused for long: requests in flight are cut, and the next ones work.
#[tokio::test(flavor = "multi_thread")]
async fn a_moment_without_network_costs_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    crowd.come(&shaky.test_app, PEOPLE);
    for _ in 0..PEOPLE / 2 {
        crowd.buy(1).await?;
        shaky.network.set(Fault::Reset).await?;
        shaky.network.set(Fault::Forward).await?;
    }
    crowd.goes_home_content(&mut shaky).await
}

/// However many connections are dead, one request that meets a dead one is enough to detect that.
/// The request is served all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_after_all_connections_were_cut_is_served() -> Result<()> {
    let patient = |config: AppConfig| {
        config
            .env("FRONTROW_DATABASE__POOL_SIZE", "32")
            .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "20000")
            .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "20000")
            .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "20000")
    };
    let mut shaky = ShakyStage::open_with(json!({}), patient).await?;
    let reader = shaky.test_app.user("reader");
    for _ in 0..3 {
        let at_once = (0..200).map(|_| reader.get("/v1/points").send());
        for points in try_join_all(at_once).await? {
            points.expect_status(200)?;
        }
        shaky.network.set(Fault::Reset).await?;
        shaky.network.set(Fault::Forward).await?;
        reader.get("/v1/points").await?.expect_status(200)?;
    }
    shaky.never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_nobody_hears_of_cost_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    crowd.come(&shaky.test_app, PEOPLE);
    for _ in 0..3 {
        crowd.buy(3).await?;
        shaky.network.set(Fault::LoseAnswersTo("COMMIT")).await?;
        shaky.network.answer_lost().await?;
        shaky.network.set(Fault::Forward).await?;
        crowd.buy(3).await?;
        shaky.network.set(Fault::ResetAt("COMMIT")).await?;
        shaky.network.request_stopped().await?;
        shaky.network.set(Fault::Forward).await?;
    }
    crowd.goes_home_content(&mut shaky).await
}
