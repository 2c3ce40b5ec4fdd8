//! The event stream of a place.

mod bounds;
mod cost;
mod reader;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::eventually;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::reader::{EVENTS, Reader};
use crate::{
    lifetimes::SOON,
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

on_every_store!(
    a_client_follows_its_place_to_its_turn_and_its_end,
    a_stream_reports_the_state_of_the_queue,
    a_client_that_reconnects_gets_the_event_that_it_missed,
    a_stream_is_no_heartbeat_and_reports_when_the_place_is_gone,
    a_stream_of_a_lost_queue_ends_so_that_its_client_reconnects,
    a_client_without_a_place_gets_no_stream,
    a_stop_ends_every_stream_and_waits_for_none,
);

fn one_at_a_time() -> Value {
    json!({"throughput": null, "capacity": {"max_active": 1}})
}

async fn leave(visitor: &Visitor) -> Result<()> {
    let left = visitor.client.delete("/v1/queue/token").await?;
    left.expect_status(204).map(drop)
}

async fn a_client_follows_its_place_to_its_turn_and_its_end(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let active = test_app.join("active").await?;
    let ann = test_app.join("ann").await?;
    let ben = test_app.join("ben").await?;
    let mut ann_events = Reader::open(&ann.client).await?;
    let mut ben_events = Reader::open(&ben.client).await?;
    assert_eq!(ann_events.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        ann_events.header("cache-control"),
        Some("no-store, no-transform")
    );
    assert_eq!(ann_events.header("x-accel-buffering"), Some("no"));

    let first = ben_events.next().await?.context("the place")?;
    assert_eq!(first.name, "position");
    assert_eq!(first.data["position"], 2);
    let looked_up = ben
        .client
        .get("/v1/queue/token")
        .await?
        .expect_status(200)?;
    let keys = |shape: &Value| {
        shape
            .as_object()
            .map(|shape| shape.keys().cloned().collect())
    };
    let (streamed, answered): (Option<Vec<String>>, _) = (keys(&first.data), keys(&looked_up.json));
    assert_eq!(streamed, answered, "a client has one parser");
    assert_eq!(first.data["queue_token"], ben.place["queue_token"]);
    let retry_ms = ben_events.retry_ms.context("when to come back")?;
    assert!((1_000..3_000).contains(&retry_ms), "{retry_ms}");

    leave(&active).await?;
    let turn = ann_events.until("turn").await?.data;
    assert_eq!(turn["state"], "active");
    let looked_up = ann
        .client
        .get("/v1/queue/token")
        .await?
        .expect_status(200)?;
    assert_eq!(&turn["active_until"], looked_up.at("/active_until")?);
    let moved = ben_events.until("position").await?.data;
    assert_eq!(moved["position"], 1);

    // The first use of the place moves its end, and leaving it ends it.
    let claimed = ann.client.get(&test_app.performances_path()).await?;
    claimed.expect_status(200)?;
    let later = ann_events.until("turn").await?.data;
    assert!(later["active_until"].as_str() > turn["active_until"].as_str());
    leave(&ann).await?;
    let gone = ann_events.until("gone").await?.data;
    assert_eq!(
        (&gone["status"], &gone["type"]),
        (&json!(410), &json!("/problems/place-gone"))
    );
    ann_events.ends().await?;
    assert_eq!(ben_events.until("turn").await?.data["state"], "active");
    Ok(())
}

async fn a_stream_reports_the_state_of_the_queue(stores: Stores) -> Result<()> {
    // The policy admits no other user for an hour.
    let policy = json!({"throughput": {"admit": 1, "interval_s": 3600}});
    let test_app = TestApp::open(stores, 1, 1, policy).await?;
    let buyer = test_app.join("buyer").await?;
    let ann = test_app.join("ann").await?;
    let mut events = Reader::open(&ann.client).await?;
    events.until("position").await?;
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    for (state, name) in [
        ("paused", "paused"),
        ("closed", "closed"),
        ("open", "position"),
    ] {
        let change = test_app.admin().patch(&path).json(&json!({"state": state}));
        change.await?.expect_status(200)?;
        let event = events.until(name).await?;
        assert_eq!(event.data["queue"]["state"], state);
        assert_eq!(event.data["position"], 1);
    }
    buyer.charge(PRICE, "charge").await?.expect_status(201)?;
    let held = buyer.hold(&test_app, &["R1-1"]).await?.expect_status(201)?;
    let paid = buyer.pay(held.text_at("/id")?, "payment").await?;
    paid.expect_status(200)?;
    let sold_out = events.until("sold_out").await?;
    assert_eq!(sold_out.data["queue"]["sale"], "sold_out");
    let performance = format!(
        "/v1/admin/concerts/{}/performances/{}",
        test_app.concert, test_app.performance
    );
    let started = json!({"starts_at": "2020-01-02T19:30:00Z", "allow_past": true});
    let edited = test_app.admin().patch(&performance).json(&started).await?;
    edited.expect_status(200)?;
    assert_eq!(events.until("ended").await?.data["queue"]["sale"], "ended");
    Ok(())
}

async fn a_client_that_reconnects_gets_the_event_that_it_missed(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let active = test_app.join("active").await?;
    let ann = test_app.join("ann").await?;
    let mut events = Reader::open(&ann.client).await?;
    events.until("position").await?;
    let last_id = events.last_id.clone().context("an id")?;
    drop(events);

    let mut again = Reader::reopen(&ann.client, &last_id).await?;
    leave(&active).await?;
    let news = again.next().await?.context("her turn")?;
    assert_eq!((news.name.as_str(), again.comments), ("turn", 1));
    drop(again);
    let mut late = Reader::reopen(&ann.client, &last_id).await?;
    assert_eq!(late.next().await?.context("her turn")?.name, "turn");
    let mut confused = Reader::reopen(&ann.client, "7; drop table").await?;
    assert_eq!(confused.next().await?.context("her turn")?.name, "turn");
    Ok(())
}

async fn a_stream_is_no_heartbeat_and_reports_when_the_place_is_gone(stores: Stores) -> Result<()> {
    let mut policy = one_at_a_time();
    policy["waiting_ttl_s"] = json!(3);
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    test_app.join("active").await?;
    let (loud, silent) = (test_app.join("loud").await?, test_app.join("silent").await?);
    let mut loud_events = Reader::open(&loud.client).await?;
    let mut silent_events = Reader::open(&silent.client).await?;
    let gone = async {
        silent_events.until("gone").await?;
        silent_events.ends().await
    };
    let heartbeats = async {
        loop {
            let beat = loud.client.post("/v1/queue/token/heartbeat").await?;
            beat.expect_status(204)?;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let result: Result<()> = tokio::select! {
        gone = gone => gone,
        failed = heartbeats => failed,
    };
    result?;
    // The place of the other user lasts as long as its heartbeats, and ends after the last one.
    loud.client
        .get("/v1/queue/token")
        .await?
        .expect_status(200)?;
    loud_events.until("gone").await?;
    loud_events.ends().await
}

async fn a_stream_of_a_lost_queue_ends_so_that_its_client_reconnects(stores: Stores) -> Result<()> {
    if !stores.has_redis() {
        // Other queues are lost only with the process or with the whole database.
        return Ok(());
    }
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    test_app.join("active").await?;
    let ann = test_app.join("ann").await?;
    let mut events = Reader::open(&ann.client).await?;
    events.until("position").await?;
    Stores::remove_redis_keys(&test_app.app, "{").await?;
    events.ends().await?;
    let again = eventually("the queue is back", SOON, async || {
        Ok(Reader::open(&ann.client).await.ok())
    });
    let event = again.await?.next().await?.context("the place")?;
    assert_eq!(event.data["arrival_us"], ann.place["arrival_us"]);
    assert_ne!(event.data["generation"], ann.place["generation"]);
    Ok(())
}

async fn a_client_without_a_place_gets_no_stream(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, one_at_a_time()).await?;
    let ann = test_app.join("ann").await?;
    let anonymous = test_app.app.client();
    let none = anonymous.get(EVENTS).await?.expect_status(401)?;
    assert_eq!(none.text_at("/type")?, "/problems/queue-token-required");
    let forged = anonymous.get(EVENTS).queue_token("not.a.token").await?;
    let forged = forged.expect_status(401)?;
    assert_eq!(forged.text_at("/type")?, "/problems/queue-token-invalid");
    leave(&ann).await?;
    let gone = ann.client.get(EVENTS).await?.expect_status(410)?;
    assert_eq!(gone.text_at("/type")?, "/problems/place-gone");
    assert_eq!(
        gone.header("content-type"),
        Some("application/problem+json")
    );
    Ok(())
}

async fn a_stop_ends_every_stream_and_waits_for_none(stores: Stores) -> Result<()> {
    const CLIENTS: usize = 12;
    let config = stores
        .config()
        .await?
        .env("FRONTROW_SERVER__GRACE_S", "600")
        .env("FRONTROW_QUEUE__LONGEST_POLL_MS", "15000");
    let mut test_app = TestApp::open_with(config, 1, 5, json!({"state": "paused"})).await?;
    let mut readers = Vec::new();
    for number in 0..CLIENTS {
        let user = test_app.join(&format!("user-{number}")).await?;
        let mut reader = Reader::open(&user.client).await?;
        reader.until("paused").await?;
        readers.push(reader);
    }
    test_app.app.sigterm()?;
    let mut retries = Vec::new();
    for reader in &mut readers {
        reader.ends().await?;
        retries.extend(reader.retry_ms);
    }
    // Clients must reconnect within the longest poll, and not all at once.
    let (first, last) = (retries.iter().min(), retries.iter().max());
    let spread = last.unwrap_or(&0) - first.unwrap_or(&0);
    ensure!(spread > 9_000 && last < Some(&15_001), "{retries:?}");
    let status = timeout(SOON, test_app.app.wait_exit()).await??;
    ensure!(status.success(), "{status}");
    Ok(())
}
