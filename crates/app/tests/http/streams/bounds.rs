//! The limits of event streams.

use std::time::Duration;

use anyhow::{Context, Result};
use frontrow_test_harness::eventually;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpSocket};

use super::reader::{EVENTS, Reader};
use crate::{
    lifetimes::SOON,
    on_every_store,
    stores::Stores,
    test_app::{TestApp, Visitor},
};

on_every_store!(@embedded EMBEDDED:
    an_instance_has_no_more_streams_than_it_may,
    of_four_streams_of_a_place_the_oldest_ends,
    a_reader_that_does_not_read_is_dropped);

const STREAMS_MAX: &str = "FRONTROW_SERVER__STREAMS_MAX";

async fn test_app(stores: Stores, max: &str, policy: serde_json::Value) -> Result<TestApp> {
    let config = stores.config().await?.env(STREAMS_MAX, max);
    TestApp::open_with(config, 1, 5, policy).await
}

async fn an_instance_has_no_more_streams_than_it_may(stores: Stores) -> Result<()> {
    let test_app = test_app(stores, "2", json!({"state": "paused"})).await?;
    let mut users = Vec::new();
    for name in ["ann", "ben", "cat"] {
        users.push(test_app.join(name).await?);
    }
    let first = Reader::open(&users[0].client).await?;
    let _second = Reader::open(&users[1].client).await?;
    let refused = users[2].client.get(EVENTS).await?.expect_status(503)?;
    assert_eq!(refused.text_at("/type")?, "/problems/unavailable");
    let after: u64 = refused.header("retry-after").context("a time")?.parse()?;
    assert!((1..=15).contains(&after), "{after}");
    // A place can still be looked up, and a stream that ends makes space for another.
    users[2]
        .client
        .get("/v1/queue/token")
        .await?
        .expect_status(200)?;
    drop(first);
    eventually("there is room", SOON, async || opened(&users[2]).await).await
}

/// Returns `Some` if a stream of the user's place can be opened now.
async fn opened(user: &Visitor) -> Result<Option<()>> {
    let status = user.client.get(EVENTS).open().await?.status();
    Ok((status == 200).then_some(()))
}

async fn of_four_streams_of_a_place_the_oldest_ends(stores: Stores) -> Result<()> {
    let test_app = test_app(stores, "100", json!({"state": "paused"})).await?;
    let ann = test_app.join("ann").await?;
    let mut tabs = Vec::new();
    for _ in 0..4 {
        let mut tab = Reader::open(&ann.client).await?;
        tab.until("paused").await?;
        tabs.push(tab);
    }
    let superseded = tabs[0].until("superseded").await?.data;
    assert_eq!(superseded["type"], "/problems/stream-superseded");
    tabs[0].ends().await?;
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let change = test_app
        .admin()
        .patch(&path)
        .json(&json!({"state": "closed"}));
    change.await?.expect_status(200)?;
    for tab in &mut tabs[1..] {
        tab.until("closed").await?;
    }
    Ok(())
}

/// A client whose buffers are full of events, and which reads none of them.
async fn a_reader_that_does_not_read_is_dropped(stores: Stores) -> Result<()> {
    const AHEAD: usize = 60;
    let policy = json!({"throughput": {"admit": 1, "interval_s": 0.5}, "claim_ttl_s": 3600});
    let test_app = test_app(stores, "1", policy).await?;
    for number in 0..AHEAD {
        test_app.join(&format!("user-{number}")).await?;
    }
    let slow = test_app.join("slow").await?;
    let address = test_app.app.base_url();
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(2_304)?;
    let address = address.trim_start_matches("http://").parse()?;
    let mut connection = socket.connect(address).await?;
    let token = slow.place["queue_token"].as_str().context("a token")?;
    let request = format!("GET {EVENTS} HTTP/1.1\r\nHost: test\r\nQueue-Token: {token}\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    connection.readable().await?;

    // It holds the only stream of this instance until it is dropped.
    let next = test_app.join("next").await?;
    next.client.get(EVENTS).await?.expect_status(503)?;
    let limit = Duration::from_mins(2);
    eventually("the slow reader is dropped", limit, async || {
        opened(&next).await
    })
    .await
}
