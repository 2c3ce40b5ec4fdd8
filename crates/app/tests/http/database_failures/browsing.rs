//! The pages that can be read, and what users in the queue can do, while the database is down.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Client, Reply, eventually};
use serde_json::json;

use super::{SOON, ShakyStage, is_told_to_come_back};

/// Requests the page until it gets a 503. Returns the last page before that.
async fn until_refused(client: &Client, path: &str) -> Result<Option<Reply>> {
    let mut last = None;
    eventually("it is not shown any more", SOON, async || {
        let shown = client.get(path).await?;
        if shown.status != 200 {
            return is_told_to_come_back(&shown).map(Some);
        }
        last = Some(shown);
        Ok(None)
    })
    .await?;
    Ok(last)
}

/// Snapshots are valid for one second. After that, no user is shown what may be wrong.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_down_nothing_old_is_shown() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    let visitor = shaky.test_app.join("visitor").await?;
    visitor
        .hold(&shaky.test_app, &["R1-1"])
        .await?
        .expect_status(201)?;
    let catalogue = format!("/v1/concerts/{}", shaky.test_app.concert);
    let paths = [
        shaky.test_app.seats_path(),
        shaky.test_app.performances_path(),
        catalogue,
        "/v1/concerts".into(),
    ];
    let seen = eventually("the hold is shown", SOON, async || {
        let map = visitor.client.get(&paths[0]).await?.expect_status(200)?;
        Ok((map.at("/items/0/state")? == "held").then_some(map))
    })
    .await?;

    shaky.server.stop().await?;
    for path in &paths {
        if let Some(last) = until_refused(&visitor.client, path).await? {
            ensure!(path != &paths[0] || last.json == seen.json, "{last:?}");
        }
        // A client with a copy is not answered that the copy is still valid.
        let tag = seen.header("etag").unwrap_or_default();
        let asked = visitor.client.get(path).header("if-none-match", tag);
        is_told_to_come_back(&asked.await?)?;
    }

    shaky.server.start_again().await?;
    shaky.is_up_again().await?;
    for path in &paths {
        visitor.client.get(path).await?.expect_status(200)?;
    }
    let map = visitor.client.get(&paths[0]).await?;
    assert_eq!(map.json, seen.json);
    shaky.never_crashed()
}

/// Queues and rankings have stores of their own.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_down_queues_and_rankings_go_on() -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}});
    let mut shaky = ShakyStage::open(policy).await?;
    let first = shaky.test_app.join("first").await?;
    let mut second = shaky.test_app.join("second").await?;
    assert!(first.is_active() && !second.is_active());
    let rankings = "/v1/rankings/concerts?period=weekly";
    let anybody = shaky.test_app.app.client();
    let ranking = anybody.get(rankings).await?.expect_status(200)?;

    shaky.server.stop().await?;
    shaky.is_down().await?;
    let mut third = shaky.test_app.join("third").await?;
    assert!(!third.is_active());
    assert_eq!(
        anybody.get(rankings).await?.expect_status(200)?.json,
        ranking.json
    );
    // Both go through the gate, and one of them is let through.
    let held = first.hold(&shaky.test_app, &["R1-1"]).await?;
    is_told_to_come_back(&held)?;
    let held = second.hold(&shaky.test_app, &["R1-1"]).await?;
    assert_eq!(held.expect_status(429)?.at("/position")?, 1);
    first
        .client
        .delete("/v1/queue/token")
        .await?
        .expect_status(204)?;
    eventually("the next in line is admitted", SOON, async || {
        second.look_up().await?.expect_status(200)?;
        Ok(second.is_active().then_some(()))
    })
    .await?;

    shaky.server.start_again().await?;
    shaky.is_up_again().await?;
    let held = second.hold(&shaky.test_app, &["R1-1"]).await?;
    held.expect_status(201)?;
    third.look_up().await?.expect_status(200)?;
    assert!(!third.is_active(), "nobody was admitted twice");
    shaky.never_crashed()
}
