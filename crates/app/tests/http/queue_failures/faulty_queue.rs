//! A program whose Redis and network can be made to fail.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{AppConfig, FaultProxy, RedisOptions, RedisServer, Reply, eventually};
use serde_json::Value;

use crate::{
    sale::{ROWS, SEATS_A_ROW},
    stores::Stores,
    test_app::{TestApp, Visitor},
};

/// The limit for each answer, however the queue fails.
const ANSWERED_IN: Duration = Duration::from_secs(10);
/// The limit for events that must happen, on a slow machine.
pub(super) const SOON: Duration = Duration::from_mins(1);

/// A program, a Redis of its own that persists acknowledged writes, and the network between them.
pub(super) struct FaultyQueue {
    // Dropped in this order.
    pub(super) test_app: TestApp,
    pub(super) network: FaultProxy,
    pub(super) server: RedisServer,
}

impl FaultyQueue {
    /// Starts all three, with a concert on sale under `policy`.
    pub(super) async fn open(
        policy: Value,
        more: impl FnOnce(AppConfig) -> AppConfig,
    ) -> Result<Self> {
        let durable = RedisOptions {
            append_only: true,
            ..RedisOptions::default()
        };
        let server = RedisServer::start_with(durable).await?;
        let address = server.url();
        let address = address.strip_prefix("redis://").context("a Redis")?;
        let network = FaultProxy::start(address.parse()?)?;
        let url = format!("redis://{}", network.address());
        let config = Stores::with_redis(Stores::EMBEDDED.config().await?, &url)
            .env("FRONTROW_REDIS__CONNECT_TIMEOUT_MS", "500")
            .env("FRONTROW_REDIS__ANSWER_TIMEOUT_MS", "500");
        let test_app = TestApp::open_with(more(config), ROWS, SEATS_A_ROW, policy).await?;
        Ok(Self {
            test_app,
            network,
            server,
        })
    }

    /// Waits until the program has noticed that its Redis is gone. Checks that no user joins, that
    /// no user passes the gate, not even `visitor` with an active place, that the refusals say when
    /// to try again, and that requests without the queue still work.
    pub(super) async fn wait_until_down(&self, visitor: &Visitor) -> Result<()> {
        eventually("the gate answers 503", SOON, async || {
            let gate = in_time(visitor.client.get(&self.test_app.performances_path())).await?;
            if gate.status == 200 {
                return Ok(None);
            }
            check_unavailable(&gate).map(Some)
        })
        .await?;
        check_unavailable(&in_time(visitor.hold(&self.test_app, &["R1-1"])).await?)?;
        check_unavailable(&in_time(visitor.client.get("/v1/queue/token")).await?)?;
        check_unavailable(&in_time(self.test_app.ask_to_join("other-user")).await?)?;
        let anonymous = self.test_app.app.client();
        anonymous.get("/livez").await?.expect_status(200)?;
        anonymous.get("/v1/concerts").await?.expect_status(200)?;
        visitor.client.get("/v1/points").await?.expect_status(200)?;
        Ok(())
    }

    /// Waits until the gate works again, by itself.
    pub(super) async fn wait_until_up(&self, visitor: &Visitor) -> Result<()> {
        eventually("the gate answers 200", SOON, async || {
            let gate = visitor
                .client
                .get(&self.test_app.performances_path())
                .await?;
            if gate.status == 200 {
                return Ok(Some(()));
            }
            check_unavailable(&gate).map(|()| None)
        })
        .await
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

/// Waits for an answer. The program's own time-outs end after one second here, but the machine may
/// be busy.
async fn in_time<T>(asking: impl IntoFuture<Output = Result<T>>) -> Result<T> {
    let answer = tokio::time::timeout(ANSWERED_IN, asking).await;
    answer.context("no answer in bounded time")?
}

/// Checks that `reply` is the only answer that a failed queue may cause: 503 with `Retry-After`.
fn check_unavailable(reply: &Reply) -> Result<()> {
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
