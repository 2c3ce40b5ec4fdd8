//! A program whose database and network can be made to fail.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{AppConfig, FaultProxy, MySqlServer, Reply, eventually};
use serde_json::Value;

use crate::{
    sale::{ROWS, SEATS_A_ROW},
    stores::Stores,
    test_app::TestApp,
};

/// The limit for events that must happen, on a slow machine.
pub(super) const SOON: Duration = Duration::from_mins(1);

/// A program, a durable database server of its own, and the network between them.
pub(super) struct FaultyDatabase {
    // Dropped in this order.
    pub(super) test_app: TestApp,
    pub(super) network: FaultProxy,
    pub(super) server: MySqlServer,
}

impl FaultyDatabase {
    /// Starts all three, with a concert on sale under `policy`.
    pub(super) async fn open(policy: Value) -> Result<Self> {
        Self::open_with(policy, |config| config).await
    }

    /// Starts all three with more settings.
    pub(super) async fn open_with(
        policy: Value,
        more: impl FnOnce(AppConfig) -> AppConfig,
    ) -> Result<Self> {
        let server = MySqlServer::start_durable().await?;
        server.create_database("frontrow").await?;
        let network = FaultProxy::start(server.address())?;
        let url = format!("mysql://root@{}/frontrow", network.address());
        let test_app =
            TestApp::open_with(more(with_short_timeouts(&url)), ROWS, SEATS_A_ROW, policy).await?;
        Ok(Self {
            test_app,
            network,
            server,
        })
    }

    /// Waits until the program has noticed that its database is gone. Checks that it is then alive
    /// and not ready, and that it answers requests for points with 503.
    pub(super) async fn wait_until_down(&self) -> Result<()> {
        let writer = self.test_app.user("other-user");
        eventually("/readyz answers 503", SOON, async || {
            let ready = self.live_and_ready().await?;
            if ready.status == 200 {
                return Ok(None);
            }
            check_unavailable(&ready).map(Some)
        })
        .await?;
        let balance = writer.get("/v1/points").await?;
        check_unavailable(&balance)
    }

    /// Waits until the program is ready again, by itself.
    pub(super) async fn wait_until_up(&self) -> Result<()> {
        eventually("/readyz answers 200", SOON, async || {
            let ready = self.live_and_ready().await?;
            if ready.status == 200 {
                return Ok(Some(()));
            }
            check_unavailable(&ready).map(|()| None)
        })
        .await
    }

    async fn live_and_ready(&self) -> Result<Reply> {
        let anonymous = self.test_app.app.client();
        anonymous.get("/livez").await?.expect_status(200)?;
        anonymous.get("/readyz").await
    }

    /// Checks that the process that was started still runs, and that it has not panicked.
    pub(super) fn check_never_crashed(&mut self) -> Result<()> {
        self.test_app.app.process().ensure_running()?;
        let log = self.test_app.app.log()?;
        let bad = log.lines().find(|line| line.contains("panic"));
        ensure!(bad.is_none(), "{bad:?}");
        Ok(())
    }
}

/// A configuration with which the program does not wait long for its database.
pub(crate) fn with_short_timeouts(url: &str) -> AppConfig {
    Stores::on_mysql(url)
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "1000")
        .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "1000")
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "2000")
        .env("FRONTROW_DATABASE__LOCK_TIMEOUT_S", "1")
}

/// Checks that `reply` is the only answer that a failed database may cause: 503 with `Retry-After`.
pub(crate) fn check_unavailable(reply: &Reply) -> Result<()> {
    ensure!(reply.status == 503, "{reply:?}");
    ensure!(
        reply.text_at("/type")? == "/problems/unavailable",
        "{reply:?}"
    );
    let after = reply
        .header("retry-after")
        .with_context(|| format!("no Retry-After: {reply:?}"))?;
    let seconds: u64 = after.parse()?;
    ensure!((1..=10).contains(&seconds), "{reply:?}");
    Ok(())
}
