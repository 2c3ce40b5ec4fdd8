//! The server is stopped, killed, restarted, or hangs.

use anyhow::Result;

use super::{BuyingUsers, FaultyDatabase, slow_admission};

/// The number of users. In the first test, half of them join while the server is down.
const USERS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_and_started_costs_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    buyers.add_users(&fixture.test_app, USERS / 2);
    buyers.wait_for_purchases(5).await?;
    fixture.server.stop().await?;
    buyers.add_users(&fixture.test_app, USERS / 2);
    fixture.wait_until_down().await?;
    buyers.wait_for_a_repeat().await?;
    fixture.server.start_again().await?;
    fixture.wait_until_up().await?;
    buyers.finish_and_check(&mut fixture).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_costs_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    for _ in 0..4 {
        buyers.add_users(&fixture.test_app, USERS / 4);
        buyers.wait_for_purchases(5).await?;
        fixture.server.kill()?;
        fixture.wait_until_down().await?;
        buyers.wait_for_a_repeat().await?;
        fixture.server.start_again().await?;
        fixture.wait_until_up().await?;
    }
    buyers.finish_and_check(&mut fixture).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_at_once_costs_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    buyers.add_users(&fixture.test_app, USERS);
    for _ in 0..3 {
        buyers.wait_for_purchases(5).await?;
        fixture.server.stop().await?;
        fixture.server.start_again().await?;
    }
    buyers.finish_and_check(&mut fixture).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_for_a_while_costs_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    for _ in 0..2 {
        buyers.add_users(&fixture.test_app, USERS / 2);
        buyers.wait_for_purchases(5).await?;
        fixture.server.pause()?;
        fixture.wait_until_down().await?;
        buyers.wait_for_a_repeat().await?;
        fixture.server.resume()?;
        fixture.wait_until_up().await?;
    }
    buyers.finish_and_check(&mut fixture).await
}
