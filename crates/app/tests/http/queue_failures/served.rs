//! Redis restarts empty: users who were served long before stay out, all others re-enter.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{AppConfig, eventually};
use serde_json::json;
use tokio::time::interval;

use super::{FaultyQueue, faulty_queue::SOON};
use crate::{clock::Stopwatch, test_app::Visitor};

const CLAIM_S: u64 = 4;
const ACTIVE_S: u64 = 2;
const HOLD_S: u64 = 1;
/// The longest lifetime of an active place: claimed and held at the last moment, and then paid.
const LIFE: Duration = Duration::from_secs(CLAIM_S + ACTIVE_S + HOLD_S + 30);
/// The record is at most this much older than the queue: two slots of 10 s, and a slow machine.
const BEHIND: Duration = Duration::from_secs(40);
/// The pause between two joins.
const PACE: Duration = Duration::from_millis(500);

/// The status of a user's place, once the queue answers.
async fn status(visitor: &Visitor) -> Result<u16> {
    let found = eventually("the queue answers", SOON, async || {
        let reply = visitor.client.get("/v1/queue/token").await?;
        Ok((reply.status != 503).then_some(reply.status))
    });
    found.await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_served_long_before_a_loss_stay_out_and_all_others_come_back() -> Result<()> {
    let policy = json!({
        "throughput": {"admit": 1_000, "interval_s": 1},
        "claim_ttl_s": CLAIM_S,
        "active_ttl_s": ACTIVE_S,
    });
    let short_lives = |config: AppConfig| {
        config
            .env("FRONTROW_QUEUE__SHORTEST_POLL_MS", "500")
            .env("FRONTROW_QUEUE__LONGEST_POLL_MS", "1000")
            .env("FRONTROW_RESERVATION__HOLD_S", HOLD_S.to_string())
    };
    let mut fixture = FaultyQueue::open(policy, short_lives).await?;

    // Each visitor is active at once. The joins go on for longer than the first place can last.
    let since = Stopwatch::start();
    let mut coming = interval(PACE);
    let mut visitors = Vec::new();
    while since.elapsed() < LIFE + BEHIND {
        coming.tick().await;
        let name = format!("visitor-{}", visitors.len());
        let visitor = fixture.test_app.join(&name).await?;
        ensure!(visitor.place["state"] == "active", "{:?}", visitor.place);
        visitors.push((since.elapsed(), visitor));
    }
    let lost_at = since.elapsed();
    fixture.server.execute(&["FLUSHALL"]).await?;

    let mut back = Vec::new();
    for (joined, visitor) in &visitors {
        match status(visitor).await? {
            200 => back.push(*joined),
            410 => ensure!(back.is_empty(), "a user who joined later stays out"),
            other => anyhow::bail!("{other}"),
        }
    }
    let first = *back.first().context("no user comes back")?;
    assert!(
        back.len() < visitors.len(),
        "the first were served long before"
    );
    assert!(
        first + LIFE <= lost_at,
        "a user was active who joined at {first:?}"
    );
    let (_, out) = &visitors[0];
    let gate = out
        .client
        .get(&fixture.test_app.performances_path())
        .await?;
    assert_eq!(gate.status, 410);
    let again = fixture.test_app.join("visitor-0").await?;
    assert_eq!(again.place["state"], "waiting");
    assert_eq!(again.place["position"], back.len() + 1);
    fixture.check_never_crashed()
}
