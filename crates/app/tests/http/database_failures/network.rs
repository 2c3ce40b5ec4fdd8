//! The network to the server is cut, closed, slow, or loses answers.

use std::time::Duration;

use anyhow::Result;
use frontrow_test_harness::{AppConfig, Fault};
use futures_util::future::try_join_all;
use serde_json::json;

use super::{BuyingUsers, FaultyDatabase, slow_admission};

const USERS: usize = 40;

/// Lets users buy during this failure until the program has noticed it, twice.
async fn check_with_fault(fault: Fault) -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    for _ in 0..2 {
        buyers.add_users(&fixture.test_app, USERS / 2);
        buyers.wait_for_purchases(5).await?;
        fixture.network.set(fault).await?;
        fixture.wait_until_down().await?;
        buyers.wait_for_a_repeat().await?;
        fixture.network.set(Fault::Forward).await?;
        fixture.wait_until_up().await?;
    }
    buyers.finish_and_check(&mut fixture).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_reset_cost_no_user_anything() -> Result<()> {
    check_with_fault(Fault::Reset).await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_refused_cost_no_user_anything() -> Result<()> {
    check_with_fault(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_cost_no_user_anything() -> Result<()> {
    check_with_fault(Fault::LoseAnswers).await
}

/// The delay is longer than every time-out of the program.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_too_late_cost_no_user_anything() -> Result<()> {
    check_with_fault(Fault::Delay(Duration::from_secs(5))).await
}

/// The failure is too short to refuse users for long. It cuts requests in flight, and the next ones
/// work.
#[tokio::test(flavor = "multi_thread")]
async fn a_moment_without_network_costs_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    buyers.add_users(&fixture.test_app, USERS);
    for _ in 0..USERS / 2 {
        buyers.wait_for_purchases(1).await?;
        fixture.network.set(Fault::Reset).await?;
        fixture.network.set(Fault::Forward).await?;
    }
    buyers.finish_and_check(&mut fixture).await
}

/// However many connections are dead, one request that meets a dead one is enough to detect that.
/// The request is served all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_request_after_all_connections_were_cut_is_served() -> Result<()> {
    let with_long_timeouts = |config: AppConfig| {
        config
            .env("FRONTROW_DATABASE__POOL_SIZE", "32")
            .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "20000")
            .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "20000")
            .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "20000")
    };
    let mut fixture = FaultyDatabase::open_with(json!({}), with_long_timeouts).await?;
    let reader = fixture.test_app.user("reader");
    for _ in 0..3 {
        let at_once = (0..200).map(|_| reader.get("/v1/points").send());
        for points in try_join_all(at_once).await? {
            points.expect_status(200)?;
        }
        fixture.network.set(Fault::Reset).await?;
        fixture.network.set(Fault::Forward).await?;
        reader.get("/v1/points").await?.expect_status(200)?;
    }
    fixture.check_never_crashed()
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_whose_answers_are_lost_cost_no_user_anything() -> Result<()> {
    let mut fixture = FaultyDatabase::open(slow_admission()).await?;
    let mut buyers = BuyingUsers::new(&fixture.test_app);
    buyers.add_users(&fixture.test_app, USERS);
    for _ in 0..3 {
        buyers.wait_for_purchases(3).await?;
        fixture.network.set(Fault::LoseAnswersTo("COMMIT")).await?;
        fixture.network.answer_lost().await?;
        fixture.network.set(Fault::Forward).await?;
        buyers.wait_for_purchases(3).await?;
        fixture.network.set(Fault::ResetAt("COMMIT")).await?;
        fixture.network.request_stopped().await?;
        fixture.network.set(Fault::Forward).await?;
    }
    buyers.finish_and_check(&mut fixture).await
}
