//! A backup that an operator copies into place without `frontrow restore`.

use std::fs;

use anyhow::{Result, ensure};

use super::folder::{Folder, has_text, succeeds};
use crate::test_app::{PRICE, start};

/// The files that a killed server leaves beside its database.
const LEFTOVERS: [&str; 2] = ["data/frontrow.db-wal", "data/frontrow.db-shm"];

/// A data folder whose server was killed after another charge.
async fn killed() -> Result<Folder> {
    let folder = Folder::new()?;
    let mut app = start(folder.config()).await?;
    let ann = app.client().user("ann");
    let charge = ann.post("/v1/points/charges").idempotency_key("elsewhere");
    let charge = charge.json(&serde_json::json!({"amount": 7})).await?;
    charge.expect_status(201)?;
    app.sigkill()?;
    ensure!(folder.path(LEFTOVERS[0]).metadata()?.len() > 0);
    Ok(folder)
}

/// Follows the steps of the manual.
fn copy_into_place(from: &Folder, copy: &str, to: &Folder) -> Result<()> {
    for leftover in LEFTOVERS {
        fs::remove_file(to.path(leftover))?;
    }
    fs::copy(from.path(copy), to.database())?;
    Ok(())
}

/// A data folder with a concert and 100 points, and two backups of it: `plain` and `secret`.
async fn backed_up() -> Result<Folder> {
    let folder = Folder::new()?;
    let test_app = folder.test_app().await?;
    let ann = test_app.join("ann").await?;
    ann.charge(PRICE, "charge").await?.expect_status(201)?;
    succeeds(&folder.config(), &["backup", &folder.text("plain")]).await?;
    let with_keys = ["backup", &*folder.text("secret"), "--with-keys"];
    succeeds(&folder.config(), &with_keys).await?;
    Ok(folder)
}

/// The secrets of the data folder's keys `names`.
fn secrets(folder: &Folder, names: &[&str]) -> Result<Vec<String>> {
    let secret = |name: &&str| {
        let text = fs::read_to_string(folder.path("data/keys").join(name))?;
        anyhow::Ok(text.trim().to_owned())
    };
    names.iter().map(secret).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_the_place_of_a_killed_servers_database_is_served() -> Result<()> {
    let folder = backed_up().await?;
    for copy in ["plain", "secret"] {
        let elsewhere = killed().await?;
        copy_into_place(&folder, copy, &elsewhere)?;
        let app = start(elsewhere.config()).await?;
        let points = app.client().user("ann").get("/v1/points").await?;
        assert_eq!(points.expect_status(200)?.at("/balance")?, PRICE, "{copy}");
    }
    Ok(())
}

/// The keys stay in the database. A restore would have removed them from it.
#[tokio::test(flavor = "multi_thread")]
async fn keys_that_were_copied_into_place_are_in_no_later_backup() -> Result<()> {
    let (folder, elsewhere) = (backed_up().await?, killed().await?);
    copy_into_place(&folder, "secret", &elsewhere)?;
    let _running = start(elsewhere.config()).await?;
    succeeds(&elsewhere.config(), &["backup", &elsewhere.text("plain")]).await?;
    let with_keys = ["backup", &*elsewhere.text("secret"), "--with-keys"];
    succeeds(&elsewhere.config(), &with_keys).await?;
    for secret in secrets(&folder, &["identity", "queue-token"])? {
        ensure!(has_text(&elsewhere.database(), &secret)?);
        ensure!(!has_text(&elsewhere.path("plain"), &secret)?);
        ensure!(!has_text(&elsewhere.path("secret"), &secret)?);
    }
    for secret in secrets(&elsewhere, &["admin", "identity", "queue-token"])? {
        ensure!(!has_text(&elsewhere.path("plain"), &secret)?);
        ensure!(has_text(&elsewhere.path("secret"), &secret)?);
    }
    Ok(())
}
