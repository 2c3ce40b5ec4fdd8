//! A deploy during a sale, with the queues in the memory of the program.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};
use frontrow_test_harness::{AppConfig, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    lifetimes::{SOON, claim, instant},
    on_every_store,
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor},
};

on_every_store!(@embedded EMBEDDED: a_deploy_costs_no_place_and_no_minute,
    a_program_that_is_killed_recovers_also_after_a_deploy);
on_every_store!(@mysql MYSQL: a_deploy_costs_no_place_and_no_minute,
    a_program_that_is_killed_recovers_also_after_a_deploy);

/// The fields of a place that a deploy must not change. Instants may be later by the time out of
/// service.
const SAME: [&str; 8] = [
    "state",
    "position",
    "ordinal",
    "joined_at",
    "arrival_us",
    "queue_token",
    "concert_id",
    "queue",
];

/// A recovery would last longer than any test.
async fn config(stores: Stores) -> Result<AppConfig> {
    let config = stores.config().await?;
    Ok(config.env("FRONTROW_QUEUE__RECOVERY_S", "600"))
}

/// Two users may be active: one has claimed and holds a seat, one has not, and three wait.
async fn sale(stores: Stores) -> Result<(TestApp, Vec<Visitor>)> {
    let policy = json!({"throughput": null, "capacity": {"max_active": 2}});
    let test_app = TestApp::open_with(config(stores).await?, 1, 5, policy).await?;
    let mut visitors = Vec::new();
    for name in ["ann", "bob", "carl", "dora", "eve"] {
        visitors.push(test_app.join(name).await?);
    }
    claim(&test_app, &mut visitors[0]).await?;
    Ok((test_app, visitors))
}

async fn a_deploy_costs_no_place_and_no_minute(stores: Stores) -> Result<()> {
    let (mut test_app, mut visitors) = sale(stores).await?;
    visitors[0]
        .charge(PRICE, "charge")
        .await?
        .expect_status(201)?;
    let held = visitors[0]
        .hold(&test_app, &["R1-1"])
        .await?
        .expect_status(201)?;
    let mut before = Vec::new();
    for visitor in &mut visitors {
        visitor.look_up().await?.expect_status(200)?;
        before.push(visitor.place.clone());
    }

    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    assert!(test_app.app.log()?.contains("the queues are saved"));
    test_app.app.restart().await?;
    assert!(!image_of(&test_app).exists() && !elsewhere(&test_app).exists());

    for (visitor, before) in visitors.iter_mut().zip(&before) {
        visitor.look_up().await?.expect_status(200)?;
        let after = &visitor.place;
        for field in SAME {
            assert_eq!(after[field], before[field], "{field}");
        }
        if before["state"] == "active" {
            let out_of_service = later(before, after, "active_until")?;
            let between = later(before, after, "as_of")?;
            ensure!(0 < out_of_service && out_of_service <= between);
        }
    }
    let again = test_app.ask_to_join("eve").await?.expect_status(200)?;
    assert_eq!(again.at("/queue_token")?, &before[4]["queue_token"]);

    let (ann, others) = visitors.split_at_mut(1);
    let paid = ann[0].pay(held.text_at("/id")?, "payment").await?;
    paid.expect_status(200)?;
    admitted(&mut others[1]).await?;
    let left = others[0].client.delete("/v1/queue/token").await?;
    left.expect_status(204)?;
    admitted(&mut others[2]).await?;
    others[3].look_up().await?.expect_status(200)?;
    assert_eq!(others[3].place["position"], 1);
    Ok(())
}

async fn a_program_that_is_killed_recovers_also_after_a_deploy(stores: Stores) -> Result<()> {
    let (mut test_app, mut visitors) = sale(stores).await?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    let copy = match image_of(&test_app) {
        path if path.exists() => path,
        _ => elsewhere(&test_app),
    };
    let saved = fs::read(&copy)?;
    test_app.app.restart().await?;
    test_app.app.sigkill()?;
    test_app.app.restart().await?;
    recovering(&mut visitors).await?;

    // A queue image is used only once.
    test_app.app.sigkill()?;
    fs::write(copy, saved)?;
    test_app.app.restart().await?;
    recovering(&mut visitors).await?;
    assert!(test_app.app.log()?.contains("no record of a clean stop"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_recovers_in_spite_of_a_queue_image() -> Result<()> {
    let (mut test_app, mut visitors) = sale(Stores::EMBEDDED).await?;
    let backup = test_app.app.data_dir().join("backup");
    let file = backup.as_os_str();
    let made = test_app.app.command(&["backup".as_ref(), file]).await?;
    ensure!(made.status.success(), "{made:?}");
    visitors.push(test_app.join("fay").await?);
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    let restored = test_app.app.command(&["restore".as_ref(), file]).await?;
    ensure!(restored.status.success(), "{restored:?}");
    assert!(image_of(&test_app).exists());
    test_app.app.restart().await?;
    recovering(&mut visitors).await?;
    assert!(!image_of(&test_app).exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_cannot_save_the_queues_logs_what_follows() -> Result<()> {
    let (mut test_app, mut visitors) = sale(Stores::EMBEDDED).await?;
    fs::create_dir(image_of(&test_app))?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    let log = test_app.app.log()?;
    assert!(log.contains("failed to save the queues; after the next start they recover"));
    assert!(log.contains("users are still in line"));
    test_app.app.restart().await?;
    recovering(&mut visitors).await
}

/// The path of the queue image with SQLite.
fn image_of(test_app: &TestApp) -> PathBuf {
    test_app.app.data_dir().join("frontrow.db.queues")
}

/// The path of the queue image with MySQL.
fn elsewhere(test_app: &TestApp) -> PathBuf {
    test_app.app.data_dir().join("frontrow.queues")
}

/// Checks that all users re-enter with their tokens, and that none is admitted.
async fn recovering(visitors: &mut [Visitor]) -> Result<()> {
    for visitor in visitors.iter_mut().rev() {
        let joined_at = visitor.place["joined_at"].clone();
        visitor.look_up().await?.expect_status(200)?;
        assert_eq!(visitor.place["joined_at"], joined_at);
        assert_eq!(visitor.place["queue"]["recovering"], true);
        assert!(!visitor.is_active());
    }
    Ok(())
}

async fn admitted(visitor: &mut Visitor) -> Result<()> {
    eventually("the turn comes", SOON, async || {
        visitor.look_up().await?.expect_status(200)?;
        Ok(visitor.is_active().then_some(()))
    })
    .await
}

/// The difference between the instant `name` and its earlier value, in milliseconds.
fn later(before: &Value, after: &Value, name: &str) -> Result<i128> {
    let at = |place: &Value| -> Result<Timestamp> { instant(&place[name]) };
    Ok(at(after)?.duration_since(at(before)?).as_millis())
}
