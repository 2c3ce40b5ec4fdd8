//! Four operators change one policy at the same time, through two instances.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, Reply};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    stores::Stores,
    test_app::{TestApp, admin, start},
};

/// The field that each operator changes, and its value before the first change.
const FIELDS: [(&str, u64); 4] = [
    ("max_waiting", 100),
    ("waiting_ttl_s", 300),
    ("claim_ttl_s", 120),
    ("active_ttl_s", 600),
];
/// The number of changes that each operator makes.
const CHANGES: u64 = 25;
/// The most answers that each operator waits for.
const TRIES_MAX: u64 = 4 * CHANGES;

/// Makes an operator's changes one after the other. Repeats a change that is answered with a
/// conflict. Returns the other answers.
async fn change_often(client: Client, path: String, field: &str, from: u64) -> Result<Vec<Reply>> {
    let mut changed = Vec::new();
    let mut to = from + 1;
    for _ in 0..TRIES_MAX {
        let change = json!({ field: to });
        let reply = client.patch(&path).json(&change).await?;
        if reply.status == 409 {
            assert_eq!(reply.text_at("/type")?, "/problems/policy-conflict");
            continue;
        }
        let reply = reply.expect_status(200)?;
        assert_eq!(*reply.at(&format!("/{field}"))?, to, "{reply:?}");
        changed.push(reply);
        to += 1;
        if to > from + CHANGES {
            return Ok(changed);
        }
    }
    anyhow::bail!("the other operators were always faster")
}

fn version(reply: &Reply) -> Result<i64> {
    reply.at("/version")?.as_i64().context("a version")
}

async fn concurrent_operators_lose_no_change(stores: Stores) -> Result<()> {
    let test_app = TestApp::open(stores, 1, 1, json!({})).await?;
    let other = start(test_app.app.config().clone()).await?;
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let mut operators = JoinSet::new();
    for (number, (field, from)) in FIELDS.into_iter().enumerate() {
        let app = if number % 2 == 0 {
            &test_app.app
        } else {
            &other
        };
        operators.spawn(change_often(admin(app), path.clone(), field, from));
    }
    let mut replies = Vec::new();
    while let Some(changed) = operators.join_next().await {
        replies.extend(changed??);
    }
    for app in [&test_app.app, &other] {
        replies.push(admin(app).get(&path).await?.expect_status(200)?);
        let log = app.log()?;
        ensure!(!log.contains("because of a store error"), "{log}");
    }
    let mut by_version = Vec::new();
    for reply in replies {
        by_version.push((version(&reply)?, reply));
    }
    by_version.sort_by_key(|(version, _)| *version);
    // Each value only grows. So an older value in a newer version shows that a change was undone.
    let mut newest = FIELDS.map(|_| 0);
    for (_, reply) in &by_version {
        for ((field, from), newest) in FIELDS.into_iter().zip(&mut newest) {
            let value = reply.at(&format!("/{field}"))?.as_u64().unwrap_or(from);
            ensure!(value >= *newest, "{field} was {newest}: {reply:?}");
            *newest = value;
        }
    }
    assert_eq!(newest, FIELDS.map(|(_, from)| from + CHANGES));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_operators_lose_no_change_with_queues_on_redis() -> Result<()> {
    concurrent_operators_lose_no_change(Stores::MYSQL_AND_REDIS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_operators_lose_no_change_with_queues_on_mysql() -> Result<()> {
    concurrent_operators_lose_no_change(Stores::MYSQL_QUEUE).await
}
