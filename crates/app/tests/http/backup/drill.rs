//! A sale with a backup in its middle: some payments, joins and changes come before it, some after
//! it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Result, ensure};
use frontrow_test_harness::{Reply, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::mysql_dump;
use crate::{
    buyer::Buyer,
    stores::Stores,
    test_app::{PRICE, TestApp, Visitor, on_sale},
};

/// The limit for changes that happen without a request.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// The actions before the backup and after it.
pub(super) struct Drill {
    folder: TempDir,
    pub(super) test_app: TestApp,
    /// Paid for one seat before.
    pub(super) ann: Buyer,
    /// The answer to Ann's payment.
    pub(super) ann_paid: Reply,
    /// Paid for the other two seats after it, with points that were charged before and after.
    pub(super) bob: Visitor,
    pub(super) bob_bought: String,
    /// Was admitted before it, and did nothing.
    pub(super) carl: Visitor,
    /// Joined the line before.
    pub(super) dora: Visitor,
    /// Joined the line after.
    pub(super) eve: Visitor,
    /// A concert that was created after it.
    pub(super) late_concert: String,
    /// Joined the queue of that concert.
    pub(super) fay: Visitor,
}

impl Drill {
    /// The points that Bob charged before the backup.
    pub(super) const BOB_HAD: i64 = 3 * PRICE;

    /// Runs the sale up to the moment at which the database is lost. The server has ended then.
    pub(super) async fn until_the_loss(stores: Stores) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let policy = json!({"throughput": null, "capacity": {"max_active": 2}});
        let mut test_app = open(stores, 3, policy).await?;
        let ann = Buyer::at(&test_app, "ann", "R1-1").await?;
        let ann_paid = ann.pay("ann pays").await?.expect_status(200)?;
        let bob = test_app.join("bob").await?;
        bob.charge(Self::BOB_HAD, "bob charges")
            .await?
            .expect_status(201)?;
        let (carl, dora) = (test_app.join("carl").await?, test_app.join("dora").await?);
        ensure!(carl.is_active() && !dora.is_active());

        back_up(&test_app, &folder).await?;

        let mut eve = test_app.join("eve").await?;
        let paused = json!({"state": "paused", "capacity": {"max_active": 3}});
        change_policy(&test_app, paused).await?;
        let bob_bought = buy_the_rest(&test_app, &bob).await?;
        let (late_concert, _) = on_sale(&test_app.app, 1, 1, json!({})).await?;
        let fay = test_app.join_concert("fay", &late_concert).await?;
        ensure!(fay.is_active());
        eventually("the queue knows that it is sold out", SOON, async || {
            eve.look_up().await?.expect_status(200)?;
            Ok((eve.place["queue"]["sold_out"] == true).then_some(()))
        })
        .await?;
        test_app.app.sigterm()?;
        ensure!(test_app.app.wait_exit().await?.success());
        Ok(Self {
            folder,
            test_app,
            ann,
            ann_paid,
            bob,
            bob_bought,
            carl,
            dora,
            eve,
            late_concert,
            fay,
        })
    }

    /// Replaces the database by the backup, and starts the program.
    pub(super) async fn restore_and_start(&mut self) -> Result<()> {
        self.restore().await?;
        self.test_app.app.restart().await
    }

    /// Replaces the database by the backup. It then has the schema of this program.
    pub(super) async fn restore(&self) -> Result<()> {
        restore_from(&self.test_app, &self.folder).await?;
        let status = self.test_app.app.command(&["migrate", "--status"]).await?;
        let text = String::from_utf8_lossy(&status.stdout);
        let is_complete = text.contains("applied  ") && !text.contains("to be applied");
        ensure!(status.status.success() && is_complete, "{status:?}");
        Ok(())
    }
}

/// Opens one row of `seats` seats, with a recovery that lasts long enough for a test to see it.
pub(super) async fn open(stores: Stores, seats: u16, policy: Value) -> Result<TestApp> {
    let config = stores.config().await?;
    let config = config.env("FRONTROW_QUEUE__RECOVERY_S", "10");
    TestApp::open_with(config, 1, seats, policy).await
}

/// Looks up the place of `visitor`'s token.
pub(super) async fn place(visitor: &Visitor) -> Result<Reply> {
    visitor.client.get("/v1/queue/token").await
}

/// Waits until the queue admits users again. Returns the place of `visitor` then.
pub(super) async fn recovered(visitor: &Visitor) -> Result<Value> {
    eventually("the recovery ends", SOON, async || {
        let place = place(visitor).await?.expect_status(200)?.json;
        Ok((place["queue"]["recovering"] == false).then_some(place))
    })
    .await
}

/// Waits until `visitor` is active.
pub(super) async fn admitted(visitor: &Visitor) -> Result<()> {
    eventually("the user is admitted", SOON, async || {
        let place = place(visitor).await?.expect_status(200)?.json;
        Ok((place["state"] == "active").then_some(()))
    })
    .await
}

/// Waits until the place of `visitor` is gone, because its concert does not exist.
pub(super) async fn gone(visitor: &Visitor) -> Result<()> {
    eventually("a server asks the database", SOON, async || {
        let reply = place(visitor).await?;
        ensure!(matches!(reply.status, 503 | 410), "{reply:?}");
        Ok((reply.status == 410).then_some(()))
    })
    .await
}

/// Backs the database up into `folder`, as the manual describes.
pub(super) async fn back_up(test_app: &TestApp, folder: &TempDir) -> Result<()> {
    match mysql_url(test_app) {
        Some(url) => mysql_dump::dump(&url, &backup_file(folder)).await,
        None => command(test_app, "backup", folder).await,
    }
}

/// Replaces the database by the backup in `folder`. Its server has ended.
pub(super) async fn restore_from(test_app: &TestApp, folder: &TempDir) -> Result<()> {
    match mysql_url(test_app) {
        Some(url) => mysql_dump::load(&url, &backup_file(folder)).await,
        None => command(test_app, "restore", folder).await,
    }
}

fn backup_file(folder: &TempDir) -> PathBuf {
    folder.path().join("backup")
}

fn mysql_url(test_app: &TestApp) -> Option<String> {
    let url = test_app.app.config().value("FRONTROW_DATABASE__URL")?;
    Some(url.to_string_lossy().into_owned())
}

async fn command(test_app: &TestApp, name: &str, folder: &TempDir) -> Result<()> {
    let arguments = [PathBuf::from(name), backup_file(folder)];
    let done = test_app.app.command(&arguments).await?;
    let text = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{text}");
    Ok(())
}

/// Changes the policy of the concert's queue.
pub(super) async fn change_policy(test_app: &TestApp, change: Value) -> Result<Reply> {
    let path = format!("/v1/admin/concerts/{}/queue", test_app.concert);
    let changed = test_app.admin().patch(&path).json(&change).await?;
    changed.expect_status(200)
}

/// Pays for two seats, after another charge of points. Returns the reservation.
async fn buy_the_rest(test_app: &TestApp, bob: &Visitor) -> Result<String> {
    let held = bob
        .hold(test_app, &["R1-2", "R1-3"])
        .await?
        .expect_status(201)?;
    let reservation = held.text_at("/id")?.to_owned();
    bob.charge(PRICE, "bob charges more")
        .await?
        .expect_status(201)?;
    bob.pay(&reservation, "bob pays")
        .await?
        .expect_status(200)?;
    let balance = bob.balance().await?;
    ensure!(balance == Drill::BOB_HAD + PRICE - 2 * PRICE);
    Ok(reservation)
}
