//! The keys of the data folder, which a backup carries where it is told to.

use std::fs;

use anyhow::{Result, ensure};

use super::folder::{Folder, mode, number, succeeds};
use crate::stage::start;

const KEYS: [&str; 3] = ["admin", "identity", "queue-token"];

/// A server that has made all of its keys, and two backups: `plain` and `secret`.
async fn backed_up() -> Result<(Folder, String)> {
    let folder = Folder::new()?;
    let app = start(folder.config()).await?;
    let admin = fs::read_to_string(folder.path("data/keys/admin"))?;
    let concert = app
        .client()
        .bearer(admin.trim())
        .post("/v1/admin/concerts")
        .json(&serde_json::json!({"title": "A concert", "queue": {}}))
        .await?
        .expect_status(201)?;
    let concert = serde_json::json!({"concert_id": concert.at("/id")?});
    let joined = app
        .client()
        .user("ann")
        .post("/v1/queue/tokens")
        .json(&concert);
    let token = joined.await?.expect_status(201)?;
    let token = token.text_at("/queue_token")?.to_owned();
    succeeds(&folder.config(), &["backup", &folder.text("plain")]).await?;
    let with_keys = ["backup", &*folder.text("secret"), "--with-keys"];
    succeeds(&folder.config(), &with_keys).await?;
    Ok((folder, token))
}

/// The status of a look-up with this token at a server on `folder`.
async fn look_up(folder: &Folder, token: &str) -> Result<u16> {
    let app = start(folder.config()).await?;
    let look = app.client().get("/v1/queue/token").queue_token(token);
    Ok(look.await?.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_key_every_queue_token_is_answered_401() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("plain")]).await?;
    ensure!(said.contains("401"), "{said}");
    assert_eq!(look_up(&elsewhere, &token).await?, 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_keys_a_backup_brings_the_tokens_and_the_operator_back() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    ensure!(!said.contains("401"), "{said}");
    for name in KEYS {
        let path = elsewhere.path("data/keys").join(name);
        let made = fs::read(folder.path("data/keys").join(name))?;
        assert_eq!(fs::read(&path)?, made);
        assert_eq!(mode(&path)?, 0o600);
    }
    assert_eq!(look_up(&elsewhere, &token).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_in_the_backup_alone_and_in_no_restored_database() -> Result<()> {
    let (folder, _) = backed_up().await?;
    let has = |file: &str, secret: &str| {
        let bytes = fs::read(folder.path(file))?;
        let found = bytes
            .windows(secret.len())
            .any(|bytes| bytes == secret.as_bytes());
        anyhow::Ok(found)
    };
    let secrets = KEYS.map(|name| fs::read_to_string(folder.path("data/keys").join(name)));
    succeeds(&folder.config(), &["restore", &folder.text("secret")]).await?;
    for secret in secrets {
        let secret = secret?;
        ensure!(!has("plain", secret.trim())?);
        ensure!(has("secret", secret.trim())?);
        ensure!(!has("data/frontrow.db", secret.trim())?);
    }
    let tables = "SELECT count(*) AS number FROM sqlite_schema WHERE name = 'backup_keys'";
    assert_eq!(number(&folder.path("secret"), tables)?, 1);
    assert_eq!(number(&folder.database(), tables)?, 0);
    assert_eq!(mode(&folder.path("secret"))?, 0o600);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_are_moved_aside() -> Result<()> {
    let (folder, token) = backed_up().await?;
    let elsewhere = Folder::new()?;
    drop(start(elsewhere.config()).await?);
    let before = KEYS.map(|name| fs::read(elsewhere.path("data/keys").join(name)));
    let said = succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    for (name, before) in KEYS.into_iter().zip(before) {
        let moved = elsewhere.named(&format!("keys/{name}.before-"))?;
        ensure!(moved.len() == 1, "{moved:?}");
        assert_eq!(fs::read(&moved[0])?, before?);
        ensure!(said.contains(&*moved[0].to_string_lossy()), "{said}");
    }
    assert_eq!(look_up(&elsewhere, &token).await?, 200);
    // A second time they are the very keys, and stay.
    succeeds(&elsewhere.config(), &["restore", &folder.text("secret")]).await?;
    assert_eq!(elsewhere.named("keys/admin")?.len(), 2);
    Ok(())
}
