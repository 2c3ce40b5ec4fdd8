//! Pages and queues while the database is down.

use anyhow::{Result, ensure};
use frontrow_test_harness::{Client, Reply, eventually};
use serde_json::json;

use super::{FaultyDatabase, SOON, check_unavailable};

/// Requests the page until it gets a 503. Returns the last page before that.
async fn until_refused(client: &Client, path: &str) -> Result<Option<Reply>> {
    let mut last = None;
    eventually("it is not shown any more", SOON, async || {
        let shown = client.get(path).await?;
        if shown.status != 200 {
            return check_unavailable(&shown).map(Some);
        }
        last = Some(shown);
        Ok(None)
    })
    .await?;
    Ok(last)
}

/// Snapshots are valid for one second. Later requests must not get them.
#[tokio::test(flavor = "multi_thread")]
async fn no_old_page_is_shown_while_the_database_is_down() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    let visitor = fixture.test_app.join("visitor").await?;
    visitor
        .hold(&fixture.test_app, &["R1-1"])
        .await?
        .expect_status(201)?;
    let catalogue = format!("/v1/concerts/{}", fixture.test_app.concert);
    let paths = [
        fixture.test_app.seats_path(),
        fixture.test_app.performances_path(),
        catalogue,
        "/v1/concerts".into(),
    ];
    let seen = eventually("the hold is shown", SOON, async || {
        let map = visitor.client.get(&paths[0]).await?.expect_status(200)?;
        Ok((map.at("/items/0/state")? == "held").then_some(map))
    })
    .await?;

    fixture.server.stop().await?;
    for path in &paths {
        if let Some(last) = until_refused(&visitor.client, path).await? {
            ensure!(path != &paths[0] || last.json == seen.json, "{last:?}");
        }
        // A client with a copy must not get 304, either.
        let tag = seen.header("etag").unwrap_or_default();
        let asked = visitor.client.get(path).header("if-none-match", tag);
        check_unavailable(&asked.await?)?;
    }

    fixture.server.start_again().await?;
    fixture.wait_until_up().await?;
    for path in &paths {
        visitor.client.get(path).await?.expect_status(200)?;
    }
    let map = visitor.client.get(&paths[0]).await?;
    assert_eq!(map.json, seen.json);
    fixture.check_never_crashed()
}

/// Queues and rankings have stores of their own.
#[tokio::test(flavor = "multi_thread")]
async fn queues_and_rankings_go_on_while_the_database_is_down() -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}});
    let mut fixture = FaultyDatabase::open(policy).await?;
    let first = fixture.test_app.join("first").await?;
    let mut second = fixture.test_app.join("second").await?;
    assert!(first.is_active() && !second.is_active());
    let rankings = "/v1/rankings/concerts?period=weekly";
    let anonymous = fixture.test_app.app.client();
    let ranking = anonymous.get(rankings).await?.expect_status(200)?;

    fixture.server.stop().await?;
    fixture.wait_until_down().await?;
    let mut third = fixture.test_app.join("third").await?;
    assert!(!third.is_active());
    assert_eq!(
        anonymous.get(rankings).await?.expect_status(200)?.json,
        ranking.json
    );
    // Both requests reach the gate, and only the active user passes it.
    let held = first.hold(&fixture.test_app, &["R1-1"]).await?;
    check_unavailable(&held)?;
    let held = second.hold(&fixture.test_app, &["R1-1"]).await?;
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

    fixture.server.start_again().await?;
    fixture.wait_until_up().await?;
    let held = second.hold(&fixture.test_app, &["R1-1"]).await?;
    held.expect_status(201)?;
    third.look_up().await?.expect_status(200)?;
    assert!(!third.is_active(), "no user was admitted twice");
    fixture.check_never_crashed()
}
