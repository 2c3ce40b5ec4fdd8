//! The database becomes unavailable: the last answer is shown, and no request fails.

use std::time::Duration;

use anyhow::{Result, ensure};
use frontrow_test_harness::{App, AppConfig, Fault, MySqlServer, eventually};

use super::{
    DATABASE_URL, PERIODS, SOON,
    proxied::behind_a_proxy,
    queries::{Database, hold_up, let_go, one_each},
    ranking,
    readers::Readers,
};
use crate::{clock::Stopwatch, stores::Stores, test_app};

/// Longer than all sequential requests wait together, and much less than a statement may take.
const ON_A_SLOW_MACHINE: Duration = Duration::from_secs(10);

/// Requests every period. Fails unless all are answered. Returns the number of stale answers.
pub(super) async fn all_are_answered(app: &App) -> Result<usize> {
    let mut stale = 0;
    for period in PERIODS {
        let answer = ranking(app, &format!("?period={period}")).await?;
        let answer = answer.expect_status(200)?;
        if answer.at("/stale")? == true {
            stale += 1;
            ensure!(answer.header("cache-control") == Some("public, max-age=1"));
        }
    }
    Ok(stale)
}

/// `config`, with which an unreachable database is soon treated as unavailable.
pub(super) fn with_short_timeouts(config: AppConfig) -> AppConfig {
    config
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "1500")
        .env("FRONTROW_DATABASE__LOCK_TIMEOUT_S", "1")
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "500")
        .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "500")
}

/// `config`, with which queries wait and do not fail.
pub(super) fn with_long_timeouts(config: AppConfig) -> AppConfig {
    config.env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "60000")
}

/// The cache is in the program: finished periods are in it, and the ranking of the last hour
/// becomes stale.
async fn no_request_is_refused(
    mut app: App,
    breaks: impl AsyncFnOnce() -> Result<()>,
    mends: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    all_are_answered(&app).await?;
    let readers = Readers::of(&app);
    breaks().await?;
    eventually("the last hour is stale", SOON, async || {
        Ok((all_are_answered(&app).await? > 0).then_some(()))
    })
    .await?;
    mends().await?;
    eventually("the last hour is fresh again", SOON, async || {
        Ok((all_are_answered(&app).await? == 0).then_some(()))
    })
    .await?;
    readers.stop().await?;
    app.process().ensure_running()
}

async fn without_its_database(fault: Fault) -> Result<()> {
    let (config, proxy) = behind_a_proxy(Stores::MYSQL.config().await?, DATABASE_URL)?;
    let app = test_app::start(with_short_timeouts(config)).await?;
    let breaks = async || proxy.set(fault).await;
    no_request_is_refused(app, breaks, async || proxy.set(Fault::Forward).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_costs_no_client_an_answer() -> Result<()> {
    without_its_database(Fault::Refuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_costs_no_client_an_answer() -> Result<()> {
    without_its_database(Fault::LoseAnswers).await
}

/// Statements may take a minute here, and each reader waits for a fraction of a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_database_keeps_no_client_waiting() -> Result<()> {
    let (config, proxy) = behind_a_proxy(Stores::MYSQL.config().await?, DATABASE_URL)?;
    let app = test_app::start(with_long_timeouts(config)).await?;
    all_are_answered(&app).await?;
    proxy.set(Fault::LoseAnswers).await?;
    eventually("the last hour is stale", SOON, async || {
        let asked = Stopwatch::start();
        let stale = all_are_answered(&app).await?;
        let waited = asked.elapsed();
        ensure!(waited < ON_A_SLOW_MACHINE, "{waited:?}");
        Ok((stale > 0).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_costs_no_client_an_answer() -> Result<()> {
    let server = MySqlServer::start().await?;
    let url = server.create_database("frontrow").await?;
    let app = test_app::start(with_long_timeouts(Stores::on_mysql(&url))).await?;
    let server = tokio::sync::Mutex::new(server);
    let kill = async || server.lock().await.kill();
    no_request_is_refused(app, kill, async || {
        server.lock().await.start_again().await?;
        // All readers of the last hour share one query, however long it takes.
        let past_the_program = format!("{url}?prefer_socket=false");
        let mut database = Database::at(&past_the_program).await?;
        hold_up(&mut database).await?;
        one_each(&mut database, 1).await?;
        let_go(&mut database).await
    })
    .await
}
