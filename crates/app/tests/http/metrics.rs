//! The counters of an instance.

use anyhow::{Context, Result};
use serde_json::json;

use crate::{on_every_store, stores::Stores, test_app::TestApp};

on_every_store!(look_ups_are_counted_by_the_source_of_their_answer);

async fn look_ups_are_counted_by_the_source_of_their_answer(stores: Stores) -> Result<()> {
    // A queue in this process has no snapshots before it, so its look-ups are not counted.
    let is_shared = stores.shares_queues();
    let paused = json!({"state": "paused"});
    let test_app = TestApp::open(stores, 1, 5, paused).await?;
    let ann = test_app.join("ann").await?;
    for _ in 0..5 {
        let looked = ann.client.get("/v1/queue/token").await?;
        looked.expect_status(200)?;
    }
    let shown = test_app.admin().get("/metrics").await?.expect_status(200)?;
    let format = Some("text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(shown.header("content-type"), format);
    let count = |name: &str| -> Result<u64> {
        let mut lines = shown.text.lines();
        let value = lines.find_map(|line| line.strip_prefix(name));
        Ok(value.context("no such counter")?.trim().parse()?)
    };
    let by_snapshot = count(r#"frontrow_look_ups_total{answered_by="snapshot"}"#)?;
    let by_store = count(r#"frontrow_look_ups_total{answered_by="store"}"#)?;
    let all = if is_shared { 5 } else { 0 };
    assert_eq!(by_snapshot + by_store, all, "{}", shown.text);
    assert_eq!(by_store > 0, is_shared, "{}", shown.text);
    assert_eq!(count("frontrow_heartbeat_writes_total")?, 0);
    test_app
        .app
        .client()
        .get("/metrics")
        .await?
        .expect_status(401)?;
    Ok(())
}
