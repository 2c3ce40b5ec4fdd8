//! The public line status.

use anyhow::Result;
use frontrow_test_harness::{Client, Method, Nginx, Reply, eventually};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    lifetimes::{SOON, instant},
    on_every_store,
    stores::Stores,
    test_app::TestApp,
};

on_every_store!(
    a_client_learns_its_turn_from_the_line_alone,
    a_line_that_a_client_has_is_not_sent_again,
    every_concert_has_a_line_and_an_unknown_id_has_none,
    a_line_is_the_same_whether_the_request_is_routed_or_not,
);

async fn line(test_app: &TestApp) -> Result<Reply> {
    let path = format!("/v1/concerts/{}/line", test_app.concert);
    test_app.app.client().get(&path).await?.expect_status(200)
}

/// Returns the line status once `is_so` holds.
async fn line_once(test_app: &TestApp, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
    eventually("the line shows it", SOON, async || {
        let line = line(test_app).await?.json;
        Ok(is_so(&line).then_some(line))
    })
    .await
}

async fn a_client_learns_its_turn_from_the_line_alone(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}});
    let test_app = TestApp::open(stores, 1, 5, policy).await?;
    let active = test_app.join("active").await?;
    let ann = test_app.join("ann").await?.place;
    let ben = test_app.join("ben").await?.place;
    let before = line_once(&test_app, |line| line["waiting"] == 2).await?;
    assert_eq!(before["generation"], ann["generation"]);
    assert_eq!(before["passed"], 0);
    assert!(before["admitted_up_to_us"].is_null());
    assert!(before["pace"].is_null() && before["reentry_until"].is_null());
    assert_eq!(before["queue"], ben["queue"]);
    let pauses = json!({"near": 15_000, "far": 30_000, "near_positions": 2});
    assert_eq!(before["heartbeat_after_ms"], pauses);
    assert_eq!((&ann["ordinal"], &ben["ordinal"]), (&json!(1), &json!(2)));

    let left = active.client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    let after = line_once(&test_app, |line| line["passed"] == 1).await?;
    assert_eq!(after["admitted_up_to_us"], ann["arrival_us"]);
    assert!(ben["arrival_us"].as_i64() > after["admitted_up_to_us"].as_i64());
    assert_eq!(after["waiting"], 1);
    Ok(())
}

async fn a_line_that_a_client_has_is_not_sent_again(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let path = format!("/v1/concerts/{}/line", test_app.concert);
    let seen = line(&test_app).await?;
    let caching = "public, max-age=1, stale-while-revalidate=5, stale-if-error=20";
    assert_eq!(seen.header("cache-control"), Some(caching));
    // A newer snapshot may be taken between two requests.
    let same = eventually("the same line is asked for twice", SOON, async || {
        let tag = line(&test_app)
            .await?
            .header("etag")
            .unwrap_or_default()
            .to_owned();
        let again = test_app
            .app
            .client()
            .get(&path)
            .header("if-none-match", &tag);
        let again = again.await?;
        Ok((again.status == 304).then_some(again))
    })
    .await?;
    assert_eq!(same.text, "");
    assert_eq!(same.header("cache-control"), Some(caching));
    let open = line(&test_app).await?.json;
    assert_eq!(open["pace"], json!({"admit": 500, "interval_s": 3.0}));
    Ok(())
}

/// Most requests are answered before routing, `HEAD` requests never.
async fn a_line_is_the_same_whether_the_request_is_routed_or_not(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let path = format!("/v1/concerts/{}/line", test_app.concert);
    let client = test_app.app.client();
    let headers = |reply: Reply| {
        let mut headers = reply.headers;
        headers.remove("date");
        headers
    };
    eventually("both answer with one snapshot", SOON, async || {
        let answered = headers(client.get(&path).await?.expect_status(200)?);
        let with_query = headers(
            client
                .get(&format!("{path}?x=1"))
                .await?
                .expect_status(200)?,
        );
        let head = client.request(Method::HEAD, &path).await?;
        let routed = headers(head.expect_status(200)?);
        let is_one_snapshot = [&with_query, &routed]
            .iter()
            .all(|headers| headers["etag"] == answered["etag"]);
        if is_one_snapshot {
            assert_eq!(answered, routed);
            assert_eq!(answered, with_query);
        }
        Ok(is_one_snapshot.then_some(()))
    })
    .await?;
    let post = client.post(&path).json(&json!({})).await?;
    post.expect_status(405)?;
    Ok(())
}

/// A thousand clients request the line status again and again, through a cache.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_behind_a_cache_cost_about_one_request_a_second() -> Result<()> {
    const CLIENTS: usize = 1_000;
    /// The test ends when the line status is this much newer than the first.
    const SECONDS: i64 = 4;
    let test_app = TestApp::open(Stores::EMBEDDED, 1, 5, json!({})).await?;
    let mut nginx = Nginx::before(&test_app.app.base_url()).await?;
    let path = format!("/v1/concerts/{}/line", test_app.concert);
    let cached = Client::to(nginx.url())?;
    let as_of = async || -> Result<Timestamp> {
        let seen = cached.get(&path).await?.expect_status(200)?;
        instant(seen.at("/as_of")?)
    };
    let first = as_of().await?;
    let looking = (0..CLIENTS).map(|_| async {
        let mut last = first;
        while last.duration_since(first).as_secs() < SECONDS {
            let seen = as_of().await?;
            assert!(seen >= last, "a cache goes back from {last} to {seen}");
            last = seen;
        }
        anyhow::Ok(last)
    });
    let last = try_join_all(looking).await?.into_iter().max();
    let seconds = last.unwrap_or(first).duration_since(first).as_secs();
    let (answered, asked) = nginx.answered()?;
    assert!(answered > CLIENTS, "{answered}");
    let most = usize::try_from(seconds)? + 2;
    assert!(asked <= most, "{asked} of {answered} in {seconds} s");
    Ok(())
}

async fn every_concert_has_a_line_and_an_unknown_id_has_none(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 5, json!({})).await?;
    let empty = line(&test_app).await?.json;
    assert_eq!(
        (&empty["waiting"], &empty["passed"]),
        (&json!(0), &json!(0))
    );
    for (concert, status) in [
        ("0198c5f0-0000-7000-8000-000000000000", 404),
        ("no-id", 404),
    ] {
        let path = format!("/v1/concerts/{concert}/line");
        test_app
            .app
            .client()
            .get(&path)
            .await?
            .expect_status(status)?;
    }
    Ok(())
}
