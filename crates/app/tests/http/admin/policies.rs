//! Changing the policy of a queue while it admits users.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{Client, Reply, eventually};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{box_office, two_operators};
use crate::{
    clock, on_every_store,
    stores::Stores,
    test_app::{TestApp, Visitor},
};

on_every_store!(
    a_change_is_in_force_at_once_while_the_queue_is_busy,
    versions_grow_and_no_change_is_lost,
    a_queue_opens_by_itself,
);

/// The number of waiting users. All of them poll without a pause.
const WAITING: usize = 40;
const LIMIT: Duration = Duration::from_secs(30);
/// The pause between two polls of a user who waits to be admitted.
const PACE: Duration = Duration::from_millis(20);

async fn change(test_app: &TestApp, change: Value) -> Result<Reply> {
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let changed = test_app.admin().patch(&path).json(&change).await?;
    let changed = changed.expect_status(200)?;
    ensure!(*changed.at("/in_force")? == true, "{changed:?}");
    Ok(changed)
}

/// Waits until the visitor's look-up shows an active place. It may show that half a second late.
async fn wait_until_admitted(visitor: &mut Visitor) -> Result<()> {
    let admitted = async {
        while !visitor.is_active() {
            visitor.look_up().await?.expect_status(200)?;
            sleep(PACE).await;
        }
        anyhow::Ok(())
    };
    timeout(LIMIT, admitted)
        .await
        .context("no user is admitted")?
}

/// Users who look up their places without a pause. After a stop, they continue until they are
/// admitted.
struct PollingUsers {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<Result<()>>,
}

impl PollingUsers {
    async fn join_all(test_app: &TestApp) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..WAITING {
            let mut visitor = test_app.join(&format!("user-{number}")).await?;
            let stop = Arc::clone(&stop);
            tasks.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    visitor.look_up().await?.expect_status(200)?;
                }
                wait_until_admitted(&mut visitor).await
            });
        }
        Ok(Self { stop, tasks })
    }

    /// Stops these users, and waits until each is admitted.
    async fn end_once_admitted(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(visitor) = self.tasks.join_next().await {
            visitor??;
        }
        Ok(())
    }
}

async fn a_change_is_in_force_at_once_while_the_queue_is_busy(stores: Stores) -> Result<()> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 1}});
    let test_app = TestApp::open(stores, 1, 10, policy).await?;
    let first = test_app.join("first").await?;
    ensure!(first.is_active());
    let polling = PollingUsers::join_all(&test_app).await?;

    change(&test_app, json!({"state": "closed"})).await?;
    let refused = test_app.ask_to_join("refused").await?.expect_status(409)?;
    assert_eq!(refused.text_at("/type")?, "/problems/queue-closed");
    let kept = test_app.join_again("first").await?;
    ensure!(kept.is_active(), "a user with a place keeps it");

    change(&test_app, json!({"state": "open", "max_waiting": WAITING})).await?;
    let refused = test_app.ask_to_join("refused").await?.expect_status(409)?;
    assert_eq!(refused.text_at("/type")?, "/problems/queue-full");

    change(
        &test_app,
        json!({"state": "paused", "capacity": {"max_active": 30}, "max_waiting": null}),
    )
    .await?;
    let paused = test_app.join("paused").await?;
    ensure!(!paused.is_active() && paused.place["queue"]["state"] == "paused");
    assert_eq!(
        paused.place["position"],
        WAITING + 1,
        "no user was admitted"
    );

    change(&test_app, json!({"state": "open"})).await?;
    let mut visitor = paused;
    eventually(
        "all for whom there is room are admitted",
        LIMIT,
        async || {
            visitor.look_up().await?.expect_status(200)?;
            // 30 users may be active, the first one included. So twelve of the 41 others still
            // wait.
            Ok((visitor.place["position"] == WAITING + 2 - 30).then_some(()))
        },
    )
    .await?;

    change(&test_app, json!({"state": "bypass"})).await?;
    wait_until_admitted(&mut visitor).await?;
    ensure!(test_app.join("straight-in").await?.is_active());
    polling.end_once_admitted().await
}

/// Changes one field ten times. Returns the versions.
async fn change_often(client: Client, path: String, field: &'static str) -> Result<Vec<i64>> {
    let mut versions = Vec::new();
    for to in 101..=110 {
        let changed = client.patch(&path).json(&json!({ field: to })).await?;
        let changed = changed.expect_status(200)?;
        versions.push(changed.at("/version")?.as_i64().context("a number")?);
    }
    Ok(versions)
}

async fn versions_grow_and_no_change_is_lost(stores: Stores) -> Result<()> {
    let test_app = TestApp::open_with(two_operators(stores).await?, 1, 1, json!({})).await?;
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let before = test_app.admin().get(&path).await?.expect_status(200)?;
    let before = before.at("/version")?.as_i64().context("a number")?;
    let mut operators = JoinSet::new();
    operators.spawn(change_often(test_app.admin(), path.clone(), "max_waiting"));
    operators.spawn(change_often(
        box_office(&test_app.app),
        path.clone(),
        "waiting_ttl_s",
    ));
    operators.spawn(change_often(test_app.admin(), path.clone(), "active_ttl_s"));
    let mut all = vec![before];
    while let Some(versions) = operators.join_next().await {
        let versions = versions??;
        assert!(
            versions.is_sorted_by(|one, next| one < next),
            "{versions:?}"
        );
        all.extend(versions);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 31, "every change has a version of its own");
    assert_eq!(all[0], before);
    let after = test_app.admin().get(&path).await?.expect_status(200)?;
    assert_eq!(after.at("/version")?.as_i64(), all.last().copied());
    for field in ["/max_waiting", "/waiting_ttl_s", "/active_ttl_s"] {
        assert_eq!(after.at(field)?, 110, "{field}");
    }
    let noted = stores.audit_entries(&test_app.app).await?;
    let noted = noted.iter().filter(|entry| entry.action == "queue.policy");
    // A change that reaches the queue's store after a newer one is repeated on top of that.
    assert!(noted.count() >= 30);
    Ok(())
}

async fn a_queue_opens_by_itself(stores: Stores) -> Result<()> {
    let opens_at = clock::now() + Duration::from_secs(2);
    let policy = json!({"opens_at": opens_at.to_string()});
    let test_app = TestApp::open(stores, 1, 1, policy).await?;
    let mut early = test_app.join("early").await?;
    ensure!(!early.is_active());
    wait_until_admitted(&mut early).await?;
    let admitted: jiff::Timestamp = early.place["admitted_at"]
        .as_str()
        .context("a time")?
        .parse()?;
    ensure!(admitted >= opens_at, "{admitted} is before {opens_at}");
    Ok(())
}
