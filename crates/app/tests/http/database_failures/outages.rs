//! The server is stopped, killed, restarted, or hangs.

use anyhow::Result;

use super::{Crowd, SLOWLY, ShakyStage};

/// The number of users, half of whom come while the server is down.
const PEOPLE: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_and_started_costs_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    crowd.come(&shaky.test_app, PEOPLE / 2);
    crowd.buy(5).await?;
    shaky.server.stop().await?;
    crowd.come(&shaky.test_app, PEOPLE / 2);
    shaky.is_down().await?;
    crowd.notices().await?;
    shaky.server.start_again().await?;
    shaky.is_up_again().await?;
    crowd.goes_home_content(&mut shaky).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_costs_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    for _ in 0..4 {
        crowd.come(&shaky.test_app, PEOPLE / 4);
        crowd.buy(5).await?;
        shaky.server.kill()?;
        shaky.is_down().await?;
        crowd.notices().await?;
        shaky.server.start_again().await?;
        shaky.is_up_again().await?;
    }
    crowd.goes_home_content(&mut shaky).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_at_once_costs_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    crowd.come(&shaky.test_app, PEOPLE);
    for _ in 0..3 {
        crowd.buy(5).await?;
        shaky.server.stop().await?;
        shaky.server.start_again().await?;
    }
    crowd.goes_home_content(&mut shaky).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_for_a_while_costs_nobody_anything() -> Result<()> {
    let mut shaky = ShakyStage::open(SLOWLY()).await?;
    let mut crowd = Crowd::at(&shaky.test_app);
    for _ in 0..2 {
        crowd.come(&shaky.test_app, PEOPLE / 2);
        crowd.buy(5).await?;
        shaky.server.pause()?;
        shaky.is_down().await?;
        crowd.notices().await?;
        shaky.server.resume()?;
        shaky.is_up_again().await?;
    }
    crowd.goes_home_content(&mut shaky).await
}
