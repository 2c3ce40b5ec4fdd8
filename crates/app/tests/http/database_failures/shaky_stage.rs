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
pub(super) struct ShakyStage {
    // Dropped in this order.
    pub(super) test_app: TestApp,
    pub(super) network: FaultProxy,
    pub(super) server: MySqlServer,
}

impl ShakyStage {
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
        let test_app = TestApp::open_with(more(impatient(&url)), ROWS, SEATS_A_ROW, policy).await?;
        Ok(Self {
            test_app,
            network,
            server,
        })
    }

    /// Waits until the program has noticed that its database is gone. Checks what it reports then:
    /// that it is alive, that it is not ready, and that requests which write must come back.
    pub(super) async fn is_down(&self) -> Result<()> {
        let writer = self.test_app.user("somebody-else");
        eventually("/readyz answers 503", SOON, async || {
            let ready = self.live_and_ready().await?;
            if ready.status == 200 {
                return Ok(None);
            }
            is_told_to_come_back(&ready).map(Some)
        })
        .await?;
        let balance = writer.get("/v1/points").await?;
        is_told_to_come_back(&balance)
    }

    /// Waits until it works again, by itself.
    pub(super) async fn is_up_again(&self) -> Result<()> {
        eventually("/readyz answers 200", SOON, async || {
            let ready = self.live_and_ready().await?;
            if ready.status == 200 {
                return Ok(Some(()));
            }
            is_told_to_come_back(&ready).map(|()| None)
        })
        .await
    }

    async fn live_and_ready(&self) -> Result<Reply> {
        let anybody = self.test_app.app.client();
        anybody.get("/livez").await?.expect_status(200)?;
        anybody.get("/readyz").await
    }

    /// Checks that the program is the one that was started, and that nothing failed in it.
    pub(super) fn never_crashed(&mut self) -> Result<()> {
        self.test_app.app.process().ensure_running()?;
        let log = self.test_app.app.log()?;
        let bad = log.lines().find(|line| line.contains("panic"));
        ensure!(bad.is_none(), "{bad:?}");
        Ok(())
    }
}

/// A configuration with which the program does not wait long for its database.
pub(crate) fn impatient(url: &str) -> AppConfig {
    Stores::on_mysql(url)
        .env("FRONTROW_DATABASE__ACQUIRE_TIMEOUT_MS", "1000")
        .env("FRONTROW_DATABASE__CONNECT_TIMEOUT_MS", "1000")
        .env("FRONTROW_DATABASE__STATEMENT_TIMEOUT_MS", "2000")
        .env("FRONTROW_DATABASE__LOCK_TIMEOUT_S", "1")
}

/// Checks for the only answer that a failed database may cause.
pub(crate) fn is_told_to_come_back(reply: &Reply) -> Result<()> {
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
